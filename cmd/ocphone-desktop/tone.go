//go:build cgo

package main

import (
	"context"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/media"
	"github.com/ocphone/ocphone/device/screen/view"
)

// tonePlayer plays the sound that the View of the phone has.
type tonePlayer struct {
	out media.Output

	mu      sync.Mutex
	sound   view.Sound
	stop    context.CancelFunc // ends the sound; nil: silence
	playing sync.WaitGroup
}

// longestTone is longer than the phone sounds a tone.
const longestTone = time.Minute

// set plays s instead of the sound before it. It does not block.
func (p *tonePlayer) set(s view.Sound) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == p.sound {
		return
	}
	if p.sound = s; p.stop != nil {
		p.stop()
		p.stop = nil
	}
	if s != view.DialTone {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.playing.Go(func() { // an error means that there is nothing to hear; loudspeaker has said so
		p.out.Play(ctx, media.DialTone().Sound(longestTone), 0, nil)
	})
}

// close ends the sound.
func (p *tonePlayer) close() {
	p.set(view.Silence)
	p.playing.Wait()
}
