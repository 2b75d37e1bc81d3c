package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// updateBase chooses the base page by the state of the phone. A base page of the
// same ID is kept.
func (s *Screen) updateBase() {
	var next page
	switch now := s.now; {
	case now.State == device.Off:
		next = offPage()
	case now.State == device.SignedOut && now.Place == "":
		next = startPage()
	case now.State == device.SignedOut:
		next = s.form
	case now.State == device.SigningIn:
		next = signingInPage()
	case now.State == device.Waiting || now.State == device.Failed:
		next = failurePage()
	default:
		next = homePage()
	}
	if s.basePage != nil && pageID(s.basePage) == pageID(next) {
		return
	}
	s.basePage = next
	if len(s.stack) == 0 {
		s.focus = ""
	}
	switch s.now.State {
	case device.Off:
		s.unlock()
		s.hangUp()
		s.note = nil
		s.stack, s.dialog, s.queuedDialogs = nil, nil, nil
		s.removeClip()
	case device.SignedOut:
		s.unlock()
		s.hangUp()
		s.dialog, s.queuedDialogs = nil, nil // they concern the former user
		s.prefs = s.phone.Preferences()      // a reset may have removed them
		s.form.remember(s.now)
		s.stack = slices.DeleteFunc(slices.Clone(s.stack), func(p page) bool { // the next user must not see data of this one
			b, ok := p.(*builtPage)
			return !ok || !b.public
		})
	case device.SignedIn, device.Ready:
		s.form.forgetPassword()
		s.stack = slices.DeleteFunc(slices.Clone(s.stack), func(p page) bool { return p == page(s.form) })
	}
}

// pageID is the ID of a page, or its Go type.
func pageID(p page) string {
	switch p := p.(type) {
	case *builtPage:
		return p.id
	case *signInPage:
		return "signin"
	}
	return fmt.Sprintf("%T", p)
}

// open shows a page over the present one.
func (s *Screen) open(p page) {
	s.stack = append(s.stack, p)
	s.focus, s.keyboard = "", view.NoKeyboard
}

// back closes the topmost page of the stack.
func (s *Screen) back() {
	if n := len(s.stack); n > 0 {
		s.stack = s.stack[: n-1 : n-1]
	}
	s.focus, s.keyboard = "", view.NoKeyboard
}

// home closes all pages but the base page.
func (s *Screen) home() {
	s.stack, s.dialog, s.queuedDialogs, s.focus, s.keyboard = nil, nil, nil, "", view.NoKeyboard
}

// topPage is the page that takes taps and keys.
func (s *Screen) topPage() page {
	if s.dialog != nil && s.lock == nil {
		return s.dialog
	}
	return s.currentPage()
}

// currentPage is the page under a dialog.
func (s *Screen) currentPage() page {
	if s.lock != nil {
		return s.lock
	}
	if n := len(s.stack); n > 0 {
		return s.stack[n-1]
	}
	return s.basePage
}

// Tap is a tap on the control with that ID. It does nothing if the page does not
// show the control, or shows it greyed out.
func (s *Screen) Tap(id string) { s.tapOrHold(id, page.tap) }

// Hold is a long press on a control.
func (s *Screen) Hold(id string) { s.tapOrHold(id, page.hold) }

func (s *Screen) tapOrHold(id string, what func(page, *Screen, string)) {
	s.userAction(func() {
		p := s.view.Top()
		switch {
		case id == "back" && p.Back:
			s.back()
		case p.Keyboard != view.NoKeyboard && isKeyboardID(id):
			s.keyboard = view.Keyboard(strings.TrimPrefix(id, keyboardID))
		case takes(p, id):
			if c, ok := p.Find(id); ok && (c.Role == view.Field || c.Role == view.Secret) {
				s.focus = id
			}
			what(s.topPage(), s, id)
		}
	})
}

// keyboardID and the name of a keyboard make the ID of the key that shows it.
const keyboardID = "keyboard."

func isKeyboardID(id string) bool {
	k, ok := strings.CutPrefix(id, keyboardID)
	return ok && slices.Contains([]view.Keyboard{view.Letters, view.Capitals, view.Symbols}, view.Keyboard(k))
}

// userAction is change for an action of the user: it restarts the time until the
// phone locks. Without power it does nothing.
func (s *Screen) userAction(f func()) {
	s.change(func() {
		if !s.now.On() {
			return
		}
		s.lastUse = s.opt.Clock.Now()
		f()
	})
}

// Type is text from a keyboard: that of the computer or that on the screen.
func (s *Screen) Type(text string) {
	s.userAction(func() {
		s.topPage().typed(s, text)
		if s.keyboard == view.Capitals { // of one letter, as on every small keyboard
			s.keyboard = view.NoKeyboard
		}
	})
}

// Press is a key of the body going down, Release its coming up.
func (s *Screen) Press(k view.Key) {
	s.userAction(func() {
		s.keysDown[k] = s.opt.Clock.Now()
		if k == view.KeyEnd {
			s.hangUp()
		}
		if s.topPage().key(s, k) {
			return
		}
		if p := s.view.Top(); k == view.KeyLeft || k == view.KeyRight {
			if c, ok := p.Find(p.Focus); ok && c.Role == view.Slider && !c.Off {
				s.topPage().tap(s, c.ID+map[view.Key]string{view.KeyLeft: "-", view.KeyRight: "+"}[k])
				return
			}
		}
		switch k {
		case view.KeyHome:
			if s.dialog == nil && s.lock == nil {
				s.home()
			}
		case view.KeyEnd:
			s.endKey()
		case view.KeyTab, view.KeyBackTab:
			s.moveFocus(map[view.Key]int{view.KeyTab: 1, view.KeyBackTab: -1}[k], true)
		case view.KeyDown, view.KeyRight:
			s.moveFocus(1, false)
		case view.KeyUp, view.KeyLeft:
			s.moveFocus(-1, false)
		case view.KeyEnter:
			s.enterKey()
		case view.KeyVolumeUp, view.KeyVolumeDown:
			s.volumeKey(k == view.KeyVolumeUp)
		case view.KeySpeaker:
			s.routeKey(viaSpeaker)
		case view.KeyHeadset:
			s.routeKey(viaHeadset)
		case view.KeyMute:
			s.showNote(textLine("note", s.texts.say("line.noCall"), view.IconInfo, view.ToneNone))
		}
	})
}

// endKey is the red key: it closes a dialog without an effect, or goes back.
func (s *Screen) endKey() {
	p := s.view.Top()
	for _, id := range []string{"cancel", "close", "ok"} {
		if _, there := p.Find(id); there && s.view.Dialog != nil {
			s.topPage().tap(s, id)
			return
		}
	}
	if p.Back {
		s.back()
	}
}

// enterKey taps the control that has the focus.
func (s *Screen) enterKey() {
	p := s.view.Top()
	switch c, ok := p.Find(p.Focus); {
	case p.Focus == "back":
		s.back()
	case ok && !c.Off:
		s.topPage().tap(s, c.ID)
	}
}

// Release ends a Press.
func (s *Screen) Release(k view.Key) { s.change(func() { delete(s.keysDown, k) }) }

// moveFocus goes to the next control that takes taps, or the one before; with tab,
// a list is one stop.
func (s *Screen) moveFocus(by int, tab bool) {
	if id, _ := s.view.Top().Next(by, tab); id != "" {
		s.focus = id
	}
}

// showDialog shows a dialog, or queues it behind the present one. A dialog of the
// same ID is replaced.
func (s *Screen) showDialog(p page) {
	if s.dialog == nil || pageID(s.dialog) == pageID(p) {
		s.dialog, s.focus = p, ""
		return
	}
	i := slices.IndexFunc(s.queuedDialogs, func(waiting page) bool { return pageID(waiting) == pageID(p) })
	if i >= 0 {
		s.queuedDialogs[i] = p
		return
	}
	s.queuedDialogs = append(s.queuedDialogs, p)
}

// withdrawDialog closes a dialog that is shown or queued.
func (s *Screen) withdrawDialog(id string) {
	s.queuedDialogs = slices.DeleteFunc(slices.Clone(s.queuedDialogs), func(p page) bool { return pageID(p) == id })
	if s.dialog != nil && pageID(s.dialog) == id {
		s.closeDialog()
	}
}

// closeDialog closes the dialog and shows the next one of the queue.
func (s *Screen) closeDialog() {
	s.dialog, s.focus = nil, ""
	if len(s.queuedDialogs) > 0 {
		s.dialog, s.queuedDialogs = s.queuedDialogs[0], s.queuedDialogs[1:]
	}
}

// latest is a copy of the last of steps that has one of names; nil: there is none.
func latest(steps []journal.Step, names ...journal.Name) *journal.Step {
	for _, st := range slices.Backward(steps) {
		if slices.Contains(names, st.Name) {
			return &st
		}
	}
	return nil
}

// recentSteps are the steps of the present epoch.
func (d pageContext) recentSteps() []journal.Step { return d.steps[len(d.steps)-d.recentCount:] }
