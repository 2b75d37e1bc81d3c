package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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

// exchange is the phone's way to the mailbox in one registration. An errand
// works on a copy, which replaces it at the end.
type exchange struct {
	basis
	outside bool
	fw      Firmware
	clock   clock.Clock
	record  journal.Recorder
	web     *ntlmhttp.Client // nil as long as Exchange was not asked
	finder  *autodiscover.Client
	found   autodiscover.Result
	client  *ews.Client // nil until found
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

// basis is what the pool tells that decides about the mailbox.
type basis struct {
	address   string // primary e-mail address
	minutes   int    // the poll interval provisioned; 0: off
	voice, um bool   // the user is enabled for Enterprise Voice, for Unified Messaging
}

func (p *Phone) basis() basis {
	s := p.told.settings
	b := basis{address: s.PrimaryEmail, minutes: int(s.Exchange.Poll / time.Minute), um: true, voice: true}
	if self := p.told.self; self != nil { // else the pool did not say; what it told at the start holds
		b.um, b.voice, b.address = self.UM, self.VoiceEnabled(), cmp.Or(b.address, self.Email)
	}
	return b
}

// spent is a password that Exchange has refused: until a person gives one
// again, nothing is asked there (design decision 6).
type spent struct {
	creds *Credentials
	told  journal.Step
}

// findMailbox begins with Exchange, once the pool has told what there is to
// know; then runs when the mailbox was read or decided against.
func (p *Phone) findMailbox(then func()) {
	x := &exchange{basis: p.basis(), outside: p.reg.Grant().RemoteUser, fw: p.cfg.Firmware, clock: p.clock, record: p.recorder()}
	if p.told.poll != nil {
		p.told.poll.Stop()
	}
	if old := p.told.exchange; old != nil { // a password that is spent stays so
		x.web, x.finder = old.web, old.finder
		if old.address == x.address {
			x.found, x.client = old.found, old.client
		} else {
			p.told.mailbox = nil
		}
	}
	p.told.exchange = x
	skip := ""
	switch d := ews.Decide(x.situation(nil, 0)); {
	case !d.Show:
		skip = d.Why
	case x.address == "":
		skip = "the pool told no e-mail address, and its domain is what leads to Exchange"
	case p.told.spent.creds == p.creds:
		p.trouble(p.told.spent.told)
		then()
		return
	}
	if skip != "" {
		p.told.mailbox, p.told.troubles = nil, p.untroubled(journal.Autodiscover, journal.Exchange)
		p.step(journal.Step{Name: journal.Exchange, State: journal.Skipped, Decided: "Exchange is not asked: " + skip + ".", Because: "R9.1, R9.2"})
		then()
		return
	}
	if x.web == nil {
		x.web = p.webClient()
		x.finder = &autodiscover.Client{HTTP: explainer{x.web}, Clock: p.clock, Record: x.record}
	}
	p.pollExchange(then)
}

// reconsider looks for the mailbox again if the pool has told something else
// about it since.
func (p *Phone) reconsider() {
	if x := p.told.exchange; x != nil && !p.told.polling && x.basis != p.basis() {
		p.findMailbox(func() {})
	}
}

// webClient is the connection to Exchange: the user's password, tried once
// (design decision 6), with certificates judged as those of the pool are, but
// without the search for roots, which is for the SIP server alone (R1.2).
func (p *Phone) webClient() *ntlmhttp.Client {
	fw := p.cfg.Firmware
	c := &ntlmhttp.Client{Dialer: p.net, User: p.creds.User, Password: p.creds.Password, AllowBasic: fw.Basic, Now: p.clock.Now,
		TLS: certstore.ClientConfig(certstore.ClientOptions{Store: p.store, Policy: p.cfg.Policy, NoSHA2: fw.NoSHA2, Now: p.clock.Now,
			MinVersion: fw.MinTLS, MaxVersion: fw.MaxTLS, CipherSuites: fw.Suites, KeyLogWriter: p.cfg.KeyLog})}
	if domain, user, ok := strings.Cut(c.User, `\`); ok {
		c.Domain, c.User = domain, user
	}
	proven := p.reg.Grant().Scheme != "" // the pool has taken this very password
	c.Proven = func() bool { return proven }
	return c
}

func (x *exchange) situation(last error, discoveredFor time.Duration) ews.Situation {
	return ews.Situation{EnterpriseVoice: x.voice, UM: x.um, Minutes: &x.minutes, Last: last, DiscoveredFor: discoveredFor, Jitter: rand.Float64()}
}

// pollExchange is the errand that reads the mailbox, unless one is under way;
// then is what follows it. The next poll is set by ews.Decide.
func (p *Phone) pollExchange(then func()) {
	if p.told.again = p.told.polling; p.told.again {
		return
	}
	p.told.polling = true
	x, held := *p.told.exchange, p.told.mailbox
	var box *Mailbox
	var err error
	p.inSession(func(ctx context.Context, _ asking) {
		box, err = x.poll(ctx, held)
		x.web.CloseIdle() // nothing stays open between polls (design.md 5)
	}, func() {
		*p.told.exchange, p.told.polling = x, false
		p.polled(p.told.exchange, box, err)
		then()
		if p.reconsider(); p.told.again && !p.told.polling {
			p.pollExchange(func() {})
		}
	})
}

// polled takes the result of a poll.
func (p *Phone) polled(x *exchange, box *Mailbox, err error) {
	now := p.clock.Now()
	age := now.Sub(x.found.At)
	d := ews.Decide(x.situation(err, age))
	switch {
	case err != nil:
		f := *journal.FailureOf(err)
		name := journal.Exchange
		if x.client == nil {
			name = journal.Autodiscover
			if !f.Code.Page().Retry { // R1.6 and its like: nothing changes before the next sign-in
				d.Poll = false
			}
		}
		if errors.Is(err, ews.ErrNoVoiceMail) {
			f.What = "The mailbox has no Voice Mail folder, as one that is not enabled for Unified Messaging, so the phone shows neither voice mail nor calls"
			f.Fix = "Nothing, if that is meant; else enable the user's mailbox for Unified Messaging (Enable-UMMailbox)."
		}
		s := f.Step(name)
		d.Poll = d.Poll && !errors.Is(err, ntlmhttp.ErrSpent)
		if d.Poll {
			s.Details = append(s.Details, fmt.Sprintf("tries again in %s", d.Next.Round(time.Second)))
		} else {
			s.Details = append(s.Details, "not tried again before the next sign-in")
		}
		if errors.Is(err, ntlmhttp.ErrSpent) {
			p.told.spent = spent{p.creds, s}
		}
		p.told.troubles = p.untroubled(journal.Autodiscover, journal.Exchange) // there is one at a time
		p.trouble(s)
		if d.Rediscover {
			x.finder.Forget(x.address)
			x.client = nil
		}
		if p.told.mailbox != nil && !d.Show { // Unified Messaging was taken away
			p.told.mailbox = nil
			p.changed()
		}
	default:
		p.tellMailbox(p.told.mailbox, box)
		p.told.mailbox = box
		p.changed()
	}
	if !d.Poll {
		return
	}
	wait := d.Next
	if x.client != nil {
		wait = max(wait, x.client.BusyUntil().Sub(now))
	}
	p.after(&p.told.poll, wait, func() { p.pollExchange(func() {}) })
}

// tellMailbox journals a first reading, news, and the end of a trouble.
func (p *Phone) tellMailbox(before, now *Mailbox) {
	s := journal.Step{Name: journal.Exchange, State: journal.OK, Asked: now.URL, By: now.Server, Because: "R9.2",
		Decided: fmt.Sprintf("The mailbox of %s: %s, %s, %s (%d unread), %s of two days.", now.Address, journal.Count(len(now.Contacts), "contact", "contacts"),
			journal.Count(len(now.Calls), "call", "calls"), journal.Count(len(now.VoiceMails), "voice mail", "voice mails"), now.Unread, journal.Count(len(now.Calendar), "event", "events"))}
	troubled := len(p.told.troubles)
	p.told.troubles = p.untroubled(journal.Autodiscover, journal.Exchange)
	switch {
	case before == nil, len(p.told.troubles) < troubled:
	case before.Unread != now.Unread:
		s.Decided = fmt.Sprintf("%s: %s unread, before %d.", now.Address, journal.Count(now.Unread, "voice mail", "voice mails"), before.Unread)
	default:
		return
	}
	p.step(s)
}

// poll reads what the mailbox holds; parts that change seldom are taken over
// from held while they are young.
func (x *exchange) poll(ctx context.Context, held *Mailbox) (*Mailbox, error) {
	now := x.clock.Now()
	if age := now.Sub(x.found.At); x.client == nil || age < 0 || age >= autodiscover.Lifetime { // R9.1: every 24 h
		found, err := x.finder.Discover(ctx, x.address)
		if err != nil {
			x.client = nil // what it named does not hold any more
			return nil, err
		}
		if url := found.EWS(x.outside); x.client == nil || url != x.client.URL {
			x.client = &ews.Client{URL: url, Doer: explainer{x.web}, Mailbox: found.Address, UserAgent: x.fw.SIP.UserAgent, Clock: x.clock, Patience: -1, Record: odd(x.record)}
		}
		if x.found = found; found.Stale { // not again at each poll
			x.found.At = now.Add(autodiscover.RetryAfter - autodiscover.Lifetime)
		}
	}
	c := x.client
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
	if old(now, box.contactsAt, x.fw.ContactsEvery) {
		if box.Contacts, _, err = c.Contacts(ctx); err != nil {
			return nil, err
		}
		box.contactsAt = now
	}
	if old(now, box.calendarAt, x.fw.CalendarEvery) {
		y, m, d := now.Local().Date()
		from := time.Date(y, m, d, 0, 0, 0, 0, time.Local)
		if box.Calendar, _, err = c.Calendar(ctx, from, from.AddDate(0, 0, 2)); err != nil {
			return nil, err
		}
		box.calendarAt = now
	}
	return box, nil
}

// odd records what is out of the ordinary: that a list was read is no news
// every three minutes.
func odd(record journal.Recorder) journal.Recorder {
	return func(s journal.Step) {
		if s.State != journal.OK {
			record(s)
		}
	}
}

// old reports whether what was read at then is to be read again; a clock that
// was set back counts as old.
func old(now, then time.Time, every time.Duration) bool {
	age := now.Sub(then)
	return then.IsZero() || age < 0 || age >= every
}

// Exchange is the client of the user's mailbox, for what a person does with it:
// playing and deleting voice mail, looking names up. RefreshMailbox shows the
// outcome. It fails when there is no mailbox, with the reason.
func (p *Phone) Exchange() (c *ews.Client, err error) {
	if !p.queue.do(func() {
		if x := p.told.exchange; p.told.mailbox != nil && x.client != nil {
			c = x.client
			return
		}
		f := &journal.Failure{Code: journal.Usage, What: "The phone has no mailbox", Fix: "Wait until the phone is ready; the journal says why there is none."}
		for _, s := range p.told.troubles {
			if s.Name == journal.Autodiscover || s.Name == journal.Exchange {
				f = &journal.Failure{Code: s.Code, Asked: s.Asked, Answered: s.Answered, By: s.By, What: s.Decided, Because: s.Because, Fix: s.Fix, Details: s.Details}
			}
		}
		err = f
	}) {
		err = net.ErrClosed
	}
	return c, err
}

// RefreshMailbox polls now, as the phone does after it has marked or deleted
// something. It returns at once; the Snapshot shows what came.
func (p *Phone) RefreshMailbox() {
	p.queue.do(func() {
		if p.told.mailbox != nil {
			p.pollExchange(func() {})
		}
	})
}
