package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/device/script"
)

// watcher prints a run.
type watcher struct {
	*printer          // of the summary
	steps    *printer // nil: they are not shown
	pages    *pages   // nil: they are not shown
}

// showPages shows pages instead of steps; the steps go to the standard error if
// steps is set.
func (w *watcher) showPages(e environment, phone *device.Phone, lang string, c clock.Clock, steps bool) (err error) {
	if w.steps = nil; steps {
		w.steps = newPrinter(e.err, false)
		w.steps.brief = w.brief
	}
	w.pages, err = newPages(phone, e.out, controls(e.out), lang, c)
	return err
}

// pages shows the page of a phone as text each time that it changes. On a
// terminal each page replaces the one before; elsewhere it follows, below its
// name.
type pages struct {
	w      io.Writer
	redraw bool
	phone  *device.Phone
	screen *screen.Screen
	stop   func()
	shown  sync.WaitGroup
	wakeup chan struct{} // one token: there are Views, or no more will come

	mu      sync.Mutex // guards the rest
	pending []view.View
	latest  view.View
	closing bool
}

// newPages shows phone, whose time is c, on w, which is cleared before each page
// if redraw; close it before the phone.
func newPages(phone *device.Phone, w io.Writer, redraw bool, lang string, c clock.Clock) (*pages, error) {
	s, err := screen.New(phone, screen.Options{Lang: lang, Clock: c})
	if err != nil {
		return nil, exit{code: exitUsage, err: err}
	}
	p := &pages{w: w, redraw: redraw, phone: phone, screen: s, wakeup: make(chan struct{}, 1)}
	p.stop = s.Watch(p.changed)
	p.shown.Go(p.show)
	return p, nil
}

// maxPending bounds the Views that are not shown yet; older ones are left out.
const maxPending = 64

// changed queues the current View if it is new. Several goroutines may call it.
func (p *pages) changed() {
	v := p.screen.View()
	p.mu.Lock()
	if v.Seq > p.latest.Seq && !p.closing {
		p.latest = v
		if p.pending = append(p.pending, v); len(p.pending) > maxPending {
			p.pending = p.pending[1:]
		}
	}
	p.mu.Unlock()
	p.wake()
}

func (p *pages) wake() {
	select {
	case p.wakeup <- struct{}{}:
	default:
	}
}

// show writes queued Views until the end.
func (p *pages) show() {
	last := ""
	for range p.wakeup {
		p.mu.Lock()
		views, closing := p.pending, p.closing
		p.pending = nil
		p.mu.Unlock()
		for _, v := range views {
			if text := journal.PrintableLines(v.Plain()); v.On && text != last {
				p.write(v, text)
				last = text
			}
		}
		if closing {
			return
		}
	}
}

// clearScreen makes a terminal empty, the cursor at its upper left.
const clearScreen = "\x1b[H\x1b[2J"

func (p *pages) write(v view.View, text string) {
	if p.redraw {
		io.WriteString(p.w, clearScreen+text)
		return
	}
	name := v.Page.ID
	if v.Dialog != nil {
		name += ", " + v.Dialog.ID
	}
	fmt.Fprintf(p.w, "== %s\n%s", name, text)
}

// lastPageTimeout bounds how long the page of the phone's last state may take.
const lastPageTimeout = 2 * time.Second

// close shows the page of the phone's current state and stops, so that the
// sign-out is not shown. It is safe on nil.
func (p *pages) close() {
	if p == nil {
		return
	}
	limit := time.NewTimer(lastPageTimeout)
	defer limit.Stop()
	changed := make(chan struct{}, 1)
	stop := p.screen.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
wait:
	for !showsState(p.screen.View(), p.phone.Snapshot()) {
		select {
		case <-changed:
		case <-limit.C:
			break wait
		}
	}
	stop()
	p.stop()
	p.changed() // a View that no watcher has reported yet
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.wake()
	p.shown.Wait()
	p.screen.Close()
}

// showsState reports whether v shows at least the state of s.
func showsState(v view.View, s device.Snapshot) bool {
	switch s.State {
	case device.Failed, device.Waiting:
		return v.Page.ID == "failure"
	case device.SignedIn:
		return v.Status.Signed
	case device.Ready:
		return v.Status.Signed && !script.Shows(v.Page, "loading") &&
			(s.Mailbox == nil || v.Status.Exchange != view.ToneNone)
	}
	return true
}
