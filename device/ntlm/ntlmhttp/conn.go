package ntlmhttp

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxInterim is how many answers 1xx may come before the real one (RFC 9110 15.2).
const maxInterim = 5

// conn is the pinned connection.
type conn struct {
	net.Conn
	raw           net.Conn // below TLS
	origin        string
	state         *tls.ConnectionState // nil for http
	in            *bufio.Reader
	left          int64 // octets that may still come
	authenticated bool  // the server knows who is at this end
	broken        bool  // no further request fits
	used          bool
}

// Read counts what comes: nothing that a server sends is unbounded.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// alive says whether an idle connection can take another request: the server
// has neither closed it nor said something unasked. A request that might have
// been carried out is never sent again, so this is asked before.
func (c *conn) alive() bool {
	c.left = bufferSize
	_ = c.SetReadDeadline(time.Now().Add(peekTime))
	_, err := c.in.Peek(1)
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

const (
	bufferSize = 4 << 10
	// peekTime lets one read be tried; what has come already is seen at once.
	peekTime = 200 * time.Microsecond
)

// exchange is one request of the caller, with all its legs.
type exchange struct {
	c      *Client
	req    *http.Request
	body   []byte
	origin string
	until  time.Time

	conn *conn
	stop func() bool // ends the watch of the caller's context over conn
}

// drop closes the connection.
func (e *exchange) drop() {
	if e.stop != nil {
		e.stop()
	}
	if e.conn == nil {
		return
	}
	_ = e.conn.Close()
	e.c.mu.Lock()
	if e.c.conn == e.conn {
		e.c.conn = nil
	}
	e.c.mu.Unlock()
	e.conn = nil
}

// connect takes the client's connection if it leads to the right place and
// lives, and makes one otherwise.
func (e *exchange) connect(ctx context.Context) error {
	if e.conn != nil && !e.conn.broken {
		return nil
	}
	e.drop()
	e.c.mu.Lock()
	held, closed := e.c.conn, e.c.closed
	e.c.conn = nil
	e.c.mu.Unlock()
	if closed {
		if held != nil {
			_ = held.Close()
		}
		return fmt.Errorf("%w: the client is closed", net.ErrClosed)
	}
	if held != nil && (held.broken || held.origin != e.origin || !held.alive()) {
		_ = held.Close()
		held = nil
	}
	if held == nil {
		var err error
		if held, err = e.dial(ctx); err != nil {
			return err
		}
	}
	e.c.mu.Lock()
	closed = e.c.closed
	if !closed {
		e.c.conn = held
	}
	e.c.mu.Unlock()
	if closed {
		_ = held.Close()
		return fmt.Errorf("%w: the client is closed", net.ErrClosed)
	}
	e.conn = held
	e.stop = context.AfterFunc(ctx, func() { _ = held.raw.Close() }) // without a farewell, which might be answered
	return e.conn.SetDeadline(e.until)
}

func (e *exchange) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, e.until)
	defer cancel()
	scheme, hostport, _ := strings.Cut(e.origin, "://")
	nc, err := e.c.Dialer.DialContext(ctx, "tcp", hostport)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", hostport, err)
	}
	c := &conn{Conn: nc, raw: nc, origin: e.origin}
	if scheme == "https" {
		if e.c.TLS == nil {
			_ = nc.Close()
			return nil, fmt.Errorf("%w: no TLS configuration was given", ErrProtocol)
		}
		config := e.c.TLS.Clone()
		config.ServerName = e.req.URL.Hostname()
		config.NextProtos = []string{"http/1.1"} // HTTP/2 has no connection that could be authenticated
		secure := tls.Client(nc, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("TLS with %s: %w", hostport, err)
		}
		state := secure.ConnectionState()
		c.Conn, c.state = secure, &state
	}
	c.in = bufio.NewReaderSize(c, bufferSize)
	return c, nil
}

// send sends one leg and reads the header of its answer.
func (e *exchange) send(ctx context.Context, authorization string, withBody bool) (*http.Response, error) {
	if err := e.connect(ctx); err != nil {
		return nil, err
	}
	out := &http.Request{Method: e.req.Method, URL: e.req.URL, Host: e.req.Host, Header: e.req.Header.Clone(), Body: http.NoBody}
	if out.Header == nil {
		out.Header = http.Header{}
	}
	for _, name := range []string{"Authorization", "Connection", "Expect", "Upgrade"} {
		out.Header.Del(name)
	}
	if authorization != "" {
		out.Header.Set("Authorization", authorization)
	}
	if withBody && len(e.body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(e.body)), int64(len(e.body))
	}
	e.conn.used = true
	e.conn.left = cmp.Or(e.c.MaxHeader, DefaultMaxHeader)
	if err := out.Write(e.conn); err != nil {
		e.conn.broken = true
		return nil, fmt.Errorf("sending to %s: %w", e.req.URL.Host, err)
	}
	for range maxInterim {
		resp, err := http.ReadResponse(e.conn.in, out)
		if err != nil {
			e.conn.broken = true
			return nil, fmt.Errorf("reading the answer of %s: %w", e.req.URL.Host, err)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
		if resp.StatusCode >= 200 {
			resp.Request, resp.TLS = e.req, e.conn.state
			if resp.Close {
				e.conn.broken = true
			}
			e.conn.left = cmp.Or(e.c.MaxResponse, DefaultMaxResponse)
			return resp, nil
		}
	}
	e.conn.broken = true
	return nil, fmt.Errorf("%w: %s sends nothing but interim answers", ErrProtocol, e.req.URL.Host)
}

// discard reads what is left of an answer, so that the connection can take the
// next leg, and returns its beginning.
func (e *exchange) discard(resp *http.Response) []byte {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxDiscard))
	_ = resp.Body.Close() // at most to its end
	if err != nil || len(b) == maxDiscard {
		e.conn.broken = true
	}
	return b
}

// hand gives an answer to the caller; its body gives the turn back.
func (e *exchange) hand(resp *http.Response) (*http.Response, error) {
	if err := e.conn.SetDeadline(time.Now().Add(cmp.Or(e.c.BodyTimeout, DefaultBodyTimeout))); err != nil {
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, e: e}
	return resp, nil
}

// answerBody is a body that ends the exchange when it is closed.
type answerBody struct {
	io.ReadCloser
	e    *exchange
	once sync.Once
	err  error // that reading ended with
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if ctx := b.e.req.Context(); err != nil && err != io.EOF && ctx.Err() != nil {
		err = ctx.Err() // and not that of the connection, which it closed
	}
	b.err = err
	return n, err
}

// Close gives the connection to the next request if all was read, or nearly.
func (b *answerBody) Close() error {
	b.once.Do(func() {
		if b.err == nil {
			n, err := io.Copy(io.Discard, io.LimitReader(b.ReadCloser, maxDiscard))
			if b.err = err; err == nil && n < maxDiscard {
				b.err = io.EOF
			}
		}
		if b.err != io.EOF || b.e.conn.broken || !b.e.stop() {
			b.e.drop()
		}
		b.err = cmp.Or(b.err, http.ErrBodyReadAfterClose)
		b.e.c.release()
	})
	return nil
}
