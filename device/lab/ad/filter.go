package ad

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// ternary is the value of a filter, RFC 4511 4.5.1.7. A filter that cannot be
// evaluated is undefined, and so is its negation.
type ternary int8

const (
	isFalse   ternary = -1
	undefined ternary = 0
	isTrue    ternary = 1
)

func ternaryOf(b bool) ternary {
	if b {
		return isTrue
	}
	return isFalse
}

type filter func(*entry) ternary

// parseFilter reads a Filter, RFC 4511 4.5.1.7.
func parseFilter(p *ber.Packet) (filter, error) {
	if p.ClassType != ber.ClassContext {
		return nil, errMalformed
	}
	switch p.Tag {
	case 0, 1: // and, or; empty ones are true and false, RFC 4526
		start, pick := isTrue, func(a, b ternary) ternary { return min(a, b) }
		if p.Tag == 1 {
			start, pick = isFalse, func(a, b ternary) ternary { return max(a, b) }
		}
		parts := make([]filter, len(p.Children))
		for i, c := range p.Children {
			var err error
			if parts[i], err = parseFilter(c); err != nil {
				return nil, err
			}
		}
		return func(e *entry) ternary {
			t := start
			for _, f := range parts {
				t = pick(t, f(e))
			}
			return t
		}, nil
	case 2: // not
		if len(p.Children) != 1 {
			return nil, errMalformed
		}
		f, err := parseFilter(p.Children[0])
		if err != nil {
			return nil, err
		}
		return func(e *entry) ternary { return -f(e) }, nil
	case 3, 5, 6, 8: // equality, ≥, ≤, approximate match (equality in AD)
		if len(p.Children) != 2 {
			return nil, errMalformed
		}
		return parseComparison(text(p.Children[0]), p.Tag, text(p.Children[1])), nil
	case 4:
		return parseSubstrings(p)
	case 7: // present
		name := text(p)
		return func(e *entry) ternary { return ternaryOf(e.attribute(name) != nil) }, nil
	case 9:
		return parseExtensible(p)
	}
	return nil, errMalformed
}

// parseComparison returns a filter that is true if one value of the attribute
// satisfies the comparison: equality byte for byte for octets and without regard
// to case for text, order by collate.
func parseComparison(name string, tag ber.Tag, want string) filter {
	if strings.EqualFold(name, "objectCategory") {
		return parseCategory(want)
	}
	same := strings.EqualFold
	if plain, _, _ := strings.Cut(name, ";"); octetAttributes[strings.ToLower(plain)] {
		same = func(a, b string) bool { return a == b }
	}
	holds := func(v string) bool { return same(v, want) }
	switch tag {
	case 5:
		holds = func(v string) bool { return collate(v, want) >= 0 }
	case 6:
		holds = func(v string) bool { return collate(v, want) <= 0 }
	}
	return func(e *entry) ternary {
		a := e.attribute(name)
		return ternaryOf(a != nil && slices.ContainsFunc(a.values, holds))
	}
}

// parseCategory returns a filter for the DN of a category or the display name of
// a class.
func parseCategory(want string) filter {
	name, ok := categories[strings.ToLower(want)]
	key := rdnKey("CN", name)
	if strings.Contains(want, "=") {
		key, ok = dnKey(want)
	}
	if !ok { // no DN, or no such class
		return func(*entry) ternary { return undefined }
	}
	return func(e *entry) ternary {
		return ternaryOf(e.category == key || parentKey(key) == "" && strings.HasPrefix(e.category, key))
	}
}

// collate orders numbers by value and text without regard to case.
func collate(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// parseSubstrings reads a SubstringFilter: the attribute, then [0] initial, [1]
// any, [2] final in this order.
func parseSubstrings(p *ber.Packet) (filter, error) {
	if len(p.Children) != 2 || len(p.Children[1].Children) == 0 {
		return nil, errMalformed
	}
	name, parts := text(p.Children[0]), p.Children[1].Children
	for i, part := range parts {
		first, last := i == 0, i == len(parts)-1
		if part.ClassType != ber.ClassContext || part.Tag > 2 || part.Tag == 0 && !first || part.Tag == 2 && !last {
			return nil, errMalformed
		}
	}
	return func(e *entry) ternary {
		a := e.attribute(name)
		match := func(v string) bool { return matchSubstrings(strings.ToLower(v), parts) }
		return ternaryOf(a != nil && slices.ContainsFunc(a.values, match))
	}, nil
}

func matchSubstrings(v string, parts []*ber.Packet) bool {
	for _, p := range parts {
		part, ok := strings.ToLower(text(p)), true
		switch p.Tag {
		case 0:
			v, ok = strings.CutPrefix(v, part)
		case 1:
			_, v, ok = strings.Cut(v, part)
		case 2:
			ok = strings.HasSuffix(v, part)
		}
		if !ok {
			return false
		}
	}
	return true
}

// AD's bit-wise matching rules, MS-ADTS 3.1.1.3.4.4.
const (
	ruleBitAnd = "1.2.840.113556.1.4.803"
	ruleBitOr  = "1.2.840.113556.1.4.804"
)

// parseExtensible reads a MatchingRuleAssertion. It supports the bit-wise rules.
// Without a rule the filter is equality; with another rule it is undefined.
func parseExtensible(p *ber.Packet) (filter, error) {
	var rule, name, want string
	for _, c := range p.Children {
		if c.ClassType != ber.ClassContext {
			return nil, errMalformed
		}
		switch c.Tag {
		case 1:
			rule = text(c)
		case 2:
			name = text(c)
		case 3:
			want = text(c)
		}
	}
	if rule == "" && name != "" {
		return parseComparison(name, 3, want), nil
	}
	bits, err := strconv.ParseInt(want, 10, 64)
	if name == "" || err != nil || rule != ruleBitAnd && rule != ruleBitOr {
		return func(*entry) ternary { return undefined }, nil
	}
	return func(e *entry) ternary {
		a := e.attribute(name)
		if a == nil {
			return isFalse
		}
		v, err := strconv.ParseInt(a.values[0], 10, 64)
		if err != nil {
			return undefined
		}
		if rule == ruleBitAnd {
			return ternaryOf(v&bits == bits)
		}
		return ternaryOf(v&bits != 0)
	}, nil
}
