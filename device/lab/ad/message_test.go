package ad

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/directory"
)

func newTestServer(t testing.TB) *Server {
	t.Helper()
	dir := directory.New("contoso.com", "CONTOSO")
	if err := dir.AddUser(directory.User{SAM: "tu", SIP: "tu@contoso.com", Password: "x"}); err != nil {
		t.Fatal(err)
	}
	dir.PublishRoot("Contoso Root CA", []byte("root"))
	s := New(dir)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// nested is a message whose filter is depth times not.
func nested(depth int) []byte {
	f := "(cn=x)"
	p, err := ldap.CompileFilter(f)
	if err != nil {
		panic(err)
	}
	for range depth {
		p = constructed(ber.ClassContext, 2, p)
	}
	return request(p)
}

// request is a search of the users by that filter.
func request(f *ber.Packet) []byte {
	integer := func(n int) *ber.Packet {
		return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, n, "")
	}
	flag := ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, false, "")
	op := constructed(ber.ClassApplication, opSearchRequest, octets(""), enumerated(0), enumerated(0), integer(0), integer(0), flag, f, sequence())
	return sequence(integer(7), op).Bytes()
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Malformed messages end the connection with a Notice of Disconnection
// (RFC 4511 4.4.1) and nothing else.
func TestMalformedMessagesEndTheConnection(t *testing.T) {
	s := newTestServer(t)
	for name, b := range map[string][]byte{
		"no sequence":                  []byte("GET / HTTP/1.1\r\n\r\n"),
		"indefinite length":            unhex("30 80 02 01 01 42 00 00 00"),
		"length of five octets":        unhex("30 85 00 00 00 00 05 02 01 01 42 00"),
		"4 GiB announced":              unhex("30 84 ff ff ff ff"),
		"1 MiB and one announced":      unhex("30 83 10 00 01"),
		"child longer than its parent": unhex("30 05 02 01 01 42 7f"),
		"no operation":                 unhex("30 03 02 01 01"),
		"empty":                        unhex("30 00"),
		"id is no number":              unhex("30 05 04 01 01 42 00"),
		"id is empty":                  unhex("30 04 02 00 42 00"),
		"negative id":                  unhex("30 05 02 01 ff 42 00"),
		"id beyond 31 bits":            unhex("30 09 02 05 00 ff ff ff ff 42 00"),
		"operation of another class":   unhex("30 05 02 01 01 02 00"),
		"unknown operation":            unhex("30 05 02 01 01 7d 00"),
		"tag of several octets":        unhex("30 06 02 01 01 7f 20 00"),
		"controls that are none":       unhex("30 07 02 01 01 42 00 04 00"),
		"control without type":         unhex("30 09 02 01 01 50 00 a0 02 30 00"),
		"bind without anything":        unhex("30 05 02 01 01 60 00"),
		"SASL bind without mechanism":  unhex("30 0c 02 01 01 60 07 02 01 03 04 00 a3 00"),
		"search without anything":      unhex("30 05 02 01 01 63 00"),
		"extended without anything":    unhex("30 05 02 01 01 77 00"),
		"filter nested too deep":       nested(maxDepth),
		"filter of a foreign class":    request(octets("x")),
		"not of nothing":               request(constructed(ber.ClassContext, 2)),
		"filter 10":                    request(constructed(ber.ClassContext, 10)),
		"substrings out of order":      request(constructed(ber.ClassContext, 4, octets("cn"), sequence(contextString(2, "x"), contextString(0, "x")))),
		"too many elements":            request(constructed(ber.ClassContext, 0, many(maxElements)...)),
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(time.Minute))
			if _, err := nc.Write(b); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(nc) // a reset, for what the server left unread, is as good as an end
			if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
				t.Fatal("the connection stays open")
			}
			if err == nil && !bytes.Contains(got, []byte("1.3.6.1.4.1.1466.20036")) {
				t.Errorf("answered %x", got)
			}
		})
	}
}

func many(n int) []*ber.Packet {
	all := make([]*ber.Packet, n)
	for i := range all {
		all[i] = contextString(7, "")
	}
	return all
}

func TestFilterDepthIsLimited(t *testing.T) {
	frame, err := readFrame(bytes.NewReader(nested(maxDepth - 4)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseMessage(frame)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseSearch(m); err != nil {
		t.Fatal(err)
	}
}

// FuzzRequest gives arbitrary bytes to the decoder, the filter evaluator and the
// search; their result must be encodable.
func FuzzRequest(f *testing.F) {
	s := newTestServer(f)
	for _, filter := range []string{"(objectClass=*)", "(&(cn=t*u)(!(mail>=5)))", "(|(a~=b)(userAccountControl:1.2.840.113556.1.4.803:=2))", "(cn:dn:2.5.13.5:=x)", `(cACertificate;binary=\ff)`} {
		p, err := ldap.CompileFilter(filter)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(request(p))
	}
	f.Add(unhex("30 0c 02 01 01 60 07 02 01 03 04 00 80 00"))                                                           // anonymous bind
	f.Add(unhex("30 1d 02 01 01 77 18 80 16") /* StartTLS */)                                                           //
	f.Add(append(unhex("30 2c 02 01 02 60 27 02 01 03 04 00 a3 20 04 0a"), "GSS-SPNEGO\x04\x12NTLMSSP\x00\x01\x00"...)) //
	f.Add(nested(maxDepth))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := readFrame(bytes.NewReader(b))
		if err != nil {
			return
		}
		m, err := parseMessage(frame)
		if err != nil {
			return
		}
		c := &conn{s: s, user: "tu"}
		r, err := parseSearch(m)
		if err == nil {
			for _, e := range append(s.users(), s.configuration(Faults{})...) {
				if r.match(e) == isTrue {
					_ = r.encode(e).Bytes()
				}
			}
			_ = c.find(r, m.controls)
		}
	})
}

func FuzzNBNS(f *testing.F) {
	s := newTestServer(f)
	f.Add(nbnsQuery(1, "CONTOSO", nbnsControl, nbnsTypeName))
	f.Add(nbnsQuery(2, "*", 0, nbnsTypeStatus))
	f.Add(make([]byte, 50))
	f.Fuzz(func(t *testing.T, q []byte) {
		reply := s.nbnsAnswer(q)
		if reply != nil && (len(reply) > nbnsMaxPacket || !bytes.Equal(reply[:2], q[:2]) || reply[2]&0x80 == 0) {
			t.Errorf("answered %x", reply)
		}
	})
}
