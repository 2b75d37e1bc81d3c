package provisioning

import (
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// WarningKind tells warnings apart, for who shows some and not others.
type WarningKind string

// Kinds of warnings.
const (
	Unknown   WarningKind = "unknown"   // a name that the phone does not know: kept, not used
	Value     WarningKind = "value"     // not of the type or out of range: the default holds
	Duplicate WarningKind = "duplicate" // given more than once: the first holds
	Shape     WarningKind = "shape"     // read, though it is not built as the specification says
	Limit     WarningKind = "limit"     // more than the phone keeps: the rest is left out
)

// Warning is something strange in a document that could be read all the same.
type Warning struct {
	Kind  WarningKind `json:"kind"`
	Group string      `json:"group,omitempty"` // of the answer; empty for the document as a whole
	Name  string      `json:"name,omitempty"`  // the element or property; "rule 7" in a location profile
	Value string      `json:"value,omitempty"` // as received, cut short
	What  string      `json:"what"`            // a plain sentence: what is odd, and what the phone does
}

// String is the warning as one line of a step.
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

// WarningLines are the warnings as the Details of a step, a line each.
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
