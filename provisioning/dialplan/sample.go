package dialplan

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
)

// Sizes of samples.
const (
	samplesPerRule = 64
	repeats        = 6   // added to the lowest count where a pattern has no highest one
	maxSample      = 200 // characters
)

// samples generates inputs that pattern should match: the shortest, the longest and
// random ones, the same in each run. exact is false if RE2 cannot express the
// pattern: the inputs are then generated without its look-around, and an input that
// does not match means nothing.
func samples(pattern string, n int) (inputs []string, exact bool) {
	exact = true
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		exact = false
		if re, err = syntax.Parse(withoutLookaround(pattern), syntax.Perl); err != nil {
			return nil, false
		}
	}
	seen := map[string]bool{}
	for i := range n {
		g := generator{rnd: rand.New(rand.NewPCG(uint64(i), 12)), extreme: i}
		g.write(re)
		if s := g.b.String(); !seen[s] && !g.impossible {
			seen[s] = true
			inputs = append(inputs, s)
		}
	}
	return inputs, exact
}

// withoutLookaround removes look-around from a pattern and makes atomic groups plain
// ones.
func withoutLookaround(pattern string) string {
	var b strings.Builder
	depth, inClass := 0, false // depth of the look-around that is being removed
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		wide := 1
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			wide = 2
		case inClass:
			inClass = rest[0] != ']'
		case rest[0] == '[':
			inClass = true
		case depth > 0 && rest[0] == '(':
			depth++
		case depth > 0 && rest[0] == ')':
			depth--
			continue
		case depth > 0:
		case strings.HasPrefix(rest, "(?>"):
			b.WriteString("(?:")
			i += 2
			continue
		default:
			for _, look := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
				if strings.HasPrefix(rest, look) {
					depth = 1
				}
			}
		}
		if depth == 0 {
			b.WriteString(rest[:wide])
		}
		i += wide - 1
	}
	return b.String()
}

// generator writes one sample; the first is the shortest, the second the longest,
// the others are random.
type generator struct {
	b          strings.Builder
	rnd        *rand.Rand
	extreme    int
	impossible bool
}

// pick returns a number from lowest to highest, both included.
func (g *generator) pick(lowest, highest int) int {
	switch {
	case g.extreme == 0 || highest <= lowest:
		return lowest
	case g.extreme == 1:
		return highest
	}
	return lowest + g.rnd.IntN(highest-lowest+1)
}

func (g *generator) write(re *syntax.Regexp) {
	if g.b.Len() > maxSample || g.impossible {
		return
	}
	switch re.Op {
	case syntax.OpNoMatch:
		g.impossible = true
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			g.b.WriteRune(r)
		}
	case syntax.OpCharClass:
		g.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.b.WriteByte(byte('0' + g.pick(0, 9)))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.write(sub)
		}
	case syntax.OpStar:
		g.repeat(re.Sub[0], 0, repeats)
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 1, 1+repeats)
	case syntax.OpQuest:
		g.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		highest := re.Max
		if highest < 0 {
			highest = re.Min + repeats
		}
		g.repeat(re.Sub[0], re.Min, highest)
	case syntax.OpAlternate:
		g.write(re.Sub[g.pick(0, len(re.Sub)-1)])
	}
}

func (g *generator) repeat(sub *syntax.Regexp, lowest, highest int) {
	for range g.pick(lowest, highest) {
		g.write(sub)
	}
}

// keys are the characters of a keypad and of contact cards, digits first.
const keys = "0123456789*#+;=xabcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// class writes a character of a class given by ranges, preferably a digit.
func (g *generator) class(ranges []rune) {
	var digits, others []rune
	for _, k := range keys {
		if !inRanges(ranges, k) {
			continue
		}
		if k <= '9' && k >= '0' {
			digits = append(digits, k)
		} else {
			others = append(others, k)
		}
	}
	switch {
	case len(digits) > 0:
		g.b.WriteRune(digits[g.pick(0, len(digits)-1)])
	case len(others) > 0:
		g.b.WriteRune(others[g.pick(0, len(others)-1)])
	case len(ranges) > 0:
		g.b.WriteRune(ranges[0])
	default:
		g.impossible = true
	}
}

func inRanges(ranges []rune, r rune) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if r >= ranges[i] && r <= ranges[i+1] {
			return true
		}
	}
	return false
}
