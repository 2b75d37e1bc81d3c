package spnego_test

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/ntlm/spnego"
)

const password = "Lab-Pa55word"

func newAcceptor() *spnego.Acceptor {
	return &spnego.Acceptor{NTLM: &ntlm.Server{NetBIOSDomain: "CONTOSO", DNSDomain: "contoso.com", Flags: ntlm.FlagsHTTP | ntlm.NegotiateSign,
		NTHash: func(user, _ string) ([]byte, error) {
			if !strings.EqualFold(user, "tu") {
				return nil, errors.New("nobody of that name")
			}
			return ntlm.NTHash(password), nil
		}}}
}

// A client, written apart from the server's types.

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
	body := wrap(t, 2, 0, marshal(t, mechs))
	if token != nil {
		body = append(body, wrap(t, 2, 2, marshal(t, token))...)
	}
	inner := wrap(t, 2, 0, wrap(t, 0, 16, body))
	return wrap(t, 1, 0, append(marshal(t, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}), inner...))
}

func negTokenResp(t testing.TB, token, mic []byte) []byte {
	body := wrap(t, 2, 2, marshal(t, token))
	if mic != nil {
		body = append(body, wrap(t, 2, 3, marshal(t, mic))...)
	}
	return wrap(t, 2, 1, wrap(t, 0, 16, body))
}

type answer struct {
	State asn1.Enumerated       `asn1:"explicit,tag:0"`
	Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	Token []byte                `asn1:"explicit,optional,tag:2"`
	MIC   []byte                `asn1:"explicit,optional,tag:3"`
}

func read(t testing.TB, b []byte) (r answer) {
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

func newClient() *ntlm.Client {
	return &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: password, Flags: ntlm.FlagsHTTP | ntlm.NegotiateSign}
}

func TestBareNTLMIsTaken(t *testing.T) {
	a, c := newAcceptor(), newClient()
	if !spnego.IsInitial(c.Negotiate()) || spnego.IsNegTokenInit(c.Negotiate()) {
		t.Error("the first NTLM message opens an exchange, and is not wrapped")
	}
	challenge, session, err := a.Step(c.Negotiate())
	if err != nil || session != nil {
		t.Fatal(session, err)
	}
	proof, _, err := c.Authenticate(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if reply, session, err := a.Step(proof); err != nil || session == nil || reply != nil {
		t.Errorf("%x, %v, %v", reply, session, err)
	}
}

// TestNegotiationEndsInNTLM is RFC 4178 4.2 and 5: with NTLM as first choice in
// two rounds, as second in three and never without the MIC.
func TestNegotiationEndsInNTLM(t *testing.T) {
	first, second := []asn1.ObjectIdentifier{oidNTLM, oidKerberos}, []asn1.ObjectIdentifier{oidKerberos, oidNTLM}
	for name, row := range map[string]struct {
		offer    []asn1.ObjectIdentifier // as the server sees it
		signed   []asn1.ObjectIdentifier // what the MIC is of; nil: none is sent
		password string
		want     error
	}{
		"first choice":                {first, nil, password, nil},
		"first choice, with MIC":      {first, first, password, nil},
		"second choice":               {second, second, password, nil},
		"second choice, without MIC":  {second, nil, password, ntlm.ErrMIC},
		"somebody changed the offer":  {second, first, password, ntlm.ErrMIC},
		"wrong password":              {first, nil, "wrong", ntlm.ErrLogon},
		"wrong password, second of 2": {second, second, "wrong", ntlm.ErrLogon},
	} {
		t.Run(name, func(t *testing.T) {
			a, c := newAcceptor(), newClient()
			c.Password = row.password
			opening := negTokenInit(t, row.offer, c.Negotiate())
			if !spnego.IsInitial(opening) || !spnego.IsNegTokenInit(opening) {
				t.Error("it opens nothing")
			}
			reply, _, err := a.Step(opening)
			if err != nil {
				t.Fatal(err)
			}
			r := read(t, reply)
			if !r.Mech.Equal(oidNTLM) {
				t.Errorf("mechanism %v", r.Mech)
			}
			if !row.offer[0].Equal(oidNTLM) { // the token was for the other mechanism
				if r.State != 3 || r.Token != nil {
					t.Errorf("%+v, want request-mic and no token", r)
				}
				if reply, _, err = a.Step(negTokenResp(t, c.Negotiate(), nil)); err != nil {
					t.Fatal(err)
				}
				r = read(t, reply)
			}
			if r.State != 1 {
				t.Errorf("state %d, want accept-incomplete", r.State)
			}
			proof, session, err := c.Authenticate(r.Token)
			if err != nil {
				t.Fatal(err)
			}
			var mic []byte
			if row.signed != nil {
				mic = session.Sign(marshal(t, row.signed))
			}
			reply, proven, err := a.Step(negTokenResp(t, proof, mic))
			if !errors.Is(err, row.want) || (proven == nil) != (row.want != nil) {
				t.Fatalf("%v, %v; want %v", proven, err, row.want)
			}
			if row.want == nil {
				if r = read(t, reply); r.State != 0 || (r.MIC == nil) != (mic == nil) || r.MIC != nil && !session.Verify(marshal(t, row.offer), r.MIC) {
					t.Errorf("%+v, want accept-completed", r)
				}
			}
		})
	}
}

func TestStrayTokensAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		token []byte
		want  error
	}{
		"no token":              {nil, spnego.ErrToken},
		"garbage":               {[]byte("garbage"), spnego.ErrToken},
		"second NTLM message":   {append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 80)...), spnego.ErrToken},
		"an answer out of turn": {negTokenResp(t, []byte("x"), nil), spnego.ErrToken},
		"cut short":             {[]byte{0x60, 0x03, 0x06}, spnego.ErrToken},
		"without NTLM":          {negTokenInit(t, []asn1.ObjectIdentifier{oidKerberos}, nil), spnego.ErrMechanism},
	} {
		if reply, session, err := newAcceptor().Step(row.token); reply != nil || session != nil || !errors.Is(err, row.want) {
			t.Errorf("%s: %x, %v, %v", name, reply, session, err)
		}
	}
}

func FuzzStep(f *testing.F) {
	for _, seed := range []string{
		"600d06062b0601050502a003300100",
		"602806062b0601050502a01e301ca00e300c060a2b06010401823702020aa20a04084e544c4d53535000",
		"a1073005a0030a0100",
		"4e544c4d5353500001000000078208a20000000000000000",
	} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(nil), b)
	}
	f.Add(negTokenInit(f, []asn1.ObjectIdentifier{oidKerberos, oidNTLM}, nil), negTokenResp(f, newClient().Negotiate(), nil))
	f.Fuzz(func(t *testing.T, opening, b []byte) {
		a := newAcceptor()
		for _, token := range [][]byte{opening, b} {
			if _, session, _ := a.Step(token); session != nil {
				t.Error("a session for nobody")
			}
		}
	})
}
