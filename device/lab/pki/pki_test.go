package pki_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab/pki"
)

var now2008 = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

const host = "pool.contoso.com"

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func newPKI(t testing.TB, o pki.Options) *pki.PKI {
	t.Helper()
	o.Now = at(now2008)
	p, err := pki.New(o, pki.Names{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func issue(t testing.TB, a *pki.Authority, l pki.Leaf) tls.Certificate {
	t.Helper()
	if l.Names == nil {
		l.Names = []string{host}
	}
	c, err := a.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verify verifies the chain of a server by crypto/x509.
func verify(t testing.TB, root *x509.Certificate, c tls.Certificate, when time.Time) error {
	t.Helper()
	o := x509.VerifyOptions{DNSName: host, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: when}
	o.Roots.AddCert(root)
	for _, i := range parse(t, c)[1:] {
		o.Intermediates.AddCert(i)
	}
	_, err := c.Leaf.Verify(o)
	return err
}

func parse(t testing.TB, c tls.Certificate) (chain []*x509.Certificate) {
	t.Helper()
	for _, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

// signedSHA1 checks an RSA signature with SHA-1, which crypto/x509 refuses.
func signedSHA1(c, by *x509.Certificate) error {
	if c.SignatureAlgorithm != x509.SHA1WithRSA {
		return errors.New(c.SignatureAlgorithm.String())
	}
	sum := sha1.Sum(c.RawTBSCertificate)
	return rsa.VerifyPKCS1v15(by.PublicKey.(*rsa.PublicKey), crypto.SHA1, sum[:], c.Signature)
}

func TestContosoOf2007(t *testing.T) {
	p := newPKI(t, pki.Options{})
	pool, edge := issue(t, p.Issuing, pki.Leaf{}), issue(t, p.Public, pki.Leaf{Names: []string{"sip.contoso.com", "127.0.0.1"}})
	for _, row := range []struct {
		name   string
		c, by  *x509.Certificate
		years  float64
		issuer string
	}{
		{"enterprise root", p.Enterprise.Certificate, p.Enterprise.Certificate, 20, "Contoso Root CA"},
		{"intermediate", p.Issuing.Certificate, p.Enterprise.Certificate, 10, "Contoso Root CA"},
		{"public root", p.Public.Certificate, p.Public.Certificate, 20, "Adatum Public Root CA"},
		{"pool", pool.Leaf, p.Issuing.Certificate, 2, "Contoso Issuing CA"},
		{"edge", edge.Leaf, p.Public.Certificate, 2, "Adatum Public Root CA"},
	} {
		if err := signedSHA1(row.c, row.by); err != nil {
			t.Errorf("%s: signature: %v", row.name, err)
		}
		if key, ok := row.c.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 {
			t.Errorf("%s: key %T", row.name, row.c.PublicKey)
		}
		if years := row.c.NotAfter.Sub(row.c.NotBefore).Hours() / 24 / 365.25; years < row.years-.1 || years > row.years+.1 {
			t.Errorf("%s: lives %.2f years", row.name, years)
		}
		if now2008.Before(row.c.NotBefore) || now2008.After(row.c.NotAfter) || row.c.SerialNumber.Sign() <= 0 {
			t.Errorf("%s: %v to %v, serial %v", row.name, row.c.NotBefore, row.c.NotAfter, row.c.SerialNumber)
		}
		if row.c.Issuer.CommonName != row.issuer {
			t.Errorf("%s: issuer %s", row.name, row.c.Issuer)
		}
	}
	if len(pool.Certificate) != 2 || len(edge.Certificate) != 1 {
		t.Errorf("pool sends %d certificates, edge %d; want 2 and 1", len(pool.Certificate), len(edge.Certificate))
	}
	if edge.Leaf.VerifyHostname("127.0.0.1") != nil || pool.Leaf.Subject.CommonName != host {
		t.Errorf("names: %v, %v", edge.Leaf.IPAddresses, pool.Leaf.Subject)
	}
	if p.Issuing.Root() != p.Enterprise {
		t.Error("the issuing CA's root is another")
	}
}

func TestCryptoX509AcceptsCertificatesOfToday(t *testing.T) {
	for name, algorithm := range map[string]pki.Algorithm{"ECDSA": pki.ECDSAP256SHA256, "RSA": pki.RSA2048SHA256} {
		p := newPKI(t, pki.Options{Algorithm: algorithm})
		c := issue(t, p.Issuing, pki.Leaf{ClientAuth: true})
		if err := verify(t, p.Enterprise.Certificate, c, now2008); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, year := range []int{-1, 1} {
			if verify(t, p.Enterprise.Certificate, c, now2008.AddDate(year, 0, 0)) == nil {
				t.Errorf("%s: a clock %d year off went unnoticed", name, year)
			}
		}
		if len(c.Leaf.ExtKeyUsage) != 2 {
			t.Errorf("%s: usages %v", name, c.Leaf.ExtKeyUsage)
		}
	}
}

// The root that came by PEM verifies a real handshake.
func TestHandshake(t *testing.T) {
	p := newPKI(t, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	for _, defect := range []pki.Defect{"", pki.NegativeSerial} {
		a, b := net.Pipe()
		server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{issue(t, p.Issuing, pki.Leaf{Defect: defect})}})
		done := make(chan error, 1)
		go func() { done <- server.Handshake() }()
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(p.Enterprise.PEM())
		client := tls.Client(b, &tls.Config{RootCAs: roots, ServerName: host, Time: at(now2008)})
		if err := errors.Join(client.Handshake(), <-done); err != nil {
			t.Errorf("%q: %v", defect, err)
		}
		a.Close()
		b.Close()
	}
}

func TestNoKeyOccursTwiceInADeployment(t *testing.T) {
	p := newPKI(t, pki.Options{})
	seen := map[string]bool{}
	note := func(c *x509.Certificate) {
		if seen[string(c.RawSubjectPublicKeyInfo)] {
			t.Errorf("%s has the key of another", c.Subject)
		}
		seen[string(c.RawSubjectPublicKeyInfo)] = true
	}
	for _, a := range []*pki.Authority{p.Enterprise, p.Issuing, p.Public} {
		note(a.Certificate)
	}
	for range 10 { // one more than there are lab keys
		note(issue(t, p.Issuing, pki.Leaf{}).Leaf)
	}
}

func TestRootsOfTheField(t *testing.T) {
	o := pki.Options{Now: at(now2008), NotAfter: now2008.AddDate(-1, 0, 0)}
	expired, err := pki.NewRoot("CN=Old Root CA,O=A\\, B & Co.,C=DK", o)
	if err != nil {
		t.Fatal(err)
	}
	if c := expired.Certificate; !c.NotAfter.Equal(o.NotAfter) || c.Subject.Organization[0] != "A, B & Co." || c.Subject.Country[0] != "DK" {
		t.Errorf("expired root: %v, %v", c.NotAfter, c.Subject)
	}
	v1, err := pki.NewRootV1("V1 Root", pki.Options{Now: at(now2008)})
	if err != nil {
		t.Fatal(err)
	}
	if c := v1.Certificate; c.Version != 1 || len(c.Extensions) != 0 || c.Subject.CommonName != "V1 Root" || signedSHA1(c, c) != nil {
		t.Errorf("v1 root: version %d, %d extensions, %v", c.Version, len(c.Extensions), c.Subject)
	}
	if below, err := v1.NewIntermediate("Below"); err != nil || signedSHA1(below.Certificate, v1.Certificate) != nil {
		t.Errorf("an authority below the v1 root: %v", err)
	}
	if c := issue(t, expired, pki.Leaf{Defect: pki.UntrustedIssuer}); parse(t, c)[0].NotAfter.Before(now2008) {
		t.Error("life of the expired root was inherited")
	}
}

func TestNames(t *testing.T) {
	r, err := pki.NewRoot(pki.EnterpriseName, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		t.Fatal(err)
	}
	var rdns pkix.RDNSequence
	if _, err := asn1.Unmarshal(r.Certificate.RawSubject, &rdns); err != nil {
		t.Fatal(err)
	}
	// The encoding begins with what the text ends with (RFC 4514 2.1).
	for i, want := range []struct{ oid, value string }{
		{"0.9.2342.19200300.100.1.25", "com"}, {"0.9.2342.19200300.100.1.25", "contoso"}, {"2.5.4.3", "Contoso Root CA"},
	} {
		if got := rdns[i][0]; got.Type.String() != want.oid || got.Value != want.value {
			t.Errorf("part %d is %v = %v", i, got.Type, got.Value)
		}
	}
	if !bytes.Contains(r.Certificate.RawSubject, append([]byte{asn1.TagIA5String, 7}, "contoso"...)) {
		t.Error("a domain component is no IA5String")
	}
	for _, bad := range []string{"", "CN=", "X=y", "CN=a,,C=DK"} {
		if _, err := pki.NewRoot(bad, pki.Options{Algorithm: pki.ECDSAP256SHA256}); err == nil {
			t.Errorf("name %q was taken", bad)
		}
	}
}

func TestLoad(t *testing.T) {
	p := newPKI(t, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	c, other := issue(t, p.Issuing, pki.Leaf{}), issue(t, p.Issuing, pki.Leaf{})
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key := func(c tls.Certificate) []byte {
		der, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	}
	if _, err := pki.Load(append([]byte("\ufeff"), chain...), append([]byte("\ufeff"), key(c)...)); err != nil {
		t.Errorf("with byte order marks: %v", err)
	}
	got, err := pki.Load(chain, key(c))
	if err != nil || len(got.Certificate) != 2 || !bytes.Equal(got.Leaf.Raw, c.Leaf.Raw) {
		t.Fatalf("%d certificates, %v", len(got.Certificate), err)
	}
	if err := verify(t, p.Enterprise.Certificate, got, now2008); err != nil {
		t.Error(err)
	}
	for name, row := range map[string][2][]byte{
		"another's key":  {chain, key(other)},
		"no chain":       {nil, key(c)},
		"no key":         {chain, nil},
		"encrypted":      {chain, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")},
		"oversized":      {bytes.Repeat(chain, 1000), key(c)},
		"not PEM at all": {[]byte("MZ"), []byte("MZ")},
	} {
		if _, err := pki.Load(row[0], row[1]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func BenchmarkNew2007(b *testing.B) {
	for b.Loop() {
		p := newPKI(b, pki.Options{})
		issue(b, p.Issuing, pki.Leaf{})
		issue(b, p.Public, pki.Leaf{})
	}
}

func BenchmarkNewToday(b *testing.B) {
	for b.Loop() {
		p := newPKI(b, pki.Options{Algorithm: pki.ECDSAP256SHA256})
		issue(b, p.Issuing, pki.Leaf{})
		issue(b, p.Public, pki.Leaf{})
	}
}
