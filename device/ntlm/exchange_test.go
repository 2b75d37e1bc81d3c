package ntlm

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

const password = "Passw0rd!a"

var errLocked = errors.New("locked")

func newServer() *Server {
	return &Server{NetBIOSDomain: "CONTOSO", NetBIOSComputer: "DC1", DNSDomain: "contoso.com", DNSComputer: "dc1.contoso.com", Timestamp: true,
		NTHash: func(user, domain string) ([]byte, error) {
			switch strings.ToLower(user) {
			case "tu", "tu@contoso.com":
				return NTHash(password), nil
			case "locked":
				return nil, errLocked
			}
			return nil, nil
		}}
}

func newClient() *Client { return &Client{User: "tu", Domain: "CONTOSO", Password: password} }

// exchange runs c against s; tamper may change the three messages on the way.
func exchange(c *Client, s *Server, tamper func(typ uint32, msg []byte)) (Identity, *Session, *Session, error) {
	if tamper == nil {
		tamper = func(uint32, []byte) {}
	}
	var negotiate []byte
	if c.wantedFlags()&NegotiateDatagram == 0 {
		negotiate = c.Negotiate()
		tamper(1, negotiate)
	}
	challenge, err := s.Challenge(negotiate)
	if err != nil {
		return Identity{}, nil, nil, err
	}
	tamper(2, challenge)
	msg, cs, err := c.Authenticate(challenge)
	if err != nil {
		return Identity{}, nil, nil, err
	}
	tamper(3, msg)
	id, ss, err := s.Authenticate(msg)
	return id, cs, ss, err
}

func TestEveryFormAuthenticatesSignsAndSeals(t *testing.T) {
	noESS := FlagsSIP &^ (NegotiateESS | Negotiate128)
	for _, c := range []struct {
		name   string
		client Client
		want   Identity
	}{
		{"LDAP", Client{Require: FlagsLDAP}, Identity{}},
		{"LDAP with MIC", Client{MIC: true}, Identity{MIC: true}},
		{"LDAP for a service", Client{MIC: true, TargetName: "ldap/dc1.contoso.com"}, Identity{MIC: true, TargetName: "ldap/dc1.contoso.com"}},
		{"SIP for a service", Client{Flags: FlagsSIP, TargetName: "sip/pool.contoso.com"}, Identity{TargetName: "sip/pool.contoso.com"}},
		{"LDAP 56 bit", Client{Flags: FlagsLDAP&^Negotiate128 | Negotiate56}, Identity{}},
		{"LDAP 40 bit", Client{Flags: FlagsLDAP &^ Negotiate128}, Identity{}},
		{"LDAP without key exchange", Client{Flags: FlagsLDAP &^ NegotiateKeyExch}, Identity{}},
		{"LDAP v1 with extended session security", Client{AllowV1: true, V1: true, MIC: true}, Identity{V1: true}},
		{"LDAP v1", Client{Flags: FlagsLDAP &^ NegotiateESS, AllowV1: true, V1: true}, Identity{V1: true}},
		{"HTTP", Client{Flags: FlagsHTTP, MIC: true}, Identity{MIC: true}},
		{"SIP", Client{Flags: FlagsSIP, Require: NegotiateDatagram | NegotiateKeyExch | NegotiateSign, MIC: true}, Identity{}},
		{"SIP without extended session security", Client{Flags: noESS, AllowV1: true}, Identity{}},
		{"SIP v1", Client{Flags: noESS, AllowV1: true, V1: true}, Identity{V1: true}},
		{"SIP v1 with extended session security", Client{Flags: FlagsSIP, AllowV1: true, V1: true}, Identity{V1: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := c.client, newServer()
			client.User, client.Domain, client.Password, client.Workstation = "tu", "CONTOSO", password, "PHONE"
			server.Flags = client.Flags | Negotiate56
			if client.Flags == 0 {
				server.Flags = 0
			}
			id, cs, ss, err := exchange(&client, server, nil)
			if err != nil {
				t.Fatal(err)
			}
			if id.V1 != id.Time.IsZero() {
				t.Errorf("time %v", id.Time)
			}
			id.Time = time.Time{}
			want := c.want
			want.User, want.Domain, want.Workstation = "tu", "CONTOSO", "PHONE"
			if id != want {
				t.Errorf("identity %+v, want %+v", id, want)
			}
			if cs.Flags() != ss.Flags() {
				t.Errorf("client has %v, server %v", cs.Flags(), ss.Flags())
			}
			for i, msg := range []string{"one", "", "three", "four"} {
				if i == 2 { // after SPNEGO's mechListMIC
					cs.ResetCrypto()
					ss.ResetCrypto()
				}
				// Strict turns: without extended session security one stream serves both directions.
				for _, d := range []struct{ from, to *Session }{{cs, ss}, {ss, cs}} {
					sealed, sig := d.from.Seal([]byte(msg))
					if got, err := d.to.Unseal(sealed, sig); err != nil || string(got) != msg {
						t.Fatalf("message %d: %q, %v", i, got, err)
					}
					if !d.to.Verify([]byte(msg), d.from.Sign([]byte(msg))) {
						t.Fatalf("message %d: signature refused", i)
					}
					sig = d.from.SignDatagram(100, []byte(msg))
					if !d.to.VerifyDatagram(100, []byte(msg), sig) {
						t.Fatalf("message %d: datagram signature refused", i)
					}
				}
			}
		})
	}
}

func TestWeakChallengeIsRefusedBeforeThePasswordIsUsed(t *testing.T) {
	for _, f := range []Flags{NegotiateSign, NegotiateSeal, NegotiateESS, Negotiate128, NegotiateKeyExch} {
		t.Run(f.String(), func(t *testing.T) {
			s := newServer()
			s.Flags = FlagsLDAP &^ f
			c := newClient()
			c.Require = NegotiateSign | NegotiateSeal | NegotiateESS | Negotiate128 | NegotiateKeyExch
			c.AllowV1 = true // Require decides alone
			// No random number is drawn: nothing was computed.
			c.Rand = errReader{t}
			challenge, err := s.Challenge(c.Negotiate())
			if err != nil {
				t.Fatal(err)
			}
			msg, session, err := c.Authenticate(challenge)
			if !errors.Is(err, ErrWeak) || msg != nil || session != nil {
				t.Errorf("message of %d octets, error %v", len(msg), err)
			}
			if err != nil && !strings.Contains(err.Error(), f.String()) {
				t.Errorf("%v does not name %v", err, f)
			}
		})
	}
}

// What the client does not want itself the session would lack, whatever is offered.
func TestRequiredFlagThatTheClientDoesNotWantIsRefused(t *testing.T) {
	s := newServer()
	s.Flags = FlagsLDAP
	c := newClient()
	c.Flags, c.Require, c.Rand = FlagsLDAP&^NegotiateSeal, NegotiateSeal, errReader{t}
	challenge, err := s.Challenge((&Client{}).Negotiate()) // offers everything
	if err != nil {
		t.Fatal(err)
	}
	if _, session, err := c.Authenticate(challenge); !errors.Is(err, ErrWeak) || session != nil {
		t.Errorf("a session with %v, error %v", session.Flags(), err)
	}
}

type errReader struct{ t *testing.T }

func (r errReader) Read([]byte) (int, error) {
	r.t.Error("the exchange went on")
	return 0, errors.New("no")
}

func TestWeakFormsNeedAllowV1(t *testing.T) {
	for name, c := range map[string]*Client{
		"v1":     {User: "tu", Password: password, V1: true},
		"no ESS": {User: "tu", Password: password, Flags: FlagsSIP &^ NegotiateESS},
	} {
		if _, _, _, err := exchange(c, newServer(), nil); !errors.Is(err, ErrWeak) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServerRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		client func(*Client)
		server func(*Server)
		tamper func(typ uint32, msg []byte)
		want   error
	}{
		{"a wrong password", func(c *Client) { c.Password = "x" }, nil, nil, ErrLogon},
		{"a wrong password in v1", func(c *Client) { c.Password, c.AllowV1, c.V1 = "x", true, true }, nil, nil, ErrLogon},
		{"an unknown user", func(c *Client) { c.User = "nobody" }, nil, nil, ErrLogon},
		{"anonymous", nil, nil, func(typ uint32, m []byte) {
			if typ == 3 {
				clear(m[20:24]) // no NT response
			}
		}, ErrLogon},
		{"a locked user, by the directory's own error", func(c *Client) { c.User = "locked" }, nil, nil, errLocked},
		{"v1 where v2 is required", func(c *Client) { c.AllowV1, c.V1 = true, true }, func(s *Server) { s.RequireV2 = true }, nil, ErrLogon},
		{"no directory", nil, func(s *Server) { s.NTHash = nil }, nil, ErrLogon},
		{"a changed answer under a MIC", func(c *Client) { c.MIC = true }, nil, func(typ uint32, m []byte) {
			if typ == 3 {
				m[68] ^= 1 // the version
			}
		}, ErrMIC},
		{"a downgraded negotiation under a MIC", func(c *Client) { c.MIC = true }, nil, func(typ uint32, m []byte) {
			if typ == 1 {
				m[12] &^= byte(NegotiateSeal)
			}
		}, ErrMIC},
		{"another channel", func(c *Client) { c.ChannelBinding = bytes.Repeat([]byte{1}, 16) }, func(s *Server) { s.ChannelBinding = bytes.Repeat([]byte{2}, 16) }, nil, ErrBinding},
		{"no channel where one is required", nil, func(s *Server) { s.ChannelBinding, s.RequireChannelBinding = bytes.Repeat([]byte{2}, 16), true }, nil, ErrBinding},
		{"no channel known where one is required", func(c *Client) { c.ChannelBinding = bytes.Repeat([]byte{1}, 16) }, func(s *Server) { s.RequireChannelBinding = true }, nil, ErrBinding},
		{"v1 where a channel is required", func(c *Client) { c.AllowV1, c.V1 = true, true }, func(s *Server) { s.ChannelBinding, s.RequireChannelBinding = bytes.Repeat([]byte{2}, 16), true }, nil, ErrBinding},
		{"another service", func(c *Client) { c.TargetName = "ldap/dc1.contoso.com" }, func(s *Server) { s.Target = ForService("HTTP", nil) }, nil, ErrTarget},
		{"another host", func(c *Client) { c.TargetName = "HTTP/evil.org" }, func(s *Server) {
			s.Target = ForService("HTTP", func(host string) bool { return host == "mail.contoso.com" })
		}, nil, ErrTarget},
		{"a cut session key", nil, nil, func(typ uint32, m []byte) {
			if typ == 3 {
				m[52] = 8
			}
		}, ErrMalformed},
		{"a field outside the message", nil, nil, func(typ uint32, m []byte) {
			if typ == 3 {
				m[19], m[12] = 0xff, 24 // offset of the LM response
			}
		}, ErrMalformed},
		{"a client without a character set", nil, nil, func(typ uint32, m []byte) {
			if typ == 1 {
				m[12] &^= 1
			}
		}, ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := newClient(), newServer()
			if c.client != nil {
				c.client(client)
			}
			if c.server != nil {
				c.server(server)
			}
			_, _, session, err := exchange(client, server, c.tamper)
			if !errors.Is(err, c.want) || session != nil {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Error("the error tells the password")
			}
		})
	}
}

func TestForService(t *testing.T) { // MS-NLMP 2.2.2.1; the forms of MS-ADTS 2.2.21
	accepts := ForService("HTTP", func(host string) bool { return host == "mail.contoso.com" || host == "::1" })
	for name, want := range map[string]bool{
		"HTTP/mail.contoso.com": true, "http/mail.contoso.com:443": true, "HTTP/mail.contoso.com/contoso.com": true, "HTTP/[::1]:443": true,
		"ldap/mail.contoso.com": false, "HTTP/evil.org": false, "HTTP/": false, "HTTP": false, "mail.contoso.com": false,
	} {
		if accepts(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestChallengeServesOneAnswer(t *testing.T) {
	c, s := newClient(), newServer()
	if _, _, err := s.Authenticate(nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("without a challenge: %v", err)
	}
	challenge, _ := s.Challenge(c.Negotiate())
	msg, _, err := c.Authenticate(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Authenticate(msg); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Authenticate(msg); !errors.Is(err, ErrMalformed) {
		t.Errorf("replayed: %v", err)
	}
}

func TestChannelBindingAndUPN(t *testing.T) {
	token := bytes.Repeat([]byte{7}, 16)
	c := &Client{User: "tu@contoso.com", Password: password, ChannelBinding: token, MIC: true}
	s := newServer()
	s.ChannelBinding, s.RequireChannelBinding = token, true
	id, _, _, err := exchange(c, s, nil)
	if err != nil || id.User != "tu@contoso.com" || id.Domain != "" {
		t.Errorf("%+v, %v", id, err)
	}
}

// curl asks for OEM names. The hash is made of UTF-16 all the same.
func TestClientWithOEMNamesLogsOn(t *testing.T) {
	c, s := newClient(), newServer()
	c.Workstation = "PHONE"
	negotiate := c.Negotiate()
	negotiate[12] ^= byte(NegotiateUnicode | NegotiateOEM)
	challenge, err := s.Challenge(negotiate)
	if err != nil {
		t.Fatal(err)
	}
	if f := Flags(le.Uint32(challenge[20:])); f&(NegotiateOEM|NegotiateUnicode) != NegotiateOEM || !bytes.Contains(challenge, []byte("CONTOSO")) {
		t.Errorf("challenge with %v: %q", f, challenge)
	}
	challenge[20] ^= byte(NegotiateUnicode | NegotiateOEM) // our own client speaks Unicode only
	msg, _, err := c.Authenticate(challenge)
	if err != nil {
		t.Fatal(err)
	}
	// The same answer with OEM names: they take half the room.
	oem := bytes.Clone(msg[:72])
	oem[60] ^= byte(NegotiateUnicode | NegotiateOEM)
	for i := range 6 {
		f, err := field(msg, 12+8*i)
		if err != nil {
			t.Fatal(err)
		}
		if i >= 2 && i <= 4 {
			f = []byte(decodeUTF16(f))
		}
		le.PutUint16(oem[12+8*i:], uint16(len(f)))
		le.PutUint32(oem[16+8*i:], uint32(len(oem)))
		oem = append(oem, f...)
	}
	if id, _, err := s.Authenticate(oem); err != nil || id.User != "tu" || id.Domain != "CONTOSO" || id.Workstation != "PHONE" {
		t.Errorf("%+v, %v", id, err)
	}
}

// R1.5: the hint comes from the challenge.
func TestChallengeNamesTheDomain(t *testing.T) {
	now := time.Date(2008, 4, 21, 9, 0, 0, 500, time.UTC)
	s := newServer()
	s.Now = func() time.Time { return now }
	b, err := s.Challenge(newClient().Negotiate())
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseChallenge(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.NetBIOSDomain != "CONTOSO" || c.NetBIOSComputer != "DC1" || c.DNSDomain != "contoso.com" || c.DNSComputer != "dc1.contoso.com" ||
		c.DNSTree != "contoso.com" || !c.Timestamp.Equal(now) || c.Flags&FlagsLDAP != FlagsLDAP {
		t.Errorf("%+v", c)
	}
}

func TestUnsealRefusesWhatThePeerDidNotMake(t *testing.T) {
	for name, change := range map[string]func(sealed, sig []byte) ([]byte, []byte){
		"changed":         func(b, s []byte) ([]byte, []byte) { b[0] ^= 1; return b, s },
		"other signature": func(b, s []byte) ([]byte, []byte) { s[5] ^= 1; return b, s },
		"short signature": func(b, s []byte) ([]byte, []byte) { return b, s[:15] },
		"cut":             func(b, s []byte) ([]byte, []byte) { return b[1:], s },
		"no signature":    func(b, s []byte) ([]byte, []byte) { return b, nil },
	} {
		_, cs, ss, err := exchange(newClient(), newServer(), nil)
		if err != nil {
			t.Fatal(err)
		}
		sealed, sig := change(ss.Seal([]byte("message")))
		if got, err := cs.Unseal(sealed, sig); !errors.Is(err, ErrSignature) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	s := newServer()
	b, err := s.Challenge(nil)
	if err != nil {
		t.Fatal(err)
	}
	manyPairs := bytes.Clone(b[:56])
	le.PutUint16(manyPairs[40:], 4*100)
	le.PutUint32(manyPairs[44:], 56)
	manyPairs = append(manyPairs, bytes.Repeat([]byte{9, 0, 0, 0}, 100)...)
	for name, msg := range map[string][]byte{
		"nothing":        nil,
		"too short":      b[:47],
		"too long":       append(bytes.Clone(b), make([]byte, MaxMessage)...),
		"another type":   newClient().Negotiate(),
		"another thing":  []byte("HTTP/1.1 200 OK and so on and so on and so on and on"),
		"too many pairs": manyPairs,
		"no end mark":    func() []byte { m := bytes.Clone(b); le.PutUint16(m[40:], 10); return m }(),
		"cut off":        b[:len(b)-4],
	} {
		if _, err := ParseChallenge(msg); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := newClient().Authenticate(msg); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: client: %v", name, err)
		}
		if _, _, err := s.Authenticate(msg); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: server: %v", name, err)
		}
	}
	c := newClient()
	c.User = strings.Repeat("u", 40000)
	if _, _, err := c.Authenticate(b); !errors.Is(err, ErrMalformed) {
		t.Errorf("long user name: %v", err)
	}
}

func FuzzParseChallenge(f *testing.F) {
	b, _ := newServer().Challenge(nil)
	f.Add(b)
	f.Add(unbase64(f, sipExchange(f)["t2 b64"]))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseChallenge(b); err == nil && c.Flags != Flags(le.Uint32(b[20:])) {
			t.Error("other flags than sent")
		}
	})
}

func FuzzClientAuthenticate(f *testing.F) {
	b, _ := newServer().Challenge(nil)
	f.Add(b, true)
	f.Add(unbase64(f, sipExchange(f)["t2 b64"]), false)
	f.Fuzz(func(t *testing.T, b []byte, mic bool) {
		c := newClient()
		c.Require, c.MIC = NegotiateESS, mic
		msg, s, err := c.Authenticate(b)
		if (err == nil) != (s != nil) || (err == nil) != (Type(msg) == typeAuthenticate) || err == nil && s.Flags()&NegotiateESS == 0 {
			t.Errorf("message of type %d, session %v, error %v", Type(msg), s, err)
		}
	})
}

func FuzzServerAuthenticate(f *testing.F) {
	v := sipExchange(f)
	f.Add(unbase64(f, v["t3 b64"]))
	c, s := newClient(), newServer()
	c.MIC = true
	challenge, _ := s.Challenge(c.Negotiate())
	msg, _, err := c.Authenticate(challenge)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	hash := NTHash(password)
	f.Fuzz(func(t *testing.T, msg []byte) {
		s := newServer()
		s.NTHash = func(string, string) ([]byte, error) { return hash, nil }
		s.Rand = bytes.NewReader(make([]byte, 8))
		if _, err := s.Challenge(nil); err != nil {
			t.Fatal(err)
		}
		if _, session, err := s.Authenticate(msg); err == nil || session != nil {
			t.Error("logged on without the password")
		}
	})
}
