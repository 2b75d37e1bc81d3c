package screen

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlainShowsWhatThePanelShows(t *testing.T) {
	v := View{On: true, Status: Status{Clock: "10:42", Who: "Anna Berg", Signed: true, Presence: Available, Missed: 2, Cable: true}, Page: Page{
		Title: "Sign in", Back: true, Focus: "user", Controls: []Control{
			{ID: "head", Role: Heading, Text: "Welcome", Second: "to the phone"},
			{ID: "user", Role: Field, Text: "User", Value: `CONTOSO\tu`},
			{ID: "password", Role: Secret, Text: "Password", Value: "•••"},
			{ID: "keep", Role: Toggle, Text: "Keep me", On: true},
			{ID: "de", Role: Choice, Text: "Deutsch", On: true},
			{ID: "ring", Role: Slider, Text: "Volume", Fraction: .5},
			{ID: "load", Role: Progress, Text: "Loading", Fraction: -1},
			{ID: "issuer", Role: Label, Text: "Issuer", Value: "Contoso Root CA"},
			{ID: "go", Role: Button, Text: "Sign in", Off: true},
		}, Nav: []Control{{ID: "nav.home", Role: Button, Text: "Home"}},
	}}
	got := v.Plain()
	for _, want := range []string{
		"< Sign in", "Anna Berg  available  missed:2  10:42", "  Welcome\n    to the phone\n", "> User: [CONTOSO\\tu] {user}", "Password: [•••]",
		"[x] Keep me {keep}", "(o) Deutsch", "[#####.....] Volume {ring}", "[..........] Loading\n", "Issuer: Contoso Root CA", "[Sign in] (off)", "[Home] {nav.home}",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestPlainShowsTheDialogInsteadOfThePage(t *testing.T) {
	v := View{On: true, Page: Page{Title: "Below"}, Dialog: &Page{Title: "Restart?", Controls: []Control{{ID: "yes", Role: Button, Text: "Yes"}}}}
	if got := v.Plain(); strings.Contains(got, "Below") || !strings.Contains(got, "[Yes] {yes}") {
		t.Error(got)
	}
	if got := (View{}).Plain(); got != "(off)\n" {
		t.Errorf("without power: %q", got)
	}
}

func TestPlainAsksOnlyForTheRowsItWrites(t *testing.T) {
	asked := 0
	rows := &Rows{ID: "c", Len: 5000, Row: func(i int) Control {
		asked++
		return Control{ID: fmt.Sprint("c.", i), Text: fmt.Sprint("Contact ", i)}
	}}
	got := View{On: true, Page: Page{List: rows}}.Plain()
	if asked != plainRows || !strings.Contains(got, "1–20 / 5000") {
		t.Errorf("asked for %d rows\n%s", asked, got)
	}
	got = View{On: true, Page: Page{List: rows, Focus: "c.4000"}}.Plain()
	if !strings.Contains(got, "> Contact 4000 {c.4000}") {
		t.Error(got)
	}
	if got := (View{On: true, Page: Page{List: &Rows{Empty: "Nobody"}}}).Plain(); !strings.Contains(got, "Nobody") {
		t.Error(got)
	}
}

func TestPlainKeepsATerminalWhole(t *testing.T) {
	v := View{On: true, Page: Page{Title: "a\x1b[2Jb\u202ec", Controls: []Control{{ID: "x", Role: Text, Text: "one\ntwo\xff\x07"}}}}
	if got := v.Plain(); !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x07\u202e") || !strings.Contains(got, "one two?") {
		t.Errorf("%q", got)
	}
}
