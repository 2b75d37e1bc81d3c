// Package media decodes voice-mail recordings, makes ring tones and call progress
// tones, and plays both.
//
// Exchange Unified Messaging records WAV with G.711 (ITU-T G.711) or GSM full rate
// (ETSI GSM 06.10), Windows Media or MP3
// (docs/protocol/exchange-items.md#item-classes-and-properties). Decode decodes
// the first two; its error names the others.
//
// Use it so:
//
//  1. Decode a recording, or take Ring.Sound, DTMF or Signal.Sound. All give a
//     Sound, which is one channel of 16-bit samples.
//  2. Scale it by Volume. Resample it if the device wants another rate.
//  3. Pass it to an Output. A program with a loudspeaker has its own; NewNull is
//     silent and only lets the time pass. A Player does steps 1 to 3 for a
//     recording.
//
// The package starts no goroutines. Positions in a Sound are durations from its
// beginning, not wall-clock times.
package media

import (
	"math"
	"time"
)

// Telephone is the sample rate of the telephone, of G.711 and of GSM, in Hz.
const Telephone = 8000

// Sound is one channel of linear samples. Its zero value has length 0. Methods do
// not change the samples of the receiver.
type Sound struct {
	Rate    int     // samples a second
	Samples []int16 // full scale is the range of the type
}

// Duration is the length of s, rounded down to a nanosecond.
func (s Sound) Duration() time.Duration {
	if s.Rate <= 0 {
		return 0
	}
	n, rate := len(s.Samples), s.Rate
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}

// index returns the index of the sample at a position, limited to the bounds of s.
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

// From returns the part of s from a position to the end. It shares the samples.
func (s Sound) From(at time.Duration) Sound { return Sound{s.Rate, s.Samples[s.index(at):]} }

// Scale multiplies every sample by gain and clips the result to full scale.
func (s Sound) Scale(gain float64) Sound {
	out := Sound{s.Rate, make([]int16, len(s.Samples))}
	for i, v := range s.Samples {
		out.Samples[i] = clip(float64(v) * gain)
	}
	return out
}

// minGainDB is the gain of the lowest step above silence, in dB. It is chosen here:
// with less, speech is not understandable in an office.
const minGainDB = -40

// Volume returns the gain for a step of a volume control with steps 0 (silence) to
// steps (full scale). The steps between are equally spaced in dB. A step out of
// range is limited to it.
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

// clip rounds v to a sample and limits it to the range.
func clip(v float64) int16 {
	return int16(min(max(math.RoundToEven(v), math.MinInt16), math.MaxInt16))
}
