package sipua

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/sipwire"
)

func FuzzNotice(f *testing.F) {
	for _, s := range []string{"deregistered;event=rejected", "deregistered", " Deregistered ; event = \"deactivated\"", "registered", ";;=;", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		event, ok := parseNotice(body)
		if known := event == NoticeUnregistered || event == NoticeRejected || event == NoticeDeactivated; ok != known {
			t.Errorf("%q: %q %v", body, event, ok)
		}
	})
}

func FuzzChallenge(f *testing.F) {
	for _, s := range []string{
		`NTLM realm="SIP Communications Service", targetname="fe1.contoso.local", version=4, Kerberos realm="R", targetname="sip/fe1"`,
		`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth, auth-int", stale=TRUE`, `TLS-DSK`, `Digest nonce="n", algorithm=md5-SESS, qop=auth`, `NTLM version=99999999999`, `="`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		auths, _ := sipwire.ParseAuth(s)
		var all []challenge
		for _, a := range auths {
			all = append(all, challenge{Auth: a})
		}
		best, ok, skipped := chooseChallenge(all, true, true)
		if ok && len(skipped) != len(all)-1 || !ok && len(skipped) != len(all) {
			t.Errorf("%d challenges, %v chosen, skipped %q", len(all), ok, skipped)
		}
		if ok && best.hasScheme(schemeDigest) {
			d := digester{challenge: best, user: "u", password: "p"}
			if _, err := d.credentials("REGISTER", "sip:contoso.com"); err != nil {
				t.Errorf("chosen but not answerable: %v", err)
			}
		}
	})
}

// FuzzRegistrar: what is taken for a registrar has a host that DNS can be asked for.
func FuzzRegistrar(f *testing.F) {
	for _, s := range []string{"sip.example.com", "[::1]:5061;transport=tcp", "bücher.example:5061", "http://x", "x:abc", ";;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRegistrar(s)
		if _, literal := netip.ParseAddr(r.Host); err == nil && literal != nil && !isHost(r.Host) {
			t.Errorf("%q is the registrar %+v", s, r)
		}
	})
}

// FuzzAnswer gives the phone any answer to its first REGISTER.
func FuzzAnswer(f *testing.F) {
	f.Add("200 OK", "Expires: 60\r\nms-keep-alive: UAS;timeout=1;hop-hop=yes\r\nContact: <sip:a>;+sip.instance=\"<urn:uuid:x>\";gruu=\"sip:a@contoso.com;gruu\"")
	f.Add("301 Moved", "Contact: <sip:fe2.contoso.com:5061;transport=tls>")
	f.Add("401 Unauthorized", "WWW-Authenticate: NTLM realm=\"R\", targetname=\"t\", version=4\r\nDate: Mon, 21 Apr 2008 09:00:00 GMT")
	f.Add("403 Forbidden", "ms-diagnostics: 4004;reason=\"x\";source=\"y\"\r\nWarning: 310 lcs.microsoft.com \"z\"")
	f.Add("504 Time-out", "Retry-After: 1")
	f.Fuzz(func(t *testing.T, status, headers string) {
		phone, server := net.Pipe()
		defer server.Close()
		go func() {
			buf := make([]byte, 4096)
			n, _ := server.Read(buf)
			head := string(buf[:n])
			var copied []string
			for _, line := range strings.Split(head, "\r\n") {
				for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
					if strings.HasPrefix(line, name) {
						copied = append(copied, line)
					}
				}
			}
			fmt.Fprintf(server, "SIP/2.0 %s\r\n%s\r\n%s\r\nContent-Length: 0\r\n\r\n", status, strings.Join(copied, "\r\n"), headers)
			server.SetReadDeadline(time.Now().Add(time.Second))
			server.Read(buf) // what it says next is not answered
			server.Close()
			io.Copy(io.Discard, server)
		}()
		r, err := Register(t.Context(), phone, Candidate{Host: "pool.contoso.com", Port: 5061, TLS: true}, Config{Address: "tu@contoso.com", Registrar: len(status)%2 == 0,
			Profile: Profile{AnswerTimeout: time.Second, UnregisterTimeout: time.Millisecond}})
		if (r == nil) != (err != nil) {
			t.Fatalf("%v and %v", r, err)
		}
		if r != nil {
			if g := r.Info(); g.Expires <= 0 || g.KeepAlive < 0 {
				t.Errorf("granted %+v", g)
			}
			r.Close()
			<-r.Done()
		}
	})
}

// FuzzSubscriptionState reads any Subscription-State and derives the refresh.
func FuzzSubscriptionState(f *testing.F) {
	for _, s := range []string{"active;expires=900", " Terminated ; reason=\"timeout\" ;expires=0", "terminated;reason=rejected;retry-after=7", "pending", ";;=;expires=99999999999", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		state, reason, life, named := parseState(s)
		if life < 0 || life > maxExpires || !named && life != 0 {
			t.Errorf("%q lives %v, %v", s, life, named)
		}
		if state != strings.TrimSpace(state) || utf8.RuneCountInString(state) > 2*maxText || utf8.RuneCountInString(reason) > 2*maxText {
			t.Errorf("%q is %q for %q", s, state, reason)
		}
		if after := resubscribeAfter(life); after < minRefresh || after > max(life, minRefresh) {
			t.Errorf("%v is refreshed after %v", life, after)
		}
	})
}
