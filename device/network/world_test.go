package network_test

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	// hasty makes silence cheap, where nothing else is expected.
	hasty = network.Options{Timeout: 40 * time.Millisecond}
	// brisk is a time-out for a silent server before one that answers.
	brisk = network.Options{Timeout: 400 * time.Millisecond}
)

// dnsServer answers from a few records, over UDP and TCP on one port.
type dnsServer struct {
	addr string

	mu      sync.Mutex
	records []dns.RR
	asked   []string // "udp A name.", in order
	answer  func(network string, q, a *dns.Msg) *dns.Msg
}

// newDNS starts a server with records in zone-file form. answer, when not nil,
// may change the answer a; if it returns nil, the server does not answer.
func newDNS(t *testing.T, answer func(network string, q, a *dns.Msg) *dns.Msg, records ...string) *dnsServer {
	t.Helper()
	s := &dnsServer{answer: answer}
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		s.records = append(s.records, rr)
	}
	var l net.Listener
	var pc net.PacketConn
	for pc == nil { // the port may be free for TCP alone
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		s.addr = l.Addr().String()
		if pc, err = net.ListenPacket("udp", s.addr); err != nil {
			pc = nil
			l.Close()
		}
	}
	for _, server := range []*dns.Server{{Listener: l}, {PacketConn: pc}} {
		network := "udp"
		if server.Listener != nil {
			network = "tcp"
		}
		server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			if a := s.handle(network, q); a != nil {
				w.WriteMsg(a)
			}
		})
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { server.Shutdown(); <-done })
	}
	return s
}

func (s *dnsServer) handle(network string, q *dns.Msg) *dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := new(dns.Msg).SetReply(q)
	question := q.Question[0]
	s.asked = append(s.asked, network+" "+dns.TypeToString[question.Qtype]+" "+question.Name)
	known := false
	for _, rr := range s.records {
		if !strings.EqualFold(rr.Header().Name, question.Name) {
			continue
		}
		known = true
		if h := rr.Header(); h.Rrtype == question.Qtype || h.Rrtype == dns.TypeCNAME {
			a.Answer = append(a.Answer, rr)
		}
	}
	if !known {
		a.Rcode = dns.RcodeNameError
	}
	if s.answer != nil {
		return s.answer(network, q, a)
	}
	return a
}

// questions are those asked since the last call.
func (s *dnsServer) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.asked = nil }()
	return slices.Clone(s.asked)
}

// silent is the address of a UDP socket that does not answer.
func silent(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc.LocalAddr().String()
}

// closed is a local address without a TCP or UDP listener.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func plug(t *testing.T, p network.Place, o network.Options) *network.Network {
	t.Helper()
	n := network.New(p, o)
	t.Cleanup(n.Close)
	return n
}

func wantCode(t *testing.T, err error, want journal.Code) *journal.Failure {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	f := journal.FailureOf(err)
	if f.Code != want {
		t.Fatalf("code %s, want %s: %v", f.Code, want, err)
	}
	return f
}
