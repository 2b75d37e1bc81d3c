package media_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sine is a tone of half of full scale.
func sine(rate, n int, hz float64) media.Sound {
	s := media.Sound{Rate: rate, Samples: make([]int16, n)}
	for i := range s.Samples {
		s.Samples[i] = int16(16384 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return s
}

// amplitude is that of one frequency in s, by Goertzel's algorithm's sum.
func amplitude(s media.Sound, hz float64) float64 {
	re, im := 0.0, 0.0
	for i, v := range s.Samples {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / float64(s.Rate))
		re, im = re+float64(v)*cos, im+float64(v)*sin
	}
	return 2 * math.Hypot(re, im) / float64(len(s.Samples))
}

func TestDurationIsThatOfTheSamples(t *testing.T) {
	for _, row := range []struct {
		rate, n int
		want    time.Duration
	}{{8000, 0, 0}, {0, 100, 0}, {8000, 1, 125 * time.Microsecond}, {8000, 2400000, 5 * time.Minute}, {44100, 44101, time.Second + 22675*time.Nanosecond}, {48000, 64 << 20, 1398101333333}} {
		if got := (media.Sound{Rate: row.rate, Samples: make([]int16, row.n)}).Duration(); got != row.want {
			t.Errorf("%d samples at %d Hz last %v, want %v", row.n, row.rate, got, row.want)
		}
	}
}

func TestFromReturnsTheRest(t *testing.T) {
	s := sine(8000, 16000, 440)
	for at, want := range map[time.Duration]int{-time.Second: 16000, 0: 16000, time.Second: 8000, 1500 * time.Millisecond: 4000, 2 * time.Second: 0, time.Hour: 0, math.MaxInt64: 0} {
		if rest := s.From(at); len(rest.Samples) != want || rest.Rate != 8000 {
			t.Errorf("from %v there are %d samples at %d Hz, want %d", at, len(rest.Samples), rest.Rate, want)
		}
	}
	if (media.Sound{}).From(time.Second).Duration() != 0 {
		t.Error("silence has a rest")
	}
}

func TestScaleCutsAtFullScale(t *testing.T) {
	s := media.Sound{Rate: 8000, Samples: []int16{0, 1000, -1000, 30000, -32768}}
	for gain, want := range map[float64][]int16{0: {0, 0, 0, 0, 0}, 0.5: {0, 500, -500, 15000, -16384}, 2: {0, 2000, -2000, 32767, -32768}, -1: {0, -1000, 1000, -30000, 32767}} {
		if got := s.Scale(gain).Samples; !slices.Equal(got, want) {
			t.Errorf("times %v: %v, want %v", gain, got, want)
		}
	}
	if s.Samples[3] != 30000 {
		t.Error("Scale changed the sound itself")
	}
}

func TestVolumeGoesFromSilenceToFullInEqualSteps(t *testing.T) {
	const steps = 10
	if media.Volume(0, steps) != 0 || media.Volume(-1, steps) != 0 || media.Volume(steps, steps) != 1 || media.Volume(99, steps) != 1 || media.Volume(1, 1) != 1 || media.Volume(1, 0) != 0 {
		t.Error("the ends of the volume are not silence and full")
	}
	ratio := media.Volume(2, steps) / media.Volume(1, steps)
	for i := 2; i <= steps; i++ {
		if got := media.Volume(i, steps) / media.Volume(i-1, steps); math.Abs(got-ratio) > 1e-9 || got <= 1 {
			t.Errorf("step %d is %v times the one below, step 2 was %v times", i, got, ratio)
		}
	}
}

func TestResampleKeepsPitchLevelAndLength(t *testing.T) {
	for _, row := range []struct{ from, to int }{{8000, 48000}, {8000, 44100}, {11025, 48000}, {16000, 8000}, {44100, 8000}, {48000, 44100}, {47999, 48000}, {8000, 8000}} {
		s := sine(row.from, row.from/2, 1000)
		r := s.Resample(row.to)
		if r.Rate != row.to || (r.Duration()-s.Duration()).Abs() > time.Second/time.Duration(min(row.from, row.to)) {
			t.Errorf("%d to %d: %v at %d Hz, was %v", row.from, row.to, r.Duration(), r.Rate, s.Duration())
		}
		middle := media.Sound{Rate: r.Rate, Samples: r.Samples[row.to/10 : row.to*4/10]} // whole periods of 1 kHz, without the ends
		if a := amplitude(middle, 1000); math.Abs(20*math.Log10(a/16384)) > 0.1 {
			t.Errorf("%d to %d: 1 kHz has the amplitude %.0f, was 16384", row.from, row.to, a)
		}
		rest := 0.0 // what is not the tone
		sin, cos := 0.0, 0.0
		for i, v := range middle.Samples {
			s, c := math.Sincos(2 * math.Pi * 1000 * float64(i) / float64(row.to))
			sin, cos = sin+float64(v)*s, cos+float64(v)*c
		}
		n := float64(len(middle.Samples))
		for i, v := range middle.Samples {
			s, c := math.Sincos(2 * math.Pi * 1000 * float64(i) / float64(row.to))
			d := float64(v) - 2/n*(sin*s+cos*c)
			rest += d * d / n
		}
		if noise := 10 * math.Log10(rest/(16384*16384/2)); noise > -58 {
			t.Errorf("%d to %d: noise at %.1f dB", row.from, row.to, noise)
		}
	}
}

func TestResampleRemovesAliases(t *testing.T) {
	r := sine(48000, 24000, 7000).Resample(8000) // would fold back to 1 kHz
	middle := media.Sound{Rate: 8000, Samples: r.Samples[800:3200]}
	if a := amplitude(middle, 1000); a > 16384/1000 {
		t.Errorf("7 kHz comes back as 1 kHz with the amplitude %.0f", a)
	}
}

func TestResampleKeepsASteadyLevel(t *testing.T) {
	s := media.Sound{Rate: 8000, Samples: slices.Repeat([]int16{12345}, 4000)}
	for i, v := range s.Resample(44100).Samples[1000:20000] {
		if v != 12345 {
			t.Fatalf("sample %d is %d", 1000+i, v)
		}
	}
}

func TestResampleToNoRateIsSilence(t *testing.T) {
	for _, rate := range []int{-1, 0, 999, 192001, math.MaxInt} {
		if got := sine(8000, 800, 440).Resample(rate); len(got.Samples) != 0 || got.Duration() != 0 {
			t.Errorf("at %d Hz there are %d samples", rate, len(got.Samples))
		}
	}
	if got := (media.Sound{Samples: []int16{1, 2}}).Resample(8000); len(got.Samples) != 0 {
		t.Error("a sound without a rate was resampled")
	}
	if got := (media.Sound{Rate: 8000}).Resample(48000); len(got.Samples) != 0 || got.Rate != 48000 {
		t.Errorf("silence became %v", got)
	}
}

func BenchmarkResample(b *testing.B) {
	s := sine(8000, 8000*60, 440)
	for b.Loop() {
		s.Resample(48000)
	}
	b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}
