package ad

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net"
	"strings"
)

// The NetBIOS name service, RFC 1002 4.2. Like Samba it answers for its own names
// and does not answer for others: the client times out.

const (
	nbnsHeader     = 12
	nbnsEncoded    = 34     // length octet 32, 32 half-octets, root label: no scope
	nbnsMaxPacket  = 576    // RFC 1002 4.2.1.1
	nbnsTTL        = 259200 // seconds: three days, as Samba and Windows
	nbnsTypeName   = 0x20   // NB
	nbnsTypeStatus = 0x21   // NBSTAT
	nbnsClass      = 1      // IN
	nbnsIsAnswer   = 0x8000 // R
	nbnsOpcode     = 0x7800 //
	nbnsGoodAnswer = 0x8500 // R, AA, RD
	nbnsGroup      = 0x8000 // G
	nbnsActive     = 0x0400 // ACT
	nbnsControl    = 0x1c   // suffix of the group of domain controllers
	nbnsMaster     = 0x1b   // suffix of the domain master browser
	nbnsServer     = 0x20   // suffix of the file server service
	nbnsAnyName    = "*" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

type nbName struct {
	name  string // 15 characters at most, upper case
	kind  byte   // suffix
	group bool
}

// nbNames returns the NetBIOS names of a DC.
func (s *Server) nbNames() []nbName {
	domain, computer := strings.ToUpper(s.dir.NetBIOS()), s.computer()
	return []nbName{
		{computer, 0, false},
		{computer, nbnsServer, false},
		{domain, 0, true},
		{domain, nbnsControl, true},
		{domain, nbnsMaster, false},
	}
}

func (s *Server) listenNBNS() error {
	pc, err := net.ListenPacket("udp", cmp.Or(s.ListenNBNS, anyPort))
	if err == nil {
		s.nbns = pc.(*net.UDPConn)
	}
	return err
}

func (s *Server) serveNBNS() {
	buf := make([]byte, nbnsMaxPacket)
	for {
		n, from, err := s.nbns.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as an ICMP error about an earlier answer, or a packet that is too long
			continue
		}
		if reply := s.nbnsAnswer(buf[:n]); reply != nil {
			_, _ = s.nbns.WriteToUDPAddrPort(reply, from)
		}
	}
}

// nbnsAnswer returns the answer to one packet, or nil if there is no answer.
func (s *Server) nbnsAnswer(q []byte) []byte {
	const question = nbnsEncoded + 4
	if s.fault().Silent || len(q) < nbnsHeader+question {
		return nil
	}
	be := binary.BigEndian
	flags, questions := be.Uint16(q[2:]), be.Uint16(q[4:])
	if flags&(nbnsIsAnswer|nbnsOpcode) != 0 || questions != 1 || be.Uint16(q[6:]) != 0 || be.Uint16(q[8:]) != 0 {
		return nil
	}
	encoded := q[nbnsHeader : nbnsHeader+nbnsEncoded]
	name, ok := nbnsDecode(encoded)
	if kind := q[nbnsHeader+nbnsEncoded:]; !ok || be.Uint16(kind[2:]) != nbnsClass {
		return nil
	}
	kind := be.Uint16(q[nbnsHeader+nbnsEncoded:])
	var data []byte
	switch kind {
	case nbnsTypeName:
		data = s.nbnsAddresses(name)
	case nbnsTypeStatus:
		data = s.nbnsStatus(name)
	}
	if data == nil {
		return nil
	}
	reply := be.AppendUint16(append([]byte(nil), q[:2]...), nbnsGoodAnswer)
	reply = append(reply, 0, 0, 0, 1, 0, 0, 0, 0) // one answer, no question
	reply = append(reply, encoded...)
	reply = be.AppendUint16(reply, kind)
	reply = be.AppendUint16(reply, nbnsClass)
	ttl := uint32(nbnsTTL)
	if kind == nbnsTypeStatus {
		ttl = 0
	}
	reply = be.AppendUint32(reply, ttl)
	reply = be.AppendUint16(reply, uint16(len(data)))
	return append(reply, data...)
}

// nbnsDecode reads the first-level encoding of RFC 1001 14.1 without a scope:
// 15 characters and the suffix.
func nbnsDecode(b []byte) (name string, ok bool) {
	if b[0] != 32 || b[33] != 0 {
		return "", false
	}
	var raw [16]byte
	for i := range raw {
		hi, lo := b[1+2*i]-'A', b[2+2*i]-'A'
		if hi > 15 || lo > 15 {
			return "", false
		}
		raw[i] = hi<<4 | lo
	}
	return string(raw[:]), true
}

// padded returns the name as on the wire: 15 characters and the suffix.
func (n nbName) padded() string {
	name := n.name[:min(len(n.name), 15)]
	return name + strings.Repeat(" ", 15-len(name)) + string(rune(n.kind))
}

// flags returns NB_FLAGS, RFC 1002 4.2.1.3, of a broadcast node.
func (n nbName) flags() uint16 {
	if n.group {
		return nbnsGroup
	}
	return 0
}

func (s *Server) nbnsAddresses(name string) []byte {
	addr := s.address()
	if !addr.Is4() {
		return nil
	}
	for _, n := range s.nbNames() {
		if strings.EqualFold(n.padded(), name) {
			return append(binary.BigEndian.AppendUint16(nil, n.flags()), addr.AsSlice()...)
		}
	}
	return nil
}

// nbnsStatus returns the node status answer, RFC 1002 4.2.18, with zero statistics.
func (s *Server) nbnsStatus(name string) []byte {
	names := s.nbNames()
	known := name == nbnsAnyName
	data := []byte{byte(len(names))}
	for _, n := range names {
		known = known || strings.EqualFold(n.padded(), name)
		data = append(data, n.padded()...)
		data = binary.BigEndian.AppendUint16(data, n.flags()|nbnsActive)
	}
	if !known {
		return nil
	}
	return append(data, make([]byte, 46)...)
}
