package device

import (
	"context"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

// lifetime is a stretch of a phone's life with a beginning and an end: a
// session, a registration, a subscription. It is the only way to work in the
// background and to set a timer, and the only place that decides whether a
// result is still current: what arrives after the end is dropped.
//
//  1. l := newLifetime(core, outer): it ends with outer at the latest.
//  2. l.run for what takes time, l.after for timers, l.record for steps of
//     work in the background, l.post for other calls from outside the queue.
//  3. l.end, once or more often.
//
// The task queue calls end and after; the other methods are for any goroutine.
type lifetime struct {
	*core
	ctx    context.Context
	cancel context.CancelFunc
	timers []*clock.Timer // those of after
}

func newLifetime(c *core, outer context.Context) lifetime {
	l := lifetime{core: c}
	l.ctx, l.cancel = context.WithCancel(outer)
	return l
}

// ended reports whether l or an outer lifetime has ended. In a task the answer
// does not change until the task returns.
func (l *lifetime) ended() bool { return l.ctx.Err() != nil }

// end ends l and the lifetimes inside it, and stops the timers of l.
func (l *lifetime) end() {
	l.cancel()
	for _, t := range l.timers {
		(*t).Stop()
	}
	l.timers = nil
}

// post runs f in the task queue, unless l has ended by then.
func (l *lifetime) post(f func()) {
	l.queue.post(func() {
		if !l.ended() {
			f()
		}
	})
}

// record journals a step.
func (l *lifetime) record(s journal.Step) { l.post(func() { l.step(s) }) }

// run calls work on a goroutine of its own, with a context that ends with l.
// work may use only what does not change. It returns two functions, each of
// which may be nil: apply runs in the task queue; if l has ended by then, drop
// runs instead, perhaps outside the queue, and gives back what work holds.
func (l *lifetime) run(work func(ctx context.Context) (apply, drop func())) {
	l.background.spawn(func() {
		apply, drop := work(l.ctx)
		if !l.queue.post(func() {
			if l.ended() {
				apply = drop
			}
			if apply != nil {
				apply()
			}
		}) && drop != nil {
			drop()
		}
	})
}

// after runs f in the task queue when d has passed on the phone's clock, unless
// l has ended by then. t holds the timer, and belongs to l; a timer that it
// held before is stopped.
func (l *lifetime) after(t *clock.Timer, d time.Duration, f func()) {
	if *t != nil {
		(*t).Stop()
	} else {
		l.timers = append(l.timers, t)
	}
	*t = l.clock.AfterFunc(d, func() { l.post(f) })
}
