package screen

import (
	"cmp"
	"context"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// networkPage shows what the phone is plugged into.
func networkPage() page {
	return &builtPage{id: "network", public: true, title: "settings.network", build: func(d pageContext, p *pageBuilder) {
		if d.now.Place == "" {
			p.add(heading("unplugged", d.say("start.cable"), view.IconWarning, view.ToneWarn))
		}
		p.label("place", d.say("network.place"), d.placeName())
		p.label("mac", d.say("system.mac"), d.now.MAC)
		p.label("server", d.say("system.server"), d.now.Server)
		if net := d.now.Network; d.now.Place != "" {
			p.labels(d.texts, "network.",
				"dns", cmp.Or(strings.Join(net.DNS, ", "), d.say("network.dns.host")), "suffix", net.Suffix, "wins", net.WINS)
		}
		p.softKey("journal", d.say("settings.journal"), view.IconLog, func(s *Screen) { s.open(journalPage()) })
	}}
}

// placeName names the network that the phone is plugged into.
func (d pageContext) placeName() string {
	id := map[string]string{"inside": "inside", "outside": "outside", "the host's network": "host"}[d.now.Place]
	return d.sayOr("network."+id, d.now.Place)
}

// journalPage lists what happened, the newest first; each opens.
func journalPage() page {
	return &builtPage{id: "journal", public: true, title: "settings.journal", build: func(d pageContext, p *pageBuilder) {
		p.list("steps", p.stepRows(d, d.steps, func(journal.Step) bool { return true }), d.say("journal.none"))
	}}
}

// logLevel is the level that the pool has set.
func (d pageContext) logLevel() string {
	return d.say("logging." + cmp.Or(string(d.now.Settings.Logging.Level), "Off"))
}

// loggingPage shows the log level that the pool provisions.
func loggingPage() page {
	return &builtPage{id: "logging", title: "settings.logging", build: func(d pageContext, p *pageBuilder) {
		if set := d.now.Settings; set != nil {
			p.label("level", d.say("settings.logging"), d.logLevel())
		}
		p.add(view.Control{ID: "why", Role: view.Text, Text: d.say("logging.why"), Tone: view.ToneDim})
		p.softKey("journal", d.say("settings.journal"), view.IconLog, func(s *Screen) { s.open(journalPage()) })
	}}
}

// reload reads the settings from the pool again; journal and page show the result.
func (s *Screen) reload() {
	var err error
	s.background(func(context.Context) { err = s.phone.Reload() }, func() {
		if err != nil {
			s.showMessage("reload-failed", s.texts.say("reload"), s.texts.sentenceOf(err))
		}
	})
}

func (d pageContext) planName() string {
	return cmp.Or(d.now.Plan.Plan().Name, d.say("dialplan.default"))
}

// dialPlanPage shows the rules by which numbers are dialled.
func dialPlanPage() page {
	return &builtPage{id: "dialplan", title: "settings.dialplan", build: func(d pageContext, p *pageBuilder) {
		if d.signedIn() {
			p.softKey("reload", d.say("reload"), view.IconRestart, (*Screen).reload)
		}
		plan := d.now.Plan
		if plan == nil {
			p.add(view.Control{ID: "none", Role: view.Text, Text: d.say("dialplan.none"), Icon: view.IconInfo})
			return
		}
		about := plan.Plan()
		p.add(view.Control{ID: "name", Role: view.Heading, Text: d.planName()})
		age := d.span(d.clockTime.Sub(plan.Loaded))
		if plan.Kept || !d.signedIn() {
			p.add(textLine("age", d.say("dialplan.kept", "Age", age), view.IconWarning, view.ToneWarn))
		} else {
			p.add(textLine("age", d.say("dialplan.fresh", "Age", age), view.IconOK, view.ToneNone))
		}
		if about.ExternalAccessPrefix != "" {
			p.label("prefix", d.say("dialplan.prefix"), about.ExternalAccessPrefix)
		}
		var rows []view.Control // a profile may have a thousand rules, so they are a list
		for i, skip := range plan.Skipped() {
			name := d.say("dialplan.skipped", "Number", skip.Rule)
			skipped := row("rule.skipped."+number(i), view.IconWarning, name, d.logLine(shorten(skip.Sentence)), "")
			skipped.Tone = view.ToneWarn
			p.row(&rows, skipped, func(s *Screen) {
				s.open(logPage("rule", "settings.dialplan", name, sentence(skip.Sentence), sentence(skip.Fix)))
			})
		}
		for i, r := range about.Rules {
			text := cmp.Or(oneLine(r.Name), oneLine(r.Description), d.say("dialplan.rule", "Number", i+1))
			pattern, made := oneLine(r.Pattern), oneLine(r.Translation)
			p.row(&rows, row("rule."+number(i), view.NoIcon, shorten(text), shorten(pattern), shorten(made)),
				func(s *Screen) { s.open(planRulePage(text, pattern, made)) })
		}
		p.list("rule.", rows, d.say("dial.noRules"))
	}}
}

// planRulePage shows one rule of the dial plan.
func planRulePage(name, pattern, translation string) page {
	return &builtPage{id: "rule", title: "settings.dialplan", build: func(d pageContext, p *pageBuilder) {
		p.add(heading("name", name, view.NoIcon, view.ToneNone))
		p.labels(d.texts, "rule.", "pattern", pattern, "translation", translation)
	}}
}

// systemPage shows the identity of the phone and where it is signed in.
func systemPage() page {
	return &builtPage{id: "system", public: true, title: "settings.system", build: func(d pageContext, p *pageBuilder) {
		now := d.now
		p.labels(d.texts, "system.", "firmware", now.Firmware, "mac", now.MAC, "rootset", now.RootSet,
			"policy", string(now.Policy), "address", now.Address, "user", now.User, "server", now.Server)
		if now.Server != "" {
			p.label("way", d.say("system.way"), d.say(map[bool]string{true: "system.edge", false: "system.pool"}[now.Remote]))
		}
		p.label("gruu", d.say("system.gruu"), now.GRUU)
		if set := now.Settings; set != nil {
			p.label("updates", d.say("system.updates"), set.Updates.URL)
		}
		if box := now.Mailbox; box != nil {
			p.labels(d.texts, "system.", "exchange", strings.TrimSpace(box.URL+" "+box.Server),
				"polled", d.stamp(box.Polled.In(d.location)))
		} else if d.signedIn() {
			p.label("exchange", d.say("system.exchange"), d.noExchange())
		}
	}}
}

// noExchange is why the phone has no mailbox.
func (d pageContext) noExchange() string {
	if st := latest(d.steps, journal.Exchange, journal.Autodiscover); st != nil {
		return d.logLine(st.Decided)
	}
	return d.say("system.noexchange")
}
