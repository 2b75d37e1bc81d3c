package screen

import (
	"context"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
)

// The lock with a PIN (docs/protocol/phone.md#phone-lock,
// docs/protocol/phone.md#sign-in). The pool says whether the phone locks itself,
// after how long, and how long a PIN must be.

// pinPurpose is what a PIN is typed for.
type pinPurpose string

const (
	pinUnlock pinPurpose = "unlock" // the phone is locked
	pinFirst  pinPurpose = "first"  // the phone must lock, and has no PIN yet: set one
	pinShort  pinPurpose = "short"  // unlocked, but the PIN is shorter than the pool demands: set another
	pinOld    pinPurpose = "old"    // the present PIN, before it is changed
	pinChange pinPurpose = "change" // the new PIN, from the settings
)

// pinPage takes a PIN: over everything as Screen.lock, or from the settings.
type pinPage struct {
	noHold
	purpose      pinPurpose
	pin          field
	firstEntry   string // of a new PIN, which is typed twice
	message      string // what went wrong; "": nothing
	signOutAsked bool   // the page asks whether to sign out, for a forgotten PIN
	busy         bool   // the PIN is being checked
}

func newPINPage(aim pinPurpose) *pinPage {
	return &pinPage{purpose: aim, pin: field{id: "pin", label: "pin.field", secret: true, max: maxPIN}}
}

// maxPIN is the longest PIN, in digits.
const maxPIN = 15

func (p *pinPage) view(d pageContext) view.Page {
	v := view.Page{ID: "pin", Layout: view.PINPad, Title: d.say("pin.title"), Focus: "pin"}
	text := "pin." + string(p.purpose)
	if p.purpose == pinUnlock {
		v.ID, v.Title = "lock", d.say("lock.title")
	}
	if p.firstEntry != "" {
		text = "pin.repeat"
	}
	v.Controls = append(v.Controls, view.Control{ID: "text", Role: view.Text, Text: d.say(text), Icon: view.IconLock})
	if p.purpose != pinUnlock && p.purpose != pinOld && p.firstEntry == "" {
		digits := d.say("pin.digits", "Min", d.leastPIN(), "Max", maxPIN)
		v.Controls = append(v.Controls, textLine("digits", digits, view.NoIcon, view.ToneDim))
	}
	v.Controls = append(v.Controls, p.pin.control(d.texts))
	if p.message != "" {
		v.Controls = append(v.Controls, view.Control{ID: "note", Role: view.Text, Text: p.message, Tone: view.ToneBad})
	}
	off := p.busy || d.pinDelayed || p.pin.text == ""
	v.Controls = append(v.Controls, view.Control{ID: "enter", Role: view.Button, Text: d.say("ok"), Off: off})
	if p.purpose == pinUnlock { // for a forgotten PIN: a sign-out removes it
		v.Controls = append(v.Controls, view.Control{ID: "forgot", Role: view.Button, Text: d.say("settings.signout")})
	}
	return v
}

// leastPIN is the least number of digits of a new PIN: 4, or more if the pool
// demands it.
func (d pageContext) leastPIN() int {
	least := 4
	if set := d.now.Settings; set != nil {
		least = max(least, set.Lock.MinPINLength)
	}
	return least
}

func (p *pinPage) typed(s *Screen, text string) {
	if p.busy || s.pinDelay != nil || text == "" || strings.Trim(text, "0123456789") != "" {
		return
	}
	p.signOutAsked, p.message = false, ""
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
	case id == "forgot" && p.signOutAsked:
		s.signOut()
	case id == "forgot":
		p.signOutAsked, p.message = true, s.texts.say("signout.sure", "Address", s.now.Address)
	}
}

// enter checks or keeps the PIN that was typed.
func (p *pinPage) enter(s *Screen) {
	pin := p.pin.text
	if p.busy || s.pinDelay != nil || pin == "" {
		return
	}
	p.pin.text, p.message = "", ""
	switch {
	case p.purpose == pinUnlock || p.purpose == pinOld:
		p.busy = true
		var good bool
		var digits int
		s.background(func(context.Context) { good, digits = s.phone.Unlocks(pin), s.phone.PINDigits() }, func() {
			p.busy = false
			p.checked(s, good, digits)
		})
	case p.firstEntry == "":
		d := pageContext{now: s.now}
		if least := d.leastPIN(); len(pin) < least {
			p.message = s.texts.say("pin.digits", "Min", least, "Max", maxPIN)
			return
		}
		p.firstEntry = pin
	case p.firstEntry != pin:
		p.firstEntry, p.message = "", s.texts.say("pin.differ")
	default:
		p.set(s, pin)
	}
}

// checked continues after the present PIN was checked.
func (p *pinPage) checked(s *Screen, good bool, digits int) {
	if !good {
		s.wrongPINs++
		p.message = s.texts.say("pin.wrong")
		if wait := pinPenalty(s.wrongPINs); wait > 0 {
			p.message = s.texts.say("pin.wait", "Time", s.texts.span(wait))
			s.pinDelay = s.opt.Clock.AfterFunc(wait, func() { s.change(func() { s.pinDelay, p.message = nil, "" }) })
		}
		return
	}
	s.wrongPINs = 0
	d := pageContext{now: s.now}
	switch {
	case p.purpose == pinOld:
		p.purpose = pinChange
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
	s.background(func(context.Context) { err = s.phone.SetPIN(pin) }, func() {
		p.busy, p.firstEntry = false, ""
		switch {
		case err != nil:
			p.message = s.texts.sentenceOf(err)
		case p.purpose == pinFirst: // set in order to lock the phone
			s.home()
			s.lock = newPINPage(pinUnlock)
		case s.lock != p: // from the settings, if the page is still open
			if s.currentPage() == page(p) {
				s.back()
			}
			s.showMessage("pin-set", s.texts.say("pin.title"), s.texts.say("pin.set"))
		default:
			s.unlock()
		}
	})
}

// freePINs is the number of wrong PINs without a delay; each further one doubles
// the delay, up to longestWait.
const (
	freePINs    = 2
	firstWait   = 10 * time.Second
	longestWait = 10 * time.Minute
)

// pinPenalty is the delay after a number of wrong PINs.
func pinPenalty(wrong int) time.Duration {
	wait := time.Duration(0)
	for n := freePINs; n < wrong && wait < longestWait; n++ {
		wait = max(firstWait, 2*wait)
	}
	return min(wait, longestWait)
}

// lockNow locks the phone at the user's request. If there is no PIN it asks for
// one first, on a page that can be left.
func (s *Screen) lockNow() {
	if s.phone.PINDigits() == 0 {
		s.open(newPINPage(pinFirst))
		return
	}
	s.home()
	s.showLock()
}

func (s *Screen) unlock() {
	s.lock, s.focus, s.wrongPINs = nil, "", 0
	stopTimer(&s.pinDelay)
}

// untilLock is the time without use that is left before the phone locks.
func (s *Screen) untilLock() (left time.Duration, may bool) {
	set := s.now.Settings
	if s.lock != nil || set == nil || !set.Lock.Enforced || set.Lock.Idle <= 0 {
		return 0, false
	}
	gone := s.opt.Clock.Now().Sub(s.lastUse)
	if gone < 0 { // the clock was set back
		s.lastUse, gone = s.opt.Clock.Now(), 0
	}
	return max(set.Lock.Idle-gone, 0), true
}

// lockIfIdle locks the phone if it was not used for the time that the pool sets.
func (s *Screen) lockIfIdle() {
	if left, may := s.untilLock(); !may || left > 0 {
		return
	}
	s.home()
	s.showLock()
}

// showLock locks the phone; if there is no PIN the lock asks for a new one.
func (s *Screen) showLock() {
	s.hangUp()
	s.lock = newPINPage(pinUnlock)
	if s.phone.PINDigits() == 0 {
		s.lock = newPINPage(pinFirst)
	}
}
