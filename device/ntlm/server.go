package ntlm

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Server verifies one log-on: it keeps the challenge between Challenge and
// Authenticate. Make one for each log-on, as a copy of a template. Its fields must
// not change after the first method call.
type Server struct {
	NetBIOSDomain   string
	NetBIOSComputer string
	DNSDomain       string
	DNSComputer     string

	// Flags are offered; 0 is FlagsLDAP to a client that sent a NEGOTIATE
	// message, FlagsSIP to one that did not.
	Flags Flags
	// RequireV2 refuses NTLMv1 with ErrLogon, as Samba and today's AD do.
	RequireV2 bool
	// NTHash returns NTHash(password) of a user, named as by the client.
	// Authenticate returns its error unchanged; a nil hash becomes ErrLogon.
	NTHash func(user, domain string) (hash []byte, err error)
	// Timestamp adds the server's time to the challenge, as servers since Windows
	// Vista do. Clients then leave out the LMv2 response.
	Timestamp bool
	// ChannelBinding is the token of this TLS connection (ChannelBindings). A
	// client that sends a different one is refused with ErrBinding.
	ChannelBinding []byte
	// RequireChannelBinding also refuses a client without a token.
	RequireChannelBinding bool
	// Target reports whether a service name that the client sends (Client.TargetName)
	// is this server's; nil accepts all. A client that sends another one is refused
	// with ErrTarget, a client that sends none is not. See ForService.
	Target func(name string) bool

	Now  func() time.Time // nil is time.Now
	Rand io.Reader        // nil is crypto/rand; 8 octets are read

	negotiate, challenge []byte
	serverChallenge      []byte
}

// Identity is the authenticated user.
type Identity struct {
	User        string // as the client spelled it; a UPN comes with an empty Domain
	Domain      string
	Workstation string
	V1          bool      // answered with NTLMv1
	MIC         bool      // all three messages were protected
	TargetName  string    // the service that the client logs on to, as it says; "": it does not say
	Time        time.Time // of the client's answer, by its clock or the server's Timestamp; zero with NTLMv1
}

// Challenge answers the client's NEGOTIATE message; nil is for the datagram form
// (SIP), which does not have that message.
func (s *Server) Challenge(negotiate []byte) ([]byte, error) {
	flags := s.Flags
	if negotiate == nil {
		if flags == 0 {
			flags = FlagsSIP
		}
	} else {
		if flags == 0 {
			flags = FlagsLDAP
		}
		if err := checkHeader(negotiate, typeNegotiate, 16); err != nil {
			return nil, err
		}
		asked := Flags(le.Uint32(negotiate[12:]))
		flags &= asked | NegotiateTargetInfo
		switch { // MS-NLMP 3.2.5.1.1: Unicode goes first
		case asked&NegotiateUnicode != 0:
			flags = flags&^NegotiateOEM | NegotiateUnicode
		case asked&NegotiateOEM != 0: // curl
			flags |= NegotiateOEM
		default:
			return nil, fmt.Errorf("%w: the client speaks neither Unicode nor OEM", ErrMalformed)
		}
	}
	source := s.Rand
	if source == nil {
		source = rand.Reader
	}
	s.serverChallenge = make([]byte, 8)
	if _, err := io.ReadFull(source, s.serverChallenge); err != nil {
		return nil, fmt.Errorf("ntlm: no random numbers: %w", err)
	}
	var target []byte
	if flags&RequestTarget != 0 {
		target = encodeUTF16(s.NetBIOSDomain)
		if flags&NegotiateUnicode == 0 {
			target = []byte(s.NetBIOSDomain)
		}
		flags |= TargetTypeDomain
	}
	info := s.targetInfo()

	const head = challengeSize + 8
	payload := []*[]byte{&target, &info}
	b := append([]byte(signature), typeChallenge, 0, 0, 0)
	b = appendFields(b, head, payload, &target)
	b = le.AppendUint32(b, uint32(flags))
	b = append(b, s.serverChallenge...)
	b = append(b, make([]byte, 8)...)
	b = appendFields(b, head, payload, &info)
	b = append(b, serverVersion...)
	b = append(append(b, target...), info...)
	s.negotiate, s.challenge = bytes.Clone(negotiate), b
	return bytes.Clone(b), nil
}

func (s *Server) targetInfo() []byte {
	var b []byte
	for _, p := range []struct {
		id   uint16
		text string
	}{{avNetBIOSDomain, s.NetBIOSDomain}, {avNetBIOSComputer, s.NetBIOSComputer}, {avDNSDomain, s.DNSDomain},
		{avDNSComputer, s.DNSComputer}, {avDNSTree, s.DNSDomain}} {
		if p.text != "" {
			b = appendPair(b, p.id, encodeUTF16(p.text))
		}
	}
	if s.Timestamp {
		now := time.Now
		if s.Now != nil {
			now = s.Now
		}
		b = appendPair(b, avTimestamp, filetime(now()))
	}
	return appendPair(b, avEOL, nil)
}

// Layout of the AUTHENTICATE message, MS-NLMP 2.2.1.3.
const (
	authenticateSize = 64 // up to version and MIC, which old clients leave out
	micOffset        = 72
	micSize          = 16
)

// v2FixedSize is the NTLMv2 response up to its pairs: proof, then the client
// challenge structure of MS-NLMP 2.2.2.7.
const v2FixedSize = 16 + 28

// Authenticate checks the client's answer to the challenge and opens the
// session. It can be called once for a challenge. Errors are ErrMalformed, ErrLogon,
// ErrBinding, ErrTarget, ErrMIC and those of the NTHash field; with an error, Identity is the
// claimed user as far as it could be parsed.
func (s *Server) Authenticate(msg []byte) (Identity, *Session, error) {
	var id Identity
	challenge := s.serverChallenge
	s.serverChallenge = nil
	if challenge == nil {
		return id, nil, fmt.Errorf("%w: no challenge is open", ErrMalformed)
	}
	if err := checkHeader(msg, typeAuthenticate, authenticateSize); err != nil {
		return id, nil, err
	}
	var lm, nt, domain, user, workstation, encryptedKey []byte
	for i, f := range []*[]byte{&lm, &nt, &domain, &user, &workstation, &encryptedKey} {
		var err error
		if *f, err = field(msg, 12+8*i); err != nil {
			return id, nil, err
		}
	}
	flags := Flags(le.Uint32(msg[60:]))
	decode := decodeUTF16
	if flags&NegotiateUnicode == 0 {
		decode = func(b []byte) string { return string(b) }
	}
	id.User, id.Domain, id.Workstation = decode(user), decode(domain), decode(workstation)
	if flags&NegotiateESS == 0 && flags&(NegotiateLMKey|RequestNonNTKey) != 0 {
		return id, nil, fmt.Errorf("%w: LM session keys are not supported", ErrMalformed)
	}

	if s.NTHash == nil {
		return id, nil, ErrLogon
	}
	hash, err := s.NTHash(id.User, id.Domain)
	if err != nil {
		return id, nil, err
	}
	if hash == nil {
		return id, nil, ErrLogon
	}
	var key []byte
	var pairs map[uint16][]byte
	switch {
	case len(nt) >= v2FixedSize: // NTLMv2
		hashV2 := ntHashV2(hash, id.User, id.Domain)
		proof := hmacMD5(hashV2, challenge, nt[16:])
		if !hmac.Equal(proof, nt[:16]) {
			return id, nil, ErrLogon
		}
		if pairs, err = parsePairs(nt[v2FixedSize:]); err != nil {
			return id, nil, err
		}
		key = hmacMD5(hashV2, proof)
		id.Time = parseFiletime(nt[24:32])
	case len(nt) == 24: // NTLMv1; the client challenge is in front of lm
		id.V1 = true
		r := responseV1(flags, hash, challenge, lm[:min(8, len(lm))])
		if s.RequireV2 || !hmac.Equal(r.nt, nt) {
			return id, nil, ErrLogon
		}
		key = r.keyExchangeKey
	default: // anonymous, LM alone
		return id, nil, ErrLogon
	}
	if flags&NegotiateKeyExch != 0 {
		if len(encryptedKey) != 16 {
			return id, nil, fmt.Errorf("%w: no session key", ErrMalformed)
		}
		key = rc4Once(key, encryptedKey)
	}
	if err := s.checkMIC(&id, msg, pairs[avFlags], key); err != nil {
		return id, nil, err
	}
	if err := s.checkBinding(pairs[avChannelBindings]); err != nil {
		return id, nil, err
	}
	id.TargetName = decodeUTF16(pairs[avTargetName])
	if id.TargetName != "" && s.Target != nil && !s.Target(id.TargetName) {
		return id, nil, ErrTarget
	}
	return id, newSession(flags, key, true), nil
}

// ForService returns a Server.Target that accepts the names of a service, such as
// "HTTP/mail.contoso.com", in any case and with or without a port. isHost judges the
// host of a name; nil accepts every host.
func ForService(class string, isHost func(host string) bool) func(name string) bool {
	return func(name string) bool {
		gotClass, host, _ := strings.Cut(name, "/")
		host, _, _ = strings.Cut(host, "/") // the domain may follow, MS-ADTS 2.2.21
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		return strings.EqualFold(gotClass, class) && (isHost == nil || isHost(host))
	}
}

// checkMIC checks the MIC if the flags pair of the message announces one.
func (s *Server) checkMIC(id *Identity, msg, flagsPair, key []byte) error {
	if len(flagsPair) != 4 || le.Uint32(flagsPair)&avFlagMIC == 0 {
		return nil
	}
	if len(msg) < micOffset+micSize {
		return ErrMIC
	}
	blank := bytes.Clone(msg)
	clear(blank[micOffset : micOffset+micSize])
	if !hmac.Equal(hmacMD5(key, s.negotiate, s.challenge, blank), msg[micOffset:micOffset+micSize]) {
		return ErrMIC
	}
	id.MIC = true
	return nil
}

// checkBinding compares the client's channel binding; 16 zeros mean that it does
// not have one, MS-NLMP 2.2.2.1.
func (s *Server) checkBinding(got []byte) error {
	if len(got) == 0 || hmac.Equal(got, make([]byte, 16)) {
		if s.RequireChannelBinding {
			return fmt.Errorf("%w: the client sent none", ErrBinding)
		}
		return nil
	}
	wrong := s.ChannelBinding != nil && !hmac.Equal(got, s.ChannelBinding)
	if wrong || s.ChannelBinding == nil && s.RequireChannelBinding {
		return ErrBinding
	}
	return nil
}
