package dialplan

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/dlclark/regexp2/syntax"
)

// noCharacter is a category without dialled characters (surrogates).
const noCharacter = `\p{Cs}`

// extended finds the option x, which makes # begin a comment: a letter of either
// case, not after a minus sign, unless a plus sign comes between. It is compiled at the
// first use: every command would wait for it at its start.
var extended = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\(\?(?:[imnsdu+]|-[imnsdux-]*\+)*x`)
})

// rewrite changes a pattern that regexp2 v1.12.0 reads differently from .NET. In a
// set such as [^\W\d], regexp2 checks the categories up to the first negated one
// only. It also makes such sets itself, from \W|\d and to find where \W?\d may
// begin. The result means the same in .NET; a negated category stands alone in it,
// mostly as [^\w], which regexp2 does not combine with another set. Groups keep
// their numbers. The result for a pattern that does not compile is undefined.
func rewrite(pattern string) string {
	if !slices.ContainsFunc([]string{`\W`, `\D`, `\S`, `\P`},
		func(c string) bool { return strings.Contains(pattern, c) }) {
		return pattern
	}
	var out strings.Builder
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		text, n := "", 1
		switch {
		case strings.HasPrefix(rest, "(?#"):
			if n = strings.IndexByte(rest, ')'); n < 0 {
				n = len(rest)
			}
		case rest[0] == '#' && extended().MatchString(pattern[:i]): // a comment to the end of the line
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
		case rest[0] == '[':
			if text, n = rewriteSet(rest); n == 0 {
				return pattern
			}
		case rest[0] == '\\':
			if n = itemLength(rest); isNegated(rest[:n]) {
				text = positive(rest[:n])
			}
		}
		if text == "" {
			text = rest[:n]
		}
		out.WriteString(text)
		i += n
	}
	return out.String()
}

// rewriteSet rewrites the set at the beginning of s. taken is its length in s; zero
// if it has no end.
func rewriteSet(s string) (text string, taken int) {
	open := "["
	if strings.HasPrefix(s, "[^") {
		open = "[^"
	}
	i, first := len(open), len(open)
	var items, negated []string
	categories := 0
	less, changed := "", false // the set that is subtracted
	for i < len(s) && (s[i] != ']' || i == first) {
		rest := s[i:]
		if strings.HasPrefix(rest, "-[") && i > first {
			var n int
			if less, n = rewriteSet(rest[1:]); n == 0 {
				return "", 0
			}
			changed = less != rest[1:1+n]
			i += 1 + n
			continue
		}
		it := rest[:itemLength(rest)]
		i += len(it)
		if isCategory(it) {
			categories++
		}
		if isNegated(it) {
			negated = append(negated, it)
			it = noCharacter // in its place, so that a - beside it keeps its meaning
		}
		items = append(items, it)
	}
	if i >= len(s) {
		return "", 0
	}
	i++
	if !changed && (len(negated) == 0 || open == "[^" && categories == 1) {
		return s[:i], i
	}
	var out strings.Builder
	out.WriteString("(?>")
	if less != "" {
		out.WriteString("(?!" + less + ")")
	}
	if open == "[^" {
		for _, c := range negated {
			out.WriteString("(?!" + c + ")")
		}
		out.WriteString("[^" + strings.Join(items, "") + "])")
		return out.String(), i
	}
	out.WriteString("(?:[" + strings.Join(items, "") + "]")
	for _, c := range negated {
		out.WriteString("|" + positive(c))
	}
	out.WriteString("))")
	return out.String(), i
}

// itemLength is the length of the first item of s: an escape, a character, or in a
// set [:name:], which .NET ignores.
func itemLength(s string) int {
	switch {
	case strings.HasPrefix(s, `\p{`), strings.HasPrefix(s, `\P{`):
		if n := strings.IndexByte(s, '}'); n > 0 {
			return n + 1
		}
	case strings.HasPrefix(s, `\c`):
		return min(3, len(s))
	case strings.HasPrefix(s, "[:"):
		name, _, ok := strings.Cut(s[2:], ":]")
		name = strings.TrimPrefix(name, "^")
		if ok && !strings.ContainsFunc(name, func(r rune) bool { return !syntax.IsWordChar(r) }) {
			return strings.Index(s, ":]") + 2
		}
	}
	if s[0] == '\\' {
		return min(2, len(s))
	}
	return 1
}

func isCategory(escape string) bool {
	return strings.HasPrefix(escape, `\p{`) || strings.HasPrefix(escape, `\P{`) ||
		len(escape) == 2 && escape[0] == '\\' && strings.IndexByte("wWdDsS", escape[1]) >= 0
}

func isNegated(escape string) bool {
	return isCategory(escape) && strings.IndexByte("WDSP", escape[1]) >= 0
}

// positive returns [^\w] for \W.
func positive(negated string) string {
	return `[^\` + strings.ToLower(negated[1:2]) + negated[2:] + "]"
}
