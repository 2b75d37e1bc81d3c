package network

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/miekg/dns"
)

const (
	// dnsTries is how often a server that does not answer is asked; UDP loses datagrams.
	dnsTries = 2
	// maxServers is how many DNS servers of a place or the host are used at most.
	maxServers = 8
	// udpSize is the size in the EDNS0 record; it avoids fragments (DNS flag day 2020).
	udpSize = 1232
	// maxStray is how many datagrams that do not answer the question are skipped.
	maxStray = 64
)

// ask sends one question to the servers in their order and returns the first
// conclusive answer, NXDOMAIN included. Later questions go first to the server
// that answered. Errors are *negative, *noServer, or *journal.Failure after Close
// or the end of ctx.
func (n *Network) ask(ctx context.Context, name string, qtype uint16) (answer *dns.Msg, server string, err error) {
	display := strings.TrimSuffix(name, ".")
	q := new(dns.Msg).SetQuestion(name, qtype)
	if _, err := q.Pack(); err != nil {
		return nil, "", err
	}
	servers, err := n.servers()
	if err != nil {
		return nil, "", &noServer{name: display, what: "no DNS server is known", tries: []string{err.Error()}}
	}
	first := int(n.preferred.Load())
	noAnswer := &noServer{name: display, what: "no DNS server answers", servers: servers}
	var refusal *negative
	done := make([]bool, len(servers)) // answered with an error code, or refused the connection
	for range dnsTries {
		for i := range servers {
			i = (first + i) % len(servers)
			if done[i] {
				continue
			}
			answer, err := n.askServer(ctx, servers[i], q)
			if err := n.interrupted(ctx, dns.TypeToString[qtype]+" "+display); err != nil {
				return nil, "", err
			}
			if err != nil {
				done[i] = isRefused(err)
				noAnswer.tries = append(noAnswer.tries, servers[i]+": "+err.Error())
				continue
			}
			no := &negative{name: display, by: servers[i], rcode: answer.Rcode}
			if !no.isRefusal() {
				n.preferred.Store(int32(i))
				return answer, servers[i], nil
			}
			done[i], refusal = true, no
		}
	}
	if refusal != nil {
		return nil, "", refusal
	}
	return nil, "", noAnswer
}

// servers returns the DNS servers of the place, or those of the host.
func (n *Network) servers() ([]string, error) {
	list := n.place.DNS
	if len(list) == 0 {
		n.hostOnce.Do(func() { n.hostServers, n.hostErr = hostServers(n.opt.ResolvConf) })
		if n.hostErr != nil {
			return nil, n.hostErr
		}
		if list = n.hostServers; len(list) == 0 {
			return nil, errors.New("this computer names no DNS server either")
		}
	}
	servers := make([]string, 0, maxServers)
	for _, s := range list[:min(len(list), maxServers)] {
		servers = append(servers, hostPort(s, "53"))
	}
	return servers, nil
}

// askServer asks one server by UDP. It repeats the question by TCP if the answer
// was truncated, and without EDNS0 if the server does not support it (RFC 6891 7).
func (n *Network) askServer(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	q = q.Copy()
	q.SetEdns0(udpSize, false)
	answer, err := n.askOnce(ctx, "udp", server, q)
	if err == nil && (answer.Rcode == dns.RcodeFormatError || answer.Rcode == dns.RcodeNotImplemented) {
		q.Extra = nil
		answer, err = n.askOnce(ctx, "udp", server, q)
	}
	if err == nil && answer.Truncated {
		return n.askOnce(ctx, "tcp", server, q)
	}
	return answer, err
}

// askOnce sends q with a new id from a new port and waits for the answer.
func (n *Network) askOnce(ctx context.Context, network, server string, q *dns.Msg) (answer *dns.Msg, err error) {
	q.Id = dns.Id()
	packed, err := q.Pack()
	if err != nil {
		return nil, err
	}
	read, buf := net.Conn.Read, make([]byte, 4096)
	if network == "tcp" { // RFC 1035 4.2.2
		read, buf = readFramed, make([]byte, dns.MaxMsgSize)
		packed = append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)
	}
	err = n.exchange(ctx, network, "dns", server, func(c net.Conn) error {
		return question(c, packed, buf, read, func(b []byte) bool {
			answer = new(dns.Msg)
			return answer.Unpack(b) == nil && isAnswer(q, answer)
		})
	})
	return answer, err
}

// question writes q and reads into buf until isAnswer.
func question(
	c net.Conn, q, buf []byte, read func(net.Conn, []byte) (int, error), isAnswer func([]byte) bool,
) error {
	if _, err := c.Write(q); err != nil {
		return err
	}
	for range maxStray {
		if k, err := read(c, buf); err != nil || isAnswer(buf[:k]) {
			return err
		}
	}
	return errors.New("only answers to other questions")
}

// isAnswer reports whether m answers q, and is not the answer to an earlier
// question or a forgery (RFC 5452 9.1).
func isAnswer(q, m *dns.Msg) bool {
	if !m.Response || m.Id != q.Id || m.Opcode != q.Opcode {
		return false
	}
	if len(m.Question) == 0 { // some servers omit the question in a refusal
		return m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	want, got := q.Question[0], m.Question[0]
	return len(m.Question) == 1 && strings.EqualFold(got.Name, want.Name) &&
		got.Qtype == want.Qtype && got.Qclass == want.Qclass
}

func readFramed(c net.Conn, buf []byte) (int, error) {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return 0, err
	}
	return io.ReadFull(c, buf[:binary.BigEndian.Uint16(size[:])])
}
