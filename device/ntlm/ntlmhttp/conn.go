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
	remaining     int64 // octets that may still come
	authenticated bool  // the server knows who is at this end
	broken        bool  // no further request fits
	used          bool
}

// Read counts what comes: nothing that a server sends is unbounded.
func (c *conn) Read(p []byte) (int, error) {
	if c.remaining <= 0 {
		return 0, ErrTooLarge
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.remaining)])
	c.remaining -= int64(n)
	return n, err
}

// usable says whether an idle connection can take another request: the server
// has neither closed it nor said something unasked. A request that might have
// been carried out is never sent again, so this is asked before.
func (c *conn) usable() bool {
	c.remaining = bufferSize
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

// handshake is one request of the caller, with all its legs.
type handshake struct {
	c        *Client
	req      *http.Request
	body     []byte
	origin   string
	deadline time.Time

	conn      *conn
	stopWatch func() bool // ends the watch of the caller's context over conn
}

// closeConn closes the connection.
func (h *handshake) closeConn() {
	if h.stopWatch != nil {
		h.stopWatch()
	}
	if h.conn == nil {
		return
	}
	_ = h.conn.Close()
	h.c.mu.Lock()
	if h.c.conn == h.conn {
		h.c.conn = nil
	}
	h.c.mu.Unlock()
	h.conn = nil
}

// connect takes the client's connection if it leads to the right place and
// lives, and makes one otherwise.
func (h *handshake) connect(ctx context.Context) error {
	if h.conn != nil && !h.conn.broken {
		return nil
	}
	h.closeConn()
	h.c.mu.Lock()
	held, closed := h.c.conn, h.c.closed
	h.c.conn = nil
	h.c.mu.Unlock()
	if closed {
		if held != nil {
			_ = held.Close()
		}
		return fmt.Errorf("%w: the client is closed", net.ErrClosed)
	}
	if held != nil && (held.broken || held.origin != h.origin || !held.usable()) {
		_ = held.Close()
		held = nil
	}
	if held == nil {
		var err error
		if held, err = h.dial(ctx); err != nil {
			return err
		}
	}
	h.c.mu.Lock()
	closed = h.c.closed
	if !closed {
		h.c.conn = held
	}
	h.c.mu.Unlock()
	if closed {
		_ = held.Close()
		return fmt.Errorf("%w: the client is closed", net.ErrClosed)
	}
	h.conn = held
	h.stopWatch = context.AfterFunc(ctx, func() { _ = held.raw.Close() }) // without a farewell, which might be answered
	return h.conn.SetDeadline(h.deadline)
}

func (h *handshake) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, h.deadline)
	defer cancel()
	scheme, hostport, _ := strings.Cut(h.origin, "://")
	nc, err := h.c.Dialer.DialContext(ctx, "tcp", hostport)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", hostport, err)
	}
	c := &conn{Conn: nc, raw: nc, origin: h.origin}
	if scheme == "https" {
		if h.c.TLS == nil {
			_ = nc.Close()
			return nil, fmt.Errorf("%w: no TLS configuration was given", ErrProtocol)
		}
		config := h.c.TLS.Clone()
		config.ServerName = h.req.URL.Hostname()
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
func (h *handshake) send(ctx context.Context, authorization string, withBody bool) (*http.Response, error) {
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	out := &http.Request{Method: h.req.Method, URL: h.req.URL, Host: h.req.Host, Header: h.req.Header.Clone(), Body: http.NoBody}
	if out.Header == nil {
		out.Header = http.Header{}
	}
	for _, name := range []string{"Authorization", "Connection", "Expect", "Upgrade"} {
		out.Header.Del(name)
	}
	if authorization != "" {
		out.Header.Set("Authorization", authorization)
	}
	if withBody && len(h.body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(h.body)), int64(len(h.body))
	}
	h.conn.used = true
	h.conn.remaining = cmp.Or(h.c.MaxHeader, DefaultMaxHeader)
	if err := out.Write(h.conn); err != nil {
		h.conn.broken = true
		return nil, fmt.Errorf("sending to %s: %w", h.req.URL.Host, err)
	}
	for range maxInterim {
		resp, err := http.ReadResponse(h.conn.in, out)
		if err != nil {
			h.conn.broken = true
			return nil, fmt.Errorf("reading the answer of %s: %w", h.req.URL.Host, err)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
		if resp.StatusCode >= 200 {
			resp.Request, resp.TLS = h.req, h.conn.state
			if resp.Close {
				h.conn.broken = true
			}
			h.conn.remaining = cmp.Or(h.c.MaxResponse, DefaultMaxResponse)
			return resp, nil
		}
	}
	h.conn.broken = true
	return nil, fmt.Errorf("%w: %s sends nothing but interim answers", ErrProtocol, h.req.URL.Host)
}

// drain reads what is left of an answer, so that the connection can take the
// next leg, and returns its beginning.
func (h *handshake) drain(resp *http.Response) []byte {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxDiscard))
	_ = resp.Body.Close() // at most to its end
	if err != nil || len(b) == maxDiscard {
		h.conn.broken = true
	}
	return b
}

// deliver gives an answer to the caller; its body gives the turn back.
func (h *handshake) deliver(resp *http.Response) (*http.Response, error) {
	if err := h.conn.SetDeadline(time.Now().Add(cmp.Or(h.c.BodyTimeout, DefaultBodyTimeout))); err != nil {
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, h: h}
	return resp, nil
}

// answerBody is a body that ends the exchange when it is closed.
type answerBody struct {
	io.ReadCloser
	h    *handshake
	once sync.Once
	err  error // that reading ended with
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if ctx := b.h.req.Context(); err != nil && err != io.EOF && ctx.Err() != nil {
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
		if b.err != io.EOF || b.h.conn.broken || !b.h.stopWatch() {
			b.h.closeConn()
		}
		b.err = cmp.Or(b.err, http.ErrBodyReadAfterClose)
		b.h.c.release()
	})
	return nil
}
