package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/journal"
)

func (e environment) explain() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "explain [CODE|RULE|WORD]", Short: "Explain a failure code, a rule of the phone or a word",
		Long: `Explain shows the cause of a failure code, how to prove it, what to change and
which rule decides it. For a rule, such as R1.2, it shows the text; for a word of
this field, such as GRUU, the meaning. Without an argument it lists codes, rules
and words.`,
		Example: "  ocphone explain\n  ocphone explain cert.untrusted\n  ocphone explain R1.2\n  ocphone explain location profile",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var all []string
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			for _, c := range journal.Codes() {
				all = append(all, string(c)+"\t"+c.Title())
			}
			for _, r := range journal.Rules() {
				all = append(all, r.ID+"\t"+r.Title)
			}
			for _, t := range journal.Terms() {
				all = append(all, t.Word)
			}
			return all, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			p := newPrinter(e.out, asJSON)
			if len(args) == 0 {
				return e.listExplained(p)
			}
			what := strings.Join(args, " ") // some words are two
			if rule, ok := journal.RuleNamed(strings.ToUpper(what)); ok {
				return e.explainRule(p, rule)
			}
			if page := journal.Code(strings.ToLower(what)).Page(); page.Code != "" {
				return e.explainCode(p, page)
			}
			if term, ok := journal.TermNamed(what); ok {
				return e.explainTerm(p, term)
			}
			return usagef("there is no code, rule or word %q; `ocphone explain` lists them", what)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (e environment) explainCode(p *printer, page journal.Page) error {
	if p.json {
		return json.NewEncoder(e.out).Encode(page)
	}
	p.line(bold, "%s: %s", page.Code, page.Title)
	retried := "no, a person must act"
	if page.Retry {
		retried = "yes, it may pass by itself"
	}
	for _, row := range [][2]string{{"cause", page.Cause}, {"prove", page.Prove}, {"change", page.Change}, {"rule", page.Rule}, {"retried", retried}} {
		p.wrap(p.paint(cyan, fmt.Sprintf("%-8s", row[0])), row[1], "")
	}
	return nil
}

func (e environment) explainRule(p *printer, rule journal.Rule) error {
	if p.json {
		return json.NewEncoder(e.out).Encode(rule)
	}
	p.line(bold, "%s: %s", rule.ID, rule.Title)
	p.line("", "%s", rule.Text)
	return nil
}

func (e environment) explainTerm(p *printer, term journal.Term) error {
	if p.json {
		return json.NewEncoder(e.out).Encode(term)
	}
	p.line(bold, "%s", term.Word)
	p.line("", "%s", term.Meaning)
	return nil
}

func (e environment) listExplained(p *printer) error {
	pages := []journal.Page{}
	for _, c := range journal.Codes() {
		pages = append(pages, c.Page())
	}
	if p.json {
		return json.NewEncoder(e.out).Encode(struct {
			Codes []journal.Page `json:"codes"`
			Rules []journal.Rule `json:"rules"`
			Terms []journal.Term `json:"terms"`
		}{pages, journal.Rules(), journal.Terms()})
	}
	for _, page := range pages {
		p.wrap(p.paint(bold, fmt.Sprintf("%-20s ", page.Code)), page.Title, "")
	}
	p.blank()
	for _, rule := range journal.Rules() {
		p.wrap(p.paint(bold, fmt.Sprintf("%-20s ", rule.ID)), rule.Title, "")
	}
	p.blank()
	for _, term := range journal.Terms() {
		p.wrap(p.paint(bold, fmt.Sprintf("%-20s ", term.Word)), term.Meaning, "")
	}
	p.blank()
	p.line(dim, "ocphone explain CODE shows cause, proof and remedy; ocphone explain RULE shows the text of the rule.")
	return nil
}
