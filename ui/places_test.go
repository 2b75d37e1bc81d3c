//go:build !darwin || cgo

package ui_test

import (
	"maps"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui"
)

// typesInPlace types character by character; no key may move meanwhile, nor when
// what follows is there.
func (w *walk) typesInPlace(text string, follows func(view.View) bool) {
	w.t.Helper()
	for _, s := range w.screens {
		before := ui.Keys(s.View())
		if len(before) < 12 {
			w.t.Errorf("page %s has %d keys", top(s.View()).ID, len(before))
		}
		stay := func(what string) {
			w.t.Helper()
			if after := ui.Keys(s.View()); !maps.Equal(before, after) {
				w.t.Errorf("%s, page %s, %s: keys were at\n%v\nand are at\n%v", s.View().Lang, top(s.View()).ID, what, before, after)
			}
			w.check(s.View(), what)
		}
		for i := range text {
			s.Type(text[i : i+1])
			stay("typed " + text[:i+1])
		}
		w.until(s, "what follows "+text, follows)
		stay("after " + text)
		for range text {
			s.Press(view.KeyDelete)
			s.Release(view.KeyDelete)
			stay("characters deleted")
		}
	}
}

// dialled are the contents of the dial pad that change what is beside its keys.
func (w *walk) dialled() {
	ruled := func(v view.View) bool { return shows(v.Page, "rules") }
	for text, follows := range map[string]func(view.View) bool{
		"44890101":           func(v view.View) bool { return ruled(v) && shows(v.Page, "match.0") }, // a rule and a contact
		"201":                func(v view.View) bool { return ruled(v) && shows(v.Page, "match.0") }, // the contact by the rule
		"99999*#99999999999": ruled,                                                                  // no rule, no contact
		"+14255550104":       ruled,
	} {
		w.open("home", "dial")
		w.typesInPlace(text, follows)
	}
	w.open("home", "dial")
	w.types("44890101", "rules")
	w.each("call tapped", func(s *screen.Screen) {
		before := ui.Keys(s.View())
		if s.Tap("call"); !maps.Equal(before, ui.Keys(s.View())) {
			w.t.Errorf("%s: a tap on Call moves the keys", s.View().Lang)
		}
	}, func(v view.View) bool { return true })
}

// clicks clicks four times at the place of each key of the dial pad.
func (w *walk) clicks() {
	s := w.screens[0]
	h := ui.NewHandset(s)
	win := test.NewTempWindow(w.t, h)
	win.SetPadded(false)
	win.Resize(fyne.NewSize(1000, 720))
	for _, digit := range "0123456789*#" {
		for _, err := range []error{s.Open("home"), s.Open("dial")} {
			if err != nil {
				w.t.Fatal(err)
			}
		}
		h.Apply(s.View())
		at, ok := ui.Place(h, "pad."+string(digit))
		if !ok {
			w.t.Fatalf("there is no key %c", digit)
		}
		for range 4 {
			test.TapCanvas(win.Canvas(), at)
			h.Apply(s.View())
		}
		w.until(s, "rules", func(v view.View) bool { return shows(v.Page, "rules") })
		if v := s.View(); v.Page.Controls[0].Value != strings.Repeat(string(digit), 4) {
			w.t.Errorf("four clicks on %c dial %q", digit, v.Page.Controls[0].Value)
		}
	}
}
