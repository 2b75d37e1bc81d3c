package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/ocphone/ocphone/device/journal"
)

const (
	// maxAliases bounds the CNAMEs followed for one record, in one answer or
	// several.
	maxAliases = 8
	// maxRecords bounds the records used of one answer.
	maxRecords = 64
)

// LookupSRV returns the records of name ("_sip._tls.contoso.com") in the order
// in which they are to be tried (RFC 2782). by says which server answered and,
// when the suffix rule or an alias led elsewhere, for which name.
//
// A service that is declared absent (the single target ".") is a failure
// dns.no-records like a missing record, but no suffix is tried.
func (n *Network) LookupSRV(ctx context.Context, name string) (records []SRV, by string, err error) {
	err = n.withSuffix(name, "SRV", func(full string) error {
		rrs, from, err := n.query(ctx, name, full, dns.TypeSRV)
		if err != nil {
			return err
		}
		for _, rr := range rrs {
			if srv := rr.(*dns.SRV); len(srv.Target) > 1 { // not "."
				records = append(records, SRV{strings.TrimSuffix(srv.Target, "."), srv.Port, srv.Priority, srv.Weight})
			}
		}
		by = from
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if len(records) == 0 { // RFC 2782: "the service is decidedly not available at this domain"
		return nil, by, &journal.Failure{
			Code:     journal.DNSNoRecords,
			Asked:    "SRV " + name,
			Answered: `target "."`,
			By:       by,
			What:     name + " says that the service is not offered",
			Because:  "RFC 2782",
			Fix:      "if it should be, replace the SRV record by one that names the server",
		}
	}
	n.order(records)
	return records, by, nil
}

// LookupHost returns the addresses of host: those of its A records, then those
// of its AAAA records. An IP address is its own answer.
func (n *Network) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, _, err := n.LookupHostBy(ctx, host)
	return addrs, err
}

// LookupHostBy is LookupHost, and says like LookupSRV who answered.
func (n *Network) LookupHostBy(ctx context.Context, host string) (addrs []netip.Addr, by string, err error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, "", nil
	}
	if l := "." + strings.ToLower(strings.TrimSuffix(host, ".")); strings.HasSuffix(l, ".localhost") { // RFC 6761 6.3
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, "", nil
	}
	err = n.withSuffix(host, "A", func(full string) error {
		v4, from, err := n.query(ctx, host, full, dns.TypeA)
		addrs, by = addresses(v4), from
		var no *noRecords
		if err != nil && (!errors.As(err, &no) || no.rcode == dns.RcodeNameError) {
			return err // there is no such name at all (RFC 8020), or nobody can tell
		}
		v6, from, err6 := n.query(ctx, host, full, dns.TypeAAAA)
		addrs = append(addrs, addresses(v6)...)
		if by == "" {
			by = from
		}
		switch {
		case len(addrs) > 0:
			return nil
		case err == nil: // the A records lead nowhere
			return &noRecords{name: full, by: by, qtype: dns.TypeA}
		case isFinal(err6):
			return err6
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return addrs, by, nil
}

// addresses are those that one can connect to: 0.0.0.0, with which filters
// answer, would lead to this computer.
func addresses(records []dns.RR) (addrs []netip.Addr) {
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok && !a.Unmap().IsUnspecified() && !a.IsMulticast() {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs
}

// withSuffix is the suffix rule: when a query fails, the same record is asked
// for with the connection's DNS suffix appended (device.md 2.3). A name that
// ends with a dot is complete, and silent servers would be silent again.
func (n *Network) withSuffix(name, record string, query func(name string) error) error {
	err := query(name)
	if err == nil || isFinal(err) {
		return err
	}
	errs := []error{err}
	var none *noServer
	suffix := strings.Trim(n.place.Suffix, ".")
	if suffix != "" && !strings.HasSuffix(name, ".") && !errors.As(err, &none) {
		err := query(name + "." + suffix)
		if err == nil || isFinal(err) {
			return err
		}
		errs = append(errs, err)
	}
	return dnsFailure(record+" "+name, errs)
}

// isFinal says that err is about the phone's end: cable pulled, given up.
func isFinal(err error) bool {
	var f *journal.Failure
	return errors.As(err, &f)
}

// dnsFailure is the journal's form of what became of a name and, when that was
// tried, its suffixed form; the first decides the code.
func dnsFailure(asked string, errs []error) error {
	f := &journal.Failure{Asked: asked}
	for _, err := range errs {
		f.Details = append(f.Details, err.Error())
	}
	switch err := errs[0].(type) {
	case *noRecords:
		f.Code, f.By, f.Answered = journal.DNSNoRecords, err.by, err.answer()
		f.What = "DNS has no record " + asked
		if len(errs) > 1 {
			f.What += ", nor one with the phone's DNS suffix"
			f.Because = "OCS 2007 R2 documentation, DNS for Communicator Phone Edition"
		}
	case *refused:
		f.Code, f.By, f.Answered = journal.DNSRefused, err.by, err.answer()
		f.What = "the DNS server answers " + f.Answered + " to " + asked
	case *noServer:
		f.Code, f.What = journal.DNSNoServer, err.what
		f.Fix = "check that the phone is told of its DNS servers (DHCP option 6, or --dns ADDR) and that they answer"
	default:
		f.Code, f.What, f.Err = journal.DNSNoRecords, asked+" is not a name that DNS can be asked for", err
	}
	return f
}

// noRecords: an authoritative no. NXDOMAIN, or no record of the type.
type noRecords struct {
	name, by string
	rcode    int
	qtype    uint16
}

func (e *noRecords) answer() string {
	if e.rcode == dns.RcodeNameError {
		return "NXDOMAIN: no such name"
	}
	return "no " + dns.TypeToString[e.qtype] + " record"
}
func (e *noRecords) Error() string { return fmt.Sprintf("%s: %s, says %s", e.name, e.answer(), e.by) }

// refused: servers answered, none of them the question.
type refused struct {
	name, by string
	rcode    int
}

func (e *refused) answer() string {
	if s := dns.RcodeToString[e.rcode]; s != "" {
		return s
	}
	return fmt.Sprintf("rcode %d", e.rcode)
}
func (e *refused) Error() string { return fmt.Sprintf("%s: %s, says %s", e.name, e.answer(), e.by) }

// noServer: no server is known or none answered.
type noServer struct {
	name, what string
	tries      []string
}

func (e *noServer) Error() string {
	return e.name + ": " + e.what + ": " + strings.Join(e.tries, "; ")
}

// query asks for the records of one type at one name and follows its aliases.
// by is the server that answered, and the name it answered for when that is
// not the one that was meant.
func (n *Network) query(
	ctx context.Context, wanted, name string, qtype uint16,
) (records []dns.RR, by string, err error) {
	name = dns.Fqdn(name)
	for range maxAliases {
		answer, server, err := n.ask(ctx, name, qtype)
		if err != nil {
			return nil, "", err
		}
		records, owner := followAliases(answer.Answer, name, qtype)
		by = server
		if !strings.EqualFold(owner, dns.Fqdn(wanted)) {
			by += " for " + strings.TrimSuffix(owner, ".")
		}
		if len(records) > 0 {
			return records, by, nil
		}
		if owner == name || answer.Rcode == dns.RcodeNameError {
			return nil, "", &noRecords{name: strings.TrimSuffix(owner, "."), by: server, rcode: answer.Rcode, qtype: qtype}
		}
		name = owner // the server leaves the rest of the alias to us
	}
	by = fmt.Sprintf("more than %d aliases", maxAliases)
	return nil, "", &noRecords{name: strings.TrimSuffix(name, "."), by: by, qtype: qtype}
}

// followAliases walks the CNAMEs of an answer from name and returns the records at
// their end, and that end.
func followAliases(answer []dns.RR, name string, qtype uint16) (records []dns.RR, owner string) {
	for range maxAliases {
		alias := ""
		for _, rr := range answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, name) {
				continue
			}
			if h.Rrtype == qtype && len(records) < maxRecords {
				records = append(records, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				alias = c.Target
			}
		}
		if len(records) > 0 || alias == "" {
			break
		}
		name = alias
	}
	return records, name
}

// hostPort adds the port to an address that has none.
func hostPort(addr, port string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), port)
}
