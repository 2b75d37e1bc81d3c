//go:build cgo

package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gen2brain/malgo"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/media"
)

// nullSystem is miniaudio's sound system without hardware, which takes the time
// that a device takes. malgo's own constant for it is one too low.
const nullSystem = malgo.Backend(malgo.BackendNull + 1)

// ear records what the devices of a speaker are given.
type ear struct {
	of    *speaker
	mu    sync.Mutex
	plays [][]int16 // of each device that was opened
	calls []malgo.DeviceCallbacks
}

// heard is all that the device of that Play was given. It closes the speaker.
func (e *ear) heard(n int) []int16 {
	e.of.close()
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.plays[n])
}

// speak opens a speaker without hardware.
func speak(t *testing.T, volume func() float64) (*speaker, *ear) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s, err := openSpeaker(nullSystem, volume)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.close()
		goleak.VerifyNone(t, before)
	})
	e := &ear{of: s}
	open := s.open
	s.open = func(c malgo.DeviceConfig, call malgo.DeviceCallbacks) (*malgo.Device, error) {
		e.mu.Lock()
		n, data := len(e.plays), call.Data
		e.plays, e.calls = append(e.plays, nil), append(e.calls, call)
		e.mu.Unlock()
		call.Data = func(out, in []byte, frames uint32) {
			data(out, in, frames)
			e.mu.Lock()
			defer e.mu.Unlock()
			e.plays[n] = append(e.plays[n], decoded(out)...)
		}
		return open(c, call)
	}
	return s, e
}

const deviceRate = 48000 // of the null system

// exact says whether the device was given these samples and nothing else but
// silence behind them, at least as much as it holds.
func exact(t *testing.T, got, want []int16) {
	t.Helper()
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("the device got %d samples, which do not begin as the %d of the sound", len(got), len(want))
		return
	}
	rest := got[len(want):]
	if least := deviceRate * int(audioBuffered/time.Millisecond) / 1000; len(rest) < least || slices.ContainsFunc(rest, func(v int16) bool { return v != 0 }) {
		t.Errorf("behind the sound there are %d samples, want silence of at least %d", len(rest), least)
	}
}

const ms = time.Millisecond

func TestSpeakerPlaysEverySampleAtTheRateOfTheDevice(t *testing.T) {
	for _, row := range []struct {
		name    string
		sound   media.Sound
		from    time.Duration
		samples int // of the device
	}{
		{"telephone", saw(8000, 1201), 0, 7206},
		{"ring tone", saw(16000, 1600), 0, 4800},
		{"music", saw(44100, 3000), 0, 3266}, // 3265.3
		{"the device's own rate", saw(deviceRate, 5000), 0, 5000},
		{"from the middle", saw(8000, 8000), 900 * ms, 4800},
		{"before the beginning", saw(8000, 100), -time.Second, 600},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, e := speak(t, nil)
			if err := s.Play(t.Context(), row.sound, row.from, nil); err != nil {
				t.Fatal(err)
			}
			want := row.sound.From(row.from).Resample(deviceRate).Samples
			if len(want) != row.samples {
				t.Errorf("the sound has %d samples, want %d", len(want), row.samples)
			}
			exact(t, e.heard(0), want)
		})
	}
}

func TestSpeakerTellsHowFarItIs(t *testing.T) {
	s, _ := speak(t, nil)
	var told []time.Duration
	if err := s.Play(t.Context(), saw(8000, 4800), 200*ms, func(at time.Duration) { told = append(told, at) }); err != nil {
		t.Fatal(err)
	}
	n := len(told)
	if n < 2 || told[0] != 200*ms || told[n-1] != 600*ms {
		t.Fatalf("told %v, want from 200ms to 600ms", told)
	}
	for i := 1; i < n-1; i++ {
		if told[i]-told[i-1] < progressInterval || told[i] >= told[n-1] {
			t.Errorf("told %v: too soon at %d", told, i)
		}
	}
}

func TestSpeakerPlaysNothingOfNothing(t *testing.T) {
	s, e := speak(t, nil)
	for _, row := range []struct {
		sound media.Sound
		from  time.Duration
		want  time.Duration
	}{{media.Sound{}, 0, 0}, {saw(8000, 800), time.Hour, 100 * ms}} {
		var told []time.Duration
		err := s.Play(t.Context(), row.sound, row.from, func(at time.Duration) { told = append(told, at) })
		if err != nil || !slices.Equal(told, []time.Duration{row.want}) {
			t.Errorf("told %v, %v", told, err)
		}
	}
	if len(e.plays) > 0 {
		t.Error("a device was opened for it")
	}
}

func TestSpeakerStopsWhenItIsTold(t *testing.T) {
	s, e := speak(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := 0
	err := s.Play(ctx, saw(8000, 8000*60), 0, func(time.Duration) {
		if told++; told == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || told != 2 {
		t.Errorf("it ended with %v and told %d times", err, told)
	}
	if err := s.Play(ctx, saw(8000, 80), 0, func(time.Duration) { t.Error("progress") }); !errors.Is(err, context.Canceled) || len(e.plays) != 1 {
		t.Errorf("what was over before it began ended with %v", err)
	}
	if n := len(e.heard(0)); n >= 30*deviceRate {
		t.Errorf("the device was given %d samples", n)
	}
}

func TestSpeakerPlaysOneAfterTheOtherAndBothAtOnce(t *testing.T) {
	s, e := speak(t, nil)
	one, other := saw(8000, 400), saw(16000, 1000)
	for _, sound := range []media.Sound{one, other} {
		if err := s.Play(t.Context(), sound, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := s.Play(t.Context(), other, 0, nil); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	exact(t, e.heard(0), one.Resample(deviceRate).Samples)
	exact(t, e.heard(1), other.Resample(deviceRate).Samples)
	exact(t, e.heard(2), other.Resample(deviceRate).Samples)
	exact(t, e.heard(3), other.Resample(deviceRate).Samples)
}

func TestClosingTheSpeakerEndsWhatPlays(t *testing.T) {
	s, _ := speak(t, nil)
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		told := 0
		ended <- s.Play(context.Background(), saw(8000, 8000*60), 0, func(time.Duration) {
			if told++; told == 2 {
				close(began)
			}
		})
	}()
	<-began
	var twice sync.WaitGroup
	for range 2 {
		twice.Go(s.close)
	}
	twice.Wait()
	if err := <-ended; !errors.Is(err, errSpeakerClosed) {
		t.Error(err)
	}
	if err := s.Play(t.Context(), saw(8000, 80), 0, nil); !errors.Is(err, errSpeakerClosed) {
		t.Errorf("after Close it ended with %v", err)
	}
}

func TestVolumeIsHeardWhileItPlays(t *testing.T) {
	var volume atomic.Uint64
	volume.Store(math.Float64bits(7)) // more than there is
	s, e := speak(t, func() float64 { return math.Float64frombits(volume.Load()) })
	loud := media.Sound{Rate: deviceRate, Samples: slices.Repeat([]int16{1000}, 60*deviceRate)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// What is set in one step is asked for at the next, and heard before the one
	// after it.
	steps := []func(){func() {}, func() { volume.Store(math.Float64bits(0.5)) }, func() { volume.Store(math.Float64bits(math.NaN())) }, func() {}, cancel}
	told := -progressInterval
	err := s.Play(ctx, loud, 0, func(at time.Duration) {
		if at-told < progressInterval {
			t.Errorf("told %v after %v", at, told)
		}
		told = at
		steps[0]()
		steps = steps[1:]
	})
	if !errors.Is(err, context.Canceled) || len(steps) > 0 {
		t.Fatal(err)
	}
	got := e.heard(0)
	if got[0] != 1000 || !slices.Contains(got, 500) || got[len(got)-1] != 0 {
		t.Errorf("it began with %d and ended with %d", got[0], got[len(got)-1])
	}
	for i := 1; i < len(got); i++ {
		if got[i] > got[i-1] || got[i-1]-got[i] > 10 {
			t.Fatalf("it went from %d to %d", got[i-1], got[i])
		}
	}
}

func TestDeviceThatFailsEndsThePlay(t *testing.T) {
	s, e := speak(t, nil)
	told := 0
	err := s.Play(t.Context(), saw(8000, 8000*60), 0, func(time.Duration) {
		if told++; told == 2 {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.calls[0].Stop()
			e.calls[0].Stop()
		}
	})
	if !errors.Is(err, errSpeakerGone) || told != 2 {
		t.Errorf("it ended with %v after %d", err, told)
	}
	if err := s.Play(t.Context(), media.Sound{Rate: 10, Samples: make([]int16, 10)}, 0, nil); err == nil {
		t.Error("a sound that cannot be played was played")
	}
	s.open = func(malgo.DeviceConfig, malgo.DeviceCallbacks) (*malgo.Device, error) {
		return nil, malgo.ErrBusy
	}
	if err := s.Play(t.Context(), saw(8000, 80), 0, nil); !errors.Is(err, malgo.ErrBusy) {
		t.Error(err)
	}
}

func TestPlayDoesNotWaitForASoundSystemThatHangs(t *testing.T) {
	s, _ := speak(t, nil)
	hangs, opened := make(chan struct{}), make(chan struct{}, 2)
	t.Cleanup(func() { close(hangs) })
	s.open = func(malgo.DeviceConfig, malgo.DeviceCallbacks) (*malgo.Device, error) {
		opened <- struct{}{}
		<-hangs
		return nil, malgo.ErrTimeout
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Play(ctx, saw(8000, 800), 0, nil) }()
	<-opened
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	s.takeTimeout = ms
	if err := s.Play(t.Context(), saw(8000, 800), 0, nil); !errors.Is(err, errSpeakerGone) {
		t.Errorf("it ended with %v", err)
	}
}

func TestComputerWithoutLoudspeakerSaysSoOnce(t *testing.T) {
	t.Setenv("PULSE_SERVER", "unix:"+t.TempDir()+"/none")
	var said bytes.Buffer
	out, closeIt := loudspeaker(nil, nil, &said)
	defer closeIt()
	lines := strings.Count(said.String(), "\n")
	if _, real := out.(*speaker); real { // there is a card
		if lines != 0 {
			t.Errorf("with a loudspeaker it said %q", said.String())
		}
		return
	}
	if lines != 1 || !strings.Contains(said.String(), "nothing will be heard") {
		t.Errorf("it said %q", said.String())
	}
	for range 2 {
		if err := out.Play(t.Context(), saw(8000, 80), 0, nil); err != nil {
			t.Error(err)
		}
	}
	if strings.Count(said.String(), "\n") != 1 {
		t.Errorf("it said %q", said.String())
	}
}

func TestSoundSystemsAreRealOnes(t *testing.T) {
	for _, system := range []string{"linux", "windows", "darwin", "freebsd", runtime.GOOS} {
		for _, card := range []bool{false, true} {
			asked := soundSystems(system, func() bool { return card })
			if len(asked) == 0 || slices.ContainsFunc(asked, func(b malgo.Backend) bool { return b >= malgo.BackendNull }) {
				t.Errorf("%s: %v", system, asked)
			}
			if system == "linux" && (asked[0] != malgo.BackendPulseaudio || slices.Contains(asked, malgo.BackendAlsa) != card) {
				t.Errorf("with a card %v: %v", card, asked)
			}
		}
	}
}

// counter is an Output that counts.
type counter struct {
	lengths []time.Duration
	each    func(n int) error
}

func (c *counter) Play(_ context.Context, s media.Sound, _ time.Duration, _ func(time.Duration)) error {
	c.lengths = append(c.lengths, s.Duration())
	return c.each(len(c.lengths))
}

func TestRingToneIsPlayedAsOftenAsWanted(t *testing.T) {
	ok := func(int) error { return nil }
	for _, row := range []struct {
		name  string
		ring  media.Ring
		times int
		each  func(int) error
		want  int
		err   bool
	}{
		{"once", media.RingChime, 1, ok, 1, false},
		{"three times", media.RingWood, 3, ok, 3, false},
		{"until it is told", media.RingWarble, 0, func(n int) error {
			if n == 5 {
				return context.Canceled
			}
			return nil
		}, 5, true},
		{"an unknown one", "trumpet", 2, ok, 0, true},
	} {
		c := &counter{each: row.each}
		err := playRing(t.Context(), c, row.ring, row.times)
		if len(c.lengths) != row.want || (err != nil) != row.err {
			t.Errorf("%s: %d times, %v", row.name, len(c.lengths), err)
		}
	}
}
