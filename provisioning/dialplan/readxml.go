package dialplan

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Namespace of the location profile document. ocs-sip.md 4.1
const Namespace = "http://schemas.microsoft.com/2007/03/LocationProfileDescription"

// ContentType of the location profile document. ocs-sip.md 4.1
const ContentType = "application/ms-location-profile-definition+xml"

// maxDepth of elements; a location profile has three.
const maxDepth = 16

// ReadXML reads the one location profile of a pool's answer, whatever the
// order, namespace and neighbours of its elements. ocs-sip.md 4.1
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
		plans[0].Notes = append(plans[0].Notes, fmt.Sprintf("The document holds %d location profiles; the first is taken.", len(plans)))
	}
	return plans[0], nil
}

func readXML(text []byte) ([]Plan, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // decode made UTF-8 of it
	var plans []Plan
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, notXML(d, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, fmt.Errorf("it has a DTD, which no location profile has: %w", ErrMalformed)
		case xml.StartElement:
			if t.Name.Local == "LocationProfileDescription" {
				p, err := readProfile(d)
				if err != nil {
					return nil, err
				}
				plans = append(plans, p)
			} else if depth++; depth > maxDepth {
				return nil, fmt.Errorf("its elements are nested more than %d deep: %w", maxDepth, ErrMalformed)
			}
		case xml.EndElement:
			depth--
		}
	}
	if len(plans) == 0 {
		return nil, fmt.Errorf("it has no element LocationProfileDescription: %w", ErrNoPlan)
	}
	return plans, nil
}

func notXML(d *xml.Decoder, err error) error {
	line, _ := d.InputPos()
	return fmt.Errorf("line %d: %v: %w", line, err, ErrMalformed)
}

// readProfile reads up to the end of the element whose start was just read.
func readProfile(d *xml.Decoder) (Plan, error) {
	p := Plan{}
	seen := map[string]bool{}
	err := children(d, func(name string) error {
		if name == "Rule" {
			if len(p.Rules) == MaxRules {
				return fmt.Errorf("it holds more than %d rules: %w", MaxRules, ErrTooLarge)
			}
			r, err := readRule(d, &p, len(p.Rules)+1)
			p.Rules = append(p.Rules, r)
			return err
		}
		value, err := content(d, 2)
		if err != nil {
			return err
		}
		if seen[name] {
			p.note("%s is there more than once; the first is taken.", name)
			return nil
		}
		seen[name] = true
		switch name {
		case "Name":
			p.Name = strings.TrimSpace(value)
		case "ExternalAccessPrefix":
			p.ExternalAccessPrefix = strings.TrimSpace(value)
		case "OptimizeDeviceDialing":
			if p.OptimizeDeviceDialing, err = boolean(name, value); err != nil {
				p.note("%s is %q, neither true nor false; false is taken.", name, clip(value))
			}
		default:
			p.note("The element %s is unknown and left out.", clip(name))
		}
		return nil
	})
	if err == nil && p.Name == "" {
		p.note("The profile has no name; the phone-context is %s.", DefaultContext)
	}
	if err == nil && len(p.Rules) == 0 {
		p.note("The profile has no rule.")
	}
	return p, err
}

func readRule(d *xml.Decoder, p *Plan, n int) (Rule, error) {
	var e entry
	seen := map[string]bool{}
	err := children(d, func(name string) error {
		value, err := content(d, 3)
		if err != nil {
			return err
		}
		if seen[name] {
			p.note("Rule %d has %s more than once; the first is taken.", n, clip(name))
			return nil
		}
		seen[name] = true
		// White space around a pattern stands for itself in .NET; that of a
		// pretty-printer can match nothing that was dialled.
		known, err := e.set(name, strings.TrimSpace(value))
		switch {
		case err != nil:
			p.note("Rule %d: %s is %q, neither true nor false; false is taken.", n, name, clip(value))
		case !known:
			p.note("Rule %d: the element %s is unknown and left out.", n, clip(name))
		}
		return nil
	})
	for _, must := range []string{"Pattern", "Translation"} {
		if err == nil && !seen[must] {
			p.note("Rule %d has no %s.", n, must)
		}
	}
	return e.rule, err
}

// maxNotes of one document; the oddities of a hostile one are endless.
const maxNotes = 100

func (p *Plan) note(format string, a ...any) {
	if len(p.Notes) < maxNotes {
		p.Notes = append(p.Notes, fmt.Sprintf(format, a...))
	}
}

// clip shortens what somebody else wrote before it is shown.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// children calls each for every child of the element just begun, which each
// reads to its end.
func children(d *xml.Decoder, each func(name string) error) error {
	for {
		token, err := d.Token()
		if err != nil {
			return notXML(d, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return fmt.Errorf("it has a DTD, which no location profile has: %w", ErrMalformed)
		case xml.StartElement:
			if err := each(t.Name.Local); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// content is the text of the element just begun, without that of its children.
func content(d *xml.Decoder, depth int) (string, error) {
	var b strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			return "", notXML(d, err)
		}
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			if depth >= maxDepth {
				return "", fmt.Errorf("its elements are nested more than %d deep: %w", maxDepth, ErrMalformed)
			}
			if _, err := content(d, depth+1); err != nil {
				return "", err
			}
		case xml.EndElement:
			return b.String(), nil
		}
	}
}

// The writer's types, apart from the reader, which takes more than this.
type (
	xmlProfile struct {
		XMLName               xml.Name  `xml:"http://schemas.microsoft.com/2007/03/LocationProfileDescription LocationProfileDescription"`
		Name                  string    `xml:"Name"`
		Rules                 []xmlRule `xml:"Rule"`
		ExternalAccessPrefix  string    `xml:"ExternalAccessPrefix,omitempty"`
		OptimizeDeviceDialing bool      `xml:"OptimizeDeviceDialing,omitempty"`
	}
	xmlRule struct {
		Pattern                     string `xml:"Pattern"`
		Translation                 string `xml:"Translation"`
		InternalEnterpriseExtension bool   `xml:"InternalEnterpriseExtension,omitempty"`
		ApplicableForDeviceDialing  bool   `xml:"ApplicableForDeviceDialing,omitempty"`
	}
)

// XML is the location profile document of p, elements in the order of its
// schema; names of rules are not in it. ocs-sip.md 4.1
func (p Plan) XML() ([]byte, error) {
	x := xmlProfile{Name: p.context(), ExternalAccessPrefix: p.ExternalAccessPrefix, OptimizeDeviceDialing: p.OptimizeDeviceDialing}
	for _, r := range p.Rules {
		x.Rules = append(x.Rules, xmlRule{r.Pattern, r.Translation, r.InternalEnterpriseExtension, r.ApplicableForDeviceDialing})
	}
	return xml.Marshal(x)
}
