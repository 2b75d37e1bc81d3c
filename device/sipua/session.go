package sipua

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// Registration is a user signed in at a server over one connection. At rest its
// only goroutine is the connection's reader; timers are the clock's.
type Registration struct {
	cfg     Config // Profile filled
	clock   clock.Clock
	address Address
	server  Candidate
	conn    *sipwire.Conn
	split   bool // each message goes as two records of TLS (docs/limits.md#tls-of-the-period)

	// The same for all REGISTERs of the endpoint's lifetime
	// (docs/protocol/sip-connection.md#registration).
	callID, tag, opaque, instance string

	ctx    context.Context // of background work; ends with the registration
	cancel context.CancelFunc

	// sem is held during a REGISTER handshake and guards cseq and digest.
	sem    chan struct{}
	cseq   uint32
	digest *digester

	mu       sync.Mutex       // guards the rest; never held during I/O or a callback
	info     RegistrationInfo // changed only by the holder of sem
	phase    phase
	endEvent *Event // event of the end; nil after Close and Unregister
	onEvent  func(Event)
	timers   struct{ keepAlive, refresh, renew clock.Timer }
	// subscriptions by the Call-ID of their dialog; nil if there is none
	subscriptions map[string]*subscription
}

// phase is how far a Registration is.
type phase int

const (
	phaseRegistering   phase = iota // in Register
	phaseRegistered                 // registered
	phaseUnregistering              // in Unregister: no events
	phaseEnded
)

// Register signs in over nc, a connection to server, and owns it from then on:
// after an error it is closed.
//
// The error holds a *journal.Failure, which is not yet recorded, or is a
// *Redirect, or the error of ctx. ctx bounds the duration, and the profile's
// Answer bounds each of at most six requests.
func Register(ctx context.Context, nc net.Conn, server Candidate, cfg Config) (*Registration, error) {
	address, err := ParseAddress(cfg.Address)
	if err != nil {
		nc.Close()
		return nil, err
	}
	cfg.EPID = cmp.Or(cfg.EPID, EPID("", address.String()))
	if cfg.Clock == nil {
		cfg.Clock = clock.System
	}
	if cfg.Go == nil {
		cfg.Go = func(f func()) { go f() }
	}
	cfg.splitUser(address)
	cfg.Profile = cfg.Profile.withDefaults()
	r := &Registration{
		cfg:      cfg,
		clock:    cfg.Clock,
		address:  address,
		server:   server,
		callID:   sipwire.NewCallID(),
		tag:      sipwire.NewTag()[:10],
		opaque:   sipwire.NewTag()[:10],
		instance: InstanceUUID(cfg.EPID),
		sem:      make(chan struct{}, 1),
		split:    splitsRecords(nc),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.sem <- struct{}{}
	r.mu.Lock() // the reader starts inside New; its callbacks wait until conn is set
	r.conn = sipwire.New(nc, sipwire.Config{Handler: r.onRequest, OnClose: r.onClose, OnWarning: r.onWarning,
		RequireSigned: true, Tap: cfg.Tap, Now: cfg.Clock.Now})
	r.mu.Unlock()
	err = r.register(ctx, false)
	<-r.sem
	if err == nil || errors.Is(err, sipwire.ErrClosed) {
		err = cmp.Or(r.endDuringRegister(), err)
	}
	if err != nil {
		r.Close()
		<-r.conn.Done()
		return nil, err
	}
	return r, nil
}

// splitsRecords reports whether crypto/tls sends each message on nc as two records:
// in TLS 1.0 with every suite that is not a stream cipher.
func splitsRecords(nc net.Conn) bool {
	tc, ok := nc.(*tls.Conn)
	if !ok {
		return false
	}
	s := tc.ConnectionState()
	return s.Version == tls.VersionTLS10 && s.CipherSuite != tls.TLS_RSA_WITH_RC4_128_SHA
}

// endDuringRegister is the error of an end before Register could return.
func (r *Registration) endDuringRegister() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.endEvent != nil && r.info.Expires == 0 {
		return r.endEvent.Err
	}
	return nil
}

// splitUser splits DOMAIN\user; it does not split a UPN. The names that are
// missing become the user of the address.
func (c *Config) splitUser(a Address) {
	c.User, c.AuthUser = cmp.Or(c.User, a.User), cmp.Or(c.AuthUser, a.User)
	c.userAsTyped = c.User
	if domain, user, ok := strings.Cut(c.User, `\`); ok && c.Domain == "" {
		c.Domain, c.User = domain, user
	}
}

// Info returns the parameters of the registration.
func (r *Registration) Info() RegistrationInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.info
	g.AllowEvents, g.Supported = slices.Clone(g.AllowEvents), slices.Clone(g.Supported)
	return g
}

// Conn is the signed connection, for subscriptions, services and calls. Close the
// registration, not the connection.
func (r *Registration) Conn() *sipwire.Conn { return r.conn }

// OnEvent sets the function that gets later events. If the registration has ended
// already, f gets that event before OnEvent returns. Any goroutine may call f. f
// must not block; it may call Close.
func (r *Registration) OnEvent(f func(Event)) {
	r.mu.Lock()
	r.onEvent = f
	ended := r.endEvent
	r.mu.Unlock()
	if ended != nil && f != nil {
		f(*ended)
	}
}

// Close ends registration and connection without a message to the server; no
// event follows. It does not wait for the end of the connection's reader: Done
// does.
func (r *Registration) Close() { r.end(nil) }

// Done is closed when the connection has ended.
func (r *Registration) Done() <-chan struct{} { return r.conn.Done() }

// Unregister sends a REGISTER with Expires: 0, answers one more challenge of the
// server, and closes, all within the profile's UnregisterTimeout. No event follows.
// After an error, which is recorded as a warning, the registration may still exist
// at the server until it expires.
func (r *Registration) Unregister(ctx context.Context) error {
	defer r.Close()
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Profile.UnregisterTimeout)
	defer cancel()
	r.mu.Lock()
	registered := r.phase == phaseRegistered
	if registered {
		r.phase = phaseUnregistering
		r.stopTimers()
	}
	r.mu.Unlock()
	if !registered {
		return nil
	}
	select {
	case r.sem <- struct{}{}:
		defer func() { <-r.sem }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h := &handshake{Registration: r, expires: new(time.Duration)}
	in, err := h.run(ctx)
	if err != nil {
		f := r.signOutFailure(err)
		step := f.Step(journal.Session)
		step.State = journal.Warned
		r.cfg.Record.Record(step)
		return f
	}
	r.cfg.Record.Record(journal.Step{
		Name:     journal.Session,
		State:    journal.OK,
		Asked:    r.asked() + signOutExpires,
		Answered: diagnose(in).summary(in.Response()),
		By:       r.by(),
		Decided:  fmt.Sprintf("Signed out %s.", r.address),
	})
	return nil
}

// signOutExpires ends what is asked of a server when the phone signs out.
const signOutExpires = " with Expires: 0"

// signOutFailure is the Failure of a sign-out that err ended.
func (r *Registration) signOutFailure(err error) *journal.Failure {
	f := &journal.Failure{Code: journal.SIPSignOut, Asked: r.asked() + signOutExpires, By: r.by(), Err: err,
		Because: "RFC 3261 10.2.2", What: fmt.Sprintf("The server did not confirm the sign-out of %s. The registration "+
			"stays at the server until it expires, %v after the last refresh at the latest.", r.address, r.Info().Expires)}
	if cause, ok := errors.AsType[*journal.Failure](err); ok {
		f.Answered, f.Details = cmp.Or(cause.Answered, cause.What), []string{cause.Step(journal.Session).Decided}
	}
	return f
}

// register registers or refreshes, and stores the parameters from the 200. renew
// makes a new security association. The caller holds sem.
func (r *Registration) register(ctx context.Context, renew bool) error {
	before := r.Info()
	h := &handshake{Registration: r, unsigned: renew}
	if r.cfg.Profile.Expires > 0 {
		h.expires = &r.cfg.Profile.Expires
	}
	in, err := h.run(ctx)
	if err != nil {
		return err
	}
	g, notes, err := r.registrationInfo(in)
	if err != nil {
		return err
	}
	g.Scheme, g.Version, g.Target, g.Authenticated = before.Scheme, before.Version, before.Target, before.Authenticated
	switch {
	case h.offer != nil:
		g.Scheme, g.Version, g.Target = schemeNTLM, h.offer.Version, printable(h.offer.TargetName)
		g.Authenticated = r.clock.Now()
		if in.Signature != sipwire.Valid {
			notes = append(notes, fmt.Sprintf("The server's answer was not signed, which version %d allows.", g.Version))
		}
	case h.challenge.hasScheme(schemeDigest):
		g.Scheme, g.Target, g.Authenticated = schemeDigest, printable(h.challenge.Get("realm")), r.clock.Now()
	}
	refresh := before.Expires > 0
	if refresh && (g.Action == "added" || g.Action == "fixed") { // MS-SIPREGE 3.1.1.5.1
		return &journal.Failure{
			Code:     journal.SIPLost,
			Asked:    r.asked(),
			Answered: fmt.Sprintf("200 with register-action %q", g.Action),
			By:       r.by(),
			Because:  "MS-SIPREGE 3.1.1.5.1",
			What: "The pool had forgotten the registration; the phone signs in again, since calls and subscriptions are " +
				"gone with it.",
		}
	}
	if refresh {
		// Agreed once, when the connection was new (docs/protocol/sip-connection.md#keep-alive)
		g.KeepAlive = before.KeepAlive
	}
	r.setTimers(g, h.offer != nil)
	r.recordRegistered(in, g, refresh, h.offer != nil, notes)
	return nil
}

func (r *Registration) recordRegistered(
	in *sipwire.Incoming, g RegistrationInfo, refresh, handshake bool, notes []string,
) {
	step := journal.Step{
		Name:     journal.Register,
		State:    journal.OK,
		Asked:    r.asked(),
		Answered: diagnose(in).summary(in.Response()),
		By:       r.by(),
		Because:  "MS-SIPREGE",
		Details:  append(g.details(), notes...),
	}
	if r.cfg.Registrar {
		step.Because = "RFC 3261 10"
	}
	how := g.Scheme
	if g.Version > 0 {
		how = fmt.Sprintf("%s version %d", g.Scheme, g.Version)
	}
	switch {
	case refresh && handshake:
		step.Name, step.Decided = journal.Session, fmt.Sprintf("The registration of %s is refreshed with a new security "+
			"association.", r.address)
	case refresh:
		step.Name, step.Decided = journal.Session, fmt.Sprintf("The registration of %s is refreshed.", r.address)
	case how == "":
		step.Decided = fmt.Sprintf("Signed in as %s; the server asked for no authentication.", r.address)
	case in.Signature == sipwire.Valid:
		step.Decided = fmt.Sprintf("Signed in as %s with %s; the signature of %s is good.", r.address, how, g.Target)
	default:
		step.Decided = fmt.Sprintf("Signed in as %s with %s.", r.address, how)
	}
	r.cfg.Record.Record(step)
}

// setTimers stores g and sets the timers. fresh means a new security association,
// whose timer replaces that of the old one.
func (r *Registration) setTimers(g RegistrationInfo, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase > phaseRegistered {
		return // ended, or Unregister was called in the meantime
	}
	first := r.phase == phaseRegistering
	r.info, r.phase = g, phaseRegistered
	set := func(t *clock.Timer, d time.Duration, f func()) {
		if *t != nil {
			(*t).Stop()
		}
		*t = r.clock.AfterFunc(d, f)
	}
	set(&r.timers.refresh, r.cfg.Profile.refreshAfter(g.Expires), func() { r.cfg.Go(func() { r.refresh(false) }) })
	if fresh {
		set(&r.timers.renew, r.cfg.Profile.AssociationLifetime, func() { r.cfg.Go(func() { r.refresh(true) }) })
	}
	if first && g.KeepAlive > 0 {
		set(&r.timers.keepAlive, g.KeepAlive, r.keepAlive)
	}
}

// refresh runs in the background when a timer expires.
func (r *Registration) refresh(renew bool) {
	select {
	case r.sem <- struct{}{}:
		defer func() { <-r.sem }()
	case <-r.ctx.Done():
		return
	}
	if err := r.register(r.ctx, renew); err != nil {
		r.end(&Event{Kind: Lost, Err: err})
		return
	}
	r.mu.Lock()
	f, registered := r.onEvent, r.phase == phaseRegistered
	r.mu.Unlock()
	if f != nil && registered {
		f(Event{Kind: Refreshed})
	}
}

// keepAlive sends CRLFCRLF if no message was sent for the agreed time
// (docs/protocol/sip-connection.md#keep-alive). The clock's timer calls it.
func (r *Registration) keepAlive() {
	// After a correction of the clock the silence may have any length, even a
	// negative one; then a keep-alive does no harm.
	silence := r.clock.Now().Sub(r.conn.LastSent())
	r.mu.Lock()
	every, registered := r.info.KeepAlive, r.phase == phaseRegistered
	due := silence < 0 || silence >= every
	if registered {
		left := every
		if !due {
			left -= silence
		}
		r.timers.keepAlive = r.clock.AfterFunc(left, r.keepAlive)
	}
	r.mu.Unlock()
	if registered && due {
		r.cfg.Go(func() { _ = r.conn.Ping() }) // a failure ends the connection, which is an event
	}
}

// stopTimers stops all timers and drops the subscriptions; r.mu is held.
func (r *Registration) stopTimers() {
	for _, t := range []clock.Timer{r.timers.keepAlive, r.timers.refresh, r.timers.renew} {
		if t != nil {
			t.Stop()
		}
	}
	r.stopSubscriptions()
}

// end ends the registration once. OnEvent's function gets e unless it is nil.
func (r *Registration) end(e *Event) {
	r.mu.Lock()
	if r.phase == phaseEnded {
		r.mu.Unlock()
		return
	}
	if r.phase == phaseUnregistering {
		e = nil
	}
	r.phase, r.endEvent = phaseEnded, e
	r.stopTimers()
	f := r.onEvent
	r.mu.Unlock()
	r.cancel()
	r.conn.Close()
	if e != nil && f != nil {
		f(*e)
	}
}

// waitForConn waits, in a callback of the connection, until Register has set
// r.conn.
func (r *Registration) waitForConn() {
	r.mu.Lock()
	defer r.mu.Unlock()
}

// onClose is the callback of the connection's reader for its end.
func (r *Registration) onClose(_ *sipwire.Conn, err error) {
	r.waitForConn()
	if err == nil {
		err = &journal.Failure{Code: journal.SIPLost}
	}
	f := journal.FailureOf(err)
	lost := &journal.Failure{Code: f.Code, By: r.by(), Answered: f.Answered, Because: f.Because, Fix: f.Fix, Err: f.Err,
		What: fmt.Sprintf("The connection to %s was lost: %s.", r.server, cmp.Or(f.What, "it was closed"))}
	r.end(&Event{Kind: Lost, Err: lost})
}

// onWarning is the callback for messages that sipwire refused. Before the phone is
// signed in a malformed message ends the registration: it may be the response that
// Register waits for.
func (r *Registration) onWarning(_ *sipwire.Conn, f *journal.Failure) {
	r.mu.Lock()
	waiting := r.phase == phaseRegistering
	r.mu.Unlock()
	if waiting && f.Code == journal.SIPMalformed {
		r.end(&Event{Kind: Lost, Err: r.connFailure(f)})
		return
	}
	s := f.Step(journal.Session)
	s.State = journal.Warned
	r.cfg.Record.Record(s)
}

// contact is the Contact of every REGISTER.
func (r *Registration) contact() string {
	return fmt.Sprintf(`<sip:%s;transport=%s;ms-opaque=%s>;methods="%s";proxy=replace;+sip.instance="<urn:uuid:%s>"`,
		r.conn.LocalAddr(), strings.ToLower(r.server.transport()), r.opaque, r.cfg.Profile.Methods, r.instance)
}

// registrar is the Request-URI.
func (r *Registration) registrar() string { return "sip:" + r.address.Domain }

// asked and by are the fields Asked and By of all steps about a REGISTER.
func (r *Registration) asked() string {
	return fmt.Sprintf("REGISTER %s for %s", r.registrar(), r.address.URI())
}

func (r *Registration) by() string {
	return fmt.Sprintf("%s (%v)", r.server.Addr(), r.conn.RemoteAddr())
}
