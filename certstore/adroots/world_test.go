package adroots_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	password = "Passw0rd!"
	msdcs    = "_ldap._tcp.dc._msdcs.contoso.com"
)

var now = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

// world is a domain with one DC and what the phone needs to ask it.
type world struct {
	t     testing.TB
	dir   *directory.Directory
	dc    *ad.Server
	srv   map[string][]adroots.SRV // by query name
	hosts map[string]string        // host:port to the address that listens
	steps []journal.Step
	roots []string // DER of what newRoot made
	key   crypto.Signer

	mu     sync.Mutex
	dialed []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := directory.New("contoso.com", "CONTOSO")
	dir.Clock = clock.NewManual(now)
	if err := dir.AddUser(directory.User{SAM: "tu", Password: password, SIP: "tu@contoso.com"}); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, dc: ad.New(dir), key: key,
		srv:   map[string][]adroots.SRV{msdcs: {{Target: "dc1.contoso.com.", Port: 389}}},
		hosts: map[string]string{}}
	w.dc.Clock = dir.Clock
	w.dc.RequireSigning, w.dc.RequireNTLMv2, w.dc.Enrolment = true, true, true
	if err := w.dc.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.dc.Close)
	w.hosts["dc1.contoso.com:389"] = w.dc.Addr()
	w.hosts["ca.contoso.com:80"] = w.dc.EnrolmentAddr()
	return w
}

func (w *world) config() adroots.Config {
	return adroots.Config{Domain: "contoso.com", DomainFrom: "DHCP option 15", NetBIOSDomain: "CONTOSO", User: "tu", UserDomain: "CONTOSO",
		Password: password, Resolver: w, Dialer: w, Now: func() time.Time { return now }, Timeout: time.Hour,
		Record: func(s journal.Step) { w.steps = append(w.steps, s) }}
}

func (w *world) LookupSRV(_ context.Context, name string) ([]adroots.SRV, string, error) {
	if r, ok := w.srv[name]; ok {
		return r, "127.0.0.1:53", nil
	}
	return nil, "127.0.0.1:53", &journal.Failure{Code: journal.DNSNoRecords, What: "NXDOMAIN for " + name}
}

func (w *world) DialContext(ctx context.Context, network, hostport string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, hostport)
	w.mu.Unlock()
	if to, ok := w.hosts[hostport]; ok {
		return new(net.Dialer).DialContext(ctx, network, to)
	}
	return nil, &journal.Failure{Code: journal.ConnRefused, What: hostport + " refuses connections"}
}

// newRoot makes a root, not published yet.
func (w *world) newRoot(name string, change func(*x509.Certificate)) []byte {
	w.t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true, IsCA: true,
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0)}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, w.key.Public(), w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

// publish makes n roots and publishes each under a name of its own.
func (w *world) publish(n int) {
	for i := range n {
		name := fmt.Sprintf("Contoso Root %d", i+1)
		der := w.newRoot(name, nil)
		w.dir.PublishRoot(name, der)
		w.roots = append(w.roots, string(der))
	}
}

// mustFail runs a download that ends with code, and returns its failure.
func (w *world) mustFail(c adroots.Config, code journal.Code) *journal.Failure {
	w.t.Helper()
	r, err := adroots.Download(context.Background(), c)
	f := journal.FailureOf(err)
	if err == nil || f.Code != code {
		w.t.Fatalf("%d roots, error %v; want %s", len(r.Roots), err, code)
	}
	if len(r.Roots) > 0 {
		w.t.Errorf("%d roots beside the failure %v", len(r.Roots), err)
	}
	if f.What == "" || f.Asked == "" || f.Because == "" {
		w.t.Errorf("the failure tells too little: %+v", f)
	}
	w.noSecrets(f.Step(journal.Roots))
	return f
}

func (w *world) mustDownload(c adroots.Config) adroots.Result {
	w.t.Helper()
	r, err := adroots.Download(context.Background(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.noSecrets()
	return r
}

func (w *world) noSecrets(more ...journal.Step) {
	w.t.Helper()
	for _, s := range append(more, w.steps...) {
		if strings.Contains(fmt.Sprintf("%+v", s), password) {
			w.t.Errorf("a step tells the password: %+v", s)
		}
		if s.Name != journal.Roots || s.State == "" || s.Decided == "" && s.Answered == "" {
			w.t.Errorf("a step that says nothing: %+v", s)
		}
	}
}

// step finds the step whose fields contain text.
func (w *world) step(text string) journal.Step {
	w.t.Helper()
	i := slices.IndexFunc(w.steps, func(s journal.Step) bool { return strings.Contains(fmt.Sprintf("%+v", s), text) })
	if i < 0 {
		w.t.Fatalf("no step has %q in %+v", text, w.steps)
	}
	return w.steps[i]
}

func (w *world) badLogons() int {
	u, _ := w.dir.User("tu")
	return u.BadLogons
}

// netbios answers with fixed addresses.
type netbios []netip.Addr

func (n netbios) Query(_ context.Context, name string, suffix byte) ([]netip.Addr, string, error) {
	if name != "CONTOSO" || suffix != 0x1c || len(n) == 0 {
		return nil, "127.0.0.1:137", io.ErrUnexpectedEOF
	}
	return n, "127.0.0.1:137", nil
}
