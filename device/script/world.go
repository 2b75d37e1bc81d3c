// Package script plays acts with a phone and a lab in one process: it does
// something, waits until the phone has come to rest, and checks what that proves.
// The story of the paper clip (rules R1.1 to R1.4) is here, for everything that
// tells or shows it.
//
//  1. w, err := script.NewWorld(script.WorldOptions{}); Close it at the end.
//  2. err = w.Play(ctx, script.PaperClip(w), audience) plays acts; the first one
//     whose claim does not hold ends it.
//  3. A Progress follows a phone that a person uses, and says which parts of the
//     story have happened; a Stage taps on the phone's screen.
package script

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// WorldOptions describe a World. The zero value is a deployment of 2007.
type WorldOptions struct {
	Today   bool                  // deployment and firmware of today
	Prepare func(*lab.Deployment) // changes the deployment before it starts; nil: it stays
	MAC     string                // of the phone; "": a new one
}

// World is a running lab, and a phone that fits it.
type World struct {
	Lab      *lab.Lab
	Phone    *device.Phone     // new: off and unplugged
	Clock    *clock.Adjustable // the phone's
	Firmware device.Firmware
	User     device.Credentials // the lab's first user

	cursor   uint64 // events of the phone that Play has read
	searches int    // of the domain controller, when the act began

	mu         sync.Mutex
	paperClips int
}

// NewWorld starts a lab and makes a phone.
func NewWorld(o WorldOptions) (_ *World, err error) {
	w := &World{Clock: clock.New(time.Now())}
	deployment := setup.Contoso(o.Today)
	if o.Prepare != nil {
		o.Prepare(&deployment)
	}
	if w.Lab, err = lab.New(deployment); err != nil {
		return nil, err
	}
	ready := w.Lab.Ready()
	w.User = setup.LabCredentials(ready.Users[0])
	cfg := setup.LabConfig(ready)
	cfg.RootSet, cfg.Clock, cfg.MAC = "factory-2007", w.Clock, o.MAC
	cfg.Budget = 20 * device.DefaultBudget // the lab shares a computer that may be busy
	w.Firmware = cfg.Firmware
	if w.Phone, err = device.New(cfg); err != nil {
		w.Lab.Close()
		return nil, err
	}
	return w, nil
}

// Close closes the phone and the lab.
func (w *World) Close() error {
	return errors.Join(w.Phone.Close(), w.Lab.Close())
}

// PlugIn switches the phone on and plugs it in.
func (w *World) PlugIn(at lab.Attachment) {
	w.Phone.PowerOn()
	w.Phone.Plug(at.Place)
}

// SignIn switches the phone on, plugs it in and signs the user in.
func (w *World) SignIn(at lab.Attachment) error {
	w.PlugIn(at)
	return w.Phone.SignIn(w.User)
}

// Searched reports whether the domain controller was searched since the current
// act began.
func (w *World) Searched() bool { return w.Lab.DC.Searches() > w.searches }

// Observe takes note of steps of the phone. Play does so by itself.
func (w *World) Observe(steps ...journal.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range steps {
		if s.Name == journal.Reset && s.State == journal.OK && s.Asked == "paper clip" {
			w.paperClips++
		}
	}
}

// Facts are what phone and lab report at one moment. The story goes by nothing
// else.
type Facts struct {
	Place      string       // where the phone is plugged in: Inside, Outside or ""
	On         bool         // the phone has power
	SignedIn   bool         // ready: nothing is left to do
	Busy       bool         // signing in, or about to try again
	Refused    journal.Code // why a person must act; "": nobody must
	Remote     bool         // signed in through the Edge
	Downloaded int          // roots that a paper clip removes
	Pool, Edge RootFacts    // the roots of the deployment
	PaperClips int          // resets by paper clip that were observed
}

// RootFacts are those about a root of the deployment.
type RootFacts struct {
	Published bool // it is in Active Directory
	Trusted   bool // the phone has it
}

// Places of a lab.
const (
	Inside  = "inside"
	Outside = "outside"
)

// Facts returns the facts of this moment.
func (w *World) Facts() Facts {
	now := w.Phone.Snapshot()
	f := Facts{
		Place:      now.Place,
		On:         now.On(),
		SignedIn:   now.State == device.Ready,
		Busy:       now.State == device.SigningIn || now.State == device.SignedIn || now.State == device.Waiting,
		Remote:     now.Remote,
		Downloaded: downloaded(now),
	}
	w.mu.Lock()
	f.PaperClips = w.paperClips
	w.mu.Unlock()
	if now.State == device.Failed && now.Failure != nil {
		f.Refused = now.Failure.Code
	}
	for _, r := range now.Roots {
		f.Pool.Trusted = f.Pool.Trusted || bytes.Equal(r.Certificate.Raw, w.Lab.PKI.Enterprise.Certificate.Raw)
		f.Edge.Trusted = f.Edge.Trusted || bytes.Equal(r.Certificate.Raw, w.Lab.PKI.Public.Certificate.Raw)
	}
	for _, r := range w.Lab.Roots() {
		switch r.Name {
		case lab.EnterpriseRoot:
			f.Pool.Published = r.Published
		case lab.PublicRoot:
			f.Edge.Published = r.Published
		}
	}
	return f
}

func downloaded(s device.Snapshot) (n int) {
	for _, r := range s.Roots {
		if r.Downloaded() {
			n++
		}
	}
	return n
}

// Pass lets time pass for lab and phone. It halts whenever the phone has to
// refresh its registration or security association, and goes on when that is
// done: else the pool's clock would run away meanwhile.
func (w *World) Pass(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, ActTimeout, errors.New("the phone did not refresh its registration in "+
		"time"))
	defer cancel()
	sip := w.Firmware.SIP
	for end := w.Clock.Now().Add(d); ; {
		registered, authenticated := w.lastRegister()
		due := registered.Add(w.Lab.Pool.DefaultExpires - sip.RefreshMargin)
		if renew := authenticated.Add(sip.AssociationLifetime); renew.Before(due) {
			due = renew
		}
		if registered.IsZero() || due.After(end) {
			w.advance(end.Sub(w.Clock.Now()))
			return nil
		}
		w.advance(due.Sub(w.Clock.Now()))
		if _, err := w.Phone.Wait(ctx, func(device.Snapshot) bool {
			again, _ := w.lastRegister()
			return again.After(registered)
		}); err != nil {
			return err
		}
	}
}

func (w *World) advance(d time.Duration) {
	w.Lab.Clock.Advance(d)
	w.Clock.Advance(d)
}

// lastRegister is when the phone last registered, and when it last authenticated
// for it; zero when it never did, or the journal has forgotten.
func (w *World) lastRegister() (registered, authenticated time.Time) {
	events, _, _ := w.Phone.Events().Since(0)
	var begun time.Time // a log-on, which the next step of the session completes
	for _, e := range events {
		switch {
		case e.Step == nil:
		case e.Step.Name == journal.Register:
			begun = e.Step.At
		case e.Step.Name == journal.Ready:
			registered, authenticated, begun = begun, begun, time.Time{}
		case e.Step.Name == journal.Session && e.Step.State == journal.OK:
			if registered = e.Step.At; !begun.IsZero() {
				authenticated, begun = registered, time.Time{}
			}
		}
	}
	return registered, authenticated
}
