package device_test

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

const (
	registrarHost   = "pbx.contoso.com"
	digestChallenge = `Digest realm="pbx", qop="auth", nonce="n"`
)

// registrar is an RFC 3261 registrar that challenges each REGISTER without
// credentials, and answers the others as a test wants.
type registrar struct {
	at     string // address that it listens at
	answer func(n int, in *sipwire.Incoming, res *sip.Response)

	mu    sync.Mutex
	conns []*sipwire.Conn
	users []string // of the REGISTERs with credentials
}

// newRegistrar serves what l accepts; n counts the REGISTERs with credentials.
func newRegistrar(t testing.TB, l net.Listener, answer func(n int, in *sipwire.Incoming, res *sip.Response)) *registrar {
	t.Helper()
	r := &registrar{at: l.Addr().String(), answer: answer}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, sipwire.New(nc, sipwire.Config{Handler: r.handle}))
			r.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		l.Close()
		accepting.Wait()
		for _, c := range r.conns {
			c.Close()
			<-c.Done()
		}
	})
	return r
}

func (r *registrar) handle(c *sipwire.Conn, in *sipwire.Incoming) {
	req := in.Request()
	if req == nil {
		return
	}
	res := sipwire.NewResponse(req, 200, "OK", "pbx")
	credentials := sipwire.Auths(in.Msg, "Authorization")
	if len(credentials) == 0 {
		res.StatusCode = 401
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", digestChallenge))
		c.Send(res)
		return
	}
	r.mu.Lock()
	r.users = append(r.users, credentials[0].Get("username"))
	n := len(r.users)
	r.mu.Unlock()
	r.answer(n, in, res)
	c.Send(res)
}

// count is how many REGISTERs with credentials have come.
func (r *registrar) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.users)
}

// bind lists the phone's own Contact for ten minutes.
func bind(_ int, in *sipwire.Incoming, res *sip.Response) {
	contact, _, _ := strings.Cut(in.Header("Contact"), ">")
	res.AppendHeader(sip.NewHeader("Contact", contact+">;expires=600"))
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// plainPhone is a phone at a registrar without TLS, which is signed in.
func plainPhone(t *testing.T, r *registrar, build func(*device.Config)) (*device.Phone, *clock.Adjustable, device.Snapshot) {
	t.Helper()
	return plainPhoneOf(t, r, "alice@contoso.com", build)
}

func plainPhoneOf(t *testing.T, r *registrar, address string, build func(*device.Config)) (*device.Phone, *clock.Adjustable, device.Snapshot) {
	t.Helper()
	now := clock.NewManual(time.Now())
	p := newPhone(t, "today", func(c *device.Config) {
		c.Registrar, c.NTP, c.Clock = registrarHost+":5060;transport=tcp", false, now
		if build != nil {
			build(c)
		}
	})
	p.PowerOn()
	p.Plug(network.Place{Name: "a desk", DNS: []string{"127.0.0.1:9"}, Patch: network.AddressMap{registrarHost + ":5060": r.at}})
	if err := p.SignIn(device.Credentials{Address: address, User: `CONTOSO\alice`, Password: "pw"}); err != nil {
		t.Fatal(err)
	}
	return p, now, wait(t, p, func(s device.Snapshot) bool { return s.Done() || s.State == device.Waiting })
}

func TestRegistrarOverTCP(t *testing.T) {
	for authUser, want := range map[string]string{"": "alice", "line7": "line7"} {
		r := newRegistrar(t, listen(t), bind)
		p, _, s := plainPhone(t, r, func(c *device.Config) { c.AuthUser, c.Expires = authUser, 90*time.Second })
		if s.State != device.Ready || s.Server != registrarHost+":5060" {
			t.Fatalf("%s\n%s", s.State, story(p))
		}
		if step := last(t, p, journal.Connect); step.State != journal.Warned || !strings.Contains(step.Decided, "not encrypted") {
			t.Errorf("%+v", step)
		}
		if err := p.SignOut(t.Context()); err != nil {
			t.Error(err)
		}
		if r.users[0] != want || r.count() != 2 {
			t.Errorf("REGISTERs of %q, want %s twice", r.users, want)
		}
	}
}

// RFC 5890: an internationalized domain has A-labels on the wire and its own letters
// on the phone.
func TestInternationalizedSignInAddress(t *testing.T) {
	from := make(chan string, 8)
	r := newRegistrar(t, listen(t), func(n int, in *sipwire.Incoming, res *sip.Response) {
		from <- in.Header("From")
		bind(n, in, res)
	})
	p, _, s := plainPhoneOf(t, r, "alice@Bücher.example", nil)
	if got := <-from; s.State != device.Ready || s.Address != "alice@bücher.example" || !strings.HasPrefix(got, "<sip:alice@xn--bcher-kva.example>;") {
		t.Errorf("%s as %s, From %s\n%s", s.State, s.Address, got, story(p))
	}
	if ready := last(t, p, journal.Ready); !strings.Contains(ready.Decided, "alice@bücher.example") {
		t.Errorf("%+v", ready)
	}
}

// RFC 3261 20.33: the phone does not try again before the time that the server names.
func TestRetryAfterIsHonoured(t *testing.T) {
	r := newRegistrar(t, listen(t), func(n int, in *sipwire.Incoming, res *sip.Response) {
		if n == 1 {
			res.StatusCode = 503
			res.AppendHeader(sip.NewHeader("Retry-After", "7200"))
			return
		}
		bind(n, in, res)
	})
	p, now, s := plainPhone(t, r, nil)
	if s.State != device.Waiting || s.Failure.Code != journal.SIPUnavailable || s.NextTry.Sub(now.Now()) != 2*time.Hour {
		t.Fatalf("%s, next try at %v\n%s", s.State, s.NextTry, story(p))
	}
	now.Advance(2*time.Hour - time.Second)
	if s := p.Snapshot(); s.State != device.Waiting || r.count() != 1 {
		t.Errorf("%s after %d REGISTERs", s.State, r.count())
	}
	now.Advance(time.Second)
	wait(t, p, func(s device.Snapshot) bool { return s.State == device.Ready })
}

// RFC 3261 10.3: a registrar that lists no registration may hold none. The warning
// ends when it lists the phone's.
func TestRegistrationThatIsNotListed(t *testing.T) {
	r := newRegistrar(t, listen(t), func(n int, in *sipwire.Incoming, res *sip.Response) {
		if n > 1 {
			bind(n, in, res)
		}
	})
	p, now, s := plainPhone(t, r, nil)
	if s.State != device.Ready || len(s.Warnings) != 1 || s.Warnings[0].Code != journal.SIPNotListed {
		t.Fatalf("%s, warnings %+v\n%s", s.State, s.Warnings, story(p))
	}
	if step := last(t, p, journal.Ready); step.State != journal.Warned || !strings.Contains(strings.Join(step.Details, "|"), "sip.not-listed") {
		t.Errorf("%+v", step)
	}
	now.Advance(time.Hour) // the lifetime if none is named
	wait(t, p, func(s device.Snapshot) bool { return len(s.Warnings) == 0 })
}

// A sign-out that the server does not confirm is a warning, and no other attempt.
func TestSignOutThatIsNotConfirmed(t *testing.T) {
	r := newRegistrar(t, listen(t), func(n int, in *sipwire.Incoming, res *sip.Response) {
		if bind(n, in, res); n > 1 {
			res.StatusCode = 403
		}
	})
	p, _, s := plainPhone(t, r, nil)
	if s.State != device.Ready {
		t.Fatalf("%s\n%s", s.State, story(p))
	}
	if err := p.SignOut(t.Context()); journal.FailureOf(err).Code != journal.SIPSignOut || r.count() != 2 {
		t.Errorf("%v after %d REGISTERs", err, r.count())
	}
	for _, step := range steps(p) {
		if step.Code == journal.SIPSignOut && step.State == journal.Warned && strings.Contains(step.Decided, "until it expires, 10m0s") {
			return
		}
	}
	t.Error(story(p))
}

// A server may ask for a certificate of the phone (RFC 8446 4.3.2). With TLS 1.3 it
// refuses one after the handshake.
func TestClientCertificateForTheServer(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, own := range []bool{false, true} {
			t.Run(tls.VersionName(version), func(t *testing.T) {
				var certificate tls.Certificate
				rig := newRig(t, func(d *lab.Deployment) { d.Today = true }, func(c *device.Config) {
					c.Registrar, c.NTP, c.MinTLS, c.MaxTLS = registrarHost+":5061", false, version, version
					if own {
						c.Certificate = &certificate
					}
				})
				var err error
				if certificate, err = rig.lab.Certificate(registrarHost); err != nil {
					t.Fatal(err)
				}
				r := newRegistrar(t, tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert}), bind)
				rig.PowerOn()
				rig.Plug(patched(rig.lab.Inside(), map[string]string{registrarHost + ":5061": r.at}).Place)
				if err := rig.SignIn(rig.creds); err != nil {
					t.Fatal(err)
				}
				s := rig.rest()
				if own {
					rig.wantReady(s)
					if step := last(t, rig.Phone, journal.Connect); !strings.Contains(strings.Join(step.Details, "|"), "shows its own: CN="+registrarHost) {
						t.Errorf("%+v", step)
					}
					return
				}
				if s.Failure == nil || !strings.Contains(s.Failure.Fix, "--tls-cert FILE --tls-key FILE") {
					t.Errorf("%s, %+v\n%s", s.State, s.Failure, story(rig.Phone))
				}
			})
		}
	}
}

// A server may close the connection in the handshake in place of an alert.
func TestServerThatClosesWithoutAClientCertificate(t *testing.T) {
	rig := newRig(t, func(d *lab.Deployment) { d.Today = true }, func(c *device.Config) {
		c.Registrar, c.NTP, c.MaxTLS = registrarHost+":5061", false, tls.VersionTLS12
	})
	certificate, err := rig.lab.Certificate(registrarHost)
	if err != nil {
		t.Fatal(err)
	}
	at := listening(t, func(nc net.Conn) {
		tls.Server(nc, &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert,
			VerifyConnection: func(tls.ConnectionState) error { return nc.Close() }}).Handshake()
	})
	s := rig.signIn(patched(rig.lab.Inside(), map[string]string{registrarHost + ":5061": at}))
	rig.wantFailure(s, journal.ConnFailed)
	if !strings.Contains(s.Failure.Fix, "--tls-cert FILE --tls-key FILE") {
		t.Errorf("%s", s.Failure.Fix)
	}
}

// R14.1 rows 2 and 4: with a user of LCS 2005, or one who is not enabled for enhanced
// presence, the phone does not work. It asks for nothing and signs out.
func TestR14_1UserWithoutEnhancedPresence(t *testing.T) {
	for name, row := range map[string]struct {
		features [][2]string
		fix      string
	}{
		"not enabled": {[][2]string{{"Supported", "adhoclist"}, {"Allow-Events", provisioning.EventPackage}}, "Enable tu@contoso.com for enhanced presence"},
		"nothing":     {nil, "Enable tu@contoso.com for enhanced presence"},
	} {
		t.Run(name, func(t *testing.T) {
			p, r, _ := newPuppet(t)
			p.features = row.features
			if err := r.SignIn(r.creds); err != nil {
				t.Fatal(err)
			}
			s := r.rest()
			r.wantFailure(s, journal.SIPNoEnhancedPresence)
			if s.State != device.Failed || !strings.Contains(s.Failure.Fix, row.fix) || !strings.Contains(story(r.Phone), "Signed out tu@contoso.com.") {
				t.Errorf("%s, %+v\n%s", s.State, s.Failure, story(r.Phone))
			}
			if len(p.requests) != 0 {
				t.Errorf("it asked for %v", p.requests)
			}
		})
	}
}

// R14.1 row 4 and its remedy at the lab: once the user is enabled the sign-in succeeds
// (docs/decisions.md#proved-remedies).
func TestR14_1EnabledUserSignsIn(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, disabled := range []bool{true, false} {
		if err := r.lab.Directory.SetUser("tu", func(u *directory.User) { u.NoEnhancedPresence = disabled }); err != nil {
			t.Fatal(err)
		}
		s := r.signIn(r.lab.Inside())
		if disabled {
			r.wantFailure(s, journal.SIPNoEnhancedPresence)
		} else {
			r.wantReady(s)
		}
		if n := len(r.lab.Pool.Registrations()); n == 0 != disabled {
			t.Errorf("%d registrations, disabled %v", n, disabled)
		}
	}
}

// docs/protocol/sip-connection.md#order-of-a-sign-in: the phone subscribes to what
// Allow-Events lists.
func TestPhoneAsksForWhatThePoolOffers(t *testing.T) {
	p, r, _ := newPuppet(t)
	p.features = [][2]string{{"Supported", "adhoclist, msrtc-event-categories"}, {"Allow-Events", provisioning.EventPackage + ", " + roaming.SelfEvent}}
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	r.wantReady(r.rest())
	if p.count(roaming.SelfEvent) != 1 || p.count(roaming.ContactsEvent) != 0 {
		t.Errorf("it asked for %v", p.requests)
	}
	if step := last(t, r.Phone, journal.Contacts); step.State != journal.Skipped {
		t.Errorf("%+v", step)
	}
}
