package screen_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

func TestPhoneWithoutPowerShowsNothing(t *testing.T) {
	r := newRig(t, setup{})
	if v := r.View(); v.On || v.Page.ID != "" {
		t.Errorf("a phone that is off shows %s", shown(v))
	}
	r.Tap("sign-in")
	r.Press(view.Key1)
	r.Type("x")
	r.Poke(true)
	if v := r.View(); v.On || v.Hole.Clip {
		t.Error("a phone that is off takes taps")
	}
}

func TestBringUpWaitsForTheCableAndThenAsksToSignIn(t *testing.T) {
	r := newRig(t, setup{})
	r.phone.PowerOn()
	v := r.page("start")
	want(t, v.Page, "1.0.522.71", "No network cable")
	if v.Status.Cable || v.Status.Signed || v.Status.Presence != view.PresenceUnknown {
		t.Errorf("the status line claims what is not so: %+v", v.Status)
	}
	r.phone.Plug(r.lab.Inside().Place)
	if v = r.page("signin"); !v.Status.Cable || v.Page.Focus != "address" || v.Page.Keyboard != view.Letters {
		t.Errorf("cable %v, focus %q, keyboard %q; want the keyboard at the address", v.Status.Cable, v.Page.Focus, v.Page.Keyboard)
	}
	r.Type("tu@contoso.com")
	r.phone.Unplug()
	r.page("start")
	r.phone.Plug(r.lab.Inside().Place)
	if c, _ := find(r.page("signin").Page, "address"); c.Value != "tu@contoso.com" {
		t.Errorf("the form lost what was typed: %q", c.Value)
	}
}

func TestSignInByKeyboardAlone(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	for _, part := range []string{r.creds.Address, r.creds.User} {
		r.Type(part)
		r.Press(view.KeyTab)
	}
	r.Type(r.creds.Password + "x")
	r.Press(view.KeyDelete)
	v := r.View()
	if c, _ := find(v.Page, "password"); c.Value != strings.Repeat("•", len(r.creds.Password)) {
		t.Errorf("the password shows as %q", c.Value)
	}
	r.Press(view.KeyEnter)
	v = r.page("home")
	if !v.Status.Signed || v.Status.Who == "" {
		t.Errorf("status %+v", v.Status)
	}
}

func TestFocusGoesRoundAndBack(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	var went []string
	for range 6 {
		went = append(went, r.View().Page.Focus)
		r.Press(view.KeyTab)
	}
	if got := strings.Join(went, " "); got != "address user password sign-in settings address" {
		t.Errorf("Tab goes %s", got)
	}
	r.Press(view.KeyUp)
	r.Press(view.KeyUp)
	if v := r.View(); v.Page.Focus != "settings" || v.Page.Keyboard != view.NoKeyboard {
		t.Errorf("focus %q, keyboard %q", v.Page.Focus, v.Page.Keyboard)
	}
	r.Press(view.KeyEnter)
	r.page("settings")
	r.Press(view.KeyHome)
	r.page("signin")
}

func TestSuggestedUserIsInTheFormAndComesBack(t *testing.T) {
	r := newRig(t, setup{screen: func(o *screen.Options, c device.Credentials) { o.Suggest = c }}).on()
	r.page("signin")
	r.Press(view.KeyEnter)
	r.page("home")
	if err := r.phone.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.page("signin")
	r.Tap("sign-in")
	r.page("home")
}

func TestSignInErrorIsShown(t *testing.T) {
	for _, row := range []struct{ name, address, password, dialog, says string }{
		{"nothing typed", "", "", "signin-missing", "address"},
		{"no password", "tu@contoso.com", "", "signin-missing", "password"},
		{"no address at all", "tu", "x", "signin-refused", "user@domain"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, setup{}).on()
			r.page("signin")
			r.Fill(device.Credentials{Address: row.address, Password: row.password})
			r.Tap("sign-in")
			v := r.dialog(row.dialog)
			want(t, *v.Dialog, row.says)
			r.Tap("ok")
			r.page("signin")
		})
	}
}

func TestSigningInShowsTheDownloadOfCertificates(t *testing.T) {
	var download, progress atomic.Bool
	r := newRig(t, setup{})
	defer r.Watch(func() {
		if v := r.View(); v.Page.ID == "signing-in" {
			if _, ok := find(v.Page, "download"); ok {
				download.Store(true)
			}
			if c, ok := find(v.Page, "progress"); ok && c.Fraction > 0 && c.Fraction < 1 {
				progress.Store(true)
			}
		}
	})()
	r.home()
	if !download.Load() || !progress.Load() {
		t.Errorf("download shown %v, progress shown %v", download.Load(), progress.Load())
	}
	r.taps("settings", "settings.journal")
	want(t, r.page("journal").Page, "Trusted roots", "Signed in as")
}

func TestFailurePageSaysWhatHappenedAndWhatToChange(t *testing.T) {
	r := newRig(t, setup{lab: func(d *lab.Deployment) { d.Pool.Defect = pki.Expired }}).on()
	r.page("signin")
	r.Fill(r.creds)
	r.Tap("sign-in")
	v := r.page("failure")
	f := r.phone.Snapshot().Failure
	want(t, v.Page, f.Decided, f.Fix)
	r.Tap("details")
	want(t, r.page("step").Page, string(f.Code), f.Asked, f.Because, f.Details[0])
	r.Tap("back")
	r.page("failure")

	if err := r.lab.SetDefect("pool", ""); err != nil {
		t.Fatal(err)
	}
	r.Tap("again")
	r.page("home")
}

func TestRefusedPasswordIsNotSentAgainUnseen(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	r.Fill(device.Credentials{Address: r.creds.Address, User: r.creds.User, Password: "wrong"})
	r.Tap("sign-in")
	r.page("failure")
	r.Tap("again")
	v := r.page("signin")
	if c, _ := find(v.Page, "password"); c.Value != "" || v.Page.Focus != "password" || !v.Page.Back {
		t.Errorf("password %q, focus %q, back %v; want an empty password to be typed", c.Value, v.Page.Focus, v.Page.Back)
	}
	r.Type(r.creds.Password)
	r.Press(view.KeyEnter)
	r.page("home")
}

func TestAnotherUserSignsIn(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	r.Fill(device.Credentials{Address: r.creds.Address, User: r.creds.User, Password: "wrong"})
	r.Tap("sign-in")
	r.page("failure")
	r.Tap("other")
	v := r.page("signin")
	if c, _ := find(v.Page, "address"); c.Value != "" || r.phone.Snapshot().Address != "" {
		t.Errorf("the phone still knows %s", c.Value)
	}
}

func TestServerThatVanishesWhileAFormIsOpen(t *testing.T) {
	r := newRig(t, setup{screen: func(o *screen.Options, c device.Credentials) { o.Suggest = c }}).on()
	r.page("signin")
	if err := r.lab.Close(); err != nil {
		t.Fatal(err)
	}
	r.Tap("sign-in")
	v := r.until("the failure", func(v view.View) bool { return v.Page.ID == "failure" })
	if r.phone.Snapshot().State == device.Waiting {
		want(t, v.Page, "tries again")
	}
	r.Tap("other")
	r.page("signin")
}

func TestLostServerIsAnnouncedAndThePageStays(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("settings", "settings.system")
	r.page("system")
	r.lab.Close()
	v := r.dialog("news-lost")
	want(t, *v.Dialog, "was lost")
	if v.Page.ID != "system" {
		t.Errorf("the page went away: %s", v.Page.ID)
	}
	r.Tap("close")
	r.Press(view.KeyHome)
	want(t, r.page("failure").Page, "tries again by itself at")
}

func TestUnpluggedCableIsAnnouncedUntilItReturns(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.phone.Unplug()
	r.dialog("news-lost")
	r.phone.Plug(r.lab.Inside().Place)
	r.until("the home page without a dialog", func(v view.View) bool { return v.Dialog == nil && v.Page.ID == "home" })
}

func TestSignInCanBeCancelled(t *testing.T) {
	r := newRig(t, setup{})
	hold := make(chan struct{})
	r.holdPool(hold)
	r.on()
	r.page("signin")
	r.Fill(r.creds)
	r.Tap("sign-in")
	r.page("signing-in")
	r.Tap("cancel")
	if c, _ := find(r.page("signin").Page, "address"); c.Value != r.creds.Address {
		t.Errorf("a slip cannot be mended: the form holds %q", c.Value)
	}
	close(hold)
}

func TestWaitingPhoneTriesAgainByItself(t *testing.T) {
	r := newRig(t, setup{screen: func(o *screen.Options, c device.Credentials) { o.Suggest = c }, time: clock.NewManual(time.Now())})
	r.lab.Pool.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 503}})
	r.on()
	r.page("signin")
	r.Tap("sign-in")
	v := r.page("failure")
	want(t, v.Page, "tries again by itself at")
	if _, there := find(v.Page, "again"); there {
		t.Error("the phone tries by itself, and a key to try is there too")
	}
	r.lab.Pool.SetFaults(pool.Faults{})
	r.time.Advance(10 * time.Second) // an idle hour would lock the phone
	r.page("home")
}

func TestFormGoesWhenThePhoneSignsInWithoutIt(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	wrong := r.creds
	wrong.Password = "wrong"
	r.Fill(wrong)
	r.Tap("sign-in")
	r.page("failure")
	r.taps("again")
	r.page("signin")
	if err := r.phone.SignIn(r.creds); err != nil { // as another program may
		t.Fatal(err)
	}
	if v := r.page("home"); v.Page.Back {
		t.Error("the form is still there")
	}
}
