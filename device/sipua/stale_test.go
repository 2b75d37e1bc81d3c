package sipua_test

import (
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// TestOnlyAStaleDigestNonceIsAnsweredAgain: a challenge of another kind after the
// password is a refusal of the password (docs/decisions.md#do-no-harm).
func TestOnlyAStaleDigestNonceIsAnsweredAgain(t *testing.T) {
	const first = `WWW-Authenticate: Digest realm="r", nonce="one", qop="auth"`
	for _, row := range []struct {
		name      string
		first     string
		challenge string
		used      int // REGISTER requests with the password
		code      journal.Code
	}{
		{"stale", first, `Digest realm="r", nonce="two", qop="auth", stale=true`, 2, ""},
		{"not stale", first, `Digest realm="r", nonce="two", qop="auth", stale=false`, 1, journal.AuthPassword},
		{"stale with an unknown algorithm", first, `Digest realm="r", nonce="two", algorithm=MD4, stale=true`, 1, journal.AuthPassword},
		{"stale of another scheme", first, `NTLM realm="r", targetname="t", version=4, stale=true`, 1, journal.AuthPassword},
		{"digest after NTLM", "", `Digest realm="r", nonce="two", qop="auth", stale=true`, 1, journal.AuthPassword},
	} {
		t.Run(row.name, func(t *testing.T) {
			used := 0
			refused := func(c *sipwire.Conn, in *sipwire.Incoming) {
				if used++; used == 1 {
					c.Send(respond(in, 401, "WWW-Authenticate: "+row.challenge))
					return
				}
				c.Send(respond(in, 200, "Expires: 7200"))
			}
			digest := func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				if n == 1 {
					c.Send(respond(in, 401, row.first))
					return
				}
				refused(c, in)
			}
			if row.first == "" {
				digest = (&ntlmServer{version: 4, plain: true, last: refused}).answer()
			}
			f := newFake(t, digest)
			f.phone.Registrar, f.phone.Profile.Digest = true, true
			r, err := f.register()
			if err == nil {
				r.Close()
			}
			if row.code == "" && err != nil {
				t.Error(err)
			}
			if row.code != "" {
				wantFailure(t, err, row.code)
			}
			if used != row.used {
				t.Errorf("the password was used %d times, want %d", used, row.used)
			}
		})
	}
}
