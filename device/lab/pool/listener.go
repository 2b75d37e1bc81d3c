package pool

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// listener accepts connections by TLS for a pool or an Edge.
type listener struct {
	pool   *Server
	remote bool
	ln     net.Listener
	tls    *tls.Config
	cert   atomic.Pointer[tls.Certificate]

	closed  bool           // guarded by pool.mu
	running sync.WaitGroup // accept and the connections from here
}

var errFault = errors.New("pool: fault: TLS alert")

func (l *listener) start(s *Server, address string, cert tls.Certificate, remote bool) error {
	if len(cert.Certificate) == 0 {
		return errors.New("pool: no Certificate")
	}
	ln, err := net.Listen("tcp", cmp.Or(address, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	l.pool, l.remote, l.ln = s, remote, ln
	if l.cert.Load() == nil { // SetCertificate may have come first
		l.cert.Store(&cert)
	}
	l.tls = &tls.Config{
		MinVersion:             s.MinTLS,
		MaxVersion:             s.MaxTLS,
		KeyLogWriter:           s.KeyLog,
		SessionTicketsDisabled: true, // every connection sends the current certificate
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if s.Faults().TLSAlert {
				return nil, errFault
			}
			return l.cert.Load(), nil
		},
	}
	if s.MinTLS < tls.VersionTLS12 {
		// A server of 2007 supported RSA key exchange, 3DES and RC4, which crypto/tls
		// uses only if they are listed.
		for _, suites := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
			for _, c := range suites {
				l.tls.CipherSuites = append(l.tls.CipherSuites, c.ID)
			}
		}
	}
	withoutRC4 := l.tls.Clone()
	withoutRC4.CipherSuites = slices.DeleteFunc(slices.Clone(l.tls.CipherSuites), func(id uint16) bool {
		return strings.Contains(tls.CipherSuiteName(id), "RC4")
	})
	l.tls.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if s.Faults().NoRC4 {
			return withoutRC4, nil
		}
		return nil, nil
	}
	l.running.Go(l.accept)
	return nil
}

func (l *listener) addr() string {
	if l.ln == nil {
		return ""
	}
	return l.ln.Addr().String()
}

func (l *listener) close() error {
	if l.ln == nil {
		return nil
	}
	l.pool.mu.Lock()
	l.closed = true
	l.pool.mu.Unlock()
	if err := l.ln.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (l *listener) accept() {
	for {
		nc, err := l.ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // such as a lack of file descriptors, which may pass
			time.Sleep(10 * time.Millisecond)
		default:
			l.serveConn(nc)
		}
	}
}

// serveConn runs the TLS handshake of a new connection and starts the reader of
// its SIP messages, which is then its only goroutine.
func (l *listener) serveConn(nc net.Conn) {
	if tc, ok := nc.(*net.TCPConn); ok && l.pool.Faults().Reset {
		tc.SetLinger(0)
		tc.Close()
		return
	}
	c := l.newConn(nc)
	if c == nil {
		nc.Close()
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), ioTimeout)
		defer cancel()
		t := tls.Server(nc, l.tls)
		if t.HandshakeContext(ctx) != nil {
			nc.Close()
			c.remove()
			return
		}
		c.serve(t)
	}()
}
