package screen

import (
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// page is one page. All methods run under the Screen's lock. They may change the
// page itself (pages are pointers) and the Screen.
type page interface {
	// view is what the page shows of d. It does not change what the page shows.
	view(d pageContext) view.Page
	// tap and hold are for a control that the page showed and that is not off.
	tap(s *Screen, id string)
	hold(s *Screen, id string)
	// typed is text from a keyboard.
	typed(s *Screen, text string)
	// key is a key of the body; it reports whether the page handled it.
	key(s *Screen, k view.Key) bool
}

// noHold is embedded by pages that ignore long presses.
type noHold struct{}

func (noHold) hold(*Screen, string) {}

// pageContext is the data that a page may show.
type pageContext struct {
	*texts
	now         device.Snapshot
	steps       []journal.Step // oldest first
	recentCount int            // the last recentCount of steps are of the present epoch
	clockTime   time.Time      // of the phone's clock, in location
	location    *time.Location // of the times that are shown
	index       *contactIndex  // use contacts, which updates it
	focus       string         // ID of the control that the user chose; "": none

	pinDelayed bool              // a delay after wrong PINs is running
	prefs      map[string]string // read only
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

// pageContext is the present data for a page.
func (s *Screen) pageContext() pageContext {
	return pageContext{
		texts:       s.texts,
		now:         s.now,
		steps:       s.steps,
		recentCount: s.recentCount,
		clockTime:   s.opt.Clock.Now().In(s.opt.Location),
		location:    s.opt.Location,
		index:       &s.index,
		focus:       s.focus,
		pinDelayed:  s.pinDelay != nil,
		prefs:       s.prefs,
	}
}

// render makes the present View.
func (s *Screen) render() {
	d := s.pageContext()
	v := view.View{
		Seq:   s.view.Seq + 1,
		On:    s.now.On(),
		Lang:  s.texts.lang,
		Hook:  s.hook,
		Hole:  s.clipView(),
		Names: s.texts.names,
	}
	if v.On {
		top := s.dialog != nil && s.lock == nil
		v.Page, v.Status, v.Lamps = s.pageView(s.currentPage(), d, !top), d.status(), d.lamps()
		v.Status.Locked = s.lock != nil
		v.Note, v.Sound = s.note, s.sound()
		v.Lamps.Speaker, v.Lamps.Headset = s.line.via == viaSpeaker, s.line.via == viaHeadset
		v.Page.Back = s.lock == nil && (v.Page.Back || len(s.stack) > 0)
		if top {
			p := s.pageView(s.dialog, d, true)
			v.Dialog = &p
		}
	}
	s.view = v
	s.setTimers(d.clockTime)
}

// pageView is the view of one page, with focus and keyboard if it is on top.
func (s *Screen) pageView(p page, d pageContext, top bool) view.Page {
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
	} else if v.Keyboard != view.NoKeyboard && s.keyboard != view.NoKeyboard {
		v.Keyboard = s.keyboard
	}
	return v
}

// setTimers starts the timer for the next minute of the clock on the screen, and
// the timer that locks the phone.
func (s *Screen) setTimers(now time.Time) {
	if s.closed || !s.now.On() {
		return
	}
	if s.minuteTimer == nil {
		s.minuteTimer = s.opt.Clock.AfterFunc(now.Truncate(time.Minute).Add(time.Minute).Sub(now), func() {
			s.change(func() { s.minuteTimer = nil })
		})
	}
	if left, may := s.untilLock(); may && s.lockTimer == nil {
		s.lockTimer = s.opt.Clock.AfterFunc(left, func() { s.change(func() { s.lockTimer = nil; s.lockIfIdle() }) })
	}
}
