package device_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// Exchange that is hostile, seen from the whole phone: it stays ready, shows
// the right warning, and does not use a password twice.

// atExchange signs a phone of today in at a lab whose Exchange was spoilt.
func atExchange(t *testing.T, spoil func(*exchange.Server)) (*rig, *clock.Adjustable, device.Snapshot) {
	t.Helper()
	c := clock.New(time.Now())
	r := newRig(t, func(d *lab.Deployment) { d.Today = true }, func(cfg *device.Config) { cfg.Clock, cfg.NTP = c, false })
	spoil(r.lab.Exchange)
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	return r, c, s
}

func inUTF16(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

func TestR9_1HostileAutodiscoverLeavesThePhoneReady(t *testing.T) {
	const bare, auto = "contoso.com", "autodiscover.contoso.com"
	everywhere := func(a exchange.Autodiscover) map[string]exchange.Autodiscover {
		return map[string]exchange.Autodiscover{bare: a, auto: a, "http://" + auto: a, "cas01.contoso.com": a}
	}
	const answer = `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response/></Autodiscover>`
	for name, row := range map[string]struct {
		answers map[string]exchange.Autodiscover
		codes   string // one of them; "": the mailbox is found
	}{
		"URLs in a circle": {map[string]exchange.Autodiscover{bare: {RedirectURL: "https://" + auto + exchange.AutodiscoverPath}, auto: {RedirectURL: "https://" + bare + exchange.AutodiscoverPath},
			"http://" + auto: {Status: 404}},
			string(journal.ExchangeRedirects)},
		"locations in a circle": {everywhere(exchange.Autodiscover{Location: "https://" + auto + exchange.AutodiscoverPath}), string(journal.ExchangeRedirects)},
		"to itself":             {everywhere(exchange.Autodiscover{RedirectURL: "https://" + auto + exchange.AutodiscoverPath}), string(journal.ExchangeRedirects)},
		"addresses in a circle": {everywhere(exchange.Autodiscover{RedirectAddr: "tu@contoso.com"}), string(journal.ExchangeRedirects)},
		"to http":               {everywhere(exchange.Autodiscover{Location: "http://" + auto + exchange.AutodiscoverPath}), string(journal.ExchangeRedirects)},
		"no address":            {everywhere(exchange.Autodiscover{RedirectAddr: "<b>"}), string(journal.ExchangeRedirects)},
		"home pages":            {everywhere(exchange.Autodiscover{HomePage: true}), string(journal.ExchangeNone)},
		"404":                   {everywhere(exchange.Autodiscover{Status: 404}), string(journal.ExchangeNone)},
		"cut":                   {everywhere(exchange.Autodiscover{Cut: true}), "any"},
		"1 MiB behind it":       {everywhere(exchange.Autodiscover{Huge: 1 << 20}), "any"},
		"a garbage MiB":         {everywhere(exchange.Autodiscover{Raw: []byte(strings.Repeat("x", 1<<20))}), "any"},
		"UTF-16":                {everywhere(exchange.Autodiscover{Raw: inUTF16(answer)}), "any"},
		"half an answer":        {everywhere(exchange.Autodiscover{Raw: []byte(answer[:len(answer)/2])}), "any"},
		"a DTD":                 {everywhere(exchange.Autodiscover{Raw: []byte(`<!DOCTYPE a [<!ENTITY b "c">]>` + answer)}), "any"},
		"nothing":               {everywhere(exchange.Autodiscover{Raw: []byte{}, ContentType: "text/xml"}), "any"},
		"error 500":             {everywhere(exchange.Autodiscover{Error: 500}), string(journal.ExchangeMailbox)},
		"error 603":             {everywhere(exchange.Autodiscover{Error: 603}), string(journal.ExchangeError)},
		"error 999":             {everywhere(exchange.Autodiscover{Error: 999}), string(journal.ExchangeError)},
		"no EWS":                {everywhere(exchange.Autodiscover{EWSURL: "http://cas01.contoso.com/"}), string(journal.ExchangeNoEWS)},
		"EWS is elsewhere":      {everywhere(exchange.Autodiscover{EWSURL: "https://nowhere.contoso.com/"}), "any"},
		"only the second":       {map[string]exchange.Autodiscover{bare: {HomePage: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, c, s := atExchange(t, func(x *exchange.Server) {
				for host, a := range row.answers {
					x.SetAutodiscover(host, a)
				}
			})
			if row.codes == "" {
				if s.Mailbox == nil || len(s.Warnings) > 0 {
					t.Errorf("mailbox %v, warnings %v", s.Mailbox, warningCodes(s))
				}
				return
			}
			if name == "1 MiB behind it" && s.Mailbox != nil {
				return // blanks behind a document are no harm
			}
			if len(s.Warnings) != 1 || row.codes != "any" && string(s.Warnings[0].Code) != row.codes || s.Warnings[0].Code == journal.Internal || s.Warnings[0].Fix == "" || s.Warnings[0].Code == journal.AuthPassword {
				t.Fatalf("warnings %+v\n%s", s.Warnings, story(r.Phone))
			}
			if _, err := r.Exchange(); err == nil || journal.FailureOf(err).Code != s.Warnings[0].Code {
				t.Errorf("Exchange: %v", err)
			}
			if n := r.lab.Exchange.Counters(); n.BadLogons > 0 || n.ClearText > 0 {
				t.Errorf("%+v", n)
			}
			for host := range row.answers {
				r.lab.Exchange.SetAutodiscover(host, exchange.Autodiscover{})
			}
			if !s.Warnings[0].Code.Page().Retry {
				return
			}
			c.Advance(4 * time.Minute) // it is tried again
			r.becomes(func(s device.Snapshot) bool { return s.Mailbox != nil && len(s.Warnings) == 0 })
		})
	}
}

func TestR9_2HostileEWSLeavesThePhoneReady(t *testing.T) {
	all := func(code string) map[string]string { return map[string]string{"*": code} }
	rows := map[string]exchange.Faults{
		"busy": {Busy: true}, "busy inside": {InnerBusy: true}, "503": {Status: 503, RetryAfter: 7}, "500": {Status: 500}, "404": {Status: 404}, "403": {Status: 403},
		"440": {Status: 440}, "429": {Status: 429, RetryAfter: 7},
		"302": {Status: 302, Location: "/owa/auth/logon.aspx"}, "456": {Status: 456}, "401": {Refuse401: true}, "200 of nothing": {Raw: []byte("")}, "garbage": {Raw: []byte("<a><b>")},
		"UTF-16": {Raw: inUTF16("<a/>")}, "a DTD": {Raw: []byte(`<!DOCTYPE a [<!ENTITY b "c">]><a/>`)}, "cut": {Truncate: 100}, "between the legs": {CloseBetweenLegs: true},
		"endless": {EndlessPages: true}, "empty pages": {EmptyPages: true}, "shifting": {ShiftingPages: true}, "close after each": {CloseAfter: true},
		"no version": {NoServerVersion: true},
		"ids gone":   {Codes: map[string]string{"GetItem": "ErrorItemNotFound"}}, "malformed ids": {Codes: map[string]string{"GetItem": "ErrorInvalidIdMalformed"}},
		"no UM": {Codes: map[string]string{"GetFolder": "ErrorFolderNotFound"}},
	}
	for _, rule := range ews.Rules() {
		if code := strings.TrimSuffix(string(rule.Code), "*"); code != "" {
			rows["fault "+code], rows["code "+code] = exchange.Faults{SOAPFault: all(code)}, exchange.Faults{Codes: all(code)}
		}
	}
	codes := map[string]journal.Code{"302": journal.ExchangeForms, "440": journal.ExchangeForms, "429": journal.ExchangeBusy, "503": journal.ExchangeBusy}
	good := map[string]bool{"endless": true, "empty pages": true, "shifting": true, "close after each": true, "no version": true, "ids gone": true, "malformed ids": true}
	for name, faults := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, c, s := atExchange(t, func(x *exchange.Server) { x.SetFaults(faults) })
			if good[name] {
				if s.Mailbox == nil || len(s.Warnings) > 0 {
					t.Errorf("mailbox %v, warnings %+v", s.Mailbox, s.Warnings)
				}
				return
			}
			if len(s.Warnings) != 1 || s.Warnings[0].Code == journal.Internal || s.Warnings[0].Code == journal.AuthPassword || s.Warnings[0].Decided == "" || s.Warnings[0].Fix == "" {
				t.Fatalf("warnings %+v\n%s", s.Warnings, story(r.Phone))
			}
			if want := codes[name]; want != "" && s.Warnings[0].Code != want {
				t.Errorf("code %s, want %s", s.Warnings[0].Code, want)
			}
			if name == "no UM" && !strings.Contains(s.Warnings[0].Fix, "Unified Messaging") {
				t.Errorf("fix %q", s.Warnings[0].Fix)
			}
			if c, err := r.Exchange(); err == nil || c != nil {
				t.Errorf("Exchange: %v, %v", c, err)
			}
			if n := r.lab.Exchange.Counters().BadLogons; n > 0 || r.badLogons() > 0 {
				t.Errorf("%d bad log-ons", n)
			}
			r.lab.Exchange.SetFaults(exchange.Faults{})
			if strings.Contains(strings.Join(s.Warnings[0].Details, "\n"), "tries again in") {
				c.Advance(5 * time.Minute)
				r.becomes(func(s device.Snapshot) bool { return s.Mailbox != nil && len(s.Warnings) == 0 })
			}
		})
	}
}

// TestExchangeIsNeverNil: after an answer that sends the phone elsewhere there is
// a mailbox on the screen and no client.
func TestExchangeIsNeverNil(t *testing.T) {
	r, c, before := atExchange(t, func(*exchange.Server) {})
	for _, code := range []string{"ErrorNoRespondingCASInDestinationSite", "ErrorConnectionFailed", "ErrorAccessDenied", "ErrorPasswordExpired"} {
		r.lab.Exchange.SetFaults(exchange.Faults{SOAPFault: map[string]string{"*": code}})
		r.RefreshMailbox()
		r.becomes(func(s device.Snapshot) bool { return len(s.Warnings) == 1 && !s.Reload.IsZero() })
		if client, err := r.Exchange(); (client == nil) == (err == nil) {
			t.Errorf("%s: client %v, error %v", code, client, err)
		}
		r.lab.Exchange.SetFaults(exchange.Faults{})
		if code == "ErrorAccessDenied" {
			break // for this sign-in
		}
		c.Advance(4 * time.Minute)
		s := r.becomes(func(s device.Snapshot) bool { return len(s.Warnings) == 0 })
		if len(s.Mailbox.Contacts) != len(before.Mailbox.Contacts) {
			t.Errorf("%s: %d contacts", code, len(s.Mailbox.Contacts))
		}
	}
}

// TestOneWarningAboutExchangeAtATime, whatever fails next.
func TestOneWarningAboutExchangeAtATime(t *testing.T) {
	r, c, _ := atExchange(t, func(*exchange.Server) {})
	r.lab.Exchange.SetFaults(exchange.Faults{Status: 404})
	for _, host := range []string{"contoso.com", "autodiscover.contoso.com", "cas01.contoso.com"} {
		r.lab.Exchange.SetAutodiscover(host, exchange.Autodiscover{Error: 603})
	}
	r.RefreshMailbox()
	r.becomes(func(s device.Snapshot) bool {
		return len(s.Warnings) == 1 && s.Warnings[0].Code == journal.ExchangeMoved
	})
	c.Advance(4 * time.Minute)
	s := r.becomes(func(s device.Snapshot) bool {
		return len(s.Warnings) > 0 && s.Warnings[len(s.Warnings)-1].Code == journal.ExchangeError
	})
	if len(s.Warnings) != 1 || s.Mailbox == nil {
		t.Errorf("warnings %v, mailbox %v", warningCodes(s), s.Mailbox)
	}
}

// TestTwentyPollersAreOne and one more.
func TestTwentyPollersAreOne(t *testing.T) {
	r, _, _ := atExchange(t, func(*exchange.Server) {})
	before := r.lab.Exchange.Counters().Operations["GetFolder"]
	in, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.lab.Exchange.SetFaults(exchange.Faults{Hold: func(ctx context.Context, _ string) {
		once.Do(func() { close(in) })
		<-release
	}})
	var all sync.WaitGroup
	for range 20 {
		all.Go(r.RefreshMailbox)
	}
	<-in
	all.Wait()
	was := r.Snapshot().Mailbox
	close(release)
	first := r.becomes(func(s device.Snapshot) bool { return s.Mailbox != was }).Mailbox
	r.becomes(func(s device.Snapshot) bool { return s.Mailbox != first })
	if n := r.lab.Exchange.Counters().Operations["GetFolder"] - before; n != 2 {
		t.Errorf("%d polls, want the one under way and one more", n)
	}
}

func TestR9_2AttachmentsThatAreCorruptOrHuge(t *testing.T) {
	r, _, s := atExchange(t, func(*exchange.Server) {})
	x, err := r.Exchange()
	if err != nil {
		t.Fatal(err)
	}
	for name, faults := range map[string]exchange.Faults{"corrupt": {CorruptBase64: true}, "huge": {HugeAttachment: 100 << 20}, "cut": {Truncate: 5_000}} {
		r.lab.Exchange.SetFaults(exchange.Faults{})
		recordings, err := x.Recordings(t.Context(), s.Mailbox.VoiceMails[0].ID)
		if err != nil || len(recordings) == 0 {
			t.Fatal(recordings, err)
		}
		r.lab.Exchange.SetFaults(faults)
		got, err := x.FetchAttachment(t.Context(), recordings[0].ID, io.Discard)
		if f := journal.FailureOf(err); err == nil || f.Code == journal.Internal || f.Fix == "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	r.lab.Exchange.SetFaults(exchange.Faults{})
	r.RefreshMailbox()
	now := r.becomes(func(now device.Snapshot) bool { return now.Mailbox != s.Mailbox })
	r.wantReady(now)
}

// selfXML is a user whom Exchange may know.
func selfXML(t testing.TB, um bool) string {
	s := roaming.Self{Address: "tu@contoso.com", DisplayName: "Test User", Email: "tu@contoso.com", TelephonyMode: "Uc", UM: um,
		Lines: []roaming.Line{{Number: "tel:+4544890101;ext=200", Kind: roaming.Uc}}}
	if um {
		s.EUM = "tu@contoso.com;phone-context=x"
	}
	b, err := s.XML()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAPasswordThatExchangeRefusesIsSpentOnceInASignIn: the phone registers anew
// by itself, when a connection breaks or it is plugged in again, and that is no
// reason to try it again.
func TestAPasswordThatExchangeRefusesIsSpentOnceInASignIn(t *testing.T) {
	p, r, _ := newPuppet(t)
	p.answer(roaming.SelfEvent, always(200, selfXML(t, true)))
	if s := r.ready(); s.Mailbox == nil {
		t.Fatalf("no mailbox\n%s", story(r.Phone))
	}
	if err := r.lab.Directory.SetUser("tu", func(u *directory.User) { u.Password = "of Exchange alone" }); err != nil {
		t.Fatal(err)
	}
	place := p.place
	again := func() device.Snapshot {
		t.Helper()
		s := r.rest()
		r.wantReady(s)
		if len(s.Warnings) != 1 || s.Mailbox != nil || !strings.HasPrefix(string(s.Warnings[0].Code), "auth.") {
			t.Fatalf("mailbox %v, warnings %+v", s.Mailbox, s.Warnings)
		}
		return s
	}
	for sign := 1; sign <= 2; sign++ {
		if err := r.SignIn(r.creds); err != nil {
			t.Fatal(err)
		}
		again()
		for range 5 {
			r.Unplug()
			r.Plug(place)
			again()
			r.RefreshMailbox()
		}
		if n := r.badLogons(); n != sign {
			t.Errorf("%d bad log-ons in %d sign-ins", n, sign)
		}
	}
}

// TestTheMailboxFollowsWhatThePoolTells while the user is signed in.
func TestTheMailboxFollowsWhatThePoolTells(t *testing.T) {
	p, r, c := newPuppet(t)
	p.answer(roaming.SelfEvent, always(200, selfXML(t, true)))
	poll := func(minutes string) (int, string) {
		return 200, `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"><provisionGroup name="ServerConfiguration"><ucExchangeMWIPoll>` + minutes + `</ucExchangeMWIPoll></provisionGroup></provisionGroupList>`
	}
	p.answer(provisioning.EventPackage, always(poll("0")))
	s := r.ready()
	if s.Mailbox == nil {
		t.Fatalf("no mailbox\n%s", story(r.Phone))
	}
	p.tell(roaming.SelfEvent, "active", selfXML(t, false))
	r.becomes(func(s device.Snapshot) bool { return s.Mailbox == nil })
	if step := last(t, r.Phone, journal.Exchange); step.State != journal.Skipped {
		t.Errorf("step %+v", step)
	}
	p.tell(roaming.SelfEvent, "active", selfXML(t, true))
	s = r.becomes(func(s device.Snapshot) bool { return s.Mailbox != nil })
	// The interval that is read again holds at once.
	p.answer(provisioning.EventPackage, always(poll("10")))
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	one := r.becomes(func(now device.Snapshot) bool { return now.Mailbox != s.Mailbox })
	c.Advance(12 * time.Minute)
	r.becomes(func(now device.Snapshot) bool { return now.Mailbox != one.Mailbox })
	if n := r.lab.Exchange.Counters().BadLogons; n > 0 {
		t.Errorf("%d bad log-ons", n)
	}
}

func TestAClockThatIsSetBackStopsNothing(t *testing.T) {
	r, c, before := atExchange(t, func(*exchange.Server) {})
	c.Set(c.Now().Add(-10 * 24 * time.Hour))
	c.Advance(4 * time.Minute)
	polled := r.becomes(func(s device.Snapshot) bool { return s.Mailbox != before.Mailbox })
	if polled.Mailbox.Polled.After(before.Mailbox.Polled) || len(polled.Warnings) > 0 {
		t.Errorf("polled %s, warnings %v", polled.Mailbox.Polled, warningCodes(polled))
	}
	r.lab.Pool.SetFaults(pool.Faults{Status: map[string]int{pool.LocationProfile: 503}})
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	r.becomes(func(s device.Snapshot) bool { return len(s.Warnings) == 1 && !s.Reload.IsZero() })
	if step := last(t, r.Phone, journal.DialPlan); !strings.Contains(step.Decided, "yet to come") || strings.Contains(step.Decided, "-") && strings.Contains(step.Decided, "h0m0s old") {
		t.Errorf("%q", step.Decided)
	}
	r.lab.Pool.SetFaults(pool.Faults{})
	c.Advance(8*time.Hour + time.Minute)
	r.becomes(func(s device.Snapshot) bool { return len(s.Warnings) == 0 && s.Plan != before.Plan })
}
