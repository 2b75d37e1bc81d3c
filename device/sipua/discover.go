package sipua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// SRV is one service record.
type SRV struct {
	Target   string
	Port     uint16
	Priority uint16
	Weight   uint16
}

// Resolver queries the DNS. LookupSRV returns the records in the order in which to
// try them (priority, then weighted shuffle) and the server that answered. The
// errors are *journal.Failure with a dns.* code.
type Resolver interface {
	LookupSRV(ctx context.Context, name string) (records []SRV, by string, err error)
	LookupHost(ctx context.Context, host string) ([]netip.Addr, error)
	// LookupNAPTR returns the records in the order in which to try them.
	LookupNAPTR(ctx context.Context, name string) (records []NAPTR, by string, err error)
}

// Discovery finds the servers of a SIP domain.
type Discovery struct {
	Domain   string   // SIP domain: the right side of the sign-in address
	Resolver Resolver // must be set, except for a Registrar with a port
	// Registrar is the RFC 3261 registrar to look for instead of an OCS pool.
	Registrar *Registrar
	// Allow servers without TLS: SIPSecurityMode is not High
	// (docs/protocol/phone.md#finding-the-sip-server)
	AllowTCP     bool
	AllowOutside bool // allow SRV targets outside the SIP domain (docs/decisions.md#do-no-harm)
	Record       journal.Recorder
}

// Candidate is a server to try.
type Candidate struct {
	Host string // the SRV target, or the name looked up
	Port uint16
	TLS  bool
	From string // the look-up that led here, such as "SRV _sipinternaltls._tcp.contoso.com"
	// Identity is the name that the server's certificate must bear; "": Host.
	Identity string
}

// Name is the name that the server's certificate must bear.
func (c Candidate) Name() string { return cmp.Or(c.Identity, c.Host) }

// Addr is host:port.
func (c Candidate) Addr() string { return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) }

// transport is that of a Via header (RFC 3261 20.42).
func (c Candidate) transport() string {
	if c.TLS {
		return "TLS"
	}
	return "TCP"
}

// String names the candidate in sentences.
func (c Candidate) String() string {
	if c.TLS {
		return c.Addr()
	}
	return c.Addr() + " without TLS"
}

// The ports of SIP over TLS: RFC 3261 19.1.2
// (docs/protocol/sip-connection.md#tcp-connection-and-via).
const (
	portSIPS = 5061
	PortEdge = 443 // of an Access Edge
)

// lookup is one place where a server may be published.
type lookup struct {
	srv  string // prefix of an SRV name, or ""
	host string // else prefix of a host name
	port uint16 // with host
	tls  bool
}

// lookupOrder is the phone's order, exactly (docs/protocol/phone.md#finding-the-sip-server).
var lookupOrder = [...]lookup{
	{srv: "_sipinternaltls._tcp.", tls: true},
	{srv: "_sip._tls.", tls: true},
	{srv: "_sipinternal._tcp.", tls: false},
	{host: "sipinternal.", port: portSIPS, tls: true},
	{host: "sipinternal.", port: PortEdge, tls: true},
	{host: "sip.", port: portSIPS, tls: true},
	{host: "sip.", port: PortEdge, tls: true},
	{host: "sipexternal.", port: portSIPS, tls: true},
	{host: "sipexternal.", port: PortEdge, tls: true},
}

// Candidates yields the servers in the order in which to try them. Look-ups are
// lazy: the next query is sent only when the caller asks for another candidate,
// after all before have failed. Each look-up is a step.
//
// The servers of a Registrar are those of RFC 3263 4, in its order.
//
// Without any candidate the only element is an error that holds a
// *journal.Failure: sip.outside-domain if all servers found lie outside the
// domain, the DNS failure if no query was answered, otherwise sip.no-server with
// all queries. When ctx ends, the sequence ends with the error of ctx, or with the
// failure of the DNS that took its time.
func (d Discovery) Candidates(ctx context.Context) iter.Seq2[Candidate, error] {
	if d.Registrar != nil {
		return d.registrarCandidates(ctx)
	}
	return func(yield func(Candidate, error) bool) {
		s := discoveryRun{Discovery: d, rule: discoveryRule, hosts: map[string]error{}, yielded: map[string]bool{}}
		for _, l := range lookupOrder {
			for _, c := range s.lookUp(ctx, l) {
				if !yield(c, nil) {
					return
				}
			}
			if errors.Is(ctx.Err(), context.DeadlineExceeded) && s.dnsErr != nil {
				yield(Candidate{}, s.dnsErr) // what the DNS did not answer in time
				return
			}
			if ctx.Err() != nil {
				yield(Candidate{}, context.Cause(ctx))
				return
			}
			if s.withoutDNS() {
				break
			}
		}
		if len(s.yielded) == 0 {
			yield(Candidate{}, s.failure())
		}
	}
}

// discoveryRun is one run of a Discovery.
type discoveryRun struct {
	Discovery
	rule        string           // source of the look-ups, for the steps
	hosts       map[string]error // host names looked up
	yielded     map[string]bool  // candidates yielded
	queries     []string
	dnsAnswered bool             // the DNS answered at least one query, perhaps with "no such record"
	outside     *journal.Failure // for the first target outside the domain
	dnsErr      error            // the first failure of the DNS itself
	plain       string           // name of the SRV records without TLS that were not used
}

// withoutDNS reports that there is no DNS server, so that every further query would
// end in a time-out.
func (s *discoveryRun) withoutDNS() bool {
	return !s.dnsAnswered && s.dnsErr != nil && journal.FailureOf(s.dnsErr).Code == journal.DNSNoServer
}

// discoveryRule is the source of the order of the look-ups
// (docs/protocol/phone.md#finding-the-sip-server).
const discoveryRule = "OCS 2007 R2 documentation, DNS for Communicator Phone Edition"

// lookUp does one look-up, records it as a step and returns its new candidates.
func (s *discoveryRun) lookUp(ctx context.Context, l lookup) []Candidate {
	if l.srv == "" {
		return s.lookUpHost(ctx, l)
	}
	return s.lookUpSRV(ctx, l.srv+s.Domain, l.tls)
}

func (s *discoveryRun) lookUpSRV(ctx context.Context, name string, tls bool) []Candidate {
	step := journal.Step{Name: journal.Discovery, Asked: "SRV " + name, Because: s.rule}
	unused := !tls && !s.AllowTCP
	if unused && s.Registrar == nil {
		step.State = journal.Skipped
		step.Decided = "Not asked: the server would be used without TLS, which SIPSecurityMode High forbids."
		s.Record.Record(step)
		return nil
	}
	records, by, err := s.Resolver.LookupSRV(ctx, name)
	s.queries = append(s.queries, step.Asked)
	step.By = by
	if err != nil || len(records) == 0 {
		s.recordNoAnswer(step, err)
		return nil
	}
	s.dnsAnswered = true
	if unused {
		s.plain = name
		step.State, step.Decided = journal.Skipped, "Not used: these servers are without TLS. --registrar with "+
			";transport=tcp uses them, not encrypted."
		s.Record.Record(step)
		return nil
	}
	var found []Candidate
	var answers []string
	for _, r := range records {
		target := strings.TrimSuffix(r.Target, ".")
		answers = append(answers, fmt.Sprintf("%s:%d (priority %d, weight %d)", target, r.Port, r.Priority, r.Weight))
		c := Candidate{Host: canonicalHost(r.Target), Port: r.Port, TLS: tls, From: step.Asked}
		if s.Registrar != nil {
			c.Identity = s.Registrar.Host
		}
		switch {
		case c.Host == "" || c.Port == 0: // RFC 2782: "." says that there is no such service
			step.Details = append(step.Details, "The record says that the service is not available in this domain.")
		case !inDomain(c.Host, s.Domain) && !s.AllowOutside:
			step.Details = append(step.Details, fmt.Sprintf("%s is refused: it lies outside %s.", c.Host, s.Domain))
			if s.outside == nil {
				s.outside = &journal.Failure{Code: journal.OutsideDomain, Asked: step.Asked, By: by,
					What: fmt.Sprintf("The server %s lies outside the SIP domain %s. The phone does not sign in there, since "+
						"a forged DNS answer could name any server.", c.Host, shownHost(s.Domain)),
					Because: "no server outside the SIP domain unless it is allowed",
					Fix: fmt.Sprintf("Let the SRV record name a server whose name ends in %s, or allow targets outside the "+
						"domain (--allow-outside).", s.Domain)}
			}
		case s.yielded[c.String()]:
			step.Details = append(step.Details, c.String()+" has been tried before.")
		default:
			s.yielded[c.String()] = true
			found = append(found, c)
		}
	}
	step.Answered = strings.Join(answers, ", ")
	s.recordAnswer(step, found)
	return found
}

func (s *discoveryRun) lookUpHost(ctx context.Context, l lookup) []Candidate {
	c := Candidate{Host: canonicalHost(l.host + s.Domain), Port: l.port, TLS: l.tls, From: "A " + l.host + s.Domain}
	step := journal.Step{Name: journal.Discovery, Asked: "A " + c.Addr(), Because: s.rule}
	err, known := s.hosts[c.Host]
	if !known {
		var addrs []netip.Addr
		addrs, err = s.Resolver.LookupHost(ctx, c.Host)
		if err == nil && len(addrs) == 0 {
			err = errNoAddress
		}
		var texts []string
		for _, a := range addrs {
			texts = append(texts, a.String())
		}
		step.Answered = strings.Join(texts, ", ")
		s.hosts[c.Host] = err
		s.queries = append(s.queries, "A "+c.Host)
	}
	if err != nil {
		s.recordNoAnswer(step, err)
		return nil
	}
	s.dnsAnswered = true
	if s.yielded[c.String()] {
		step.Details = []string{c.String() + " has been tried before."}
		s.recordAnswer(step, nil)
		return nil
	}
	s.yielded[c.String()] = true
	s.recordAnswer(step, []Candidate{c})
	return []Candidate{c}
}

var errNoAddress = &journal.Failure{Code: journal.DNSNoRecords, What: "The name has no address."}

// recordNoAnswer records a look-up without a usable answer.
func (s *discoveryRun) recordNoAnswer(step journal.Step, err error) {
	step.State, step.Decided = journal.Skipped, "No such record: on to the next name."
	var f *journal.Failure
	switch {
	case err == nil:
		s.dnsAnswered = true
	case errors.As(err, &f) && f.Code == journal.DNSNoRecords:
		s.dnsAnswered = true
		step.Answered = f.Error()
	default:
		if s.dnsErr == nil {
			s.dnsErr = err
		}
		f = journal.FailureOf(err)
		step.State, step.Code, step.Answered = journal.Warned, f.Code, f.Error()
		step.Decided = "The DNS gave no usable answer: on to the next name."
	}
	s.Record.Record(step)
}

// recordAnswer records a look-up that was answered.
func (s *discoveryRun) recordAnswer(step journal.Step, found []Candidate) {
	var names []string
	for _, c := range found {
		names = append(names, c.String())
	}
	switch {
	case len(found) > 0:
		step.State = journal.OK
		step.Decided = "To try: " + strings.Join(names, ", then ") + "."
	case s.outside != nil && s.outside.Asked == step.Asked:
		step.State, step.Code, step.Fix = journal.Warned, journal.OutsideDomain, s.outside.Fix
		step.Decided = s.outside.What
	default:
		step.State = journal.Skipped
		step.Decided = "Nothing new to try: on to the next name."
	}
	s.Record.Record(step)
}

// failure is the error if there was no candidate.
func (s *discoveryRun) failure() error {
	if s.outside != nil {
		return s.outside
	}
	if !s.dnsAnswered && s.dnsErr != nil {
		return s.dnsErr
	}
	return &journal.Failure{Code: journal.NoCandidate, Asked: strings.Join(s.queries, ", "), Because: s.rule,
		What: fmt.Sprintf("No server is published for the SIP domain %s: none of the names that the phone knows to ask "+
			"for exists.", shownHost(s.Domain)),
		Fix: fmt.Sprintf("Publish the SRV record _sipinternaltls._tcp.%[1]s (inside) or _sip._tls.%[1]s (outside), or "+
			"an A record sip.%[1]s.", s.Domain)}
}
