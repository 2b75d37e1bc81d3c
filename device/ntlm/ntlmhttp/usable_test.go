package ntlmhttp

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/network"
)

// link is a connection for usable: the client's end and the server's, which are TLS
// connections above client.raw and wire, or the same as these.
type link struct {
	client *conn
	server net.Conn
	wire   *gate
}

// gate is the server's end of the wire. While it is held it keeps what is written.
type gate struct {
	net.Conn
	held bool
	kept bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	if g.held {
		return g.kept.Write(p)
	}
	return g.Conn.Write(p)
}

// open writes all that was kept, at once.
func (g *gate) open(t *testing.T) {
	t.Helper()
	g.held = false
	_ = g.SetWriteDeadline(time.Time{}) // tls.Conn.CloseWrite leaves one that has passed
	if _, err := g.Conn.Write(g.kept.Bytes()); err != nil {
		t.Error(err)
	}
	g.kept.Reset()
}

// bare hides the socket of a connection.
type bare struct{ net.Conn }

// wires are the ways to make two ends of a connection.
var wires = map[string]func(t *testing.T) (client, server net.Conn){
	"socket":         func(t *testing.T) (net.Conn, net.Conn) { return dialled(t, new(net.Dialer)) },
	"the phone's":    func(t *testing.T) (net.Conn, net.Conn) { return dialled(t, jack(t)) },
	"without socket": func(t *testing.T) (net.Conn, net.Conn) { c, s := dialled(t, new(net.Dialer)); return bare{c}, s },
}

func jack(t *testing.T) *network.Network {
	n := network.New(network.Place{}, network.Options{})
	t.Cleanup(n.Close)
	return n
}

func dialled(t *testing.T, d Dialer) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = d.DialContext(t.Context(), "tcp", l.Addr().String()); err == nil {
		server, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// newLink makes a link of two ends, with TLS of version, or without if that is 0.
func newLink(t *testing.T, client, server net.Conn, version uint16) *link {
	t.Helper()
	w := &gate{Conn: server}
	l := &link{client: &conn{Conn: client, raw: client}, server: w, wire: w}
	if version != 0 {
		l.secure(t, version)
	}
	l.client.in = bufio.NewReaderSize(l.client, bufferSize)
	return l
}

// secure begins TLS on both ends.
func (l *link) secure(t *testing.T, version uint16) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	server := tls.Server(l.wire, &tls.Config{Certificates: certified.TLS.Certificates, MaxVersion: version,
		ClientAuth: tls.RequestClientCert}) // so that tickets follow the handshake in a message of their own
	client := tls.Client(l.client.raw, &tls.Config{RootCAs: roots, ServerName: "example.com", MaxVersion: version,
		ClientSessionCache: tls.NewLRUClientSessionCache(1)}) // else there is no ticket
	var both sync.WaitGroup
	both.Go(func() {
		if err := server.HandshakeContext(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
	both.Wait()
	l.client.Conn, l.server = client, server
}

// exchange sends a word both ways.
func (l *link) exchange(t *testing.T, word string) {
	t.Helper()
	_ = l.client.SetDeadline(time.Now().Add(time.Minute))
	l.client.remaining = bufferSize
	var both sync.WaitGroup
	both.Go(func() {
		heard := make([]byte, len(word))
		if _, err := io.ReadFull(l.server, heard); err != nil || string(heard) != word {
			t.Errorf("the server reads %q: %v", heard, err)
		}
		if _, err := l.server.Write(heard); err != nil {
			t.Error(err)
		}
	})
	heard := make([]byte, len(word))
	_, err := l.client.Write([]byte(word))
	if err == nil {
		_, err = io.ReadFull(l.client.in, heard)
	}
	if err != nil || string(heard) != word {
		t.Errorf("the client reads %q: %v", heard, err)
	}
	both.Wait()
}

// wantUnusable waits for what is on the way.
func (l *link) wantUnusable(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); l.client.usable(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Error("the connection is held to be usable")
			return
		}
	}
}

// TestUsable: an idle connection is usable however often it is looked at, and is not
// once the server has closed it or has sent anything, wherever that waits: in the
// socket, in TLS, or in the reader.
func TestUsable(t *testing.T) {
	versions := map[string]uint16{"plain": 0, "TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}
	ends := []struct {
		name    string
		secure  bool // makes sense over TLS only
		plain   bool // makes sense without TLS only
		happens func(*testing.T, *link)
	}{
		{name: "closed", happens: func(_ *testing.T, l *link) { l.wire.Close() }},
		{name: "reset", happens: func(_ *testing.T, l *link) {
			_ = l.wire.Conn.(*net.TCPConn).SetLinger(0)
			l.wire.Close()
		}},
		{name: "close_notify on an open socket", secure: true, happens: func(t *testing.T, l *link) {
			if err := l.server.(*tls.Conn).CloseWrite(); err != nil {
				t.Error(err)
			}
		}},
		{name: "end of one direction", plain: true, happens: func(t *testing.T, l *link) {
			if err := l.wire.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Error(err)
			}
		}},
		{name: "unsolicited octets", happens: func(t *testing.T, l *link) {
			if _, err := io.WriteString(l.server, "HTTP/1.1 408 Request Timeout\r\n\r\n"); err != nil {
				t.Error(err)
			}
		}},
		{name: "unsolicited octets right behind the answer", happens: func(t *testing.T, l *link) {
			l.behindAnswer(t, func() { _, _ = io.WriteString(l.server, "x") })
		}},
		{name: "close_notify right behind the answer", secure: true, happens: func(t *testing.T, l *link) {
			l.behindAnswer(t, func() { _ = l.server.(*tls.Conn).CloseWrite() })
		}},
		{name: "octets that come in pieces", secure: true, happens: func(t *testing.T, l *link) {
			l.wire.held = true
			_, _ = io.WriteString(l.server, "x")
			whole := l.wire.kept.Bytes()
			for i := range whole[:len(whole)-1] {
				if _, err := l.wire.Conn.Write(whole[i : i+1]); err != nil || !l.client.usable() {
					t.Fatalf("after %d octets of %d: %v", i+1, len(whole), err)
				}
			}
			_, _ = l.wire.Conn.Write(whole[len(whole)-1:])
		}},
	}
	for wire, dial := range wires {
		for tlsName, version := range versions {
			for _, end := range ends {
				if end.secure && version == 0 || end.plain && version != 0 {
					continue
				}
				t.Run(wire+", "+tlsName+", "+end.name, func(t *testing.T) {
					client, server := dial(t)
					l := newLink(t, client, server, version)
					l.exchange(t, "first")
					for range 20 {
						if !l.client.usable() {
							t.Fatal("an idle connection is not usable")
						}
						l.exchange(t, "again")
					}
					end.happens(t, l)
					l.wantUnusable(t)
				})
			}
		}
	}
}

// behindAnswer sends an answer and what more writes in one segment; the client reads
// the answer alone.
func (l *link) behindAnswer(t *testing.T, more func()) {
	t.Helper()
	l.wire.held = true
	_, _ = io.WriteString(l.server, "answer")
	more()
	l.wire.open(t)
	l.client.remaining = bufferSize
	_ = l.client.SetDeadline(time.Now().Add(time.Minute))
	heard := make([]byte, len("answer"))
	if _, err := io.ReadFull(l.client.in, heard); err != nil || string(heard) != "answer" {
		t.Errorf("%q %v", heard, err)
	}
}

// TestUsableWithTicketInPieces: messages of TLS itself that arrive while the
// connection is idle, in pieces and with a look between them, do not matter: a
// server of TLS 1.3 sends tickets when it likes (RFC 8446 4.6.1).
func TestUsableWithTicketInPieces(t *testing.T) {
	for wire, dial := range wires {
		t.Run(wire, func(t *testing.T) {
			client, server := dial(t)
			l := newLink(t, client, &holdTickets{Conn: server}, 0)
			l.secure(t, tls.VersionTLS13)
			tickets := l.wire.Conn.(*holdTickets)
			if len(tickets.kept) == 0 {
				t.Fatal("the server sends no ticket")
			}
			for i := range tickets.kept {
				if _, err := tickets.Conn.Write(tickets.kept[i : i+1]); err != nil {
					t.Fatal(err)
				}
				if !l.client.usable() {
					t.Fatalf("not usable after %d octets of %d of the tickets", i+1, len(tickets.kept))
				}
			}
			tickets.through = true
			l.exchange(t, "after the tickets")
			if !l.client.usable() {
				t.Error("not usable after the exchange")
			}
		})
	}
}

// holdTickets keeps what a server of TLS 1.3 writes after its first flight: the tickets.
type holdTickets struct {
	net.Conn
	wrote   bool
	kept    []byte
	through bool
}

func (h *holdTickets) Write(p []byte) (int, error) {
	if h.through || !h.wrote {
		h.wrote = true
		return h.Conn.Write(p)
	}
	h.kept = append(h.kept, p...)
	return len(p), nil
}

// TestUsableOverPipe: a connection that is not of the operating system.
func TestUsableOverPipe(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	l := newLink(t, client, server, tls.VersionTLS12)
	for range 5 {
		if !l.client.usable() {
			t.Fatal("an idle connection is not usable")
		}
		l.exchange(t, "hello")
	}
	server.Close()
	l.wantUnusable(t)
}

// lookedAt notes the deadlines that usable sets.
type lookedAt struct {
	*net.TCPConn
	deadlines []time.Time
}

func (l *lookedAt) SetReadDeadline(at time.Time) error {
	l.deadlines = append(l.deadlines, at)
	return l.TCPConn.SetReadDeadline(at)
}

// TestUsableDoesNotWait: a quiet socket is not waited for, the phone's neither.
func TestUsableDoesNotWait(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no recv that neither waits nor reads")
	}
	client, server := dialled(t, new(net.Dialer))
	looked := &lookedAt{TCPConn: client.(*net.TCPConn)}
	l := newLink(t, looked, server, tls.VersionTLS13)
	l.exchange(t, "hello")
	looked.deadlines = nil
	if !l.client.usable() || len(looked.deadlines) != 1 || time.Until(looked.deadlines[0]) > 0 {
		t.Errorf("deadlines %v", looked.deadlines)
	}
	phone, _ := dialled(t, jack(t))
	if !quiet(phone) {
		t.Error("the phone's connection gives no socket")
	}
	if quiet(bare{phone}) {
		t.Error("a connection without a socket is quiet")
	}
}
