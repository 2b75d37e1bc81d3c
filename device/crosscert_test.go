package device_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/network"
)

// crossFlaws are flaws of a certificate that an old root has issued for the CA of
// the pool, which the pool presents beside a good chain.
var crossFlaws = map[string]struct {
	today bool
	code  journal.Code
	spoil func(*x509.Certificate)
	hash  x509.SignatureAlgorithm
}{
	"expired":             {true, journal.CertExpired, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(1, 0, 0) }, x509.SHA256WithRSA},
	"expired, 2007":       {false, journal.CertExpired, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(1, 0, 0) }, x509.SHA1WithRSA},
	"SHA-1":               {true, journal.CertWeak, nil, x509.SHA1WithRSA},
	"SHA-2":               {false, journal.CertSHA2, nil, x509.SHA256WithRSA},
	"for clients only":    {true, journal.CertUsage, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, x509.SHA256WithRSA},
	"critical extension":  {true, journal.CertConstraint, critical, x509.SHA256WithRSA},
	"not a CA, says it":   {false, journal.CertConstraint, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }, x509.SHA1WithRSA},
	"for other names":     {true, journal.CertConstraint, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"fabrikam.com"} }, x509.SHA256WithRSA},
	"does not sign, 2007": {false, journal.CertUsage, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, x509.SHA1WithRSA},
}

func critical(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
}

// crossCertified makes the pool present a certificate for the enterprise root by an
// old root. With direct the root itself has issued the pool's certificate.
func (r *rig) crossCertified(hash x509.SignatureAlgorithm, spoil func(*x509.Certificate), direct bool) {
	r.t.Helper()
	now := r.lab.Clock.Now()
	o := pki.Options{Algorithm: pki.RSA2048SHA256, Now: r.lab.Clock.Now}
	if hash == x509.SHA1WithRSA {
		o.Algorithm = pki.RSA2048SHA1
	}
	old, err := pki.NewRoot("Old Root CA", o)
	if err != nil {
		r.t.Fatal(err)
	}
	enterprise := r.lab.PKI.Enterprise
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		RawSubject:            enterprise.Certificate.RawSubject,
		SubjectKeyId:          enterprise.Certificate.SubjectKeyId,
		NotBefore:             now.AddDate(-5, 0, 0),
		NotAfter:              now.AddDate(5, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		SignatureAlgorithm:    hash,
	}
	if spoil != nil {
		spoil(template)
	}
	cross, err := x509.CreateCertificate(rand.Reader, template, old.Certificate, enterprise.Key.Public(), old.Key)
	if err != nil {
		r.t.Fatal(err)
	}
	issuer := r.lab.PKI.Issuing
	if direct {
		issuer = enterprise
	}
	c, err := issuer.Issue(pki.Leaf{Names: []string{r.lab.Deployment.Pool.Host}})
	if err != nil {
		r.t.Fatal(err)
	}
	c.Certificate = append(c.Certificate, cross)
	if err := r.lab.SetCertificate("pool", c); err != nil {
		r.t.Fatal(err)
	}
}

// TestR1_2PhoneAsksForTheRootBesideABadCrossCertificate: a phone asks Active
// Directory, which publishes the root of the CA, and signs in. Before the root is
// published, the failure names the flaw; its publication is a remedy.
func TestR1_2PhoneAsksForTheRootBesideABadCrossCertificate(t *testing.T) {
	for name, flaw := range crossFlaws {
		for depth, direct := range map[string]bool{"issuing CA between": false, "root issued the server's": true} {
			t.Run(name+", "+depth, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, func(d *lab.Deployment) { d.Today, d.Publish = flaw.today, []string{} }, nil)
				if err := r.lab.PublishRoot(lab.PublicRoot); err != nil {
					t.Fatal(err)
				}
				r.crossCertified(flaw.hash, flaw.spoil, direct)
				s := r.signIn(r.lab.Inside())
				r.wantFailure(s, flaw.code)
				if n := r.lab.DC.Binds(); n != 1 {
					t.Errorf("AD was asked %d times", n)
				}
				if root := s.Verdict.MissingRoot(); !strings.HasPrefix(root, "CN=Contoso Root CA") {
					t.Errorf("missing root %q", root)
				}
				if err := r.lab.PublishRoot(lab.EnterpriseRoot); err != nil {
					t.Fatal(err)
				}
				r.wantReady(r.move(r.lab.Inside()))
				if n := downloaded(r.Snapshot()); n != 2 {
					t.Errorf("%d roots were downloaded", n)
				}
			})
		}
	}
}

// TestR1_2CheckTrustAgreesWithThePhoneAboutABadCrossCertificate: where the report
// says that the root is published, it does not say that the pool stays refused.
func TestR1_2CheckTrustAgreesWithThePhoneAboutABadCrossCertificate(t *testing.T) {
	for name, flaw := range crossFlaws {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(d *lab.Deployment) { d.Today = flaw.today }, nil)
			r.crossCertified(flaw.hash, flaw.spoil, false)
			fw, err := device.FirmwareNamed(firmwareOf(r.lab.Deployment))
			if err != nil {
				t.Fatal(err)
			}
			e, err := check.ParseEndpoint(r.lab.Deployment.Pool.Host)
			if err != nil {
				t.Fatal(err)
			}
			report, err := check.Trust(context.Background(), check.Config{
				Firmware:    fw,
				RootSet:     certstore.SetNone,
				At:          r.lab.Clock.Now(),
				Endpoints:   []check.Endpoint{e},
				Places:      []network.Place{r.lab.Inside().Place},
				Domain:      r.lab.Deployment.Domain,
				Credentials: r.creds,
				AsIfReset:   true,
			})
			if err != nil {
				t.Fatal(err)
			}
			pool := report.Endpoints[0]
			if !report.OK || !strings.HasPrefix(pool.Published, "yes, ") || len(report.Publish) > 0 {
				t.Errorf("%s published %q, to publish %v", report.Summary, pool.Published, report.Publish)
			}
			for _, cell := range pool.Cells {
				if cell.Policy == fw.Policy && (cell.State != check.Trusted || cell.NotAsked != "") {
					t.Errorf("%s: %s %s %s", cell.Situation, cell.State, cell.Sentence, cell.NotAsked)
				}
			}
		})
	}
}

// TestPoolThatPresentsItsCertificateLast is refused with the remedy that ends it:
// TLS takes the first certificate for the server's (RFC 5246 7.4.2).
func TestPoolThatPresentsItsCertificateLast(t *testing.T) {
	for _, today := range []bool{false, true} {
		r := newRig(t, func(d *lab.Deployment) { d.Today = today }, nil)
		good, err := r.lab.Certificate(r.lab.Deployment.Pool.Host)
		if err != nil {
			t.Fatal(err)
		}
		rootFirst := good
		rootFirst.Certificate = [][]byte{r.lab.PKI.Enterprise.Certificate.Raw, good.Certificate[1], good.Certificate[0]}
		rootFirst.Leaf = nil
		if err := r.lab.SetCertificate("pool", rootFirst); err != nil {
			t.Fatal(err)
		}
		s := r.signIn(r.lab.Inside())
		r.wantFailure(s, journal.CertOrder)
		r.wantState(s, device.Failed)
		if f := s.Failure; !strings.Contains(f.Decided, "number 3 of 3; the first is CN=Contoso Root CA") || !strings.HasPrefix(f.Fix, "Put the server's certificate first") {
			t.Errorf("%s Fix: %s", f.Decided, f.Fix)
		}
		if n := r.lab.DC.Binds(); n != 0 {
			t.Errorf("AD was asked %d times", n)
		}
		if err := r.lab.SetCertificate("pool", good); err != nil { // the remedy
			t.Fatal(err)
		}
		r.wantReady(r.move(r.lab.Inside()))
	}
}

// TestNegativeSerialNumberInAModuleWithoutTheGodebugLine: phone and lab both say
// which line is missing.
func TestNegativeSerialNumberInAModuleWithoutTheGodebugLine(t *testing.T) {
	r := newRig(t, nil, nil)
	if err := r.lab.SetDefect("pool", pki.NegativeSerial); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "x509negativeserial=0")
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.CertMalformed)
	const line = "godebug x509negativeserial=1"
	if !strings.Contains(s.Failure.Fix, line) {
		t.Errorf("%s Fix: %s", s.Failure.Decided, s.Failure.Fix)
	}
	if err := r.lab.SetDefect("pool", pki.NegativeSerial); err == nil || !strings.Contains(err.Error(), line) {
		t.Errorf("the lab: %v", err)
	}
	t.Setenv("GODEBUG", "")
	r.wantReady(r.move(r.lab.Inside()))
}
