package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/setup"
)

// session is a phone that signs in for a command and signs out at its end.
type session struct {
	phone *device.Phone
	shown chan struct{} // closed when all steps are printed
}

// signOutTimeout bounds how long signing out may take.
const signOutTimeout = 3 * time.Second

// startSession signs the phone in, with a password that may be asked for; p prints
// each step if show is set. After an error there is nothing to finish.
func startSession(ctx context.Context, phone *device.Phone, r *setup.Setup, p *printer, show bool) (*session, error) {
	s := &session{phone: phone, shown: make(chan struct{})}
	if show {
		go s.show(p)
	} else {
		close(s.shown)
	}
	if err := r.SignIn(ctx, phone); err != nil {
		s.finish()
		return nil, err
	}
	return s, nil
}

func (s *session) show(p *printer) {
	defer close(s.shown)
	for cursor := uint64(0); ; {
		events, next, missed, ok := s.phone.Events().Wait(context.Background(), cursor)
		if !ok {
			return
		}
		cursor = next
		if missed > 0 {
			p.line(dim, "(%d events were too quick to be shown)", missed)
		}
		for _, ev := range events {
			if ev.Step != nil {
				p.step(*ev.Step)
			}
		}
	}
}

// wait returns when the phone is ready, when a person must act, or when good
// holds. It fails after timeout, in real time, or when ctx ends.
func (s *session) wait(ctx context.Context, timeout time.Duration, good func(device.Snapshot) bool) (
	device.Snapshot, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return s.phone.Wait(limited, func(now device.Snapshot) bool {
		return now.State == device.Ready || now.State == device.Failed || good(now)
	})
}

// last is the latest step of one of these names; ok is false if there is none.
func (s *session) last(names ...journal.Name) (step journal.Step, ok bool) {
	events, _, _ := s.phone.Events().Since(0)
	for _, ev := range events {
		if ev.Step != nil && slices.Contains(names, ev.Step.Name) {
			step, ok = *ev.Step, true
		}
	}
	return step, ok
}

// finish signs out, so that nothing stays registered (docs/decisions.md#do-no-harm), and
// switches the phone off. It returns the step of a sign-out that the server did not
// confirm, if any.
func (s *session) finish() (unconfirmed []journal.Step) {
	bye, cancel := context.WithTimeout(context.Background(), signOutTimeout)
	defer cancel()
	if f, failed := errors.AsType[*journal.Failure](s.phone.ShutDown(bye)); failed {
		unconfirmed = append(unconfirmed, f.Step(journal.Session))
	}
	s.phone.Close()
	<-s.shown
	return unconfirmed
}
