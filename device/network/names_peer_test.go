//go:build realpeers && linux

package network_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/ntp"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/peer"
)

// Addresses of this package's peers.
const (
	dnsmasqAddr = "127.22.1.1:10053"
	chronyAddr  = "127.22.1.2:10123"
)

const manyServers = 60 // SRV records that no UDP answer of 1232 bytes can hold

// zone has every record of the sign-in (docs/protocol/phone.md#time,
// docs/protocol/phone.md#finding-the-sip-server,
// docs/protocol/trust.md#root-download) and some that try the phone.
func zone() []string {
	records := []string{
		"_sipinternaltls._tcp.contoso.com SRV 0 0 5061 pool.contoso.com",
		"_sip._tls.contoso.com SRV 0 0 443 sip.contoso.com",
		"_sipinternal._tcp.contoso.com SRV 0 0 5060 pool.contoso.com",
		"_ldap._tcp.dc._msdcs.contoso.com SRV 0 100 389 dc1.contoso.com",
		"_ldap._tcp.contoso.com SRV 10 100 389 dc2.contoso.com",
		"_ldap._tcp.contoso.com SRV 0 100 389 dc1.contoso.com",
		"_ntp._udp.contoso.com SRV 0 0 10123 dc1.contoso.com",
		"pool.contoso.com A 127.22.1.20",
		"dc1.contoso.com A 127.22.1.2",
		"sip.contoso.com A 127.22.1.22",
		"sipinternal.contoso.com A 127.22.1.23",
		"sipexternal.contoso.com A 127.22.1.24",
		"dual.contoso.com A 127.22.1.25",
		"dual.contoso.com AAAA 2001:db8::25",
		"alias.contoso.com CNAME pool.contoso.com",
		"twice.contoso.com CNAME alias.contoso.com",
		"lost.contoso.com CNAME nobody.contoso.com",
		"printer.corp.contoso.com A 127.22.1.26",
		"_h323._tcp.branch.example.corp.contoso.com SRV 0 0 1720 printer.corp.contoso.com",
	}
	for i := range manyServers {
		records = append(records, fmt.Sprintf("_many._tcp.contoso.com SRV %d 0 5061 front-end-%02d.contoso.com", i, i))
	}
	return records
}

// eachDNS runs f against both servers, each with zone.
func eachDNS(t *testing.T, proves string, f func(t *testing.T, s peer.NameServer)) {
	for name, start := range map[string]func(t *testing.T) peer.NameServer{
		"bind9":        func(t *testing.T) peer.NameServer { return peer.BIND(t, "contoso.com", zone()...) },
		"dnsmasq-base": func(t *testing.T) peer.NameServer { return peer.Dnsmasq(t, dnsmasqAddr, "contoso.com", zone()...) },
	} {
		t.Run(name, func(t *testing.T) {
			peer.Row(t, name, proves)
			f(t, start(t))
		})
	}
}

// at is a place with one DNS server and a suffix from DHCP.
func at(s peer.NameServer, suffix string) network.Place {
	return network.Place{DNS: []string{s.Addr}, Suffix: suffix}
}

func TestPeerEveryLookUpOfTheSignIn(t *testing.T) {
	eachDNS(t, "every SRV and A look-up of a sign-in, CNAME, AAAA, NXDOMAIN, no record, REFUSED", func(t *testing.T, s peer.NameServer) {
		n := plug(t, at(s, ""), network.Options{})
		for _, row := range []struct {
			name string
			want []network.SRV
		}{
			{"_sipinternaltls._tcp.contoso.com", []network.SRV{{Target: "pool.contoso.com", Port: 5061}}},
			{"_sip._tls.contoso.com", []network.SRV{{Target: "sip.contoso.com", Port: 443}}},
			{"_sipinternal._tcp.contoso.com", []network.SRV{{Target: "pool.contoso.com", Port: 5060}}},
			{"_ntp._udp.contoso.com", []network.SRV{{Target: "dc1.contoso.com", Port: 10123}}},
			{"_ldap._tcp.dc._msdcs.contoso.com", []network.SRV{{Target: "dc1.contoso.com", Port: 389, Weight: 100}}},
			{"_LDAP._tcp.Contoso.com.", []network.SRV{{Target: "dc1.contoso.com", Port: 389, Weight: 100}, {Target: "dc2.contoso.com", Port: 389, Priority: 10, Weight: 100}}},
		} {
			got, by, err := n.LookupSRV(t.Context(), row.name)
			if err != nil || !slices.Equal(got, row.want) || by != s.Addr {
				t.Errorf("%s: %v by %s, %v; want %v", row.name, got, by, err, row.want)
			}
		}
		for name, want := range map[string][]netip.Addr{
			"pool.contoso.com":        addrs("127.22.1.20"),
			"POOL.contoso.COM":        addrs("127.22.1.20"),
			"dc1.contoso.com":         addrs("127.22.1.2"),
			"sip.contoso.com":         addrs("127.22.1.22"),
			"sipinternal.contoso.com": addrs("127.22.1.23"),
			"sipexternal.contoso.com": addrs("127.22.1.24"),
			"dual.contoso.com":        addrs("127.22.1.25", "2001:db8::25"),
			"alias.contoso.com":       addrs("127.22.1.20"),
			"twice.contoso.com":       addrs("127.22.1.20"),
		} {
			if got, err := n.LookupHost(t.Context(), name); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v, %v; want %v", name, got, err, want)
			}
		}
		for name, want := range map[string]struct {
			code   journal.Code
			answer string
		}{
			"nobody.contoso.com":    {journal.DNSNoRecords, "NXDOMAIN"},
			"lost.contoso.com":      {journal.DNSNoRecords, ""},
			"_tcp.contoso.com":      {journal.DNSNoRecords, "no A record"}, // an empty name with others below
			"_sip._tls.contoso.com": {journal.DNSNoRecords, "no A record"},
			"host.refused.example":  {journal.DNSRefused, "REFUSED"},
		} {
			_, err := n.LookupHost(t.Context(), name)
			if f := wantCode(t, err, want.code); !strings.Contains(f.Answered, want.answer) || f.By != s.Addr {
				t.Errorf("%s: %q by %s, want %q", name, f.Answered, f.By, want.answer)
			}
		}
		for _, name := range []string{"_sipfederationtls._tcp.contoso.com", "pool.contoso.com"} { // NXDOMAIN, no such record
			_, _, err := n.LookupSRV(t.Context(), name)
			wantCode(t, err, journal.DNSNoRecords)
		}
		if _, _, err := n.LookupSRV(t.Context(), "_sip._tls.refused.example"); err == nil {
			t.Error("no error")
		} else {
			wantCode(t, err, journal.DNSRefused)
		}
	})
}

func TestPeerSuffixRule(t *testing.T) { // docs/protocol/phone.md#dns-suffix-rule
	eachDNS(t, "the suffix rule, as the server's own log shows the questions", func(t *testing.T, s peer.NameServer) {
		n := plug(t, at(s, "corp.contoso.com"), network.Options{})
		if got, by, err := n.LookupHostBy(t.Context(), "printer"); err != nil || !slices.Equal(got, addrs("127.22.1.26")) || !strings.HasSuffix(by, " for printer.corp.contoso.com") {
			t.Errorf("%v by %q, %v", got, by, err)
		}
		// The first server answers NXDOMAIN to this, the second REFUSED.
		if got, _, err := n.LookupSRV(t.Context(), "_h323._tcp.branch.example"); err != nil || len(got) != 1 || got[0].Port != 1720 {
			t.Errorf("%v, %v", got, err)
		}
		_, err := n.LookupHost(t.Context(), "nobody.contoso.com")
		wantCode(t, err, journal.DNSNoRecords)
		want := []string{"A printer", "A printer.corp.contoso.com", "AAAA printer.corp.contoso.com",
			"SRV _h323._tcp.branch.example", "SRV _h323._tcp.branch.example.corp.contoso.com",
			"A nobody.contoso.com", "A nobody.contoso.com.corp.contoso.com"}
		peer.Eventually(t, "the questions in the server's log", func() error {
			if got := s.Asked(); !slices.Equal(got, want) {
				return fmt.Errorf("asked %q, want %q", got, want)
			}
			return nil
		})
	})
}

// proto is a Tap that notes by which protocol DNS was spoken.
type proto struct {
	mu  sync.Mutex
	all []string
}

func (p *proto) Message(m network.Traffic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := m.Layer + " " + m.Local.Network(); !slices.Contains(p.all, l) {
		p.all = append(p.all, l)
	}
}

func TestPeerTruncatedAnswersComeByTCP(t *testing.T) {
	eachDNS(t, "an answer larger than EDNS allows is truncated and comes whole by TCP", func(t *testing.T, s peer.NameServer) {
		tap := new(proto)
		n := plug(t, at(s, ""), network.Options{Tap: tap})
		got, _, err := n.LookupSRV(t.Context(), "_many._tcp.contoso.com")
		if err != nil || len(got) != manyServers {
			t.Fatalf("%d records, %v; want %d", len(got), err, manyServers)
		}
		for i, srv := range got { // by priority
			if srv.Target != fmt.Sprintf("front-end-%02d.contoso.com", i) {
				t.Errorf("record %d is %v", i, srv)
			}
		}
		if !slices.Equal(tap.all, []string{"dns udp", "dns tcp"}) {
			t.Errorf("spoke %q, want UDP, then TCP", tap.all)
		}
	})
}

func TestPeerDeadServerFirst(t *testing.T) {
	good := peer.BIND(t, "contoso.com", zone()...)
	frozen := peer.Dnsmasq(t, dnsmasqAddr, "contoso.com", zone()...)
	frozen.Freeze(t)
	for _, row := range []struct{ name, dead string }{
		{"nobody listens", closed(t)},
		{"hung", frozen.Addr}, // the kernel accepts the questions, the process does not read them
	} {
		t.Run(row.name, func(t *testing.T) {
			peer.Row(t, "bind9", "asked when the first DNS server of the list is dead or hung, and first from then on")
			n := plug(t, network.Place{DNS: []string{row.dead, good.Addr}}, brisk)
			for range 3 {
				began := time.Now()
				got, by, err := n.LookupSRV(t.Context(), "_sipinternaltls._tcp.contoso.com")
				if err != nil || len(got) != 1 || by != good.Addr {
					t.Fatalf("%v by %s, %v", got, by, err)
				}
				if took := time.Since(began); took > 20*brisk.Timeout {
					t.Errorf("took %s", took)
				}
			}
			if _, err := plug(t, network.Place{DNS: []string{row.dead}}, brisk).LookupHost(t.Context(), "pool.contoso.com"); err == nil {
				t.Error("a dead server answers")
			} else {
				wantCode(t, err, journal.DNSNoServer)
			}
		})
	}
}

// After a refusal the next server is asked.
func TestPeerRefusingServerFirst(t *testing.T) {
	refusing := peer.Dnsmasq(t, dnsmasqAddr, "fabrikam.com", "www.fabrikam.com A 127.22.1.30")
	good := peer.BIND(t, "contoso.com", zone()...)
	peer.Row(t, "dnsmasq-base", "its REFUSED leads to the next DNS server of the list")
	n := plug(t, network.Place{DNS: []string{refusing.Addr, good.Addr}}, network.Options{})
	if got, by, err := n.LookupHostBy(t.Context(), "pool.contoso.com"); err != nil || len(got) != 1 || by != good.Addr {
		t.Errorf("%v by %s, %v", got, by, err)
	}
}

// TestPeerTimeByNTP also holds against a dead first time server.
func TestPeerTimeByNTP(t *testing.T) {
	peer.Chrony(t, chronyAddr, "")
	silentServer := ntp.New(clock.System)
	silentServer.SetFault(ntp.Silence)
	if err := silentServer.Start(); err != nil {
		t.Fatal(err)
	}
	defer silentServer.Close()
	_, port, err := net.SplitHostPort(silentServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	records := append(zone(), "_ntp._udp.fabrikam.contoso.com SRV 0 0 "+port+" quiet.contoso.com",
		"_ntp._udp.fabrikam.contoso.com SRV 1 0 10123 dc1.contoso.com", "quiet.contoso.com A 127.0.0.1")
	for _, s := range []struct {
		name   string
		server peer.NameServer
	}{
		{"bind9", peer.BIND(t, "contoso.com", records...)},
		{"dnsmasq-base", peer.Dnsmasq(t, dnsmasqAddr, "contoso.com", records...)},
	} {
		for _, row := range []struct {
			name    string
			off     time.Duration
			domains []string
			patch   network.AddressMap
			record  string
			server  string
		}{
			{"right", 0, []string{"contoso.com"}, nil, "SRV _ntp._udp.contoso.com", "dc1.contoso.com:10123"},
			{"a year slow", -365 * 24 * time.Hour, []string{"contoso.com"}, nil, "SRV _ntp._udp.contoso.com", "dc1.contoso.com:10123"},
			{"a year fast", 365 * 24 * time.Hour, []string{"contoso.com"}, nil, "SRV _ntp._udp.contoso.com", "dc1.contoso.com:10123"},
			{"18 years slow", -18 * 365 * 24 * time.Hour, []string{"contoso.com"}, nil, "SRV _ntp._udp.contoso.com", "dc1.contoso.com:10123"},
			{"by the second domain", time.Hour, []string{"nowhere.contoso.com", "contoso.com"}, nil, "SRV _ntp._udp.contoso.com", "dc1.contoso.com:10123"},
			{"by the second server", time.Hour, []string{"fabrikam.contoso.com"}, nil, "SRV _ntp._udp.fabrikam.contoso.com", "dc1.contoso.com:10123"},
			{"by the fallback", time.Hour, []string{"nowhere.contoso.com"}, network.AddressMap{network.FallbackTimeServer + ":123": chronyAddr},
				"A " + network.FallbackTimeServer, network.FallbackTimeServer + ":123"},
		} {
			t.Run(s.name+"/"+row.name, func(t *testing.T) {
				peer.Row(t, "chrony", "tells the time by `_ntp._udp`, a phone's clock off by a year or more is set right")
				now := func() time.Time { return time.Now().Add(row.off) }
				p := at(s.server, "")
				p.Patch = row.patch
				n := plug(t, p, network.Options{Timeout: brisk.Timeout, Now: now})
				got, err := n.FindTime(t.Context(), row.domains...)
				if err != nil {
					t.Fatal(err)
				}
				if wrong := time.Until(now().Add(got.Offset)).Abs(); wrong > time.Second {
					t.Errorf("set to a time that is wrong by %s", wrong)
				}
				if got.Record != row.record || got.Server != row.server || got.Address != chronyAddr || got.Stratum != 3 {
					t.Errorf("%+v", got)
				}
				if led := row.patch == nil; led != (got.By == s.server.Addr) {
					t.Errorf("found by %q", got.By)
				}
			})
		}
	}
}
