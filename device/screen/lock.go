package screen

import (
	"context"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
)

// The lock with a PIN (device.md 2.7, 4). The pool says whether the phone locks
// itself, after how long, and how long a PIN must be.

// pinAim is what a PIN is typed for.
type pinAim string

const (
	pinUnlock pinAim = "unlock" // the phone is locked
	pinFirst  pinAim = "first"  // it shall lock, and there is no PIN yet: make one
	pinShort  pinAim = "short"  // it is unlocked, and the PIN is shorter than the pool demands: make another
	pinOld    pinAim = "old"    // the present PIN, before it is changed
	pinChange pinAim = "change" // the new PIN, from the settings
)

// pinPage takes a PIN: over everything as Screen.lock, or from the settings.
type pinPage struct {
	plain
	aim   pinAim
	pin   field
	first string // a new PIN is typed twice: what was typed first
	note  string // what went wrong; "": nothing
	leave bool   // who has forgotten the PIN is asked whether to sign out
	busy  bool   // the PIN is being looked at
}

func newPINPage(aim pinAim) *pinPage {
	return &pinPage{aim: aim, pin: field{id: "pin", label: "pin.field", secret: true, max: maxPIN}}
}

// maxPIN is the longest PIN, in digits.
const maxPIN = 15

func (p *pinPage) view(d draw) view.Page {
	v := view.Page{ID: "pin", Layout: view.PINPad, Title: d.say("pin.title"), Focus: "pin"}
	text := "pin." + string(p.aim)
	if p.aim == pinUnlock {
		v.ID, v.Title = "lock", d.say("lock.title")
	}
	if p.first != "" {
		text = "pin.repeat"
	}
	v.Controls = append(v.Controls, view.Control{ID: "text", Role: view.Text, Text: d.say(text), Icon: view.IconLock})
	if p.aim != pinUnlock && p.aim != pinOld && p.first == "" {
		v.Controls = append(v.Controls, view.Control{ID: "digits", Role: view.Text, Text: d.say("pin.digits", "Min", d.leastPIN(), "Max", maxPIN), Tone: view.ToneDim})
	}
	v.Controls = append(v.Controls, p.pin.control(d.texts))
	if p.note != "" {
		v.Controls = append(v.Controls, view.Control{ID: "note", Role: view.Text, Text: p.note, Tone: view.ToneBad})
	}
	v.Controls = append(v.Controls, view.Control{ID: "enter", Role: view.Button, Text: d.say("ok"), Off: p.busy || d.patience || p.pin.text == ""})
	if p.aim == pinUnlock { // the way out of who has forgotten the PIN: it goes with the user
		v.Controls = append(v.Controls, view.Control{ID: "forgot", Role: view.Button, Text: d.say("settings.signout")})
	}
	return v
}

// leastPIN is how many digits a new PIN must have: 4, or what the pool demands.
func (d draw) leastPIN() int {
	least := 4
	if set := d.now.Settings; set != nil {
		least = max(least, set.Lock.MinPINLength)
	}
	return least
}

func (p *pinPage) typed(s *Screen, text string) {
	if p.busy || s.patience != nil || text == "" || strings.Trim(text, "0123456789") != "" {
		return
	}
	p.leave, p.note = false, ""
	p.pin.typed(text)
}

func (p *pinPage) key(s *Screen, k view.Key) bool {
	switch {
	case k == view.KeyDelete && !p.busy:
		p.pin.erase()
	case k == view.KeyEnter && s.focus != "back":
		p.enter(s)
	case len(k) == 1 && k != view.KeyStar && k != view.KeyPound:
		p.typed(s, string(k))
	default:
		return false
	}
	return true
}

func (p *pinPage) tap(s *Screen, id string) {
	switch {
	case id == "enter":
		p.enter(s)
	case id == "forgot" && p.leave:
		s.signOut()
	case id == "forgot":
		p.leave, p.note = true, s.texts.say("signout.sure", "Address", s.now.Address)
	}
}

// enter takes what was typed.
func (p *pinPage) enter(s *Screen) {
	pin := p.pin.text
	if p.busy || s.patience != nil || pin == "" {
		return
	}
	p.pin.text, p.note = "", ""
	switch {
	case p.aim == pinUnlock || p.aim == pinOld:
		p.busy = true
		var good bool
		var digits int
		s.errand(func(context.Context) { good, digits = s.phone.Unlocks(pin), s.phone.PINDigits() }, func() {
			p.busy = false
			p.checked(s, good, digits)
		})
	case p.first == "":
		d := draw{now: s.now}
		if least := d.leastPIN(); len(pin) < least {
			p.note = s.texts.say("pin.digits", "Min", least, "Max", maxPIN)
			return
		}
		p.first = pin
	case p.first != pin:
		p.first, p.note = "", s.texts.say("pin.differ")
	default:
		p.set(s, pin)
	}
}

// checked goes on after the present PIN was looked at.
func (p *pinPage) checked(s *Screen, good bool, digits int) {
	if !good {
		s.wrong++
		p.note = s.texts.say("pin.wrong")
		if wait := penalty(s.wrong); wait > 0 {
			p.note = s.texts.say("pin.wait", "Time", s.texts.span(wait))
			s.patience = s.opt.Clock.AfterFunc(wait, func() { s.change(func() { s.patience, p.note = nil, "" }) })
		}
		return
	}
	s.wrong = 0
	d := draw{now: s.now}
	switch {
	case p.aim == pinOld:
		p.aim = pinChange
	case s.lock == p && digits < d.leastPIN(): // must be replaced now
		s.lock = newPINPage(pinShort)
	case s.lock == p:
		s.unlock()
	}
}

// set keeps a new PIN.
func (p *pinPage) set(s *Screen, pin string) {
	p.busy = true
	var err error
	s.errand(func(context.Context) { err = s.phone.SetPIN(pin) }, func() {
		p.busy, p.first = false, ""
		switch {
		case err != nil:
			p.note = sentenceOf(err)
		case p.aim == pinFirst: // what it was made for
			s.home()
			s.lock = newPINPage(pinUnlock)
		case s.lock != p: // from the settings, unless it was left meanwhile
			if s.shown() == page(p) {
				s.back()
			}
			s.tell("pin-set", s.texts.say("pin.title"), s.texts.say("pin.set"))
		default:
			s.unlock()
		}
	})
}

// freePINs is how many wrong PINs cost nothing; then each doubles the wait, up
// to longestWait.
const (
	freePINs    = 2
	firstWait   = 10 * time.Second
	longestWait = 10 * time.Minute
)

// penalty is how long the phone takes no PIN after so many wrong ones.
func penalty(wrong int) time.Duration {
	wait := time.Duration(0)
	for n := freePINs; n < wrong && wait < longestWait; n++ {
		wait = max(firstWait, 2*wait)
	}
	return min(wait, longestWait)
}

// lockNow locks the phone because somebody wants it; without a PIN it asks for
// one first, and he may think better of it.
func (s *Screen) lockNow() {
	if s.phone.PINDigits() == 0 {
		s.open(newPINPage(pinFirst))
		return
	}
	s.home()
	s.lock = newPINPage(pinUnlock)
}

func (s *Screen) unlock() {
	s.lock, s.focus, s.wrong = nil, "", 0
	stop(&s.patience)
}

// untilLock is how long the phone may still be left alone before it locks.
func (s *Screen) untilLock() (left time.Duration, may bool) {
	set := s.now.Settings
	if s.lock != nil || set == nil || !set.Lock.Enforced || set.Lock.Idle <= 0 {
		return 0, false
	}
	gone := s.opt.Clock.Now().Sub(s.touched)
	if gone < 0 { // the clock was set back
		s.touched, gone = s.opt.Clock.Now(), 0
	}
	return max(set.Lock.Idle-gone, 0), true
}

// idle locks a phone that was left alone long enough.
func (s *Screen) idle() {
	if left, may := s.untilLock(); !may || left > 0 {
		return
	}
	s.home()
	s.locked()
}

// locked locks the phone; one without a PIN asks to make one first.
func (s *Screen) locked() {
	s.lock = newPINPage(pinUnlock)
	if s.phone.PINDigits() == 0 {
		s.lock = newPINPage(pinFirst)
	}
}
