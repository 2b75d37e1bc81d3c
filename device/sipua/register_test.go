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
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipua"
)

// docs/protocol/sip-connection.md#registration: every version, with and without
// extended session security, whatever the order and form of the challenges.
func TestSignInWithEveryFormOfNTLM(t *testing.T) {
	offers := map[string]struct {
		schemes []pool.Scheme
		fold    bool
	}{
		"NTLM first":       {schemes: []pool.Scheme{pool.NTLM, pool.Kerberos}},
		"Kerberos first":   {schemes: []pool.Scheme{pool.Kerberos, pool.NTLM}},
		"in one header":    {schemes: []pool.Scheme{pool.Kerberos, pool.NTLM}, fold: true},
		"Digest beside it": {schemes: []pool.Scheme{pool.DigestMD5, pool.NTLM, pool.DigestSHA256}, fold: true},
	}
	for name, offer := range offers {
		for version := 2; version <= 4; version++ {
			for _, noESS := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/version %d/noESS %v", name, version, noESS), func(t *testing.T) {
					w := newWorld(t, func(s *pool.Server) {
						s.Version, s.NoESS, s.Schemes, s.JoinChallenges = version, noESS, offer.schemes, offer.fold
					})
					r, _ := w.signedIn(t)
					g := r.Info()
					if g.Scheme != "NTLM" || g.Version != version || g.Target != "pool.contoso.com" || g.Action != "added" {
						t.Errorf("granted %+v", g)
					}
					if want := "sip:tu@contoso.com;opaque=user:epid:"; !strings.HasPrefix(g.GRUU, want) || !strings.HasSuffix(g.GRUU, ";gruu") {
						t.Errorf("GRUU %q", g.GRUU)
					}
					if g.Expires != 2*time.Hour || g.KeepAlive != 5*time.Minute || g.RemoteUser || len(g.AllowEvents) != 7 || len(g.Supported) != 2 {
						t.Errorf("granted %+v", g)
					}
					if n := w.Counters(); n.Requests != 3 || n.Registers != 1 || n.BadLogons != 0 || n.BadSignatures != 0 {
						t.Errorf("the pool saw %+v", n)
					}
					registered := w.Registrations()
					if len(registered) != 1 || registered[0].EPID != "01010101" || registered[0].Instance != "4b1682a8-f968-5701-83fc-7c6741dc6697" {
						t.Errorf("registered %+v", registered)
					}
					steps := w.steps.text()
					if got := strings.Contains(steps, "Kerberos skipped: no Kerberos ticket."); got != slices.Contains(offer.schemes, pool.Kerberos) {
						t.Errorf("Kerberos mentioned: %v\n%s", got, steps)
					}
					for _, want := range []string{fmt.Sprintf("Authenticate with NTLM version %d for pool.contoso.com.", version), "Signed in as tu@contoso.com", g.GRUU} {
						if !strings.Contains(steps, want) {
							t.Errorf("no %q in the steps:\n%s", want, steps)
						}
					}
					if strings.Contains(steps, password) {
						t.Error("the password is in the steps")
					}
				})
			}
		}
	}
}

func TestPhoneSpeaksNoHigherVersionThanItsFirmware(t *testing.T) {
	w := newWorld(t, nil)
	w.phone.Profile.MaxVersion = 3
	r, _ := w.signedIn(t)
	if g := r.Info(); g.Version != 3 {
		t.Errorf("version %d", g.Version)
	}
}

func TestUserNameForms(t *testing.T) {
	for name, change := range map[string]func(*sipua.Config){
		"DOMAIN\\user":      func(c *sipua.Config) {},
		"UPN":               func(c *sipua.Config) { c.User = "tu@contoso.com" },
		"domain apart":      func(c *sipua.Config) { c.User, c.Domain = "tu", "CONTOSO" },
		"address with sip:": func(c *sipua.Config) { c.Address = " SIP:tu@Contoso.COM " },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			change(&w.phone)
			w.signedIn(t)
		})
	}
}

func TestEdgeSaysThatTheUserIsRemote(t *testing.T) {
	w := newWorld(t, nil)
	edge := pool.NewEdge(w.Server)
	edge.Certificate = certificate
	if err := edge.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { edge.Close() })
	r, err := sipua.Register(context.Background(), dialTLS(t, edge.Addr(), w), candidate, w.phone)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.Close()
		<-r.Done()
	}()
	if !r.Info().RemoteUser || !strings.Contains(w.steps.text(), "RemoteUser") {
		t.Errorf("granted %+v", r.Info())
	}
}

// Issue: RFC 3261 digest, MD5 and SHA-256, for registrars that are no pool.
func TestRegistrarWithDigest(t *testing.T) {
	for _, row := range []struct {
		name    string
		schemes []pool.Scheme
		auth    string
	}{
		{"MD5", []pool.Scheme{pool.DigestMD5}, "digest MD5"},
		{"SHA-256", []pool.Scheme{pool.DigestSHA256}, "digest SHA-256"},
		{"the stronger of both", []pool.Scheme{pool.DigestMD5, pool.DigestSHA256}, "digest SHA-256"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) { s.Schemes = row.schemes; s.DefaultExpires = time.Hour })
			w.phone.Registrar, w.phone.User = true, "" // the user is that of the address
			r, got := w.signedIn(t)
			if a := w.Registrations()[0]; a.Auth != row.auth || r.Info().Scheme != "Digest" || r.Info().GRUU != "" {
				t.Errorf("pool: %+v, phone: %+v", a, r.Info())
			}
			w.clock.Advance(time.Hour - 30*time.Second) // the nonce is used again, with a higher count
			if e := <-got; e.Kind != sipua.Refreshed {
				t.Fatalf("event %+v", e)
			}
			if n := w.Counters(); n.Requests != 3 || n.BadLogons != 0 {
				t.Errorf("the pool saw %+v", n)
			}
			if err := r.Unregister(context.Background()); err != nil {
				t.Error(err)
			}
			if left := w.Registrations(); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

func TestPoolWithDigestIsRefusedUnlessTheProfileAllowsIt(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.DigestSHA256, pool.Kerberos} })
	_, err := w.register(t)
	f := wantFailure(t, err, journal.AuthNoScheme)
	if len(f.Details) != 2 || !strings.Contains(f.Answered, "Kerberos") {
		t.Errorf("%+v", f)
	}
	w.phone.Profile.Digest = true
	w.signedIn(t)
}

// The pool refuses; the phone says why in words, and spends the password once
// (docs/decisions.md#do-no-harm).
func TestRefusalsOfThePool(t *testing.T) {
	rejection := func(status, id int, reason string) func(*world) {
		return func(w *world) {
			w.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: status, Diagnostics: pool.Diagnostics{ID: id, Reason: reason}, RetryAfter: 60}})
		}
	}
	set := func(change func(*directory.User)) func(*world) {
		return func(w *world) { w.dir.SetUser("tu", change) }
	}
	for _, row := range []struct {
		name  string
		set   func(*world)
		code  journal.Code
		texts []string // in the step
	}{
		{"wrong password", func(w *world) { w.phone.Password = "wrong" }, journal.AuthPassword, []string{"tried once", `CONTOSO\tu`}},
		{"wrong password with a UPN (R1.5)", func(w *world) { w.phone.User, w.phone.Password = "tu@contoso.com", "wrong" }, journal.AuthPassword, []string{`Type the user name as CONTOSO\tu`, "R1.5"}},
		{"UPN of a suffix that is no domain (R1.5)", func(w *world) { w.phone.User = "tu@contoso.test" }, journal.AuthPassword, []string{`Type the user name as CONTOSO\tu`}},
		{"wrong digest password", func(w *world) { w.phone.Registrar, w.phone.Password, w.phone.User = true, "wrong", "tu" }, journal.AuthPassword, nil},
		{"locked", set(func(u *directory.User) { u.Locked = true }), journal.AuthDisabled, []string{"disabled or locked"}},
		{"disabled", set(func(u *directory.User) { u.Disabled = true }), journal.AuthDisabled, nil},
		{"not enabled for SIP", func(w *world) { w.dir.SetUser("tu", func(u *directory.User) { u.SIPDisabled = true }) }, journal.SIPUnknownUser, []string{"tu@contoso.com"}},
		{"nobody's address", func(w *world) { w.phone.Address = "nobody@contoso.com" }, journal.SIPUnknownUser, []string{"nobody@contoso.com", "4005"}},
		{"403", rejection(403, 4004, "Credentials provided are not authorized"), journal.SIPForbidden, []string{"4004 Credentials provided are not authorized (from pool.contoso.com)"}},
		{"client version filter", func(w *world) { w.SetFaults(pool.Faults{Reject: pool.VersionDeclined()}) }, journal.SIPVersion, []string{"OCPhone/1.0.522.71", "17002", "not using the recommended version"}},
		{"time skew", rejection(401, 1013, "Significant time skew detected during authentication"), journal.TimeSkew, []string{"2008-04-21 09:00:00", "1013"}},
		{"overload", rejection(503, 5, "busy"), journal.SIPUnavailable, []string{"Retry-After: 60"}},
		{"gateway time-out", rejection(504, 0, ""), journal.SIPUnavailable, nil},
		{"anything else", rejection(606, 0, ""), journal.SIPRejected, []string{"606"}},
		{"closing", func(w *world) { w.SetFaults(pool.Faults{CloseAfter: 2}) }, journal.SIPLost, []string{"server's log"}},
		{"silence", func(w *world) {
			w.SetFaults(pool.Faults{Silent: true})
			w.phone.Profile.AnswerTimeout = 20 * time.Millisecond
		}, journal.SIPNoAnswer, nil},
		{"no SIP at all", func(w *world) { w.SetFaults(pool.Faults{Malformed: true}); w.phone.Profile.AnswerTimeout = time.Second }, journal.SIPMalformed, nil},
		{"oversized", func(w *world) { w.SetFaults(pool.Faults{Oversized: true}) }, journal.SIPMalformed, nil},
		{"unsigned 200", func(w *world) { w.SetFaults(pool.Faults{Unsigned: true}) }, journal.AuthServer, []string{"not signed"}},
		{"bad signature", func(w *world) { w.SetFaults(pool.Faults{BadSignature: true}) }, journal.AuthServer, []string{"signature is wrong"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) {
				if strings.Contains(row.name, "digest") {
					s.Schemes = []pool.Scheme{pool.DigestMD5}
				}
			})
			row.set(w)
			_, err := w.register(t)
			f := wantFailure(t, err, row.code)
			steps := &steps{}
			steps.record(f.Step(journal.Register))
			for _, want := range row.texts {
				if !strings.Contains(steps.text()+f.Because, want) {
					t.Errorf("no %q in %s", want, steps.text())
				}
			}
			u, _ := w.dir.User("tu")
			if wrong := row.code == journal.AuthPassword; u.BadLogons > 1 || strings.HasPrefix(row.name, "wrong") && wrong && u.BadLogons != 1 {
				t.Errorf("%d bad logons", u.BadLogons)
			}
		})
	}
}

func TestHomePool(t *testing.T) {
	for _, row := range []struct {
		name, home string
		outside    bool
		want       string // host:port
	}{
		{"with a port", "fe2.contoso.com:5063", false, "fe2.contoso.com:5063"},
		{"without", "FE2.contoso.com", false, "fe2.contoso.com:5061"},
		{"outside the domain", "fe2.contoso.local:5061", false, ""},
		{"outside, allowed", "fe2.contoso.local:5061", true, "fe2.contoso.local:5061"},
		{"look-alike", "evilcontoso.com", false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.SetHomePool(row.home)
			w.phone.Profile.AllowOutside = row.outside
			_, err := w.register(t)
			if row.want == "" {
				wantFailure(t, err, journal.OutsideDomain)
				return
			}
			var to *sipua.Redirect
			if !errors.As(err, &to) || to.Candidate().Addr() != row.want || !to.Candidate().TLS || to.By != "pool.contoso.com:5061" || !strings.Contains(w.steps.text(), "served by "+row.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnsignedRedirectIsNotBelieved(t *testing.T) {
	w := newWorld(t, nil)
	w.SetHomePool("fe2.contoso.com")
	w.SetFaults(pool.Faults{Unsigned: true})
	_, err := w.register(t)
	wantFailure(t, err, journal.AuthServer)
}

func TestRegisterEndsWithItsContext(t *testing.T) {
	w := newWorld(t, nil)
	w.SetFaults(pool.Faults{Silent: true})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := sipua.Register(ctx, w.dial(t), candidate, w.phone)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBadSignInAddresses(t *testing.T) {
	for _, a := range []string{"", "tu", "@contoso.com", "tu@", "tu@contoso..com", "tu@con toso.com", "a@b@c", "tu\r\nX: y@contoso.com", "<tu>@contoso.com", strings.Repeat("x", 600) + "@contoso.com"} {
		_, err := sipua.ParseAddress(a)
		wantFailure(t, err, journal.Usage)
	}
}
