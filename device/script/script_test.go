package script_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/device/script"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is an audience that keeps what it sees.
type record struct {
	acts  []int
	steps []journal.Step
	lines []string
}

func (r *record) Begin(n int, _ script.Act)  { r.acts = append(r.acts, n) }
func (r *record) Steps(steps []journal.Step) { r.steps = append(r.steps, steps...) }
func (r *record) Show(lines []string)        { r.lines = append(r.lines, lines...) }

func newWorld(t *testing.T, o script.WorldOptions) *script.World {
	t.Helper()
	w, err := script.NewWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// TestR1_4PaperClipIsPlayed plays the story and follows it as the card does: both
// go by the same conditions.
func TestR1_4PaperClipIsPlayed(t *testing.T) {
	for _, today := range []bool{false, true} {
		t.Run(fmt.Sprintf("today %t", today), func(t *testing.T) {
			w := newWorld(t, script.WorldOptions{Today: today})
			var p script.Progress
			var done []int
			acts := script.PaperClip(w)
			for i, act := range acts {
				acts[i].Holds = func(now device.Snapshot) bool {
					p.Follow(w.Facts())
					n := 0
					for _, part := range p.Parts() {
						if part.Done {
							n++
						}
					}
					done = append(done, n)
					return act.Holds(now)
				}
			}
			var seen record
			if err := w.Play(context.Background(), acts, &seen); err != nil {
				t.Fatal(err)
			}
			if want := []int{1, 2, 3, 4, 5, 6, 7}; !slices.Equal(seen.acts, want) {
				t.Errorf("acts %v", seen.acts)
			}
			if want := []int{1, 2, 2, 2, 3, 3, 4}; !slices.Equal(done, want) || !p.Over() {
				t.Errorf("parts of the card that are done after each act: %v, want %v", done, want)
			}
			for i := 1; i < len(seen.steps); i++ {
				if seen.steps[i].Seq <= seen.steps[i-1].Seq {
					t.Errorf("step %d was seen after step %d", seen.steps[i].Seq, seen.steps[i-1].Seq)
				}
			}
		})
	}
}

func TestFirstClaimThatDoesNotHoldEndsIt(t *testing.T) {
	w := newWorld(t, script.WorldOptions{})
	act := script.Act{
		Do:    func() error { return w.SignIn(w.Lab.Inside()) },
		Shows: func(device.Snapshot) []string { return []string{"shown"} },
		Claim: "The moon is a cheese.",
		Holds: func(device.Snapshot) bool { return false },
	}
	var seen record
	err := w.Play(context.Background(), []script.Act{act, act}, &seen)
	if err == nil || !strings.Contains(err.Error(), "act 1") || !strings.Contains(err.Error(), act.Claim) || len(seen.acts) != 1 {
		t.Errorf("%v after acts %v", err, seen.acts)
	}
	if len(seen.steps) == 0 || !slices.Equal(seen.lines, []string{"shown"}) {
		t.Errorf("%d steps, lines %q", len(seen.steps), seen.lines)
	}
}

func TestActThatFailsOrIsBrokenOffEndsIt(t *testing.T) {
	w := newWorld(t, script.WorldOptions{})
	failing := errors.New("it failed")
	err := w.Play(context.Background(), []script.Act{{Do: func() error { return failing }}}, new(record))
	if !errors.Is(err, failing) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	never := script.Act{
		Do:    func() error { cancel(); return nil },
		Until: func(device.Snapshot) bool { return false },
		Holds: func(device.Snapshot) bool { return true },
	}
	if err := w.Play(ctx, []script.Act{never}, new(record)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestTimePassesWithoutLosingTheRegistration lets more time pass than a
// registration lasts.
func TestTimePassesWithoutLosingTheRegistration(t *testing.T) {
	w := newWorld(t, script.WorldOptions{})
	act := script.Act{Do: func() error { return w.SignIn(w.Lab.Inside()) }, Holds: func(now device.Snapshot) bool { return now.State == device.Ready }}
	if err := w.Play(context.Background(), []script.Act{act}, new(record)); err != nil {
		t.Fatal(err)
	}
	start := w.Clock.Now()
	if err := w.Pass(context.Background(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if passed := w.Clock.Now().Sub(start); passed < 24*time.Hour || passed > 24*time.Hour+time.Minute {
		t.Errorf("%s passed", passed)
	}
	if f := w.Facts(); !f.SignedIn || f.Place != script.Inside || f.Downloaded != 1 {
		t.Errorf("%+v", f)
	}
}

func TestDeploymentIsPrepared(t *testing.T) {
	w := newWorld(t, script.WorldOptions{Prepare: func(d *lab.Deployment) { d.Publish = []string{} }, MAC: "00-04-F2-00-00-01"})
	if f := w.Facts(); f.Pool.Published || f.Edge.Published || w.Phone.Snapshot().MAC != "00-04-F2-00-00-01" {
		t.Errorf("%+v", f)
	}
}

func TestStageIsUsedAtTheScreen(t *testing.T) {
	if _, err := script.NewStage(context.Background(), script.WorldOptions{}, "xx"); err == nil {
		t.Fatal("a language that does not exist was taken")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := script.NewStage(ctx, script.WorldOptions{}, "en")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.FailOutside(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Tap("details"), s.Page("step")); err != nil {
		t.Error(err)
	}
	cancel()
	if err := s.Until("miracle", func(view.View) bool { return false }); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "miracle") {
		t.Error(err)
	}
}

type printer struct{}

func (printer) Begin(n int, a script.Act) { fmt.Fprintf(os.Stdout, "%d. %s\n", n, a.Title) }
func (printer) Steps([]journal.Step)      {}
func (printer) Show([]string)             {}

func Example() {
	w, err := script.NewWorld(script.WorldOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	acts := script.PaperClip(w)[:2]
	if err := w.Play(context.Background(), acts, printer{}); err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range acts {
		fmt.Println(a.Claim)
	}
	// Output:
	// 1. Inside, a new phone
	// 2. The administrator publishes the root of the Edge
	// Inside, one root came from Active Directory, and the phone signed in.
	// Outside, the phone refused the Edge and named its unknown issuer.
}
