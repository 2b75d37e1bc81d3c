package device

import (
	"context"
	"errors"
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
	settings *provisioning.Settings
	self     *roaming.Self
	contacts *roaming.ContactList
	exchange *exchange
	mailbox  *Mailbox
	polling  bool // the mailbox is being read
	again    bool // and shall be once more, for something has changed meanwhile
	troubles []journal.Step
	reload   clock.Timer
	poll     clock.Timer
}

// forget ends what belongs to a registration that is over.
func (p *Phone) forget() {
	for _, t := range []clock.Timer{p.told.reload, p.told.poll} {
		if t != nil {
			t.Stop()
		}
	}
	if p.told.exchange != nil {
		p.told.exchange.web.Close()
	}
	p.told = told{}
}

// asking is the input of the errands that ask the pool; nothing in it changes.
type asking struct {
	reg  *sipua.Registration
	who  provisioning.Subscriber
	fw   Firmware
	by   string             // the server
	tell func(func(*Phone)) // runs in the mailbox, as long as the registration stands
}

// while runs f in the mailbox if the registration that stands now stands then.
func (p *Phone) while() (tell func(f func())) {
	reg := p.reg
	return func(f func()) {
		p.box.post(func() {
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

// inSession is an errand of the registration that stands now: what it tells,
// and done at its end, are dropped once that is over.
func (p *Phone) inSession(work func(ctx context.Context, a asking), done func()) {
	reg := p.reg
	a := asking{reg: reg, fw: p.cfg.Firmware, by: p.server.Addr(),
		who: provisioning.Subscriber{Address: p.creds.Address, RemoteUser: reg.Grant().RemoteUser}}
	tell := p.while()
	a.tell = func(f func(*Phone)) { tell(func() { f(p) }) }
	p.errand(func(ctx context.Context, _ journal.Recorder) (apply, drop func()) {
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
	held := p.plan
	p.inSession(func(ctx context.Context, a asking) {
		a.profile(ctx, a.settings(ctx), held)
		a.self(ctx)
		a.contacts(ctx)
	}, func() {
		p.scheduleReload()
		p.findMailbox()
	})
}

// Reload asks the pool for settings and location profile now, as the phone
// does at sign-in and every 8 hours (R12.1). It returns at once; the journal
// and the Snapshot tell what came. It fails when nobody is signed in at a pool.
func (p *Phone) Reload() error {
	var err error = &journal.Failure{Code: journal.Usage, What: "Nobody is signed in at a pool", Fix: "Sign in first."}
	if !p.box.do(func() {
		if p.told.settings != nil {
			err = nil
			p.reload()
		}
	}) {
		return net.ErrClosed
	}
	return err
}

func (p *Phone) reload() {
	held := p.plan
	p.inSession(func(ctx context.Context, a asking) { a.profile(ctx, a.settings(ctx), held) }, p.scheduleReload)
}

func (p *Phone) scheduleReload() { p.after(&p.told.reload, p.cfg.Firmware.ReloadEvery, p.reload) }

// trouble journals a step after the sign-in that did not succeed, and keeps it
// for who looks later.
func (p *Phone) trouble(s journal.Step) {
	s.State = journal.Warned
	p.told.troubles = append(p.untroubled(s.Name), *p.step(s))
	p.changed()
}

// untroubled is the troubles without that of name, in a new slice.
func (p *Phone) untroubled(name journal.Name) []journal.Step {
	return slices.DeleteFunc(slices.Clone(p.told.troubles), func(s journal.Step) bool { return s.Name == name })
}

// learned journals what was learned and ends the trouble that there was.
func (p *Phone) learned(s journal.Step) {
	p.told.troubles = p.untroubled(s.Name)
	p.step(s)
}

// fail tells that the pool could not be asked, unless that is because the
// connection was lost, which is told by itself.
func (a asking) fail(name journal.Name, err error) {
	select {
	case <-a.reg.Done():
	default:
		s := journal.FailureOf(err).Step(name)
		a.tell(func(p *Phone) { p.trouble(s) })
	}
}

// settings asks for the provisioning groups. Without an answer the settings
// held before stay, or the defaults.
func (a asking) settings(ctx context.Context) provisioning.Settings {
	answer, reply, err := a.provisioned(ctx)
	settings := answer.Settings(a.who)
	if err != nil {
		f := *journal.FailureOf(err)
		f.What = strings.TrimSuffix(or(f.What, f.Code.Title()), ".") + ". The phone goes on with the settings that it has"
		a.fail(journal.Provisioning, &f)
		a.tell(func(p *Phone) {
			if p.told.settings == nil {
				p.told.settings = &settings
			}
		})
		return settings
	}
	var names []string
	for _, g := range answer.Groups {
		names = append(names, g.Name)
	}
	s := journal.Step{Name: journal.Provisioning, State: journal.OK, Asked: "SUBSCRIBE " + provisioning.EventPackage, Answered: reply.Text, By: a.by, Because: "MS-SIPREGE 2.2.2",
		Decided: fmt.Sprintf("The pool provisioned %s: %s.", plural(len(names), "group", "groups"), strings.Join(names, ", ")),
		Details: append(settings.Lines(), provisioning.Lines(settings.Oddities)...)}
	if len(names) == 0 {
		s.Decided = "The pool provisioned nothing; the defaults hold."
	}
	a.tell(func(p *Phone) {
		p.told.settings = &settings
		p.learned(s)
	})
	return settings
}

func (a asking) provisioned(ctx context.Context) (answer provisioning.Answer, reply sipua.Reply, err error) {
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

// self subscribes to the user's own data (MS-PRES): number, voice mail, e-mail
// address.
func (a asking) self(ctx context.Context) {
	follow(ctx, a, journal.Self, sipua.Subscription{Event: roaming.SelfEvent, Accept: roaming.SelfType, ContentType: roaming.SelfType, Body: roaming.SelfRequest()},
		func(t *told) **roaming.Self { return &t.self }, roaming.Self{Address: a.who.Address}, describeSelf)
}

// contacts subscribes to the contact list that the pool keeps.
func (a asking) contacts(ctx context.Context) {
	follow(ctx, a, journal.Contacts, sipua.Subscription{Event: roaming.ContactsEvent, Accept: roaming.ContactsType},
		func(t *told) **roaming.ContactList { return &t.contacts }, roaming.ContactList{}, describeContacts)
}

// maxEarly bounds the notifications that wait for the first document.
const maxEarly = 64

// follow subscribes, and has the first document and all later ones taken in
// the order in which they came; none is what there was before the first.
func follow[T interface{ Apply([]byte) (T, error) }](ctx context.Context, a asking, name journal.Name, s sipua.Subscription, field func(*told) **T, none T, describe func(T) journal.Step) {
	// The mailbox's: notifications that came before the first document, and
	// whether a gap has led to another subscription, which goes before this one.
	var early [][]byte
	var over bool
	take := func(p *Phone, held T, body []byte) {
		next, err := held.Apply(body)
		switch {
		case errors.Is(err, roaming.ErrOutOfStep) && *field(&p.told) != nil: // ocs-sip.md 6: reload the list
			over, *field(&p.told) = true, nil
			p.inSession(func(ctx context.Context, a asking) { follow(ctx, a, name, s, field, none, describe) }, func() {})
		case err != nil:
			p.trouble(journal.FailureOf(err).Step(name))
		default:
			*field(&p.told) = &next
			p.changed()
		}
	}
	s.Notify = func(_ string, body []byte) {
		a.tell(func(p *Phone) {
			switch held := *field(&p.told); {
			case over:
			case held != nil:
				take(p, *held, body)
			case len(early) < maxEarly:
				early = append(early, body)
			}
		})
	}
	s.Ended = func(err error) { a.fail(name, err) }
	reply, err := a.reg.Subscribe(ctx, s)
	if err != nil {
		a.fail(name, err)
		return
	}
	a.tell(func(p *Phone) {
		take(p, none, reply.Body)
		if *field(&p.told) == nil {
			return
		}
		step := describe(**field(&p.told))
		step.Name, step.Asked, step.Answered, step.By = name, "SUBSCRIBE "+s.Event, reply.Text, a.by
		if step.Code != "" {
			p.trouble(step)
		} else {
			p.learned(step)
		}
		for _, body := range early {
			if held := *field(&p.told); held != nil {
				take(p, *held, body)
			}
		}
		early = nil
	})
}

// describeSelf is the step of the user's own data.
func describeSelf(s roaming.Self) journal.Step {
	step := journal.Step{State: journal.OK, Because: "MS-PRES 2.2.2", Details: s.Oddities}
	var has []string
	for _, l := range s.Lines {
		has = append(has, fmt.Sprintf("line %s (%s)", l.Number, l.Kind))
	}
	if s.UM {
		has = append(has, "voice mail at "+s.EUM)
	}
	if s.Email != "" {
		has = append(has, "e-mail "+s.Email)
	}
	step.Decided = fmt.Sprintf("%s: %s.", or(s.DisplayName, s.Address), or(strings.Join(has, ", "), "nothing is told"))
	if !s.VoiceEnabled() { // ocs-sip.md 5.6
		step.Code = journal.ProvNoVoice
		step.Decided = strings.TrimSuffix(step.Decided, ".") + ". The user is not enabled for voice: the phone makes no calls to numbers."
		step.Fix = journal.ProvNoVoice.Page().Change
	}
	return step
}

func describeContacts(l roaming.ContactList) journal.Step {
	return journal.Step{State: journal.OK, Because: "MS-SIP", Details: l.Oddities,
		Decided: fmt.Sprintf("The contact list holds %s in %s.", plural(len(l.Contacts), "contact", "contacts"), plural(len(l.Groups), "group", "groups"))}
}
