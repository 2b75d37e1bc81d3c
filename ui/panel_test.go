//go:build !darwin || cgo

package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/mobile"
	"fyne.io/fyne/v2/test"

	"github.com/ocphone/ocphone/device/screen/view"
)

// screenRig is a panel in a canvas, with everything it tells its Input.
type screenRig struct {
	*touchPanel
	did    *inputLog
	canvas *memoryCanvas
	hold   func() // what waits for the end of the hold time
}

func litPanel(tb testing.TB, v view.View) *screenRig {
	test.NewTempApp(tb)
	r := &screenRig{did: &inputLog{}}
	r.touchPanel = newPanel(r.did, &Unit{K: 1})
	r.after = func(_ time.Duration, f func()) func() {
		r.hold = f
		return func() { r.hold = nil }
	}
	r.canvas = headless(r.touchPanel, 640, 480)
	r.show(v)
	return r
}

func (r *screenRig) the(tb testing.TB, id string) *control {
	tb.Helper()
	c := r.find(id)
	if c == nil {
		tb.Fatalf("no control %q is shown", id)
	}
	return c
}

// click is what Fyne tells of a click with the mouse.
func (r *screenRig) click(tb testing.TB, id string) {
	tb.Helper()
	c := r.the(tb, id)
	c.MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	c.MouseUp(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	c.Tapped(&fyne.PointEvent{})
}

func TestTapsBecomeInput(t *testing.T) {
	for _, row := range []struct {
		page, id string
		want     []string
	}{
		{"signin", "signin", []string{"tap signin"}},
		{"signin", "password", []string{"tap password"}},
		{"signin", "keyboard.q", []string{"type q"}},
		{"signin", "keyboard.@", []string{"type @"}},
		{"signin", `keyboard.\`, []string{`type \`}},
		{"signin", "keyboard.space", []string{"type  "}},
		{"signin", "keyboard.capitals", []string{"tap keyboard.capitals"}},
		{"signin", "keyboard.symbols", []string{"tap keyboard.symbols"}},
		{"signin", "keyboard.delete", []string{"press delete", "release delete"}},
		{"signin", "keyboard.enter", []string{"press enter", "release enter"}},
		{"signin", "keyboard.next", []string{"press tab", "release tab"}},
		{"home", "calls", []string{"tap calls"}},
		{"home", "me", []string{"tap me"}},
		{"home", "nav.dial", []string{"tap nav.dial"}},
		{"home", "clock", nil},
		{"contacts", "back", []string{"tap back"}},
		{"contacts", "contact.2", []string{"tap contact.2"}},
		{"contacts", "tab.ocs", []string{"tap tab.ocs"}},
		{"dial", "pad.5", []string{"press 5", "release 5"}},
		{"dial", "call", []string{"tap call"}},
		{"lock", "pad.0", []string{"press 0", "release 0"}},
		{"lock", "pad.delete", []string{"press delete", "release delete"}},
		{"lock", "emergency", []string{"tap emergency"}},
		{"sounds", "ring-", []string{"tap ring-"}},
		{"sounds", "ring+", []string{"tap ring+"}},
		{"sounds", "ring", nil},
		{"sounds", "mute", []string{"tap mute"}},
		{"sounds", "tones", nil}, // greyed out
		{"sounds", "cancel", nil},
		{"root", "subject", nil},
		{"ask", "yes", []string{"tap yes"}},
	} {
		t.Run(row.page+" "+row.id, func(t *testing.T) {
			r := litPanel(t, views()[row.page])
			r.click(t, row.id)
			if !slices.Equal(r.did.log, row.want) {
				t.Errorf("told %q, want %q", r.did.log, row.want)
			}
			if c := r.the(t, row.id); c.down {
				t.Error("it is still pressed")
			}
		})
	}
}

func TestTapWithoutAFingerPressesAndReleases(t *testing.T) {
	r := litPanel(t, views()["dial"])
	r.the(t, "pad.7").Tapped(&fyne.PointEvent{})
	if want := []string{"press 7", "release 7"}; !slices.Equal(r.did.log, want) {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
}

func TestHoldIsNotATap(t *testing.T) {
	r := litPanel(t, views()["contacts"])
	c := r.the(t, "contact.0")
	c.MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	r.hold()
	c.MouseUp(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	c.Tapped(&fyne.PointEvent{})
	if want := []string{"hold contact.0"}; !slices.Equal(r.did.log, want) {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
	c.Tapped(&fyne.PointEvent{})
	c.TappedSecondary(&fyne.PointEvent{})
	if want := []string{"hold contact.0", "tap contact.0", "hold contact.0"}; !slices.Equal(r.did.log, want) {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
}

func TestLeavingAControlEndsThePress(t *testing.T) {
	r := litPanel(t, views()["dial"])
	c := r.the(t, "pad.1")
	c.MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	c.MouseOut()
	c.MouseUp(&desktop.MouseEvent{})
	if want := []string{"press 1", "release 1"}; !slices.Equal(r.did.log, want) || c.down {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
	c = r.the(t, "call")
	c.MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	c.MouseOut()
	if r.hold != nil {
		t.Error("the hold goes on after the finger left")
	}
}

func TestKeyIsReleasedWhenItsPageGoes(t *testing.T) {
	r := litPanel(t, views()["dial"])
	r.the(t, "pad.1").MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	r.show(views()["home"])
	r.show(view.View{})
	if want := []string{"press 1", "release 1"}; !slices.Equal(r.did.log, want) {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
}

func TestDeleteRepeatsWhileItIsHeld(t *testing.T) {
	r := litPanel(t, views()["lock"])
	c := r.the(t, "pad.delete")
	c.TouchDown(&mobile.TouchEvent{})
	for range 2 {
		r.hold()
	}
	c.TouchUp(&mobile.TouchEvent{})
	if r.hold != nil {
		t.Error("it goes on after the finger has left")
	}
	want := []string{"press delete", "release delete", "press delete", "release delete", "press delete", "release delete"}
	if !slices.Equal(r.did.log, want) {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
	r.the(t, "pad.5").TouchDown(&mobile.TouchEvent{})
	if r.hold != nil {
		t.Error("a digit repeats")
	}
	r.the(t, "pad.5").TouchCancel(&mobile.TouchEvent{})
	if got := r.did.log[len(r.did.log)-1]; got != "release 5" {
		t.Errorf("a touch that is cancelled ends with %q", got)
	}
}

func TestPartsBesideThePageHaveTheNamesOfTheView(t *testing.T) {
	v := views()["sounds"]
	v.Names = map[string]string{"back": "Zurück", "status.missed": "Entgangene Anrufe", "status.cable": "Kein Kabel", "status.exchange": "Exchange gestört"}
	v.Page.Controls = append(v.Page.Controls, view.Control{ID: "own", Role: view.Button, Text: "Eigener"})
	r := litPanel(t, v)
	for id, want := range map[string]string{"back": "Zurück", "status.missed": "Entgangene Anrufe: 2", "status.cable": "Kein Kabel", "status.exchange": "Exchange gestört", "own": "Eigener"} {
		if got := r.the(t, id).AccessibilityLabel(); got != want {
			t.Errorf("%s is called %q, want %q", id, got, want)
		}
	}
}

func TestRightToLeftTextsBeginAtTheRight(t *testing.T) {
	test.NewTempApp(t)
	r := layout{1}
	for s, right := range map[string]bool{"יעקב 4711": true, "محمد": true, "Anna": false, "(יעקב)": true, "4711": false, "Anna יעקב": false, "": false} {
		runs, _ := r.setText(textBox{s: s, at: rect{0, 0, 300, 20}, size: 14})
		if len(runs) > 0 && (runs[0].at.X > 100) != right {
			t.Errorf("%q begins at %v", s, runs[0].at.X)
		}
	}
	runs, _ := r.setText(textBox{s: "יעקב", at: rect{0, 0, 300, 20}, size: 14, align: fyne.TextAlignCenter})
	if x := runs[0].at.X; x < 100 || x > 200 {
		t.Errorf("what is centered begins at %v", x)
	}
}

func TestDialogTakesAllTaps(t *testing.T) {
	r := litPanel(t, views()["ask"])
	for y := float32(2); y < 480; y += 12 {
		for x := float32(2); x < 640; x += 12 {
			test.TapCanvas(r.canvas, fyne.NewPos(x, y))
		}
	}
	for _, got := range r.did.log {
		if got != "tap yes" && got != "tap no" {
			t.Errorf("through the dialog came %q", got)
		}
	}
	if !slices.Contains(r.did.log, "tap yes") || !slices.Contains(r.did.log, "tap no") {
		t.Errorf("the buttons were not reached: %q", r.did.log)
	}
}

func TestTapStormReachesWhatIsThere(t *testing.T) {
	all := views()
	r := litPanel(t, all["home"])
	names := []string{"home", "signin", "contacts", "dial", "ask", "lock", "sounds", "boot"}
	for i := range 600 {
		r.show(all[names[i%len(names)]])
		test.TapCanvas(r.canvas, fyne.NewPos(float32(i*37%640), float32(i*53%480)))
	}
	r.show(view.View{})
	if len(r.page.objects()) != 0 || !r.dark.Visible() {
		t.Error("a panel without power shows something")
	}
}

func TestListBuildsOnlyTheRowsThatAreSeen(t *testing.T) {
	v := views()["contacts"]
	v.Page.Focus = ""
	asked := map[int]bool{}
	inner := v.Page.List.Row
	rows := *v.Page.List
	rows.Row = func(i int) view.Control { asked[i] = true; return inner(i) }
	v.Page.List = &rows
	r := litPanel(t, v)
	if n := len(asked); n > 8 {
		t.Errorf("%d rows were asked for at first", n)
	}
	for range 40 {
		r.page.scroll.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -200)})
	}
	if n := len(r.page.scroll.lines); n > 8 {
		t.Errorf("%d rows have widgets", n)
	}
	if len(asked) > 400 {
		t.Errorf("%d of 5000 rows were asked for", len(asked))
	}
	first := r.page.scroll.first
	if first < 100 {
		t.Fatalf("40 turns of the wheel led to row %d", first)
	}
	id := fmt.Sprintf("contact.%d", first+2)
	r.click(t, id)
	if want := "tap " + id; len(r.did.log) != 1 || r.did.log[0] != want {
		t.Errorf("told %q, want %q", r.did.log, want)
	}
}

func TestDraggingScrollsAndDoesNotPress(t *testing.T) {
	r := litPanel(t, views()["contacts"])
	s := r.page.scroll
	r.the(t, "contact.1").MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonPrimary})
	s.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(0, -100)})
	if r.hold != nil || s.offset < 70 || s.offset > 80 {
		t.Errorf("at %v, hold goes on: %v", s.offset, r.hold != nil)
	}
	s.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(0, 1e6)})
	if s.offset != 0 {
		t.Errorf("scrolled beyond the beginning, to %v", s.offset)
	}
	s.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(0, -1e6)})
	if s.offset != s.maxOffset() || r.find("contact.4999") == nil {
		t.Errorf("the end is at %v, want %v", s.offset, s.maxOffset())
	}
}

func TestScrollStaysOnThePageAndFollowsTheFocus(t *testing.T) {
	v := views()["contacts"]
	r := litPanel(t, v)
	r.page.scroll.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -900)})
	at := r.page.scroll.offset
	v.Seq++
	v.Status.Clock = "10:43"
	r.show(v)
	if r.page.scroll.offset != at || at == 0 {
		t.Errorf("the clock moved the list from %v to %v", at, r.page.scroll.offset)
	}
	v.Page.Focus = "contact.4000"
	r.show(v)
	if c := r.the(t, "contact.4000"); !c.placed.focus {
		t.Error("the row with the focus has no ring")
	}
	v.Page.ID = "other"
	v.Page.Focus = ""
	r.show(v)
	if r.page.scroll.offset != 0 {
		t.Error("another page does not begin at its top")
	}
}

func TestOnlyChangedControlsAreDrawnAgain(t *testing.T) {
	v := views()["home"]
	r := litPanel(t, v)
	before := map[string]fyne.CanvasObject{}
	for _, c := range r.page.controls() {
		before[c.placed.ID] = c.objects[len(c.objects)-1]
	}
	v.Page.Controls = slices.Clone(v.Page.Controls)
	v.Page.Controls[0].Text = "10:43"
	r.show(v)
	var anew []string
	for _, c := range r.page.controls() {
		if before[c.placed.ID] != c.objects[len(c.objects)-1] {
			anew = append(anew, c.placed.ID)
		}
	}
	if !slices.Equal(anew, []string{"clock"}) {
		t.Errorf("drawn anew: %q, want the clock alone", anew)
	}
}

func TestEveryControlHasNameRoleAndID(t *testing.T) {
	for name, v := range views() {
		r := litPanel(t, v)
		for _, c := range append(r.page.controls(), r.over.controls()...) {
			if c.ID() == "" || c.AccessibilityLabel() == "" || c.AccessibilityRole() == "" {
				t.Errorf("%s: %+v has no id, label or role", name, c.placed)
			}
			if c.placed.Role == view.Secret && strings.Contains(c.AccessibilityLabel(), "•") {
				t.Errorf("%s: %s tells how long a secret is", name, c.ID())
			}
		}
	}
}

func TestPanelIsLaidOutAgainForEverySize(t *testing.T) {
	r := litPanel(t, views()["signin"])
	for _, w := range []float32{0, 1, 200, 480, 1600, 640} {
		r.canvas.Resize(fyne.NewSize(w, w*.75))
		r.canvas.Capture()
	}
	if c := r.the(t, "signin"); c.Size().Width != c.placed.at.w*640/panelW {
		t.Errorf("%v wide", c.Size().Width)
	}
}

func TestHighContrastIsSwitchedWhileAPageIsShown(t *testing.T) {
	r := litPanel(t, views()["home"])
	before := r.canvas.Capture()
	r.u.Contrast = true
	r.Refresh()
	if n, _ := differ(r.canvas.Capture(), ContrastPicture(views()["home"], 640, 480)); n > 0 {
		t.Errorf("%d pixels are not those of high contrast", n)
	}
	r.u.Contrast = false
	r.Refresh()
	if n, _ := differ(r.canvas.Capture(), before); n > 0 {
		t.Errorf("%d pixels are not as before", n)
	}
}
