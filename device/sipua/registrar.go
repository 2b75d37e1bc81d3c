package sipua

import (
	"context"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// Registrar is the place of an RFC 3261 registrar, as a person gives it.
type Registrar struct {
	Host string // name, in the form that DNS asks for, or IP address
	Port uint16 // 0: that of DNS, or the default of the transport
	// Transport is TransportTLS or TransportTCP; "" is TLS, over the services that
	// NAPTR records name (RFC 3263 4.1).
	Transport string
}

// Transports of a Registrar (RFC 3261 19.1.1).
const (
	TransportTLS = "tls"
	TransportTCP = "tcp" // not encrypted: only for who asks for it
)

// portSIP is the default port without TLS (RFC 3261 19.1.2).
const portSIP = 5060

// ParseRegistrar reads HOST[:PORT][;transport=tls|tcp]. The error is a
// *journal.Failure with code usage.
func ParseRegistrar(s string) (Registrar, error) {
	place, params, _ := strings.Cut(s, ";")
	fail := func(format string, a ...any) (Registrar, error) {
		return Registrar{}, &journal.Failure{Code: journal.Usage, Asked: s, What: fmt.Sprintf("The registrar %q: ", s) +
			fmt.Sprintf(format, a...), Fix: "Write it as HOST, HOST:PORT or HOST:PORT;transport=tcp, without sip: before it."}
	}
	if strings.Contains(place, "//") {
		return fail("it is a URL, and the phone needs a host.")
	}
	r := Registrar{Host: place}
	if params != "" {
		name, value, _ := strings.Cut(params, "=")
		r.Transport = strings.ToLower(strings.TrimSpace(value))
		switch {
		case !strings.EqualFold(strings.TrimSpace(name), "transport"):
			return fail("the phone knows no parameter %q.", params)
		case r.Transport != TransportTLS && r.Transport != TransportTCP:
			return fail("the phone does not speak SIP over %s, only over TLS and TCP.", printable(value))
		}
	}
	if host, port, err := net.SplitHostPort(place); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fail("there is no port %q.", port)
		}
		r.Host, r.Port = host, uint16(n)
	}
	if a, err := netip.ParseAddr(strings.Trim(r.Host, "[]")); err == nil {
		r.Host = a.String()
		return r, nil
	}
	host, err := asciiHost(r.Host)
	if err != nil {
		return fail("%q is no host name.", r.Host)
	}
	r.Host = canonicalHost(host)
	return r, nil
}

// tls reports whether the phone speaks TLS with the registrar.
func (r Registrar) tls() bool { return r.Transport != TransportTCP }

// named reports whether host and port are given, so that there is nothing to look
// up but the address (RFC 3263 4.2).
func (r Registrar) named() bool {
	_, err := netip.ParseAddr(r.Host)
	return r.Port != 0 || err == nil
}

// candidate is the server at a host; port 0 is the default.
func (r Registrar) candidate(from string) Candidate {
	c := Candidate{Host: r.Host, Port: r.Port, TLS: r.tls(), From: from}
	switch {
	case c.Port != 0:
	case c.TLS:
		c.Port = portSIPS
	default:
		c.Port = portSIP
	}
	return c
}

// NAPTR is one record that names a service of a domain (RFC 3263 4.1).
type NAPTR struct {
	Order, Preference uint16
	Flags             string
	Service           string // "SIPS+D2T", "SIP+D2T", "SIP+D2U", …
	Replacement       string
}

// registrarRule is the source of the look-ups for a registrar.
const registrarRule = "RFC 3263 4"

// registrarCandidates yields the servers of d.Registrar as RFC 3263 4 finds them.
// Only services over TLS count, as for a SIPS URI, unless the registrar is given
// with transport=tcp: a forged answer of DNS cannot switch TLS off.
//
// The certificate must bear the name that was given (RFC 5922 7.2), not the
// target of an SRV record; so the target may lie in any domain.
func (d Discovery) registrarCandidates(ctx context.Context) iter.Seq2[Candidate, error] {
	return func(yield func(Candidate, error) bool) {
		if d.Registrar.named() {
			yield(d.given(), nil)
			return
		}
		d.Domain, d.AllowOutside, d.AllowTCP = d.Registrar.Host, true, !d.Registrar.tls()
		s := discoveryRun{Discovery: d, rule: registrarRule, hosts: map[string]error{}, yielded: map[string]bool{}}
		for _, look := range s.registrarPlaces() {
			for _, c := range look(ctx) {
				if !yield(c, nil) {
					return
				}
			}
			if ctx.Err() != nil {
				yield(Candidate{}, context.Cause(ctx))
				return
			}
			if len(s.yielded) > 0 { // RFC 3263 4.2: the next place counts only without an earlier one
				return
			}
		}
		yield(Candidate{}, s.registrarFailure())
	}
}

// registrarPlaces are the look-ups for the registrar in their order.
func (s *discoveryRun) registrarPlaces() []func(context.Context) []Candidate {
	service := func(prefix string, tls bool) func(context.Context) []Candidate {
		return func(ctx context.Context) []Candidate {
			if s.withoutDNS() { // only the address may be known then: that of localhost
				return nil
			}
			return s.lookUpSRV(ctx, prefix+s.Domain, tls)
		}
	}
	host := func(ctx context.Context) []Candidate {
		return s.lookUpHost(ctx, lookup{port: s.Registrar.candidate("").Port, tls: s.Registrar.tls()})
	}
	switch s.Registrar.Transport {
	case TransportTCP:
		return []func(context.Context) []Candidate{service("_sip._tcp.", false), host}
	case TransportTLS:
		return []func(context.Context) []Candidate{service("_sips._tcp.", true), host}
	}
	return []func(context.Context) []Candidate{
		s.lookUpNAPTR, service("_sips._tcp.", true), service("_sip._tcp.", false), host,
	}
}

// given is the candidate of a registrar with host and port.
func (d Discovery) given() Candidate {
	c := d.Registrar.candidate("given")
	d.Record.Record(journal.Step{
		Name:    journal.Discovery,
		State:   journal.OK,
		Asked:   c.Addr(),
		Decided: fmt.Sprintf("The registrar is given: %s. The DNS is not asked where to sign in.", c),
		Because: "a given server is not looked up",
	})
	return c
}

// lookUpNAPTR asks which services the domain offers, and looks up those over TLS.
func (s *discoveryRun) lookUpNAPTR(ctx context.Context) (found []Candidate) {
	step := journal.Step{Name: journal.Discovery, Asked: "NAPTR " + s.Domain, Because: s.rule}
	records, by, err := s.Resolver.LookupNAPTR(ctx, s.Domain)
	s.queries = append(s.queries, step.Asked)
	step.By = by
	if err != nil || len(records) == 0 {
		s.recordNoAnswer(step, err)
		return nil
	}
	s.dnsAnswered = true
	var answers, services []string
	for _, r := range records {
		name := canonicalHost(r.Replacement)
		answers = append(answers, fmt.Sprintf("%s %s (order %d, preference %d)", r.Service, name, r.Order, r.Preference))
		switch {
		case !strings.EqualFold(r.Service, "SIPS+D2T"):
			step.Details = append(step.Details, r.Service+" is not used: no SIP over TLS.")
		case !strings.EqualFold(r.Flags, "s") || !isHost(name):
			step.Details = append(step.Details, r.Service+" is not used: it names no SRV record.")
		default:
			services = append(services, name)
		}
	}
	step.Answered, step.State = strings.Join(answers, ", "), journal.OK
	step.Decided = "To ask: SRV " + strings.Join(services, ", then SRV ") + "."
	if len(services) == 0 {
		step.State, step.Decided = journal.Skipped, "No service over TLS: on to the next name."
	}
	s.Record.Record(step)
	for _, name := range services {
		found = append(found, s.lookUpSRV(ctx, name, true)...)
	}
	return found
}

// registrarFailure is the error if the registrar was not found.
func (s *discoveryRun) registrarFailure() error {
	if !s.dnsAnswered && s.dnsErr != nil {
		return s.dnsErr
	}
	f := &journal.Failure{Code: journal.NoCandidate, Asked: strings.Join(s.queries, ", "), Because: s.rule,
		What: fmt.Sprintf("No registrar is published for %s.", shownHost(s.Domain)),
		Fix: fmt.Sprintf("Correct the name after --registrar, give the port too (--registrar HOST:PORT), or publish the SRV "+
			"record _sips._tcp.%s.", s.Domain)}
	if s.plain != "" {
		f.Fix = fmt.Sprintf("Publish the SRV record _sips._tcp.%[1]s. SRV %[2]s names a server without TLS: --registrar "+
			"'%[1]s;transport=tcp' uses it, not encrypted.", s.Domain, s.plain)
	}
	return f
}
