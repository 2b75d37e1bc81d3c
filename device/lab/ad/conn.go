package ad

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/ocphone/ocphone/device/ntlm"
)

const (
	writeTimeout     = 30 * time.Second
	handshakeTimeout = 30 * time.Second
	flushAt          = 48 << 10 // bytes of answer that are sealed and sent together
)

// conn is one client's LDAP connection. Its goroutine answers requests one after
// the other, therefore an Abandon has no effect.
type conn struct {
	s       *Server
	nc      net.Conn
	overTLS bool
	faults  Faults // of the current request

	user          string        // sAMAccountName; empty: anonymous
	exchange      *acceptor     // NTLM bind in progress
	session       *ntlm.Session // seals and unseals all messages; nil: no security layer
	unsealed      []byte        // not read yet
	pending       []byte        // answers not sent yet
	pagedSearches []pagedSearch // searches with further pages
	cookie        uint64
}

// serve answers requests until the connection ends.
func (c *conn) serve() {
	for {
		_ = c.nc.SetReadDeadline(time.Now().Add(c.s.IdleTimeout))
		frame, err := readFrame(c)
		if err == nil {
			var m message
			if m, err = parseMessage(frame); err == nil {
				if c.faults = c.s.fault(); c.faults.Silent {
					continue
				}
				err = c.handle(m)
			}
		}
		if errors.Is(err, errMalformed) || errors.Is(err, errTooLarge) {
			c.disconnect()
			return
		}
		if err == nil {
			err = c.flush()
		}
		if err != nil {
			return
		}
	}
}

// errUnbind ends a connection without a Notice of Disconnection.
var errUnbind = errors.New("ad: unbind")

func (c *conn) handle(m message) error {
	switch tag := m.op.Tag; tag {
	case opBindRequest:
		return c.bind(m)
	case opUnbind:
		return errUnbind
	case opSearchRequest:
		return c.search(m)
	case opAbandon:
		return nil
	case opExtendedRequest:
		return c.extended(m)
	case opModifyRequest, opAddRequest, opDelRequest, opModifyDNRequest, opCompareRequest:
		if c.user == "" {
			return c.send(m.id, result(tag+1, operationsError, "", textBindFirst))
		}
		return c.send(m.id, result(tag+1, unwillingToPerform, "", textReadOnly))
	}
	return errMalformed
}

// disconnect sends the Notice of Disconnection, RFC 4511 4.4.1.
func (c *conn) disconnect() {
	_ = c.send(0, result(opExtendedResponse, protocolError, "", "", contextString(10, "1.3.6.1.4.1.1466.20036")))
	_ = c.flush()
}

const (
	oidStartTLS = "1.3.6.1.4.1.1466.20037" // RFC 4511 4.14
	oidWhoAmI   = "1.3.6.1.4.1.4203.1.11.3"
)

func (c *conn) extended(m message) error {
	if len(m.op.Children) == 0 {
		return errMalformed
	}
	switch oid := text(m.op.Children[0]); oid {
	case oidStartTLS:
		name := contextString(10, oid)
		switch {
		case c.overTLS || c.session != nil:
			return c.send(m.id, result(opExtendedResponse, operationsError, "", textTLSTwice, name))
		case c.s.certificate.Load() == nil:
			return c.send(m.id, result(opExtendedResponse, unavailable, "", textNoTLS, name))
		}
		if err := c.send(m.id, result(opExtendedResponse, success, "", "", name)); err != nil {
			return err
		}
		if err := c.flush(); err != nil {
			return err
		}
		if !c.secure() {
			return errUnbind
		}
		return nil
	case oidWhoAmI: // RFC 4532; AD's form of authzId
		authzID := ""
		if c.user != "" {
			authzID = "u:" + c.s.dir.NetBIOS() + `\` + c.user
		}
		return c.send(m.id, result(opExtendedResponse, success, "", "", contextString(11, authzID)))
	}
	return c.send(m.id, result(opExtendedResponse, protocolError, "", textExtended))
}

// secure starts TLS on the connection and reports whether the handshake succeeded.
func (c *conn) secure() bool {
	t := tls.Server(c.nc, c.s.tlsConfig())
	_ = c.nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := t.HandshakeContext(c.s.ctx); err != nil {
		return false
	}
	_ = c.nc.SetDeadline(time.Time{})
	c.nc, c.overTLS = t, true
	return true
}

// Read reads bytes of the client. With a security layer it unseals them: frames
// of a four-byte length, signature and sealed text, RFC 4422 3.7.
func (c *conn) Read(p []byte) (int, error) {
	if c.session == nil {
		return c.nc.Read(p)
	}
	for len(c.unsealed) == 0 {
		var length [4]byte
		if _, err := io.ReadFull(c.nc, length[:]); err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint32(length[:])
		if n < ntlm.SignatureSize || n > maxMessage+2*ntlm.SignatureSize {
			return 0, errTooLarge
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(c.nc, frame); err != nil {
			return 0, noEOF(err)
		}
		var err error
		// A peer that negotiated only signing seals too
		// (docs/peers.md#samba-as-a-domain-controller).
		if c.unsealed, err = c.session.Unseal(frame[ntlm.SignatureSize:], frame[:ntlm.SignatureSize]); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.unsealed)
	c.unsealed = c.unsealed[n:]
	return n, nil
}

// send queues an answer.
func (c *conn) send(id int64, op *ber.Packet, controls ...*ber.Packet) error {
	m := sequence(number(id), op)
	if len(controls) > 0 {
		m.AppendChild(constructed(ber.ClassContext, 0, controls...))
	}
	c.pending = append(c.pending, m.Bytes()...)
	if len(c.pending) < flushAt {
		return nil
	}
	return c.flush()
}

// flush sends the queued answers, sealed if the connection has a security layer.
func (c *conn) flush() error {
	b := c.pending
	c.pending = nil
	if len(b) == 0 {
		return nil
	}
	if c.session != nil && !c.faults.Unsealed {
		sealed, sig := c.session.Seal(b)
		if c.faults.BadSeal {
			sig[len(sig)/2] ^= 1
		}
		b = make([]byte, 4, 4+len(sig)+len(sealed))
		binary.BigEndian.PutUint32(b, uint32(len(sig)+len(sealed)))
		b = append(append(b, sig...), sealed...)
	}
	_ = c.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.nc.Write(b)
	return err
}
