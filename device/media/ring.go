package media

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Ring is the identifier of a ring tone. The screen has its name for the user.
type Ring string

// The ring tones.
const (
	RingWarble Ring = "warble" // two notes in quick turn: the electronic desk phone
	RingChime  Ring = "chime"  // three struck rising notes with a long decay
	RingWood   Ring = "wood"   // a short phrase on wooden bars
)

// Rings returns all ring tones in the order of the menu. The first one is the
// default.
func Rings() []Ring { return []Ring{RingWarble, RingChime, RingWood} }

// Ring tones have a higher sample rate than calls: a loudspeaker plays them.
const (
	ringRate = 16000
	ringPeak = 0.5 // of full scale; the user sets the volume
)

// voice is the partials of a note: the level of each, the multiple of the note's
// frequency, and the time in which it decays to a third (0: no decay).
type voice []struct {
	multiple, level float64
	decay           time.Duration
}

var (
	// reed is the buzzer of a phone, rounded.
	reed = voice{{1, 1, 0}, {3, 0.15, 0}}
	// bell is a struck bar of metal.
	bell = voice{{1, 1, 550 * ms}, {2, 0.35, 300 * ms}, {2.76, 0.2, 120 * ms}}
	// wood is a bar tuned as a marimba's.
	wood = voice{{1, 1, 130 * ms}, {3.93, 0.25, 45 * ms}, {9.2, 0.06, 15 * ms}}
)

const ms = time.Millisecond

// Notes of the tempered scale, in Hz.
const (
	noteC5, noteE5, noteG5, noteA5, noteB5, noteC6, noteE6 = 523.25, 659.26, 783.99, 880.00, 987.77, 1046.50, 1318.51
)

// scores has the notes of each ring tone (0: a rest), the time from one to the
// next, the length of each, and that of one period, silence included.
var scores = map[Ring]struct {
	voice                voice
	every, length, total time.Duration
	hz                   []float64
}{
	RingWarble: {reed, 75 * ms, 75 * ms, 3000 * ms, slices.Repeat([]float64{noteG5, noteB5}, 8)},
	RingChime:  {bell, 260 * ms, 1800 * ms, 3200 * ms, []float64{noteE5, noteG5, noteC6}},
	RingWood: {wood, 140 * ms, 600 * ms, 2800 * ms,
		[]float64{noteC5, noteE5, noteG5, noteC6, 0, noteA5, noteC6, noteE6}},
}

// Sound returns one period of the ring tone, silence included.
func (r Ring) Sound() (Sound, error) {
	score, ok := scores[r]
	if !ok {
		return Sound{}, fmt.Errorf("there is no ring tone %q", string(r))
	}
	samples := func(d time.Duration) int { return int(d * ringRate / time.Second) }
	mix := make([]float64, samples(score.total))
	for i, hz := range score.hz {
		if hz > 0 {
			score.voice.play(mix[samples(time.Duration(i)*score.every):][:samples(score.length)], hz)
		}
	}
	peak := 0.0
	for _, v := range mix {
		peak = max(peak, math.Abs(v))
	}
	s := Sound{ringRate, make([]int16, len(mix))}
	for i, v := range mix {
		s.Samples[i] = clip(v / peak * ringPeak * math.MaxInt16)
	}
	return s, nil
}

// play adds a note to the samples.
func (partials voice) play(mix []float64, note float64) {
	for _, p := range partials {
		hz := note * p.multiple
		if hz > ringRate/2*passband {
			continue // it would alias
		}
		for i := range mix {
			t := float64(i) / ringRate
			v := p.level * math.Sin(2*math.Pi*hz*t) * envelope(i, len(mix), ringRate)
			if p.decay > 0 {
				v *= math.Exp(-t / p.decay.Seconds())
			}
			mix[i] += v
		}
	}
}
