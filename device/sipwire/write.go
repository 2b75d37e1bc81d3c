package sipwire

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Send writes msg, signed if there is an association. A message with credentials
// (Authorization, Authentication-Info, …) is sent as it is, and a server does not
// sign 1xx, 401 and 407
// (docs/protocol/sip-connection.md#which-messages-are-signed). Send does not
// change msg.
//
// An error of the network ends the connection. Of the options only Plain has an
// effect.
func (c *Conn) Send(msg sip.Message, options ...Option) error {
	t := &transaction{}
	for _, o := range options {
		o(t)
	}
	return c.write(msg, t)
}

// Answer sends res, unless req must not be answered: ACK (RFC 3261 13.2.2.4)
// and BENOTIFY (MS-SIP: best effort, no response).
func (c *Conn) Answer(req *sip.Request, res *sip.Response) error {
	if req.Method == sip.ACK || req.Method == BENOTIFY {
		return nil
	}
	return c.Send(res)
}

// Ping sends the keep-alive CRLFCRLF (docs/protocol/sip-connection.md#keep-alive).
// There is no answer to it.
func (c *Conn) Ping() error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.flush([]byte("\r\n\r\n"), 0)
}

func (c *Conn) write(msg sip.Message, t *transaction) error {
	var out strings.Builder
	out.Grow(usualHead + len(msg.Body()))
	msg.StringWrite(&out)
	text := out.String()
	if msg.ContentLength() == nil { // required on a stream, RFC 3261 18.3
		head, body, _ := strings.Cut(text, "\r\n\r\n")
		text = fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	}
	return c.writeText(text, t)
}

// SendRaw writes bytes as they are, for the faults of a lab.
func (c *Conn) SendRaw(raw []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.flush(raw, 1)
}

// writeText signs and writes a whole message.
func (c *Conn) writeText(text string, t *transaction) error {
	end := strings.Index(text, "\r\n\r\n")
	if end < 0 {
		return errors.New("a SIP message without an end of headers")
	}
	b, err := readBlock(text[:end+4])
	if err != nil {
		return fmt.Errorf("a SIP message that cannot be sent: %w", err)
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	a := c.signing
	c.mu.Unlock()
	credentials := ""
	switch {
	case t.offer != nil:
		credentials = t.offer.handshakeLine(&b, t.token)
	case t.plain, a == nil, !a.signs(&b):
	default:
		credentials = a.signatureLine(&b)
	}
	raw := make([]byte, 0, len(text)+len(credentials))
	raw = append(append(append(raw, text[:end+2]...), credentials...), text[end+2:]...)
	if c.cfg.Tap != nil {
		c.cfg.Tap(true, Redact(raw))
	}
	return c.flush(raw, 1)
}

// flush writes raw, which holds the given number of messages; c.wmu is held.
func (c *Conn) flush(raw []byte, messages uint64) error {
	if err := c.endReason(); err != nil {
		return err
	}
	err := c.nc.SetWriteDeadline(time.Now().Add(c.cfg.WriteTimeout))
	if err == nil {
		_, err = c.nc.Write(raw)
	}
	// The reader of a TLS connection writes too (key updates): remove the deadline.
	_ = c.nc.SetWriteDeadline(time.Time{})
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		// The peer has closed. The reader still reads what the peer sent before,
		// perhaps a notice, and then ends the connection.
		return c.lostFailure(err)
	case err != nil:
		c.end(c.lostFailure(err))
		return c.endReason()
	}
	c.mu.Lock()
	c.stats.Sent += messages
	c.stats.BytesSent += uint64(len(raw))
	c.stats.LastSent = c.cfg.Now()
	c.mu.Unlock()
	return nil
}
