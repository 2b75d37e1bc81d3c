package provisioning

import (
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// WarningKind is the kind of a Warning, for programs that show only some kinds.
type WarningKind string

// Kinds of warnings.
const (
	Unknown   WarningKind = "unknown"   // a name that the phone does not know; the value is kept and not used
	Value     WarningKind = "value"     // of a wrong type or out of range; the default is used
	Duplicate WarningKind = "duplicate" // given more than once; the first is used
	Shape     WarningKind = "shape"     // not the form that the specification gives; the value is used
	Limit     WarningKind = "limit"     // more than the phone keeps; the rest is ignored
)

// Warning is something wrong in a document that could be read.
type Warning struct {
	Kind  WarningKind `json:"kind"`
	Group string      `json:"group,omitempty"` // of the answer; empty for the document as a whole
	Name  string      `json:"name,omitempty"`  // the element or property; "rule 7" in a location profile
	Value string      `json:"value,omitempty"` // as received, cut short
	What  string      `json:"what"`            // a sentence: what is wrong, and what the phone does
}

// String returns the warning as one line of a step.
func (o Warning) String() string {
	where := strings.Trim(o.Group+" "+o.Name, " ")
	if o.Value != "" {
		where += fmt.Sprintf(" %q", o.Value)
	}
	if where == "" {
		return o.What
	}
	return where + ": " + o.What
}

// WarningLines returns the warnings as the Details of a step, one line each.
func WarningLines(warnings []Warning) []string {
	var lines []string
	for _, o := range warnings {
		lines = append(lines, o.String())
	}
	return lines
}

// warningCollector collects the warnings about one answer.
type warningCollector struct {
	journal.Warnings[Warning]
}

func (c *warningCollector) add(kind WarningKind, group, name, value, what string) {
	c.Add(Warning{kind, journal.Excerpt(group), journal.Excerpt(name), journal.Excerpt(value), what})
}

func (c *warningCollector) list() []Warning {
	return c.List(func(sentence string) Warning { return Warning{Kind: Limit, What: sentence} })
}
