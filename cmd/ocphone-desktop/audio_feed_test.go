//go:build cgo

package main

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/ocphone/ocphone/device/media"
)

// saw is a sound in which every sample is another one than its neighbours.
func saw(rate, samples int) media.Sound {
	s := media.Sound{Rate: rate, Samples: make([]int16, samples)}
	for i := range s.Samples {
		s.Samples[i] = int16(i*37%20000 - 10000)
	}
	return s
}

func TestPiecesAreWhatResampleMakesOfTheWhole(t *testing.T) {
	for _, row := range []struct{ from, to, samples int }{
		{8000, 48000, 20001}, {8000, 44100, 12345}, {16000, 48000, 16000}, {16000, 44100, 9999},
		{8000, 8000, 5000}, {48000, 8000, 50000}, {44100, 48000, 30000}, {8000, 96000, 7},
		{11025, 44099, 12000}, {8000, 48000, 1},
	} {
		s := saw(row.from, row.samples)
		src, err := newSource(s, row.to)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []int16
		pieces := 0
		for p := src.next(); p != nil; p = src.next() {
			got = append(got, p...)
			pieces++
		}
		want := s.Resample(row.to).Samples
		if !slices.Equal(got, want) || src.total != len(want) {
			t.Errorf("%+v: %d samples in %d pieces, announced %d, differ from %d", row, len(got), pieces, src.total, len(want))
		}
		if row.samples > row.from && pieces < 2 {
			t.Errorf("%+v: it was made in one piece", row)
		}
	}
}

func TestSoundThatNoDeviceCanPlayIsRefused(t *testing.T) {
	for _, s := range []media.Sound{{Rate: 0, Samples: []int16{1}}, {Rate: 500, Samples: []int16{1}}, {Rate: -8000, Samples: []int16{1}}} {
		if _, err := newSource(s, 48000); err == nil {
			t.Errorf("%d samples a second are accepted", s.Rate)
		}
	}
	if _, err := newSource(saw(8000, 8), 0); err == nil {
		t.Error("a device without a rate is accepted")
	}
}

// take is what the device gets when it asks for that many samples.
func take(f *feed, samples int) []int16 {
	b := make([]byte, 2*samples)
	for i := range b {
		b[i] = 0xa5 // what was there before
	}
	f.fill(b)
	return decoded(b)
}

func decoded(b []byte) (out []int16) {
	for ; len(b) > 1; b = b[2:] {
		out = append(out, int16(binary.NativeEndian.Uint16(b)))
	}
	return out
}

func TestDeviceThatWasNotSuppliedGetsSilenceAndLosesNothing(t *testing.T) {
	f := newFeed(1)
	f.pieces <- []int16{1, 2, 3}
	got := take(f, 5)
	if given := f.delivered.Load(); given != 3 {
		t.Errorf("%d samples count as given, want 3", given)
	}
	f.pieces <- []int16{4}
	f.pieces <- []int16{5, 6}
	close(f.pieces)
	got = append(got, take(f, 3)...)
	if given := f.delivered.Load(); given != 6 {
		t.Errorf("%d samples count as given, want 6", given)
	}
	got = append(got, take(f, 2)...)
	if want := []int16{1, 2, 3, 0, 0, 4, 5, 6, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("the device got %v, want %v", got, want)
	}
	if given := f.delivered.Load(); given != 8 {
		t.Errorf("behind the end %d samples count as given, want 8", given)
	}
}

func TestVolumeIsReachedStepByStep(t *testing.T) {
	f := newFeed(1)
	f.pieces <- slices.Repeat([]int16{1000}, 12)
	f.setGain(0)
	if got, want := take(f, 4), []int16{750, 500, 250, 0}; !slices.Equal(got, want) {
		t.Errorf("down: %v, want %v", got, want)
	}
	if got, want := take(f, 2), []int16{0, 0}; !slices.Equal(got, want) {
		t.Errorf("there: %v, want %v", got, want)
	}
	f.setGain(0.5)
	if got, want := take(f, 2), []int16{250, 500}; !slices.Equal(got, want) {
		t.Errorf("up: %v, want %v", got, want)
	}
	if got, want := take(f, 2), []int16{500, 500}; !slices.Equal(got, want) {
		t.Errorf("there again: %v, want %v", got, want)
	}
}
