package exchange_test

import (
	"encoding/asn1"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/ntlm"
)

// tlv is DER of that class and tag around parts.
func tlv(t *testing.T, class, tag int, parts ...[]byte) []byte {
	t.Helper()
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	b, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: class != 0 || tag == 16, Bytes: all})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNegotiateTakesSPNEGO is RFC 4559 with NTLM, as curl and browsers with GSS-API
// send it. The scheme NTLM does not allow SPNEGO.
func TestNegotiateTakesSPNEGO(t *testing.T) {
	const (
		context  = 2
		sequence = 16
		octets   = 4
	)
	oid := func(o ...int) []byte {
		b, err := asn1.Marshal(asn1.ObjectIdentifier(o))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, row := range []struct {
		name, scheme, password string
		status, bad            int
	}{
		{"log-on", "Negotiate", password, 200, 0},
		{"wrong password", "Negotiate", "wrong", 401, 1},
		{"under NTLM", "NTLM", password, 401, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, nil)
			tr := w.transport()
			tr.MaxConnsPerHost = 1
			client := w.client(tr)
			send := func(token []byte) (*http.Response, []byte) {
				r, err := http.NewRequest("POST", ewsURL, strings.NewReader(soapHead+getFolder("inbox")+soapTail))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "text/xml")
				if token != nil {
					r.Header.Set("Authorization", row.scheme+" "+base64.StdEncoding.EncodeToString(token))
				}
				res, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				_, _ = io.Copy(io.Discard, res.Body)
				_, encoded, _ := strings.Cut(res.Header.Get("WWW-Authenticate"), " ")
				reply, err := base64.StdEncoding.DecodeString(encoded)
				if err != nil {
					t.Fatal(err)
				}
				return res, reply
			}
			n := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: row.password, Flags: ntlm.FlagsHTTP}
			opening := tlv(t, 1, 0, oid(1, 3, 6, 1, 5, 5, 2), tlv(t, context, 0, tlv(t, 0, sequence,
				tlv(t, context, 0, tlv(t, 0, sequence, oid(1, 3, 6, 1, 4, 1, 311, 2, 2, 10))),
				tlv(t, context, 2, tlv(t, 0, octets, n.Negotiate())))))
			res, reply := send(opening)
			if at := strings.Index(string(reply), "NTLMSSP\x00\x02"); row.scheme == "Negotiate" {
				if at < 0 || res.StatusCode != 401 {
					t.Fatalf("%s: %x", res.Status, reply)
				}
				proof, _, err := n.Authenticate(reply[at:])
				if err != nil {
					t.Fatal(err)
				}
				res, reply = send(tlv(t, context, 1, tlv(t, 0, sequence, tlv(t, context, 2, tlv(t, 0, octets, proof)))))
			} else if at >= 0 {
				t.Errorf("a challenge: %x", reply)
			}
			if u, _ := w.dir.User("tu"); res.StatusCode != row.status || u.BadLogons != row.bad {
				t.Errorf("%s, %d bad log-ons", res.Status, u.BadLogons)
			}
			if row.status == 200 {
				if len(reply) == 0 {
					t.Error("SPNEGO has no last message")
				}
				if res, _ = send(nil); res.StatusCode != 200 {
					t.Errorf("the connection is not authenticated: %s", res.Status)
				}
			}
			if c := w.Counters(); c.Connections != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}
