package sipwire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// The fields of a signature are joined by "><": who puts that into a field can
// pass the signature of one message off as another's.
func TestSignatureOfAnAnswerDoesNotFitARequest(t *testing.T) {
	_, server := associations(4, "A")
	client, _ := associations(4, "A")
	answer := "SIP/2.0 400 Bad Request\nVia: SIP/2.0/TLS h;branch=z9hG4bKa\nFrom: <sip:kerry@contoso.com>;tag=1\nTo: <sip:kerry@contoso.com>;tag=2\n" +
		"Call-ID: c\nCSeq: 5 SERVICE\nContent-Length: 0\n\n"
	signed := signedBy(t, client, answer)
	request := strings.Replace(signed, "SIP/2.0 400 Bad Request", "SERVICE sip:contoso.com SIP/2.0", 1)
	request = strings.Replace(request, "CSeq:", "Expires: ><400\r\nCSeq:", 1)
	in := parsed(t, request)
	if text := fmt.Sprint(signatureFields(4, &in.block, SignatureParams{})); !strings.Contains(text, "><400") {
		t.Fatalf("no forgery: %s", text)
	}
	if got := server.Verify(in); got != Invalid {
		t.Errorf("the forged request is %v", got)
	}
}

// A client that signs does not sign an answer to what nobody has signed, not
// even that it cannot be read.
func TestMalformedRequestThatIsNotSignedGetsNoSignature(t *testing.T) {
	malformed := crlf("OPTIONS sip:kerry@contoso.com SIP/9\nVia: SIP/2.0/TLS h;branch=z9hG4bKa\nFrom: <sip:a@contoso.com>;tag=1\nTo: <sip:kerry@contoso.com>\n" +
		"Call-ID: c\nCSeq: 5 OPTIONS\nContent-Length: 0\n\n")
	c, s := pair(t, Config{RequireSigned: true, Handler: answerAll}, Config{})
	client, server := associations(4, "A")
	c.Use(client)
	s.Use(server)
	if err := s.SendRaw([]byte(malformed)); err != nil {
		t.Fatal(err)
	}
	if in, err := s.Do(testContext(t), request(t, "OPTIONS", 1)); err != nil || in.Response().StatusCode != 200 {
		t.Fatal(in, err)
	}
	if n := s.Stats().Received; n != 1 {
		t.Errorf("%d answers, want the one to the signed request", n)
	}
	signed := signedBy(t, server, strings.Replace(malformed, "SIP/9", "SIP/2.0", 1))
	signed = strings.Replace(signed, "SIP/2.0\r\nVia", "SIP/9\r\nVia", 1)
	if err := s.SendRaw([]byte(signed)); err != nil {
		t.Fatal(err)
	}
	if in, err := s.Do(testContext(t), request(t, "OPTIONS", 2)); err != nil || in.Response().StatusCode != 200 {
		t.Fatal(in, err)
	}
	if n := s.Stats().Received; n != 3 {
		t.Errorf("%d answers, want three: the server's own malformed request is refused", n)
	}
}

// Up to version 3 the 200 may be unsigned
// (docs/protocol/sip-connection.md#which-messages-are-signed); what the server
// sends right behind it is signed by the new association.
func TestMessageRightBehindAnUnsignedGrantIsVerified(t *testing.T) {
	got := make(chan *Incoming, 1)
	c, _ := pair(t, Config{RequireSigned: true, Handler: func(_ *Conn, in *Incoming) { got <- in }}, Config{Handler: func(s *Conn, in *Incoming) {
		_, a := associations(3, "new")
		_ = s.Send(NewResponse(in.Request(), 200, "OK", ""), Plain())
		s.Use(a)
		_ = s.Send(request(t, "NOTIFY", 1))
	}})
	old, _ := associations(3, "old")
	c.Use(old)
	a, _ := associations(3, "new")
	in, err := c.Authenticate(testContext(t), request(t, "REGISTER", 1), a, []byte("right"))
	if err != nil || in.Response().StatusCode != 200 || in.Signature != Unsigned {
		t.Fatal(in, err)
	}
	if in := wait(t, got, "the message"); in.Signature != Valid || in.By != a {
		t.Errorf("%v by %p, want the new association %p", in.Signature, in.By, a)
	}
}

// Whoever acts on From and To sees what the signature covers.
func TestSignedAddressIsTheOneActedOn(t *testing.T) {
	const uri, tag = "sip:kerry@contoso.com", "7d1f"
	for _, row := range []struct {
		name, from string
		bad        bool
	}{
		{name: "plain", from: "<" + uri + ">;tag=" + tag},
		{name: "tag in capitals", from: uri + ";TAG=" + tag},
		{name: "two tags", from: "<" + uri + ">;tag=" + tag + ";tag=8"},
		{name: "address in the display name", from: `"<sip:eve@contoso.com>" <` + uri + ">;tag=" + tag},
		{name: "escaped quote", from: `"\"<sip:eve@contoso.com>" <` + uri + ">;tag=" + tag},
		{name: "address in a parameter", from: uri + ";x=<sip:eve@contoso.com>;tag=" + tag},
		{name: "two addresses", from: "<" + uri + "> <sip:eve@contoso.com>;tag=" + tag, bad: true},
		{name: "quoted string after a word", from: `a"<sip:eve@contoso.com>" <` + uri + ">;tag=" + tag, bad: true},
		{name: "text behind the address", from: "<" + uri + ">x;tag=" + tag, bad: true},
		{name: "tag that is no token", from: "<" + uri + `>;tag="a;b"`, bad: true},
		{name: "space of another alphabet", from: "<" + uri + ">;tag=" + tag + "\u00a0", bad: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			in, err := parse([]byte(crlf("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/TLS h;branch=z9hG4bKa\nFrom: "+row.from+
				"\nTo: <sip:x@contoso.com>\nCall-ID: c\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n")), nil)
			if row.bad {
				if err == nil {
					t.Fatalf("taken for %s", in.Request().From().Value())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			acted := in.Request().From()
			if got, _ := acted.Params.Get("tag"); acted.Address.String() != uri || got != tag {
				t.Errorf("acts on %s, tag %s", acted.Address.String(), got)
			}
			fields := signatureFields(4, &in.block, SignatureParams{})
			if fields[8] != uri || fields[9] != tag {
				t.Errorf("signs %s, tag %s", fields[8], fields[9])
			}
			// An answer bears the same address for its receiver.
			back := NewResponse(in.Request(), sip.StatusOK, "OK", "")
			a, err := ParseAddress(back.From().Value())
			if err != nil || a.URI != uri || a.Param("tag") != tag {
				t.Errorf("answers %s: %v", back.From().Value(), err)
			}
		})
	}
}

// A start line that is quoted in a step may be printed on a terminal.
func TestStartLineIsShownWithoutControlCharacters(t *testing.T) {
	b := block{start: "SIP/2.0 200 \x1b[2J\u009b\xff"}
	if got := b.printableStart(); strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
		t.Errorf("%q", got)
	}
}
