// Package ntp is the lab's time server: an SNTP server that can send a wrong
// time, report that it is not synchronized, or not answer.
//
// It follows RFC 4330 (SNTP, the server's side in section 6) and RFC 5905 for
// the packet. Its time is a clock.Clock, so that phones see when the clock of
// the lab is advanced.
//
// Use it so:
//
//	s := ntp.New(labClock)
//	err := s.Start()
//	defer s.Close()
//	// ask s.Addr() by UDP
//	s.SetOffset(-365 * 24 * time.Hour)
//	s.SetFault(ntp.Unsynchronised)
package ntp

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
)

// Server is one time server. Its fields are frozen at Start; its methods are
// safe for concurrent use.
type Server struct {
	// Listen is the UDP address; empty means a free port of 127.0.0.1.
	Listen string
	// Clock is the server's time; nil means the host's.
	Clock clock.Clock

	mu     sync.Mutex
	offset time.Duration
	fault  Fault

	conn *net.UDPConn
	done chan struct{}
}

// Fault is a misbehaviour of the server.
type Fault string

// The faults.
const (
	None           Fault = ""
	Silence        Fault = "silence"
	Unsynchronised Fault = "unsynchronised" // leap indicator 3: the time is not valid
	KissOfDeath    Fault = "kiss-of-death"  // stratum 0, "DENY": the client must stop asking (RFC 4330 8)
)

// New returns a server whose time is c's.
func New(c clock.Clock) *Server { return &Server{Clock: c} }

// SetOffset makes the server send a time that is d ahead of its clock, or behind
// it if d is negative.
func (s *Server) SetOffset(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = d
}

// SetFault makes the server misbehave; None clears the fault.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Start listens and begins to answer. It can be called once.
func (s *Server) Start() error {
	if s.conn != nil {
		return errors.New("ntp: started before")
	}
	if s.Clock == nil {
		s.Clock = clock.System
	}
	addr, err := net.ResolveUDPAddr("udp", cmp.Or(s.Listen, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	if s.conn, err = net.ListenUDP("udp", addr); err != nil {
		return err
	}
	s.done = make(chan struct{})
	go s.serve()
	return nil
}

// Addr returns the address of the started server, host:port; "" before Start.
func (s *Server) Addr() string {
	if s.conn == nil {
		return ""
	}
	return s.conn.LocalAddr().String()
}

// Close stops the server. It may be called more than once.
func (s *Server) Close() error {
	if s.conn == nil {
		return nil
	}
	s.conn.Close() // the second Close fails, which is harmless
	<-s.done
	return nil
}

func (s *Server) serve() {
	defer close(s.done)
	buf := make([]byte, 512) // the key and the extensions after the packet are not used
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // such as an ICMP error about an earlier answer
		}
		s.answer(buf[:n], from)
	}
}

func (s *Server) answer(request []byte, from netip.AddrPort) {
	s.mu.Lock()
	offset, fault := s.offset, s.fault
	s.mu.Unlock()
	if reply := reply(request, s.Clock.Now().Add(offset), fault); reply != nil {
		s.conn.WriteToUDPAddrPort(reply, from)
	}
}

// The packet, RFC 5905 7.3.
const (
	packetSize = 48

	modeSymmetricActive  = 1
	modeSymmetricPassive = 2
	modeClient           = 3
	modeServer           = 4

	leapUnsynchronised = 3
	maxVersion         = 4

	stratum        = 2
	precision      = 0xEC   // 2^-20 s, as a signed exponent
	rootDispersion = 0x0290 // 10 ms in 1/65536 s
)

// epoch is the start of NTP's seconds, 1900-01-01, in Unix time. The seconds
// wrap in 2036 (RFC 4330 3).
const epoch = -2208988800

// lastSync is the time since the server was last synchronized.
const lastSync = time.Minute

// reply returns the answer to request at now, or nil if the server does not answer.
func reply(request []byte, now time.Time, fault Fault) []byte {
	if len(request) < packetSize || fault == Silence {
		return nil
	}
	version, mode := request[0]>>3&7, request[0]&7
	switch { // RFC 4330 6
	case version < 1 || version > maxVersion:
		return nil
	case mode == modeClient:
		mode = modeServer
	case mode == modeSymmetricActive:
		mode = modeSymmetricPassive
	default:
		return nil
	}
	p := make([]byte, packetSize)
	p[0], p[1], p[2], p[3] = version<<3|mode, stratum, request[2], precision
	binary.BigEndian.PutUint32(p[8:], rootDispersion)
	copy(p[12:], []byte{127, 127, 1, 1}) // reference id: an undisciplined local clock
	switch fault {
	case Unsynchronised:
		p[0] |= leapUnsynchronised << 6
	case KissOfDeath:
		p[0] |= leapUnsynchronised << 6
		p[1] = 0
		copy(p[12:], "DENY")
	}
	putTime(p[16:], now.Add(-lastSync)) // reference
	copy(p[24:32], request[40:48])      // originate: the client's transmit time
	putTime(p[32:], now)                // receive
	putTime(p[40:], now)                // transmit
	return p
}

// putTime writes seconds since 1900 and their fraction.
func putTime(b []byte, t time.Time) {
	binary.BigEndian.PutUint32(b, uint32(t.Unix()-epoch))
	binary.BigEndian.PutUint32(b[4:], uint32(uint64(t.Nanosecond())<<32/1e9))
}
