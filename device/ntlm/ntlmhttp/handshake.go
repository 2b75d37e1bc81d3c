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

// What an origin wants. An unknown one is greeted with NTLM, as by a client
// that has been there before: that costs one leg less.
const (
	schemeUnknown   = ""
	schemeNone      = "none" // nothing: requests are answered as they are
	schemeNTLM      = "NTLM"
	schemeNegotiate = "Negotiate"
	schemeBasic     = "Basic"
)

// maxDomain bounds the domain in an Error, in octets: a NetBIOS name has at most
// 15 characters.
const maxDomain = 64

type noBasicKey struct{}

// WithoutBasic forbids Basic for the requests of a context, AllowBasic or not:
// for a host that somebody named over an unauthenticated channel.
func WithoutBasic(ctx context.Context) context.Context {
	return context.WithValue(ctx, noBasicKey{}, true)
}

// BasicForbidden says whether ctx comes from WithoutBasic.
func BasicForbidden(ctx context.Context) bool { return ctx.Value(noBasicKey{}) != nil }

func (e *exchange) run(ctx context.Context) (*http.Response, error) {
	secure := strings.HasPrefix(e.origin, "https://")
	if e.c.User == "" || !secure && !e.c.AllowPlain {
		resp, err := e.send(ctx, "", true)
		if err != nil {
			return nil, err
		}
		return e.hand(resp)
	}
	if e.c.spent != nil {
		return nil, &Error{Kind: ErrSpent, Host: e.req.URL.Host, Spent: true, Err: e.c.spent}
	}
	if e.c.origin != e.origin {
		e.c.origin, e.c.scheme = e.origin, schemeUnknown
	}
	if e.c.scheme == schemeBasic {
		if !e.mayBasic(ctx) {
			return nil, e.fail(ErrNoScheme, nil)
		}
		return e.basic(ctx)
	}
	if err := e.connect(ctx); err != nil {
		return nil, err
	}
	scheme := e.c.scheme
	if scheme == schemeUnknown {
		scheme = schemeNTLM
	}
	if e.conn.authenticated || scheme == schemeNone {
		resp, err := e.send(ctx, "", true)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			return e.hand(resp)
		}
		// Asked again: the server authenticates each request, or this one only.
		offers := offersOf(resp.Header)
		e.discard(resp)
		e.conn.authenticated = false
		if scheme == schemeNone {
			if scheme = e.choose(ctx, offers, nil); scheme == "" {
				return nil, e.fail(ErrNoScheme, offers)
			}
		}
	}
	return e.logOn(ctx, scheme)
}

// logOn goes through the schemes that the server offers until one carries NTLM.
func (e *exchange) logOn(ctx context.Context, scheme string) (*http.Response, error) {
	var tried []string
	for {
		if scheme == schemeBasic {
			return e.basic(ctx)
		}
		tried = append(tried, scheme)
		client := e.client()
		// The greeting goes without the body, which would only be thrown away.
		resp, err := e.send(ctx, scheme+" "+base64.StdEncoding.EncodeToString(client.Negotiate()), false)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			return e.unasked(ctx, resp)
		}
		offers := offersOf(resp.Header)
		closing := resp.Close
		e.discard(resp)
		if token := tokenOf(offers, scheme); token != "" {
			if closing || e.conn.broken {
				return nil, e.fail(ErrKeepAlive, offers)
			}
			e.c.scheme = scheme
			return e.prove(ctx, client, scheme, token)
		}
		next := e.choose(ctx, offers, tried)
		switch {
		case next != "":
			scheme = next
		case offered(offers, schemeNTLM) || offered(offers, schemeNegotiate):
			return nil, e.fail(ErrBlocked, offers)
		default:
			return nil, e.fail(ErrNoScheme, offers)
		}
	}
}

// client makes the NTLM client of one handshake on the connection of e.
func (e *exchange) client() *ntlm.Client {
	return &ntlm.Client{User: e.c.User, Domain: e.c.Domain, Password: e.c.Password, Flags: ntlm.FlagsHTTP, Require: ntlm.NegotiateESS, MIC: true, Now: e.c.Now}
}

// unasked is a server that answers the greeting with something else than 401.
func (e *exchange) unasked(ctx context.Context, resp *http.Response) (*http.Response, error) {
	e.c.scheme = schemeNone
	if len(e.body) == 0 {
		return e.hand(resp)
	}
	e.discard(resp)
	resp, err := e.send(ctx, "", true) // now with what it is to read
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		e.c.scheme = schemeUnknown
		return nil, e.fail(ErrBlocked, offersOf(resp.Header))
	}
	return e.hand(resp)
}

// prove answers the challenge, on the connection that it came on.
func (e *exchange) prove(ctx context.Context, client *ntlm.Client, scheme, token string) (*http.Response, error) {
	challenge, err := base64.StdEncoding.DecodeString(token)
	if err != nil || ntlm.Type(challenge) != 2 {
		return nil, e.failWith(ErrProtocol, nil, errors.New("the challenge is no NTLM message"))
	}
	if e.conn.state != nil && len(e.conn.state.PeerCertificates) > 0 {
		client.ChannelBinding = ntlm.ChannelBindings(e.conn.state.PeerCertificates[0]) // RFC 5929 4
	}
	msg, _, err := client.Authenticate(challenge)
	if err != nil {
		return nil, e.failWith(ErrProtocol, nil, err) // ntlm.ErrWeak before the password was used
	}
	parsed, _ := ntlm.ParseChallenge(challenge) // Authenticate has read it
	resp, err := e.send(ctx, scheme+" "+base64.StdEncoding.EncodeToString(msg), true)
	domain := parsed.NetBIOSDomain
	if len(domain) > maxDomain {
		domain = ""
	}
	return e.judge(resp, err, domain)
}

// mayBasic says whether the password may be sent as it is (RFC 7617 4).
func (e *exchange) mayBasic(ctx context.Context) bool {
	return e.c.AllowBasic && strings.HasPrefix(e.origin, "https://") && !BasicForbidden(ctx)
}

func (e *exchange) basic(ctx context.Context) (*http.Response, error) {
	user := e.c.User
	if e.c.Domain != "" {
		user = e.c.Domain + `\` + user
	}
	e.c.scheme = schemeBasic
	resp, err := e.send(ctx, "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+e.c.Password)), true)
	if err != nil && (e.conn == nil || !e.conn.used) {
		return nil, err // nothing was sent
	}
	return e.judge(resp, err, "")
}

// judge reads the answer to a proof, and spends the password unless it was
// accepted (design decision 6).
func (e *exchange) judge(resp *http.Response, err error, domain string) (*http.Response, error) {
	if err != nil {
		f := e.failWith(ErrUnanswered, nil, err)
		f.Domain = domain
		return nil, e.spend(f, e.c.works || e.c.proven())
	}
	if resp.StatusCode == http.StatusUnauthorized {
		offers := offersOf(resp.Header)
		f := e.fail(e.c.refusal(e.discard(resp)), offers)
		f.Domain = domain
		return nil, e.spend(f, false)
	}
	if s := resp.StatusCode; s < 400 || s == http.StatusInternalServerError { // others may come from a proxy
		e.c.works = true
	}
	e.conn.authenticated = e.c.scheme != schemeBasic
	return e.hand(resp)
}

func (e *exchange) spend(f *Error, harmless bool) *Error {
	if !harmless {
		e.c.spent = &Error{Kind: f.Kind, Host: f.Host, Domain: f.Domain}
		f.Spent = true
	}
	return f
}

func (e *exchange) fail(kind error, offers []offer) *Error { return e.failWith(kind, offers, nil) }

func (e *exchange) failWith(kind error, offers []offer, err error) *Error {
	f := &Error{Kind: kind, Host: e.req.URL.Host, Err: err}
	for _, o := range offers {
		f.Offered = append(f.Offered, o.scheme)
	}
	return f
}

// choose takes the best scheme that has not been tried: NTLM, then Negotiate,
// then Basic where neither is offered.
func (e *exchange) choose(ctx context.Context, offers []offer, tried []string) string {
	for _, scheme := range []string{schemeNTLM, schemeNegotiate} {
		if offered(offers, scheme) && !slices.Contains(tried, scheme) {
			return scheme
		}
	}
	ntlmToo := offered(offers, schemeNTLM) || offered(offers, schemeNegotiate)
	if offered(offers, schemeBasic) && !ntlmToo && e.mayBasic(ctx) {
		return schemeBasic
	}
	return ""
}
