package screen

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// translation is the result of the dial plan for one dialled text.
type translation struct {
	result   string // number, address, or digits with their phone-context
	uri      string // the Request-URI of a call
	sentence string // which rule applied
	attempts []ruleAttempt
}

// ruleAttempt is the result of one rule.
type ruleAttempt struct {
	label, rule, why string
	applied          bool
}

// translations applies the dial plan in the background, since its rules come from
// the network and may take long, and keeps the results. The zero value is empty.
type translations struct {
	plan   *device.Plan
	domain string
	known  map[string]translation
	busy   bool
}

// maxTranslations is the number of results that are kept.
const maxTranslations = 256

// lookUp translates the texts that are not known yet in the background; the
// Screen makes another View at the end. It is called under the Screen's lock.
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

// translate applies a plan; nil: the phone has none.
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

// sentence begins s with a capital and ends it with a full stop.
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

// rulesPage shows the result of every rule.
func rulesPage(r translation) page {
	return &builtPage{id: "dial-rules", title: "dial.rules", build: func(d pageContext, p *pageBuilder) {
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
