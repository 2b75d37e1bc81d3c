package device_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab"
)

// BenchmarkSignInFloor is what BenchmarkSignIn cannot be faster than: the connections,
// handshakes, turns and octets of a sign-in, over crypto/tls with both ends in one
// process, without SIP, XML, NTLM or a journal. They are those of a phone that signs
// in again, as BenchmarkSignIn does, seen at relays.
func BenchmarkSignInFloor(b *testing.B) {
	for _, today := range []bool{true, false} {
		b.Run(map[bool]string{true: "ecdsa", false: "rsa"}[today], func(b *testing.B) {
			f := newFloor(b, today)
			for b.Loop() {
				if err := f.signIn(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(f.roundTrips), "round-trips")
		})
	}
}

// floor replays a sign-in.
type floor struct {
	conns      []floorConn
	questions  int // by UDP
	echo       net.PacketConn
	roundTrips int
}

// floorConn is a connection of TLS with what goes through it after the handshake.
type floorConn struct {
	listener       net.Listener
	client, server *tls.Config
	turns          []turn
}

// newFloor signs a phone in twice, and keeps what the second time took.
func newFloor(b *testing.B, today bool) *floor {
	b.Helper()
	w := new(wireTrace)
	r := newRig(b, func(d *lab.Deployment) { d.Today = today }, func(c *device.Config) { c.Wire = w })
	w.take()
	at := w.through(b, r.lab.Inside(), poolAddr, "contoso.com:443", "cas01.contoso.com:443")
	r.wantReady(r.signIn(at))
	r.PowerOff()
	w.take()
	r.PowerOn()
	if err := r.SignIn(r.creds); err != nil {
		b.Fatal(err)
	}
	r.wantReady(r.rest())
	conns, questions := w.take()
	f := new(floor)
	for _, n := range questions {
		f.questions += n
	}
	f.roundTrips = f.questions
	fw, err := device.FirmwareNamed(firmwareOf(lab.Deployment{Today: today}))
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	for _, root := range r.Store().Roots() {
		roots.AddCert(root.Certificate)
	}
	for _, c := range conns {
		host, _, _ := net.SplitHostPort(c.name)
		cert, err := r.lab.Certificate(host)
		if err != nil {
			b.Fatal(err)
		}
		fc := floorConn{listener: loopback(b), client: &tls.Config{ServerName: host, RootCAs: roots, MinVersion: fw.MinTLS,
			MaxVersion: fw.MaxTLS, CipherSuites: fw.Suites, InsecureSkipVerify: !today}, // x509 refuses SHA-1
			server: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: fw.MinTLS,
				CipherSuites: slices.Concat(fw.StreamSuites, fw.Suites)}}
		if fw.StreamSuites != nil && c.name == poolAddr {
			fc.client.CipherSuites = fw.StreamSuites
		}
		handshake := 1 // RFC 8446 2, else RFC 5246 7.3
		if !today {
			handshake = 2
		}
		for _, t := range c.turns[handshake:] {
			if t.down > 0 && t.up > alert {
				fc.turns = append(fc.turns, t)
			}
		}
		f.conns, f.roundTrips = append(f.conns, fc), f.roundTrips+c.roundTrips()
	}
	if f.echo, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	var echoing sync.WaitGroup
	echoing.Go(func() {
		datagram := make([]byte, 1024)
		for {
			n, from, err := f.echo.ReadFrom(datagram)
			if err != nil {
				return
			}
			f.echo.WriteTo(datagram[:n], from)
		}
	})
	b.Cleanup(func() { f.echo.Close(); echoing.Wait() })
	return f
}

func loopback(b *testing.B) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// signIn replays all, one connection after the other.
func (f *floor) signIn() error {
	for range f.questions {
		c, err := net.Dial("udp", f.echo.LocalAddr().String())
		if err != nil {
			return err
		}
		_, err = c.Write(make([]byte, 64))
		if err == nil {
			_, err = c.Read(make([]byte, 1024))
		}
		c.Close()
		if err != nil {
			return err
		}
	}
	for _, c := range f.conns {
		if err := c.replay(); err != nil {
			return err
		}
	}
	return nil
}

func (c *floorConn) replay() (err error) {
	var serving sync.WaitGroup
	var failed error
	serving.Go(func() {
		nc, err := c.listener.Accept()
		if err != nil {
			failed = err
			return
		}
		failed = pump(tls.Server(nc, c.server), c.turns, func(t turn) (write, read int) { return t.down, t.up }, false)
	})
	nc, err := net.Dial("tcp", c.listener.Addr().String())
	if err == nil {
		err = pump(tls.Client(nc, c.client), c.turns, func(t turn) (write, read int) { return t.up, t.down }, true)
	}
	serving.Wait()
	if err == nil {
		err = failed
	}
	return err
}

// pump is one end of a connection: it writes and reads as many octets as each turn has.
func pump(c *tls.Conn, turns []turn, split func(turn) (write, read int), first bool) error {
	defer c.Close()
	if err := c.Handshake(); err != nil {
		return err
	}
	for _, t := range turns {
		write, read := split(t)
		send := func() error { _, err := c.Write(make([]byte, write)); return err }
		if first {
			if err := send(); err != nil {
				return err
			}
		}
		if _, err := io.CopyN(io.Discard, c, int64(read)); err != nil {
			return err
		}
		if !first {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return nil
}
