package boundedxml

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
)

// Node is an element of a document. Pools differ in the case of names and in
// namespaces; Is, Child and Attr do not regard them. Exchange is exact; Find
// and FindAttr are too.
type Node struct {
	Name     xml.Name // Space is the namespace, or an undeclared prefix
	Attrs    []xml.Attr
	Text     string // directly inside this element, white space included
	Children []*Node

	Line, Column int // behind the start tag; from 1, the column in bytes
	// Replaced counts the forbidden characters that became U+FFFD in this
	// element and in those inside it.
	Replaced int
}

// Parse reads a whole document into a tree. Every error is an *Error.
func Parse(body []byte, l Limits) (*Node, error) {
	d := NewDecoder(bytes.NewReader(body), l)
	var root *Node
	var open []*Node
	var texts [][]byte // of the open elements
	for {
		before := d.Replaced()
		t, err := d.Token()
		if err == io.EOF {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		last := len(open) - 1
		switch t := t.(type) {
		case xml.StartElement:
			n := &Node{Name: t.Name, Attrs: t.Attr, Replaced: d.Replaced() - before}
			n.Line, n.Column = d.InputPos()
			if last >= 0 {
				open[last].Children = append(open[last].Children, n)
			} else {
				root = n
			}
			open, texts = append(open, n), append(texts, nil)
		case xml.EndElement:
			n := open[last]
			n.Text = string(texts[last])
			open, texts = open[:last], texts[:last]
			if last > 0 {
				open[last-1].Replaced += n.Replaced
			}
		case xml.CharData:
			if last >= 0 {
				texts[last] = append(texts[last], t...)
				open[last].Replaced += d.Replaced() - before
			}
		}
	}
}

// Is compares the local name without regard to case.
func (n *Node) Is(local string) bool { return strings.EqualFold(n.Name.Local, local) }

// Child returns the first element with that local name, in any case, at each
// level of a path; nil if n is nil or there is none.
func (n *Node) Child(path ...string) *Node {
	for _, local := range path {
		n = n.first(func(c *Node) bool { return c.Is(local) })
	}
	return n
}

// Find returns the first element with exactly that name and namespace, at each
// level of a path; nil if n is nil or there is none.
func (n *Node) Find(path ...xml.Name) *Node {
	for _, name := range path {
		n = n.first(func(c *Node) bool { return c.Name == name })
	}
	return n
}

// FindAll returns the children with exactly that name and namespace.
func (n *Node) FindAll(name xml.Name) []*Node {
	var all []*Node
	for _, c := range n.Children {
		if c.Name == name {
			all = append(all, c)
		}
	}
	return all
}

func (n *Node) first(wanted func(*Node) bool) *Node {
	if n == nil {
		return nil
	}
	if i := slices.IndexFunc(n.Children, wanted); i >= 0 {
		return n.Children[i]
	}
	return nil
}

// Value returns the text without the white space around it; "" if n is nil.
func (n *Node) Value() string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.Text)
}

// Attr returns the first attribute with that local name, in any case and with
// any prefix (xsi:type), without the white space around it; ok is false if n is
// nil or there is none. Declarations of prefixes are not attributes here.
func (n *Node) Attr(local string) (value string, ok bool) {
	value, ok = n.attr(func(name xml.Name) bool {
		return strings.EqualFold(name.Local, local) && name.Space != "xmlns"
	})
	return strings.TrimSpace(value), ok
}

// FindAttr returns the first attribute with exactly that name and namespace, as
// it is; an attribute without a prefix has no namespace.
func (n *Node) FindAttr(name xml.Name) (value string, ok bool) {
	return n.attr(func(have xml.Name) bool { return have == name })
}

func (n *Node) attr(wanted func(xml.Name) bool) (value string, ok bool) {
	if n == nil {
		return "", false
	}
	if i := slices.IndexFunc(n.Attrs, func(a xml.Attr) bool { return wanted(a.Name) }); i >= 0 {
		return n.Attrs[i].Value, true
	}
	return "", false
}

// Size returns how many elements a tree has, n included; 0 if n is nil.
func (n *Node) Size() int {
	if n == nil {
		return 0
	}
	size := 1
	for _, c := range n.Children {
		size += c.Size()
	}
	return size
}
