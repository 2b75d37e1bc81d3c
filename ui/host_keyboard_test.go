//go:build !darwin || cgo

package ui

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/ocphone/ocphone/device/screen/view"
)

// stroke is one event of a computer's keyboard as a window system sends it.
type stroke struct {
	kind byte // 'd'own, 't'yped key, 'r'une, 'u'p
	name fyne.KeyName
	r    rune
}

// hit is a key that goes down, is typed and comes up, with its character.
func hit(n fyne.KeyName, r rune) []stroke {
	s := []stroke{{'d', n, 0}, {'t', n, 0}}
	if r != 0 {
		s = append(s, stroke{'r', n, r})
	}
	return append(s, stroke{'u', n, 0})
}

func play(to interface {
	KeyDown(*fyne.KeyEvent)
	KeyUp(*fyne.KeyEvent)
	TypedKey(*fyne.KeyEvent)
	TypedRune(rune)
}, strokes ...[]stroke,
) {
	for _, run := range strokes {
		for _, s := range run {
			switch e := (&fyne.KeyEvent{Name: s.name}); s.kind {
			case 'd':
				to.KeyDown(e)
			case 't':
				to.TypedKey(e)
			case 'r':
				to.TypedRune(s.r)
			case 'u':
				to.KeyUp(e)
			}
		}
	}
}

// form is a view in which a field has the focus.
var form = view.View{Page: view.Page{Focus: "user", Controls: []view.Control{{ID: "user", Role: view.Field}, {ID: "next", Role: view.Button}}}}

func TestKeyboardPressesThePhone(t *testing.T) {
	dialog := form
	dialog.Dialog = &view.Page{}
	button := form
	button.Page.Focus = "next"
	pin := view.View{Dialog: &view.Page{Focus: "pin", Controls: []view.Control{{ID: "pin", Role: view.Secret}}}}
	for _, c := range []struct {
		name    string
		view    view.View
		strokes [][]stroke
		want    []string
	}{
		{"a digit", view.View{}, [][]stroke{hit(fyne.Key5, '5')}, []string{"press 5", "release 5"}},
		{"a digit with Shift on a French keyboard", view.View{}, [][]stroke{hit("&", '1')}, []string{"press 1", "release 1"}},
		{"at sign is not 2", view.View{}, [][]stroke{hit(fyne.Key2, '@')}, nil},
		{"a star with Shift", view.View{}, [][]stroke{hit(fyne.Key8, '*')}, []string{"press *", "release *"}},
		{"a digit held down is one long press", view.View{}, [][]stroke{{{'d', fyne.Key0, 0}, {'t', fyne.Key0, 0}, {'r', "", '0'}, {'t', fyne.Key0, 0}, {'r', "", '0'}, {'u', fyne.Key0, 0}}}, []string{"press 0", "release 0"}},
		{"and stays down until it is let go", view.View{}, [][]stroke{{{'d', fyne.Key0, 0}, {'t', fyne.Key0, 0}, {'r', "", '0'}, {'t', fyne.Key0, 0}, {'r', "", '0'}}}, []string{"press 0"}},
		{"two keys at once", view.View{}, [][]stroke{{{'d', fyne.Key1, 0}, {'r', "", '1'}, {'d', fyne.Key2, 0}, {'r', "", '2'}, {'u', fyne.Key1, 0}, {'u', fyne.Key2, 0}}}, []string{"press 1", "press 2", "release 1", "release 2"}},
		{"characters alone", view.View{}, [][]stroke{{{'r', "", '#'}, {'r', "", 'M'}}}, []string{"press #", "release #", "press mute", "release mute"}},
		{"a typed key alone", view.View{}, [][]stroke{{{'t', fyne.KeyEscape, 0}}}, []string{"press end", "release end"}},
		{"Enter calls", view.View{}, [][]stroke{hit(fyne.KeyReturn, 0)}, []string{"press call", "release call"}},
		{"Escape ends", form, [][]stroke{hit(fyne.KeyEscape, 0)}, []string{"press end", "release end"}},
		{"letters", view.View{}, [][]stroke{hit(fyne.KeyM, 'm'), hit(fyne.KeyS, 's'), hit(fyne.KeyH, 'H'), hit(fyne.KeyQ, 'q')}, []string{"press mute", "release mute", "press speaker", "release speaker", "press headset", "release headset"}},
		{"volume", view.View{}, [][]stroke{hit(fyne.KeyPageUp, 0), hit(fyne.KeyPageDown, 0)}, []string{"press volume-up", "release volume-up", "press volume-down", "release volume-down"}},
		{"F2 lifts the receiver", form, [][]stroke{hit(fyne.KeyF2, 0)}, []string{"lift"}},
		{"F2 puts it down", view.View{Hook: true}, [][]stroke{hit(fyne.KeyF2, 0)}, []string{"hang up"}},
		{"Tab outside a form is not the phone's", view.View{}, [][]stroke{hit(fyne.KeyTab, 0)}, nil},
		{"a field takes characters", form, [][]stroke{hit(fyne.KeyM, 'm'), hit(fyne.Key2, '@'), hit(fyne.Key5, '5'), {{'r', "", '\u200e'}}}, []string{"type m", "type @", "type 5"}},
		{"a field takes Enter, Tab and Backspace", form, [][]stroke{hit(fyne.KeyEnter, 0), hit(fyne.KeyTab, 0), hit(fyne.KeyBackspace, 0)}, []string{"press enter", "release enter", "press tab", "release tab", "press delete", "release delete"}},
		{"in a field Backspace repeats", form, [][]stroke{{{'d', fyne.KeyBackspace, 0}, {'t', fyne.KeyBackspace, 0}, {'t', fyne.KeyBackspace, 0}, {'u', fyne.KeyBackspace, 0}}}, []string{"press delete", "release delete", "press delete", "release delete"}},
		{"elsewhere it is a long press", view.View{}, [][]stroke{{{'d', fyne.KeyBackspace, 0}, {'t', fyne.KeyBackspace, 0}, {'t', fyne.KeyBackspace, 0}, {'u', fyne.KeyBackspace, 0}}}, []string{"press delete", "release delete"}},
		{"arrows repeat in lists", view.View{}, [][]stroke{{{'d', fyne.KeyDown, 0}, {'t', fyne.KeyDown, 0}, {'t', fyne.KeyDown, 0}, {'u', fyne.KeyDown, 0}}}, []string{"press down", "release down", "press down", "release down"}},
		{"a dialog over the form takes the keyboard", dialog, [][]stroke{hit(fyne.Key5, '5')}, []string{"press 5", "release 5"}},
		{"a field of a dialog has it", pin, [][]stroke{hit(fyne.Key5, '5')}, []string{"type 5"}},
		{"a button with the focus takes Enter", button, [][]stroke{hit(fyne.KeyReturn, 0)}, []string{"press enter", "release enter"}},
		{"a button with the focus is no field", button, [][]stroke{hit(fyne.KeyM, 'm')}, []string{"press mute", "release mute"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := inWindow(t)
			r.Apply(c.view)
			play(r.desk, c.strokes...)
			r.did.want(t, c.want...)
		})
	}
}

func TestF9TurnsThePhone(t *testing.T) {
	r, _ := inWindow(t)
	play(r.desk, hit(fyne.KeyF9, 0))
	if !r.Turned() {
		t.Error("not turned")
	}
}

func TestPressedKeyIsDrawnPressed(t *testing.T) {
	r, _ := inWindow(t)
	play(r.desk, []stroke{{'d', fyne.Key7, 0}, {'r', "", '7'}})
	if !r.key(view.Key7).look.Pressed {
		t.Error("the key did not move")
	}
	r.desk.FocusLost() // another window has the keyboard, and the release
	if r.key(view.Key7).look.Pressed {
		t.Error("the key is stuck")
	}
	r.did.want(t, "press 7", "release 7")
}

func TestFocusedKeyIsPressedBySpace(t *testing.T) {
	r, _ := inWindow(t)
	k := r.key(view.KeyMute)
	k.FocusGained()
	if !k.look.Focus {
		t.Error("no ring")
	}
	play(k, hit(fyne.KeySpace, ' '), hit(fyne.KeyReturn, 0), hit(fyne.Key5, '5'))
	r.did.want(t, "press mute", "release mute", "press mute", "release mute", "press 5", "release 5")
}

func TestFocusedReceiverIsLiftedBySpace(t *testing.T) {
	r, _ := inWindow(t)
	r.receiver.FocusGained()
	play(r.receiver, hit(fyne.KeySpace, ' '), hit(fyne.KeyEscape, 0))
	r.did.want(t, "lift", "press end", "release end")
}

// hitTab is Tab, or with back Tab with Shift, as the window driver handles it.
func (r *rig) hitTab(c fyne.Canvas, back bool) {
	r.keyboard.shifted = func() bool { return back }
	e := &fyne.KeyEvent{Name: fyne.KeyTab}
	if k, ok := c.Focused().(desktop.Keyable); ok {
		k.KeyDown(e)
	}
	if tabbable, ok := c.Focused().(fyne.Tabbable); ok && tabbable.AcceptsTab() {
		c.Focused().TypedKey(e)
	} else if back {
		c.FocusPrevious()
	} else {
		c.FocusNext()
	}
	if k, ok := c.Focused().(desktop.Keyable); ok {
		k.KeyUp(e)
	}
}

func TestTabWalksTheBodyAndAFieldTakesTheKeyboard(t *testing.T) {
	r, c := inWindow(t)
	if c.Focused() != r.desk {
		t.Fatalf("%T has the focus", c.Focused())
	}
	seen := map[fyne.Focusable]bool{}
	for range 30 {
		r.hitTab(c, false)
		seen[c.Focused()] = true
	}
	for _, f := range []fyne.Focusable{r.key(view.Key5), r.receiver, r.turn, r.desk} {
		if !seen[f] {
			t.Errorf("Tab never came to %T", f)
		}
	}
	if seen[r.hole] {
		t.Error("Tab came to the hidden side")
	}
	c.Focus(r.key(view.Key5))
	r.Apply(form)
	if c.Focused() != r.desk {
		t.Error("the field does not have the keyboard")
	}
}

func TestClickOnAKeyMovesTheFocus(t *testing.T) {
	r, c := inWindow(t)
	c.Focus(r.receiver)
	r.key(view.Key5).MouseDown(mouseAt(10, 10))
	if c.Focused() != r.desk || r.receiver.focus {
		t.Errorf("%T has the focus", c.Focused())
	}
}

func TestTapOnThePanelTakesTheKeyboard(t *testing.T) {
	r, c := inWindow(t)
	panel := &focusInput{Input: r.did, takeFocus: r.takeKeyboard}
	c.Focus(r.receiver)
	panel.Tap("user")
	if c.Focused() != r.desk {
		t.Errorf("%T has the keyboard", c.Focused())
	}
	panel.Hold("row")
	r.did.want(t, "tap user", "hold row")
}
