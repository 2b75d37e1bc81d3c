//go:build cgo

package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/ocphone/ocphone/device/media"
)

// feed connects a Play with the thread of its device. The thread takes pieces of
// sound and never blocks; Play queues the next ones.
type feed struct {
	pieces    chan []int16  // closed after the last
	taken     chan struct{} // the device took something
	delivered atomic.Int64  // samples that the device has; behind the last, silence counts too
	target    atomic.Uint64 // gain, as bits of a float64
	ended     bool          // Play's: pieces is closed

	// Only the device's thread uses these.
	rest []int16 // of the piece that it is at
	gain float64 // of the sample before
}

// queuedPieces is how many pieces are queued for the device.
const queuedPieces = 3

func newFeed(gain float64) *feed {
	f := &feed{pieces: make(chan []int16, queuedPieces), taken: make(chan struct{}, 1), gain: gain}
	f.setGain(gain)
	return f
}

// setGain sets the gain from now on.
func (f *feed) setGain(gain float64) { f.target.Store(math.Float64bits(gain)) }

// queuePieces makes pieces until the queue is full.
func (f *feed) queuePieces(src *source) {
	for !f.ended && len(f.pieces) < cap(f.pieces) {
		if p := src.next(); p != nil {
			f.pieces <- p // there is room: nobody else supplies
		} else {
			f.ended = true
			close(f.pieces)
		}
	}
}

// fill gives the device as many samples as fit. If Play is late it gives silence,
// and no sample of the sound is lost. A new gain is reached step by step, to avoid
// a click.
func (f *feed) fill(out []byte) {
	const width = 2
	n := len(out) / width
	target := math.Float64frombits(f.target.Load())
	step := (target - f.gain) / float64(max(n, 1))
	at, ended := 0, false
	for at < n {
		if len(f.rest) == 0 {
			if ended = !f.nextPiece(); len(f.rest) == 0 {
				break
			}
		}
		f.gain += step
		v := math.RoundToEven(float64(f.rest[0]) * min(max(f.gain, 0), 1))
		binary.NativeEndian.PutUint16(out[width*at:], uint16(int16(v)))
		f.rest = f.rest[1:]
		at++
	}
	clear(out[width*at:])
	f.gain = target
	if ended {
		at = n
	}
	f.delivered.Add(int64(at))
	select {
	case f.taken <- struct{}{}:
	default:
	}
}

// nextPiece takes the next piece if it is queued, and reports whether more can
// come.
func (f *feed) nextPiece() bool {
	select {
	case p, more := <-f.pieces:
		f.rest = p
		return more
	default:
		return true
	}
}

// source resamples a sound piece by piece, so that a long recording begins at
// once. The pieces together equal the result of Resample for the whole sound.
type source struct {
	sound    media.Sound
	rate     int
	total    int // samples of all pieces
	up, down int // rate and the sound's, without what divides both
	at       int // of sound, where the next piece begins; a multiple of down
	piece    int // samples of sound in a piece; a multiple of down
	margin   int // and on both its sides, for the filter; a multiple of down
}

// Sizes of the pieces, chosen here.
const (
	piecesASecond = 4
	filterReach   = 32 // samples of the lower rate: more than Resample looks at
)

func newSource(s media.Sound, rate int) (*source, error) {
	if s.Rate < 1 || rate < 1 || len(probe(s).Resample(rate).Samples) == 0 {
		return nil, fmt.Errorf("a sound of %d samples a second cannot be played on a device of %d", s.Rate, rate)
	}
	d := divisor(s.Rate, rate)
	c := &source{sound: s, rate: rate, up: rate / d, down: s.Rate / d}
	c.total = roundUp(len(s.Samples)*c.up, c.down) / c.down
	c.piece = roundUp(s.Rate/piecesASecond, c.down)
	c.margin = roundUp(filterReach*max(1, roundUp(s.Rate, rate)/rate), c.down)
	return c, nil
}

// probe is the beginning of a sound, to test whether it can be resampled.
func probe(s media.Sound) media.Sound {
	return media.Sound{Rate: s.Rate, Samples: s.Samples[:min(1, len(s.Samples))]}
}

// next is the next piece; nil: there is none.
func (c *source) next() []int16 {
	n := len(c.sound.Samples)
	if c.at >= n {
		return nil
	}
	begin, end := c.at, min(c.at+c.piece, n)
	c.at = end
	if c.up == c.down {
		return c.sound.Samples[begin:end]
	}
	from, to := max(begin-c.margin, 0), min(end+c.margin, n)
	all := media.Sound{Rate: c.sound.Rate, Samples: c.sound.Samples[from:to]}.Resample(c.rate).Samples
	skip := (begin - from) * c.up / c.down
	return all[skip : skip+roundUp((end-begin)*c.up, c.down)/c.down]
}

// roundUp is the next multiple of m.
func roundUp(n, m int) int { return (n + m - 1) / m * m }

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// samplesDuration is how long that many samples last.
func samplesDuration(samples, rate int) time.Duration {
	return time.Duration(samples/rate)*time.Second + time.Duration(samples%rate)*time.Second/time.Duration(rate)
}
