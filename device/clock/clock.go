// Package clock is the clock of the phone and the lab.
//
// Protocol timers and the time for the verification of certificates come from a
// Clock (docs/decisions.md#two-kinds-of-time), so that a test can advance eight hours at once and a
// phone can have a wrong date. Time-outs of network I/O (dial, handshake, read)
// are in real time and do not use this package.
//
// Use it so:
//
//  1. Take New(start) for a clock that runs, NewManual(start) for one that
//     moves only by Advance and Set.
//  2. Use Now and AfterFunc.
//  3. Let time pass with Advance: every timer that is due fires, in order, before
//     Advance returns. Correct the wall clock with Set: as on a real device, this
//     does not change timers.
package clock

import (
	"slices"
	"sync"
	"time"
)

// Clock tells the time and runs functions later.
type Clock interface {
	// Now is the current wall-clock time.
	Now() time.Time
	// AfterFunc calls f once, d from now. f must not block: it runs either on
	// a goroutine of its own or inside Advance.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop reports whether it prevented the function from being called.
	Stop() bool
}

// System is the host's clock.
var System Clock = system{}

type system struct{}

func (system) Now() time.Time                            { return time.Now() }
func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Adjustable is a clock that can be advanced and corrected.
type Adjustable struct {
	mu       sync.Mutex
	manual   bool
	started  time.Time     // host time (monotonic) at construction
	advanced time.Duration // the sum of all Advance calls
	wall     time.Time     // wall time at elapsed 0; changed by Set
	timers   []*timer      // pending, ordered by due

	host      *time.Timer // calls fire when the first timer is due; nil before the first, and for a manual clock
	advancing int         // calls of Advance under way, which fire the timers instead of host
}

type timer struct {
	c   *Adjustable
	due time.Duration // in elapsed time
	f   func()
}

// New returns a clock that starts at start and runs with the host's clock.
func New(start time.Time) *Adjustable {
	return &Adjustable{started: time.Now(), wall: start.Round(0)}
}

// NewManual returns a clock that stands at start and moves only by Advance and Set.
func NewManual(start time.Time) *Adjustable {
	return &Adjustable{manual: true, wall: start.Round(0)}
}

func (c *Adjustable) elapsed() time.Duration {
	if c.manual {
		return c.advanced
	}
	return time.Since(c.started) + c.advanced
}

// Now implements Clock.
func (c *Adjustable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall.Add(c.elapsed())
}

// Set corrects the wall clock to t. Pending timers keep the time they have left.
func (c *Adjustable) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = t.Round(0).Add(-c.elapsed())
}

// AfterFunc implements Clock. It costs no goroutine while pending.
func (c *Adjustable) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	d = max(d, 0)
	t := &timer{c: c, due: c.elapsed() + d, f: f}
	i, _ := slices.BinarySearchFunc(c.timers, t.due, func(p *timer, due time.Duration) int {
		if p.due <= due {
			return -1 // equal times fire in the order they were set
		}
		return 1
	})
	c.timers = slices.Insert(c.timers, i, t)
	if i == 0 {
		c.arm()
	}
	return t
}

// arm sets the host's timer for the first of c.timers. One for all needs less memory
// than one for each. The caller holds mu.
func (c *Adjustable) arm() {
	if c.manual || c.advancing > 0 || len(c.timers) == 0 {
		return
	}
	if left := c.timers[0].due - c.elapsed(); c.host == nil {
		c.host = time.AfterFunc(left, c.fire)
	} else {
		c.host.Reset(left)
	}
}

// fire is called by the host's timer. It runs what is due; that may be nothing, after
// a Stop.
func (c *Adjustable) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.advancing == 0 && len(c.timers) > 0 && c.timers[0].due <= c.elapsed() {
		go c.timers[0].f()
		c.timers = slices.Delete(c.timers, 0, 1)
	}
	c.arm()
}

// Stop implements Timer.
func (t *timer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	i := slices.Index(t.c.timers, t)
	if i < 0 {
		return false
	}
	t.c.timers = slices.Delete(t.c.timers, i, i+1)
	if len(t.c.timers) == 0 && t.c.host != nil {
		t.c.host.Stop() // so that nothing holds the clock
	}
	return true
}

// Next returns how long it takes until the next timer is due, at least 0; ok is
// false if none is pending.
func (c *Adjustable) Next() (d time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return 0, false
	}
	return max(c.timers[0].due-c.elapsed(), 0), true
}

// Advance lets d (at least 0) pass, in addition to concurrent calls. All timers
// that become due, including those set by timers that fire, have run when it
// returns.
func (c *Adjustable) Advance(d time.Duration) {
	c.mu.Lock()
	c.advancing++
	left := max(d, 0)
	for len(c.timers) > 0 {
		t := c.timers[0]
		gap := max(t.due-c.elapsed(), 0)
		if gap > left {
			break
		}
		c.timers = slices.Delete(c.timers, 0, 1)
		c.advanced += gap // the function sees the time it was set for
		left -= gap
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.advanced += left
	c.advancing--
	c.arm()
	c.mu.Unlock()
}
