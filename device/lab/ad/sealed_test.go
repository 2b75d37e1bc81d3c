package ad_test

import (
	"crypto/tls"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/ntlm"
)

// sealed says how to bind by SASL NTLM. The zero value is GSS-SPNEGO with a
// bare NTLM token, signed and sealed.
type sealed struct {
	mech     string     // default GSS-SPNEGO
	flags    ntlm.Flags // default ntlm.FlagsLDAP
	user     string     // default tu
	domain   string     // default CONTOSO; "-" none
	password string     // default the right one
	v1, mic  bool
	spnego   bool // wrapped
	listMIC  bool // with a mechListMIC
	kerberos bool // SPNEGO offers Kerberos first
	over     net.Conn
}

var errNoMIC = errors.New("the server sent no mechListMIC")

// sealedBind binds and returns a connection that seals; session security is
// used whenever sign or seal was agreed on, as AD and Samba want it.
func sealedBind(t testing.TB, s *ad.Server, how sealed) (*ldap.Conn, error) {
	t.Helper()
	c := how.over
	if c == nil {
		var err error
		if c, err = net.Dial("tcp", s.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Hour)) // a huge value under the race detector is slow
	or := func(v, def string) string {
		if v == "" {
			return def
		}
		return v
	}
	if how.flags == 0 {
		how.flags = ntlm.FlagsLDAP
	}
	if how.domain = or(how.domain, "CONTOSO"); how.domain == "-" {
		how.domain = ""
	}
	client := &ntlm.Client{User: or(how.user, "tu"), Domain: how.domain, Password: or(how.password, testPassword),
		Flags: how.flags, V1: how.v1, AllowV1: true, MIC: how.mic}
	mech := or(how.mech, "GSS-SPNEGO")

	mechs, token := []asn1.ObjectIdentifier{oidNTLM}, client.Negotiate()
	if how.kerberos {
		mechs = []asn1.ObjectIdentifier{oidKerberos, oidNTLM}
	}
	if how.spnego {
		token = negTokenInit(t, mechs, token)
	}
	challenge, err := exchange(c, 1, mech, token, 14)
	if err != nil {
		return nil, err
	}
	if how.spnego {
		r := parseNegToken(t, challenge)
		if how.kerberos {
			if r.State != 3 || r.Token != nil || !r.Mech.Equal(oidNTLM) {
				return nil, fmt.Errorf("Kerberos first is answered by %+v", r)
			}
			if challenge, err = exchange(c, 2, mech, negToken(t, client.Negotiate(), nil), 14); err != nil {
				return nil, err
			}
			r = parseNegToken(t, challenge)
		}
		challenge = r.Token
	}
	msg, session, err := client.Authenticate(challenge)
	if err != nil {
		return nil, err
	}
	list := marshal(t, mechs)
	if how.spnego {
		var mic []byte
		if how.listMIC {
			mic = session.Sign(list)
		}
		msg = negToken(t, msg, mic)
	}
	final, err := exchange(c, 3, mech, msg, 0)
	if err != nil {
		return nil, err
	}
	if how.spnego {
		r := parseNegToken(t, final)
		if r.State != 0 {
			return nil, fmt.Errorf("bound, but SPNEGO says %d", r.State)
		}
		if how.listMIC {
			if !session.Verify(list, r.MIC) {
				return nil, errNoMIC
			}
			session.ResetCrypto()
		}
	}
	nc := c
	if session.Flags()&(ntlm.NegotiateSign|ntlm.NegotiateSeal) != 0 {
		nc = &sealedConn{Conn: c, session: session}
	}
	conn := ldap.NewConn(nc, false)
	conn.Start()
	t.Cleanup(func() { conn.Close() })
	return conn, nil
}

// exchange sends one step of a SASL bind and returns the server's token.
func exchange(c net.Conn, id int64, mech string, token []byte, want uint16) ([]byte, error) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 0, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 3, ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	auth := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
	auth.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, mech, ""))
	if token != nil {
		auth.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(token), ""))
	}
	op.AppendChild(auth)
	m := ber.NewSequence("")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	if _, err := c.Write(m.Bytes()); err != nil {
		return nil, err
	}
	p, err := ber.ReadPacket(c)
	if err != nil {
		return nil, err
	}
	if err := ldap.GetLDAPError(p); err != nil {
		if e := new(ldap.Error); !errors.As(err, &e) || e.ResultCode != want {
			return nil, err
		}
	} else if want != 0 {
		return nil, fmt.Errorf("bound too early")
	}
	for _, x := range p.Children[1].Children[3:] {
		if x.ClassType == ber.ClassContext && x.Tag == 7 {
			return x.Data.Bytes(), nil
		}
	}
	return nil, nil
}

// sealedConn is the security layer of RFC 4422 3.7 with NTLM.
type sealedConn struct {
	net.Conn
	session *ntlm.Session
	plain   []byte
}

func (c *sealedConn) Write(p []byte) (int, error) {
	text, sig := c.session.Seal(p)
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(sig)+len(text)))
	if _, err := c.Conn.Write(append(append(frame, sig...), text...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *sealedConn) Read(p []byte) (int, error) {
	for len(c.plain) == 0 {
		var length [4]byte
		if _, err := io.ReadFull(c.Conn, length[:]); err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint32(length[:])
		if n < 16 || n > 1<<24 {
			return 0, fmt.Errorf("a frame of %d octets", n)
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(c.Conn, frame); err != nil {
			return 0, err
		}
		var err error
		if c.plain, err = c.session.Unseal(frame[16:], frame[:16]); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

// SPNEGO as a client speaks it, written apart from the server's.

var (
	oidNTLM     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	oidKerberos = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
)

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wrap(t testing.TB, class, tag int, b []byte) []byte {
	return marshal(t, asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: b})
}

func negTokenInit(t testing.TB, mechs []asn1.ObjectIdentifier, token []byte) []byte {
	body := append(wrap(t, 2, 0, marshal(t, mechs)), wrap(t, 2, 2, marshal(t, token))...)
	inner := wrap(t, 2, 0, wrap(t, 0, 16, body))
	return wrap(t, 1, 0, append(marshal(t, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}), inner...))
}

func negToken(t testing.TB, token, mic []byte) []byte {
	body := wrap(t, 2, 2, marshal(t, token))
	if mic != nil {
		body = append(body, wrap(t, 2, 3, marshal(t, mic))...)
	}
	return wrap(t, 2, 1, wrap(t, 0, 16, body))
}

type negAnswer struct {
	State asn1.Enumerated       `asn1:"explicit,tag:0"`
	Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	Token []byte                `asn1:"explicit,optional,tag:2"`
	MIC   []byte                `asn1:"explicit,optional,tag:3"`
}

func parseNegToken(t testing.TB, b []byte) (r negAnswer) {
	t.Helper()
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(b, &outer); err != nil || outer.Class != 2 || outer.Tag != 1 {
		t.Fatalf("no NegTokenResp: %x", b)
	}
	if _, err := asn1.Unmarshal(outer.Bytes, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

const none = ntlm.FlagsHTTP // neither sign nor seal

func TestSASLBindMatrix(t *testing.T) { // docs/peers.md#samba-as-a-domain-controller
	const signOnly = ntlm.FlagsLDAP &^ ntlm.NegotiateSeal
	for _, tt := range []struct {
		name   string
		how    sealed
		change func(*ad.Server)
		code   uint16 // 0: bound, and a search works
	}{
		{"NTLM", sealed{mech: "NTLM"}, nil, 0},
		{"GSS-SPNEGO, bare token", sealed{}, nil, 0},
		{"with MIC", sealed{mic: true}, nil, 0},
		{"SPNEGO", sealed{spnego: true}, nil, 0},
		{"SPNEGO with mechListMIC", sealed{spnego: true, listMIC: true, mic: true}, nil, 0},
		{"SPNEGO, Kerberos first", sealed{spnego: true, kerberos: true, listMIC: true}, nil, 0},
		{"SPNEGO, Kerberos first, MIC withheld", sealed{spnego: true, kerberos: true}, nil, 49},
		{"sign alone is sealed all the same", sealed{flags: signOnly}, nil, 0},
		{"no extended session security", sealed{v1: true, flags: ntlm.FlagsLDAP &^ ntlm.NegotiateESS}, nil, 0},
		{"NTLMv1", sealed{v1: true}, nil, 0},
		{"NTLMv1 where NTLMv2 is required", sealed{v1: true}, func(s *ad.Server) { s.RequireNTLMv2 = true }, 49},
		{"no key exchange", sealed{flags: ntlm.FlagsLDAP &^ ntlm.NegotiateKeyExch}, nil, 0},
		{"56 bit", sealed{flags: ntlm.FlagsLDAP&^ntlm.Negotiate128 | ntlm.Negotiate56}, nil, 0},
		{"neither sign nor seal", sealed{flags: none}, nil, 0},
		{"strict: sealed", sealed{}, func(s *ad.Server) { s.RequireSigning = true }, 0},
		{"strict: sign alone", sealed{flags: signOnly}, func(s *ad.Server) { s.RequireSigning = true }, 0},
		{"strict: neither", sealed{flags: none}, func(s *ad.Server) { s.RequireSigning = true }, 8},
		{"UPN", sealed{user: "tu@contoso.com", domain: "-"}, nil, 0},
		{"DNS domain", sealed{domain: "contoso.com"}, nil, 0},
		{"unknown user", sealed{user: "nobody"}, nil, 49},
		{"foreign domain", sealed{domain: "FABRIKAM"}, nil, 49},
		{"mechanism that is not offered", sealed{mech: "GSSAPI"}, nil, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newServer(t, tt.change)
			c, err := sealedBind(t, s, tt.how)
			if tt.code != 0 {
				wantCode(t, err, tt.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the streams go on
				got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots, "cACertificate")
				if err != nil || len(got.Entries) != 1 || len(got.Entries[0].GetRawAttributeValues("cACertificate")) != 2 {
					t.Fatalf("search: %v, %v", got, err)
				}
			}
		})
	}
}

func TestSASLInsideTLS(t *testing.T) {
	pool, cert := issue(t)
	for _, tt := range []struct {
		name  string
		flags ntlm.Flags
		code  uint16
	}{
		{"neither sign nor seal", none, 0},
		{"sealed", ntlm.FlagsLDAP, ldap.LDAPResultUnwillingToPerform},
		{"sign alone", ntlm.FlagsLDAP &^ ntlm.NegotiateSeal, ldap.LDAPResultUnwillingToPerform},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newServer(t, func(s *ad.Server) { s.Certificate, s.RequireSigning = cert, true })
			over, err := tls.Dial("tcp", s.TLSAddr(), &tls.Config{RootCAs: pool, ServerName: host})
			if err != nil {
				t.Fatal(err)
			}
			c, err := sealedBind(t, s, sealed{flags: tt.flags, over: over})
			if tt.code != 0 {
				wantCode(t, err, tt.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots); err != nil || len(got.Entries) != 1 {
				t.Errorf("search: %v, %v", got, err)
			}
		})
	}
}

func TestSealedConnectionRefusesAnotherBind(t *testing.T) {
	s, _ := newServer(t, nil)
	c, err := sealedBind(t, s, sealed{})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, c.NTLMBind("CONTOSO", "tu", testPassword), ldap.LDAPResultUnwillingToPerform)
	wantCode(t, c.StartTLS(&tls.Config{ServerName: host}), ldap.LDAPResultOperationsError)
}

func TestStrayTokensAreRefused(t *testing.T) {
	s, dir := newServer(t, nil)
	for name, token := range map[string][]byte{
		"no token":              nil,
		"garbage":               []byte("garbage"),
		"answer to no question": append([]byte("NTLMSSP\x00\x03\x00\x00\x00"), make([]byte, 80)...),
		"SPNEGO out of turn":    negToken(t, []byte("x"), nil),
		"SPNEGO cut short":      {0x60, 0x03, 0x06},
		"SPNEGO without NTLM":   negTokenInit(t, []asn1.ObjectIdentifier{oidKerberos}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			_, err = exchange(c, 1, "GSS-SPNEGO", token, 14)
			code := uint16(ldap.LDAPResultInvalidCredentials)
			if name == "SPNEGO without NTLM" {
				code = ldap.LDAPResultAuthMethodNotSupported
			}
			wantCode(t, err, code)
		})
	}
	if u, _ := dir.User("tu"); u.BadLogons != 0 {
		t.Errorf("%d bad logons counted", u.BadLogons)
	}
}
