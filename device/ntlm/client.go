package ntlm

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"time"
)

// Client authenticates one user once. Its fields must not change after the first
// method call.
type Client struct {
	User        string // may be a UPN (user@domain), with an empty Domain
	Domain      string // NetBIOS or DNS name of the domain
	Password    string
	Workstation string // name of this machine for the server; may be empty

	// Flags are requested; 0 is FlagsLDAP. The session has those that the server
	// offers too.
	Flags Flags
	// Require are flags that the session must have; Flags must include them. A
	// challenge without one of them is refused with ErrWeak before the password is
	// used.
	Require Flags
	// AllowV1 permits the weak forms: a challenge without extended session
	// security, and V1. Without it both are refused with ErrWeak.
	AllowV1 bool
	// V1 answers with NTLMv1; false is NTLMv2.
	V1 bool
	// MIC protects the three messages against changes on the way. It has no effect
	// in the datagram form and with NTLMv1: their messages have no field for it.
	MIC bool
	// ChannelBinding binds the log-on to a TLS connection (ChannelBindings); nil
	// means no binding. NTLMv1 has no field for it.
	ChannelBinding []byte
	// TargetName is the service that the log-on is for, such as
	// "HTTP/mail.contoso.com" (MsvAvTargetName, MS-NLMP 2.2.2.1): a server that checks
	// it refuses a log-on that was made for another service and relayed. "" leaves it
	// out. NTLMv1 has no field for it.
	TargetName string

	Now  func() time.Time // used if the challenge has no timestamp; nil is time.Now
	Rand io.Reader        // 8 octets for the challenge, then 16 for the session key; nil is crypto/rand

	negotiate []byte
}

// versions are {major, minor, build, reserved, NTLM revision 15}, MS-NLMP 2.2.2.10.
const (
	clientVersion = "\x05\x01\x28\x0a\x00\x00\x00\x0f" // 5.1.2600, as Windows XP and its Communicator
	serverVersion = "\x05\x02\xce\x0e\x00\x00\x00\x0f" // 5.2.3790, as Windows Server 2003
)

func (c *Client) wantedFlags() Flags {
	if c.Flags == 0 {
		return FlagsLDAP
	}
	return c.Flags
}

// Negotiate returns the first message of a log-on over a connection. The datagram
// form does not have it (docs/protocol/sip-connection.md#registration).
func (c *Client) Negotiate() []byte {
	b := append([]byte(signature), typeNegotiate, 0, 0, 0)
	b = le.AppendUint32(b, uint32(c.wantedFlags()))
	b = append(b, make([]byte, 16)...) // no domain, no workstation
	if c.wantedFlags()&NegotiateVersion != 0 {
		b = append(b, clientVersion...)
	}
	c.negotiate = b
	return bytes.Clone(b)
}

// Authenticate answers a challenge and opens the session. It uses the datagram form
// if Flags and challenge both have NegotiateDatagram. Errors are ErrMalformed,
// ErrWeak and those of Rand.
func (c *Client) Authenticate(challenge []byte) (msg []byte, s *Session, err error) {
	ch, err := ParseChallenge(challenge)
	if err != nil {
		return nil, nil, err
	}
	flags, err := c.negotiateFlags(ch.Flags)
	if err != nil {
		return nil, nil, err
	}
	random := make([]byte, 24)
	source := c.Rand
	if source == nil {
		source = rand.Reader
	}
	if _, err := io.ReadFull(source, random); err != nil {
		return nil, nil, fmt.Errorf("ntlm: no random numbers: %w", err)
	}
	clientChallenge, exportedKey := random[:8], random[8:]

	mic := c.MIC && !c.V1 && flags&NegotiateDatagram == 0
	var r response
	if c.V1 {
		r = responseV1(flags, NTHash(c.Password), ch.ServerChallenge[:], clientChallenge)
	} else {
		r = c.respondV2(ch, clientChallenge, mic)
	}
	var encryptedKey []byte
	if flags&NegotiateKeyExch != 0 {
		encryptedKey = rc4Once(r.keyExchangeKey, exportedKey)
	} else {
		exportedKey = r.keyExchangeKey
	}

	domain, user, workstation := encodeUTF16(c.Domain), encodeUTF16(c.User), encodeUTF16(c.Workstation)
	head := authenticateSize
	if flags&NegotiateVersion != 0 || mic {
		head = micOffset
	}
	if mic {
		head = micOffset + micSize
	}
	// The payload lies as Windows sends it, docs/protocol/sip-connection.md#ntlm-in-sip.
	payload := []*[]byte{&domain, &user, &workstation, &r.lm, &r.nt, &encryptedKey}
	total := head
	for _, p := range payload {
		total += len(*p)
	}
	if total > MaxMessage-1 { // field lengths have 16 bits
		return nil, nil, fmt.Errorf("%w: names or target information are too long", ErrMalformed)
	}
	msg = append([]byte(signature), typeAuthenticate, 0, 0, 0)
	msg = appendFields(msg, head, payload, &r.lm, &r.nt, &domain, &user, &workstation, &encryptedKey)
	msg = le.AppendUint32(msg, uint32(flags))
	if head > authenticateSize {
		version := make([]byte, 8) // all zero unless negotiated, MS-NLMP 2.2.1.3
		if flags&NegotiateVersion != 0 {
			copy(version, clientVersion)
		}
		msg = append(msg, version...)
	}
	msg = append(msg, make([]byte, head-len(msg))...)
	for _, p := range payload {
		msg = append(msg, *p...)
	}
	if mic {
		copy(msg[micOffset:], hmacMD5(exportedKey, c.negotiate, challenge, msg)) // MS-NLMP 3.1.5.1.2
	}
	return msg, newSession(flags, exportedKey, false), nil
}

// negotiateFlags returns the flags of the session, or ErrWeak.
func (c *Client) negotiateFlags(offered Flags) (Flags, error) {
	if missing := c.Require &^ (offered & c.wantedFlags()); missing != 0 {
		return 0, fmt.Errorf("%w: no %v", ErrWeak, missing)
	}
	if offered&NegotiateUnicode == 0 {
		return 0, fmt.Errorf("%w: no Unicode", ErrMalformed)
	}
	flags := offered & c.wantedFlags()
	if !c.AllowV1 {
		if flags&NegotiateESS == 0 {
			return 0, fmt.Errorf("%w: no %v", ErrWeak, NegotiateESS)
		}
		if c.V1 {
			return 0, fmt.Errorf("%w: NTLMv1 is not allowed", ErrWeak)
		}
	}
	if flags&Negotiate128 != 0 {
		flags &^= Negotiate56 // docs/protocol/sip-connection.md#ntlm-in-sip
	}
	// Unsupported, or without meaning in an AUTHENTICATE message.
	flags &^= NegotiateLMKey | RequestNonNTKey | NegotiateOEM | NegotiateAnonymous
	return flags | NegotiateUnicode | c.wantedFlags()&RequestTarget, nil // Windows asks for a target in the answer too
}

// respondV2 makes the NTLMv2 response with the pairs that the client adds.
func (c *Client) respondV2(ch Challenge, clientChallenge []byte, mic bool) response {
	info := ch.targetInfo
	if mic || c.ChannelBinding != nil || c.TargetName != "" {
		info = c.addClientPairs(info, mic)
	}
	ft := ch.filetime
	if ft == nil {
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		ft = filetime(now())
	}
	r := responseV2(ntHashV2(NTHash(c.Password), c.User, c.Domain), ch.ServerChallenge[:], clientChallenge, ft, info)
	if ch.filetime != nil {
		clear(r.lm) // MS-NLMP 3.1.5.1.2: no LMv2 response to a server that tells the time
	}
	return r
}

// addClientPairs adds the client's pairs to the server's. ParseChallenge has checked
// the list before.
func (c *Client) addClientPairs(info []byte, mic bool) []byte {
	var flags uint32
	var out []byte
	for len(info) >= 4 && le.Uint16(info) != avEOL {
		id, n := le.Uint16(info), int(le.Uint16(info[2:]))
		switch {
		case id == avFlags && n == 4:
			flags |= le.Uint32(info[4:])
		case id == avFlags, id == avChannelBindings, id == avTargetName:
		default:
			out = append(out, info[:4+n]...)
		}
		info = info[4+n:]
	}
	if mic {
		flags |= avFlagMIC
	}
	if flags != 0 {
		out = appendPair(out, avFlags, le.AppendUint32(nil, flags))
	}
	if c.ChannelBinding != nil {
		out = appendPair(out, avChannelBindings, c.ChannelBinding)
	}
	if c.TargetName != "" {
		out = appendPair(out, avTargetName, encodeUTF16(c.TargetName))
	}
	return appendPair(out, avEOL, nil)
}
