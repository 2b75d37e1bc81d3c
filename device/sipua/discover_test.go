package sipua_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
)

// names is a DNS: SRV records by name, addresses by host, failures by either.
type names struct {
	srv   map[string][]sipua.SRV
	naptr map[string][]sipua.NAPTR
	hosts []string
	fails map[string]journal.Code
	all   journal.Code // every other look-up fails with it; "": dns.no-records
	asked []string
}

func (n *names) fail(name string) error {
	n.asked = append(n.asked, name)
	code := n.fails[name]
	if code == "" {
		code = n.all
	}
	if code == "" {
		code = journal.DNSNoRecords
	}
	return &journal.Failure{Code: code, What: "There is no " + name + "."}
}

func (n *names) LookupSRV(_ context.Context, name string) ([]sipua.SRV, string, error) {
	if r, ok := n.srv[name]; ok {
		n.asked = append(n.asked, name)
		return r, "dns.contoso.com", nil
	}
	return nil, "dns.contoso.com", n.fail(name)
}

func (n *names) LookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	if slices.Contains(n.hosts, host) {
		n.asked = append(n.asked, host)
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return nil, n.fail(host)
}

func (n *names) LookupNAPTR(_ context.Context, name string) ([]sipua.NAPTR, string, error) {
	if r, ok := n.naptr[name]; ok {
		n.asked = append(n.asked, "NAPTR "+name)
		return r, "dns.contoso.com", nil
	}
	return nil, "dns.contoso.com", n.fail("NAPTR " + name)
}

// collect tries n candidates, or all when n is 0.
func collect(d sipua.Discovery, n int) (found []string, err error) {
	for c, e := range d.Candidates(context.Background()) {
		if e != nil {
			return found, e
		}
		found = append(found, c.String())
		if len(found) == n {
			break
		}
	}
	return found, nil
}

func srv(target string, port uint16) []sipua.SRV { return []sipua.SRV{{Target: target, Port: port}} }

// docs/protocol/phone.md#finding-the-sip-server: nine places, in exactly this order.
func TestDiscoveryOrder(t *testing.T) {
	all := []string{"_sipinternaltls._tcp.contoso.com", "_sip._tls.contoso.com", "_sipinternal._tcp.contoso.com",
		"sipinternal.contoso.com", "sip.contoso.com", "sipexternal.contoso.com"}
	dns := &names{srv: map[string][]sipua.SRV{
		all[0]: {{Target: "Pool1.contoso.com.", Port: 5061, Priority: 1}, {Target: "pool2.contoso.com", Port: 5062, Priority: 2}},
		all[1]: srv("edge.contoso.com", 443),
		all[2]: srv("pool1.contoso.com", 5060),
	}, hosts: all[3:]}
	steps := &steps{}
	d := sipua.Discovery{Domain: "contoso.com", Resolver: dns, AllowTCP: true, Record: steps.record}
	found, err := collect(d, 0)
	want := []string{"pool1.contoso.com:5061", "pool2.contoso.com:5062", "edge.contoso.com:443", "pool1.contoso.com:5060 without TLS",
		"sipinternal.contoso.com:5061", "sipinternal.contoso.com:443", "sip.contoso.com:5061", "sip.contoso.com:443", "sipexternal.contoso.com:5061", "sipexternal.contoso.com:443"}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("found %v, %v", found, err)
	}
	if !slices.Equal(dns.asked, all) {
		t.Errorf("asked %v", dns.asked)
	}
	if len(steps.all) != 9 {
		t.Errorf("%d steps:\n%s", len(steps.all), steps.text())
	}
	if s := steps.all[0]; s.Asked != "SRV "+all[0] || s.By != "dns.contoso.com" || s.State != journal.OK || !strings.Contains(s.Answered, "Pool1.contoso.com:5061 (priority 1, weight 0)") {
		t.Errorf("step %+v", s)
	}
}

func TestLookUpsAreLazy(t *testing.T) {
	dns := &names{srv: map[string][]sipua.SRV{"_sip._tls.contoso.com": srv("sip.contoso.com", 443)}}
	if _, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: dns}, 1); err != nil || len(dns.asked) != 2 {
		t.Errorf("asked %v, %v", dns.asked, err)
	}
}

// docs/protocol/phone.md#finding-the-sip-server: SIPSecurityMode High skips servers without TLS.
func TestTCPTargetIsSkippedAndRecorded(t *testing.T) {
	dns := &names{srv: map[string][]sipua.SRV{"_sipinternal._tcp.contoso.com": srv("sip.contoso.com", 5060)}, hosts: []string{"sip.contoso.com"}}
	steps := &steps{}
	found, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: dns, Record: steps.record}, 1)
	if err != nil || found[0] != "sip.contoso.com:5061" || slices.Contains(dns.asked, "_sipinternal._tcp.contoso.com") {
		t.Errorf("found %v, asked %v, %v", found, dns.asked, err)
	}
	if s := steps.all[2]; s.State != journal.Skipped || !strings.Contains(s.Decided, "SIPSecurityMode High") {
		t.Errorf("step %+v", s)
	}
}

// docs/decisions.md#do-no-harm.
func TestTargetOutsideTheDomain(t *testing.T) {
	for _, row := range []struct {
		name, target string
		allow        bool
		want         string // candidate, or "" for a refusal
	}{
		{"the domain itself", "contoso.com", false, "contoso.com:443"},
		{"deep inside", "a.b.CONTOSO.com.", false, "a.b.contoso.com:443"},
		{"outside", "sip.fabrikam.com", false, ""},
		{"look-alike", "sip.evilcontoso.com", false, ""},
		{"domain as a prefix", "contoso.com.evil.org", false, ""},
		{"outside, allowed", "sip.fabrikam.com", true, "sip.fabrikam.com:443"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dns := &names{srv: map[string][]sipua.SRV{"_sip._tls.contoso.com": srv(row.target, 443)}}
			steps := &steps{}
			found, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: dns, AllowOutside: row.allow, Record: steps.record}, 0)
			if row.want != "" {
				if err != nil || !slices.Equal(found, []string{row.want}) {
					t.Errorf("found %v, %v", found, err)
				}
				return
			}
			wantFailure(t, err, journal.OutsideDomain)
			if s := steps.all[1]; s.State != journal.Warned || s.Code != journal.OutsideDomain {
				t.Errorf("step %+v", s)
			}
		})
	}
}

func TestNothingFound(t *testing.T) {
	t.Run("no such domain", func(t *testing.T) {
		_, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: &names{}}, 0)
		var f *journal.Failure
		if !errors.As(err, &f) || f.Code != journal.NoCandidate || strings.Count(f.Asked, "SRV ") != 2 || strings.Count(f.Asked, "A ") != 3 {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("no DNS server", func(t *testing.T) {
		_, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: &names{all: journal.DNSNoServer}}, 0)
		if journal.FailureOf(err).Code != journal.DNSNoServer {
			t.Errorf("got %v", err)
		}
	})
	t.Run("service not available", func(t *testing.T) { // RFC 2782
		dns := &names{srv: map[string][]sipua.SRV{"_sip._tls.contoso.com": srv(".", 0)}}
		_, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: dns}, 0)
		if journal.FailureOf(err).Code != journal.NoCandidate {
			t.Errorf("got %v", err)
		}
	})
	t.Run("end of the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		dns := &names{}
		for _, err := range (sipua.Discovery{Domain: "contoso.com", Resolver: dns}).Candidates(ctx) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		if len(dns.asked) > 1 {
			t.Errorf("asked %v", dns.asked)
		}
	})
}

func TestDNSTroubleWithOneNameIsNoEnd(t *testing.T) {
	dns := &names{fails: map[string]journal.Code{"_sipinternaltls._tcp.contoso.com": journal.DNSRefused}, hosts: []string{"sip.contoso.com"},
		srv: map[string][]sipua.SRV{"_sip._tls.contoso.com": srv("sip.contoso.com", 443)}}
	steps := &steps{}
	found, err := collect(sipua.Discovery{Domain: "contoso.com", Resolver: dns, Record: steps.record}, 0)
	if err != nil || !slices.Equal(found, []string{"sip.contoso.com:443", "sip.contoso.com:5061"}) { // each server once
		t.Errorf("found %v, %v", found, err)
	}
	if s := steps.all[0]; s.State != journal.Warned || s.Code != journal.DNSRefused {
		t.Errorf("step %+v", s)
	}
}
