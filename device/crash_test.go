package device_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// childDir names the environment variable that turns the test binary into a
// phone that signs in and is reset until somebody kills it.
const childDir = "DEVICE_TEST_CHILD_DIR"

// readyFile is the lab's, in the child's directory.
const readyFile = "ready.json"

// signInAndResetForEver is the main function of that phone. It says "roots" and
// "reset" when either is done.
func signInAndResetForEver(dir string) error {
	ready, err := lab.ReadReady(context.Background(), filepath.Join(dir, readyFile))
	if err != nil {
		return err
	}
	memory, err := flash.Open(dir)
	if err != nil {
		return err
	}
	fw, err := device.FirmwareNamed("1.0.522.71")
	if err != nil {
		return err
	}
	p, err := device.New(device.Config{Firmware: fw, RootSet: "none", Flash: memory})
	if err != nil {
		return err
	}
	p.PowerOn()
	p.Plug(ready.Inside.Place("inside"))
	u := ready.Users[0]
	for {
		if err := p.SignIn(device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}); err != nil {
			return err
		}
		s, err := p.Wait(context.Background(), device.Snapshot.Done)
		if err != nil {
			return err
		}
		if s.State != device.Ready {
			return fmt.Errorf("state %s\n%s", s.State, story(p))
		}
		fmt.Println("roots")
		if _, err := p.PressReset(); err != nil {
			return err
		}
		fmt.Println("reset")
	}
}

// TestPhoneKilledAtAnyMomentHasTheOldOrTheNewState kills it while roots
// install and while a reset runs (docs/decisions.md#the-store-is-a-value).
func TestPhoneKilledAtAnyMomentHasTheOldOrTheNewState(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const kills, more = 20, 30
	r := newRig(t, func(d *lab.Deployment) { d.MoreRoots = more }, nil)
	dir := t.TempDir()
	if err := r.lab.WriteReady(filepath.Join(dir, readyFile)); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var id device.Identity
	found := map[int]int{}
	for kill := range kills {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		read := func() bool {
			if !lines.Scan() {
				return false
			}
			if l := lines.Text(); l != "roots" && l != "reset" {
				t.Errorf("kill %d: the child says %q", kill, l)
			}
			return true
		}
		within := 40 * time.Millisecond // a start and a sign-in
		for i := range kill % 4 {
			if read(); i%2 == 0 {
				within = 4 * time.Millisecond // a reset comes next
			} else {
				within = 25 * time.Millisecond // a sign-in
			}
		}
		<-time.After(time.Duration(random.Int64N(int64(within))))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for read() { // what it said before the signal came
		}
		cmd.Wait()

		f, err := flash.Open(dir)
		if err != nil {
			t.Fatalf("seed %d, kill %d: %v", seed, kill, err)
		}
		now, err := device.ReadIdentity(f)
		if err != nil || id.MAC != "" && now != id {
			t.Fatalf("seed %d, kill %d: %v; it was %+v and is %+v", seed, kill, err, id, now)
		}
		id = now
		roots, err := device.ReadRoots(f)
		if err != nil || roots.Len() != 0 && roots.Len() != 1+more {
			t.Fatalf("seed %d, kill %d: %v; %d roots, want none or all %d", seed, kill, err, roots.Len(), 1+more)
		}
		found[roots.Len()]++
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d: %v times that many roots", seed, found)

	f, err := flash.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.Phone = newPhone(t, "1.0.522.71", func(c *device.Config) { c.Flash = f })
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if s.MAC != id.MAC || downloaded(s) != 1+more {
		t.Errorf("after all that: MAC %s, %d roots", s.MAC, downloaded(s))
	}
}

// rooted gives a phone the pool's root, so that it need not ask AD.
func rooted(t testing.TB, world *lab.Lab) func(*device.Config) {
	t.Helper()
	dir := t.TempDir()
	if err := world.WriteRoots(dir); err != nil {
		t.Fatal(err)
	}
	return func(c *device.Config) { c.RootSet = "file:" + filepath.Join(dir, lab.EnterpriseRoot+".pem") }
}

func TestLabKilledWhilePhonesSignIn(t *testing.T) {
	t.Parallel()
	for _, withRoots := range []bool{true, false} {
		for _, after := range []journal.Name{journal.Time, journal.Discovery, journal.Trust, journal.Register, journal.Ready} {
			t.Run(fmt.Sprintf("after %s, roots %v", after, withRoots), func(t *testing.T) {
				world, err := lab.New(lab.Deployment{Today: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { world.Close() })
				var phones []*device.Phone
				for i := range 3 {
					p := newPhone(t, "today", func(c *device.Config) {
						c.DNSTimeout = 200 * time.Millisecond
						if withRoots {
							rooted(t, world)(c)
						}
					})
					p.PowerOn()
					p.Plug(world.Inside().Place)
					if err := p.SignIn(credentials(world, i)); err != nil {
						t.Fatal(err)
					}
					phones = append(phones, p)
				}
				wait(t, phones[0], func(device.Snapshot) bool { return countSteps(phones[0], after, "") > 0 })
				if err := world.Close(); err != nil {
					t.Fatal(err)
				}
				for _, p := range phones {
					s := wait(t, p, func(s device.Snapshot) bool { return s.State == device.Waiting || s.State == device.Failed })
					// Without the root and without AD, the certificate is what is left to act on.
					if c := s.Failure.Code; !c.Page().Retry && (withRoots || c != journal.CertUntrusted && c != journal.ADProtocol) {
						t.Errorf("%s %s: %s\n%s", s.State, c, s.Failure.Decided, story(p))
					}
				}
			})
		}
	}
}

func TestPoolThatComesBackIsFoundAgain(t *testing.T) {
	c := clock.NewManual(time.Now())
	r := newRig(t, nil, func(cfg *device.Config) { cfg.Clock = c })
	r.wantReady(r.signIn(r.lab.Inside()))
	if err := r.lab.Pool.Close(); err != nil {
		t.Fatal(err)
	}
	s := r.wantBecomes(device.Waiting)
	r.wantFailure(s, journal.SIPLost)
	c.Advance(beyondBackOff)
	s = wait(t, r.Phone, func(n device.Snapshot) bool { return n.State == device.Waiting && n.Failure.Seq > s.Failure.Seq })
	r.wantFailure(s, journal.ConnRefused)
	again := pool.New(r.lab.Directory)
	again.Host, again.Certificate, again.Clock, again.Address = r.lab.Pool.Host, r.lab.Pool.Certificate, r.lab.Clock, r.lab.Pool.Addr()
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	c.Advance(time.Minute)
	r.wantReady(r.wantBecomes(device.Ready))
	if len(again.Registrations()) != 1 || !strings.HasPrefix(r.Snapshot().Server, "pool.") {
		t.Errorf("registrations %+v", again.Registrations())
	}
}

// worn is flash that can no longer be written.
type worn struct {
	flash.Memory
	out atomic.Bool
}

func (f *worn) Update(change func(put func(string, []byte), del func(string)) error) error {
	if f.out.Load() {
		return &journal.Failure{Code: journal.FlashDamaged, What: "The flash is worn out"}
	}
	return f.Memory.Update(change)
}

func (f *worn) Erase(change func(put func(string, []byte), del func(string)) error) error {
	return f.Update(change)
}

func TestWhatCannotBeKeptIsNotBelieved(t *testing.T) { // docs/decisions.md#the-store-is-a-value
	memory := new(worn)
	r := newRig(t, nil, func(c *device.Config) { c.Flash = memory })
	memory.out.Store(true)
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.FlashDamaged)
	if len(s.Roots) != 0 {
		t.Error("roots are trusted that are gone after a power cut")
	}
	memory.out.Store(false)
	r.wantReady(r.signIn(r.lab.Inside()))
	memory.out.Store(true)
	if _, err := r.PressReset(); journal.FailureOf(err).Code != journal.FlashDamaged {
		t.Errorf("reset: %v", err)
	}
	if s := r.Snapshot(); len(s.Roots) != 1 {
		t.Error("a reset that was not kept took the roots away")
	}
}
