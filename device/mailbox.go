package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/device/trust"
	"github.com/ocphone/ocphone/ews"
)

// The user's mailbox: found by Autodiscover (R9.1), read by Exchange Web
// Services (R9.2), polled as the pool provisions.

// Mailbox is what Exchange holds for the user, as of the last poll.
type Mailbox struct {
	Address    string          `json:"address"` // the primary e-mail address
	URL        string          `json:"url"`     // of the Exchange Web Services
	Server     string          `json:"server"`  // version, as it calls itself
	Polled     time.Time       `json:"polled"`  // by the phone's clock
	Contacts   []ews.Contact   `json:"contacts"`
	Calls      []ews.Call      `json:"calls"` // missed calls and call log, newest first
	VoiceMails []ews.VoiceMail `json:"voiceMails"`
	Unread     int             `json:"unread"`   // voice mails; the lamp is lit above 0
	Calendar   []ews.Event     `json:"calendar"` // from the beginning of the day, two days long

	contactsAt, calendarAt time.Time
}

// mailbox is what a registration knows of the user's mailbox.
type mailbox struct {
	held    *Mailbox // nil: not read yet, or decided against
	opened  bool     // the pool has sent params
	params  mailboxParams
	client  *exchangeClient // nil until Exchange is asked
	polling bool            // the mailbox is being read
	again   bool            // and is read once more thereafter
	timer   clock.Timer     // of the next poll
}

func (r *registration) mailboxParams() mailboxParams {
	s := r.settings
	m := mailboxParams{address: s.PrimaryEmail, minutes: int(s.Exchange.Poll / time.Minute), um: true, voice: true}
	if self := r.self.held; self != nil { // else only the settings say something
		m.um, m.voice, m.address = self.UM, self.VoiceEnabled(), cmp.Or(m.address, self.Email)
	}
	return m
}

// openMailbox begins with Exchange when the pool has sent the parameters, or
// others; then runs when the mailbox was read or decided against.
func (r *registration) openMailbox(then func()) {
	m := &r.mailbox
	x := &exchangeClient{mailboxParams: r.mailboxParams(), outside: r.sip.Info().RemoteUser,
		fw: &r.cfg.Firmware, clock: r.clock, record: r.record, limits: r.limits, await: r.await}
	if m.timer != nil {
		m.timer.Stop()
	}
	m.params, m.opened = x.mailboxParams, true
	if old := m.client; old != nil { // its connection remembers a refused password
		x.web, x.finder = old.web, old.finder
		if old.address == x.address {
			x.found, x.client, x.trial = old.found, old.client, old.trial
		} else {
			m.held = nil
		}
		m.client = x
	}
	skip := ""
	switch d := ews.Decide(x.situation(nil, 0)); {
	case !d.Show:
		skip = d.Why
	case x.address == "":
		skip = "the pool sent no e-mail address, and Autodiscover begins with its domain"
	case r.login.refused != nil:
		r.warn(*r.login.refused)
		then()
		return
	}
	if skip != "" {
		m.held = nil
		r.clearWarnings(journal.Autodiscover, journal.Exchange)
		r.step(journal.Step{Name: journal.Exchange, State: journal.Skipped,
			Decided: "Exchange is not asked: " + skip + ".", Because: "R9.1, R9.2"})
		then()
		return
	}
	if x.web == nil {
		proven := r.sip.Info().Scheme != "" // the pool has accepted this very password
		x.connect(r.net, r.login.Credentials, r.tlsOptions(), proven)
	}
	m.client = x
	if k := r.found; x.client == nil && k != nil && k.isFor(r.foundFor(x)) {
		x.trial = x.finder.Restore(x.address, k.Found)
	}
	r.pollMailbox(then)
}

// recheckMailbox opens the mailbox again if the pool has sent other parameters
// since. While the mailbox is being read, the end of that poll calls it.
func (r *registration) recheckMailbox() {
	if m := &r.mailbox; m.opened && !m.polling && m.params != r.mailboxParams() {
		r.openMailbox(func() {})
	}
}

// pollMailbox reads the mailbox, unless that is under way; then runs at the
// end. ews.Decide sets the time of the next poll.
func (r *registration) pollMailbox(then func()) {
	m := &r.mailbox
	if m.again = m.polling; m.again {
		return
	}
	m.polling = true
	x, held, began := *m.client, m.held, r.began
	r.run(func(ctx context.Context) (apply, drop func()) {
		ctx, cancel := until(ctx, began, r.limits.ready)
		defer cancel()
		box, err := x.pollTrying(ctx, held, func() { r.post(r.forgetFound) })
		x.web.CloseIdle() // nothing stays open between polls (docs/decisions.md#growth)
		return func() {
			*m.client, m.polling = x, false
			r.polled(box, err)
			then()
			if r.recheckMailbox(); m.again && !m.polling {
				r.pollMailbox(func() {})
			}
		}, nil
	})
}

// polled takes the result of a poll, and sets the timer of the next one.
func (r *registration) polled(box *Mailbox, err error) {
	m, x, now := &r.mailbox, r.mailbox.client, r.clock.Now()
	d := ews.Decide(x.situation(err, now.Sub(x.found.At)))
	if err != nil {
		d.Poll = r.pollFailed(err, d)
		if d.Rediscover {
			x.finder.Forget(x.address)
			x.client = nil
			r.forgetFound()
		}
		if m.held != nil && !d.Show { // Unified Messaging was taken away
			m.held = nil
			r.changed()
		}
	} else {
		r.keepFound(x)
		r.recordMailbox(m.held, box)
		m.held = box
		r.changed()
	}
	if !d.Poll {
		return
	}
	wait := d.Next
	if x.client != nil {
		wait = max(wait, x.client.BusyUntil().Sub(now))
	}
	r.after(&m.timer, wait, func() { r.pollMailbox(func() {}) })
}

// foundFor returns the conditions of an answer of Autodiscover for x.
func (r *registration) foundFor(x *exchangeClient) keptFound {
	place := r.net.Place()
	return keptFound{Address: r.login.Address, User: r.login.User, Email: x.address,
		Place: strings.Join(append([]string{place.Name, place.Suffix}, place.DNS...), " ")}
}

// keepFound writes an answer of Autodiscover that has led to the mailbox to flash.
func (r *registration) keepFound(x *exchangeClient) {
	next := r.foundFor(x)
	next.Found = x.found
	next.Found.Via = nil
	if k := r.found; x.found.Stale || k != nil && k.isFor(next) && k.Found.At.Equal(next.Found.At) {
		return
	}
	r.found = &next
	r.keep(map[string]any{keyFound: next})
}

// forgetFound removes the answer of Autodiscover from flash.
func (r *registration) forgetFound() {
	if r.found != nil {
		r.found = nil
		r.forget(keyFound)
	}
}

// pollFailed warns of a poll that failed, and reports whether there is a next
// one before the next sign-in.
func (r *registration) pollFailed(err error, d ews.Decision) (again bool) {
	f, name := *journal.FailureOf(err), journal.Exchange
	again = d.Poll && !errors.Is(err, ntlmhttp.ErrPasswordUsed)
	if r.mailbox.client.client == nil {
		name = journal.Autodiscover
		again = again && f.Code.Page().Retry // R1.6 and others: nothing changes before the next sign-in
	}
	var refused *certstore.VerdictError
	if errors.As(err, &refused) { // its root arrives as that of the Edge does: the phone asks for the pool only (R1.2)
		judged := trust.Case{Verdict: refused.Verdict, Held: r.store, Side: trust.Outside, Name: trust.Fixed, Clock: r.setBy}
		f.Fix = judged.Remedy()
	}
	if errors.Is(err, ews.ErrNoVoiceMail) {
		f.What = "The mailbox has no Voice Mail folder, as one that is not enabled for Unified Messaging, " +
			"so the phone shows neither voice mail nor calls"
		f.Fix = "Nothing, if that is meant; else enable the user's mailbox for Unified Messaging (Enable-UMMailbox)."
	}
	s := f.Step(name)
	if again {
		s.Details = append(s.Details, fmt.Sprintf("tries again in %s", d.Next.Round(time.Second)))
	} else {
		s.Details = append(s.Details, "not tried again before the next sign-in")
	}
	if errors.Is(err, ntlmhttp.ErrPasswordUsed) {
		r.login.refused = &s
	}
	r.clearWarnings(journal.Autodiscover, journal.Exchange) // there is one at a time
	r.warn(s)
	return again
}

// recordMailbox journals the first reading, the first one after a warning, and
// another number of unread voice mails.
func (r *registration) recordMailbox(before, now *Mailbox) {
	recovered := r.clearWarnings(journal.Autodiscover, journal.Exchange)
	s := journal.Step{Name: journal.Exchange, State: journal.OK, Asked: now.URL, By: now.Server, Because: "R9.2"}
	switch {
	case before == nil || recovered:
		s.Decided = fmt.Sprintf("The mailbox of %s: %s, %s, %s (%d unread), %s of two days.", now.Address,
			journal.Count(len(now.Contacts), "contact", "contacts"), journal.Count(len(now.Calls), "call", "calls"),
			journal.Count(len(now.VoiceMails), "voice mail", "voice mails"), now.Unread,
			journal.Count(len(now.Calendar), "event", "events"))
	case before.Unread != now.Unread:
		s.Decided = fmt.Sprintf("%s: %s unread, before %d.", now.Address,
			journal.Count(now.Unread, "voice mail", "voice mails"), before.Unread)
	default:
		return
	}
	r.step(s)
}

// ewsClient is the client of the mailbox; without a mailbox the error holds the
// reason, as far as it is known. r may be nil.
func (r *registration) ewsClient() (*ews.Client, error) {
	f := &journal.Failure{Code: journal.Usage, What: "The phone has no mailbox",
		Fix: "Wait until the phone is ready; the journal says why there is none."}
	if r == nil {
		return nil, f
	}
	if r.mailbox.held != nil && r.mailbox.client.client != nil {
		return r.mailbox.client.client, nil
	}
	for _, s := range r.warnings {
		if s.Name == journal.Autodiscover || s.Name == journal.Exchange {
			f = &journal.Failure{Code: s.Code, Asked: s.Asked, Answered: s.Answered, By: s.By,
				What: s.Decided, Because: s.Because, Fix: s.Fix, Details: s.Details}
		}
	}
	return nil, f
}
