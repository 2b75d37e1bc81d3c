package clock_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

func TestAdvanceFiresTimersInOrderAtTheirTime(t *testing.T) {
	for _, c := range map[string]*clock.Adjustable{"manual": clock.NewManual(start), "running": clock.New(start)} {
		var got []string
		note := func(name string) func() {
			return func() { got = append(got, name+"@"+c.Now().Sub(start).Truncate(time.Minute).String()) }
		}
		c.AfterFunc(2*time.Hour, note("b"))
		c.AfterFunc(time.Hour, func() {
			note("a")()
			c.AfterFunc(30*time.Minute, note("nested"))
		})
		c.AfterFunc(2*time.Hour, note("c"))
		c.AfterFunc(9*time.Hour, note("later"))
		stopped := c.AfterFunc(time.Hour, note("stopped"))
		if !stopped.Stop() || stopped.Stop() {
			t.Error("Stop must report true once")
		}
		c.Advance(8 * time.Hour)
		want := []string{"a@1h0m0s", "nested@1h30m0s", "b@2h0m0s", "c@2h0m0s"}
		if !slices.Equal(got, want) {
			t.Errorf("fired %v, want %v", got, want)
		}
		if d := c.Now().Sub(start); d < 8*time.Hour || d > 8*time.Hour+time.Minute {
			t.Errorf("clock moved by %v, want 8h", d)
		}
		c.Advance(2 * time.Hour)
		if len(got) != 5 {
			t.Errorf("after 10h fired %v", got)
		}
	}
}

func TestSetMovesTheWallClockButNoTimer(t *testing.T) {
	c := clock.NewManual(start)
	fired := false
	c.AfterFunc(time.Hour, func() { fired = true })
	c.Set(start.AddDate(1, 0, 0))
	if fired {
		t.Fatal("a corrected clock fired a timer")
	}
	if !c.Now().Equal(start.AddDate(1, 0, 0)) {
		t.Fatalf("Now = %v", c.Now())
	}
	c.Advance(time.Hour)
	if !fired {
		t.Fatal("the timer was lost")
	}
}

func TestRunningClockFiresByItself(t *testing.T) {
	done := make(chan struct{})
	clock.New(start).AfterFunc(time.Millisecond, func() { close(done) })
	<-done
}

// Each timer of a running clock fires, in whichever order they are set, without those
// that are stopped.
func TestTimersOfARunningClockFireInTurn(t *testing.T) {
	c := clock.New(start)
	fired := make(chan time.Duration, 8)
	set := func(d time.Duration) clock.Timer { return c.AfterFunc(d, func() { fired <- d }) }
	last, first := set(30*time.Millisecond), set(time.Millisecond)
	stopped := set(time.Hour)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("a timer is to be stopped once")
	}
	c.AfterFunc(10*time.Millisecond, func() { set(0) })
	got := map[time.Duration]bool{}
	for range 3 {
		got[<-fired] = true
	}
	if !got[0] || !got[time.Millisecond] || !got[30*time.Millisecond] || first.Stop() || last.Stop() {
		t.Errorf("fired: %v", got)
	}
	if _, ok := c.Next(); ok {
		t.Error("a timer is left")
	}
}

func TestNextIsTheTimeUntilTheFirstTimer(t *testing.T) {
	c := clock.NewManual(start)
	if d, ok := c.Next(); ok {
		t.Errorf("a clock without timers names %v", d)
	}
	c.AfterFunc(2*time.Hour, func() {})
	first := c.AfterFunc(time.Hour, func() {})
	c.Advance(10 * time.Minute)
	c.Set(start) // does not move timers
	if d, ok := c.Next(); d != 50*time.Minute || !ok {
		t.Errorf("Next = %v, %t", d, ok)
	}
	first.Stop()
	if d, ok := c.Next(); d != 110*time.Minute || !ok {
		t.Errorf("after Stop Next = %v, %t", d, ok)
	}
}

// TestConcurrentAdvancesAddUp begins one Advance during another.
func TestConcurrentAdvancesAddUp(t *testing.T) {
	for name, c := range map[string]*clock.Adjustable{"manual": clock.NewManual(start), "running": clock.New(start)} {
		held, release := make(chan struct{}), make(chan struct{})
		c.AfterFunc(time.Hour, func() {
			close(held)
			<-release
		})
		var first sync.WaitGroup
		first.Go(func() { c.Advance(3 * time.Hour) })
		<-held
		c.Advance(4 * time.Hour)
		close(release)
		first.Wait()
		if d := c.Now().Sub(start).Truncate(time.Minute); d != 7*time.Hour {
			t.Errorf("%s: 3h and 4h make %v", name, d)
		}
	}
}

// TestTimersOfARunningClockFireSoonerAfterAnAdvance: what is left of them is
// left of the host's timers too.
func TestTimersOfARunningClockFireSoonerAfterAnAdvance(t *testing.T) {
	c := clock.New(start)
	done := make(chan struct{})
	c.AfterFunc(time.Hour, func() { close(done) })
	c.Set(start.AddDate(-1, 0, 0)) // does not move timers
	c.Advance(time.Hour - time.Millisecond)
	<-done
}
