package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"github.com/ocphone/ocphone/device/journal"
)

const (
	// maxAliases is how many CNAMEs are followed for one record.
	maxAliases = 8
	// maxRecords is how many records of one answer are used at most.
	maxRecords = 64
)

// LookupSRV returns the records of name ("_sip._tls.contoso.com") in the order to
// try them (RFC 2782). by is the server that answered and, after the suffix rule
// or an alias, the name that it answered for.
//
// A service that DNS declares absent (the single target ".") is a failure
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
		return nil, by, &journal.Failure{Code: journal.DNSNoRecords, Asked: "SRV " + name, Answered: `target "."`, By: by,
			What: name + " says that the service is not offered", Because: "RFC 2782",
			Fix: "if it should be, replace the SRV record by one that names the server"}
	}
	n.order(records)
	return records, by, nil
}

// NAPTR is one record that names a service of a domain (RFC 3403 4.1). Replacement
// has no final dot.
type NAPTR struct {
	Order, Preference uint16
	Flags             string
	Service           string
	Replacement       string
}

// LookupNAPTR returns the records of name in the order to try them (RFC 3403 4.1).
// by is as in LookupSRV.
func (n *Network) LookupNAPTR(ctx context.Context, name string) (records []NAPTR, by string, err error) {
	err = n.withSuffix(name, "NAPTR", func(full string) error {
		rrs, from, err := n.query(ctx, name, full, dns.TypeNAPTR)
		for _, rr := range rrs {
			r := rr.(*dns.NAPTR)
			records = append(records, NAPTR{r.Order, r.Preference, r.Flags, r.Service, strings.TrimSuffix(r.Replacement, ".")})
		}
		by = from
		return err
	})
	slices.SortStableFunc(records, func(a, b NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	return records, by, err
}

// LookupHost returns the addresses of host: those of its A records, then those
// of its AAAA records. An IP address is returned without a query.
func (n *Network) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, _, err := n.LookupHostBy(ctx, host)
	return addrs, err
}

// LookupHostBy is LookupHost and also returns by, as LookupSRV does.
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
		var no *negative
		if err != nil && (!errors.As(err, &no) || no.rcode != dns.RcodeSuccess) {
			return err // the name does not exist (RFC 8020), or no server looks it up
		}
		v6, from, err6 := n.query(ctx, host, full, dns.TypeAAAA)
		addrs = append(addrs, addresses(v6)...)
		if by == "" {
			by = from
		}
		switch {
		case len(addrs) > 0:
			return nil
		case err == nil: // no usable A record
			return &negative{name: full, by: by, qtype: dns.TypeA}
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

// addresses returns the addresses to connect to. It drops 0.0.0.0, the answer of
// DNS filters, because that would connect to this computer.
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

// withSuffix is the suffix rule: if a query fails, it is repeated with the
// connection's DNS suffix appended (docs/protocol/phone.md#dns-suffix-rule). It is
// not repeated for a name that ends with a dot, nor if no server answers.
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

// isFinal reports whether err comes from Close or the end of ctx, and not from a
// server.
func isFinal(err error) bool {
	var f *journal.Failure
	return errors.As(err, &f)
}

// dnsFailure returns the Failure for the errors of a name and of its suffixed
// form, if that was tried. The first error decides the code.
func dnsFailure(asked string, errs []error) error {
	f := &journal.Failure{Asked: asked}
	for _, err := range errs {
		f.Details = append(f.Details, err.Error())
	}
	switch err := errs[0].(type) {
	case *negative:
		f.By, f.Answered = err.by, err.answer()
		if err.isRefusal() {
			f.Code, f.What = journal.DNSRefused, "the DNS server answers "+f.Answered+" to "+asked
			f.Fix = fmt.Sprintf("Let the DNS server %s answer for %s (zone, forwarding, or the clients that it serves), or "+
				"give the phone another one (DHCP option 6, --dns ADDR).", err.by, err.name)
			break
		}
		f.Code, f.What = journal.DNSNoRecords, "DNS has no record "+asked
		f.Fix = fmt.Sprintf("Create the record %s in the zone that the phone sees: inside and outside have different ones.",
			asked)
		if len(errs) > 1 {
			f.What += ", nor one with the phone's DNS suffix"
			f.Because = "OCS 2007 R2 documentation, DNS for Communicator Phone Edition"
		}
	case *noServer:
		f.Code, f.What = journal.DNSNoServer, err.what
		f.Fix = "Give the phone a DNS server: DHCP option 6 for a real phone, --dns ADDR for this one."
		if len(err.servers) > 0 {
			f.Fix = fmt.Sprintf("Let the DNS server %s answer the phone on UDP and TCP 53, or give the phone another one: "+
				"DHCP option 6 for a real phone, --dns ADDR for this one.", strings.Join(err.servers, ", "))
		}
	default:
		f.Code, f.What, f.Err = journal.DNSNoRecords, asked+" is not a name that DNS can be asked for", err
		f.Fix = "Correct the name: labels of at most 63 characters, 253 in all."
	}
	return f
}

// negative: the server answered that the record type does not exist, that the name
// does not exist (NXDOMAIN), or with an error code.
type negative struct {
	name, by string
	rcode    int
	qtype    uint16
}

func (e *negative) isRefusal() bool {
	return e.rcode != dns.RcodeSuccess && e.rcode != dns.RcodeNameError
}

func (e *negative) answer() string {
	switch e.rcode {
	case dns.RcodeSuccess:
		return "no " + dns.TypeToString[e.qtype] + " record"
	case dns.RcodeNameError:
		return "NXDOMAIN: no such name"
	}
	return cmp.Or(dns.RcodeToString[e.rcode], fmt.Sprintf("rcode %d", e.rcode))
}
func (e *negative) Error() string { return fmt.Sprintf("%s: %s, says %s", e.name, e.answer(), e.by) }

// noServer: no server is known or none answered.
type noServer struct {
	name, what string
	servers    []string // asked
	tries      []string
}

func (e *noServer) Error() string {
	return e.name + ": " + e.what + ": " + strings.Join(e.tries, "; ")
}

// query asks for the records of one type at one name and follows its aliases.
// by is the server that answered, and the name that it answered for if that is not
// the wanted name.
func (n *Network) query(
	ctx context.Context, wanted, name string, qtype uint16,
) (records []dns.RR, by string, err error) {
	wanted, name = asciiName(wanted), dns.Fqdn(asciiName(name))
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
			return nil, "", &negative{name: strings.TrimSuffix(owner, "."), by: server, rcode: answer.Rcode, qtype: qtype}
		}
		name = owner // the server did not resolve the alias
	}
	by = fmt.Sprintf("more than %d aliases", maxAliases)
	return nil, "", &negative{name: strings.TrimSuffix(name, "."), by: by, qtype: qtype}
}

// asciiName is an internationalized name in the form of DNS (RFC 5891 5); any other
// name as it is.
func asciiName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		if ascii, err := idna.Lookup.ToASCII(name); err == nil {
			return ascii
		}
	}
	return name
}

// followAliases follows the CNAMEs of an answer from name. It returns the records
// at their end, and the name there.
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
