//go:build !darwin || cgo

package ui

import (
	"strings"
	"unicode"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/device/screen/view"
)

// hostKeyboard turns keys of the computer's keyboard into keys of the phone. Digits
// and letters are recognised by their character, so that every keyboard layout
// works. A key of the phone is down as long as that of the computer.
//
//	0-9 * #        keys of the pad         F2        lifts or puts down the receiver
//	Enter  Esc     call, end               F9        turns the phone over
//	Backspace      delete                  Home      home
//	M S H          mute, speaker, headset  PgUp PgDn volume
//
// While a field has the focus, characters are typed into it, and Enter and the
// arrows work within the form. While another control has it, Enter and Space are a
// tap on that. Tab is the desk's.
type hostKeyboard struct {
	press, release func(view.Key)
	typed          func(string)
	hook, turn     func()
	shifted        func() bool // whether Shift is down
	other          func(fyne.KeyName)

	field bool                      // a field of the panel has the focus
	focus bool                      // some control of the panel has it
	last  fyne.KeyName              // the last key that went down, until its character arrives
	down  map[fyne.KeyName]view.Key // by key of the computer that is down
	fresh map[fyne.KeyName]bool     // keys that are down without a TypedKey so far
}

// namedKey is the phone's key for a key of the computer without a character.
func namedKey(n fyne.KeyName, field, focus bool) (view.Key, bool) {
	k, ok := map[fyne.KeyName]view.Key{
		fyne.KeyReturn: view.KeyCall, fyne.KeyEnter: view.KeyCall, fyne.KeyEscape: view.KeyEnd,
		fyne.KeyBackspace: view.KeyDelete, fyne.KeyDelete: view.KeyDelete, fyne.KeyHome: view.KeyHome,
		fyne.KeyPageUp: view.KeyVolumeUp, fyne.KeyPageDown: view.KeyVolumeDown,
		fyne.KeyUp: view.KeyUp, fyne.KeyDown: view.KeyDown, fyne.KeyLeft: view.KeyLeft, fyne.KeyRight: view.KeyRight,
	}[n]
	if focus && (k == view.KeyCall || n == fyne.KeySpace && !field) {
		return view.KeyEnter, true
	}
	return k, ok
}

// characterKey is the phone's key for a character.
func characterKey(r rune) (view.Key, bool) {
	r = unicode.ToLower(r)
	if strings.ContainsRune("0123456789*#", r) {
		return view.Key(r), true
	}
	k, ok := map[rune]view.Key{'m': view.KeyMute, 's': view.KeySpeaker, 'h': view.KeyHeadset}[r]
	return k, ok
}

func (b *hostKeyboard) pressKey(n fyne.KeyName, k view.Key) {
	if b.down == nil {
		b.down, b.fresh = map[fyne.KeyName]view.Key{}, map[fyne.KeyName]bool{}
	}
	b.down[n] = k
	b.press(k)
}

func (b *hostKeyboard) keyDown(n fyne.KeyName) {
	b.releaseKey(n) // another widget may have got its KeyUp
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
		if b.other != nil {
			b.other(n)
		}
		return
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

// typedKey is called once after keyDown, and again for each repetition of the key:
// in a field that deletes or moves again. Drivers without keyDown call it alone.
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
	if n == "" { // the driver sends characters without keyDown
		b.press(k)
		b.release(k)
		return
	}
	if b.down[n] != k { // else it is a repetition
		b.releaseKey(n)
		b.pressKey(n, k)
	}
}

// releaseAll releases all keys, after another widget got the keyboard focus.
func (b *hostKeyboard) releaseAll() {
	b.last = ""
	for n := range b.down {
		b.releaseKey(n)
	}
}
