package sipua_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the tests begin, by the clock of phone and pool.
var start = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

const password = "C0ntoso-Pa55"

var certificate, roots = func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pool.contoso.com"},
		DNSNames: []string{"pool.contoso.com", "sip.contoso.com"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: start.AddDate(-1, 0, 0), NotAfter: start.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, trusted
}()

// world is a running pool and a phone that may sign in to it.
type world struct {
	*pool.Server
	dir   *directory.Directory
	clock *clock.Adjustable
	phone sipua.Config
	steps *steps
}

// steps collects what the phone records.
type steps struct {
	mu  sync.Mutex
	all []journal.Step
}

func (s *steps) record(step journal.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, step)
}

// text is all steps, so that a test can look for what a person would read.
func (s *steps) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, x := range s.all {
		fmt.Fprintf(&b, "%s %s | %s | %s | %s | %s | %s | %s | %s\n", x.Name, x.State, x.Code, x.Asked, x.Answered, x.By, x.Decided, x.Fix, strings.Join(x.Details, " | "))
	}
	return b.String()
}

// newWorld starts a pool; change sets its fields before.
func newWorld(t testing.TB, change func(*pool.Server)) *world {
	t.Helper()
	w := &world{dir: directory.New("contoso.com", "CONTOSO"), clock: clock.NewManual(start), steps: &steps{}}
	w.dir.Clock = w.clock
	for _, u := range []directory.User{
		{SIP: "tu@contoso.com", SAM: "tu", Password: password, DisplayName: "Test User"},
		{SIP: "kerry@contoso.com", SAM: "kerry", Password: password, SIPDisabled: true},
	} {
		if err := w.dir.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	w.Server = pool.New(w.dir)
	w.Certificate, w.Clock = certificate, w.clock
	if change != nil {
		change(w.Server)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Server.Close() })
	w.phone = phone(w.clock, w.steps)
	return w
}

// phone is the configuration of the tests. Its background work runs inside Advance.
func phone(c clock.Clock, s *steps) sipua.Config {
	return sipua.Config{Address: "tu@contoso.com", User: `CONTOSO\tu`, Password: password, EPID: "01010101", Clock: c,
		Record: s.record, Go: func(f func()) { f() }, Profile: sipua.Profile{AnswerTimeout: 10 * time.Second}}
}

var candidate = sipua.Candidate{Host: "pool.contoso.com", Port: 5061, TLS: true}

func (w *world) dial(t testing.TB) net.Conn { t.Helper(); return dialTLS(t, w.Addr(), w) }

func (w *world) register(t testing.TB) (*sipua.Registration, error) {
	t.Helper()
	r, err := sipua.Register(context.Background(), w.dial(t), candidate, w.phone)
	if err == nil {
		t.Cleanup(func() {
			r.Close()
			<-r.Done()
		})
	}
	return r, err
}

// signedIn registers and keeps the events.
func (w *world) signedIn(t testing.TB) (*sipua.Registration, <-chan sipua.Event) {
	t.Helper()
	r, err := w.register(t)
	if err != nil {
		t.Fatal(err)
	}
	return r, events(r)
}

func events(r *sipua.Registration) <-chan sipua.Event {
	got := make(chan sipua.Event, 64)
	r.OnEvent(func(e sipua.Event) { got <- e })
	return got
}

// wantFailure checks that err is a Failure with that code and fit for a
// person, and returns it.
func wantFailure(t *testing.T, err error, code journal.Code) *journal.Failure {
	t.Helper()
	var f *journal.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure with code %s", err, code)
	}
	if f.Code != code {
		t.Fatalf("got %v (answered %q), want code %s", f, f.Answered, code)
	}
	if !strings.HasSuffix(f.What, ".") || f.By == "" && code != journal.Usage {
		t.Errorf("no full sentence or nobody named: %+v", f)
	}
	if all := fmt.Sprintf("%+v %+v", f, f.Step(journal.Register)); strings.Contains(all, password) {
		t.Errorf("the password is in %s", all)
	}
	return f
}

// fake is a server whose answers a test writes. It does not use TLS, although the
// Candidate says so.
type fake struct {
	net.Conn
	t     testing.TB
	phone sipua.Config
	steps *steps
	clock *clock.Adjustable
}

// newFake serves one connection: answer is called with each request, in the
// order of the wire, and n from 1 on.
func newFake(t testing.TB, answer func(c *sipwire.Conn, n int, in *sipwire.Incoming)) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	server := sipwire.New(sc, sipwire.Config{Handler: func(c *sipwire.Conn, in *sipwire.Incoming) {
		if in.Request() != nil {
			n++
			answer(c, n, in)
		}
	}})
	t.Cleanup(func() {
		server.Close()
		<-server.Done()
	})
	f := &fake{Conn: nc, t: t, steps: &steps{}, clock: clock.NewManual(start)}
	f.phone = phone(f.clock, f.steps)
	return f
}

func (f *fake) register() (*sipua.Registration, error) {
	f.t.Helper()
	r, err := sipua.Register(context.Background(), f.Conn, candidate, f.phone)
	if err == nil {
		f.t.Cleanup(func() {
			r.Close()
			<-r.Done()
		})
	}
	return r, err
}

// respond builds an answer; headers are "Name: value".
func respond(in *sipwire.Incoming, code int, headers ...string) *sip.Response {
	res := sipwire.NewResponse(in.Request(), code, "Reason", "server")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sip.NewHeader(name, value))
	}
	return res
}

func dialTLS(t testing.TB, addr string, w *world) net.Conn {
	t.Helper()
	nc, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: candidate.Host, Time: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return nc
}
