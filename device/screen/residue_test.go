package screen

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/ocphone/ocphone/device/screen/view"
)

// englishWords are words of the English catalogue that no other language and no data of
// the pages here have.
func englishWords(t *testing.T, own *texts) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	en, err := newTexts("en")
	if err != nil {
		t.Fatal(err)
	}
	for id := range catalogueIDs(t) {
		for _, w := range wordsOf(en.message(id)) {
			words[w] = true
		}
	}
	for id := range catalogueIDs(t) {
		for _, w := range wordsOf(own.message(id)) {
			if own.lang != Pseudo {
				delete(words, w)
			}
		}
	}
	return words
}

// catalogueIDs are the IDs of all messages.
func catalogueIDs(t *testing.T) map[string]bool {
	t.Helper()
	file, err := messages.ReadFile("messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  "([^"]+)": `).FindAllSubmatch(file, -1) {
		ids[string(m[1])] = true
	}
	if len(ids) < 200 {
		t.Fatalf("%d messages", len(ids))
	}
	return ids
}

// wordsOf are the words of two and more letters; what has digits or signs within,
// such as an address, is none.
func wordsOf(s string) (out []string) {
	for _, w := range strings.Fields(regexp.MustCompile(`\{\{.*?\}\}`).ReplaceAllString(s, " ")) {
		w = strings.Trim(w, ".,:;!?…()«»")
		if len(w) > 1 && strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }) < 0 {
			out = append(out, strings.ToLower(w))
		}
	}
	return out
}

// said are the texts of a page that are not of the log.
func said(p *view.Page, logWord string) (out []string) {
	out = append(out, p.Title)
	for _, c := range slices.Concat(p.Controls, rows(p.List), p.Nav) {
		switch {
		case c.Log && c.Role == view.Row:
			out = append(out, c.Text, c.Value)
		case c.Log && c.Role == view.Label:
			out = append(out, c.Text)
		case !c.Log:
			out = append(out, c.Text, c.Second, c.Value)
		}
	}
	if p.List != nil {
		out = append(out, p.List.Empty)
	}
	for i, s := range out {
		out[i], _, _ = strings.Cut(s, logWord)
	}
	return out
}

// foreign removes the data of the phone of these tests: names of people and of
// certificates, texts of users.
func foreign(t *testing.T) *strings.Replacer {
	data := []string{"Staff meeting", "Holiday", "Room 1", "In Hellerup this week", "Internal", "Sales", "Active Directory",
		"CN=Contoso Root CA"}
	for _, r := range knownSnapshot(t).Roots {
		data = append(data, r.Subject(), commonName(r.Subject()))
	}
	var pairs []string
	for _, s := range data {
		pairs = append(pairs, s, " ")
	}
	return strings.NewReplacer(pairs...)
}

func TestNoPageHasEnglishOutsideTheLogOrIDsOfRules(t *testing.T) {
	ids := regexp.MustCompile(`\bR\d+\.\d`)
	data := foreign(t)
	for _, lang := range Languages() {
		own, err := newTexts(lang)
		if err != nil {
			t.Fatal(err)
		}
		english := englishWords(t, own)
		logWord, _, _ := strings.Cut(own.say("log.line", "Text", "\x00"), "\x00")
		if lang == Pseudo {
			logWord = strings.TrimRight(logWord, "·»")
		}
		for name, v := range goldenViewsIn(t, lang) {
			pages := []*view.Page{&v.Page}
			if v.Dialog != nil {
				pages = append(pages, v.Dialog)
			}
			for _, p := range pages {
				for _, c := range slices.Concat(p.Controls, rows(p.List), p.Nav) {
					if all := c.Text + " " + c.Second + " " + c.Value; ids.MatchString(all) {
						t.Errorf("%s, %s: %s has the id of a rule: %q", lang, name, c.ID, all)
					}
				}
				if lang == "en" {
					continue
				}
				for _, s := range said(p, logWord) {
					if lang == Pseudo { // messages stand between these marks, data may stand in messages
						s = regexp.MustCompile(`«[^»]*»`).ReplaceAllString(s, " ")
					}
					for _, w := range wordsOf(data.Replace(s)) {
						if english[w] {
							t.Errorf("%s, %s: %q of %q is English", lang, name, w, s)
						}
					}
				}
			}
		}
	}
}

func TestTextOfTheLogHasNoIDsOfRules(t *testing.T) {
	for text, want := range map[string]string{
		"R1.2": "",
		"R1.1: every root that is found is installed": "every root that is found is installed",
		"R9.2; MS-OXDSCLI: EwsUrl":                    "MS-OXDSCLI: EwsUrl",
		"AD is not asked (R1.2, R1.3).":               "AD is not asked.",
	} {
		if got := plainLog(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
