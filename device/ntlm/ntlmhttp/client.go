// Package ntlmhttp speaks HTTP/1.1 to a server that wants NTLM, over one
// connection that stays pinned: NTLM proves who is at the other end of a
// connection, not who made a request, so that a pool of connections breaks it.
//
// It follows MS-NTHT and MS-N2HT (NTLM and Negotiate, which carries NTLM
// messages as they are), RFC 9112, RFC 7617 for Basic, and RFC 5929
// (tls-server-end-point) for the channel binding token, which is sent whenever
// there is TLS. Certificates are judged by the tls.Config that is given.
//
//  1. c := &ntlmhttp.Client{Dialer: d, TLS: certstore.ClientConfig(…), User: …, Domain: …, Password: …}
//  2. resp, err := c.Do(req) as often as wanted, one request after the other;
//     read and close resp.Body, for the next request waits for that.
//  3. c.CloseIdle() after each poll, c.Close() at the end.
//
// A Client is an http.RoundTripper too. It follows no redirect, and answers a
// request to another origin by closing its connection and making another.
//
// A password is tried once: after a refusal the Client is spent, and says so
// without dialling. Make another Client when a person has given a password.
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

	maxDiscard = 256 << 10 // octets of a body that nobody reads
)

// Dialer connects to host:port; it resolves names by itself.
type Dialer interface {
	DialContext(ctx context.Context, network, hostport string) (net.Conn, error)
}

// Client is one user at one server at a time. Its fields are frozen at the
// first method call. It is safe for concurrent use: requests wait for each
// other.
type Client struct {
	Dialer Dialer      // required
	TLS    *tls.Config // required for https; its ServerName is replaced by the host of each URL

	User     string // a UPN (user@domain) goes here whole, with an empty Domain; empty: nobody is logged on
	Domain   string // NetBIOS or DNS name of the domain
	Password string
	// Proven says whether this very user name and password were accepted
	// elsewhere a short time ago, as by the pool. A refusal is then ErrDenied,
	// never ErrPassword. nil says no. It is asked when it matters.
	Proven func() bool

	AllowBasic bool // Basic over TLS, where it is offered and NTLM is not
	AllowPlain bool // NTLM over http too; Basic never

	Now         func() time.Time // the phone's clock, for a server that tells none; nil is time.Now
	Timeout     time.Duration    // in real time; 0 is DefaultTimeout
	BodyTimeout time.Duration    // in real time; 0 is DefaultBodyTimeout
	MaxHeader   int64            // octets; 0 is DefaultMaxHeader
	MaxRequest  int64            // octets; 0 is DefaultMaxRequest
	MaxResponse int64            // octets on the wire; 0 is DefaultMaxResponse

	once sync.Once
	sem  chan struct{} // holds a token while a request is under way

	mu            sync.Mutex
	conn          *conn // nil: none
	closed        bool
	closeWhenIdle bool // CloseIdle was called while a request was under way

	// Owned by whoever has the turn.
	origin           string // that scheme belongs to
	scheme           string // what origin wanted last: schemeUnknown …
	rejectedPassword error  // the *Error of the refusal
	passwordAccepted bool   // the password was accepted
}

var _ http.RoundTripper = (*Client)(nil)

func (c *Client) setup() { c.once.Do(func() { c.sem = make(chan struct{}, 1) }) }

// RoundTrip is Do, so that an http.Client can stand on a Client.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) { return c.Do(req) }

// Do sends req and returns the answer, whatever its status, when nobody wants a
// log-on any more: an answer 401 comes back only over http without AllowPlain
// and without User. Redirects are not followed. resp.TLS is set for https.
//
// The error is an *Error for all that concerns the log-on; an error of the
// dialer or of the TLS handshake is wrapped.
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
	h := &handshake{c: c, req: req, body: body, origin: origin, deadline: time.Now().Add(cmp.Or(c.Timeout, DefaultTimeout))}
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

// CloseIdle closes the connection, or does so as soon as the request under way
// has ended. The next request makes another.
func (c *Client) CloseIdle() {
	c.setup()
	c.mu.Lock()
	c.closeWhenIdle = true
	c.mu.Unlock()
	select {
	case c.sem <- struct{}{}:
		c.release()
	default: // whoever has the turn closes it
	}
}

// Close closes the connection at once; a request under way fails, and so does
// every later one. It always returns nil.
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

// release gives the turn back.
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
