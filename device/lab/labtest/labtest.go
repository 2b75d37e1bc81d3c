// Package labtest makes a lab and phones for a Go test, and closes them at its
// end: the phones first. If the test fails, the journal of each phone is logged.
//
//	func TestPhoneSignsIn(t *testing.T) {
//		world := labtest.New(t, lab.Contoso())
//		phone := world.Phone()
//		if now := phone.SignInAs("tu"); now.State != device.Ready {
//			t.Errorf("the phone is %s", now.State)
//		}
//	}
//
// docs/go.md has a whole test of another module. A deployment that a test needs in
// another form is a changed lab.Contoso() or lab.ContosoToday(); a World is changed
// while it runs by the methods and fields of its lab.Lab, such as
// PublishRoot, SetUser and Pool.SetFaults.
//
// Methods that wait end the test after Patience. They and all methods that make
// something are for the goroutine of the test.
package labtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// Patience bounds each wait of a test, in real time. It is long, because a
// computer that runs tests may be busy.
const Patience = 2 * time.Minute

// World is a running lab and its phones.
type World struct {
	*lab.Lab
	t      testing.TB
	phones []*Phone
}

// New starts the deployment d. It fails the test if d cannot be built.
func New(t testing.TB, d lab.Deployment) *World {
	t.Helper()
	l, err := lab.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("the lab was not closed well: %v", err)
		}
	})
	return &World{Lab: l, t: t}
}

// Phone is a phone of a World. SignInAs, Rest, Until and Step wait, Journal
// returns text; the other methods are those of device.Phone.
type Phone struct {
	*device.Phone
	world *World
	clock *clock.Adjustable
}

// Phone makes a phone that fits the lab, switches it on and plugs it in inside. It
// trusts no root at first, has memory in RAM and a clock of its own, which starts
// at the time of the lab. Each function of change changes the configuration.
func (w *World) Phone(change ...func(*device.Config)) *Phone {
	w.t.Helper()
	cfg := setup.LabConfig(w.Ready())
	cfg.RootSet = "none"                              // the roots of the computer do not matter
	cfg.Budget, cfg.DialTimeout = time.Hour, Patience // nor does its speed
	for _, f := range change {
		f(&cfg)
	}
	cfg.Clock = cmp.Or(cfg.Clock, clock.New(w.Clock.Now()))
	made, err := device.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &Phone{Phone: made, world: w, clock: cfg.Clock}
	w.phones = append(w.phones, p)
	w.t.Cleanup(p.end)
	p.PowerOn()
	p.Plug(w.Inside().Place)
	return p
}

func (p *Phone) end() {
	if p.world.t.Failed() {
		p.world.t.Logf("the journal of the phone %s:\n%s", p.Snapshot().MAC, p.Journal())
	}
	if err := p.Close(); err != nil {
		p.world.t.Errorf("the phone was not closed well: %v", err)
	}
}

// Advance lets d pass on the clocks of the lab and of all phones. It stops at each
// timer that becomes due and waits, in real time, for what the phone does then: a
// registration that lives for two hours is refreshed four times in nine hours. A
// phone that is signed in polls its mailbox meanwhile, so that nine hours take
// seconds of real time; the time of a phone that is signed out or off takes none.
// Advance fails the test if a phone waits for a server longer than Patience.
func (w *World) Advance(d time.Duration) {
	w.t.Helper()
	clocks := []*clock.Adjustable{w.Clock}
	for _, p := range w.phones {
		if !slices.Contains(clocks, p.clock) { // a test may give a clock to several
			clocks = append(clocks, p.clock)
		}
	}
	for {
		step := d
		for _, c := range clocks {
			if next, ok := c.Next(); ok {
				step = min(step, next)
			}
		}
		for _, c := range clocks {
			c.Advance(step)
		}
		for _, p := range w.phones {
			p.settle()
		}
		if d -= step; d <= 0 {
			return
		}
	}
}

func (p *Phone) settle() {
	p.world.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := p.Settle(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		p.world.t.Fatalf("the phone still waits for %s: %v. A small Config.Budget makes it give up earlier",
			p.Snapshot().Awaiting.What, err)
	}
}

// Credentials returns what the user with the sAMAccountName name types to sign in.
// It fails the test if there is no such user.
func (w *World) Credentials(name string) device.Credentials {
	w.t.Helper()
	u, ok := w.Directory.User(name)
	if !ok {
		w.t.Fatalf("the deployment has no user %q", name)
	}
	return device.Credentials{
		Address:  u.SIP,
		User:     w.Deployment.NetBIOS + `\` + u.SAM,
		Password: u.Password,
	}
}

// SignInAs signs in the user with the sAMAccountName name, and waits as Rest does.
func (p *Phone) SignInAs(name string) device.Snapshot {
	p.world.t.Helper()
	if err := p.SignIn(p.world.Credentials(name)); err != nil {
		p.world.t.Fatal(err)
	}
	return p.Rest()
}

// Rest waits until the phone has come to rest: it is ready, needs a person, or waits
// for its next attempt.
func (p *Phone) Rest() device.Snapshot {
	p.world.t.Helper()
	return p.Until(func(s device.Snapshot) bool { return s.Done() || s.State == device.Waiting })
}

// Until waits until match is true, and returns that snapshot. It fails the test
// after Patience. A state that passes quickly may go unseen.
func (p *Phone) Until(match func(device.Snapshot) bool) device.Snapshot {
	p.world.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	now, err := p.Wait(ctx, match)
	if err != nil {
		p.world.t.Fatalf("the phone stays %s (waits for %q): %v", now.State, now.Awaiting.What, err)
	}
	return now
}

// Step waits for the first step of the journal for which match is true; steps that
// are kept count. It fails the test after Patience.
func (p *Phone) Step(match func(journal.Step) bool) journal.Step {
	p.world.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	s, err := p.WaitStep(ctx, match)
	if err != nil {
		p.world.t.Fatalf("the phone is %s and has journaled no such step: %v", p.Snapshot().State, err)
	}
	return s
}

// Journal returns the newest steps as text, a paragraph each, with the time of the
// phone.
func (p *Phone) Journal() string {
	var b strings.Builder
	for _, s := range p.Steps() {
		fmt.Fprintf(&b, "%s  %-12s %s: %s", s.At.UTC().Format("2006-01-02 15:04:05.000"), s.Name, s.State, s.Decided)
		if s.Code != "" {
			fmt.Fprintf(&b, " [%s]", s.Code)
		}
		for _, field := range []struct{ label, text string }{
			{"asked", s.Asked}, {"answered", s.Answered}, {"by", s.By}, {"because", s.Because}, {"fix", s.Fix},
		} {
			if field.text != "" {
				fmt.Fprintf(&b, "\n      %s: %s", field.label, field.text)
			}
		}
		for _, line := range s.Details {
			fmt.Fprintf(&b, "\n      - %s", line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
