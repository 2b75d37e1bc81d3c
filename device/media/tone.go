package media

import (
	"fmt"
	"math"
	"time"
)

// Levels and edges of what is made here. They are ours.
const (
	toneLevel = 0.2                  // of full scale, each of two frequencies: -11 dBm0
	fadeTime  = 8 * time.Millisecond // in which a tone swells and dies away, so that it does not click
	maxTone   = time.Minute
)

// Signal is what the line sounds like: frequencies together, in bursts.
type Signal struct {
	Hz  []float64
	On  time.Duration // of a burst; 0: it goes on
	Off time.Duration // of the silence after it
}

// DialTone says that a number can be dialled. It and the next two are those of
// the North American precise tone plan, the home of the phone.
func DialTone() Signal { return Signal{Hz: []float64{350, 440}} }

// Ringback says that it rings at the other end.
func Ringback() Signal {
	return Signal{Hz: []float64{440, 480}, On: 2 * time.Second, Off: 4 * time.Second}
}

// Busy says that the other end talks.
func Busy() Signal {
	return Signal{Hz: []float64{480, 620}, On: 500 * time.Millisecond, Off: 500 * time.Millisecond}
}

// Sound is that much of the signal, at Telephone rate and at most a minute.
// What is longer than a burst begins and ends with each; the last is cut where
// the time is up, as softly as the others.
func (g Signal) Sound(length time.Duration) Sound {
	s := silence(length)
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

// burst fills samples with the frequencies.
func (g Signal) burst(samples []int16) {
	for i := range samples {
		t, v := float64(i)/Telephone, 0.0
		for _, hz := range g.Hz {
			v += math.Sin(2 * math.Pi * hz * t)
		}
		samples[i] = clip(v * toneLevel * math.MaxInt16 * envelope(i, len(samples), Telephone))
	}
}

// sampleCount is how many samples last that long, at least one.
func (s Sound) sampleCount(d time.Duration) int {
	return max(1, int(min(d, maxTone)*time.Duration(s.Rate)/time.Second))
}

func silence(length time.Duration) Sound {
	length = min(max(length, 0), maxTone)
	return Sound{Telephone, make([]int16, int(length*Telephone/time.Second))}
}

// envelope is the raised cosine at both ends of n samples: from 0 to 1 and back.
func envelope(i, n, rate int) float64 {
	ends := min(rate*int(fadeTime/time.Millisecond)/1000, n/2)
	fromEnd := min(i, n-1-i)
	if fromEnd >= ends {
		return 1
	}
	return (1 - math.Cos(math.Pi*float64(fromEnd)/float64(ends))) / 2
}

// dtmfKeys are the keys of ITU-T Q.23, a row of a low frequency after the other.
const dtmfKeys = "123A456B789C*0#D"

// dtmfHz are the frequencies of Q.23: of the rows, of the columns.
var dtmfHz = [2][4]float64{{697, 770, 852, 941}, {1209, 1336, 1477, 1633}}

// DTMF is the tone of a key: 0 to 9, *, #, A to D. A network wants at least 40
// ms of it and as much silence after it (ITU-T Q.24).
func DTMF(key rune, length time.Duration) (Sound, error) {
	for i, k := range dtmfKeys {
		if k == key {
			return Signal{Hz: []float64{dtmfHz[0][i/4], dtmfHz[1][i%4]}}.Sound(length), nil
		}
	}
	return Sound{}, fmt.Errorf("a telephone has no tone for the key %q", key)
}
