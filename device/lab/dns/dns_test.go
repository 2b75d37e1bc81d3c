package dns_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/lab/dns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// contoso is a started server with a zone like the lab's inside view.
func contoso(t *testing.T, change func(*dns.Server)) *dns.Server {
	t.Helper()
	s := dns.New("contoso.com")
	if change != nil {
		change(s)
	}
	for _, err := range []error{
		s.Set("pool.contoso.com", "A", "127.0.0.10", "127.0.0.11"),
		s.Set("Pool.Contoso.com", "aaaa", "::1"),
		s.Set("_sipinternaltls._tcp.contoso.com", "SRV", "0 0 5061 pool.contoso.com"),
		s.Set("sip.contoso.com", "CNAME", "pool.contoso.com"),
		s.Set("out.contoso.com", "CNAME", "elsewhere.example"),
		s.Set("loop.contoso.com", "CNAME", "loop.contoso.com"),
		s.Start(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ask(t *testing.T, s *dns.Server, network, name string, qtype uint16) *wire.Msg {
	t.Helper()
	client := &wire.Client{Net: network, Timeout: 5 * time.Second}
	m, _, err := client.Exchange(new(wire.Msg).SetQuestion(wire.Fqdn(name), qtype), s.Addr())
	if err != nil {
		t.Fatalf("%s %s by %s: %v", name, wire.TypeToString[qtype], network, err)
	}
	return m
}

// text is the records' data, one after the other.
func text(records []wire.RR) string {
	var out []string
	for _, r := range records {
		out = append(out, strings.TrimPrefix(r.String(), r.Header().String()))
	}
	return strings.Join(out, ", ")
}

func TestAnswers(t *testing.T) {
	s := contoso(t, nil)
	for _, row := range []struct {
		name          string
		qtype         uint16
		rcode         int
		answer, extra string
		soa           bool
	}{
		{"pool.contoso.com", wire.TypeA, wire.RcodeSuccess, "127.0.0.10, 127.0.0.11", "", false},
		{"POOL.contoso.COM", wire.TypeAAAA, wire.RcodeSuccess, "::1", "", false},
		{"_sipinternaltls._tcp.contoso.com", wire.TypeSRV, wire.RcodeSuccess, "0 0 5061 pool.contoso.com.", "127.0.0.10, 127.0.0.11, ::1", false},
		{"sip.contoso.com", wire.TypeA, wire.RcodeSuccess, "pool.contoso.com., 127.0.0.10, 127.0.0.11", "", false},
		{"out.contoso.com", wire.TypeA, wire.RcodeSuccess, "elsewhere.example.", "", false},
		{"loop.contoso.com", wire.TypeA, wire.RcodeServerFailure, strings.Repeat(", loop.contoso.com.", 8)[2:], "", false},
		{"pool.contoso.com", wire.TypeSRV, wire.RcodeSuccess, "", "", true},
		{"_tcp.contoso.com", wire.TypeA, wire.RcodeSuccess, "", "", true}, // an empty name with one below (RFC 8020)
		{"contoso.com", wire.TypeA, wire.RcodeSuccess, "", "", true},
		{"contoso.com", wire.TypeSOA, wire.RcodeSuccess, "ns.contoso.com. hostmaster.contoso.com. 1 900 600 86400 5", "", false},
		{"nobody.contoso.com", wire.TypeA, wire.RcodeNameError, "", "", true},
		{"notcontoso.com", wire.TypeA, wire.RcodeRefused, "", "", false},
		{"pool.contoso.com.corp.contoso.net", wire.TypeA, wire.RcodeRefused, "", "", false},
		{".", wire.TypeNS, wire.RcodeRefused, "", "", false},
		{"contoso.com", wire.TypeANY, wire.RcodeNotImplemented, "", "", false},
		{"contoso.com", wire.TypeAXFR, wire.RcodeRefused, "", "", false},
		{"contoso.com", wire.TypeIXFR, wire.RcodeRefused, "", "", false},
	} {
		for _, network := range []string{"udp", "tcp"} {
			m := ask(t, s, network, row.name, row.qtype)
			if m.Rcode != row.rcode || text(m.Answer) != row.answer || text(m.Extra) != row.extra || (len(m.Ns) == 1) != row.soa {
				t.Errorf("%s %s by %s:\n%v", row.name, wire.TypeToString[row.qtype], network, m)
			}
			if len(m.Answer) > 0 && m.Answer[0].Header().Name != wire.Fqdn(row.name) {
				t.Errorf("asked for %s, told about %s", row.name, m.Answer[0].Header().Name)
			}
		}
	}
}

// Go's own resolver is the foreign client.
func TestForeignResolver(t *testing.T) {
	s := contoso(t, nil)
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr())
	}}
	_, targets, err := r.LookupSRV(t.Context(), "sipinternaltls", "tcp", "contoso.com.")
	if err != nil || len(targets) != 1 || targets[0].Target != "pool.contoso.com." || targets[0].Port != 5061 {
		t.Errorf("SRV: %v, %v", targets, err)
	}
	hosts, err := r.LookupHost(t.Context(), "sip.contoso.com.")
	slices.Sort(hosts)
	if err != nil || !slices.Equal(hosts, []string{"127.0.0.10", "127.0.0.11", "::1"}) {
		t.Errorf("hosts: %v, %v", hosts, err)
	}
	if _, err := r.LookupHost(t.Context(), "nobody.contoso.com."); err == nil || !err.(*net.DNSError).IsNotFound {
		t.Errorf("NXDOMAIN is %v", err)
	}
}

func TestRecordsChangeWhileRunning(t *testing.T) {
	s := contoso(t, nil)
	a := func(name string) string { return text(ask(t, s, "udp", name, wire.TypeA).Answer) }
	check := func(step string, err error, name, want string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if got := a(name); got != want {
			t.Errorf("%s: %s is %q, want %q", step, name, got, want)
		}
	}
	check("set", s.Set("pool.contoso.com.", "A", "127.0.0.99"), "pool.contoso.com", "127.0.0.99")
	check("set to nothing", s.Set("pool.contoso.com", "A"), "pool.contoso.com", "")
	if got := text(ask(t, s, "udp", "pool.contoso.com", wire.TypeAAAA).Answer); got != "::1" {
		t.Errorf("the AAAA record went along: %q", got)
	}
	s.Remove("pool.contoso.com")
	if m := ask(t, s, "udp", "pool.contoso.com", wire.TypeA); m.Rcode != wire.RcodeNameError {
		t.Errorf("removed: %v", m)
	}
	check("replace", s.Replace(dns.Record{"a.contoso.com", "A", "127.0.0.1"}, dns.Record{"a.contoso.com", "A", "127.0.0.2"}), "a.contoso.com", "127.0.0.1, 127.0.0.2")
	if m := ask(t, s, "udp", "_sipinternaltls._tcp.contoso.com", wire.TypeSRV); m.Rcode != wire.RcodeNameError {
		t.Errorf("what Replace left out is still there: %v", m)
	}
	s.Remove("a.contoso.com", "a", "TXT")
	check("remove a type", nil, "a.contoso.com", "")
	check("set again", s.Set("a.contoso.com", "A", "127.0.0.3"), "a.contoso.com", "127.0.0.3")
}

func TestInvalidRecordsDoNotChangeTheZone(t *testing.T) {
	s := contoso(t, nil)
	for name, r := range map[string]dns.Record{
		"outside the zones": {"pool.fabrikam.com", "A", "127.0.0.1"},
		"no address":        {"pool.contoso.com", "A", "localhost"},
		"unknown type":      {"pool.contoso.com", "AAAAA", "::1"},
		"no type":           {"pool.contoso.com", "", "127.0.0.1"},
		"class for type":    {"pool.contoso.com", "IN", "A 127.0.0.1"},
		"two records":       {"pool.contoso.com", "A", "127.0.0.1\nx.contoso.com. A 127.0.0.2"},
		"name with space":   {"IN A 127.0.0.1 ; .contoso.com", "A", "127.0.0.1"},
		"empty":             {"pool.contoso.com", "A", ""},
		"short SRV":         {"_sip._tls.contoso.com", "SRV", "0 0 443"},
	} {
		if s.Set(r.Name, r.Type, "127.0.0.77", r.Value) == nil && r.Type == "A" || s.Set(r.Name, r.Type, r.Value) == nil || s.Replace(r) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if got := text(ask(t, s, "udp", "pool.contoso.com", wire.TypeA).Answer); got != "127.0.0.10, 127.0.0.11" {
		t.Errorf("pool is %q now", got)
	}
}

func TestFaults(t *testing.T) {
	s := contoso(t, nil)
	for _, row := range []struct {
		fault    dns.Fault
		udp, tcp int
		cut      bool
	}{
		{dns.ServFail, wire.RcodeServerFailure, wire.RcodeServerFailure, false},
		{dns.Refused, wire.RcodeRefused, wire.RcodeRefused, false},
		{dns.Truncate, wire.RcodeSuccess, wire.RcodeSuccess, true},
		{dns.None, wire.RcodeSuccess, wire.RcodeSuccess, false},
	} {
		s.SetFault(row.fault)
		udp, tcp := ask(t, s, "udp", "pool.contoso.com", wire.TypeA), ask(t, s, "tcp", "pool.contoso.com", wire.TypeA)
		if udp.Rcode != row.udp || tcp.Rcode != row.tcp || udp.Truncated != row.cut || tcp.Truncated {
			t.Errorf("%q:\n%v\n%v", row.fault, udp, tcp)
		}
		if row.cut && (len(udp.Answer) != 0 || len(tcp.Answer) != 2) {
			t.Errorf("%q: %d records by UDP, %d by TCP", row.fault, len(udp.Answer), len(tcp.Answer))
		}
	}
}

func TestFaultOfOneName(t *testing.T) {
	s := contoso(t, nil)
	rcode := func(name string) int { return ask(t, s, "udp", name, wire.TypeA).Rcode }
	s.SetFault(dns.Refused)
	s.SetFault(dns.ServFail, "Pool.contoso.com")
	if a, b := rcode("pool.contoso.com"), rcode("sip.contoso.com"); a != wire.RcodeServerFailure || b != wire.RcodeRefused {
		t.Errorf("pool %d, sip %d", a, b)
	}
	s.SetFault(dns.None, "pool.contoso.com")
	if a := rcode("pool.contoso.com"); a != wire.RcodeRefused {
		t.Errorf("without a fault of its own: %d", a)
	}
}

func TestSilenceDoesNotAnswer(t *testing.T) {
	asked := make(chan dns.Query, 2)
	s := contoso(t, func(s *dns.Server) { s.OnQuery = func(_ context.Context, q dns.Query) { asked <- q } })
	s.SetFault(dns.Silence)
	for _, network := range []string{"udp", "tcp"} {
		conn, err := wire.Dial(network, s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMsg(new(wire.Msg).SetQuestion("pool.contoso.com.", wire.TypeA)); err != nil {
			t.Fatal(err)
		}
		if q := <-asked; q.Name != "pool.contoso.com" || q.Type != "A" || q.Proto != network || q.From.String() != conn.LocalAddr().String() {
			t.Errorf("asked %+v by %s", q, network)
		}
		conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if m, err := conn.ReadMsg(); err == nil {
			t.Errorf("by %s: %v", network, m)
		}
		conn.Close()
	}
}

// A big answer does not fit 512 bytes: EDNS or TCP brings it.
func TestLargeAnswerIsTruncatedToTheClientsSize(t *testing.T) {
	s := contoso(t, nil)
	var many []string
	for i := range 40 {
		many = append(many, net.IPv4(127, 0, 1, byte(i)).String())
	}
	if err := s.Set("many.contoso.com", "A", many...); err != nil {
		t.Fatal(err)
	}
	if m := ask(t, s, "udp", "many.contoso.com", wire.TypeA); !m.Truncated || len(m.Answer) == 0 || len(m.Answer) == 40 {
		t.Errorf("by UDP: %d records, truncated %v", len(m.Answer), m.Truncated)
	}
	if m := ask(t, s, "tcp", "many.contoso.com", wire.TypeA); m.Truncated || len(m.Answer) != 40 {
		t.Errorf("by TCP: %d records", len(m.Answer))
	}
	q := new(wire.Msg).SetQuestion("many.contoso.com.", wire.TypeA).SetEdns0(4096, false)
	m, _, err := new(wire.Client).Exchange(q, s.Addr())
	if err != nil || m.Truncated || len(m.Answer) != 40 || m.IsEdns0() == nil {
		t.Errorf("by EDNS: %v\n%v", err, m)
	}
}

func TestUnknownEDNSVersionGetsBADVERS(t *testing.T) { // RFC 6891 6.1.3
	s := contoso(t, nil)
	q := new(wire.Msg).SetQuestion("pool.contoso.com.", wire.TypeA).SetEdns0(1232, false)
	q.IsEdns0().SetVersion(1)
	m, _, err := new(wire.Client).Exchange(q, s.Addr())
	if err != nil || m.Rcode != wire.RcodeBadVers || len(m.Answer) > 0 || m.IsEdns0() == nil || m.IsEdns0().Version() != 0 {
		t.Errorf("%v\n%v", err, m)
	}
}

func TestCloseEndsADelayedAnswer(t *testing.T) {
	held := make(chan struct{})
	s := contoso(t, func(s *dns.Server) {
		s.OnQuery = func(ctx context.Context, _ dns.Query) {
			close(held)
			<-ctx.Done()
		}
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		client := &wire.Client{Net: "tcp", Timeout: 10 * time.Second}
		client.Exchange(new(wire.Msg).SetQuestion("pool.contoso.com.", wire.TypeA), s.Addr())
	})
	<-held
	s.Close()
	wg.Wait()
	if conn, err := net.Dial("tcp", s.Addr()); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

func TestGarbageIsIgnored(t *testing.T) {
	s := contoso(t, nil)
	conn, err := net.Dial("udp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	valid, err := new(wire.Msg).SetQuestion("pool.contoso.com.", wire.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	noQuestion := append([]byte{}, valid[:12]...)
	noQuestion[5] = 0
	for _, b := range [][]byte{{0}, valid[:12], valid[:20], noQuestion, []byte(strings.Repeat("\xc0\x0c", 300))} {
		conn.Write(b)
	}
	if m := ask(t, s, "udp", "pool.contoso.com", wire.TypeA); len(m.Answer) != 2 {
		t.Errorf("afterwards: %v", m)
	}
}

func TestStart(t *testing.T) {
	s := contoso(t, nil)
	if s.Start() == nil {
		t.Error("started twice")
	}
	if other := (&dns.Server{Listen: s.Addr()}); other.Start() == nil {
		t.Error("two servers on one port")
	}
	unstarted := dns.New()
	if err := unstarted.Close(); err != nil || unstarted.Addr() != "" {
		t.Errorf("unstarted: %v, %q", err, unstarted.Addr())
	}
	s.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
