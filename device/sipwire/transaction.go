package sipwire

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// transactionKey matches an answer to its request. Via branches are no help:
// Microsoft's Via often has none (ocs-sip.md 1.1).
type transactionKey struct {
	callID string
	seq    uint32
	method string
}

// transaction is a request that waits for its final answer.
type transaction struct {
	done        func(*Incoming, error)
	provisional func(*Incoming)
	final       func(*Incoming)
	offer       *Association // on offer in this request
	token       []byte       // gssapi-data that goes with offer
	plain       bool
}

// Option changes how one message is sent.
type Option func(*transaction)

// Plain leaves the message unsigned though there is an association: the first
// REGISTER of a new handshake (ocs-sip.md 2.2, SA lifetime).
func Plain() Option { return func(t *transaction) { t.plain = true } }

// Provisional has f called for each 1xx answer, by the reader in wire order.
// It must not block.
func Provisional(f func(*Incoming)) Option { return func(t *transaction) { t.provisional = f } }

// Final has f called with the final answer, by the reader before it handles the
// next message. It must not block.
func Final(f func(*Incoming)) Option { return func(t *transaction) { t.final = f } }

// Do sends req and waits for its final answer, whatever its status code. 1xx
// answers are skipped. Do must not be called from a callback of this package.
//
// The error is a *journal.Failure: sip.no-answer when the deadline of ctx
// passes, else why the connection ended; or ErrClosed, ErrTooMany,
// ErrDuplicate, or the cancellation of ctx.
func (c *Conn) Do(ctx context.Context, req *sip.Request, options ...Option) (*Incoming, error) {
	type answer struct {
		in  *Incoming
		err error
	}
	answers := make(chan answer, 1)
	cancel, err := c.Begin(req, func(in *Incoming, err error) { answers <- answer{in, err} }, options...)
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answers:
		return a.in, a.err
	case <-ctx.Done():
	}
	if !cancel() { // the answer was faster
		a := <-answers
		return a.in, a.err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, &journal.Failure{Code: journal.SIPNoAnswer, Asked: req.StartLine(), By: c.peer(),
			What: "the server did not answer " + string(req.Method) + " in time", Err: ctx.Err()}
	}
	return nil, fmt.Errorf("waiting for the answer to %s: %w", req.Method, context.Cause(ctx))
}

// Authenticate is Do for the request that completes an NTLM handshake: it
// carries token (the authenticate message) for association a, and is signed by
// it where the protocol version wants that (4). From its sending on, a
// verifies what comes in; when an answer arrives that a verifies, or up to
// version 3 an unsigned 2xx, a signs all that is sent, beginning before the
// next message is read. Any other answer ends the offer and leaves the
// association used before in its place.
//
// The caller judges the answer: nothing proves that a 200 whose Signature is
// not Valid came from a server that knows the password.
func (c *Conn) Authenticate(ctx context.Context, req *sip.Request, a *Association, token []byte, options ...Option) (*Incoming, error) {
	return c.Do(ctx, req, append(slices.Clip(options), func(t *transaction) { t.offer, t.token = a, token })...)
}

// Begin sends req. done is called exactly once, with the final answer or with
// the reason why none will come, by the reader in wire order: it has run
// before the next message is handled, and must not block. Time-outs are the
// caller's: cancel gives the exchange up and reports whether done will
// therefore never be called. After an error done is not called.
func (c *Conn) Begin(req *sip.Request, done func(*Incoming, error), options ...Option) (cancel func() bool, err error) {
	key, err := keyOf(req)
	if err != nil {
		return nil, err
	}
	t := &transaction{done: done}
	for _, o := range options {
		o(t)
	}
	if err := c.addPending(key, t); err != nil {
		return nil, err
	}
	cancel = func() bool { return c.cancelPending(key, t) }
	if err := c.write(req, t); err != nil && cancel() {
		return nil, err
	}
	return cancel, nil
}

func keyOf(msg sip.Message) (transactionKey, error) {
	callID, cseq := msg.CallID(), msg.CSeq()
	if callID == nil || cseq == nil {
		return transactionKey{}, errors.New("a SIP message needs Call-ID and CSeq")
	}
	return transactionKey{string(*callID), cseq.SeqNo, string(cseq.MethodName)}, nil
}

func (c *Conn) addPending(key transactionKey, t *transaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.reason != nil:
		return c.reason
	case len(c.pending) >= c.cfg.MaxPending:
		return ErrTooMany
	case c.pending[key] != nil:
		return ErrDuplicate
	}
	if c.pending == nil {
		c.pending = make(map[transactionKey]*transaction)
	}
	c.pending[key] = t
	if t.offer != nil {
		c.verifying = append(c.verifying, t.offer)
	}
	return nil
}

// cancelPending takes t off the list and withdraws its offer; false: it was gone already.
func (c *Conn) cancelPending(key transactionKey, t *transaction) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[key] != t {
		return false
	}
	c.removePending(key)
	return true
}

// removePending removes and returns the exchange of key, or nil. An association on
// offer stops verifying; c.mu is held.
func (c *Conn) removePending(key transactionKey) *transaction {
	t := c.pending[key]
	if t == nil {
		return nil
	}
	delete(c.pending, key)
	if len(c.pending) == 0 {
		c.pending = nil // a resting connection keeps no map
	}
	if t.offer != nil && t.offer != c.signing {
		kept := c.verifying[:0:0]
		for _, a := range c.verifying {
			if a != t.offer {
				kept = append(kept, a)
			}
		}
		c.verifying = kept
	}
	return t
}

// deliver hands a response to whoever waits for it; false: nobody does.
func (c *Conn) deliver(in *Incoming, res *sip.Response) bool {
	key, err := keyOf(res)
	if err != nil {
		return false
	}
	c.mu.Lock()
	if res.IsProvisional() {
		t := c.pending[key]
		c.mu.Unlock()
		if t == nil {
			return false
		}
		if t.provisional != nil {
			t.provisional(in)
		}
		return true
	}
	t := c.removePending(key)
	if t != nil && t.offer != nil {
		// ocs-sip.md 2.2: up to version 3 the 200 may be unsigned.
		unsigned := in.Signature == Unsigned && res.IsSuccess() && t.offer.Version < 4
		if in.By == t.offer || unsigned {
			c.useLocked(t.offer)
		}
	}
	c.mu.Unlock()
	if t == nil {
		return false
	}
	if t.final != nil {
		t.final(in)
	}
	t.done(in, nil)
	return true
}
