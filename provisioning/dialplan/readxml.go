package dialplan

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// Namespace of the location profile document. docs/protocol/sip-services.md#location-profile
const Namespace = "http://schemas.microsoft.com/2007/03/LocationProfileDescription"

// clixml is the namespace of what PowerShell's Export-Clixml writes (MS-PSRP 2.2.5).
const clixml = "http://schemas.microsoft.com/powershell/2004/04"

// ContentType of the location profile document. docs/protocol/sip-services.md#location-profile
const ContentType = "application/ms-location-profile-definition+xml"

// Limits on the elements of a document. A location profile has three levels,
// and a rule has four elements in it.
const (
	maxDepth    = 16
	maxElements = 8 * MaxRules
)

// ReadXML reads the one location profile of a pool's answer, whatever the
// order, namespace and neighbours of its elements. docs/protocol/sip-services.md#location-profile
func ReadXML(document []byte) (Plan, error) {
	text, err := decode(document)
	if err != nil {
		return Plan{}, err
	}
	plans, err := readXML(text)
	switch {
	case err != nil:
		return Plan{}, err
	case len(plans) > 1:
		plans[0].Notes = append(plans[0].Notes,
			fmt.Sprintf("The document holds %d location profiles; the first is taken.", len(plans)))
	}
	return plans[0], nil
}

func readXML(text []byte) ([]Plan, error) {
	root, err := boundedxml.Parse(text, boundedxml.Limits{
		Bytes:          2 * MaxDocument, // UTF-16 becomes longer in UTF-8
		Depth:          maxDepth,
		Elements:       maxElements,
		IgnoreEncoding: true, // decode has converted it to UTF-8
	})
	var e *boundedxml.Error
	if errors.As(err, &e) {
		return nil, fmt.Errorf("line %d: %s: %w", e.Line, strings.TrimSuffix(e.What, "."), ErrMalformed)
	}
	if root.Name.Local == "Objs" && root.Name.Space == clixml {
		return nil, formError("the output of Export-Clixml")
	}
	plans, err := readProfiles(root, nil)
	if err == nil && len(plans) == 0 {
		err = fmt.Errorf("it has no element LocationProfileDescription: %w", ErrNoPlan)
	}
	return plans, err
}

// readProfiles appends the location profiles of a tree to plans.
func readProfiles(n *boundedxml.Node, plans []Plan) ([]Plan, error) {
	if n.Name.Local == "LocationProfileDescription" {
		p, err := readProfile(n)
		return append(plans, p), err
	}
	for _, c := range n.Children {
		var err error
		if plans, err = readProfiles(c, plans); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// profileReader reads one location profile.
type profileReader struct {
	Plan
	warnings journal.Warnings[string]
}

func (r *profileReader) warn(format string, a ...any) { r.warnings.Add(fmt.Sprintf(format, a...)) }

func readProfile(n *boundedxml.Node) (Plan, error) {
	var r profileReader
	if n.Replaced > 0 {
		r.warn("%s", boundedxml.ReplacedSentence(n.Replaced))
	}
	seen := map[string]bool{}
	for _, c := range n.Children {
		name := c.Name.Local
		switch {
		case name != "Rule" && seen[name]:
			r.warn("%s is there more than once; the first is taken.", journal.Excerpt(name))
		case name != "Rule":
			seen[name] = true
			r.readField(name, c.Text)
		case len(r.Rules) == MaxRules:
			return Plan{}, fmt.Errorf("it holds more than %d rules: %w", MaxRules, ErrTooLarge)
		default:
			r.readRule(c)
		}
	}
	if r.Name == "" {
		r.warn("The profile has no name; the phone-context is %s.", DefaultContext)
	}
	if len(r.Rules) == 0 {
		r.warn("The profile has no rule.")
	}
	r.Notes = r.warnings.List(func(sentence string) string { return sentence })
	return r.Plan, nil
}

func (r *profileReader) readField(name, value string) {
	switch name {
	case "Name":
		r.Name = strings.TrimSpace(value)
	case "ExternalAccessPrefix":
		r.ExternalAccessPrefix = strings.TrimSpace(value)
	case "OptimizeDeviceDialing":
		var err error
		if r.OptimizeDeviceDialing, err = boolean(name, value); err != nil {
			r.warn("%s is %q, neither true nor false; false is taken.", name, journal.Excerpt(value))
		}
	default:
		r.warn("The element %s is unknown and left out.", journal.Excerpt(name))
	}
}

func (r *profileReader) readRule(rule *boundedxml.Node) {
	var e entry
	seen := map[string]bool{}
	n := len(r.Rules) + 1
	for _, c := range rule.Children {
		name := c.Name.Local
		if seen[name] {
			r.warn("Rule %d has %s more than once; the first is taken.", n, journal.Excerpt(name))
			continue
		}
		seen[name] = true
		// .NET matches white space around a pattern literally; the white space of
		// a pretty-printer can never match dialled digits.
		known, err := e.set(name, c.Value())
		switch {
		case err != nil:
			r.warn("Rule %d: %s is %q, neither true nor false; false is taken.", n, name, journal.Excerpt(c.Text))
		case !known:
			r.warn("Rule %d: the element %s is unknown and left out.", n, journal.Excerpt(name))
		}
	}
	for _, element := range []string{"Pattern", "Translation"} {
		if !seen[element] {
			r.warn("Rule %d has no %s.", n, element)
		}
	}
	r.Rules = append(r.Rules, e.rule)
}

// XML writes the location profile document of p, with the elements in the order of
// the schema and without the names of rules. docs/protocol/sip-services.md#location-profile
func (p Plan) XML() ([]byte, error) {
	p.Name = p.context()
	return xml.Marshal(struct {
		XMLName xml.Name `xml:"http://schemas.microsoft.com/2007/03/LocationProfileDescription LocationProfileDescription"`
		Plan
	}{Plan: p})
}
