package roaming

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ocphone/ocphone/provisioning/internal/xmltree"
)

// document is a kind of body, as failures name it.
type document struct {
	name string
	rule string // public specification
	root []string
}

// parseTree reads a whole document and checks its root element.
func parseTree(body []byte, doc document) (*xmltree.Node, error) {
	root, problem := xmltree.Parse(body, MaxBody)
	if problem != nil {
		return nil, malformed(doc, problem.What, problem.Err)
	}
	if len(doc.root) > 0 && !slices.ContainsFunc(doc.root, root.Is) {
		return nil, malformed(doc, fmt.Sprintf("Its root element is <%s>, not <%s>.", xmltree.Shown(root.Name), strings.Join(doc.root, "> or <")), nil)
	}
	return root, nil
}

// oddities are the lines about one document.
type oddities struct {
	lines []string
	more  int
}

// add tells of an odd value of the element or attribute named.
func (o *oddities) add(name, value, what string) {
	if len(o.lines) >= maxOddities {
		o.more++
		return
	}
	if value != "" {
		name += fmt.Sprintf(" %q", xmltree.Shown(value))
	}
	o.lines = append(o.lines, name+": "+what)
}

func (o *oddities) list() []string {
	if o.more > 0 {
		return append(o.lines, fmt.Sprintf("%d more oddities are not listed.", o.more))
	}
	return o.lines
}

// number is an attribute as an unsigned integer of 32 bits. Without the
// attribute, and with one that is no such number, ok is false.
func (o *oddities) number(n *xmltree.Node, attr string) (value uint32, ok bool) {
	s, given := n.Attr(attr)
	if !given {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		o.add(xmltree.Shown(n.Name)+" "+attr, s, "It must be a whole number of 0 to 4294967295.")
		return 0, false
	}
	return uint32(v), true
}

// yes is a truth value; whatever is none is no.
func (o *oddities) yes(name, value string) bool {
	switch strings.ToLower(value) {
	case "true", "1":
		return true
	case "false", "0", "":
		return false
	}
	o.add(name, value, "It must be true or false. It counts as false.")
	return false
}

// identifier is an address or name that goes back into protocol messages, empty
// if it is none.
func (o *oddities) identifier(name, value string) string {
	if value == "" || len(value) > maxIdentifier || strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) || strings.ContainsRune(" <>\"", c) }) {
		o.add(name, value, fmt.Sprintf("It must have 1 to %d printable characters and no space. It is left out.", maxIdentifier))
		return ""
	}
	return value
}

// address is an identifier without "sip:", which some documents have before it
// and some have not (ocs-sip.md 6).
func (o *oddities) address(name, value string) string {
	bare := value
	for len(bare) >= 4 && strings.EqualFold(bare[:4], "sip:") {
		bare = bare[4:]
	}
	return o.identifier(name, bare)
}

// text is something for a person, cut at maxText bytes.
func (o *oddities) text(name, value string) string {
	if len(value) <= maxText {
		return value
	}
	o.add(name, value, fmt.Sprintf("It has %d bytes. It is cut.", len(value)))
	return strings.TrimSpace(strings.ToValidUTF8(value[:maxText], ""))
}
