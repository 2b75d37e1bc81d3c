package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/journal"
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
