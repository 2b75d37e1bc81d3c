package device

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
)

// The methods in this file run in the task queue, except for unregister and reset.

// login is the login of the session; nil when nobody is to be signed in.
func (p *Phone) login() *login {
	if p.session == nil || p.session.leaving {
		return nil
	}
	return p.session.login
}

// registration is the registration of the session; nil when there is none.
func (p *Phone) registration() *registration {
	if p.session == nil {
		return nil
	}
	return p.session.registration
}

// restart ends the session and goes as far as power, cable and user allow:
// next is the login of the next session; nil: nobody is signed in. The steps
// are journaled if the phone is on.
func (p *Phone) restart(next *login, steps ...journal.Step) {
	p.endSession()
	if !p.on {
		p.changed()
		return
	}
	for _, s := range steps {
		p.step(s)
	}
	if next == nil {
		p.enter(SignedOut)
		return
	}
	p.session = newSession(&p.core, next, p.place)
	p.enter(SigningIn)
	p.session.begin()
}

// endSession ends everything that is under way and begins a new epoch.
func (p *Phone) endSession() {
	p.epoch++
	if p.session != nil {
		p.session.end()
		p.session = nil
	}
}

// bootSteps are the steps of a start: why, with which roots, and where the phone
// is plugged in.
func (p *Phone) bootSteps(why string) []journal.Step {
	more := added(p.store).Len()
	factory := journal.Count(len(p.roots)-more, "root", "roots")
	boot := journal.Step{Name: journal.Power, State: journal.OK, Decided: why, Details: []string{
		"firmware " + p.cfg.Firmware.Name,
		"MAC " + p.id.MAC,
		fmt.Sprintf("trusts %s of root set %s and %d more", factory, p.id.RootSet, more),
	}}
	return append([]journal.Step{boot}, p.networkSteps()...)
}

// networkSteps is the step of the place that the phone is plugged into; none
// when it is unplugged.
func (p *Phone) networkSteps() []journal.Step {
	if p.place == nil {
		return nil
	}
	s := journal.Step{Name: journal.Network, State: journal.OK, Because: "what DHCP hands out (RFC 2132)",
		Decided: fmt.Sprintf("Plugged in: %s.", p.placeName()), Details: []string{"DNS servers of the host"}}
	if len(p.place.DNS) > 0 {
		s.Details[0] = "DNS server " + strings.Join(p.place.DNS, ", ")
	}
	if p.place.Suffix != "" {
		s.Details = append(s.Details, "DNS suffix (option 15) "+p.place.Suffix)
	}
	if p.cfg.NetBIOS && p.place.WINS != "" {
		s.Details = append(s.Details, "NetBIOS name server "+p.place.WINS)
	}
	return []journal.Step{s}
}

func (p *Phone) placeName() string { return cmp.Or(p.place.Name, "the host's network") }

// unregister ends the registration or the sign-in that is under way, in one
// task with forget, and takes the phone off the server. It blocks, and must
// not be called in the task queue.
func (p *Phone) unregister(ctx context.Context, forget func()) error {
	var reg *sipua.Registration
	if !p.queue.do(func() {
		forget()
		if p.login() == nil {
			return
		}
		p.session.leaving = true
		if reg = p.session.endRegistration(); reg == nil {
			p.endSession()
		}
	}) {
		return net.ErrClosed
	}
	if reg == nil {
		return nil
	}
	defer reg.Close()
	return reg.Unregister(ctx)
}

// reset empties the certificate store down to the factory set, or keeps it, and
// restarts the phone with nobody signed in.
func (p *Phone) reset(kind string, forgetUser, keepRoots bool) (diff certstore.Diff, err error) {
	err = p.queue.try(func() error {
		var next certstore.Store
		if next, diff = p.store.Reset(); keepRoots {
			next, diff = p.store.Install(nil)
		}
		user, drop := p.user, []string{keyFound}
		if forgetUser {
			user, drop = lastUser{}, []string{keyFound, keyPlan, keyLock, keyPreferences}
		}
		// One transaction, before the phone acts on the new store
		// (docs/decisions.md#the-store-is-a-value). Nothing brings a removed root back.
		if err := erase(p.flash, map[string]any{keyRoots: added(next), keyUser: user}, drop...); err != nil {
			p.step(journal.FailureOf(err).Step(journal.Reset))
			return err
		}
		p.trust(next)
		p.found = nil
		if p.user = user; forgetUser {
			p.pin = lock{}
		}
		p.recall(user.Address)
		p.step(journal.Step{Name: journal.Reset, State: journal.OK, Asked: kind, Because: "R1.3",
			Decided: fmt.Sprintf("%s, %s.", journal.Count(len(diff.Removed), "root was removed", "roots were removed"),
				journal.Count(len(diff.Kept), "root stays", "roots stay")),
			Details: rootLines("removed: ", diff.Removed)})
		p.restart(nil, p.bootSteps("The phone restarts after the reset.")...)
		return nil
	})
	return diff, err
}

func (p *Phone) snapshot() Snapshot {
	s := Snapshot{State: p.state, Epoch: p.epoch, Firmware: p.cfg.Firmware.Name, MAC: p.id.MAC, Clock: p.clock.Now(),
		Address: p.user.Address, User: p.user.User, Roots: p.roots, RootSet: p.id.RootSet, Policy: p.cfg.Policy,
		Plan: p.plan}
	if p.place != nil {
		s.Place, s.Network = p.placeName(), *p.place
		if s.Network.Patch = nil; !p.cfg.NetBIOS {
			s.Network.WINS = ""
		}
	}
	if p.session != nil {
		p.session.describe(&s)
	}
	return s
}
