package exchange

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a client's use of resources; no source.
const (
	httpTimeout   = 30 * time.Second // headers, body, TLS handshake
	httpWrite     = 5 * time.Minute  // a huge attachment
	httpIdle      = 2 * time.Minute
	httpMaxHeader = 64 << 10
	maxBody       = 1 << 20 // bytes of a request
)

// webServer is a listener with its HTTP server.
type webServer struct {
	ln    net.Listener
	srv   *http.Server
	wg    sync.WaitGroup // accept loop and connections
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// peerConn is an accepted connection with its log-on and with the certificate that
// was sent to the client, to which NTLM may be bound.
type peerConn struct {
	net.Conn
	leaf  atomic.Pointer[x509.Certificate]
	login login
}

type peerListener struct{ net.Listener }

func (l peerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &peerConn{Conn: c}, nil
}

type connKey struct{}

// connOf returns the connection of r.
func connOf(r *http.Request) *peerConn { return r.Context().Value(connKey{}).(*peerConn) }

func (s *Server) listen(address string, h http.Handler, secure bool) (*webServer, error) {
	ln, err := net.Listen("tcp", cmp.Or(address, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	f := &webServer{ln: ln, conns: map[net.Conn]struct{}{}}
	var accept net.Listener = peerListener{ln}
	if secure {
		accept = tls.NewListener(accept, s.tlsConfig())
	}
	var only http.Protocols
	only.SetHTTP1(true) // NTLM authenticates a connection: never HTTP/2 (docs/protocol/http-ntlm.md#ntlm-over-http)
	f.srv = &http.Server{
		Handler:           h,
		Protocols:         &only,
		ReadHeaderTimeout: httpTimeout,
		ReadTimeout:       httpTimeout,
		WriteTimeout:      httpWrite,
		IdleTimeout:       httpIdle,
		MaxHeaderBytes:    httpMaxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			f.mu.Lock()
			defer f.mu.Unlock()
			switch state {
			case http.StateNew:
				f.conns[c] = struct{}{}
				f.wg.Add(1)
				s.count(func(n *Counters) { n.Connections++ })
			case http.StateClosed, http.StateHijacked:
				if _, ok := f.conns[c]; ok {
					delete(f.conns, c)
					f.wg.Done()
				}
			}
		},
	}
	f.wg.Go(func() { _ = f.srv.Serve(accept) })
	return f, nil
}

func (s *Server) tlsConfig() *tls.Config {
	c := &tls.Config{
		MinVersion:             s.MinTLS,
		MaxVersion:             s.MaxTLS,
		KeyLogWriter:           s.KeyLog,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true, // every connection sends the current certificate
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := s.certificateFor(hello.ServerName)
			if err != nil {
				return nil, err
			}
			leaf := cert.Leaf
			if leaf == nil {
				if leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
					return nil, err
				}
			}
			hello.Conn.(*peerConn).leaf.Store(leaf)
			return cert, nil
		},
	}
	if s.MinTLS < tls.VersionTLS12 {
		// The cipher suites of a server of 2007: crypto/tls uses the old ones only if
		// they are listed.
		for _, suites := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
			for _, suite := range suites {
				c.CipherSuites = append(c.CipherSuites, suite.ID)
			}
		}
	}
	return c
}

func (s *Server) certificateFor(host string) (*tls.Certificate, error) {
	s.mu.Lock()
	own := s.certs[strings.ToLower(host)]
	s.mu.Unlock()
	if own != nil {
		return own, nil
	}
	if c := s.cert.Load(); c != nil {
		return c, nil
	}
	c, err := s.Issue()
	if err == nil {
		s.cert.CompareAndSwap(nil, &c)
	}
	return s.cert.Load(), err
}

func (f *webServer) addr() string {
	if f == nil {
		return ""
	}
	return f.ln.Addr().String()
}

func (f *webServer) drop() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

func (f *webServer) close() error {
	if f == nil {
		return nil
	}
	err := f.srv.Close()
	if e := f.ln.Close(); e != nil && !errors.Is(e, net.ErrClosed) { // Serve may not have started yet
		err = errors.Join(err, e)
	}
	f.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
