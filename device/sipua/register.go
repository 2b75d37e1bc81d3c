package sipua

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipwire"
)

// maxRounds bounds the requests of one handshake: NTLM needs three, digest two
// and one more for a stale nonce; a registrar may find the lifetime too brief.
const maxRounds = 6

// handshake is one REGISTER exchange: from the first request to the final answer,
// with the requests for authentication between them
// (docs/protocol/sip-connection.md#registration).
type handshake struct {
	*Registration
	unsigned bool           // do not sign: the association in use is being replaced
	expires  *time.Duration // requested lifetime; nil sends no Expires header

	challenge    challenge            // the chosen one; no Scheme before the first 401
	credentials  *sipwire.Header      // of the next request
	ntlmStarted  bool                 // NTLM: gssapi-data="" was sent
	offer        *sipwire.Association // NTLM: of the next request, with token
	token        []byte
	netbios      string // NetBIOS domain in the server's NTLM challenge
	passwordUsed bool   // a refusal after that is final
	staleRetried bool   // digest: the password was used again because the nonce was stale
}

// run returns the server's 200 after verification.
func (h *handshake) run(ctx context.Context) (*sipwire.Incoming, error) {
	if h.digest != nil {
		if err := h.digestCredentials(); err != nil {
			return nil, err
		}
	}
	for range maxRounds {
		in, err := h.send(ctx)
		if err != nil {
			return nil, h.connFailure(err)
		}
		switch code := in.Response().StatusCode; {
		case code == 401 || code == 407:
			err = h.onChallenge(in)
		case code == 423 && h.onIntervalTooBrief(in):
		case code < 400:
			if err = h.verifyServer(in); err == nil && code >= 300 {
				err = h.redirect(in)
			}
			if err == nil {
				return in, nil
			}
		default:
			err = h.refusal(in)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, h.tooManyChallenges()
}

func (h *handshake) tooManyChallenges() error {
	return &journal.Failure{Code: journal.SIPMalformed, Asked: h.asked(), By: h.by(), Because: "a password is tried once",
		What: "The server asks for authentication again after every answer."}
}

// send sends the next REGISTER and waits for its final answer.
func (h *handshake) send(ctx context.Context) (*sipwire.Incoming, error) {
	headers := []sipwire.Header{
		{Name: "Contact", Value: h.contact()},
		{Name: "User-Agent", Value: h.cfg.Profile.UserAgent},
	}
	if !h.cfg.Registrar {
		for _, s := range h.cfg.Profile.Supported {
			headers = append(headers, sipwire.Header{Name: "Supported", Value: s})
		}
		headers = append(headers,
			sipwire.Header{Name: "ms-keep-alive", Value: "UAC;hop-hop=yes"},
			sipwire.Header{Name: "Event", Value: "registration"})
	}
	if h.expires != nil {
		headers = append(headers, sipwire.Header{Name: "Expires", Value: strconv.Itoa(int(*h.expires / time.Second))})
	}
	if h.credentials != nil {
		headers = append(headers, *h.credentials)
	}
	h.cseq++
	req, err := sipwire.NewRequest(sipwire.RequestConfig{
		Method: "REGISTER", URI: h.registrar(), Transport: h.server.transport(), Via: h.conn.LocalAddr().String(),
		From: fmt.Sprintf("<%s>;tag=%s;epid=%s", h.address.URI(), h.tag, h.cfg.EPID), To: "<" + h.address.URI() + ">",
		CallID: h.callID, CSeq: h.cseq, Headers: headers,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Profile.AnswerTimeout)
	defer cancel()
	switch {
	case h.offer != nil:
		return h.conn.Authenticate(ctx, req, h.offer, h.token)
	case h.unsigned:
		return h.conn.Do(ctx, req, sipwire.Plain())
	}
	return h.conn.Do(ctx, req)
}

// onChallenge makes the credentials that answer a 401 or 407.
func (h *handshake) onChallenge(in *sipwire.Incoming) error {
	offers := challenges(in.Response())
	h.credentials, h.offer = nil, nil
	if h.passwordUsed {
		for _, c := range offers {
			if h.challenge.hasScheme(schemeDigest) && c.hasScheme(schemeDigest) && c.stale() && c.digestStrength() > 0 {
				if h.staleRetried { // a server that calls every nonce stale gets no further answers
					return h.tooManyChallenges()
				}
				h.staleRetried = true
				return h.answerDigest(c)
			}
		}
		return h.passwordRefused(in)
	}
	if d := diagnose(in); d.timeSkew() || d.accountBlocked() {
		return h.refusal(in)
	}
	if h.ntlmStarted {
		return h.answerNTLM(in, offers)
	}
	best, ok, skipped := chooseChallenge(offers, h.server.TLS, h.cfg.Profile.Digest || h.cfg.Registrar)
	var names []string
	for _, c := range offers {
		names = append(names, c.String())
	}
	answered := fmt.Sprintf("%d with %s", in.Response().StatusCode, cmp.Or(strings.Join(names, ", "), "no challenge"))
	if !ok {
		return &journal.Failure{
			Code:     journal.AuthNoScheme,
			Asked:    h.asked(),
			Answered: answered,
			By:       h.by(),
			Details:  skipped,
			Because:  "MS-SIPAE; RFC 3261 22",
			What:     "The server does not offer an authentication scheme that the phone supports.",
			Fix:      h.schemeRemedy(offers),
		}
	}
	if h.digest != nil && best.hasScheme(schemeDigest) && !best.stale() &&
		best.Get("nonce") == h.digest.challenge.Get("nonce") {
		return h.passwordRefused(in) // a refresh sends credentials, and the server did not call their nonce stale
	}
	h.challenge = best
	h.cfg.Record.Record(journal.Step{
		Name:     journal.Register,
		State:    journal.OK,
		Asked:    h.asked(),
		Answered: answered,
		By:       h.by(),
		Decided:  fmt.Sprintf("Authenticate with %s.", best),
		Because:  "the strongest that the phone speaks",
		Details:  skipped,
	})
	if best.hasScheme(schemeDigest) {
		return h.answerDigest(best)
	}
	h.ntlmStarted = true // NTLM has no type 1 on the wire: an empty token asks for the challenge
	c := h.challenge.credentials(h.ntlmHeader(best).String())
	h.credentials = &c
	return nil
}

// schemeRemedy says which authentication scheme the server must offer.
func (h *handshake) schemeRemedy(offers []challenge) string {
	const digests = "Digest with MD5, SHA-256 or SHA-512-256"
	isDigest := func(c challenge) bool { return c.hasScheme(schemeDigest) }
	switch {
	case h.cfg.Registrar:
		return "Let the registrar offer " + digests + "."
	case slices.ContainsFunc(offers, isDigest):
		return fmt.Sprintf("If %s is a registrar and not an OCS pool, give it with --registrar %s; otherwise allow NTLM "+
			"on the pool.", h.server.Host, h.server.Addr())
	}
	return "Allow NTLM on the pool (authentication protocol: NTLM, or both Kerberos and NTLM)."
}

// version is the highest version that both ends support.
func (h *handshake) version(c challenge) int { return min(c.version(), h.cfg.Profile.MaxVersion) }

// ntlmHeader is the second REGISTER's Authorization (docs/protocol/sip-connection.md#registration).
func (h *handshake) ntlmHeader(c challenge) sipwire.Auth {
	a := sipwire.Auth{Scheme: schemeNTLM, Params: []sipwire.Param{
		{Name: "qop", Value: "auth"},
		{Name: "realm", Value: c.Get("realm")},
		{Name: "targetname", Value: c.Get("targetname")},
		{Name: "gssapi-data"},
	}}
	if v := h.version(c); v > 2 { // echoed from 3 on
		a.Params = append(a.Params, sipwire.Param{Name: "version", Value: strconv.Itoa(v), Token: true})
	}
	return a
}

// answerNTLM answers the server's NTLM challenge with the password.
func (h *handshake) answerNTLM(in *sipwire.Incoming, offers []challenge) error {
	var c challenge
	for _, o := range offers {
		if o.hasScheme(schemeNTLM) && o.Get("gssapi-data") != "" {
			c = o
			break
		}
	}
	fail := func(code journal.Code, what string, err error) error {
		f := h.registerFailure(in, code, "MS-SIPAE; MS-NLMP", what)
		f.Err = err
		return f
	}
	blob, err := base64.StdEncoding.DecodeString(c.Get("gssapi-data"))
	if err != nil || len(blob) == 0 {
		return fail(journal.SIPMalformed, "The server began NTLM and then sent no challenge.", err)
	}
	client := &ntlm.Client{
		User:        h.cfg.User,
		Domain:      h.cfg.Domain,
		Password:    h.cfg.Password,
		Workstation: h.cfg.Workstation,
		Flags:       ntlm.FlagsSIP,
		// MS-SIPAE signatures need both.
		Require: ntlm.NegotiateSign | ntlm.NegotiateDatagram,
		AllowV1: h.server.TLS, // docs/decisions.md#own-ntlm
		// The server that the certificate named, not the one that the challenge names.
		TargetName: "sip/" + h.server.Host,
		Now:        h.clock.Now,
	}
	if c, err := ntlm.ParseChallenge(blob); err == nil {
		h.netbios = printable(c.NetBIOSDomain)
	}
	token, session, err := client.Authenticate(blob)
	switch {
	case errors.Is(err, ntlm.ErrWeak):
		return fail(journal.AuthNoScheme, "The server offers NTLM in a form too weak to use the password with.", err)
	case err != nil:
		return fail(journal.SIPMalformed, "The server's NTLM challenge cannot be read.", err)
	}
	h.passwordUsed = true
	h.token = token
	h.offer = sipwire.NewAssociation(sipwire.AssociationConfig{
		Scheme:     schemeNTLM,
		Version:    h.version(h.challenge),
		Proxy:      c.proxy,
		Session:    session,
		Opaque:     c.Get("opaque"),
		Realm:      cmp.Or(c.Get("realm"), h.challenge.Get("realm")),
		TargetName: cmp.Or(c.Get("targetname"), h.challenge.Get("targetname")),
	})
	return nil
}

// answerDigest answers a digest challenge with the password.
func (h *handshake) answerDigest(c challenge) error {
	h.passwordUsed, h.challenge = true, c
	h.digest = &digester{challenge: c, user: h.cfg.AuthUser, password: h.cfg.Password}
	return h.digestCredentials()
}

func (h *handshake) digestCredentials() error {
	c, err := h.digest.credentials("REGISTER", h.registrar())
	if err != nil {
		return &journal.Failure{Code: journal.AuthNoScheme, Asked: h.asked(), By: h.by(), Err: err,
			What: "The server's digest challenge cannot be answered."}
	}
	h.credentials = &c
	return nil
}

// verifyServer checks the identity of a server that accepts or redirects the
// phone, before the phone uses anything of the response.
func (h *handshake) verifyServer(in *sipwire.Incoming) error {
	signed := in.Signature == sipwire.Valid && (h.offer == nil || in.By == h.offer)
	version := h.Info().Version
	if h.offer != nil {
		version = h.offer.Version
	}
	what := ""
	switch {
	case signed, h.cfg.Registrar && version == 0: // the certificate identifies an RFC 3261 registrar
	case h.challenge.hasScheme(schemeDigest) || h.digest != nil:
	case version >= 4: // docs/protocol/sip-connection.md#registration: the 200 bears rspauth
		what = fmt.Sprintf("The server's answer is not signed, as version %d demands: it has not proved that it knows "+
			"the password.", version)
	case version == 0 && in.Response().StatusCode < 300: // a director may redirect before it asks
		what = "The server let the phone in without authentication, so it has not proved that it knows the password."
	} // versions 2 and 3 may leave answers to REGISTER unsigned, docs/protocol/sip-connection.md#which-messages-are-signed
	if what == "" {
		return nil
	}
	f := h.registerFailure(in, journal.AuthServer, "MS-SIPAE", what)
	f.Fix = "Look for a proxy between phone and pool that answers or changes SIP messages by itself."
	return f
}

// onIntervalTooBrief takes the lifetime that a 423 Interval Too Brief demands, also
// when the phone has requested none. It reports whether to send the request again
// (RFC 3261 10.2.8).
func (h *handshake) onIntervalTooBrief(in *sipwire.Incoming) bool {
	n, err := strconv.ParseUint(in.Header("Min-Expires"), 10, 31)
	least := time.Duration(n) * time.Second
	if err != nil || least == 0 || least > maxExpires || h.offer != nil {
		return false
	}
	if h.expires != nil && (*h.expires == 0 || least <= *h.expires) { // 0: the phone signs out
		return false
	}
	h.expires = &least
	return h.digest == nil || h.digestCredentials() == nil
}

// connFailure turns an error of the connection during a REGISTER into a Failure
// for the user.
func (r *Registration) connFailure(err error) error { return r.connFailureFor(r.asked(), err) }

// connFailureFor is connFailure for any request.
func (r *Registration) connFailureFor(asked string, err error) error {
	var f *journal.Failure
	if !errors.As(err, &f) {
		return err
	}
	out := *f
	out.Asked, out.By, out.Fix, out.Details = asked, r.by(), "", nil
	switch {
	case f.Code == journal.SIPLost && f.Fix != "": // it says what to look for
		out.Fix = f.Fix
		return &out
	case f.Code == journal.SIPLost && r.split && r.conn.Stats().Received == 0:
		out.What = "The connection was lost before the server had answered anything. In TLS 1.0 without RC4 each message " +
			"goes as two records, which some front ends of OCS and Lync refuse."
		out.Fix = "Let the server take TLS_RSA_WITH_RC4_128_SHA, or TLS 1.2 from --firmware today. If it does, look into " +
			"its log for why it closed the connection."
		return &out
	}
	switch f.Code {
	case journal.SIPNoAnswer:
		out.What = "The server did not answer in time."
		out.Fix = "Check that a SIP server listens there, and its load; a slow one needs more time: --timeout. The phone " +
			"tries again later by itself."
	case journal.SIPLost:
		out.What = "The connection was lost before the server had answered."
		out.Fix = "Look into the server's log for why it closed the connection; the phone tries again later by itself."
	case journal.SIPMalformed:
		out.What = "The server sent something that is no usable SIP message."
		out.Fix = "Check that the port belongs to a SIP server."
		if f.Answered != "" {
			out.Fix += fmt.Sprintf(" If it does, correct its messages: %s.", f.Answered)
		}
	case journal.AuthServer:
		out.What = "The server's signature is wrong: it does not know the password, or somebody changed the message on " +
			"its way."
		out.Fix = "Check for a proxy between phone and pool that changes SIP messages."
	}
	return &out
}
