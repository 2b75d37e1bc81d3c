package dialplan

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// readCSV reads rows of rules. The heading has at least Pattern and Translation; it
// may have Name, Description, Priority, Plan, InternalEnterpriseExtension (or
// IsInternalExtension) and ApplicableForDeviceDialing. The separator is comma,
// semicolon or tab.
func readCSV(text []byte) ([]Plan, error) {
	if bytes.HasPrefix(text, []byte("#TYPE")) { // of Windows PowerShell's Export-Csv
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	heading, _, _ := bytes.Cut(text, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = separator(string(heading))
	head, err := r.Read()
	if err != nil {
		err = fmt.Errorf("the heading: %v: %w", err, ErrMalformed)
	} else {
		err = checkHeading(head)
	}
	if err != nil {
		return nil, cmp.Or(checkForm(text), err)
	}
	var entries []entry
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("line %d has %d fields, the heading %d: put \" around a pattern that holds %q: %w", line,
				len(row), len(head), r.Comma, ErrMalformed)
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", err, ErrMalformed)
		}
		if len(entries) == MaxRules {
			return nil, fmt.Errorf("it holds more than %d rules: %w", MaxRules, ErrTooLarge)
		}
		var e entry
		for i, field := range head {
			if _, err := e.set(field, row[i]); err != nil {
				line, _ := r.FieldPos(i)
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("it has a heading and no rule: %w", ErrNoPlan)
	}
	return groupByPlan(entries), nil
}

func separator(heading string) rune {
	for _, sep := range []string{"\t", ";"} {
		if strings.Contains(heading, sep) && !strings.Contains(heading, ",") {
			return rune(sep[0])
		}
	}
	return ','
}

// Forms of PowerShell that are neither XML nor JSON.
var (
	formatList  = regexp.MustCompile(`(?m)^(?:Identity|SimpleName|NormalizationRules|Pattern|Translation) *: `)
	formatTable = regexp.MustCompile(`(?m)^-{3,}(?: +-{3,})+ *\r?$`)
)

// checkForm refuses what PowerShell shows or exports of a dial plan in other
// forms than JSON: lists and tables break rules or cut them off, and Export-Csv
// writes the type of the list of rules in place of the rules.
func checkForm(text []byte) error {
	switch heading, _, _ := bytes.Cut(text, []byte("\n")); {
	case bytes.Contains(heading, []byte("NormalizationRules")) && bytes.ContainsAny(heading, ",;\t"):
		return formError("the output of Export-Csv, which lacks the rules")
	case formatList.Match(text):
		return formError("a list as PowerShell shows it (Format-List)")
	case formatTable.Match(text):
		return formError("a table as PowerShell shows it (Format-Table)")
	}
	return nil
}

// checkHeading requires the two columns without which there is no rule.
func checkHeading(head []string) error {
	for _, column := range []string{"Pattern", "Translation"} {
		if !slices.ContainsFunc(head, func(f string) bool { return strings.EqualFold(strings.TrimSpace(f), column) }) {
			return fmt.Errorf("%w: it is neither XML nor JSON, and as CSV its first line names no column %s: write "+
				"Name,Pattern,Translation there, or %s", ErrNoPlan, column, howToPrint)
		}
	}
	return nil
}

// Case is one expectation of a test file.
type Case struct {
	Line     int    `json:"line"`
	Input    string `json:"input"`
	Expected string `json:"expected"` // a number or an address; empty: no rule translates it
}

// ReadCases reads CSV with the columns input and expected, with or without
// that heading. The separator is comma, semicolon or tab.
func ReadCases(document []byte) ([]Case, error) {
	text, err := decode(document)
	if err != nil {
		return nil, err
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.Comment = separator(string(first)), 2, '#'
	var cases []Case
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%v: write input,expected on each line: %w", err, ErrMalformed)
		}
		line, _ := r.FieldPos(0)
		if len(cases) == 0 && strings.EqualFold(strings.TrimSpace(row[0]), "input") {
			continue
		}
		if len(cases) == MaxRules {
			return nil, fmt.Errorf("it holds more than %d cases: %w", MaxRules, ErrTooLarge)
		}
		cases = append(cases, Case{line, row[0], strings.TrimSpace(row[1])})
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("it holds no case; write input,expected and a line for each: %w", ErrMalformed)
	}
	return cases, nil
}

// Matches reports whether r is what the case expects: the number, number and
// phone-context, or the whole Request-URI in domain. An empty Expected means that
// no rule translates the input.
func (x Case) Matches(r Result, domain string) bool {
	if x.Expected == "" {
		return r.Kind == PhoneContext || r.Kind == Nothing
	}
	return x.Expected == r.String() || x.Expected == r.URI(domain)
}
