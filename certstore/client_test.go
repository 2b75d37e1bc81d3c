package certstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// serve answers n TLS connections on loopback and returns its address.
func serve(t *testing.T, n int, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			if s := tls.Server(c, config); s.Handshake() == nil {
				_, _ = s.Write([]byte("x"))
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func presenting(key *made, all ...*made) tls.Certificate {
	c := tls.Certificate{PrivateKey: key.key, Certificate: [][]byte{key.Raw}}
	for _, m := range all {
		c.Certificate = append(c.Certificate, m.Raw)
	}
	return c
}

// dial shakes hands as the phone does and reads a byte, so that TLS 1.3 tickets arrive.
func dial(t *testing.T, addr string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	_, err = io.ReadFull(c, make([]byte, 1))
	return c.ConnectionState(), err
}

func TestHandshakeGetsAVerdict(t *testing.T) {
	r := root(t, "Contoso Root CA")
	i := ca(t, "Issuing", r)
	server := leaf(t, i)
	for _, row := range []struct {
		name       string
		store      Store
		serverName string
		certs      tls.Certificate
		code       journal.Code
	}{
		{"good", trusting(r), pool, presenting(server, i), ""},
		{"good, self-signed and held", trusting(server), pool, presenting(server), ""},
		{"untrusted", Store{}, pool, presenting(server, i), journal.CertUntrusted},
		{"R1.6 self-signed", trusting(r), pool, presenting(leaf(t, nil)), journal.CertSelfSigned},
		{"wrong name", trusting(r), "www.contoso.com", presenting(server, i), journal.CertName},
		{"address instead of a name", trusting(r), "", presenting(server, i), journal.CertName},
	} {
		t.Run(row.name, func(t *testing.T) {
			addr := serve(t, 1, &tls.Config{Certificates: []tls.Certificate{row.certs}})
			var heard []Verdict
			config := ClientConfig(ClientOptions{Store: row.store, ServerName: row.serverName, Now: func() time.Time { return now }, OnVerdict: func(v Verdict) { heard = append(heard, v) }})
			_, err := dial(t, addr, config)
			if len(heard) != 1 || heard[0].Code != row.code || !heard[0].At.Equal(now) {
				t.Fatalf("verdicts %+v, error %v", heard, err)
			}
			if row.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var refusal *VerdictError
			if !errors.As(err, &refusal) || refusal.Verdict.Code != row.code || journal.FailureOf(err).Code != row.code || !strings.Contains(err.Error(), string(row.code)) {
				t.Errorf("error %v", err)
			}
			if f := journal.FailureOf(err); f.What != refusal.Verdict.Sentence || len(f.Details) == 0 || f.Because == "" {
				t.Errorf("failure %+v", f)
			}
		})
	}
}

func TestEveryConnectionIsVerified(t *testing.T) {
	r := root(t, "Root")
	addr := serve(t, 3, &tls.Config{Certificates: []tls.Certificate{presenting(leaf(t, r))}})
	verdicts, at := 0, now
	config := ClientConfig(ClientOptions{Store: trusting(r), ServerName: pool, Now: func() time.Time { return at }, OnVerdict: func(Verdict) { verdicts++ }})
	for n := range 2 {
		if state, err := dial(t, addr, config); err != nil || state.DidResume || verdicts != n+1 {
			t.Fatalf("connection %d: %v, resumed %v, %d verdicts", n, err, state.DidResume, verdicts)
		}
	}
	at = now.AddDate(2, 0, 0) // the phone's clock, not the host's, decides
	if _, err := dial(t, addr, config); journal.FailureOf(err).Code != journal.CertExpired {
		t.Errorf("two years later: %v", err)
	}
}

// TestServerOf2007 is a pool as it was: TLS 1.0, RSA key exchange with 3DES,
// certificates signed with SHA-1 for a common name.
func TestServerOf2007(t *testing.T) {
	r := mk(t, caTemplate("Contoso Root CA"), nil, rsa2048(), sha1RSA)
	server := mk(t, leafTemplate(), r, rsa1024(), sha1RSA, cnOnly, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
	suites := []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}
	config := &tls.Config{Certificates: []tls.Certificate{presenting(server)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: suites}
	options := ClientOptions{Store: trusting(r), Policy: Policy2007, NoSHA2: true, ServerName: pool, Now: func() time.Time { return now },
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: suites}
	state, err := dial(t, serve(t, 1, config), ClientConfig(options))
	if err != nil || state.Version != tls.VersionTLS10 || state.CipherSuite != suites[0] {
		t.Errorf("version %#x, suite %#x, %v", state.Version, state.CipherSuite, err)
	}
	options.Policy = Today
	if _, err := dial(t, serve(t, 1, config), ClientConfig(options)); journal.FailureOf(err).Code != journal.CertName {
		t.Errorf("under today: %v", err)
	}
}

// TestCurves: the client offers the curves of its options and no other key exchange.
func TestCurves(t *testing.T) {
	r := root(t, "Root")
	config := &tls.Config{Certificates: []tls.Certificate{presenting(leaf(t, r))}}
	offered := make(chan []tls.CurveID, 1)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered <- hello.SupportedCurves
		return nil, nil
	}
	curves := []tls.CurveID{tls.CurveP256, tls.CurveP384}
	options := ClientOptions{Store: trusting(r), ServerName: pool, Now: func() time.Time { return now }, Curves: curves}
	state, err := dial(t, serve(t, 1, config), ClientConfig(options))
	if got := <-offered; err != nil || !slices.Equal(got, curves) || state.CurveID != tls.CurveP256 {
		t.Errorf("offered %v, used %v, %v", got, state.CurveID, err)
	}
}
