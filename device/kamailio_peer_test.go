//go:build realpeers && linux

package device_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/peer"
)

func TestPeerKamailio(t *testing.T) {
	k := startKamailio(t)
	const registrar = kamailioHost + ":" + kamailioPort

	t.Run("registers by digest, refreshes, unregisters", func(t *testing.T) {
		p, now := k.phone(t, registrar)
		if s := signIn(t, p, "alice", "pw-alice"); s.State != device.Ready || s.Server != registrar {
			t.Fatalf("%s at %s\n%s", s.State, s.Server, story(p))
		}
		if n := k.contacts(t, "alice"); n != 1 {
			t.Errorf("%d contacts of alice", n)
		}
		for i := range 3 {
			now.Advance(kamailioExpires)
			wait(t, p, func(device.Snapshot) bool { return count(p, "is refreshed") == i+1 })
		}
		if n := k.contacts(t, "alice"); n != 1 || count(p, "Connected to") != 1 {
			t.Errorf("after three refreshes %d contacts and %d connections", n, count(p, "Connected to"))
		}
		if err := p.SignOut(context.Background()); err != nil {
			t.Error(err)
		}
		if n := k.contacts(t, "alice"); n != 0 {
			t.Errorf("%d contacts of alice after she signed out", n)
		}
		peer.Row(t, "kamailio", "the phone registers over TLS by digest in RFC 3261 mode, refreshes and unregisters")
	})

	t.Run("a wrong password is tried once", func(t *testing.T) {
		p, now := k.phone(t, registrar)
		s := signIn(t, p, "bob", "wrong")
		if s.State != device.Failed || s.Failure.Code != journal.AuthPassword {
			t.Fatalf("%s, %+v\n%s", s.State, s.Failure, story(p))
		}
		now.Advance(24 * time.Hour)
		if s = p.Snapshot(); s.State != device.Failed {
			t.Errorf("after a day it is %s", s.State)
		}
		peer.Eventually(t, "Kamailio to tell of the refusal", func() error {
			if strings.Contains(k.Log(), "REFUSED bob") {
				return nil
			}
			return errors.New("not yet")
		})
		if n := strings.Count(k.Log(), "REFUSED bob"); n != 1 {
			t.Errorf("Kamailio refused the password %d times", n)
		}
		peer.Row(t, "kamailio", "a wrong password is spent once, and not again in a day")
	})

	t.Run("the name that was told is the one verified", func(t *testing.T) {
		p, _ := k.phone(t, "other.contoso.com:"+kamailioPort)
		if s := signIn(t, p, "alice", "pw-alice"); s.State != device.Failed || s.Failure.Code != journal.CertName {
			t.Fatalf("%s, %+v\n%s", s.State, s.Failure, story(p))
		}
		peer.Row(t, "kamailio", "--registrar HOST is the name that the certificate must bear")
	})
}

func TestPeerKamailioWithoutTLS(t *testing.T) {
	k := startKamailio(t)
	p, _ := k.phone(t, kamailioHost+":"+kamailioPlain+";transport=tcp", func(c *device.Config) { c.AuthUser, c.Expires = "line7", 2*time.Minute })
	if s := signIn(t, p, "carol", "pw-line7"); s.State != device.Ready || len(s.Warnings) != 0 {
		t.Fatalf("%s, %+v\n%s", s.State, s.Warnings, story(p))
	}
	if details := strings.Join(last(t, p, journal.Register).Details, "|"); !strings.Contains(details, "Registered for 2m0s") {
		t.Error(details)
	}
	if n := k.contacts(t, "carol"); n != 1 {
		t.Errorf("%d contacts of carol", n)
	}
	if err := p.SignOut(t.Context()); err != nil || k.contacts(t, "carol") != 0 {
		t.Errorf("%v, %d contacts of carol after she signed out", err, k.contacts(t, "carol"))
	}
	peer.Row(t, "kamailio", "the phone registers over TCP (;transport=tcp) with a user name of its own (--auth-user) for the lifetime that it requests")
}

// TestPeerKamailioWithNoncesForOneUse has Kamailio call each nonce stale that it has
// seen before: the refresh and the sign-out are challenged again.
func TestPeerKamailioWithNoncesForOneUse(t *testing.T) {
	k := startKamailio(t, `modparam("auth", "one_time_nonce", 1)`)
	p, now := k.phone(t, kamailioHost+":"+kamailioPort)
	if s := signIn(t, p, "dave", "pw-dave"); s.State != device.Ready {
		t.Fatalf("%s\n%s", s.State, story(p))
	}
	now.Advance(kamailioExpires)
	wait(t, p, func(device.Snapshot) bool { return count(p, "is refreshed") == 1 })
	if err := p.SignOut(t.Context()); err != nil || k.contacts(t, "dave") != 0 {
		t.Errorf("%v, %d contacts of dave after he signed out", err, k.contacts(t, "dave"))
	}
	if n := count(p, "Authenticate with Digest"); n != 3 {
		t.Errorf("%d challenges, want one each for sign-in, refresh and sign-out\n%s", n, story(p))
	}
	peer.Row(t, "kamailio", "a stale nonce is answered once, at the refresh and at the sign-out too, which leaves nothing behind")
}

// TestPeerRegistrarByNAPTR finds Kamailio as RFC 3263 says. Its certificate bears the
// name that was given, not that of the host in the SRV record.
func TestPeerRegistrarByNAPTR(t *testing.T) {
	k := startKamailio(t)
	s := peer.BIND(t, "contoso.com",
		kamailioHost+` NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.contoso.com.`,
		kamailioHost+` NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp.contoso.com.`,
		"_sips._tcp.contoso.com SRV 0 0 "+kamailioPort+" k1.contoso.com", "k1.contoso.com A "+kamailioAddress)
	p, _ := k.phone(t, kamailioHost)
	p.Plug(network.Place{Name: "a desk", DNS: []string{s.Addr}})
	if s := signIn(t, p, "erin", "pw-erin"); s.State != device.Ready || s.Server != "k1.contoso.com:"+kamailioPort {
		t.Fatalf("%s at %s\n%s", s.State, s.Server, story(p))
	}
	peer.Row(t, "bind9", "NAPTR, SRV and address lead to an RFC 3261 registrar")
	peer.Row(t, "kamailio", "a registrar that NAPTR and SRV name must bear the name that was given in its certificate")
}

// fate is what became of one phone.
type fate struct {
	what  string // "back", "refreshed", or the code of the refusal
	after time.Duration
}

// TestPeerKamailioRollsItsCertificateOver replaces what Kamailio shows under 50
// registered phones. tls.reload lets connections stand, so that each phone
// meets the new certificate when its connection is cut.
func TestPeerKamailioRollsItsCertificateOver(t *testing.T) {
	const fleet = 50
	k := startKamailio(t)
	phones, clocks := make([]*device.Phone, fleet), make([]*clock.Adjustable, fleet)
	for i := range phones {
		phones[i], clocks[i] = k.phone(t, kamailioHost+":"+kamailioPort)
	}
	// each asks every phone at once and tabulates the answers: none may be silent.
	each := func(when string, f func(i int, p *device.Phone) string) map[string]int {
		t.Helper()
		fates := make([]fate, fleet)
		var all sync.WaitGroup
		for i, p := range phones {
			all.Go(func() {
				start := time.Now()
				fates[i] = fate{what: f(i, p), after: time.Since(start)}
			})
		}
		all.Wait()
		tally, worst := map[string]int{}, map[string]time.Duration{}
		for _, f := range fates {
			tally[f.what]++
			worst[f.what] = max(worst[f.what], f.after)
		}
		for what, n := range tally {
			t.Logf("| %s | %d phones | %s | within %s |", when, n, what, worst[what].Round(time.Millisecond))
		}
		return tally
	}
	await := func(p *device.Phone, good func(device.Snapshot) bool) (device.Snapshot, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		s, err := p.Wait(ctx, good)
		return s, err == nil
	}
	enter := func(i int, p *device.Phone) string {
		user := fmt.Sprintf("u%d", i)
		if err := p.SignIn(device.Credentials{Address: user + "@contoso.com", User: user, Password: "pw-" + user}); err != nil {
			return err.Error()
		}
		s, _ := await(p, device.Snapshot.Done)
		return string(s.State)
	}
	refresh := func(i int, p *device.Phone) string {
		before := count(p, "is refreshed")
		clocks[i].Advance(kamailioExpires)
		if _, ok := await(p, func(device.Snapshot) bool { return count(p, "is refreshed") > before }); !ok {
			return "silent: " + story(p)
		}
		return "refreshed"
	}
	// comeBack waits until the phone has lost its connection and has come to rest.
	comeBack := func(i int, p *device.Phone) string {
		signIns := count(p, "Signed in as")
		clocks[i].Advance(kamailioExpires)
		for range 10 {
			s, ok := await(p, func(s device.Snapshot) bool {
				return s.State == device.Waiting || s.State == device.Failed || s.State == device.Ready && count(p, "Signed in as") > signIns
			})
			switch {
			case !ok:
				return "silent: " + story(p)
			case s.State == device.Ready:
				return "back"
			case s.State == device.Failed || s.Failure.Code != journal.SIPLost:
				return string(s.Failure.Code)
			}
			clocks[i].Advance(time.Minute) // the back-off
		}
		return "restless: " + story(p)
	}
	want := func(got map[string]int, what string) {
		t.Helper()
		if got[what] != fleet {
			t.Fatalf("want %d phones %q, got %v", fleet, what, got)
		}
	}

	want(each("sign-in", enter), string(device.Ready))

	leaf := k.present(t, k.pki.Issuing)
	k.must(t, "tls.reload")
	k.shows(t, leaf)
	want(each("new certificate, connections stand", refresh), "refreshed")
	k.must(t, "htable.seti", "control", "cut", 1)
	want(each("new certificate, connections cut", comeBack), "back")
	for _, p := range phones {
		if n := count(p, "The certificate of "+kamailioHost+" is good"); n != 2 {
			t.Errorf("%d certificates were judged, want the first and the new one\n%s", n, story(p))
		}
	}

	leaf = k.present(t, k.pki.Public)
	k.must(t, "tls.reload")
	want(each("new root, connections cut", comeBack), string(journal.CertUntrusted))
	for _, p := range phones {
		if v := p.Snapshot().Verdict; v == nil || !v.Answers[certstore.Today].Path[0].Equal(leaf) {
			t.Errorf("another certificate than the new one was refused: %+v", v)
		}
	}
	for _, p := range phones {
		trustRoot(t, p, k.pki.Public)
	}
	want(each("new root, imported", enter), string(device.Ready))
	peer.Row(t, "kamailio", "certificate, then root, replaced by tls.reload under 50 phones: all refresh, all come back, all refuse with cert.untrusted")
}
