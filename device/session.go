package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/trust"
)

// session is the lifetime from SignIn, or from a restart that signs the user in
// again, to the next restart, sign-out or reset. It has network connections of
// its own, which close with it. Its methods run in the task queue.
type session struct {
	lifetime
	login        *login
	net          *network.Network // nil: no cable
	clockSet     bool             // by NTP in this session
	attempt      attempt
	registration *registration // nil: not registered
	leaving      bool          // the user signs out; only the network is still needed

	verdict  *certstore.Verdict // on a certificate that is not trusted
	failure  *journal.Step      // of the last attempt; nil: it succeeded, or is under way for the first time
	failures int                // since a registration was refreshed, for the back-off
	retry    clock.Timer
	nextTry  time.Time // of retry, by the phone's clock
}

// attempt is one connection attempt: from the first look-up to signed in or
// refused. A second search for roots needs a second attempt (R1.2).
type attempt struct {
	began     time.Time        // by the host's clock
	searched  bool             // Active Directory was asked
	directory *trust.Directory // what it answered; nil: nothing
	again     *sipua.Candidate // the server to dial; nil: discovery finds one
}

// newSession prepares a session of a phone that is plugged into place; nil: it
// is unplugged.
func newSession(c *core, l *login, place *network.Place) *session {
	s := &session{lifetime: newLifetime(c, context.Background()), login: l}
	if place != nil {
		s.net = network.New(*place, network.Options{Timeout: c.limits.dns, DialTimeout: c.limits.dial,
			Tap: c.cfg.Wire, Now: c.clock.Now})
	}
	return s
}

// end ends the session and the registration in it.
func (s *session) end() {
	s.lifetime.end()
	// The cable comes first: a connection that closes afterwards sends no
	// farewell, and so cannot block.
	if s.net != nil {
		s.net.Close()
	}
	s.dropRegistration()
}

// dropRegistration ends the registration, but not at the server.
func (s *session) dropRegistration() {
	if reg := s.endRegistration(); reg != nil {
		reg.Close()
	}
}

// endRegistration ends the registration, and leaves its connection to the caller.
// Without a registration it returns nil.
func (s *session) endRegistration() (reg *sipua.Registration) {
	if r := s.registration; r != nil {
		r.end()
		s.registration, reg = nil, r.sip
	}
	return reg
}

// describe adds the session to a Snapshot.
func (s *session) describe(to *Snapshot) {
	to.Failure, to.Verdict = s.failure, s.verdict
	if to.State == Waiting {
		to.NextTry = s.nextTry
	}
	if to.State == SigningIn || to.State == SignedIn {
		to.Awaiting = s.awaiting
	}
	if !s.leaving {
		to.Address, to.User = s.login.Address, s.login.User
	}
	if s.registration != nil {
		s.registration.describe(to)
	}
}

// begin starts a connection attempt; the clock comes first, since it judges
// certificates (docs/protocol/phone.md#time).
func (s *session) begin() {
	s.attempt = attempt{began: time.Now()}
	switch {
	case s.net == nil:
		s.fail(&journal.Failure{Code: journal.NetUnplugged}, journal.Network)
	case s.cfg.NTP && !s.clockSet:
		s.findTime()
	default:
		s.connect()
	}
}

// findTime sets the phone's clock by NTP: in the domain that DHCP named, then
// in the SIP domain, then from the fallback (docs/protocol/phone.md#time).
func (s *session) findTime() {
	n := s.net
	_, domain, _ := strings.Cut(s.login.Address, "@")
	s.run(func(ctx context.Context) (apply, drop func()) {
		ctx, cancel := context.WithTimeout(ctx, s.limits.clock)
		defer cancel()
		s.await("the answer of a time server")
		found, err := n.FindTime(ctx, n.Place().Suffix, domain)
		return func() {
			s.clockSet = err == nil // else the next attempt asks again
			s.setClock(found, err)
			s.connect()
		}, nil
	})
}

func (s *session) setClock(found network.TimeAnswer, err error) {
	if err != nil {
		step := journal.FailureOf(err).Step(journal.Time)
		step.State = journal.Warned
		step.Decided = fmt.Sprintf("%s. The phone goes on with its own clock, which says %s.",
			strings.TrimSuffix(step.Decided, "."), s.clock.Now().UTC().Format(time.DateTime))
		s.step(step)
		return
	}
	s.clock.Set(s.clock.Now().Add(found.Offset))
	s.setBy = trust.Clock{Server: found.Server, Offset: s.setBy.Offset + found.Offset}
	step := journal.Step{
		Name: journal.Time, State: journal.OK, Asked: found.Record, By: found.Server, Details: found.Tried,
		Answered: s.clock.Now().UTC().Format(time.DateTime) + " UTC",
		Decided:  fmt.Sprintf("The phone's clock is set; it was %s.", offsetText(found.Offset)),
		Because:  "OCS 2007 R2 documentation, NTP",
	}
	if found.Offset.Abs() >= trust.LargeJump && s.setBy.Offset.Abs() >= trust.LargeJump { // not on the way back
		step.State, step.Code = journal.Warned, journal.TimeJump
		step.Fix = fmt.Sprintf("Compare the time of %s with another clock. If it is wrong, correct the time server %[1]s, "+
			"or let %s name another one; if it is right, change nothing.", found.Server, found.Record)
	}
	s.step(step)
}

func offsetText(d time.Duration) string {
	size, direction := d.Abs(), "slow"
	if d < 0 {
		direction = "fast"
	}
	const day = 24 * time.Hour
	switch {
	case size <= time.Second:
		return "right"
	case size >= 2*day:
		return fmt.Sprintf("%d days %s", size.Round(day)/day, direction)
	}
	return size.Round(time.Second).String() + " " + direction
}

// connect finds a server, dials it and registers.
func (s *session) connect() {
	c, began := s.connector(), s.attempt.began
	s.run(func(ctx context.Context) (apply, drop func()) {
		ctx, cancel := until(ctx, began, s.limits.registered)
		defer cancel()
		out := c.run(ctx)
		return func() { s.connected(out) }, func() {
			if out.reg != nil {
				out.reg.Close()
			}
		}
	})
}

// connected takes the result of connect.
func (s *session) connected(out outcome) {
	s.verdict = out.verdict
	switch {
	case out.reg != nil:
		s.verdict, s.failure = nil, nil
		s.register(out.reg, out.server)
	case out.verdict != nil:
		s.onRefused(out.server, *out.verdict)
	default:
		s.fail(journal.FailureOf(out.err), out.during)
	}
}

// register begins the registration that reg is on the wire.
func (s *session) register(reg *sipua.Registration, server sipua.Candidate) {
	r := newRegistration(s, reg, server)
	s.registration = r
	s.user = lastUser{Address: s.login.Address, User: s.login.User}
	s.keep(map[string]any{keyUser: s.user})
	s.enter(SignedIn)
	r.begin()
	reg.OnEvent(func(e sipua.Event) { r.post(func() { s.onRegistrationEvent(e) }) })
}

// onRefused asks Active Directory for roots if the certificate of a server needs
// one, else it ends the attempt.
func (s *session) onRefused(server sipua.Candidate, v certstore.Verdict) {
	judged := s.judged(v, server)
	if judged.Search() != trust.Asks || s.attempt.searched {
		s.fail(judged.Failure(), journal.Trust)
		return
	}
	step := v.Failure().Step(journal.Trust)
	step.State, step.Fix, step.Because = journal.Warned, "", "R1.2"
	step.Decided = v.Sentence + " The phone asks Active Directory for roots."
	s.step(step)

	s.attempt.searched, s.attempt.again = true, &server
	cfg := adConfig(s.login.Credentials, s.cfg.Domain, s.net, s.cfg.NetBIOS)
	cfg.HTTP, cfg.Store, cfg.Now, cfg.Record = s.cfg.Firmware.WebEnrolment, s.store, s.clock.Now, s.record
	cfg.Timeout = s.limits.roots
	began := s.attempt.began
	s.run(func(ctx context.Context) (apply, drop func()) {
		ctx, cancel := until(ctx, began, s.limits.registered)
		defer cancel()
		s.await("the roots in the Active Directory of " + cfg.Domain)
		result, err := adroots.Download(ctx, cfg)
		return func() { s.searched(judged, result, err) }, nil
	})
}

// searched takes the result of the search for roots, and dials again. A search that
// fails inside ends the attempt with its own failure. Outside there is no domain
// controller (R1.4), and a registrar need not have one: there a person must act on
// the certificate.
func (s *session) searched(judged trust.Case, result adroots.Result, err error) {
	if err != nil {
		f := journal.FailureOf(err)
		noDirectory(f, s.login.User)
		unreached := f.Code == journal.ADNoDomain || f.Code == journal.ADNoController || f.Code == journal.ADUnreachable
		switch elsewhere := judged.Side == trust.Outside || judged.Name == trust.Registrar; {
		case unreached && elsewhere:
			step := f.Step(journal.Roots)
			step.State = journal.Warned
			step.Fix = "Outside, and at a registrar without Active Directory, this is as it should be: roots arrive inside " +
				"only (R1.4). Inside: " + step.Fix
			s.step(step)
			f = judged.Failure()
			f.Details = nil // they are in the step that led to the search
			s.fail(f, journal.Trust)
		case f.Code == journal.ADNoRoots:
			judged.Directory = directoryOf(result)
			s.fail(judged.Failure(), journal.Trust)
		default:
			var cause *journal.Failure // a DNS that fails for a while is tried again
			if f.Code == journal.ADNoController && errors.As(f.Err, &cause) && cause.Code.Page().Retry {
				f = cause
			}
			f.Details = append(f.Details, "wanted: "+judged.Verdict.Issuer())
			s.fail(f, journal.Roots)
		}
		return
	}
	diff, err := s.install(result.Roots)
	if err != nil {
		s.fail(journal.FailureOf(err), journal.Roots)
		return
	}
	s.attempt.directory = directoryOf(result)
	s.step(journal.Step{Name: journal.Roots, State: journal.OK, By: result.Server, Because: "R1.1",
		Decided: fmt.Sprintf("All that was found is installed: %s, %d held before. The phone dials again.",
			journal.Count(len(diff.Added), "new root", "new roots"), result.Duplicates)})
	s.connect()
}

// onRegistrationEvent takes an event of the registration: it was refreshed, or
// has ended.
func (s *session) onRegistrationEvent(e sipua.Event) {
	if e.Kind == sipua.Refreshed {
		s.failures = 0 // it has lasted, so that the next loss begins with the shortest back-off
		s.registration.checkListed()
		s.changed()
		return
	}
	s.dropRegistration()
	var moved *sipua.Redirect
	switch {
	case errors.As(e.Err, &moved):
		server := moved.Candidate()
		s.attempt = attempt{began: time.Now(), again: &server}
		s.enter(SigningIn)
		s.connect()
	// moved: docs/protocol/sip-connection.md#deregistration-by-the-server
	case e.Kind == sipua.Deregistered && e.Notice == sipua.NoticeDeactivated:
		step := journal.FailureOf(e.Err).Step(journal.Session)
		if s.failures > 0 { // again, before the last registration was ever refreshed
			s.retryLater(step, 0)
			return
		}
		s.failures++
		step.State = journal.Warned
		s.step(step)
		s.enter(SigningIn)
		s.begin()
	default:
		s.fail(journal.FailureOf(e.Err), journal.Session)
	}
}

// fail ends the attempt. A temporary failure is tried again after a back-off;
// after any other failure the phone waits for a person.
func (s *session) fail(f *journal.Failure, during journal.Name) {
	step := f.Step(cmp.Or(during, journal.Connect))
	if f.Code.Page().Retry && f.Code != journal.NetUnplugged {
		s.retryLater(step, f.Wait)
		return
	}
	s.state = Failed // the step announces it
	s.failure = s.step(step)
}

// retryLater journals step and begins another attempt after a back-off that
// grows until a registration has lasted to its first refresh, and not before least
// has passed.
func (s *session) retryLater(step journal.Step, least time.Duration) {
	s.failures++
	wait := max(s.cfg.Firmware.SIP.Backoff(s.failures, nil), least)
	step.Details = append(step.Details, fmt.Sprintf("tries again in %s", wait.Round(time.Second)))
	s.nextTry = s.clock.Now().Add(wait)
	s.after(&s.retry, wait, func() {
		s.enter(SigningIn)
		s.begin()
	})
	s.state = Waiting
	s.failure = s.step(step)
}
