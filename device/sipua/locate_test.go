package sipua_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

func TestRegistrarAsTyped(t *testing.T) {
	for s, want := range map[string]sipua.Registrar{
		"sip.example.com":                        {Host: "sip.example.com"},
		"SIP.Example.com.":                       {Host: "sip.example.com"},
		"sip.example.com:5061":                   {Host: "sip.example.com", Port: 5061},
		"sip.example.com;transport=tls":          {Host: "sip.example.com", Transport: "tls"},
		"sip.example.com:5060; Transport = TCP ": {Host: "sip.example.com", Port: 5060, Transport: "tcp"},
		"bücher.example:5061":                    {Host: "xn--bcher-kva.example", Port: 5061},
		"192.0.2.1":                              {Host: "192.0.2.1"},
		"::1":                                    {Host: "::1"},
		"[2001:db8::1]":                          {Host: "2001:db8::1"},
		"[::1]:5065;transport=tcp":               {Host: "::1", Port: 5065, Transport: "tcp"},
	} {
		if got, err := sipua.ParseRegistrar(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for s, text := range map[string]string{
		"": "no host name", ":5061": "no host name", "http://sip.example.com": "it is a URL", "https://sip.example.com:5061": "it is a URL",
		"x:abc": `no port "abc"`, "x:0": "no port", "x:70000": "no port", "sip:x.example.com": "no port", "a b": "no host name", "x/y": "no host name",
		"x;transport=udp": "not speak SIP over udp", "x;transport": "not speak", "x;transport=": "not speak", "x;lr": `no parameter "lr"`, "x;transport=tls;lr": "not speak",
		"bü cher.example": "no host name", strings.Repeat("x", 300): "no host name", "alice@x": "no host name", "x\r\ny": "no host name",
	} {
		_, err := sipua.ParseRegistrar(s)
		if f := wantFailure(t, err, journal.Usage); !strings.Contains(f.What, text) {
			t.Errorf("%q: %v", s, f)
		}
	}
}

// RFC 3263 4: NAPTR, SRV, address, in this order, and only over TLS unless TCP is
// asked for.
func TestRegistrarIsLookedUp(t *testing.T) {
	const naptr, sips, sip, host = "NAPTR example.com", "_sips._tcp.example.com", "_sip._tcp.example.com", "example.com"
	tlsRecord := map[string][]sipua.SRV{sips: {{Target: "a.example.net", Port: 5071}, {Target: "b.example.com", Port: 5061}}, sip: srv("c.example.com", 5060)}
	for _, row := range []struct {
		name, registrar string
		naptr           []sipua.NAPTR
		srv             map[string][]sipua.SRV
		hosts           []string
		want            []string // candidates
		asked           []string
	}{
		{"a port", "example.com:5065", nil, nil, nil, []string{"example.com:5065"}, nil},
		{"a port, TCP", "example.com:5065;transport=tcp", nil, nil, nil, []string{"example.com:5065 without TLS"}, nil},
		{"an address", "192.0.2.1", nil, nil, nil, []string{"192.0.2.1:5061"}, nil},
		{"an address, TCP", "192.0.2.1;transport=tcp", nil, nil, nil, []string{"192.0.2.1:5060 without TLS"}, nil},
		{"NAPTR", host, []sipua.NAPTR{{Service: "SIPS+D2T", Flags: "s", Replacement: "_sips._tcp.pool.example.net."}, {Service: "SIP+D2U", Flags: "s", Replacement: "_sip._udp.example.com"}},
			map[string][]sipua.SRV{"_sips._tcp.pool.example.net": srv("a.example.net", 5061)}, nil, []string{"a.example.net:5061"}, []string{naptr, "_sips._tcp.pool.example.net"}},
		{"NAPTR of services without TLS", host, []sipua.NAPTR{{Service: "SIP+D2T", Flags: "s", Replacement: sip}, {Service: "sips+d2t", Flags: "u", Replacement: "x"}}, tlsRecord, nil,
			[]string{"a.example.net:5071", "b.example.com:5061"}, []string{naptr, sips}},
		{"SRV", host, nil, tlsRecord, []string{host}, []string{"a.example.net:5071", "b.example.com:5061"}, []string{naptr, sips}},
		{"the address", host, nil, nil, []string{host}, []string{"example.com:5061"}, []string{naptr, sips, sip, host}},
		{"SRV for TLS", "example.com;transport=tls", nil, tlsRecord, nil, []string{"a.example.net:5071", "b.example.com:5061"}, []string{sips}},
		{"the address for TLS", "example.com;transport=tls", nil, nil, []string{host}, []string{"example.com:5061"}, []string{sips, host}},
		{"SRV for TCP", "example.com;transport=tcp", nil, tlsRecord, nil, []string{"c.example.com:5060 without TLS"}, []string{sip}},
		{"the address for TCP", "example.com;transport=tcp", nil, nil, []string{host}, []string{"example.com:5060 without TLS"}, []string{sip, host}},
	} {
		t.Run(row.name, func(t *testing.T) {
			place, err := sipua.ParseRegistrar(row.registrar)
			if err != nil {
				t.Fatal(err)
			}
			dns := &names{srv: row.srv, hosts: row.hosts}
			if row.naptr != nil {
				dns.naptr = map[string][]sipua.NAPTR{host: row.naptr}
			}
			d := sipua.Discovery{Domain: "contoso.com", Resolver: dns, Registrar: &place, Record: new(steps).record}
			found, err := collect(d, 0)
			if err != nil || !slices.Equal(found, row.want) || !slices.Equal(dns.asked, row.asked) {
				t.Errorf("found %v, asked %v, %v", found, dns.asked, err)
			}
			for c := range d.Candidates(t.Context()) { // RFC 5922 7.2
				if c.TLS && c.Name() != place.Host {
					t.Errorf("the certificate of %s must bear %s", c, c.Name())
				}
			}
		})
	}
}

func TestRegistrarThatIsNotFound(t *testing.T) {
	place := sipua.Registrar{Host: "xn--bcher-kva.example"}
	for _, row := range []struct {
		name string
		dns  names
		code journal.Code
		text string
	}{
		{"nothing", names{}, journal.NoCandidate, "No registrar is published for bücher.example."},
		{"only without TLS", names{srv: map[string][]sipua.SRV{"_sip._tcp.xn--bcher-kva.example": srv("c", 5060)}}, journal.NoCandidate, "--registrar 'xn--bcher-kva.example;transport=tcp' uses it, not encrypted."},
		{"no DNS server", names{all: journal.DNSNoServer}, journal.DNSNoServer, ""},
	} {
		_, err := collect(sipua.Discovery{Resolver: &row.dns, Registrar: &place}, 0)
		f := journal.FailureOf(err)
		if f.Code != row.code || !strings.Contains(f.What+f.Fix, row.text) {
			t.Errorf("%s: %+v", row.name, f)
		}
		if row.code == journal.DNSNoServer && len(row.dns.asked) != 2 { // each costs its time-out
			t.Errorf("asked %v", row.dns.asked)
		}
	}
}

// Without TLS the phone names TCP in its messages and uses the password for digest
// only (docs/decisions.md#do-no-harm).
func TestRegistrarWithoutTLS(t *testing.T) {
	plain := sipua.Candidate{Host: "pbx.contoso.com", Port: 5060}
	var via, contact string
	f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		via, contact = in.Header("Via"), in.Header("Contact")
		c.Send(respond(in, 200, "Expires: 60"))
	})
	r, err := sipua.Register(t.Context(), f.Conn, plain, f.phone)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	<-r.Done()
	if !strings.HasPrefix(via, "SIP/2.0/TCP ") || !strings.Contains(contact, ";transport=tcp;") {
		t.Errorf("Via %s, Contact %s", via, contact)
	}
	f = newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		c.Send(respond(in, 401, `WWW-Authenticate: NTLM realm="r", targetname="t"`))
	})
	f.phone.Registrar = true
	_, err = sipua.Register(t.Context(), f.Conn, plain, f.phone)
	if got := wantFailure(t, err, journal.AuthNoScheme); !strings.Contains(fmt.Sprint(got.Details), "the phone uses it over TLS only") {
		t.Errorf("%+v", got)
	}
}

// A registrar without TLS may redirect to another one without TLS; one with TLS may
// not switch it off.
func TestRedirectKeepsTLS(t *testing.T) {
	for _, row := range []struct {
		tls           bool
		contact, want string
	}{
		{true, "<sip:fe2.contoso.com;transport=tcp>", "fe2.contoso.com:5061"},
		{false, "<sip:fe2.contoso.com;transport=tcp>", "fe2.contoso.com:5060 without TLS"},
		{false, "<sip:fe2.contoso.com:5070>", "fe2.contoso.com:5070 without TLS"},
		{false, "<sip:fe2.contoso.com;transport=TLS>", "fe2.contoso.com:5061"},
		{false, "<sips:fe2.contoso.com>", "fe2.contoso.com:5061"},
	} {
		f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
			c.Send(respond(in, 302, "Contact: "+row.contact))
		})
		f.phone.Registrar = true
		_, err := sipua.Register(t.Context(), f.Conn, sipua.Candidate{Host: "fe1.contoso.com", Port: 5060, TLS: row.tls}, f.phone)
		if to, ok := err.(*sipua.Redirect); !ok || to.Candidate().String() != row.want {
			t.Errorf("%s: %v, want %s", row.contact, err, row.want)
		}
	}
}

// RFC 5890: A-labels in messages and DNS, the user's own letters in what is shown.
func TestInternationalizedDomain(t *testing.T) {
	for _, typed := range []string{"tu@Bücher.example", "sip:tu@xn--bcher-kva.example"} {
		a, err := sipua.ParseAddress(typed)
		if err != nil || a.String() != "tu@bücher.example" || a.URI() != "sip:tu@xn--bcher-kva.example" || a.Domain != "xn--bcher-kva.example" {
			t.Errorf("%s: %s, %s, %v", typed, a, a.URI(), err)
		}
	}
	for _, typed := range []string{"tu@bücher..example", "tu@büch er.example", "tu@\u202eexample.com", "tu@" + strings.Repeat("ü", 300)} {
		_, err := sipua.ParseAddress(typed)
		wantFailure(t, err, journal.Usage)
	}
}
