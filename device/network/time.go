package network

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/ntp"

	"github.com/ocphone/ocphone/device/journal"
)

const (
	// FallbackTimeServer is asked if no domain has an SRV record for time
	// (docs/protocol/phone.md#time).
	FallbackTimeServer = "time.windows.com"
	// timeTotal is the time limit of one FindTime.
	timeTotal = 15 * time.Second
	// timeTries is how often each time server is asked; UDP loses datagrams.
	timeTries = 2
	// maxFixes is how many time servers a remedy names.
	maxFixes = 3
)

// TimeAnswer is the answer of a time server.
type TimeAnswer struct {
	Offset  time.Duration // to add to Options.Now
	Server  string        // as host:port, by name
	Address string        // its IP address and port
	Stratum uint8         // 1 to 15, distance from a reference clock
	RTT     time.Duration // round-trip time; the error of Offset is at most half of it
	Record  string        // the record of the server: "SRV _ntp._udp.contoso.com", "A time.windows.com"
	By      string        // the DNS server that had the SRV record; empty for others
	Tried   []string      // the failed attempts before, one a line
}

// FindTime asks the time servers of the domains in their order, found by
// SRV _ntp._udp.<domain>. If there is no such record, or no server gives a valid
// answer, it asks FallbackTimeServer (docs/protocol/phone.md#time). Empty and repeated domains
// are ignored. The error holds a *journal.Failure: time.none, or dns.no-server,
// which ends the search.
func (n *Network) FindTime(ctx context.Context, domains ...string) (TimeAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeTotal)
	defer cancel()
	var tried, asked, fixes []string
	final := func(err error) bool { // notes err, and reports whether it ends the search
		tried = append(tried, err.Error())
		return n.interrupted(ctx, "") != nil || journal.FailureOf(err).Code == journal.DNSNoServer
	}
	for i, domain := range domains {
		if domain == "" || slices.Contains(domains[:i], domain) {
			continue
		}
		name := "_ntp._udp." + strings.Trim(domain, ".")
		asked = append(asked, "SRV "+name)
		records, by, err := n.LookupSRV(ctx, name)
		if err != nil && final(err) {
			return TimeAnswer{}, err
		}
		for _, srv := range records {
			answer, err := n.Time(ctx, net.JoinHostPort(srv.Target, strconv.Itoa(int(srv.Port))))
			if err == nil {
				answer.Record, answer.By, answer.Tried = "SRV "+name, by, tried
				return answer, nil
			}
			if final(err) {
				return TimeAnswer{}, err
			}
			if fix := journal.FailureOf(err).Fix; len(fixes) < maxFixes {
				fixes = append(fixes, fix)
			}
		}
	}
	asked = append(asked, "A "+FallbackTimeServer)
	answer, err := n.Time(ctx, FallbackTimeServer)
	if err == nil {
		answer.Record, answer.Tried = "A "+FallbackTimeServer, tried
		return answer, nil
	}
	if final(err) {
		return TimeAnswer{}, err
	}
	if len(fixes) == 0 {
		fixes = []string{fmt.Sprintf("Create the record %s to a server of time, such as a domain controller (UDP 123), or "+
			"let the phone reach %s on UDP 123.", asked[0], FallbackTimeServer)}
	}
	return TimeAnswer{}, &journal.Failure{
		Code:    journal.TimeNone,
		Asked:   strings.Join(asked, ", "),
		What:    "no time server answered, so the phone cannot judge whether certificates are valid",
		Because: "OCS 2007 R2 documentation, NTP",
		Fix:     strings.Join(fixes, " "),
		Details: tried,
	}
}

// Time asks one time server, "host" or "host:port" (123), at each of its
// addresses. The error holds a *journal.Failure: dns.* or time.none.
func (n *Network) Time(ctx context.Context, server string) (TimeAnswer, error) {
	server = hostPort(server, "123")
	addrs, err := n.resolve(ctx, server)
	if err != nil {
		return TimeAnswer{}, err
	}
	host, port, _ := net.SplitHostPort(server)
	f := &journal.Failure{Code: journal.TimeNone, Asked: "NTP " + server, Because: "RFC 5905",
		Fix: fmt.Sprintf("Let the time server %s answer: start and synchronize its NTP service, and open UDP %s to it.",
			host, port)}
	for range timeTries {
		for _, a := range addrs {
			r, err := n.askTime(ctx, a.dial)
			if err == nil {
				return TimeAnswer{Offset: r.ClockOffset, Server: server, Address: a.dial, Stratum: r.Stratum, RTT: r.RTT}, nil
			}
			if stop := n.interrupted(ctx, f.Asked); stop != nil {
				return TimeAnswer{}, stop
			}
			f.Details = append(f.Details, fmt.Sprintf("%s: %v", a.dial, err))
			f.What, f.Err = "no usable time from "+server, err
		}
	}
	return TimeAnswer{}, f
}

// askTime sends one query. The answer of a server that is not synchronized, or a
// kiss-o'-death, is an error (RFC 5905 A.5.1.1).
func (n *Network) askTime(ctx context.Context, addr string) (r *ntp.Response, err error) {
	err = n.exchange(ctx, "udp", "ntp", addr, func(c net.Conn) error {
		r, err = ntp.QueryWithOptions(addr, ntp.QueryOptions{
			GetSystemTime: n.opt.Now,
			Dialer:        func(string, string) (net.Conn, error) { return timeConn{c}, nil },
		})
		if err != nil {
			return err
		}
		return r.Validate()
	})
	return r, err
}

// timeConn keeps the deadline of exchange; the library would set its own.
type timeConn struct{ net.Conn }

func (timeConn) SetDeadline(time.Time) error { return nil }
