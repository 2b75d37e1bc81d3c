package sipua_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

// docs/decisions.md#do-no-harm, with registrars: how often is the password used for one
// REGISTER when the answer to it is always another challenge?
func TestDigestUsesThePasswordOnceForEachREGISTER(t *testing.T) {
	for _, row := range []struct {
		name      string
		challenge func(n int) string
		refresh   bool // the challenges come on the refresh
		used      int
		code      journal.Code
	}{
		{"every nonce is stale", func(n int) string { return fmt.Sprintf(`nonce="%d", stale=true`, n) }, false, 2, journal.SIPMalformed},
		{"refused", func(n int) string { return `nonce="n"` }, false, 1, journal.AuthPassword},
		{"changed since, the nonce is good", func(n int) string { return `nonce="1"` }, true, 1, journal.AuthPassword},
		{"changed since, the nonce was too old", func(n int) string { return `nonce="2"` }, true, 2, journal.AuthPassword},
	} {
		t.Run(row.name, func(t *testing.T) {
			used, registered := 0, false
			f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				if in.Header("Authorization") != "" {
					used++
				}
				switch {
				case row.refresh && n == 1:
					c.Send(respond(in, 401, `WWW-Authenticate: Digest realm="r", qop="auth", nonce="1"`))
				case row.refresh && !registered:
					registered, used = true, 0
					c.Send(respond(in, 200, "Expires: 7200"))
				default:
					c.Send(respond(in, 401, `WWW-Authenticate: Digest realm="r", qop="auth", `+row.challenge(n)))
				}
			})
			f.phone.Registrar = true
			r, err := f.register()
			if row.refresh {
				if err != nil {
					t.Fatal(err)
				}
				events := events(r)
				f.clock.Advance(r.Info().Expires)
				err = next(t, events).Err
			}
			wantFailure(t, err, row.code)
			if used != row.used {
				t.Errorf("the password was used %d times, want %d", used, row.used)
			}
		})
	}
}

func TestUnsignedFarewellIsNotBelieved(t *testing.T) {
	w := newWorld(t, nil)
	r, _ := w.signedIn(t)
	w.SetFaults(pool.Faults{Unsigned: true})
	wantFailure(t, r.Unregister(context.Background()), journal.SIPSignOut)
	if steps := w.steps.text(); strings.Contains(steps, "Signed out") || !strings.Contains(steps, "is not signed") {
		t.Error(w.steps.text())
	}
}

// RFC 3261 8.1.3.4: a redirect may name several places, the best one first.
func TestRedirectToTheFirstOfSeveral(t *testing.T) {
	f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		c.Send(respond(in, 301, `Contact: "a, b" <sip:fe2.contoso.com:5063;transport=tls>, <sip:fe3.contoso.com>`))
	})
	_, err := f.register()
	if to, ok := err.(*sipua.Redirect); !ok || to.Candidate().Addr() != "fe2.contoso.com:5063" {
		t.Errorf("got %v", err)
	}
}

// What a server says ends on terminals.
func TestServersTextHasNoControlCharacters(t *testing.T) {
	f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		res := respond(in, 503, "ms-diagnostics: 1;reason=\"\x1b]0;x\a\u009b2J\"", "Server: \x1b[1m")
		res.Reason = "No\x1b[2J\x7f"
		c.Send(res)
	})
	_, err := f.register()
	failure := wantFailure(t, err, journal.SIPUnavailable)
	if strings.ContainsFunc(failure.Answered, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
		t.Errorf("answered %q", failure.Answered)
	}
}
