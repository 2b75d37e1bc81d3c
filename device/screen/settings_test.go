package screen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/screen/view"
)

func TestSettingsShowTheStateOfThePhone(t *testing.T) {
	r := newRig(t, setup{}).home()
	now := r.phone.Snapshot()
	root := now.Roots[0]
	for _, row := range []struct {
		path string // controls, one after the other
		page string
		says []string
	}{
		{"settings.system", "system", []string{now.Firmware, now.MAC, now.RootSet, string(now.Policy), now.Address, now.User, now.Server, now.GRUU, "Inside, at the pool", now.Mailbox.URL}},
		{"settings.network", "network", []string{"Connected to |  | Inside the company", now.MAC, now.Server, "DNS server |  | 127.0.0.1:", "DNS suffix (DHCP option 15) |  | contoso.com"}},
		{"settings.provisioning", "provisioning", []string{"E-mail address |  | tu@contoso.com", "Location profile |  | Hellerup.contoso.com",
			"Phone lock |  | After 10 minutes; PIN of 6 digits", "Mailbox polling |  | 3 minutes", "SIP security |  | High", "Encryption of calls |  | Required"}},
		{"settings.dialplan", "dialplan", []string{now.Plan.Plan().Name, `^(\d{3})$`, "From the pool", "External access prefix"}},
		{"settings.language", "language", []string{"English", "model"}},
		{"settings.time", "time", []string{"clock is set", "UTC"}},
		{"settings.time from", "step", []string{"_ntp._udp", "Asked"}},
		{"settings.security", "security", []string{"1 trusted root", "1 of them downloaded", "The certificate of pool.contoso.com is good"}},
		{"settings.security security.roots", "roots", []string{"Active Directory"}},
		{"settings.security security.roots roots.0", "root", []string{root.Subject(), root.Key(), root.Source.Server, root.Source.DN, root.Source.Account, root.Certificate.NotAfter.Format("2006-01-02"),
			root.Fingerprint()[:4] + " " + root.Fingerprint()[4:8], root.Certificate.SignatureAlgorithm.String()}},
		{"settings.journal", "journal", []string{"Signed in as tu@contoso.com", "Power", "Exchange"}},
	} {
		t.Run(row.path, func(t *testing.T) {
			r.Press(view.KeyHome)
			r.taps("settings")
			r.taps(strings.Fields(row.path)...)
			want(t, r.page(row.page).Page, row.says...)
		})
	}
}

func TestVolumesAreKept(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("settings", "settings.sound")
	r.page("sound")
	for range 12 { // louder than loudest
		r.Tap("speaker+")
	}
	r.Tap("ring-")
	r.Lift(true)
	r.Press(view.KeyVolumeDown) // of the receiver, since it is lifted
	r.Lift(false)
	r.Press(view.KeyVolumeUp)
	r.Press(view.KeyDown)
	r.Press(view.KeyLeft) // by keyboard: the first slider has the focus
	v := r.View()
	for id, value := range map[string]string{"ring": "4", "receiver": "4", "speaker": "10"} {
		if c, _ := find(v.Page, id); c.Value != value || c.Role != view.Slider {
			t.Errorf("%s is %+v; want %s", id, c, value)
		}
		r.until("the volume of "+id+" to be kept", func(view.View) bool { return r.phone.Preferences()["volume."+id] == value })
	}
}

func TestRulesAreReloadedOnRequest(t *testing.T) {
	r := newRig(t, setup{}).home()
	loaded := r.phone.Snapshot().Plan.Loaded
	r.taps("settings", "settings.dialplan", "reload")
	r.until("rules that are newer", func(view.View) bool { return r.phone.Snapshot().Plan.Loaded.After(loaded) })
	r.phone.Unplug()
	r.until("the failure", func(v view.View) bool { return v.Dialog != nil })
	r.taps("close")
	r.Press(view.KeyHome)
	r.page("failure")
	r.taps("settings", "settings.dialplan")
	if _, there := find(r.page("dialplan").Page, "reload"); there {
		t.Error("nobody is signed in, and the pool can be asked")
	}
}

func TestKeptRulesAreSaidToBeKept(t *testing.T) {
	r := newRig(t, setup{time: clock.NewManual(time.Now())}).home()
	r.phone.ShutDown(t.Context())
	r.time.Advance(3 * time.Hour)
	r.phone.PowerOn()
	r.page("signin")
	r.taps("settings", "settings.dialplan")
	want(t, r.page("dialplan").Page, "phone's memory, 3 hours old")
}

func TestSigningOutAsksFirst(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("settings", "settings.signout")
	want(t, *r.dialog("sign-out").Dialog, r.creds.Address)
	r.Press(view.KeyEnd) // changes nothing
	r.page("settings")
	r.taps("settings.signout")
	r.dialog("sign-out")
	r.Tap("yes")
	r.page("signin")
	if s := r.phone.Snapshot(); s.State != device.SignedOut || s.Address != "" {
		t.Errorf("the phone is %s, with %q", s.State, s.Address)
	}
	r.taps("settings")
	for _, id := range []string{"settings.signout", "settings.pin", "settings.provisioning"} {
		if _, there := find(r.page("settings").Page, id); there {
			t.Errorf("%s is there although nobody is signed in", id)
		}
	}
}

func TestVerdictThatRefusedIsShown(t *testing.T) {
	r := newRig(t, setup{lab: func(d *lab.Deployment) { d.Publish = []string{} }}).on()
	r.page("signin")
	r.Fill(r.creds)
	r.Tap("sign-in")
	r.page("failure")
	r.taps("settings", "settings.security")
	v := r.phone.Snapshot().Verdict
	if v == nil {
		t.Fatal("no verdict")
	}
	want(t, r.page("security").Page, v.Sentence[:40], "Certificate that was refused")
	r.taps("security.refused")
	want(t, r.page("verdict").Page, v.Sentence)
	if got := text(r.View().Page); !strings.Contains(got, "[cert.untrusted]") || strings.Contains(got, "R1.") {
		t.Errorf("the page has no code, or the id of a rule:\n%s", got)
	}
	r.Tap("back")
	r.taps("security.roots")
	want(t, r.page("roots").Page, "There are no trusted roots yet")
}
