package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/journal"
)

func (e environment) explain() *cobra.Command {
	c := &cobra.Command{
		Use: "explain [CODE|RULE|WORD]", Short: "Explain a failure code, a rule of the phone or a word",
		Long: `Explain shows the cause of a failure code, how to prove it, what to change and
which rule decides it. For a rule, such as R1.2, it shows the text, for R1 those of all its
rules; for a word of this field, such as GRUU, the meaning. Without an argument it lists codes, rules
and words.`,
		Example: "  ocphone explain\n  ocphone explain cert.untrusted\n  ocphone explain R1.2\n" +
			"  ocphone explain location profile",
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
			p := e.printer()
			if len(args) == 0 {
				return e.listExplained(p)
			}
			what := strings.Join(args, " ") // some words are two
			found := explained(what)
			if rules := rulesOf(what); found == nil && rules != nil {
				return e.listRules(p, rules)
			}
			switch {
			case found == nil:
				return usagef("there is no code, rule or word %q%s; `ocphone explain` lists them", what,
					journal.Suggestion(what, explainedNames()))
			case e.json:
				return e.document(explanations(found))
			}
			p.explain(found)
			return nil
		},
	}
	return c
}

// explained returns the journal.Rule, journal.Page or journal.Term of a name,
// without regard to case; nil if there is none.
func explained(name string) any {
	if rule, ok := journal.RuleNamed(strings.ToUpper(name)); ok {
		return rule
	}
	if page := journal.Code(strings.ToLower(name)).Page(); page.Code != "" {
		return page
	}
	if term, ok := journal.TermNamed(name); ok {
		return term
	}
	return nil
}

// explanation is the JSON form of `ocphone explain`: all there is, or one of it.
type explanation struct {
	Codes []journal.Page `json:"codes"`
	Rules []journal.Rule `json:"rules"`
	Terms []journal.Term `json:"terms"`
}

func explanations(found any) explanation {
	x := explanation{[]journal.Page{}, []journal.Rule{}, []journal.Term{}}
	switch found := found.(type) {
	case journal.Page:
		x.Codes = append(x.Codes, found)
	case journal.Rule:
		x.Rules = append(x.Rules, found)
	case journal.Term:
		x.Terms = append(x.Terms, found)
	}
	return x
}

// explainedNames are the names that explained finds.
func explainedNames() []string {
	names := codeNames()
	for _, r := range journal.Rules() {
		names = append(names, r.ID)
	}
	for _, t := range journal.Terms() {
		names = append(names, t.Word)
	}
	return names
}

// rulesOf are the rules of a group, such as R1.
func rulesOf(group string) (rules []journal.Rule) {
	for _, r := range journal.Rules() {
		if strings.HasPrefix(r.ID, strings.ToUpper(group)+".") {
			rules = append(rules, r)
		}
	}
	return rules
}

func (e environment) listRules(p *printer, rules []journal.Rule) error {
	if e.json {
		return e.document(explanation{[]journal.Page{}, rules, []journal.Term{}})
	}
	for i, r := range rules {
		if i > 0 {
			p.blank()
		}
		p.explain(r)
	}
	return nil
}

func (p *printer) explain(found any) {
	switch found := found.(type) {
	case journal.Term:
		p.line(bold, "%s", found.Word)
		p.line("", "%s", found.Meaning)
	case journal.Rule:
		p.line(bold, "%s: %s", found.ID, found.Title)
		p.line("", "%s", found.Text)
	case journal.Page:
		p.line(bold, "%s: %s", found.Code, found.Title)
		retried := "no, a person must act"
		if found.Retry {
			retried = "yes, it may pass by itself"
		}
		for _, row := range [][2]string{
			{"cause", found.Cause}, {"prove", found.Prove}, {"change", found.Change}, {"rule", found.Rule}, {"retried", retried},
		} {
			p.wrap(p.paint(cyan, fmt.Sprintf("%-8s", row[0])), row[1], "")
		}
	}
}

func (e environment) listExplained(p *printer) error {
	pages := []journal.Page{}
	for _, c := range journal.Codes() {
		pages = append(pages, c.Page())
	}
	if e.json {
		return e.document(explanation{pages, journal.Rules(), journal.Terms()})
	}
	row := func(name, text string) { p.wrap(p.paint(bold, fmt.Sprintf("%-20s ", name)), text, "") }
	for _, page := range pages {
		row(string(page.Code), page.Title)
	}
	p.blank()
	for _, rule := range journal.Rules() {
		row(rule.ID, rule.Title)
	}
	p.blank()
	for _, term := range journal.Terms() {
		row(term.Word, term.Meaning)
	}
	p.blank()
	p.line(dim, "ocphone explain CODE shows cause, proof and remedy; ocphone explain RULE shows the text of the rule.")
	return nil
}
