package dialplan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dlclark/regexp2"
)

// Time-outs of matching. A normal rule takes a microsecond; the engine checks the
// clock every thousand steps, so that a loaded machine does not skip a normal rule.
const (
	// DefaultMatchTimeout is the limit for one rule.
	DefaultMatchTimeout = 100 * time.Millisecond
	// DefaultBudget is the limit for all rules together; the rules that are left
	// then are not tried.
	DefaultBudget = time.Second
	// budgetCheck is the number of rules between two checks of the budget.
	budgetCheck = 8
)

// The engine's clock ticks every 100 ms unless this is called before its first
// use: time-outs would be up to 200 ms late. docs/peers.md#regexp2-and-net
func init() { regexp2.SetTimeoutCheckPeriod(time.Millisecond) }

// Options of Compile; the zero value is what a phone uses.
type Options struct {
	MatchTimeout time.Duration // of one rule; zero means DefaultMatchTimeout
	Budget       time.Duration // of a whole translation; zero means DefaultBudget
}

// Reason says why a rule is skipped.
type Reason string

const (
	TooLong        Reason = "too-long"         // over MaxRule
	DoesNotCompile Reason = "does-not-compile" // not a .NET regular expression
	OutOfTime      Reason = "slow"             // ran into the time-out, or came after the budget
)

// Skip is a skipped rule, with a sentence and a remedy for display.
type Skip struct {
	Rule     int    `json:"rule"` // from 1, in the order of the document
	Label    string `json:"label"`
	Reason   Reason `json:"reason"`
	Sentence string `json:"sentence"`
	Fix      string `json:"fix"`
}

// Compiled is a plan ready for use. A nil *Compiled is the plan of a phone without
// a location profile.
type Compiled struct {
	plan    Plan
	rules   []rule // those that can be tried, in order
	skipped []Skip
	options Options
}

// rule is a compiled Rule; number is its place in the document, from 1.
type rule struct {
	number int
	*Rule
	re *regexp2.Regexp
}

// Compile prepares the rules of p. It does not fail: a rule that cannot be used is
// skipped, and Skipped lists it.
func Compile(p Plan, o Options) *Compiled {
	if o.MatchTimeout <= 0 {
		o.MatchTimeout = DefaultMatchTimeout
	}
	if o.Budget <= 0 {
		o.Budget = DefaultBudget
	}
	p.Rules = slices.Clone(p.Rules) // the caller may change its own
	c := &Compiled{plan: p, options: o}
	for i := range p.Rules {
		r := &p.Rules[i]
		if n := len(r.Pattern) + len(r.Translation); n > MaxRule {
			c.skip(i+1, TooLong, fmt.Sprintf("its pattern and translation are %d bytes together, %d are allowed", n, MaxRule),
				"split it into several rules")
			continue
		}
		re, err := compile(r.Pattern)
		if err != nil {
			c.skip(i+1, DoesNotCompile, fmt.Sprintf("its pattern is no .NET regular expression: %v", err),
				"correct the pattern; a character such as ( [ * + ? that is dialled itself needs a \\ before it")
			continue
		}
		re.MatchTimeout = o.MatchTimeout
		if _, err := re.Replace("", r.Translation, -1, 0); err != nil { // such as $99999999999; nothing is matched
			c.skip(i+1, DoesNotCompile, fmt.Sprintf("its translation is no .NET replacement pattern: %v", err),
				"correct the translation; write $$ for a dollar sign")
			continue
		}
		c.rules = append(c.rules, rule{i + 1, r, re})
	}
	return c
}

func (c *Compiled) skip(n int, why Reason, sentence, fix string) {
	c.skipped = append(c.skipped, c.plan.skip(n, why, sentence, fix))
}

func (p Plan) skip(n int, why Reason, sentence, fix string) Skip {
	label := p.label(n)
	return Skip{n, label, why, fmt.Sprintf("%s is skipped: %s", label, sentence), fix}
}

// skipAfter returns the Skip of a rule that failed with err on some input.
func (c *Compiled) skipAfter(n int, err error) Skip {
	if errors.Is(err, errEngine) {
		return c.plan.skip(n, DoesNotCompile, err.Error(), "write the pattern in a simpler way")
	}
	return c.plan.skip(n, OutOfTime, fmt.Sprintf("matching took longer than %s", c.options.MatchTimeout),
		`take repetitions inside repetitions such as (\d+)+ out of the pattern: (\d+) matches the same`)
}

// Skipped returns the rules that are never tried, in order.
func (c *Compiled) Skipped() []Skip {
	if c == nil {
		return nil
	}
	return append([]Skip(nil), c.skipped...)
}

// Plan returns the plan that was compiled.
func (c *Compiled) Plan() Plan {
	if c == nil {
		return Plan{}
	}
	p := c.plan
	p.Rules = slices.Clone(p.Rules)
	return p
}

// errEngine is a panic of the matching engine. Patterns come from the network, and
// one of them must not end the process.
var errEngine = errors.New("the matching engine failed on it")

// recoverEngine, deferred, makes a panic of the engine the error errEngine.
func recoverEngine(err *error) {
	if recover() != nil {
		*err = errEngine
	}
}

func compile(pattern string) (re *regexp2.Regexp, err error) {
	defer recoverEngine(&err)
	// docs/protocol/sip-services.md#location-profile-rules: case-sensitive, no options
	re, err = regexp2.Compile(pattern, regexp2.None)
	rewritten := rewrite(pattern)
	if err != nil || rewritten == pattern {
		return re, err
	}
	// regexp2 and rewrite do not agree on where some malformed sets end, such as
	// [5-\-[^\S]]. Such a pattern stays as it is.
	if better, err := regexp2.Compile(rewritten, regexp2.None); err == nil &&
		len(better.GetGroupNumbers()) == len(re.GetGroupNumbers()) {
		return better, nil
	}
	return re, nil
}

// match is .NET's Regex.IsMatch.
func (r rule) match(input []rune) (ok bool, err error) {
	defer recoverEngine(&err)
	return r.re.MatchRunes(input)
}

// replace is .NET's Regex.Replace.
func (r rule) replace(input string) (out string, err error) {
	defer recoverEngine(&err)
	out, err = r.re.Replace(input, r.Translation, -1, -1)
	if out != "" || err != nil {
		return out, err
	}
	// regexp2 v1.12.0 gives "" without an error when a match after the first
	// runs out of time.
	m, err := r.re.FindStringMatch(input)
	for m != nil && err == nil {
		m, err = r.re.FindNextMatch(m)
	}
	return "", err
}
