// Package dns is the lab's name server: one view of a deployment's DNS. Its
// records and faults can change while it runs.
//
// It follows RFC 1035, 2308 (negative answers), 2782 (SRV) and 6891 (EDNS).
// It is authoritative for its Zones, answers unknown names in them with NXDOMAIN
// and refuses all other names, so that a lab sends no query to the Internet.
// Split DNS is two Servers, one for the inside and one for the outside.
//
// Use it so:
//
//	s := dns.New("contoso.com")
//	err := s.Set("_sipinternaltls._tcp.contoso.com", "SRV", "0 0 5061 pool.contoso.com")
//	err = s.Set("pool.contoso.com", "A", "127.0.0.1")
//	err = s.Start()
//	defer s.Close()
//	// ask s.Addr(), by UDP or TCP
//	s.SetFault(dns.ServFail, "pool.contoso.com")
package dns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"

	wire "github.com/miekg/dns"
)

// Server is one name server. Its fields are frozen at Start; its methods are
// safe for concurrent use.
type Server struct {
	// Listen is the address for UDP and TCP; empty means a free port of 127.0.0.1.
	Listen string
	// Zones are the domains for which the server is authoritative, subdomains
	// included.
	Zones []string
	// OnQuery, if not nil, is called before each query is answered, by many
	// goroutines at once. It may record the query, change the server, or delay the
	// answer. ctx ends when the server closes.
	OnQuery func(ctx context.Context, q Query)

	mu      sync.RWMutex
	records map[set][]wire.RR
	faults  map[string]Fault // by canonical name; "" means all names

	addr    string
	cancel  context.CancelFunc
	servers []*wire.Server
	running sync.WaitGroup
	queries chan struct{} // one for each query being answered
	closed  sync.Once
}

// set identifies the records of one canonical name and type.
type set struct {
	name  string
	qtype uint16
}

// Query is the question of a client.
type Query struct {
	Name  string // lower case, without the final dot
	Type  string // "A", "SRV", …
	Proto string // "udp" or "tcp"
	From  net.Addr
}

// Record is one resource record. Value is its data as in a zone file, such as
// "0 0 5061 pool.contoso.com" for SRV.
type Record struct{ Name, Type, Value string }

// Fault is a misbehaviour of the server.
type Fault string

// The faults.
const (
	None     Fault = ""
	ServFail Fault = "servfail"
	Refused  Fault = "refused"
	Silence  Fault = "silence"  // no answer, not even by TCP
	Truncate Fault = "truncate" // by UDP an empty answer with TC, so that the client uses TCP
)

// recordTTL is the TTL of every record in seconds: short, since records change
// while clients cache them.
const recordTTL = 5

// New returns a server for zones, not yet started.
func New(zones ...string) *Server { return &Server{Zones: zones} }

// Set replaces all records of that name and type by values. It returns an error
// for a name outside the zones, an unknown type and a value that does not parse;
// then no record has changed.
func (s *Server) Set(name, typ string, values ...string) error {
	records := make([]Record, len(values))
	for i, v := range values {
		records[i] = Record{name, typ, v}
	}
	parsed, err := s.parse(records)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(canonical(name), typ)
	maps.Copy(parsed, s.records)
	s.records = parsed
	return nil
}

// Remove removes the records of name: all, or those of the given types.
func (s *Server) Remove(name string, types ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(canonical(name), types...)
}

// Replace replaces all records. If it returns an error, as Set does, nothing has
// changed.
func (s *Server) Replace(records ...Record) error {
	parsed, err := s.parse(records)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = parsed
	return nil
}

// SetFault makes the server misbehave for the given names. Without names, f
// applies to all names. None clears a fault. A fault set for one name overrides
// the fault for all names.
func (s *Server) SetFault(f Fault, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults == nil {
		s.faults = map[string]Fault{}
	}
	if len(names) == 0 {
		s.faults[""] = f
	}
	for _, n := range names {
		if s.faults[canonical(n)] = f; f == None {
			delete(s.faults, canonical(n))
		}
	}
}

func (s *Server) remove(name string, types ...string) {
	for _, t := range types {
		delete(s.records, set{name, wire.StringToType[strings.ToUpper(t)]})
	}
	if len(types) == 0 {
		maps.DeleteFunc(s.records, func(of set, _ []wire.RR) bool { return of.name == name })
	}
}

func (s *Server) parse(records []Record) (map[set][]wire.RR, error) {
	parsed := map[set][]wire.RR{}
	for _, r := range records {
		name := canonical(r.Name)
		if s.zone(name) == "" {
			return nil, fmt.Errorf("record %s: outside the zones %v", r.Name, s.Zones)
		}
		rr, err := wire.NewRR(fmt.Sprintf("%s %d IN %s %s", name, recordTTL, r.Type, r.Value))
		if err != nil {
			return nil, fmt.Errorf("record %s %s %q: %w", r.Name, r.Type, r.Value, err)
		}
		typ := wire.StringToType[strings.ToUpper(r.Type)]
		if rr == nil || rr.Header().Name != name || rr.Header().Rrtype != typ || strings.Contains(r.Value, "\n") {
			return nil, fmt.Errorf("record %s %s %q: not one record", r.Name, r.Type, r.Value)
		}
		parsed[set{name, typ}] = append(parsed[set{name, typ}], rr)
	}
	return parsed, nil
}

// zone returns the longest zone that contains name, or "".
func (s *Server) zone(name string) (zone string) {
	for _, z := range s.Zones {
		if z = canonical(z); wire.IsSubDomain(z, name) && len(z) > len(zone) {
			zone = z
		}
	}
	return zone
}

// canonical returns name in lower case with a final dot.
func canonical(name string) string { return wire.CanonicalName(name) }

// Bounds.
const (
	maxQueries   = 512  // answered at the same time; further queries are dropped
	maxUDPAnswer = 4096 // bytes, even if the client accepts more
	minUDPAnswer = 512  // bytes, RFC 1035 4.2.1
	bindAttempts = 20   // to find a port that is free for both UDP and TCP
)

// Start begins to answer. It can be called once.
func (s *Server) Start() error {
	if s.cancel != nil {
		return errors.New("dns: started before")
	}
	listener, packets, err := listen(s.Listen)
	if err != nil {
		return err
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.addr = listener.Addr().String()
	s.queries = make(chan struct{}, maxQueries)
	s.servers = []*wire.Server{
		{Listener: listener, Handler: s.handler(ctx, "tcp")},
		{PacketConn: packets, Handler: s.handler(ctx, "udp"), UDPSize: maxUDPAnswer},
	}
	for _, server := range s.servers {
		started := make(chan error, 1)
		server.NotifyStartedFunc = func() { started <- nil }
		s.running.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				select {
				case started <- err:
				default: // it had started: Close follows
				}
			}
		})
		if err := <-started; err != nil {
			s.Close()
			listener.Close()
			packets.Close()
			return err
		}
	}
	return nil
}

// Addr returns the address of the started server, host:port.
func (s *Server) Addr() string { return s.addr }

// Close stops the server, closes its connections and waits for its goroutines.
// It may be called more than once.
func (s *Server) Close() error {
	s.closed.Do(func() {
		if s.cancel == nil {
			return
		}
		s.cancel()
		for _, server := range s.servers {
			server.Shutdown() // fails only for a server that did not start
		}
		s.running.Wait()
	})
	return nil
}

// listen binds TCP and UDP to the same port. If addr asks for any free port and
// its UDP port is in use, listen tries another one.
func listen(addr string) (net.Listener, net.PacketConn, error) {
	addr = cmp.Or(addr, "127.0.0.1:0")
	attempts := 1
	if strings.HasSuffix(addr, ":0") {
		attempts = bindAttempts
	}
	var err error
	for range attempts {
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err != nil {
			break
		}
		var p net.PacketConn
		if p, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			return l, p, nil
		}
		l.Close()
	}
	return nil, nil, err
}
