package device

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// registration is the lifetime from the 200 to REGISTER to the loss of that
// registration, or to the end of the session. After REGISTER the phone asks for
// its settings, the location profile, the user's own data and contact list, and
// then looks for the mailbox (docs/architecture.md#the-way-of-a-sign-in). A
// failure of these does not undo the sign-in: the phone shows a warning and goes
// on without.
//
// Its methods run in the task queue. What the pointers in it point to never
// changes.
type registration struct {
	lifetime
	sip    *sipua.Registration
	server sipua.Candidate
	net    *network.Network
	login  *login
	began  time.Time // of the sign-in, by the host's clock; zero when it has ended

	settings *provisioning.Settings // nil until the pool has answered
	self     document[roaming.Self]
	contacts document[roaming.ContactList]
	warnings []journal.Step
	reload   reload
	mailbox  mailbox
}

// reload is when the phone asks for settings and location profile again.
type reload struct {
	timer   clock.Timer
	running bool      // the phone asks now
	again   bool      // and asks once more thereafter
	next    time.Time // by the phone's clock; zero while running
}

func newRegistration(s *session, reg *sipua.Registration, server sipua.Candidate) *registration {
	r := &registration{lifetime: newLifetime(s.core, s.ctx), sip: reg, server: server, net: s.net, login: s.login,
		began: s.attempt.began}
	r.self = newDocument(&selfDocument, r, r.recheckMailbox)
	r.contacts = newDocument(&contactsDocument, r, func() {})
	return r
}

// end ends the lifetime and the mailbox's connection. It does not close the
// registration at the server.
func (r *registration) end() {
	r.lifetime.end()
	if x := r.mailbox.client; x != nil {
		x.web.Close()
	}
}

// describe adds the registration to a Snapshot.
func (r *registration) describe(to *Snapshot) {
	g := r.sip.Info()
	to.Server, to.Remote, to.GRUU = r.server.Addr(), g.RemoteUser, g.GRUU
	to.Settings, to.Self, to.Contacts = r.settings, r.self.held, r.contacts.held
	to.Mailbox, to.Reload, to.Warnings = r.mailbox.held, r.reload.next, r.warnings
}

// begin asks for everything that a phone asks for after REGISTER, and ends the
// sign-in. A registrar that is no pool has nothing to ask for.
func (r *registration) begin() {
	r.checkListed()
	if r.cfg.Registrar != "" {
		r.ready()
		return
	}
	if r.plan == nil { // another user may have tried to sign in meanwhile
		r.recall(r.login.Address)
	} else if !r.plan.Kept {
		kept := *r.plan
		kept.Kept = true
		r.plan = &kept
	}
	r.load(func() { r.openMailbox(r.ready) })
}

// checkListed warns of a registrar whose answer lists no registration, and ends the
// warning when it does.
func (r *registration) checkListed() {
	switch listed := !r.sip.Info().Unlisted; {
	case listed:
		r.clearWarnings(journal.Register)
	case r.warning(journal.Register) == "":
		f := journal.Failure{Code: journal.SIPNotListed, By: r.server.Addr(), Answered: "200 without a Contact",
			Because: "RFC 3261 10.3", What: fmt.Sprintf("The registrar may not hold the registration of %s: its answer lists "+
				"none", r.login.Address)}
		r.warn(f.Step(journal.Register))
	}
}

// question is one thing that the phone asks the pool for, beside others.
type question struct {
	await string // what it waits for: "the settings of HOST:PORT"
	// ask sends a request and waits for its answer. take, which may be nil, takes the
	// answer, after all questions before this one are taken.
	ask func(ctx context.Context) (take func(ctx context.Context))
}

// askAll sends all requests before it waits for the first answer, in the order of
// the questions, and takes the answers in that order: each question has a goroutine
// of its own, which begins when the request before it was sent.
func (r *registration) askAll(ctx context.Context, questions []question) {
	answers := make([]chan func(context.Context), len(questions))
	for i, q := range questions {
		answers[i] = make(chan func(context.Context), 1)
		done := make(chan struct{})
		sent := sync.OnceFunc(func() { close(done) })
		go func() {
			take := q.ask(sipua.OnSent(ctx, sent))
			sent() // also if no request was sent
			answers[i] <- take
		}()
		<-done
	}
	for i, q := range questions {
		r.await(q.await)
		if take := <-answers[i]; take != nil {
			take(ctx)
		}
	}
}

// questions are those for the settings, the location profile, and the documents that
// are wanted.
func (r *registration) questions(q query, self, contacts bool) []question {
	var settings provisioning.Settings
	all := []question{{"the settings of " + q.server, func(ctx context.Context) func(context.Context) {
		held, answered := q.askSettings(ctx)
		return func(context.Context) {
			settings = held
			r.post(func() {
				if r.settings = &held; answered != nil {
					r.report(*answered)
				}
			})
		}
	}}, {"the location profile of " + q.server, func(ctx context.Context) func(context.Context) {
		answer := q.askProfile(ctx)
		return func(ctx context.Context) {
			plan, step := q.readProfile(ctx, answer, settings)
			r.post(func() {
				if plan != nil {
					r.setPlan(plan)
				}
				r.report(step)
			})
		}
	}}}
	document := func(await string, subscribe func(context.Context, query) func()) question {
		return question{await, func(ctx context.Context) func(context.Context) {
			take := subscribe(ctx, q)
			return func(context.Context) {
				if take != nil {
					r.post(take)
				}
			}
		}}
	}
	if self {
		all = append(all, document("the user's own data from "+q.server, r.self.subscribe))
	}
	if contacts {
		all = append(all, document("the contact list from "+q.server, r.contacts.subscribe))
	}
	return all
}

// ready ends the sign-in (docs/architecture.md#the-way-of-a-sign-in): every later
// step has succeeded, was decided against, or has left a warning.
func (r *registration) ready() {
	s := journal.Step{Name: journal.Ready, State: journal.OK, Because: "nothing is left to do",
		Decided: fmt.Sprintf("Signed in as %s at %s.", r.login.Address, r.server.Host)}
	for _, w := range r.warnings {
		s.State, s.Details = journal.Warned, append(s.Details, fmt.Sprintf("%s: %s (%s)", w.Name, w.Code.Title(), w.Code))
	}
	switch {
	case r.cfg.Registrar != "":
		s.Details = append(s.Details, "provisioning, dial plan and Exchange skipped: not an OCS pool")
	case r.sip.Info().RemoteUser:
		s.Decided = fmt.Sprintf("Signed in as %s through the Edge %s.", r.login.Address, r.server.Host)
	}
	r.step(s)
	r.began = time.Time{}
	r.enter(Ready)
}

// startReload loads again. While a reload is running, another one follows it.
func (r *registration) startReload() {
	if r.reload.again = r.reload.running; !r.reload.again {
		r.load(r.recheckMailbox)
	}
}

// load asks for settings and location profile, and subscribes to the documents
// that have no subscription; then runs at the end.
func (r *registration) load(then func()) {
	r.reload.running, r.reload.next = true, time.Time{}
	q := r.query()
	self, contacts := r.self.takePending(), r.contacts.takePending()
	began := r.began
	r.run(func(ctx context.Context) (apply, drop func()) {
		ctx, cancel := until(ctx, began, r.limits.loaded)
		defer cancel()
		r.askAll(ctx, r.questions(q, self, contacts))
		return func() {
			r.reloaded()
			then()
		}, nil
	})
}

// reloaded sets the time of the next reload.
func (r *registration) reloaded() {
	every := r.cfg.Firmware.ReloadEvery
	r.reload.running, r.reload.next = false, r.clock.Now().Add(every)
	r.after(&r.reload.timer, every, r.startReload)
	r.changed()
	if r.reload.again {
		r.startReload()
	}
}
