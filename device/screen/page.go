package screen

import (
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// page is one page. All methods run under the Screen's lock; they may change
// the page itself (pages are pointers) and the Screen.
type page interface {
	// view is what the page shows of d. It changes nothing that can be seen.
	view(d draw) view.Page
	// tap and hold are for a control that the page showed and that is not off.
	tap(s *Screen, id string)
	hold(s *Screen, id string)
	// typed is text from a keyboard.
	typed(s *Screen, text string)
	// key is a key of the body; it reports whether the page took it.
	key(s *Screen, k view.Key) bool
}

// plain is a page on which nothing is held; pages embed it.
type plain struct{}

func (plain) hold(*Screen, string) {}

// draw is what a page may show.
type draw struct {
	*texts
	now    device.Snapshot
	steps  []journal.Step // oldest first
	recent int            // how many of them, at the end, are of the present epoch
	time   time.Time      // the phone's, in the place that is shown
	place  *time.Location // of times that are shown
	hook   bool
	book   *book  // of the contacts, see people
	focus  string // the control that was given the focus; "": none

	patience bool              // no PIN is taken for a while
	prefs    map[string]string // not to be changed
}

// takes reports whether p shows a control that takes a tap with that ID.
func takes(p *view.Page, id string) bool {
	if c, ok := p.Find(id); ok {
		return !c.Off
	}
	for _, list := range [][]view.Control{p.Controls, p.Nav} {
		for _, c := range list {
			if c.Role == view.Slider && !c.Off && (id == c.ID+"-" || id == c.ID+"+") {
				return true
			}
		}
	}
	return false
}

// drawing is what a page may show now.
func (s *Screen) drawing() draw {
	return draw{texts: s.texts, now: s.now, steps: s.steps, recent: s.recent, time: s.opt.Clock.Now().In(s.opt.Location),
		place: s.opt.Location, hook: s.hook, book: &s.book, focus: s.focus, patience: s.patience != nil, prefs: s.prefs}
}

// render makes the View of now.
func (s *Screen) render() {
	d := s.drawing()
	v := view.View{Seq: s.view.Seq + 1, On: s.now.On(), Lang: s.texts.lang, Hook: s.hook, Hole: s.holeView(), Names: s.texts.names}
	if v.On {
		top := s.dialog != nil && s.lock == nil
		v.Page, v.Status, v.Lamps = s.draw(s.shown(), d, !top), d.status(), d.lamps()
		v.Status.Locked = s.lock != nil
		v.Page.Back = s.lock == nil && (v.Page.Back || len(s.stack) > 0)
		if top {
			p := s.draw(s.dialog, d, true)
			v.Dialog = &p
		}
	}
	s.view = v
	s.wind(d.time)
}

// draw is the view of one page, with the focus if it takes the keys.
func (s *Screen) draw(p page, d draw, top bool) view.Page {
	v := p.view(d)
	if !top {
		v.Focus, v.Keyboard = "", view.NoKeyboard
		return v
	}
	if _, ok := v.Find(s.focus); ok || s.focus == "back" {
		v.Focus = s.focus
	}
	if c, ok := v.Find(v.Focus); !ok || c.Role != view.Field && c.Role != view.Secret {
		v.Keyboard = view.NoKeyboard
	} else if v.Keyboard != view.NoKeyboard && s.board != view.NoKeyboard {
		v.Keyboard = s.board
	}
	return v
}

// wind sets the timers: that which moves the clock on the screen to the next
// minute, and that which locks the phone.
func (s *Screen) wind(now time.Time) {
	if s.closed || !s.now.On() {
		return
	}
	if s.tick == nil {
		s.tick = s.opt.Clock.AfterFunc(now.Truncate(time.Minute).Add(time.Minute).Sub(now), func() {
			s.change(func() { s.tick = nil })
		})
	}
	if left, may := s.untilLock(); may && s.sleep == nil {
		s.sleep = s.opt.Clock.AfterFunc(left, func() { s.change(func() { s.sleep = nil; s.idle() }) })
	}
}
