// Package device is the phone: Office Communicator 2007 Phone Edition on a
// "Tanjay" desk phone, with a power cord, an Ethernet jack, a certificate store
// and a reset hole.
//
// It follows design.md 2 and 3 and the requirements R1.x; facts about the
// device are in device.md of the reference.
//
//  1. New makes a phone; it is off.
//  2. Plug it into a network.Place, PowerOn, SignIn.
//  3. Watch Events, or Wait for a Snapshot that you like.
//  4. PressReset is the paper clip. Close returns everything.
//
// A Phone's state belongs to its mailbox (design decision 1). Whatever takes
// time is an errand: a goroutine with an immutable input that hands back its
// result together with the epoch it began in. Power, plugging and resets begin
// a new epoch, and a result of an older one is dropped.
package device

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
)

// Config says how to build a phone. Its zero value is a phone of firmware
// "today" with the host's roots and clock.
type Config struct {
	Firmware Firmware             // zero: the one in flash, else "today"
	RootSet  string               // factory root set by name; "": the one in flash, else the firmware's
	Factory  certstore.Store      // the roots of RootSet, read once for many phones; zero: RootSet is read
	Plans    *PlanCache           // compiled dial plans, shared by many phones; nil: this one has its own
	Policy   certstore.PolicyName // "": the firmware's
	Flash    flash.Flash          // non-volatile memory, closed by Close; nil: a new one in memory
	Clock    *clock.Adjustable    // the phone's clock; nil: one that runs from the host's time
	NTP      bool                 // set the clock by NTP; else the clock is taken as right
	MAC      string               // 00-04-F2-xx-xx-xx; "": the one in flash, else a new one

	Domain       string // AD domain to ask for roots, before all others
	NetBIOS      bool   // ask the place's WINS server too (design decision 6)
	Registrar    string // HOST[:PORT] of an RFC 3261 registrar; "": discovery
	AllowOutside bool   // accept servers outside the SIP domain

	DialTimeout time.Duration // 0: DefaultDialTimeout
	DNSTimeout  time.Duration // 0: DefaultDNSTimeout
	KeyLog      io.Writer     // TLS key log, for captures; nil: none
	Wire        network.Tap   // sees the bytes of every connection; nil: nobody
}

// keepEvents is enough for a reader to follow a sign-in with many candidates,
// and little enough for thousands of phones.
const keepEvents = 256

// Credentials are what a person types on the touch keyboard.
type Credentials struct {
	Address  string // sign-in address: user@domain
	User     string // DOMAIN\user or a UPN; "": the sign-in address
	Password string
}

// Event is something that happened: a step, or a change that a new Snapshot
// shows.
type Event struct {
	Seq   uint64
	Step  *journal.Step // nil for a mere change of state
	State State         // after the event
	Epoch uint64
}

// Phone is one phone. Its methods may be called from any goroutine.
type Phone struct {
	cfg        Config // with firmware and policy settled
	id         Identity
	flash      flash.Flash
	clock      *clock.Adjustable
	events     journal.Log[Event]
	queue      taskQueue
	background background

	// Owned by the mailbox.
	on       bool
	closed   bool // Close has begun: it cannot be powered on any more
	place    *network.Place
	net      *network.Network
	store    certstore.Store
	roots    []certstore.Root // of store
	user     lastUser
	creds    *Credentials // who wants to be signed in
	epoch    uint64
	ctx      context.Context // ends with the epoch
	cancel   context.CancelFunc
	timed    bool // the clock was set in this epoch
	attempt  attempt
	reg      *sipua.Registration
	told     told  // in this registration
	plan     *Plan // of the user signed in or, before, of who was last
	server   sipua.Candidate
	verdict  *certstore.Verdict
	state    State
	failure  *journal.Step
	failures int // since a registration lasted, for the back-off
	retry    clock.Timer
	nextTry  time.Time // of retry, by the phone's clock
	steps    uint64
}

// New builds a phone, or takes up the one whose memory is in cfg.Flash. It
// fails when a name is unknown or the memory cannot be read.
func New(cfg Config) (*Phone, error) {
	p := &Phone{cfg: cfg, flash: cfg.Flash, clock: cfg.Clock, state: Off,
		events: journal.Log[Event]{Keep: keepEvents}}
	if p.flash == nil {
		p.flash = new(flash.Memory)
	}
	if p.clock == nil {
		p.clock = clock.New(time.Now())
	}
	var kept certstore.Store
	if err := cmp.Or(
		load(p.flash, keyIdentity, &p.id),
		load(p.flash, keyRoots, &kept),
		load(p.flash, keyUser, &p.user)); err != nil {
		return nil, err
	}
	factory, err := p.build()
	if err != nil {
		return nil, err
	}
	if kept.Len() > 0 {
		factory, _ = factory.Install(kept.Roots())
	}
	p.trust(factory)
	p.recall(p.user.Address)
	if err := store(p.flash, map[string]any{keyIdentity: p.id}); err != nil {
		return nil, err
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// build settles firmware, root set, policy and MAC: told, else kept, else
// default. It returns the factory roots.
func (p *Phone) build() (factory certstore.Store, err error) {
	fw := &p.cfg.Firmware
	if fw.Name == "" {
		if *fw, err = FirmwareNamed(cmp.Or(p.id.Firmware, "today")); err != nil {
			return factory, err
		}
	}
	if p.id.Firmware != fw.Name { // a new phone, or another image: its own root set
		p.id.Firmware, p.id.RootSet = fw.Name, fw.RootSet
	}
	p.id.RootSet = cmp.Or(p.cfg.RootSet, p.id.RootSet)
	if file, ok := strings.CutPrefix(p.id.RootSet, certstore.FilePrefix); ok {
		if file, err = filepath.Abs(file); err != nil { // the phone may be taken up in another folder
			return factory, err
		}
		p.id.RootSet = certstore.FilePrefix + file
	}
	p.id.MAC = cmp.Or(p.cfg.MAC, p.id.MAC, newMAC())
	mac, err := net.ParseMAC(p.id.MAC)
	if err != nil || len(mac) != 6 {
		return factory, &journal.Failure{Code: journal.Usage, Asked: p.id.MAC, What: fmt.Sprintf("%q is no MAC address", p.id.MAC), Fix: "Write it as 00-04-F2-12-34-56."}
	}
	p.id.MAC = fmt.Sprintf("%02X-%02X-%02X-%02X-%02X-%02X", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
	p.cfg.Policy = cmp.Or(p.cfg.Policy, fw.Policy)
	if factory = p.cfg.Factory; factory.Len() > 0 || factory.HostTrusted() {
		return factory, nil
	}
	return certstore.RootSet(p.id.RootSet)
}

// newMAC makes an address with the vendor part of the CX700's maker.
func newMAC() string {
	var b [3]byte
	rand.Read(b[:])
	return fmt.Sprintf("00-04-F2-%02X-%02X-%02X", b[0], b[1], b[2])
}

// PowerOn starts the phone.
func (p *Phone) PowerOn() {
	p.queue.do(func() {
		if p.on || p.closed {
			return
		}
		p.on = true
		p.restart("The phone is powered on.", true)
	})
}

// PowerOff pulls the cord: no farewell is said to any server. SignOut first
// for that.
func (p *Phone) PowerOff() {
	p.queue.do(func() {
		if !p.on {
			return
		}
		p.step(journal.Step{Name: journal.Power, State: journal.OK, Decided: "The phone is powered off."})
		p.on, p.creds = false, nil
		p.newEpoch()
		p.enter(Off)
	})
}

// Plug puts the cable into a place. Somebody who was signed in is signed in
// again there.
func (p *Phone) Plug(place network.Place) {
	p.queue.do(func() {
		p.place = &place
		p.restart("", true)
	})
}

// Unplug pulls the network cable.
func (p *Phone) Unplug() {
	p.queue.do(func() {
		p.place = nil
		p.restart("", true)
	})
}

// SignIn begins to sign a user in and returns at once; Wait tells how it went.
// It fails only when the credentials cannot be used at all.
func (p *Phone) SignIn(c Credentials) error {
	a, err := sipua.ParseAddress(c.Address)
	if err != nil {
		return err
	}
	c.Address = a.String()
	c.User = cmp.Or(c.User, c.Address)
	if !p.queue.do(func() {
		if !p.on {
			err = &journal.Failure{Code: journal.Usage, What: "The phone is off", Fix: "Power it on first."}
			return
		}
		if c.Address != p.user.Address {
			p.recall(c.Address)
		}
		p.creds = &c
		p.restart("", false)
	}) {
		err = net.ErrClosed
	}
	return err
}

// SignOut unregisters, which takes a moment, and forgets user and password.
// Who signs in during that moment stays.
func (p *Phone) SignOut(ctx context.Context) error {
	var had bool
	err := p.unregister(ctx, func() {
		had = p.user != (lastUser{}) || p.creds != nil
		p.user, p.plan = lastUser{}, nil
		p.keep(nil, keyUser, keyPlan)
	})
	p.queue.do(func() {
		if p.creds != nil {
			return
		}
		if had {
			p.step(journal.Step{Name: journal.Session, State: journal.OK, Decided: "The user has signed out."})
		}
		p.restart("", false)
	})
	return err
}

// ShutDown takes leave of the server, which takes a moment, and powers off. The
// phone remembers who was signed in.
func (p *Phone) ShutDown(ctx context.Context) error {
	err := p.unregister(ctx, func() {})
	p.PowerOff()
	return err
}

// unregister ends whatever the phone is at, in the mailbox together with
// forget, and takes it off the server.
func (p *Phone) unregister(ctx context.Context, forget func()) error {
	var reg *sipua.Registration
	if !p.queue.do(func() {
		forget()
		if reg, p.reg = p.reg, nil; reg == nil && p.creds != nil {
			p.newEpoch() // a sign-in that is under way has nobody to sign in any more
		}
		p.forget()
		p.creds = nil // or it would sign in again
	}) {
		return net.ErrClosed
	}
	if reg == nil {
		return nil
	}
	defer reg.Close()
	return reg.Unregister(ctx)
}

// PressReset pushes a paper clip into the hole between the USB and the headset
// connector: the certificate store is emptied down to the factory set and the
// phone restarts, with nobody signed in (R1.3). Roots that are still on their
// way from a domain controller are dropped when they arrive.
func (p *Phone) PressReset() (certstore.Diff, error) { return p.reset("paper clip", false, false) }

// ResetUser forgets who signed in; roots stay.
func (p *Phone) ResetUser() error { _, err := p.reset("user", true, true); return err }

// FactoryReset makes the phone as new: no downloaded root, no user.
func (p *Phone) FactoryReset() (certstore.Diff, error) { return p.reset("factory", true, false) }

func (p *Phone) reset(kind string, forgetUser, keepRoots bool) (diff certstore.Diff, err error) {
	if !p.queue.do(func() {
		var next certstore.Store
		next, diff = p.store.Reset()
		if keepRoots {
			next, diff = p.store.Install(nil)
		}
		user, drop := p.user, []string(nil)
		if forgetUser {
			user, drop = lastUser{}, []string{keyPlan, keyLock, keyPreferences}
		}
		// One transaction, before anything else is believed (design decision 10).
		if err = store(p.flash, map[string]any{keyRoots: added(next), keyUser: user}, drop...); err != nil {
			p.step(journal.FailureOf(err).Step(journal.Reset))
			return
		}
		p.trust(next)
		p.user, p.creds = user, nil
		p.recall(user.Address)
		p.step(journal.Step{Name: journal.Reset, State: journal.OK, Asked: kind,
			Decided: fmt.Sprintf("%s, %s.", journal.Count(len(diff.Went), "root went", "roots went"), journal.Count(len(diff.Stayed), "root stays", "roots stay")),
			Because: "R1.3", Details: rootLines("went: ", diff.Went)})
		p.restart("The phone restarts after the reset.", true)
	}) {
		err = net.ErrClosed
	}
	return diff, err
}

// Import installs roots by hand, which the emulator can and the phone could
// not (device.md 3.1). A reset removes them.
func (p *Phone) Import(roots []certstore.Root) (diff certstore.Diff, err error) {
	if !p.queue.do(func() { diff, err = p.install(roots) }) {
		err = net.ErrClosed
	}
	return diff, err
}

// Snapshot is a picture of the phone now.
func (p *Phone) Snapshot() (s Snapshot) {
	if !p.queue.do(func() { s = p.snapshot() }) {
		s = Snapshot{State: Off}
	}
	return s
}

// Store is what the phone trusts now.
func (p *Phone) Store() (s certstore.Store) {
	p.queue.do(func() { s = p.store })
	return s
}

// Events is everything that happened since power-on, for any number of readers
// with cursors of their own; it ends with Close.
func (p *Phone) Events() *journal.Log[Event] { return &p.events }

// Wait blocks until good(snapshot) holds, and returns that snapshot. A state
// that passes quickly may go unseen. It fails with ctx, or when the phone is
// closed.
func (p *Phone) Wait(ctx context.Context, good func(Snapshot) bool) (Snapshot, error) {
	for cursor := p.events.Last(); ; {
		s := p.Snapshot()
		if good(s) {
			return s, nil
		}
		var ok bool
		if _, cursor, _, ok = p.events.Wait(ctx, cursor); !ok {
			return s, cmp.Or(context.Cause(ctx), net.ErrClosed)
		}
	}
}

// Close switches the phone off and returns all it holds: connections,
// goroutines, flash.
func (p *Phone) Close() error {
	p.PowerOff()
	p.queue.do(func() {
		p.on, p.closed, p.creds, p.state = false, true, nil, Off
		p.newEpoch()
		p.cancel()
	})
	p.background.close()
	p.queue.close()
	p.events.Close()
	return p.flash.Close()
}
