package device

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/ews/autodiscover"
)

// exchangeClient is the phone's way to the mailbox in one registration. Work in
// the background uses a copy, which replaces the original at the end.
type exchangeClient struct {
	mailboxParams
	outside bool      // the phone is outside: it uses the external URL
	fw      *Firmware // of the Config, which does not change
	clock   clock.Clock
	record  journal.Recorder
	limits  limits
	await   func(what string)
	web     *ntlmhttp.Client // nil before connect
	finder  *autodiscover.Client
	found   autodiscover.Result
	client  *ews.Client // nil until found
	trial   bool        // found comes from flash, and has not yet led to the mailbox
}

// keptFound is an answer of Autodiscover in flash, for the 24 h of its life (R9.1,
// docs/protocol/exchange-autodiscover.md). Only the user and the place that it was
// found for use it.
type keptFound struct {
	Address string              `json:"address"` // of the sign-in
	User    string              `json:"user"`
	Email   string              `json:"email"`
	Place   string              `json:"place"`
	Found   autodiscover.Result `json:"found"` // without Via
}

func (k *keptFound) valid() bool {
	return k.Address != "" && k.Email != "" && !k.Found.At.IsZero()
}

// isFor reports whether k was found under the conditions of other.
func (k *keptFound) isFor(other keptFound) bool {
	return k.Address == other.Address && k.User == other.User && k.Email == other.Email && k.Place == other.Place
}

// mailboxParams are the values from the pool that control the mailbox.
type mailboxParams struct {
	address   string // primary e-mail address
	minutes   int    // the poll interval provisioned; 0: off
	voice, um bool   // the user is enabled for Enterprise Voice, for Unified Messaging
}

// explainer sends requests for Autodiscover and EWS; its errors are Failures.
type explainer struct{ *ntlmhttp.Client }

func (e explainer) Do(r *http.Request) (*http.Response, error) {
	res, err := e.Client.Do(r)
	if err != nil {
		return nil, autodiscover.Explain(err, r.Method+" "+r.URL.String(), r.URL.Host)
	}
	return res, nil
}

// connect prepares the connection to Exchange: the user's password, tried once
// (docs/decisions.md#do-no-harm), with certificates judged as those of the pool are, but
// without the search for roots, which is for the SIP server alone (R1.2).
func (x *exchangeClient) connect(dialer ntlmhttp.Dialer, c Credentials, tls certstore.ClientOptions, proven bool) {
	domain, user := c.account()
	x.web = &ntlmhttp.Client{Dialer: dialer, User: user, Domain: domain, Password: c.Password, AllowBasic: x.fw.Basic,
		Now: x.clock.Now, TLS: certstore.ClientConfig(tls), Proven: func() bool { return proven }}
	x.finder = &autodiscover.Client{HTTP: explainer{x.web}, Clock: x.clock, Record: x.record,
		Timeout: x.limits.autodiscover}
}

func (x *exchangeClient) situation(last error, discoveredFor time.Duration) ews.Situation {
	return ews.Situation{EnterpriseVoice: x.voice, UM: x.um, Minutes: &x.minutes, Last: last,
		DiscoveredFor: discoveredFor, Jitter: rand.Float64()}
}

// pollTrying is poll. If an answer of Autodiscover from flash does not lead to the
// mailbox, it calls forget and searches, in the same poll. A password that was
// refused is not used again (docs/decisions.md#do-no-harm).
func (x *exchangeClient) pollTrying(ctx context.Context, held *Mailbox, forget func()) (*Mailbox, error) {
	box, err := x.poll(ctx, held)
	if x.trial && x.client != nil && ews.IsElsewhere(err) && ctx.Err() == nil {
		forget()
		if errors.Is(err, ntlmhttp.ErrPasswordUsed) {
			return nil, err
		}
		s := journal.FailureOf(err).Step(journal.Autodiscover)
		s.State, s.Fix = journal.Warned, ""
		s.Decided = strings.TrimSuffix(s.Decided, ".") + ". The answer that the phone has kept may be out of date: it is " +
			"removed, and the phone asks Autodiscover again."
		x.record(s)
		x.finder.Forget(x.address)
		x.client, x.trial = nil, false
		box, err = x.poll(ctx, held)
	}
	x.trial = x.trial && err != nil
	return box, err
}

// poll reads what the mailbox holds. Contacts and calendar change seldom: they
// are taken over from held until they expire.
func (x *exchangeClient) poll(ctx context.Context, held *Mailbox) (*Mailbox, error) {
	now := x.clock.Now()
	if err := x.discover(ctx, now); err != nil {
		return nil, err
	}
	c := x.client
	x.await("Exchange Web Services at " + c.URL)
	box := &Mailbox{Address: c.Mailbox, URL: c.URL, Polled: now}
	unread, err := c.UnreadVoiceMail(ctx)
	if err != nil {
		return nil, err
	}
	box.Unread = unread.Unread
	if box.VoiceMails, _, err = c.VoiceMails(ctx); err != nil {
		return nil, err
	}
	missed, _, err := c.MissedCalls(ctx)
	if err != nil {
		return nil, err
	}
	log, _, err := c.CallLog(ctx)
	if err != nil {
		return nil, err
	}
	box.Calls, box.Server = ews.Calls(missed, log), c.ServerVersion()
	if held != nil && held.URL == box.URL {
		box.Contacts, box.contactsAt = held.Contacts, held.contactsAt
		box.Calendar, box.calendarAt = held.Calendar, held.calendarAt
	}
	if expired(now, box.contactsAt, x.fw.ContactsEvery) {
		if box.Contacts, _, err = c.Contacts(ctx); err != nil {
			return nil, err
		}
		box.contactsAt = now
	}
	if expired(now, box.calendarAt, x.fw.CalendarEvery) {
		y, m, d := now.Local().Date()
		from := time.Date(y, m, d, 0, 0, 0, 0, time.Local)
		if box.Calendar, _, err = c.Calendar(ctx, from, from.AddDate(0, 0, 2)); err != nil {
			return nil, err
		}
		box.calendarAt = now
	}
	return box, nil
}

// discover finds the mailbox, every 24 h (R9.1).
func (x *exchangeClient) discover(ctx context.Context, now time.Time) error {
	if x.client != nil && !expired(now, x.found.At, autodiscover.Lifetime) {
		return nil
	}
	x.await("Autodiscover for " + x.address)
	found, err := x.finder.Discover(ctx, x.address)
	if err != nil {
		x.client = nil // its URL may not be valid any more
		return err
	}
	if url := found.EWS(x.outside); x.client == nil || url != x.client.URL {
		x.client = &ews.Client{URL: url, Doer: explainer{x.web}, Mailbox: found.Address, Patience: -1,
			Timeout: x.limits.ews, UserAgent: x.fw.SIP.UserAgent, Clock: x.clock, Record: exceptOK(x.record)}
	}
	if x.found = found; found.Stale { // Autodiscover is not asked again at each poll
		x.found.At = now.Add(autodiscover.RetryAfter - autodiscover.Lifetime)
	}
	return nil
}

// exceptOK drops the steps of lists that were read: each poll has several.
func exceptOK(record journal.Recorder) journal.Recorder {
	return func(s journal.Step) {
		if s.State != journal.OK {
			record(s)
		}
	}
}

// expired reports whether a part that was read at then is to be read again.
// It also is when the clock was set back.
func expired(now, then time.Time, every time.Duration) bool {
	age := now.Sub(then)
	return then.IsZero() || age < 0 || age >= every
}
