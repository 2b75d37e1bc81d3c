package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// TestUnpublishedEdgeRoot is R1.1: the pool's root is published, that of the
// Edge is not, and the line to type is for the Edge only.
func TestUnpublishedEdgeRoot(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	r, code := c.trust(thePool, theEdge, "--ad", "contoso.com")
	c.wantRow(r, thePool, "next sign-in ✓")
	c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted")
	if code != exitPerson || len(r.Publish) != 1 || !slices.Equal(r.Publish[0].For, []string{theEdge}) ||
		r.Publish[0].Command != "certutil -f -dspublish ROOT.cer RootCA" || r.Publish[0].Root != pki.PublicName {
		t.Errorf("exit %d, to publish %+v", code, r.Publish)
	}
	if got := r.of(theEdge); got.Published != "no, 1 other root is" || got.Issuer != pki.PublicName {
		t.Errorf("the Edge: %+v", got)
	}
	if got := r.of(thePool).Published; !strings.HasPrefix(got, "yes, ") {
		t.Errorf("the pool's root is published: %s", got)
	}
	if n := c.world.DC.Searches(); n == 0 {
		t.Error("Active Directory was not asked")
	}
	if _, code := c.trust(thePool, "--ad", "contoso.com", "--as-if-reset"); code != exitDone {
		t.Errorf("the pool after a reset: exit %d", code)
	}
	r, code = c.trust(thePool, "--ad", "contoso.com") // a healthy deployment and a new phone
	if e := r.of(thePool); code != exitDone || e.Fix != "" || r.Summary != "Everything is trusted after one sign-in inside." {
		t.Errorf("exit %d: %s Fix %q", code, r.Summary, e.Fix)
	}
}

// TestNothingIsPublished: an empty container is an answer, not a failure.
func TestNothingIsPublished(t *testing.T) {
	d := lab.Contoso()
	d.Publish = []string{}
	c := newChecking(t, d)
	r, code := c.trust(thePool, "--ad", "contoso.com")
	c.wantRow(r, thePool, "next sign-in ✗ ad.no-roots")
	if got := r.of(thePool).Published; code != exitPerson || !r.Published.Known || got != "no, nothing is" {
		t.Errorf("exit %d, published: %s", code, got)
	}
	if len(r.Publish) != 1 || r.Publish[0].Root != pki.EnterpriseName || !strings.HasPrefix(r.Publish[0].If, "it is self-signed (else") {
		t.Errorf("to publish %+v", r.Publish)
	}
}

func TestChangeThatPublishesTheEdgeRoot(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	r, code := c.trust(thePool, theEdge, "--ad", "contoso.com", "--with", c.root(lab.PublicRoot))
	c.wantRow(r, thePool, "next sign-in ✓, after the change ✓")
	c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted, after the change ✓")
	public := certstore.Root{Certificate: c.world.PKI.Public.Certificate}
	if code != exitDone || len(r.Publish) != 1 || r.Publish[0].Command != "certutil -f -dspublish public.pem RootCA" ||
		r.Publish[0].Fingerprint != public.Fingerprint() || r.Publish[0].Thumbprint != check.Thumbprint(public.Certificate) {
		t.Errorf("exit %d, to publish %+v", code, r.Publish)
	}

	other, err := pki.NewRoot("Other Root", pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		t.Fatal(err)
	}
	r, code = c.trust(thePool, theEdge, "--ad", "contoso.com", "--with", c.write("other root.cer", other.Certificate.Raw))
	if code != exitPerson || !strings.Contains(strings.Join(r.Notes, " "), "No server here needs CN=Other Root") || r.Publish[0].Command != "certutil -f -dspublish ROOT.cer RootCA" {
		t.Errorf("the wrong root: exit %d, notes %q, to publish %+v", code, r.Notes, r.Publish)
	}
}

// signedIn makes the memory of a phone that has signed in inside.
func (c checking) signedIn() (state string) {
	c.Helper()
	state = filepath.Join(c.dir, "phone")
	var out, errs bytes.Buffer
	if code := (environment{in: os.Stdin, out: &out, err: &errs}).run(c.Context(), []string{"run", "--lab", c.ready, "--state", state, "--until", "signed-in"}); code != exitDone {
		c.Fatalf("run: exit %d\n%s%s", code, &out, &errs)
	}
	return state
}

// TestStoredRootKeepsTheNewOneAway is R1.2 and R1.3: what is published later
// arrives after a reset only, and check says so without touching the phone.
func TestStoredRootKeepsTheNewOneAway(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	state := c.signedIn()
	memory, err := os.ReadFile(filepath.Join(state, flash.FileName))
	if err != nil {
		t.Fatal(err)
	}
	r, code := c.trust(thePool, theEdge, "--state", state, "--ad", "contoso.com", "--with", c.root(lab.PublicRoot))
	c.wantRow(r, thePool, "next sign-in ✓, after a reset ✓, after the change ✓, change and reset ✓")
	c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted, after a reset ✗ cert.untrusted, after the change ✗ cert.untrusted, change and reset ✓")
	if code != exitPerson {
		t.Errorf("exit %d: the phone as it is will not trust the Edge", code)
	}
	if why := r.of(theEdge).Cells[2].NotAsked; !strings.Contains(why, "not asked before a reset") {
		t.Errorf("after the change: %q", why)
	}
	if r, code = c.trust(thePool, theEdge, "--state", state, "--ad", "contoso.com", "--with", c.root(lab.PublicRoot), "--as-if-reset"); code != exitDone {
		t.Errorf("after a reset: exit %d, %s", code, r.Summary)
	}
	c.wantRow(r, theEdge, "after a reset ✗ cert.untrusted, change and reset ✓")

	if err := c.world.PublishRoot(lab.PublicRoot); err != nil {
		t.Fatal(err)
	}
	r, _ = c.trust(thePool, theEdge, "--state", state, "--ad", "contoso.com")
	c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted, after a reset ✓")
	if fix := r.of(theEdge).Fix; !strings.Contains(fix, "paper clip") || len(r.Publish) > 0 {
		t.Errorf("fix %q, to publish %+v", fix, r.Publish)
	}
	after, err := os.ReadFile(filepath.Join(state, flash.FileName))
	if err != nil || !bytes.Equal(memory, after) {
		t.Errorf("the phone's memory was written (%v)", err)
	}

	// What is withdrawn stays in the phone until a reset.
	r, _ = c.trust(thePool, "--state", state, "--ad", "contoso.com", "--without", certstore.Root{Certificate: c.world.PKI.Enterprise.Certificate}.Fingerprint()[:12])
	c.wantRow(r, thePool, "next sign-in ✓, after a reset ✓, after the change ✓, change and reset ✗ ad.no-match")
}

// TestStricterReading is the switch of R1.2: any downloaded root stops the
// search, also when the pool moved to another CA.
func TestStricterReading(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	state := c.signedIn()
	moved, err := c.world.PKI.Public.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.world.SetCertificate("pool", moved); err != nil {
		t.Fatal(err)
	}
	args := []string{thePool, "--state", state, "--ad", "contoso.com", "--with", c.root(lab.PublicRoot)}
	r, _ := c.trust(args...)
	c.wantRow(r, thePool, "next sign-in ✗ ad.no-match, after a reset ✗ ad.no-match, after the change ✓, change and reset ✓")
	r, _ = c.trust(append(args, "--firmware", "1.0.522.71-strict")...)
	c.wantRow(r, thePool, "next sign-in ✗ cert.untrusted, after a reset ✗ ad.no-match, after the change ✗ cert.untrusted, change and reset ✓")
}

// TestFactoryRootKeepsEverythingAway is R1.2: a pool that the factory set
// trusts never makes the phone ask, so publishing helps nobody.
func TestFactoryRootKeepsEverythingAway(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	r, code := c.trust(thePool, theEdge, "--ad", "contoso.com", "--roots", "file:"+c.root(lab.EnterpriseRoot), "--with", c.root(lab.PublicRoot))
	c.wantRow(r, thePool, "next sign-in ✓, after the change ✓")
	c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted, after the change ✗ cert.untrusted")
	if code != exitPerson || len(r.Publish) > 0 {
		t.Errorf("exit %d, to publish %+v", code, r.Publish)
	}
	for _, e := range r.Endpoints {
		if why := e.Cells[0].NotAsked; !strings.Contains(why, "a reset fetches nothing") {
			t.Errorf("%s: %q", e.Endpoint, why)
		}
	}
	if fix := r.of(theEdge).Fix; !strings.Contains(fix, "cannot help") {
		t.Errorf("fix %q", fix)
	}

	gone := check.Thumbprint(c.world.PKI.Enterprise.Certificate) // as Windows shows it
	r, code = c.trust(thePool, theEdge, "--ad", "contoso.com", "--roots", "file:"+c.root(lab.EnterpriseRoot), "--without", strings.ToUpper(gone[:2]+":"+gone[2:]))
	c.wantRow(r, thePool, "next sign-in ✓, after the change ✗ ad.no-roots")
	if code != exitPerson || len(r.Publish) != 2 {
		t.Errorf("exit %d, to publish %+v", code, r.Publish)
	}
}

func TestChainFromFilesDialsNothing(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	pool := c.write("pool.pem", c.world.Pool.Certificate.Certificate...)
	edge := c.write("edge.pem", c.world.Edge.Certificate.Certificate...)
	c.write("published/enterprise.cer", c.world.PKI.Enterprise.Certificate.Raw)
	c.write("published/issuing.crt", c.world.PKI.Issuing.Certificate.Raw)
	c.write("published/notes.txt", []byte("no certificate"))
	c.write("published/broken.cer", []byte("no certificate"))
	c.world.Close()

	args := []string{"--chain", pool, "--name", "pool.contoso.com", "--chain", edge, "--name", theEdge, "--published", filepath.Join(c.dir, "published"), "--firmware", "1.0.522.71"}
	r, code := c.judged(args...)
	c.wantRow(r, thePool, "next sign-in ✓")
	c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted")
	if code != exitPerson || len(r.Steps) > 0 || len(r.Published.Roots) != 1 {
		t.Errorf("exit %d, %d steps, published %d", code, len(r.Steps), len(r.Published.Roots))
	}
	if rejected := strings.Join(r.Published.Rejected, "\n"); len(r.Published.Rejected) != 2 || !strings.Contains(rejected, "issuing.crt") || !strings.Contains(rejected, "issued by another CA") {
		t.Errorf("rejected: %s", rejected)
	}
	r, code = c.judged("--chain", pool, "--name", "www.contoso.com", "--published", filepath.Join(c.dir, "published"), "--firmware", "1.0.522.71", "--as-if-reset")
	c.wantRow(r, "www.contoso.com:5061", "after a reset ✗ cert.name")
	if code != exitPerson {
		t.Errorf("exit %d", code)
	}
}

// TestNoRootCuresADefect has nothing to publish where publishing is no cure.
func TestNoRootCuresADefect(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	for _, row := range []struct {
		defect pki.Defect
		code   journal.Code
		fix    string // its beginning
	}{
		{pki.WrongName, journal.CertName, "Issue the certificate for pool.contoso.com too, or let the SRV record lead to a host whose name it bears (other.contoso.com)."},
		{pki.Expired, journal.CertExpired, "Renew the certificate of pool.contoso.com. If "},
		{pki.MissingEKU, journal.CertUsage, journal.CertUsage.Page().Change},
		{pki.SHA2, journal.CertSHA2, journal.CertSHA2.Page().Change},
	} {
		t.Run(string(row.defect), func(t *testing.T) {
			if err := c.world.SetDefect("pool", row.defect); err != nil {
				t.Fatal(err)
			}
			r, code := c.trust(thePool, theEdge, "--ad", "contoso.com")
			c.wantRow(r, thePool, "next sign-in ✗ "+string(row.code))
			for _, m := range r.Publish {
				if slices.Contains(m.For, thePool) {
					t.Errorf("to publish %+v", m)
				}
			}
			if fix := r.of(thePool).Fix; code != exitPerson || !strings.HasPrefix(fix, row.fix) {
				t.Errorf("exit %d, fix %q", code, fix)
			}
			if why := r.of(theEdge).Cells[0].NotAsked; !strings.Contains(why, "refused for a reason that no root cures") {
				t.Errorf("the Edge's root does not arrive either: %q", why)
			}
		})
	}
}

// TestSelfSignedServer is R1.6: a certificate of a CA is the cure, and nothing is
// to be published.
func TestSelfSignedServer(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	if err := c.world.SetDefect("pool", pki.SelfSigned); err != nil {
		t.Fatal(err)
	}
	r, _ := c.trust(thePool, "--ad", "contoso.com")
	c.wantRow(r, thePool, "next sign-in ✗ cert.self-signed")
	if fix := r.of(thePool).Fix; fix != journal.CertSelfSigned.Page().Change || len(r.Publish) > 0 {
		t.Errorf("fix %q, to publish %+v", fix, r.Publish)
	}
}

// TestWrongPasswordIsTriedOnce is docs/decisions.md#do-no-harm.
func TestWrongPasswordIsTriedOnce(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	t.Setenv("OCPHONE_PASSWORD", "not the password")
	r, code := c.trust(thePool, theEdge, "--ad", "contoso.com")
	if code != exitPerson || !strings.Contains(r.Summary, string(journal.ADCredentials)) {
		t.Errorf("exit %d: %s", code, r.Summary)
	}
	if u, _ := c.world.Directory.User("tu"); u.BadLogons != 1 {
		t.Errorf("%d bad log-ons", u.BadLogons)
	}
	c.wantRow(r, thePool, "next sign-in ? ask AD")
	out, _, _ := c.run(thePool, "--lab", c.ready, "--ad", "contoso.com")
	if strings.Contains(out, "not the password") || !strings.Contains(out, "[ad.credentials]") {
		t.Errorf("told:\n%s", out)
	}
}

func TestServerThatDoesNotAnswerIsARow(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	r, code := c.trust("nowhere.contoso.com", "dc1.contoso.com:389", thePool)
	if code != exitPerson || len(r.Endpoints) != 3 {
		t.Fatalf("exit %d, %+v", code, r.Endpoints)
	}
	for i, want := range []journal.Code{journal.DNSNoRecords, journal.TLSFailed} {
		if f := r.Endpoints[i].Failure; f == nil || f.Code != want || f.Fix == "" {
			t.Errorf("%s: %+v", r.Endpoints[i].Endpoint, f)
		}
	}
	c.wantRow(r, thePool, "next sign-in ? ask AD")
}

// TestServerOfTodayIsJudged reads a certificate that the firmware could not
// have read, and says so.
func TestServerOfTodayIsJudged(t *testing.T) {
	c := newChecking(t, lab.ContosoToday())
	r, _ := c.trust(thePool, "--firmware", "1.0.522.71")
	c.wantRow(r, thePool, "next sign-in ✗ cert.sha2")
	if notes := strings.Join(r.of(thePool).Notes, "\n"); !strings.Contains(notes, "speaks TLS 1.0 only and could not connect") {
		t.Errorf("notes %q", notes)
	}
	if r, code := c.trust(thePool, "--ad", "contoso.com", "--as-if-reset"); code != exitDone || strings.Contains(strings.Join(r.of(thePool).Notes, "\n"), "could not connect") {
		t.Errorf("firmware today: exit %d, %+v", code, r.of(thePool))
	}
}

// TestOtherTime: it is judged at the time that the phone would take from its time
// server, however wrong that is, and the server is named.
func TestOtherTime(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	r, _ := c.trust(thePool, "--at", "2099-01-01")
	c.wantRow(r, thePool, "next sign-in ✗ cert.expired")
	c.world.NTP.SetOffset(1500 * 24 * time.Hour)
	r, code := c.trust(thePool, "--ad", "contoso.com")
	c.wantRow(r, thePool, "next sign-in ✗ cert.expired")
	if s := r.Steps[0]; code != exitPerson || s.Name != journal.Time || s.Code != journal.TimeJump || !strings.Contains(s.Decided, "by +1500 days") {
		t.Errorf("exit %d, %+v", code, r.Steps)
	}
	if fix := r.of(thePool).Fix; !strings.HasPrefix(fix, "Correct the time server dc1.contoso.com:123, which moved the phone's clock by +1500 days") {
		t.Errorf("fix %q", fix)
	}
	if r, code := c.trust(thePool, "--ad", "contoso.com", "--clock", "host"); code != exitDone {
		t.Errorf("the host's clock: exit %d, %s", code, r.Summary)
	}
	if r, _ := c.trust(thePool, "--clock", "2099-01-01"); r.At.Year() != 2099 {
		t.Errorf("judged at %s", r.At)
	}
}

// TestDirectoryThatDoesNotAnswer says what to open, not what was given already.
func TestDirectoryThatDoesNotAnswer(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	c.world.DC.Close()
	r, code := c.trust(thePool, "--ad", "contoso.com")
	if fix := r.of(thePool).Fix; code != exitPerson || len(r.Publish) > 0 || fix == "" || strings.Contains(fix, "--ad") {
		t.Errorf("exit %d, fix %q, to publish %+v", code, fix, r.Publish)
	}
	if want := r.Steps[len(r.Steps)-2]; want.Code != journal.ADUnreachable || r.of(thePool).Fix != want.Fix {
		t.Errorf("fix %q of %+v", r.of(thePool).Fix, want)
	}
}

func TestTableFitsALine(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	state := c.signedIn()
	out, _, _ := c.run(thePool, theEdge, "nowhere.contoso.com", "--lab", c.ready, "--state", state, "--ad", "contoso.com", "--with", c.root(lab.PublicRoot))
	for line := range strings.Lines(out) {
		if n := visibleWidth(strings.TrimSuffix(line, "\n")); n > defaultWidth && !strings.Contains(line, c.dir) {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"after the change  change and reset", "  2007 (decides)  ✗ cert.untrusted  ✗ cert.untrusted  ✗ cert.untrusted  ✓\n",
		"  certutil -f -dspublish public.pem RootCA\n", "\n✗ Not everything is trusted after the change: ", "✗ dns.no-records"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
}

func TestCheckTrustUsage(t *testing.T) {
	c := newChecking(t, lab.Contoso())
	pool := c.write("pool.pem", c.world.Pool.Certificate.Certificate...)
	issuing := c.write("issuing.cer", c.world.PKI.Issuing.Certificate.Raw)
	for _, row := range []struct {
		name, want string
		args       []string
	}{
		{"nobody", "which server is checked?", nil},
		{"the lab's domain", "contoso.com is the lab's domain", []string{"pool.contoso.com"}},
		{"a URL", "given as HOST", []string{"https://pool.example.com", "--lab", c.ready}},
		{"port", "given as HOST", []string{"pool.example.com:65536", "--lab", c.ready}},
		{"chain without name", "--name", []string{"--chain", pool}},
		{"chain and host", "dials nothing", []string{"pool.example.com", "--chain", pool, "--name", "a.example.com"}},
		{"chain and ad", "dials nothing", []string{"--ad", "example.com", "--chain", pool, "--name", "a.example.com"}},
		{"ad without user", "--ad needs --user", []string{"pool.example.com", "--dns", "127.0.0.1:9", "--ad", "example.com"}},
		{"outside without lab", "are for a lab", []string{"pool.example.com", "--outside"}},
		{"time", "--at", []string{"--chain", pool, "--name", "a.example.com", "--at", "tomorrow"}},
		{"with an intermediate", "issued by another CA", []string{"--chain", pool, "--name", "a.example.com", "--with", issuing}},
		{"without something else", "begins so", []string{"--chain", pool, "--name", "a.example.com", "--without", "0123456789abcdef"}},
		{"state without phone", "there is no phone", []string{"--chain", pool, "--name", "a.example.com", "--state", c.dir}},
		{"no password", "no password", []string{"pool.example.com", "--dns", "127.0.0.1:9", "--ad", "example.com", "--user", "E\\u"}},
		{"published", "nofolder", []string{"--chain", pool, "--name", "a.example.com", "--published", filepath.Join(c.dir, "nofolder")}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, errs, code := c.run(row.args...); code != exitUsage || !strings.Contains(errs, row.want) {
				t.Errorf("exit %d, %q; want %q", code, errs, row.want)
			}
		})
	}
}
