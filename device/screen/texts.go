package screen

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// messages holds the catalogue: one file a language, messages of go-i18n.
//
//go:embed messages/*.json
var messages embed.FS

// Languages are those of R10.1, English first, and the pseudo-locale en-XA: its
// texts are English with accents and a quarter longer, so that texts outside the
// catalogue and layouts that are too narrow can be seen.
func Languages() []string {
	return []string{"en", "nl", "fr", "de", "it", "ja", "ko", "es", Pseudo}
}

// Pseudo is the pseudo-locale, a language for tests of layouts.
const Pseudo = "en-XA"

// texts is the message catalogue in one language.
type texts struct {
	lang  string
	loc   *i18n.Localizer
	names map[string]string // of View
}

// newTexts reads the catalogue. "" is English; a region is left out when only
// the language is there (de-AT is de).
func newTexts(lang string) (*texts, error) {
	if lang == "" {
		lang = "en"
	}
	name := lang
	if _, err := messages.ReadFile("messages/" + name + ".json"); err != nil && lang != Pseudo {
		name, _, _ = strings.Cut(strings.ReplaceAll(lang, "_", "-"), "-")
	}
	if lang == Pseudo {
		name = "en"
	}
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, file := range []string{"en", name} {
		if _, err := bundle.LoadMessageFileFS(messages, "messages/"+file+".json"); err != nil {
			return nil, fmt.Errorf("screen: there is no language %q; there are %s", lang, strings.Join(Languages(), ", "))
		}
	}
	t := &texts{lang: name, loc: i18n.NewLocalizer(bundle, name)}
	if lang == Pseudo {
		t.lang = Pseudo
	}
	t.names = map[string]string{"back": t.say("back"), "hook": t.say("sound.receiver")}
	for _, id := range namedParts() {
		t.names[id] = t.say("name." + id)
	}
	return t, nil
}

// namedParts are the parts with a name that are not controls: icons of the status
// line, keys of keyboards and of the body.
func namedParts() []string {
	return strings.Fields(`
		status.missed status.voice status.exchange status.cable status.locked status.clock status.who
		keyboard.letters keyboard.capitals keyboard.symbols keyboard.delete keyboard.space keyboard.next keyboard.enter
		key.call key.end key.delete key.home key.volume-up key.volume-down key.mute key.speaker key.headset
		hole turn`)
}

// say gives the message with that ID; args are pairs of a placeholder's name and
// its value. "Count" chooses the plural form. A missing message is shown as its
// ID in brackets, which a test detects.
func (t *texts) say(id string, args ...any) string {
	c := i18n.LocalizeConfig{MessageID: id}
	if len(args) > 0 {
		data := make(map[string]any, len(args)/2)
		for i := 0; i+1 < len(args); i += 2 {
			data[args[i].(string)] = args[i+1]
		}
		c.TemplateData = data
		if n, ok := data["Count"]; ok {
			c.PluralCount = n
		}
	}
	s, err := t.loc.Localize(&c)
	if err != nil || s == "" {
		return "[" + id + "]"
	}
	if t.lang == Pseudo {
		return pseudo(s)
	}
	return s
}

// sayOr is say without arguments, or other if there is no such message.
func (t *texts) sayOr(id, other string) string {
	if t.message(id) == "" {
		return other
	}
	return t.say(id)
}

// pseudo makes s a quarter longer, with accents and quotation marks.
func pseudo(s string) string {
	return "«" + accents.Replace(s) + strings.Repeat("·", len([]rune(s))/4) + "»"
}

// accents is read only.
var accents = strings.NewReplacer("a", "à", "e", "é", "i", "î", "o", "ö", "u", "ü", "n", "ñ", "c", "ç",
	"A", "Å", "E", "É", "O", "Ö", "U", "Ü")

// clock is a time of day. Layouts of numbers are those of package time and come
// from the catalogue, as the names of days and months do.
func (t *texts) clock(at time.Time) string { return at.Format(t.layout("format.clock")) }

// date is a day with its name: "Monday, October 15".
func (t *texts) date(at time.Time) string { return t.dated("format.date", at) }

// fullDate is a date with its year.
func (t *texts) fullDate(at time.Time) string { return t.dated("format.fulldate", at) }

func (t *texts) dated(form string, at time.Time) string {
	weekday, month := t.message("weekday."+number(int(at.Weekday()))), t.message("month."+number(int(at.Month())))
	return t.say(form, "Weekday", weekday, "Month", month, "Day", at.Day(), "Year", at.Year())
}

// precise is a time of day with seconds.
func (t *texts) precise(at time.Time) string { return at.Format(t.layout("format.precise")) }

// day is a date in numbers.
func (t *texts) day(at time.Time) string { return at.Format(t.layout("format.day")) }

// stamp is day and time.
func (t *texts) stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return t.day(at) + " " + t.clock(at)
}

// span writes a duration in its largest unit: "5 minutes".
func (t *texts) span(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Minute:
		return t.say("span.seconds", "Count", int(d.Round(time.Second)/time.Second))
	case d < time.Hour:
		return t.say("span.minutes", "Count", int(d.Round(time.Minute)/time.Minute))
	case d < 48*time.Hour:
		return t.say("span.hours", "Count", int(d.Round(time.Hour)/time.Hour))
	}
	return t.say("span.days", "Count", int(d/(24*time.Hour)))
}

// layout is a layout of package time; the pseudo-locale does not change it.
func (t *texts) layout(id string) string {
	return cmp.Or(t.message(id), time.TimeOnly)
}

// message is a message for use within another; the pseudo-locale does not change it.
func (t *texts) message(id string) string {
	s, err := t.loc.Localize(&i18n.LocalizeConfig{MessageID: id})
	if err != nil {
		return ""
	}
	return s
}

func number(i int) string { return strconv.Itoa(i) }
