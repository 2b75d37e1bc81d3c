package media_test

import (
	"math"
	"testing"

	"github.com/ocphone/ocphone/device/media"
)

// value is a row of table 1a or 2a of ITU-T G.711: a character signal as it is
// on the line, and its quantized value.
type value struct {
	code  byte
	value int
}

// The first and last value of each segment.
var (
	muLawValues = []value{ // 14 bits
		{0x80, 8031}, {0x8f, 4191}, {0x90, 3999}, {0x9f, 2079}, {0xa0, 1983}, {0xaf, 1023}, {0xb0, 975}, {0xbf, 495},
		{0xc0, 471}, {0xcf, 231}, {0xd0, 219}, {0xdf, 99}, {0xe0, 93}, {0xef, 33}, {0xf0, 30}, {0xfe, 2}, {0xff, 0},
	}
	aLawValues = []value{ // 13 bits
		{0xaa, 4032}, {0xa5, 2112}, {0xba, 2016}, {0xb5, 1056}, {0x8a, 1008}, {0x85, 528}, {0x9a, 504}, {0x95, 264},
		{0xea, 252}, {0xe5, 132}, {0xfa, 126}, {0xf5, 66}, {0xca, 63}, {0xc5, 33}, {0xda, 31}, {0xd5, 1},
	}
)

func TestG711DecodesToTheValuesOfTheITU(t *testing.T) {
	check := func(law string, decode func(byte) int16, rows []value, scale int) {
		for _, row := range rows {
			want := int16(row.value * scale)
			if got := decode(row.code); got != want {
				t.Errorf("%s %#x is %d, want %d", law, row.code, got, want)
			}
			if got := decode(row.code ^ 0x80); got != -want { // tables 1b, 2b
				t.Errorf("%s %#x is %d, want %d", law, row.code^0x80, got, -want)
			}
		}
	}
	check("µ-law", media.FromMuLaw, muLawValues, 4)
	check("A-law", media.FromALaw, aLawValues, 8)
}

// TestG711ThresholdsAreThoseOfTheITU has the decision values of tables 1a and 2a
// between segments: a value belongs to the segment above, one less does not.
func TestG711ThresholdsAreThoseOfTheITU(t *testing.T) {
	for _, row := range []struct {
		decision     int
		above, below byte
	}{{7903, 0x80, 0x81}, {4063, 0x8f, 0x90}, {2015, 0x9f, 0xa0}, {991, 0xaf, 0xb0}, {479, 0xbf, 0xc0}, {223, 0xcf, 0xd0}, {95, 0xdf, 0xe0}, {31, 0xef, 0xf0}, {1, 0xfe, 0xff}} {
		at := int16(row.decision * 4)
		if above, below := media.ToMuLaw(at), media.ToMuLaw(at-1); above != row.above || below != row.below {
			t.Errorf("µ-law at %d: %#x, below it %#x, want %#x and %#x", row.decision, above, below, row.above, row.below)
		}
	}
	for _, row := range []struct {
		decision     int
		above, below byte
	}{{3968, 0xaa, 0xab}, {2048, 0xa5, 0xba}, {1024, 0xb5, 0x8a}, {512, 0x85, 0x9a}, {256, 0x95, 0xea}, {128, 0xe5, 0xfa}, {64, 0xf5, 0xca}, {2, 0xd4, 0xd5}} {
		at := int16(row.decision * 8)
		if above, below := media.ToALaw(at), media.ToALaw(at-1); above != row.above || below != row.below {
			t.Errorf("A-law at %d: %#x, below it %#x, want %#x and %#x", row.decision, above, below, row.above, row.below)
		}
	}
	for v, want := range map[int16][2]byte{32767: {0x80, 0xaa}, -32768: {0x00, 0x2a}, 0: {0xff, 0xd5}, -1: {0x7f, 0x55}} {
		if got := [2]byte{media.ToMuLaw(v), media.ToALaw(v)}; got != want {
			t.Errorf("%d is %#x, want %#x", v, got, want)
		}
	}
}

func TestEveryG711CharacterSurvivesARoundTrip(t *testing.T) {
	for i := range 256 {
		code := byte(i)
		if got := media.ToALaw(media.FromALaw(code)); got != code {
			t.Errorf("A-law %#x comes back as %#x", code, got)
		}
		want := code
		if code == 0x7f { // minus zero: linear samples have only one zero
			want = 0xff
		}
		if got := media.ToMuLaw(media.FromMuLaw(code)); got != want {
			t.Errorf("µ-law %#x comes back as %#x", code, got)
		}
	}
}

// TestG711ReferenceToneHasItsLevel decodes the characters of tables 5 and 6 of
// ITU-T G.711, which are 1 kHz at 0 dBm0; full scale is 3.14 and 3.17 dBm0.
func TestG711ReferenceToneHasItsLevel(t *testing.T) {
	for name, row := range map[string]struct {
		decode    func(byte) int16
		codes     [8]byte
		full, max float64
	}{
		"A-law": {media.FromALaw, [8]byte{0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4}, 4096 * 8, 3.14},
		"µ-law": {media.FromMuLaw, [8]byte{0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e}, 8159 * 4, 3.17},
	} {
		power := 0.0
		for _, c := range row.codes {
			v := float64(row.decode(c)) / row.full
			power += v * v / float64(len(row.codes))
		}
		if level := 10*math.Log10(power/0.5) + row.max; math.Abs(level) > 0.02 {
			t.Errorf("%s: the tone of 0 dBm0 has %.3f dBm0", name, level)
		}
	}
}
