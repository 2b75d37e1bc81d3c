package sipwire

import (
	"encoding/hex"
	"strings"
	"testing"
)

const register3 = `REGISTER sip:contoso.com SIP/2.0
Via: SIP/2.0/TLS 10.0.0.21:1044
Max-Forwards: 70
From: <sip:kerry@contoso.com>;tag=7d1f0c2a55;epid=01010101aa
To: <sip:kerry@contoso.com>
Call-ID: 0123456789abcdef0123456789abcdef
CSeq: 3 REGISTER
Contact: <sip:10.0.0.21:1044;transport=tls>;expires=600
Content-Length: 0

`

const registerOK = `SIP/2.0 200 OK
From: "Kerry"<sip:kerry@contoso.com>;tag=7d1f0c2a55;epid=01010101aa
To: <sip:kerry@contoso.com>;tag=A1B2C3D4E5F60718293A4B5C6D7E8F90
Call-ID: 0123456789abcdef0123456789abcdef
CSeq: 3 REGISTER
Via: SIP/2.0/TLS 10.0.0.21:1044;ms-received-port=1044;ms-received-cid=2600
Expires: 7200
Content-Length: 0

`

const invite = `INVITE sip:+14255550123@contoso.com;user=phone SIP/2.0
Via: SIP/2.0/TLS 10.0.0.21:1044
From: <sip:kerry@contoso.com>;tag=c0ffee0001;epid=01010101aa
To: <sip:+14255550123@contoso.com;user=phone>
Call-ID: feedfacefeedfacefeedfacefeedface
CSeq: 1 INVITE
P-Preferred-Identity: <sip:kerry@contoso.com>, <tel:+14255550100>
Content-Length: 0

`

// The vectors of docs/protocol/sip-connection.md#test-vectors (b).
func TestSignatureVectors(t *testing.T) {
	const prefix, realm = "<NTLM>", "<SIP Communications Service><fe1.contoso.local>"
	tests := []struct {
		name, raw string
		version   int
		rand, num string
		keys      keys
		buffer    string
		signature string
	}{
		{"request, version 4", register3, 4, "1a2b3c4d", "1", clientKeys(),
			prefix + "<1a2b3c4d><1>" + realm + "<0123456789abcdef0123456789abcdef><3><REGISTER><sip:kerry@contoso.com><7d1f0c2a55><sip:kerry@contoso.com><><><><>",
			"0100000081eaecc6d99b9adf64000000"},
		{"response, version 4", registerOK, 4, "9F8E7D6C", "1", serverKeys(),
			prefix + "<9F8E7D6C><1>" + realm + "<0123456789abcdef0123456789abcdef><3><REGISTER><sip:kerry@contoso.com><7d1f0c2a55><sip:kerry@contoso.com><A1B2C3D4E5F60718293A4B5C6D7E8F90><><><7200><200>",
			"01000000688b0a816ffe0ede64000000"},
		{"INVITE, version 4", invite, 4, "5566aabb", "2", clientKeys(),
			prefix + "<5566aabb><2>" + realm + "<feedfacefeedfacefeedfacefeedface><1><INVITE><sip:kerry@contoso.com><c0ffee0001><sip:+14255550123@contoso.com;user=phone><><sip:kerry@contoso.com><tel:+14255550100><>",
			"01000000a08867ce33c7985e64000000"},
		{"INVITE, version 2", invite, 2, "5566aabb", "2", clientKeys(),
			prefix + "<5566aabb><2>" + realm + "<feedfacefeedfacefeedfacefeedface><1><INVITE><sip:kerry@contoso.com><c0ffee0001><><>",
			"01000000203d0987c69f3f0c64000000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := SignatureParams{"NTLM", test.rand, test.num, "SIP Communications Service", "fe1.contoso.local"}
			for form, raw := range map[string]string{"long": crlf(test.raw), "compact": compact(crlf(test.raw))} {
				got, err := SignatureBuffer(test.version, []byte(raw), p)
				if err != nil || got != test.buffer {
					t.Errorf("%s names:\n%s, %v\nwant\n%s", form, got, err, test.buffer)
				}
			}
			if got := hex.EncodeToString(test.keys.SignDatagram(signatureSeq, []byte(test.buffer))); got != test.signature {
				t.Errorf("signature %s, want %s", got, test.signature)
			}
		})
	}
}

// compact rewrites a message with compact header names and folded headers.
func compact(raw string) string {
	return strings.NewReplacer("\r\nFrom: ", "\r\nf:\r\n\t", "\r\nTo: ", "\r\nt : ", "\r\nCall-ID: ", "\r\ni:",
		"\r\nVia: ", "\r\nv: ", "\r\nContent-Length: ", "\r\nl: ", "CSeq: 3 ", "cseq:  3\r\n ").Replace(raw)
}

func TestAssertedIdentityInSignature(t *testing.T) {
	tests := []struct{ name, headers, sip, tel string }{
		{"none", "", "", ""},
		{"both in a list", "P-Asserted-Identity: \"Kerry, B\" <sip:kerry@contoso.com>, <tel:+1425>\n", "sip:kerry@contoso.com", "tel:+1425"},
		{"bare tel", "P-Asserted-Identity: tel:+1425\n", "", "tel:+1425"},
		{"asserted before preferred", "P-Preferred-Identity: <sip:a@b>\nP-Asserted-Identity: <sip:c@d>\n", "sip:c@d", ""},
		{"two headers", "P-Asserted-Identity: <sip:c@d;user=phone>\nP-Asserted-Identity: <tel:+1>\n", "sip:c@d;user=phone", "tel:+1"},
		{"first of its kind", "P-Preferred-Identity: <sip:a@b>, <sip:c@d>\n", "sip:a@b", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raw := crlf("OPTIONS sip:a SIP/2.0\n" + test.headers + "\n")
			got, err := SignatureBuffer(3, []byte(raw), SignatureParams{})
			if want := "<" + test.sip + "><" + test.tel + "><>"; err != nil || !strings.HasSuffix(got, want) {
				t.Errorf("%s, %v; want the end %s", got, err, want)
			}
		})
	}
}

func parsed(t *testing.T, text string) *Incoming {
	t.Helper()
	head, body, _ := strings.Cut(crlf(text), "\r\n\r\n")
	in, err := parse([]byte(head+"\r\n\r\n"), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// signedBy puts a's signature into a message.
func signedBy(t *testing.T, a *Association, text string) string {
	t.Helper()
	in := parsed(t, text)
	return strings.Replace(crlf(text), "\r\nContent-Length", "\r\n"+strings.TrimSuffix(a.signatureLine(&in.block), "\r\n")+"\r\nContent-Length", 1)
}

func TestVerify(t *testing.T) {
	client, _ := associations(4, "2BDBAC9D")
	signed := signedBy(t, client, register3)
	replace := func(old, new string) string {
		if !strings.Contains(signed, old) {
			t.Fatalf("%q is not in the message", old)
		}
		return strings.Replace(signed, old, new, 1)
	}
	number := signatureNamesOf(false, false)
	response := mustAuth(t, parsed(t, signed).Header("Authorization")).Get(number.signature)
	tests := []struct {
		name, text string
		want       Signature
	}{
		{"unsigned", register3, Unsigned},
		{"signed", signed, Valid},
		{"upper case hexadecimal", replace(response, strings.ToUpper(response)), Valid},
		{"other Call-ID", replace("Call-ID: 0", "Call-ID: 1"), Invalid},
		{"other case of the URI", replace("From: <sip:kerry", "From: <sip:Kerry"), Invalid},
		{"header added that is signed", replace("CSeq", "Expires: 0\r\nCSeq"), Invalid},
		{"header added that is not signed", replace("CSeq", "Subject: x\r\nCSeq"), Valid},
		{"other opaque", replace("2BDBAC9D", "2BDBAC9E"), Invalid},
		{"signature cut off", replace(response, response[:8]), Invalid},
		{"signature not hexadecimal", replace(response, "xyz"), Invalid},
		{"number not a number", replace(`cnum="1"`, `cnum="one"`), Invalid},
		{"quote left open", replace(response+`"`, response), Invalid},
		{"digest credentials", strings.Replace(register3, "CSeq", "Authorization: Digest username=\"kerry\", response=\"00\"\nCSeq", 1), Unsigned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, server := associations(4, "2BDBAC9D")
			if got := server.Verify(parsed(t, test.text)); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func mustAuth(t *testing.T, value string) Auth {
	t.Helper()
	all, err := ParseAuth(value)
	if err != nil || len(all) != 1 {
		t.Fatalf("%q: %v, %v", value, all, err)
	}
	return all[0]
}

func TestSignatureNumbersOnlyRiseAtServer(t *testing.T) {
	client, server := associations(3, "A")
	var messages []*Incoming
	for range 3 {
		messages = append(messages, parsed(t, signedBy(t, client, register3)))
	}
	for _, step := range []struct {
		message int
		want    Signature
	}{{0, Valid}, {2, Valid}, {1, Repeated}, {2, Repeated}} {
		if got := server.Verify(messages[step.message]); got != step.want {
			t.Errorf("message %d: %v, want %v", step.message+1, got, step.want)
		}
	}
}

// A client takes numbers in any order, for inside OCS several hands sign, but
// each once, and none that is long past.
func TestClientTakesServerNumbersInAnyOrderButOnce(t *testing.T) {
	client, server := associations(4, "A")
	var messages []*Incoming
	for range 67 {
		messages = append(messages, parsed(t, signedBy(t, server, registerOK)))
	}
	for _, step := range []struct {
		message int
		want    Signature
	}{{1, Valid}, {0, Valid}, {1, Repeated}, {0, Repeated}, {66, Valid}, {66, Repeated}, {3, Valid}, {3, Repeated}, {2, Repeated}, {1, Repeated}} {
		if got := client.Verify(messages[step.message]); got != step.want {
			t.Errorf("message %d: %v, want %v", step.message+1, got, step.want)
		}
	}
}

func TestProxyHeaders(t *testing.T) {
	client, server := associations(4, "A")
	client.Proxy, server.Proxy = true, true
	up, down := signedBy(t, client, register3), signedBy(t, server, registerOK)
	if !strings.Contains(up, "\r\nProxy-Authorization: NTLM ") || server.Verify(parsed(t, up)) != Valid {
		t.Error(up)
	}
	if !strings.Contains(down, "\r\nProxy-Authentication-Info: NTLM ") || client.Verify(parsed(t, down)) != Valid {
		t.Error(down)
	}
}

func TestHandshakeHeaderByVersion(t *testing.T) {
	tests := []struct {
		version      int
		echo, signed bool
	}{{0, false, false}, {2, false, false}, {3, true, false}, {4, true, true}}
	for _, test := range tests {
		client, server := associations(test.version, "A")
		in := parsed(t, register3)
		value := strings.TrimPrefix(strings.TrimSuffix(client.handshakeLine(&in.block, []byte("NTLMSSP")), "\r\n"), "Authorization: ")
		auth := mustAuth(t, value)
		if auth.Get("gssapi-data") != "TlRMTVNTUA==" || auth.Has("version") != test.echo || auth.Has("response") != test.signed {
			t.Errorf("version %d: %s", test.version, value)
		}
		in = parsed(t, strings.Replace(register3, "CSeq", "Authorization: "+value+"\nCSeq", 1))
		if got := server.Verify(in); (got == Valid) != test.signed {
			t.Errorf("version %d: %v", test.version, got)
		}
	}
}

func FuzzSignatureBuffer(f *testing.F) {
	for _, seed := range []string{register3, registerOK, invite} {
		f.Add([]byte(crlf(seed)), 2)
		f.Add([]byte(compact(crlf(seed))), 4)
	}
	f.Fuzz(func(t *testing.T, raw []byte, version int) {
		text, err := SignatureBuffer(version, raw, SignatureParams{"NTLM", "00000001", "1", "realm", "target"})
		if err == nil && !strings.HasPrefix(text, "<NTLM><00000001><1><realm><target><") {
			t.Error(text)
		}
	})
}
