package ntlmhttp

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/ntlm"
)

// Scheme of an origin. The first request to an unknown origin carries an NTLM
// NEGOTIATE message, which saves a leg.
const (
	schemeUnknown   = ""
	schemeNone      = "none" // the origin answers requests without a log-on
	schemeNTLM      = "NTLM"
	schemeNegotiate = "Negotiate"
	schemeBasic     = "Basic"
)

// maxDomain bounds the domain in an Error, in octets: a NetBIOS name has at most
// 15 characters.
const maxDomain = 64

type noBasicKey struct{}

// WithoutBasic forbids Basic for the requests of a context even with AllowBasic: for
// a host name from an unauthenticated source.
func WithoutBasic(ctx context.Context) context.Context {
	return context.WithValue(ctx, noBasicKey{}, true)
}

// BasicForbidden reports whether ctx comes from WithoutBasic.
func BasicForbidden(ctx context.Context) bool { return ctx.Value(noBasicKey{}) != nil }

func (h *handshake) run(ctx context.Context) (*http.Response, error) {
	secure := strings.HasPrefix(h.origin, "https://")
	if h.c.User == "" || !secure && !h.c.AllowPlain {
		resp, err := h.send(ctx, "", true)
		if err != nil {
			return nil, err
		}
		return h.deliver(resp)
	}
	if h.c.rejectedPassword != nil {
		return nil, &Error{Kind: ErrPasswordUsed, Host: h.req.URL.Host, PasswordUsed: true, Err: h.c.rejectedPassword}
	}
	if h.c.origin != h.origin {
		h.c.origin, h.c.scheme = h.origin, schemeUnknown
	}
	if h.c.scheme == schemeBasic {
		if !h.basicAllowed(ctx) {
			return nil, h.fail(ErrNoScheme, nil)
		}
		return h.basic(ctx)
	}
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	scheme := h.c.scheme
	if scheme == schemeUnknown {
		scheme = schemeNTLM
	}
	if h.conn.authenticated || scheme == schemeNone {
		resp, err := h.send(ctx, "", true)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			return h.deliver(resp)
		}
		// The server authenticates each request, or this one only.
		offers := parseOffers(resp.Header)
		h.drain(resp)
		h.conn.authenticated = false
		if scheme == schemeNone {
			if scheme = h.choose(ctx, offers, nil); scheme == "" {
				return nil, h.fail(ErrNoScheme, offers)
			}
		}
	}
	return h.logOn(ctx, scheme)
}

// logOn tries the schemes that the server offers until one works with NTLM.
func (h *handshake) logOn(ctx context.Context, scheme string) (*http.Response, error) {
	var tried []string
	for {
		if scheme == schemeBasic {
			return h.basic(ctx)
		}
		tried = append(tried, scheme)
		client := h.client()
		// The server would discard a body sent with the NEGOTIATE message.
		resp, err := h.send(ctx, scheme+" "+base64.StdEncoding.EncodeToString(client.Negotiate()), false)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			return h.onNoChallenge(ctx, resp)
		}
		offers := parseOffers(resp.Header)
		closing := resp.Close
		h.drain(resp)
		if token := offerToken(offers, scheme); token != "" {
			if closing || h.conn.broken {
				return nil, h.fail(ErrKeepAlive, offers)
			}
			h.c.scheme = scheme
			return h.authenticate(ctx, client, scheme, token)
		}
		next := h.choose(ctx, offers, tried)
		switch {
		case next != "":
			scheme = next
		case hasOffer(offers, schemeNTLM) || hasOffer(offers, schemeNegotiate):
			return nil, h.fail(ErrBlocked, offers)
		default:
			return nil, h.fail(ErrNoScheme, offers)
		}
	}
}

// client makes the NTLM client of one log-on.
func (h *handshake) client() *ntlm.Client {
	return &ntlm.Client{
		User:     h.c.User,
		Domain:   h.c.Domain,
		Password: h.c.Password,
		Flags:    ntlm.FlagsHTTP,
		Require:  ntlm.NegotiateESS,
		MIC:      true,
		// against a relay of the log-on to another service or server
		TargetName: "HTTP/" + h.req.URL.Hostname(),
		Now:        h.c.Now,
	}
}

// onNoChallenge handles an answer to the NEGOTIATE message other than 401.
func (h *handshake) onNoChallenge(ctx context.Context, resp *http.Response) (*http.Response, error) {
	h.c.scheme = schemeNone
	if len(h.body) == 0 {
		return h.deliver(resp)
	}
	h.drain(resp)
	resp, err := h.send(ctx, "", true) // now with the body
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		h.c.scheme = schemeUnknown
		return nil, h.fail(ErrBlocked, parseOffers(resp.Header))
	}
	return h.deliver(resp)
}

// authenticate answers the challenge, on the connection that it came on.
func (h *handshake) authenticate(
	ctx context.Context, client *ntlm.Client, scheme, token string,
) (*http.Response, error) {
	challenge, err := base64.StdEncoding.DecodeString(token)
	if err != nil || ntlm.Type(challenge) != 2 {
		return nil, h.failWith(ErrProtocol, nil, errors.New("the challenge is no NTLM message"))
	}
	if h.conn.state != nil && len(h.conn.state.PeerCertificates) > 0 {
		client.ChannelBinding = ntlm.ChannelBindings(h.conn.state.PeerCertificates[0]) // RFC 5929 4
	}
	msg, _, err := client.Authenticate(challenge)
	if err != nil {
		return nil, h.failWith(ErrProtocol, nil, err) // ntlm.ErrWeak before the password was used
	}
	parsed, _ := ntlm.ParseChallenge(challenge) // Authenticate has read it
	resp, err := h.send(ctx, scheme+" "+base64.StdEncoding.EncodeToString(msg), true)
	domain := parsed.NetBIOSDomain
	if len(domain) > maxDomain {
		domain = ""
	}
	return h.checkResult(resp, err, domain)
}

// basicAllowed reports whether the password may be sent to the server, inside TLS
// (RFC 7617 4).
func (h *handshake) basicAllowed(ctx context.Context) bool {
	return h.c.AllowBasic && strings.HasPrefix(h.origin, "https://") && !BasicForbidden(ctx)
}

func (h *handshake) basic(ctx context.Context) (*http.Response, error) {
	user := h.c.User
	if h.c.Domain != "" {
		user = h.c.Domain + `\` + user
	}
	h.c.scheme = schemeBasic
	resp, err := h.send(ctx, "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+h.c.Password)), true)
	if err != nil && (h.conn == nil || !h.conn.used) {
		return nil, err // nothing was sent
	}
	return h.checkResult(resp, err, "")
}

// checkResult checks the answer to the last message of a log-on. Unless the password
// was accepted it is not used again (docs/decisions.md#do-no-harm).
func (h *handshake) checkResult(resp *http.Response, err error, domain string) (*http.Response, error) {
	if err != nil {
		f := h.failWith(ErrUnanswered, nil, err)
		f.Domain = domain
		return nil, h.rejectPassword(f, h.c.passwordAccepted || h.c.proven())
	}
	if resp.StatusCode == http.StatusUnauthorized {
		offers := parseOffers(resp.Header)
		f := h.fail(h.c.refusalKind(h.drain(resp)), offers)
		f.Domain = domain
		return nil, h.rejectPassword(f, false)
	}
	if s := resp.StatusCode; s < 400 || s == http.StatusInternalServerError { // others may come from a proxy
		h.c.passwordAccepted = true
	}
	h.conn.authenticated = h.c.scheme != schemeBasic
	return h.deliver(resp)
}

func (h *handshake) rejectPassword(f *Error, harmless bool) *Error {
	if !harmless {
		h.c.rejectedPassword = &Error{Kind: f.Kind, Host: f.Host, Domain: f.Domain}
		f.PasswordUsed = true
	}
	return f
}

func (h *handshake) fail(kind error, offers []offer) *Error { return h.failWith(kind, offers, nil) }

func (h *handshake) failWith(kind error, offers []offer, err error) *Error {
	f := &Error{Kind: kind, Host: h.req.URL.Host, Err: err}
	for _, o := range offers {
		f.Offered = append(f.Offered, o.scheme)
	}
	return f
}

// choose returns the best scheme that has not been tried: NTLM, then Negotiate, then
// Basic if neither is offered.
func (h *handshake) choose(ctx context.Context, offers []offer, tried []string) string {
	for _, scheme := range []string{schemeNTLM, schemeNegotiate} {
		if hasOffer(offers, scheme) && !slices.Contains(tried, scheme) {
			return scheme
		}
	}
	ntlmToo := hasOffer(offers, schemeNTLM) || hasOffer(offers, schemeNegotiate)
	if hasOffer(offers, schemeBasic) && !ntlmToo && h.basicAllowed(ctx) {
		return schemeBasic
	}
	return ""
}
