package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func (e environment) dialplan() *cobra.Command {
	c := &cobra.Command{
		Use: "dialplan", Short: "Check, test and explain normalization rules, without a phone or a server",
		Long: `Dialplan reads the rules that turn what is dialled into a number, and applies
them as the phone does: .NET regular expressions, in order, the first
that matches and no other.

FILE is a location profile (XML), a table (CSV with the heading
Name,Pattern,Translation) or the dial plans of Lync, Skype for Business or
Teams as JSON, which PowerShell prints:

  Get-CsDialPlan | ConvertTo-Json -Depth 5 > plan.json
  Get-CsTenantDialPlan | ConvertTo-Json -Depth 5 > plan.json

- is the standard input. Exit code 0 when nothing is wrong, 1 when something
is, 2 when the call or the file is not understood.`,
	}
	return addCommands(c, e.dialplanLint(), e.dialplanTest(), e.dialplanExplain())
}

// planFlags are the flags of the dialplan commands.
type planFlags struct {
	plan, domain string
	junit        bool
}

func (f *planFlags) register(c *cobra.Command, junit, domain bool) *cobra.Command {
	s := c.Flags()
	s.StringVar(&f.plan, "plan", "", "the dial plan of this `NAME`, when FILE holds several")
	if junit {
		s.BoolVar(&f.junit, "junit", false, "print JUnit XML")
	}
	if domain {
		s.StringVar(&f.domain, "domain", "", "print the whole Request-URI in this SIP `DOMAIN`")
	}
	return c
}

// readPlans reads the plans of FILE, or the one of --plan.
func (f *planFlags) readPlans(ctx context.Context, e environment, args []string) ([]dialplan.Plan, error) {
	if len(args) == 0 {
		return nil, usagef("which dial plan? Give a FILE: XML, CSV, or the JSON of Get-CsTenantDialPlan")
	}
	document, err := e.readFile(ctx, args[0])
	if err != nil {
		return nil, err
	}
	plans, err := dialplan.Read(document)
	if err != nil {
		return nil, usagef("%s: %w", args[0], err)
	}
	if f.plan == "" {
		return plans, nil
	}
	return planNamed(f.plan, args[0], plans)
}

// planNamed is the plan of that name among the plans of a file.
func planNamed(name, file string, plans []dialplan.Plan) ([]dialplan.Plan, error) {
	for _, p := range plans {
		if strings.EqualFold(p.Name, name) {
			return []dialplan.Plan{p}, nil
		}
	}
	return nil, usagef("%s holds no dial plan %q, but %s", file, name, planNames(plans))
}

func planNames(plans []dialplan.Plan) string {
	var names []string
	for _, p := range plans {
		names = append(names, strconv.Quote(p.Name))
	}
	return strings.Join(names, ", ")
}

// readPlan reads the one plan that is used to translate numbers.
func (f *planFlags) readPlan(ctx context.Context, e environment, args []string) (dialplan.Plan, error) {
	plans, err := f.readPlans(ctx, e, args)
	switch {
	case err != nil:
		return dialplan.Plan{}, err
	case len(plans) > 1:
		return dialplan.Plan{}, usagef("%s holds %d dial plans; choose one with --plan: %s", args[0], len(plans),
			planNames(plans))
	}
	return plans[0], nil
}

var planFile = boundedfile.Kind{Name: "a dial plan or a table of cases", Limit: dialplan.MaxDocument}

// readFile reads a file; - is the standard input.
func (e environment) readFile(ctx context.Context, name string) ([]byte, error) {
	if name == "-" {
		return planFile.ReadOpen(ctx, e.in, "the standard input")
	}
	return planFile.Read(ctx, name)
}

func (e environment) dialplanLint() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use: "lint FILE", Short: "Find rules that are unanchored, shadowed, slow, never match or give no E.164",
		Long: `Lint examines each rule of each dial plan in FILE. What is read from a rule is
certain; whether a rule is shadowed, ever matches or gives E.164 is tried with
inputs made from its pattern, and each finding says how many there were (--json
has it as "method"). A rule for emergency or service numbers gets a note: such
numbers have no E.164 form.

Exit code 1 when there is an error or a warning; notes alone give 0.`,
		Example: `  ocphone dialplan lint plan.json
  ocphone dialplan lint profile.xml --json
  ocphone dialplan lint rules.csv --junit > lint.xml`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("lint takes one FILE")
			}
			plans, err := f.readPlans(c.Context(), e, args)
			if err != nil {
				return err
			}
			return e.lintPlans(f, args[0], plans)
		},
	}
	return f.register(c, true, false)
}

// lintReport is the result of lint for one plan.
type lintReport struct {
	Plan     string             `json:"plan"`
	Rules    int                `json:"rules"`
	OK       bool               `json:"ok"` // no error and no warning
	Findings []dialplan.Finding `json:"findings"`
	plan     dialplan.Plan
}

func (e environment) lintPlans(f planFlags, file string, plans []dialplan.Plan) error {
	reports, bad := []lintReport{}, 0
	for _, p := range plans {
		r := lintReport{Plan: p.Name, Rules: len(p.Rules), OK: true, Findings: []dialplan.Finding{}, plan: p}
		for _, x := range dialplan.Lint(p, dialplan.Options{}) {
			r.Findings = append(r.Findings, x)
			if x.Severity != dialplan.Note {
				r.OK, bad = false, bad+1
			}
		}
		reports = append(reports, r)
	}
	var err error
	switch {
	case e.json:
		err = e.document(struct {
			OK    bool         `json:"ok"`
			Plans []lintReport `json:"plans"`
		}{bad == 0, reports})
	case f.junit:
		err = junitOfLint(filepath.Base(file), reports).write(e.out)
	default:
		p := e.printer()
		for i, r := range reports {
			if i > 0 {
				p.blank()
			}
			p.lint(r)
		}
	}
	return verdict(bad == 0, err, "%s has %s", file, journal.Count(bad, "error or warning", "errors and warnings"))
}

// verdict is the error of a command that has printed what it found.
func verdict(ok bool, err error, format string, a ...any) error {
	if err == nil && !ok {
		return exit{code: exitPerson, err: fmt.Errorf(format, a...), printed: true}
	}
	return err
}

var severitySigns = map[dialplan.Severity][2]string{
	dialplan.Error: {"✗", red}, dialplan.Warning: {"!", yellow}, dialplan.Note: {"·", dim},
}

// planTitle names a plan and its size.
func planTitle(name string, rules int) string {
	title := "dial plan without a name"
	if name != "" {
		title = "dial plan " + name
	}
	return title + ", " + journal.Count(rules, "rule", "rules")
}

func (p *printer) lint(r lintReport) {
	p.line(bold, "%s", planTitle(r.Plan, r.Rules))
	for _, x := range r.Findings {
		where := "plan"
		if x.Rule > 0 {
			where = x.Label
		}
		sign := severitySigns[x.Severity]
		p.wrap(p.paint(sign[1], sign[0])+" "+p.paint(bold, fmt.Sprintf("%-14s ", x.ID)), where+": "+x.Sentence, "")
		if x.Rule > 0 {
			rule := r.plan.Rules[x.Rule-1]
			p.wrap(strings.Repeat(" ", 17), translationText(rule.Pattern, rule.Translation), dim)
		}
		p.wrap(strings.Repeat(" ", 17)+p.paint(yellow, "fix: "), x.Fix, "")
		if strings.HasPrefix(x.Method, "tried with") {
			p.wrap(strings.Repeat(" ", 17), x.Method, dim)
		}
	}
	if len(r.Findings) == 0 {
		p.wrap(p.paint(green, "✓")+" ", "nothing found", "")
	}
}

// maxPattern bounds a pattern or translation in the output, in characters.
const maxPattern = 120

// translationText is the pattern and the translation of a rule.
func translationText(pattern, translation string) string {
	return journal.Printable(pattern, maxPattern) + "  →  " + journal.Printable(translation, maxPattern)
}

func (e environment) dialplanTest() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use: "test FILE NUMBER… | CASES.csv", Short: "Translate numbers, or compare with what is expected",
		Long: `Test translates as the phone does. CASES.csv has the columns input and expected:
the number, or 5123;phone-context=Redmond, or the whole Request-URI with
--domain; an empty one expects that no rule makes a number of it.

Exit code 1 when a case is not met; with NUMBERs, when one becomes no number.`,
		Example: `  ocphone dialplan test plan.json 5123 '(425) 555-0100' 911
  ocphone dialplan test profile.xml cases.csv --junit > test.xml
  ocphone dialplan test profile.xml 5123 --domain example.com`,
		RunE: func(c *cobra.Command, args []string) error {
			p, err := f.readPlan(c.Context(), e, args)
			if err != nil {
				return err
			}
			cases, expecting, err := e.cases(c.Context(), args[1:])
			if err != nil {
				return err
			}
			return e.testPlan(f, args[0], p, cases, expecting)
		},
	}
	return f.register(c, true, true)
}

// cases reads the cases of a file, or makes one for each number, without an
// expected result.
func (e environment) cases(ctx context.Context, args []string) (cases []dialplan.Case, expecting bool, err error) {
	if len(args) == 0 {
		return nil, false, usagef("test what? Give numbers, or a CSV file with the columns input,expected")
	}
	if len(args) == 1 && strings.EqualFold(filepath.Ext(args[0]), ".csv") {
		document, err := e.readFile(ctx, args[0])
		if err != nil {
			return nil, true, err
		}
		if cases, err = dialplan.ReadCases(document); err != nil {
			return nil, true, usagef("%s: %w", args[0], err)
		}
		return cases, true, nil
	}
	for _, a := range args {
		cases = append(cases, dialplan.Case{Input: a})
	}
	return cases, false, nil
}

// testRow is the outcome of one case.
type testRow struct {
	dialplan.Case
	OK       bool            `json:"ok"`
	Got      string          `json:"got"`
	Sentence string          `json:"sentence"`
	Result   dialplan.Result `json:"result"`
}

func (e environment) testPlan(f planFlags, file string, plan dialplan.Plan, cases []dialplan.Case,
	expecting bool) error {
	c := dialplan.Compile(plan, dialplan.Options{})
	rows, met := []testRow{}, 0
	for _, x := range cases {
		r := c.Translate(x.Input)
		row := testRow{Case: x, Got: r.String(), Sentence: r.Sentence(), Result: r}
		if f.domain != "" {
			row.Got = r.URI(f.domain)
		}
		if row.OK = r.Kind != dialplan.PhoneContext && r.Kind != dialplan.Nothing; expecting {
			row.OK = x.Matches(r, f.domain)
		}
		if rows = append(rows, row); row.OK {
			met++
		}
	}
	var err error
	switch {
	case e.json:
		err = e.document(struct {
			OK      bool            `json:"ok"`
			Plan    string          `json:"plan"`
			Skipped []dialplan.Skip `json:"skipped,omitempty"`
			Cases   []testRow       `json:"cases"`
		}{met == len(rows), plan.Name, c.Skipped(), rows})
	case f.junit:
		err = junitOfTest(filepath.Base(file), plan, rows).write(e.out)
	default:
		e.printer().test(plan, c.Skipped(), rows, expecting)
	}
	if expecting {
		return verdict(met == len(rows), err, "%d of %d cases met", met, len(rows))
	}
	return verdict(met == len(rows), err, "%d of %d became a number", met, len(rows))
}

// test prints translations, which are expected ones if expecting.
func (p *printer) test(plan dialplan.Plan, skipped []dialplan.Skip, rows []testRow, expecting bool) {
	p.line(bold, "%s", planTitle(plan.Name, len(plan.Rules)))
	printSkipped(p, skipped)
	inputWidth := 0
	for _, row := range rows {
		inputWidth = max(inputWidth, view.Width(printable(row.Input)))
	}
	inputWidth = min(inputWidth, 30)
	met := 0
	for _, row := range rows {
		text := row.Got
		switch {
		case row.OK:
			met++
		case expecting:
			text += ", expected " + orNone(row.Expected)
		}
		p.wrap(signOf(p, row.OK)+" "+pad(printable(row.Input), inputWidth)+"  ", text+": "+row.Sentence, "")
		printSkipped(p, row.Result.Skipped)
	}
	if expecting {
		p.line("", "%d of %d cases met", met, len(rows))
	}
}

// orNone is the result that a case expects, in words.
func orNone(expected string) string { return cmp.Or(expected, "no number") }

func signOf(p *printer, ok bool) string {
	if ok {
		return p.paint(green, "✓")
	}
	return p.paint(red, "✗")
}

func printSkipped(p *printer, skipped []dialplan.Skip) {
	for _, s := range skipped {
		p.wrap(p.paint(yellow, "!")+" ", s.Sentence, "")
		p.wrap("  "+p.paint(yellow, "fix: "), s.Fix, "")
	}
}

func (e environment) dialplanExplain() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use: "explain FILE NUMBER…", Short: "Show which rule made what of a number, and why the others did not match",
		Example: `  ocphone dialplan explain plan.json 5123
  ocphone dialplan explain profile.xml '(425) 555-0100' --domain example.com --json`,
		RunE: func(c *cobra.Command, args []string) error {
			plan, err := f.readPlan(c.Context(), e, args)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return usagef("explain what? Give numbers after the FILE")
			}
			compiled := dialplan.Compile(plan, dialplan.Options{})
			explained := []dialplan.Explanation{}
			for _, a := range args[1:] {
				explained = append(explained, compiled.Explain(a))
			}
			if e.json {
				return e.document(struct {
					Plan    string                 `json:"plan"`
					Numbers []dialplan.Explanation `json:"numbers"`
				}{plan.Name, explained})
			}
			p := e.printer()
			for i, x := range explained {
				if i > 0 {
					p.blank()
				}
				p.explanation(x, f.domain)
			}
			return nil
		},
	}
	return f.register(c, false, true)
}

var outcomeSigns = map[dialplan.Outcome][2]string{
	dialplan.Applied: {"✓", green}, dialplan.NoMatch: {"·", dim}, dialplan.TooLate: {"·", dim},
	dialplan.LeftOut: {"!", yellow}, dialplan.NotTried: {"·", dim},
}

func (p *printer) explanation(x dialplan.Explanation, domain string) {
	p.line(bold, "%s", x.Dialled)
	if x.Cleaned != x.Dialled {
		p.line("", "cleaned: %s", x.Cleaned)
	}
	for _, a := range x.Attempts {
		if a.Outcome == dialplan.NotTried {
			continue // the sentence below says it once for all
		}
		sign := outcomeSigns[a.Outcome]
		text := a.Why
		if a.Output != "" {
			text = fmt.Sprintf("%s: %s", a.Output, a.Why)
		}
		p.wrap(p.paint(sign[1], sign[0])+" "+p.paint(bold, printable(a.Label))+" ",
			translationText(a.Pattern, a.Translation), dim)
		p.wrap("    ", text, "")
	}
	got := x.String()
	if domain != "" {
		got = x.URI(domain)
	}
	p.wrap("→ ", fmt.Sprintf("%s: %s", got, x.Sentence), "")
}
