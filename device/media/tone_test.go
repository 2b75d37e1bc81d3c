package media_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/media"
)

// checkSoft fails when a sound clicks: next to silence, at an end or within, or by
// a step between samples greater than what is in its frequencies.
func checkSoft(t *testing.T, name string, s media.Sound, most float64) {
	t.Helper()
	if len(s.Samples) == 0 {
		t.Fatalf("%s is silent", name)
	}
	const silence = 20 // samples
	rim := make([]int16, silence)
	all := slices.Concat(rim, s.Samples, rim)
	peak, step := 0.0, 0.0
	for i, v := range all[1:] {
		peak, step = max(peak, math.Abs(float64(v))), max(step, math.Abs(float64(v)-float64(all[i])))
	}
	for _, back := range []bool{false, true} {
		zeros := 0
		for i, v := range all {
			switch loud := math.Abs(float64(v)); {
			case v == 0:
				zeros++
				continue
			case zeros >= silence && loud > most/50:
				t.Errorf("%s clicks: silence is followed by %d at %d (backwards: %v)", name, v, i, back)
			}
			zeros = 0
		}
		slices.Reverse(all)
	}
	if peak > most+1 || peak < most*0.8 {
		t.Errorf("%s has a peak of %.0f, want near %.0f", name, peak, most)
	}
	if step > 1.2*peak {
		t.Errorf("%s clicks: its greatest step is %.0f of a peak of %.0f", name, step, peak)
	}
}

func TestDTMFHasTheTwoFrequenciesOfItsKey(t *testing.T) {
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	for i, key := range "123A456B789C*0#D" {
		s, err := media.DTMF(key, 100*time.Millisecond)
		if err != nil || s.Duration() != 100*time.Millisecond {
			t.Fatal(s.Duration(), err)
		}
		checkSoft(t, string(key), s, 0.4*32767)
		heard := func(of []float64, at int) {
			for j, hz := range of {
				if a := amplitude(s, hz); (j == at) != (a > 5000) || j != at && a > 700 {
					t.Errorf("key %c: %v Hz has the amplitude %.0f", key, hz, a)
				}
			}
		}
		heard(rows, i/4)
		heard(columns, i%4)
	}
	for _, key := range "E a+é" {
		if s, err := media.DTMF(key, time.Second); err == nil || len(s.Samples) != 0 {
			t.Errorf("the key %q has a tone", key)
		}
	}
}

func TestSignalsHaveTheirFrequenciesAndCadence(t *testing.T) {
	for name, row := range map[string]struct {
		signal media.Signal
		hz     []float64
		on     []bool // in each half second
	}{
		"dial tone": {media.DialTone(), []float64{350, 440}, []bool{true, true, true, true}},
		"busy":      {media.Busy(), []float64{480, 620}, []bool{true, false, true, false, true}},
		"ringback":  {media.Ringback(), []float64{440, 480}, []bool{true, true, true, true, false, false, false, false, false, false, false, false, true}},
	} {
		const half = 500 * time.Millisecond
		s := row.signal.Sound(time.Duration(len(row.on)) * half)
		checkSoft(t, name, s, 0.4*32767)
		for i, on := range row.on {
			part := media.Sound{Rate: s.Rate, Samples: s.Samples[i*4000 : (i+1)*4000]}
			if on != slices.ContainsFunc(part.Samples, func(v int16) bool { return v != 0 }) {
				t.Errorf("%s: in half second %d it is on: %v, want %v", name, i, !on, on)
			}
			for _, hz := range row.hz {
				if a := amplitude(part, hz); on && math.Abs(a-0.2*32767) > 300 {
					t.Errorf("%s: %v Hz has the amplitude %.0f", name, hz, a)
				}
			}
		}
	}
}

func TestSignalsOfExtremeLengthsAreBounded(t *testing.T) {
	for _, g := range []media.Signal{{}, media.DialTone(), media.Busy(), {Hz: []float64{440}, On: 1}, {Hz: []float64{440}, On: math.MaxInt64, Off: math.MaxInt64}, {On: time.Second, Off: -time.Second}} {
		for length, want := range map[time.Duration]time.Duration{-time.Second: 0, 0: 0, 1: 0, time.Millisecond: time.Millisecond, math.MaxInt64: time.Minute} {
			if got := g.Sound(length).Duration(); got != want {
				t.Errorf("%v for %v lasts %v, want %v", g, length, got, want)
			}
		}
	}
}

func TestRingTonesArePleasant(t *testing.T) {
	heard := map[string]media.Ring{}
	for _, r := range media.Rings() {
		s, err := r.Sound()
		if err != nil {
			t.Fatal(err)
		}
		checkSoft(t, string(r), s, 0.5*32767)
		if d := s.Duration(); d < 2*time.Second || d > 4*time.Second {
			t.Errorf("%s lasts %v", r, d)
		}
		pause := s.From(s.Duration() - 500*time.Millisecond)
		if slices.ContainsFunc(pause.Samples, func(v int16) bool { return v != 0 }) {
			t.Errorf("%s has no pause before it rings again", r)
		}
		mean := 0.0
		for _, v := range s.Samples {
			mean += float64(v) / float64(len(s.Samples))
		}
		if math.Abs(mean) > 30 {
			t.Errorf("%s has a steady part of %.0f", r, mean)
		}
		key := fmt.Sprint(s.Samples[:4000])
		if other, ok := heard[key]; ok {
			t.Errorf("%s and %s sound the same", r, other)
		}
		heard[key] = r
	}
	if len(heard) != 3 {
		t.Errorf("there are %d ring tones", len(heard))
	}
	media.Rings()[0] = "mine"
	if media.Rings()[0] == "mine" {
		t.Error("a caller changed the ring tones")
	}
	if s, err := media.Ring("trumpet").Sound(); err == nil || len(s.Samples) != 0 {
		t.Error("a ring tone that is not there sounds")
	}
}
