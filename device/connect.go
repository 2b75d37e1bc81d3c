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

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/trust"
)

// connector is the input of one connection attempt, which runs in the
// background; nothing in it changes.
type connector struct {
	discovery sipua.Discovery
	again     *sipua.Candidate // dialled in place of what discovery finds
	net       *network.Network
	tls       certstore.ClientOptions // without the server's name
	cfg       *Config
	sip       sipua.Config
	record    journal.Recorder
	limits    limits
	await     func(what string)
}

func (s *session) connector() connector {
	address, _ := sipua.ParseAddress(s.login.Address) // SignIn has checked it
	c := connector{
		discovery: sipua.Discovery{Domain: address.Domain, Resolver: resolver[sipua.SRV]{s.net},
			Registrar: s.cfg.registrar, AllowOutside: s.cfg.AllowOutside, Record: s.record},
		again: s.attempt.again,
		net:   s.net,
		tls:   s.tlsOptions(),
		cfg:   &s.cfg,
		sip: sipua.Config{
			Address: s.login.Address, User: s.login.User, Password: s.login.Password,
			AuthUser:    s.cfg.AuthUser,
			EPID:        sipua.EPID(s.id.MAC, s.login.Address),
			Registrar:   s.cfg.registrar != nil,
			Profile:     s.cfg.Firmware.SIP,
			Workstation: "OCPE-" + strings.ReplaceAll(s.id.MAC[9:], "-", ""),
			Clock:       s.clock, Record: s.record, Go: s.background.spawn,
		},
		record: s.record,
		limits: s.limits,
		await:  s.await,
	}
	c.sip.Profile.AnswerTimeout = s.limits.answer
	c.sip.Profile.Digest = c.sip.Profile.Digest || c.sip.Registrar
	c.sip.Profile.AllowOutside = s.cfg.AllowOutside
	c.sip.Profile.Expires = cmp.Or(s.cfg.Expires, c.sip.Profile.Expires)
	return c
}

// outcome is the result: a registration, a certificate that was refused, or a
// failure.
type outcome struct {
	reg     *sipua.Registration
	server  sipua.Candidate
	verdict *certstore.Verdict // on a certificate that was refused
	err     error              // nil if there is a verdict
	during  journal.Name       // which step err belongs to
	client  *clientCertificate // nil without TLS
}

// run tries one candidate after the other. network.Retryable decides which
// failures go on to the next one.
func (c connector) run(ctx context.Context) (out outcome) {
	var first *outcome
	c.await("the DNS server, for the SIP servers of " + c.discovery.Domain)
	for candidate, err := range c.candidates(ctx) {
		if err != nil {
			out = outcome{err: err, during: journal.Discovery}
			break
		}
		out = c.signIn(ctx, candidate)
		if out.err == nil || !network.Retryable(out.err) {
			return out
		}
		if ctx.Err() != nil { // no time is left for another server
			break
		}
		s := journal.FailureOf(out.err).Step(out.during)
		s.State = journal.Warned
		s.Decided = strings.TrimSuffix(s.Decided, ".") + ": on to the next server, if there is one."
		c.record(s)
		if first == nil {
			first = &out
		}
	}
	if first != nil { // the first server is the one that the administrator prefers
		return *first
	}
	return out
}

func (c connector) candidates(ctx context.Context) iter.Seq2[sipua.Candidate, error] {
	if c.again != nil {
		return func(yield func(sipua.Candidate, error) bool) { yield(*c.again, nil) }
	}
	return c.discovery.Candidates(ctx)
}

// signIn dials a candidate and registers, following redirects.
func (c connector) signIn(ctx context.Context, server sipua.Candidate) outcome {
	for hops := 0; ; hops++ {
		conn, out := c.dial(ctx, server)
		if conn == nil {
			return out
		}
		c.await("the answer of " + server.Addr() + " to REGISTER")
		reg, err := sipua.Register(ctx, conn, server, c.sip)
		if err == nil {
			if err = reg.EnhancedPresence(); err == nil {
				out.reg = reg
				return out
			}
			_ = reg.Unregister(ctx) // it has recorded a failure
		}
		out.during = journal.Register
		out.client.explain(err) // in TLS 1.3 a server refuses the certificate after the handshake
		var moved *sipua.Redirect
		if !errors.As(err, &moved) {
			out.err = err
			return out
		}
		if hops == c.cfg.Firmware.MaxRedirects {
			out.err = &journal.Failure{Code: journal.SIPRedirects, Asked: server.Addr(), Err: err}
			return out
		}
		server = moved.Candidate()
	}
}

// dial connects by TCP and TLS and judges the certificate, for the name that
// was looked up, at the phone's time. A candidate without TLS is one that a person
// has chosen. The firmware's stream suites come first.
func (c connector) dial(ctx context.Context, server sipua.Candidate) (net.Conn, outcome) {
	if c.cfg.Firmware.StreamSuites != nil && server.TLS {
		c.tls.CipherSuites = c.cfg.Firmware.StreamSuites
		conn, out := c.dialOnce(ctx, server, "")
		if conn != nil || out.err == nil || !out.brokeOff() {
			return conn, out
		}
		c.tls.CipherSuites = c.cfg.Firmware.Suites
		return c.dialOnce(ctx, server, "The server takes no RC4 suite. With this suite of TLS 1.0 each message goes as two "+
			"records, which some front ends of OCS and Lync refuse.")
	}
	return c.dialOnce(ctx, server, "")
}

// dialOnce is dial with the suites in c.tls; note is a detail of the step.
func (c connector) dialOnce(ctx context.Context, server sipua.Candidate, note string) (net.Conn, outcome) {
	out := outcome{server: server, during: journal.Connect}
	var verdict *certstore.Verdict
	defer func() { verdict = nil }() // the connection keeps the variable; the evidence is in the journal
	c.await("a connection to " + server.Addr())
	nc, err := c.net.DialContext(ctx, "tcp", server.Addr())
	if err != nil {
		out.err = err
		return nil, out
	}
	if !server.TLS {
		c.record(connectedPlain(server, nc.RemoteAddr().String()))
		return nc, out
	}
	options := c.tls
	options.ServerName, options.OnVerdict = server.Name(), func(v certstore.Verdict) { verdict = &v }
	config := certstore.ClientConfig(options)
	out.client = new(clientCertificate)
	config.GetClientCertificate = out.client.choose(c.cfg.Certificate)
	tc := tls.Client(nc, config)
	c.await("the TLS handshake of " + server.Addr())
	guard, cancel := context.WithTimeout(ctx, c.limits.dial)
	defer cancel()
	if err = tc.HandshakeContext(guard); err != nil {
		out.explain(err, nc.RemoteAddr().String(), config)
		out.client.explain(out.err)
		nc.Close()
		return nil, out
	}
	state := tc.ConnectionState()
	details := out.client.details()
	if note != "" {
		details = append(details, note)
	}
	c.record(journal.Step{
		Name: journal.Connect, State: journal.OK, Asked: server.Addr(), By: nc.RemoteAddr().String(),
		Answered: tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite),
		Decided:  fmt.Sprintf("Connected to %s (%s).", server.Addr(), server.From),
		Details:  details,
	})
	c.record(trust.Case{Verdict: *verdict}.Good())
	return tc, out
}

// brokeOff reports that the server has ended the TLS handshake, by an alert or, as
// some do in its place, by closing the connection.
func (out *outcome) brokeOff() bool {
	code := journal.FailureOf(out.err).Code
	return code == journal.TLSFailed || code == journal.ConnFailed && out.client != nil
}

// explain fills out with the cause of a TLS handshake that has failed.
func (out *outcome) explain(err error, remote string, config *tls.Config) {
	var refused *certstore.VerdictError
	switch {
	case errors.As(err, &refused):
		out.verdict = &refused.Verdict
	case strings.Contains(err.Error(), "failed to parse certificate"): // crypto/tls has no error value for it
		out.during = journal.Trust
		out.err = &journal.Failure{Code: journal.CertMalformed, By: remote, Err: err,
			Asked: "the certificate of " + out.server.Host, Fix: certstore.ParseRemedy(err)}
	default:
		out.err = network.HandshakeFailure(out.server.Addr(), remote, config, err)
	}
}

// resolver is the network with the records of the package that asks.
type resolver[T sipua.SRV | adroots.SRV] struct{ *network.Network }

func (r resolver[T]) LookupNAPTR(ctx context.Context, name string) ([]sipua.NAPTR, string, error) {
	found, by, err := r.Network.LookupNAPTR(ctx, name)
	records := make([]sipua.NAPTR, len(found))
	for i, n := range found {
		records[i] = sipua.NAPTR(n)
	}
	return records, by, err
}

func (r resolver[T]) LookupSRV(ctx context.Context, name string) ([]T, string, error) {
	found, by, err := r.Network.LookupSRV(ctx, name)
	records := make([]T, len(found))
	for i, s := range found {
		records[i] = T(s)
	}
	return records, by, err
}
