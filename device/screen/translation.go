package screen

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// translation is what the dial plan makes of one text.
type translation struct {
	result   string // number, address, or digits with their phone-context
	uri      string // the Request-URI of a call
	sentence string // which rule did it, for a person
	attempts []ruleAttempt
}

// ruleAttempt is what one rule did.
type ruleAttempt struct {
	label, rule, why string
	applied          bool
}

// translations asks the dial plan beside the Screen: its rules come from the network,
// and a bad one may take long. The zero ruling knows nothing.
type translations struct {
	plan   *device.Plan
	domain string
	known  map[string]translation
	busy   bool
}

// maxTranslations bounds what is known at a time.
const maxTranslations = 256

// lookUp begins to find out what is not known of texts; the Screen shows another
// View when it is. It is called under the Screen's lock.
func (r *translations) lookUp(s *Screen, now device.Snapshot, texts ...string) {
	_, domain, _ := strings.Cut(now.Address, "@")
	if r.known == nil || r.plan != now.Plan || r.domain != domain || len(r.known) > maxTranslations {
		r.plan, r.domain, r.known = now.Plan, domain, map[string]translation{}
	}
	var open []string
	for _, text := range texts {
		if _, ok := r.known[text]; !ok && text != "" {
			open = append(open, text)
		}
	}
	if r.busy || len(open) == 0 {
		return
	}
	r.busy = true
	plan, answers := r.plan, make([]translation, len(open))
	s.background(func(ctx context.Context) {
		for i, text := range open {
			if ctx.Err() != nil {
				return
			}
			answers[i] = translate(plan, domain, text)
		}
	}, func() {
		if r.busy = false; r.plan != plan || r.domain != domain {
			return
		}
		for i, text := range open {
			r.known[text] = answers[i]
		}
	})
}

// translate applies a plan; nil is that of a phone without one.
func translate(plan *device.Plan, domain, text string) translation {
	if plan == nil {
		plan = &device.Plan{}
	}
	x := plan.Explain(text)
	r := translation{result: x.String(), uri: x.URI(domain), sentence: sentence(x.Sentence)}
	for _, a := range x.Attempts {
		r.attempts = append(r.attempts, ruleAttempt{
			label:   strings.TrimSuffix(sentence(oneLine(a.Label)), "."),
			rule:    oneLine(a.Pattern + " -> " + a.Translation),
			why:     sentence(oneLine(a.Why)),
			applied: a.Outcome == "applied",
		})
	}
	return r
}

// sentence gives s a capital and a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// rulesPage shows what every rule did with text.
func rulesPage(r translation) page {
	return &builtPage{id: "dial-rules", build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("dial.rules")
		rows := make([]view.Control, len(r.attempts))
		for i, a := range r.attempts {
			rows[i] = view.Control{ID: "rule." + number(i), Role: view.Row, Text: a.rule, Second: a.why, Value: a.label}
			if a.applied {
				rows[i].Icon, rows[i].Tone = view.IconOK, view.ToneGood
			}
		}
		p.add(view.Control{ID: "sentence", Role: view.Text, Text: r.sentence, Second: r.uri})
		p.list("rule.", rows, d.say("dial.noRules"))
	}}
}
