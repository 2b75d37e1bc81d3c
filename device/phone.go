// Package device is the phone: Office Communicator 2007 Phone Edition on a
// "Tanjay" desk phone, with a power cord, an Ethernet jack, a certificate store
// and a reset hole.
//
// It follows docs/architecture.md#the-way-of-a-sign-in, docs/decisions.md and the
// requirements R1.x; facts about the phone are in
// docs/protocol/phone.md#boot-sequence and
// docs/protocol/trust.md#trust-root-certificates-download-reset.
//
//  1. New makes a phone; it is off.
//  2. Plug it into a network.Place, PowerOn, SignIn.
//  3. Wait for a Snapshot or WaitStep for a step; Events and Steps show
//     everything.
//  4. PressReset is the paper clip. Close returns everything.
//
// # Inside
//
// A phone has three lifetimes, one inside the other (docs/decisions.md#one-owner). The
// Phone has power, place, memory, journal, certificate store and at most one
// session. A session begins with SignIn, or with a restart that signs the user
// in again, and has the network, the credentials, the connection attempt and at
// most one registration. A registration begins with the 200 to REGISTER and has
// what pool and Exchange send: settings, dial plan, documents, mailbox.
//
// All state belongs to one task queue, which never does I/O. Work that takes
// time runs in the background with an input that does not change, by the method
// run of its lifetime; timers are set by after. Both drop what arrives when the
// lifetime has ended. The end of a lifetime ends the lifetimes inside it.
package device

import (
	"cmp"
	"context"
	"encoding/binary"
	"net"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/ews"
)

// Event is something that happened: a step, or a change that a new Snapshot
// shows.
type Event struct {
	Seq   uint64
	Step  *journal.Step // nil for a mere change of state
	State State         // after the event
	Epoch uint64        // Snapshot.Epoch at that time
}

// pack is the form in which the journal keeps an event: sequence number, epoch,
// state, and the step if there is one.
func (e Event) pack() journal.Packed {
	b := binary.AppendUvarint(binary.AppendUvarint(make([]byte, 0, 64), e.Seq), e.Epoch)
	b = append(append(b, byte(len(e.State))), e.State...)
	var step journal.Packed
	if e.Step != nil {
		step = e.Step.Pack()
	}
	return journal.Packed{Own: string(append(b, step.Own...)), Shared: step.Shared}
}

func unpackEvent(packed journal.Packed) (e Event) {
	b := []byte(packed.Own)
	for _, number := range []*uint64{&e.Seq, &e.Epoch} {
		n, size := binary.Uvarint(b)
		*number, b = n, b[size:]
	}
	end := 1 + int(b[0])
	e.State = State(b[1:end])
	if packed.Own = string(b[end:]); packed.Own != "" {
		s := journal.UnpackStep(packed)
		e.Step = &s
	}
	return e
}

// Phone is one phone. Its methods may be called from any goroutine.
type Phone struct {
	core

	// The fields below belong to the task queue.
	on      bool
	closed  bool           // Close has begun: it cannot be powered on any more
	place   *network.Place // nil: unplugged
	session *session       // nil: nobody is to be signed in
}

// New builds a phone, or continues the one whose memory is in cfg.Flash. It
// fails when a name is unknown or the memory cannot be read.
func New(cfg Config) (*Phone, error) {
	p := new(Phone)
	if err := p.open(cfg); err != nil {
		return nil, err
	}
	return p, nil
}

// PowerOn starts the phone.
func (p *Phone) PowerOn() {
	p.queue.do(func() {
		if p.on || p.closed {
			return
		}
		p.on = true
		p.restart(nil, p.bootSteps("The phone is powered on.")...)
	})
}

// PowerOff pulls the cord. The phone does not unregister: SignOut or ShutDown
// does.
func (p *Phone) PowerOff() {
	p.queue.do(func() {
		if !p.on {
			return
		}
		p.step(journal.Step{Name: journal.Power, State: journal.OK, Decided: "The phone is powered off."})
		p.on = false
		p.endSession()
		p.enter(Off)
	})
}

// Plug puts the cable into a place. A user who was signed in is signed in again
// there.
func (p *Phone) Plug(place network.Place) {
	p.queue.do(func() {
		p.place = &place
		p.restart(p.login(), p.networkSteps()...)
	})
}

// Unplug pulls the network cable.
func (p *Phone) Unplug() {
	p.queue.do(func() {
		p.place = nil
		p.restart(p.login())
	})
}

// SignIn begins to sign a user in and returns at once; Wait shows the outcome.
// It fails only when the credentials cannot be used at all.
func (p *Phone) SignIn(c Credentials) error {
	a, err := sipua.ParseAddress(c.Address)
	if err != nil {
		return err
	}
	c.Address = a.String()
	c.User = cmp.Or(c.User, c.Address)
	return p.queue.try(func() error {
		if !p.on {
			return &journal.Failure{Code: journal.Usage, What: "The phone is off", Fix: "Power it on first."}
		}
		if c.Address != p.user.Address {
			p.recall(c.Address)
		}
		p.restart(&login{Credentials: c})
		return nil
	})
}

// SignOut unregisters, which takes a moment, and forgets user and password. A
// user who signs in during that moment stays.
func (p *Phone) SignOut(ctx context.Context) error {
	var had bool
	err := p.unregister(ctx, func() {
		had = p.user != (lastUser{}) || p.login() != nil
		p.user, p.plan, p.found = lastUser{}, nil, nil
		p.forget(keyUser, keyPlan, keyFound)
	})
	p.queue.do(func() {
		if p.login() != nil {
			return
		}
		if had {
			p.step(journal.Step{Name: journal.Session, State: journal.OK, Decided: "The user has signed out."})
		}
		p.restart(nil)
	})
	return err
}

// ShutDown unregisters, which takes a moment, and powers off. The phone
// remembers the user.
func (p *Phone) ShutDown(ctx context.Context) error {
	err := p.unregister(ctx, func() {})
	p.PowerOff()
	return err
}

// PressReset pushes a paper clip into the hole between the USB and the headset
// connector: the certificate store is emptied down to the factory set and the
// phone restarts, with nobody signed in (R1.3). Roots that are still on their
// way from a domain controller are dropped when they arrive.
func (p *Phone) PressReset() (certstore.Diff, error) { return p.reset("paper clip", false, false) }

// ResetUser forgets the user; roots stay.
func (p *Phone) ResetUser() error { _, err := p.reset("user", true, true); return err }

// FactoryReset makes the phone as new: no downloaded root, no user.
func (p *Phone) FactoryReset() (certstore.Diff, error) { return p.reset("factory", true, false) }

// Import installs roots by hand, which the emulator can and the phone could
// not (docs/protocol/trust.md#root-download). A reset removes them.
func (p *Phone) Import(roots []certstore.Root) (diff certstore.Diff, err error) {
	err = p.queue.try(func() (err error) { diff, err = p.install(roots); return err })
	return diff, err
}

// Reload asks the pool for settings and location profile now, as the phone
// does at sign-in and every 8 hours (R12.1). It returns at once; the journal
// and the Snapshot show what came. While a reload is under way, another one
// follows it. It fails when nobody is signed in at a pool.
func (p *Phone) Reload() error {
	return p.queue.try(func() error {
		r := p.registration()
		if r == nil || p.cfg.Registrar != "" {
			return &journal.Failure{Code: journal.Usage, What: "Nobody is signed in at a pool", Fix: "Sign in first."}
		}
		r.startReload()
		return nil
	})
}

// Exchange is the client of the user's mailbox, for what a person does with it:
// playing and deleting voice mail, looking names up. RefreshMailbox shows the
// outcome. It fails when there is no mailbox, with the reason.
func (p *Phone) Exchange() (c *ews.Client, err error) {
	err = p.queue.try(func() (err error) { c, err = p.registration().ewsClient(); return err })
	return c, err
}

// RefreshMailbox polls now, as the phone does after it has marked or deleted
// something. It returns at once; the Snapshot shows what came.
func (p *Phone) RefreshMailbox() {
	p.queue.do(func() {
		if r := p.registration(); r != nil && r.mailbox.held != nil {
			r.pollMailbox(func() {})
		}
	})
}

// Snapshot is a picture of the phone now.
func (p *Phone) Snapshot() (s Snapshot) {
	s.State = Off // of a phone that is closed
	p.queue.do(func() { s = p.snapshot() })
	return s
}

// Store is what the phone trusts now.
func (p *Phone) Store() (s certstore.Store) {
	p.queue.do(func() { s = p.store })
	return s
}

// Events is everything that happened since power-on, for any number of readers
// with cursors of their own; it ends with Close. The newest 256 events are kept.
func (p *Phone) Events() *journal.Log[Event] { return &p.events }

// Wait blocks until match(snapshot) holds, and returns that snapshot. A state
// that passes quickly may go unseen. It fails with ctx, or when the phone is
// closed; the snapshot is then the last one.
func (p *Phone) Wait(ctx context.Context, match func(Snapshot) bool) (Snapshot, error) {
	for cursor := p.events.Last(); ; {
		s := p.Snapshot()
		if match(s) {
			return s, nil
		}
		var ok bool
		if _, cursor, _, ok = p.events.Wait(ctx, cursor); ok {
			continue
		}
		if ctx.Err() == nil {
			return s, net.ErrClosed
		}
		if s = p.Snapshot(); match(s) {
			return s, nil
		}
		return s, context.Cause(ctx)
	}
}

// Steps returns the steps among the newest 256 events, the oldest first, as
// Events keeps them. It also works after Close.
func (p *Phone) Steps() (steps []journal.Step) {
	events, _, _ := p.events.Since(0)
	for _, e := range events {
		if e.Step != nil {
			steps = append(steps, *e.Step)
		}
	}
	return steps
}

// WaitStep returns the first step for which match is true: it looks at the kept
// steps (see Steps), the oldest first, and then at each new step, in order and
// once each. To skip the steps of an earlier sign-in, match may look at Seq and
// At. Steps that leave the memory while match is busy with others are missed.
//
// A kept step is returned even if ctx has ended or the phone is closed;
// otherwise the error is then the cause of ctx, or net.ErrClosed.
func (p *Phone) WaitStep(ctx context.Context, match func(journal.Step) bool) (journal.Step, error) {
	for cursor := uint64(0); ; {
		events, next, _, ok := p.events.Wait(ctx, cursor)
		if !ok {
			return journal.Step{}, cmp.Or(context.Cause(ctx), net.ErrClosed)
		}
		for _, e := range events {
			if e.Step != nil && match(*e.Step) {
				return *e.Step, nil
			}
		}
		cursor = next
	}
}

// Close switches the phone off and returns all it holds: connections,
// goroutines, flash.
func (p *Phone) Close() error {
	p.PowerOff()
	p.queue.do(func() {
		p.on, p.closed, p.state = false, true, Off
		p.endSession()
	})
	p.background.close()
	p.queue.close()
	p.events.Close()
	return p.flash.Close()
}
