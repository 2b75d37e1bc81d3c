// Package ad is the lab's domain controller: the parts of Active Directory that
// a phone or an administrator's tool uses. It serves one directory.Directory
// over LDAP, answers NetBIOS name queries for the domain and serves a CA chain by
// web enrolment.
//
// Its purpose is to test the root download of R1.1 against a DC that refuses,
// downgrades, forges or delays on demand, and to give foreign LDAP clients a
// small AD without Windows. It follows RFC 4511, MS-ADTS (binds 5.1.1, rootDSE
// 3.1.1.3.2, limits 3.1.1.3.4.6), MS-SPNG, RFC 2696 (paging) and RFC 1002
// (NetBIOS names). Where real servers deviate, it follows docs/peers.md#samba-as-a-domain-controller.
//
//  1. s := ad.New(dir); set fields: Certificate for TLS, RequireSigning for a
//     strict DC, Enrolment for web enrolment.
//  2. s.Start() listens on free loopback ports by default; s.Addr(), s.TLSAddr(),
//     s.NBNSAddr() and s.EnrolmentAddr() return the addresses.
//  3. Change the directory, SetCertificate and SetFaults while it runs; Searches
//     and Binds count the requests of clients.
//  4. s.Close() closes every connection and waits for the goroutines.
package ad

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
)

// Server is a domain controller. Make it with New; the exported fields are
// frozen at Start.
type Server struct {
	Host            string // DNS name of the DC; empty: "dc1." and the domain
	Listen          string // LDAP, TCP; empty: a free port of 127.0.0.1
	ListenTLS       string // LDAPS, TCP; likewise
	ListenNBNS      string // NetBIOS name service, UDP; likewise
	ListenEnrolment string // web enrolment, TCP; likewise
	Enrolment       bool   // serve web enrolment

	Certificate    *tls.Certificate // for LDAPS and StartTLS; nil: both fail until SetCertificate
	MinTLS, MaxTLS uint16           // 0: TLS 1.0 as in 2007, and the newest
	KeyLog         io.Writer        // receives TLS secrets in NSS key log format; nil: not written

	RequireSigning bool          // refuse binds after which the connection is neither sealed nor inside TLS
	RequireNTLMv2  bool          // refuse NTLMv1
	IdleTimeout    time.Duration // between two requests of a connection; 0: DefaultIdleTimeout
	Clock          clock.Clock   // currentTime and NTLM's time stamp; nil: clock.System

	dir                          *directory.Directory
	names                        naming
	certificate                  atomic.Pointer[tls.Certificate]
	faults                       atomic.Pointer[Faults]
	connections, binds, searches atomic.Int64

	ctx          context.Context // ends with Close
	cancel       context.CancelFunc
	wg           sync.WaitGroup
	ldap         net.Listener
	ldaps        net.Listener
	nbns         *net.UDPConn
	http         *http.Server
	httpListener net.Listener

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
}

// DefaultIdleTimeout is AD's MaxConnIdleTime, MS-ADTS 3.1.1.3.4.6.
const DefaultIdleTimeout = 900 * time.Second

// New returns a domain controller for dir, not yet started.
func New(dir *directory.Directory) *Server {
	return &Server{dir: dir, names: newNaming(dir.Domain())}
}

// Start listens and serves. If it returns an error, the server is not running.
func (s *Server) Start() (err error) {
	s.Host = cmp.Or(s.Host, "dc1."+s.dir.Domain())
	s.MinTLS = cmp.Or(s.MinTLS, tls.VersionTLS10)
	if s.IdleTimeout <= 0 {
		s.IdleTimeout = DefaultIdleTimeout
	}
	if s.Clock == nil {
		s.Clock = clock.System
	}
	if s.Certificate != nil {
		s.certificate.Store(s.Certificate)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.conns = map[net.Conn]struct{}{}
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("ad: %w", err)
		}
	}()
	if s.ldap, err = listen(s.Listen); err != nil {
		return err
	}
	if s.ldaps, err = listen(s.ListenTLS); err != nil {
		return err
	}
	if err := s.listenNBNS(); err != nil {
		return err
	}
	if s.Enrolment {
		if s.httpListener, err = listen(s.ListenEnrolment); err != nil {
			return err
		}
	}
	s.wg.Go(func() { s.accept(s.ldap, false) })
	s.wg.Go(func() { s.accept(s.ldaps, true) })
	s.wg.Go(s.serveNBNS)
	if s.Enrolment {
		s.startEnrolment()
	}
	return nil
}

const anyPort = "127.0.0.1:0"

func listen(addr string) (net.Listener, error) { return net.Listen("tcp", cmp.Or(addr, anyPort)) }

// Close closes every connection and waits for the goroutines. It may be called
// more than once.
func (s *Server) Close() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	for _, l := range []net.Listener{s.ldap, s.ldaps} {
		if l != nil {
			l.Close()
		}
	}
	if s.nbns != nil {
		s.nbns.Close()
	}
	if s.http != nil {
		s.http.Close()
	} else if s.httpListener != nil {
		s.httpListener.Close()
	}
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.wg.Wait()
}

// Addr returns the address of LDAP, host:port.
func (s *Server) Addr() string { return listenerAddr(s.ldap) }

// TLSAddr returns the address of LDAPS, host:port.
func (s *Server) TLSAddr() string { return listenerAddr(s.ldaps) }

// EnrolmentAddr returns the address of web enrolment, host:port; "" without it.
func (s *Server) EnrolmentAddr() string { return listenerAddr(s.httpListener) }

// NBNSAddr returns the address of the NetBIOS name service, host:port (UDP).
func (s *Server) NBNSAddr() string {
	if s.nbns == nil {
		return ""
	}
	return s.nbns.LocalAddr().String()
}

func listenerAddr(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// SetCertificate changes the certificate of new TLS connections; nil disables TLS.
func (s *Server) SetCertificate(c *tls.Certificate) { s.certificate.Store(c) }

// Connections returns the number of LDAP connections accepted so far.
func (s *Server) Connections() int { return int(s.connections.Load()) }

// Binds returns the number of attempts to bind, successful or not. A SASL
// exchange of several messages counts once; an anonymous bind does not count.
func (s *Server) Binds() int { return int(s.binds.Load()) }

// Searches returns the number of search requests, including those for the rootDSE.
func (s *Server) Searches() int { return int(s.searches.Load()) }

// computer returns the DC's NetBIOS name.
func (s *Server) computer() string {
	name, _, _ := strings.Cut(strings.ToUpper(s.Host), ".")
	return name[:min(len(name), 15)]
}

// address returns the DC's address in answers of the name service.
func (s *Server) address() netip.Addr {
	a, _ := netip.ParseAddrPort(s.Addr())
	return a.Addr().Unmap()
}

// acceptPause is the delay after an Accept that fails for another reason than a
// closed listener, such as a lack of file descriptors.
const acceptPause = 20 * time.Millisecond

func (s *Server) accept(l net.Listener, overTLS bool) {
	for {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		if !s.track(nc) {
			nc.Close()
			return
		}
		s.connections.Add(1)
		s.wg.Go(func() {
			defer s.untrack(nc)
			c := &conn{s: s, nc: nc}
			if overTLS && !c.secure() {
				return
			}
			c.serve()
		})
	}
}

func (s *Server) track(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return false
	}
	s.conns[nc] = struct{}{}
	return true
}

func (s *Server) untrack(nc net.Conn) {
	nc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, nc)
}

func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:   s.MinTLS,
		MaxVersion:   s.MaxTLS,
		KeyLogWriter: s.KeyLog,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := s.certificate.Load(); c != nil {
				return c, nil
			}
			return nil, errors.New("ad: no certificate")
		},
	}
}
