package device

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// What follows the registration at a pool: the phone asks for its settings, the
// location profile, the user's own data and contact list, and then looks for
// the mailbox (design.md 2). None of it undoes the sign-in: what fails is a
// trouble that the phone shows and goes on without.

// told is what pool and Exchange have told in this registration. The mailbox
// owns it; what it points to never changes.
type told struct {
	ctx      context.Context // ends with the registration
	end      context.CancelFunc
	settings *provisioning.Settings
	self     *roaming.Self
	contacts *roaming.ContactList
	troubles []journal.Step
	lost     map[journal.Name]*lost // feeds that were or are lost
	reload   clock.Timer
	loading  bool      // settings and rules are being asked for
	next     time.Time // when they are asked for again; zero while loading
	reloads  bool      // and shall be once more

	exchange *exchange
	mailbox  *Mailbox
	polling  bool // the mailbox is being read
	again    bool // and shall be once more, for something has changed meanwhile
	poll     clock.Timer
	spent    spent
}

// forget ends what belongs to a registration that is over. That Exchange has
// refused a password outlives it: design decision 6 is about the sign-in of a
// person, and the phone registers anew by itself.
func (p *Phone) forget() {
	timers := []clock.Timer{p.told.reload, p.told.poll}
	for _, l := range p.told.lost {
		timers = append(timers, l.timer)
	}
	for _, t := range timers {
		if t != nil {
			t.Stop()
		}
	}
	if p.told.end != nil {
		p.told.end()
	}
	if x := p.told.exchange; x != nil && x.web != nil {
		x.web.Close()
	}
	next := told{}
	if p.told.spent.creds == p.creds { // else it would keep the password of who has gone
		next.spent = p.told.spent
	}
	p.told = next
}

// asking is the input of the errands that ask the pool; nothing in it changes.
type asking struct {
	reg      *sipua.Registration
	who      provisioning.Subscriber
	fw       Firmware
	by       string                 // the server
	plans    *PlanCache             // of Config
	plan     *Plan                  // in force when the errand began
	settings *provisioning.Settings // held then; nil: none
	tell     func(func(*Phone))     // runs in the mailbox, as long as the registration stands
}

// while runs f in the mailbox if the registration that stands now stands then.
func (p *Phone) while() (tell func(f func())) {
	reg := p.reg
	return func(f func()) {
		p.queue.post(func() {
			if p.reg == reg {
				f()
			}
		})
	}
}

// recorder journals steps as long as the registration that stands now stands.
func (p *Phone) recorder() journal.Recorder {
	tell := p.while()
	return func(s journal.Step) { tell(func() { p.step(s) }) }
}

// after sets a timer of the registration that stands now.
func (p *Phone) after(t *clock.Timer, d time.Duration, f func()) {
	if *t != nil {
		(*t).Stop()
	}
	tell := p.while()
	*t = p.clock.AfterFunc(d, func() { tell(f) })
}

// inSession is an errand of the registration that stands now: it ends with
// that, and then what it tells, and done at its end, are dropped.
func (p *Phone) inSession(work func(ctx context.Context, a asking), done func()) {
	if p.told.ctx == nil {
		p.told.ctx, p.told.end = context.WithCancel(p.ctx)
	}
	reg, ctx := p.reg, p.told.ctx
	a := asking{reg: reg, fw: p.cfg.Firmware, by: p.server.Addr(), plans: p.cfg.Plans, plan: p.plan, settings: p.told.settings,
		who: provisioning.Subscriber{Address: p.creds.Address, RemoteUser: reg.Grant().RemoteUser}}
	tell := p.while()
	a.tell = func(f func(*Phone)) { tell(func() { f(p) }) }
	p.errand(func(context.Context, journal.Recorder) (apply, drop func()) {
		work(ctx, a)
		return func() {
			if p.reg == reg {
				done()
			}
		}, nil
	})
}

// introduce asks everything that a phone asks after signing in; the sign-in is
// closed when it is through.
func (p *Phone) introduce() {
	if p.plan == nil { // another user may have tried meanwhile
		p.recall(p.creds.Address)
	} else if !p.plan.Kept {
		kept := *p.plan
		kept.Kept = true
		p.plan = &kept
	}
	p.told.loading, p.told.next = true, time.Time{}
	p.inSession(func(ctx context.Context, a asking) {
		a.profile(ctx, a.provisioned(ctx))
		followSelf(ctx, a)
		followContacts(ctx, a)
	}, func() {
		p.loaded()
		p.findMailbox(p.ready)
	})
}

// Reload asks the pool for settings and location profile now, as the phone
// does at sign-in and every 8 hours (R12.1). It returns at once; the journal
// and the Snapshot tell what came. While the phone asks already it asks once
// more thereafter. It fails when nobody is signed in at a pool.
func (p *Phone) Reload() error {
	var err error = &journal.Failure{Code: journal.Usage, What: "Nobody is signed in at a pool", Fix: "Sign in first."}
	if !p.queue.do(func() {
		if p.reg != nil && p.cfg.Registrar == "" {
			err = nil
			p.reload()
		}
	}) {
		return net.ErrClosed
	}
	return err
}

func (p *Phone) reload() {
	if p.told.reloads = p.told.loading; p.told.reloads {
		return
	}
	p.told.loading, p.told.next = true, time.Time{}
	lost := p.lostFeeds()
	p.inSession(func(ctx context.Context, a asking) {
		a.profile(ctx, a.provisioned(ctx))
		for _, follow := range lost {
			follow(ctx, a)
		}
	}, func() {
		p.loaded()
		p.reconsider()
	})
}

// loaded sets the next reload.
func (p *Phone) loaded() {
	p.told.loading, p.told.next = false, p.clock.Now().Add(p.cfg.Firmware.ReloadEvery)
	p.after(&p.told.reload, p.cfg.Firmware.ReloadEvery, p.reload)
	p.changed()
	if p.told.reloads {
		p.reload()
	}
}

// trouble journals a step after the sign-in that did not succeed, and keeps it
// for who looks later.
func (p *Phone) trouble(s journal.Step) {
	s.State = journal.Warned
	p.told.troubles = append(p.untroubled(s.Name), *p.step(s))
	p.changed()
}

// untroubled is the troubles without those of names, in a new slice.
func (p *Phone) untroubled(names ...journal.Name) []journal.Step {
	return slices.DeleteFunc(slices.Clone(p.told.troubles), func(s journal.Step) bool { return slices.Contains(names, s.Name) })
}

// learned journals what was learned and ends the trouble that there was.
func (p *Phone) learned(s journal.Step) {
	p.told.troubles = p.untroubled(s.Name)
	p.step(s)
}

// troubled is the trouble of name; the zero code when there is none.
func (p *Phone) troubled(name journal.Name) journal.Code {
	for _, s := range p.told.troubles {
		if s.Name == name {
			return s.Code
		}
	}
	return ""
}

// failed is the step that tells that the pool could not be asked; not ok when
// that is because the connection was lost, which is told by itself.
func failed(reg *sipua.Registration, name journal.Name, err error) (s journal.Step, ok bool) {
	select {
	case <-reg.Done():
		return s, false
	default:
		return journal.FailureOf(err).Step(name), true
	}
}

// provisioned asks for the provisioning groups. Without an answer the settings
// held before stay, or the defaults.
func (a asking) provisioned(ctx context.Context) provisioning.Settings {
	answer, reply, err := a.provisioning(ctx)
	settings := answer.Settings(a.who)
	if err != nil {
		f := *journal.FailureOf(err)
		f.What = strings.TrimSuffix(cmp.Or(f.What, f.Code.Title()), ".") + ". The phone goes on with the settings that it has"
		if a.settings != nil {
			settings = *a.settings
		}
		trouble, ok := failed(a.reg, journal.Provisioning, &f)
		a.tell(func(p *Phone) {
			if p.told.settings = &settings; ok {
				p.trouble(trouble)
			}
		})
		return settings
	}
	var names []string
	for _, g := range answer.Groups[:min(len(answer.Groups), maxGroupsNamed)] {
		names = append(names, journal.Printable(g.Name, maxShown))
	}
	if more := len(answer.Groups) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	s := journal.Step{Name: journal.Provisioning, State: journal.OK, Asked: "SUBSCRIBE " + provisioning.EventPackage, Answered: reply.Text, By: a.by, Because: "MS-SIPREGE 2.2.2",
		Decided: fmt.Sprintf("The pool provisioned %s: %s.", journal.Count(len(answer.Groups), "group", "groups"), strings.Join(names, ", ")),
		Details: append(settings.Lines(), provisioning.WarningLines(settings.Warnings)...)}
	if len(names) == 0 {
		s.Decided = "The pool provisioned nothing; the defaults hold."
	}
	a.tell(func(p *Phone) {
		p.told.settings = &settings
		p.learned(s)
	})
	return settings
}

// What a sentence shows of foreign names; the groups of Lync are 13.
const (
	maxGroupsNamed = 16
	maxShown       = 64 // characters
)

func (a asking) provisioning(ctx context.Context) (answer provisioning.Answer, reply sipua.Reply, err error) {
	body, err := provisioning.Request(provisioning.Groups2007()...)
	if err != nil {
		return answer, reply, err
	}
	reply, err = a.reg.Subscribe(ctx, sipua.Subscription{Event: provisioning.EventPackage, Accept: provisioning.MediaType,
		ContentType: provisioning.MediaType, Body: body, Once: true})
	if err == nil {
		answer, err = provisioning.Parse(reply.Body)
	}
	return answer, reply, err
}
