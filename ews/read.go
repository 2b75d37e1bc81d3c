package ews

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/ocphone/ocphone/device/boundedxml"
)

// The namespaces of docs/protocol/exchange-ews.md#transport-and-envelope.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsSOAP12   = "http://www.w3.org/2003/05/soap-envelope"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
)

// The limits of docs/protocol/exchange-ews.md#reading-answers-safely on the shape of an answer.
const (
	maxDepth    = 64
	maxElements = 200_000
	maxListed   = 1000 // items, messages or folders in one answer
)

// newDecoder reads an answer of at most so many bytes. Exchange writes a forbidden
// character of a subject or name as a reference; only that character is lost
// (docs/protocol/exchange-ews.md#reading-answers-safely).
func newDecoder(r io.Reader, most int64) *boundedxml.Decoder {
	return boundedxml.NewDecoder(r, boundedxml.Limits{Bytes: most, Depth: maxDepth, Elements: maxElements})
}

// envelopeReader reads one SOAP envelope.
type envelopeReader struct {
	d        *boundedxml.Decoder
	op       string
	into     func(*boundedxml.Decoder) error // reads the answer from just after its start tag to its end tag
	soap     string                          // the namespace of SOAP 1.1 or 1.2
	server   string                          // the version of the server
	answered bool
	fault    *readFault
}

// read reads the envelope to its end. A fault is an *Error.
func (e *envelopeReader) read() error {
	root, err := e.d.Root()
	if err != nil {
		return err
	}
	e.soap = root.Name.Space
	if root.Name.Local != "Envelope" || e.soap != nsSOAP && e.soap != nsSOAP12 {
		return fmt.Errorf("the answer is <%s>, no SOAP envelope", clean(root.Name.Local))
	}
	if err := boundedxml.EachChild(e.d.Decoder, e.part); err != nil {
		return err
	}
	if err := e.d.End(); err != nil {
		return err
	}
	switch {
	case e.fault != nil:
		return faultError(e.op, e.fault)
	case !e.answered:
		return errors.New("the SOAP envelope has no answer in its body")
	}
	return nil
}

// part reads a child of the envelope.
func (e *envelopeReader) part(t xml.StartElement) error {
	switch t.Name {
	case xml.Name{Space: e.soap, Local: "Header"}:
		var h readHeader
		err := e.d.DecodeElement(&h, &t)
		e.server = h.Version.String()
		return err
	case xml.Name{Space: e.soap, Local: "Body"}:
		if e.answered || e.fault != nil {
			return errors.New("the SOAP envelope has two bodies")
		}
		return boundedxml.EachChild(e.d.Decoder, e.answer)
	}
	return e.d.Skip()
}

// answer reads a child of the body.
func (e *envelopeReader) answer(t xml.StartElement) error {
	switch {
	case e.answered || e.fault != nil:
		return errors.New("the SOAP body has more than one answer")
	case t.Name == xml.Name{Space: e.soap, Local: "Fault"}:
		e.fault = &readFault{}
		return e.d.DecodeElement(e.fault, &t)
	case t.Name == xml.Name{Space: nsMessages, Local: e.op + "Response"}:
		e.answered = true
		return e.into(e.d)
	}
	return fmt.Errorf("the answer is <%s>, not <%sResponse>", clean(t.Name.Local), e.op)
}
