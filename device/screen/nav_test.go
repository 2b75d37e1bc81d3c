package screen_test

import (
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

func TestLiftingTheReceiverIsDialling(t *testing.T) {
	r := newRig(t, setup{}).home()
	for _, row := range []struct {
		name string
		do   func()
		page string // after the receiver is down again
	}{
		{"nothing", func() {}, "home"},
		{"a number was dialled", func() { r.Type("4711") }, "home"},
		{"somebody looked up the rules", func() {
			r.Type("47")
			r.taps("rules")
			r.page("dial-rules")
		}, "home"},
		{"it was left before", func() { r.Press(view.KeyHome); r.taps("contacts") }, "contacts"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r.Press(view.KeyHome)
			r.Lift(true)
			if v := r.View(); !v.Hook || v.Page.ID != "dial" {
				t.Errorf("lifted: %v, page %s", v.Hook, v.Page.ID)
			}
			r.Lift(true) // twice is once
			row.do()
			r.Lift(false)
			if v := r.View(); v.Hook || v.Page.ID != row.page {
				t.Errorf("down: lifted %v, page %s", v.Hook, v.Page.ID)
			}
		})
	}
	r.Press(view.KeyHome)
	r.Type("12")
	r.page("dial")
	r.Lift(true)
	if v := r.View(); !strings.Contains(text(v.Page), "number: | Number |  | 12") {
		t.Errorf("what was dialled is gone:\n%s", text(v.Page))
	}
	r.Lift(false)
	if v := r.View(); v.Page.ID != "dial" {
		t.Errorf("a page that was there before went: %s", v.Page.ID)
	}
}

func TestReceiverOfAPhoneThatCannotDial(t *testing.T) {
	r := newRig(t, setup{})
	r.Lift(true)
	if v := r.View(); !v.Hook {
		t.Error("without power the receiver cannot be lifted")
	}
	r.on()
	if v := r.page("signin"); !v.Hook {
		t.Error("the receiver fell down")
	}
	r.Lift(false)
	r.Lift(true)
	if v := r.View(); v.Page.ID != "signin" {
		t.Errorf("nobody is signed in, and the phone shows %s", v.Page.ID)
	}
	r.Lift(false)
	locked := newLocked(t, pin)
	locked.page("lock")
	locked.Lift(true)
	if v := locked.View(); v.Page.ID != "lock" || !v.Hook {
		t.Errorf("the receiver opens a locked phone: %s", v.Page.ID)
	}
}

func TestKeyboardOnTheScreenHasCapitalsAndSigns(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	board := func(want view.Keyboard) {
		t.Helper()
		if got := r.View().Page.Keyboard; got != want {
			t.Errorf("keyboard %q, want %q", got, want)
		}
	}
	board(view.Letters)
	r.Tap("keyboard.capitals")
	board(view.Capitals)
	r.Type("A")
	board(view.Letters) // of one letter
	r.Tap("keyboard.symbols")
	board(view.Symbols)
	r.Type("1")
	r.Type("2")
	board(view.Symbols)
	r.Tap("password")
	board(view.Symbols)
	r.Tap("keyboard.letters")
	board(view.Letters)
	for _, id := range []string{"keyboard.", "keyboard.none", "keyboard.q"} {
		r.Tap(id)
		board(view.Letters)
	}
	r.Tap("keyboard.capitals")
	r.Tap("settings")
	r.Tap("keyboard.symbols") // no field has the focus here
	r.Tap("back")
	board(view.Letters)
	if c, _ := find(r.View().Page, "address"); c.Value != "A12" {
		t.Errorf("the address is %q", c.Value)
	}
}

func TestOpenGoesToOnePersonOneMessageOneMeeting(t *testing.T) {
	r := newRig(t, setup{}).home()
	for id, says := range map[string]string{"card": "name:", "player": "caller:", "meeting": "subject:", "logging": "Log level"} {
		if err := r.Open(id); err != nil {
			t.Errorf("Open(%q): %v", id, err)
			continue
		}
		want(t, r.View().Page, says)
	}
	bare := newRig(t, setup{}).on()
	bare.page("signin")
	for id, says := range map[string]string{"card": "signed in", "player": "signed in", "start": "no network cable", "failure": "a sign-in has failed", "root": "nothing to show"} {
		if err := bare.Open(id); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Open(%q): %v", id, err)
		}
	}
	if v := bare.View(); v.Page.ID != "signin" || v.Page.Back {
		t.Errorf("what failed has changed the page to %s", v.Page.ID)
	}
}

func TestEveryPartBesideThePageHasAName(t *testing.T) {
	r := newRig(t, setup{screen: pseudo}).on()
	v := r.page("signin")
	for _, id := range []string{"back", "status.missed", "status.cable", "keyboard.delete", "key.mute", "hook", "hole", "turn"} {
		if name := v.Names[id]; !strings.HasPrefix(name, "«") || strings.Contains(name, "[") {
			t.Errorf("%s is called %q", id, name)
		}
	}
}

func TestVolumeIsTurnedQuicklyAndTheLastOneIsKept(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	for range 40 {
		r.Press(view.KeyVolumeUp)
		r.Press(view.KeyVolumeDown)
	}
	r.Press(view.KeyVolumeUp)
	want := view.Control{ID: "note", Role: view.Progress, Text: "Ringing", Value: "6", Fraction: .6}
	if v := r.page("signin"); v.Note == nil || *v.Note != want {
		t.Errorf("the note is %+v, want %+v", v.Note, want)
	}
	r.until("the volume to be kept", func(view.View) bool { return r.phone.Preferences()["volume.ring"] == "6" })
}

func TestPhoneWithoutANetworkSaysSoOnEveryPage(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.Open("contacts")
	r.phone.Unplug()
	v := r.until("the cable to be missed", func(v view.View) bool { return !v.Status.Cable })
	check(t, v.Page)
	for _, id := range []string{"network", "system", "journal", "security", "settings", "time"} {
		if err := r.Open(id); err != nil {
			t.Errorf("Open(%q): %v", id, err)
			continue
		}
		v := r.View()
		check(t, v.Page)
		if v.Status.Cable {
			t.Errorf("page %s: the status shows a cable", id)
		}
	}
	if s := r.phone.Snapshot().State; s != device.SignedOut && s != device.Waiting && s != device.Failed {
		t.Errorf("unplugged, the phone is %s", s)
	}
}

func TestEnterAnswersADialogWithoutHarm(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("sign-out")
	if d := r.dialog("sign-out").Dialog; d.Focus != "cancel" {
		t.Errorf("the focus is at %q", d.Focus)
	}
	r.Press(view.KeyEnter)
	if v := r.page("home"); !v.Status.Signed {
		t.Error("Enter signed the user out")
	}
	r.taps("sign-out")
	r.dialog("sign-out")
	r.Press(view.KeyRight)
	r.Press(view.KeyEnter)
	r.page("signin")
}

func TestDialogsAboutAUserGoWithHim(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.Open("player")
	r.taps("delete")
	r.dialog("voicemail-delete")
	if err := r.phone.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := r.page("signin"); v.Dialog != nil || v.Page.Back {
		t.Errorf("what he saw is still there:\n%s", shown(v))
	}
}
