package view

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
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
	if got := v.Plain(); !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x07\u202e") || !strings.Contains(got, "one two\ufffd\ufffd") {
		t.Errorf("%q", got)
	}
}

func TestColumnsStayWhateverTheScript(t *testing.T) {
	for text, want := range map[string]int{
		"":                   0,
		"Anna Berg":          9,
		"Grüße":              5,
		"Gru\u0308ße":        5, // u and a combining diaeresis
		"山田 太郎":              9, // Japanese
		"ﾔﾏﾀﾞ":               4, // half width
		"김민수":                6, // Korean
		"\u1100\u1161":       2, // a Korean syllable in parts
		"☎ 1":                3, // ambiguous or neutral
		"🙂":                  2, // emoji
		"กำ":                 2, // Thai
		"\u05e9\u05dc\u05b8": 2, // Hebrew with a point
	} {
		if got := Width(text); got != want {
			t.Errorf("%q is %d cells wide, want %d", text, got, want)
		}
		row := Control{ID: "r", Role: Row, Text: text, Value: "12:30"}
		line, _, _ := strings.Cut(row.plain(""), " {r}")
		if got := Width(line); text != "" && got != plainWidth+2 {
			t.Errorf("the row of %q is %d cells wide: %q", text, got, line)
		}
	}
}

func TestFindGivesTheControlWithAnID(t *testing.T) {
	p := Page{
		Controls: []Control{{ID: "a", Text: "control"}},
		Nav:      []Control{{ID: "b", Text: "soft key"}},
		List: &Rows{ID: "row.", Len: 3, Row: func(i int) Control {
			return Control{ID: []string{"row.0", "row.x", "row.2"}[i], Text: "row"}
		}},
	}
	for id, want := range map[string]string{
		"a": "control", "b": "soft key", "row.0": "row", "row.2": "row", "row.x": "row",
		"row.1": "", "row.02": "", "row.-1": "", "row.3": "", "row.99999999999999999999": "", "row.": "", "c": "", "": "",
	} {
		if c, ok := p.Find(id); ok != (want != "") || c.Text != want {
			t.Errorf("Find(%q) = %+v, %t, want %q", id, c, ok, want)
		}
	}
	if _, ok := (&Page{}).Find("row.0"); ok {
		t.Error("an empty page has a control")
	}
	v := View{Page: Page{ID: "below"}}
	if v.Top().ID != "below" {
		t.Error("without a dialog the page is not on top")
	}
	v.Dialog = &Page{ID: "over"}
	if v.Top().ID != "over" {
		t.Error("the dialog is not on top")
	}
}

// FuzzPlain: text of foreign origin, wherever a page shows it, stays on its line and
// cannot move the cursor.
func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[2J\u202e\u009b\xff\r\n", "漢字", float64(0.5), uint8(3))
	f.Add("", "\u0301", float64(-1), uint8(200))
	f.Fuzz(func(t *testing.T, text, value string, fraction float64, n uint8) {
		roles := []Role{Text, Heading, Label, Field, Secret, Button, Tile, Toggle, Choice, Tab, Progress, Slider, Row}
		var controls []Control
		for _, role := range roles {
			controls = append(controls, Control{ID: "id", Role: role, Text: text, Value: value, Second: value, Badge: text, Fraction: fraction})
		}
		v := View{On: true, Status: Status{Clock: value, Who: text, Signed: true, Missed: int(n), Exchange: ToneBad}, Page: Page{
			Title: text, Back: n%2 == 0, Focus: "id", Controls: controls, Nav: controls[:1],
			List: &Rows{ID: "row", Len: int(n), Empty: text, Row: func(int) Control { return controls[5] }},
		}}
		plain := v.Plain()
		for line := range strings.Lines(plain) {
			line = strings.TrimSuffix(line, "\n")
			if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(line) {
				t.Fatalf("%q is not printable at byte %d", line, i)
			}
			if w := Width(line); w < 0 || w > 2*utf8.RuneCountInString(line) {
				t.Errorf("%q is %d cells wide", line, w)
			}
		}
		// The number of lines depends on the shape of the page and not on its text.
		if again := strings.Count(v.Plain(), "\n"); again != strings.Count(plain, "\n") || again > 200 {
			t.Errorf("%d lines, then %d", strings.Count(plain, "\n"), again)
		}
	})
}
