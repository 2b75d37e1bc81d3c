package device_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/network"
)

// meter counts what the phone sends to servers.
type meter struct{ sent atomic.Int64 }

func (m *meter) Message(t network.Traffic) {
	if t.Sent && t.Layer == "tcp" {
		m.sent.Add(int64(len(t.Bytes)))
	}
}

// TestPullingACordSendsNothing: not even that of TLS, which could block the
// task queue when the server reads nothing (docs/decisions.md#one-owner).
func TestPullingACordSendsNothing(t *testing.T) {
	for name, act := range map[string]func(*rig){
		"power":   func(r *rig) { r.PowerOff() },
		"network": func(r *rig) { r.Unplug() },
		"reset":   func(r *rig) { r.PressReset() },
		"close":   func(r *rig) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			m := new(meter)
			r := newRig(t, nil, func(c *device.Config) { c.Wire = m })
			r.wantReady(r.signIn(r.lab.Inside()))
			before := m.sent.Load()
			act(r)
			if n := m.sent.Load() - before; n != 0 {
				t.Errorf("%d bytes were sent", n)
			}
		})
	}
}

func TestClockThatCouldNotBeSetIsAskedForAgain(t *testing.T) { // docs/protocol/phone.md#time
	c := clock.NewManual(time.Now())
	r := newRig(t, nil, func(cfg *device.Config) { cfg.Clock = c })
	const srv = "_ntp._udp.contoso.com"
	r.lab.InsideDNS.Remove(srv)
	r.lab.Pool.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 503}})
	s := r.signIn(r.lab.Inside())
	r.wantState(s, device.Waiting)
	if step := last(t, r.Phone, journal.Time); step.State != journal.Warned {
		t.Fatalf("time: %+v", step)
	}
	if err := r.lab.InsideDNS.Set(srv, "SRV", "0 0 123 dc1.contoso.com"); err != nil {
		t.Fatal(err)
	}
	r.lab.Pool.SetFaults(pool.Faults{})
	c.Advance(beyondBackOff)
	r.wantReady(r.wantBecomes(device.Ready))
	if step := last(t, r.Phone, journal.Time); step.State != journal.OK {
		t.Errorf("the phone signed in with a clock that nobody has set: %+v", step)
	}
}

// TestSignInDuringASignOutStays orders the race of the two.
func TestSignInDuringASignOutStays(t *testing.T) {
	r := newRig(t, nil, nil)
	r.wantReady(r.signIn(r.lab.Inside()))
	asked, release := make(chan struct{}), make(chan struct{})
	r.lab.Pool.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
		if h := req.GetHeader("Expires"); req.Method == sip.REGISTER && h != nil && h.Value() == "0" {
			close(asked)
			<-release
		}
	}})
	out := make(chan error)
	go func() { out <- r.SignOut(t.Context()) }()
	<-asked
	r.creds = credentials(r.lab, 1)
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	<-out // its farewell was cut off, or was not; either will do
	s := r.rest()
	close(release)
	r.wantReady(s)
	if s.Address != r.creds.Address {
		t.Errorf("%s is signed in, want %s", s.Address, r.creds.Address)
	}
}

func TestRootSetInAFileIsFoundFromAnotherFolder(t *testing.T) {
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	here, state := t.TempDir(), t.TempDir()
	if err := world.WriteRoots(filepath.Join(here, "roots")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(here)
	for _, set := range []string{"file:roots/enterprise.pem", ""} { // from the Config, then from flash
		memory, err := flash.Open(state)
		if err != nil {
			t.Fatal(err)
		}
		p, err := device.New(device.Config{RootSet: set, Flash: memory})
		if err != nil {
			memory.Close()
			t.Fatalf("root set %q in %s: %v", set, must(os.Getwd()), err)
		}
		if s := p.Snapshot(); len(s.Roots) != 1 || !strings.HasPrefix(s.RootSet, "file:") {
			t.Errorf("%d roots of %s", len(s.Roots), s.RootSet)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		t.Chdir(t.TempDir())
	}
}

func TestManyPhonesShareTheRootsOfTheirSet(t *testing.T) {
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	dir := t.TempDir()
	if err := world.WriteRoots(dir); err != nil {
		t.Fatal(err)
	}
	set := certstore.FilePrefix + filepath.Join(dir, lab.EnterpriseRoot+".pem")
	roots, err := certstore.RootSet(set)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p := newPhone(t, "today", func(c *device.Config) { c.RootSet, c.Factory = set, roots })
		if _, err := p.Import([]certstore.Root{{Certificate: world.PKI.Public.Certificate, Source: certstore.Source{Kind: certstore.Import}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.PressReset(); err != nil {
			t.Fatal(err)
		}
		r := rig{Phone: p, t: t, lab: world, creds: credentials(world, 0)}
		s := r.signIn(world.Inside())
		r.wantReady(s)
		if len(s.Roots) != 1 || s.Roots[0].Certificate != roots.Roots()[0].Certificate || s.RootSet != set {
			t.Errorf("it trusts %d roots of %s", len(s.Roots), s.RootSet)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestAnIdlePhoneHoldsNoEvidence: what a good certificate was judged by is in
// the journal, as text, and not kept twice.
func TestAnIdlePhoneHoldsNoEvidence(t *testing.T) {
	r := newRig(t, nil, nil)
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if s.Verdict != nil {
		t.Errorf("the verdict is kept: %+v", s.Verdict)
	}
	if step := last(t, r.Phone, journal.Trust); len(step.Details) == 0 {
		t.Errorf("the journal holds no evidence: %+v", step)
	}
}
