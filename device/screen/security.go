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
			c := row("security.refused", view.IconError, d.say("security.refused"), shorten(v.Sentence), "")
			c.Tone = view.ToneBad
			p.row(&rows, c, func(s *Screen) { s.open(linesPage("verdict", "security.refused", v.Sentence, v.Details())) })
		}
		rows = append(rows, p.stepRows(d, d.steps, func(st journal.Step) bool {
			return st.Name == journal.Trust || st.Name == journal.Roots || st.Name == journal.Reset
		})...)
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

// linesPage shows a heading and lines of text.
func linesPage(id, title, heading string, lines []string) page {
	return &builtPage{id: id, public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say(title)
		p.add(view.Control{ID: "heading", Role: view.Heading, Text: heading})
		p.lines("line.", lines)
	}}
}
