package sipwire

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestNewRequest(t *testing.T) {
	req, err := NewRequest(RequestConfig{Method: SERVICE, URI: "sip:kerry@contoso.com;gruu;opaque=app:voicemail", Via: "10.0.0.21:1044",
		From: `"Kerry"<sip:kerry@contoso.com>;tag=1;epid=2`, To: "<sip:kerry@contoso.com>", CallID: "c", CSeq: 7,
		Headers: []Header{{"Content-Type", "application/SOAP+xml"}, {"Subject", "x"}}, Body: []byte("<x/>")})
	if err != nil {
		t.Fatal(err)
	}
	text := req.String()
	for _, want := range []string{"SERVICE sip:kerry@contoso.com;gruu;opaque=app:voicemail SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.21:1044;branch=z9hG4bK",
		"\r\nMax-Forwards: 70\r\n", "\r\nFrom: \"Kerry\" <sip:kerry@contoso.com>;tag=1;epid=2\r\n", "\r\nCSeq: 7 SERVICE\r\n", "\r\nContent-Length: 4\r\n\r\n<x/>"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	ok := RequestConfig{Method: "OPTIONS", URI: "sip:a", Via: "b", From: "<sip:a@b>", To: "<sip:a@b>", CallID: "c"}
	for name, change := range map[string]func(*RequestConfig){
		"line break in From":    func(r *RequestConfig) { r.From += "\r\nX: y" },
		"line feed in a value":  func(r *RequestConfig) { r.Headers = []Header{{"X", "a\nb"}} },
		"line break in the URI": func(r *RequestConfig) { r.URI += " SIP/2.0\r\nX: y" },
		"end of headers":        func(r *RequestConfig) { r.CallID += "\r\n\r\nx" },
		"no From":               func(r *RequestConfig) { r.From = "" },
		"no method":             func(r *RequestConfig) { r.Method = "" },
		"NUL in a value":        func(r *RequestConfig) { r.Headers = []Header{{"X", "a\x00b"}} },
		"header in a name":      func(r *RequestConfig) { r.Headers = []Header{{"X: y\r\nZ", "a"}} },
		"no name":               func(r *RequestConfig) { r.Headers = []Header{{"", "a"}} },
		"second Call-ID":        func(r *RequestConfig) { r.Headers = []Header{{"i", "d"}} },
		"status line":           func(r *RequestConfig) { r.Method, r.URI = "SIP/2.0", "200" },
		"too many headers":      func(r *RequestConfig) { r.Headers = slices.Repeat([]Header{{"X", "a"}}, maxHeaders) },
	} {
		r := ok
		change(&r)
		if _, err := NewRequest(r); err == nil {
			t.Error(name, "was accepted")
		}
	}
	if _, err := NewRequest(ok); err != nil {
		t.Error(err)
	}
}

// What OCS and the phone write into Contact is not changed on its way through
// sipgo's types, and ParseAddress finds all of it.
func TestContactKeepsItsText(t *testing.T) {
	for _, contact := range []string{
		`<sip:10.0.0.21:1044;transport=tls;ms-opaque=d3470f2e1d>;methods="INVITE, MESSAGE, BENOTIFY";proxy=replace;+sip.instance="<urn:uuid:4b1682a8-f968-5701-83fc-7c6741dc6697>"`,
		`<sip:10.0.0.21:1044;transport=tls;ms-received-cid=2600>;expires=7200;+sip.instance="<urn:uuid:x>";gruu="sip:kerry@contoso.com;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu"`,
		`<sip:kerry@contoso.com;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu>`,
	} {
		req, err := NewRequest(RequestConfig{Method: "REGISTER", URI: "sip:contoso.com", Via: "10.0.0.21:1044", Transport: "TCP",
			From: "<sip:a@b>;tag=1", To: "<sip:a@b>", CallID: "c", CSeq: 1, Headers: []Header{{"Contact", contact + ", <sip:second>"}}})
		if err != nil {
			t.Fatal(err)
		}
		in := parsed(t, req.String())
		var list []string
		for _, value := range in.Headers("Contact") {
			list = append(list, SplitList(value)...)
		}
		if !slices.Equal(list, []string{contact, "<sip:second>"}) || req.Via().Transport != "TCP" {
			t.Errorf("%q", list)
		}
	}
}

func TestNewResponse(t *testing.T) {
	in := parsed(t, `INVITE sip:a@b SIP/2.0
Via: SIP/2.0/TLS 10.0.0.21:1044;branch=z9hG4bK1
v: SIP/2.0/TLS 10.0.0.22
From: <sip:kerry@contoso.com>;tag=1;epid=2
To: <sip:bob@contoso.com>
Call-ID: c
CSeq: 7 INVITE
Content-Length: 0

`)
	for _, test := range []struct {
		code      int
		tag, want string
	}{{100, "x", ""}, {180, "x", "x"}} {
		res := NewResponse(in.Request(), test.code, "reason", test.tag)
		if got := res.To().Params.GetOr("tag", ""); got != test.want {
			t.Errorf("%d: tag %q", test.code, got)
		}
	}
	res := NewResponse(in.Request(), 200, "OK", "")
	Received(res, netip.MustParseAddrPort("[::ffff:127.0.0.1]:2222"), "2600")
	tag := res.To().Params.GetOr("tag", "")
	want := crlf("SIP/2.0 200 OK\nVia: SIP/2.0/TLS 10.0.0.21:1044;branch=z9hG4bK1;received=127.0.0.1;ms-received-port=2222;ms-received-cid=2600\n" +
		"Via: SIP/2.0/TLS 10.0.0.22\nFrom: <sip:kerry@contoso.com>;tag=1;epid=2\nTo: <sip:bob@contoso.com>;tag=" + tag +
		"\nCall-ID: c\nCSeq: 7 INVITE\nContent-Length: 0\n\n")
	if len(tag) != 16 || res.String() != want {
		t.Errorf("%s\nwant\n%s", res, want)
	}
	if strings.Contains(in.Msg.String(), "received") || strings.Contains(in.Msg.String(), tag) {
		t.Error("the request was changed")
	}
}

func TestRedact(t *testing.T) {
	tests := []struct{ name, in, out string }{
		{"token", "Authorization: NTLM gssapi-data=\"TlRM\", response=\"0100\"\n\nx", "Authorization: NTLM gssapi-data=\"…\", response=\"0100\"\n\nx"},
		{"token without quotes", "WWW-Authenticate: NTLM GSSAPI-Data = TlRM, version=4\n\n", "WWW-Authenticate: NTLM GSSAPI-Data = \"…\", version=4\n\n"},
		{"quote left open", "a: NTLM gssapi-data=\"TlRM\nb: c\n\n", "a: NTLM gssapi-data=\"…\"\n\n"},
		{"digest", "Authorization: Digest username=\"k\",\n response=\"abc\", uri=\"sip:x\"\n\n", "Authorization: Digest username=\"k\",\n response=\"…\", uri=\"sip:x\"\n\n"},
		{"body stays", "A: b\n\ngssapi-data=\"x\"", "A: b\n\ngssapi-data=\"x\""},
		{"no end of headers", "A: NTLM gssapi-data=\"x\"", "A: NTLM gssapi-data=\"…\""},
	}
	for _, test := range tests {
		in := []byte(crlf(test.in))
		before := bytes.Clone(in)
		if got := string(Redact(in)); got != crlf(test.out) || !bytes.Equal(in, before) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

// RFC 4475 3.1.1.1. The tests of pool and phone have the answers to all messages.
func TestTortuousINVITE(t *testing.T) {
	raw, err := os.ReadFile("testdata/rfc4475/wsinv.dat")
	if err != nil {
		t.Fatal(err)
	}
	m := parsed(t, string(raw)).Msg
	var transports []string
	for _, v := range m.GetHeaders("Via") {
		via := v.(*sip.ViaHeader)
		transports = append(transports, via.Transport+" "+via.Host+" "+via.Params.GetOr("branch", ""))
	}
	want := []string{"UDP 192.0.2.2 390skdjuw", "TCP spindle.example.com z9hG4bK9ikj8", "UDP 192.168.255.111 z9hG4bK30239"}
	if !slices.Equal(transports, want) || m.To().Params.GetOr("tag", "") != "1918181833n" || m.From().Params.GetOr("tag", "") != "98asjd8" ||
		m.CSeq().SeqNo != 9 || m.CSeq().MethodName != "INVITE" ||
		m.GetHeaders("NewFangledHeader")[0].Value() != "newfangled value continued newfangled value" {
		t.Errorf("understood as\n%s", m)
	}
}

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in, display, uri string
		params           []Param
		bad              bool
	}{
		{in: "<sip:a@b>", uri: "sip:a@b"},
		{in: "sip:a@b;tag=1", uri: "sip:a@b", params: []Param{{Name: "tag", Value: "1"}}},
		{in: `"K. \"x\", <y>" <sip:a@b;gruu> ; tag = 1;x`, display: `K. "x", <y>`, uri: "sip:a@b;gruu", params: []Param{{Name: "tag", Value: "1"}, {Name: "x"}}},
		{in: `Kerry Smith <sip:a@b>`, display: "Kerry Smith", uri: "sip:a@b"},
		{in: `<sip:1.2.3.4:1;transport=tls>;expires=7200;+sip.instance="<urn:uuid:x>";gruu="sip:k@c;opaque=user:epid:AA;gruu"`, uri: "sip:1.2.3.4:1;transport=tls",
			params: []Param{{Name: "expires", Value: "7200"}, {Name: "+sip.instance", Value: "<urn:uuid:x>"}, {Name: "gruu", Value: "sip:k@c;opaque=user:epid:AA;gruu"}}},
		{in: "", bad: true},
		{in: "<>", bad: true},
		{in: "<sip:a", bad: true},
		{in: `"a`, bad: true},
		{in: `<sip:a> x`, bad: true},
		{in: `sip:a@b?Route=c`, bad: true},
		{in: `<sip:a@b?Route=c>`, uri: "sip:a@b?Route=c"},
	}
	for _, test := range tests {
		a, err := ParseAddress(test.in)
		if test.bad != (err != nil) {
			t.Errorf("%s: error %v", test.in, err)
		} else if !test.bad && (a.Display != test.display || a.URI != test.uri || !slices.Equal(a.Params, test.params)) {
			t.Errorf("%s: %+v", test.in, a)
		}
	}
}

func TestParseAuth(t *testing.T) {
	tests := []struct{ name, in, out string }{
		{"NTLM", `NTLM realm="SIP Communications Service", targetname="fe1", version=4`, `NTLM realm="SIP Communications Service", targetname="fe1", version=4`},
		{"blanks", "NTLM  qop = \"auth\" ,opaque=\"2B\"", `NTLM qop="auth", opaque="2B"`},
		{"base64 without quotes", "NTLM gssapi-data=TlRM==", `NTLM gssapi-data=TlRM==`},
		{"empty value", `NTLM gssapi-data=""`, `NTLM gssapi-data=""`},
		{"comma and quote in a value", `Digest realm="a, \"b\" = c", nonce="d"`, `Digest realm="a, \"b\" = c", nonce="d"`},
		{"several challenges", `NTLM realm="r", version=4, Kerberos realm="r", targetname="sip/fe1"`, `NTLM realm="r", version=4 | Kerberos realm="r", targetname="sip/fe1"`},
		{"scheme alone", "NTLM", "NTLM"},
		{"nothing", "", ""},
		{"no scheme", `realm="x"`, "error"},
		{"no token", `NTLM re(alm="x"`, "NTLM | error"},
		{"too many", "NTLM " + strings.Repeat("a=b,", maxParams+1), "error"},
	}
	for _, test := range tests {
		all, err := ParseAuth(test.in)
		var out []string
		for _, a := range all {
			out = append(out, a.String())
		}
		if err != nil {
			out = append(out, "error")
		}
		if got := strings.Join(out, " | "); got != test.out && !(test.out == "error" && err != nil) {
			t.Errorf("%s: %s, want %s", test.name, got, test.out)
		}
	}
	msg := request(t, "OPTIONS", 1)
	msg.AppendHeader(sip.NewHeader("WWW-Authenticate", `Kerberos realm="r"`))
	msg.AppendHeader(sip.NewHeader("WWW-Authenticate", `broken(`))
	msg.AppendHeader(sip.NewHeader("www-authenticate", `NTLM Realm="r"`))
	if all := Auths(msg, "WWW-Authenticate"); len(all) != 2 || all[0].Scheme != "Kerberos" || all[1].Get("realm") != "r" {
		t.Errorf("%v", all)
	}
}

func FuzzAuthParams(f *testing.F) {
	for _, seed := range []string{`NTLM realm="a, b", version=4, Kerberos x="\"", y=z==`, `NTLM gssapi-data=""`, "Digest", `a b=c<d,e>`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		all, err := ParseAuth(value)
		if err != nil {
			return
		}
		for _, a := range all { // what is understood is written so that it is understood again
			again, err := ParseAuth(a.String())
			if err != nil || len(again) != 1 || again[0].Scheme != a.Scheme || !slices.Equal(again[0].Params, a.Params) {
				t.Errorf("%q became %+v, then %+v, %v", value, a, again, err)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{register3, registerOK, invite, "\n\n" + invite + "\n\n" + registerOK, compact(crlf(register3))} {
		f.Add([]byte(crlf(seed)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(data), 16)
		head, err := readHead(r, maxHeaderBlock)
		if err != nil {
			return
		}
		if n, err := contentLength(head); err != nil || n > len(data) {
			return
		}
		in, err := parse(head, nil)
		if err != nil {
			in.block.refusal(err)
			return
		}
		if in.Msg.CallID() == nil || in.Msg.CSeq() == nil || in.Msg.From() == nil || in.Msg.To() == nil {
			t.Fatalf("a message without what it needs: %q", head)
		}
		if key, err := keyOf(in.Msg); err != nil || key != func() transactionKey { k, _ := in.block.key(); return k }() {
			t.Errorf("%v: the parser and the raw headers differ: %+v %q", err, key, head)
		}
		if req := in.Request(); req != nil {
			NewResponse(req, 200, "OK", "")
		}
		verify([]*Association{NewAssociation(AssociationConfig{Server: true, Session: serverKeys()})}, &in.block)
		Redact(head)
	})
}
