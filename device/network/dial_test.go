package network_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

func TestAddressMapIgnoresCaseAndFinalDot(t *testing.T) {
	m := network.AddressMap{"pool.contoso.com:5061": "127.0.0.1:1", "Edge.Contoso.com.:443": "127.0.0.1:2", "[::1]:5061": "127.0.0.1:3"}
	for ask, want := range map[string]string{
		"pool.contoso.com:5061":  "127.0.0.1:1",
		"POOL.contoso.com.:5061": "127.0.0.1:1",
		"edge.contoso.com:443":   "127.0.0.1:2",
		"[::1]:5061":             "127.0.0.1:3",
		"[::2]:5061":             "",
		"pool.contoso.com:443":   "",
		"pool.contoso.com":       "",
		"::1:5061":               "",
		"":                       "",
	} {
		got, mapped := m.Lookup(ask)
		if mapped != (want != "") || mapped && got != want || !mapped && got != ask {
			t.Errorf("%q: %q %v, want %q", ask, got, mapped, want)
		}
	}
	if got, mapped := network.AddressMap(nil).Lookup("a:1"); mapped || got != "a:1" {
		t.Errorf("nil map: %q %v", got, mapped)
	}
}

// echo is a TCP server that returns its input.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { io.Copy(c, c); c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

func TestDialUsesTheMapOrTriesEachAddress(t *testing.T) {
	server := echo(t)
	s := newDNS(t, nil, "pool.contoso.com. A 192.0.2.1", "pool.contoso.com. A 192.0.2.10")
	n := plug(t, network.Place{DNS: []string{s.addr}, Patch: network.AddressMap{
		"mapped.contoso.com:5061": server,
		"192.0.2.1:5061":          closed(t), // what DNS or NetBIOS answers can be mapped too
		"192.0.2.10:5061":         server,
	}}, network.Options{})
	for _, row := range []struct {
		hostport string
		lookups  int
	}{
		{"Mapped.contoso.com:5061", 0},
		{"pool.contoso.com:5061", 2},
		{"192.0.2.10:5061", 0},
		{server, 0},
	} {
		c, err := n.DialContext(t.Context(), "tcp", row.hostport)
		if err != nil {
			t.Errorf("%s: %v", row.hostport, err)
			continue
		}
		fmt.Fprint(c, "hello")
		b := make([]byte, 5)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
			t.Errorf("%s: %q %v", row.hostport, b, err)
		}
		c.Close()
		if q := s.questions(); len(q) != row.lookups {
			t.Errorf("%s asked %q", row.hostport, q)
		}
	}
}

func TestDialFailuresHaveCodes(t *testing.T) {
	s := newDNS(t, nil, "dead.contoso.com. A 127.0.0.1", "dead.contoso.com. AAAA ::1")
	n := plug(t, network.Place{DNS: []string{s.addr}}, network.Options{})
	_, port, _ := net.SplitHostPort(closed(t))
	past, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, row := range []struct {
		name, hostport string
		ctx            context.Context
		code           journal.Code
		next           bool
		details        int
	}{
		{"refused at each address", "dead.contoso.com:" + port, t.Context(), journal.ConnRefused, true, 2},
		{"refused at an address", "127.0.0.1:" + port, t.Context(), journal.ConnRefused, true, 1},
		{"no such name", "nope.contoso.com:5061", t.Context(), journal.DNSNoRecords, true, 1},
		{"time is up", "127.0.0.1:" + port, past, journal.ConnTimeout, true, 1},
		{"given up", "127.0.0.1:" + port, gone, journal.ConnFailed, false, 0},
		{"no port", "127.0.0.1", t.Context(), journal.ConnFailed, true, 0},
		{"no such port", "127.0.0.1:99999", t.Context(), journal.ConnFailed, true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := n.DialContext(row.ctx, "tcp", row.hostport)
			if err == nil {
				c.Close()
			}
			f := wantCode(t, err, row.code)
			if network.Retryable(err) != row.next || len(f.Details) != row.details || f.What == "" {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestCloseEndsConnectionsDialsAndQueries(t *testing.T) {
	asked := make(chan struct{}, 8)
	quiet := silent(t)
	n := network.New(network.Place{DNS: []string{quiet}}, network.Options{Tap: tapFunc(func(m network.Traffic) {
		if m.Layer == "dns" {
			asked <- struct{}{}
		}
	})})
	c, err := n.DialContext(t.Context(), "tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	read, lookup := make(chan error, 1), make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
	go func() { _, err := n.LookupHost(t.Context(), "pool.contoso.com"); lookup <- err }()
	<-asked
	n.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	wantCode(t, <-lookup, journal.NetUnplugged)
	_, err = n.DialContext(t.Context(), "tcp", "127.0.0.1:1")
	wantCode(t, err, journal.NetUnplugged)
	_, err = n.FindTime(t.Context(), "contoso.com")
	wantCode(t, err, journal.NetUnplugged)
	n.Close()
	c.Close()
}

type tapFunc func(network.Traffic)

func (f tapFunc) Message(m network.Traffic) { f(m) }

func TestTapSeesAllTraffic(t *testing.T) {
	server := echo(t)
	s := newDNS(t, nil, "time.contoso.com. A 127.0.0.1")
	var mu sync.Mutex
	var seen []string
	at := time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)
	o := network.Options{Now: func() time.Time { return at }}
	o.Tap = tapFunc(func(m network.Traffic) {
		mu.Lock()
		defer mu.Unlock()
		text := fmt.Sprintf("%s %s sent=%v", m.Layer, m.Conn, m.Sent)
		if m.Layer == "tcp" {
			text += " " + string(m.Bytes)
		}
		if seen = append(seen, text); !m.At.Equal(at) || m.Local == nil || m.Remote == nil {
			t.Errorf("%+v", m)
		}
	})
	n := plug(t, network.Place{DNS: []string{s.addr}, Patch: network.AddressMap{"pool.contoso.com:5061": server}}, o)
	if _, err := n.LookupHost(t.Context(), "time.contoso.com"); err != nil {
		t.Fatal(err)
	}
	c, err := n.DialContext(t.Context(), "tcp", "pool.contoso.com:5061")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "hello")
	io.ReadFull(c, make([]byte, 5))
	c.Close()
	mu.Lock()
	defer mu.Unlock()
	d := "dns " + s.addr
	want := []string{d + " sent=true", d + " sent=false", d + " sent=true", d + " sent=false",
		"tcp pool.contoso.com:5061 sent=true hello", "tcp pool.contoso.com:5061 sent=false hello"}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("saw\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}
