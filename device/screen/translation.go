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
	number   string // the number to call, if it is known
	kind     string // of the result, as package dialplan names it
	rule     int    // the rule that matched, from 1; 0: none
	attempts []ruleAttempt
}

// ruleAttempt is the result of one rule.
type ruleAttempt struct {
	number       int    // of the rule, from 1
	name         string // "": it has none
	pattern      string
	made         string // the translation, with $1 for a group
	outcome, why string // as package dialplan has them; why is English
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
	r := translation{result: x.String(), uri: x.URI(domain), number: x.Number, kind: string(x.Kind), rule: x.Rule}
	rules := plan.Plan().Rules
	for i, a := range x.Attempts {
		r.attempts = append(r.attempts, ruleAttempt{
			number: a.Rule, name: oneLine(rules[i].Name), pattern: oneLine(a.Pattern), made: oneLine(a.Translation),
			outcome: string(a.Outcome), why: sentence(oneLine(a.Why)),
		})
	}
	return r
}

// translated says in a few words which rule made the result.
func (t *texts) translated(r translation) string {
	switch {
	case r.rule > 0 && r.kind == "e164":
		return t.say("dial.byRule", "Number", r.rule)
	case r.rule > 0:
		return t.say("dial.incomplete", "Number", r.rule)
	}
	return t.say("dial.kind." + r.kind) // as-dialled, uri, phone-context, nothing
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
		rows := make([]view.Control, 0, len(r.attempts))
		for i, a := range r.attempts {
			name := d.say("dialplan.rule", "Number", a.number)
			if a.name != "" {
				name += ": " + a.name
			}
			c := row("rule."+number(i), view.NoIcon, name, a.pattern, d.say("dial.outcome."+a.outcome))
			if a.outcome == "applied" {
				c.Icon, c.Tone = view.IconOK, view.ToneGood
			}
			p.row(&rows, c, func(s *Screen) { s.open(rulePage(name, a)) })
		}
		p.add(view.Control{ID: "sentence", Role: view.Text, Text: d.translated(r), Second: r.uri})
		p.list("rule.", rows, d.say("dial.noRules"))
	}}
}

// rulePage shows one rule and what it did.
func rulePage(name string, a ruleAttempt) page {
	return &builtPage{id: "rule", title: "dial.rules", build: func(d pageContext, p *pageBuilder) {
		p.add(heading("name", name, view.NoIcon, view.ToneNone))
		p.labels(d.texts, "rule.", "pattern", a.pattern, "translation", a.made,
			"outcome", d.say("dial.outcome."+a.outcome))
		p.log(d, a.why)
	}}
}
