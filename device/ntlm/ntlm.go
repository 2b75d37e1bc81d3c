// Package ntlm implements both ends of NTLM: a client authenticates its user, a
// server verifies that, and both then sign or seal messages.
//
// It follows MS-NLMP; the datagram form with detached signatures is the one that
// MS-SIPAE uses (docs/protocol/sip-connection.md#which-messages-are-signed to
// docs/protocol/sip-connection.md#ntlm-in-sip). Channel binding tokens are those
// of RFC 5929 (tls-server-end-point).
//
// A client with a connection (LDAP, HTTP):
//
//  1. c := &ntlm.Client{User: …, Domain: …, Password: …, Require: ntlm.FlagsLDAP}
//  2. Send c.Negotiate(), receive the challenge.
//  3. msg, session, err := c.Authenticate(challenge); send msg.
//  4. session.Seal and session.Unseal from then on, in the order of the wire.
//
// A client without a connection (SIP): set Flags to FlagsSIP, leave out Negotiate
// in step 2, and sign with session.SignDatagram(100, buffer).
//
// A server makes a Server for each log-on, sends Challenge, and passes the answer
// to Authenticate, which returns the same Session.
//
// Only a Client with AllowV1 answers weak forms (NTLMv1, no extended session
// security): inside a trusted TLS connection, and in the lab (docs/decisions.md#own-ntlm).
// There are no LM responses and no LM session keys.
package ntlm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Flags are the negotiate flags of MS-NLMP 2.2.2.5.
type Flags uint32

// The negotiate flags, named as in MS-NLMP 2.2.2.5.
const (
	NegotiateUnicode    Flags = 0x00000001
	NegotiateOEM        Flags = 0x00000002
	RequestTarget       Flags = 0x00000004
	NegotiateSign       Flags = 0x00000010
	NegotiateSeal       Flags = 0x00000020
	NegotiateDatagram   Flags = 0x00000040
	NegotiateLMKey      Flags = 0x00000080
	NegotiateNTLM       Flags = 0x00000200
	NegotiateAnonymous  Flags = 0x00000800
	NegotiateAlwaysSign Flags = 0x00008000
	TargetTypeDomain    Flags = 0x00010000
	TargetTypeServer    Flags = 0x00020000
	NegotiateESS        Flags = 0x00080000 // extended session security
	NegotiateIdentify   Flags = 0x00100000
	RequestNonNTKey     Flags = 0x00400000
	NegotiateTargetInfo Flags = 0x00800000
	NegotiateVersion    Flags = 0x02000000
	Negotiate128        Flags = 0x20000000
	NegotiateKeyExch    Flags = 0x40000000
	Negotiate56         Flags = 0x80000000
)

const flagsCommon = NegotiateUnicode | RequestTarget | NegotiateNTLM | NegotiateAlwaysSign |
	NegotiateESS | NegotiateTargetInfo | NegotiateVersion | Negotiate128

// Flags that clients request and servers offer, by protocol.
const (
	// FlagsLDAP signs and seals a connection
	// (docs/decisions.md#no-root-over-an-unauthenticated-channel).
	FlagsLDAP = flagsCommon | NegotiateSign | NegotiateSeal | NegotiateKeyExch
	// FlagsSIP is the datagram form of MS-SIPAE
	// (docs/protocol/sip-connection.md#ntlm-in-sip). The session drops 56 bit if both
	// ends have 128.
	FlagsSIP = flagsCommon | NegotiateSign | NegotiateDatagram | NegotiateIdentify | NegotiateKeyExch | Negotiate56
	// FlagsHTTP authenticates a connection and does not sign or seal messages.
	FlagsHTTP = flagsCommon
)

var flagNames = []struct {
	flag Flags
	name string
}{
	{NegotiateUnicode, "Unicode"}, {NegotiateOEM, "OEM"}, {RequestTarget, "request target"}, {NegotiateSign, "sign"},
	{NegotiateSeal, "seal"}, {NegotiateDatagram, "datagram"}, {NegotiateLMKey, "LM key"}, {NegotiateNTLM, "NTLM"},
	{NegotiateAnonymous, "anonymous"}, {NegotiateAlwaysSign, "always sign"}, {TargetTypeDomain, "target is a domain"},
	{TargetTypeServer, "target is a server"}, {NegotiateESS, "extended session security"}, {NegotiateIdentify, "identify"},
	{RequestNonNTKey, "non-NT key"}, {NegotiateTargetInfo, "target info"}, {NegotiateVersion, "version"},
	{Negotiate128, "128 bit"}, {NegotiateKeyExch, "key exchange"}, {Negotiate56, "56 bit"},
}

// String lists the flags by name, unknown bits as one number.
func (f Flags) String() string {
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.name)
			f &^= n.flag
		}
	}
	if f != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(f)))
	}
	return strings.Join(names, ", ")
}

var (
	// ErrMalformed is for a message that is not an NTLM message of the expected
	// type, is too large, or is out of order.
	ErrMalformed = errors.New("ntlm: malformed message")
	// ErrWeak is for a challenge that lacks what the client requires; the
	// password has not been used.
	ErrWeak = errors.New("ntlm: the server offers too little security")
	// ErrLogon is for a wrong user name or password.
	ErrLogon = errors.New("ntlm: user name or password refused")
	// ErrMIC is for messages that were changed on their way.
	ErrMIC = errors.New("ntlm: the message integrity code is wrong")
	// ErrBinding is for a log-on that was made for another TLS connection.
	ErrBinding = errors.New("ntlm: the channel binding is wrong or missing")
	// ErrTarget is for a log-on that was made for another service.
	ErrTarget = errors.New("ntlm: the log-on is for another service")
	// ErrSignature is for a sealed message that the peer did not make.
	ErrSignature = errors.New("ntlm: the message signature is wrong")
)

// MaxMessage is the largest accepted message, in octets. Length fields
// have 16 bits; real messages stay under 2 KiB.
const MaxMessage = 1 << 16

const (
	signature        = "NTLMSSP\x00"
	typeNegotiate    = 1
	typeChallenge    = 2
	typeAuthenticate = 3
)

var le = binary.LittleEndian

// Type is the message type of msg (1 negotiate, 2 challenge, 3 authenticate), 0 if
// it is not an NTLM message.
func Type(msg []byte) uint32 {
	if len(msg) < 12 || string(msg[:8]) != signature {
		return 0
	}
	return le.Uint32(msg[8:])
}

// checkHeader checks that msg has type want and at least size octets.
func checkHeader(msg []byte, want uint32, size int) error {
	switch {
	case Type(msg) != want:
		return fmt.Errorf("%w: not of type %d", ErrMalformed, want)
	case len(msg) < size:
		return fmt.Errorf("%w: %d octets are too few", ErrMalformed, len(msg))
	case len(msg) > MaxMessage:
		return fmt.Errorf("%w: %d octets are too many", ErrMalformed, len(msg))
	}
	return nil
}

// field returns the payload that the length, maximum length and offset at off
// describe.
func field(msg []byte, off int) ([]byte, error) {
	n, at := int(le.Uint16(msg[off:])), int64(le.Uint32(msg[off+4:]))
	if n == 0 {
		return nil, nil
	}
	if at+int64(n) > int64(len(msg)) {
		return nil, fmt.Errorf("%w: field outside the message", ErrMalformed)
	}
	return msg[at : at+int64(n)], nil
}

// appendFields appends the descriptors of fields whose payloads lie one after
// the other in the order given by payload, from base on.
func appendFields(b []byte, base int, payload []*[]byte, fields ...*[]byte) []byte {
	for _, f := range fields {
		at := base
		for _, p := range payload {
			if p == f {
				break
			}
			at += len(*p)
		}
		b = le.AppendUint16(b, uint16(len(*f)))
		b = le.AppendUint16(b, uint16(len(*f)))
		b = le.AppendUint32(b, uint32(at))
	}
	return b
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
