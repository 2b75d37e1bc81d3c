package network_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestSuffixRule(t *testing.T) { // docs/protocol/phone.md#dns-suffix-rule
	const corp = "corp.example"
	for _, row := range []struct {
		name, ask, suffix string
		records           []string
		want              []netip.Addr
		by                string // after the server's address
		code              journal.Code
		asked             []string
	}{
		{"the name itself answers: no suffix", "sip.contoso.com", corp,
			[]string{"sip.contoso.com. A 10.0.0.1", "sip.contoso.com.corp.example. A 10.0.0.2"},
			addrs("10.0.0.1"), "", "", []string{"udp A sip.contoso.com.", "udp AAAA sip.contoso.com."}},
		{"NXDOMAIN: the same record with the suffix", "sip.contoso.com", corp,
			[]string{"sip.contoso.com.corp.example. A 10.0.0.2"},
			addrs("10.0.0.2"), " for sip.contoso.com.corp.example", "",
			[]string{"udp A sip.contoso.com.", "udp A sip.contoso.com.corp.example.", "udp AAAA sip.contoso.com.corp.example."}},
		{"no address record: the suffix too", "sip.contoso.com", "." + corp + ".",
			[]string{`sip.contoso.com. TXT "x"`, "sip.contoso.com.corp.example. A 10.0.0.2"},
			addrs("10.0.0.2"), " for sip.contoso.com.corp.example", "",
			[]string{"udp A sip.contoso.com.", "udp AAAA sip.contoso.com.", "udp A sip.contoso.com.corp.example.", "udp AAAA sip.contoso.com.corp.example."}},
		{"a name that ends with a dot is complete", "sip.contoso.com.", corp,
			[]string{"sip.contoso.com.corp.example. A 10.0.0.2"}, nil, "", journal.DNSNoRecords, []string{"udp A sip.contoso.com."}},
		{"no suffix known", "sip.contoso.com", "", nil, nil, "", journal.DNSNoRecords, []string{"udp A sip.contoso.com."}},
		{"neither", "sip.contoso.com", corp, nil, nil, "", journal.DNSNoRecords,
			[]string{"udp A sip.contoso.com.", "udp A sip.contoso.com.corp.example."}},
		{"A before AAAA", "dual.contoso.com", "", []string{"dual.contoso.com. AAAA 2001:db8::1", "dual.contoso.com. A 10.0.0.3"},
			addrs("10.0.0.3", "2001:db8::1"), "", "", []string{"udp A dual.contoso.com.", "udp AAAA dual.contoso.com."}},
		{"AAAA alone", "six.contoso.com", "", []string{"six.contoso.com. AAAA 2001:db8::1"},
			addrs("2001:db8::1"), "", "", []string{"udp A six.contoso.com.", "udp AAAA six.contoso.com."}},
		{"an address is its own answer", "10.1.2.3", corp, nil, addrs("10.1.2.3"), "-", "", nil},
		{"an IPv6 address too", "::1", corp, nil, addrs("::1"), "-", "", nil},
		{"localhost is never asked for", "LocalHost.", corp, nil, addrs("127.0.0.1", "::1"), "-", "", nil},
		{"an address that leads to this computer is none", "blocked.contoso.com", "", []string{"blocked.contoso.com. A 0.0.0.0"},
			nil, "", journal.DNSNoRecords, []string{"udp A blocked.contoso.com.", "udp AAAA blocked.contoso.com."}},
		{"no name at all", "a..b", "", nil, nil, "", journal.DNSNoRecords, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newDNS(t, nil, row.records...)
			n := plug(t, network.Place{DNS: []string{s.addr}, Suffix: row.suffix}, network.Options{})
			got, by, err := n.LookupHostBy(t.Context(), row.ask)
			if asked := s.questions(); !slices.Equal(asked, row.asked) {
				t.Errorf("asked %q, want %q", asked, row.asked)
			}
			if row.code != "" {
				f := wantCode(t, err, row.code)
				if f.Asked != "A "+row.ask || f.Code == journal.DNSNoRecords && row.asked != nil && (f.By != s.addr || len(f.Details) == 0) {
					t.Errorf("a failure must tell what was asked and who answered: %+v", f)
				}
				return
			}
			if want := strings.Replace(s.addr+row.by, s.addr+"-", "", 1); err != nil || !slices.Equal(got, row.want) || by != want {
				t.Errorf("got %v by %q, %v; want %v by %q", got, by, err, row.want, want)
			}
		})
	}
}

func TestSuffixIsNotTriedWhenNoServerAnswers(t *testing.T) {
	n := plug(t, network.Place{DNS: []string{closed(t)}, Suffix: "corp.example"}, network.Options{})
	_, err := n.LookupHost(t.Context(), "sip.contoso.com")
	if f := wantCode(t, err, journal.DNSNoServer); strings.Contains(f.Error()+strings.Join(f.Details, ""), "corp.example") {
		t.Errorf("the suffix was tried: %v", f)
	}
}

func TestDNSServersAreTriedInOrderAndTheLastOneThatAnsweredFirst(t *testing.T) {
	t.Parallel()
	live := newDNS(t, nil, "pool.contoso.com. A 10.0.0.1")
	quiet := newDNS(t, func(string, *dns.Msg, *dns.Msg) *dns.Msg { return nil })
	n := plug(t, network.Place{DNS: []string{quiet.addr, closed(t), live.addr}}, brisk)
	for range 3 {
		if got, by, err := n.LookupHostBy(t.Context(), "pool.contoso.com"); err != nil || by != live.addr || len(got) != 1 {
			t.Fatalf("got %v by %q, %v", got, by, err)
		}
	}
	if q := quiet.questions(); len(q) != 1 {
		t.Errorf("the dead server was asked %q, want once", q)
	}
	if q := live.questions(); len(q) != 6 {
		t.Errorf("the live server was asked %q", q)
	}
}

func TestEachDNSAnswerHasACode(t *testing.T) {
	t.Parallel()
	rcode := func(code int) func(string, *dns.Msg, *dns.Msg) *dns.Msg {
		return func(_ string, _, a *dns.Msg) *dns.Msg { a.Rcode, a.Answer = code, nil; return a }
	}
	good := newDNS(t, nil, "pool.contoso.com. A 10.0.0.1")
	lame := newDNS(t, rcode(dns.RcodeRefused))
	broken := newDNS(t, rcode(dns.RcodeServerFailure))
	bare := newDNS(t, func(_ string, _, a *dns.Msg) *dns.Msg { a.Rcode, a.Question = dns.RcodeRefused, nil; return a })
	for _, row := range []struct {
		name string
		dns  []string
		ask  string
		code journal.Code
	}{
		{"REFUSED", []string{lame.addr}, "pool.contoso.com", journal.DNSRefused},
		{"SERVFAIL", []string{broken.addr}, "pool.contoso.com", journal.DNSRefused},
		{"REFUSED without its question", []string{bare.addr}, "pool.contoso.com", journal.DNSRefused},
		{"the next server knows", []string{lame.addr, broken.addr, good.addr}, "pool.contoso.com", ""},
		{"NXDOMAIN settles it", []string{good.addr, lame.addr}, "nope.contoso.com", journal.DNSNoRecords},
		{"refused beats silent", []string{silent(t), lame.addr}, "pool.contoso.com", journal.DNSRefused},
		{"nobody answers", []string{silent(t)}, "pool.contoso.com", journal.DNSNoServer},
		{"nobody listens", []string{closed(t)}, "pool.contoso.com", journal.DNSNoServer},
		{"not an address", []string{"300.1.1.1:x"}, "pool.contoso.com", journal.DNSNoServer},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := brisk
			if row.code == journal.DNSNoServer {
				o = hasty
			}
			n := plug(t, network.Place{DNS: row.dns}, o)
			_, err := n.LookupHost(t.Context(), row.ask)
			if row.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			f := wantCode(t, err, row.code)
			if len(f.Details) == 0 || f.What == "" {
				t.Errorf("no evidence: %+v", f)
			}
		})
	}
}

func TestTruncatedAnswerIsRepeatedOverTCP(t *testing.T) {
	s := newDNS(t, func(network string, q, a *dns.Msg) *dns.Msg {
		if opt := q.IsEdns0(); opt == nil || opt.UDPSize() != 1232 {
			a.Rcode, a.Answer = dns.RcodeServerFailure, nil
		} else if network == "udp" {
			a.Answer, a.Truncated = nil, true
		}
		return a
	}, "_sip._tls.contoso.com. SRV 0 0 443 sip.contoso.com.")
	n := plug(t, network.Place{DNS: []string{s.addr}}, network.Options{})
	got, by, err := n.LookupSRV(t.Context(), "_sip._tls.contoso.com")
	if want := []network.SRV{{Target: "sip.contoso.com", Port: 443}}; err != nil || by != s.addr || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v by %q, %v", got, by, err)
	}
	if q := s.questions(); !slices.Equal(q, []string{"udp SRV _sip._tls.contoso.com.", "tcp SRV _sip._tls.contoso.com."}) {
		t.Errorf("asked %q", q)
	}
}

func TestQueryIsRepeatedWithoutEDNS0(t *testing.T) { // RFC 6891 7
	s := newDNS(t, func(_ string, q, a *dns.Msg) *dns.Msg {
		if q.IsEdns0() != nil {
			a.Rcode, a.Answer = dns.RcodeFormatError, nil
		}
		return a
	}, "pool.contoso.com. A 10.0.0.1")
	n := plug(t, network.Place{DNS: []string{s.addr}}, network.Options{})
	if got, err := n.LookupHost(t.Context(), "pool.contoso.com"); err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAnswersToOtherQuestionsAreIgnored(t *testing.T) { // RFC 5452 9.1
	t.Parallel()
	for name, forge := range map[string]func(a *dns.Msg){
		"another id":       func(a *dns.Msg) { a.Id++ },
		"another name":     func(a *dns.Msg) { a.Question[0].Name = "evil.example." },
		"another type":     func(a *dns.Msg) { a.Question[0].Qtype = dns.TypeTXT },
		"a query":          func(a *dns.Msg) { a.Response = false },
		"no question":      func(a *dns.Msg) { a.Question = nil },
		"another opcode":   func(a *dns.Msg) { a.Opcode = dns.OpcodeNotify },
		"record elsewhere": func(a *dns.Msg) { a.Answer[0].Header().Name = "evil.example." },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newDNS(t, func(_ string, q, a *dns.Msg) *dns.Msg {
				if q.Question[0].Qtype == dns.TypeA {
					a.Answer[0] = dns.Copy(a.Answer[0])
					forge(a)
				}
				return a
			}, "pool.contoso.com. A 10.6.6.6")
			n := plug(t, network.Place{DNS: []string{s.addr}}, hasty)
			if got, err := n.LookupHost(t.Context(), "pool.contoso.com"); err == nil {
				t.Fatalf("believed %v", got)
			}
		})
	}
}

func TestAliases(t *testing.T) {
	var chain []string
	for i := range 12 {
		chain = append(chain, fmt.Sprintf("c%d.contoso.com. CNAME c%d.contoso.com.", i, i+1))
	}
	s := newDNS(t, nil, append(chain,
		"c12.contoso.com. A 10.0.0.12",
		"sip.contoso.com. CNAME POOL.contoso.com.", "pool.contoso.com. A 10.0.0.1",
		"_sip._tls.contoso.com. CNAME _sip._tls.fabrikam.com.", "_sip._tls.fabrikam.com. SRV 0 0 443 edge.fabrikam.com.",
		"loop.contoso.com. CNAME loop.contoso.com.", "gone.contoso.com. CNAME nowhere.contoso.com.")...)
	n := plug(t, network.Place{DNS: []string{s.addr}}, network.Options{})
	for name, want := range map[string]string{
		"sip.contoso.com":  s.addr + " for POOL.contoso.com",
		"c6.contoso.com":   s.addr + " for c12.contoso.com",
		"c0.contoso.com":   "",
		"loop.contoso.com": "",
		"gone.contoso.com": "",
	} {
		got, by, err := n.LookupHostBy(t.Context(), name)
		if want == "" {
			wantCode(t, err, journal.DNSNoRecords)
		} else if err != nil || by != want || len(got) != 1 {
			t.Errorf("%s: %v by %q, %v", name, got, by, err)
		}
	}
	if got, by, err := n.LookupSRV(t.Context(), "_sip._tls.contoso.com"); err != nil || len(got) != 1 || by != s.addr+" for _sip._tls.fabrikam.com" {
		t.Errorf("SRV: %v by %q, %v", got, by, err)
	}
}

func TestSRVOrderIsPriorityThenWeightedChance(t *testing.T) { // RFC 2782
	s := newDNS(t, nil,
		"_sip._tls.contoso.com. SRV 20 0 443 last.contoso.com.",
		"_sip._tls.contoso.com. SRV 10 60 443 b.contoso.com.",
		"_sip._tls.contoso.com. SRV 10 0 443 zero.contoso.com.",
		"_sip._tls.contoso.com. SRV 10 40 443 c.contoso.com.",
		"_sip._tls.contoso.com. SRV 0 5 443 first.contoso.com.")
	for _, row := range []struct {
		chance []int
		want   string
	}{
		{[]int{0, 0, 0, 0, 0}, "first zero b c last"},
		{[]int{0, 1, 0, 0, 0}, "first b zero c last"},
		{[]int{0, 60, 40, 0, 0}, "first b c zero last"},
		{[]int{0, 61, 60, 0, 0}, "first c b zero last"},
		{[]int{5, 100, 0, 60, 0}, "first c zero b last"},
	} {
		o, bounds := network.Options{}, []int(nil)
		o.IntN = func(limit int) int {
			bounds = append(bounds, limit)
			return row.chance[len(bounds)-1]
		}
		got, _, err := plug(t, network.Place{DNS: []string{s.addr}}, o).LookupSRV(t.Context(), "_sip._tls.contoso.com")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range got {
			names = append(names, strings.TrimSuffix(r.Target, ".contoso.com"))
		}
		if s := strings.Join(names, " "); s != row.want || bounds[0] != 6 || bounds[1] != 101 {
			t.Errorf("chance %v of %v: %s, want %s", row.chance, bounds, s, row.want)
		}
	}
}

func TestNAPTROrderIsOrderThenPreference(t *testing.T) { // RFC 3403 4.1
	s := newDNS(t, nil,
		`contoso.com. NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp.contoso.com.`,
		`contoso.com. NAPTR 10 60 "s" "SIP+D2T" "" _sip._tcp.contoso.com.`,
		`contoso.com. NAPTR 10 50 "s" "SIPS+D2T" "" _sips._tcp.contoso.com.`)
	n := plug(t, network.Place{DNS: []string{s.addr}}, network.Options{})
	got, by, err := n.LookupNAPTR(t.Context(), "contoso.com")
	var services []string
	for _, r := range got {
		services = append(services, r.Service+" "+r.Flags+" "+r.Replacement)
	}
	want := []string{"SIPS+D2T s _sips._tcp.contoso.com", "SIP+D2T s _sip._tcp.contoso.com", "SIP+D2U s _sip._udp.contoso.com"}
	if err != nil || by != s.addr || !slices.Equal(services, want) {
		t.Errorf("%q by %q, %v", services, by, err)
	}
	if _, _, err := n.LookupNAPTR(t.Context(), "fabrikam.com"); journal.FailureOf(err).Code != journal.DNSNoRecords {
		t.Errorf("no such name: %v", err)
	}
}

// RFC 5891 5: DNS is asked for the A-labels of an internationalized name.
func TestInternationalizedNameIsAskedInASCII(t *testing.T) {
	s := newDNS(t, nil, "sip.xn--bcher-kva.example. A 127.0.0.9")
	got, by, err := plug(t, network.Place{DNS: []string{s.addr}}, network.Options{}).LookupHostBy(t.Context(), "sip.Bücher.example")
	if err != nil || len(got) != 1 || by != s.addr {
		t.Errorf("%v by %q, %v", got, by, err)
	}
}

func TestSRVTargetDotMeansNoService(t *testing.T) { // RFC 2782
	s := newDNS(t, nil, "_sip._tls.contoso.com. SRV 0 0 0 .", "_sip._tls.contoso.com.corp.example. SRV 0 0 443 sip.corp.example.")
	n := plug(t, network.Place{DNS: []string{s.addr}, Suffix: "corp.example"}, network.Options{})
	_, _, err := n.LookupSRV(t.Context(), "_sip._tls.contoso.com")
	if f := wantCode(t, err, journal.DNSNoRecords); f.Because != "RFC 2782" || f.By != s.addr {
		t.Errorf("%+v", f)
	}
}

func TestHostServersAreUsedWhenThePlaceHasNone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // Windows keeps no such file
	}
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	ask := func(resolvConf string) error {
		o := hasty
		o.ResolvConf = resolvConf
		_, err := plug(t, network.Place{}, o).LookupHost(t.Context(), "contoso.com")
		return err
	}
	// The file cannot name a port, so no server listens at this address.
	f := wantCode(t, ask(file("search example\nnameserver 127.255.255.254\n")), journal.DNSNoServer)
	if !strings.Contains(strings.Join(f.Details, "\n"), "127.255.255.254:53: ") {
		t.Errorf("%q", f.Details)
	}
	for name, conf := range map[string]string{"empty": file("# nothing\n"), "missing": filepath.Join(t.TempDir(), "none")} {
		if f := wantCode(t, ask(conf), journal.DNSNoServer); f.What != "no DNS server is known" || !strings.Contains(f.Fix, "--dns") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestCancelledLookupEndsAtOnceAndStopsTheNextCandidate(t *testing.T) {
	started := make(chan struct{}, 8)
	s := newDNS(t, func(string, *dns.Msg, *dns.Msg) *dns.Msg { started <- struct{}{}; return nil })
	n := plug(t, network.Place{DNS: []string{s.addr}, Suffix: "corp.example"}, network.Options{}) // 2 s time-out
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	_, _, err := n.LookupSRV(ctx, "_sip._tls.contoso.com")
	if !errors.Is(err, context.Canceled) || network.Retryable(err) {
		t.Errorf("%v", err)
	}
	if q := s.questions(); len(q) != 1 {
		t.Errorf("asked %q", q)
	}
}
