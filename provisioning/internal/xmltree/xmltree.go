// Package xmltree reads the small documents of a pool into a tree, within
// bounds and without a document type definition (exchange.md 7.2). What its
// readers make of the elements is theirs.
//
//	root, problem := xmltree.Parse(body, 1<<20)
package xmltree

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Bounds of a document; the deepest known one has eight levels.
const (
	maxDepth    = 32
	maxElements = 1 << 16
	maxShown    = 80 // characters of a foreign text in a line
)

// Node is an element. Order does not matter to the readers, nor does the case
// of names; pools differ in both, and in name spaces.
type Node struct {
	Name, Space string
	Attrs       []xml.Attr
	Text        string // of this element itself, white space around it removed
	Children    []*Node
}

// Is compares names without regard to case.
func (n *Node) Is(name string) bool { return strings.EqualFold(n.Name, name) }

// Attr is the first attribute of that name, prefix or not (xsi:type), white
// space around it removed; ok is false if there is none.
func (n *Node) Attr(name string) (value string, ok bool) {
	for _, a := range n.Attrs {
		if strings.EqualFold(a.Name.Local, name) && a.Name.Space != "xmlns" {
			return strings.TrimSpace(a.Value), true
		}
	}
	return "", false
}

// Value is an attribute, "" without it.
func (n *Node) Value(attr string) string {
	value, _ := n.Attr(attr)
	return value
}

// Child is the first element of that name down a path, nil if there is none.
func (n *Node) Child(path ...string) *Node {
	for _, name := range path {
		var next *Node
		for _, c := range n.Children {
			if c.Is(name) {
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

// Problem is why a document cannot be read.
type Problem struct {
	What string // a plain sentence
	Err  error  // the cause, may be nil
}

func (p *Problem) Error() string {
	if p.Err != nil {
		return p.What + " " + p.Err.Error()
	}
	return p.What
}

func (p *Problem) Unwrap() error { return p.Err }

// ErrEmpty is the cause for a body of nothing but white space.
var ErrEmpty = errors.New("there is no body")

var errCharset = errors.New("only UTF-8 is read")

// Parse reads a whole document of at most so many bytes: nothing before or
// after the root, bounded in depth and number of elements.
func Parse(body []byte, most int) (*Node, *Problem) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a byte order mark of UTF-8 is none of its text
	switch {
	case len(body) > most:
		return nil, &Problem{What: fmt.Sprintf("It has %d bytes, more than the %d that are read.", len(body), most)}
	case len(bytes.TrimSpace(body)) == 0:
		return nil, &Problem{"It is empty.", ErrEmpty}
	case bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.IndexByte(body[:min(len(body), 4)], 0) >= 0:
		return nil, &Problem{"It is UTF-16 or UTF-32.", errCharset}
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("it says that it is %s: %w", Shown(charset), errCharset)
	}
	var b builder
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, &Problem{"It is no XML.", err}
		}
		if what := b.take(t); what != "" {
			return nil, &Problem{What: what}
		}
	}
	if b.root == nil {
		return nil, &Problem{What: "It has no element."}
	}
	return b.root, nil
}

// builder grows the tree token by token; its methods say what is wrong.
type builder struct {
	root     *Node
	open     []*Node
	texts    [][]byte // of the open elements
	elements int
}

func (b *builder) take(t xml.Token) (what string) {
	switch t := t.(type) {
	case xml.Directive:
		return "It has a document type definition, which is never read."
	case xml.StartElement:
		return b.start(t)
	case xml.EndElement:
		last := len(b.open) - 1
		b.open[last].Text = string(bytes.TrimSpace(b.texts[last]))
		b.open, b.texts = b.open[:last], b.texts[:last]
	case xml.CharData:
		if last := len(b.texts) - 1; last >= 0 {
			b.texts[last] = append(b.texts[last], t...)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return "Text stands outside of its root element."
		}
	}
	return ""
}

func (b *builder) start(t xml.StartElement) (what string) {
	n := &Node{Name: t.Name.Local, Space: t.Name.Space, Attrs: t.Attr}
	if b.elements++; b.elements > maxElements {
		return fmt.Sprintf("It has more than %d elements.", maxElements)
	}
	switch {
	case len(b.open) >= maxDepth:
		return fmt.Sprintf("Its elements are nested more than %d deep.", maxDepth)
	case len(b.open) > 0:
		parent := b.open[len(b.open)-1]
		parent.Children = append(parent.Children, n)
	case b.root != nil:
		return fmt.Sprintf("A second document, <%s>, follows the first.", Shown(n.Name))
	default:
		b.root = n
	}
	b.open = append(b.open, n)
	b.texts = append(b.texts, nil)
	return ""
}

// Shown makes a foreign text fit for a line of a step: short, without
// characters that move the cursor, and without the credentials of a URL.
func Shown(s string) string {
	if scheme, rest, is := strings.Cut(s, "://"); is {
		end := len(rest)
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			end = i
		}
		if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
			s = scheme + "://…" + rest[at:]
		}
	}
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
