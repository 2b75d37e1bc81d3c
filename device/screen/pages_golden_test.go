package screen

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

var updatePages = flag.Bool("update-pages", false, "make the pages in testdata anew")

// goldenView is a View in a file: ui draws these, too. Rows are those of the list of
// what takes the taps, or of the page below it.
type goldenView struct {
	view.View
	Rows []view.Control `json:",omitempty"`
}

// TestPagesShowASnapshotAsBefore compares every page of a phone of which
// everything is known with the one in testdata. What differs is either meant so,
// and made anew with -update-pages, or a fault.
func TestPagesShowASnapshotAsBefore(t *testing.T) {
	all := goldenViews(t)
	for _, id := range Pages() {
		if _, there := all[id]; !there {
			t.Errorf("page %q is nowhere in testdata", id)
		}
	}
	for name, v := range all {
		t.Run(name, func(t *testing.T) {
			out := goldenView{View: v}
			if l := v.Page.List; l != nil {
				out.Rows = rows(v.Page.List)
			}
			out.Seq, out.Names = 0, nil
			got, err := json.MarshalIndent(out, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "pages", name+".json")
			if *updatePages {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(bytes.TrimSpace(want), got) {
				t.Errorf("%s holds another page than\n%s", golden, got)
			}
		})
	}
	files, err := os.ReadDir(filepath.Join("testdata", "pages"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := f.Name()[:len(f.Name())-len(".json")]; all[name].Seq == 0 {
			t.Errorf("%s is of no page", f.Name())
		}
	}
}

// goldenViews are all pages of a phone of which everything is known, in all
// states, and what lies over them.
func goldenViews(t testing.TB) map[string]view.View { t.Helper(); return goldenViewsIn(t, "en") }

// goldenViewsIn are goldenViews in a language.
func goldenViewsIn(t testing.TB, lang string) map[string]view.View {
	t.Helper()
	all := map[string]view.View{}
	signedIn := knownSnapshot(t)
	take := func(name string, now device.Snapshot, do func(*Screen)) {
		s := stillScreen(t, now, lang)
		s.change(func() { s.updateBase() })
		if do != nil {
			do(s)
			s.running.Wait() // rules are asked beside it
			s.change(func() {})
		}
		all[name] = s.View()
	}
	states := map[string]device.Snapshot{}
	for name, change := range map[string]func(*device.Snapshot){
		"off":        func(n *device.Snapshot) { n.State = device.Off },
		"start":      func(n *device.Snapshot) { n.Place, n.State = "", device.SignedOut },
		"signin":     func(n *device.Snapshot) { n.State = device.SignedOut },
		"signing-in": func(n *device.Snapshot) { n.State, n.Address = device.SigningIn, "anna@contoso.com" },
		"failure": func(n *device.Snapshot) {
			n.State, n.Address, n.Failure = device.Waiting, "anna@contoso.com", &refusedStep
			n.NextTry = noon.Add(30 * time.Second)
		},
	} {
		now := device.Snapshot{Firmware: signedIn.Firmware, MAC: signedIn.MAC, Place: "inside", Roots: signedIn.Roots, RootSet: signedIn.RootSet, Policy: signedIn.Policy}
		change(&now)
		states[name] = now
	}
	for name, now := range states {
		take(name, now, nil)
	}
	take("home", signedIn, nil)
	for _, id := range append(slices.Collect(maps.Keys(constructors())), "lock") {
		take(id, signedIn, func(s *Screen) {
			if err := s.Open(id); err != nil {
				t.Errorf("Open(%q): %v", id, err)
			}
		})
	}
	tap := func(ids ...string) func(*Screen) {
		return func(s *Screen) {
			for _, id := range ids {
				s.Tap(id)
			}
		}
	}
	take("signin-typing", states["signin"], func(s *Screen) { s.Type("anna@"); s.Tap("keyboard.symbols") })
	take("signin-missing", states["signin"], tap("sign-in"))
	take("contacts-outlook", signedIn, tap("contacts", outlookID))
	take("contacts-search", signedIn, func(s *Screen) { s.Tap("contacts"); s.Type("ke") })
	take("calls-missed", signedIn, tap("calls", missedTabID))
	take("dial-number", signedIn, func(s *Screen) { s.Lift(true); s.Type("51234") })
	take("dial-rules", signedIn, func(s *Screen) { s.Type("51234"); s.running.Wait(); s.Tap(translationID) })
	take("sign-out", signedIn, tap("sign-out"))
	take("reset-confirm", signedIn, tap("settings", "settings.reset", "factory"))
	take("restarting", signedIn, func(s *Screen) {
		s.change(func() { s.open(&builtPage{id: "reset", build: (&resetPage{}).build}) })
	})
	take("reset", states["signin"], func(s *Screen) {
		r := &resetPage{done: true, seen: true, went: []string{"CN=Contoso Root CA,DC=contoso,DC=com"}, stayed: []string{"CN=AAA Certificate Services,O=Comodo CA Limited"}}
		s.change(func() { s.open(&builtPage{id: "reset", build: r.build}) })
	})
	take("news", signedIn, func(s *Screen) {
		before := s.now
		box := *s.now.Mailbox
		box.Unread, s.now.Mailbox = 3, &box
		s.change(func() { s.announce(before) })
	})
	return all
}

// stillScreen is a Screen of a phone that is not there: it shows now at noon.
func stillScreen(t testing.TB, now device.Snapshot, lang string) *Screen {
	t.Helper()
	texts, err := newTexts(lang)
	if err != nil {
		t.Fatal(err)
	}
	fw, err := device.FirmwareNamed("1.0.522.71")
	if err != nil {
		t.Fatal(err)
	}
	at := clock.NewManual(noon)
	phone, err := device.New(device.Config{Firmware: fw, RootSet: "none", Clock: at, Budget: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	s := &Screen{phone: phone, opt: Options{Clock: at, Location: time.UTC}, texts: texts, now: now, prefs: map[string]string{"volume.ring": "8"},
		keysDown: map[view.Key]time.Time{}, watchers: map[int]func(){}, form: newSignInPage(device.Credentials{})}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	t.Cleanup(s.Close)
	for i, st := range []journal.Step{
		{Name: journal.Network, State: journal.OK, Decided: "The phone is plugged into the place inside", Details: []string{"DNS server 192.0.2.53", "DNS suffix (option 15) contoso.com"}},
		{Name: journal.Time, State: journal.OK, Asked: "dc1.contoso.com:123", Answered: "stratum 3", By: "dc1.contoso.com:123", Decided: "The phone's clock is set; it was right", Because: "R2.1"},
		{Name: journal.Discovery, State: journal.OK, Asked: "_sipinternaltls._tcp.contoso.com", Decided: "The server is pool.contoso.com:5061"},
		{Name: journal.Trust, State: journal.Warned, Decided: "The certificate of pool.contoso.com was issued by CN=Contoso Root CA,DC=contoso,DC=com, which is not among the 6 roots that the phone trusts"},
		{Name: journal.Roots, State: journal.OK, Decided: "Ask dc1.contoso.com for the roots of contoso.com"},
	} {
		s.record(device.Event{Seq: uint64(i + 1), Epoch: 1, Step: stamped(st, uint64(i+1))})
	}
	return s
}

func stamped(st journal.Step, seq uint64) *journal.Step {
	st = st.Stamp(seq, noon.Add(-time.Minute))
	return &st
}

var refusedStep = journal.Step{Name: journal.Trust, State: journal.Failed, Code: journal.CertUntrusted, At: noon.Add(-time.Second),
	Decided: "The certificate of pool.contoso.com was issued by CN=Contoso Root CA,DC=contoso,DC=com, which is not among the 6 roots that the phone trusts.",
	Fix:     "Publish the root in Active Directory (certutil -f -dspublish ROOT.cer RootCA).", Because: "R1.1", Asked: "the certificate of pool.contoso.com"}

// knownSnapshot is a phone that has been told everything, without anything of a run: no
// ports, no fresh keys.
func knownSnapshot(t testing.TB) device.Snapshot {
	t.Helper()
	fw, err := device.FirmwareNamed("1.0.522.71")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := device.New(device.Config{Firmware: fw, RootSet: "factory-2007", MAC: "00-04-F2-20-07-16"})
	if err != nil {
		t.Fatal(err)
	}
	now := phone.Snapshot()
	if err := phone.Close(); err != nil {
		t.Fatal(err)
	}
	now.State, now.Place, now.Address, now.User = device.Ready, "inside", "anna@contoso.com", `CONTOSO\anna`
	now.Server, now.GRUU = "pool.contoso.com:5061", "sip:anna@contoso.com;opaque=user:epid:7RzXf;gruu"
	now.Clock = noon
	now.Settings = &provisioning.Settings{PrimaryEmail: "anna@contoso.com", Lock: provisioning.Lock{MinPINLength: 6}, Logging: provisioning.Logging{Level: provisioning.Low}}
	now.Settings.Updates.URL = "https://pool.contoso.com/requesthandler/ucdevice.upx"
	now.Plan = &device.Plan{Loaded: noon.Add(-20 * time.Minute), Compiled: dialplan.Compile(dialplan.Plan{Name: "Hellerup.contoso.com", ExternalAccessPrefix: "0", Rules: []dialplan.Rule{
		{Name: "Internal", Pattern: `^5(\d{4})$`, Translation: "+1425555$1"}, {Pattern: `^0?112$`, Translation: "+112"}}}, dialplan.Options{})}
	now.Self = &roaming.Self{Address: "anna@contoso.com", DisplayName: "Anna Bedecs", Email: "anna@contoso.com", Availability: 3500, Note: "In Hellerup this week",
		Lines: []roaming.Line{{Number: "tel:+4544890104;ext=204", Kind: roaming.Uc}}}
	now.Contacts = &roaming.ContactList{Groups: []roaming.Group{{ID: 1, Name: "~"}, {ID: 2, Name: "Sales"}},
		Contacts: []roaming.Contact{{Address: "kerry@contoso.com", Name: "Kerry Miller", Groups: []uint32{2}}, {Address: "bob@contoso.com", Name: "Bob", Groups: []uint32{1}}}}
	kerry := contactOf("Kerry Miller", "Contoso", "+45 44 89 01 01;ext=201", "+1 (425) 555-1234")
	kerry.Email = "kerry@contoso.com"
	now.Mailbox = &device.Mailbox{URL: "https://cas01.contoso.com/EWS/Exchange.asmx", Server: "08.01.0240", Polled: noon.Add(-2 * time.Minute), Unread: 1,
		Contacts: []ews.Contact{kerry, contactOf("Søren Ødegård", "Litware", "+45 33 55 01 05")},
		Calls: []ews.Call{{Kind: ews.Missed, Number: "+14255551234", At: noon.Add(-time.Hour)}, {Kind: ews.Outgoing, Name: "Bob Kelly", Number: "+14255550100", At: noon.AddDate(0, 0, -1), Duration: 192 * time.Second},
			{Kind: ews.Incoming, Name: "Anna", Address: "anna@contoso.com", At: noon.AddDate(0, 0, -9)}},
		VoiceMails: []ews.VoiceMail{{ID: ews.ItemID{ID: "vm1"}, Name: "Bob Kelly", Number: "+14255550100", Received: noon.Add(-2 * time.Hour), Duration: 12 * time.Second},
			{ID: ews.ItemID{ID: "vm2"}, Number: "+4544890101", Received: noon.AddDate(0, 0, -2), Duration: 190 * time.Second, Read: true, Protected: true}},
		Calendar: []ews.Event{{Subject: "Staff meeting", Location: "Room 1", Start: noon.Add(-time.Hour), End: noon.Add(time.Hour), Meeting: true, Status: "Busy"},
			{Subject: "Dentist", Private: true, Start: noon.Add(4 * time.Hour), End: noon.Add(5 * time.Hour), Status: "OOF"},
			{Subject: "Holiday", AllDay: true, Start: noon.Add(12 * time.Hour), End: noon.Add(36 * time.Hour), Status: "Free"}}}
	now.Warnings = []journal.Step{{Name: journal.DialPlan, State: journal.Warned, Code: journal.ProvMalformed, Seq: 9, At: noon.Add(-time.Minute), Decided: "One rule of the location profile cannot be read."}}
	return now
}
