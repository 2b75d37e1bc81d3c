package sipua_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/peer"
	"github.com/ocphone/ocphone/device/sipua"
)

const (
	benchUsers = 64            // sign-ins of one round
	atOnce     = 32            // of these
	maxLife    = 3 * time.Hour // of a registration at pool and registrar
)

// BenchmarkRegister sets registrations, each over a TLS connection of its own, beside
// sipgo's client at a registrar of sipgo, and beside bare TLS with the same number
// of round trips. Both ends of each are in this process, and have the same
// certificate and versions of TLS. sipgo has digest only, with two requests; NTLM
// has three, of which the last one and its answer are signed.
func BenchmarkRegister(b *testing.B) {
	server := &tls.Config{Certificates: []tls.Certificate{certificate}}
	sipgoAddr := sipgoRegistrar(b, server)
	echo := echoServer(b, server)
	for _, row := range []struct {
		name   string
		scheme pool.Scheme
		trips  int
	}{{"digest", pool.DigestMD5, 2}, {"NTLM", pool.NTLM, 3}} {
		b.Run(row.name, func(b *testing.B) {
			w := newWorld(b, func(s *pool.Server) { s.Schemes = []pool.Scheme{row.scheme} })
			client := &tls.Config{RootCAs: roots, ServerName: candidate.Host, Time: func() time.Time { return start }}
			for i := range benchUsers {
				u := directory.User{SIP: benchUser(i) + "@contoso.com", SAM: benchUser(i), Password: password}
				if err := w.dir.AddUser(u); err != nil {
					b.Fatal(err)
				}
			}
			side := func(name string, signIn func(i int) error) peer.Side {
				return peer.Side{Name: name, Run: func() {
					if err := forEachUser(signIn); err != nil {
						b.Fatal(name, err)
					}
				}}
			}
			peer.Compare(b,
				side("ocphone", func(i int) error {
					if i == 0 {
						w.clock.Advance(maxLife) // the bindings of the round before expire
					}
					return registerWithPhone(w, client, row.scheme, i)
				}),
				side("sipgo", func(i int) error { return registerWithSipgo(sipgoAddr, client, i) }),
				side("bare-TLS", func(int) error { return roundTrips(echo, client, row.trips) }))
		})
	}
}

func benchUser(i int) string { return fmt.Sprintf("user%d", i) }

// forEachUser signs in all users, atOnce at a time.
func forEachUser(signIn func(i int) error) error {
	errs := make(chan error, benchUsers)
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range benchUsers {
		turn <- struct{}{}
		all.Go(func() {
			errs <- signIn(i)
			<-turn
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func registerWithPhone(w *world, client *tls.Config, scheme pool.Scheme, i int) error {
	nc, err := tls.Dial("tcp", w.Addr(), client)
	if err != nil {
		return err
	}
	r, err := sipua.Register(context.Background(), nc, candidate, sipua.Config{
		Address: benchUser(i) + "@contoso.com", User: `CONTOSO\` + benchUser(i), Password: password,
		Registrar: scheme != pool.NTLM, Clock: w.clock,
	})
	if err != nil {
		return err
	}
	r.Close()
	<-r.Done()
	return nil
}

func registerWithSipgo(addr string, client *tls.Config, i int) error {
	ua, err := sipgo.NewUA(sipgo.WithUserAgent(benchUser(i)), sipgo.WithUserAgenTLSConfig(client))
	if err != nil {
		return err
	}
	defer ua.Close()
	c, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		return err
	}
	defer c.Close()
	var to sip.Uri
	if err := sip.ParseUri(fmt.Sprintf("sip:%s@%s;transport=tls", benchUser(i), addr), &to); err != nil {
		return err
	}
	req := sip.NewRequest(sip.REGISTER, to)
	req.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<sip:%s@127.0.0.1>", benchUser(i))))
	req.SetTransport("TLS")
	res, err := c.Do(context.Background(), req, sipgo.ClientRequestRegisterBuild)
	if err == nil && res.StatusCode == sip.StatusUnauthorized {
		res, err = c.DoDigestAuth(context.Background(), req, res, sipgo.DigestAuth{Username: benchUser(i), Password: password})
	}
	if err == nil && res.StatusCode != sip.StatusOK {
		err = errors.New(res.StartLine())
	}
	return err
}

// sipgoRegistrar is the example of sipgo, with a nonce for each challenge.
func sipgoRegistrar(b *testing.B, config *tls.Config) (addr string) {
	b.Helper()
	before := sip.DefaultLogger()
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
	b.Cleanup(func() { sip.SetDefaultLogger(before) })
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("registrar"))
	if err != nil {
		b.Fatal(err)
	}
	srv, err := sipgo.NewServer(ua)
	if err != nil {
		b.Fatal(err)
	}
	var nonces sync.Map
	srv.OnRegister(func(req *sip.Request, tx sip.ServerTransaction) {
		challenge := func() {
			c := digest.Challenge{Realm: "sipgo", Nonce: sip.GenerateTagN(16), Algorithm: "MD5", QOP: []string{"auth"}}
			nonces.Store(c.Nonce, &c)
			res := sip.NewResponseFromRequest(req, sip.StatusUnauthorized, "Unauthorized", nil)
			res.AppendHeader(sip.NewHeader("WWW-Authenticate", c.String()))
			tx.Respond(res)
		}
		h := req.GetHeader("Authorization")
		if h == nil {
			challenge()
			return
		}
		given, err := digest.ParseCredentials(h.Value())
		if err != nil {
			challenge()
			return
		}
		c, known := nonces.LoadAndDelete(given.Nonce)
		if !known {
			challenge()
			return
		}
		want, err := digest.Digest(c.(*digest.Challenge), digest.Options{Method: "REGISTER", URI: given.URI,
			Username: given.Username, Password: password, Cnonce: given.Cnonce, Count: given.Nc})
		if err != nil || want.Response != given.Response {
			challenge()
			return
		}
		res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
		res.AppendHeader(sip.NewHeader("Contact", req.Contact().Value()+";expires=3600"))
		tx.Respond(res)
	})
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.ServeTLS(ln)
	}()
	b.Cleanup(func() {
		ln.Close()
		ua.Close()
		<-served
	})
	return ln.Addr().String()
}

// message has the length of a REGISTER and of its answer.
var message = []byte(strings.Repeat("REGISTER", 80))

// echoServer answers each message with one of its length.
func echoServer(b *testing.B, config *tls.Config) (addr string) {
	b.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer nc.Close()
				in := make([]byte, len(message))
				for {
					if _, err := io.ReadFull(nc, in); err != nil {
						return
					}
					if _, err := nc.Write(in); err != nil {
						return
					}
				}
			})
		}
	})
	b.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}

// roundTrips is what a sign-in does on the wire, without SIP.
func roundTrips(addr string, client *tls.Config, n int) error {
	nc, err := tls.Dial("tcp", addr, client)
	if err != nil {
		return err
	}
	defer nc.Close()
	in := make([]byte, len(message))
	for range n {
		if _, err := nc.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(nc, in); err != nil {
			return err
		}
		if !bytes.Equal(in, message) {
			return errors.New("another message came back")
		}
	}
	return nil
}
