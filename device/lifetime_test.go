package device

import (
	"context"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

// newTestLifetime returns a lifetime in the task queue of a phone, whose clock
// stands still.
func newTestLifetime(t *testing.T) (*Phone, lifetime, *clock.Adjustable) {
	t.Helper()
	c := clock.NewManual(time.Now())
	p, err := New(Config{RootSet: "none", Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, newLifetime(&p.core, context.Background()), c
}

// do calls f in the task queue.
func (p *Phone) do(f func()) { p.queue.do(f) }

func TestLifetimeAppliesTheResultOfWork(t *testing.T) {
	p, l, _ := newTestLifetime(t)
	defer p.do(l.end)
	applied := make(chan bool)
	l.run(func(ctx context.Context) (apply, drop func()) {
		if ctx.Err() != nil {
			t.Error("the context has ended")
		}
		return func() { close(applied) }, func() { t.Error("a current result was dropped") }
	})
	<-applied
}

func TestLifetimeDropsAResultThatComesAfterItsEnd(t *testing.T) {
	for name, end := range map[string]func(l, outer *lifetime){
		"its own":          func(l, _ *lifetime) { l.end() },
		"of the outer one": func(_, outer *lifetime) { outer.end() },
	} {
		t.Run(name, func(t *testing.T) {
			p, outer, _ := newTestLifetime(t)
			l := newLifetime(&p.core, outer.ctx)
			dropped := make(chan bool)
			l.run(func(ctx context.Context) (apply, drop func()) {
				<-ctx.Done() // the end of the lifetime reaches the work
				return func() { t.Error("a stale result was applied") }, func() { close(dropped) }
			})
			p.do(func() { end(&l, &outer) })
			<-dropped
			p.do(outer.end)
		})
	}
}

func TestLifetimeDropsAResultThatWaitsInTheQueueAtItsEnd(t *testing.T) {
	p, l, _ := newTestLifetime(t)
	dropped := make(chan bool)
	p.do(func() {
		worked := make(chan bool)
		l.run(func(context.Context) (apply, drop func()) {
			defer close(worked)
			return func() { t.Error("a stale result was applied") }, func() { close(dropped) }
		})
		<-worked
		l.end()
	})
	<-dropped
}

func TestLifetimeGivesBackAResultThatTheClosedQueueRefuses(t *testing.T) {
	p, l, _ := newTestLifetime(t)
	l.run(func(context.Context) (apply, drop func()) { return nil, nil }) // nothing to apply or to give back
	p.background.close()
	p.queue.close()
	p.background.mu.Lock()
	p.background.closed = false
	p.background.mu.Unlock()
	dropped := make(chan bool)
	l.run(func(context.Context) (apply, drop func()) {
		return func() { t.Error("applied without a queue") }, func() { close(dropped) }
	})
	<-dropped
	l.end()
}

func TestLifetimePostsAndRecordsUntilItsEnd(t *testing.T) {
	p, l, _ := newTestLifetime(t)
	posted := 0
	l.post(func() { posted++ })
	l.record(journal.Step{Name: journal.Session, Decided: "Before."})
	p.do(l.end)
	l.post(func() { posted++ })
	l.record(journal.Step{Name: journal.Session, Decided: "After."})
	p.do(l.end) // once more
	if steps := p.Steps(); posted != 1 || len(steps) != 1 || steps[0].Decided != "Before." {
		t.Errorf("%d posted, steps %+v", posted, steps)
	}
}

func TestLifetimeTimers(t *testing.T) {
	p, l, c := newTestLifetime(t)
	inner := newLifetime(&p.core, l.ctx)
	fired := map[string]int{}
	var timer, outerTimer, innerTimer clock.Timer
	set := func(l *lifetime, t *clock.Timer, name string, d time.Duration) {
		l.after(t, d, func() { fired[name]++ })
	}
	p.do(func() {
		set(&l, &timer, "replaced", time.Minute)
		set(&l, &timer, "in time", 2*time.Minute)
		set(&l, &outerTimer, "outer", time.Hour)
		set(&inner, &innerTimer, "inner", time.Hour)
	})
	c.Advance(10 * time.Minute)
	p.do(l.end)
	if timer.Stop() || outerTimer.Stop() {
		t.Error("a timer still ran after the end")
	}
	c.Advance(10 * time.Hour) // the inner timer fires and does nothing
	p.do(func() {
		if len(fired) != 1 || fired["in time"] != 1 {
			t.Errorf("fired %v", fired)
		}
	})
}
