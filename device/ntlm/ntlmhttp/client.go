// Package ntlmhttp is an HTTP/1.1 client for servers that require NTLM. It keeps
// one connection: NTLM authenticates a connection, not a request, so it does not
// work with a pool of connections.
//
// It follows MS-NTHT and MS-N2HT (NTLM and Negotiate, which carries NTLM
// messages as they are), RFC 9112, RFC 7617 for Basic, and RFC 5929
// (tls-server-end-point) for the channel binding token, which is sent with every
// log-on over TLS. The caller's tls.Config verifies certificates.
//
//  1. c := &ntlmhttp.Client{Dialer: d, TLS: certstore.ClientConfig(…), User: …, Domain: …, Password: …}
//  2. resp, err := c.Do(req) for each request, one after the other; read and close
//     resp.Body, because the next request waits for that.
//  3. c.CloseIdle() after each poll, c.Close() at the end.
//
// A Client is an http.RoundTripper too. It does not follow redirects. For a request
// to another origin it closes its connection and makes another.
//
// A password is tried once: after a refusal all requests of the Client fail without
// dialling. Make another Client when the user has given a new password.
package ntlmhttp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultTimeout is for everything up to the header of the answer: dial,
	// TLS, all legs of NTLM. Exchange answers within a second or two.
	DefaultTimeout = 30 * time.Second
	// DefaultBodyTimeout is for the whole body of an answer; a voice mail of
	// five minutes is 2.4 MB.
	DefaultBodyTimeout = 2 * time.Minute
	// DefaultMaxHeader bounds the header of an answer, in octets; IIS sends under 2 KiB.
	DefaultMaxHeader = 64 << 10
	// DefaultMaxRequest bounds the body of a request, which is kept to be sent
	// with the authenticate leg.
	DefaultMaxRequest = 4 << 20
	// DefaultMaxResponse holds an attachment of 32 MiB in base64.
	DefaultMaxResponse = 48 << 20

	maxDiscard = 256 << 10 // octets of an unread body that are read to keep the connection
)

// Dialer connects to host:port. It resolves the name.
type Dialer interface {
	DialContext(ctx context.Context, network, hostport string) (net.Conn, error)
}

// Client makes requests for one user to one server at a time. Its fields must not
// change after the first method call. It is safe for concurrent use: requests wait
// for each other.
type Client struct {
	Dialer Dialer      // required
	TLS    *tls.Config // required for https; its ServerName is replaced by the host of each URL

	User     string // may be a UPN (user@domain), with an empty Domain; empty: no log-on
	Domain   string // NetBIOS or DNS name of the domain
	Password string
	// Proven reports whether another server, such as the pool, accepted the same
	// user name and password a short time ago. A refusal is then ErrDenied instead of
	// ErrPassword. nil means false. It is called after a refusal.
	Proven func() bool

	AllowBasic bool // allow Basic over TLS, if the server offers it and not NTLM
	AllowPlain bool // allow NTLM over http; Basic is never sent over http

	Now         func() time.Time // used if the challenge has no timestamp; nil is time.Now
	Timeout     time.Duration    // in real time; 0 is DefaultTimeout
	BodyTimeout time.Duration    // in real time; 0 is DefaultBodyTimeout
	MaxHeader   int64            // octets; 0 is DefaultMaxHeader
	MaxRequest  int64            // octets; 0 is DefaultMaxRequest
	MaxResponse int64            // octets on the wire; 0 is DefaultMaxResponse

	once sync.Once
	sem  chan struct{} // held during a request

	mu            sync.Mutex
	conn          *conn // nil: none
	closed        bool
	closeWhenIdle bool // CloseIdle was called while a request was under way

	// Guarded by sem.
	origin           string // of scheme
	scheme           string // last scheme of origin: schemeUnknown …
	rejectedPassword error  // the *Error of the refusal; nil: the password may be used
	passwordAccepted bool   // the password was accepted
}

var _ http.RoundTripper = (*Client)(nil)

func (c *Client) setup() { c.once.Do(func() { c.sem = make(chan struct{}, 1) }) }

// RoundTrip is Do, so that an http.Client can use a Client.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) { return c.Do(req) }

// Do sends req, logs on if the server requires it, and returns the answer of any
// status. It returns a 401 only without User, and over http without AllowPlain. It
// does not follow redirects. resp.TLS is set for https.
//
// The error is an *Error for a failed log-on; an error of the dialer or of the TLS
// handshake is wrapped.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	c.setup()
	ctx := req.Context()
	body, err := c.readBody(req)
	if err != nil {
		return nil, err
	}
	origin, err := originOf(req.URL)
	if err != nil {
		return nil, err
	}
	select {
	case c.sem <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the connection: %w", context.Cause(ctx))
	}
	h := &handshake{
		c:        c,
		req:      req,
		body:     body,
		origin:   origin,
		deadline: time.Now().Add(cmp.Or(c.Timeout, DefaultTimeout)),
	}
	resp, err := h.run(ctx)
	if err != nil {
		h.closeConn()
		c.release()
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
			err = fmt.Errorf("%w (%w)", err, ctx.Err())
		}
		return nil, err
	}
	return resp, nil
}

// CloseIdle closes the connection, during a request as soon as that has ended. The
// next request makes another.
func (c *Client) CloseIdle() {
	c.setup()
	c.mu.Lock()
	c.closeWhenIdle = true
	c.mu.Unlock()
	select {
	case c.sem <- struct{}{}:
		c.release()
	default: // release closes it after the request
	}
}

// Close closes the connection at once. A request under way and all later ones fail.
// It always returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn != nil {
		_ = c.conn.raw.Close()
		c.conn = nil
	}
	return nil
}

// release ends a request: it releases sem.
func (c *Client) release() {
	c.mu.Lock()
	if c.closeWhenIdle && c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
	c.closeWhenIdle = false
	c.mu.Unlock()
	<-c.sem
}

func (c *Client) readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	limit := cmp.Or(c.MaxRequest, DefaultMaxRequest)
	body, err := io.ReadAll(io.LimitReader(req.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body of the request: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the body of the request: %w: more than %d octets", ErrTooLarge, limit)
	}
	return body, nil
}

// originOf is "https://host:port".
func originOf(u *url.URL) (string, error) {
	if u == nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%w: an absolute http or https URL is needed", ErrProtocol)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port), nil
}
