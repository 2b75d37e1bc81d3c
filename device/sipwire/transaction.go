package sipwire

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// transactionKey matches a response to its request. The Via branch cannot:
// Microsoft's Via often has none (docs/protocol/sip-connection.md#tcp-connection-and-via).
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
	sent        func()
	offer       *Association // this request completes its handshake
	token       []byte       // gssapi-data for offer
	plain       bool         // do not sign
}

// Option changes how one message is sent.
type Option func(*transaction)

// Plain does not sign the message even if there is an association: for the first
// REGISTER of a new handshake
// (docs/protocol/sip-connection.md#which-messages-are-signed, SA lifetime).
func Plain() Option { return func(t *transaction) { t.plain = true } }

// Provisional sets a function that the reader calls for each 1xx answer, in wire
// order. It must not block.
func Provisional(f func(*Incoming)) Option { return func(t *transaction) { t.provisional = f } }

// Final sets a function that the reader calls with the final answer, before it
// handles the next message. It must not block.
func Final(f func(*Incoming)) Option { return func(t *transaction) { t.final = f } }

// Sent sets a function that is called when the message was written, and not called
// when it could not be.
func Sent(f func()) Option { return func(t *transaction) { t.sent = f } }

// Do sends req and waits for its final answer of any status code. It skips 1xx
// answers. Do must not be called from a callback of this package.
//
// The error is a *journal.Failure: sip.no-answer after the deadline of ctx, else
// the reason why the connection ended; or it is ErrClosed, ErrTooMany,
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

// Authenticate is Do for the request that completes an NTLM handshake: it carries
// token (the authenticate message) for association a, and a signs it in protocol
// version 4. Once the request is sent, a verifies incoming messages. After an
// answer that a verifies, or up to version 3 an unsigned 2xx, a signs all outgoing
// messages, beginning before the next message is read. After any other answer the
// previous association stays in use.
//
// The caller has to check the answer: a 200 whose Signature is not Valid does not
// prove that the server knows the password.
func (c *Conn) Authenticate(
	ctx context.Context, req *sip.Request, a *Association, token []byte, options ...Option,
) (*Incoming, error) {
	return c.Do(ctx, req, append(slices.Clip(options), func(t *transaction) { t.offer, t.token = a, token })...)
}

// Begin sends req. The reader calls done exactly once, with the final answer or
// with the error that ended the wait, in wire order, before it handles the next
// message. done must not block. The caller is responsible for time-outs: cancel
// ends the transaction and returns true if done will not be called. If Begin
// fails, done is not called.
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
	if err := c.write(req, t); err == nil && t.sent != nil {
		t.sent()
	} else if err != nil && cancel() {
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

// cancelPending removes t with its offer. It returns false if t was removed before.
func (c *Conn) cancelPending(key transactionKey, t *transaction) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[key] != t {
		return false
	}
	c.removePending(key)
	return true
}

// removePending removes and returns the transaction of key, or nil. The association
// that it offers no longer verifies; c.mu is held.
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

// deliver passes res to its transaction and reports whether there is one.
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
		// docs/protocol/sip-connection.md#which-messages-are-signed: up to version 3 the
		// 200 may be unsigned.
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
