package exchange

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxExpressions is the number of search expressions that Exchange allows
// (ErrorRestrictionTooLong).
const maxExpressions = 255

// propertied is an item or a folder.
type propertied interface {
	// get returns the value of the property that a path names.
	get(path *node) (value string, exists bool)
	// kindOf returns the kind of that property; false if items, or folders, cannot
	// have it. The receiver may be nil or zero.
	kindOf(path *node) (*kind, bool)
}

// kindOf returns text for a property of items that no item of the lab has.
func (*item) kindOf(path *node) (*kind, bool) {
	if path.Name.Local == "t:ExtendedFieldURI" {
		return mapiKind(attr(path, "PropertyType")), true
	}
	if k := kindsOfItems[pathOf(path)]; k != nil {
		return k, true
	}
	return text, !strings.HasPrefix(attr(path, "FieldURI"), "folder:")
}

// judge returns an error if the Restriction or the SortOrder of a request cannot
// be applied to things like of. The schema has checked their form.
func judge(request *node, of propertied) error {
	if order := child(request, "m:SortOrder"); order != nil {
		for _, field := range order.Children {
			if k, ok := of.kindOf(field.Children[0]); !ok || k.compare == nil {
				return codeError("ErrorUnsupportedPathForSortGroup", "")
			}
		}
	}
	if restriction := child(request, "m:Restriction"); restriction != nil {
		count := 0
		return judgeExpression(restriction.Children[0], of, &count)
	}
	return nil
}

func judgeExpression(n *node, of propertied, count *int) error {
	if *count++; *count > maxExpressions {
		return codeError("ErrorRestrictionTooLong", "")
	}
	switch n.Name.Local {
	case "t:And", "t:Or", "t:Not":
		for _, c := range n.Children {
			if err := judgeExpression(c, of, count); err != nil {
				return err
			}
		}
		return nil
	}
	k, ok := of.kindOf(n.Children[0])
	switch {
	case !ok || k.compare == nil:
		return codeError("ErrorUnsupportedPathForQuery", "")
	case n.Name.Local == "t:Exists" && k.flag:
		return codeError("ErrorInvalidPropertyForExists", "")
	case n.Name.Local == "t:Excludes" && k != number:
		return codeError("ErrorUnsupportedPathForQuery", "")
	case n.Name.Local == "t:Excludes":
		if _, err := bitmask(n); err != nil {
			return codeError("ErrorInvalidExcludesRestriction", "")
		}
	case n.Name.Local == "t:Contains" && k.parse != nil:
		return codeError("ErrorUnsupportedPathForQuery", "")
	case comparisons[n.Name.Local] != nil:
		return judgeOperand(n.Children[1].Children[0], k, of)
	}
	return nil
}

// judgeOperand checks the second operand of a comparison with a property of kind
// k.
func judgeOperand(operand *node, k *kind, of propertied) error {
	if operand.Name.Local != "t:Constant" {
		if other, ok := of.kindOf(operand); !ok || other.compare == nil {
			return codeError("ErrorUnsupportedPathForQuery", "")
		}
	} else if _, ok := canonical(k, attr(operand, "Value")); !ok {
		return codeError("ErrorInvalidValueForProperty", "")
	}
	return nil
}

// canonical returns the canonical form of a value of kind k.
func canonical(k *kind, v string) (string, bool) {
	if k.parse == nil {
		return v, true
	}
	return k.parse(v)
}

// bitmask reads that of Excludes: 0x and hexadecimal digits, or decimal ones.
func bitmask(excludes *node) (int64, error) {
	v := strings.ToLower(attr(excludes.Children[1], "Value"))
	if digits, hex := strings.CutPrefix(v, "0x"); hex {
		return strconv.ParseInt(digits, 16, 64)
	}
	return strconv.ParseInt(v, 10, 64)
}

// restrict returns the elements of all that satisfy the Restriction of a request;
// all of them if it has none. judge has accepted it.
func restrict[T any](all []T, request *node, view func(T) propertied) (found []T) {
	restriction := child(request, "m:Restriction")
	if restriction == nil {
		return all
	}
	for _, x := range all {
		if evaluate(view(x), restriction.Children[0]) {
			found = append(found, x)
		}
	}
	return found
}

// evaluate evaluates a search expression.
func evaluate(it propertied, n *node) bool {
	holds := func(c *node) bool { return evaluate(it, c) }
	switch n.Name.Local {
	case "t:And":
		return !slices.ContainsFunc(n.Children, func(c *node) bool { return !holds(c) })
	case "t:Or":
		return slices.ContainsFunc(n.Children, holds)
	case "t:Not":
		return !holds(n.Children[0])
	}
	value, exists := it.get(n.Children[0])
	switch n.Name.Local {
	case "t:Exists":
		return exists
	case "t:Excludes":
		v, err := strconv.ParseInt(value, 10, 64)
		mask, _ := bitmask(n)
		return err != nil || v&mask == 0
	case "t:Contains":
		part := attr(n.Children[1], "Value")
		return exists && slices.ContainsFunc(strings.Split(value, listSeparator), func(v string) bool {
			return matchText(v, part, attr(n, "ContainmentMode"), attr(n, "ContainmentComparison"))
		})
	}
	return evaluateComparison(it, n, value, exists)
}

// comparisons are the search expressions that compare a property with another
// value. d is negative, zero or positive as in cmp.Compare; exists is false if the
// item does not have the property.
var comparisons = map[string]func(exists bool, d int) bool{
	"t:IsEqualTo":              func(exists bool, d int) bool { return exists && d == 0 },
	"t:IsNotEqualTo":           func(exists bool, d int) bool { return !exists || d != 0 },
	"t:IsGreaterThan":          func(exists bool, d int) bool { return exists && d > 0 },
	"t:IsGreaterThanOrEqualTo": func(exists bool, d int) bool { return exists && d >= 0 },
	"t:IsLessThan":             func(exists bool, d int) bool { return exists && d < 0 },
	"t:IsLessThanOrEqualTo":    func(exists bool, d int) bool { return exists && d <= 0 },
}

// evaluateComparison compares value, that of the first child of n, with the
// second.
func evaluateComparison(it propertied, n *node, value string, exists bool) bool {
	k, _ := it.kindOf(n.Children[0])
	operand := n.Children[1].Children[0]
	other := attr(operand, "Value")
	if operand.Name.Local != "t:Constant" {
		other, _ = it.get(operand)
	}
	other, _ = canonical(k, other)
	compares := comparisons[n.Name.Local]
	if value == "" {
		return compares(exists, k.compare(value, other))
	}
	return slices.ContainsFunc(strings.Split(value, listSeparator), func(v string) bool {
		return compares(exists, k.compare(v, other))
	})
}

// parseBoolean reads an xs:boolean.
func parseBoolean(v string) (value, ok bool) {
	switch strings.TrimSpace(v) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// matchText reports whether value contains part in a mode; the default is
// FullString and Exact.
func matchText(value, part, mode, comparison string) bool {
	if strings.Contains(comparison, "Loose") || strings.Contains(comparison, "IgnoreCase") {
		value, part = strings.ToLower(value), strings.ToLower(part)
	}
	if strings.Contains(comparison, "NonSpac") {
		value, part = withoutMarks(value), withoutMarks(part)
	}
	switch mode {
	case "Substring":
		return strings.Contains(value, part)
	case "Prefixed":
		return strings.HasPrefix(value, part)
	case "PrefixOnWords":
		return slices.ContainsFunc(strings.Fields(value), func(w string) bool { return strings.HasPrefix(w, part) })
	case "ExactPhrase":
		return strings.Contains(" "+value+" ", " "+part+" ")
	}
	return value == part // FullString
}

// withoutMarks returns v without its nonspacing characters: "Ødegård" as "Ødegard".
func withoutMarks(v string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(v))
}
