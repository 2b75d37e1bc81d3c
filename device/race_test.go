package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// buttons is everything that can be done to a phone.
func (r *rig) buttons() []func() {
	in, out := r.lab.Inside().Place, r.lab.Outside().Place
	return []func(){
		r.PowerOn, r.PowerOn, r.PowerOn, r.PowerOff, r.Unplug,
		func() { r.Plug(in) }, func() { r.Plug(in) }, func() { r.Plug(out) },
		func() { r.SignIn(r.creds) }, func() { r.SignIn(r.creds) }, func() { r.SignIn(r.creds) },
		func() {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			r.SignOut(ctx)
		},
		func() { r.PressReset() }, func() { r.FactoryReset() }, func() { r.ResetUser() },
		func() { r.Import(r.Store().Roots()) },
		func() { json.Marshal(r.Snapshot()) },
		func() { r.Events().Since(0) },
	}
}

// press does n things at random from each of several goroutines.
func (r *rig) press(n int) *sync.WaitGroup {
	all := new(sync.WaitGroup)
	for range 6 {
		seed := rand.Uint64()
		r.t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		all.Go(func() {
			buttons := r.buttons()
			for range n {
				buttons[random.IntN(len(buttons))]()
			}
		})
	}
	return all
}

func TestEveryButtonAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil, nil)
	r.press(60).Wait()
	r.wantReady(r.signIn(r.lab.Inside())) // it works as if nothing had been
	if n := r.badLogons(); n != 0 {
		t.Errorf("%d bad log-ons", n)
	}
}

func TestCloseWhileEveryButtonIsPressed(t *testing.T) {
	t.Parallel()
	for range 5 {
		r := newRig(t, func(d *lab.Deployment) { d.Today = true }, nil)
		all := r.press(40)
		wait(t, r.Phone, func(device.Snapshot) bool { return countSteps(r.Phone, journal.Power, "") > 0 })
		for range 2 {
			all.Go(func() { r.Close() })
		}
		all.Wait()
		if s := r.Snapshot(); s.State != device.Off {
			t.Errorf("closed and %s", s.State)
		}
		_, reset := r.PressReset()
		for what, err := range map[string]error{"SignIn": r.SignIn(r.creds), "PressReset": reset} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
	}
}

// TestCloseAtEachStepOfASignIn closes the phone after its first step, its
// second and so on; the goroutine check of the package sees what stays.
func TestCloseAtEachStepOfASignIn(t *testing.T) {
	t.Parallel()
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	for n := 1; ; n++ {
		p := newPhone(t, "today", nil)
		p.PowerOn()
		p.Plug(world.Inside().Place)
		if err := p.SignIn(credentials(world, 0)); err != nil {
			t.Fatal(err)
		}
		s := wait(t, p, func(s device.Snapshot) bool { return len(steps(p)) >= n || s.Done() })
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if s.State == device.Ready && len(steps(p)) < n {
			return
		}
		if n > 100 {
			t.Fatal("the sign-in has no end")
		}
	}
}

// relay passes connections on to addr; each value of closed is a connection whose
// phone end has been closed.
func relay(t *testing.T, addr string) (at string, closed <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ends := make(chan struct{}, 16)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			phone, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				phone.Close()
				continue
			}
			running.Go(func() {
				io.Copy(phone, server)
				phone.Close()
			})
			running.Go(func() {
				io.Copy(server, phone)
				ends <- struct{}{}
				server.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String(), ends
}

// TestRegistrationThatCompletesTooLateIsNotAdopted orders the race of docs/decisions.md#one-owner:
// the pool lets the phone in when it has something else in mind.
func TestRegistrationThatCompletesTooLateIsNotAdopted(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		act   func(*rig) error
		state device.State
	}{
		"power off": {func(r *rig) error { r.PowerOff(); return nil }, device.Off},
		"unplug":    {func(r *rig) error { r.Unplug(); return nil }, device.Failed},
		"reset":     {func(r *rig) error { _, err := r.PressReset(); return err }, device.SignedOut},
		"sign out":  {func(r *rig) error { return r.SignOut(context.Background()) }, device.SignedOut},
	} {
		for _, first := range []string{"the phone acts first", "the pool answers first"} {
			t.Run(name+", "+first, func(t *testing.T) {
				r := newRig(t, nil, nil)
				asked, release := make(chan struct{}, 1), make(chan struct{})
				r.lab.Pool.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
					if h := req.GetHeader("Authorization"); h != nil && !strings.Contains(h.Value(), `gssapi-data=""`) {
						select { // only the last REGISTER of the handshake
						case asked <- struct{}{}:
							<-release
						default:
						}
					}
				}})
				addr, closed := relay(t, r.lab.Pool.Addr())
				r.PowerOn()
				r.Plug(patched(r.lab.Inside(), map[string]string{"pool.contoso.com:5061": addr}).Place)
				if err := r.SignIn(r.creds); err != nil {
					t.Fatal(err)
				}
				<-asked
				<-closed // of the connection whose certificate was not trusted yet
				if first == "the phone acts first" {
					defer r.lab.Pool.Close()
					if err := row.act(r); err != nil {
						t.Fatal(err)
					}
					close(release)
				} else {
					close(release)
					if err := row.act(r); err != nil {
						t.Fatal(err)
					}
				}
				select {
				case <-closed:
				case <-time.After(time.Minute):
					t.Fatal("the connection of the late registration is still open")
				}
				s := r.Snapshot()
				r.wantState(s, row.state)
				if s.Server != "" || s.GRUU != "" {
					t.Errorf("the phone shows the late registration: %s %s", s.Server, s.GRUU)
				}
				if first == "the phone acts first" && countSteps(r.Phone, journal.Ready, "") != 0 {
					t.Errorf("a phone that was busy otherwise became ready\n%s", story(r.Phone))
				}
			})
		}
	}
}
