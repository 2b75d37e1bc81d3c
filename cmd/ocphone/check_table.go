package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// printReport prints the report of `check trust` for a person.
func printReport(p *printer, r check.Report) {
	if len(r.Steps) > 0 {
		p.blank()
	}
	p.line(bold, "What %s trusts", r.Phone)
	p.line(dim, "Firmware %s, policy %s, factory root set %s; judged at %s.",
		r.Firmware, r.Policy, r.RootSet, r.At.UTC().Format("2006-01-02 15:04 MST"))
	p.blank()
	printTable(p, r)
	for _, s := range r.Situations {
		p.wrap(p.paint(dim, s.Name+": "), s.Text, dim)
	}
	for _, e := range r.Endpoints {
		p.blank()
		p.line(bold, "%s", e.Endpoint)
		printEndpoint(p, e, len(r.Situations))
	}
	printNotes(p, r)
	printPublished(p, r)
	printRemedies(p, r.Publish)
	p.blank()
	for _, n := range r.Notes {
		p.wrap(p.paint(yellow, "! "), n, "")
	}
	p.wrap(signOf(p, r.OK)+" ", r.Summary, "")
}

func printRemedies(p *printer, all []check.Remedy) {
	if len(all) == 0 {
		return
	}
	p.blank()
	p.line(bold, "To type, with the rights of an enterprise administrator (R1.1)")
	for _, m := range all {
		fmt.Fprintf(p.w, "  %s\n", p.paint(cyan, printable(m.Command))) // never wrapped, to be copied
		p.wrap("      root  ", m.Root, "")
		for _, row := range [][2]string{
			{"SHA-256", m.Fingerprint},
			{"SHA-1", m.Thumbprint},
			{"seen", m.Seen},
			{"for", strings.Join(m.For, ", ")},
			{"if", m.If},
		} {
			if row[1] != "" {
				p.wrap(fmt.Sprintf("      %s  ", row[0]), row[1], dim)
			}
		}
	}
}

// verdictSign is the state of a verdict.
func verdictSign(p *printer, v check.Verdict) string {
	if v.State == check.Unknown {
		return p.paint(yellow, "?")
	}
	return signOf(p, v.State == check.Trusted)
}

// verdictMark is a verdict in the table.
func verdictMark(p *printer, v check.Verdict) string {
	switch v.State {
	case check.Trusted:
		return verdictSign(p, v)
	case check.Unknown:
		return verdictSign(p, v) + p.paint(yellow, " ask AD")
	}
	return verdictSign(p, v) + p.paint(red, " "+string(v.Code))
}

// printTable prints a line for each endpoint and policy. The endpoint stands on a
// line of its own, so that four situations fit into 100 columns.
func printTable(p *printer, r check.Report) {
	label := func(policy certstore.PolicyName) string {
		if policy == r.Policy {
			return fmt.Sprintf("  %s (decides)", policy)
		}
		return "  " + string(policy)
	}
	columns := len(r.Situations)
	head := []string{strings.Repeat(" ", view.Width(label(r.Policy)))}
	for _, s := range r.Situations {
		name := s.Name
		if name == r.Decides {
			name = p.paint(bold, name)
		}
		head = append(head, name)
	}
	rows := [][]string{head}
	for _, e := range r.Endpoints {
		rows = append(rows, []string{p.paint(bold, printable(e.Endpoint))})
		if e.Failure != nil {
			rows = append(rows, []string{"  " + p.paint(red, "✗ "+string(e.Failure.Code))})
		}
		for i := 0; i < len(e.Cells); i += columns {
			row := []string{label(e.Cells[i].Policy)}
			for _, v := range e.Cells[i : i+columns] {
				row = append(row, verdictMark(p, v))
			}
			rows = append(rows, row)
		}
	}
	writeColumns(p.w, rows)
	p.blank()
}

// printEndpoint says why, in the words of the deciding policy; a situation with
// the same verdict as the one before is left out.
func printEndpoint(p *printer, e check.EndpointReport, situations int) {
	if e.Failure != nil {
		p.wrap("  "+p.paint(red, "✗ "), e.Failure.Decided, "")
		p.wrap("  "+p.paint(yellow, "fix: "), e.Failure.Fix, "")
		return
	}
	said := map[string]bool{}
	for i, v := range e.Cells[:situations] {
		if i == 0 || v.State != e.Cells[i-1].State || v.Code != e.Cells[i-1].Code {
			p.wrap(fmt.Sprintf("  %s %s: ", verdictSign(p, v), v.Situation), v.Sentence, "")
		}
		surprising := e.Edge != (v.State == check.Trusted) // a pool that is trusted, or an Edge that is not
		if v.NotAsked != "" && !said[v.NotAsked] && surprising {
			said[v.NotAsked] = true
			p.wrap("  "+p.paint(yellow, "! ")+v.Situation+": ", v.NotAsked, "")
		}
	}
	for _, c := range e.Presented {
		p.wrap("  presented  ", fmt.Sprintf("%s, issued by %s, %s, signed with %s, until %s",
			c.Subject, c.Issuer, c.Key, c.Signature, c.NotAfter.UTC().Format(time.DateOnly)), dim)
	}
	p.wrap("  leads to   ", e.Issuer, dim)
	p.wrap("  published  ", e.Published, dim)
	if e.Fix != "" {
		p.wrap("  "+p.paint(yellow, "fix: "), e.Fix, "")
	}
}

// printNotes prints a note that several servers share once.
func printNotes(p *printer, r check.Report) {
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

// fewRoots are listed whole; of more only those that a server needs.
const fewRoots = 12

func printPublished(p *printer, r check.Report) {
	if len(r.Leads)+len(r.Published.Rejected) == 0 && !r.Published.Known {
		return
	}
	p.blank()
	from := r.Published.From
	if r.Published.Server != "" {
		from += " (" + r.Published.Server + ")"
	}
	if r.Published.Known {
		p.line(bold, "Published in %s: %s", from, journal.Count(len(r.Published.Roots), "root", "roots"))
	} else {
		p.line(bold, "The change")
	}
	unneeded := 0
	for _, l := range r.Leads {
		sign := map[string]string{"with": "+", "without": "-"}[l.Change]
		if sign == "" && len(l.For) == 0 && len(r.Leads) > fewRoots {
			unneeded++
			continue
		}
		needed := "no server here needs it"
		if len(l.For) > 0 {
			needed = "needed by " + strings.Join(l.For, ", ")
		}
		p.wrap("  "+cmp.Or(sign, "·")+" ", fmt.Sprintf("%s, %s, until %s, %.16s: %s",
			l.Subject, l.Key, l.NotAfter.UTC().Format(time.DateOnly), l.Fingerprint, needed), "")
	}
	if unneeded > 0 {
		p.line(dim, "  … and %s that no server here needs", journal.Count(unneeded, "more", "more"))
	}
	for _, why := range r.Published.Rejected {
		p.wrap("  "+p.paint(yellow, "! ")+"not installed: ", why, dim)
	}
}
