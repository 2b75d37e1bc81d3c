// Package media is sound as the phone handles it: recordings of voice mail are
// read, ring tones and signals of the line are made, and both are played.
//
// What Exchange's Unified Messaging records is WAV with G.711 (ITU-T G.711) or
// GSM full rate (ETSI GSM 06.10), Windows Media or MP3 (exchange.md 2.3). The
// first two are decoded here; of the others Decode says what they are.
//
// Use it so:
//
//  1. Decode a recording, or take Ring.Sound, DTMF or Signal.Sound. All give a
//     Sound, which is one channel of 16-bit samples.
//  2. Scale it by Volume. Resample it if the device wants another rate.
//  3. Give it to an Output. A program that has a loudspeaker brings its own;
//     NewNull has none and only lets the time pass. A Player does steps 1 to 3
//     for a recording as it comes.
//
// Nothing of this keeps a goroutine, and sound is never compared with a clock on
// the wall: how far a Sound was played is counted from its beginning.
package media

import (
	"math"
	"time"
)

// Telephone is the sample rate of the telephone, of G.711 and of GSM, in Hz.
const Telephone = 8000

// Sound is one channel of linear samples. Its zero value is silence of no
// length. Methods return new samples and leave the receiver's alone.
type Sound struct {
	Rate    int     // samples a second
	Samples []int16 // full scale is the range of the type
}

// Duration is how long it lasts, to the nanosecond below.
func (s Sound) Duration() time.Duration {
	if s.Rate <= 0 {
		return 0
	}
	n, rate := len(s.Samples), s.Rate
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}

// index is the number of the sample at a time of the sound, within its bounds.
func (s Sound) index(at time.Duration) int {
	if at <= 0 || s.Rate <= 0 {
		return 0
	}
	if at >= s.Duration() {
		return len(s.Samples)
	}
	rate := time.Duration(s.Rate)
	return int(at/time.Second*rate + at%time.Second*rate/time.Second)
}

// From is the rest of the sound that begins at a time of it. It shares the
// samples.
func (s Sound) From(at time.Duration) Sound {
	return Sound{s.Rate, s.Samples[s.index(at):]}
}

// Scale multiplies every sample by gain; what goes beyond full scale is cut.
func (s Sound) Scale(gain float64) Sound {
	out := Sound{s.Rate, make([]int16, len(s.Samples))}
	for i, v := range s.Samples {
		out.Samples[i] = clip(float64(v) * gain)
	}
	return out
}

// minGainDB is the gain of the lowest step above silence, in dB. The range is
// ours: below it speech is not understood in an office.
const minGainDB = -40

// Volume is the gain for a step of a volume control that has that many steps
// above silence: 0 is silence, the last is full, and the steps between sound
// equally far apart. A step beyond either end is that end.
func Volume(step, steps int) float64 {
	switch {
	case step <= 0 || steps <= 0:
		return 0
	case step >= steps:
		return 1
	}
	db := minGainDB * float64(steps-step) / float64(steps-1)
	return math.Pow(10, db/20)
}

// clip rounds to a sample.
func clip(v float64) int16 {
	return int16(min(max(math.RoundToEven(v), math.MinInt16), math.MaxInt16))
}
