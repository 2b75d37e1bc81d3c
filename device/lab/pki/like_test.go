package pki_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"testing"

	"github.com/ocphone/ocphone/device/lab/pki"
)

func TestLikeKeepsEverythingExceptKeys(t *testing.T) {
	for _, row := range []struct {
		name      string
		algorithm pki.Algorithm
		defect    pki.Defect
		withRoot  bool
	}{
		{"2007", pki.RSA2048SHA1, "", false},
		{"2007, root sent too", pki.RSA2048SHA1, "", true},
		{"today", pki.ECDSAP256SHA256, "", false},
		{"RSA with SHA-256", pki.RSA2048SHA256, "", false},
		{"negative serial", pki.ECDSAP256SHA256, pki.NegativeSerial, false},
		{"critical extension", pki.ECDSAP256SHA256, pki.CriticalExtension, false},
		{"name constraint", pki.ECDSAP256SHA256, pki.NameConstraint, false},
		{"no CA", pki.ECDSAP256SHA256, pki.CAFalse, false},
	} {
		p := newPKI(t, pki.Options{Algorithm: row.algorithm})
		original := issue(t, p.Issuing, pki.Leaf{Defect: row.defect, ClientAuth: true})
		if row.withRoot {
			original.Certificate = append(original.Certificate, p.Enterprise.Certificate.Raw)
		}
		roots, copied, err := pki.Like(parse(t, original), nil)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if len(roots) != 1 || len(copied.Certificate) != len(original.Certificate) {
			t.Errorf("%s: %d roots, chain of %d", row.name, len(roots), len(copied.Certificate))
			continue
		}
		for i, c := range parse(t, copied) {
			sameShape(t, row.name, parse(t, original)[i], c)
		}
		was, is := verify(t, p.Enterprise.Certificate, original, now2008), verify(t, roots[0], copied, now2008)
		if (was == nil) != (is == nil) || was != nil && errorType(was) != errorType(is) {
			t.Errorf("%s: crypto/x509 said %v, now %v", row.name, was, is)
		}
		if !copied.PrivateKey.(crypto.Signer).Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(copied.Leaf.PublicKey) {
			t.Errorf("%s: the private key is not the leaf's", row.name)
		}
		if row.algorithm == pki.RSA2048SHA1 {
			if err := signedSHA1(copied.Leaf, parse(t, copied)[1]); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
	}
}

func errorType(err error) string {
	switch err.(type) {
	case x509.UnknownAuthorityError:
		return "unknown authority"
	case x509.CertificateInvalidError:
		return "invalid"
	case x509.UnhandledCriticalExtension:
		return "critical extension"
	}
	return err.Error()
}

func sameShape(t *testing.T, name string, a, b *x509.Certificate) {
	t.Helper()
	if !bytes.Equal(a.RawSubject, b.RawSubject) || !bytes.Equal(a.RawIssuer, b.RawIssuer) || a.SerialNumber.Cmp(b.SerialNumber) != 0 ||
		!a.NotBefore.Equal(b.NotBefore) || !a.NotAfter.Equal(b.NotAfter) || a.Version != b.Version ||
		a.SignatureAlgorithm != b.SignatureAlgorithm || a.PublicKeyAlgorithm != b.PublicKeyAlgorithm {
		t.Errorf("%s: %s differs from %s", name, b.Subject, a.Subject)
	}
	if bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo) && a.PublicKeyAlgorithm == x509.ECDSA {
		t.Errorf("%s: %s kept its key", name, a.Subject)
	}
	if len(a.Extensions) != len(b.Extensions) {
		t.Fatalf("%s: %d extensions instead of %d", name, len(b.Extensions), len(a.Extensions))
	}
	for i, e := range a.Extensions {
		got := b.Extensions[i]
		keyID := slices.Contains([]string{"2.5.29.14", "2.5.29.35"}, e.Id.String())
		if !got.Id.Equal(e.Id) || got.Critical != e.Critical || !keyID && !bytes.Equal(got.Value, e.Value) {
			t.Errorf("%s: extension %v differs", name, e.Id)
		}
	}
}

func TestLikeASelfSignedServerHasNoRootToPublish(t *testing.T) {
	p := newPKI(t, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	original := issue(t, p.Issuing, pki.Leaf{Defect: pki.SelfSigned})
	roots, copied, err := pki.Like(parse(t, original), nil)
	if err != nil || len(roots) != 0 {
		t.Fatalf("%d roots, %v", len(roots), err)
	}
	if err := verify(t, copied.Leaf, copied, now2008); err != nil {
		t.Errorf("trusted by itself: %v", err)
	}
}

func TestLikeRefusesInvalidChains(t *testing.T) {
	p := newPKI(t, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	long := slices.Repeat(parse(t, issue(t, p.Issuing, pki.Leaf{})), 9)
	forged := *p.Issuing.Certificate
	forged.PublicKey = "no key"
	for name, chain := range map[string][]*x509.Certificate{"empty": nil, "too long": long, "unknown key": {&forged}} {
		if _, _, err := pki.Like(chain, nil); err == nil {
			t.Errorf("%s: copied", name)
		}
	}
}

// A missing issuer gets a key of the size of its signature.
func TestLikeSizesTheMissingIssuersKey(t *testing.T) {
	for _, row := range []struct {
		name string
		make func() (crypto.Signer, error)
		sign x509.SignatureAlgorithm
		want func(crypto.PublicKey) bool
	}{
		{"RSA 1024", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) }, x509.SHA256WithRSAPSS,
			func(k crypto.PublicKey) bool { return k.(*rsa.PublicKey).N.BitLen() == 1024 }},
		{"P-384", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }, x509.ECDSAWithSHA384,
			func(k crypto.PublicKey) bool { return k.(*ecdsa.PublicKey).Curve == elliptic.P384() }},
		{"P-521", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }, x509.ECDSAWithSHA512,
			func(k crypto.PublicKey) bool { return k.(*ecdsa.PublicKey).Curve == elliptic.P521() }},
		{"Ed25519", func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err }, x509.PureEd25519,
			func(k crypto.PublicKey) bool { _, ok := k.(ed25519.PublicKey); return ok }},
	} {
		key, err := row.make()
		if err != nil {
			t.Fatal(err)
		}
		issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "Elsewhere CA"}}
		leaf := &x509.Certificate{DNSNames: []string{host}, NotBefore: now2008, NotAfter: now2008.AddDate(1, 0, 0), SignatureAlgorithm: row.sign}
		der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		roots, copied, err := pki.Like(parse(t, tls.Certificate{Certificate: [][]byte{der}}), nil)
		if err != nil || len(roots) != 1 {
			t.Errorf("%s: %d roots, %v", row.name, len(roots), err)
			continue
		}
		if r := roots[0]; !row.want(r.PublicKey) || r.Subject.CommonName != "Elsewhere CA" || copied.Leaf.SignatureAlgorithm != row.sign {
			t.Errorf("%s: root %v with %T, leaf signed by %v", row.name, r.Subject, r.PublicKey, copied.Leaf.SignatureAlgorithm)
		}
		if err := verify(t, roots[0], copied, now2008); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
