package dns

import (
	"context"
	"strings"

	wire "github.com/miekg/dns"
)

// maxAliases bounds a chain of CNAME records.
const maxAliases = 8

// ednsSize is the UDP payload size that the server announces, in bytes: it fits
// every path (DNS flag day 2020).
const ednsSize = 1232

func (s *Server) handler(ctx context.Context, proto string) wire.Handler {
	return wire.HandlerFunc(func(w wire.ResponseWriter, r *wire.Msg) {
		select {
		case s.queries <- struct{}{}:
			defer func() { <-s.queries }()
		default:
			return
		}
		if s.OnQuery != nil && len(r.Question) == 1 {
			q := r.Question[0]
			s.OnQuery(ctx, Query{
				Name:  strings.TrimSuffix(canonical(q.Name), "."),
				Type:  wire.Type(q.Qtype).String(),
				Proto: proto,
				From:  w.RemoteAddr(),
			})
		}
		if m := s.reply(r, proto); m != nil {
			w.WriteMsg(m) // an error means that the client is gone
		}
	})
}

// reply returns the answer to r, or nil if the server does not answer.
func (s *Server) reply(r *wire.Msg, proto string) *wire.Msg {
	if len(r.Question) != 1 { // the library trusts the count in the header
		return new(wire.Msg).SetRcodeFormatError(r)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	q := r.Question[0]
	name := canonical(q.Name)
	fault := s.faults[""]
	if f, ok := s.faults[name]; ok {
		fault = f
	}
	m := new(wire.Msg).SetReply(r)
	m.Compress = true
	opt := r.IsEdns0()
	switch {
	case fault == Silence:
		return nil
	case opt != nil && opt.Version() != 0: // RFC 6891 6.1.3
		m.Rcode = wire.RcodeBadVers
	case fault == ServFail:
		m.Rcode = wire.RcodeServerFailure
	case fault == Truncate && proto == "udp":
		m.Truncated = true
	case fault == Refused, q.Qclass != wire.ClassINET, s.zone(name) == "",
		q.Qtype == wire.TypeAXFR, q.Qtype == wire.TypeIXFR: // refused by policy, RFC 5936 2.2.1
		m.Rcode = wire.RcodeRefused
	case r.Opcode != wire.OpcodeQuery, q.Qtype == wire.TypeANY:
		m.Rcode = wire.RcodeNotImplemented
	default:
		m.Authoritative = true
		s.resolve(m, q.Name, q.Qtype)
	}
	size := wire.MaxMsgSize
	if proto == "udp" {
		size = minUDPAnswer
	}
	if opt != nil {
		m.SetEdns0(ednsSize, false)
		if proto == "udp" {
			size = min(max(int(opt.UDPSize()), minUDPAnswer), maxUDPAnswer)
		}
	}
	m.Truncate(size)
	m.Truncated = m.Truncated || fault == Truncate && proto == "udp"
	return m
}

// resolve adds the records of name to m, or a negative answer.
func (s *Server) resolve(m *wire.Msg, name string, qtype uint16) {
	for range maxAliases {
		zone := s.zone(canonical(name))
		if zone == "" {
			return // the alias is outside the zones: the client resolves it elsewhere
		}
		if records := s.records[set{canonical(name), qtype}]; len(records) > 0 {
			m.Answer = append(m.Answer, withName(name, records)...)
			s.addTargetAddresses(m)
			return
		}
		if alias := s.records[set{canonical(name), wire.TypeCNAME}]; len(alias) > 0 {
			m.Answer = append(m.Answer, withName(name, alias[:1])...)
			name = alias[0].(*wire.CNAME).Target
			continue
		}
		if !s.exists(canonical(name), zone) {
			m.Rcode = wire.RcodeNameError
		}
		if soa := soaRecord(zone); qtype == wire.TypeSOA && canonical(name) == zone {
			m.Answer = append(m.Answer, soa)
		} else {
			m.Ns = append(m.Ns, soa) // RFC 2308 2.1, 2.2
		}
		return
	}
	m.Rcode = wire.RcodeServerFailure
}

// withName returns copies of records with the name as the question spells it.
func withName(name string, records []wire.RR) []wire.RR {
	out := make([]wire.RR, len(records))
	for i, r := range records {
		out[i] = wire.Copy(r)
		out[i].Header().Name = name
	}
	return out
}

// addTargetAddresses adds the addresses of SRV targets (RFC 2782, "Target").
func (s *Server) addTargetAddresses(m *wire.Msg) {
	seen := map[string]bool{}
	for _, rr := range m.Answer {
		srv, ok := rr.(*wire.SRV)
		if !ok || seen[canonical(srv.Target)] {
			continue
		}
		seen[canonical(srv.Target)] = true
		for _, qtype := range []uint16{wire.TypeA, wire.TypeAAAA} {
			m.Extra = append(m.Extra, withName(srv.Target, s.records[set{canonical(srv.Target), qtype}])...)
		}
	}
}

// exists reports whether there are records at or below name (RFC 8020).
func (s *Server) exists(name, zone string) bool {
	if name == zone {
		return true
	}
	for of := range s.records {
		if wire.IsSubDomain(name, of.name) {
			return true
		}
	}
	return false
}

// soaRecord returns the SOA record of zone.
func soaRecord(zone string) *wire.SOA {
	return &wire.SOA{
		Hdr: wire.RR_Header{Name: zone, Rrtype: wire.TypeSOA, Class: wire.ClassINET, Ttl: recordTTL},
		Ns:  "ns." + zone, Mbox: "hostmaster." + zone,
		Serial: 1, Refresh: 900, Retry: 600, Expire: 86400, Minttl: recordTTL,
	}
}
