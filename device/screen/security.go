package screen

import (
	"bytes"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// securityPage leads to the trusted roots and shows the decisions about trust.
func securityPage() page {
	return &builtPage{id: "security", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("settings.security")
		var rows []view.Control
		came := 0
		for _, r := range d.now.Roots {
			if r.Downloaded() {
				came++
			}
		}
		all, fetched := d.say("start.roots", "Count", len(d.now.Roots)), d.say("security.downloaded", "Count", came)
		p.row(&rows, row("security.roots", view.IconCert, all, fetched, ""), func(s *Screen) { s.open(rootsPage()) })
		if v := d.now.Verdict; v != nil { // a refused certificate comes first
			c := row("security.refused", view.IconError, d.say("security.refused"), d.logLine(shorten(v.Sentence)), "")
			c.Tone = view.ToneBad
			p.row(&rows, c, func(s *Screen) {
				s.open(logPage("verdict", "security.refused", "", append([]string{v.Sentence}, v.Details()...)...))
			})
		}
		for _, c := range p.stepRows(d, d.steps, func(st journal.Step) bool {
			return st.Name == journal.Trust || st.Name == journal.Roots || st.Name == journal.Reset
		}) {
			c.Second, c.Log = d.logLine(c.Second), false
			rows = append(rows, c)
		}
		policy := d.say("security.policy", "Policy", string(d.now.Policy), "Set", d.now.RootSet)
		p.add(textLine("policy", policy, view.NoIcon, view.ToneDim))
		p.list("", rows, "")
	}}
}

// rootsPage lists the trusted roots.
func rootsPage() page {
	return &builtPage{id: "roots", public: true, title: "roots.title", build: func(d pageContext, p *pageBuilder) {
		var rows []view.Control
		for i, r := range d.now.Roots {
			tone, second := view.ToneNone, d.sourceName(string(r.Source.Kind))
			if !r.Source.At.IsZero() {
				second += ", " + d.stamp(r.Source.At.In(d.location))
			}
			if d.clockTime.After(r.Certificate.NotAfter) || d.clockTime.Before(r.Certificate.NotBefore) {
				tone, second = view.ToneWarn, second+", "+d.say("roots.invalid")
			}
			c := row("roots."+number(i), view.IconCert, commonName(r.Subject()), second, d.day(r.Certificate.NotAfter))
			c.Tone = tone
			p.row(&rows, c, func(s *Screen) { s.open(rootPage(r.Fingerprint())) })
		}
		p.list("roots", rows, d.say("roots.none"))
	}}
}

// commonName is the value of the first part of a distinguished name, for a list.
func commonName(dn string) string {
	first := dn
	for i := 0; i < len(dn); i++ {
		if dn[i] == '\\' {
			i++
		} else if dn[i] == ',' {
			first = dn[:i]
			break
		}
	}
	if _, value, ok := strings.Cut(first, "="); ok && value != "" {
		return value
	}
	return dn
}

// sourceName names the source of a root.
func (d pageContext) sourceName(kind string) string {
	return d.sayOr("roots.from."+kind, kind)
}

// rootPage shows one root, as long as the phone trusts it.
func rootPage(fingerprint string) page {
	return &builtPage{id: "root", public: true, title: "root.title", build: func(d pageContext, p *pageBuilder) {
		for _, r := range d.now.Roots {
			if r.Fingerprint() != fingerprint {
				continue
			}
			c := r.Certificate
			p.add(view.Control{ID: "name", Role: view.Heading, Text: commonName(r.Subject()), Icon: view.IconCert})
			issuer := c.Issuer.String()
			if bytes.Equal(c.RawIssuer, c.RawSubject) { // as roots do
				issuer = r.Subject()
			}
			from := r.Source
			p.labels(d.texts, "root.", "subject", r.Subject(), "issuer", issuer,
				"from", d.day(c.NotBefore), "until", d.day(c.NotAfter), "key", r.Key(),
				"signature", c.SignatureAlgorithm.String(), "fingerprint", grouped(fingerprint),
				"source", d.sourceName(string(from.Kind)), "set", from.Set, "server", from.Server,
				"dn", from.DN, "account", from.Account, "at", d.stamp(from.At.In(d.location)))
			return
		}
		p.add(view.Control{ID: "gone", Role: view.Text, Text: d.say("root.gone"), Icon: view.IconInfo})
	}}
}

// grouped writes a fingerprint in groups of four digits.
func grouped(hex string) string {
	var b strings.Builder
	for i, r := range hex {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// logPage shows a heading, if there is one, and text of the log.
func logPage(id, title, name string, lines ...string) page {
	return &builtPage{id: id, public: true, build: func(d pageContext, p *pageBuilder) {
		if p.Title = d.say(title); name != "" {
			p.add(heading("name", name, view.NoIcon, view.ToneNone))
		}
		p.log(d, lines...)
	}}
}
