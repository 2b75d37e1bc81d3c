package pool

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipwire"
)

const (
	associationLifetime = 8 * time.Hour    // docs/protocol/sip-connection.md#which-messages-are-signed
	maxSkew             = 15 * time.Minute // for NTLM, docs/protocol/sip-connection.md#registration
	maxHandshakes       = 4                // handshakes of a connection in progress
)

// handshake is an NTLM handshake before the authenticate message.
type handshake struct {
	opaque  string
	version int
	ntlm    *ntlm.Server
}

// session is an authenticated user of a connection.
type session struct {
	association *sipwire.Association // nil for digest
	sam         string
	auth        string
	since       time.Time
}

func (s *Server) offersScheme(scheme Scheme) bool { return slices.Contains(s.Schemes, scheme) }

// sessionOf returns the session whose association signed in. It returns nil for
// an unsigned message, an invalid signature, an unknown opaque and an association
// past its lifetime.
func (c *conn) sessionOf(in *sipwire.Incoming) *session {
	if in.Signature != sipwire.Valid {
		return nil
	}
	for _, s := range c.sessions {
		if s.association == in.By && c.pool.Clock.Now().Sub(s.since) < associationLifetime {
			return s
		}
	}
	return nil
}

// challenge returns 401 with every scheme of the pool
// (docs/protocol/sip-connection.md#registration).
func (c *conn) challenge(req *sip.Request, why Diagnostics) *sip.Response {
	p, version := c.pool, versionParam(c.pool.Version)
	nonce, stale := "", c.stale
	c.stale = false
	var all []string
	for _, scheme := range p.Schemes {
		switch scheme {
		case NTLM:
			all = append(all, fmt.Sprintf(`NTLM realm="%s", targetname="%s"%s`, Realm, p.Host, version))
		case Kerberos:
			all = append(all, fmt.Sprintf(`Kerberos realm="%s", targetname="sip/%s"%s`, Realm, p.Host, version))
		case DigestMD5, DigestSHA256:
			if nonce == "" {
				nonce = c.newNonce()
			}
			all = append(all, digestChallenge(scheme, nonce, stale))
		}
	}
	if p.JoinChallenges {
		all = []string{strings.Join(all, ", ")}
	}
	res := c.refusal(req, 401, why)
	for _, value := range all {
		withHeader(res, "WWW-Authenticate", value)
	}
	return res
}

// authenticate authenticates an unsigned REGISTER by a handshake. It returns a
// session, or the next response of the handshake.
func (c *conn) authenticate(w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request) (*session, *sip.Response) {
	for _, cred := range sipwire.Auths(in.Msg, "Authorization") {
		isNTLM := strings.EqualFold(cred.Scheme, "NTLM") && c.pool.offersScheme(NTLM)
		switch {
		case isNTLM && cred.Get("gssapi-data") != "":
			return c.complete(w, in, req, cred)
		case isNTLM && cred.Has("gssapi-data"):
			return nil, c.begin(req, cred)
		case strings.EqualFold(cred.Scheme, "Digest"):
			return c.digest(req, cred)
		}
	}
	return nil, c.challenge(req, Diagnostics{})
}

// handshakeToken returns the gssapi-data of a message, or "". A message with
// gssapi-data completes a handshake: its association does not exist yet.
func handshakeToken(in *sipwire.Incoming) string {
	for _, cred := range sipwire.Auths(in.Msg, "Authorization") {
		if data := cred.Get("gssapi-data"); data != "" {
			return data
		}
	}
	return ""
}

// begin answers the empty token, NTLM's first message in the datagram form,
// with the challenge message.
func (c *conn) begin(req *sip.Request, cred sipwire.Auth) *sip.Response {
	p := c.pool
	o := &handshake{opaque: strings.ToUpper(sipwire.NewTag()), version: 2}
	o.ntlm = p.dir.NTLMServer(p.Host, ntlm.FlagsSIP, p.Clock.Now, func(directory.User) {})
	o.ntlm.RequireV2, o.ntlm.Target = p.RequireNTLMv2, ntlm.ForService("sip", nil)
	if p.NoESS {
		o.ntlm.Flags &^= ntlm.NegotiateESS
	}
	// The client sends its version if it is higher than 2
	// (docs/protocol/sip-connection.md#registration).
	switch cred.Get("version") {
	case "3":
		o.version = min(3, p.Version)
	case "4":
		o.version = min(4, p.Version)
	}
	message, err := o.ntlm.Challenge(nil)
	if err != nil {
		return c.response(req, 500)
	}
	if c.handshakes = append(c.handshakes, o); len(c.handshakes) > maxHandshakes {
		c.handshakes = slices.Delete(c.handshakes, 0, 1)
	}
	return withHeader(c.response(req, 401), "WWW-Authenticate",
		fmt.Sprintf(`NTLM opaque="%s", gssapi-data="%s", targetname="%s", realm="%s"%s`,
			o.opaque, base64.StdEncoding.EncodeToString(message), p.Host, Realm, versionParam(o.version)))
}

// versionParam returns the parameter version of a challenge; "" for version 2.
func versionParam(version int) string {
	if version <= 2 {
		return ""
	}
	return fmt.Sprintf(", version=%d", version)
}

// complete checks the authenticate message and, in version 4, the signature of
// the REGISTER that contains it.
func (c *conn) complete(
	w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, cred sipwire.Auth,
) (*session, *sip.Response) {
	p := c.pool
	h := c.takeHandshake(cred.Get("opaque"))
	message, err := base64.StdEncoding.DecodeString(cred.Get("gssapi-data"))
	if h == nil || err != nil {
		return nil, c.challenge(req, Diagnostics{})
	}
	id, keys, err := h.ntlm.Authenticate(message)
	u, known := p.dir.FindUser(id.User, id.Domain)
	switch {
	case err == nil:
		err = p.dir.GoodLogon(u.SAM)
	case errors.Is(err, ntlm.ErrLogon) && known:
		p.dir.BadLogon(u.SAM)
	}
	switch {
	case err == nil:
	case errors.Is(err, ntlm.ErrLogon), errors.Is(err, directory.ErrUnknown):
		return nil, c.badLogon(req)
	case errors.Is(err, ntlm.ErrMalformed), errors.Is(err, ntlm.ErrTarget):
		return nil, c.challenge(req, diagHandshake)
	default: // the account cannot be used
		return nil, c.accountRefusal(req, err)
	}
	if skew := id.Time.Sub(p.Clock.Now()); !id.V1 && p.CheckSkew && skew.Abs() > maxSkew {
		return nil, c.challenge(req, diagSkew)
	}
	s := c.newSession(h, u.SAM, keys)
	if id.V1 {
		s.auth += " NTLMv1"
	}
	if keys.Flags()&ntlm.NegotiateESS == 0 {
		s.auth += " no ESS"
	}
	// MS-SIPAE: from version 4 on the REGISTER that completes the handshake is signed.
	signature := s.association.Verify(in)
	if h.version >= 4 && signature != sipwire.Valid || refused(signature) {
		p.count(func(n *Counters) { n.BadSignatures++ })
		return nil, c.challenge(req, diagHandshake)
	}
	w.Use(s.association)
	// The previous association still verifies messages sent before (sipwire.Use).
	c.sessions = append(c.sessions, s)
	c.sessions = slices.Delete(c.sessions, 0, max(0, len(c.sessions)-2))
	return s, nil
}

// takeHandshake removes and returns the handshake with that opaque, or nil. An
// opaque is used once, even if the handshake fails.
func (c *conn) takeHandshake(opaque string) *handshake {
	i := slices.IndexFunc(c.handshakes, func(h *handshake) bool { return h.opaque == opaque })
	if i < 0 {
		return nil
	}
	h := c.handshakes[i]
	c.handshakes = slices.Delete(c.handshakes, i, i+1)
	return h
}

func (c *conn) newSession(h *handshake, sam string, keys *ntlm.Session) *session {
	p := c.pool
	a := sipwire.NewAssociation(sipwire.AssociationConfig{
		Scheme:     "NTLM",
		Version:    h.version,
		Realm:      Realm,
		TargetName: p.Host,
		Opaque:     h.opaque,
		Session:    signer{keys, p},
		Server:     true,
	})
	return &session{association: a, sam: sam, auth: fmt.Sprintf("NTLM v%d", h.version), since: p.Clock.Now()}
}

// badLogon returns 401 for a wrong user or password, or 404 if the address to
// register does not exist.
func (c *conn) badLogon(req *sip.Request) *sip.Response {
	c.pool.count(func(n *Counters) { n.BadLogons++ })
	if _, found := c.pool.dir.UserBySIP(address(req.To().Address)); !found {
		return c.refusal(req, 404, diagNotEnabled)
	}
	return c.challenge(req, diagHandshake)
}

func (c *conn) accountRefusal(req *sip.Request, err error) *sip.Response {
	why := diagDisabled
	why.Extra = fmt.Sprintf(`;detail="%s"`, strings.TrimPrefix(err.Error(), "directory: "))
	return c.refusal(req, 403, why)
}

// signer signs with the keys of the handshake, or incorrectly if
// Faults.BadSignature is set.
type signer struct {
	*ntlm.Session
	pool *Server
}

func (s signer) SignDatagram(seq uint32, msg []byte) []byte {
	signature := s.Session.SignDatagram(seq, msg)
	if s.pool.Faults().BadSignature {
		signature[8] ^= 1 // inside the checksum: without ESS the first bytes are ignored
	}
	return signature
}

// refused reports whether a signature was made and does not count.
func refused(s sipwire.Signature) bool { return s == sipwire.Invalid || s == sipwire.Repeated }
