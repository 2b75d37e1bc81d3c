package network

import (
	"context"
	"errors"
	"fmt"
	"net"

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
	for _, addr := range addrs {
		c, err := n.connect(ctx, network, network, hostport, addr, n.opt.DialTimeout)
		if err == nil {
			return c, nil
		}
		if err := n.interrupted(ctx, hostport); err != nil {
			return nil, err
		}
		if f == nil { // the first address decides the code
			f = connectFailure(hostport, addr, err)
		}
		f.Details = append(f.Details, fmt.Sprintf("%s: %v", addr, err))
	}
	return nil, f
}

// resolve returns the addresses of hostport as host:port, at least one.
func (n *Network) resolve(ctx context.Context, hostport string) ([]string, error) {
	if err := n.interrupted(ctx, hostport); err != nil {
		return nil, err
	}
	if addr, mapped := n.place.Patch.Lookup(hostport); mapped {
		return []string{addr}, nil
	}
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, &journal.Failure{Code: journal.ConnFailed, Asked: hostport, What: "not a host and a port", Err: err}
	}
	ips, err := n.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs := make([]string, 0, len(ips))
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		addr, _ := n.place.Patch.Lookup(net.JoinHostPort(ip.String(), port))
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func connectFailure(hostport, addr string, err error) *journal.Failure {
	f := &journal.Failure{Code: journal.ConnFailed, Asked: hostport, By: addr, Err: err}
	f.What = "cannot connect to " + hostport
	var timeout net.Error
	switch {
	case isRefused(err):
		f.Code, f.What = journal.ConnRefused, hostport+" refuses connections"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		f.Code, f.What = journal.ConnTimeout, hostport+" does not answer"
	}
	if addr != hostport {
		f.What += " at " + addr
	}
	return f
}
