package network_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/network"
)

func TestRemediesNameWhatToChange(t *testing.T) {
	t.Parallel()
	refuse := newDNS(t, func(_ string, _, a *dns.Msg) *dns.Msg { a.Rcode, a.Answer = dns.RcodeRefused, nil; return a })
	quiet, none := silent(t), closed(t)
	s := newDNS(t, nil, "pool.contoso.com. A 127.0.0.1", "private.contoso.com. A 10.1.2.3", "private.contoso.com. A 127.0.0.1",
		"six.contoso.com. AAAA fd00::1")
	_, port, _ := net.SplitHostPort(none)
	past, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	patch := network.AddressMap{"10.1.2.3:5061": none, "[fd00::1]:5061": none, "mapped.contoso.com:5061": none}
	for _, row := range []struct {
		name, dns, hostport string
		ctx                 context.Context
		code                journal.Code
		fix                 string
	}{
		{"refused", s.addr, "pool.contoso.com:" + port, t.Context(), journal.ConnRefused, "Start the server on pool.contoso.com:" + port},
		{"no answer", s.addr, "mapped.contoso.com:5061", past, journal.ConnTimeout, "mapped.contoso.com has the address " + none},
		{"a private address", s.addr, "private.contoso.com:5061", t.Context(), journal.ConnRefused,
			"The address 10.1.2.3 of private.contoso.com is private. If the phone is outside, remove the record of private.contoso.com"},
		{"a private IPv6 address", s.addr, "six.contoso.com:5061", t.Context(), journal.ConnRefused, "The address fd00::1 of six.contoso.com is private."},
		{"a private address that a person gave", s.addr, "10.1.2.3:5061", t.Context(), journal.ConnRefused, "Start the server on 10.1.2.3:5061"},
		{"no record", s.addr, "nope.contoso.com:5061", t.Context(), journal.DNSNoRecords, "Create the record A nope.contoso.com in the zone"},
		{"a server that refuses", refuse.addr, "pool.contoso.com:5061", t.Context(), journal.DNSRefused, "Let the DNS server " + refuse.addr + " answer for pool.contoso.com"},
		{"a server that is silent", quiet, "pool.contoso.com:5061", t.Context(), journal.DNSNoServer, "Let the DNS server " + quiet + " answer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := network.Options{}
			if row.code == journal.DNSNoServer {
				o = hasty
			}
			_, err := plug(t, network.Place{DNS: []string{row.dns}, Patch: patch}, o).DialContext(row.ctx, "tcp", row.hostport)
			f := wantCode(t, err, row.code)
			if !strings.Contains(f.Fix, row.fix) {
				t.Errorf("remedy %q, want %q; %v", f.Fix, row.fix, err)
			}
		})
	}
}

func TestRemedyForTheTimeNamesTheServersThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	patch := network.AddressMap{"dc1.contoso.com:123": closed(t), "dc2.contoso.com:123": silent(t), "time.windows.com:123": closed(t)}
	for _, row := range []struct {
		name    string
		records []string
		fixes   []string
		not     string
	}{
		{"no record", nil, []string{"Create the record SRV _ntp._udp.contoso.com"}, "Let the time server"},
		{"two servers", []string{"_ntp._udp.contoso.com. SRV 0 0 123 dc1.contoso.com.", "_ntp._udp.contoso.com. SRV 1 0 123 dc2.contoso.com."},
			[]string{"Let the time server dc1.contoso.com answer", "Let the time server dc2.contoso.com answer"}, "Create"},
		{"a server without an address", []string{"_ntp._udp.contoso.com. SRV 0 0 123 dc3.contoso.com."}, []string{"Create the record A dc3.contoso.com"}, "SRV"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			n := plug(t, network.Place{DNS: []string{newDNS(t, nil, row.records...).addr}, Patch: patch}, brisk)
			_, err := n.FindTime(t.Context(), "contoso.com")
			f := wantCode(t, err, journal.TimeNone)
			for _, fix := range row.fixes {
				if !strings.Contains(f.Fix, fix) || strings.Contains(f.Fix, row.not) {
					t.Errorf("remedy %q, want %q and not %q", f.Fix, fix, row.not)
				}
			}
		})
	}
}

// once serves one connection.
func once(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		serve(c)
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	return l.Addr().String()
}

func TestHandshakeFailuresSayWhatTheServerLacks(t *testing.T) {
	t.Parallel()
	ca, err := pki.NewRoot("CN=Root", pki.Options{Algorithm: pki.RSA2048SHA1, Keys: new(pki.Keys)})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}})
	if err != nil {
		t.Fatal(err)
	}
	server := func(c *tls.Config) func(net.Conn) {
		c.Certificates = []tls.Certificate{cert}
		return func(nc net.Conn) { tls.Server(nc, c).Handshake(); io.Copy(io.Discard, nc) }
	}
	plain := func(answer string) func(net.Conn) {
		return func(nc net.Conn) { nc.Read(make([]byte, 512)); io.WriteString(nc, answer); io.Copy(io.Discard, nc) }
	}
	old := &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	today := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, row := range []struct {
		name   string
		serve  func(net.Conn)
		client *tls.Config
		code   journal.Code
		what   string
		fix    string
		not    string // in the remedy
	}{
		{"a web server", plain("HTTP/1.1 400 Bad Request\r\n\r\n"), today, journal.TLSFailed, `"HTTP/"`, "Name a port of pool.contoso.com that speaks TLS", "--firmware"},
		{"SIP without TLS", plain("SIP/2.0 400 Bad Request\r\n\r\n"), today, journal.TLSFailed, `"SIP/2"`, "port 5061 speak TLS", "--firmware"},
		{"TLS 1.0 alone", server(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}), today, journal.TLSFailed,
			"alert", "Enable TLS 1.2 or newer on pool.contoso.com", "today"},
		{"TLS 1.0, selected all the same", func(nc net.Conn) { // a ServerHello of TLS 1.0, RFC 5246 7.4.1.3
			nc.Read(make([]byte, 512))
			hello := append([]byte{3, 1}, make([]byte, 32)...)
			hello = append(hello, 0, 0, 0x2f, 0)
			nc.Write(append([]byte{22, 3, 1, 0, byte(len(hello) + 4), 2, 0, 0, byte(len(hello))}, hello...))
			io.Copy(io.Discard, nc)
		}, today, journal.TLSFailed, "speaks TLS 1.0 at most", "Enable TLS 1.2 or newer on pool.contoso.com", "today"},
		{"TLS 1.2 or newer", server(&tls.Config{MinVersion: tls.VersionTLS12}), old, journal.TLSFailed, "protocol version", "Enable TLS 1.0 on pool.contoso.com, or choose a firmware profile that speaks newer versions (--firmware today)", "log"},
		{"no suite", server(&tls.Config{MinVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}}), old, journal.TLSFailed,
			"handshake failure", "cipher suite of TLS 1.0 on pool.contoso.com", "log"},
		{"its own trouble", server(&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("none") }}), today, journal.ConnFailed,
			"internal error", "log of pool.contoso.com", "--firmware"},
		{"closes", func(nc net.Conn) { nc.Read(make([]byte, 512)) }, today, journal.ConnFailed, "closed the connection", "log of pool.contoso.com", "--firmware"},
		{"says nothing", func(nc net.Conn) { io.Copy(io.Discard, nc) }, today, journal.SIPNoAnswer, "does not answer", "server with TLS listens at pool.contoso.com:5061", "--firmware"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			nc, err := net.Dial("tcp", once(t, row.serve))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			ctx := t.Context()
			if row.code == journal.SIPNoAnswer {
				past, cancel := context.WithTimeout(ctx, 0)
				defer cancel()
				ctx = past
			}
			config := row.client.Clone()
			config.InsecureSkipVerify = true
			err = tls.Client(nc, config).HandshakeContext(ctx)
			f := network.HandshakeFailure("pool.contoso.com:5061", nc.RemoteAddr().String(), config, err)
			if f.Code != row.code || !strings.Contains(f.What, row.what) || !strings.Contains(f.Fix, row.fix) || strings.Contains(f.Fix, row.not) {
				t.Errorf("%v\n%+v", err, f)
			}
		})
	}
}
