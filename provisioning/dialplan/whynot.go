package dialplan

import (
	"fmt"
	"regexp/syntax"
	"slices"
)

// mismatchReason says how far an input matches a pattern. It runs the automaton of
// RE2, which shows where the input stops matching. For a pattern that RE2 cannot
// express (look-around, back-references) the answer is general.
func mismatchReason(pattern string, input []rune) string {
	const plain = "the pattern does not match"
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return plain
	}
	if !anchored(re, true) {
		return "no part of it matches the pattern"
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return plain
	}
	at, more := runProgram(prog, input)
	switch {
	case at == 0 && more:
		return fmt.Sprintf("the pattern does not begin with %q", string(input[:1]))
	case at < len(input) && !more:
		return fmt.Sprintf("too long: the pattern ends after %q, and %d more follow", string(input[:at]), len(input)-at)
	case at < len(input):
		return fmt.Sprintf("the pattern fits as far as %q and does not go on with %q", string(input[:at]), string(input[at]))
	case more:
		return fmt.Sprintf("too short: all of %q fits, and the pattern wants more", string(input))
	}
	return plain
}

// runProgram runs prog over input from its beginning. at is how many characters
// match; more reports whether the pattern can continue there with another one.
func runProgram(prog *syntax.Prog, input []rune) (at int, more bool) {
	threads := reachable(prog, []uint32{uint32(prog.Start)}, input, 0)
	for i, r := range input {
		var next []uint32
		for _, pc := range threads {
			if inst := &prog.Inst[pc]; inst.MatchRune(r) {
				next = append(next, inst.Out)
			}
		}
		if len(next) == 0 {
			return i, len(threads) > 0
		}
		threads = reachable(prog, next, input, i+1)
	}
	return len(input), len(threads) > 0
}

// reachable returns the instructions that read a character and are reached from pcs
// at position i without reading one.
func reachable(prog *syntax.Prog, pcs []uint32, input []rune, i int) (threads []uint32) {
	before, after := rune(-1), rune(-1)
	if i > 0 {
		before = input[i-1]
	}
	if i < len(input) {
		after = input[i]
	}
	holds := syntax.EmptyOpContext(before, after)
	seen := map[uint32]bool{}
	for len(pcs) > 0 {
		pc := pcs[len(pcs)-1]
		pcs = pcs[:len(pcs)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch inst := &prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			pcs = append(pcs, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			pcs = append(pcs, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^holds == 0 {
				pcs = append(pcs, inst.Out)
			}
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			threads = append(threads, pc)
		}
	}
	return threads
}

// anchored reports whether a match can begin at the beginning of the input only, or
// with !start, whether it can end at its end only.
func anchored(re *syntax.Regexp, start bool) bool {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpBeginLine:
		return start
	case syntax.OpEndText, syntax.OpEndLine:
		return !start
	case syntax.OpCapture:
		return anchored(re.Sub[0], start)
	case syntax.OpConcat:
		end := len(re.Sub) - 1
		if start {
			end = min(end, 0)
		}
		return end >= 0 && anchored(re.Sub[end], start)
	case syntax.OpAlternate:
		loose := func(sub *syntax.Regexp) bool { return !anchored(sub, start) }
		return len(re.Sub) > 0 && !slices.ContainsFunc(re.Sub, loose)
	}
	return false
}
