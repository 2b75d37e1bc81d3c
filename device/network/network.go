// Package network is the phone's Ethernet jack: all DNS, NTP and NetBIOS queries
// and all connections of the phone go through it.
//
// It follows docs/protocol/phone.md#dns-suffix-rule (the DNS suffix rule), 2.4
// (time) and 2.5 (which records), RFC 1035 and 6891 (DNS), 2782 (SRV), 5905 (NTP)
// and 1002 (NetBIOS). It does not use the host's resolver library: the phone asks
// the DNS servers of the place that it is plugged into, so that it sees a lab or a
// split DNS as the real phone would.
//
// Use it so:
//
//  1. n := New(place, Options{}); the zero Place is the host's network.
//  2. Find servers with LookupSRV and LookupHost, connect with DialContext,
//     learn the time with FindTime. Every error holds a *journal.Failure with
//     a dns.*, net.* or time.* code; Retryable reports whether to try the next
//     candidate.
//  3. n.Close() pulls the cable: pending queries and dials end, and all
//     connections of n are closed.
package network

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Defaults. The firmware's own values are not documented
// (docs/protocol/phone.md#defaults-that-no-document-states).
const (
	// DefaultTimeout is how long one try of one DNS, NTP or NetBIOS server
	// takes at most. glibc waits 5 s; a user of a phone would not.
	DefaultTimeout = 2 * time.Second
	// DefaultDialTimeout is how long a connection attempt to one address takes
	// at most.
	DefaultDialTimeout = 5 * time.Second
)

// Options are the options of New. The zero Options are valid.
type Options struct {
	Timeout     time.Duration    // one try of one DNS, NTP or NetBIOS server; 0: DefaultTimeout
	DialTimeout time.Duration    // one address; 0: DefaultDialTimeout
	Tap         Tap              // sees all traffic; nil: none
	Now         func() time.Time // the phone's clock, for FindTime's offset and Traffic.At; nil: time.Now
	IntN        func(n int) int  // random in [0,n), for SRV weights; nil: math/rand/v2
	ResolvConf  string           // where the host names its DNS servers; "": /etc/resolv.conf (not used on Windows)
}

// Network is a jack that is plugged into a Place. It is safe for concurrent use
// and does not start goroutines.
type Network struct {
	place Place
	opt   Options

	hostOnce    sync.Once
	hostServers []string // read at the first use, if Place.DNS is empty
	hostErr     error
	preferred   atomic.Int32 // index of the DNS server that answered last

	mu    sync.Mutex
	conns map[*conn]struct{}    // nil after Close
	dials []*context.CancelFunc // those under way; a context for all would keep memory for its children
}

// New returns a Network that is plugged into p.
func New(p Place, o Options) *Network {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = DefaultDialTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.IntN == nil {
		o.IntN = rand.IntN
	}
	return &Network{place: p, opt: o, conns: make(map[*conn]struct{})}
}

// Place is the place that n is plugged into.
func (n *Network) Place() Place { return n.place }

// Close pulls the cable: every connection made through n is closed, so that
// reads on it fail, and later calls fail with net.unplugged.
func (n *Network) Close() {
	n.mu.Lock()
	conns := n.conns
	n.conns = nil
	for _, cancel := range n.dials {
		(*cancel)()
	}
	n.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
}

// Tap sees the bytes of all connections, secrets included. Its implementation must
// protect what it stores.
type Tap interface {
	// Message is called for each read and write that moved bytes, by the
	// goroutine that reads or writes, several at a time. It must not block.
	Message(Traffic)
}

// Traffic is what one read or write moved.
type Traffic struct {
	At            time.Time // by Options.Now
	Layer         string    // "dns", "ntp", "nbns"; of DialContext "tcp" or "udp"
	Conn          string    // the dialled address as the caller wrote it: "pool.contoso.com:5061"
	Local, Remote net.Addr
	Sent          bool   // by the phone
	Bytes         []byte // valid during the call only
}

// conn is a connection that Close can close and a Tap can watch.
type conn struct {
	net.Conn
	n     *Network
	layer string
	label string
}

// connect dials one address and registers the connection for Close. addr holds an
// IP address, or a name that the host can resolve if an option gave one.
func (n *Network) connect(
	ctx context.Context, network, layer, label, addr string, timeout time.Duration,
) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n.mu.Lock()
	n.dials = append(n.dials, &cancel)
	unplugged := n.conns == nil
	n.mu.Unlock()
	defer n.endDial(&cancel)
	if unplugged {
		return nil, net.ErrClosed
	}

	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, n: n, layer: layer, label: label}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns == nil {
		nc.Close()
		return nil, net.ErrClosed
	}
	n.conns[c] = struct{}{}
	return c, nil
}

// endDial ends what connect has begun.
func (n *Network) endDial(cancel *context.CancelFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials = slices.DeleteFunc(n.dials, func(c *context.CancelFunc) bool { return c == cancel })
	if len(n.dials) == 0 {
		n.dials = nil
	}
}

// closed reports whether Close was called.
func (n *Network) closed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.conns == nil
}

// exchange opens a connection and calls do for a question and its answer. It ends
// after Options.Timeout or with ctx.
func (n *Network) exchange(ctx context.Context, network, layer, addr string, do func(net.Conn) error) error {
	deadline := time.Now().Add(n.opt.Timeout)
	c, err := n.connect(ctx, network, layer, addr, addr, n.opt.Timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	return do(c)
}

func (c *conn) Read(b []byte) (int, error) {
	k, err := c.Conn.Read(b)
	c.tap(false, b[:k])
	return k, err
}

func (c *conn) Write(b []byte) (int, error) {
	k, err := c.Conn.Write(b)
	c.tap(true, b[:k])
	return k, err
}

// SyscallConn gives the socket, so that its state can be looked at without reading
// or waiting (syscall.Conn). What is read or written through it is not seen by the Tap.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return s.SyscallConn()
}

func (c *conn) Close() error {
	c.n.mu.Lock()
	delete(c.n.conns, c)
	c.n.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) tap(sent bool, b []byte) {
	if c.n.opt.Tap == nil || len(b) == 0 {
		return
	}
	c.n.opt.Tap.Message(Traffic{At: c.n.opt.Now(), Layer: c.layer, Conn: c.label,
		Local: c.LocalAddr(), Remote: c.RemoteAddr(), Sent: sent, Bytes: b})
}

// interrupted returns the failure of a call that Close or a cancelled ctx ended, or
// nil. A passed deadline is not one: it is a time-out like any other.
func (n *Network) interrupted(ctx context.Context, asked string) error {
	switch {
	case n.closed():
		return &journal.Failure{Code: journal.NetUnplugged, Asked: asked, Err: net.ErrClosed,
			What: "the network cable was pulled"}
	case ctx.Err() == context.Canceled:
		return &journal.Failure{Code: journal.ConnFailed, Asked: asked, What: "given up by the phone", Err: context.Canceled}
	}
	return nil
}
