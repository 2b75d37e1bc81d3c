//go:build !darwin || cgo

package ui

import (
	"strings"
	"unicode"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/device/screen/view"
)

// hostKeyboard turns what is typed on the computer's keyboard into what a person does
// to the phone. Digits and letters go by the character that arrives, so that
// every layout of a keyboard works; they stay down for as long as the key does.
//
//	0-9 * #        keys of the pad         F2        lifts or puts down the receiver
//	Enter  Esc     call, end               F9        turns the phone over
//	Backspace      delete                  Home      home
//	M S H          mute, speaker, headset  PgUp PgDn volume
//
// While a field has the focus, characters are typed into it, and Enter, Tab
// and the arrows work within the form. While another control has it, Enter is a
// tap on that.
type hostKeyboard struct {
	press, release func(view.Key)
	typed          func(string)
	hook, turn     func()
	shifted        func() bool // whether Shift is down

	field bool                      // a field of the panel has the focus
	focus bool                      // some control of the panel has it
	last  fyne.KeyName              // went down last, and no character came of it yet
	down  map[fyne.KeyName]view.Key // what each key of the computer holds down
	fresh map[fyne.KeyName]bool     // went down, and its first TypedKey has not come
}

// namedKey are the keys of the computer that give no character.
func namedKey(n fyne.KeyName, field, focus bool) (view.Key, bool) {
	switch n {
	case fyne.KeyReturn, fyne.KeyEnter:
		if focus {
			return view.KeyEnter, true
		}
		return view.KeyCall, true
	case fyne.KeyEscape:
		return view.KeyEnd, true
	case fyne.KeyBackspace, fyne.KeyDelete:
		return view.KeyDelete, true
	case fyne.KeyHome:
		return view.KeyHome, true
	case fyne.KeyPageUp:
		return view.KeyVolumeUp, true
	case fyne.KeyPageDown:
		return view.KeyVolumeDown, true
	case fyne.KeyUp:
		return view.KeyUp, true
	case fyne.KeyDown:
		return view.KeyDown, true
	case fyne.KeyLeft:
		return view.KeyLeft, true
	case fyne.KeyRight:
		return view.KeyRight, true
	case fyne.KeyTab:
		return view.KeyTab, field
	}
	return "", false
}

// characterKey are the characters that are keys of the phone.
func characterKey(r rune) (view.Key, bool) {
	switch r = unicode.ToLower(r); {
	case strings.ContainsRune("0123456789*#", r):
		return view.Key(r), true
	case r == 'm':
		return view.KeyMute, true
	case r == 's':
		return view.KeySpeaker, true
	case r == 'h':
		return view.KeyHeadset, true
	}
	return "", false
}

func (b *hostKeyboard) pressKey(n fyne.KeyName, k view.Key) {
	if b.down == nil {
		b.down, b.fresh = map[fyne.KeyName]view.Key{}, map[fyne.KeyName]bool{}
	}
	b.down[n] = k
	b.press(k)
}

func (b *hostKeyboard) keyDown(n fyne.KeyName) {
	b.releaseKey(n) // its release went elsewhere
	b.last = n
	switch n {
	case fyne.KeyF2:
		b.hook()
		return
	case fyne.KeyF9:
		b.turn()
		return
	}
	k, ok := namedKey(n, b.field, b.focus)
	if !ok {
		return
	}
	if k == view.KeyTab && b.shifted != nil && b.shifted() {
		k = view.KeyUp
	}
	b.pressKey(n, k)
	b.fresh[n] = true
}

func (b *hostKeyboard) keyUp(n fyne.KeyName) {
	if b.last == n {
		b.last = ""
	}
	b.releaseKey(n)
}

func (b *hostKeyboard) releaseKey(n fyne.KeyName) {
	if k, ok := b.down[n]; ok {
		delete(b.down, n)
		delete(b.fresh, n)
		b.release(k)
	}
}

// typedKey comes once after keyDown, and again as often as the computer
// repeats the key: in a field that deletes or moves once more. Drivers without
// keyDown send it alone.
func (b *hostKeyboard) typedKey(n fyne.KeyName) {
	switch k, held := b.down[n]; {
	case held && b.fresh[n]:
		delete(b.fresh, n)
	case held:
		if repeats := b.field || k == view.KeyUp || k == view.KeyDown; repeats && k != view.KeyEnter {
			b.release(k)
			b.press(k)
		}
	case b.last != n:
		b.keyDown(n)
		b.keyUp(n)
	}
}

func (b *hostKeyboard) typedRune(r rune) {
	n := b.last
	if b.field {
		if unicode.IsPrint(r) {
			b.typed(string(r))
		}
		return
	}
	k, ok := characterKey(r)
	if !ok {
		return
	}
	if n == "" { // characters come alone
		b.press(k)
		b.release(k)
		return
	}
	if b.down[n] != k { // otherwise the computer repeats it
		b.releaseKey(n)
		b.pressKey(n, k)
	}
}

// releaseAll lets everything go: the keyboard is someone else's now.
func (b *hostKeyboard) releaseAll() {
	b.last = ""
	for n := range b.down {
		b.releaseKey(n)
	}
}
