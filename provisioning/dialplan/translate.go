package dialplan

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kind is the kind of a Result.
type Kind string

const (
	E164         Kind = "e164"          // a rule translated it to an E.164 number
	AsDialled    Kind = "as-dialled"    // it began with +: no rule is applied
	URI          Kind = "uri"           // an address, not a number: no rule is applied
	PhoneContext Kind = "phone-context" // no rule matched, or the result is not E.164: the pool translates
	Nothing      Kind = "nothing"       // nothing was dialled
)

// Result is the translation of dialled text, with its evidence.
type Result struct {
	Dialled  string `json:"dialled"`
	Cleaned  string `json:"cleaned"` // the input of the rules
	Kind     Kind   `json:"kind"`
	Number   string `json:"number,omitempty"`   // the number to call, with E164 and AsDialled
	Context  string `json:"context,omitempty"`  // with PhoneContext
	Rule     int    `json:"rule,omitempty"`     // the one that matched, from 1; zero: none
	Label    string `json:"label,omitempty"`    // of that rule
	Output   string `json:"output,omitempty"`   // its result, E.164 or not
	Internal bool   `json:"internal,omitempty"` // an internal number, by that rule
	Skipped  []Skip `json:"skipped,omitempty"`  // rules that ran out of time on this input
}

// Translate applies the first rule that matches to dialled text. No rule is
// applied to the result. docs/protocol/sip-services.md#location-profile-rules,
// docs/protocol/sip-calls.md#dialled-numbers
func (c *Compiled) Translate(dialled string) Result {
	r, done := c.prepare(dialled)
	if done || c == nil {
		return r
	}
	input := []rune(r.Cleaned)
	if len(input) > MaxDialled {
		return r
	}
	start := time.Now()
	for i := range c.rules {
		rule := &c.rules[i]
		if i%budgetCheck == budgetCheck-1 && time.Since(start) > c.options.Budget {
			r.Skipped = append(r.Skipped, c.plan.skip(rule.number, OutOfTime,
				fmt.Sprintf("the rules before it took longer than %s together, and neither it nor those after it were tried",
					c.options.Budget),
				"run `ocphone dialplan lint` on the plan and mend the slow rules"))
			return r
		}
		ok, err := rule.match(input)
		if err == nil && !ok {
			continue
		}
		if err == nil {
			r.Output, err = rule.replace(r.Cleaned)
		}
		if err != nil {
			r.Skipped = append(r.Skipped, c.skipAfter(rule.number, err))
			continue
		}
		r.Rule, r.Label, r.Internal = rule.number, c.plan.label(rule.number), rule.InternalEnterpriseExtension
		if IsE164(r.Output) {
			r.Kind, r.Number, r.Context = E164, r.Output, ""
		}
		return r
	}
	return r
}

// prepare cleans dialled text; done means that no rule applies to it.
// docs/protocol/sip-services.md#location-profile-rules, docs/protocol/sip-calls.md#dialled-numbers
func (c *Compiled) prepare(dialled string) (r Result, done bool) {
	r = Result{Dialled: dialled, Cleaned: strings.TrimSpace(dialled)}
	if hasScheme(r.Cleaned, "tel:") { // in contact cards; never sent in this form
		r.Cleaned = r.Cleaned[len("tel:"):]
	} else if isURI(r.Cleaned) {
		r.Kind = URI
		return r, true
	}
	r.Cleaned = Clean(r.Cleaned)
	switch {
	case r.Cleaned == "":
		r.Kind = Nothing
		return r, true
	case r.Cleaned[0] == '+':
		r.Kind, r.Number = AsDialled, r.Cleaned
		return r, true
	}
	r.Kind, r.Context = PhoneContext, DefaultContext
	if c != nil {
		r.Context = c.plan.context()
	}
	return r, false
}

// Clean removes what is written between digits: white space and - . ( ) /. It keeps
// letters, for ;ext=. docs/protocol/sip-services.md#location-profile-rules
func Clean(dialled string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()/", r) || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, dialled)
}

func hasScheme(s, scheme string) bool {
	return len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme)
}

func isURI(s string) bool {
	return hasScheme(s, "sip:") || hasScheme(s, "sips:") || strings.Contains(s, "@")
}

// IsE164 reports whether s is + and 2 to 15 digits, the first not 0, with or
// without an extension: +14255550123;ext=123.
func IsE164(s string) bool {
	number, ext, extended := strings.Cut(s, ";ext=")
	if len(number) < 3 || len(number) > 16 || number[0] != '+' || number[1] == '0' || !isDigits(number[1:]) {
		return false
	}
	return !extended || ext != "" && len(ext) <= 15 && isDigits(ext)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' { // \d of .NET matches the digits of every script
			return false
		}
	}
	return true
}

// URI returns the Request-URI of the call in a SIP domain; empty if nothing was
// dialled. docs/protocol/sip-calls.md#dialled-numbers
func (r Result) URI(domain string) string {
	switch r.Kind {
	case URI:
		if hasScheme(r.Cleaned, "sip:") || hasScheme(r.Cleaned, "sips:") {
			return r.Cleaned
		}
		return "sip:" + r.Cleaned
	case E164, AsDialled, PhoneContext:
		return "sip:" + r.userPart() + "@" + domain + ";user=phone"
	}
	return ""
}

// String returns the shortest form: the number, the address, or the dialled digits
// with their phone-context.
func (r Result) String() string {
	if r.Kind == URI || r.Kind == Nothing {
		return r.Cleaned
	}
	return r.userPart()
}

func (r Result) userPart() string {
	if r.Kind == PhoneContext {
		return escape(r.Cleaned, userMarks) + ";phone-context=" + escape(r.Context, marks)
	}
	return escape(r.Number, userMarks)
}

// RFC 3261 section 25.1: mark, and user-unreserved beside it.
const (
	marks     = "-_.!~*'()"
	userMarks = marks + "&=+$,;?/"
)

func escape(s, allowed string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(allowed, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Sentence says what the text was translated to and why, for display.
func (r Result) Sentence() string {
	switch {
	case r.Kind == Nothing:
		return "nothing was dialled"
	case r.Kind == URI:
		return "an address: no rule is applied"
	case r.Kind == AsDialled:
		return "it begins with +: no rule is applied"
	case r.Kind == E164:
		return fmt.Sprintf("%s made %s of %s", r.Label, r.Output, r.Cleaned)
	case r.Rule > 0:
		return fmt.Sprintf("%s made %q of %s, which is no E.164 number: the pool is asked to translate what was dialled",
			r.Label, r.Output, r.Cleaned)
	case len([]rune(r.Cleaned)) > MaxDialled:
		return fmt.Sprintf("it is longer than %d characters: no rule is applied", MaxDialled)
	}
	return "no rule matches: the pool is asked to translate what was dialled"
}
