package sipua_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

// ntlmServer answers like a pool, as far as a test lets it.
type ntlmServer struct {
	version   int
	proxy     bool       // 407
	offer     ntlm.Flags // 0: FlagsSIP
	token     string     // gssapi-data instead of the true challenge
	plain     bool       // the last answer is not signed
	last      func(c *sipwire.Conn, in *sipwire.Incoming)
	tokenless bool   // 401 once more without a challenge
	target    string // service name in the answer to the challenge
}

func (s *ntlmServer) answer() func(*sipwire.Conn, int, *sipwire.Incoming) {
	server := &ntlm.Server{NetBIOSDomain: "CONTOSO", DNSDomain: "contoso.com", Flags: ntlm.FlagsSIP, NTHash: func(user, domain string) ([]byte, error) { return ntlm.NTHash(password), nil }}
	if s.offer != 0 {
		server.Flags = s.offer
	}
	code, ask, creds := 401, "WWW-Authenticate", "Authorization"
	if s.proxy {
		code, ask, creds = 407, "Proxy-Authenticate", "Proxy-Authorization"
	}
	version := ""
	if s.version > 2 {
		version = fmt.Sprintf(", version=%d", s.version)
	}
	return func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		switch {
		case n == 1 || s.tokenless:
			c.Send(respond(in, code, ask+`: NTLM realm="R", targetname="fe1.contoso.com"`+version))
		case n == 2:
			challenge, err := server.Challenge(nil)
			if err != nil {
				panic(err)
			}
			token := base64.StdEncoding.EncodeToString(challenge)
			if s.token != "" {
				token = s.token
			}
			c.Send(respond(in, code, ask+`: NTLM realm="R", targetname="fe1.contoso.com", opaque="AB", gssapi-data="`+token+`"`+version))
		default:
			for _, a := range sipwire.Auths(in.Msg, creds) {
				token, _ := base64.StdEncoding.DecodeString(a.Get("gssapi-data"))
				id, session, err := server.Authenticate(token)
				if s.target = id.TargetName; err == nil && !s.plain {
					c.Use(sipwire.NewAssociation(sipwire.AssociationConfig{Version: s.version, Proxy: s.proxy, Realm: "R", TargetName: "fe1.contoso.com", Opaque: "AB", Server: true, Session: session}))
				}
			}
			if s.last != nil {
				s.last(c, in)
				return
			}
			c.Send(respond(in, 200, "Expires: 7200"))
		}
	}
}

// docs/protocol/sip-connection.md#registration: a proxy hop may use 407 and the Proxy forms.
func TestProxyAuthentication(t *testing.T) {
	for version := 2; version <= 4; version++ {
		s := &ntlmServer{version: version, proxy: true}
		f := newFake(t, s.answer())
		r, err := f.register()
		if err != nil {
			t.Fatal(version, err)
		}
		if s.target != "sip/pool.contoso.com" { // the dialled server, whatever the challenge names: MS-NLMP 2.2.2.1
			t.Errorf("the log-on is for %q", s.target)
		}
		if g := r.Info(); g.Version != version || !r.Conn().Stats().Signed {
			t.Errorf("granted %+v", g)
		}
	}
}

// docs/protocol/sip-connection.md#which-messages-are-signed: versions 2 and 3 may
// leave the answer to REGISTER unsigned, version 4 may not.
func TestUnsignedAcceptance(t *testing.T) {
	for version := 2; version <= 4; version++ {
		f := newFake(t, (&ntlmServer{version: version, plain: true}).answer())
		r, err := f.register()
		if version == 4 {
			wantFailure(t, err, journal.AuthServer)
			continue
		}
		if err != nil {
			t.Fatal(version, err)
		}
		if !r.Conn().Stats().Signed || !strings.Contains(f.steps.text(), "was not signed, which version") {
			t.Errorf("version %d: %s", version, f.steps.text())
		}
	}
}

// A notice right behind the 200 ends the registration before it began.
func TestNoticeRightAfterAcceptance(t *testing.T) {
	s := &ntlmServer{version: 4, last: func(c *sipwire.Conn, in *sipwire.Incoming) {
		c.Send(respond(in, 200, "Expires: 7200"))
		req, err := sipwire.NewRequest(sipwire.RequestConfig{Method: "BENOTIFY", URI: "sip:tu@contoso.com", Via: "127.0.0.1:5061", From: "<sip:tu@contoso.com>;tag=s", To: "<sip:tu@contoso.com>;tag=p",
			CallID: "n", CSeq: 1, Headers: []sipwire.Header{{Name: "Event", Value: "registration"}}, Body: []byte("deregistered;event=rejected")})
		if err != nil {
			panic(err)
		}
		c.Send(req)
	}}
	f := newFake(t, s.answer())
	r, err := f.register()
	if err == nil { // the notice was slower than the return of Register
		e := next(t, events(r))
		if err = e.Err; e.Kind != sipua.Deregistered {
			t.Errorf("event %+v", e)
		}
	}
	wantFailure(t, err, journal.SIPDeregistered)
}

func TestHostileServers(t *testing.T) {
	scripted := func(responses ...[]string) func(*sipwire.Conn, int, *sipwire.Incoming) {
		return func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
			r := responses[min(n, len(responses))-1]
			var code int
			fmt.Sscan(r[0], &code)
			c.Send(respond(in, code, r[1:]...))
		}
	}
	const digest = `WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`
	for _, row := range []struct {
		name   string
		answer func(*sipwire.Conn, int, *sipwire.Incoming)
		set    func(*sipua.Config)
		code   journal.Code
	}{
		{"no challenge", scripted([]string{"401"}), nil, journal.AuthNoScheme},
		{"only what the phone does not speak", scripted([]string{"401", `WWW-Authenticate: TLS-DSK realm="r", sts-uri="https://x/"`, `WWW-Authenticate: Kerberos realm="r"`}), nil, journal.AuthNoScheme},
		{"rubbish as a challenge", scripted([]string{"401", `WWW-Authenticate: ="",,"`}), nil, journal.AuthNoScheme},
		{"NTLM without a challenge", (&ntlmServer{tokenless: true}).answer(), nil, journal.SIPMalformed},
		{"NTLM with no base64", (&ntlmServer{token: "!"}).answer(), nil, journal.SIPMalformed},
		{"NTLM with rubbish", (&ntlmServer{token: "TlRMTVNTUAACAAAA"}).answer(), nil, journal.SIPMalformed},
		{"NTLM that cannot sign", (&ntlmServer{offer: ntlm.FlagsSIP &^ ntlm.NegotiateSign}).answer(), nil, journal.AuthNoScheme},
		{"weak NTLM without TLS (docs/decisions.md#own-ntlm)", (&ntlmServer{offer: ntlm.FlagsSIP &^ ntlm.NegotiateESS}).answer(), nil, journal.AuthNoScheme},
		{"open pool", scripted([]string{"200", "Expires: 7200"}), nil, journal.AuthServer},
		{"accepted before the password", scripted([]string{"401", `WWW-Authenticate: NTLM realm="r", targetname="t", version=4`}, []string{"200"}), nil, journal.AuthServer},
		{"accepted and ended", scripted([]string{"200", "Expires: 0"}), registrar, journal.SIPRejected},
		{"stale for ever", scripted([]string{"401", digest + ", stale=true"}), registrar, journal.SIPMalformed},
		{"digest refused", scripted([]string{"401", digest}), registrar, journal.AuthPassword},
		{"digest without a nonce", scripted([]string{"401", `WWW-Authenticate: Digest realm="r"`}), registrar, journal.AuthNoScheme},
		{"unknown digest", scripted([]string{"401", `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD4`}), registrar, journal.AuthNoScheme},
		{"redirect to nowhere", scripted([]string{"302"}), nil, journal.SIPRejected},
		{"redirect to rubbish", scripted([]string{"302", "Contact: <mailto:x>"}), nil, journal.SIPRejected},
		{"redirect to an address outside", scripted([]string{"302", "Contact: <sip:127.0.0.1>"}), nil, journal.OutsideDomain},
		{"interval too brief without an answer to it", scripted([]string{"423"}), registrar, journal.SIPRejected},
		{"locked in plain words", scripted([]string{"401", `WWW-Authenticate: NTLM realm="r"`, `ms-diagnostics: 1000;reason="Final handshake failed";detail="The account is locked out"`}), nil, journal.AuthDisabled},
		{"a year off", skewedServer, nil, journal.TimeSkew},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, row.answer)
			if row.set != nil {
				row.set(&f.phone)
			}
			server := candidate
			server.TLS = !strings.Contains(row.name, "without TLS")
			r, err := sipua.Register(t.Context(), f.Conn, server, f.phone)
			if err == nil {
				r.Close()
			}
			wantFailure(t, err, row.code)
		})
	}
}

func registrar(c *sipua.Config) { c.Registrar = true }

// skewedServer refuses the password; its clock is far from the phone's.
func skewedServer(c *sipwire.Conn, n int, in *sipwire.Incoming) {
	(&ntlmServer{version: 4, plain: true, last: func(c *sipwire.Conn, in *sipwire.Incoming) {
		c.Send(respond(in, 401, "Date: "+start.AddDate(1, 0, 0).Format("Mon, 02 Jan 2006 15:04:05 GMT"), `WWW-Authenticate: NTLM realm="R"`))
	}}).answer()(c, n, in)
}

// RFC 7616 3.3: a stale nonce is not a refusal of the password.
func TestStaleNonce(t *testing.T) {
	var credentials []sipwire.Auth
	f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		credentials = append(credentials, sipwire.Auths(in.Msg, "Authorization")...)
		switch n {
		case 1:
			c.Send(respond(in, 401, `WWW-Authenticate: Digest realm="r", nonce="one", algorithm=SHA-256, qop="auth-int, auth", opaque="o"`))
		case 2:
			c.Send(respond(in, 401, `WWW-Authenticate: Digest realm="r", nonce="two", algorithm=SHA-256, qop="auth", stale=TRUE`))
		default:
			c.Send(respond(in, 200, "Expires: 60"))
		}
	})
	f.phone.Registrar = true
	if _, err := f.register(); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(45 * time.Second)
	var got []string
	for _, a := range credentials {
		got = append(got, strings.Join([]string{a.Get("username"), a.Get("nonce"), a.Get("nc"), a.Get("qop"), a.Get("uri"), a.Get("opaque")}, " "))
	}
	want := []string{"tu one 00000001 auth sip:contoso.com o", "tu two 00000001 auth sip:contoso.com ", "tu two 00000002 auth sip:contoso.com "}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("credentials\n%q, want\n%q", got, want)
	}
}

// RFC 3261 10.3
func TestIntervalTooBrief(t *testing.T) {
	var asked []string
	f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		asked = append(asked, in.Header("Expires"))
		if n == 1 {
			c.Send(respond(in, 423, "Min-Expires: 600"))
			return
		}
		c.Send(respond(in, 200, "Expires: 600"))
	})
	f.phone.Registrar = true
	f.phone.Profile.Expires = time.Minute
	if _, err := f.register(); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(asked) != "[60 600]" {
		t.Errorf("asked for %v", asked)
	}
}

// What a server writes reaches a Grant, a Failure or a step only in a bounded,
// printable form.
func TestTextsOfTheServerAreBounded(t *testing.T) {
	long := "\u009b" + strings.Repeat("x", 2000)
	var headers []string
	for i := range 20 {
		headers = append(headers, fmt.Sprintf("ms-diagnostics: %d;reason=\"%s\"", i, long))
	}
	code := 403
	answer := func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		c.Send(respond(in, code, append(headers, "Server: "+long, "Supported: "+long, `presence-state: register-action="`+long+`"`)...))
	}
	f := newFake(t, answer)
	f.phone.Registrar = true
	_, err := f.register()
	got := wantFailure(t, err, journal.SIPForbidden).Answered
	if n := len(got); n > 16*400 || strings.Contains(got, "\u009b") || !strings.Contains(got, "\ufffdxxx") {
		t.Errorf("answered with %d bytes: %.40q", n, got)
	}
	code = 200
	f = newFake(t, answer)
	f.phone.Registrar = true
	r, err := f.register()
	if err != nil {
		t.Fatal(err)
	}
	g := r.Info()
	for _, s := range append(g.Supported, g.Server, g.Action) {
		if n := len([]rune(s)); n != 301 || strings.Contains(s, "\u009b") {
			t.Errorf("%d characters: %.40q", n, s)
		}
	}
}

// A GRUU is written into later requests: only a SIP address of the domain is.
func TestGRUU(t *testing.T) {
	const mine = `+sip.instance="<urn:uuid:4B1682A8-F968-5701-83FC-7C6741DC6697>"`
	for _, row := range []struct{ name, contact, want string }{
		{"ours among others", `<sip:1.2.3.4>;+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000000>";gruu="sip:tu@contoso.com;opaque=user:epid:no;gruu", <sip:1.2.3.5>;gruu="sip:tu@contoso.com;opaque=user:epid:yes;gruu";` + mine, "sip:tu@contoso.com;opaque=user:epid:yes;gruu"},
		{"none", `<sip:1.2.3.5>;` + mine, ""},
		{"another domain", `<sip:1.2.3.5>;gruu="sip:tu@evil.com;gruu";` + mine, ""},
		{"no URI", `<sip:1.2.3.5>;gruu="x>y";` + mine, ""},
		{"somebody else's", `<sip:1.2.3.5>;gruu="sip:tu@contoso.com;gruu"`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, 200, "Contact: "+row.contact)) })
			f.phone.Registrar = true
			r, err := f.register()
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Info().GRUU; got != row.want {
				t.Errorf("GRUU %q, want %q", got, row.want)
			}
		})
	}
}
