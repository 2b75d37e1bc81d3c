package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// The JUnit XML that CI systems read: suites of cases, each with at most one
// failure. There is no standard; these are the elements that all of them know.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func (s junitSuites) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add adds a case; its texts are made printable.
func (s *junitSuite) add(c junitCase) {
	c.Class, c.Name, c.Out = s.Name, printable(c.Name), journal.PrintableLines(c.Out)
	if f := c.Failure; f != nil {
		f.Message, f.Text = printable(f.Message), journal.PrintableLines(f.Text)
	}
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	s.Cases = append(s.Cases, c)
}

func suiteName(file, plan string) string {
	if plan == "" {
		return printable("dialplan " + file)
	}
	return printable(fmt.Sprintf("dialplan %s %s", file, plan))
}

// junitOfLint has a case for each plan as such and for each of its rules.
func junitOfLint(file string, reports []lintReport) (s junitSuites) {
	for _, r := range reports {
		suite := junitSuite{Name: suiteName(file, r.Plan)}
		for n := 0; n <= r.Rules; n++ {
			c := junitCase{Name: "the plan as a whole"}
			if n > 0 {
				c.Name = strings.TrimSpace(fmt.Sprintf("rule %d %s", n, r.plan.Rules[n-1].Name))
			}
			var bad, notes []string
			for _, x := range r.Findings {
				text := fmt.Sprintf("%s: %s. Fix: %s. (%s)", x.ID, x.Sentence, x.Fix, x.Method)
				switch {
				case x.Rule != n:
				case x.Severity == dialplan.Note:
					notes = append(notes, text)
				default:
					if bad = append(bad, text); c.Failure == nil {
						c.Failure = &junitFailure{Type: string(x.ID), Message: x.Sentence}
					}
				}
			}
			if c.Failure != nil {
				c.Failure.Text = strings.Join(bad, "\n")
			}
			c.Out = strings.Join(notes, "\n")
			suite.add(c)
		}
		s.Suites = append(s.Suites, suite)
	}
	return s
}

// junitOfTest has a case for each input.
func junitOfTest(file string, plan dialplan.Plan, rows []testRow) junitSuites {
	suite := junitSuite{Name: suiteName(file, plan.Name)}
	for _, row := range rows {
		c := junitCase{Name: row.Input, Out: row.Sentence}
		if row.Line > 0 {
			c.Name = fmt.Sprintf("line %d: %s", row.Line, row.Input)
		}
		if !row.OK {
			c.Failure = &junitFailure{Type: "translation", Text: row.Sentence,
				Message: fmt.Sprintf("%s became %s, expected %s", row.Input, row.Got, orNone(row.Expected))}
			if row.Line == 0 {
				c.Failure.Message = fmt.Sprintf("%s became no number", row.Input)
			}
		}
		suite.add(c)
	}
	return junitSuites{Suites: []junitSuite{suite}}
}
