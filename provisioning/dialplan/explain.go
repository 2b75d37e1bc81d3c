package dialplan

import "fmt"

// Outcome is what one rule did with an input.
type Outcome string

const (
	Applied  Outcome = "applied"  // the first that matched
	NoMatch  Outcome = "no-match" //
	TooLate  Outcome = "too-late" // matches as well, after the first that did
	LeftOut  Outcome = "skipped"  // see Compiled.Skipped, or ran out of time
	NotTried Outcome = "not-asked"
)

// Attempt is one rule of an Explanation.
type Attempt struct {
	Rule        int     `json:"rule"`
	Label       string  `json:"label"`
	Pattern     string  `json:"pattern"`
	Translation string  `json:"translation"`
	Outcome     Outcome `json:"outcome"`
	Output      string  `json:"output,omitempty"` // what it made or would have made
	Why         string  `json:"why"`
}

// Explanation is a Result with what every rule of the plan did.
type Explanation struct {
	Result
	Sentence string    `json:"sentence"`
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Explain translates and says for every rule what it did and why. Unlike Translate,
// it also tries the rules after the one that is applied.
func (c *Compiled) Explain(dialled string) Explanation {
	r := c.Translate(dialled)
	x := Explanation{Result: r, Sentence: r.Sentence()}
	if c == nil {
		return x
	}
	skipped := map[int]Skip{}
	for _, s := range append(c.Skipped(), r.Skipped...) {
		skipped[s.Rule] = s
	}
	usable := map[int]rule{}
	for _, u := range c.rules {
		usable[u.number] = u
	}
	input := []rune(r.Cleaned)
	slow := 0
	for i, it := range c.plan.Rules {
		a := Attempt{Rule: i + 1, Label: c.plan.label(i + 1), Pattern: it.Pattern, Translation: it.Translation}
		s, isSkipped := skipped[i+1]
		switch {
		case r.Kind == Nothing || r.Kind == URI || r.Kind == AsDialled || len(input) > MaxDialled:
			a.Outcome, a.Why = NotTried, x.Sentence
		case i+1 == r.Rule:
			a.Outcome, a.Output, a.Why = Applied, r.Output, "the first rule that matches"
			if r.Kind != E164 {
				a.Why += "; what it makes is no E.164 number"
			}
		case isSkipped:
			a.Outcome, a.Why = LeftOut, s.Sentence
		case slow >= maxSlow:
			a.Outcome, a.Why = LeftOut, "too many rules before it ran out of time"
		default:
			if a = c.attempt(a, usable[i+1], r, input); a.Outcome == LeftOut {
				slow++
			}
		}
		x.Attempts = append(x.Attempts, a)
	}
	return x
}

// maxSlow is how many rules may run out of time before the others are not tried.
const maxSlow = 10

func (c *Compiled) attempt(a Attempt, u rule, r Result, input []rune) Attempt {
	ok, err := u.match(input)
	if ok && err == nil {
		a.Output, err = u.replace(r.Cleaned)
	}
	switch {
	case err != nil:
		a.Outcome, a.Why = LeftOut, c.skipAfter(u.number, err).Sentence
	case ok:
		a.Outcome, a.Why = TooLate, fmt.Sprintf("matches as well, but %s comes first", r.Label)
	default:
		a.Outcome, a.Why = NoMatch, mismatchReason(u.Pattern, input)
	}
	return a
}
