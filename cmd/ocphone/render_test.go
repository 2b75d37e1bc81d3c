package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func printed(p printer, s journal.Step) string {
	var b bytes.Buffer
	p.w = &b
	p.step(s)
	return b.String()
}

var longStep = journal.Step{Name: journal.Trust, State: journal.Failed, Code: journal.CertUntrusted,
	Asked: "the certificate of pool.contoso.com", Answered: strings.Repeat("many words ", 30), By: "pool.contoso.com:5061",
	Decided: strings.Repeat("It was decided like this. ", 10), Fix: strings.Repeat("Do that. ", 20),
	Details: []string{"evidence ✓ " + strings.Repeat("of a kind ", 20)}}

func TestStepFitsTheTerminal(t *testing.T) {
	for width := minWidth; width <= maxWidth; width += 10 {
		out := printed(printer{width: width}, longStep)
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("width %d: %d in %q", width, n, line)
			}
		}
		out = strings.Join(strings.Fields(out), " ")
		for _, part := range []string{"✗ trust", "[cert.untrusted]", "(by pool.contoso.com:5061)", "fix: Do that.", "evidence ✓"} {
			if !strings.Contains(out, part) {
				t.Errorf("width %d: no %q in\n%s", width, part, out)
			}
		}
	}
}

func TestColourChangesColourOnly(t *testing.T) {
	plain, colored := printed(printer{width: 80}, longStep), printed(printer{width: 80, color: true}, longStep)
	if plain == colored || strings.Contains(plain, "\x1b") || escapes.ReplaceAllString(colored, "") != plain {
		t.Errorf("plain:\n%s\ncoloured:\n%s", plain, colored)
	}
}

// TestAnswerIsNotSaidTwice: an error that is what was decided stands there once.
func TestAnswerIsNotSaidTwice(t *testing.T) {
	out := printed(printer{width: 80}, journal.Step{Name: journal.Autodiscover, State: journal.Warned, Asked: "POST", By: "host",
		Answered: "No such name: and the way to it", Decided: "No such name."})
	if strings.Count(out, "No such name") != 1 || !strings.Contains(out, "POST (by host)") {
		t.Error(out)
	}
}

func TestAdviceIsNamedByWhatItIs(t *testing.T) {
	for state, want := range map[journal.State]string{journal.Failed: "fix: Do it.", journal.Warned: "fix: Do it.", journal.OK: "hint: Do it.", journal.Skipped: ""} {
		out := printed(printer{width: 80}, journal.Step{Name: journal.Trust, State: state, Decided: "So.", Fix: "Do it."})
		if got := strings.Contains(out, "Do it."); got != (want != "") || !strings.Contains(out, want) {
			t.Errorf("%s: %s", state, out)
		}
	}
}

func TestMuchEvidenceIsCut(t *testing.T) {
	s := journal.Step{Name: journal.Roots, State: journal.OK, Decided: "2000 roots to install."}
	for i := range 2000 {
		s.Details = append(s.Details, fmt.Sprintf("root %d", i))
	}
	out := printed(printer{width: 80}, s)
	if n := strings.Count(out, "\n"); n > 200 || !strings.Contains(out, "--json shows them") {
		t.Errorf("%d lines", n)
	}
	if n := strings.Count(printed(printer{json: true}, s), "root "); n != 2000 {
		t.Errorf("JSON holds %d of 2000", n)
	}
}

func TestStepShowsItsRuleUnlessBrief(t *testing.T) {
	for _, brief := range []bool{false, true} {
		var out bytes.Buffer
		p := newPrinter(&out, false)
		p.brief = brief
		p.step(journal.Step{Name: journal.Trust, State: journal.OK, Decided: "Good.", Because: "R1.2"})
		if got := strings.Contains(out.String(), "because: R1.2\n"); got == brief {
			t.Errorf("brief %v:\n%s", brief, out.String())
		}
	}
}

func TestNamesOfStepsStandInAColumn(t *testing.T) {
	for _, name := range []journal.Name{journal.Power, journal.Autodiscover, journal.Provisioning} {
		out := printed(printer{width: 100}, journal.Step{Name: name, State: journal.OK, Decided: "Here.", Asked: "There."})
		for line := range strings.Lines(out) {
			if at := strings.IndexAny(line, "HT"); utf8.RuneCountInString(line[:at]) != gutter {
				t.Errorf("%s: text begins at %d, want %d", name, at, gutter)
			}
		}
	}
}

func TestWhatFollowsTheRegistrationIsALineInBrief(t *testing.T) {
	s := journal.Step{Name: journal.Provisioning, State: journal.OK, Decided: "So.", Asked: "That?"}
	if out := printed(printer{width: 100, brief: true}, s); strings.Contains(out, "That?") {
		t.Errorf("in brief:\n%s", out)
	}
	if s.State = journal.Warned; !strings.Contains(printed(printer{width: 100, brief: true}, s), "That?") {
		t.Error("a warning does not say what was asked")
	}
}

// TestForeignTextIsPrintableEverywhere prints a name with ESC, C1, bidirectional
// marks and a newline by each way to a terminal or a file.
func TestForeignTextIsPrintableEverywhere(t *testing.T) {
	const name = "a\x1b[2J\u009b31m\u202eb\u2066c\u200f\nz"
	var out bytes.Buffer
	e, p := environment{out: &out, err: &out, form: &form{}}, newPrinter(&out, false)
	plan := dialplan.Plan{Name: name, Rules: []dialplan.Rule{{Name: name, Pattern: "^" + name + "(", Translation: name}}}
	lint := lintReport{Plan: name, Rules: 1, plan: plan, Findings: dialplan.Lint(plan, dialplan.Options{})}
	row := testRow{Case: dialplan.Case{Input: name, Expected: name}, Got: name, Sentence: name}
	root := check.ChainRoot{Subject: name, For: []string{name}}
	for way, print := range map[string]func(){
		"printf": func() { e.printf("%s\n", name) },
		"warnf":  func() { e.warnf("%s\n", name) },
		"error":  func() { e.report(errors.New(name)) },
		"table":  func() { writeTable(&out, [][]string{{name, name}, {name, ""}}) },
		"line":   func() { p.line(bold, "%s", name) },
		"wrap":   func() { p.wrap("> ", name, dim) },
		"step": func() {
			p.step(journal.Step{Name: journal.Trust, Decided: name, Details: []string{name}, Asked: name, By: name, Fix: name})
		},
		"lint":        func() { p.lint(lint) },
		"explanation": func() { p.explanation(dialplan.Compile(plan, dialplan.Options{}).Explain(name), name) },
		"profile": func() {
			e.printProfile(lab.Profile{Name: name, Prefix: name, Rules: []lab.Rule{{Pattern: name, Translation: name}}})
		},
		"roots of lab": func() { e.printRoots([]lab.Root{{Name: name, Subject: name}}) },
		"trust": func() {
			printReport(p, check.Report{Phone: name, Leads: []check.ChainRoot{root}, Summary: name, Notes: []string{name}})
		},
		"remedy":        func() { printRemedies(p, []check.Remedy{{Command: name, Root: name, For: []string{name}}}) },
		"JUnit of lint": func() { junitOfLint(name, []lintReport{lint}).write(&out) },
		"JUnit of test": func() { junitOfTest(name, plan, []testRow{row}).write(&out) },
		"JSON":          func() { writeDocument(&out, map[string]string{name: name}) },
		"JSON of step":  func() { newPrinter(&out, true).step(journal.Step{Decided: name}) },
	} {
		out.Reset()
		print()
		if out.Len() == 0 {
			t.Errorf("%s: nothing is printed", way)
		}
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %q", way, out.String()[i:])
		}
		if strings.Contains(out.String(), "\nz") && way != "error" {
			t.Errorf("%s: the name breaks a line: %q", way, out.String())
		}
	}
}

func TestJSONKeepsWhatItEscapes(t *testing.T) {
	const name = "a\u009b\u202e\U000e0001\u00a0é日"
	var out bytes.Buffer
	if err := writeDocument(&out, map[string]string{name: name}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got[name] != name || !strings.Contains(out.String(), "é日") {
		t.Errorf("%s: %q, %v", &out, got, err)
	}
}

func TestColumnsAlignWithColours(t *testing.T) {
	var out bytes.Buffer
	writeColumns(&out, [][]string{{"\x1b[1ma\x1b[0m", "b", "c"}, {"long", "", "d"}, {"a row of its own, however long"}})
	if want := "\x1b[1ma\x1b[0m     b  c\nlong     d\na row of its own, however long\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}
