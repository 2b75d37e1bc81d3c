package screen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/screen/view"
)

// The pool of the lab provisions a lock after 10 minutes and PINs of 6 digits.
const (
	lockAfter = 10 * time.Minute
	pin       = "271828"
)

// newLocked is a phone of which nobody has taken care for as long as it takes.
func newLocked(t *testing.T, withPIN string) *rig {
	t.Helper()
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).home()
	if withPIN != "" {
		if err := r.phone.SetPIN(withPIN); err != nil {
			t.Fatal(err)
		}
	}
	r.taps("contacts")
	r.time.Advance(lockAfter - time.Second)
	if v := r.View(); v.Status.Locked {
		t.Fatal("the phone locked too early")
	}
	r.time.Advance(time.Second)
	return r
}

func (r *rig) digits(pin string) {
	r.t.Helper()
	for _, d := range pin {
		r.Press(view.Key(d))
	}
	r.Press(view.KeyEnter)
}

// note waits for what the PIN page says is wrong.
func (r *rig) note(says string) {
	r.t.Helper()
	r.until("the note "+says, func(v view.View) bool {
		c, ok := find(v.Page, "note")
		return ok && strings.Contains(c.Text, says)
	})
}

func TestPhoneLocksItselfAndOpensByPIN(t *testing.T) {
	r := newLocked(t, pin)
	v := r.page("lock")
	if !v.Status.Locked || v.Page.Back {
		t.Errorf("locked %v, a way back %v", v.Status.Locked, v.Page.Back)
	}
	for _, k := range []view.Key{view.KeyHome, view.KeyTab, view.KeyVolumeUp, view.KeyCall} {
		r.Press(k)
	}
	r.Tap("settings")
	r.Tap("back")
	if err := r.Open("settings"); err == nil {
		t.Error("a locked phone opens the settings")
	}
	r.page("lock")
	r.Type("2718a")
	r.digits(pin[:3])
	r.note("not the PIN")
	r.digits(pin)
	if v := r.page("home"); v.Status.Locked {
		t.Error("it is still locked")
	}
}

func TestTouchPutsOffTheLock(t *testing.T) {
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).home()
	for range 5 {
		r.time.Advance(lockAfter - time.Minute)
		r.Tap("nothing that is there")
	}
	if r.View().Status.Locked {
		t.Error("the phone locked although somebody used it")
	}
}

func TestWrongPINsMakeWaitLonger(t *testing.T) {
	r := newLocked(t, pin)
	r.digits("111111")
	r.note("not the PIN.")
	r.digits("222222")
	r.until("an open pad", func(v view.View) bool { c, _ := find(v.Page, "pin"); return c.Value == "" && v.Page.Controls != nil })
	r.note("not the PIN.")
	for _, wait := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
		r.digits("333333")
		r.note("Wait " + wait.String()[:2])
		r.time.Advance(wait - time.Second)
		r.digits(pin) // not taken
		if v := r.page("lock"); v.Status.Locked == false {
			t.Fatal("the PIN was taken during the wait")
		}
		r.time.Advance(time.Second)
	}
	r.digits(pin)
	r.page("home")
}

func TestFirstLockAsksToMakeAPIN(t *testing.T) {
	r := newLocked(t, "")
	v := r.page("pin")
	if !v.Status.Locked {
		t.Error("without a PIN the phone is open to everybody")
	}
	want(t, v.Page, "6 to 15 digits")
	r.digits("1234")
	r.note("6 to 15")
	r.digits("123456")
	want(t, r.View().Page, "once more")
	r.digits("123457")
	r.note("not the same")
	r.digits(pin)
	r.digits(pin)
	r.page("lock")
	r.digits(pin)
	r.page("home")
	if n := r.phone.PINDigits(); n != len(pin) {
		t.Errorf("the PIN has %d digits", n)
	}
}

func TestPINThatIsTooShortIsReplacedWhenItUnlocks(t *testing.T) {
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).on()
	if err := r.phone.SetPIN("1234"); err != nil { // before the pool asked for more
		t.Fatal(err)
	}
	r.home()
	r.time.Advance(lockAfter)
	r.page("lock")
	r.digits("1234")
	want(t, r.page("pin").Page, "too short")
	r.digits(pin)
	r.digits(pin)
	r.page("home")
	if !r.phone.Unlocks(pin) {
		t.Error("the new PIN does not unlock")
	}
}

func TestLockingByHand(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("lock") // no PIN yet
	if v := r.page("pin"); v.Status.Locked || !v.Page.Back {
		t.Error("who wants to lock may think better of it")
	}
	r.Tap("back")
	r.page("home")
	r.taps("lock")
	r.page("pin")
	r.digits(pin)
	r.digits(pin)
	if v := r.page("lock"); !v.Status.Locked {
		t.Error("not locked")
	}
	r.digits(pin)
	r.page("home")
}

func TestChangeOfThePINNeedsTheOldOne(t *testing.T) {
	r := newRig(t, setup{}).home()
	if err := r.phone.SetPIN(pin); err != nil {
		t.Fatal(err)
	}
	r.taps("settings", "settings.pin")
	want(t, r.page("pin").Page, "present PIN")
	r.digits("000000")
	r.note("not the PIN")
	r.digits(pin)
	r.until("the new PIN", func(v view.View) bool { return strings.Contains(text(v.Page), "new PIN") })
	r.digits("314159")
	r.digits("314159")
	r.dialog("pin-set")
	r.Tap("ok")
	r.page("settings")
	if !r.phone.Unlocks("314159") {
		t.Error("the new PIN does not unlock")
	}
}

func TestPINGoesWithItsUser(t *testing.T) {
	r := newLocked(t, pin)
	r.page("lock")
	r.digits(pin)
	r.taps("sign-out")
	r.dialog("sign-out")
	r.taps("yes")
	r.page("signin")
	r.until("the PIN to go", func(view.View) bool { return r.phone.PINDigits() == 0 })
}

func TestForgottenPINLeadsToASignOut(t *testing.T) {
	r := newLocked(t, pin)
	r.page("lock")
	r.taps("forgot")
	r.note("tu@contoso.com") // asked first
	r.taps("forgot")
	r.page("signin")
	r.until("the PIN to go", func(view.View) bool { return r.phone.PINDigits() == 0 })
	if r.View().Status.Locked {
		t.Error("the PIN outlived its user")
	}
}

func TestPaperClipOpensALockedPhoneAndSignsOut(t *testing.T) {
	r := newLocked(t, pin)
	r.page("lock")
	r.Poke(true)
	r.time.Advance(6 * time.Second)
	r.until("the reset", func(v view.View) bool { return v.Page.ID == "reset" && !v.Status.Locked && !v.Status.Signed })
}

func TestPINIsNeverShown(t *testing.T) {
	r := newLocked(t, pin)
	r.page("lock")
	for i, d := range pin {
		r.Press(view.Key(d))
		v := r.View()
		if c, _ := find(v.Page, "pin"); c.Value != strings.Repeat("•", i+1) {
			t.Errorf("after %d digits the field shows %q", i+1, c.Value)
		}
		if strings.Contains(shown(v), pin[:i+1]) && i > 1 {
			t.Error("the page shows the PIN")
		}
	}
}
