package device

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
)

// attempt is one connection attempt: from the first look-up to signed in or
// refused. A second search for roots needs a second attempt (R1.2).
type attempt struct {
	searched bool             // Active Directory was asked
	found    []string         // the roots that it held, for the text of a failure
	again    *sipua.Candidate // dial this one again, now that roots came
}

// begin starts a connection attempt; the clock comes first, since it judges
// certificates (device.md 2.4).
func (p *Phone) begin() {
	p.attempt = attempt{}
	if p.net == nil {
		p.fail(&journal.Failure{Code: journal.NetUnplugged}, journal.Network)
		return
	}
	if p.cfg.NTP && !p.timed {
		p.askTime()
		return
	}
	p.connect()
}

// connect is the errand that finds a server, dials it and registers.
func (p *Phone) connect() {
	c := connecting{creds: *p.creds, cfg: p.cfg, store: p.store, net: p.net,
		now: p.clock.Now, again: p.attempt.again}
	c.address, _ = sipua.ParseAddress(c.creds.Address) // SignIn has parsed it before
	c.sip = sipua.Config{Address: c.creds.Address, User: c.creds.User, Password: c.creds.Password,
		EPID: sipua.EPID(p.id.MAC, c.creds.Address), Registrar: p.cfg.Registrar != "", Profile: p.cfg.Firmware.SIP,
		Workstation: "OCPE-" + strings.ReplaceAll(p.id.MAC[9:], "-", ""), Clock: p.clock, Go: p.background.spawn}
	c.sip.Profile.Digest = c.sip.Profile.Digest || c.sip.Registrar
	c.sip.Profile.AllowOutside = p.cfg.AllowOutside
	p.errand(func(ctx context.Context, rec journal.Recorder) (apply, drop func()) {
		c.record, c.sip.Record = rec, rec
		out := c.run(ctx)
		return func() { p.connected(out) }, func() {
			if out.reg != nil {
				out.reg.Close()
			}
		}
	})
}

// connected takes the result of connect.
func (p *Phone) connected(out outcome) {
	p.verdict = out.verdict
	switch {
	case out.reg != nil:
		p.reg, p.server, p.failure, p.verdict = out.reg, out.at, nil, nil
		p.user = lastUser{Address: p.creds.Address, User: p.creds.User}
		p.keep(map[string]any{keyUser: p.user})
		p.enter(SignedIn)
		if p.cfg.Registrar != "" {
			p.ready()
		} else {
			p.introduce()
		}
		reg := out.reg
		reg.OnEvent(func(e sipua.Event) {
			p.queue.post(func() {
				if reg == p.reg {
					p.happened(e)
				}
			})
		})
	case out.untrusted:
		p.considerSearch(out)
	default:
		p.fail(journal.FailureOf(out.err), out.during)
	}
}

// ready closes the sign-in (design.md 2): every later step has succeeded, was
// decided against, or is a trouble that does not keep the phone from its work.
func (p *Phone) ready() {
	g := p.reg.Grant()
	s := journal.Step{Name: journal.Ready, State: journal.OK,
		Decided: fmt.Sprintf("Signed in as %s at %s.", p.creds.Address, p.server.Host), Because: "nothing is left to do"}
	for _, t := range p.told.troubles {
		s.State, s.Details = journal.Warned, append(s.Details, fmt.Sprintf("%s: %s (%s)", t.Name, t.Code.Title(), t.Code))
	}
	switch {
	case p.cfg.Registrar != "":
		s.Details = []string{"provisioning, dial plan and Exchange skipped: not an OCS pool"}
	case g.RemoteUser:
		s.Decided = fmt.Sprintf("Signed in as %s through the Edge %s.", p.creds.Address, p.server.Host)
	}
	p.step(s)
	p.enter(Ready)
}

// happened takes an event of the registration.
func (p *Phone) happened(e sipua.Event) {
	if e.Kind == sipua.Refreshed {
		p.failures = 0 // it has lasted: the next loss is a new story
		p.changed()
		return
	}
	p.reg.Close()
	p.reg = nil
	p.forget()
	var moved *sipua.Redirect
	switch {
	case errors.As(e.Err, &moved):
		next := moved.Candidate()
		p.attempt = attempt{again: &next}
		p.enter(SigningIn)
		p.connect()
	case e.Kind == sipua.Deregistered && e.Notice == sipua.NoticeDeactivated: // moved: ocs-sip.md 2.6
		s := journal.FailureOf(e.Err).Step(journal.Session)
		if p.failures > 0 { // again, before the last registration was ever refreshed
			p.comeBack(s)
			return
		}
		p.failures++
		s.State = journal.Warned
		p.step(s)
		p.enter(SigningIn)
		p.begin()
	default:
		p.fail(journal.FailureOf(e.Err), journal.Session)
	}
}

// fail ends the attempt. What may pass by itself is tried again after a
// back-off; the rest waits for a person.
func (p *Phone) fail(f *journal.Failure, during journal.Name) {
	s := f.Step(cmp.Or(during, journal.Connect))
	if f.Code.Page().Retry && f.Code != journal.NetUnplugged {
		p.comeBack(s)
		return
	}
	p.state = Failed
	p.failure = p.step(s)
}

// comeBack journals s and begins another attempt after a back-off that grows
// until a registration has lasted to its first refresh.
func (p *Phone) comeBack(s journal.Step) {
	p.failures++
	wait := p.cfg.Firmware.SIP.Backoff(p.failures, nil)
	s.Details = append(s.Details, fmt.Sprintf("tries again in %s", wait.Round(time.Second)))
	epoch := p.epoch
	p.nextTry = p.clock.Now().Add(wait)
	p.retry = p.clock.AfterFunc(wait, func() {
		p.queue.post(func() {
			if epoch == p.epoch && p.creds != nil {
				p.enter(SigningIn)
				p.begin()
			}
		})
	})
	p.state = Waiting
	p.failure = p.step(s)
}

// askTime sets the phone's clock by NTP: in the domain that DHCP named, then
// in the SIP domain, then from the fallback (device.md 2.4).
func (p *Phone) askTime() {
	n := p.net
	_, domain, _ := strings.Cut(p.creds.Address, "@")
	p.errand(func(ctx context.Context, rec journal.Recorder) (apply, drop func()) {
		found, err := n.FindTime(ctx, n.Place().Suffix, domain)
		return func() {
			p.timed = err == nil // else the next attempt asks again
			p.setTime(found, err)
			p.connect()
		}, nil
	})
}

func (p *Phone) setTime(found network.TimeAnswer, err error) {
	if err != nil {
		s := journal.FailureOf(err).Step(journal.Time)
		s.State = journal.Warned
		s.Decided = fmt.Sprintf("%s. The phone goes on with its own clock, which says %s.", strings.TrimSuffix(s.Decided, "."), p.clock.Now().UTC().Format(time.DateTime))
		p.step(s)
		return
	}
	p.clock.Set(p.clock.Now().Add(found.Offset))
	p.step(journal.Step{Name: journal.Time, State: journal.OK, Asked: found.Record, Answered: p.clock.Now().UTC().Format(time.DateTime) + " UTC", By: found.Server,
		Decided: fmt.Sprintf("The phone's clock is set; it was %s.", off(found.Offset)), Because: "OCS 2007 R2 documentation, NTP", Details: found.Tried})
}

func off(d time.Duration) string {
	switch {
	case d > time.Second:
		return d.Round(time.Second).String() + " slow"
	case d < -time.Second:
		return (-d).Round(time.Second).String() + " fast"
	}
	return "right"
}

// connecting is the input of the errand connect; nothing in it changes.
type connecting struct {
	creds   Credentials
	address sipua.Address
	cfg     Config
	store   certstore.Store
	net     *network.Network
	now     func() time.Time
	again   *sipua.Candidate
	sip     sipua.Config
	record  journal.Recorder
}

// outcome is its result: a registration, a certificate that needs a root, or
// a failure.
type outcome struct {
	reg       *sipua.Registration
	at        sipua.Candidate
	verdict   *certstore.Verdict
	untrusted bool // verdict.NeedsRoot
	err       error
	during    journal.Name
}

// run tries one candidate after the other. Which failures go on to the next
// one and which stop is decided by network.Retryable.
func (c connecting) run(ctx context.Context) (out outcome) {
	var first *outcome
	for candidate, err := range c.candidates(ctx) {
		if err != nil {
			out = outcome{err: err, during: journal.Discovery}
			break
		}
		out = c.signIn(ctx, candidate)
		if out.err == nil || !network.Retryable(out.err) {
			return out
		}
		s := journal.FailureOf(out.err).Step(out.during)
		s.State = journal.Warned
		s.Decided = strings.TrimSuffix(s.Decided, ".") + ": on to the next server, if there is one."
		c.record(s)
		if first == nil {
			first = &out
		}
	}
	if first != nil { // the first server is the one that was meant
		return *first
	}
	return out
}

func (c connecting) candidates(ctx context.Context) iter.Seq2[sipua.Candidate, error] {
	if c.again != nil {
		return func(yield func(sipua.Candidate, error) bool) { yield(*c.again, nil) }
	}
	return sipua.Discovery{Domain: c.address.Domain, Resolver: resolver{c.net}, Fixed: c.cfg.Registrar,
		AllowOutside: c.cfg.AllowOutside, Record: c.record}.Candidates(ctx)
}

// signIn dials a candidate and registers, following redirects.
func (c connecting) signIn(ctx context.Context, at sipua.Candidate) outcome {
	for hops := 0; ; hops++ {
		conn, out := c.dial(ctx, at)
		if conn == nil {
			return out
		}
		reg, err := sipua.Register(ctx, conn, at, c.sip)
		if err == nil {
			out.reg = reg
			return out
		}
		var moved *sipua.Redirect
		if !errors.As(err, &moved) {
			out.err, out.during = err, journal.Register
			return out
		}
		if hops == c.cfg.Firmware.MaxRedirects {
			out.err, out.during = &journal.Failure{Code: journal.SIPRedirects, Asked: at.Addr(), Err: err}, journal.Register
			return out
		}
		at = moved.Candidate()
	}
}

// dial connects by TCP and TLS and gives a verdict on the certificate, for the
// name that was looked up, at the phone's time.
func (c connecting) dial(ctx context.Context, at sipua.Candidate) (net.Conn, outcome) {
	out := outcome{at: at, during: journal.Connect}
	var verdict *certstore.Verdict
	defer func() { verdict = nil }() // the connection keeps the variable; the evidence is in the journal
	nc, err := c.net.DialContext(ctx, "tcp", at.Addr())
	if err != nil {
		out.err = err
		return nil, out
	}
	tc := tls.Client(nc, certstore.ClientConfig(certstore.ClientOptions{
		Store: c.store, Policy: c.cfg.Policy, NoSHA2: c.cfg.Firmware.NoSHA2, Now: c.now, ServerName: at.Host,
		MinVersion: c.cfg.Firmware.MinTLS, MaxVersion: c.cfg.Firmware.MaxTLS, CipherSuites: c.cfg.Firmware.Suites, KeyLogWriter: c.cfg.KeyLog,
		OnVerdict: func(v certstore.Verdict) { verdict = &v }}))
	guard, cancel := context.WithTimeout(ctx, cmp.Or(c.cfg.DialTimeout, DefaultDialTimeout))
	defer cancel()
	err = tc.HandshakeContext(guard)
	var refused *certstore.VerdictError
	switch {
	case err == nil:
		state := tc.ConnectionState()
		c.record(journal.Step{Name: journal.Connect, State: journal.OK, Asked: at.Addr(), By: nc.RemoteAddr().String(),
			Answered: tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite),
			Decided:  fmt.Sprintf("Connected to %s (%s).", at.Addr(), at.From)})
		c.record(c.trusted(*verdict))
		return tc, out
	case errors.As(err, &refused):
		v := refused.Verdict
		out.verdict, out.during = &v, journal.Trust
		if v.NeedsRoot() {
			out.untrusted = true
		} else {
			out.err = refusal(v)
		}
	case strings.Contains(err.Error(), "failed to parse certificate"): // crypto/tls has no error value for it
		out.during = journal.Trust
		out.err = &journal.Failure{Code: journal.CertMalformed, Asked: "the certificate of " + at.Host, By: nc.RemoteAddr().String(), Err: err}
	default:
		out.err = &journal.Failure{Code: journal.TLSFailed, Asked: at.Addr(), By: nc.RemoteAddr().String(), Err: err,
			What: fmt.Sprintf("The TLS handshake with %s failed", at.Addr())}
	}
	nc.Close()
	return nil, out
}

// resolver shows the network to sipua.
type resolver struct{ *network.Network }

func (r resolver) LookupSRV(ctx context.Context, name string) ([]sipua.SRV, string, error) {
	found, by, err := r.Network.LookupSRV(ctx, name)
	records := make([]sipua.SRV, len(found))
	for i, s := range found {
		records[i] = sipua.SRV(s)
	}
	return records, by, err
}
