package provisioning

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// MaxRules is how many rules of a location profile the phone keeps: twenty
// times what a dial plan of Teams may hold. Numbers that only a later rule
// would match go to the pool as they were dialled, with the profile's name, and
// the pool applies all of its rules (ocs-sip.md 4.2); nothing is dialled wrong.
const MaxRules = 1000

// LocationProfile is the document that holds the normalization rules (R12.1,
// MS-SIPRE 2.2.8), as it is on the wire: nothing is compiled or judged here.
// The JSON form is what a phone keeps across restarts.
type LocationProfile struct {
	Name  string         `json:"name"`  // the phone-context of what no rule translates; empty if the document has none
	Rules []LocationRule `json:"rules"` // in the order in which they are tried
	// ExternalAccessPrefix is what a user types for an outside line, such as 9.
	// Since 2007 R2; absent: empty.
	ExternalAccessPrefix string `json:"external_access_prefix,omitempty"`
	// OptimizeDeviceDialing allows a phone to send before the Call key. Since
	// 2007 R2; absent: false.
	OptimizeDeviceDialing bool     `json:"optimize_device_dialing,omitempty"`
	Oddities              []Oddity `json:"oddities,omitempty"`
}

// LocationRule is one normalization rule (ocs-sip.md 4.1, 4.2).
type LocationRule struct {
	Name        string `json:"name,omitempty"` // not in the schema; kept where a server sends one
	Pattern     string `json:"pattern"`        // .NET regular expression, never empty
	Translation string `json:"translation"`    // .NET replacement pattern, never empty
	// InternalEnterpriseExtension: the result is an internal number. Since 2007
	// R2; absent: false.
	InternalEnterpriseExtension bool `json:"internal_enterprise_extension,omitempty"`
	// ApplicableForDeviceDialing: see OptimizeDeviceDialing. Since 2007 R2;
	// absent: false.
	ApplicableForDeviceDialing bool `json:"applicable_for_device_dialing,omitempty"`
}

const profileDocument = "location profile"

// ParseLocationProfile reads the body of the answer to the SERVICE (ocs-sip.md
// 4.1), in any order of elements and any name space and without regard to case.
// A rule without pattern or translation is left out and told, as are rules
// beyond MaxRules; of an element that comes twice the first holds. The error
// holds a *journal.Failure: keep the profile of before (ocs-sip.md 4.3).
func ParseLocationProfile(body []byte) (LocationProfile, error) {
	root, err := parseTree(body, profileDocument)
	if err != nil {
		return LocationProfile{}, err
	}
	if !root.is("LocationProfileDescription") {
		return LocationProfile{}, wrongRoot(profileDocument, root, "LocationProfileDescription")
	}
	var (
		p     LocationProfile
		odd   notes
		rules int
	)
	if root.space != profileSpace {
		odd.add(Shape, "", root.name, root.space, "This is not the name space of a location profile. It is read all the same.")
	}
	e := elementReader{odd: &odd, seen: map[string]bool{}}
	for _, n := range root.children {
		if n.is("Rule") {
			if rules++; rules > MaxRules {
				continue
			}
			if r, ok := parseRule(n, fmt.Sprintf("rule %d", rules), &odd); ok {
				p.Rules = append(p.Rules, r)
			}
			continue
		}
		switch {
		case n.is("Name"):
			e.text(n, &p.Name)
		case n.is("ExternalAccessPrefix"):
			e.text(n, &p.ExternalAccessPrefix)
		case n.is("OptimizeDeviceDialing"):
			e.boolean(n, &p.OptimizeDeviceDialing)
		default:
			e.unknown(n)
		}
	}
	if p.Name == "" {
		odd.add(Shape, "", "Name", "", "The profile has no name. Numbers that no rule translates are sent without one.")
	}
	if rules > MaxRules {
		odd.add(Limit, "", "Rule", "", fmt.Sprintf("The profile has %d rules; the first %d are kept. What only a later one matches is sent as dialled, for the pool to translate.", rules, MaxRules))
	}
	if rules == 0 {
		odd.add(Shape, "", "Rule", "", "The profile has no rule. Everything is sent as dialled, for the pool to translate.")
	}
	p.Oddities = odd.list()
	return p, nil
}

func parseRule(rule *node, where string, odd *notes) (r LocationRule, ok bool) {
	e := elementReader{where: where + " ", odd: odd, seen: map[string]bool{}}
	for _, n := range rule.children {
		switch {
		case n.is("Name"):
			e.text(n, &r.Name)
		case n.is("Pattern"):
			e.text(n, &r.Pattern)
		case n.is("Translation"):
			e.text(n, &r.Translation)
		case n.is("InternalEnterpriseExtension"):
			e.boolean(n, &r.InternalEnterpriseExtension)
		case n.is("ApplicableForDeviceDialing"):
			e.boolean(n, &r.ApplicableForDeviceDialing)
		default:
			e.unknown(n)
		}
	}
	if r.Pattern == "" || r.Translation == "" {
		odd.add(Shape, "", where, r.Pattern+r.Translation, "A rule needs a pattern and a translation. It is left out.")
		return r, false
	}
	return r, true
}

// elementReader reads the elements of the profile or of one rule.
type elementReader struct {
	where string
	odd   *notes
	seen  map[string]bool // lower-case names
}

func (e elementReader) first(n *node) bool {
	key := strings.ToLower(n.name)
	if e.seen[key] {
		e.odd.add(Duplicate, "", e.where+n.name, n.text, "It is there twice. The first holds.")
		return false
	}
	e.seen[key] = true
	return true
}

// text leaves what is too long out: a rule then lacks it and is left out too.
func (e elementReader) text(n *node, into *string) {
	switch {
	case !e.first(n):
	case len(n.text) > maxValue:
		e.odd.add(Limit, "", e.where+n.name, n.text, fmt.Sprintf("It is longer than %d bytes. It is left out.", maxValue))
	default:
		*into = n.text
	}
}

func (e elementReader) boolean(n *node, into *bool) {
	if !e.first(n) {
		return
	}
	switch strings.ToLower(n.text) {
	case "true", "1":
		*into = true
	case "false", "0", "":
	default:
		e.odd.add(Value, "", e.where+n.name, n.text, "It must be true or false. The default holds: false.")
	}
}

func (e elementReader) unknown(n *node) {
	e.odd.add(Unknown, "", e.where+n.name, n.text, "The phone does not know this name. It is not used.")
}

type profileWriter struct {
	XMLName  xml.Name     `xml:"http://schemas.microsoft.com/2007/03/LocationProfileDescription LocationProfileDescription"`
	Name     string       `xml:"Name"`
	Rules    []ruleWriter `xml:"Rule"`
	Prefix   string       `xml:"ExternalAccessPrefix,omitempty"`
	Optimize bool         `xml:"OptimizeDeviceDialing,omitempty"`
}

type ruleWriter struct {
	Pattern     string `xml:"Pattern"`
	Translation string `xml:"Translation"`
	Internal    bool   `xml:"InternalEnterpriseExtension,omitempty"`
	Device      bool   `xml:"ApplicableForDeviceDialing,omitempty"`
}

// XML writes the profile as a pool sends it, in the order of the schema. What
// is false or empty is left out, as OCS 2007 did; rules' names are not on the
// wire.
func (p LocationProfile) XML() ([]byte, error) {
	w := profileWriter{Name: p.Name, Prefix: p.ExternalAccessPrefix, Optimize: p.OptimizeDeviceDialing}
	for _, r := range p.Rules {
		w.Rules = append(w.Rules, ruleWriter{r.Pattern, r.Translation, r.InternalEnterpriseExtension, r.ApplicableForDeviceDialing})
	}
	return xml.Marshal(w)
}
