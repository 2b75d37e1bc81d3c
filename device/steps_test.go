package device_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

func named(name journal.Name) func(journal.Step) bool {
	return func(s journal.Step) bool { return s.Name == name }
}

func TestStepsAreTheKeptOnesTheOldestFirst(t *testing.T) {
	p := newPhone(t, "today", nil)
	if steps := p.Steps(); len(steps) != 0 {
		t.Errorf("a new phone has steps: %+v", steps)
	}
	const presses = 200 // each gives two steps and two other events
	p.PowerOn()
	for range presses {
		if _, err := p.PressReset(); err != nil {
			t.Fatal(err)
		}
	}
	p.Close()
	steps := p.Steps()
	if len(steps) < 128 || len(steps) > 256 {
		t.Errorf("%d steps are kept", len(steps))
	}
	if !slices.IsSortedFunc(steps, func(a, b journal.Step) int { return int(a.Seq) - int(b.Seq) }) {
		t.Error("the steps are not in order")
	}
	if last := steps[len(steps)-1]; last.Seq != 2*presses+2 || last.Decided != "The phone is powered off." {
		t.Errorf("the last step is %+v", last)
	}
}

func TestWaitStepLooksAtTheKeptStepsFirst(t *testing.T) {
	p := newPhone(t, "today", nil)
	p.PowerOn()
	p.PowerOff()
	p.PowerOn()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := p.WaitStep(ended, named(journal.Power))
	if err != nil || s.Seq != 1 {
		t.Errorf("step %d, %v; want the oldest", s.Seq, err)
	}
	s, err = p.WaitStep(ended, func(s journal.Step) bool { return s.Seq > 1 })
	if err != nil || s.Seq != 2 {
		t.Errorf("step %d, %v; want the second", s.Seq, err)
	}
}

func TestWaitStepWaitsForAStepToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPhone(t, "today", nil)
		defer p.Close()
		p.PowerOn()
		var seen []uint64
		came := make(chan journal.Step)
		go func() {
			s, err := p.WaitStep(t.Context(), func(s journal.Step) bool {
				seen = append(seen, s.Seq)
				return s.Name == journal.Reset
			})
			if err != nil {
				t.Error(err)
			}
			came <- s
		}()
		synctest.Wait() // it has seen what there is
		if _, err := p.PressReset(); err != nil {
			t.Fatal(err)
		}
		if s := <-came; s.Name != journal.Reset || !slices.Equal(seen, []uint64{1, 2}) {
			t.Errorf("step %+v after a look at %v", s, seen)
		}
	})
}

func TestWaitStepEndsWithItsContextOrThePhone(t *testing.T) {
	p := newPhone(t, "today", nil)
	p.PowerOn()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if s, err := p.WaitStep(ctx, named(journal.Ready)); !errors.Is(err, cause) || s.Name != "" {
		t.Errorf("%+v, %v", s, err)
	}
	failed := make(chan error)
	go func() {
		_, err := p.WaitStep(t.Context(), named(journal.Ready))
		failed <- err
	}()
	p.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if s, err := p.WaitStep(t.Context(), named(journal.Power)); err != nil || s.Seq != 1 {
		t.Errorf("a kept step of a closed phone: %+v, %v", s, err)
	}
}

// WaitStep finds the decision behind a state: here the root that the phone
// downloaded, and the verdict that it led to.
func ExamplePhone_WaitStep() {
	world, _ := lab.New(lab.Contoso())
	defer world.Close()
	cfg := setup.LabConfig(world.Ready())
	cfg.RootSet = "none"
	phone, _ := device.New(cfg)
	defer phone.Close()

	phone.PowerOn()
	phone.Plug(world.Inside().Place)
	phone.SignIn(setup.LabCredentials(world.Ready().Users[0]))

	ctx := context.Background()
	roots, _ := phone.WaitStep(ctx, func(s journal.Step) bool {
		return s.Name == journal.Roots && s.Because == "R1.1" && s.Asked == ""
	})
	fmt.Println(roots.Decided)
	trust, _ := phone.WaitStep(ctx, func(s journal.Step) bool {
		return s.Name == journal.Trust && s.State == journal.OK && s.Seq > roots.Seq
	})
	fmt.Println(trust.Asked, trust.State)
	// Output:
	// All that was found is installed: 1 new root, 0 held before. The phone dials again.
	// the certificate of pool.contoso.com ok
}
