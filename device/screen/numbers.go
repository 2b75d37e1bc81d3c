package screen

import (
	"strings"
	"unicode"
)

// telephone is a number for comparison: without a scheme and without what is
// written between digits, its extension as ;ext= (RFC 3966 section 5.1.5). Other
// parameters are left out. It is "" for what is no number, such as an address.
func telephone(text string) string {
	if scheme, rest, ok := strings.Cut(text, ":"); ok && strings.EqualFold(scheme, "tel") {
		text = rest
	}
	number, parameters, _ := strings.Cut(strings.Map(withoutSeparators, text), ";")
	if digits := strings.TrimPrefix(number, "+"); digits == "" || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		ext, ok := strings.CutPrefix(parameter, "ext=")
		if ok && ext != "" && strings.Trim(ext, "0123456789") == "" {
			return number + ";ext=" + ext
		}
	}
	return number
}

// readable writes a number as every page does: its digits without what may be
// written between them, and its extension by a word. What is no number stays as it
// is.
func (t *texts) readable(text string) string {
	number, ext, extended := strings.Cut(telephone(text), ";ext=")
	switch {
	case number == "":
		return text
	case extended:
		return t.say("number.extension", "Number", number, "Extension", ext)
	}
	return number
}

// withoutSeparators is for strings.Map: it removes what people write between the
// digits of a number.
func withoutSeparators(r rune) rune {
	if unicode.IsSpace(r) || strings.ContainsRune("-.()/", r) {
		return -1
	}
	return r
}
