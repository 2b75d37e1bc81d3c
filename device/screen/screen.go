// Package screen decides what the whole handset shows and what a tap or a key
// does: a pure presenter, tested without a window (docs/decisions.md#screen-and-view-are-apart).
//
//  1. s, err := screen.New(phone, screen.Options{Lang: "en"}); s.Close at the end.
//  2. Pass on what the user does: Tap, Hold, Press, Release, Type, Lift, Poke.
//  3. Draw s.View(); Watch reports each new one.
//
// A View is data, see package view; every text comes from the message catalogue.
// This package does not decide how and where things are drawn.
//
// Inside: the base page follows from the state of the phone (off, starting,
// signing in, failed, home). The user opens other pages over it, which form a
// stack; a dialog is over the stack, and the lock is over everything. A page has
// the methods of the interface page: what it shows of a Snapshot, and what a tap
// does. Most pages are a builtPage, made by one function; those that hold typed
// text have types of their own. Pages run under the Screen's lock, so they must be
// quick; what takes time runs in Screen.background.
package screen

import (
	"context"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// Options say how a Screen is built.
type Options struct {
	Lang     string             // the hardware's language (R10.1), see Languages; "": en
	Clock    clock.Clock        // the phone's clock; nil: the host's
	Location *time.Location     // of times that are shown; nil: the host's
	Suggest  device.Credentials // initial content of the sign-in form; a password is for labs only
	Restart  func()             // turns the power off and on; nil: ShutDown and PowerOn
	Player   Player             // a loudspeaker for voice mail; nil: there is none
}

// Screen presents one phone. Its methods may be called from any goroutine.
type Screen struct {
	phone   *device.Phone
	opt     Options
	texts   *texts
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // the reader of events, background work

	mu            sync.Mutex // guards the rest
	now           device.Snapshot
	steps         []journal.Step // oldest first, at most keepSteps
	recentCount   int            // how many of them, at the end, are of the present epoch
	epoch         uint64         // of the latest step
	index         contactIndex   // see pageContext.contacts
	stack         []page         // over basePage
	basePage      page           // follows from the phone's state
	form          *signInPage    // kept for the next attempt
	dialog        page           // nil: none
	queuedDialogs []page         // shown after the present one
	lock          *pinPage       // over everything; nil: the phone is not locked
	wrongPINs     int            // PINs in a row
	pinDelay      clock.Timer    // after wrong PINs; nil: none
	lastUse       time.Time      // of the last action of the user
	focus         string         // the control that has it; "": the page's choice
	keyboard      view.Keyboard  // that the user chose; NoKeyboard: the page's choice
	keysDown      map[view.Key]time.Time
	hook          bool // the receiver is lifted
	line          line
	note          *view.Control     // nil: none
	noteTimer     clock.Timer       // until the note goes
	clip          *heldClip         // nil: no paper clip in the hole
	prefs         map[string]string // as the phone keeps them; replaced, never changed
	saving        chan struct{}     // closed when prefs are written; nil: they are not being written
	unsaved       map[string]string // prefs changed while others are written
	minuteTimer   clock.Timer       // for the clock on the screen
	lockTimer     clock.Timer       // until the phone may lock itself
	view          view.View
	watchers      map[int]func()
	nextID        int
	closed        bool
}

// keepSteps is the number of steps that the handset can show.
const keepSteps = 200

// New presents phone, which it does not close.
func New(phone *device.Phone, o Options) (*Screen, error) {
	t, err := newTexts(o.Lang)
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	s := &Screen{phone: phone, opt: o, texts: t, keysDown: map[view.Key]time.Time{}, watchers: map[int]func(){}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.now = phone.Snapshot()
	s.mu.Lock()
	s.lastUse, s.prefs = o.Clock.Now(), phone.Preferences()
	s.form = newSignInPage(o.Suggest)
	s.updateBase()
	s.render()
	s.mu.Unlock()
	s.running.Go(s.listen)
	return s, nil
}

// Close ends the Screen; the View no longer changes.
func (s *Screen) Close() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	for _, t := range []clock.Timer{s.minuteTimer, s.lockTimer, s.pinDelay, s.noteTimer, s.line.toneTime} {
		if t != nil {
			t.Stop()
		}
	}
	s.removeClip()
	s.mu.Unlock()
	s.running.Wait()
}

// View is what the handset shows now.
func (s *Screen) View() view.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

// Watch calls f after each change of the View, until stop is called. f may run on
// any goroutine and must not block; it gets the View with Screen.View.
func (s *Screen) Watch(f func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextID
	s.nextID++
	s.watchers[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, id)
	}
}

// listen applies the events of the phone.
func (s *Screen) listen() {
	for cursor := uint64(0); ; {
		events, next, _, ok := s.phone.Events().Wait(s.ctx, cursor)
		if !ok {
			return
		}
		cursor = next
		snapshot := s.phone.Snapshot()
		s.change(func() {
			for _, e := range events {
				s.record(e)
			}
			before := s.now
			s.now = snapshot
			if before.Address != "" && s.now.Address == "" {
				s.form.clear()
			}
			s.updateBase()
			s.announce(before)
		})
	}
}

// record keeps the step of an event.
func (s *Screen) record(e device.Event) {
	if e.Epoch != s.epoch {
		s.epoch, s.recentCount = e.Epoch, 0
	}
	if e.Step == nil {
		return
	}
	s.recentCount++
	s.steps = append(s.steps, *e.Step)
	if len(s.steps) > keepSteps { // a new array: Views hold the old one
		s.steps = append(make([]journal.Step, 0, 2*keepSteps), s.steps[len(s.steps)-keepSteps:]...)
	}
	s.recentCount = min(s.recentCount, len(s.steps))
	if e.Step.Name == journal.Time { // the clock may have been set
		stopTimer(&s.minuteTimer)
		stopTimer(&s.lockTimer)
		s.lastUse = s.opt.Clock.Now()
	}
}

// stopTimer stops a timer, which may be nil, and sets it to nil.
func stopTimer(t *clock.Timer) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
}

// change runs f under the lock, makes a View and calls the watchers.
func (s *Screen) change(f func()) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	f()
	s.render()
	watchers := make([]func(), 0, len(s.watchers))
	for _, w := range s.watchers {
		watchers = append(watchers, w)
	}
	s.mu.Unlock()
	for _, w := range watchers {
		w()
	}
}

// background runs work without the lock, with a context that ends with the Screen,
// and then done under the lock. It is called under the lock.
func (s *Screen) background(work func(ctx context.Context), done func()) {
	if s.closed {
		return
	}
	s.running.Go(func() {
		work(s.ctx)
		s.change(done)
	})
}
