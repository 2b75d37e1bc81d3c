package sipwire

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
)

// signatureSeq is the sequence number of every signature in either direction
// (MS-SIPAE, docs/protocol/sip-connection.md#ntlm-in-sip).
const signatureSeq = 100

// Signer makes and checks detached signatures; *ntlm.Session is one.
type Signer interface {
	SignDatagram(seq uint32, msg []byte) []byte
	VerifyDatagram(seq uint32, msg, sig []byte) bool
}

// Signature is the result of verifying an incoming message's signature.
type Signature int

// Signature states.
const (
	Unsigned Signature = iota // no signature, or no association to verify it
	Valid                     // made by the association in Incoming.By, and not a repetition
	Invalid                   // wrong, or of an association that this connection does not have
	Repeated                  // true, but its number was verified before or is long past
)

func (s Signature) String() string {
	switch s {
	case Valid:
		return "valid"
	case Invalid:
		return "invalid"
	case Repeated:
		return "repeated"
	}
	return "unsigned"
}

// AssociationConfig holds the parameters that both ends agreed on.
type AssociationConfig struct {
	Scheme     string // as in the challenge; "": NTLM
	Version    int    // of MS-SIPAE: 2, 3 or 4; 0 is 2, as a challenge without version means
	Realm      string // of the challenge
	TargetName string // of the challenge
	Opaque     string // of the challenge; identifies the association
	Server     bool   // this end is the server and signs with Authentication-Info
	Proxy      bool   // the challenge was a 407: use the Proxy forms of the headers
	Session    Signer
}

// Association is one end of an MS-SIPAE security association: it signs outgoing
// messages and verifies incoming ones. Its configuration must not be changed.
type Association struct {
	AssociationConfig

	mu       sync.Mutex
	sent     uint32 // cnum (snum at a server) of the newest signature made
	received uint32 // the greatest number verified
	seen     uint64 // at a client: bit i means that the number received-i was verified
}

// NewAssociation returns a new association.
func NewAssociation(config AssociationConfig) *Association {
	if config.Scheme == "" {
		config.Scheme = "NTLM"
	}
	if config.Version == 0 {
		config.Version = 2
	}
	for _, text := range []*string{&config.Scheme, &config.Realm, &config.TargetName, &config.Opaque} {
		*text = strings.Clone(*text) // a part would keep the whole challenge in memory
	}
	return &Association{AssociationConfig: config}
}

// Verify verifies in with a only. A server calls it for the REGISTER that completed
// the handshake, which arrived before a existed. Each message can be verified
// once; the second time it counts as repeated.
func (a *Association) Verify(in *Incoming) Signature {
	s, _ := verify([]*Association{a}, &in.block)
	return s
}

// signatureNames are header and parameters of a signature; they depend on which
// end signed (docs/protocol/sip-connection.md#registration).
type signatureNames struct{ header, rand, num, signature string }

func signatureNamesOf(byServer, proxy bool) signatureNames {
	n := signatureNames{"Authorization", "crand", "cnum", "response"}
	if byServer {
		n = signatureNames{"Authentication-Info", "srand", "snum", "rspauth"}
	}
	if proxy {
		n.header = "Proxy-" + n.header
	}
	return n
}

// signs reports whether a signs the message: not one that has credentials, and not
// the responses that a server does not sign
// (docs/protocol/sip-connection.md#which-messages-are-signed).
func (a *Association) signs(b *block) bool {
	for _, proxy := range []bool{false, true} {
		if len(b.all(signatureNamesOf(a.Server, proxy).header)) > 0 {
			return false
		}
	}
	code := b.statusCode()
	return !a.Server || !(strings.HasPrefix(code, "1") || code == "401" || code == "407")
}

// signatureLine returns the header line that signs b.
func (a *Association) signatureLine(b *block) string {
	return a.headerLine([]Param{
		{Name: "qop", Value: "auth"},
		{Name: "opaque", Value: a.Opaque},
		{Name: "realm", Value: a.Realm},
		{Name: "targetname", Value: a.TargetName},
	}, a.newSignature(b))
}

// handshakeLine returns the header line that completes the handshake; from
// version 4 it is signed (docs/protocol/sip-connection.md#registration).
func (a *Association) handshakeLine(b *block, token []byte) string {
	params := []Param{
		{Name: "qop", Value: "auth"},
		{Name: "opaque", Value: a.Opaque},
		{Name: "realm", Value: a.Realm},
		{Name: "targetname", Value: a.TargetName},
		{Name: "gssapi-data", Value: base64.StdEncoding.EncodeToString(token)},
	}
	if a.Version > 2 { // the version is echoed from 3 on
		params = append(params, Param{Name: "version", Value: strconv.Itoa(a.Version), Token: true})
	}
	if a.Version < 4 {
		return a.headerLine(params, nil)
	}
	return a.headerLine(params, a.newSignature(b))
}

func (a *Association) headerLine(params, signature []Param) string {
	auth := Auth{Scheme: a.Scheme, Params: append(params, signature...)}
	return signatureNamesOf(a.Server, a.Proxy).header + ": " + auth.String() + "\r\n"
}

// newSignature takes the next number and signs b.
func (a *Association) newSignature(b *block) []Param {
	a.mu.Lock()
	a.sent++
	num := strconv.FormatUint(uint64(a.sent), 10)
	a.mu.Unlock()
	random := make([]byte, 4)
	rand.Read(random) // never fails
	n := signatureNamesOf(a.Server, a.Proxy)
	text := joinFields(signatureFields(a.Version, b, SignatureParams{
		Scheme: a.Scheme, Rand: hex.EncodeToString(random), Num: num, Realm: a.Realm, TargetName: a.TargetName}))
	return []Param{
		{Name: n.rand, Value: hex.EncodeToString(random)},
		{Name: n.num, Value: num},
		{Name: n.signature, Value: hex.EncodeToString(a.Session.SignDatagram(signatureSeq, []byte(text)))},
	}
}

// verify looks for a signature that one of the associations can verify.
func verify(associations []*Association, b *block) (Signature, *Association) {
	if len(associations) == 0 {
		return Unsigned, nil
	}
	result := Unsigned
	byServer := !associations[0].Server // the other end signed
	for _, proxy := range []bool{false, true} {
		n := signatureNamesOf(byServer, proxy)
		for _, value := range b.all(n.header) {
			parsed, err := ParseAuth(value)
			if err != nil {
				result = Invalid
			}
			for _, auth := range parsed {
				if !auth.Has(n.signature) || strings.EqualFold(auth.Scheme, "Digest") {
					continue
				}
				for _, a := range associations {
					switch a.verify(auth, n, b) {
					case Valid:
						return Valid, a
					case Repeated:
						return Repeated, nil
					}
				}
				result = Invalid
			}
		}
	}
	return result, nil
}

// verify checks the signature in auth: Valid, Repeated or Invalid. It accepts each
// number once, to prevent replays.
func (a *Association) verify(auth Auth, n signatureNames, b *block) Signature {
	if !strings.EqualFold(auth.Scheme, a.Scheme) || auth.Has("opaque") && auth.Get("opaque") != a.Opaque {
		return Invalid
	}
	signature, err := hex.DecodeString(auth.Get(n.signature)) // either case
	if err != nil {
		return Invalid
	}
	num, err := strconv.ParseUint(auth.Get(n.num), 10, 32)
	if err != nil {
		return Invalid
	}
	fields := signatureFields(a.Version, b, SignatureParams{
		Scheme: auth.Scheme, Rand: auth.Get(n.rand), Num: auth.Get(n.num), Realm: a.Realm, TargetName: a.TargetName})
	for _, f := range fields {
		if strings.Contains(f, "><") { // ambiguous: another message could have the same text
			return Invalid
		}
	}
	switch {
	case !a.Session.VerifyDatagram(signatureSeq, []byte(joinFields(fields)), signature):
		return Invalid
	case !a.isNewNumber(uint32(num)):
		return Repeated
	}
	return Valid
}

// isNewNumber reports whether num is new. At a server numbers must rise: TCP keeps
// their order. A client accepts them in any order, since several components of OCS
// sign, but not 64 or more below the greatest.
func (a *Association) isNewNumber(num uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if num > a.received {
		a.seen = a.seen<<(num-a.received) | 1
		a.received = num
		return true
	}
	bit := uint64(1) << (a.received - num) // 0 for a number too far below
	if a.Server || bit == 0 || a.seen&bit != 0 {
		return false
	}
	a.seen |= bit
	return true
}

// SignatureParams are the fields of a signature buffer that do not come from
// the message's headers.
type SignatureParams struct{ Scheme, Rand, Num, Realm, TargetName string }

// SignatureBuffer is the text that is signed for a message, given its raw
// header block (docs/protocol/sip-connection.md#message-signing, MS-SIPAE 3.2.5.2).
func SignatureBuffer(version int, raw []byte, p SignatureParams) (string, error) {
	b, err := readBlock(string(raw))
	if err != nil {
		return "", err
	}
	return joinFields(signatureFields(version, &b, p)), nil
}

func joinFields(fields []string) string { return "<" + strings.Join(fields, "><") + ">" }

func signatureFields(version int, b *block, p SignatureParams) []string {
	number, method := b.cseq()
	from, _ := ParseAddress(b.get("From"))
	to, _ := ParseAddress(b.get("To"))
	fields := []string{p.Scheme, p.Rand, p.Num, p.Realm, p.TargetName,
		b.get("Call-ID"), number, method, from.URI, from.Param("tag")}
	if version > 2 {
		sipURI, telURI := b.assertedIdentity()
		fields = append(fields, to.URI, to.Param("tag"), sipURI, telURI)
	} else {
		fields = append(fields, to.Param("tag"))
	}
	fields = append(fields, b.get("Expires"))
	if code := b.statusCode(); code != "" {
		fields = append(fields, code)
	}
	return fields
}

// assertedIdentity returns the first SIP and the first tel URI of
// P-Asserted-Identity, or without that header of P-Preferred-Identity.
func (b *block) assertedIdentity() (sipURI, telURI string) {
	values := b.all("P-Asserted-Identity")
	if len(values) == 0 {
		values = b.all("P-Preferred-Identity")
	}
	for _, value := range values {
		for _, element := range SplitList(value) {
			a, _ := ParseAddress(element)
			scheme, _, _ := strings.Cut(strings.ToLower(a.URI), ":")
			if scheme == "sip" && sipURI == "" {
				sipURI = a.URI
			}
			if scheme == "tel" && telURI == "" {
				telURI = a.URI
			}
		}
	}
	return sipURI, telURI
}
