package ews

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The namespaces of exchange.md 2.1.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsSOAP12   = "http://www.w3.org/2003/05/soap-envelope"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
)

// The limits of exchange.md 7.2 on the shape of an answer.
const (
	maxDepth    = 64
	maxElements = 200_000
	maxListed   = 1000 // items, messages or folders in one answer
)

// guard gives raw tokens to a decoder that binds namespaces and matches tags,
// and stops what is too deep, too long or has a document type definition.
type guard struct {
	in              *xml.Decoder
	depth, elements int
}

func newDecoder(r io.Reader) *xml.Decoder { return xml.NewTokenDecoder(&guard{in: xml.NewDecoder(r)}) }

// Token implements xml.TokenReader.
func (g *guard) Token() (xml.Token, error) {
	t, err := g.in.RawToken()
	switch t.(type) {
	case xml.StartElement:
		g.depth++
		g.elements++
		if g.depth > maxDepth {
			return nil, fmt.Errorf("the XML is nested deeper than %d", maxDepth)
		}
		if g.elements > maxElements {
			return nil, fmt.Errorf("the XML has more than %d elements", maxElements)
		}
	case xml.EndElement:
		g.depth--
	case xml.Directive:
		return nil, errors.New("the XML has a document type definition, which SOAP forbids")
	}
	return t, err
}

// readEnvelope reads one SOAP envelope to its end. into reads the operation's
// answer, from just after its start tag to its end tag. A fault is an *Error.
func readEnvelope(r io.Reader, op string, into func(*xml.Decoder) error) (server string, err error) {
	d := newDecoder(r)
	root, err := nextElement(d)
	if err != nil {
		return "", err
	}
	if root.Name.Local != "Envelope" || root.Name.Space != nsSOAP && root.Name.Space != nsSOAP12 {
		return "", fmt.Errorf("the answer is <%s>, no SOAP envelope", clean(root.Name.Local))
	}
	answered := false
	var fault *readFault
	for {
		t, err := d.Token()
		if err != nil {
			return server, noEOF(err)
		}
		switch t := t.(type) {
		case xml.EndElement: // of the envelope
			if err := onlyEnd(d); err != nil {
				return server, err
			}
			switch {
			case fault != nil:
				return server, faultError(op, fault)
			case !answered:
				return server, errors.New("the SOAP envelope has no answer in its body")
			}
			return server, nil
		case xml.StartElement:
			switch {
			case t.Name.Space == root.Name.Space && t.Name.Local == "Header":
				var h readHeader
				if err := d.DecodeElement(&h, &t); err != nil {
					return server, err
				}
				server = h.Version.text()
			case t.Name.Space == root.Name.Space && t.Name.Local == "Body" && !answered && fault == nil:
				if answered, fault, err = readBody(d, op, root.Name.Space, into); err != nil {
					return server, err
				}
			case t.Name.Space == root.Name.Space && t.Name.Local == "Body":
				return server, errors.New("the SOAP envelope has two bodies")
			default:
				if err := d.Skip(); err != nil {
					return server, noEOF(err)
				}
			}
		}
	}
}

func readBody(d *xml.Decoder, op, soap string, into func(*xml.Decoder) error) (answered bool, fault *readFault, err error) {
	for {
		t, err := d.Token()
		if err != nil {
			return false, nil, noEOF(err)
		}
		switch t := t.(type) {
		case xml.EndElement:
			return answered, fault, nil
		case xml.StartElement:
			switch {
			case answered || fault != nil:
				return false, nil, errors.New("the SOAP body has more than one answer")
			case t.Name.Space == soap && t.Name.Local == "Fault":
				fault = &readFault{}
				if err := d.DecodeElement(fault, &t); err != nil {
					return false, nil, err
				}
			case t.Name.Space == nsMessages && t.Name.Local == op+"Response":
				if err := into(d); err != nil {
					return false, nil, err
				}
				answered = true
			default:
				return false, nil, fmt.Errorf("the answer is <%s>, not <%sResponse>", clean(t.Name.Local), op)
			}
		}
	}
}

// nextElement finds the root.
func nextElement(d *xml.Decoder) (xml.StartElement, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return xml.StartElement{}, noEOF(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, nil
		case xml.CharData:
			if len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\ufeff")))) > 0 {
				return xml.StartElement{}, errors.New("the answer is no XML")
			}
		}
	}
}

// onlyEnd refuses anything after the root: encoding/xml would ignore it.
func onlyEnd(d *xml.Decoder) error {
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return errors.New("there is a second document after the answer")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return errors.New("there is text after the answer")
			}
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// utf16 says whether the document is UTF-16, by its mark or its first bytes.
func utf16(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xfe, 0xff}) || bytes.HasPrefix(b, []byte{0xff, 0xfe}) ||
		bytes.HasPrefix(b, []byte{0, '<'}) || bytes.HasPrefix(b, []byte{'<', 0})
}

// withoutControls replaces references to characters that XML does not allow,
// such as &#x0B; which Exchange writes for a control character of a subject:
// encoding/xml would give up the whole page for one (exchange.md 7.2).
func withoutControls(b []byte) []byte {
	if !bytes.Contains(b, []byte("&#")) {
		return b
	}
	var out []byte
	from := 0
	for i := 0; i < len(b); {
		at := bytes.Index(b[i:], []byte("&#"))
		if at < 0 {
			break
		}
		at += i
		i = at + 2
		end := bytes.IndexByte(b[i:min(i+10, len(b))], ';')
		if end < 0 {
			continue
		}
		digits, base := string(b[i:i+end]), 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err != nil || n == '\t' || n == '\n' || n == '\r' ||
			n >= 0x20 && n < 0xd800 || n > 0xdfff && n < 0xfffe || n >= 0x10000 && n <= 0x10ffff {
			continue
		}
		out = append(append(out, b[from:at]...), "\ufffd"...)
		i += end + 1
		from = i
	}
	if out == nil {
		return b
	}
	return append(out, b[from:]...)
}
