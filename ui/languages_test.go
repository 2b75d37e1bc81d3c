//go:build !darwin || cgo

package ui_test

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
	"github.com/dlclark/regexp2"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui"
)

// walk is a phone before its lab, and a screen of each language before the
// phone. What is done is done on all of them, and what they show is laid out.
type walk struct {
	t       *testing.T
	lab     *lab.Lab
	phone   *device.Phone
	time    *clock.Adjustable
	screens []*screen.Screen
	changed chan struct{} // one token: some screen shows something else
	seen    map[string]int
}

// size is that of the panel of the phone.
const sizeW, sizeH = 640, 480

func newWalk(t *testing.T) *walk {
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	firmware, err := device.FirmwareNamed("1.0.522.71")
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{t: t, lab: world, time: clock.New(time.Now()), changed: make(chan struct{}, 1), seen: map[string]int{}}
	if w.phone, err = device.New(device.Config{Firmware: firmware, RootSet: "factory-2007", Clock: w.time, NTP: true, Budget: time.Hour}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.phone.Close() })
	for _, lang := range screen.Languages() {
		s, err := screen.New(w.phone, screen.Options{Lang: lang, Clock: w.time, Location: time.UTC})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		s.Watch(func() {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		})
		w.screens = append(w.screens, s)
	}
	return w
}

// each does something on every screen, waits until it shows what is good, and
// has it laid out.
func (w *walk) each(what string, do func(*screen.Screen), good func(view.View) bool) {
	w.t.Helper()
	for _, s := range w.screens {
		if do != nil {
			do(s)
		}
		w.until(s, what, good)
		w.check(s.View(), what)
	}
}

func (w *walk) until(s *screen.Screen, what string, good func(view.View) bool) {
	w.t.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for v := s.View(); !good(v); v = s.View() {
		select {
		case <-w.changed:
		case <-limit.C:
			w.t.Fatalf("waited for %s in %s; the phone shows\n%s", what, v.Lang, v.Plain())
		}
	}
}

// check has a View laid out, lists row by row.
func (w *walk) check(v view.View, what string) {
	w.t.Helper()
	w.seen[top(v).ID]++
	for _, bad := range ui.Check(v, sizeW, sizeH) {
		w.t.Errorf("%s, %s: %s", v.Lang, what, bad)
	}
}

// top is the page that takes the taps.
func top(v view.View) view.Page {
	if v.Dialog != nil {
		return *v.Dialog
	}
	return v.Page
}

func shows(p view.Page, id string) bool {
	is := func(c view.Control) bool { return c.ID == id && !c.Off }
	if p.List != nil {
		for i := range p.List.Len {
			if is(p.List.Row(i)) {
				return true
			}
		}
	}
	return slices.ContainsFunc(p.Controls, is) || slices.ContainsFunc(p.Nav, is)
}

// page waits for a page or dialog that comes by itself.
func (w *walk) page(id string) {
	w.t.Helper()
	w.each("page "+id, nil, func(v view.View) bool { return top(v).ID == id })
}

// open opens pages by name.
func (w *walk) open(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		w.each("opened "+id, func(s *screen.Screen) {
			if err := s.Open(id); err != nil {
				w.t.Error(err)
			}
		}, func(v view.View) bool { return top(v).ID == id })
	}
}

// tap taps what is there, or comes, and goes on when page is shown.
func (w *walk) tap(id, page string) {
	w.t.Helper()
	w.each(id+" tapped", func(s *screen.Screen) {
		w.until(s, "control "+id, func(v view.View) bool { return shows(top(v), id) || id == "back" })
		s.Tap(id)
	}, func(v view.View) bool { return top(v).ID == page })
}

// types types, and goes on when a control is there.
func (w *walk) types(text, has string) {
	w.t.Helper()
	w.each(text+" typed", func(s *screen.Screen) { s.Type(text) }, func(v view.View) bool { return shows(top(v), has) })
}

// enters types a PIN and goes on when a control is there.
func (w *walk) enters(pin, has string) {
	w.t.Helper()
	w.each("a PIN entered", func(s *screen.Screen) { s.Type(pin); s.Press(view.KeyEnter) },
		func(v view.View) bool { return shows(top(v), has) })
}

// user is the first one of the lab.
func (w *walk) user() device.Credentials {
	u := w.lab.Ready().Users[0]
	return device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}
}

// slow is inside, but whoever is asked for roots listens and says nothing.
func (w *walk) slow() lab.Attachment {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var hear sync.WaitGroup
	var heard []net.Conn
	hear.Go(func() {
		for {
			c, err := mute.Accept()
			if err != nil {
				return
			}
			heard = append(heard, c)
		}
	})
	w.t.Cleanup(func() {
		mute.Close()
		hear.Wait()
		for _, c := range heard {
			c.Close()
		}
	})
	at := w.lab.Inside()
	at.Place.Patch = maps.Clone(at.Place.Patch)
	for name := range at.Place.Patch {
		if _, port, _ := net.SplitHostPort(name); port == "389" {
			at.Place.Patch[name] = mute.Addr().String()
		}
	}
	return at
}

// TestEveryPageIsReadableInEveryLanguage walks a phone through its life: what
// is cut, lies over something or outside of the panel is named.
func TestEveryPageIsReadableInEveryLanguage(t *testing.T) {
	t.Cleanup(func() {
		regexp2.StopTimeoutClock()
		goleak.VerifyNone(t)
	})
	test.NewTempApp(t)
	w := newWalk(t)

	w.phone.PowerOn()
	w.page("start")
	w.open("settings", "network", "journal", "time", "roots", "security", "reset-menu", "sound", "language")
	w.phone.Plug(w.lab.Outside().Place)
	w.each("signed out", func(s *screen.Screen) { s.Press(view.KeyHome) }, func(v view.View) bool { return v.Page.ID == "signin" })
	w.tap("sign-in", "signin-missing")
	w.tap("ok", "signin")
	w.typesInPlace("anna@contoso.com", func(v view.View) bool { return v.Page.Controls[0].Value != "" })
	if err := w.phone.SignIn(w.user()); err != nil {
		t.Fatal(err)
	}
	w.page("failure")
	w.open("step", "settings", "journal", "network", "security", "system")

	w.phone.Unplug()
	w.phone.Plug(w.slow().Place)
	w.each("the download", func(s *screen.Screen) { s.Press(view.KeyHome) }, func(v view.View) bool { return shows(v.Page, "download") })
	if err := w.lab.PublishRoot(lab.PublicRoot); err != nil {
		t.Fatal(err)
	}
	w.phone.Plug(w.lab.Inside().Place)
	w.each("signed in", nil, func(v view.View) bool {
		return v.Page.ID == "home" && !shows(v.Page, "loading") && v.Status.Exchange != view.ToneNone
	})
	w.signedIn()
	w.news()
	w.locked()
	w.reset()

	for _, id := range append(screen.Pages(), "reset", "meeting", "card", "player") {
		if n := len(w.screens); w.seen[id] < n {
			t.Errorf("page %s was seen in %d languages of %d", id, w.seen[id], n)
		}
	}
}

// signedIn walks what a signed-in user has.
func (w *walk) signedIn() {
	for _, id := range screen.Pages() {
		if !slices.Contains([]string{"start", "signin", "signing-in", "failure", "lock"}, id) {
			w.open(id)
		}
	}
	w.open("settings")
	w.tap("settings.signout", "sign-out")
	w.tap("cancel", "settings")
	w.tap("settings.restart", "restart")
	w.tap("cancel", "settings")
	w.open("reset-menu")
	for _, id := range []string{"user", "factory"} {
		w.tap(id, "reset-confirm")
		w.tap("cancel", "reset-menu")
	}
	w.open("contacts")
	w.tap("contact.1", "card")
	w.open("contacts")
	w.tap("tab.outlook", "contacts")
	w.tap("contact.1", "card")
	w.open("contacts")
	w.types("qqq", "search.clear")
	w.open("calls")
	w.tap("tab.missed", "calls")
	w.open("calendar")
	w.tap("meeting.1", "meeting")
	w.open("dial")
	w.types("44890101", "rules")
	w.tap("rules", "dial-rules")
	w.tap("rule.1", "rule")
	w.tap("back", "dial-rules")
	w.tap("back", "dial")
	w.tap("call", "dial")
	w.dialled()
	w.clicks()
	w.open("contacts")
	w.tap("search", "contacts")
	w.typesInPlace("ke", func(v view.View) bool { return shows(v.Page, "contact.0") })
	for i := range 3 {
		w.open("voicemail")
		w.tap([]string{"voicemail.0", "voicemail.1", "voicemail.2"}[i], "player")
		w.tap("delete", "voicemail-delete")
		w.tap("cancel", "player")
	}
}

// news comes from Exchange, and is good first and bad later.
func (w *walk) news() {
	w.open("home")
	for _, kind := range []string{lab.DeliverMissedCall, lab.DeliverVoiceMail} {
		if err := w.lab.Deliver("tu", kind, lab.Delivery{Number: "+4533334444", Name: "Kerry Miller", Count: 12}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.phone.RefreshMailbox()
	w.page("news-missed")
	w.tap("close", "news-voicemail")
	w.tap("show", "voicemail")
	w.open("home")
	w.lab.Exchange.Close()
	w.phone.RefreshMailbox()
	w.page("news-trouble")
	w.tap("show", "step")
	w.open("home", "contacts", "calls", "voicemail", "calendar", "system")
}

// locked walks the pages of the PIN.
func (w *walk) locked() {
	w.open("pin")
	w.enters("12", "note")
	w.typesInPlace("314", func(v view.View) bool { return !shows(v.Page, "note") })
	w.open("pin")
	w.enters("271828", "text")
	w.enters("314159", "note")
	if err := w.phone.SetPIN("271828"); err != nil {
		w.t.Fatal(err)
	}
	w.open("settings")
	w.tap("settings.pin", "pin")
	w.open("lock")
	w.typesInPlace("314", func(view.View) bool { return true })
	w.enters("1111", "note")
	w.typesInPlace("314", func(v view.View) bool { return !shows(v.Page, "note") })
	for range 5 {
		w.each("wrong PINs", func(s *screen.Screen) { s.Type("1111"); s.Press(view.KeyEnter) }, func(v view.View) bool { return v.Page.ID == "lock" })
	}
}

// clipLong is how long the paper clip is held, by the phone's clock.
const clipLong = 10 * time.Second

// reset pushes the paper clip.
func (w *walk) reset() {
	if err := w.phone.ShutDown(context.Background()); err != nil {
		w.t.Error(err)
	}
	w.each("power off", nil, func(v view.View) bool { return !v.On })
	w.phone.PowerOn()
	w.page("signin")
	w.each("a reset", func(s *screen.Screen) {
		w.until(s, "the form", func(v view.View) bool { return v.Page.ID == "signin" })
		s.Poke(true)
		w.time.Advance(clipLong)
	},
		func(v view.View) bool { return v.Page.ID == "reset" && shows(v.Page, "continue") })
}

// sayings are the messages of a language, with something in each placeholder.
func sayings(t *testing.T, lang string) map[string]string {
	b, err := os.ReadFile("../device/screen/messages/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{{.Count}}", "12", "{{.Time}}", "14:05", "{{.Age}}", "12", "{{.Format}}", "Windows Media", "{{.Number}}", "10240", "{{.Min}}", "4", "{{.Max}}", "15")
	all := map[string]string{}
	for id, value := range raw {
		if forms, plural := value.(map[string]any); plural {
			value = forms["other"]
		}
		all[id] = fill.Replace(value.(string))
	}
	return all
}

// TestMessagesOfRareStatesFit puts what the walk does not come by into pages
// like those where it is said.
func TestMessagesOfRareStatesFit(t *testing.T) {
	test.NewTempApp(t)
	for _, lang := range screen.Languages() {
		if lang == "en" || lang == screen.Pseudo {
			continue // no file of a translation
		}
		say := sayings(t, lang)
		show := func(id string, p view.Page) {
			if p.ID, p.Title, p.Back = id, cmp.Or(p.Title, say["player.title"]), true; say[id] == "" {
				t.Errorf("%s: there is no message %q", lang, id)
			}
			for _, bad := range ui.Check(view.View{On: true, Lang: lang, Page: p}, sizeW, sizeH) {
				t.Errorf("%s: %s", lang, bad)
			}
		}
		for _, id := range strings.Fields(`contacts.noneFound contacts.noOutlook contacts.noGroups contacts.notTold calls.none calls.noneMissed
			voicemail.none calendar.nothing dial.noRules roots.none journal.none`) {
			show(id, view.Page{Layout: view.List, List: &view.Rows{ID: "rows", Empty: say[id]}})
		}
		for _, id := range strings.Fields("dial.noMatch dial.hint") {
			show(id, view.Page{Layout: view.Dial, List: &view.Rows{ID: "rows", Empty: say[id]}})
		}
		for _, id := range strings.Fields(`player.gone player.protected player.unplayable player.silent player.tooLong player.empty player.failed
			mailbox.signedOut mailbox.reading mailbox.none mailbox.old dialplan.none dialplan.kept dialplan.fresh provisioning.none root.gone
			reset.failed reset.next failure.next start.cable calendar.nothingToday logging.why time.own home.loading`) {
			show(id, view.Page{Layout: view.Detail, Controls: []view.Control{{ID: "text", Role: view.Text, Text: say[id], Icon: view.IconInfo}}})
		}
		for _, id := range strings.Fields("player.fetching player.playing player.paused player.deleting reset.running signing.download") {
			show(id, view.Page{Layout: view.Detail, Controls: []view.Control{{ID: "bar", Role: view.Progress, Text: say[id], Value: "0:03 / 10:12", Fraction: .3}}})
		}
		for _, id := range strings.Fields("pin.first pin.short pin.old pin.change pin.repeat pin.digits pin.differ pin.wrong pin.wait") {
			show(id, view.Page{Layout: view.PINPad, Controls: []view.Control{{ID: "text", Role: view.Text, Text: say[id], Icon: view.IconLock},
				{ID: "pin", Role: view.Secret, Text: say["pin.field"]}, {ID: "enter", Role: view.Button, Text: say["ok"]}}})
		}
		for _, id := range strings.Fields("presence.unknown presence.available presence.busy presence.do-not-disturb presence.away presence.offline") {
			show(id, view.Page{Layout: view.Tiles, Controls: []view.Control{{ID: "clock", Role: view.Heading, Text: "14:05", Second: "14:05"},
				{ID: "me", Role: view.Row, Presence: view.Busy, Text: "Test User", Second: "+1 425 555 0123", Value: say[id]}}})
		}
		for _, id := range strings.Fields("calendar.busy calendar.tentative calendar.away calendar.free phone.work phone.work2 phone.mobile phone.home phone.main phone.other logging.Low logging.Medium logging.High") {
			value := say[id]
			if strings.HasPrefix(id, "calendar.") {
				value = say["calendar.now"] + " · " + value
			}
			row := view.Control{ID: "row", Role: view.Row, Icon: view.IconCalendar, Text: say["calendar.noSubject"], Second: say["calendar.allDay"], Value: value}
			show(id, view.Page{Layout: view.List, List: &view.Rows{ID: "rows", Len: 1, Row: func(int) view.Control { return row }}})
		}
		for _, id := range strings.Fields("player.play player.pause player.stop player.check") {
			var keys []view.Control
			for _, key := range []string{id, "player.next", "player.mark", "player.callBack", "player.delete"} {
				keys = append(keys, view.Control{ID: key, Role: view.Button, Icon: view.IconPlay, Text: say[key]})
			}
			show(id, view.Page{Layout: view.Detail, Nav: keys})
		}
		for _, id := range strings.Fields("pin.set news.missed news.voice signin.missing.password") {
			v := view.View{On: true, Dialog: &view.Page{ID: id, Layout: view.Centered, Title: say["news.title"], Controls: []view.Control{
				{ID: "text", Role: view.Text, Text: say[id]}, {ID: "show", Role: view.Button, Text: say["news.show"]}, {ID: "close", Role: view.Button, Text: say["close"]}}}}
			for _, bad := range ui.Check(v, sizeW, sizeH) {
				t.Errorf("%s: %s", lang, bad)
			}
		}
	}
}
