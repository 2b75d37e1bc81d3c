package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
)

// trustReport is the outcome of `check trust`, printed for a person or encoded
// for a program.
type trustReport struct {
	V          int                  `json:"v"`
	Phone      string               `json:"phone"`
	Firmware   string               `json:"firmware"`
	Policy     certstore.PolicyName `json:"policy"` // which decides
	RootSet    string               `json:"rootSet"`
	At         time.Time            `json:"at"`
	Situations []situation          `json:"situations"`
	Decides    string               `json:"decides"` // the situation that the exit code goes by
	OK         bool                 `json:"ok"`      // all is trusted then
	Summary    string               `json:"summary"`
	Endpoints  []endpointReport     `json:"endpoints"`
	Published  published            `json:"published"`
	Leads      []lead               `json:"leads"`   // roots published or of the change, and who needs them
	Publish    []remedy             `json:"publish"` // what to type
	Notes      []string             `json:"notes,omitempty"`
	Steps      []journal.Step       `json:"steps,omitempty"`
}

type endpointReport struct {
	Endpoint  string                          `json:"endpoint"`
	Name      string                          `json:"name"`
	Edge      bool                            `json:"edge,omitempty"`
	Failure   *journal.Step                   `json:"failure,omitempty"` // why there is no certificate
	Cells     []cell                          `json:"cells,omitempty"`   // by policy, the deciding one first, then by situation
	Presented []certstore.CertificateEvidence `json:"presented,omitempty"`
	Issuer    string                          `json:"issuer,omitempty"`
	Published string                          `json:"published,omitempty"` // what Active Directory has of the issuer
	Notes     []string                        `json:"notes,omitempty"`
	Fix       string                          `json:"fix,omitempty"`
}

// lead is a root and the endpoints whose chain ends there.
type lead struct {
	Change      string    `json:"change,omitempty"` // "with", "without"; empty: published
	Subject     string    `json:"subject"`
	Key         string    `json:"key"`
	NotAfter    time.Time `json:"notAfter"`
	Fingerprint string    `json:"fingerprint"`
	For         []string  `json:"for"`
}

// report draws the conclusions; asked is why Active Directory gave no answer.
func (t *trust) report(asIfReset bool, asked error) trustReport {
	r := trustReport{V: journal.Version, Phone: t.phone, Firmware: t.fw.Name, Policy: t.fw.Policy, RootSet: t.rootSet, At: t.at,
		Published: t.published, Publish: append([]remedy{}, t.remedies()...), Steps: t.steps}
	r.Published.Roots, r.Leads = append([]certstore.Root{}, r.Published.Roots...), []lead{}
	decides := 0
	r.Situations, decides = t.situations(asIfReset)
	r.Decides = r.Situations[decides].Name
	policies := []certstore.PolicyName{certstore.Today, certstore.Policy2007}
	if t.fw.Policy == certstore.Policy2007 {
		slices.Reverse(policies)
	}
	var bad []string
	if asked != nil {
		bad = append(bad, fmt.Sprintf("what is published could not be learnt (%s)", journal.FailureOf(asked).Code))
	}
	pools, edges := 0, 0
	for _, e := range t.endpoints {
		x := endpointReport{Endpoint: e.addr, Name: e.name, Edge: e.edge, Notes: e.notes}
		if e.edge {
			edges++
		}
		if e.chain == nil {
			x.Failure = &e.step
			bad = append(bad, fmt.Sprintf("%s (%s)", e.addr, e.step.Code))
			r.Endpoints = append(r.Endpoints, x)
			continue
		}
		if !e.edge {
			pools++
		}
		for _, p := range policies {
			for _, s := range r.Situations {
				x.Cells = append(x.Cells, t.judge(s, e, p))
			}
		}
		switch c := x.Cells[decides]; c.State {
		case refused:
			bad = append(bad, fmt.Sprintf("%s (%s)", e.addr, c.Code))
		case unknown:
			bad = append(bad, fmt.Sprintf("%s (depends on what is published)", e.addr))
		}
		v := x.Cells[len(r.Situations)-1].verdict // of the deciding policy, when all has arrived
		x.Presented = slices.DeleteFunc(v.Certificates, func(c certstore.CertificateEvidence) bool { return !c.Presented })
		x.Issuer, x.Published = v.Issuer(), t.publishes(e, v.Issuer())
		x.Notes = append(x.Notes, v.Notes...)
		x.Fix = t.advice(e, r.Publish)
		r.Endpoints = append(r.Endpoints, x)
	}
	for _, root := range t.published.Roots {
		change := ""
		if slices.ContainsFunc(t.without, func(w certstore.Root) bool { return w.Fingerprint() == root.Fingerprint() }) {
			change = "without"
		}
		r.Leads = append(r.Leads, t.lead(change, root))
	}
	for _, root := range t.with {
		l := t.lead("with", root)
		if r.Leads = append(r.Leads, l); len(l.For) == 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("No server here needs %s of --with: publishing it changes nothing for them.", l.Subject))
		}
	}
	if edges > 0 && pools == 0 && len(t.kept) == 0 {
		r.Notes = append(r.Notes, "No pool could be judged; it is taken that its certificate makes the phone ask Active Directory. Give the pool too: one that is trusted without that keeps every other root away (R1.2).")
	}
	r.OK = len(bad) == 0
	r.Summary = fmt.Sprintf("Everything is trusted %s.", r.Decides)
	if !r.OK {
		r.Summary = fmt.Sprintf("Not good %s: %s.", r.Decides, strings.Join(bad, ", "))
	}
	return r
}

// leadsTo says whether e's chain ends at root, be that in date or not.
func (t *trust) leadsTo(e *endpoint, root certstore.Root) bool {
	return e.chain != nil && t.verify(certstore.New(root), e, t.fw.Policy).Answers[t.fw.Policy].Anchor != nil
}

func (t *trust) lead(change string, root certstore.Root) lead {
	l := lead{Change: change, Subject: root.Subject(), Key: root.Key(), NotAfter: root.Certificate.NotAfter, Fingerprint: root.Fingerprint(), For: []string{}}
	for _, e := range t.endpoints {
		if t.leadsTo(e, root) {
			l.For = append(l.For, e.addr)
		}
	}
	return l
}

// publishes says what is published of the issuer of e's chain: compared by
// key, not by name (device.md 10.7).
func (t *trust) publishes(e *endpoint, issuer string) string {
	switch {
	case t.published.Known:
	case t.published.From == "":
		return "not known: ask with --ad DOMAIN, or give --published FOLDER"
	default:
		return "not known: " + t.published.From + " did not tell"
	}
	namesake := false
	for _, root := range t.published.Roots {
		if t.leadsTo(e, root) {
			return "yes, " + root.Fingerprint()
		}
		namesake = namesake || root.Subject() == issuer
	}
	switch {
	case namesake:
		return "no; a root of that name is, but with another key"
	case len(t.published.Roots) == 0:
		return "no, nothing is"
	}
	return fmt.Sprintf("no, %s", plural(len(t.published.Roots), "other root is", "other roots are"))
}

func (r trustReport) print(p *printer) {
	if len(r.Steps) > 0 {
		p.blank()
	}
	p.line(bold, "Whom %s trusts", r.Phone)
	p.line(dim, "Firmware %s, policy %s, factory root set %s; judged at %s.", r.Firmware, r.Policy, r.RootSet, r.At.UTC().Format("2006-01-02 15:04 MST"))
	p.blank()
	r.table(p)
	for _, s := range r.Situations {
		p.wrap(p.paint(dim, s.Name+": "), s.Text, dim)
	}
	for _, e := range r.Endpoints {
		p.blank()
		p.line(bold, "%s", e.Endpoint)
		e.print(p, len(r.Situations))
	}
	r.printNotes(p)
	r.printPublished(p)
	if len(r.Publish) > 0 {
		p.blank()
		p.line(bold, "To type, with the rights of an enterprise administrator (R1.1)")
		for _, m := range r.Publish {
			fmt.Fprintf(p.w, "  %s\n", p.paint(cyan, m.Command))
			p.wrap("      root  ", m.Root, "")
			for _, row := range [][2]string{{"SHA-256", m.Fingerprint}, {"SHA-1", m.Thumbprint}, {"seen", m.Seen}, {"for", strings.Join(m.For, ", ")}, {"if", m.If}} {
				if row[1] != "" {
					p.wrap(fmt.Sprintf("      %s  ", row[0]), row[1], dim)
				}
			}
		}
	}
	p.blank()
	for _, n := range r.Notes {
		p.wrap(p.paint(yellow, "! "), n, "")
	}
	sign := p.paint(green, "✓ ")
	if !r.OK {
		sign = p.paint(red, "✗ ")
	}
	p.wrap(sign, r.Summary, "")
}

// sign is the state of a cell.
func (c cell) sign(p *printer) string {
	switch c.State {
	case trusted:
		return p.paint(green, "✓")
	case unknown:
		return p.paint(yellow, "?")
	}
	return p.paint(red, "✗")
}

// mark is a cell of the table.
func (c cell) mark(p *printer) string {
	switch c.State {
	case trusted:
		return c.sign(p)
	case unknown:
		return c.sign(p) + p.paint(yellow, " ask AD")
	}
	return c.sign(p) + p.paint(red, " "+string(c.Code))
}

// table prints a line for each endpoint and policy. The endpoint stands on a
// line of its own, so that four situations fit into 100 columns.
func (r trustReport) table(p *printer) {
	label := func(policy certstore.PolicyName) string {
		if policy == r.Policy {
			return fmt.Sprintf("  %s (decides)", policy)
		}
		return "  " + string(policy)
	}
	first := visible(label(r.Policy))
	widths := make([]int, len(r.Situations))
	for i, s := range r.Situations {
		widths[i] = visible(s.Name)
		for _, e := range r.Endpoints {
			for j := i; j < len(e.Cells); j += len(r.Situations) {
				widths[i] = max(widths[i], visible(e.Cells[j].mark(p)))
			}
		}
	}
	row := func(head string, cells []string) {
		line := head + strings.Repeat(" ", first-visible(head))
		for i, c := range cells {
			line += "  " + c + strings.Repeat(" ", widths[i]-visible(c))
		}
		fmt.Fprintln(p.w, strings.TrimRight(line, " "))
	}
	var names []string
	for _, s := range r.Situations {
		name := s.Name
		if name == r.Decides {
			name = p.paint(bold, name)
		}
		names = append(names, name)
	}
	row("", names)
	for _, e := range r.Endpoints {
		fmt.Fprintln(p.w, p.paint(bold, e.Endpoint))
		if e.Failure != nil {
			fmt.Fprintf(p.w, "  %s\n", p.paint(red, "✗ "+string(e.Failure.Code)))
		}
		for i := 0; i < len(e.Cells); i += len(r.Situations) {
			var marks []string
			for _, c := range e.Cells[i : i+len(r.Situations)] {
				marks = append(marks, c.mark(p))
			}
			row(label(e.Cells[i].Policy), marks)
		}
	}
	p.blank()
}

// print says why, in the deciding policy's words; a situation that changes
// nothing is passed over.
func (e endpointReport) print(p *printer, situations int) {
	if e.Failure != nil {
		p.wrap("  "+p.paint(red, "✗ "), e.Failure.Decided, "")
		p.wrap("  "+p.paint(yellow, "fix: "), e.Failure.Fix, "")
		return
	}
	said := map[string]bool{}
	for i, c := range e.Cells[:situations] {
		if i == 0 || c.State != e.Cells[i-1].State || c.Code != e.Cells[i-1].Code {
			p.wrap(fmt.Sprintf("  %s %s: ", c.sign(p), c.Situation), c.Sentence, "")
		}
		if c.NotAsked != "" && !said[c.NotAsked] && e.Edge != (c.State == trusted) { // of a pool it is news when it is trusted, of an Edge when not
			said[c.NotAsked] = true
			p.wrap("  "+p.paint(yellow, "! ")+c.Situation+": ", c.NotAsked, "")
		}
	}
	for _, c := range e.Presented {
		p.wrap("  presented  ", fmt.Sprintf("%s, issued by %s, %s, signed with %s, until %s", c.Subject, c.Issuer, c.Key, c.Signature, c.NotAfter.UTC().Format(time.DateOnly)), dim)
	}
	p.wrap("  root       ", e.Issuer, dim)
	p.wrap("  published  ", e.Published, dim)
	if e.Fix != "" {
		p.wrap("  "+p.paint(yellow, "fix: "), e.Fix, "")
	}
}

// printNotes prints what is worth knowing of several servers only once.
func (r trustReport) printNotes(p *printer) {
	of := map[string][]string{}
	var notes []string
	for _, e := range r.Endpoints {
		for _, n := range e.Notes {
			if of[n] = append(of[n], e.Endpoint); len(of[n]) == 1 {
				notes = append(notes, n)
			}
		}
	}
	if len(notes) == 0 {
		return
	}
	p.blank()
	p.line(bold, "Worth knowing")
	for _, n := range notes {
		p.wrap("  · ", fmt.Sprintf("%s: %s", strings.Join(of[n], ", "), n), dim)
	}
}

// fewRoots are listed whole; of more only those that somebody needs.
const fewRoots = 12

func (r trustReport) printPublished(p *printer) {
	if len(r.Leads)+len(r.Published.Rejected) == 0 && !r.Published.Known {
		return
	}
	p.blank()
	from := r.Published.From
	if r.Published.Server != "" {
		from += " (" + r.Published.Server + ")"
	}
	if r.Published.Known {
		p.line(bold, "Published in %s: %s", from, plural(len(r.Published.Roots), "root", "roots"))
	} else {
		p.line(bold, "The change")
	}
	silent := 0
	for _, l := range r.Leads {
		sign := map[string]string{"with": "+", "without": "-"}[l.Change]
		if sign == "" && len(l.For) == 0 && len(r.Leads) > fewRoots {
			silent++
			continue
		}
		needed := "no server here needs it"
		if len(l.For) > 0 {
			needed = "needed by " + strings.Join(l.For, ", ")
		}
		p.wrap("  "+cmp.Or(sign, "·")+" ", fmt.Sprintf("%s, %s, until %s, %.16s: %s", l.Subject, l.Key, l.NotAfter.UTC().Format(time.DateOnly), l.Fingerprint, needed), "")
	}
	if silent > 0 {
		p.line(dim, "  … and %s that no server here needs", plural(silent, "more", "more"))
	}
	for _, why := range r.Published.Rejected {
		p.wrap("  "+p.paint(yellow, "! ")+"not installed: ", why, dim)
	}
}

// plural is "1 root" or "17 roots".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
