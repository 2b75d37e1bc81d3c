package device

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/trust"
)

// core is the part of a phone that all lifetimes use: identity, memory, clock,
// journal, certificate store and task queue. It lasts as long as the Phone.
type core struct {
	cfg        Config // with firmware and policy settled
	id         Identity
	flash      flash.Flash
	clock      *clock.Adjustable
	limits     limits
	events     journal.Log[Event]
	queue      taskQueue
	background background

	// The fields below belong to the task queue, and so do the methods that
	// use them.
	store certstore.Store
	roots []certstore.Root // of store
	setBy trust.Clock      // which time server has set the clock last, and how far all have moved it
	user  lastUser
	pin   lock
	plan  *Plan // of the user signed in or, before, of the last user
	found *keptFound
	state State
	epoch uint64
	steps uint64 // number of the last step

	awaiting Awaiting // of the sign-in under way, or of the last one
}

// keepEvents is enough for a reader to follow a sign-in with many candidates,
// and little enough for thousands of phones.
const keepEvents = 256

// open prepares c from cfg and from the phone's memory.
func (c *core) open(cfg Config) error {
	c.cfg, c.flash, c.clock = cfg, cfg.Flash, cfg.Clock
	c.events.Keep, c.events.Pack, c.events.Unpack, c.state = keepEvents, Event.pack, unpackEvent, Off
	if c.flash == nil {
		c.flash = new(flash.Memory)
	}
	if c.clock == nil {
		c.clock = clock.New(time.Now())
	}
	var kept certstore.Store
	var found keptFound
	if err := cmp.Or(
		load(c.flash, keyIdentity, &c.id),
		load(c.flash, keyRoots, &kept),
		load(c.flash, keyUser, &c.user),
		load(c.flash, keyLock, &c.pin),
		load(c.flash, keyPlan, new(keptPlan)),
		load(c.flash, keyFound, &found),
		load(c.flash, keyPreferences, new(map[string]string))); err != nil {
		return err
	}
	if found.valid() {
		c.found = &found
	}
	stored := c.id
	roots, err := c.cfg.settle(&c.id)
	if err != nil {
		return err
	}
	c.limits = c.cfg.limits()
	if kept.Len() > 0 {
		roots, _ = roots.Install(kept.Roots())
	}
	c.trust(roots)
	c.recall(c.user.Address)
	if c.id == stored { // a command that only reads does not write
		return nil
	}
	return store(c.flash, map[string]any{keyIdentity: c.id})
}

// step journals s at the phone's time, and returns it as it is in the journal.
func (c *core) step(s journal.Step) *journal.Step {
	c.steps++
	s = s.Stamp(c.steps, c.clock.Now())
	c.publish(&s)
	return &s
}

// changed announces that a new Snapshot differs.
func (c *core) changed() { c.publish(nil) }

func (c *core) publish(s *journal.Step) {
	c.events.Append(Event{Step: s, State: c.state, Epoch: c.epoch}, func(e *Event, seq uint64) { e.Seq = seq })
}

func (c *core) enter(s State) {
	c.state = s
	c.changed()
}

// install takes roots into the store: flash first, in one transaction, so that
// a phone killed meanwhile has the old or the new store. Flash is the phone's
// own memory, not the network: writing it here keeps the order of changes.
func (c *core) install(roots []certstore.Root) (certstore.Diff, error) {
	next, diff := c.store.Install(roots)
	if err := store(c.flash, map[string]any{keyRoots: added(next)}); err != nil {
		return certstore.Diff{}, err
	}
	c.trust(next)
	c.changed()
	return diff, nil
}

// trust makes s what the phone trusts.
func (c *core) trust(s certstore.Store) { c.store, c.roots = s, s.Roots() }

// keep writes values that the phone can live without; a failure is journaled.
func (c *core) keep(values map[string]any) { c.report(store(c.flash, values)) }

// forget erases values; a failure is journaled.
func (c *core) forget(keys ...string) { c.report(erase(c.flash, nil, keys...)) }

// report journals a failure of the memory.
func (c *core) report(err error) {
	if err != nil {
		c.step(journal.FailureOf(err).Step(journal.Power))
	}
}

// recall takes the last good dial plan of the user from flash
// (docs/protocol/sip-services.md#life-of-a-location-profile). A plan that cannot
// be read any more is left out: the pool sends it again.
func (c *core) recall(address string) {
	c.plan = nil
	var kept keptPlan
	if err := load(c.flash, keyPlan, &kept); err == nil && kept.Address == address && address != "" {
		c.plan = &Plan{Compiled: c.cfg.Plans.compile(kept.Plan), Loaded: kept.Loaded, Kept: true}
	}
}

// tlsOptions are how the phone connects by TLS and judges certificates, with
// the roots that it trusts now.
func (c *core) tlsOptions() certstore.ClientOptions {
	fw := c.cfg.Firmware
	return certstore.ClientOptions{Store: c.store, Policy: c.cfg.Policy, NoSHA2: fw.NoSHA2, Now: c.clock.Now,
		MinVersion: c.cfg.MinTLS, MaxVersion: c.cfg.MaxTLS, CipherSuites: fw.Suites, Curves: fw.Curves,
		KeyLogWriter: c.cfg.KeyLog}
}

// maxLines bounds the evidence of one step.
const maxLines = 50

func rootLines(prefix string, roots []certstore.Root) []string {
	var lines []string
	for _, r := range roots[:min(len(roots), maxLines)] {
		fingerprint := r.Fingerprint()
		lines = append(lines, fmt.Sprintf("%s%s (%s)", prefix, r.Subject(), fingerprint[:min(16, len(fingerprint))]))
	}
	if more := len(roots) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("%sand %d more", prefix, more))
	}
	return slices.Clip(lines)
}
