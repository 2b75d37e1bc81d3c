// Package boundedxml reads XML of unknown origin: the documents of a pool, the
// answers of Exchange and Autodiscover, and, in the lab, the requests of clients.
// It follows XML 1.0 (Fifth Edition) and Namespaces in XML 1.0, by encoding/xml,
// and adds what encoding/xml lacks
// (docs/protocol/exchange-ews.md#reading-answers-safely): limits on bytes, depth,
// elements and attributes, no document type definition, nothing beside the root
// element, and errors with a position and a sentence.
//
// A small document becomes a tree, a value of struct tags, or a stream:
//
//	root, err := boundedxml.Parse(body, boundedxml.Limits{Bytes: 1 << 20})
//	err = boundedxml.Unmarshal(body, boundedxml.Limits{}, &value)
//
//	d := boundedxml.NewDecoder(response.Body, boundedxml.Limits{Bytes: 16 << 20})
//	start, err := d.Root()                          // then Token, Skip, DecodeElement
//	err = boundedxml.EachChild(d.Decoder, read)     // the elements inside it
//	_, err = io.Copy(w, d.Text())                   // a long text, not held in memory
//	err = d.End()                                   // nothing follows the root
//
// Only UTF-8 is read, with or without a byte order mark.
//
// # Forbidden characters
//
// XML 1.0 2.2 forbids most control characters, U+FFFE, U+FFFF and surrogates,
// also as a reference such as &#x11;. Exchange writes them all the same, when a
// user has pasted one into a contact. A reader must not lose a whole list for
// one character, so each forbidden character, forbidden reference and byte that
// is not UTF-8 in text or in an attribute value becomes U+FFFD. Decoder.Replaced
// and Node.Replaced count them. With Limits.Strict they are an error, as they
// are for Exchange.
package boundedxml

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of one document. A zero field has the default of the constant beside
// it.
type Limits struct {
	Bytes      int64 // of the whole document; DefaultBytes
	Depth      int   // levels of elements, the root included; DefaultDepth
	Elements   int   // of the whole document; DefaultElements
	Attributes int   // of one element, namespace declarations included; DefaultAttributes

	// Strict makes a forbidden character an error instead of U+FFFD.
	Strict bool
	// IgnoreEncoding ignores the encoding that the XML declaration names. It is
	// for text that the caller has converted to UTF-8.
	IgnoreEncoding bool
}

// Defaults of Limits. The documents of OCS 2007 and Exchange 2007 are far below
// them (docs/protocol/exchange-ews.md#reading-answers-safely).
const (
	DefaultBytes      = 1 << 20
	DefaultDepth      = 64
	DefaultElements   = 1 << 16
	DefaultAttributes = 256
)

func (l Limits) complete() Limits {
	l.Bytes = cmp.Or(l.Bytes, DefaultBytes)
	l.Depth = cmp.Or(l.Depth, DefaultDepth)
	l.Elements = cmp.Or(l.Elements, DefaultElements)
	l.Attributes = cmp.Or(l.Attributes, DefaultAttributes)
	return l
}

// Causes of an Error, for errors.Is.
var (
	// ErrEmpty: the document has nothing but white space.
	ErrEmpty = errors.New("the document is empty")
	// ErrEncoding: the document is not UTF-8, or says so.
	ErrEncoding = errors.New("only UTF-8 is read")
	// ErrLimit: the document exceeds one of the Limits.
	ErrLimit = errors.New("the document exceeds a limit")
	// ErrDTD: the document has a document type definition.
	ErrDTD = errors.New("a document type definition is not read")
	// ErrCharacter: the document has a forbidden character, and Limits.Strict is set.
	ErrCharacter = errors.New("the document has a forbidden character")
)

// Error says why a document cannot be read. What may contain names of the
// document, cut to a few words.
type Error struct {
	Line, Column int    // of the input after the token that is at fault; from 1, columns in bytes
	What         string // a sentence about the document: "It has a document type definition."
	Err          error  // the cause: one of the variables above, io.ErrUnexpectedEOF, the reader's error, or nil
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.What)
}

func (e *Error) Unwrap() error { return e.Err }

// Explain splits an error of this package for a person: a sentence with the
// position, and the cause, which may be nil. Of another error it is the cause.
func Explain(err error) (sentence string, cause error) {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return "It cannot be read.", err
	case e.Err == ErrEmpty:
		return e.What, e.Err
	}
	return fmt.Sprintf("%s See line %d, column %d.", e.What, e.Line, e.Column), e.Err
}

// Decoder is an xml.Decoder within limits. Use its methods Token, Skip and
// DecodeElement as usual; RawToken does not bind namespaces. Errors of the
// document are *Error, also in DecodeElement.
//
// Token returns io.EOF only after the root element has ended.
type Decoder struct {
	*xml.Decoder
	guard *guard
}

// NewDecoder returns a Decoder that reads r, which it buffers.
func NewDecoder(r io.Reader, l Limits) *Decoder {
	l = l.complete()
	g := &guard{filter: newFilter(r, l), limits: l}
	g.in = xml.NewDecoder(g.filter)
	g.in.CharsetReader = g.charset
	return &Decoder{xml.NewTokenDecoder(g), g}
}

// InputPos returns the position behind the token that was returned last; both
// numbers start at 1 and the column is in bytes.
func (d *Decoder) InputPos() (line, column int) { return d.guard.position() }

// Replaced returns how many forbidden characters have become U+FFFD so far.
func (d *Decoder) Replaced() int { return d.guard.filter.replaced }

// Root reads up to the start tag of the root element.
func (d *Decoder) Root() (xml.StartElement, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if start, ok := t.(xml.StartElement); ok {
			return start, nil
		}
	}
}

// End reads to the end of the document and reports whatever is wrong with the
// rest of it.
func (d *Decoder) End() error {
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Text reads the text that follows the start tag returned last, up to the next
// tag, past the xml.Decoder: neither the text nor a part of it is held in
// memory. White space is left out; references are not resolved and nothing is
// replaced, since base64, for which it is made, has neither. InputPos does not
// count the text. The next Token is the tag that ends it.
func (d *Decoder) Text() io.Reader { return &textReader{d.guard.filter} }

// EachChild calls read for each child of the element whose start tag was
// returned last, and returns at its end tag. read consumes the child with its
// end tag, by Skip, DecodeElement or EachChild.
func EachChild(d *xml.Decoder, read func(xml.StartElement) error) error {
	for {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := read(t); err != nil {
				return err
			}
		}
	}
}

// Unmarshal is xml.Unmarshal for a document within limits.
func Unmarshal(body []byte, l Limits, v any) error {
	d := NewDecoder(bytes.NewReader(body), l)
	if err := d.End(); err != nil {
		return err
	}
	// A second reading, since a decoder of tokens does not fill ",innerxml".
	again := xml.NewDecoder(newFilter(bytes.NewReader(body), d.guard.limits))
	again.CharsetReader = d.guard.charset
	return again.Decode(v)
}

// ReplacedSentence is a warning about n forbidden characters that were replaced.
func ReplacedSentence(n int) string {
	if n == 1 {
		return "It has 1 character that XML 1.0 forbids; U+FFFD stands in its place."
	}
	return fmt.Sprintf("It has %d characters that XML 1.0 forbids; U+FFFD stands in their place.", n)
}

// guard gives raw tokens to the decoder that binds namespaces. It checks
// everything that makes a document well-formed, so that each error gets a
// position.
type guard struct {
	in       *xml.Decoder
	filter   *filter
	limits   Limits
	open     []xml.Name // raw names of the open elements
	elements int
	other    bool // there was a comment or processing instruction
	err      error
}

// Token implements xml.TokenReader.
func (g *guard) Token() (xml.Token, error) {
	if g.err != nil {
		return nil, g.err
	}
	t, err := g.in.RawToken()
	if err == nil {
		err = g.check(t)
	} else {
		err = g.explain(err)
	}
	if err != nil {
		g.err = err
		return nil, err
	}
	return t, nil
}

func (g *guard) check(t xml.Token) error {
	switch t := t.(type) {
	case xml.Directive:
		return g.fail(ErrDTD, "It has a document type definition, which is never read.")
	case xml.StartElement:
		return g.start(t)
	case xml.EndElement:
		last := len(g.open) - 1
		if last < 0 {
			return g.fail(nil, "It has an end tag </%.60s> without a start tag.", t.Name.Local)
		}
		if g.open[last] != t.Name {
			return g.fail(nil, "It is not well-formed XML: element <%.60s> is closed by </%.60s>.",
				g.open[last].Local, t.Name.Local)
		}
		g.open = g.open[:last]
	case xml.CharData:
		if len(g.open) == 0 && len(bytes.Trim(t, " \t\r\n\ufeff")) > 0 {
			if g.elements == 0 {
				return g.fail(nil, "It is no XML.")
			}
			return g.fail(nil, "It has text after its root element.")
		}
	default:
		g.other = true
	}
	return nil
}

func (g *guard) start(t xml.StartElement) error {
	if len(g.open) == 0 && g.elements > 0 {
		return g.fail(nil, "A second document, <%.60s>, follows the first.", t.Name.Local)
	}
	if g.elements++; g.elements > g.limits.Elements {
		return g.fail(ErrLimit, "It has more than %d elements.", g.limits.Elements)
	}
	if len(g.open) >= g.limits.Depth {
		return g.fail(ErrLimit, "Its elements are nested deeper than %d levels.", g.limits.Depth)
	}
	if len(t.Attr) > g.limits.Attributes {
		return g.fail(ErrLimit, "The element <%.60s> has more than %d attributes.", t.Name.Local, g.limits.Attributes)
	}
	g.open = append(g.open, t.Name)
	return nil
}

// explain makes an Error of what the decoder below says.
func (g *guard) explain(err error) error {
	var ours *Error
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &ours):
		if ours.Line == 0 {
			ours.Line, ours.Column = g.position()
		}
		return ours
	case err == io.EOF && len(g.open) > 0:
		return g.fail(io.ErrUnexpectedEOF, "It ends inside the element <%.60s>.", g.open[len(g.open)-1].Local)
	case err == io.EOF && g.elements > 0:
		return err
	case err == io.EOF && g.other:
		return g.fail(io.ErrUnexpectedEOF, "It has no element.")
	case err == io.EOF:
		return g.fail(ErrEmpty, "It is empty.")
	case errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return g.fail(io.ErrUnexpectedEOF, "It ends inside a tag.")
	case errors.As(err, &syntax):
		return g.fail(nil, "It is not well-formed XML: %.200s.", strings.ToValidUTF8(syntax.Msg, "\ufffd"))
	case err == g.filter.failed:
		return g.fail(err, "It could not be read to its end: %.200v.", err)
	}
	return g.fail(nil, "It is not XML 1.0: %.200v.", err)
}

func (g *guard) fail(cause error, format string, args ...any) error {
	line, column := g.position()
	return &Error{line, column, fmt.Sprintf(format, args...), cause}
}

// position is the position in the input, from 1. encoding/xml gives column 0 after a
// line feed that it has put back.
func (g *guard) position() (line, column int) {
	line, column = g.in.InputPos()
	return line, max(column, 1)
}

// charset is called for a declared encoding other than UTF-8.
func (g *guard) charset(name string, r io.Reader) (io.Reader, error) {
	if g.limits.IgnoreEncoding {
		return r, nil
	}
	return nil, g.fail(ErrEncoding, "It says that its encoding is %.40q; only UTF-8 is read.", name)
}
