// Package ntp is the lab's time server: SNTP that can be wrong, dishonest or
// silent.
//
// It follows RFC 4330 (SNTP, the server's side in section 6) and RFC 5905 for
// the packet. Its time is a clock.Clock, so that a lab whose clock is advanced
// tells its phones so.
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
	// Clock is its time; nil means the host's.
	Clock clock.Clock

	mu     sync.Mutex
	offset time.Duration
	fault  Fault

	conn *net.UDPConn
	done chan struct{}
}

// Fault is a way for the server to fail.
type Fault string

// The faults.
const (
	None           Fault = ""
	Silence        Fault = "silence"
	Unsynchronised Fault = "unsynchronised" // leap indicator 3: do not believe me
	KissOfDeath    Fault = "kiss-of-death"  // stratum 0, "DENY": do not ask me again (RFC 4330 8)
)

// New returns a server that tells c's time.
func New(c clock.Clock) *Server { return &Server{Clock: c} }

// SetOffset makes the server tell a time that is d ahead of its clock, or
// behind when d is negative.
func (s *Server) SetOffset(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = d
}

// SetFault makes the server fail; None ends it.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Start begins to answer. It can be called once.
func (s *Server) Start() error {
	if s.conn != nil {
		return errors.New("ntp: started before")
	}
	listen := s.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	if s.Clock == nil {
		s.Clock = clock.System
	}
	addr, err := net.ResolveUDPAddr("udp", listen)
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

// Addr is where the started server listens, as host:port.
func (s *Server) Addr() string {
	if s.conn == nil {
		return ""
	}
	return s.conn.LocalAddr().String()
}

// Close ends the server. It may be called more than once.
func (s *Server) Close() error {
	if s.conn == nil {
		return nil
	}
	s.conn.Close() // a second time fails, and nobody minds
	<-s.done
	return nil
}

func (s *Server) serve() {
	defer close(s.done)
	buf := make([]byte, 512) // what is longer than a packet is key and extension, not needed
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // such as an ICMP error for an answer sent before
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

// epoch is where NTP's seconds begin, 1900-01-01, in Unix time. They wrap in
// 2036 (RFC 4330 3).
const epoch = -2208988800

// lastSync is how long ago the server heard from its own source.
const lastSync = time.Minute

// reply is the answer at a time, nil for none.
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
