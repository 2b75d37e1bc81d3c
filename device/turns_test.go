package device_test

import (
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/provisioning"
)

// turn is what a client sends before it waits, and the answer.
type turn struct{ up, down int } // octets

// traced is a connection with its turns, as a relay between client and server sees
// them: it notes octets before it passes them on, so that an answer never comes before
// its question.
type traced struct {
	name    string // that was dialled, host:port
	mu      sync.Mutex
	turns   []turn
	records int    // of TLS that the client has sent in the last turn
	head    []byte // of the next one, as far as it has come
	rest    int    // octets of a record that are yet to come
}

func (c *traced) String() string { return fmt.Sprintf("%s: %v", c.name, c.turns) }

func (c *traced) sent(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.turns); n == 0 || c.turns[n-1].down > 0 {
		c.turns, c.records = append(c.turns, turn{}), 0
	}
	c.turns[len(c.turns)-1].up += len(b)
	for _, octet := range b { // RFC 8446 5.1
		if c.rest > 0 {
			c.rest--
		} else if c.head = append(c.head, octet); len(c.head) == 5 {
			c.rest, c.head = int(c.head[3])<<8|int(c.head[4]), c.head[:0]
			c.records++
		}
	}
}

func (c *traced) received(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.turns); n > 0 {
		c.turns[n-1].down += len(b)
	}
}

// alert is the length of a record with an alert, such as close_notify, at most. Nothing
// waits for its answer.
const alert = 32

// roundTrips counts TCP's own, and one for each turn that has an answer.
func (c *traced) roundTrips() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = 1
	for _, t := range c.turns {
		if t.down > 0 && t.up > alert {
			n++
		}
	}
	return n
}

// pending is how many records of TLS the client has sent since the last answer.
func (c *traced) pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records
}

// wireTrace notes what the phone sends: the turns of connections that go through
// its relays, and the questions of DNS and NTP as their Tap.
type wireTrace struct {
	mu        sync.Mutex
	conns     []*traced
	questions map[string]int // by layer
	open      []net.Conn     // of clients
}

// cut closes the connections of all relays.
func (w *wireTrace) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		c.Close()
	}
}

func (w *wireTrace) Message(m network.Traffic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Sent && m.Layer != "tcp" {
		w.questions[m.Layer]++
	}
}

// take returns what was noted since the last call.
func (w *wireTrace) take() ([]*traced, map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	conns, questions := w.conns, w.questions
	w.conns, w.questions = nil, map[string]int{}
	return conns, questions
}

// newest is the newest connection to name.
func (w *wireTrace) newest(name string) *traced {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range slices.Backward(w.conns) {
		if c.name == name {
			return c
		}
	}
	return new(traced)
}

// through makes the names of a place lead through relays.
func (w *wireTrace) through(t testing.TB, at lab.Attachment, names ...string) lab.Attachment {
	t.Helper()
	to := map[string]string{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		target, mapped := at.Place.Patch.Lookup(name)
		if !mapped {
			t.Fatalf("%s is not in the address map", name)
		}
		to[name] = l.Addr().String()
		var all sync.WaitGroup
		all.Go(func() {
			for {
				client, err := l.Accept()
				if err != nil {
					return
				}
				all.Go(func() { w.relay(client, name, target) })
			}
		})
		t.Cleanup(func() { // before the phone and the lab end
			l.Close()
			w.cut()
			all.Wait()
		})
	}
	return patched(at, to)
}

func (w *wireTrace) relay(client net.Conn, name, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	c := &traced{name: name}
	w.mu.Lock()
	w.conns, w.open = append(w.conns, c), append(w.open, client)
	w.mu.Unlock()
	pass := func(from, to net.Conn, note func([]byte)) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				note(buffer[:n])
			}
			if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
				client.Close()
				server.Close()
				return
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { pass(server, client, c.received) })
	pass(client, server, c.sent)
	both.Wait()
}

// TestRoundTripsOfSignIn counts what a sign-in costs on a long way: from power on to
// ready with the mailbox read. The four requests after REGISTER are sent together:
// the pool does not read the first before the phone has written them all.
func TestRoundTripsOfSignIn(t *testing.T) {
	w := new(wireTrace)
	w.take()
	r := newRig(t, func(d *lab.Deployment) { d.Today = true }, func(c *device.Config) { c.Wire = w })
	r.lab.Pool.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
		if asked := req.GetHeader("Event"); req.Method != sip.SUBSCRIBE || asked.Value() != provisioning.EventPackage {
			return
		}
		for end := time.Now().Add(time.Minute); w.newest(poolAddr).pending() < 4; runtime.Gosched() {
			if time.Now().After(end) {
				t.Error("the phone waits for an answer before it has sent all it has to ask")
				return
			}
		}
	}})
	check := func(when string, want map[string]int) {
		t.Helper()
		conns, got := w.take()
		for _, c := range conns {
			got[c.name] += c.roundTrips()
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v\n%v", when, got, want, conns)
		}
	}
	inside := w.through(t, r.lab.Inside(), poolAddr, "dc1.contoso.com:389", "contoso.com:443", "cas01.contoso.com:443")
	r.wantReady(r.signIn(inside))
	check("first sign-in, with the download of roots", map[string]int{
		"dns":                 3, // SRV of time, SIP, and domain controller
		"ntp":                 1,
		"dc1.contoso.com:389": 1 + 4,
		poolAddr: 1 + 1 + // refused: TLS 1.3 with the certificate
			1 + 1 + 3 + 1, // TLS, three REGISTERs, the four requests
		"contoso.com:443":       1 + 1 + 2,     // TLS, two legs of NTLM
		"cas01.contoso.com:443": 1 + 1 + 1 + 8, // TLS, a leg of NTLM, the questions
	})
	r.PowerOff()
	w.take()
	r.PowerOn()
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	r.wantReady(r.rest())
	check("restart, with an answer of Autodiscover in flash", map[string]int{
		"dns":                   2,
		"ntp":                   1,
		poolAddr:                1 + 1 + 3 + 1,
		"cas01.contoso.com:443": 1 + 1 + 1 + 8,
	})
}

const poolAddr = "pool.contoso.com:5061"

// TestAnswersInAnyOrder: a pool that answers the last of the four requests first. The
// journal keeps its order.
func TestAnswersInAnyOrder(t *testing.T) {
	p, r, _ := newPuppet(t)
	p.mu.Lock()
	p.reverse = 4
	p.mu.Unlock()
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	r.wantReady(r.rest())
	order := []journal.Name{journal.Provisioning, journal.DialPlan, journal.Self, journal.Contacts}
	var got []journal.Name
	for _, s := range steps(r.Phone) {
		if slices.Contains(order, s.Name) {
			got = append(got, s.Name)
		}
	}
	if !slices.Equal(got, order) {
		t.Errorf("%v, want %v\n%s", got, order, story(r.Phone))
	}
}
