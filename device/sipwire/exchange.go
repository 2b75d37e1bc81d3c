package sipwire

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// exchangeKey matches an answer to its request. Via branches are no help:
// Microsoft's Via often has none (ocs-sip.md 1.1).
type exchangeKey struct {
	callID string
	seq    uint32
	method string
}

// exchange is a request that waits for its final answer.
type exchange struct {
	done        func(*Incoming, error)
	provisional func(*Incoming)
	final       func(*Incoming)
	offer       *Association // on offer in this request
	token       []byte       // gssapi-data that goes with offer
	plain       bool
}

// Option changes how one message is sent.
type Option func(*exchange)

// Plain leaves the message unsigned though there is an association: the first
// REGISTER of a new handshake (ocs-sip.md 2.2, SA lifetime).
func Plain() Option { return func(e *exchange) { e.plain = true } }

// Provisional has f called for each 1xx answer, by the reader in wire order.
// It must not block.
func Provisional(f func(*Incoming)) Option { return func(e *exchange) { e.provisional = f } }

// Final has f called with the final answer, by the reader before it handles the
// next message. It must not block.
func Final(f func(*Incoming)) Option { return func(e *exchange) { e.final = f } }

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
	return c.Do(ctx, req, append(slices.Clip(options), func(e *exchange) { e.offer, e.token = a, token })...)
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
	e := &exchange{done: done}
	for _, o := range options {
		o(e)
	}
	if err := c.add(key, e); err != nil {
		return nil, err
	}
	cancel = func() bool { return c.remove(key, e) }
	if err := c.write(req, e); err != nil && cancel() {
		return nil, err
	}
	return cancel, nil
}

func keyOf(msg sip.Message) (exchangeKey, error) {
	callID, cseq := msg.CallID(), msg.CSeq()
	if callID == nil || cseq == nil {
		return exchangeKey{}, errors.New("a SIP message needs Call-ID and CSeq")
	}
	return exchangeKey{string(*callID), cseq.SeqNo, string(cseq.MethodName)}, nil
}

func (c *Conn) add(key exchangeKey, e *exchange) error {
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
		c.pending = make(map[exchangeKey]*exchange)
	}
	c.pending[key] = e
	if e.offer != nil {
		c.verifying = append(c.verifying, e.offer)
	}
	return nil
}

// remove takes e off the list and withdraws its offer; false: it was gone already.
func (c *Conn) remove(key exchangeKey, e *exchange) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[key] != e {
		return false
	}
	c.take(key)
	return true
}

// take removes and returns the exchange of key, or nil. An association on
// offer stops verifying; c.mu is held.
func (c *Conn) take(key exchangeKey) *exchange {
	e := c.pending[key]
	if e == nil {
		return nil
	}
	delete(c.pending, key)
	if len(c.pending) == 0 {
		c.pending = nil // a resting connection keeps no map
	}
	if e.offer != nil && e.offer != c.signing {
		kept := c.verifying[:0:0]
		for _, a := range c.verifying {
			if a != e.offer {
				kept = append(kept, a)
			}
		}
		c.verifying = kept
	}
	return e
}

// answered hands a response to whoever waits for it; false: nobody does.
func (c *Conn) answered(in *Incoming, res *sip.Response) bool {
	key, err := keyOf(res)
	if err != nil {
		return false
	}
	c.mu.Lock()
	if res.IsProvisional() {
		e := c.pending[key]
		c.mu.Unlock()
		if e == nil {
			return false
		}
		if e.provisional != nil {
			e.provisional(in)
		}
		return true
	}
	e := c.take(key)
	if e != nil && e.offer != nil {
		// ocs-sip.md 2.2: up to version 3 the 200 may be unsigned.
		unsigned := in.Signature == Unsigned && res.IsSuccess() && e.offer.Version < 4
		if in.By == e.offer || unsigned {
			c.use(e.offer)
		}
	}
	c.mu.Unlock()
	if e == nil {
		return false
	}
	if e.final != nil {
		e.final(in)
	}
	e.done(in, nil)
	return true
}
