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

// Sizes of the device buffer, chosen here: short enough that a volume key is heard
// at once, long enough that a busy computer does not stutter.
const (
	audioPeriod       = 20 * time.Millisecond
	audioPeriods      = 3
	audioBuffered     = audioPeriods * audioPeriod // handed over, and not heard yet
	progressInterval  = 100 * time.Millisecond     // between reports of progress and readings of the volume
	audioTakeTimeout  = 5 * time.Second            // until a device that takes no samples is given up
	audioCloseTimeout = 2 * time.Second            // for devices that do not stop, when all ends
)

// Errors of Play beside that of its context.
var (
	// errSpeakerClosed: the speaker was closed before or during Play.
	errSpeakerClosed = errors.New("the loudspeaker was switched off")
	// errSpeakerGone: the device stopped by itself (a headset was pulled out) or
	// takes no more samples (the sound server crashed).
	errSpeakerGone = errors.New("the loudspeaker has gone")
)

// loudspeaker returns the computer's loudspeaker and the function that closes it.
// Without a sound device it prints a warning and returns an Output that is silent
// but keeps time by c.
func loudspeaker(volume func() float64, c clock.Clock, warnings io.Writer) (media.Output, func()) {
	out, closeSpeaker, err := NewSpeaker(volume)
	if err == nil {
		return out, closeSpeaker
	}
	fmt.Fprintf(warnings, "ocphone-desktop: nothing will be heard: %v\n", err)
	return media.NewNull(c), func() {}
}

// NewSpeaker returns the computer's loudspeaker, in the rate that it has. volume
// is the gain, 0 to 1 (nil: always 1); the goroutine of Play calls it some times a
// second while a sound plays, and it must not block. Several Plays at once are
// mixed by the system.
//
// The returned function stops all sounds and waits for their end; do not call it
// from progress. The error means that there is no device.
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

// soundSystems are the sound systems to try, in this order. The list of malgo ends
// with one that discards all samples. ALSA is not tried without a card, and JACK is
// never tried: both write to stderr.
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

// alsaCard reports whether the kernel has a card that plays.
func alsaCard() bool {
	cards, err := filepath.Glob("/dev/snd/pcmC*D*p")
	return err == nil && len(cards) > 0
}

// speaker is a sound system. Each Play opens the current default device, so that a
// headset which was plugged in meanwhile is used, and no device runs while no sound
// plays.
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

// openSpeaker opens a sound system and checks that it has a device.
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

// release closes a device; after it the device takes no more samples.
func (s *speaker) release(d *malgo.Device) {
	s.opening.Lock()
	defer s.opening.Unlock()
	d.Uninit()
}

// gain is the current volume, within 0 and 1.
func (s *speaker) gain() float64 {
	if s.volume == nil {
		return 1
	}
	if v := s.volume(); v > 0 { // not so: NaN too
		return min(v, 1)
	}
	return 0
}

// close stops all sounds, waits for their end and frees the sound system. It does
// not wait for a sound system that hangs: that ends with the program.
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

// begin counts a Play; false: the speaker is closed.
func (s *speaker) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on.Err() != nil {
		return false
	}
	s.playing.Add(1)
	return true
}

// Play implements media.Output. Progress is counted in samples that were heard,
// not by a clock.
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

// runDevice opens a device, which takes samples from f until the context is done,
// and closes it. A sound system may need seconds for either, or hang, so Play does
// not wait for it; an error is passed to stop.
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

// follow queues pieces for the device and reports progress, until the end.
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

// playRing plays a ring tone, with its silence, times times; if times is less than
// one, until ctx is done. It returns the error of media.Output.Play.
func playRing(ctx context.Context, out media.Output, r media.Ring, times int) error {
	s, err := r.Sound()
	for n := 0; err == nil && (times < 1 || n < times); n++ {
		err = out.Play(ctx, s, 0, nil)
	}
	return err
}
