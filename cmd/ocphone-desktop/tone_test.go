//go:build cgo

package main

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/media"
	"github.com/ocphone/ocphone/device/screen/view"
)

// silentOutput counts the sounds that are played at the moment.
type silentOutput struct {
	began   chan media.Sound
	playing atomic.Int32
}

func (o *silentOutput) Play(ctx context.Context, s media.Sound, _ time.Duration, _ func(time.Duration)) error {
	o.playing.Add(1)
	defer o.playing.Add(-1)
	o.began <- s
	<-ctx.Done()
	return ctx.Err()
}

func TestDialToneSoundsWhileTheViewHasIt(t *testing.T) {
	out := &silentOutput{began: make(chan media.Sound, 9)}
	p := &tonePlayer{out: out}
	p.set(view.Silence)
	p.set(view.DialTone)
	p.set(view.DialTone)
	if s := <-out.began; s.Duration() < 30*time.Second {
		t.Errorf("the tone is %s long", s.Duration())
	}
	p.set(view.Silence)
	p.playing.Wait()
	p.set(view.DialTone)
	<-out.began
	p.close()
	if n := out.playing.Load(); n != 0 || len(out.began) != 0 {
		t.Errorf("%d sounds go on, %d more began", n, len(out.began))
	}
}
