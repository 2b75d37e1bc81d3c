package provisioning

import (
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// OddityKind tells oddities apart, for who shows some and not others.
type OddityKind string

// Kinds of oddities.
const (
	Unknown   OddityKind = "unknown"   // a name that the phone does not know: kept, not used
	Value     OddityKind = "value"     // not of the type or out of range: the default holds
	Duplicate OddityKind = "duplicate" // given more than once: the first holds
	Shape     OddityKind = "shape"     // read, though it is not built as the specification says
	Limit     OddityKind = "limit"     // more than the phone keeps: the rest is left out
)

// Oddity is something strange in a document that could be read all the same.
type Oddity struct {
	Kind  OddityKind `json:"kind"`
	Group string     `json:"group,omitempty"` // of the answer; empty for the document as a whole
	Name  string     `json:"name,omitempty"`  // the element or property; "rule 7" in a location profile
	Value string     `json:"value,omitempty"` // as received, cut short
	What  string     `json:"what"`            // a plain sentence: what is odd, and what the phone does
}

// String is the oddity as one line of a step.
func (o Oddity) String() string {
	where := strings.Trim(o.Group+" "+o.Name, " ")
	if o.Value != "" {
		where += fmt.Sprintf(" %q", o.Value)
	}
	if where == "" {
		return o.What
	}
	return where + ": " + o.What
}

// Lines are the oddities as the Details of a step, a line each.
func Lines(oddities []Oddity) []string {
	var lines []string
	for _, o := range oddities {
		lines = append(lines, o.String())
	}
	return lines
}

// collector collects the warnings about one answer.
type collector struct {
	journal.Warnings[Oddity]
}

func (c *collector) add(kind OddityKind, group, name, value, what string) {
	c.Add(Oddity{kind, journal.Excerpt(group), journal.Excerpt(name), journal.Excerpt(value), what})
}

func (c *collector) list() []Oddity {
	return c.List(func(sentence string) Oddity { return Oddity{Kind: Limit, What: sentence} })
}
