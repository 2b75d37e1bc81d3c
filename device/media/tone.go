package media

import (
	"fmt"
	"math"
	"time"
)

// Levels and limits of tones. They are chosen here.
const (
	toneLevel = 0.2                  // of full scale, each of two frequencies: -11 dBm0
	fadeTime  = 8 * time.Millisecond // fade-in and fade-out, which avoid clicks
	maxTone   = time.Minute
)

// Signal is a call progress tone: simultaneous frequencies in bursts.
type Signal struct {
	Hz  []float64
	On  time.Duration // of a burst; 0: continuous
	Off time.Duration // of the silence after it
}

// DialTone means that a number can be dialled. DialTone, Ringback and Busy are those
// of the North American precise tone plan.
func DialTone() Signal { return Signal{Hz: []float64{350, 440}} }

// Ringback means that the called phone rings.
func Ringback() Signal {
	return Signal{Hz: []float64{440, 480}, On: 2 * time.Second, Off: 4 * time.Second}
}

// Busy means that the called phone is busy.
func Busy() Signal {
	return Signal{Hz: []float64{480, 620}, On: 500 * time.Millisecond, Off: 500 * time.Millisecond}
}

// Sound returns the signal for length, at Telephone rate and at most a minute. Every
// burst fades in and out, the last one too if the end cuts it.
func (g Signal) Sound(length time.Duration) Sound {
	length = min(max(length, 0), maxTone)
	s := Sound{Telephone, make([]int16, int(length*Telephone/time.Second))}
	if g.On <= 0 {
		g.burst(s.Samples)
		return s
	}
	on, off := s.sampleCount(g.On), s.sampleCount(max(g.Off, 0))
	for rest := s.Samples; len(rest) > 0; {
		g.burst(rest[:min(on, len(rest))])
		rest = rest[min(on+off, len(rest)):]
	}
	return s
}

// burst fills samples with one burst.
func (g Signal) burst(samples []int16) {
	for i := range samples {
		t, v := float64(i)/Telephone, 0.0
		for _, hz := range g.Hz {
			v += math.Sin(2 * math.Pi * hz * t)
		}
		samples[i] = clip(v * toneLevel * math.MaxInt16 * envelope(i, len(samples), Telephone))
	}
}

// sampleCount returns the number of samples in d, at least one.
func (s Sound) sampleCount(d time.Duration) int {
	return max(1, int(min(d, maxTone)*time.Duration(s.Rate)/time.Second))
}

// envelope returns the gain of sample i of n: a raised cosine from 0 to 1 at the
// beginning and back at the end.
func envelope(i, n, rate int) float64 {
	ends := min(rate*int(fadeTime/time.Millisecond)/1000, n/2)
	fromEnd := min(i, n-1-i)
	if fromEnd >= ends {
		return 1
	}
	return (1 - math.Cos(math.Pi*float64(fromEnd)/float64(ends))) / 2
}

// dtmfKeys are the keys of ITU-T Q.23, row by row.
const dtmfKeys = "123A456B789C*0#D"

// dtmfHz are the frequencies of Q.23: of the rows, of the columns.
var dtmfHz = [2][4]float64{{697, 770, 852, 941}, {1209, 1336, 1477, 1633}}

// DTMF returns the tone of a key: 0 to 9, *, #, A to D. Networks need at least 40 ms
// of it, and the same length of silence after it (ITU-T Q.24).
func DTMF(key rune, length time.Duration) (Sound, error) {
	for i, k := range dtmfKeys {
		if k == key {
			return Signal{Hz: []float64{dtmfHz[0][i/4], dtmfHz[1][i%4]}}.Sound(length), nil
		}
	}
	return Sound{}, fmt.Errorf("a telephone has no tone for the key %q", key)
}
