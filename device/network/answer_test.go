package network

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzDNSAnswer: for any answer of a server, reading ends, and the records have the
// wanted type and a name that the aliases lead to.
func FuzzDNSAnswer(f *testing.F) {
	q := new(dns.Msg).SetQuestion("sip.contoso.com.", dns.TypeA)
	q.Id = 0x1234
	a := new(dns.Msg).SetReply(q)
	for _, r := range []string{"sip.contoso.com. CNAME pool.contoso.com.", "pool.contoso.com. CNAME sip.contoso.com.", "pool.contoso.com. A 10.0.0.1"} {
		rr, err := dns.NewRR(r)
		if err != nil {
			f.Fatal(err)
		}
		a.Answer = append(a.Answer, rr)
		packed, err := a.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil || !isAnswer(q, m) {
			return
		}
		records, owner := followAliases(m.Answer, "sip.contoso.com.", dns.TypeA)
		for _, rr := range records {
			if _, ok := rr.(*dns.A); !ok || !strings.EqualFold(rr.Header().Name, owner) {
				t.Errorf("%v taken for %s", rr, owner)
			}
		}
	})
}
