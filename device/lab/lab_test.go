package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stopped{m}) }

// stopped ends the clock of regexp2, which would end by itself a second later.
type stopped struct{ *testing.M }

func (m stopped) Run() int {
	code := m.M.Run()
	regexp2.StopTimeoutClock()
	return code
}

func newLab(t *testing.T, d lab.Deployment) *lab.Lab {
	t.Helper()
	l, err := lab.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestForeignGoCodeUsesTheDeploymentsNames is the promise of docs/decisions.md#hostile-lab.
func TestForeignGoCodeUsesTheDeploymentsNames(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	for name, at := range map[string]struct {
		lab.Attachment
		srv, proto string
		port       string
	}{
		"inside":  {l.Inside(), "sipinternaltls", "tcp", "5061"},
		"outside": {l.Outside(), "sip", "tls", "443"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			_, records, err := at.Resolver().LookupSRV(ctx, at.srv, at.proto, "contoso.com")
			if err != nil || len(records) != 1 {
				t.Fatalf("SRV: %v, %v", records, err)
			}
			host := strings.TrimSuffix(records[0].Target, ".")
			nc, err := at.DialContext(ctx, "tcp", host+":"+at.port)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			tc := tls.Client(nc, &tls.Config{RootCAs: at.CertPool(), ServerName: host, Time: at.Clock().Now})
			if err := tc.HandshakeContext(ctx); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		})
	}
}

func TestSplitDNSHidesTheDomainControllerOutside(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	if _, records, err := l.Outside().Resolver().LookupSRV(t.Context(), "ldap", "tcp", "dc._msdcs.contoso.com"); err == nil {
		t.Errorf("outside sees the domain controller: %v", records)
	}
	if _, err := l.Outside().Resolver().LookupHost(t.Context(), "pool.contoso.com"); err == nil {
		t.Error("outside sees the pool")
	}
}

func TestEnrolmentIsReachedByItsName(t *testing.T) {
	d := lab.Contoso()
	d.DC.Enrolment = true
	l := newLab(t, d)
	client := l.Inside().HTTPClient()
	defer client.CloseIdleConnections()
	res, err := client.Get("http://ca.contoso.com/certsrv/certnew.p7b?ReqID=CACert&Renewal=-1&Enc=b64")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized || !strings.Contains(strings.Join(res.Header.Values("WWW-Authenticate"), ","), "NTLM") {
		t.Errorf("%s, %v; want 401 with NTLM", res.Status, res.Header)
	}
}

func TestControlChangesARunningLab(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	address, err := l.Serve()
	if err != nil {
		t.Fatal(err)
	}
	ctx, c := t.Context(), lab.Client{Address: address}

	roots, err := c.PublishRoot(ctx, lab.PublicRoot)
	if err != nil || len(roots) != 2 || !roots[1].Published {
		t.Errorf("publish: %+v, %v", roots, err)
	}
	if roots, err = c.WithdrawRoot(ctx, lab.PublicRoot); err != nil || roots[1].Published {
		t.Errorf("withdraw: %+v, %v", roots, err)
	}
	if _, err = c.WithdrawRoot(ctx, lab.PublicRoot); err == nil || !strings.Contains(err.Error(), "not published") {
		t.Errorf("withdraw twice: %v", err)
	}
	if _, err = c.PublishRoot(ctx, "nobody's"); err == nil || !strings.Contains(err.Error(), "enterprise, public") {
		t.Errorf("an unknown root: %v", err)
	}

	locked := true
	if err := c.SetUser(ctx, "tu", lab.UserChange{Locked: &locked}); err != nil {
		t.Error(err)
	}
	if u, _ := l.Directory.User("tu"); !u.Locked || u.Password != lab.DefaultPassword {
		t.Errorf("the account is %+v", u)
	}

	before := l.Clock.Now()
	now, err := c.Advance(ctx, 8*time.Hour)
	if err != nil || now.Sub(before) < 8*time.Hour {
		t.Errorf("advance: %v, %v", now.Sub(before), err)
	}
	if _, err := c.Advance(ctx, -time.Hour); err == nil {
		t.Error("time ran backwards")
	}

	if _, err := c.SetCertificate(ctx, "pool", lab.CertificateChange{Defect: pki.Expired}); err != nil {
		t.Error(err)
	}
	if leaf := poolLeaf(t, l); leaf.NotAfter.After(l.Clock.Now()) {
		t.Errorf("the pool's certificate is valid until %v", leaf.NotAfter)
	}
	like := string(certstore.ExportPEM(certstore.Root{Certificate: l.PKI.Enterprise.Certificate}))
	names, err := c.SetCertificate(ctx, "edge", lab.CertificateChange{Like: like})
	if err != nil || len(names) != 1 || names[0] != "like-edge" {
		t.Errorf("like: %v, %v", names, err)
	}
	if _, err := c.SetCertificate(ctx, "nothing", lab.CertificateChange{}); err == nil {
		t.Error("an unknown server got a certificate")
	}

	wrong := lab.Client{Address: lab.ControlAddress{URL: address.URL, Token: "guessed"}}
	if _, err := wrong.Roots(ctx); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("a wrong token: %v", err)
	}
}

func poolLeaf(t *testing.T, l *lab.Lab) (leaf struct{ NotAfter time.Time }) {
	t.Helper()
	nc, err := l.Inside().DialContext(t.Context(), "tcp", "pool.contoso.com:5061")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	tc := tls.Client(nc, certstore.ClientConfig(certstore.ClientOptions{ServerName: "pool.contoso.com", OnVerdict: func(v certstore.Verdict) {
		leaf.NotAfter = v.Certificates[0].NotAfter
	}}))
	if err := tc.HandshakeContext(t.Context()); err == nil {
		t.Fatal("a store without roots trusts the pool")
	}
	return leaf
}

func TestReadyFileIsCompleteAndPrivate(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	address, err := l.Serve()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lab.json")
	if err := l.WriteReady(file); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != fs.FileMode(0o600) {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	r, err := lab.ReadReady(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if r.Control != address || r.Roots[0].Name != lab.EnterpriseRoot || !r.Roots[0].Published || r.Roots[1].Published || !r.Today {
		t.Errorf("%+v", r)
	}
	for _, root := range r.Roots {
		b, err := os.ReadFile(root.File)
		if err != nil {
			t.Fatal(err)
		}
		if certs, err := certstore.ParseCertificates(b); err != nil || len(certs) != 1 {
			t.Errorf("%s: %d certificates, %v", root.File, len(certs), err)
		}
	}
	place := r.Inside.Place("inside")
	if place.Suffix != "contoso.com" || place.WINS == "" || place.Patch["pool.contoso.com:5061"] != l.Pool.Addr() {
		t.Errorf("%+v", place)
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}

	os.WriteFile(file, []byte("{}"), 0o600)
	if _, err := lab.ReadReady(t.Context(), file); err == nil || !strings.Contains(err.Error(), "ocphone lab --ready") {
		t.Errorf("an empty ready file: %v", err)
	}
}

func TestDeploymentFile(t *testing.T) {
	d, err := lab.Read(strings.NewReader(`
domain: fabrikam.com
today: true
pool: {host: ocs.fabrikam.com, version: 3, schemes: [SHA-256], defect: cn-only}
dc: {lockoutAfter: 3, enrolment: true}
edge: {defect: expired}
publish: [enterprise, public]
users:
  - {name: anna, upn: anna@example.com, line: "tel:+4912345"}
`))
	if err != nil {
		t.Fatal(err)
	}
	if d.NetBIOS != "FABRIKAM" || d.Pool.Host != "ocs.fabrikam.com" || d.Edge.Host != "sip.fabrikam.com" || d.Edge.Defect != pki.Expired {
		t.Errorf("%+v", d)
	}
	l := newLab(t, d)
	b, _ := json.Marshal(l.Ready())
	for _, want := range []string{`FABRIKAM\\anna`, "ocs.fabrikam.com:5061", "anna@fabrikam.com"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the ready file has no %s: %s", want, b)
		}
	}
}

func TestDeploymentFileErrorsNameTheMistake(t *testing.T) {
	for text, want := range map[string]string{
		"pool: {hots: x}":          "hots",
		"edge: {defect: purple}":   "purple",
		"pool: {version: 7}":       "version 7",
		"moreRoots: 99999999":      "moreRoots",
		"users: [{sip: a@b}]":      "needs a name",
		"domain: [not, a, string]": "unmarshal",

		"domain: .com":                                 `domain: ".com"`,
		"domain: a b":                                  `domain: "a b"`,
		"netbios: SIXTEENCHARACTER":                    "SIXTEENCHARACTER",
		"pool: {host: pool.fabrikam.com}":              "pool.fabrikam.com",
		"edge: {host: 'sip:contoso.com'}":              "sip:contoso.com",
		"pool: {schemes: [Basic]}":                     `no scheme "Basic"`,
		"publish: [enterprise, nobodys]":               `no root "nobodys"`,
		"dc: {lockoutAfter: -1}":                       "lockoutAfter: -1",
		"users: [{name: a@b}]":                         "a@b",
		"users: [{name: anna}, {name: Anna}]":          "anna is taken",
		"users: [{name: anna, sip: anna}]":             "user@domain",
		"domain: a.com\n---\ndomain: b.com":            "more than one document",
		"domain: a.com\n" + strings.Repeat("#", 1<<20): "larger than",
	} {
		if _, err := lab.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want it to name %q", text, err, want)
		}
	}
}

func TestDeploymentWithUpperCaseNamesIsReachable(t *testing.T) {
	l := newLab(t, lab.Deployment{Domain: "Fabrikam.COM", Today: true, Pool: lab.Pool{Server: lab.Server{Host: "OCS.Fabrikam.com"}}})
	nc, err := l.Inside().DialContext(t.Context(), "tcp", "ocs.fabrikam.com:5061")
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if err := l.SetDefect("ocs.fabrikam.com", pki.Expired); err != nil {
		t.Error(err)
	}
}

func TestDefectsAreThoseOfTheCertificatesInUse(t *testing.T) {
	l := newLab(t, lab.Deployment{Today: true, Edge: lab.Server{Defect: pki.Expired}})
	want := func(when string, want map[string]pki.Defect) {
		t.Helper()
		if got := l.Defects(); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	want("at the start", map[string]pki.Defect{"pool": "", "edge": pki.Expired, "dc": "", "exchange": ""})
	other, err := l.Certificate("pool.contoso.com")
	if err := errors.Join(err, l.SetDefect("edge", ""), l.SetDefect("exchange", pki.SelfSigned), l.SetCertificate("dc", other)); err != nil {
		t.Fatal(err)
	}
	want("after changes", map[string]pki.Defect{"pool": "", "edge": "", "dc": lab.OtherCertificate, "exchange": pki.SelfSigned})
	if err := l.SetDefect("nobody", pki.Expired); err == nil {
		t.Error("a server that does not exist has a certificate")
	}
}

// TestFailedStartLeavesNothingRunning uses an address that is in use for the last
// server but one; the goroutine check of the package detects a running server.
func TestFailedStartLeavesNothingRunning(t *testing.T) {
	taken, err := net.Listen("tcp", "127.20.7.3:443")
	if err == nil { // else the lab may not listen there either
		defer taken.Close()
	}
	l := lab.NewUnstarted(lab.ContosoToday())
	l.StandardPorts = true
	if err := l.Start(); err == nil {
		l.Close()
		t.Error("it has started")
	}
}

func TestReadyFileChangesOnlyItsOwnFolder(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	dir := t.TempDir()
	if err := l.WriteReady(filepath.Join(dir, "nowhere", "lab.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	file := filepath.Join(dir, "lab.json")
	if err := l.WriteReady(file); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(file+".roots", "mine.pem")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.RemoveReady(file)
	if found, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(found) != 1 || found[0] != mine {
		t.Errorf("left: %v, want %s alone", found, mine)
	}
	os.Remove(mine)
	l.RemoveReady(file)
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestRootsWithTheSameNameAreWithdrawnSeparately: a chain like the lab's own has a root
// of the same name, which is another.
func TestRootsWithTheSameNameAreWithdrawnSeparately(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	names, err := l.SetCertificateLike("pool", []*x509.Certificate{l.PKI.Enterprise.Certificate})
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	published := func() (all []string) {
		for _, r := range l.Roots() {
			if r.Published {
				all = append(all, r.Name)
			}
		}
		return all
	}
	if err := l.WithdrawRoot(names[0]); err == nil {
		t.Error("what is not published was withdrawn")
	}
	if err := l.PublishRoot(names[0]); err != nil {
		t.Fatal(err)
	}
	if err := l.WithdrawRoot(names[0]); err != nil {
		t.Error(err)
	}
	if got := published(); !slices.Equal(got, []string{lab.EnterpriseRoot}) {
		t.Errorf("published: %v", got)
	}
	if err := l.WithdrawRoot(lab.EnterpriseRoot); err != nil || len(published()) != 0 || len(l.Directory.Roots()) != 0 {
		t.Errorf("%v, left %v", err, published())
	}
}
