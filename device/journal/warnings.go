package journal

import (
	"fmt"
	"strings"
)

// maxWarnings bounds the warnings about one document: a hostile document could
// cause any number of them.
const maxWarnings = 100

// maxExcerpt bounds a foreign value within a sentence, in characters.
const maxExcerpt = 80

// Warnings collects the warnings about one document: what is wrong with it
// although it can be read. It keeps the first 100 and counts the others. T is
// string, or a type with more details. The zero value is ready for use.
//
//	var warnings journal.Warnings[string]
//	warnings.Add("The rule has no name.")
//	step.Details = warnings.List(func(more string) string { return more })
type Warnings[T any] struct {
	kept []T
	more int
}

// Add keeps w if the limit is not reached.
func (c *Warnings[T]) Add(w T) {
	if len(c.kept) < maxWarnings {
		c.kept = append(c.kept, w)
		return
	}
	c.more++
}

// List returns the warnings in the order of Add, nil if there are none. If some
// were not kept, the last one is last(sentence), whose sentence says how many.
func (c *Warnings[T]) List(last func(sentence string) T) []T {
	if c.more == 0 {
		return c.kept
	}
	return append(c.kept, last(fmt.Sprintf("%s not listed.", Count(c.more, "more warning is", "more warnings are"))))
}

// Excerpt makes a value of a document fit for a sentence: printable, cut to 80
// characters, and without the user and password of a URL.
func Excerpt(s string) string {
	if scheme, rest, is := strings.Cut(s, "://"); is {
		end := len(rest)
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			end = i
		}
		if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
			s = scheme + "://…" + rest[at:]
		}
	}
	return Printable(s, maxExcerpt)
}
