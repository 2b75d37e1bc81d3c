package provisioning

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// node is an element of a document. Documents are small and their order does
// not matter, so they are read into a tree, within bounds (exchange.md 7.2).
type node struct {
	name, space string
	attrs       []xml.Attr
	text        string // of this element itself, white space around it removed
	children    []*node
}

// is compares names without regard to case (device.md 2.7).
func (n *node) is(name string) bool { return strings.EqualFold(n.name, name) }

// attr is the value of an attribute, white space around it removed.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if strings.EqualFold(a.Name.Local, name) && a.Name.Space == "" {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

var errCharset = errors.New("only UTF-8 is read")

// parseTree reads a whole document: no DTD, nothing before or after the root,
// bounded in size, depth and number of elements.
func parseTree(body []byte, document string) (*node, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a byte order mark of UTF-8 is none of its text
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return nil, malformed(document, "It is empty.", ErrNoBody)
	case len(body) > MaxBody:
		return nil, malformed(document, fmt.Sprintf("It has %d bytes, more than the %d that are read.", len(body), MaxBody), nil)
	case bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.IndexByte(body[:min(len(body), 4)], 0) >= 0:
		return nil, malformed(document, "It is UTF-16 or UTF-32.", errCharset)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("it says that it is %s: %w", shown(charset), errCharset)
	}
	b := builder{document: document}
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, malformed(document, "It is no XML.", err)
		}
		if err := b.take(t); err != nil {
			return nil, err
		}
	}
	if b.root == nil {
		return nil, malformed(document, "It has no element.", nil)
	}
	return b.root, nil
}

// builder grows the tree token by token.
type builder struct {
	document string
	root     *node
	open     []*node
	texts    [][]byte // of the open elements
	elements int
}

func (b *builder) take(t xml.Token) error {
	switch t := t.(type) {
	case xml.Directive:
		return malformed(b.document, "It has a document type definition, which is never read.", nil)
	case xml.StartElement:
		return b.start(t)
	case xml.EndElement:
		last := len(b.open) - 1
		b.open[last].text = string(bytes.TrimSpace(b.texts[last]))
		b.open, b.texts = b.open[:last], b.texts[:last]
	case xml.CharData:
		if len(b.open) == 0 {
			if len(bytes.TrimSpace(t)) > 0 {
				return malformed(b.document, "Text stands outside of its root element.", nil)
			}
			return nil
		}
		last := len(b.texts) - 1
		b.texts[last] = append(b.texts[last], t...)
	}
	return nil
}

func (b *builder) start(t xml.StartElement) error {
	n := &node{name: t.Name.Local, space: t.Name.Space, attrs: t.Attr}
	if b.elements++; b.elements > maxElements {
		return malformed(b.document, fmt.Sprintf("It has more than %d elements.", maxElements), nil)
	}
	switch {
	case len(b.open) >= maxDepth:
		return malformed(b.document, fmt.Sprintf("Its elements are nested more than %d deep.", maxDepth), nil)
	case len(b.open) > 0:
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, n)
	case b.root != nil:
		return malformed(b.document, fmt.Sprintf("A second document, <%s>, follows the first.", shown(n.name)), nil)
	default:
		b.root = n
	}
	b.open = append(b.open, n)
	b.texts = append(b.texts, nil)
	return nil
}

// shown makes a foreign text fit for a line of a step: short, without
// characters that move the cursor, and without the credentials of a URL.
func shown(s string) string {
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
