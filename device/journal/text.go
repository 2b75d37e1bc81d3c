package journal

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxField bounds one text field of a step, in characters. The longest text that
// the phone writes itself is a fifth of it.
const maxField = 4096

// Printable makes text of unknown origin safe to show: on a terminal, in a
// window, in a report. Every kind of white space becomes a space. Control
// characters (C0, C1), bidirectional and other format characters, unassigned
// code points and bytes that are not UTF-8 become U+FFFD, so that they can
// neither move the cursor nor hide or reorder what stands beside them. U+200C
// and U+200D, which only join or separate letters, are removed. Longer text is
// cut to max characters and ends with an ellipsis; 0 means no limit.
//
// It is the one function of the project for this purpose: [Step.Stamp] applies
// it to every field of a step, and the printers to what they print. Cut text
// does not keep the original in memory.
func Printable(s string, max int) string {
	if max <= 0 {
		max = len(s)
	}
	if isPrintable(s) && (len(s) <= max || utf8.RuneCountInString(s) <= max) {
		return s
	}
	var b strings.Builder
	n := 0
	for _, r := range s { // an invalid byte is U+FFFD
		switch {
		case r == '\u200c' || r == '\u200d':
			continue
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			r = utf8.RuneError
		}
		if n == max {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// PrintableLines is text with each of its lines made printable.
func PrintableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i], 0)
	}
	return strings.Join(lines, "\n")
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Count writes a number with its noun: "1 root", "3 roots".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// List joins names for a sentence; of those after the first most it gives the
// number only.
func List(most int, separator string, names []string) string {
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, separator)
}

// Usagef is a failure with code [Usage] and a formatted text.
func Usagef(format string, args ...any) error {
	return &Failure{Code: Usage, What: fmt.Sprintf(format, args...)}
}
