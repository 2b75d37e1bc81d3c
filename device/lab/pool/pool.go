// Package pool is the lab's Office Communications Server 2007 pool: the
// registrar that a phone signs in to, and the Edge before it.
//
// It speaks the dialect of ocs-sip.md 1 and 2 ([MS-SIPREGE], [MS-SIPAE],
// [MS-CONMGMT]): REGISTER with NTLM in protocol versions 2, 3 and 4, every
// message after the handshake signed and verified, one Contact with a GRUU for
// each endpoint, deregistration by NOTIFY. With digest instead of NTLM it is a
// plain RFC 3261 registrar. After the sign-in it tells what ocs-sip.md 3 to 6
// say: provisioning groups, location profiles (R12.1, R12.2), the contact list,
// and the user's own presence, whose publications it keeps with their versions.
// Calls, presence of others and changes of the contact list are answered by a
// polite final refusal. It is hostile on demand (design decision 11): see Faults.
//
//  1. s := pool.New(dir); set the fields that shall differ, Certificate at least.
//  2. s.Start(); phones connect to s.Addr() by TLS and look for s.Host in its
//     certificate.
//  3. e := pool.NewEdge(s); e.Certificate = …; e.Start() lets them in from outside.
//  4. Change it while it runs: SetCertificate, SetFaults, SetHomePool, Deregister,
//     DropAll, and the accounts in dir. Look at it: Registrations, Counters.
//  5. e.Close(); s.Close().
//
// What it decides where the reference leaves a choice:
//   - A binding outlives its connection until it expires; a new REGISTER of the
//     same epid takes it over.
//   - A wrong password, or a user unknown to the directory, is 401 with a fresh
//     challenge and ms-diagnostics 1000. An account that may not be used (locked,
//     disabled, expired) is 403 with 4141.
//   - An address that nobody has is 404 with 4005; one whose owner is not
//     enabled for SIP is 404 without ms-diagnostics (ocs-sip.md 2.1); another
//     user's is 403 with 4004.
//   - What front ends read of Active Directory when the pool starts has been
//     there for long: it has reached every domain controller.
//   - A subscription to oneself and a publication need a registered endpoint,
//     the one whose epid the From has, on this very connection: 403 otherwise.
package pool

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/provisioning"
)

// Scheme is a way to authenticate that the pool offers.
type Scheme string

const (
	NTLM         Scheme = "NTLM"     // MS-SIPAE; messages are signed thereafter
	Kerberos     Scheme = "Kerberos" // offered as a pool does, but always refused: the lab has no KDC
	DigestMD5    Scheme = "MD5"      // RFC 3261 22.4
	DigestSHA256 Scheme = "SHA-256"  // RFC 8760
)

// Defaults of the fields of Server.
const (
	Realm            = "SIP Communications Service" // ocs-sip.md 2.1
	DefaultExpires   = 2 * time.Hour                // R2; RTM answered 900 s (ocs-sip.md 2.1)
	DefaultMax       = 24 * time.Hour               // longest registration; no source, bounds what is kept
	DefaultKeepAlive = 5 * time.Minute              // ocs-sip.md 1.2
	DefaultConns     = 16384                        // connections at a time
	DefaultReload    = 5 * time.Minute              // R12.2
	maxMessage       = 256 << 10                    // bytes; a REGISTER has 2 KiB
	maxEndpoints     = 64                           // registered endpoints of one user
	ioTimeout        = 10 * time.Second             // TLS handshake, one write
)

// Server is a pool. Make it with New; the exported fields are frozen by Start.
type Server struct {
	Host        string          // FQDN, also the targetname of authentication; "" means "pool." and the directory's domain
	Address     string          // where to listen; "" means a free port of 127.0.0.1
	Certificate tls.Certificate // must be set
	MinTLS      uint16          // tls.VersionTLS…; 0 means 1.0, as in 2007
	MaxTLS      uint16          // 0 means 1.3
	KeyLog      io.Writer       // NSS key log; nil writes none
	Clock       clock.Clock     // nil means clock.System; the directory must go by the same, or replication means nothing

	Schemes       []Scheme // offered, in the order of the headers; nil means NTLM, Kerberos
	FoldSchemes   bool     // all challenges in one header, separated by commas
	Version       int      // of the authentication protocol: 2 (LCS 2005), 3 (OCS 2007), 4 (R2); 0 means 4. A client may ask for less
	NoESS         bool     // NTLM without extended session security, as 2007 RTM with old clients (ocs-sip.md 2.4)
	RequireNTLMv2 bool     // refuse NTLMv1 responses
	CheckSkew     bool     // refuse a client whose clock is more than 15 minutes off: 401 with ms-diagnostics 1013

	DefaultExpires time.Duration // when a REGISTER asks for none; 0 means DefaultExpires
	MinExpires     time.Duration // less is 423; 0 sets no bound
	MaxExpires     time.Duration // more is cut down; 0 means DefaultMax
	KeepAlive      time.Duration // announced in ms-keep-alive; 0 means DefaultKeepAlive
	IdleTimeout    time.Duration // real time without a byte after which a connection is closed; 0 means KeepAlive and a minute
	ServerHeader   string        // "" means RTC/3.5 for version 4, else RTC/3.0
	MaxConnections int           // with the Edge's; more are closed at once; 0 means DefaultConns

	// ClientFilter refuses clients by their User-Agent, as the client version
	// filter does (ocs-sip.md 1.5; R14.1). nil, or a nil result, lets in.
	ClientFilter func(userAgent string) *Rejection

	// FrontEnds are the servers of the pool, behind its one listener:
	// connections are dealt out to them in turn. nil means one, "fe1." and the
	// directory's domain, whose domain controller does not lag.
	FrontEnds       []FrontEnd
	ReloadEvery     time.Duration        // how often a front end reads the location profiles, by the Clock; 0 means DefaultReload
	LocationProfile string               // ucLocationProfile: name of the dial plan of users who have none of their own; "" means none
	Provisioning    []provisioning.Group // over the groups that the pool makes by itself: a property replaces the one of its name or is added, a new group is added; nil: none

	dir       *directory.Directory
	front     listener
	faults    atomic.Pointer[Faults]
	homePool  atomic.Pointer[string]
	lastCID   atomic.Uint32
	edgeHost  atomic.Pointer[string] // of the last Edge that was started
	frontEnds []*frontEnd

	mu       sync.Mutex
	closed   bool
	conns    map[*conn]struct{}
	bindings map[string]map[string]*binding // by lower-case address, then by epid
	counters Counters
	accounts map[string]*account // by lower-case address
	admitted int                 // connections so far
	running  sync.WaitGroup      // connections
}

// Counters count since Start.
type Counters struct {
	Connections   int // accepted and past the TLS handshake
	Requests      int // well-formed requests
	Registers     int // REGISTERs answered 200
	BadSignatures int // messages with a signature that does not fit
	BadLogons     int // handshakes that ended in a wrong user or password
}

// New returns a pool, not yet started, for the users of dir.
func New(dir *directory.Directory) *Server { return &Server{dir: dir} }

// NewEdge returns the Access Edge of s, not yet started.
func NewEdge(s *Server) *Edge { return &Edge{pool: s} }

// Start fills in the defaults, listens and returns. It is called once.
func (s *Server) Start() error {
	s.Host = cmp.Or(s.Host, "pool."+s.dir.Domain())
	s.MinTLS = cmp.Or(s.MinTLS, tls.VersionTLS10)
	s.MaxTLS = cmp.Or(s.MaxTLS, tls.VersionTLS13)
	s.Version = cmp.Or(s.Version, 4)
	s.DefaultExpires = cmp.Or(s.DefaultExpires, DefaultExpires)
	s.MaxExpires = cmp.Or(s.MaxExpires, DefaultMax)
	s.KeepAlive = cmp.Or(s.KeepAlive, DefaultKeepAlive)
	s.IdleTimeout = cmp.Or(s.IdleTimeout, s.KeepAlive+time.Minute)
	s.MaxConnections = cmp.Or(s.MaxConnections, DefaultConns)
	if s.Clock == nil {
		s.Clock = clock.System
	}
	if s.Schemes == nil {
		s.Schemes = []Scheme{NTLM, Kerberos}
	}
	if s.ServerHeader == "" {
		s.ServerHeader = "RTC/3.0"
		if s.Version >= 4 {
			s.ServerHeader = "RTC/3.5"
		}
	}
	if s.Version < 2 || s.Version > 4 {
		return errors.New("pool: Version must be 2, 3 or 4")
	}
	s.conns = map[*conn]struct{}{}
	s.bindings = map[string]map[string]*binding{}
	s.accounts = map[string]*account{}
	if err := s.startFrontEnds(); err != nil {
		return err
	}
	return s.front.start(s, s.Address, s.Certificate, false)
}

// Addr is where the pool listens, host:port.
func (s *Server) Addr() string { return s.front.addr() }

// SetCertificate changes what the next connections are shown.
func (s *Server) SetCertificate(c tls.Certificate) { s.front.cert.Store(&c) }

// SetHomePool sends users who have authenticated to another pool, host or
// host:port, by 301 (ocs-sip.md 2.1); "" keeps them here.
func (s *Server) SetHomePool(hostport string) { s.homePool.Store(&hostport) }

// Counters returns what was counted so far.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters
}

func (s *Server) count(add func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counters)
}

// DropAll cuts all connections, those through the Edge too. Registrations stay.
func (s *Server) DropAll() { s.drop(nil) }

// drop cuts the connections that came through front, or all.
func (s *Server) drop(front *listener) {
	s.mu.Lock()
	var cut []net.Conn
	for c := range s.conns {
		if front == nil || c.front == front {
			cut = append(cut, c.raw)
		}
	}
	s.mu.Unlock()
	for _, nc := range cut {
		nc.Close()
	}
}

// Close stops listening, cuts all connections, the Edge's too, and waits for
// all goroutines. A request held by Faults.Hold must be let go first.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.front.close()
	s.DropAll()
	s.running.Wait() // the Edge's connections too
	s.front.running.Wait()
	return err
}

// Edge is an Access Edge: its own name, certificate and port. It hands every
// connection to the pool's registrar, which tells those clients that they are
// outside (ms-user-logon-data: RemoteUser, ocs-sip.md 2.1). Make it with
// NewEdge; the exported fields are frozen by Start.
type Edge struct {
	Host        string          // "" means "sip." and the directory's domain
	Address     string          // where to listen; "" means a free port of 127.0.0.1
	Certificate tls.Certificate // must be set

	pool  *Server
	front listener
}

// Start listens and returns. The pool must have been started.
func (e *Edge) Start() error {
	if e.pool.front.ln == nil {
		return errors.New("pool: an Edge before a pool that was not started")
	}
	e.Host = cmp.Or(e.Host, "sip."+e.pool.dir.Domain())
	e.pool.edgeHost.Store(&e.Host)
	return e.front.start(e.pool, e.Address, e.Certificate, true)
}

// Addr is where the Edge listens, host:port.
func (e *Edge) Addr() string { return e.front.addr() }

// SetCertificate changes what the next connections are shown.
func (e *Edge) SetCertificate(c tls.Certificate) { e.front.cert.Store(&c) }

// DropAll cuts the connections that came through the Edge.
func (e *Edge) DropAll() { e.pool.drop(&e.front) }

// Close stops listening, cuts the Edge's connections and waits for their
// goroutines.
func (e *Edge) Close() error {
	err := e.front.close()
	e.DropAll()
	e.front.running.Wait()
	return err
}
