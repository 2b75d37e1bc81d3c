package roaming

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// document is a kind of body, as failures name it.
type document struct {
	name string
	rule string // public specification
	root []string
}

// node is an element of a document. Name spaces are not compared: pools differ
// in them, and the names alone are unambiguous.
type node struct {
	name     string
	attrs    []xml.Attr
	text     string // of this element itself, white space around it removed
	children []*node
}

// is compares names without regard to case.
func (n *node) is(name string) bool { return strings.EqualFold(n.name, name) }

// attr is the first attribute of that name, prefix or not (xsi:type), white
// space around it removed; ok is false if there is none.
func (n *node) attr(name string) (value string, ok bool) {
	for _, a := range n.attrs {
		if strings.EqualFold(a.Name.Local, name) && a.Name.Space != "xmlns" {
			return strings.TrimSpace(a.Value), true
		}
	}
	return "", false
}

// child is the first element of that name down a path, nil if there is none.
func (n *node) child(path ...string) *node {
	for _, name := range path {
		var next *node
		for _, c := range n.children {
			if c.is(name) {
				next = c
				break
			}
		}
		if next == nil {
			return nil
		}
		n = next
	}
	return n
}

var errCharset = errors.New("only UTF-8 is read")

// parseTree reads a whole document: no DTD, nothing before or after the root,
// bounded in size, depth and number of elements.
func parseTree(body []byte, doc document) (*node, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a byte order mark of UTF-8 is none of its text
	switch {
	case len(body) > MaxBody:
		return nil, malformed(doc, fmt.Sprintf("It has %d bytes, more than the %d that are read.", len(body), MaxBody), nil)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, malformed(doc, "It is empty.", nil)
	case bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.IndexByte(body[:min(len(body), 4)], 0) >= 0:
		return nil, malformed(doc, "It is UTF-16 or UTF-32.", errCharset)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("it says that it is %s: %w", shown(charset), errCharset)
	}
	b := builder{doc: doc}
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, malformed(doc, "It is no XML.", err)
		}
		if err := b.take(t); err != nil {
			return nil, err
		}
	}
	if b.root == nil {
		return nil, malformed(doc, "It has no element.", nil)
	}
	for _, name := range doc.root {
		if b.root.is(name) {
			return b.root, nil
		}
	}
	if len(doc.root) == 0 {
		return b.root, nil
	}
	return nil, malformed(doc, fmt.Sprintf("Its root element is <%s>, not <%s>.", shown(b.root.name), strings.Join(doc.root, "> or <")), nil)
}

// builder grows the tree token by token.
type builder struct {
	doc      document
	root     *node
	open     []*node
	texts    [][]byte // of the open elements
	elements int
}

func (b *builder) take(t xml.Token) error {
	switch t := t.(type) {
	case xml.Directive:
		return malformed(b.doc, "It has a document type definition, which is never read.", nil)
	case xml.StartElement:
		return b.start(t)
	case xml.EndElement:
		last := len(b.open) - 1
		b.open[last].text = string(bytes.TrimSpace(b.texts[last]))
		b.open, b.texts = b.open[:last], b.texts[:last]
	case xml.CharData:
		if last := len(b.texts) - 1; last >= 0 {
			b.texts[last] = append(b.texts[last], t...)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return malformed(b.doc, "Text stands outside of its root element.", nil)
		}
	}
	return nil
}

func (b *builder) start(t xml.StartElement) error {
	n := &node{name: t.Name.Local, attrs: t.Attr}
	if b.elements++; b.elements > maxElements {
		return malformed(b.doc, fmt.Sprintf("It has more than %d elements.", maxElements), nil)
	}
	switch {
	case len(b.open) >= maxDepth:
		return malformed(b.doc, fmt.Sprintf("Its elements are nested more than %d deep.", maxDepth), nil)
	case len(b.open) > 0:
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, n)
	case b.root != nil:
		return malformed(b.doc, fmt.Sprintf("A second document, <%s>, follows the first.", shown(n.name)), nil)
	default:
		b.root = n
	}
	b.open = append(b.open, n)
	b.texts = append(b.texts, nil)
	return nil
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
		name += fmt.Sprintf(" %q", shown(value))
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
func (o *oddities) number(n *node, attr string) (value uint32, ok bool) {
	s, given := n.attr(attr)
	if !given {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		o.add(shown(n.name)+" "+attr, s, "It must be a whole number of 0 to 4294967295.")
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

// shown makes a foreign text fit for a line of a step: short, and without
// characters that move the cursor.
func shown(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxShown {
			s = s[:i] + "…"
			break
		}
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
