package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/ocphone/ocphone/device/journal"
)

// maxAddresses is how many addresses of one name are tried at most.
const maxAddresses = 8

// DialContext connects to hostport ("pool.contoso.com:5061"); network is "tcp"
// or "udp". A name in the address map is dialled at its mapped address. Other
// names are looked up, and each address is tried in turn for Options.DialTimeout.
// Errors hold a *journal.Failure: dns.*, net.refused, net.timeout, net.failed,
// or net.unplugged after Close. TCP keep-alive is Go's default.
func (n *Network) DialContext(ctx context.Context, network, hostport string) (net.Conn, error) {
	addrs, err := n.resolve(ctx, hostport)
	if err != nil {
		return nil, err
	}
	var f *journal.Failure
	for _, a := range addrs {
		c, err := n.connect(ctx, network, network, hostport, a.dial, n.opt.DialTimeout)
		if err == nil {
			return c, nil
		}
		if err := n.interrupted(ctx, hostport); err != nil {
			return nil, err
		}
		if f == nil { // the first address decides the code
			f = connectFailure(hostport, a, err)
		}
		f.Details = append(f.Details, fmt.Sprintf("%s: %v", a.dial, err))
	}
	return nil, f
}

// address is where to dial.
type address struct {
	dial string     // host:port
	ip   netip.Addr // that DNS gave; the zero Addr: DNS was not asked
}

// resolve returns the addresses of hostport, at least one.
func (n *Network) resolve(ctx context.Context, hostport string) ([]address, error) {
	if err := n.interrupted(ctx, hostport); err != nil {
		return nil, err
	}
	if addr, mapped := n.place.Patch.Lookup(hostport); mapped {
		return []address{{dial: addr}}, nil
	}
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, &journal.Failure{Code: journal.ConnFailed, Asked: hostport, What: "not a host and a port", Err: err,
			Fix: "Write HOST:PORT."}
	}
	ips, err := n.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs := make([]address, 0, len(ips))
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		addr, _ := n.place.Patch.Lookup(net.JoinHostPort(ip.String(), port))
		if ip.String() == host {
			ip = netip.Addr{}
		}
		addrs = append(addrs, address{addr, ip})
	}
	return addrs, nil
}

func connectFailure(hostport string, a address, err error) *journal.Failure {
	host, port, _ := net.SplitHostPort(hostport)
	f := &journal.Failure{Code: journal.ConnFailed, Asked: hostport, By: a.dial, Err: err}
	f.What = "cannot connect to " + hostport
	f.Fix = fmt.Sprintf("Check routing and VLAN between the phone and %s, and the address %s.", host, a.dial)
	switch {
	case isRefused(err):
		f.Code, f.What = journal.ConnRefused, hostport+" refuses connections"
		f.Fix = fmt.Sprintf("Start the server on %s, or let the firewall open port %s to it.", hostport, port)
	case isTimeout(err):
		f.Code, f.What = journal.ConnTimeout, hostport+" does not answer"
		f.Fix = fmt.Sprintf("Check that %s has the address %s and is up, and that no firewall on the way drops port %s.",
			host, a.dial, port)
	}
	if a.dial != hostport {
		f.What += " at " + a.dial
	}
	if a.ip.IsPrivate() { // RFC 1918, RFC 4193: outside, the record is one of the inside
		f.Fix = fmt.Sprintf("The address %s of %s is private. If the phone is outside, remove the record of %[2]s, and the "+
			"SRV records that lead there, from the DNS that is visible outside. If it is inside: %s", a.ip, host, f.Fix)
	}
	return f
}
