package pool_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
)

// code is the journal code of an error, or "".
func code(err error) journal.Code {
	var f *journal.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestFaultsOfAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		faults pool.Faults
		check  func(*client, *sipwire.Incoming, error) bool
	}{
		"bad signature": {pool.Faults{BadSignature: true}, func(_ *client, _ *sipwire.Incoming, err error) bool {
			return code(err) == journal.AuthServer
		}},
		"unsigned": {pool.Faults{Unsigned: true}, func(_ *client, in *sipwire.Incoming, err error) bool {
			return err == nil && in.Response().StatusCode == 200 && in.Signature == sipwire.Unsigned
		}},
		"malformed": {pool.Faults{Malformed: true}, func(_ *client, _ *sipwire.Incoming, err error) bool {
			return code(err) == journal.SIPMalformed
		}},
		"oversized": {pool.Faults{Oversized: true}, func(_ *client, _ *sipwire.Incoming, err error) bool {
			return code(err) == journal.SIPMalformed
		}},
		"claims added": {pool.Faults{ClaimAdded: true}, func(_ *client, in *sipwire.Incoming, err error) bool {
			return err == nil && in.Header("presence-state") == `register-action="added"`
		}},
		"closes after the burst": {pool.Faults{CloseAfter: 4}, func(c *client, in *sipwire.Incoming, err error) bool {
			c.lost()
			return err == nil && in.Response().StatusCode == 200
		}},
		"503": {pool.Faults{Reject: &pool.Rejection{Status: 503, RetryAfter: 7}}, func(_ *client, in *sipwire.Incoming, err error) bool {
			return err == nil && in.Response().StatusCode == 503 && in.Header("Retry-After") == "7" && in.Signature == sipwire.Valid
		}},
		"reason phrase": {pool.Faults{Reason: "Other words"}, func(_ *client, in *sipwire.Incoming, err error) bool {
			return err == nil && in.Response().StatusCode == 200 && in.Response().Reason == "Other words" && in.Signature == sipwire.Valid
		}},
		"diagnostics": {pool.Faults{Reject: &pool.Rejection{Status: 403, Diagnostics: pool.Diagnostics{ID: 4003, Reason: "User not enabled for remote access"}}},
			func(_ *client, in *sipwire.Incoming, err error) bool {
				return err == nil && in.Response().StatusCode == 403 &&
					in.Header("ms-diagnostics") == `4003;reason="User not enabled for remote access";source="pool.contoso.com"`
			}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			c := w.dial(t)
			c.signIn()
			w.SetFaults(row.faults)
			if in, err := c.tryDo(c.request("REGISTER")); !row.check(c, in, err) {
				t.Fatalf("got %v, %v", in, err)
			}
			// The pool is good again as soon as the fault is gone.
			w.SetFaults(pool.Faults{})
			w.dial(t).signIn()
		})
	}
}

func TestRejectBeforeTheChallenge(t *testing.T) {
	w := newWorld(t, nil)
	w.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 503, First: true}})
	c := w.dial(t)
	c.want(c.do(c.request("REGISTER")), 503)
}

func TestFaultsOfConnections(t *testing.T) {
	config := func() *tls.Config { return &tls.Config{ServerName: "pool.contoso.com"} }
	w := newWorld(t, nil)
	w.SetFaults(pool.Faults{TLSAlert: true})
	var alert *net.OpError
	if _, err := tryDial(t, w.Addr(), config()); !errors.As(err, &alert) || alert.Op != "remote error" {
		t.Errorf("TLSAlert: %v", err)
	}
	w.SetFaults(pool.Faults{Reset: true})
	if _, err := tryDial(t, w.Addr(), config()); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Reset: %v", err)
	}
	w.SetFaults(pool.Faults{})
	w.dial(t).signIn()
}

func TestSilentPoolKeepsReading(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	requests := 0
	w.SetFaults(pool.Faults{Silent: true, Hold: func(*sip.Request) {
		if requests++; requests == 2 {
			w.SetFaults(pool.Faults{})
		}
	}})
	answered := make(chan struct{})
	if _, err := c.wire.Begin(c.request("OPTIONS"), func(*sipwire.Incoming, error) { close(answered) }); err != nil {
		t.Fatal(err)
	}
	c.want(c.do(c.request("OPTIONS")), 200)
	select {
	case <-answered: // by the end of the connection only
		t.Error("the silent pool answered")
	default:
	}
}

func TestHoldDelaysOnlyItsConnection(t *testing.T) {
	w := newWorld(t, nil)
	held, released := make(chan string, 1), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release) // before the pool is closed, which waits for it
	slow, fast := w.dial(t), w.dial(t)
	fast.epid = "0202020202"
	w.SetFaults(pool.Faults{Hold: func(r *sip.Request) {
		if epid, _ := r.From().Params.Get("epid"); epid != fast.epid {
			held <- string(r.Method)
			<-released
		}
	}})
	done := make(chan error, 1)
	if _, err := slow.wire.Begin(slow.request("OPTIONS"), func(_ *sipwire.Incoming, err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if m := await(t, held, "the request to be held"); m != "OPTIONS" {
		t.Fatalf("held %s", m)
	}
	fast.signIn()
	select {
	case <-done:
		t.Fatal("the held request was answered")
	default:
	}
	release()
	if err := await(t, done, "the answer"); err != nil {
		t.Fatal(err)
	}
}

// raw sends bytes as they are and returns the status of the next answer.
func (c *client) send(raw []byte) *sipwire.Incoming {
	c.t.Helper()
	if _, err := c.tls.Write(raw); err != nil {
		c.t.Fatal(err)
	}
	return await(c.t, c.requests, "an answer")
}

// signed is the bytes of a request with c's next signature.
func (c *client) signed(method string) []byte {
	c.t.Helper()
	near, far := net.Pipe()
	wire := sipwire.New(near, sipwire.Config{})
	wire.Use(c.a)
	req := c.request(method)
	go func() {
		wire.Send(req)
		wire.Close()
	}()
	raw, err := io.ReadAll(far)
	if err != nil {
		c.t.Fatal(err)
	}
	far.Close()
	<-wire.Done()
	return raw
}

func TestInvalidSignaturesAreChallenged(t *testing.T) {
	for _, version := range []int{2, 3, 4} {
		w := newWorld(t, func(s *pool.Server) { s.Version = version })
		c := w.dial(t)
		c.signIn()

		good := c.signed("OPTIONS")
		c.want(c.send(good), 200)
		c.want(c.send(good), 401) // replayed cnum
		tampered := bytes.Replace(c.signed("OPTIONS"), []byte(c.callID), []byte(strings.Repeat("0", len(c.callID))), 1)
		c.want(c.send(tampered), 401)
		unknown := bytes.Replace(c.signed("SUBSCRIBE"), []byte(c.a.Opaque), []byte("DEADBEEF"), 1)
		c.want(c.send(unknown), 401)
		if n := w.Counters().BadSignatures; n != 3 {
			t.Errorf("version %d: %d bad signatures counted", version, n)
		}
		for _, method := range []string{"OPTIONS", "SUBSCRIBE", "REGISTER"} {
			in := c.do(c.request(method), sipwire.Plain())
			c.want(in, 401)
			if len(in.Headers("WWW-Authenticate")) == 0 {
				t.Errorf("version %d: no challenge for an unsigned %s", version, method)
			}
		}
		c.want(c.do(c.request("OPTIONS")), 200) // the association still holds
		c.signIn()                              // and a new one can be made beside it
	}
}

func TestVersion4RequiresASignatureOnTheLastHandshakeStep(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	challenge, refused, err := c.begin()
	if err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	in := c.completeUnsigned(challenge)
	c.want(in, 401)
	if !strings.HasPrefix(in.Header("ms-diagnostics"), "1000;") || len(w.Registrations()) != 0 {
		t.Errorf("unsigned last step:\n%s", in.Raw)
	}
	// The challenge is used up: the right answer to it comes too late.
	c.want(c.completeUnsigned(challenge), 401)
	c.signIn()
}

func TestChallengesOfAConnectionAreBounded(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.Version = 3 })
	c := w.dial(t)
	c.version = 3
	var challenges []sipwire.Auth
	for range 5 {
		challenge, _, err := c.begin()
		if err != nil {
			t.Fatal(err)
		}
		challenges = append(challenges, challenge)
	}
	c.want(c.completeUnsigned(challenges[0]), 401)
	c.want(c.completeUnsigned(challenges[1]), 200)
}

func TestMethods(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.want(c.do(c.request("NEGOTIATE", "Compression: LZ77-8K")), 488) // docs/protocol/sip-connection.md#compression
	c.want(c.do(c.request("OPTIONS")), 200)
	c.want(c.do(c.request("SUBSCRIBE", "Event: presence")), 401)
	c.signIn()
	for method, status := range map[string]int{
		"OPTIONS": 200, "SUBSCRIBE": 489, "SERVICE": 400, "INVITE": 405, "MESSAGE": 405, "CANCEL": 481, "FROBNICATE": 501,
	} {
		in := c.do(c.request(method))
		c.want(in, status)
		if in.Signature != sipwire.Valid {
			t.Errorf("the answer to %s is %v", method, in.Signature)
		}
		if status == 489 && in.Header("Allow-Events") == "" || status == 405 && in.Header("Allow") != "REGISTER, OPTIONS, SUBSCRIBE, SERVICE" {
			t.Errorf("%s does not say what is allowed:\n%s", method, in.Raw)
		}
	}
	for _, method := range []string{"ACK", "BENOTIFY"} { // never answered
		if err := c.wire.Send(c.request(method)); err != nil {
			t.Fatal(err)
		}
	}
	c.want(c.do(c.request("OPTIONS")), 200)
	if len(c.requests) != 0 {
		t.Errorf("answered: %s", (<-c.requests).Raw)
	}
}

func TestManyPhonesBesideHostileConnections(t *testing.T) {
	w := newWorld(t, nil)
	before := runtime.NumGoroutine()
	const phones = 200
	for i := range 8 {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", w.Addr(), &tls.Config{ServerName: "pool.contoso.com", RootCAs: roots, Time: func() time.Time { return start }})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, []string{
			"REGISTER sip:contoso.com SIP/2.0\r\nContent-Length: 999999999\r\n\r\n", "\x00\x01\x02\r\n\r\n\r\n\r\n", "REGISTER sip:",
			strings.Repeat("A", 1<<17), "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", strings.Repeat("\r\n", 1<<10),
			strings.Repeat("OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n", 100), "GET / HTTP/1.1\r\n\r\n",
		}[i])
	}
	var wait sync.WaitGroup
	failed := make(chan error, phones)
	for i := range phones {
		c := w.dial(t)
		c.epid, c.address = fmt.Sprintf("%010x", i%40), []string{"tu@contoso.com", "kerry@contoso.com"}[i%2]
		c.ntlm.User, _, _ = strings.Cut(c.address, "@")
		wait.Go(func() {
			in, err := c.tryRegister()
			for range 3 {
				if err == nil && (in.Response().StatusCode != 200 || in.Signature != sipwire.Valid) {
					err = fmt.Errorf("phone %d: %s", i, in.Raw)
				}
				if err == nil {
					in, err = c.tryDo(c.request("REGISTER"))
				}
			}
			if err != nil {
				failed <- err
			}
		})
	}
	wait.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if r := w.Registrations(); len(r) != 40 {
		t.Errorf("%d registrations, want 20 epids of each of 2 users", len(r))
	}
	if n := w.Counters(); n.Registers != 4*phones || n.BadSignatures != 0 {
		t.Errorf("counted %+v", n)
	}
	// One goroutine a connection at rest, at either end.
	if n := runtime.NumGoroutine() - before; n > 2*phones+2*8+8 {
		t.Errorf("%d goroutines for %d connections", n, phones)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	var all bytes.Buffer
	for range 20 {
		all.Write(c.signed("OPTIONS"))
		all.WriteString("\r\n\r\n") // keep-alives between
	}
	last := c.seq
	in := c.send(all.Bytes())
	for want := last - 19; ; want++ {
		c.want(in, 200)
		if in.Response().CSeq().SeqNo != want {
			t.Fatalf("answer to %d where %d belongs", in.Response().CSeq().SeqNo, want)
		}
		if want == last {
			break
		}
		in = await(t, c.requests, "the next answer")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.MaxConnections = 2 })
	first := w.dial(t)
	w.dial(t)
	if _, err := tryDial(t, w.Addr(), &tls.Config{ServerName: "pool.contoso.com"}); err == nil {
		t.Error("a third connection was let in")
	}
	first.signIn()
}

func TestIdleConnectionIsClosed(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.IdleTimeout = 20 * time.Millisecond })
	c := w.dial(t)
	c.lost()
}

func TestTLSVersionsAndSuites(t *testing.T) {
	period := func(maximum uint16, suite uint16) *tls.Config {
		return &tls.Config{ServerName: "pool.contoso.com", MinVersion: tls.VersionTLS10, MaxVersion: maximum, CipherSuites: []uint16{suite}}
	}
	old := newWorld(t, nil)
	today := newWorld(t, func(s *pool.Server) { s.MinTLS = tls.VersionTLS12 })
	for name, row := range map[string]struct {
		w    *world
		max  uint16
		good bool
	}{
		"1.0 with RC4 at a pool of 2007": {old, tls.VersionTLS10, true},
		"1.3 at a pool of 2007":          {old, tls.VersionTLS13, true},
		"1.0 today":                      {today, tls.VersionTLS10, false},
		"1.2 with RC4 today":             {today, tls.VersionTLS12, false},
		"1.3 today":                      {today, tls.VersionTLS13, true},
	} {
		c, err := tryDial(t, row.w.Addr(), period(row.max, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA))
		if (err == nil) != row.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			c.signIn()
		}
	}
}

func TestSetCertificateChangesTheNextConnection(t *testing.T) {
	var keys bytes.Buffer
	w := newWorld(t, func(s *pool.Server) { s.KeyLog = &keys })
	before := w.dial(t)
	w.SetCertificate(tls.Certificate{Certificate: [][]byte{[]byte("no certificate")}, PrivateKey: certificate.PrivateKey})
	if _, err := tryDial(t, w.Addr(), &tls.Config{ServerName: "pool.contoso.com"}); err == nil {
		t.Error("the old certificate is still shown")
	}
	before.signIn()
	w.SetCertificate(certificate)
	w.dial(t).signIn()
	w.Close()
	if !strings.Contains(keys.String(), "CLIENT_") {
		t.Error("no key log")
	}
}

func TestStartRefusesInvalidSettings(t *testing.T) {
	dir := newDirectory(t)
	if err := pool.New(dir).Start(); err == nil {
		t.Error("started without a certificate")
	}
	if err := pool.NewEdge(pool.New(dir)).Start(); err == nil {
		t.Error("an Edge started before its pool")
	}
	s := pool.New(dir)
	s.Certificate, s.Version = certificate, 5
	if err := s.Start(); err == nil {
		t.Error("started with version 5")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzPoolConnection sends arbitrary bytes to a connection. The pool must read or
// close it, and serve another client.
func FuzzPoolConnection(f *testing.F) {
	register := "REGISTER sip:contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.21:1044\r\nFrom: <sip:tu@contoso.com>;tag=7d;epid=01\r\n" +
		"To: <sip:tu@contoso.com>\r\nCall-ID: 01\r\nCSeq: 1 REGISTER\r\nContact: <sip:10.0.0.21:1044>;proxy=replace\r\n%sContent-Length: 0\r\n\r\n"
	for _, h := range []string{"", "Authorization: NTLM gssapi-data=\"\", version=4\r\n", "Authorization: NTLM opaque=\"1\", gssapi-data=\"TlRM\"\r\n",
		"Authorization: Digest username=\"tu\", nc=00000001, algorithm=MD5\r\n", "Contact: *\r\nExpires: 0\r\n"} {
		f.Add([]byte(fmt.Sprintf(register, h)))
	}
	f.Add([]byte("NEGOTIATE sip:x SIP/2.0\r\n\r\n\r\n\r\nSIP/2.0 200 OK\r\nContent-Length: 99\r\n\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		w := newWorld(t, func(s *pool.Server) {
			s.Schemes = []pool.Scheme{pool.NTLM, pool.DigestMD5}
			s.IdleTimeout = time.Second
		})
		hostile, far := net.Pipe()
		if !w.ServeConn(far) {
			t.Fatal("not served")
		}
		go func() {
			hostile.SetWriteDeadline(time.Now().Add(5 * time.Second))
			hostile.Write(input[:min(len(input), 1<<16)])
			hostile.Write([]byte("\r\n\r\n"))
			hostile.Close()
		}()
		io.Copy(io.Discard, hostile)
		near, far := net.Pipe()
		w.ServeConn(far)
		go io.WriteString(near, fmt.Sprintf(register, ""))
		answer := make([]byte, 12)
		near.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(near, answer); err != nil || string(answer) != "SIP/2.0 401 " {
			t.Fatalf("the next client got %q, %v", answer, err)
		}
		near.Close()
		w.Close()
	})
}
