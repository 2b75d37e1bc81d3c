package screen

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// noon is the time on the screen of these tests.
var noon = time.Date(2008, 10, 15, 12, 0, 0, 0, time.UTC)

// contextOf is what a page of a signed-in phone may show of now.
func contextOf(t testing.TB, now device.Snapshot) pageContext {
	t.Helper()
	texts, err := newTexts("en")
	if err != nil {
		t.Fatal(err)
	}
	if now.State == "" {
		now.State = device.Ready
	}
	return pageContext{texts: texts, now: now, clockTime: noon, location: time.UTC, index: &contactIndex{}}
}

// idleScreen is a Screen that shows nothing and begins nothing.
func idleScreen(d pageContext) *Screen {
	return &Screen{texts: d.texts, now: d.now, ctx: context.Background(), closed: true, keysDown: map[view.Key]time.Time{}}
}

// textOf is all that a page says.
func textOf(p view.Page) string {
	lines := []string{p.Title}
	for _, list := range [][]view.Control{p.Controls, rows(p.List), p.Nav} {
		for _, c := range list {
			lines = append(lines, joined(c.ID, c.Text, c.Second, c.Value))
		}
	}
	if p.List != nil && p.List.Len == 0 {
		lines = append(lines, p.List.Empty)
	}
	return strings.Join(lines, "\n")
}

func contactOf(name, company string, phones ...string) ews.Contact {
	c := ews.Contact{DisplayName: name, Company: company}
	for i, p := range phones {
		c.Phones = append(c.Phones, ews.PhoneNumber{Key: []ews.PhoneKey{ews.BusinessPhone, ews.MobilePhone}[i%2], Text: p})
	}
	return c
}

func boxOf(contacts ...ews.Contact) device.Snapshot {
	return device.Snapshot{Mailbox: &device.Mailbox{Contacts: contacts}}
}

func TestSearchFindsNamesByLettersAndByKeys(t *testing.T) {
	now := boxOf(
		contactOf("Søren Ødegård", "Litware", "+45 33 55 01 05", "+45 20 55 01 95"),
		contactOf("Bob Kelly", "Contoso", "+1 (425) 555-0100"),
		contactOf("Anna Bedecs", "Adatum", "+1 425 555 0104"),
		contactOf("田中 ゆき", "Tailspin", "+81 3 5555 0107"),
		contactOf("שרה לוי", "", "03-555-0108"),
		contactOf("🎉", "", "555 0199"),
		contactOf("Straße Müller-Lüdenscheidt", ""),
		contactOf("", "", "425.555.0106"),
		contactOf("Kerry Miller", "Contoso", "+45 44 89 01 01;ext=201"),
	)
	now.Contacts = &roaming.ContactList{Contacts: []roaming.Contact{{Address: "zoe@contoso.com", Groups: []uint32{1}}}}
	for query, want := range map[string]string{
		"bob":             "Bob Kelly",
		"kel":             "Bob Kelly",
		"KELLY  b":        "Bob Kelly",
		"elly":            "",
		"contoso":         "Bob Kelly, Kerry Miller, zoe@contoso.com",
		"soren":           "Søren Ødegård",
		"Ødeg":            "Søren Ødegård",
		"odegard s":       "Søren Ødegård",
		"strasse":         "Straße Müller-Lüdenscheidt",
		"lüd":             "Straße Müller-Lüdenscheidt",
		"ゆ":               "田中 ゆき",
		"לוי":             "שרה לוי",
		"🎉":               "🎉",
		"262":             "Bob Kelly",
		"5355":            "Bob Kelly",
		"26253559":        "Bob Kelly",
		"767":             "Søren Ødegård",
		"0100":            "Bob Kelly",
		"+45":             "Kerry Miller, Søren Ødegård",
		"+1 (425) 555":    "Anna Bedecs, Bob Kelly",
		"4255550106":      "425.555.0106",
		"*":               "",
		"+":               "",
		"zoe":             "zoe@contoso.com",
		"963":             "zoe@contoso.com",
		"nobody at all":   "",
		"\u202ebob\u202c": "Bob Kelly",
		"   ":             "",
		"201":             "", // an extension is no part of the number
	} {
		t.Run(query, func(t *testing.T) {
			var b contactIndex
			b.update(now)
			var got []string
			for _, h := range b.find(query) {
				got = append(got, h.displayName())
			}
			if s := strings.Join(got, ", "); s != want {
				t.Errorf("found %q, want %q", s, want)
			}
		})
	}
}

func TestNamesAreFoundBeforeNumbers(t *testing.T) {
	var b contactIndex
	b.update(boxOf(contactOf("Aaron", "", "262 0000"), contactOf("Bob", "", "1"), contactOf("Zoe", "", "1 262")))
	var got []string
	for _, h := range b.find("262") {
		got = append(got, fmt.Sprint(h.name, h.number))
	}
	if want := []string{"Bob-1", "Aaron0", "Zoe0"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestIndexIsMadeAgainOnlyForAnotherList(t *testing.T) {
	now := boxOf(contactOf("Bob", ""))
	var b contactIndex
	b.update(now)
	polled := *now.Mailbox
	polled.Unread = 3 // a poll that kept the contacts
	b.update(device.Snapshot{Mailbox: &polled})
	if b.version != 1 {
		t.Errorf("edition %d after a poll without news, want 1", b.version)
	}
	changed := polled
	changed.Contacts = []ews.Contact{contactOf("Bob", ""), contactOf("Anna", "")}
	b.update(device.Snapshot{Mailbox: &changed})
	b.update(device.Snapshot{Mailbox: &changed, Contacts: &roaming.ContactList{}})
	b.update(device.Snapshot{Contacts: &roaming.ContactList{}})
	if b.version != 4 || len(b.all) != 0 {
		t.Errorf("edition %d with %d persons after three other lists, want 4 and none", b.version, len(b.all))
	}
}

func TestContactOfPoolAndOutlookIsOne(t *testing.T) {
	kerry := contactOf("Kerry Miller", "Contoso", "+45 44")
	kerry.IM = "SIP:Kerry@contoso.com"
	rob := contactOf("Robert Smith", "")
	rob.Email = "bobs@contoso.com"
	now := boxOf(kerry, rob)
	now.Contacts = &roaming.ContactList{
		Groups: []roaming.Group{{ID: 1, Name: "~"}, {ID: 7, Name: "Sales"}, {ID: 8, Name: ""}},
		Contacts: []roaming.Contact{
			{Address: "kerry@contoso.com", Groups: []uint32{1, 7}}, {Address: "bobs@contoso.com", Name: "Bob", Groups: []uint32{7, 8}},
			{Address: "other@contoso.com", Groups: []uint32{1}}, {Address: "lost@contoso.com", Groups: []uint32{99}}},
	}
	p := newContactsPage(nil)
	want(t, p.view(contextOf(t, now)), `contact.0 · Sales · 2
contact.1 · Bob · bobs@contoso.com
contact.2 · Kerry Miller · Contoso · +4544
contact.3 · Group without a name · 1
contact.4 · Bob · bobs@contoso.com
contact.5 · Other Contacts · 2
contact.6 · lost@contoso.com
contact.7 · other@contoso.com`)
	p.typed(nil, "smith") // his name in Outlook finds him too
	want(t, p.view(contextOf(t, now)), "contact.0 · Bob")
}

func want(t *testing.T, p view.Page, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(textOf(p), part) {
			t.Errorf("page %s does not say\n%s\nbut\n%s", p.ID, part, textOf(p))
		}
	}
}

func TestNumbersOfKnownPeopleShowTheirNames(t *testing.T) {
	var b contactIndex
	b.update(boxOf(contactOf("Bob", "", "+1 (425) 555-0100", "tel 12;ext=3")))
	for number, want := range map[string]string{
		"+14255550100": "Bob", "+1 425 555 0100": "Bob", "4255550100": "", "+14255550100;ext=2": "", "bob@contoso.com": "", "": "", "+": "",
	} {
		if got := b.nameOf(number); got != want {
			t.Errorf("%q is of %q, want %q", number, got, want)
		}
	}
}

func TestForeignTextStaysOnItsLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\tc": "a b c", "\u202egro.live\u202c": "\ufffdgro.live\ufffd", "x\x00\x1by": "x\ufffd\ufffdy",
		"  a  ": "a", "👩\u200d👧": "👩👧", "שרה": "שרה", "\u2066a\u2069\ufffd": "\ufffda\ufffd\ufffd",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// rows are the controls of a list; nil: none.
func rows(list *view.Rows) []view.Control {
	if list == nil {
		return nil
	}
	all := make([]view.Control, list.Len)
	for i := range all {
		all[i] = list.Row(i)
	}
	return all
}

func TestNumbersLoseInvisibleCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"\u202d+1 425\u202c": "+1 425", "\u200e555\ufeff": "555", "1\x002\x1b": "12", " 1\t2\n": "1 2", "tel: 12": "tel: 12", "1\xff": "1\ufffd",
	} {
		if got := numberText(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// pagesOf are the pages of people and messages.
func pagesOf(s *Screen) map[string]page {
	return map[string]page{"contacts": newContactsPage(s), "calls": newCallsPage(s), "voicemail": newVoicemailPage(s),
		"player": newPlayerPage(s, "gone"), "dial": newDialPage(s, ""), "calendar": newCalendarPage(s)}
}

func TestPagesWithoutAMailboxSayWhy(t *testing.T) {
	trouble := []journal.Step{{Name: journal.Exchange, Decided: "Exchange refused.", Fix: "Mend it."}, {Name: journal.Self, Decided: "No voice."}}
	skipped := []journal.Step{{Name: journal.Exchange, State: journal.Skipped, Decided: "Exchange is not asked: the user has no Unified Messaging."}}
	for name, c := range map[string]struct {
		now   device.Snapshot
		steps []journal.Step
		want  string
	}{
		"trouble":    {device.Snapshot{Warnings: trouble}, nil, "The mailbox could not be read. · Log: Exchange refused."},
		"skipped":    {device.Snapshot{}, skipped, "There is no mailbox. · Log: Exchange is not asked: the user has no Unified Messaging."},
		"reading":    {device.Snapshot{State: device.SignedIn}, nil, "Reading the mailbox"},
		"signed out": {device.Snapshot{State: device.Waiting}, nil, "Nobody is signed in."},
		"old":        {device.Snapshot{Warnings: trouble, Mailbox: &device.Mailbox{Polled: noon.Add(-time.Hour)}}, nil, "from Today 11:00. · Log: Exchange refused."},
	} {
		t.Run(name, func(t *testing.T) {
			d := contextOf(t, c.now)
			d.steps, d.recentCount = c.steps, len(c.steps)
			s := idleScreen(d)
			for id, p := range pagesOf(s) {
				if id == "contacts" {
					p.tap(s, outlookID)
				}
				if got := textOf(p.view(d)); id != "dial" && !strings.Contains(got, c.want) {
					t.Errorf("%s does not say why:\n%s", id, got)
				}
			}
		})
	}
}

func TestHostileTextsPassAllPages(t *testing.T) {
	for name, odd := range map[string]string{
		"long": strings.Repeat("Wolfeschlegelsteinhausen ", 8), "right to left": "\u202eשרה לוי\u202c", "emoji": "👩‍👩‍👧‍👦🎉", "blank": " \t\n", "control": "a\x00b\x1b[31m", "nothing": "", "no UTF-8": "\xff\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			now := boxOf(contactOf(odd, odd, odd, odd), contactOf(odd, odd))
			now.Contacts = &roaming.ContactList{Groups: []roaming.Group{{ID: 2, Name: odd}}, Contacts: []roaming.Contact{{Address: "a@b.c", Name: odd, Groups: []uint32{2}}}}
			now.Mailbox.Calls = []ews.Call{{Kind: "missed", Name: odd, Number: odd, At: noon}, {Kind: "outgoing", Number: odd}, {}}
			now.Mailbox.VoiceMails = []ews.VoiceMail{{ID: ews.ItemID{ID: "gone"}, Name: odd, Number: odd}}
			now.Mailbox.Calendar = []ews.Event{{Subject: odd, Location: odd, Start: noon, End: noon}}
			d := contextOf(t, now)
			s := idleScreen(d)
			pages := pagesOf(s)
			for _, typed := range []string{"", odd} {
				for id, p := range pages {
					p.typed(s, typed)
					v := p.view(d)
					seen := map[string]bool{}
					for _, c := range append(append(v.Controls, rows(v.List)...), v.Nav...) {
						if seen[c.ID] || c.ID == "" {
							t.Errorf("%s: ID %q twice or empty", id, c.ID)
						}
						seen[c.ID] = true
						if c.Role == view.Row && c.Text == "" || strings.ContainsAny(c.Text+c.Second+c.Value, "\x00\x1b\n\u202e") && c.Role != view.Field {
							t.Errorf("%s shows %+v", id, c)
						}
						p.tap(s, c.ID)
						p.hold(s, c.ID)
					}
					if strings.Contains(textOf(v), "[") && name != "control" {
						t.Errorf("%s lacks a text:\n%s", id, textOf(v))
					}
				}
			}
		})
	}
}

// snapshotOf is a mailbox with n contacts.
func snapshotOf(n int) device.Snapshot {
	contacts := make([]ews.Contact, n)
	given, sur := []string{"Anna", "Bob", "Søren", "Kerry", "Yuki", "Terry", "Zoë"}, []string{"Kelly", "Miller", "Ødegård", "Tanaka", "Adams", "Smith"}
	for i := range contacts {
		contacts[i] = contactOf(fmt.Sprintf("%s %s %d", given[i%len(given)], sur[i%len(sur)], i), "Contoso", fmt.Sprintf("+1 (425) 55%d-%04d", i/10000, i%10000), fmt.Sprintf("+45 20 %06d", i))
		contacts[i].Email = fmt.Sprintf("p%d@contoso.com", i)
	}
	return boxOf(contacts...)
}

func TestSearchAmong5000ContactsFindsAllOfThem(t *testing.T) {
	d := contextOf(t, snapshotOf(5000))
	s := idleScreen(d)
	p := newContactsPage(s)
	for typed, most := range map[string]int{"contoso": 5000, "kelly 12": 30, "+1425550499": 10} {
		p.key(s, view.KeyEnd)
		p.typed(s, typed)
		v := p.view(d)
		if v.List.Len == 0 || v.List.Len > most {
			t.Errorf("%q: %d rows, want 1 to %d", typed, v.List.Len, most)
		}
		if c := v.List.Row(v.List.Len - 1); !takes(&v, c.ID) || takes(&v, personID+number(v.List.Len)) {
			t.Errorf("%q: the last row %q is not there, or one after it is", typed, c.ID)
		}
		if typed == "contoso" && v.List.Len != 5000 {
			t.Errorf("%d of 5000 found", v.List.Len)
		}
	}
}

func BenchmarkKeystrokeAmong5000Contacts(b *testing.B) {
	d := contextOf(b, snapshotOf(5000))
	s := idleScreen(d)
	for name, typed := range map[string]string{"letter": "k", "key": "5", "name": "kelly", "number": "555"} {
		for id, p := range map[string]page{"contacts": newContactsPage(s), "dial": newDialPage(s, "")} {
			b.Run(id+" "+name, func(b *testing.B) {
				p.view(d)
				for b.Loop() {
					for _, more := range []string{typed, "1"} { // two keystrokes, none known from the one before
						p.typed(s, more)
						p.view(d)
					}
					for range len(typed) + 1 {
						p.key(s, view.KeyDelete)
					}
				}
			})
		}
	}
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			new(contactIndex).update(d.now)
		}
	})
}
