package sipua_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

const digestChallenge = `WWW-Authenticate: Digest realm="r", qop="auth", nonce="1"`

// registrarWith is a fake whose phone is in registrar mode. It challenges each REGISTER
// without credentials; answer is called with the others.
func registrarWith(t *testing.T, answer func(c *sipwire.Conn, n int, in *sipwire.Incoming)) *fake {
	t.Helper()
	n := 0
	f := newFake(t, func(c *sipwire.Conn, _ int, in *sipwire.Incoming) {
		if in.Header("Authorization") == "" {
			c.Send(respond(in, 401, digestChallenge))
			return
		}
		n++
		answer(c, n, in)
	})
	f.phone.Registrar, f.phone.User, f.phone.Profile.UnregisterTimeout = true, `CONTOSO\somebody`, 10*time.Second
	return f
}

// The user of a registrar's digest is that of the sign-in address or AuthUser; the
// user for Active Directory is another one.
func TestDigestUser(t *testing.T) {
	for authUser, want := range map[string]string{"": "tu", "line-7": "line-7"} {
		got := ""
		f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
			got = sipwire.Auths(in.Msg, "Authorization")[0].Get("username")
			c.Send(respond(in, 200, "Expires: 60"))
		})
		f.phone.AuthUser = authUser
		if _, err := f.register(); err != nil || got != want {
			t.Errorf("%q: user %q, %v", authUser, got, err)
		}
	}
}

// RFC 3261 10.2.4 and 10.3: the 200 lists the registrations, each with its lifetime.
func TestLifetimeOfARegistration(t *testing.T) {
	const own = `<sip:tu@127.0.0.1>;+sip.instance="<urn:uuid:4b1682a8-f968-5701-83fc-7c6741dc6697>"`
	for _, row := range []struct {
		name      string
		requested time.Duration
		headers   []string
		want      time.Duration
		unlisted  bool
		note      string
	}{
		{"its own", 0, []string{"Contact: " + own + ";expires=600, <sip:a@192.0.2.1>;expires=5"}, 600 * time.Second, false, ""},
		{"its own, by the header", 0, []string{"Contact: " + own, "Expires: 60"}, time.Minute, false, ""},
		{"rewritten", 0, []string{"Contact: <sip:tu@203.0.113.9:49152;transport=tls>;expires=120"}, 2 * time.Minute, false, "rewritten the address. The lifetime is that of sip:tu@203.0.113.9:49152"},
		{"rewritten, without brackets", 0, []string{"Contact: sip:tu@203.0.113.9;expires=300"}, 5 * time.Minute, false, "rewritten"},
		{"rewritten, by the header", 0, []string{"Contact: <sip:tu@203.0.113.9>", "Expires: 60"}, time.Minute, false, "rewritten"},
		{"the briefest of several that are not its own", 0, []string{"Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.2>;expires=90, <sip:c@192.0.2.3>;expires=100"}, 90 * time.Second, false, "sip:b@192.0.2.2"},
		{"no lifetime", 0, []string{"Contact: " + own}, time.Hour, false, ""},
		{"no lifetime, a short one was requested", 2 * time.Minute, []string{"Contact: " + own}, 2 * time.Minute, false, ""},
		{"no lifetime, a long one was requested", 2 * time.Hour, []string{"Contact: " + own}, time.Hour, false, ""},
		{"no number", 0, []string{"Contact: " + own + `;expires="Mon, 21 Apr 2008 09:00:00 GMT"`}, time.Hour, false, ""},
		{"quoted", 0, []string{"Contact: " + own + `;expires="600"`}, 600 * time.Second, false, ""},
		{"no Contact", 0, nil, time.Hour, true, ""},
		{"no Contact, Expires", 0, []string{"Expires: 300"}, 5 * time.Minute, true, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, 200, row.headers...)) })
			f.phone.Profile.Expires = row.requested
			r, err := f.register()
			if err != nil {
				t.Fatal(err)
			}
			if g := r.Info(); g.Expires != row.want || g.Unlisted != row.unlisted {
				t.Errorf("%v, unlisted %v; want %v, %v", g.Expires, g.Unlisted, row.want, row.unlisted)
			}
			if steps := f.steps.text(); !strings.Contains(steps, row.note) || row.note == "" && strings.Contains(steps, "rewritten") {
				t.Errorf("want %q in\n%s", row.note, steps)
			}
		})
	}
}

// What a registrar names in a refusal is shown, and the remedy uses it
// (docs/decisions.md#proved-remedies).
func TestRefusalsOfARegistrar(t *testing.T) {
	for _, row := range []struct {
		status   int
		headers  []string
		code     journal.Code
		answered string
		fix      string
		wait     time.Duration
	}{
		{status: 403, code: journal.SIPForbidden, fix: "Check the user name tu (--auth-user) and the password first"},
		{status: 403, headers: []string{`Warning: 399 pbx "wrong password or unknown user"`}, code: journal.SIPForbidden,
			answered: "403 Reason; wrong password or unknown user", fix: "Check the user name tu (--auth-user) and the password first"},
		{status: 404, code: journal.SIPUnknownUser, fix: "Check the user name tu (--auth-user) and the password first"},
		{status: 405, headers: []string{"Allow: OPTIONS"}, code: journal.SIPRejected, fix: "Check host and port"},
		{status: 501, code: journal.SIPRejected, fix: "Check host and port"},
		{status: 420, headers: []string{"Unsupported: path"}, code: journal.SIPRejected, answered: "420 Reason; Unsupported: path", fix: "Look for a proxy that adds Require: path"},
		{status: 421, headers: []string{"Require: outbound", "Require: path"}, code: journal.SIPRejected, answered: "Require: outbound, path", fix: "Let the server register this user without outbound, path."},
		{status: 423, code: journal.SIPRejected, fix: "--expires 3600"},
		{status: 423, headers: []string{"Min-Expires: 4294967295"}, code: journal.SIPRejected, answered: "Min-Expires: 4294967295", fix: "Correct the least lifetime"},
		{status: 494, headers: []string{"Security-Server: tls;q=0.2"}, code: journal.SIPRejected, answered: "Security-Server: tls;q=0.2", fix: "without a security agreement (RFC 3329)"},
		{status: 480, headers: []string{"Retry-After: 18000 (maintenance);duration=3600"}, code: journal.SIPUnavailable, answered: "Retry-After: 18000 (maintenance)", fix: "event log", wait: 5 * time.Hour},
		{status: 503, headers: []string{"Retry-After: 2"}, code: journal.SIPUnavailable, answered: "Retry-After: 2", fix: "event log", wait: 2 * time.Second},
		{status: 503, headers: []string{"Retry-After: 4294967295"}, code: journal.SIPUnavailable, fix: "event log", wait: 24 * time.Hour},
		{status: 503, headers: []string{"Retry-After: 99999999999999999999"}, code: journal.SIPUnavailable, fix: "event log", wait: 24 * time.Hour},
		{status: 503, headers: []string{"Retry-After: soon"}, code: journal.SIPUnavailable, fix: "event log"},
		{status: 500, code: journal.SIPUnavailable, fix: "event log"},
		{status: 488, code: journal.SIPRejected, fix: "The server gives no reason: look for this request in its log."},
		{status: 606, headers: []string{`Warning: 399 pbx "No lines left."`}, code: journal.SIPRejected, fix: "Act on the server's reason: No lines left."},
	} {
		t.Run(fmt.Sprint(row.status, row.headers), func(t *testing.T) {
			f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, row.status, row.headers...)) })
			_, err := f.register()
			got := wantFailure(t, err, row.code)
			if step := got.Step(journal.Register); !strings.Contains(got.Answered, row.answered) || !strings.Contains(step.Fix, row.fix) || got.Wait != row.wait {
				t.Errorf("answered %q, wait %v, fix %q", got.Answered, got.Wait, step.Fix)
			}
		})
	}
}

// A registrar that refuses the address before it asks for a password does not mean
// the password.
func TestAddressRefusedByARegistrar(t *testing.T) {
	for _, row := range []struct {
		status int
		code   journal.Code
		fix    string
	}{
		{403, journal.SIPForbidden, "Allow tu@contoso.com to register from the phone's address"},
		{404, journal.SIPUnknownUser, "Create the account tu@contoso.com at the registrar"},
	} {
		f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, row.status)) })
		f.phone.Registrar = true
		_, err := f.register()
		if got := wantFailure(t, err, row.code); !strings.Contains(got.Fix, row.fix) {
			t.Errorf("fix %q", got.Fix)
		}
	}
}

// RFC 3261 22 and MS-SIPAE: the remedy names what the kind of server can offer.
func TestRemedyForTheAuthenticationScheme(t *testing.T) {
	for _, row := range []struct {
		registrar bool
		challenge string
		fix       string
	}{
		{true, `WWW-Authenticate: Basic realm="r"`, "Let the registrar offer Digest with MD5, SHA-256 or SHA-512-256."},
		{true, `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=AKAv1-MD5`, "Let the registrar offer Digest"},
		{true, "X: y", "Let the registrar offer Digest"},
		{false, digestChallenge, "give it with --registrar pool.contoso.com:5061; otherwise allow NTLM on the pool."},
		{false, `WWW-Authenticate: Kerberos realm="r"`, "Allow NTLM on the pool"},
	} {
		f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, 401, row.challenge)) })
		f.phone.Registrar = row.registrar
		_, err := f.register()
		if got := wantFailure(t, err, journal.AuthNoScheme); !strings.Contains(got.Fix, row.fix) {
			t.Errorf("%s: fix %q", row.challenge, got.Fix)
		}
	}
}

// RFC 3261 10.2.8: a lifetime that is too brief is replaced by the one demanded, also
// if the phone has requested none.
func TestLifetimeThatTheRegistrarDemands(t *testing.T) {
	for _, row := range []struct {
		name      string
		requested time.Duration
		least     string
		want      []string // Expires of the REGISTERs; the last one is accepted
		code      journal.Code
	}{
		{"none requested", 0, "Min-Expires: 7200", []string{"", "7200"}, ""},
		{"a brief one requested", time.Minute, "Min-Expires: 600", []string{"60", "600"}, ""},
		{"not named", 0, "X: y", []string{""}, journal.SIPRejected},
		{"below what was requested", time.Hour, "Min-Expires: 60", []string{"3600"}, journal.SIPRejected},
		{"beyond a year", 0, "Min-Expires: 2147483647", []string{""}, journal.SIPRejected},
	} {
		t.Run(row.name, func(t *testing.T) {
			var asked []string
			f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				if asked = append(asked, in.Header("Expires")); n == 1 {
					c.Send(respond(in, 423, row.least))
					return
				}
				c.Send(respond(in, 200, "Expires: "+in.Header("Expires")))
			})
			f.phone.Profile.Expires = row.requested
			_, err := f.register()
			if row.code != "" {
				wantFailure(t, err, row.code)
			} else if err != nil {
				t.Error(err)
			}
			if !slices.Equal(asked, row.want) {
				t.Errorf("requested %q, want %q", asked, row.want)
			}
		})
	}
}

// RFC 3261 10.2.2 and RFC 7616 3.3: the sign-out answers one more challenge, so that
// no registration is left behind; otherwise a warning says that it stays.
func TestSignOutAnswersAChallenge(t *testing.T) {
	challenge := func(params string) string { return `WWW-Authenticate: Digest realm="r", qop="auth", ` + params }
	for _, row := range []struct {
		name    string
		answers []string // to the REGISTERs of the sign-out, challenges or status lines; the last one repeats
		sent    int      // REGISTERs of the sign-out
		cause   string   // of the warning; "": signed out
	}{
		{"accepted", []string{"200"}, 1, ""},
		{"the nonce is stale", []string{challenge(`nonce="2", stale=true`), "200"}, 2, ""},
		{"the nonce has changed", []string{challenge(`nonce="2"`), "200"}, 2, ""},
		{"the nonce has changed, then is stale", []string{challenge(`nonce="2"`), challenge(`nonce="3", stale=true`), "200"}, 3, ""},
		{"every nonce has changed", []string{challenge(`nonce="2"`), challenge(`nonce="3"`)}, 2, "refused user name tu or the password"},
		{"the nonce is the same", []string{challenge(`nonce="1"`)}, 1, "refused user name tu or the password"},
		{"refused", []string{"403"}, 1, "403"},
		{"too brief", []string{"423"}, 1, "a lifetime of at least 60 seconds"},
		{"redirected", []string{"302"}, 1, "without saying where to"},
	} {
		t.Run(row.name, func(t *testing.T) {
			sent := 0
			f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				if in.Header("Expires") != "0" {
					c.Send(respond(in, 200, "Expires: 600"))
					return
				}
				answer := row.answers[min(sent, len(row.answers)-1)]
				sent++
				var code int
				if _, err := fmt.Sscanf(answer, "%d", &code); err == nil {
					c.Send(respond(in, code, "Min-Expires: 60"))
					return
				}
				c.Send(respond(in, 401, answer))
			})
			r, err := f.register()
			if err != nil {
				t.Fatal(err)
			}
			err = r.Unregister(context.Background())
			if sent != row.sent {
				t.Errorf("%d REGISTERs, want %d", sent, row.sent)
			}
			steps := f.steps.text()
			if row.cause == "" {
				if err != nil || !strings.Contains(steps, "Signed out tu@contoso.com.") {
					t.Errorf("%v\n%s", err, steps)
				}
				return
			}
			got := wantFailure(t, err, journal.SIPSignOut)
			for _, want := range []string{row.cause, "stays at the server until it expires, 10m0s after the last refresh", "session warned | sip.sign-out"} {
				if !strings.Contains(steps, want) {
					t.Errorf("no %q in\n%s", want, steps)
				}
			}
			if got.Step(journal.Session).Fix == "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Without a connection there is nobody to sign out from.
func TestSignOutAfterTheEndOfTheConnection(t *testing.T) {
	f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		if in.Header("Expires") == "0" {
			c.Close()
			return
		}
		c.Send(respond(in, 200, "Expires: 600"))
	})
	r, err := f.register()
	if err != nil {
		t.Fatal(err)
	}
	got := wantFailure(t, r.Unregister(context.Background()), journal.SIPSignOut)
	var cause *journal.Failure
	if !errors.As(got.Err, &cause) || cause.Code != journal.SIPLost {
		t.Errorf("%+v", got)
	}
	if err := r.Unregister(context.Background()); err != nil {
		t.Errorf("again: %v", err)
	}
}
