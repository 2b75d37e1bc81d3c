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
	remaining     int64 // octets that may still be read
	authenticated bool  // the log-on succeeded
	broken        bool  // not usable for a further request
	used          bool
}

// Read limits the octets that are read to remaining.
func (c *conn) Read(p []byte) (int, error) {
	if c.remaining <= 0 {
		return 0, ErrTooLarge
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.remaining)])
	c.remaining -= int64(n)
	return n, err
}

// usable reports whether an idle connection can be used for another request: the
// server has not closed it and has not sent anything. It is called before a
// request, because a request that the server may have executed is not repeated.
//
// Octets that TLS or in has buffered are found without waiting: a deadline that has
// passed ends the read of the socket only. It does no harm to the connection, for
// crypto/tls keeps a record that has arrived in part.
func (c *conn) usable() bool {
	c.remaining = bufferSize
	deadline := passed
	if !quiet(c.raw) {
		deadline = time.Now().Add(peekTime)
	}
	_ = c.SetReadDeadline(deadline)
	_, err := c.in.Peek(1)
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

const (
	bufferSize = 4 << 10
	// peekTime is sufficient for one read, which returns octets that have arrived. A
	// system whose timers count in milliseconds waits for a whole one.
	peekTime = 200 * time.Microsecond
)

// passed is a deadline that has passed.
var passed = time.Unix(1, 0)

// handshake is one request of the caller with all requests of its log-on (legs).
type handshake struct {
	c        *Client
	req      *http.Request
	body     []byte
	origin   string
	deadline time.Time

	conn      *conn
	stopWatch func() bool // ends the AfterFunc of the caller's context that closes conn
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

// connect uses the client's connection if it is usable for the origin, and makes
// another otherwise.
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
	h.stopWatch = context.AfterFunc(ctx, func() { _ = held.raw.Close() }) // without a TLS close_notify
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
		config.NextProtos = []string{"http/1.1"} // NTLM does not work with HTTP/2
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
	out := &http.Request{Method: h.req.Method, URL: h.req.URL, Host: h.req.Host,
		Header: h.req.Header.Clone(), Body: http.NoBody}
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
	_ = resp.Body.Close()
	if err != nil || len(b) == maxDiscard {
		h.conn.broken = true
	}
	return b
}

// deliver prepares an answer for the caller; closing its body releases the client.
func (h *handshake) deliver(resp *http.Response) (*http.Response, error) {
	if err := h.conn.SetDeadline(time.Now().Add(cmp.Or(h.c.BodyTimeout, DefaultBodyTimeout))); err != nil {
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, h: h}
	return resp, nil
}

// answerBody is a body that ends the handshake when it is closed.
type answerBody struct {
	io.ReadCloser
	h    *handshake
	once sync.Once
	err  error // of the last Read
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if ctx := b.h.req.Context(); err != nil && err != io.EOF && ctx.Err() != nil {
		err = ctx.Err() // ctx closed the connection
	}
	b.err = err
	return n, err
}

// Close keeps the connection for the next request if at most maxDiscard octets were
// not read.
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
