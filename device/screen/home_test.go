package screen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/screen/view"
)

func TestHomeShowsTheUserAndNewMessages(t *testing.T) {
	r := newRig(t, setup{}) // the lab has left him a call and two voice mails
	deliver(t, r, lab.DeliverMissedCall, 2)
	deliver(t, r, lab.DeliverVoiceMail, 1)
	r.home()
	v := r.until("the mailbox", func(v view.View) bool { return v.Status.Missed == 3 })
	want(t, v.Page, "Test User", "+4544890101 ext. 200", "3 missed calls", "3 new messages")
	for id, badge := range map[string]string{"calls": "3", "voicemail": "3", "contacts": ""} {
		if c, ok := find(v.Page, id); !ok || c.Badge != badge || c.Role != view.Tile {
			t.Errorf("tile %s: %+v, want badge %q", id, c, badge)
		}
	}
	if !v.Lamps.Message || v.Status.Voice != 3 || v.Status.Exchange != view.ToneGood {
		t.Errorf("lamps %+v, status %+v", v.Lamps, v.Status)
	}
	if c, ok := find(v.Page, "speed.0"); !ok || c.Text == "" {
		t.Error("no speed dial, although there are contacts")
	}
}

func deliver(t *testing.T, r *rig, kind string, n int) {
	t.Helper()
	if err := r.lab.Deliver("tu", kind, lab.Delivery{Number: "+4533334444", Name: "Kerry Miller", Count: n}); err != nil {
		t.Fatal(err)
	}
}

func TestEveryTileOpensItsPage(t *testing.T) {
	r := newRig(t, setup{}).home()
	for _, id := range []string{"contacts", "calls", "voicemail", "dial", "calendar", "settings"} {
		r.taps(id)
		if v := r.page(id); !v.Page.Back {
			t.Errorf("no way back from %s", id)
		}
		r.Tap("back")
		r.page("home")
	}
	r.taps("me")
	want(t, r.page("presence").Page, "Test User", "tu@contoso.com")
	r.Press(view.KeyHome)
	r.Press(view.Key4)
	want(t, r.page("dial").Page, "4")
}

func TestNewCallsAndVoiceMailsAreAnnounced(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.until("the mailbox", func(v view.View) bool { return v.Status.Exchange == view.ToneGood })
	if v := r.View(); v.Dialog != nil {
		t.Fatalf("told at the sign-in already: %s", shown(v))
	}
	deliver(t, r, lab.DeliverMissedCall, 1)
	deliver(t, r, lab.DeliverVoiceMail, 1)
	r.phone.RefreshMailbox()
	want(t, *r.dialog("news-missed").Dialog, "You missed a call.")
	r.Tap("close")
	want(t, *r.dialog("news-voicemail").Dialog, "new voice mail")
	r.Tap("show")
	r.page("voicemail")
}

func TestExchangeWarningIsALineThatOpens(t *testing.T) {
	r := newRig(t, setup{lab: func(d *lab.Deployment) { d.Exchange.Defect = pki.SelfSigned }}).on()
	r.page("signin")
	r.Fill(r.creds)
	r.Tap("sign-in")
	v := r.until("the trouble", func(v view.View) bool { _, ok := find(v.Page, "trouble.0"); return ok })
	if v.Status.Exchange != view.ToneWarn || v.Status.Voice != 0 || v.Dialog != nil {
		t.Errorf("status %+v, dialog %v", v.Status, v.Dialog)
	}
	r.taps("trouble.0")
	want(t, r.page("step").Page, "What to change")
}

func TestLaterExchangeWarningIsAnnounced(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.lab.Exchange.Close()
	r.phone.RefreshMailbox()
	v := r.dialog("news-trouble")
	r.phone.RefreshMailbox() // again the same: told once
	r.Tap("show")
	want(t, r.page("step").Page, strings.TrimPrefix(v.Dialog.Controls[0].Text, "Log: "))
	r.Press(view.KeyHome)
	if v := r.page("home"); v.Status.Exchange != view.ToneWarn {
		t.Errorf("status %+v", v.Status)
	}
}

func TestClockOnTheScreenMovesByItself(t *testing.T) {
	at := time.Date(2007, 10, 15, 14, 4, 30, 0, time.UTC)
	r := newRig(t, setup{time: clock.NewManual(at)}).on()
	if s := r.page("signin").Status; s.Clock != "14:04" || s.Date != "Monday, October 15" {
		t.Errorf("clock %q, date %q", s.Clock, s.Date)
	}
	r.time.Advance(29 * time.Second)
	seq := r.View().Seq
	r.time.Advance(time.Second)
	if v := r.View(); v.Status.Clock != "14:05" || v.Seq == seq {
		t.Errorf("a minute later the clock shows %q", v.Status.Clock)
	}
	r.time.Advance(12 * time.Hour)
	if s := r.View().Status; s.Clock != "02:05" || s.Date != "Tuesday, October 16" {
		t.Errorf("clock %q, date %q", s.Clock, s.Date)
	}
}
