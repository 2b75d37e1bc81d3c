package provisioning

import (
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/provisioning/internal/xmltree"
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

// notes collects oddities, at most maxOddities of them.
type notes struct {
	all  []Oddity
	more int
}

func (n *notes) add(kind OddityKind, group, name, value, what string) {
	n.keep(Oddity{kind, xmltree.Shown(group), xmltree.Shown(name), xmltree.Shown(value), what})
}

func (n *notes) keep(o Oddity) {
	if len(n.all) >= maxOddities {
		n.more++
		return
	}
	n.all = append(n.all, o)
}

// list closes the collection: it counts what was not kept.
func (n *notes) list() []Oddity {
	if n.more > 0 {
		n.all = append(n.all, Oddity{Kind: Limit, What: fmt.Sprintf("%d more oddities are not listed.", n.more)})
		n.more = 0
	}
	return n.all
}
