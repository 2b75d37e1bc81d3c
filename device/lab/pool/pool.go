// Package pool is the lab's Office Communications Server 2007 pool: the registrar
// to which a phone signs in, and its Access Edge.
//
// It implements docs/protocol/sip-connection.md#tcp-connection-and-via and
// docs/protocol/sip-connection.md#registration ([MS-SIPREGE], [MS-SIPAE],
// [MS-CONMGMT]): REGISTER with NTLM in protocol versions 2, 3 and 4, signatures on
// every message after the handshake, one Contact with a GRUU for each endpoint,
// deregistration by NOTIFY. With digest instead of NTLM it is a plain RFC 3261
// registrar. After the sign-in it serves
// docs/protocol/sip-services.md#in-band-provisioning to
// docs/protocol/sip-services.md#contact-list: provisioning groups, location
// profiles (R12.1, R12.2), the contact list, and the user's own presence, whose
// publications it stores with their versions. It refuses calls, presence of other
// users and changes of the contact list. It can misbehave
// (docs/decisions.md#hostile-lab): see Faults.
//
//  1. s := pool.New(dir); set at least Certificate.
//  2. s.Start(); phones connect to s.Addr() by TLS and verify s.Host in its
//     certificate.
//  3. e := pool.NewEdge(s); e.Certificate = …; e.Start() accepts phones from outside.
//  4. Change it while it runs: SetCertificate, SetFaults, SetHomePool, Deregister,
//     DropAll, and the accounts in dir. Registrations and Counters show its state.
//  5. e.Close(); s.Close().
//
// Choices where the reference leaves one:
//   - A binding outlives its connection until it expires; a new REGISTER with the
//     same epid replaces it.
//   - A wrong password, or a user unknown to the directory, gets 401 with a new
//     challenge and ms-diagnostics 1000. An account that cannot be used (locked,
//     disabled, expired) gets 403 with 4141.
//   - An address that does not exist gets 404 with 4005; the address of a user who
//     is not enabled for SIP gets 404 without ms-diagnostics (docs/protocol/sip-connection.md#registration);
//     another user's address gets 403 with 4004.
//   - The state of Active Directory at the start of the pool has already been
//     replicated to every domain controller.
//   - A subscription to oneself and a publication need a registered endpoint with
//     the epid of the From on the same connection: 403 otherwise.
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

// Scheme is an authentication scheme of the pool.
type Scheme string

const (
	NTLM         Scheme = "NTLM"     // MS-SIPAE; messages are signed after the handshake
	Kerberos     Scheme = "Kerberos" // offered as by a real pool, but always refused: the lab has no KDC
	DigestMD5    Scheme = "MD5"      // RFC 3261 22.4
	DigestSHA256 Scheme = "SHA-256"  // RFC 8760
)

// Defaults of the fields of Server.
const (
	Realm = "SIP Communications Service" // docs/protocol/sip-connection.md#registration
	// R2; RTM answered 900 s (docs/protocol/sip-connection.md#registration)
	DefaultExpires        = 2 * time.Hour
	DefaultMaxExpires     = 24 * time.Hour   // longest registration; no source
	DefaultKeepAlive      = 5 * time.Minute  // docs/protocol/sip-connection.md#keep-alive
	DefaultMaxConnections = 16384            // connections at a time
	DefaultReload         = 5 * time.Minute  // R12.2
	maxMessage            = 256 << 10        // bytes; a REGISTER has 2 KiB
	maxEndpoints          = 64               // registered endpoints of one user
	ioTimeout             = 10 * time.Second // TLS handshake, one write
)

// Server is a pool. Make it with New; the exported fields are frozen by Start.
type Server struct {
	Host        string          // FQDN, also the targetname of authentication; "" means "pool." and the domain
	Address     string          // listen address; "" means a free port of 127.0.0.1
	Certificate tls.Certificate // must be set
	MinTLS      uint16          // tls.VersionTLS…; 0 means 1.0, as in 2007
	MaxTLS      uint16          // 0 means 1.3
	KeyLog      io.Writer       // receives TLS secrets in NSS key log format; nil: not written
	Clock       clock.Clock     // nil means clock.System; the directory must have the same

	Schemes        []Scheme // offered, in the order of the headers; nil means NTLM, Kerberos
	JoinChallenges bool     // all challenges in one header, separated by commas
	// Version is the version of the authentication protocol: 2 (LCS 2005), 3 (OCS
	// 2007), 4 (R2); 0 means 4. A client may request a lower one.
	Version int
	// NTLM without extended session security, as 2007 RTM with old clients
	// (docs/protocol/sip-connection.md#ntlm-in-sip)
	NoESS         bool
	RequireNTLMv2 bool // refuse NTLMv1 responses
	CheckSkew     bool // refuse a client whose clock is more than 15 minutes off: 401 with ms-diagnostics 1013

	DefaultExpires time.Duration // for a REGISTER without expires; 0 means DefaultExpires
	MinExpires     time.Duration // a shorter time gets 423; 0 sets no bound
	MaxExpires     time.Duration // a longer time is reduced to it; 0 means DefaultMaxExpires
	KeepAlive      time.Duration // announced in ms-keep-alive; 0 means DefaultKeepAlive
	// IdleTimeout is the real time after which a silent connection is closed; 0
	// means KeepAlive plus a minute.
	IdleTimeout    time.Duration
	ServerHeader   string // "" means RTC/3.5 for version 4, else RTC/3.0
	MaxConnections int    // including the Edge's; further ones are closed at once; 0 means DefaultMaxConnections

	// ClientFilter refuses clients by their User-Agent, as the client version filter
	// does (docs/protocol/sip-connection.md#client-identification; R14.1). nil, or a
	// nil result, accepts.
	ClientFilter func(userAgent string) *Rejection

	// FrontEnds are the servers of the pool behind its listener. Connections are
	// assigned to them in turn. nil means one front end, "fe1." and the domain,
	// whose domain controller does not lag.
	FrontEnds       []FrontEnd
	ReloadEvery     time.Duration // interval between a front end's reads of the profiles, by Clock; 0 means DefaultReload
	LocationProfile string        // ucLocationProfile: dial plan of users without their own; "" means none
	// Provisioning is merged into the pool's own groups: a property replaces the
	// one of the same name or is added, and a new group is added.
	Provisioning []provisioning.Group

	dir       *directory.Directory
	front     listener
	faults    atomic.Pointer[Faults]
	homePool  atomic.Pointer[string]
	lastCID   atomic.Uint32
	edgeHost  atomic.Pointer[string] // of the last started Edge
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
	Connections   int // accepted, after the TLS handshake
	Requests      int // well-formed requests
	Registers     int // REGISTERs answered 200
	BadSignatures int // messages with an invalid signature
	BadLogons     int // handshakes with a wrong user or password
}

// New returns a pool, not yet started, for the users of dir.
func New(dir *directory.Directory) *Server { return &Server{dir: dir} }

// NewEdge returns the Access Edge of s, not yet started.
func NewEdge(s *Server) *Edge { return &Edge{pool: s} }

// Start sets the defaults, listens and returns. It is called once.
func (s *Server) Start() error {
	s.Host = cmp.Or(s.Host, "pool."+s.dir.Domain())
	s.MinTLS = cmp.Or(s.MinTLS, tls.VersionTLS10)
	s.MaxTLS = cmp.Or(s.MaxTLS, tls.VersionTLS13)
	s.Version = cmp.Or(s.Version, 4)
	s.DefaultExpires = cmp.Or(s.DefaultExpires, DefaultExpires)
	s.MaxExpires = cmp.Or(s.MaxExpires, DefaultMaxExpires)
	s.KeepAlive = cmp.Or(s.KeepAlive, DefaultKeepAlive)
	s.IdleTimeout = cmp.Or(s.IdleTimeout, s.KeepAlive+time.Minute)
	s.MaxConnections = cmp.Or(s.MaxConnections, DefaultMaxConnections)
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

// Addr returns the address of the pool's listener, host:port.
func (s *Server) Addr() string { return s.front.addr() }

// SetCertificate changes the certificate of new connections.
func (s *Server) SetCertificate(c tls.Certificate) { s.front.cert.Store(&c) }

// SetHomePool redirects authenticated users to another pool, host or host:port, by
// 301 (docs/protocol/sip-connection.md#registration); "" means no redirection.
func (s *Server) SetHomePool(hostport string) { s.homePool.Store(&hostport) }

// Counters returns the current counters.
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

// DropAll closes all connections, including those through the Edge. Registrations
// stay.
func (s *Server) DropAll() { s.drop(nil) }

// drop closes the connections accepted by front, or all if front is nil.
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

// Close stops listening, closes all connections, including the Edge's, and waits
// for all goroutines. Faults.Hold must return first.
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

// Edge is an Access Edge with its own name, certificate and port. It passes every
// connection to the pool's registrar, which marks those clients as outside
// (ms-user-logon-data: RemoteUser, docs/protocol/sip-connection.md#registration).
// Make it with NewEdge; the exported fields are frozen by Start.
type Edge struct {
	Host        string          // "" means "sip." and the domain
	Address     string          // listen address; "" means a free port of 127.0.0.1
	Certificate tls.Certificate // must be set

	pool  *Server
	front listener
}

// Start listens and returns. The pool must be started before.
func (e *Edge) Start() error {
	if e.pool.front.ln == nil {
		return errors.New("pool: an Edge before a pool that was not started")
	}
	e.Host = cmp.Or(e.Host, "sip."+e.pool.dir.Domain())
	e.pool.edgeHost.Store(&e.Host)
	return e.front.start(e.pool, e.Address, e.Certificate, true)
}

// Addr returns the address of the Edge's listener, host:port.
func (e *Edge) Addr() string { return e.front.addr() }

// SetCertificate changes the certificate of new connections.
func (e *Edge) SetCertificate(c tls.Certificate) { e.front.cert.Store(&c) }

// DropAll closes the connections through the Edge.
func (e *Edge) DropAll() { e.pool.drop(&e.front) }

// Close stops listening, closes the Edge's connections and waits for their
// goroutines.
func (e *Edge) Close() error {
	err := e.front.close()
	e.DropAll()
	e.front.running.Wait()
	return err
}
