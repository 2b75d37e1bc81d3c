package roaming

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// document is a kind of body.
type document struct {
	name string
	rule string // public specification
	root []string
}

// parseTree reads a whole document and checks its root element.
func parseTree(body []byte, kind document) (*boundedxml.Node, error) {
	root, err := boundedxml.Parse(body, boundedxml.Limits{Bytes: MaxBody, Depth: maxDepth})
	if err != nil {
		what, cause := boundedxml.Explain(err)
		return nil, malformed(kind, what, cause)
	}
	if len(kind.root) > 0 && !slices.ContainsFunc(kind.root, root.Is) {
		return nil, malformed(kind, fmt.Sprintf("Its root element is <%s>, not <%s>.",
			journal.Excerpt(root.Name.Local), strings.Join(kind.root, "> or <")), nil)
	}
	return root, nil
}

// warningCollector collects the warnings about one document and converts its values.
type warningCollector struct {
	journal.Warnings[string]
}

// add adds a warning about a value of the element or attribute named.
func (c *warningCollector) add(name, value, what string) {
	if value != "" {
		name += fmt.Sprintf(" %q", journal.Excerpt(value))
	}
	c.Add(name + ": " + what)
}

func (c *warningCollector) list() []string {
	return c.List(func(sentence string) string { return sentence })
}

// addReplaced warns of the forbidden characters of a document.
func (c *warningCollector) addReplaced(root *boundedxml.Node) {
	if root.Replaced > 0 {
		c.Add(boundedxml.ReplacedSentence(root.Replaced))
	}
}

// number returns an attribute as an unsigned integer of 32 bits. ok is false if the
// attribute is missing or not such a number.
func (c *warningCollector) number(n *boundedxml.Node, attr string) (value uint32, ok bool) {
	s, given := n.Attr(attr)
	if !given {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		c.add(journal.Excerpt(n.Name.Local)+" "+attr, s, "It must be a whole number of 0 to 4294967295.")
		return 0, false
	}
	return uint32(v), true
}

// boolValue parses true, false, 1 and 0; anything else is a warning and false.
func (c *warningCollector) boolValue(name, value string) bool {
	switch strings.ToLower(value) {
	case "true", "1":
		return true
	case "false", "0", "":
		return false
	}
	c.add(name, value, "It must be true or false. It counts as false.")
	return false
}

// unusable reports whether c is not allowed in an address. U+FFFD replaces a
// character that is lost.
func unusable(c rune) bool { return !unicode.IsPrint(c) || strings.ContainsRune(" <>\"\ufffd", c) }

// identifier returns an address or name that is sent in protocol messages later;
// empty if value cannot be one.
func (c *warningCollector) identifier(name, value string) string {
	if value == "" || len(value) > maxIdentifier || strings.ContainsFunc(value, unusable) {
		c.add(name, value, fmt.Sprintf("It must have 1 to %d printable characters and no space. It is left out.",
			maxIdentifier))
		return ""
	}
	return value
}

// address returns an identifier without "sip:", with which only some documents
// begin it (docs/protocol/sip-services.md#contact-list).
func (c *warningCollector) address(name, value string) string {
	bare := value
	for len(bare) >= 4 && strings.EqualFold(bare[:4], "sip:") {
		bare = bare[4:]
	}
	return c.identifier(name, bare)
}

// cutText returns a text for display, cut to maxText bytes.
func (c *warningCollector) cutText(name, value string) string {
	if len(value) <= maxText {
		return value
	}
	c.add(name, value, fmt.Sprintf("It has %d bytes. It is cut.", len(value)))
	return strings.TrimSpace(strings.ToValidUTF8(value[:maxText], ""))
}
