//go:build cgo

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/gen2brain/malgo"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/media"
)

// What is asked of a device. They are ours: short enough that a volume key is
// heard at once, long enough that a busy computer does not stutter.
const (
	audioPeriod       = 20 * time.Millisecond
	audioPeriods      = 3
	audioBuffered     = audioPeriods * audioPeriod // handed over, and not heard yet
	progressInterval  = 100 * time.Millisecond     // how often progress is told and the volume asked
	audioTakeTimeout  = 5 * time.Second            // with a device that takes nothing
	audioCloseTimeout = 2 * time.Second            // for devices that do not stop, when all ends
)

// Why a Play ends too soon, beside the error of its context.
var (
	// errSpeakerClosed: the speaker is closed, or was meanwhile.
	errSpeakerClosed = errors.New("the loudspeaker was switched off")
	// errSpeakerGone: the device stopped by itself, as when a headset is pulled
	// out, or takes nothing any more, as when the sound server has crashed.
	errSpeakerGone = errors.New("the loudspeaker has gone")
)

// loudspeaker is the computer's loudspeaker, and what closes it. If there is
// none, say is told so, once, and the Output is one that only lets the time pass
// by c.
func loudspeaker(volume func() float64, c clock.Clock, warnings io.Writer) (media.Output, func()) {
	out, closeSpeaker, err := NewSpeaker(volume)
	if err == nil {
		return out, closeSpeaker
	}
	fmt.Fprintf(warnings, "ocphone-desktop: nothing will be heard: %v\n", err)
	return media.NewNull(c), func() {}
}

// NewSpeaker returns the computer's loudspeaker, in the rate that it has. volume
// is the gain, 0 to 1 (nil: always 1); the goroutine of Play asks it some times a
// second while something plays, and it must not block. Several Plays at once are
// mixed by the system.
//
// The function that it returns stops what plays and waits for it; do not call it
// from progress. An error says that there is no device.
func NewSpeaker(volume func() float64) (media.Output, func(), error) {
	var last error
	for _, b := range soundSystems(runtime.GOOS, alsaCard) {
		s, err := openSpeaker(b, volume)
		if err == nil {
			return s, s.close, nil
		}
		last = err
	}
	return nil, nil, fmt.Errorf("this computer has no loudspeaker that can be used (%w)", last)
}

// soundSystems are those to ask, in this order; malgo's own list ends with one
// that swallows everything. ALSA is not asked without a card, and JACK not at
// all: both write to stderr by themselves.
func soundSystems(system string, card func() bool) []malgo.Backend {
	switch system {
	case "windows":
		return []malgo.Backend{malgo.BackendWasapi, malgo.BackendDsound, malgo.BackendWinmm}
	case "darwin":
		return []malgo.Backend{malgo.BackendCoreaudio}
	case "linux":
		if card() {
			return []malgo.Backend{malgo.BackendPulseaudio, malgo.BackendAlsa}
		}
		return []malgo.Backend{malgo.BackendPulseaudio}
	}
	return []malgo.Backend{malgo.BackendSndio, malgo.BackendAudio4, malgo.BackendOss}
}

// alsaCard says whether the kernel has a card that plays.
func alsaCard() bool {
	cards, err := filepath.Glob("/dev/snd/pcmC*D*p")
	return err == nil && len(cards) > 0
}

// speaker is a sound system. Each Play opens the device that is the default
// then, so that a headset which was plugged in meanwhile is used, and nothing
// runs while nothing plays.
type speaker struct {
	volume      func() float64
	takeTimeout time.Duration // with a device that takes nothing
	context     *malgo.AllocatedContext
	open        func(malgo.DeviceConfig, malgo.DeviceCallbacks) (*malgo.Device, error)

	opening sync.Mutex // devices are opened and closed one at a time, as miniaudio wants

	mu      sync.Mutex // begin and close
	on      context.Context
	off     context.CancelFunc
	playing sync.WaitGroup
	ended   chan struct{} // closed when all is returned
}

// openSpeaker opens a sound system and proves that it has a device.
func openSpeaker(b malgo.Backend, volume func() float64) (*speaker, error) {
	c, err := malgo.InitContext([]malgo.Backend{b}, malgo.ContextConfig{}, nil)
	if err != nil {
		return nil, err
	}
	s := &speaker{volume: volume, takeTimeout: audioTakeTimeout, context: c, ended: make(chan struct{})}
	s.on, s.off = context.WithCancel(context.Background())
	s.open = func(d malgo.DeviceConfig, call malgo.DeviceCallbacks) (*malgo.Device, error) {
		return malgo.InitDevice(c.Context, d, call)
	}
	d, err := s.device(malgo.DeviceCallbacks{})
	if err != nil {
		s.close()
		return nil, err
	}
	s.release(d)
	return s, nil
}

// device opens the default device: one channel, 16 bits, its own rate.
func (s *speaker) device(call malgo.DeviceCallbacks) (*malgo.Device, error) {
	c := malgo.DefaultDeviceConfig(malgo.Playback)
	c.Playback.Format, c.Playback.Channels = malgo.FormatS16, 1
	c.PeriodSizeInMilliseconds, c.Periods = uint32(audioPeriod/time.Millisecond), audioPeriods
	c.Pulse.StreamNamePlayback = "ocphone"
	s.opening.Lock()
	defer s.opening.Unlock()
	return s.open(c, call)
}

// release returns a device; after it the device asks for nothing more.
func (s *speaker) release(d *malgo.Device) {
	s.opening.Lock()
	defer s.opening.Unlock()
	d.Uninit()
}

// gain is the volume now, within bounds.
func (s *speaker) gain() float64 {
	if s.volume == nil {
		return 1
	}
	if v := s.volume(); v > 0 { // not so: NaN too
		return min(v, 1)
	}
	return 0
}

// close stops what plays, waits for it, and returns everything. A sound system
// that hangs is left alone: it goes with the program.
func (s *speaker) close() {
	s.mu.Lock()
	if s.on.Err() == nil {
		s.off()
		go func() {
			defer close(s.ended)
			s.playing.Wait()
			s.context.Uninit() // what goes wrong at the end does not matter
			s.context.Free()
		}()
	}
	s.mu.Unlock()
	late := time.NewTimer(audioCloseTimeout)
	defer late.Stop()
	select {
	case <-s.ended:
	case <-late.C:
	}
}

// begin counts a Play, unless all is over.
func (s *speaker) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on.Err() != nil {
		return false
	}
	s.playing.Add(1)
	return true
}

// Play implements media.Output. How far it is, is counted in samples that were
// heard, not by a clock.
func (s *speaker) Play(ctx context.Context, sound media.Sound, from time.Duration,
	progress func(at time.Duration)) error {
	if !s.begin() {
		return errSpeakerClosed
	}
	defer s.playing.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	tell := func(at time.Duration) {
		if progress != nil {
			progress(at)
		}
	}
	end := sound.Duration()
	from = min(max(from, 0), end)
	sound = sound.From(from)
	if tell(from); len(sound.Samples) == 0 || from == end {
		return ctx.Err()
	}

	f := newFeed(s.gain())
	defer f.setGain(0) // a device that is slow to stop is silent at once
	until, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.on, func() { stop(errSpeakerClosed) })()
	ready := make(chan *source, 1)
	s.playing.Add(1)
	go s.runDevice(until, stop, f, sound, ready)
	return s.follow(ctx, until, f, ready, func(at time.Duration) { tell(from + at) }, end-from)
}

// drive opens a device, lets it take from f until the context is done, and
// returns it. A sound system may take seconds for each of that, or hang, so Play
// does not wait for it; what goes wrong it says by stop.
func (s *speaker) runDevice(until context.Context, stop context.CancelCauseFunc, f *feed, sound media.Sound,
	ready chan<- *source) {
	defer s.playing.Done()
	d, err := s.device(malgo.DeviceCallbacks{
		Data: func(out, _ []byte, _ uint32) { f.fill(out) },
		Stop: func() { stop(errSpeakerGone) }, // not by release
	})
	if err != nil {
		stop(fmt.Errorf("the loudspeaker cannot be opened (%w)", err))
		return
	}
	defer s.release(d)
	src, err := newSource(sound, int(d.SampleRate()))
	if err != nil {
		stop(err)
		return
	}
	f.queuePieces(src)
	ready <- src // Play supplies from now on
	if err := d.Start(); err != nil {
		stop(fmt.Errorf("the loudspeaker does not start (%w)", err))
	}
	<-until.Done()
}

// follow supplies the device and tells how far it is, until the end.
func (s *speaker) follow(ctx, until context.Context, f *feed, ready <-chan *source, tell func(at time.Duration),
	end time.Duration) error {
	watch := time.NewTimer(s.takeTimeout)
	defer watch.Stop()
	var src *source
	for told := time.Duration(0); ; {
		select {
		case <-until.Done():
		case src = <-ready:
			continue
		case <-f.taken:
		case <-watch.C:
			return errSpeakerGone
		}
		if until.Err() != nil {
			return cmp.Or(ctx.Err(), context.Cause(until))
		}
		watch.Reset(s.takeTimeout)
		if src == nil { // the device is quicker than its message
			src = <-ready
		}
		f.queuePieces(src)
		heard := int(f.delivered.Load()) - src.rate*int(audioBuffered/time.Millisecond)/1000
		if heard >= src.total {
			tell(end)
			return nil
		}
		if at := samplesDuration(max(heard, 0), src.rate); at-told >= progressInterval && at < end {
			told = at
			f.setGain(s.gain())
			tell(at)
		}
	}
}

// playRing plays a ring tone that many times with the silence that belongs to
// it, or until ctx is done if times is less than one. It returns as
// media.Output's Play does.
func playRing(ctx context.Context, out media.Output, r media.Ring, times int) error {
	s, err := r.Sound()
	for n := 0; err == nil && (times < 1 || n < times); n++ {
		err = out.Play(ctx, s, 0, nil)
	}
	return err
}
