package dialplan

import (
	"fmt"
	"regexp/syntax"
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
	if !anchoredAtStart(re) {
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

// anchoredAtStart reports whether a match can begin at the beginning of the input only.
func anchoredAtStart(re *syntax.Regexp) bool { return anchored(re, true) }

// anchoredAtEnd reports whether a match can end at the end of the input only.
func anchoredAtEnd(re *syntax.Regexp) bool { return anchored(re, false) }

func anchored(re *syntax.Regexp, start bool) bool {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpBeginLine:
		return start
	case syntax.OpEndText, syntax.OpEndLine:
		return !start
	case syntax.OpCapture:
		return anchored(re.Sub[0], start)
	case syntax.OpConcat:
		if len(re.Sub) == 0 {
			return false
		}
		if start {
			return anchored(re.Sub[0], start)
		}
		return anchored(re.Sub[len(re.Sub)-1], start)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !anchored(sub, start) {
				return false
			}
		}
		return len(re.Sub) > 0
	}
	return false
}
