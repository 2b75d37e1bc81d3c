package network

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// NetBIOSDomainControllers is the suffix (16th byte) of the NetBIOS name that all
// domain controllers of a domain share (RFC 1001 14; MS-NBTE 1.8).
const NetBIOSDomainControllers byte = 0x1c

const (
	// nbnsTries is UCAST_REQ_RETRY_COUNT of RFC 1002 6.
	nbnsTries = 3
	// nbnsSize is the largest datagram taken; RFC 1002 4.2 says 576.
	nbnsSize = 1500

	nbnsHeader    = 12
	nbnsNameSize  = 34 // length byte, 16 bytes in two letters each, root label
	nbnsTypeNB    = 0x20
	nbnsClassIN   = 1
	nbnsResponse  = 0x8000
	nbnsOpcode    = 0x7800
	nbnsWait      = 0x3800 // opcode 7, WACK: "wait for acknowledgement"
	nbnsRecursion = 0x0100
	nbnsNameError = 3
)

// Query asks the place's NetBIOS name server, and no other (docs/decisions.md#do-no-harm),
// for the addresses of a name: Query(ctx, "CONTOSO",
// NetBIOSDomainControllers) finds domain controllers (R1.5). by is the server.
// Errors hold a *journal.Failure: dns.no-server if no server is set or it does
// not answer, dns.no-records if it does not know the name, or dns.refused.
func (n *Network) Query(ctx context.Context, name string, suffix byte) (addrs []netip.Addr, by string, err error) {
	asked := fmt.Sprintf("NetBIOS %s<%02X>", name, suffix)
	encoded, err := encodeNetBIOS(name, suffix)
	if err != nil {
		return nil, "", &journal.Failure{Code: journal.DNSNoRecords, Asked: asked, Because: "RFC 1001 14.1", Err: err}
	}
	if n.place.WINS == "" {
		return nil, "", &journal.Failure{Code: journal.DNSNoServer, Asked: asked,
			What: "no NetBIOS name server is set", Fix: "give one with --wins ADDR"}
	}
	server := hostPort(n.place.WINS, "137")
	f := &journal.Failure{Code: journal.DNSNoServer, Asked: asked, By: server, Because: "RFC 1002 4.2.13",
		What: "the NetBIOS name server " + server + " does not answer; some servers do not answer for unknown names"}
	for range nbnsTries {
		answer, err := n.askNetBIOS(ctx, server, encoded)
		if err := n.interrupted(ctx, asked); err != nil {
			return nil, "", err
		}
		if err != nil {
			f.Err = err
			f.Details = append(f.Details, fmt.Sprintf("%s: %v", server, err))
			continue
		}
		if answer.rcode == 0 {
			return answer.addrs, server, nil
		}
		f.Answered, f.Err = fmt.Sprintf("rcode %d", answer.rcode), nil
		if answer.rcode == nbnsNameError {
			f.Code, f.What = journal.DNSNoRecords, "the NetBIOS name server does not know "+asked[len("NetBIOS "):]
		} else {
			f.Code, f.What = journal.DNSRefused, "the NetBIOS name server refused the question"
		}
		break
	}
	return nil, "", f
}

func (n *Network) askNetBIOS(ctx context.Context, server string, name []byte) (answer nbnsAnswer, err error) {
	id := uint16(rand.Uint32())
	request := binary.BigEndian.AppendUint16(nil, id)
	request = append(request, nbnsRecursion>>8, nbnsRecursion&0xff, 0, 1, 0, 0, 0, 0, 0, 0)
	request = append(request, name...)
	request = append(request, 0, nbnsTypeNB, 0, nbnsClassIN) // RFC 1002 4.2.12

	err = n.exchange(ctx, "udp", "nbns", server, func(c net.Conn) error {
		return question(c, request, make([]byte, nbnsSize), net.Conn.Read, func(b []byte) bool {
			a, err := parseNBNS(b, id, name)
			answer = a
			return err == nil && !a.wait
		})
	})
	return answer, err
}

// encodeNetBIOS returns the first-level encoding of a name (RFC 1001 14.1), without
// scope.
func encodeNetBIOS(name string, suffix byte) ([]byte, error) {
	if name == "" || len(name) > 15 {
		return nil, fmt.Errorf("a NetBIOS name has 1 to 15 characters, %.40q has %d", name, len(name))
	}
	for _, r := range name {
		if r > 0x7e || r < 0x20 {
			return nil, fmt.Errorf("%q is not a NetBIOS name", name)
		}
	}
	out := []byte{32}
	for _, c := range append(fmt.Appendf(nil, "%-15s", strings.ToUpper(name)), suffix) {
		out = append(out, 'A'+c>>4, 'A'+c&15)
	}
	return append(out, 0), nil
}

// nbnsAnswer is a name query response.
type nbnsAnswer struct {
	rcode int
	wait  bool // the server asks to wait
	addrs []netip.Addr
}

var errNBNS = errors.New("not a NetBIOS name query response to this question")

// parseNBNS reads a positive or negative name query response or a WACK
// (RFC 1002 4.2.13, 4.2.14, 4.2.16) to the question id for name.
func parseNBNS(b []byte, id uint16, name []byte) (answer nbnsAnswer, err error) {
	const rrHeader = 2 + 2 + 4 + 2 // type, class, TTL, length
	const end = nbnsHeader + nbnsNameSize
	if len(b) < end || binary.BigEndian.Uint16(b) != id || !bytes.Equal(b[nbnsHeader:end], name) {
		return answer, errNBNS // a response has no question section and no compressed name
	}
	flags := binary.BigEndian.Uint16(b[2:])
	if flags&nbnsResponse == 0 {
		return answer, errNBNS
	}
	switch flags & nbnsOpcode {
	case 0:
	case nbnsWait:
		answer.wait = true
		return answer, nil
	default:
		return answer, errNBNS
	}
	if answer.rcode = int(flags & 15); answer.rcode != 0 {
		return answer, nil
	}
	rr := b[end:]
	if len(rr) < rrHeader {
		return answer, errNBNS
	}
	size := int(binary.BigEndian.Uint16(rr[8:]))
	data := rr[rrHeader:]
	if binary.BigEndian.Uint16(b[6:]) != 1 ||
		binary.BigEndian.Uint16(rr) != nbnsTypeNB || binary.BigEndian.Uint16(rr[2:]) != nbnsClassIN ||
		size == 0 || size%6 != 0 || size > len(data) {
		return answer, errNBNS
	}
	for entry := range slices.Chunk(data[:size], 6) { // NB_FLAGS, NB_ADDRESS
		a := netip.AddrFrom4([4]byte(entry[2:]))
		if !a.IsUnspecified() && !slices.Contains(answer.addrs, a) {
			answer.addrs = append(answer.addrs, a)
		}
	}
	if len(answer.addrs) == 0 {
		return answer, errNBNS
	}
	return answer, nil
}
