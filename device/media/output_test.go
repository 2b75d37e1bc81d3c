package media_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/media"
)

// run plays s on a null output with a clock of the test's own. The channel
// gives what Play returned.
type run struct {
	clock    *clock.Adjustable
	progress []time.Duration // positions that were passed; read it after Advance or the end only
	ended    chan error
	cancel   context.CancelFunc
}

func play(t *testing.T, from time.Duration, each func(*run), start func(ctx context.Context, out media.Output, from time.Duration, progress func(time.Duration)) error) *run {
	t.Helper()
	r := &run{clock: clock.NewManual(time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	t.Cleanup(cancel)
	began := make(chan struct{})
	go func() {
		r.ended <- start(ctx, media.NewNull(r.clock), from, func(at time.Duration) {
			if r.progress = append(r.progress, at); len(r.progress) == 1 {
				close(began)
			}
			if each != nil {
				each(r)
			}
		})
	}()
	<-began
	return r
}

func sound(s media.Sound) func(context.Context, media.Output, time.Duration, func(time.Duration)) error {
	return func(ctx context.Context, out media.Output, from time.Duration, progress func(time.Duration)) error {
		return out.Play(ctx, s, from, progress)
	}
}

const ms = time.Millisecond

func TestNullPlaysForTheLengthOfTheSound(t *testing.T) {
	s := sine(8000, 2600, 440) // 325 ms
	r := play(t, 0, nil, sound(s))
	r.clock.Advance(200 * ms)
	if want := []time.Duration{0, 100 * ms, 200 * ms}; !slices.Equal(r.progress, want) {
		t.Errorf("after 200 ms progress %v, want %v", r.progress, want)
	}
	r.clock.Advance(124 * ms)
	select {
	case err := <-r.ended:
		t.Fatal("it ended 1 ms too soon: ", err)
	default:
	}
	r.clock.Advance(time.Hour)
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if want := []time.Duration{0, 100 * ms, 200 * ms, 300 * ms, 325 * ms}; !slices.Equal(r.progress, want) {
		t.Errorf("progress %v, want %v", r.progress, want)
	}
}

func TestNullBeginsAtThePosition(t *testing.T) {
	s := sine(8000, 8000, 440)
	for from, want := range map[time.Duration][]time.Duration{
		-time.Second: {0, 100 * ms, 200 * ms, 300 * ms, 400 * ms, 500 * ms, 600 * ms, 700 * ms, 800 * ms, 900 * ms, time.Second},
		750 * ms:     {750 * ms, 850 * ms, 950 * ms, time.Second},
		time.Second:  {time.Second},
		time.Hour:    {time.Second},
	} {
		r := play(t, from, nil, sound(s))
		r.clock.Advance(time.Minute)
		if err := <-r.ended; err != nil || !slices.Equal(r.progress, want) {
			t.Errorf("from %v progress %v, %v, want %v", from, r.progress, err, want)
		}
	}
}

func TestNullIgnoresACorrectedClock(t *testing.T) {
	r := play(t, 0, nil, sound(sine(8000, 8000, 440)))
	r.clock.Set(r.clock.Now().AddDate(1, 0, 0))
	r.clock.Advance(100 * ms)
	if r.progress[len(r.progress)-1] != 100*ms {
		t.Errorf("progress %v", r.progress)
	}
}

func TestNullStopsAtOnce(t *testing.T) {
	r := play(t, 0, nil, sound(sine(8000, 80000, 440)))
	r.clock.Advance(time.Second)
	r.cancel()
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	reported := len(r.progress)
	r.clock.Advance(time.Minute)
	if len(r.progress) != reported {
		t.Error("progress was called after the end")
	}
}

func TestNullCanBeStoppedByItsOwnProgress(t *testing.T) {
	r := play(t, 0, func(r *run) {
		if len(r.progress) == 3 {
			r.cancel()
		}
	}, sound(sine(8000, 80000, 440)))
	r.clock.Advance(200 * ms)
	if err := <-r.ended; !errors.Is(err, context.Canceled) || len(r.progress) != 3 {
		t.Errorf("it ended with %v and progress %v", err, r.progress)
	}
}

func TestNullDoesNotBeginWithAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := media.NewNull(nil).Play(ctx, sine(8000, 8000, 440), 0, func(time.Duration) { t.Error("progress") })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNullRunsByTheHostsClockToo(t *testing.T) {
	out := media.NewNull(nil)
	if err := out.Play(context.Background(), sine(8000, 80, 440), 0, nil); err != nil {
		t.Error(err)
	}
	if err := out.Play(context.Background(), media.Sound{}, 0, nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), ms)
	defer cancel()
	if err := out.Play(ctx, sine(8000, 80000, 440), 0, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// taken is an Output that keeps its arguments.
type taken struct{ got media.Sound }

func (o *taken) Play(_ context.Context, s media.Sound, from time.Duration, _ func(time.Duration)) error {
	o.got = s.From(from)
	return nil
}

func TestPlayerDecodesScalesAndPlays(t *testing.T) {
	file, err := media.Encode(media.Sound{Rate: 8000, Samples: []int16{100, 200, 300, 400}}, media.PCM)
	if err != nil {
		t.Fatal(err)
	}
	var out taken
	player := media.Player{Output: &out, Gain: func() float64 { return 0.5 }}
	if err := player.Play(context.Background(), file, 250*time.Microsecond, nil); err != nil || !slices.Equal(out.got.Samples, []int16{150, 200}) {
		t.Errorf("played %v, %v", out.got, err)
	}
	if err := player.Play(context.Background(), []byte("ID3"), 0, nil); !errors.Is(err, media.ErrUnsupported) {
		t.Errorf("MP3: %v", err)
	}
	if err := (media.Player{}).Play(context.Background(), file, 0, nil); err != nil {
		t.Error(err)
	}
}
