package dialplan

import (
	"fmt"
	"slices"
	"strings"
)

// checkSamples generates inputs from the pattern and tries them: whether one that
// can be dialled matches, and what the translation returns.
func (l *linter) checkSamples(r rule) {
	if l.slow[r.number] {
		return // reported already; its results would depend on the load
	}
	generated, exact := samples(r.Pattern, samplesPerRule)
	var matched []string
	for _, s := range generated {
		if ok, err := r.match([]rune(s)); ok && err == nil {
			matched = append(matched, s)
		}
	}
	method := fmt.Sprintf(methodSamples, len(generated))
	if len(matched) == 0 && !exact {
		l.add(NotExamined, Note, r.number,
			"no inputs that match could be made from the pattern (it has look-around, back-references or the like), so that "+
				"whether it matches, is shadowed or gives E.164 was not examined",
			"check it with inputs of your own: `ocphone dialplan test FILE CASES.csv`", method, "")
		return
	}
	if len(matched) == 0 {
		example := ""
		if len(generated) > 0 {
			example = generated[0]
		}
		l.add(NeverMatches, Error, r.number, "nothing matches the pattern",
			"look for a ^ or $ in the middle, or parts that exclude each other", method, example)
		return
	}
	l.inputs[r.number] = slices.DeleteFunc(slices.Clone(matched), func(s string) bool {
		return s == "" || s[0] == '+' || isURI(s) || hasScheme(s, "tel:") || Clean(s) != s || len([]rune(s)) > MaxDialled
	})
	if len(l.inputs[r.number]) == 0 {
		l.addUnreachable(r, matched[0], method)
		return
	}
	l.checkOutputs(r, method)
}

// addUnreachable reports a pattern that needs characters which the phone removes,
// or input to which the phone does not apply rules.
// docs/protocol/sip-services.md#location-profile-rules
func (l *linter) addUnreachable(r rule, example, method string) {
	fix := "write the pattern for the digits alone"
	sentence := "it matches only text that is cleaned before rules are tried: white space and - . ( ) / are taken away"
	switch {
	case example == "":
		sentence, fix = "it matches only when nothing is dialled", "write what may be dialled between ^ and $"
	case example[0] == '+':
		sentence = "it matches only what begins with +, to which no rule is applied"
		fix = "take the rule out: such a number is dialled as it is"
	case isURI(example):
		sentence, fix = "it matches only addresses, to which no rule is applied", "take the rule out"
	}
	l.add(NeverMatches, Error, r.number, sentence, fix, method, example)
}

// checkOutputs checks the results of the translation.
func (l *linter) checkOutputs(r rule, method string) {
	bad, service, example, output := 0, 0, "", ""
	inputs := l.inputs[r.number]
	for _, s := range inputs {
		out, err := r.replace(s)
		if err != nil || IsE164(out) {
			continue
		}
		if isServiceNumber(out) {
			service++
		}
		if bad++; bad == 1 {
			example, output = s, out
		}
	}
	switch {
	case bad == 0:
	case bad == service:
		l.add(NotE164, Note, r.number, fmt.Sprintf("it makes %q of %s, which has no E.164 form if it is an emergency or "+
			"service number", output, example),
			"leave it as it is; only if it is an extension, give the whole number with + and the country code", method, example)
	case bad == len(inputs):
		l.add(NotE164, Warning, r.number, fmt.Sprintf("what it makes is no E.164 number: %q of %s", output, example),
			"have the translation give + and 2 to 15 digits with the country code; "+
				"else the pool must translate the number again", method, example)
	default:
		l.add(NotE164, Note, r.number, fmt.Sprintf("some of what it makes is no E.164 number: %q of %s", output, example),
			"bound the lengths in the pattern, such as \\d{10} for \\d+, if such numbers are dialled", method, example)
	}
}

// maxServiceNumber is the length of the longest emergency and service numbers,
// such as 116117.
const maxServiceNumber = 6

// isServiceNumber reports whether a number is as short as 112, 911 and 116117, or a
// service code such as *21#. Such numbers have no global form (RFC 3966 5.1.5).
func isServiceNumber(number string) bool {
	if strings.Trim(number, "0123456789*#") != "" {
		return false
	}
	return len(number) >= 3 && len(number) <= maxServiceNumber || strings.ContainsAny(number, "*#")
}

// checkOrder finds rules whose inputs are all matched by earlier rules.
func (l *linter) checkOrder() {
	seen := map[string]int{}
	for i, r := range l.c.rules {
		if i == maxCompared {
			l.add(NotExamined, Note, 0, fmt.Sprintf("the rules after the first %d were not compared with those before them",
				maxCompared), "split the plan", methodReading, "")
			return
		}
		if n, ok := seen[r.Pattern]; ok {
			l.add(Shadowed, Error, r.number, fmt.Sprintf("%s has the same pattern and comes first", l.plan.label(n)),
				"take one of the two out", methodReading, "")
			continue
		}
		seen[r.Pattern] = r.number
		if inputs := l.inputs[r.number]; len(inputs) > 0 {
			l.checkShadowed(r, l.c.rules[:i], inputs)
		}
	}
}

func (l *linter) checkShadowed(r rule, earlier []rule, inputs []string) {
	var by []int
	for _, s := range inputs {
		n := l.firstMatch(earlier, []rune(s))
		if n == 0 {
			return
		}
		if !slices.Contains(by, n) {
			by = append(by, n)
		}
	}
	slices.Sort(by)
	var names []string
	for _, n := range by {
		names = append(names, l.plan.label(n))
	}
	take := "takes"
	if len(by) > 1 {
		take = "take"
	}
	l.add(Shadowed, Error, r.number, fmt.Sprintf("%s %s all that it matches, such as %s", strings.Join(names, ", "), take,
		inputs[0]),
		fmt.Sprintf("move it before rule %d, or take it out", by[0]), fmt.Sprintf(methodSamples, len(inputs)), inputs[0])
}

// firstMatch returns the number of the first rule that matches, 0 if none does. It
// skips slow rules, as the phone does.
func (l *linter) firstMatch(rules []rule, input []rune) int {
	for _, r := range rules {
		if l.slow[r.number] {
			continue
		}
		if ok, err := r.match(input); ok && err == nil {
			return r.number
		}
	}
	return 0
}
