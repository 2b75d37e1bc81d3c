package ad

import (
	"errors"
	"io"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Bounds of a client's messages.
const (
	maxMessage  = 1 << 20 // bytes of one LDAP message
	maxDepth    = 40      // nesting of BER elements, those of a filter included
	maxElements = 5000    // BER elements in one message
	maxDN       = 8 << 10 // bytes of a DN
)

var (
	errMalformed = errors.New("ad: malformed LDAP message")
	errTooLarge  = errors.New("ad: LDAP message too large")
)

// readFrame reads one whole BER element. It does not read beyond it, so that a TLS
// handshake can follow.
func readFrame(r io.Reader) ([]byte, error) {
	frame := make([]byte, 2, 6)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	if frame[0] != 0x30 {
		return nil, errMalformed
	}
	n := int(frame[1])
	if n >= 0x80 {
		octets := n - 0x80
		if octets == 0 || octets > 4 { // RFC 4511 5.1: definite lengths only
			return nil, errMalformed
		}
		frame = frame[:2+octets]
		if _, err := io.ReadFull(r, frame[2:]); err != nil {
			return nil, noEOF(err)
		}
		n = 0
		for _, b := range frame[2:] {
			n = n<<8 | int(b)
		}
	}
	if n > maxMessage {
		return nil, errTooLarge
	}
	head := len(frame)
	frame = append(frame, make([]byte, n)...)
	if _, err := io.ReadFull(r, frame[head:]); err != nil {
		return nil, noEOF(err)
	}
	return frame, nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// checkBER checks that b is a sequence of whole BER elements of bounded depth and
// number, before a recursive decoder reads it.
func checkBER(b []byte, depth int, elements *int) error {
	for len(b) > 0 {
		if *elements++; *elements > maxElements || depth > maxDepth {
			return errTooLarge
		}
		if len(b) < 2 || b[0]&0x1f == 0x1f { // LDAP has no tags above 30
			return errMalformed
		}
		n, head := int(b[1]), 2
		if n >= 0x80 {
			octets := n - 0x80
			if octets == 0 || octets > 4 || len(b) < 2+octets {
				return errMalformed
			}
			head, n = 2+octets, 0
			for _, x := range b[2:head] {
				n = n<<8 | int(x)
			}
		}
		if n > len(b)-head {
			return errMalformed
		}
		if b[0]&0x20 != 0 {
			if err := checkBER(b[head:head+n], depth+1, elements); err != nil {
				return err
			}
		}
		b = b[head+n:]
	}
	return nil
}

// decode is ber.DecodePacketErr with bounds.
func decode(b []byte) (*ber.Packet, error) {
	elements := 0
	if err := checkBER(b, 0, &elements); err != nil {
		return nil, err
	}
	p, err := ber.DecodePacketErr(b)
	if err != nil {
		return nil, errMalformed
	}
	return p, nil
}

// message is an LDAPMessage, RFC 4511 4.1.1.
type message struct {
	id       int64
	op       *ber.Packet
	controls []control
}

type control struct {
	oid      string
	critical bool
	value    []byte
}

func parseMessage(frame []byte) (message, error) {
	p, err := decode(frame)
	if err != nil {
		return message{}, err
	}
	if len(p.Children) < 2 || len(p.Children) > 3 {
		return message{}, errMalformed
	}
	var m message
	var ok bool
	if m.id, ok = integer(p.Children[0]); !ok || m.id < 0 || m.id > 1<<31-1 {
		return message{}, errMalformed
	}
	if m.op = p.Children[1]; m.op.ClassType != ber.ClassApplication {
		return message{}, errMalformed
	}
	if len(p.Children) == 3 {
		list := p.Children[2]
		if list.ClassType != ber.ClassContext || list.Tag != 0 {
			return message{}, errMalformed
		}
		for _, c := range list.Children {
			parsed, ok := parseControl(c)
			if !ok {
				return message{}, errMalformed
			}
			m.controls = append(m.controls, parsed)
		}
	}
	return m, nil
}

// parseControl reads a Control, RFC 4511 4.1.11: criticality and value are optional.
func parseControl(p *ber.Packet) (c control, ok bool) {
	if len(p.Children) < 1 || len(p.Children) > 3 {
		return c, false
	}
	c.oid = text(p.Children[0])
	for _, x := range p.Children[1:] {
		switch {
		case x.ClassType != ber.ClassUniversal:
			return c, false
		case x.Tag == ber.TagBoolean:
			c.critical, _ = x.Value.(bool)
		case x.Tag == ber.TagOctetString:
			c.value = x.Data.Bytes()
		default:
			return c, false
		}
	}
	return c, true
}

// text returns the content of a primitive element.
func text(p *ber.Packet) string { return p.Data.String() }

// integer returns the value of an INTEGER or ENUMERATED.
func integer(p *ber.Packet) (int64, bool) {
	if p.ClassType != ber.ClassUniversal || p.Tag != ber.TagInteger && p.Tag != ber.TagEnumerated || p.Data.Len() == 0 {
		return 0, false
	}
	v, ok := p.Value.(int64)
	return v, ok
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func enumerated(n int) *ber.Packet {
	return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, n, "")
}

func number(n int64) *ber.Packet {
	return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, n, "")
}

func sequence(of ...*ber.Packet) *ber.Packet {
	return constructed(ber.ClassUniversal, ber.TagSequence, of...)
}

func constructed(class ber.Class, tag ber.Tag, of ...*ber.Packet) *ber.Packet {
	p := ber.Encode(class, ber.TypeConstructed, tag, nil, "")
	for _, x := range of {
		p.AppendChild(x)
	}
	return p
}

// contextString returns an implicitly tagged OCTET STRING.
func contextString(tag ber.Tag, s string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, tag, s, "")
}

// Protocol operations, RFC 4511 4.2 and following.
const (
	opBindRequest       = 0
	opBindResponse      = 1
	opUnbind            = 2
	opSearchRequest     = 3
	opSearchEntry       = 4
	opSearchDone        = 5
	opModifyRequest     = 6
	opAddRequest        = 8
	opDelRequest        = 10
	opModifyDNRequest   = 12
	opCompareRequest    = 14
	opAbandon           = 16
	opSearchReference   = 19
	opExtendedRequest   = 23
	opExtendedResponse  = 24
	authSimple          = 0
	authSASL            = 3
	authSicilyDiscovery = 9 // MS-ADTS 5.1.1.1.3
	authSicilyNegotiate = 10
	authSicilyResponse  = 11
)

// Result codes, RFC 4511 A.1.
const (
	success                      = 0
	operationsError              = 1
	protocolError                = 2
	sizeLimitExceeded            = 4
	authMethodNotSupported       = 7
	strongerAuthRequired         = 8
	referral                     = 10
	unavailableCriticalExtension = 12
	saslBindInProgress           = 14
	noSuchObject                 = 32
	invalidDNSyntax              = 34
	invalidCredentials           = 49
	unavailable                  = 52
	unwillingToPerform           = 53
)

// result returns an LDAPResult, RFC 4511 4.1.9, with the tag of its operation.
func result(op ber.Tag, code int, matched, diagnostic string, more ...*ber.Packet) *ber.Packet {
	parts := []*ber.Packet{enumerated(code), octets(matched), octets(diagnostic)}
	return constructed(ber.ClassApplication, op, append(parts, more...)...)
}
