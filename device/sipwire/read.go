package sipwire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

const (
	maxHeaderBlock = 64 << 10 // bytes of start line and headers
	// readBufferSize is small because an idle connection keeps the buffer; longer
	// messages do not need a larger one.
	readBufferSize = 256
	usualHead      = 1 << 10  // bytes; most header blocks are not longer
	usualBody      = 16 << 10 // bytes; most bodies are not longer
)

// read reads and handles one message; after an error the connection has ended. The
// next message has a goroutine of its own: handling a message needs a deeper stack
// than waiting for one, and a stack hardly ever shrinks.
func (c *Conn) read(r *bufio.Reader) {
	err := c.await(r)
	if err == nil {
		err = c.handle(r)
	}
	if err != nil {
		c.finish(err)
		return
	}
	go c.read(r)
}

// await waits for the first byte of a message. It skips keep-alives and blank lines
// before a message (RFC 3261 7.5, docs/protocol/sip-connection.md#keep-alive).
func (c *Conn) await(r *bufio.Reader) error {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.stats.LastReceived = c.cfg.Now()
		c.mu.Unlock()
		if b != '\r' && b != '\n' {
			return r.UnreadByte()
		}
	}
}

// handle reads and dispatches a message. Its errors end the connection.
func (c *Conn) handle(r *bufio.Reader) error {
	head, body, err := c.readMessage(r)
	if err != nil {
		b, _ := readBlock(string(head)) // RFC 4475 3.1.2.3: an answer, then the end
		c.answerMalformed(&b, err)
		return err
	}
	c.mu.Lock()
	c.stats.Received++
	c.stats.BytesReceived += uint64(len(head) + len(body))
	c.mu.Unlock()
	if c.cfg.Tap != nil {
		c.cfg.Tap(false, Redact(slices.Concat(head, body)))
	}
	if in, err := parse(head, body); err != nil {
		c.refuseMalformed(in, err)
	} else {
		c.dispatch(in)
	}
	return c.endReason()
}

// readMessage frames one message (RFC 3261 18.3). Its errors end the connection;
// head is not nil if the error is in its Content-Length.
func (c *Conn) readMessage(r *bufio.Reader) (head, body []byte, err error) {
	// A message that has begun must end in time.
	if err := c.nc.SetReadDeadline(time.Now().Add(c.cfg.ReadTimeout)); err != nil {
		return nil, nil, err
	}
	if head, err = readHead(r, min(maxHeaderBlock, c.cfg.MaxMessage)); err != nil {
		return nil, nil, c.readFailure(err)
	}
	n, err := contentLength(head)
	if err != nil {
		return head, nil, c.readFailure(err)
	}
	if n > c.cfg.MaxMessage-len(head) {
		err := &statusError{
			"413 Request Entity Too Large",
			fmt.Sprintf("a body of %d bytes: more than %d for a message", n, c.cfg.MaxMessage),
		}
		return head, nil, c.readFailure(malformedError{err})
	}
	if n > 0 {
		// A long body is not allocated before its bytes arrive.
		var read bytes.Buffer
		read.Grow(min(n, usualBody) + bytes.MinRead)
		_, err = read.ReadFrom(io.LimitReader(r, int64(n)))
		body = read.Bytes()
		if err == nil && len(body) < n {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, nil, c.readFailure(err)
		}
	}
	return head, body, c.nc.SetReadDeadline(time.Time{})
}

// readFailure is the Failure for an error inside a message.
func (c *Conn) readFailure(err error) error {
	var m malformedError
	if errors.As(err, &m) {
		return c.malformedFailure(m)
	}
	return &journal.Failure{Code: journal.SIPLost, By: c.peer(),
		What: "the SIP connection was lost in the middle of a message", Err: err}
}

// malformedError marks an error in the bytes of a message, not of the connection.
type malformedError struct{ error }

func (m malformedError) Unwrap() error { return m.error }

// readHead reads up to and including the empty line.
func readHead(r *bufio.Reader, limit int) ([]byte, error) {
	head := make([]byte, 0, min(usualHead, limit))
	for {
		part, err := r.ReadSlice('\n')
		if len(head)+len(part) > limit {
			return nil, malformedError{fmt.Errorf("a header block of more than %d bytes", limit)}
		}
		head = append(head, part...)
		if bytes.HasSuffix(head, []byte("\n\n")) { // there is no empty line for which to wait (RFC 3261 7)
			return nil, malformedError{errors.New("lines that end with LF alone; SIP ends them with CR LF")}
		}
		if err == nil && bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			return head, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// contentLength returns the length of the body. On a stream the header is required
// (RFC 3261 18.3); two different values are an error.
func contentLength(head []byte) (int, error) {
	found := ""
	for rest := head; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(line) == 0 || line[0] == ' ' || line[0] == '\t' || longName(string(name)) != "content-length" {
			continue
		}
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') { // folded
			line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
			value = slices.Concat(value, line)
		}
		v := string(bytes.TrimSpace(value))
		if found != "" && found != v {
			return 0, malformedError{errors.New("two Content-Length headers that differ")}
		}
		found = v
	}
	if found == "" {
		return 0, malformedError{errors.New("no Content-Length header")}
	}
	n, err := strconv.ParseUint(found, 10, 31)
	if err != nil {
		return 0, malformedError{fmt.Errorf("Content-Length %.20q", found)}
	}
	return int(n), nil
}

// parse parses a message. With an error in holds the part of the message before it.
func parse(head, body []byte) (in *Incoming, err error) {
	b, err := readBlock(string(head))
	in = &Incoming{Raw: head, block: b}
	if err != nil {
		return in, malformedError{err}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return in, malformedError{errors.New("a NUL byte in the header block")}
	}
	if in.Msg, err = b.checked(body); err != nil {
		return in, malformedError{err}
	}
	return in, nil
}

// checked is the message of a block without errors.
func (b *block) checked(body []byte) (msg sip.Message, err error) {
	defer func() {
		// sipgo's parsers read bytes from the network; a defect in them must end one
		// message, not the process.
		if r := recover(); r != nil {
			msg, err = nil, fmt.Errorf("the parser failed: %v", r)
		}
	}()
	if err := b.check(); err != nil {
		return nil, err
	}
	if msg, err = b.message(); err != nil {
		return nil, fmt.Errorf("%.200s", err) // it may quote a whole header
	}
	if req, ok := msg.(*sip.Request); ok && len(req.Recipient.Headers) > 0 { // RFC 3261 19.1.1
		return nil, errors.New("a Request-URI with headers")
	}
	if len(body) > 0 {
		msg.SetBody(body)
	}
	return msg, nil
}

// refuseMalformed handles a message that was framed but is malformed: a request is
// answered, a response fails its transaction. The connection stays open.
func (c *Conn) refuseMalformed(in *Incoming, err error) {
	f := c.malformedFailure(err)
	f.Answered = in.block.printableStart()
	c.dropMessage(f)
	if !in.block.isResponse() {
		c.answerMalformed(&in.block, err)
		return
	}
	if key, ok := in.block.key(); ok {
		c.mu.Lock()
		t := c.removePending(key)
		c.mu.Unlock()
		if t != nil {
			t.done(nil, f)
		}
	}
}

// answerMalformed refuses a malformed request if possible (by a client that signs,
// only if it was signed too).
func (c *Conn) answerMalformed(b *block, err error) {
	c.mu.Lock()
	verifying, signed := c.verifying, c.signing != nil
	c.mu.Unlock()
	if c.cfg.RequireSigned && signed {
		if s, _ := verify(verifying, b); s != Valid {
			return // do not sign an answer that repeats headers of a forged request
		}
	}
	if res := b.refusal(err); res != "" && !b.isResponse() {
		_ = c.writeText(res, &transaction{}) // an error has ended the connection
	}
}

// dispatch verifies a message's signature and passes it on.
func (c *Conn) dispatch(in *Incoming) {
	c.mu.Lock()
	verifying, signed := c.verifying, c.signing != nil
	c.mu.Unlock()
	in.Signature, in.By = verify(verifying, &in.block)
	if c.cfg.RequireSigned && len(verifying) > 0 {
		switch {
		case in.Signature == Invalid:
			c.end(&journal.Failure{Code: journal.AuthServer, By: c.peer(), Answered: in.block.printableStart(),
				What: "the signature of a SIP message is wrong", Because: "MS-SIPAE"})
			return
		case in.Signature == Repeated: // docs/protocol/sip-connection.md#which-messages-are-signed
			c.end(&journal.Failure{Code: journal.SIPLost, By: c.peer(), Answered: in.block.printableStart(),
				What: "repeated message: a signed SIP message came a second time, or long after its successors",
				Fix: "Nothing, if it happens once: the phone registers again. Otherwise look for what sends messages twice " +
					"between phone and server; somebody may replay them.",
				Because: "MS-SIPAE"})
			return
		case in.Signature == Unsigned && signed && !mayBeUnsigned(in):
			c.dropMessage(&journal.Failure{Code: journal.AuthServer, By: c.peer(), Answered: in.block.printableStart(),
				What: "an unsigned SIP message was dropped", Because: "MS-SIPAE"})
			return
		}
	}
	switch msg := in.Msg.(type) {
	case *sip.Response:
		if !c.deliver(in, msg) && c.cfg.Handler != nil {
			c.cfg.Handler(c, in)
		}
	case *sip.Request:
		known := c.cfg.Methods == nil || slices.Contains(c.cfg.Methods, string(msg.Method))
		if c.cfg.Handler != nil && known {
			c.cfg.Handler(c, in)
			return
		}
		res := NewResponse(msg, sip.StatusMethodNotAllowed, "Method Not Allowed", "")
		res.AppendHeader(sip.NewHeader("Allow", strings.Join(c.cfg.Methods, ", "))) // RFC 3261 8.2.1
		_ = c.Answer(msg, res)                                                      // an error has ended the connection
	}
}

// mayBeUnsigned: docs/protocol/sip-connection.md#which-messages-are-signed.
func mayBeUnsigned(in *Incoming) bool {
	res := in.Response()
	return res != nil && (res.StatusCode < 200 || res.StatusCode == sip.StatusUnauthorized ||
		res.StatusCode == sip.StatusProxyAuthRequired || res.CSeq().MethodName == sip.REGISTER)
}
