package adroots

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/ocphone/ocphone/device/ntlm"
)

// Bounds on what a DC may send. Config.MaxBytes bounds the octets of the whole
// connection.
const (
	maxBindMessage = 1 << 16  // before the bind: an NTLM message and some overhead
	maxMessage     = 16 << 20 // one LDAP message; AD's own limit for requests is 10 MiB (MaxReceiveBuffer)
	maxFrame       = 16 << 20 // one sealed frame, which holds one or more messages
	maxElements    = 1 << 14  // BER elements of one message: an entry with 16,000 values
	maxAllElements = 1 << 18  // of all messages; 4096 roots in one object each have 40,000
	maxDepth       = 16       // of BER; a search entry needs 6
)

var (
	errTooLarge = errors.New("more octets than allowed")
	errNotBER   = errors.New("malformed LDAP message")
	errUnsealed = errors.New("an answer that is not sealed")
)

// conn delivers whole LDAP messages after a check of size, number of elements and
// depth. After seal it seals each write and verifies each read (RFC 4422 3.7).
type conn struct {
	net.Conn
	in      io.Reader     // octets of LDAP messages
	session *ntlm.Session // nil until seal
	rest    []byte        // of a message that Read has returned in part
	left    int           // BER elements that may still arrive

	mu    sync.Mutex
	cause error // the first failure to read or write
}

func newConn(nc net.Conn, maxBytes int64) *conn {
	return &conn{Conn: nc, in: &limitedReader{nc, maxBytes}, left: maxAllElements}
}

// seal starts signing and sealing directly after the bind response: message has
// not read beyond it.
func (c *conn) seal(s *ntlm.Session) {
	c.session = s
	c.in = &frameReader{in: c.in, session: s}
}

// Read implements net.Conn for go-ldap.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		var err error
		if c.rest, err = c.message(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write sends p, one LDAP message; after seal, as one sealed frame.
func (c *conn) Write(p []byte) (int, error) {
	b := p
	if c.session != nil {
		sealed, sig := c.session.Seal(p)
		b = binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(sig)+len(sealed)), uint32(len(sig)+len(sealed)))
		b = append(append(b, sig...), sealed...)
	}
	if _, err := c.Conn.Write(b); err != nil {
		return 0, c.setCause(err)
	}
	return len(p), nil
}

// firstCause is the error that ended the connection, or nil. go-ldap keeps only
// the text of an error.
func (c *conn) firstCause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

func (c *conn) setCause(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
	return err
}

// message reads and checks the next LDAP message.
func (c *conn) message() ([]byte, error) {
	msg, err := c.readMessage()
	if err != nil {
		return nil, c.setCause(err)
	}
	return msg, nil
}

func (c *conn) readMessage() ([]byte, error) {
	limit := maxMessage
	if c.session == nil {
		limit = maxBindMessage
	}
	head := make([]byte, 2, 6)
	if _, err := io.ReadFull(c.in, head); err != nil {
		return nil, err
	}
	if more := int(head[1] & 0x7f); head[1] > 0x80 && more <= 4 {
		head = head[:2+more]
		if _, err := io.ReadFull(c.in, head[2:]); err != nil {
			return nil, err
		}
	}
	_, size, err := header(head)
	if err != nil {
		return nil, err
	}
	if head[0] != 0x30 { // LDAPMessage is a SEQUENCE, RFC 4511 4.1.1
		return nil, errNotBER
	}
	if size > limit {
		return nil, fmt.Errorf("%w: a message of %d", errTooLarge, size)
	}
	body, err := readExactly(c.in, size)
	if err != nil {
		return nil, err
	}
	left := maxElements
	if err := checkBER(body, maxDepth, &left); err != nil {
		return nil, err
	}
	// An empty value of two octets takes forty octets in go-ldap's result.
	if c.left -= 1 + maxElements - left; c.left < 0 {
		return nil, fmt.Errorf("%w: elements on one connection", errTooLarge)
	}
	return append(head, body...), nil
}

// checkBER walks the elements of b. LDAP uses definite lengths and one-octet
// tags only, RFC 4511 5.1.
func checkBER(b []byte, depth int, left *int) error {
	for len(b) > 0 {
		if *left--; depth == 0 || *left < 0 {
			return fmt.Errorf("%w: too many elements or too deep", errNotBER)
		}
		head, size, err := header(b)
		if err != nil {
			return err
		}
		if size > len(b)-head {
			return fmt.Errorf("%w: an element is cut off", errNotBER)
		}
		const constructed = 0x20
		if b[0]&constructed != 0 {
			if err := checkBER(b[head:head+size], depth-1, left); err != nil {
				return err
			}
		}
		b = b[head+size:]
	}
	return nil
}

// header reads tag and length at the start of b: octets used and size of the
// content. AD uses the long form of lengths even for short ones.
func header(b []byte) (head, size int, err error) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, 0, errNotBER
	}
	if b[1] < 0x80 {
		return 2, int(b[1]), nil
	}
	n := int(b[1] & 0x7f)
	if n == 0 || n > 4 || len(b) < 2+n {
		return 0, 0, fmt.Errorf("%w: a form of length that LDAP does not have", errNotBER)
	}
	var v uint32
	for _, o := range b[2 : 2+n] {
		v = v<<8 | uint32(o)
	}
	if v > 1<<31-1 {
		return 0, 0, fmt.Errorf("%w: an element of %d", errTooLarge, v)
	}
	return 2 + n, int(v), nil
}

// frameReader reads the sealed frames of SASL (RFC 4422 3.7) as one stream of
// octets. It verifies each frame before it returns octets of it.
type frameReader struct {
	in      io.Reader
	session *ntlm.Session
	rest    []byte
}

func (f *frameReader) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *frameReader) next() error {
	var head [4]byte
	if _, err := io.ReadFull(f.in, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	switch {
	case size > maxFrame && head[0] == 0x30: // the SEQUENCE of an LDAP message in clear
		return errUnsealed
	case size > maxFrame:
		return fmt.Errorf("%w: a sealed frame of %d", errTooLarge, size)
	case size <= ntlm.SignatureSize:
		return fmt.Errorf("%w: a sealed frame of %d", errNotBER, size)
	}
	frame, err := readExactly(f.in, int(size))
	if err != nil {
		return err
	}
	f.rest, err = f.session.Unseal(frame[ntlm.SignatureSize:], frame[:ntlm.SignatureSize])
	return err
}

// readExactly reads n octets. It allocates memory as octets arrive, not for the
// announced length.
func readExactly(r io.Reader, n int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(b) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// limitedReader ends with errTooLarge after left octets.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("%w on one connection", errTooLarge)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
