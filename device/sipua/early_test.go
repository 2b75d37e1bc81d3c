package sipua_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
)

// TestServerThatHangsUpAtOnce lets the reader end before Register has stored
// its connection.
func TestServerThatHangsUpAtOnce(t *testing.T) {
	for range 2000 {
		ours, theirs := net.Pipe()
		theirs.Close()
		_, err := sipua.Register(t.Context(), ours, sipua.Candidate{Host: "pool.contoso.com", Port: 5061, TLS: true},
			sipua.Config{Address: "tu@contoso.com", Password: "x"})
		if code := journal.FailureOf(err).Code; code != journal.SIPLost {
			t.Fatalf("%v, want sip.lost", err)
		}
	}
}

// silentDNS answers nothing, as every server that is not there.
type silentDNS struct{ asked *int }

func (s silentDNS) LookupSRV(context.Context, string) ([]sipua.SRV, string, error) {
	*s.asked++
	return nil, "", &journal.Failure{Code: journal.DNSNoServer}
}

func (s silentDNS) LookupHost(context.Context, string) ([]netip.Addr, error) {
	*s.asked++
	return nil, &journal.Failure{Code: journal.DNSNoServer}
}

func (s silentDNS) LookupNAPTR(context.Context, string) ([]sipua.NAPTR, string, error) {
	*s.asked++
	return nil, "", &journal.Failure{Code: journal.DNSNoServer}
}

func TestDiscoveryEndsWhenNoDNSServerAnswers(t *testing.T) {
	asked := 0
	for _, err := range (sipua.Discovery{Domain: "contoso.com", Resolver: silentDNS{&asked}}).Candidates(t.Context()) {
		if code := journal.FailureOf(err).Code; code != journal.DNSNoServer {
			t.Errorf("%v, want dns.no-server", err)
		}
	}
	if asked != 1 {
		t.Errorf("%d questions to a DNS server that is not there; each costs its time-out", asked)
	}
}
