package media

import (
	"context"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
)

// Output is something that can be heard, or pretends.
type Output interface {
	// Play plays s from a time of it to its end, and returns then. When ctx is
	// done before, it stops at once and returns the error of ctx; another
	// error says that the device does not play.
	//
	// progress, if there is one, is told how far it is: at the beginning, some
	// times a second, and at the end. It is called by one goroutine at a time,
	// never after Play has returned, and must not block.
	Play(ctx context.Context, s Sound, from time.Duration, progress func(at time.Duration)) error
}

// progressEvery is how often NewNull tells how far it is.
const progressEvery = 100 * time.Millisecond

// NewNull returns an Output without a device: nothing is heard, and it takes the
// time that it would take, by c (nil: the host's clock). It calls progress as a
// timer of c, so that a test which advances the clock finds it called.
func NewNull(c clock.Clock) Output {
	if c == nil {
		c = clock.System
	}
	return null{c}
}

type null struct{ clock clock.Clock }

// Play implements Output.
func (o null) Play(ctx context.Context, s Sound, from time.Duration, progress func(at time.Duration)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	end := s.Duration()
	p := &playback{clock: o.clock, at: min(max(from, 0), end), end: end, progress: progress, done: make(chan struct{})}
	p.mu.Lock()
	p.schedule()
	p.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock() // a progress under way is waited for
	defer p.mu.Unlock()
	if p.at >= p.end { // both at once
		return nil
	}
	p.stopped = true
	p.timer.Stop()
	return ctx.Err()
}

// playback is one Play of a null.
type playback struct {
	clock    clock.Clock
	end      time.Duration
	progress func(time.Duration)
	done     chan struct{} // closed at the end

	mu      sync.Mutex
	at      time.Duration
	stopped bool
	timer   clock.Timer
}

// schedule tells how far it is, and waits for what is next. The caller holds mu.
func (p *playback) schedule() {
	if p.at < p.end {
		step := min(progressEvery, p.end-p.at)
		p.timer = p.clock.AfterFunc(step, func() { p.advance(step) })
	}
	if p.progress != nil {
		p.progress(p.at)
	}
	if p.at >= p.end {
		close(p.done)
	}
}

// advance lets d of the sound have passed.
func (p *playback) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.at += d
		p.schedule()
	}
}

// Player plays recordings as they come, on an Output.
type Player struct {
	Output Output         // nil: NewNull(nil)
	Gain   func() float64 // asked before each recording, see Volume; nil: 1
}

// Play decodes a recording and plays it from a time of it. What it returns and
// what progress is told is as for Output; a recording that cannot be decoded
// gives an error of Decode.
func (p Player) Play(ctx context.Context, recording []byte, at time.Duration, progress func(time.Duration)) error {
	s, err := Decode(recording)
	if err != nil {
		return err
	}
	if p.Gain != nil {
		s = s.Scale(p.Gain())
	}
	out := p.Output
	if out == nil {
		out = NewNull(nil)
	}
	return out.Play(ctx, s, at, progress)
}
