// Package sipwire is one SIP connection of an OCS client or server, the same
// code at both ends: framing, order, signing and verifying, keep-alive.
//
// It follows RFC 3261 (7, 18.3), the transport and signing rules of
// docs/protocol/sip-connection.md#tcp-connection-and-via and
// docs/protocol/sip-connection.md#registration (MS-CONMGMT, MS-SIPAE, MS-SIPRE),
// and docs/decisions.md#own-wire: message types and the header parser are sipgo's,
// transport and transactions are not.
//
// How to use it:
//
//  1. Dial or accept a connection (the caller does TLS) and give it to New with a
//     Config. One goroutine at a time reads it; the last one ends after OnClose was
//     called.
//  2. Build requests with NewRequest and send them with Do, which waits for
//     the final answer, or Begin, which calls back in wire order. A client
//     completes an NTLM handshake with Authenticate; after it Conn signs all
//     outgoing messages and verifies all incoming ones.
//  3. Answer requests with Answer, or NewResponse and Send. They arrive at
//     Config.Handler one after the other in wire order.
//  4. A server checks Incoming.Signature, makes an Association after a finished
//     handshake and calls Use with it before it sends the 200.
package sipwire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// Message is *sip.Request or *sip.Response.
type Message = sip.Message

// Defaults of Config.
const (
	DefaultMaxMessage   = 1 << 20          // bytes, header block and body together (docs/decisions.md#own-wire)
	DefaultWriteTimeout = 10 * time.Second // real time; a peer that does not read that long is gone
	DefaultReadTimeout  = 30 * time.Second // real time, from the first to the last byte of one message
	DefaultMaxPending   = 64               // requests that wait for an answer
)

// Errors of Conn.
var (
	// ErrClosed: this end has closed the connection. All pending and later requests
	// fail with it.
	ErrClosed = errors.New("the SIP connection was closed by this end")
	// ErrTooMany: Config.MaxPending requests wait for an answer already.
	ErrTooMany = errors.New("too many SIP requests wait for an answer")
	// ErrDuplicate: a request with the same Call-ID, CSeq number and method waits already.
	ErrDuplicate = errors.New("a SIP request with the same Call-ID and CSeq waits for an answer")
)

// Config configures a Conn. The zero value answers every request with 405.
type Config struct {
	// Handler gets requests, and responses without a pending request, one after
	// the other in wire order. The reader calls it: it must not block, and must not
	// call Do. nil: requests are answered with 405.
	Handler func(*Conn, *Incoming)
	// Methods that reach Handler; others are answered with 405. nil: all.
	Methods []string
	// OnClose is the last callback; the reader calls it once. Its error is nil after
	// Close, else a *journal.Failure with the reason of the end. May be nil.
	OnClose func(*Conn, error)
	// OnWarning gets a Failure for each message that was refused without ending the
	// connection: a malformed one, or an unsigned one. It must not block. May be
	// nil.
	OnWarning func(*Conn, *journal.Failure)
	// RequireSigned is the client's rule
	// (docs/protocol/sip-connection.md#which-messages-are-signed): an invalid
	// signature ends the connection, and once messages are signed an unsigned one is
	// dropped, except 1xx, 401, 407 and answers to REGISTER. Without it (a server)
	// Handler has to check Incoming.Signature.
	RequireSigned bool
	MaxMessage    int           // bytes; 0: DefaultMaxMessage
	MaxPending    int           // requests; 0: DefaultMaxPending
	WriteTimeout  time.Duration // 0: DefaultWriteTimeout
	ReadTimeout   time.Duration // 0: DefaultReadTimeout
	// Tap gets every message after Redact. It must not block. May be nil.
	Tap func(sent bool, raw []byte)
	// Now is the clock of Stats; nil: time.Now.
	Now func() time.Time
}

// Incoming is a message as it arrived. In Msg only Via, From, To, Call-ID,
// CSeq, Max-Forwards and the Content headers have sipgo's types; the others
// are text, best read with Headers, SplitList and ParseAddress.
type Incoming struct {
	Msg       sip.Message
	Raw       []byte       // start line and header block as received, up to and including the empty line
	Signature Signature    // verified with the connection's associations
	By        *Association // the association that verified it; nil unless Valid
	block     block
}

// Request is the message as a request, or nil.
func (in *Incoming) Request() *sip.Request {
	r, _ := in.Msg.(*sip.Request)
	return r
}

// Response is the message as a response, or nil.
func (in *Incoming) Response() *sip.Response {
	r, _ := in.Msg.(*sip.Response)
	return r
}

// Header returns the value of the first header of that name (long form, any
// case; compact forms are found too), unfolded, or "".
func (in *Incoming) Header(name string) string { return in.block.get(name) }

// Headers returns the values of all headers of that name, unfolded but not
// split at commas (SplitList does that).
func (in *Incoming) Headers(name string) []string { return in.block.all(name) }

// Conn is a SIP connection. All methods may be called from any goroutine.
type Conn struct {
	nc  net.Conn
	cfg Config

	wmu sync.Mutex // the writer: held from drawing a signature's number to the end of its Write

	mu        sync.Mutex // everything below; never held during I/O or a callback
	reason    error      // why the connection ended: the first reason
	pending   map[transactionKey]*transaction
	signing   *Association
	verifying []*Association // signing, its predecessor, those on offer
	stats     Stats
	done      chan struct{}
}

// Stats are the counters of a connection.
type Stats struct {
	Sent, Received           uint64 // messages; keep-alives are not counted
	BytesSent, BytesReceived uint64
	Dropped                  uint64    // malformed or unsigned messages
	Pending                  int       // requests that wait for an answer
	LastSent, LastReceived   time.Time // by Config.Now, keep-alives included; zero: never
	Signed                   bool      // outgoing messages are signed
}

// New takes over nc and starts its reader.
func New(nc net.Conn, cfg Config) *Conn {
	if cfg.MaxMessage <= 0 {
		cfg.MaxMessage = DefaultMaxMessage
	}
	if cfg.MaxPending <= 0 {
		cfg.MaxPending = DefaultMaxPending
	}
	if cfg.WriteTimeout <= 0 {
		cfg.WriteTimeout = DefaultWriteTimeout
	}
	if cfg.ReadTimeout <= 0 {
		cfg.ReadTimeout = DefaultReadTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Conn{nc: nc, cfg: cfg, done: make(chan struct{})}
	go c.read(bufio.NewReaderSize(nc, readBufferSize))
	return c
}

// Close ends the connection. It does not wait: Done is closed once the reader
// has ended and OnClose has returned.
func (c *Conn) Close() error {
	c.end(ErrClosed)
	return nil
}

// Done is closed when the reader has ended and OnClose has returned.
func (c *Conn) Done() <-chan struct{} { return c.done }

// LocalAddr is this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// NetConn is the connection given to New. Use it only to read its TLS state.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Stats returns the counters of this moment.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Pending, s.Signed = len(c.pending), c.signing != nil
	return s
}

// LastSent is the time of the last message or keep-alive sent, by Config.Now. The
// keep-alive interval starts there (docs/protocol/sip-connection.md#keep-alive).
func (c *Conn) LastSent() time.Time { return c.Stats().LastSent }

// Use makes a the association that signs and verifies. The previous association
// still verifies until the next Use, for messages under way. Use(nil) removes all
// associations.
func (c *Conn) Use(a *Association) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.useLocked(a)
}

func (c *Conn) useLocked(a *Association) {
	before := c.signing
	c.signing, c.verifying = a, nil
	if a == nil {
		return
	}
	c.verifying = append(c.verifying, a)
	if before != nil && before != a {
		c.verifying = append(c.verifying, before)
	}
}

// finish ends the connection for the reader, the only goroutine of a connection at
// rest; err is what ended it.
func (c *Conn) finish(err error) {
	c.end(c.lostFailure(err))
	c.mu.Lock()
	reason := c.reason
	waiting := c.pending
	c.pending, c.signing, c.verifying = nil, nil, nil
	c.mu.Unlock()
	for _, t := range waiting {
		t.done(nil, reason)
	}
	if c.cfg.OnClose != nil {
		if errors.Is(reason, ErrClosed) {
			reason = nil
		}
		c.cfg.OnClose(c, reason)
	}
	close(c.done)
}

// end closes the connection, which ends the reader. The first reason is kept.
func (c *Conn) end(reason error) {
	c.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	c.mu.Unlock()
	c.nc.Close()
}

// endReason is the reason given to end, or nil while the connection is open.
func (c *Conn) endReason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// lostFailure turns an error of the reader or the writer into a Failure.
func (c *Conn) lostFailure(err error) error {
	var f *journal.Failure
	if errors.As(err, &f) {
		return err
	}
	what := "the SIP connection was lost"
	if errors.Is(err, io.EOF) {
		what = "the other end closed the SIP connection"
	}
	return &journal.Failure{Code: journal.SIPLost, By: c.peer(), What: what, Err: err}
}

// malformedFailure is the Failure for a message that cannot be used.
func (c *Conn) malformedFailure(err error) *journal.Failure {
	return &journal.Failure{Code: journal.SIPMalformed, By: c.peer(),
		What: "a SIP message cannot be used", Because: "RFC 3261 7", Err: err}
}

func (c *Conn) peer() string { return fmt.Sprint(c.nc.RemoteAddr()) }

// dropMessage counts a message that is not used and calls OnWarning.
func (c *Conn) dropMessage(f *journal.Failure) {
	c.mu.Lock()
	c.stats.Dropped++
	c.mu.Unlock()
	if c.cfg.OnWarning != nil {
		c.cfg.OnWarning(c, f)
	}
}
