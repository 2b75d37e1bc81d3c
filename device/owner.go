package device

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

// What follows runs in the mailbox only.

// newEpoch ends everything that is under way: errands, connections, timers.
func (p *Phone) newEpoch() {
	p.epoch++
	p.cancel()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.retry != nil {
		p.retry.Stop()
		p.retry = nil
	}
	// The cable comes first: what closes on it afterwards has nobody to say
	// farewell to and cannot block.
	if p.net != nil {
		p.net.Close()
		p.net = nil
	}
	if p.reg != nil {
		p.reg.Close()
		p.reg = nil
	}
	p.forget()
	p.attempt, p.timed, p.failures = attempt{}, false, 0
	p.verdict, p.failure = nil, nil
}

// restart begins a new epoch and goes as far as power, cable and user allow.
// It says why, unless that is empty, and what it is plugged into when told.
func (p *Phone) restart(why string, tellNetwork bool) {
	p.newEpoch()
	if !p.on {
		p.changed()
		return
	}
	if why != "" {
		more := added(p.store).Len()
		p.step(journal.Step{Name: journal.Power, State: journal.OK, Decided: why,
			Details: []string{"firmware " + p.cfg.Firmware.Name, "MAC " + p.id.MAC, fmt.Sprintf("trusts %s of root set %s and %d more", journal.Count(len(p.roots)-more, "root", "roots"), p.id.RootSet, more)}})
	}
	if p.place != nil {
		p.net = network.New(*p.place, network.Options{Timeout: cmp.Or(p.cfg.DNSTimeout, DefaultDNSTimeout),
			DialTimeout: cmp.Or(p.cfg.DialTimeout, DefaultDialTimeout), Tap: p.cfg.Wire, Now: p.clock.Now})
		if tellNetwork {
			p.step(p.networkStep())
		}
	}
	if p.creds == nil {
		p.enter(SignedOut)
		return
	}
	p.enter(SigningIn)
	p.begin()
}

func (p *Phone) networkStep() journal.Step {
	s := journal.Step{Name: journal.Network, State: journal.OK, Because: "what DHCP hands out (RFC 2132)",
		Decided: fmt.Sprintf("Plugged in: %s.", cmp.Or(p.place.Name, "the host's network"))}
	if len(p.place.DNS) > 0 {
		s.Details = append(s.Details, "DNS server "+strings.Join(p.place.DNS, ", "))
	} else {
		s.Details = append(s.Details, "DNS servers of the host")
	}
	if p.place.Suffix != "" {
		s.Details = append(s.Details, "DNS suffix (option 15) "+p.place.Suffix)
	}
	if p.cfg.NetBIOS && p.place.WINS != "" {
		s.Details = append(s.Details, "NetBIOS name server "+p.place.WINS)
	}
	return s
}

// errand runs work outside the mailbox with a context that ends with the
// epoch. The function that work returns is run in the mailbox, unless the
// epoch has passed; then drop is run, wherever it is, to give back what work
// holds.
func (p *Phone) errand(work func(ctx context.Context, rec journal.Recorder) (apply, drop func())) {
	epoch, ctx := p.epoch, p.ctx
	rec := func(s journal.Step) {
		p.queue.post(func() {
			if epoch == p.epoch {
				p.step(s)
			}
		})
	}
	p.background.spawn(func() {
		apply, drop := work(ctx, rec)
		if drop == nil {
			drop = func() {}
		}
		if !p.queue.post(func() {
			if epoch == p.epoch {
				apply()
			} else {
				drop() // design decision 1: a stale result
			}
		}) {
			drop()
		}
	})
}

// step journals s at the phone's time, and returns what is in the journal now.
func (p *Phone) step(s journal.Step) *journal.Step {
	p.steps++
	s = s.Stamp(p.steps, p.clock.Now())
	p.publish(&s)
	return &s
}

// changed tells readers that the picture is another.
func (p *Phone) changed() { p.publish(nil) }

func (p *Phone) publish(s *journal.Step) {
	p.events.Append(Event{Step: s, State: p.state, Epoch: p.epoch}, func(e *Event, seq uint64) { e.Seq = seq })
}

func (p *Phone) enter(s State) {
	p.state = s
	p.changed()
}

func (p *Phone) snapshot() Snapshot {
	s := Snapshot{State: p.state, Epoch: p.epoch, Firmware: p.cfg.Firmware.Name, MAC: p.id.MAC, Clock: p.clock.Now(),
		Address: p.user.Address, User: p.user.User, RootSet: p.id.RootSet, Policy: p.cfg.Policy,
		Failure: p.failure, Verdict: p.verdict, Roots: p.roots,
		Settings: p.told.settings, Plan: p.plan, Self: p.told.self, Contacts: p.told.contacts, Mailbox: p.told.mailbox, Reload: p.told.next, Warnings: p.told.troubles}
	if p.place != nil {
		s.Place = cmp.Or(p.place.Name, "the host's network")
	}
	if p.state == Waiting {
		s.NextTry = p.nextTry
	}
	if p.creds != nil {
		s.Address, s.User = p.creds.Address, p.creds.User
	}
	if p.reg != nil {
		g := p.reg.Grant()
		s.Server, s.Remote, s.GRUU = p.server.Addr(), g.RemoteUser, g.GRUU
	}
	return s
}

// install takes roots into the store: flash first, in one transaction, so that
// a phone killed meanwhile has the old or the new store. Flash is the phone's
// own memory, not the network: writing it here keeps the order of changes.
func (p *Phone) install(roots []certstore.Root) (certstore.Diff, error) {
	next, diff := p.store.Install(roots)
	if err := store(p.flash, map[string]any{keyRoots: added(next)}); err != nil {
		return certstore.Diff{}, err
	}
	p.trust(next)
	p.changed()
	return diff, nil
}

// trust makes s what the phone trusts.
func (p *Phone) trust(s certstore.Store) { p.store, p.roots = s, s.Roots() }

// keep writes values that the phone can live without; a failure is journaled.
func (p *Phone) keep(values map[string]any, drop ...string) {
	if err := store(p.flash, values, drop...); err != nil {
		p.step(journal.FailureOf(err).Step(journal.Power))
	}
}

// maxLines bounds the evidence of one step.
const maxLines = 50

func rootLines(prefix string, roots []certstore.Root) []string {
	var lines []string
	for _, r := range roots[:min(len(roots), maxLines)] {
		lines = append(lines, fmt.Sprintf("%s%s (%s)", prefix, r.Subject(), short(r.Fingerprint())))
	}
	if more := len(roots) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("%sand %d more", prefix, more))
	}
	return slices.Clip(lines)
}

func short(fingerprint string) string { return fingerprint[:min(16, len(fingerprint))] }
