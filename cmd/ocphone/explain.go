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
		Use: "explain [CODE|RULE]", Short: "Explain a failure code or a rule of the phone",
		Long: `Explain tells of a failure code its cause, how to prove it, what to change and
which rule decides it; of a rule, such as R1.2, what it says. Without an argument
it lists the codes, then the rules.`,
		Example: "  ocphone explain\n  ocphone explain cert.untrusted\n  ocphone explain R1.2",
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
			return all, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			p := newPrinter(e.out, asJSON)
			switch len(args) {
			case 0:
				return e.listExplained(p)
			case 1:
			default:
				return usagef("explain takes one code or rule")
			}
			if rule, ok := journal.RuleNamed(strings.ToUpper(args[0])); ok {
				return e.explainRule(p, rule)
			}
			if page := journal.Code(strings.ToLower(args[0])).Page(); page.Code != "" {
				return e.explainCode(p, page)
			}
			return usagef("there is no code %q and no rule of that name; `ocphone explain` lists them", args[0])
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

func (e environment) listExplained(p *printer) error {
	pages := []journal.Page{}
	for _, c := range journal.Codes() {
		pages = append(pages, c.Page())
	}
	if p.json {
		return json.NewEncoder(e.out).Encode(struct {
			Codes []journal.Page `json:"codes"`
			Rules []journal.Rule `json:"rules"`
		}{pages, journal.Rules()})
	}
	for _, page := range pages {
		p.wrap(p.paint(bold, fmt.Sprintf("%-20s ", page.Code)), page.Title, "")
	}
	p.blank()
	for _, rule := range journal.Rules() {
		p.wrap(p.paint(bold, fmt.Sprintf("%-20s ", rule.ID)), rule.Title, "")
	}
	p.blank()
	p.line(dim, "ocphone explain CODE tells cause, proof and remedy; ocphone explain RULE what the rule says.")
	return nil
}
