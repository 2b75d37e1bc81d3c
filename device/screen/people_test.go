package screen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/screen/view"
)

// row is the ID of the first control that says text.
func (r *rig) row(text string) string {
	r.t.Helper()
	id := ""
	r.until(text, func(v view.View) bool {
		for _, c := range controls(v.Page) {
			if c.Text == text {
				id = c.ID
			}
		}
		return id != ""
	})
	return id
}

func TestContactsOfPoolAndOutlookLeadToTheirCardsAndToTheDialPad(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("contacts")
	v := r.page("contacts")
	want(t, v.Page, "Sales", "Friends", "Kerry Miller", "Bob | bobs@contoso.com")
	if strings.Contains(text(v.Page), "Other Contacts") {
		t.Errorf("who is in a group is in the other contacts too:\n%s", shown(v))
	}
	r.taps("tab.outlook")
	v = r.until("Outlook", func(v view.View) bool { c, _ := find(v.Page, "tab.outlook"); return c.On })
	if v.Page.List.Len != 7 || v.Page.List.Row(0).Text != "Anna Bedecs" {
		t.Errorf("Outlook's contacts are not 7 by name:\n%s", shown(v))
	}
	r.taps(r.row("Søren Ødegård"))
	want(t, r.page("card").Page, "+4533550105 |  | Work", "+4520550195 |  | Mobile", "E-mail |  | søren@contoso.com", "Company |  | Litware")
	r.taps("number.1")
	v = r.until("what the dial plan makes of it", func(v view.View) bool { _, ok := find(v.Page, "rules"); return ok })
	want(t, v.Page, "number: | Number |  | +4520550195", "rules: | +4520550195 | Begins with +: no rule is needed.")
	r.Tap("back")
	r.Tap("back")
	r.page("contacts")
}

func TestSearchGoesByTypingAndByDigitKeys(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("contacts", "search")
	if v := r.View(); v.Page.Keyboard != view.Letters || v.Page.Focus != "search" {
		t.Errorf("keyboard %q, focus %q: a tap on the field shows no keyboard", v.Page.Keyboard, v.Page.Focus)
	}
	r.Type("mil")
	want(t, r.View().Page, "contact.0: | Kerry Miller")
	r.Press(view.KeyEnter)
	if v := r.View(); v.Page.Keyboard != view.NoKeyboard || v.Page.List.Len != 1 {
		t.Errorf("keyboard %q with %d found after Enter", v.Page.Keyboard, v.Page.List.Len)
	}
	r.taps("search.clear")
	for _, k := range []view.Key{view.Key5, view.Key3, view.Key5, view.Key6} { // KELM
		r.Press(k)
		r.Release(k)
	}
	want(t, r.View().Page, "No contact is found.")
	r.Press(view.KeyDelete)
	want(t, r.View().Page, "Bob Kelly")
	r.Press(view.KeyEnd)
	if c, _ := find(r.View().Page, "search"); c.Value != "" {
		t.Errorf("the red key leaves %q in the field", c.Value)
	}
	r.Press(view.KeyEnd)
	r.page("home")
}

func TestCallsAreListedAndATapTakesTheNumberToTheDialPad(t *testing.T) {
	r := newRig(t, setup{}).home()
	before := r.lab.Exchange.Counters().Operations["UpdateItem"]
	r.taps("calls")
	v := r.page("calls")
	want(t, v.Page, "Anna Bedecs | +14255550104 · 9:00 |", "| +14255550123 |  |", "Bob Kelly | +14255550100 · 3:12 |")
	r.taps("tab.missed")
	v = r.until("missed calls", func(v view.View) bool { return v.Page.List.Len == 2 })
	for i, fresh := range []view.Tone{view.ToneWarn, view.ToneNone} {
		if c := v.Page.List.Row(i); c.Icon != view.IconMissed || c.Tone != fresh {
			t.Errorf("missed call %d: %+v", i, c)
		}
	}
	if n := r.lab.Exchange.Counters().Operations["UpdateItem"]; n != before || v.Status.Missed != 1 {
		t.Errorf("looking at missed calls marked them: %d requests, %d missed", n-before, v.Status.Missed)
	}
	r.taps("call.0")
	want(t, r.page("dial").Page, "number: | Number |  | +14255550123")
}

func TestTheDialPadSaysWhatTheRulesMakeOfADigit(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.Press(view.Key2)
	r.Release(view.Key2)
	r.page("dial")
	for _, k := range []view.Key{view.Key0, view.Key1} {
		r.Press(k)
		r.Release(k)
	}
	v := r.until("what the rules make of 201", func(v view.View) bool { c, _ := find(v.Page, "number"); return c.Value == "201" })
	v = r.until("whose number that is", func(v view.View) bool { _, ok := find(v.Page, "match.0"); return ok })
	want(t, v.Page, "rules: | +4544890101 ext. 201 | Rule 2 was applied.", "match.0: | Kerry Miller | +4544890101 ext. 201 | Work")
	r.taps("rules")
	v = r.page("dial-rules")
	want(t, v.Page, "Rule 2 was applied. | sip:+4544890101;ext=201@contoso.com;user=phone", "Does not match", "Applied")
	if v.Page.List.Len != 5 || v.Page.List.Row(1).Tone != view.ToneGood {
		t.Errorf("the rules are not told one by one:\n%s", shown(v))
	}
	r.Tap("back")
	r.taps("call")
	want(t, r.page("dial").Page, "no-calls: | This version of the phone makes no calls yet.")
	r.taps("erase")
	if v := r.View(); strings.Contains(text(v.Page), "no-calls") || !strings.Contains(text(v.Page), "| 20 |") {
		t.Errorf("after Delete:\n%s", shown(v))
	}
	r.Hold("erase")
	want(t, r.View().Page, "number: | Number |  |  |", "Type a number")
	r.Press(view.KeyEnd)
	r.page("home")
}

func TestTheDialPadFindsPeople(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("dial")
	want(t, r.page("dial").Page, "redial: | Redial | Anna Bedecs")
	r.Type("2662") // ANNA
	want(t, r.View().Page, "match.0: | Anna Bedecs | +14255550104 | Work")
	r.taps("match.0")
	r.until("her number", func(v view.View) bool { c, _ := find(v.Page, "rules"); return c.Text == "+14255550104" })
	r.Hold("erase")
	r.taps("number")
	if v := r.View(); v.Page.Keyboard != view.Letters || v.Page.Layout != view.List {
		t.Errorf("keyboard %q, layout %q: a tap on the number shows no keyboard in its own place", v.Page.Keyboard, v.Page.Layout)
	}
	r.Type("sip:kerry@contoso.com")
	r.until("the address", func(v view.View) bool { return strings.Contains(text(v.Page), "An address: no rule is needed.") })
}

func TestZeroHeldIsAPlus(t *testing.T) {
	c := clock.New(time.Now())
	r := newRig(t, setup{time: c}).home()
	r.Press(view.Key0)
	r.page("dial")
	c.Advance(time.Second)
	want(t, r.View().Page, "number: | Number |  | +")
	r.Release(view.Key0)
	r.Press(view.Key0)
	r.Release(view.Key0)
	c.Advance(time.Second)
	want(t, r.View().Page, "number: | Number |  | +0")
}

func TestPeopleWithoutExchangeAreThoseOfThePool(t *testing.T) {
	r := newRig(t, setup{lab: func(d *lab.Deployment) { d.Exchange.Off = true }}).home()
	r.until("what is wrong", func(v view.View) bool { _, ok := find(v.Page, "trouble.0"); return ok })
	if r.View().Dialog != nil { // it was told as news, unless it was there from the beginning
		r.taps("close")
	}
	r.taps("contacts")
	want(t, r.page("contacts").Page, "kerry@contoso.com", "Bob")
	r.taps("tab.outlook")
	v := r.until("the reason", func(v view.View) bool { _, ok := find(v.Page, "mailbox"); return ok })
	if c, _ := find(v.Page, "mailbox"); c.Text == "" || c.Second == "" {
		t.Errorf("it does not say what is wrong and what to change: %+v", c)
	}
	r.taps("mailbox")
	r.until("the step", func(v view.View) bool { return v.Page.ID == "step" })
	for _, id := range []string{"calls", "voicemail", "calendar"} {
		if err := r.Open(id); err != nil {
			t.Fatal(err)
		}
		if _, ok := find(r.View().Page, "mailbox"); !ok {
			t.Errorf("%s does not say why it is empty:\n%s", id, shown(r.View()))
		}
	}
}

func TestACallThatIsMissedMeanwhileAppears(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("calls")
	r.page("calls")
	if err := r.lab.Exchange.ReportMissedCall("tu", exchange.MissedCall{Number: "+14255550103"}); err != nil {
		t.Fatal(err)
	}
	r.phone.RefreshMailbox()
	r.until("the call", func(v view.View) bool { return strings.Contains(text(v.Page), "+14255550103") })
	if s := r.phone.Snapshot(); s.State != device.Ready {
		t.Errorf("the phone is %s", s.State)
	}
}

func TestTheCalendarShowsTodayAndTomorrow(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.taps("calendar")
	v := r.page("calendar")
	want(t, v.Page, "Today, ", "Staff meeting | 09:00 – 10:00 · Room 1 |", "Lunch with Bob | 12:00 – 12:30 · Canteen |", "Tentative", "Tomorrow, ")
	if v.Page.List.Len != 8 {
		t.Errorf("%d rows, want two days of three:\n%s", v.Page.List.Len, shown(v))
	}
	r.taps(r.row("Lunch with Bob"))
	want(t, r.page("meeting").Page, "subject: | Lunch with Bob", "Canteen")
}
