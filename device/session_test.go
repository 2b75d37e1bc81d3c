package device_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// timed is a rig whose phone has a clock that moves only by Advance.
type timed struct {
	*rig
	clock *clock.Adjustable
}

func newTimed(t *testing.T, prepare func(*lab.Deployment)) timed {
	t.Helper()
	c := clock.NewManual(time.Now())
	r := newRig(t, prepare, func(cfg *device.Config) { cfg.Clock = c })
	r.wantReady(r.signIn(r.lab.Inside()))
	return timed{r, c}
}

// advance lets d pass for phone and lab.
func (r timed) advance(d time.Duration) {
	r.lab.Clock.Advance(d)
	r.clock.Advance(d)
}

// countSteps counts the steps of that name whose decision contains text.
func countSteps(p *device.Phone, name journal.Name, text string) (n int) {
	for _, s := range steps(p) {
		if s.Name == name && strings.Contains(s.Decided, text) {
			n++
		}
	}
	return n
}

// wantSteps waits for the n-th such step.
func (r *rig) wantSteps(name journal.Name, text string, n int) {
	r.t.Helper()
	wait(r.t, r.Phone, func(device.Snapshot) bool { return countSteps(r.Phone, name, text) >= n })
}

func (r *rig) wantBecomes(state device.State) device.Snapshot {
	r.t.Helper()
	return wait(r.t, r.Phone, func(s device.Snapshot) bool { return s.State == state })
}

func setPassword(world *lab.Lab, password string) error {
	return world.Directory.SetUser("tu", func(u *directory.User) { u.Password = password })
}

// beyondBackOff is longer than the first delay before the phone comes back.
const beyondBackOff = 10 * time.Second

// untilRefresh is the lifetime that a pool of R2 grants, less the margin of the firmware.
const untilRefresh = pool.DefaultExpires - 30*time.Second

func TestLostConnectionComesBackAfterABackOff(t *testing.T) {
	r := newTimed(t, nil)
	r.lab.Pool.DropAll()
	s := r.wantBecomes(device.Waiting)
	r.wantFailure(s, journal.SIPLost)
	if s.Server != "" || s.GRUU != "" {
		t.Errorf("a phone without a connection still shows %s, %s", s.Server, s.GRUU)
	}
	if s.Failure.Seq == 0 || s.Failure.At.IsZero() {
		t.Errorf("the snapshot's failure has neither number nor time: %+v", s.Failure)
	}
	r.clock.Advance(4 * time.Second) // the back-off begins with five
	if s := r.Snapshot(); s.State != device.Waiting {
		t.Errorf("the phone is %s before its back-off is over", s.State)
	}
	r.clock.Advance(beyondBackOff)
	r.wantReady(r.wantBecomes(device.Ready))
	if n := len(r.lab.Pool.Registrations()); n != 1 {
		t.Errorf("%d registrations after it came back, want the one endpoint", n)
	}
}

func TestRepeatedMessageIsALossAndThePhoneComesBack(t *testing.T) { // docs/protocol/sip-connection.md#which-messages-are-signed
	r := newTimed(t, nil)
	r.lab.Pool.SetFaults(pool.Faults{Repeat: true})
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	s := r.wantBecomes(device.Waiting)
	r.wantFailure(s, journal.SIPLost)
	if !strings.Contains(s.Failure.Decided, "repeated message") || !strings.Contains(s.Failure.Fix, "twice") {
		t.Errorf("%+v", s.Failure)
	}
	r.lab.Pool.SetFaults(pool.Faults{})
	r.clock.Advance(beyondBackOff)
	r.wantReady(r.wantBecomes(device.Ready))
}

func TestBackOffGrowsWhileThePoolIsGone(t *testing.T) {
	r := newTimed(t, nil)
	r.lab.Pool.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 503}})
	r.lab.Pool.DropAll()
	s := r.wantBecomes(device.Waiting)
	last := time.Duration(0)
	for range 5 {
		var wait time.Duration
		for _, line := range s.Failure.Details {
			if after, ok := strings.CutPrefix(line, "tries again in "); ok {
				wait, _ = time.ParseDuration(after)
			}
		}
		if wait <= last/2 || wait < 5*time.Second || wait > 15*time.Minute*3/2 {
			t.Fatalf("the phone waits %s after %s", wait, last)
		}
		last = wait
		seq := s.Failure.Seq
		r.clock.Advance(wait + time.Second)
		s = waitFor(r, func(s device.Snapshot) bool { return s.State == device.Waiting && s.Failure.Seq > seq })
		r.wantFailure(s, journal.SIPUnavailable)
	}
	if last < 40*time.Second {
		t.Errorf("after five failures it waits %s only", last)
	}
	r.lab.Pool.SetFaults(pool.Faults{})
	r.clock.Advance(time.Hour)
	r.wantReady(r.wantBecomes(device.Ready))
}

func waitFor(r timed, good func(device.Snapshot) bool) device.Snapshot {
	r.t.Helper()
	return wait(r.t, r.Phone, good)
}

func TestRegistrationIsRefreshedBeforeItExpires(t *testing.T) {
	r := newTimed(t, nil)
	first := r.lab.Pool.Registrations()[0].Expires
	r.advance(untilRefresh)
	r.wantSteps(journal.Session, "is refreshed", 1)
	regs := r.lab.Pool.Registrations()
	if len(regs) != 1 || !regs[0].Expires.After(first) {
		t.Fatalf("registrations %+v", regs)
	}
	if s := r.Snapshot(); s.State != device.Ready || countSteps(r.Phone, journal.Power, "") != 1 {
		t.Errorf("a refresh disturbs the phone: %s", s.State)
	}
}

func TestSecurityAssociationIsRenewedBeforeEightHours(t *testing.T) { // docs/protocol/sip-connection.md#which-messages-are-signed
	r := newTimed(t, nil)
	const lifetime = 8*time.Hour - 5*time.Minute
	for i := range 3 {
		r.advance(untilRefresh)
		r.wantSteps(journal.Session, "is refreshed", i+1)
	}
	r.advance(lifetime - 3*untilRefresh)
	r.wantSteps(journal.Session, "new security association", 1)
	r.advance(untilRefresh) // the old one would have ended by now
	r.wantSteps(journal.Session, "is refreshed", 5)
	r.wantReady(r.Snapshot())
	if n := r.lab.Pool.Counters(); n.BadLogons != 0 || n.BadSignatures != 0 || n.Connections != 1 {
		t.Errorf("%+v: want one connection throughout", n)
	}
}

func TestAddedOnARefreshIsALossAndThePhoneComesBack(t *testing.T) { // MS-SIPREGE 3.1.1.5.1
	r := newTimed(t, nil)
	r.lab.Pool.SetFaults(pool.Faults{ClaimAdded: true})
	r.advance(untilRefresh)
	s := r.wantBecomes(device.Waiting)
	r.wantFailure(s, journal.SIPLost)
	r.lab.Pool.SetFaults(pool.Faults{})
	r.clock.Advance(beyondBackOff)
	r.wantReady(r.wantBecomes(device.Ready))
}

func TestPasswordChangedMeanwhileIsTriedOnce(t *testing.T) { // docs/decisions.md#do-no-harm
	r := newTimed(t, nil)
	if err := setPassword(r.lab, "another password"); err != nil {
		t.Fatal(err)
	}
	r.lab.Pool.DropAll()
	r.wantBecomes(device.Waiting)
	r.clock.Advance(beyondBackOff)
	s := r.wantBecomes(device.Failed)
	r.wantFailure(s, journal.AuthPassword)
	r.clock.Advance(time.Hour)
	if n := r.badLogons(); n != 1 {
		t.Errorf("%d bad log-ons, want one", n)
	}
}

func TestDeregistrationNotices(t *testing.T) { // docs/protocol/sip-connection.md#deregistration-by-the-server
	for _, event := range []pool.Event{pool.Rejected, pool.Unregistered} {
		t.Run(string(event), func(t *testing.T) {
			r := newTimed(t, nil)
			if n := r.lab.Pool.Deregister(r.creds.Address, event, pool.Diagnostics{}); n != 1 {
				t.Fatalf("%d endpoints were told", n)
			}
			s := r.wantBecomes(device.Failed)
			r.wantFailure(s, journal.SIPDeregistered)
			if !strings.Contains(s.Failure.Answered, string(event)) {
				t.Errorf("the step does not say which: %q", s.Failure.Answered)
			}
			r.clock.Advance(time.Hour)
			if n := len(r.lab.Pool.Registrations()); n != 0 {
				t.Errorf("the phone came back by itself")
			}
		})
	}
	t.Run(string(pool.Deactivated), func(t *testing.T) {
		r := newTimed(t, nil)
		r.lab.Pool.Deregister(r.creds.Address, pool.Deactivated, pool.Diagnostics{})
		wait(t, r.Phone, func(s device.Snapshot) bool {
			return s.State == device.Ready && countSteps(r.Phone, journal.Ready, "Signed in") == 2
		})
		r.wantWarning(journal.SIPDeregistered)
	})
}

// secondPool starts a pool for the same users, and shows it to the phone.
func secondPool(t *testing.T, world *lab.Lab) (*pool.Server, lab.Attachment) {
	t.Helper()
	const host = "pool2.contoso.com"
	c, err := world.Certificate(host)
	if err != nil {
		t.Fatal(err)
	}
	home := pool.New(world.Directory)
	home.Host, home.Certificate, home.Clock = host, c, world.Clock
	if err := home.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { home.Close() })
	if err := world.InsideDNS.Set(host, "A", "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	return home, patched(world.Inside(), map[string]string{host + ":5061": home.Addr()})
}

func TestRedirectToTheHomePool(t *testing.T) { // docs/protocol/sip-connection.md#registration
	t.Run("at sign-in", func(t *testing.T) {
		r := newRig(t, nil, nil)
		home, in := secondPool(t, r.lab)
		r.lab.Pool.SetHomePool("pool2.contoso.com")
		s := r.signIn(in)
		r.wantReady(s)
		if s.Server != "pool2.contoso.com:5061" || len(home.Registrations()) != 1 || len(r.lab.Pool.Registrations()) != 0 {
			t.Errorf("signed in at %s", s.Server)
		}
		if countSteps(r.Phone, journal.Register, "pool2.contoso.com") == 0 {
			t.Errorf("no step tells of the redirect\n%s", story(r.Phone))
		}
	})
	t.Run("at a refresh", func(t *testing.T) {
		c := clock.NewManual(time.Now())
		r := newRig(t, nil, func(cfg *device.Config) { cfg.Clock = c })
		home, in := secondPool(t, r.lab)
		r.wantReady(r.signIn(in))
		r.lab.Pool.SetHomePool("pool2.contoso.com")
		c.Advance(untilRefresh)
		s := wait(t, r.Phone, func(s device.Snapshot) bool { return s.State == device.Ready && len(home.Registrations()) == 1 })
		if s.Server != "pool2.contoso.com:5061" {
			t.Errorf("signed in at %s", s.Server)
		}
		if countSteps(r.Phone, journal.Register, "served by pool2.contoso.com:5061") == 0 {
			t.Errorf("no step tells of the redirect\n%s", story(r.Phone))
		}
	})
	t.Run("home pool is down", func(t *testing.T) {
		r := newRig(t, nil, nil)
		home, in := secondPool(t, r.lab)
		home.Close()
		r.lab.Pool.SetHomePool("pool2.contoso.com")
		s := r.signIn(in)
		r.wantFailure(s, journal.ConnRefused)
		r.wantState(s, device.Waiting)
	})
	t.Run("in a circle", func(t *testing.T) {
		r := newRig(t, nil, nil)
		home, in := secondPool(t, r.lab)
		r.lab.Pool.SetHomePool("pool2.contoso.com")
		home.SetHomePool("pool.contoso.com")
		s := r.signIn(in)
		r.wantFailure(s, journal.SIPRedirects)
		r.wantState(s, device.Failed)
	})
	t.Run("outside the domain", func(t *testing.T) {
		r := newRig(t, nil, nil)
		r.lab.Pool.SetHomePool("pool.fabrikam.com")
		s := r.signIn(r.lab.Inside())
		r.wantFailure(s, journal.OutsideDomain)
		r.wantState(s, device.Failed)
	})
}

func TestPoolClosingAfterABurst(t *testing.T) {
	c := clock.NewManual(time.Now())
	r := newRig(t, nil, func(cfg *device.Config) { cfg.Clock = c })
	r.lab.Pool.SetFaults(pool.Faults{CloseAfter: 3}) // two challenges and the answer that lets in
	r.PowerOn()
	r.Plug(r.lab.Inside().Place)
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.wantFailure(r.wantBecomes(device.Waiting), journal.SIPLost)
		seq := r.Snapshot().Failure.Seq
		c.Advance(time.Hour)
		wait(t, r.Phone, func(s device.Snapshot) bool {
			return s.State == device.Waiting && s.Failure.Seq > seq
		})
	}
	r.lab.Pool.SetFaults(pool.Faults{})
	c.Advance(time.Hour)
	r.wantReady(r.wantBecomes(device.Ready))
}

func TestRegistrarThatIsNoPool(t *testing.T) { // RFC 3261 22, RFC 8760
	for _, scheme := range []pool.Scheme{pool.DigestMD5, pool.DigestSHA256} {
		for _, password := range []string{lab.DefaultPassword, "not the password"} {
			t.Run(fmt.Sprintf("%s %s", scheme, password), func(t *testing.T) {
				r := newRig(t, func(d *lab.Deployment) { d.Today, d.Pool.Schemes = true, []pool.Scheme{scheme} }, nil)
				file := t.TempDir()
				if err := r.lab.WriteRoots(file); err != nil { // so that the phone does not ask AD
					t.Fatal(err)
				}
				r.Phone = newPhone(t, "today", func(c *device.Config) {
					c.Registrar, c.RootSet = "pool.contoso.com:5061", "file:"+file+"/enterprise.pem"
				})
				r.creds.User, r.creds.Password = "tu", password
				s := r.signIn(r.lab.Inside())
				if password != lab.DefaultPassword {
					r.wantFailure(s, journal.AuthPassword)
					if n := r.badLogons(); n != 1 {
						t.Errorf("%d bad log-ons, want one", n)
					}
					return
				}
				r.wantReady(s)
				if ready := last(t, r.Phone, journal.Ready); !strings.Contains(strings.Join(ready.Details, "\n"), "not an OCS pool") {
					t.Errorf("the last step does not say that this is no pool: %+v", ready)
				}
				if reg := r.lab.Pool.Registrations(); len(reg) != 1 || !strings.Contains(reg[0].Auth, string(scheme)) {
					t.Errorf("registrations %+v", reg)
				}
			})
		}
	}
}

func TestProtocolVersionsWithAndWithoutESS(t *testing.T) { // docs/protocol/sip-connection.md#registration
	for version := 2; version <= 4; version++ {
		for _, noESS := range []bool{false, true} {
			t.Run(fmt.Sprintf("version %d, without ESS %v", version, noESS), func(t *testing.T) {
				r := newRig(t, func(d *lab.Deployment) { d.Pool.Version, d.Pool.NoESS = version, noESS }, nil)
				r.wantReady(r.signIn(r.lab.Inside()))
				reg := r.lab.Pool.Registrations()
				if len(reg) != 1 || !strings.HasPrefix(reg[0].Auth, fmt.Sprintf("NTLM v%d", version)) || strings.Contains(reg[0].Auth, "no ESS") != noESS {
					t.Errorf("registrations %+v", reg)
				}
				if err := r.SignOut(t.Context()); err != nil { // signed, too
					t.Fatal(err)
				}
				if n := len(r.lab.Pool.Registrations()); n != 0 {
					t.Errorf("%d registrations after the farewell", n)
				}
			})
		}
	}
}

// TestPasswordIsNeverShown looks for it in every form in which it could be
// shown or kept (docs/decisions.md#secrets).
func TestPasswordIsNeverShown(t *testing.T) {
	const secret = "S3cret-Pa55phrase"
	var forms []string
	utf := utf16.Encode([]rune(secret))
	wide := make([]byte, 0, 2*len(utf))
	for _, u := range utf {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for _, raw := range [][]byte{[]byte(secret), wide} {
		forms = append(forms, string(raw), fmt.Sprintf("%x", raw), base64.StdEncoding.EncodeToString(raw)[:len(raw)/3*4])
	}
	for name, row := range map[string]struct {
		right   bool
		prepare func(*lab.Deployment)
		build   func(*device.Config)
	}{
		"signed in":       {true, nil, nil},
		"refused by AD":   {false, nil, nil},
		"digest":          {true, func(d *lab.Deployment) { d.Pool.Schemes = []pool.Scheme{pool.DigestMD5} }, func(c *device.Config) { c.Registrar = "pool.contoso.com" }},
		"digest, refused": {false, func(d *lab.Deployment) { d.Pool.Schemes = []pool.Scheme{pool.DigestMD5} }, func(c *device.Config) { c.Registrar = "pool.contoso.com" }},
	} {
		t.Run(name, func(t *testing.T) {
			memory := new(flash.Memory)
			r := newRig(t, row.prepare, func(c *device.Config) {
				c.Flash = memory
				if row.build != nil {
					row.build(c)
				}
			})
			if row.right {
				if err := setPassword(r.lab, secret); err != nil {
					t.Fatal(err)
				}
			}
			r.creds.Password = secret
			s := r.signIn(r.lab.Inside())
			if row.right {
				r.wantReady(s)
			} else {
				r.wantState(s, device.Failed)
			}
			var all bytes.Buffer
			events, _, _ := r.Events().Since(0)
			for _, v := range []any{events, s, s.Verdict, s.Roots} {
				b, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(b)
			}
			fmt.Fprintf(&all, "%+v %+v", events, s)
			for _, key := range []string{"identity", "roots", "user"} {
				b, err := memory.Get(key)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(b)
			}
			if !strings.Contains(all.String(), "contoso.com") {
				t.Fatal("nothing was gathered")
			}
			for _, form := range forms {
				if strings.Contains(all.String(), form) {
					t.Errorf("the password shows as %q", form)
				}
			}
		})
	}
}
