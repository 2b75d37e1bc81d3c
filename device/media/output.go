package media

import (
	"context"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
)

// Output plays sounds.
type Output interface {
	// Play plays s from a position to its end and then returns. If ctx ends
	// before, it stops at once and returns the error of ctx. Another error
	// means that the device does not play.
	//
	// Play calls progress, unless it is nil, with the position: at the
	// beginning, several times a second, and at the end. The calls do not
	// overlap and end before Play returns. progress must not block.
	Play(ctx context.Context, s Sound, from time.Duration, progress func(at time.Duration)) error
}

// progressEvery is the interval of the calls of progress by NewNull.
const progressEvery = 100 * time.Millisecond

// NewNull returns a silent Output. Play takes as long as the sound, by c (nil: the
// host's clock). It calls progress from timers of c, so that the calls have been
// made when a test has advanced the clock.
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
	p.mu.Lock() // waits for a running call of progress
	defer p.mu.Unlock()
	if p.at >= p.end { // the end of the sound came first
		return nil
	}
	p.stopped = true
	p.timer.Stop()
	return ctx.Err()
}

// playback is the state of one call of null.Play.
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

// schedule calls progress and sets the timer for the next call. The caller holds
// mu.
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

// advance moves the position by d.
func (p *playback) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.at += d
		p.schedule()
	}
}

// Player plays encoded recordings on an Output.
type Player struct {
	Output Output         // nil: NewNull(nil)
	Gain   func() float64 // called before each recording, see Volume; nil: 1
}

// Play decodes a recording and plays it from a position. Errors and progress are
// those of Output.Play; for a recording that cannot be decoded it returns the
// error of Decode.
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
