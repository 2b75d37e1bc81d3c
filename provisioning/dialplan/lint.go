package dialplan

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// FindingID names a kind of finding. It is stable: scripts filter on it.
type FindingID string

const (
	NotUsable       FindingID = "not-usable"     // too long or does not compile: never tried
	Slow            FindingID = "slow"           // ran out of time on a probe
	NoSuchGroup     FindingID = "no-such-group"  // the translation names a group that the pattern does not have
	Unanchored      FindingID = "unanchored"     // ^ or $ is missing
	NeverMatches    FindingID = "never-matches"  // nothing that can be dialled matches
	Shadowed        FindingID = "shadowed"       // earlier rules match everything that it matches
	NotE164         FindingID = "not-e164"       // its result is not an E.164 number
	Duplicate       FindingID = "duplicate-name" // two rules have the same name
	TooMany         FindingID = "too-many-rules" // over TeamsRules
	DocumentWarning FindingID = "odd-document"   // the reader's notes
	NotExamined     FindingID = "not-examined"   // some checks could not be done
)

// Severity of a finding.
type Severity string

const (
	Error   Severity = "error"   // the rule does not do what it says
	Warning Severity = "warning" // probably wrong
	Note    Severity = "note"    // worth knowing, no defect
)

// Finding is one thing that Lint found.
type Finding struct {
	ID       FindingID `json:"id"`
	Severity Severity  `json:"severity"`
	Rule     int       `json:"rule,omitempty"` // from 1; zero: the plan
	Label    string    `json:"label,omitempty"`
	Sentence string    `json:"sentence"`
	Fix      string    `json:"fix"`
	Method   string    `json:"method"`            // how it was found: what it can miss
	Example  string    `json:"example,omitempty"` // an input that shows it
}

// Methods by which a finding was made.
const (
	methodReading = "read from the rule" // certain
	methodProbes  = "probed with long and almost matching inputs"
	methodSamples = "tried with %d inputs made from the pattern: others may behave differently"
)

// Limits of the work, so that Lint ends soon for every plan.
const (
	maxCompared     = 1000 // rules that are compared with earlier ones
	maxSlowReported = 20   // slow rules, after which the others are not probed
)

// linter is one run of Lint.
type linter struct {
	plan     Plan
	c        *Compiled
	findings []Finding
	slow     map[int]bool
	inputs   map[int][]string // by rule: samples that match and can be dialled
}

// Lint examines the rules of p. Findings of the plan come first, then those of
// each rule in order.
//
// A finding that is read from the rule is certain. Shadowed, NeverMatches and
// NotE164 come from inputs generated from each pattern and matched by the real
// engine: other inputs may behave differently, and each finding says how many were
// tried. Slow comes from probes and can miss a slow pattern.
func Lint(p Plan, o Options) []Finding {
	l := &linter{plan: p, c: Compile(p, o), slow: map[int]bool{}, inputs: map[int][]string{}}
	for _, n := range p.Notes {
		l.add(DocumentWarning, Warning, 0, n,
			"write the document as its schema says; the phone goes on without that part", methodReading, "")
	}
	if n := len(p.Rules); n > TeamsRules {
		l.add(TooMany, Warning, 0, fmt.Sprintf("the plan has %d rules; Teams allows %d in a dial plan", n, TeamsRules),
			"join rules with alternatives such as ^(?:9|0)?(\\d{10})$, or split the plan", methodReading, "")
	}
	for _, s := range l.c.skipped {
		l.add(NotUsable, Error, s.Rule, "it"+strings.TrimPrefix(s.Sentence, s.Label), s.Fix, methodReading, "")
	}
	l.checkNames()
	for _, r := range l.c.rules {
		l.checkSpeed(r)
		l.checkReferences(r)
		l.checkAnchors(r)
		l.checkSamples(r)
	}
	l.checkOrder()
	slices.SortStableFunc(l.findings, func(a, b Finding) int { return a.Rule - b.Rule })
	return l.findings
}

func (l *linter) add(id FindingID, s Severity, rule int, sentence, fix, method, example string) {
	f := Finding{ID: id, Severity: s, Rule: rule, Sentence: sentence, Fix: fix, Method: method, Example: example}
	if rule > 0 {
		f.Label = l.plan.label(rule)
	}
	l.findings = append(l.findings, f)
}

func (l *linter) checkNames() {
	first := map[string]int{}
	for i, r := range l.plan.Rules {
		name := strings.ToLower(strings.TrimSpace(r.Name))
		if name == "" {
			continue
		}
		if n, ok := first[name]; ok {
			l.add(Duplicate, Warning, i+1, fmt.Sprintf("rule %d has the same name, %q", n, r.Name),
				"give each rule a name of its own: who changes one by name may get the other", methodReading, "")
			continue
		}
		first[name] = i + 1
	}
}

// checkSpeed looks for catastrophic backtracking: a pattern that tries 2^n ways
// fails on a few dozen characters already.
func (l *linter) checkSpeed(r rule) {
	if len(l.slow) >= maxSlowReported {
		if len(l.slow) == maxSlowReported && !slices.ContainsFunc(l.findings,
			func(f Finding) bool { return f.ID == NotExamined && f.Rule == 0 }) {
			l.add(NotExamined, Note, 0, fmt.Sprintf("%d rules are slow; the others were not probed", maxSlowReported),
				"mend those first, then check again", methodReading, "")
		}
		return
	}
	probes := []string{strings.Repeat("1", 48) + "x", strings.Repeat("0", 48) + "x",
		strings.Repeat("1", MaxDialled-1) + "x"}
	generated, _ := samples(r.Pattern, 3)
	for _, s := range generated {
		if len(s) > 0 && len(s) < MaxDialled/2 {
			last := s[len(s)-1:]
			probes = append(probes, s+strings.Repeat(last, 48)+"!", strings.Repeat(s, 1+48/len(s))+"!")
		}
	}
	for _, p := range probes {
		input := []rune(p)
		if _, err := r.match(input); err == nil {
			continue
		}
		_, err := r.match(input)
		if err == nil { // the machine was busy
			continue
		}
		l.slow[r.number] = true
		s := l.c.skipAfter(r.number, err)
		l.add(Slow, Error, r.number, fmt.Sprintf("%s, on an input of %d characters",
			"it"+strings.TrimPrefix(s.Sentence, s.Label), len(input)), s.Fix, methodProbes, p)
		return
	}
}

// checkReferences checks the references of the translation. .NET reads all digits
// after $ as the number of the group, and does not replace a reference to a group
// that does not exist.
func (l *linter) checkReferences(r rule) {
	for _, ref := range references(r.Translation) {
		if r.hasGroup(ref.name) {
			continue
		}
		fix := "write $$ for a dollar sign, or put the part of the pattern that is meant in parentheses"
		if short := r.shorterGroup(ref.name); short != "" {
			fix = fmt.Sprintf("write ${%s}%s: all digits after $ are taken for the number of the group", short,
				ref.name[len(short):])
		}
		l.add(NoSuchGroup, Error, r.number,
			fmt.Sprintf("the pattern has no group for %s, which stays in the number as it is written", ref.text),
			fix, methodReading, "")
	}
}

type reference struct{ text, name string }

// references finds $1, ${1}, ${name} and a $ without a meaning.
func references(translation string) (refs []reference) {
	for i := 0; i < len(translation); i++ {
		if translation[i] != '$' {
			continue
		}
		rest := translation[i+1:]
		switch n := len(rest) - len(strings.TrimLeft(rest, "0123456789")); {
		case n > 0:
			refs = append(refs, reference{"$" + rest[:n], rest[:n]})
			i += n
		case strings.HasPrefix(rest, "{") && strings.Contains(rest, "}"):
			name := rest[1:strings.Index(rest, "}")]
			refs = append(refs, reference{"${" + name + "}", name})
			i += len(name) + 2
		case rest != "" && strings.ContainsRune("$&`'+_", rune(rest[0])):
			i++
		default:
			refs = append(refs, reference{"$", ""})
		}
	}
	return refs
}

// hasGroup reports whether the pattern has a group of that number or name.
func (r rule) hasGroup(name string) bool {
	if n, err := strconv.Atoi(name); err == nil {
		return slices.Contains(r.re.GetGroupNumbers(), n)
	}
	return name != "" && slices.Contains(r.re.GetGroupNames(), name)
}

// shorterGroup returns the group that was probably meant by $1000.
func (r rule) shorterGroup(name string) string {
	if !isDigits(name) {
		return ""
	}
	for n := len(name) - 1; n > 0; n-- {
		if name[0] != '0' && r.hasGroup(name[:n]) {
			return name[:n]
		}
	}
	return ""
}

// checkAnchors finds patterns that match in the middle of a number; the digits
// around the match stay in the result. docs/protocol/sip-services.md#location-profile-rules
func (l *linter) checkAnchors(r rule) {
	var start, end bool
	method := methodReading
	if re, err := syntax.Parse(r.Pattern, syntax.Perl); err == nil {
		start, end = anchored(re, true), anchored(re, false)
	} else { // look-around and the like: by its first and last characters
		method = "read from the first and last characters of the pattern"
		bare := strings.TrimLeft(strings.ReplaceAll(r.Pattern, "(?:", "("), "(")
		start = strings.HasPrefix(bare, "^") || strings.HasPrefix(bare, `\A`)
		bare = strings.TrimRight(r.Pattern, ")")
		end = strings.HasSuffix(bare, "$") && !strings.HasSuffix(bare, `\$`) ||
			strings.HasSuffix(bare, `\z`) || strings.HasSuffix(bare, `\Z`)
	}
	if start && end {
		return
	}
	missing := "^ at its beginning and $ at its end"
	switch {
	case start:
		missing = "$ at its end"
	case end:
		missing = "^ at its beginning"
	}
	example, sentence := "", fmt.Sprintf(
		"the pattern lacks %s, so that it matches a part of a longer number and the rest stays", missing)
	generated, _ := samples(r.Pattern, 1)
	if len(generated) > 0 && !l.slow[r.number] {
		longer := "77" + generated[0]
		if start {
			longer = generated[0] + "77"
		}
		if ok, err := r.match([]rune(longer)); ok && err == nil {
			if out, err := r.replace(longer); err == nil {
				example = longer
				sentence += fmt.Sprintf(": it makes %q of %s", out, longer)
			}
		}
	}
	l.add(Unanchored, Warning, r.number, sentence,
		"write ^ before and $ after the whole pattern; around alternatives put (?:…)", method, example)
}
