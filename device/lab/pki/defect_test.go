package pki_test

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/ocphone/ocphone/device/lab/pki"
)

func invalid(reason x509.InvalidReason) func(error) bool {
	return func(err error) bool {
		var e x509.CertificateInvalidError
		return errors.As(err, &e) && e.Reason == reason
	}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// The error of crypto/x509 for each defect, and the properties of the certificates
// where crypto/x509 has no error.
func TestEachDefectHasItsEffect(t *testing.T) {
	want := map[pki.Defect]func(error) bool{
		pki.Expired:             invalid(x509.Expired),
		pki.NotYetValid:         invalid(x509.Expired),
		pki.WrongName:           is[x509.HostnameError],
		pki.CNOnly:              is[x509.HostnameError],
		pki.SelfSigned:          is[x509.UnknownAuthorityError],
		pki.UntrustedIssuer:     is[x509.UnknownAuthorityError],
		pki.MissingIntermediate: is[x509.UnknownAuthorityError],
		pki.ExpiredIntermediate: invalid(x509.Expired),
		pki.CAFalse:             is[x509.UnknownAuthorityError],
		pki.NoCertSign:          is[x509.UnknownAuthorityError],
		pki.PathLength:          invalid(x509.TooManyIntermediates),
		pki.NameConstraint:      invalid(x509.CANotAuthorizedForThisName),
		pki.CriticalExtension:   is[x509.UnhandledCriticalExtension],
		pki.MissingEKU:          invalid(x509.IncompatibleUsage),
		pki.SHA1:                is[x509.UnknownAuthorityError],
	}
	seen := map[pki.Defect]func(*x509.Certificate) bool{
		pki.Wildcard:       func(c *x509.Certificate) bool { return c.DNSNames[0] == "*.contoso.com" },
		pki.SHA2:           func(c *x509.Certificate) bool { return c.SignatureAlgorithm == x509.ECDSAWithSHA256 },
		pki.ShortKey:       func(c *x509.Certificate) bool { return c.PublicKey.(*rsa.PublicKey).N.BitLen() == 1024 },
		pki.NegativeSerial: func(c *x509.Certificate) bool { return c.SerialNumber.Sign() < 0 },
		pki.SelfSigned: func(c *x509.Certificate) bool {
			return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
		},
		pki.CNOnly:      func(c *x509.Certificate) bool { return c.Subject.CommonName == host },
		pki.SHA1:        func(c *x509.Certificate) bool { return c.SignatureAlgorithm == x509.ECDSAWithSHA1 },
		pki.NotYetValid: func(c *x509.Certificate) bool { return c.NotBefore.After(now2008) },
	}
	p := newPKI(t, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	for _, defect := range pki.Defects() {
		if defect.Description() == "" {
			t.Errorf("%s: no sentence", defect)
		}
		refused, looks := want[defect], seen[defect]
		if refused == nil && looks == nil {
			t.Errorf("%s: nothing is known of it here", defect)
		}
		for _, issuer := range []*pki.Authority{p.Issuing, p.Enterprise} {
			c := issue(t, issuer, pki.Leaf{Defect: defect})
			if err := verify(t, p.Enterprise.Certificate, c, now2008); refused == nil && err != nil || refused != nil && !refused(err) {
				t.Errorf("%s by %s: crypto/x509 says %v", defect, issuer.Name, err)
			}
			if looks != nil && !looks(c.Leaf) {
				t.Errorf("%s by %s: cannot be seen in the certificate", defect, issuer.Name)
			}
		}
	}
}

func TestDefectsIn2007AreSignedInSHA1ExceptSHA2(t *testing.T) {
	p := newPKI(t, pki.Options{})
	for _, defect := range []pki.Defect{"", pki.Expired, pki.SHA1, pki.NegativeSerial, pki.CNOnly, pki.SHA2} {
		c := issue(t, p.Issuing, pki.Leaf{Defect: defect})
		if err := signedSHA1(c.Leaf, p.Issuing.Certificate); (err == nil) == (defect == pki.SHA2) {
			t.Errorf("%q: %v", defect, err)
		}
	}
}

func TestUnusableRequests(t *testing.T) {
	p := newPKI(t, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	for name, l := range map[string]pki.Leaf{
		"unknown defect": {Names: []string{host}, Defect: "haunted"},
		"no name":        {},
		"bad subject":    {Names: []string{host}, Subject: "X=y"},
	} {
		if _, err := p.Issuing.Issue(l); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
	if pki.Defect("haunted").Description() != "" {
		t.Error("an unknown defect has a sentence")
	}
}
