package exchange

import (
	"encoding/xml"
	"io"
	"slices"

	"github.com/ocphone/ocphone/device/boundedxml"
)

// Reader and writer are separate types
// (docs/protocol/exchange-ews.md#reading-answers-safely): a request is read into a
// tree of node, an answer is written from a tree of elem.

// The namespaces of docs/protocol/exchange-ews.md#transport-and-envelope and
// docs/protocol/exchange-autodiscover.md#autodiscover-request, by the prefix that
// this package reads and writes them with.
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
	maxDepth    = 64
	maxNodes    = 20000
	maxMessages = 5000 // response messages of one request
	maxSearched = 50   // folders of one search
	maxSort     = 50   // fields of a SortOrder
	maxPaths    = 500  // of a shape
)

// node is an element of a request. parse replaces its Name: Local is the name
// with one of the prefixes soap, m, t, r (the request of autodiscover), or with
// the namespace in braces; Space is empty.
type node = boundedxml.Node

// requestLimits are those of a request. Exchange refuses characters that XML 1.0
// forbids.
var requestLimits = boundedxml.Limits{Bytes: maxBody, Depth: maxDepth, Elements: maxNodes, Strict: true}

// parse reads one document. Its errors are *boundedxml.Error.
func parse(b []byte) (*node, error) {
	root, err := boundedxml.Parse(b, requestLimits)
	if err != nil {
		return nil, err
	}
	addPrefixes(root)
	return root, nil
}

func addPrefixes(n *node) {
	n.Name = xml.Name{Local: prefixed(n.Name)}
	for _, c := range n.Children {
		addPrefixes(c)
	}
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

// child returns the first child of n with that name, at each level of a path; nil
// if n is nil or there is none.
func child(n *node, path ...string) *node {
	for _, name := range path {
		n = n.Find(xml.Name{Local: name})
	}
	return n
}

// attr returns the value of an attribute without a namespace; "" if n is nil or
// there is none.
func attr(n *node, name string) string {
	v, _ := n.FindAttr(xmlName(name))
	return v
}

func xmlName(local string) xml.Name { return xml.Name{Local: local} }

// elem is an element of an answer. Its name includes the prefix, which the root
// element must declare.
type elem struct {
	name   string
	attrs  []string // name, value, name, value …
	text   string
	kids   []*elem
	stream func(io.Writer) error // writes a text that is too long for memory
}

// el returns an element with children, without the nil ones.
func el(name string, kids ...*elem) *elem {
	return &elem{name: name, kids: slices.DeleteFunc(kids, func(e *elem) bool { return e == nil })}
}

// tx returns an element with text.
func tx(name, text string) *elem { return &elem{name: name, text: text} }

// attr adds attributes: name, value, name, value …
func (e *elem) attr(attrs ...string) *elem {
	e.attrs = append(e.attrs, attrs...)
	return e
}

// add appends children, without the nil ones.
func (e *elem) add(kids ...*elem) *elem {
	for _, k := range kids {
		if k != nil {
			e.kids = append(e.kids, k)
		}
	}
	return e
}

// writer is the destination of elem.write, such as bufio.Writer.
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
