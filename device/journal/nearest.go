package journal

import (
	"fmt"
	"slices"
	"strings"
)

// Suggestion is " (is NAME meant?)" for the known name that is most like a mistyped
// one; empty if none is.
func Suggestion(typed string, known []string) string {
	if name := Nearest(typed, known); name != "" {
		return fmt.Sprintf(" (is %s meant?)", name)
	}
	return ""
}

// Nearest is the name that is most like typed, without regard to case: the one that
// the fewest changes make of typed, at most about one for each three bytes. If there is
// none it is the first name that begins with typed, else empty.
func Nearest(typed string, known []string) (name string) {
	typed = strings.ToLower(typed)
	best := 1 + max(1, (len(typed)+1)/3)
	for _, k := range known {
		if d := distance(typed, strings.ToLower(k)); d < best {
			name, best = k, d
		}
	}
	const least = 3 // of a beginning, in characters
	if name != "" || len(typed) < least {
		return name
	}
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(strings.ToLower(k), typed) }); i >= 0 {
		return known[i]
	}
	return ""
}

// distance is the Levenshtein distance: how many characters to insert, remove or replace
// to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0] // of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			replaced := before
			if a[i] != b[j] {
				replaced++
			}
			before = row[j+1]
			row[j+1] = min(replaced, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}
