package screen

import (
	"slices"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/screen/view"
)

// line is the telephone line as far as the user opens it: there are no calls yet.
type line struct {
	via      route
	page     page        // the dial pad that was opened with the line; nil: none
	toneTime clock.Timer // until the dial tone ends; nil: there is none
}

// route is what the user listens to while the line is open.
type route string

const (
	onHook      route = "" // the line is closed
	viaReceiver route = "receiver"
	viaSpeaker  route = "speaker"
	viaHeadset  route = "headset"
)

// toneLength is how long the dial tone sounds while no number is dialled. It is not
// documented; public exchanges stop after 10 to 20 seconds (ITU-T E.180 leaves the
// length to the country).
const toneLength = 20 * time.Second

// Lift takes the receiver off the hook, or puts it back, also without power.
// Lifting it opens the dial pad, putting it back closes that.
func (s *Screen) Lift(up bool) {
	s.change(func() {
		if s.hook == up {
			return
		}
		s.hook, s.lastUse = up, s.opt.Clock.Now()
		if up {
			s.openLine(viaReceiver)
		} else if s.line.via == viaReceiver {
			s.closeLine()
		}
	})
}

// routeKey is the key of the loudspeaker or of the headset: it takes the line, or
// puts it down.
func (s *Screen) routeKey(via route) {
	switch {
	case s.line.via == via:
		s.closeLine()
	case s.lock != nil:
		s.showNote(textLine("note", s.texts.say("line.locked"), view.IconLock, view.ToneNone))
	case !signedIn(s.now):
		s.showNote(textLine("note", s.texts.say("line.signedOut"), view.IconInfo, view.ToneNone))
	default:
		s.openLine(via)
	}
}

// openLine opens the line and the dial pad, or moves an open line to via.
func (s *Screen) openLine(via route) {
	opened := s.line.via == onHook
	if s.line.via = via; s.lock != nil || !signedIn(s.now) {
		return
	}
	if _, dialling := s.currentPage().(*dialPage); !dialling {
		s.line.page = newDialPage(s, "")
		s.open(s.line.page)
	}
	if opened {
		s.line.toneTime = s.opt.Clock.AfterFunc(toneLength, func() { s.change(func() { s.line.toneTime = nil }) })
	}
}

// hangUp closes the line, or moves it to the receiver while that is lifted.
func (s *Screen) hangUp() {
	if s.line.via = onHook; s.hook {
		s.line.via = viaReceiver
		return
	}
	stopTimer(&s.line.toneTime)
}

// closeLine is hangUp; it closes the dial pad that was opened with the line.
func (s *Screen) closeLine() {
	if s.hangUp(); s.line.via != onHook {
		return
	}
	if at := slices.Index(s.stack, s.line.page); at >= 0 {
		s.stack = s.stack[:at:at]
		s.focus, s.keyboard = "", view.NoKeyboard
	}
	s.line.page = nil
}

// sound is what the line sounds: the dial tone until something is dialled.
func (s *Screen) sound() view.Sound {
	p, dialling := s.currentPage().(*dialPage)
	if s.line.via == onHook || s.line.toneTime == nil || !dialling || p.text.text != "" {
		return view.Silence
	}
	return view.DialTone
}

// noteLength is how long a note is shown.
const noteLength = 3 * time.Second

// showNote shows a short message over the page, which goes by itself.
func (s *Screen) showNote(c view.Control) {
	stopTimer(&s.noteTimer)
	s.note = &c
	s.noteTimer = s.opt.Clock.AfterFunc(noteLength, func() {
		s.change(func() {
			if s.note == &c {
				s.note, s.noteTimer = nil, nil
			}
		})
	})
}
