package dns

import (
	"testing"

	wire "github.com/miekg/dns"
)

func FuzzReply(f *testing.F) {
	s := New("contoso.com")
	for _, err := range []error{
		s.Set("pool.contoso.com", "A", "127.0.0.1"),
		s.Set("_sip._tls.contoso.com", "SRV", "0 0 443 pool.contoso.com"),
		s.Set("sip.contoso.com", "CNAME", "pool.contoso.com"),
	} {
		if err != nil {
			f.Fatal(err)
		}
	}
	for _, m := range []*wire.Msg{
		new(wire.Msg).SetQuestion("_sip._tls.contoso.com.", wire.TypeSRV),
		new(wire.Msg).SetQuestion("SIP.contoso.com.", wire.TypeA).SetEdns0(1, true),
		new(wire.Msg).SetNotify("contoso.com."),
		new(wire.Msg),
	} {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := new(wire.Msg)
		if r.Unpack(b) != nil {
			return
		}
		m := s.reply(r, "udp")
		if m == nil {
			t.Fatal("no answer")
		}
		out, err := m.Pack()
		if err == nil && len(r.Question) == 1 && len(out) > maxUDPAnswer {
			t.Errorf("%d bytes by UDP", len(out))
		}
		if m.Id != r.Id || !m.Response {
			t.Errorf("no answer to its question: %v", m)
		}
	})
}
