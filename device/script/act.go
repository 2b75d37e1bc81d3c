package script

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// Act is one scene: what is done, what is waited for, and what that proves.
type Act struct {
	Title string // a few words
	Text  string // what is done and why, for a person

	Do    func() error                   // it may return before the phone has finished
	Until func(device.Snapshot) bool     // when the act is over; nil: when the phone has come to rest
	Shows func(device.Snapshot) []string // lines of the result that are worth reading; nil: none

	Claim string                     // what the act proves, a sentence
	Holds func(device.Snapshot) bool // whether Claim is true at the end of the act
}

// ActTimeout bounds each act in real time; an act takes milliseconds.
const ActTimeout = 20 * time.Second

// Audience sees acts as they are played.
type Audience interface {
	Begin(n int, a Act)         // an act begins; the first one has number 1
	Steps(steps []journal.Step) // the steps of the phone in this act
	Show(lines []string)        // Act.Shows
}

// Play plays acts in order. The error is that of Act.Do, a time-out, or a claim
// that does not hold.
func (w *World) Play(ctx context.Context, acts []Act, to Audience) error {
	for i, act := range acts {
		to.Begin(i+1, act)
		if err := w.play(ctx, act, to); err != nil {
			return fmt.Errorf("act %d: %w", i+1, err)
		}
	}
	return nil
}

func (w *World) play(ctx context.Context, act Act, to Audience) error {
	w.searches = w.Lab.DC.Searches()
	if err := act.Do(); err != nil {
		return err
	}
	now, err := w.wait(ctx, act.Until)
	events, next, _ := w.Phone.Events().Since(w.cursor)
	w.cursor = next
	var steps []journal.Step
	for _, e := range events {
		if e.Step != nil {
			steps = append(steps, *e.Step)
		}
	}
	w.Observe(steps...)
	to.Steps(steps)
	if err != nil {
		return err
	}
	if act.Shows != nil {
		to.Show(act.Shows(now))
	}
	if !act.Holds(now) {
		return fmt.Errorf("this should have held and did not: %s", act.Claim)
	}
	return nil
}

// wait waits until the phone is as wanted; nil: until it rests.
func (w *World) wait(ctx context.Context, wanted func(device.Snapshot) bool) (device.Snapshot, error) {
	if wanted == nil {
		wanted = func(now device.Snapshot) bool { return now.Done() || now.State == device.Waiting }
	}
	ctx, cancel := context.WithTimeoutCause(ctx, ActTimeout, errors.New("the phone did not come to rest in time"))
	defer cancel()
	return w.Phone.Wait(ctx, wanted)
}
