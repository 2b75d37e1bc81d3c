package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"

	"github.com/ocphone/ocphone/device/lab/pki"
)

// FuzzLike copies the shape of chains that a tester brings: the copy has the names of
// the original, other keys, and is a chain that a TLS server can use.
func FuzzLike(f *testing.F) {
	p := newPKI(f, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	for _, d := range pki.Defects() {
		f.Add(bytes.Join(issue(f, p.Issuing, pki.Leaf{Defect: d}).Certificate, nil))
	}
	f.Add(append(bytes.Clone(p.Issuing.Certificate.Raw), p.Public.Certificate.Raw...))
	keys := new(pki.Keys)
	f.Fuzz(func(t *testing.T, der []byte) {
		chain, err := x509.ParseCertificates(der)
		rsa := func(c *x509.Certificate) bool { return c.PublicKeyAlgorithm == x509.RSA }
		if err != nil || slices.ContainsFunc(chain, rsa) { // an RSA key takes as long as a thousand inputs
			return
		}
		roots, made, err := pki.Like(chain, keys)
		if err != nil {
			return
		}
		if len(made.Certificate) != len(chain) || made.Leaf == nil || made.PrivateKey == nil || len(roots) > len(chain)+1 {
			t.Fatalf("%d certificates of %d, %d roots", len(made.Certificate), len(chain), len(roots))
		}
		for i, raw := range made.Certificate {
			c, err := x509.ParseCertificate(raw)
			if err != nil {
				t.Fatalf("certificate %d cannot be read: %v", i, err)
			}
			if !bytes.Equal(c.RawSubject, chain[i].RawSubject) || !bytes.Equal(c.RawIssuer, chain[i].RawIssuer) {
				t.Errorf("certificate %d is of %s by %s, not of %s by %s", i, c.Subject, c.Issuer, chain[i].Subject, chain[i].Issuer)
			}
			if bytes.Equal(c.RawSubjectPublicKeyInfo, chain[i].RawSubjectPublicKeyInfo) {
				t.Errorf("certificate %d kept its key", i)
			}
		}
	})
}

// FuzzLoad reads a chain and a key of a tester: either both fit, or there is an error.
func FuzzLoad(f *testing.F) {
	p := newPKI(f, pki.Options{Algorithm: pki.ECDSAP256SHA256})
	server := issue(f, p.Issuing, pki.Leaf{})
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		f.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate[0]})
	f.Add(chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	f.Add(chain, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		got, err := pki.Load(chain, key)
		if err == nil && (len(got.Certificate) == 0 || got.PrivateKey == nil) {
			t.Errorf("%+v", got)
		}
	})
}
