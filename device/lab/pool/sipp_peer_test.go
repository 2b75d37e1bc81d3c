//go:build realpeers && linux

package pool_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/peer"
)

// sipp of Debian speaks no TLS: stunnel, which verifies authority and name,
// brings it to the pool.
const (
	tunnelAddress = "127.23.1.2"
	tunnelPort    = "5070"
	sippPort      = "5080"
)

const stunnelConfig = `foreground = yes
pid =
debug = 4
[sip]
client = yes
accept = ` + tunnelAddress + ":" + tunnelPort + `
connect = %s
CAfile = %s
verifyChain = yes
checkHost = pool.contoso.com
sni = pool.contoso.com
`

// sippRegister is a scenario: REGISTER, 401, REGISTER with digest, 200.
var sippRegister = func() string {
	register := func(cseq int, credentials string) string {
		return fmt.Sprintf(`<send><![CDATA[
REGISTER sip:contoso.com SIP/2.0
Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@contoso.com>;tag=[call_number]
To: <sip:[field0]@contoso.com>
Call-ID: [call_id]
CSeq: %d REGISTER
Max-Forwards: 70
Contact: <sip:[field0]@[local_ip]:[local_port];transport=tls>
Expires: 600
%sContent-Length: 0

]]></send>
`, cseq, credentials)
	}
	return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
` + register(1, "") + `<recv response="401" auth="true"></recv>
` + register(2, "[field1]\n") + `<recv response="200"></recv>
</scenario>
`
}()

// startTunnel leads tunnelAddress to the pool.
func (w *peerWorld) startTunnel(t *testing.T) {
	t.Helper()
	peer.Need(t, "stunnel4", "stunnel")
	config := peer.Write(t, w.dir, "stunnel.conf", fmt.Sprintf(stunnelConfig, w.Addr(), w.ca))
	peer.Command{Ready: peer.Listening(tunnelAddress + ":" + tunnelPort)}.Start(t, "stunnel", config)
}

// sippWorld is a registrar behind a tunnel, whose users sipp knows.
type sippWorld struct {
	*peerWorld
	scenario, list string
}

func newSippWorld(t *testing.T, users int) *sippWorld {
	t.Helper()
	peer.Need(t, "sip-tester", "sipp")
	w := &sippWorld{peerWorld: newPeerWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.DigestMD5} })}
	list := "SEQUENTIAL\n"
	for i := range users {
		name := fmt.Sprintf("u%d", i)
		list += fmt.Sprintf("%[1]s;[authentication username=%[1]s password=pw-%[1]s]\n", name)
		if err := w.users.AddUser(directory.User{SAM: name, SIP: name + "@contoso.com", Password: "pw-" + name}); err != nil {
			t.Fatal(err)
		}
	}
	w.list = peer.Write(t, w.dir, "users.csv", list)
	w.scenario = peer.Write(t, w.dir, "register.xml", sippRegister)
	w.startTunnel(t)
	return w
}

// sipp lets so many users register, each once; args say how. Without -auth_uri its
// digests are for the address that it connects to.
func (w *sippWorld) sipp(t *testing.T, users int, args ...string) {
	t.Helper()
	out, code := peer.Command{Dir: w.dir}.Run(t, "sipp", append([]string{"-i", tunnelAddress, "-p", sippPort, "-sf", w.scenario, "-inf", w.list, "-auth_uri", "contoso.com",
		"-m", fmt.Sprint(users), "-r", "1000", "-max_socket", "2000", "-timeout", "30", "-timeout_error", "-nostdin",
		"-trace_err", "-error_file", "errors.log", tunnelAddress + ":" + tunnelPort}, args...)...)
	if code != 0 {
		log, _ := os.ReadFile(w.dir + "/errors.log")
		t.Fatalf("sipp ended with %d:\n%s\n%s", code, out, log)
	}
}

func TestPeerSipp(t *testing.T) {
	const users = 300
	w := newSippWorld(t, users)
	for _, c := range []struct{ name, transport, inFlight string }{
		{"all over one connection", "t1", "20"},
		{"each over its own", "tn", "10"},
	} {
		t.Run(fmt.Sprintf("%d users register by digest, %s", users, c.name), func(t *testing.T) {
			before := w.Counters()
			w.sipp(t, users, "-t", c.transport, "-l", c.inFlight)
			after := w.Counters()
			if after.Registers-before.Registers != users || after.BadLogons != before.BadLogons {
				t.Fatalf("counted %+v, before %+v", after, before)
			}
			if n := len(w.Registrations()); n < users {
				t.Errorf("%d are registered", n)
			}
			peer.Row(t, "sip-tester", fmt.Sprintf("%d users register at the lab's pool by digest, %s (TLS by stunnel)", users, c.name))
		})
	}
}

// TestPeerSippIsRefused: sipp reads the answers to what the pool does not support.
func TestPeerSippIsRefused(t *testing.T) {
	w := newSippWorld(t, 1)
	scenario, err := filepath.Abs("testdata/sipp-refusals.xml")
	if err != nil {
		t.Fatal(err)
	}
	w.scenario = scenario
	w.sipp(t, 1, "-t", "t1")
	peer.Row(t, "sip-tester", "reads 420, 416 and 415 of the lab's pool, with the headers that go with them")
}

// raw is one connection to the pool, for what no client sends.
type raw struct {
	t *testing.T
	net.Conn
	heard bytes.Buffer
}

func (w *peerWorld) dialRaw(t *testing.T) *raw {
	t.Helper()
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(w.ca)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no CA", err)
	}
	c, err := tls.Dial("tcp", w.Addr(), &tls.Config{RootCAs: roots, ServerName: "pool.contoso.com"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &raw{t: t, Conn: c}
}

func (r *raw) say(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		r.t.Fatal(err)
	}
}

// hears waits until the answers so far have want in this order; false: the pool
// has closed.
func (r *raw) hears(want ...string) bool {
	r.t.Helper()
	b := make([]byte, 4096)
	for {
		rest, all := r.heard.String(), true
		for _, s := range want {
			_, after, found := strings.Cut(rest, s)
			rest, all = after, all && found
		}
		if all {
			return true
		}
		r.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := r.Read(b)
		r.heard.Write(b[:n])
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			r.t.Fatalf("waited in vain for %q; heard\n%s", want, r.heard.String())
		case err != nil:
			return false
		}
	}
}

func options(n int, more string) string {
	return fmt.Sprintf("OPTIONS sip:contoso.com SIP/2.0\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bK%[1]d\nFrom: <sip:tu@contoso.com>;tag=1\n"+
		"To: <sip:contoso.com>\nCall-ID: raw\nCSeq: %[1]d OPTIONS\nMax-Forwards: 70\n%[2]sContent-Length: 0\n\n", n, more)
}

// TestPeerSippAmongRubbish has sipp register while others misbehave: what one
// connection says harms no other.
func TestPeerSippAmongRubbish(t *testing.T) {
	const users = 20
	w := newSippWorld(t, users)
	for name, f := range map[string]func(*raw){
		"pipelined requests are answered in order": func(r *raw) {
			all, want := "", []string{}
			for n := range 50 {
				all += options(n+1, "")
				want = append(want, fmt.Sprintf("CSeq: %d OPTIONS", n+1))
			}
			r.say(all)
			if !r.hears(want...) {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
		},
		"one byte at a time": func(r *raw) {
			for _, b := range options(1, "") {
				r.say(string(b))
			}
			if !r.hears("SIP/2.0 200") {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
		},
		"answers, ACKs and digests that nobody asked for": func(r *raw) {
			r.say(strings.ReplaceAll(options(1, ""), "OPTIONS sip:contoso.com SIP/2.0\n", "SIP/2.0 200 OK\n"))
			r.say(strings.ReplaceAll(options(2, ""), "OPTIONS", "ACK"))
			r.say(strings.ReplaceAll(options(3, `Authorization: Digest username="tu", realm="x", nonce="y", uri="sip:contoso.com", response="0", nc=00000001`+"\n"), "OPTIONS", "REGISTER"))
			if !r.hears("SIP/2.0 401", "stale=true") {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
			r.say(options(4, ""))
			if !r.hears("CSeq: 4 OPTIONS") {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
		},
		"a malformed request costs itself alone": func(r *raw) {
			r.say(strings.Replace(options(1, ""), "CSeq: 1 OPTIONS", "CSeq: one OPTIONS", 1) + options(2, ""))
			if !r.hears("SIP/2.0 400", "CSeq: 2 OPTIONS") {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
		},
		"no length, no SIP": func(r *raw) {
			r.say("GET / HTTP/1.1\nHost: pool.contoso.com\n\n")
			if r.hears("SIP/2.0 200") {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
		},
		"a header block without an end": func(r *raw) {
			for range 2 << 10 {
				if _, err := io.WriteString(r, "X: "+strings.Repeat("x", 1020)+"\r\n"); err != nil {
					return // the pool has had enough
				}
			}
			if r.hears("SIP/2.0 200") {
				r.t.Errorf("heard\n%s", r.heard.String())
			}
		},
		"half a request, left open": func(r *raw) { r.say(options(1, "")[:100]) },
	} {
		t.Run(name, func(t *testing.T) {
			f(w.dialRaw(t))
			w.sipp(t, users, "-t", "tn", "-l", "5")
		})
	}
	peer.Row(t, "sip-tester", "registers at the lab's pool while other connections bring malformed, out-of-order and pipelined input")
}
