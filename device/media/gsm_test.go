package media_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ocphone/ocphone/device/media"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func samples(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}

// TestGSMIsThatOfTheReference compares with what libgsm decodes, bit by bit.
func TestGSMIsThatOfTheReference(t *testing.T) {
	for _, name := range []string{"gsm-tone", "gsm-noise"} {
		want := samples(read(t, name+".s16"))
		s, err := media.Decode(read(t, name+".wav"))
		if err != nil || s.Rate != media.Telephone || len(s.Samples) != len(want) {
			t.Fatalf("%s: %d samples at %d Hz, %v, want %d", name, len(s.Samples), s.Rate, err, len(want))
		}
		for i, v := range s.Samples {
			if v != want[i] {
				t.Fatalf("%s: sample %d is %d, want %d", name, i, v, want[i])
			}
		}
	}
}

func TestTruncatedGSMPlaysItsCompleteFrames(t *testing.T) {
	file := read(t, "gsm-tone.wav")
	whole := samples(read(t, "gsm-tone.s16"))
	head := len(file) - 65*len(whole)/320 // the header; then blocks of 65 bytes
	head -= head % 2
	for bytes, want := range map[int]int{0: 0, 32: 0, 33: 160, 64: 160, 65: 320, 65 + 32: 320, 65 + 33: 480} {
		s, err := media.Decode(file[:head+bytes])
		if err != nil || !slices.Equal(s.Samples, whole[:want]) {
			t.Errorf("of %d bytes there are %d samples, %v, want %d", bytes, len(s.Samples), err, want)
		}
	}
}

func TestGSMEndsAtTheSampleCountOfTheFactChunk(t *testing.T) {
	block := string(read(t, "gsm-tone.wav")[60:][:130])
	for _, row := range []struct{ fact, want int }{{500, 500}, {640, 640}, {321, 321}, {0, 640}, {641, 640}, {100000, 640}, {320, 640}, {7, 640}} {
		fact := string(binary.LittleEndian.AppendUint32(nil, uint32(row.fact)))
		s, err := media.Decode(riff(chunk("fmt ", format(0x31, 1, 8000, 0)), chunk("fact", fact), chunk("data", block)))
		if err != nil || len(s.Samples) != row.want {
			t.Errorf("%d samples said: %d, %v, want %d", row.fact, len(s.Samples), err, row.want)
		}
	}
}
