package screen_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

// catalogue is a file of messages: by ID and plural form. What has no forms is
// all in "other".
type catalogue map[string]map[string]string

// read reads the file of a language, and refuses what a person may have got
// wrong in it: an ID that is there twice, a value that is neither a text nor
// forms of one.
func read(t testing.TB, lang string) catalogue {
	t.Helper()
	b, err := os.ReadFile("messages/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	if n := len(regexp.MustCompile(`(?m)^  "`).FindAll(b, -1)); n != len(raw) {
		t.Errorf("%s: %d lines hold %d messages: one is there twice", lang, n, len(raw))
	}
	all := catalogue{}
	for id, value := range raw {
		var forms map[string]string
		if json.Unmarshal(value, &forms) != nil {
			var whole string
			if err := json.Unmarshal(value, &whole); err != nil {
				t.Errorf("%s: %s: %v", lang, id, err)
			}
			forms = map[string]string{"other": whole}
		}
		all[id] = forms
	}
	return all
}

// translations are the languages beside English, with the plural forms that
// CLDR gives them.
func translations() map[string][]string {
	return map[string][]string{
		"nl": {"one", "other"}, "de": {"one", "other"},
		"fr": {"many", "one", "other"}, "it": {"many", "one", "other"}, "es": {"many", "one", "other"},
		"ja": {"other"}, "ko": {"other"},
	}
}

var placeholder = regexp.MustCompile(`\.[A-Z]\w*`)

// names are the placeholders in texts, each once.
func names(texts ...string) []string {
	var all []string
	for _, s := range texts {
		for _, action := range regexp.MustCompile(`\{\{.*?\}\}`).FindAllString(s, -1) {
			all = append(all, placeholder.FindAllString(action, -1)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestEveryLanguageHasEveryMessage(t *testing.T) {
	english := read(t, "en")
	if n := len(translations()) + 2; n != len(screen.Languages()) { // beside English and the pseudo-locale
		t.Errorf("there are %d languages, want %d", len(screen.Languages()), n)
	}
	for lang, plural := range translations() {
		own := read(t, lang)
		for id, forms := range english {
			got, there := own[id]
			if !there {
				t.Errorf("%s: %s is missing", lang, id)
				continue
			}
			want := plural
			if len(forms) == 1 {
				want = []string{"other"}
			}
			if have := slices.Sorted(maps.Keys(got)); !slices.Equal(have, want) {
				t.Errorf("%s: %s has the forms %q, want %q", lang, id, have, want)
			}
			all, most := names(slices.Collect(maps.Values(forms))...), names(forms["other"])
			if have := names(got["other"]); !slices.Equal(have, most) {
				t.Errorf("%s: %s holds %q, want %q", lang, id, have, most)
			}
			for form, s := range got {
				switch {
				case s == "" || strings.TrimSpace(s) != s:
					t.Errorf("%s: %s, %s: %q begins or ends with a space, or is empty", lang, id, form, s)
				case slices.ContainsFunc(names(s), func(n string) bool { return !slices.Contains(all, n) }):
					t.Errorf("%s: %s, %s: %q holds what English does not: %q", lang, id, form, s, all)
				case form == "many" && len(most) > 0 && len(names(s)) == 0:
					t.Errorf("%s: %s, %s: %q says no number", lang, id, form, s)
				case strings.Contains(s, "...") || strings.ContainsAny(s, "\t\n"):
					t.Errorf("%s: %s, %s: %q: an ellipsis is one character, and lines are broken by the panel", lang, id, form, s)
				}
				if _, err := template.New("").Parse(s); err != nil {
					t.Errorf("%s: %s, %s: %v", lang, id, form, err)
				}
				if ends := strings.HasSuffix(english[id]["other"], "…"); ends != strings.HasSuffix(s, "…") {
					t.Errorf("%s: %s, %s: %q: what goes on ends in an ellipsis, and nothing else", lang, id, form, s)
				}
			}
		}
		for id := range own {
			if english[id] == nil {
				t.Errorf("%s: %s is no message of English", lang, id)
			}
		}
	}
}

// sameAsEnglish tells why a message may be what it is in English.
func sameAsEnglish(lang, id string) bool {
	reasons := []struct{ why, langs, ids string }{
		{"a layout, or a form of numbers", "", "format.clock format.precise format.day calendar.hours player.which"},
		{"a name", "", "contacts.groups contacts.outlook stepname.exchange system.exchange roots.from.ad audio.wma"},
		{"a term that people keep", "", "ok pin.title pin.field root.fingerprint system.gruu audio.alaw audio.mulaw audio.gsm audio.wav audio.mp3"},
		{"an abbreviation", "es", "number.extension"},
		{"a unit", "", "player.size"},
		{"the same word", "de nl it es", "system.firmware"},
		{"the same word", "de nl it", "root.server system.server"},
		{"the same word", "de nl", "name.key.headset failure.details presence.offline"},
		{"the same word", "de nl fr", "step.code"},
		{"the same word", "de", "month.4 month.8 month.9 month.11 player.pause"},
		{"the same word", "nl", "root.set card.email presence.email"},
		{"the same word", "fr", "home.contacts contacts.title stepname.contacts card.title stepname.session presence.note root.signature phone.mobile player.pause time.date span.minutes"},
		{"the same word", "it", "roots.from.file root.set signin.password"},
	}
	for _, r := range reasons {
		if (r.langs == "" || slices.Contains(strings.Fields(r.langs), lang)) && slices.Contains(strings.Fields(r.ids), id) {
			return true
		}
	}
	return false
}

func TestNothingIsLeftInEnglish(t *testing.T) {
	english := read(t, "en")
	for lang := range translations() {
		for id, forms := range read(t, lang) {
			for form, s := range forms {
				if s == english[id][form] && !sameAsEnglish(lang, id) {
					t.Errorf("%s: %s is %q, as in English", lang, id, s)
				}
				east := strings.ContainsFunc(s, func(r rune) bool { return r >= 0x3040 && r < 0xa000 || r >= 0xac00 && r < 0xd7b0 })
				if (lang == "ja" || lang == "ko") && !east && !sameAsEnglish(lang, id) {
					t.Errorf("%s: %s is %q", lang, id, s)
				}
			}
		}
	}
}

// TestNumbersAreSaidInEveryForm has each plural message say numbers of all
// forms.
func TestNumbersAreSaidInEveryForm(t *testing.T) {
	for _, lang := range screen.Languages() {
		if lang == screen.Pseudo {
			continue
		}
		bundle := i18n.NewBundle(language.English)
		bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
		if _, err := bundle.LoadMessageFile("messages/" + lang + ".json"); err != nil {
			t.Fatal(err)
		}
		loc := i18n.NewLocalizer(bundle, lang)
		for id, forms := range read(t, "en") {
			if len(forms) < 2 {
				continue
			}
			for _, n := range []int{0, 1, 2, 5, 11, 21, 1_000_000} {
				s, err := loc.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: map[string]any{"Count": n}})
				if err != nil || n > 1 && !strings.Contains(s, fmt.Sprint(n)) {
					t.Errorf("%s: %s says %q of %d: %v", lang, id, s, n, err)
				}
			}
		}
	}
}

func TestDatesAreWrittenAsTheLanguageDoes(t *testing.T) {
	at := time.Date(2007, 10, 1, 14, 5, 9, 0, time.UTC)
	r := newRig(t, setup{time: clock.NewManual(at)}).on()
	r.page("signin")
	for lang, want := range map[string]string{
		"en": "Monday, October 1", "nl": "maandag 1 oktober", "fr": "lundi 1er octobre", "de": "Montag, 1. Oktober",
		"it": "lunedì 1 ottobre", "ja": "10月1日 月曜日", "ko": "10월 1일 월요일", "es": "lunes 1 de octubre",
	} {
		if got := in(r, lang).View().Status; got.Date != want || got.Clock != "14:05" {
			t.Errorf("%s: %q %q, want %q 14:05", lang, got.Date, got.Clock, want)
		}
	}
	for lang := range translations() {
		form := read(t, lang)
		for id, want := range map[string][]string{"format.day": {"2006", "01", "02"}, "format.clock": {"15", "04"}, "format.precise": {"15", "04", "05"}} {
			got := regexp.MustCompile(`\d+`).FindAllString(form[id]["other"], -1)
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s: %s holds %q, want %q", lang, id, got, want)
			}
		}
	}
}

// in is another screen before the same phone, in a language.
func in(r *rig, lang string) *rig {
	r.t.Helper()
	s, err := screen.New(r.phone, screen.Options{Lang: lang, Clock: r.time, Location: time.UTC})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(s.Close)
	other := *r
	other.Screen, other.changes = s, make(chan struct{}, 1)
	s.Watch(func() {
		select {
		case other.changes <- struct{}{}:
		default:
		}
	})
	return &other
}

// TestEveryPageSpeaksEveryLanguage opens all pages of a signed-in phone, and
// finds what is missing in a catalogue or written past it.
func TestEveryPageSpeaksEveryLanguage(t *testing.T) {
	r := newRig(t, setup{}).home()
	english := map[string]bool{}
	for _, forms := range read(t, "en") {
		for _, s := range forms {
			english[s] = true
		}
	}
	for _, lang := range screen.Languages() {
		own := map[string]bool{}
		for _, forms := range read(t, strings.TrimSuffix(lang, "-XA")) {
			for _, s := range forms {
				own[s] = true
			}
		}
		s := in(r, lang)
		if err := s.Open("journal"); err != nil {
			t.Fatal(err)
		}
		s.until("the journal", func(v view.View) bool { return v.Page.List.Len > 0 })
		for _, id := range screen.Pages() {
			if slices.Contains([]string{"start", "signin", "signing-in", "failure", "lock"}, id) {
				continue // pages of another state, and the end
			}
			if err := s.Open(id); err != nil {
				t.Errorf("%s: %v", lang, err)
				continue
			}
			spoken(t, s.View(), lang, english, own)
			for _, c := range controls(s.View().Page) {
				if s.Open(id) == nil && (c.Role == view.Row || c.Role == view.Tile) {
					s.Tap(c.ID)
					spoken(t, s.View(), lang, english, own)
					if d := s.View().Dialog; d != nil {
						s.Tap(d.Controls[slices.IndexFunc(d.Controls, func(c view.Control) bool { return c.Role == view.Button })].ID)
					}
				}
			}
		}
		if err := s.Open("lock"); err != nil {
			t.Error(err)
		}
		spoken(t, s.View(), lang, english, own)
	}
}

// spoken is what holds for a View in a language: no message is missing, and
// none is English.
func spoken(t testing.TB, v view.View, lang string, english, own map[string]bool) {
	t.Helper()
	if v.Lang != lang {
		t.Errorf("page %s says that it is in %q, want %q", v.Page.ID, v.Lang, lang)
	}
	pages := []view.Page{v.Page}
	if v.Dialog != nil {
		pages = append(pages, *v.Dialog)
	}
	for _, p := range pages {
		check(t, p)
		said := []string{p.Title}
		for _, c := range controls(p) {
			said = append(said, c.Text, c.Second, c.Value)
		}
		if p.List != nil {
			said = append(said, p.List.Empty)
		}
		for _, s := range said {
			if lang != screen.Pseudo && english[s] && !own[s] {
				t.Errorf("%s: page %s says %q, which is English", lang, p.ID, s)
			}
			if lang == screen.Pseudo && english[s] && strings.Contains(s, " ") {
				t.Errorf("page %s says %q past the catalogue", p.ID, s)
			}
		}
	}
}
