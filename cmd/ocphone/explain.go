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
		Use: "explain [CODE]", Short: "Explain a failure code: cause, proof, what to change, rule",
		Example: "  ocphone explain\n  ocphone explain cert.untrusted",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, c := range journal.Codes() {
				codes = append(codes, string(c)+"\t"+c.Title())
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("explain takes one code")
			}
			p := newPrinter(e.out, asJSON)
			if len(args) == 0 {
				return e.listCodes(p)
			}
			page := journal.Code(args[0]).Page()
			if page.Code == "" {
				return usagef("there is no code %q; `ocphone explain` lists them", args[0])
			}
			if asJSON {
				return json.NewEncoder(e.out).Encode(page)
			}
			p.line(bold, "%s: %s", page.Code, page.Title)
			retried := "no, a person must act"
			if page.Retry {
				retried = "yes, by the phone itself, with growing intervals"
			}
			for _, row := range [][2]string{{"cause", page.Cause}, {"prove", page.Prove}, {"change", page.Change}, {"rule", page.Rule}, {"retried", retried}} {
				p.wrap(p.paint(cyan, fmt.Sprintf("%-8s", row[0])), row[1], "")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (e environment) listCodes(p *printer) error {
	pages := []journal.Page{}
	for _, c := range journal.Codes() {
		pages = append(pages, c.Page())
	}
	if p.json {
		return json.NewEncoder(e.out).Encode(pages)
	}
	for _, page := range pages {
		fmt.Fprintf(e.out, "%s %s\n", p.paint(bold, string(page.Code)+strings.Repeat(" ", max(0, 20-len(page.Code)))), page.Title)
	}
	return nil
}
