package screen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

func TestPaperClipHeldLongEnoughResetsAndShowsWhatWent(t *testing.T) {
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).home()
	if len(r.phone.Snapshot().Roots) != 1 {
		t.Fatal("no root came")
	}
	root := r.phone.Snapshot().Roots[0].Subject()
	r.Poke(true)
	for held := time.Duration(0); held < 5*time.Second; held += 500 * time.Millisecond {
		if h := r.View().Hole; !h.Clip || h.Of != 5*time.Second || h.Left != h.Of-held {
			t.Errorf("after %v the ring shows %+v", held, h)
		}
		r.time.Advance(500 * time.Millisecond)
	}
	r.until("the phone to be without its user", func(v view.View) bool { return !v.Status.Signed })
	if v := r.View(); !strings.Contains(text(v.Page), "Restarting") {
		t.Errorf("nobody saw the phone restart:\n%s", shown(v))
	}
	r.time.Advance(2 * time.Second)
	v := r.until("what went", func(v view.View) bool { _, ok := find(v.Page, "roots.went"); return ok })
	want(t, v.Page, "1 root was removed", root, "0 roots stay", "Sign in once in the office")
	if v.Hole.Clip || v.Page.ID != "reset" {
		t.Errorf("page %s, hole %+v", v.Page.ID, v.Hole)
	}
	r.taps("continue")
	v = r.page("signin")
	if c, _ := find(v.Page, "address"); c.Value != r.creds.Address {
		t.Errorf("the phone forgot who signed in: %q", c.Value)
	}
	if len(r.phone.Snapshot().Roots) != 0 {
		t.Error("the root is still there")
	}
}

func TestPaperClipTakenOutEarlyChangesNothing(t *testing.T) {
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).home()
	epoch := r.phone.Snapshot().Epoch
	for range 3 { // short pushes do not add up
		r.Poke(true)
		r.time.Advance(4900 * time.Millisecond)
		r.Poke(false)
		r.time.Advance(time.Second)
	}
	if v := r.View(); v.Hole != (view.Hole{}) || v.Page.ID != "home" {
		t.Errorf("page %s, hole %+v", v.Page.ID, v.Hole)
	}
	if s := r.phone.Snapshot(); s.Epoch != epoch || len(s.Roots) != 1 || s.State != device.Ready {
		t.Errorf("the phone was reset: %s, epoch %d, %d roots", s.State, s.Epoch, len(s.Roots))
	}
}

func TestPaperClipInAPhoneThatLosesPowerDoesNothing(t *testing.T) {
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).on()
	r.page("signin")
	r.Poke(true)
	r.phone.PowerOff()
	r.until("darkness", func(v view.View) bool { return !v.On && !v.Hole.Clip })
	r.time.Advance(time.Minute)
	r.phone.PowerOn()
	r.page("signin")
}

func TestResetsOfTheMenu(t *testing.T) {
	for _, row := range []struct {
		kind  string
		roots int // that stay
		says  string
	}{
		{"user", 1, "1 root stays"},
		{"factory", 0, "1 root was removed"},
	} {
		t.Run(row.kind, func(t *testing.T) {
			r := newRig(t, setup{}).home()
			if err := r.phone.SetPIN("123456"); err != nil {
				t.Fatal(err)
			}
			r.Press(view.KeyVolumeUp)
			r.taps("settings", "settings.reset", row.kind)
			r.dialog("reset-confirm")
			r.Tap("cancel")
			r.page("reset-menu")
			r.taps(row.kind)
			r.dialog("reset-confirm")
			r.Tap("yes")
			r.time.Advance(2 * time.Second)
			v := r.until("what went", func(v view.View) bool { _, ok := find(v.Page, "roots.went"); return ok })
			if v.Status.Signed || v.Status.Who != "" {
				t.Errorf("the status still tells of a user: %+v", v.Status)
			}
			want(t, v.Page, row.says)
			r.Tap("continue")
			v = r.page("signin")
			if c, _ := find(v.Page, "address"); c.Value != "" {
				t.Errorf("the phone remembers %s", c.Value)
			}
			s := r.phone.Snapshot()
			if len(s.Roots) != row.roots || r.phone.PINDigits() != 0 || len(r.phone.Preferences()) != 0 {
				t.Errorf("%d roots, PIN of %d digits, preferences %v", len(s.Roots), r.phone.PINDigits(), r.phone.Preferences())
			}
			r.taps("settings", "settings.sound")
			if c, _ := find(r.page("sound").Page, "ring"); c.Value != "5" {
				t.Errorf("the volume is still %s", c.Value)
			}
		})
	}
}

func TestRestartTurnsThePowerOff(t *testing.T) {
	pulled := make(chan struct{}, 1)
	for _, own := range []bool{true, false} {
		r := newRig(t, setup{screen: func(o *screen.Options, _ device.Credentials) {
			if own {
				o.Restart = func() { pulled <- struct{}{} }
			}
		}}).home()
		r.taps("settings", "settings.restart")
		r.dialog("restart")
		r.Tap("yes")
		if own {
			<-pulled
			continue
		}
		r.page("signin")
		if s := r.phone.Snapshot(); s.State != device.SignedOut || s.Address != r.creds.Address {
			t.Errorf("after the restart the phone is %s with user %q", s.State, s.Address)
		}
	}
}
