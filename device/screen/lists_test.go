package screen

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func TestTimesOfTodayAndYesterdayAreNamed(t *testing.T) {
	d := contextOf(t, device.Snapshot{})
	d.location = time.FixedZone("CEST", 2*3600)
	d.clockTime = noon.In(d.location)
	for at, want := range map[time.Time]string{
		noon:                           "Today 14:00",
		noon.Add(-14 * time.Hour):      "Today 00:00",
		noon.Add(-14*time.Hour - 1):    "Yesterday 23:59",
		noon.Add(-38 * time.Hour):      "Yesterday 00:00",
		noon.Add(-38*time.Hour - 1):    "2008-10-13 23:59",
		noon.Add(10 * time.Hour):       "2008-10-16 00:00", // a server whose clock is ahead
		noon.AddDate(-1, 0, 0):         "2007-10-15 14:00",
		{}:                             "",
		noon.In(time.FixedZone("", 9)): "Today 14:00",
	} {
		if got := d.when(at); got != want {
			t.Errorf("%v is %q, want %q", at, got, want)
		}
	}
	for length, want := range map[time.Duration]string{0: "0:00", 59 * time.Second: "0:59", 192 * time.Second: "3:12", 3661 * time.Second: "1:01:01"} {
		if got := minutes(length); got != want {
			t.Errorf("%v is %q, want %q", length, got, want)
		}
	}
}

func TestCallsShowNamesNumbersAndLengths(t *testing.T) {
	now := boxOf(contactOf("Bob Kelly", "", "+1 (425) 555-0100"))
	now.Mailbox.Calls = []ews.Call{
		{Kind: ews.Missed, Number: "+14255550100", At: noon.Add(-time.Hour)},
		{Kind: ews.Outgoing, Number: "+4544", Name: "Kerry", At: noon.AddDate(0, 0, -1), Duration: 65 * time.Second},
		{Kind: ews.Incoming, Name: "Anna", Address: "anna@contoso.com"},
		{Kind: ews.Unknown},
		{Kind: ews.Missed, Number: "+4545", Read: true},
	}
	d := contextOf(t, now)
	s := idleScreen(d)
	p := newCallsPage(s)
	want(t, p.view(d), `call.0 · Bob Kelly · +14255550100 · Today 11:00
call.1 · Kerry · +4544 · 1:05 · Yesterday 12:00
call.2 · Anna · anna@contoso.com
call.3 · Unknown caller
call.4 · +4545`)
	for i, icon := range []view.Icon{view.IconMissed, view.IconOutgoing, view.IconIncoming, view.IconCalls, view.IconMissed} {
		if c := p.view(d).List.Row(i); c.Icon != icon {
			t.Errorf("call %d has icon %q, want %q", i, c.Icon, icon)
		}
	}
	p.tap(s, missedTabID)
	want(t, p.view(d), "call.0 · Bob Kelly · +14255550100 · Today 11:00\ncall.1 · +4545")
	p.tap(s, "call.1")
	if top := s.stack[0].view(d); top.ID != "dial" || top.Controls[0].Value != "+4545" {
		t.Errorf("a tap opens %s", textOf(top))
	}
	now.Mailbox.Calls = nil
	want(t, p.view(contextOf(t, now)), "There are no missed calls.")
	p.tap(s, allID)
	want(t, p.view(contextOf(t, now)), "There are no calls.")
}

func TestGreenKeyWithoutANumberRedials(t *testing.T) {
	now := boxOf(contactOf("Bob Kelly", "", "+1 (425) 555-0100"))
	now.Mailbox.Calls = []ews.Call{{Kind: ews.Missed, Number: "+4541"}, {Kind: ews.Outgoing}, {Kind: ews.Outgoing, Number: "+14255550100"}, {Kind: ews.Outgoing, Number: "+4543"}}
	d := contextOf(t, now)
	s := idleScreen(d)
	p := newDialPage(s, "")
	want(t, p.view(d), "redial · Redial · Bob Kelly")
	p.key(s, view.KeyCall)
	v := p.view(d)
	if v.Controls[0].Value != "+14255550100" || takes(&v, redialID) || strings.Contains(textOf(v), "no calls") {
		t.Errorf("after the green key:\n%s", textOf(v))
	}
	p.key(s, view.KeyCall)
	want(t, p.view(d), "This version of the phone makes no calls yet.")
	p.hold(s, eraseID)
	p.view(d)
	p.tap(s, redialID)
	if got := p.view(d).Controls[0].Value; got != "+14255550100" {
		t.Errorf("Redial brings %q", got)
	}
	now.Mailbox.Calls = nil
	p = newDialPage(s, "")
	if v := p.view(contextOf(t, now)); takes(&v, redialID) || takes(&v, callKeyID) || !p.key(s, view.KeyCall) {
		t.Errorf("there is nothing to call, and yet:\n%s", textOf(v))
	}
}

func TestVoiceMailOfAllKinds(t *testing.T) {
	now := boxOf(contactOf("Bob Kelly", "", "+1 (425) 555-0100"))
	now.Mailbox.Unread = 1
	now.Mailbox.VoiceMails = []ews.VoiceMail{
		{ID: ews.ItemID{ID: "a"}, Number: "+14255550100", Received: noon, Duration: 12 * time.Second},
		{ID: ews.ItemID{ID: "b"}, Read: true, Protected: true},
		{ID: ews.ItemID{ID: "c"}, Read: true, Number: "sip:kerry@contoso.com"},
	}
	d := contextOf(t, now)
	s := idleScreen(d)
	p := newVoicemailPage(s)
	want(t, p.view(d), "1 new message\nvoicemail.0 · Bob Kelly · New · 0:12 · Today 12:00\nvoicemail.1 · Unknown caller · Protected\nvoicemail.2 · sip:kerry@contoso.com")
	p.tap(s, "voicemail.1")
	v := s.stack[0].view(d)
	want(t, v, "This message is protected.")
	if takes(&v, playID) || takes(&v, backID) || !takes(&v, deleteID) {
		t.Errorf("the keys of a protected message from nobody:\n%s", textOf(v))
	}
	now.Mailbox.VoiceMails = now.Mailbox.VoiceMails[:1]
	want(t, s.stack[0].view(contextOf(t, now)), "This message is not there any more.")
	now.Mailbox.VoiceMails = nil
	want(t, p.view(contextOf(t, now)), "There is no voice mail.")
}

func TestTheCalendarIsOfTodayAndTomorrow(t *testing.T) {
	day := noon.Truncate(24 * time.Hour)
	event := func(subject string, from, length time.Duration, change func(*ews.Event)) ews.Event {
		e := ews.Event{Subject: subject, Start: day.Add(from), End: day.Add(from + length), Status: ews.Busy}
		if change != nil {
			change(&e)
		}
		return e
	}
	const h = time.Hour
	all := []ews.Event{
		event("Yesterday", -2*h, 2*h, nil),
		event("Breakfast", 7*h, h, func(e *ews.Event) { e.Status, e.Location = ews.Free, "Canteen" }),
		event("Review", 11*h, 2*h, func(e *ews.Event) { e.Meeting = true }),
		event("Doctor", 15*h, h, func(e *ews.Event) { e.Private, e.Location, e.Status = true, "Clinic", ews.OOF }),
		event("", 16*h, 0, func(e *ews.Event) { e.Status = ews.NoData }),
		event("Night shift", 22*h, 8*h, nil),
		event("Fair", 0, 24*h, func(e *ews.Event) { e.AllDay, e.Status = true, ews.Tentative }),
		event("Later", 48*h, h, nil),
	}
	now := device.Snapshot{Mailbox: &device.Mailbox{Calendar: all}}
	d := contextOf(t, now)
	s := idleScreen(d)
	p := newCalendarPage(s)
	v := p.view(d)
	want(t, v, `meeting.0 · Today, Wednesday, October 15
meeting.1 · Fair · All day · Tentative
meeting.2 · Breakfast · 07:00 – 08:00 · Canteen · Free
meeting.3 · Review · 11:00 – 13:00 · Now · Busy
meeting.4 · Private appointment · 15:00 – 16:00 · Out of office
meeting.5 · No subject · 16:00 – 16:00
meeting.6 · Night shift · 2008-10-15 22:00 – 2008-10-16 06:00 · Busy
meeting.7 · Tomorrow, Thursday, October 16
meeting.8 · Night shift · 2008-10-15 22:00 – 2008-10-16 06:00 · Busy`)
	for i, tone := range map[int]view.Tone{2: view.ToneDim, 3: view.ToneGood, 4: view.ToneNone, 1: view.ToneNone} {
		if c := v.List.Row(i); c.Tone != tone {
			t.Errorf("row %d has tone %q, want %q", i, c.Tone, tone)
		}
	}
	p.tap(s, "meeting.0")
	p.tap(s, "meeting.4")
	if len(s.stack) != 1 {
		t.Fatalf("%d pages are open, want that of one appointment", len(s.stack))
	}
	if got := textOf(s.stack[0].view(d)); !strings.Contains(got, "Private appointment") || strings.Contains(got, "Doctor") || strings.Contains(got, "Clinic") {
		t.Errorf("a private appointment is shown as\n%s", got)
	}
	if got := textOf(v); strings.Contains(got, "Doctor") || strings.Contains(got, "Clinic") {
		t.Errorf("a private appointment is told:\n%s", got)
	}
	now.Mailbox = &device.Mailbox{Calendar: all[5:6]}
	d = contextOf(t, now)
	d.clockTime = noon.AddDate(0, 0, -1)
	want(t, p.view(d), "Nothing today.", "meeting.0 · Tomorrow, Wednesday, October 15")
	d.now.Mailbox = &device.Mailbox{}
	want(t, p.view(d), "Nothing today or tomorrow.")
}

func TestDigitsGoToTheDialPadFromListsToo(t *testing.T) {
	d := contextOf(t, device.Snapshot{Mailbox: &device.Mailbox{}})
	for id, p := range pagesOf(idleScreen(d)) {
		if id == "contacts" || id == "dial" {
			continue
		}
		s := idleScreen(d)
		p.typed(s, "letters")
		if !p.key(s, view.Key5) || len(s.stack) != 1 {
			t.Fatalf("%s: 5 opens %d pages", id, len(s.stack))
		}
		if v := s.stack[0].view(d); v.ID != "dial" || v.Controls[0].Value != "5" {
			t.Errorf("%s: 5 opens\n%s", id, textOf(v))
		}
		p.typed(s, "12")
		if v := s.stack[1].view(d); v.Controls[0].Value != "12" {
			t.Errorf("%s: 12 opens\n%s", id, textOf(v))
		}
	}
}

func TestWithoutADialPlanThePoolIsAsked(t *testing.T) {
	for text, want := range map[string]string{
		"4711":              "sip:4711;phone-context=dialstring@contoso.com;user=phone",
		"+4544890101":       "sip:+4544890101@contoso.com;user=phone",
		"kerry@contoso.com": "sip:kerry@contoso.com",
		" - ":               "",
	} {
		if r := translate(nil, "contoso.com", text); r.uri != want || r.kind == "" || len(r.attempts) > 0 {
			t.Errorf("%q becomes %+v, want %q", text, r, want)
		}
	}
}

func TestOneRowOf5000IsFoundWithoutTheOthers(t *testing.T) {
	d := contextOf(t, snapshotOf(5000))
	p := newContactsPage(idleScreen(d))
	p.tap(idleScreen(d), outlookID)
	v := p.view(d)
	asked, row := 0, v.List.Row
	v.List.Row = func(i int) view.Control { asked++; return row(i) }
	if c, ok := v.Find("contact.4321"); !ok || c.ID != "contact.4321" || asked > 2 {
		t.Errorf("%+v after %d rows", c, asked)
	}
	if c, ok := v.Find("contact.5000"); ok {
		t.Errorf("there is %+v", c)
	}
}

func TestDialPlanOfAThousandRulesIsAList(t *testing.T) {
	rules := []dialplan.Rule{{Name: strings.Repeat("long ", 50), Pattern: `^(\d{4})$`, Translation: "$1"}, {Pattern: "(", Translation: "1"}}
	for range 998 {
		rules = append(rules, dialplan.Rule{Pattern: `^5(\d{4})$`, Translation: "+1425555$1"})
	}
	d := contextOf(t, device.Snapshot{Plan: &device.Plan{Loaded: noon, Compiled: dialplan.Compile(dialplan.Plan{Rules: rules}, dialplan.Options{})}})
	s, p := idleScreen(d), dialPlanPage()
	v := p.view(d)
	if len(v.Controls) > 5 || v.List == nil || v.List.Len != 1001 {
		t.Fatalf("%d controls, list %+v", len(v.Controls), v.List)
	}
	for _, id := range []string{"rule.skipped.0", "rule.0", "rule.999"} {
		c, ok := v.Find(id)
		if !ok || len([]rune(c.Text)) > maxShort+1 || len([]rune(c.Second)) > maxShort+1 {
			t.Errorf("%s is %+v", id, c)
		}
		p.tap(s, id)
		if got := s.stack[len(s.stack)-1].view(d); got.ID != "rule" || len(got.Controls) < 3 {
			t.Errorf("%s opens %+v", id, got)
		}
	}
}
