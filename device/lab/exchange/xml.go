package exchange

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Reader and writer are separate types (exchange.md 7.2): a request becomes a
// tree of node, an answer is written from a tree of elem.

// The namespaces of exchange.md 2.1 and 1.2, by the prefix that this package
// reads and writes them with.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsErrors   = "http://schemas.microsoft.com/exchange/services/2006/errors"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
	nsRequest  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
)

// Bounds of a request, beside maxBody; no source.
const (
	maxDepth       = 64
	maxNodes       = 20000
	maxMessages    = 5000 // ids in one request
	maxSearched    = 50   // folders of one search
	maxRestriction = 200  // elements of a Restriction
	maxPaths       = 500  // of a shape
)

// node is an element of a request. Its name has one of the prefixes soap, m, t,
// r (autodiscover's request), or the namespace in braces.
type node struct {
	name      string
	attrs     []xml.Attr
	text      []byte
	kids      []*node
	line, col int
}

// xmlError is a request that is no XML, or not the XML that it must be.
type xmlError struct {
	violation string
	line, col int
}

func (e *xmlError) Error() string {
	return fmt.Sprintf("line %d, position %d: %s", e.line, e.col, e.violation)
}

func prefixed(n xml.Name) string {
	switch n.Space {
	case nsSOAP:
		return "soap:" + n.Local
	case nsMessages:
		return "m:" + n.Local
	case nsTypes:
		return "t:" + n.Local
	case nsRequest:
		return "r:" + n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// parse reads one document: no DTD, nothing behind the root, bounded.
func parse(b []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	fail := func(violation string) (*node, error) {
		line, col := d.InputPos()
		return nil, &xmlError{violation, line, col}
	}
	var root *node
	var open []*node
	count := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if root == nil {
				return fail("there is no element")
			}
			return root, nil
		}
		if err != nil {
			return fail(err.Error())
		}
		switch token := token.(type) {
		case xml.Directive:
			return fail("a document type declaration is not allowed")
		case xml.StartElement:
			if count++; count > maxNodes || len(open) == maxDepth {
				return fail("the request is too large or too deep")
			}
			line, col := d.InputPos()
			n := &node{name: prefixed(token.Name), attrs: slices.Clone(token.Attr), line: line, col: col}
			switch {
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, n)
			case root != nil:
				return fail("there is more than one root element")
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.text = append(parent.text, token...)
			} else if len(bytes.TrimSpace(token)) > 0 {
				return fail("there is text outside of the root element")
			}
		}
	}
}

// kid is n's first child of that name, nil when n or the child is missing.
func (n *node) kid(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		i := slices.IndexFunc(n.kids, func(k *node) bool { return k.name == name })
		if i < 0 {
			return nil
		}
		n = n.kids[i]
	}
	return n
}

// size is how many elements n has in it, itself included.
func (n *node) size() int {
	if n == nil {
		return 0
	}
	total := 1
	for _, k := range n.kids {
		total += k.size()
	}
	return total
}

// attr is an attribute without a namespace.
func (n *node) attr(name string) string {
	if n != nil {
		for _, a := range n.attrs {
			if a.Name.Space == "" && a.Name.Local == name {
				return a.Value
			}
		}
	}
	return ""
}

// value is n's text without the blanks around it.
func (n *node) value() string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(string(n.text))
}

// elem is an element of an answer. Its name is written as it is, prefix
// included; the prefixes are declared by whoever writes the root.
type elem struct {
	name   string
	attrs  []string // name, value, name, value …
	text   string
	kids   []*elem
	stream func(io.Writer) error // writes the text, when it is too long to hold
}

// el is an element with children; nil ones are left out.
func el(name string, kids ...*elem) *elem {
	return &elem{name: name, kids: slices.DeleteFunc(kids, func(e *elem) bool { return e == nil })}
}

// tx is an element with text.
func tx(name, text string) *elem { return &elem{name: name, text: text} }

// attr adds attributes, name and value in turn.
func (e *elem) attr(attrs ...string) *elem {
	e.attrs = append(e.attrs, attrs...)
	return e
}

// add appends children, nil ones left out.
func (e *elem) add(kids ...*elem) *elem {
	for _, k := range kids {
		if k != nil {
			e.kids = append(e.kids, k)
		}
	}
	return e
}

// writer is what elem writes to: bytes.Buffer and bufio.Writer.
type writer interface {
	io.Writer
	io.StringWriter
}

func (e *elem) write(w writer) error {
	_, _ = w.WriteString("<" + e.name)
	for i := 0; i+1 < len(e.attrs); i += 2 {
		_, _ = w.WriteString(" " + e.attrs[i] + `="`)
		_ = xml.EscapeText(w, []byte(e.attrs[i+1]))
		_, _ = w.WriteString(`"`)
	}
	if e.text == "" && e.kids == nil && e.stream == nil {
		_, err := w.WriteString("/>")
		return err
	}
	_, _ = w.WriteString(">")
	_ = xml.EscapeText(w, []byte(e.text))
	if e.stream != nil {
		if err := e.stream(w); err != nil {
			return err
		}
	}
	for _, k := range e.kids {
		if err := k.write(w); err != nil {
			return err
		}
	}
	_, err := w.WriteString("</" + e.name + ">")
	return err
}
