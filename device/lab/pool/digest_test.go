package pool_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/icholy/digest"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
)

// credentials answers a digest challenge with an implementation that is not ours.
func credentials(t *testing.T, in *sipwire.Incoming, password string, count int) string {
	t.Helper()
	challenge, err := digest.ParseChallenge(in.Header("WWW-Authenticate"))
	if err != nil {
		t.Fatal(err)
	}
	cred, err := digest.Digest(challenge, digest.Options{
		Method: "REGISTER", URI: "sip:contoso.com", Username: "tu", Password: password, Count: count})
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: " + cred.String()
}

func TestDigestRegistrarIsPlainRFC3261(t *testing.T) {
	for _, scheme := range []pool.Scheme{pool.DigestMD5, pool.DigestSHA256} {
		w := newWorld(t, func(s *pool.Server) { s.Schemes, s.ServerHeader = []pool.Scheme{scheme}, "registrar" })
		c := w.dial(t)
		c.epid = "" // RFC 3261 knows none
		challenge := c.do(c.request("REGISTER"))
		c.want(challenge, 401)
		if !strings.Contains(challenge.Header("WWW-Authenticate"), "algorithm="+string(scheme)) {
			t.Fatalf("challenged with %s", challenge.Header("WWW-Authenticate"))
		}
		good := credentials(t, challenge, "C0ntoso-Pa55", 1)
		in := c.do(c.request("REGISTER", good))
		c.want(in, 200)
		if got, want := in.Header("Contact"), "<"+c.contact+`>;expires=7200;+sip.instance="<urn:uuid:`+instance; !strings.HasPrefix(got, want) {
			t.Errorf("Contact %s, want %s", got, want)
		}
		for _, name := range []string{"presence-state", "ms-keep-alive", "Allow-Events", "Supported", "Authentication-Info"} {
			if in.Header(name) != "" {
				t.Errorf("a plain registrar says %s: %s", name, in.Header(name))
			}
		}
		if r := w.Registrations(); len(r) != 1 || r[0].Auth != "digest "+string(scheme) {
			t.Errorf("registered %+v", r)
		}

		replay := c.do(c.request("REGISTER", good))
		c.want(replay, 401)
		if !strings.Contains(replay.Header("WWW-Authenticate"), "stale=true") {
			t.Errorf("a nonce used twice: %s", replay.Header("WWW-Authenticate"))
		}
		for i := 1; i < 3; i++ { // a nonce serves many requests
			c.want(c.do(c.request("REGISTER", credentials(t, replay, "C0ntoso-Pa55", i))), 200)
		}
		c.want(c.do(c.request("REGISTER", "Expires: 0", credentials(t, replay, "C0ntoso-Pa55", 3))), 200)
		if n := len(w.Registrations()); n != 0 {
			t.Errorf("%d registrations after unregistering", n)
		}
		c.want(c.do(c.request("OPTIONS")), 200)
	}
}

// TestUsersOfOneConnectionHaveTheirOwnNonces: sipp behind a TLS tunnel
// brings many users over one connection, each with the first use of its nonce.
func TestUsersOfOneConnectionHaveTheirOwnNonces(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.DigestMD5} })
	c := w.dial(t)
	var challenges []*sipwire.Incoming
	for range 65 { // one more than a connection may have
		challenges = append(challenges, c.do(c.request("REGISTER")))
	}
	for _, challenge := range challenges[1:] {
		c.want(c.do(c.request("REGISTER", credentials(t, challenge, "C0ntoso-Pa55", 1))), 200)
	}
	in := c.do(c.request("REGISTER", credentials(t, challenges[0], "C0ntoso-Pa55", 1)))
	c.want(in, 401)
	if !strings.Contains(in.Header("WWW-Authenticate"), "stale=true") {
		t.Errorf("a forgotten nonce: %s", in.Header("WWW-Authenticate"))
	}
	if u, _ := w.dir.User("tu"); u.BadLogons != 0 {
		t.Errorf("%d bad logons for a nonce that was forgotten", u.BadLogons)
	}
}

// registrar is a client of a pool that is a plain registrar, with a challenge to
// answer.
func registrar(t *testing.T) (w *world, c *client, register func(headers ...string) *sipwire.Incoming) {
	t.Helper()
	w = newWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.DigestSHA256} })
	c = w.dial(t)
	challenge, count := c.do(c.request("REGISTER")), 0
	return w, c, func(headers ...string) *sipwire.Incoming {
		t.Helper()
		count++
		return c.do(c.request("REGISTER", append(headers, credentials(t, challenge, "C0ntoso-Pa55", count))...))
	}
}

// RFC 3261 10.3: a REGISTER changes all bindings that it names, or none.
func TestBindingsOfARegistrar(t *testing.T) {
	w, c, register := registrar(t)
	bound := func(want ...string) {
		t.Helper()
		var got []string
		for _, r := range w.Registrations() {
			got = append(got, fmt.Sprint(r.Contact, " ", r.Expires.Sub(start)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("bound %q, want %q", got, want)
		}
	}
	const two = "Contact: <sip:a@127.0.0.1>;expires=60, <sip:b@127.0.0.1>"
	in := register(two, "Expires: 600")
	c.want(in, 200)
	if n := len(in.Headers("Contact")); n != 2 {
		t.Errorf("%d contacts in\n%s", n, in.Raw)
	}
	bound("sip:a@127.0.0.1 1m0s", "sip:b@127.0.0.1 10m0s")

	c.seq -= 2 // an older REGISTER of the same Call-ID, and one of the same age
	c.want(register("Contact: <sip:c@127.0.0.1>, <sip:a@127.0.0.1>"), 500)
	c.want(register("Contact: *", "Expires: 0"), 500)
	bound("sip:a@127.0.0.1 1m0s", "sip:b@127.0.0.1 10m0s")
	c.want(register("Contact: *, <sip:z@127.0.0.1>", "Expires: 0"), 400)
	bound("sip:a@127.0.0.1 1m0s", "sip:b@127.0.0.1 10m0s")

	c.want(register("Contact: <sip:a@127.0.0.1>;expires=0, <sip:c@127.0.0.1>"), 200)
	bound("sip:b@127.0.0.1 10m0s", "sip:c@127.0.0.1 2h0m0s")
	c.callID, c.seq = "another", 1 // another client may go on
	c.want(register("Contact: *", "Expires: 0"), 200)
	bound()
}

// RFC 7616 3.4.6, RFC 2617 3.2.2.5: credentials are for one resource.
func TestDigestForAnotherResourceIsRefused(t *testing.T) {
	w, c, _ := registrar(t)
	challenge := c.do(c.request("REGISTER"))
	good := credentials(t, challenge, "C0ntoso-Pa55", 1)
	for _, uri := range []string{"sip:fabrikam.com", "sip:tu@contoso.com", "sip:contoso.com:5070", "sips:contoso.com", ""} {
		c.want(c.do(c.request("REGISTER", strings.Replace(good, `uri="sip:contoso.com"`, `uri="`+uri+`"`, 1))), 400)
	}
	c.want(c.do(c.request("REGISTER", strings.Replace(good, "sip:contoso.com", "sip:Contoso.com", 1))), 401) // the same resource, another digest
	if u, _ := w.dir.User("tu"); u.BadLogons != 1 {
		t.Errorf("%d bad logons", u.BadLogons)
	}
}

func TestDigestRefusals(t *testing.T) {
	for name, row := range map[string]struct {
		password string
		change   func(*directory.User)
		status   int
		bad      int
	}{
		"wrong password": {"wrong", nil, 401, 1},
		"locked":         {"C0ntoso-Pa55", func(u *directory.User) { u.Locked = true }, 403, 0},
		"disabled":       {"C0ntoso-Pa55", func(u *directory.User) { u.Disabled = true }, 403, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.NTLM, pool.DigestMD5} })
			if row.change != nil {
				w.dir.SetUser("tu", row.change)
			}
			c := w.dial(t)
			challenge := c.do(c.request("REGISTER"))
			all := challenge.Headers("WWW-Authenticate")
			if len(all) != 2 || !strings.HasPrefix(all[1], "Digest ") {
				t.Fatalf("offered %q", all)
			}
			parsed, err := digest.ParseChallenge(all[1])
			if err != nil {
				t.Fatal(err)
			}
			cred, err := digest.Digest(parsed, digest.Options{Method: "REGISTER", URI: "sip:contoso.com", Username: "tu", Password: row.password, Count: 1})
			if err != nil {
				t.Fatal(err)
			}
			in := c.do(c.request("REGISTER", fmt.Sprintf("Authorization: %s", cred)))
			c.want(in, row.status)
			if u, _ := w.dir.User("tu"); u.BadLogons != row.bad {
				t.Errorf("%d bad logons, want %d", u.BadLogons, row.bad)
			}
		})
	}
}
