package pool

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// conn is one client connection. The reader of its sipwire.Conn, its only
// goroutine, answers all requests one after the other. Only that goroutine uses
// the fields below "mutable".
type conn struct {
	pool   *Server
	front  *listener      // the pool's or the Edge's
	server *frontEnd      // the front end of this connection
	raw    net.Conn       // TCP, to close it
	cid    string         // ms-received-cid
	tag    string         // To tag of this registrar
	client netip.AddrPort // address of the client; invalid if it has no IP address

	// mutable
	handshakes    []*handshake   // in progress, oldest first
	sessions      []*session     // associations, oldest first
	nonces        []*digestNonce // valid for digests, oldest first
	stale         bool           // the next challenge has stale=true
	answered      int            // number of requests
	subscriptions map[*subscription]struct{}
	lockedAccount *account       // unlocked after the answer is sent
	notifications []notification // to send after the answer
}

// newConn adds a connection. It returns nil if there are too many connections or
// the server is closing.
func (l *listener) newConn(nc net.Conn) *conn {
	s := l.pool
	c := &conn{pool: s, front: l, raw: nc, tag: sipwire.NewTag()}
	c.cid = strings.ToUpper(strconv.FormatUint(uint64(s.lastCID.Add(0x100)), 16))
	c.client, _ = netip.ParseAddrPort(nc.RemoteAddr().String())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || l.closed || len(s.conns) >= s.MaxConnections {
		return nil
	}
	s.conns[c] = struct{}{}
	c.server = s.frontEnds[s.admitted%len(s.frontEnds)]
	s.admitted++
	s.running.Add(1)
	l.running.Add(1)
	return c
}

// remove removes a closed connection.
func (c *conn) remove() {
	for sub := range c.subscriptions {
		sub.account.dropSubscription(sub)
	}
	c.pool.mu.Lock()
	delete(c.pool.conns, c)
	c.pool.mu.Unlock()
	c.front.running.Done()
	c.pool.running.Done()
}

// serve reads SIP from nc, after its TLS handshake.
func (c *conn) serve(nc net.Conn) {
	c.pool.count(func(n *Counters) { n.Connections++ })
	sipwire.New(&idleConn{Conn: &faultyConn{Conn: nc, pool: c.pool}, idle: c.pool.IdleTimeout}, sipwire.Config{
		Handler:      c.handle,
		OnClose:      func(*sipwire.Conn, error) { c.remove() },
		MaxMessage:   maxMessage,
		WriteTimeout: ioTimeout,
		Now:          c.pool.Clock.Now,
	})
}

// idleConn ends a connection after an idle time between messages. Inside a message
// the deadline of sipwire applies.
type idleConn struct {
	net.Conn
	idle   time.Duration
	inside bool
}

func (c *idleConn) SetReadDeadline(t time.Time) error {
	c.inside = !t.IsZero()
	return c.Conn.SetReadDeadline(t)
}

func (c *idleConn) Read(p []byte) (int, error) {
	if !c.inside {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

// handle answers a request, subject to the faults.
func (c *conn) handle(w *sipwire.Conn, in *sipwire.Incoming) {
	if refused(in.Signature) && handshakeToken(in) == "" {
		c.pool.count(func(n *Counters) { n.BadSignatures++ })
	}
	req := in.Request()
	if req == nil {
		return // the answer to a NOTIFY
	}
	c.pool.count(func(n *Counters) { n.Requests++ })
	if f := c.pool.Faults(); f.Hold != nil {
		f.Hold(req)
	}
	f := c.pool.Faults() // again: Hold may have changed them
	if f.Silent || req.Method == sip.ACK || req.Method == sipwire.BENOTIFY {
		return
	}
	res := c.answer(w, in, req)
	res.Reason = cmp.Or(f.Reason, res.Reason)
	c.send(w, req, res, f)
	c.sendNotifications()
	if c.answered++; f.CloseAfter > 0 && c.answered >= f.CloseAfter {
		c.raw.Close()
	}
}

// sendNotifications sends the notifications that follow the answer and unlocks the
// account.
func (c *conn) sendNotifications() {
	sendAll(c.notifications)
	c.notifications = nil
	if c.lockedAccount != nil {
		c.lockedAccount.unlock()
		c.lockedAccount = nil
	}
}

func (c *conn) send(w *sipwire.Conn, req *sip.Request, res *sip.Response, f Faults) {
	raw := func(s string) { w.SendRaw([]byte(s)) }
	switch {
	case f.Malformed:
		_, rest, _ := strings.Cut(res.String(), "\r\n")
		raw("SIP/2.0 2OO OK\r\n" + rest) // the headers show which answer it replaces
	case f.Oversized:
		res.SetBody([]byte(strings.Repeat("x", OversizedBytes)))
		raw(res.String())
	case f.Unsigned:
		raw(res.String())
	default:
		w.Answer(req, res)
	}
}

// answer makes the response to a request in the order of
// docs/protocol/sip-connection.md#which-messages-are-signed: a valid signature
// identifies the user; an unsigned request is challenged.
func (c *conn) answer(w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request) *sip.Response {
	if req.Method == "NEGOTIATE" {
		return c.response(req, 488) // no compression, docs/protocol/sip-connection.md#compression
	}
	allowed := slices.Contains(c.pool.methods(), string(req.Method))
	// A registrar and a proxy check this before the authentication (RFC 3261 10.3, 16.3).
	if r := in.UnsupportedExtensions(c.pool.extensions(), "Require", "Proxy-Require"); allowed && r.Status != 0 {
		return c.refused(req, r)
	}
	if req.Method == sip.REGISTER {
		return c.register(w, in, req)
	}
	// OPTIONS may be unsigned before the first session. A plain RFC 3261 registrar
	// challenges only REGISTER.
	mayBeUnsigned := len(c.sessions) == 0 && req.Method == sip.OPTIONS || !c.pool.offersScheme(NTLM)
	s := c.sessionOf(in)
	if s == nil && (refused(in.Signature) || !mayBeUnsigned) {
		return c.challenge(req, Diagnostics{})
	}
	switch {
	case req.Method == sip.CANCEL:
		return c.response(req, 481)
	case !allowed && slices.Contains(knownMethods, req.Method): // RFC 3261 8.2.1
		return withHeader(c.response(req, 405), "Allow", strings.Join(c.pool.methods(), ", "))
	case !allowed:
		return c.response(req, 501)
	case req.Method == sip.OPTIONS:
		return c.options(in, req)
	}
	return c.subscribeOrService(w, in, req, s)
}

// knownMethods are the methods that get 405 where they are not allowed. Others get
// 501 (RFC 3261 21.5.2).
var knownMethods = []sip.RequestMethod{
	sip.INVITE, sip.BYE, sip.PRACK, sip.UPDATE, sip.INFO, sip.REFER, sip.NOTIFY, sip.MESSAGE, sip.PUBLISH,
	sip.SUBSCRIBE, sipwire.SERVICE,
}

// methods are the methods that the server serves. A plain registrar has no services.
func (s *Server) methods() []string {
	if !s.offersScheme(NTLM) {
		return []string{"REGISTER", "OPTIONS"}
	}
	return []string{"REGISTER", "OPTIONS", "SUBSCRIBE", "SERVICE"}
}

// extensions are the option tags that a request may require.
func (s *Server) extensions() []string {
	if !s.offersScheme(NTLM) {
		return []string{"gruu-10"}
	}
	return []string{
		// docs/protocol/sip-connection.md#option-tags-of-register
		"gruu-10", "adhoclist", "msrtc-event-categories", "ms-forking",
		// docs/protocol/sip-services.md#provisioning-request
		"ms-benotify", "ms-piggyback-first-notify", "com.microsoft.autoextend",
	}
}

// options answers OPTIONS (RFC 3261 11.2).
func (c *conn) options(in *sipwire.Incoming, req *sip.Request) *sip.Response {
	if r := in.UnsupportedBody(); r.Status != 0 {
		return c.refused(req, r)
	}
	res := withHeader(c.response(req, 200), "Allow", strings.Join(c.pool.methods(), ", "))
	return withHeader(res, "Supported", strings.Join(c.pool.extensions(), ", "))
}

// reasons of the status codes of the pool.
var reasons = map[int]string{
	200: "OK", 301: "Moved permanently", 400: "Bad request", 401: "Unauthorized", 403: "Forbidden",
	404: "Not Found", 405: "Method not allowed", 406: "Not Acceptable", 409: "Conflict",
	423: "Interval too brief", 480: "Temporarily unavailable", 481: "Call leg does not exist",
	485: "Ambiguous", 488: "Not acceptable here", 489: "Bad Event", 500: "Server internal error",
	501: "Not implemented", 503: "Service unavailable", 504: "Server time-out",
}

// response makes a response with the headers of every response.
func (c *conn) response(req *sip.Request, status int) *sip.Response {
	res := sipwire.NewResponse(req, status, cmp.Or(reasons[status], "Rejected"), c.tag)
	if c.client.IsValid() {
		sipwire.Received(res, c.client, c.cid)
	}
	// docs/protocol/sip-connection.md#registration
	withHeader(res, "Date", c.pool.Clock.Now().UTC().Format(http.TimeFormat))
	return withHeader(res, "Server", c.pool.ServerHeader)
}

// refused makes the response to a request that needs what the pool does not support.
func (c *conn) refused(req *sip.Request, r sipwire.Refusal) *sip.Response {
	res := c.response(req, r.Status)
	res.Reason = r.Reason
	return withHeader(res, r.Header.Name, r.Header.Value)
}

func (c *conn) refusal(req *sip.Request, status int, why Diagnostics) *sip.Response {
	res := c.response(req, status)
	if why.ID != 0 {
		res.AppendHeader(why.header(c.pool.Host))
	}
	return res
}

func (c *conn) rejection(req *sip.Request, r *Rejection) *sip.Response {
	res := c.refusal(req, r.Status, r.Diagnostics)
	if r.Warning != "" {
		withHeader(res, "Warning", r.Warning)
	}
	if r.RetryAfter > 0 {
		withHeader(res, "Retry-After", fmt.Sprint(r.RetryAfter))
	}
	return res
}

func withHeader(res *sip.Response, name, value string) *sip.Response {
	res.AppendHeader(sip.NewHeader(name, value))
	return res
}
