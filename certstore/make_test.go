package certstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the phone's clock in these tests.
var now = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

const pool = "pool.contoso.com"

// made is a certificate with its key.
type made struct {
	*x509.Certificate
	key crypto.Signer
}

var (
	rsa2048 = sync.OnceValue(func() crypto.Signer { return rsaKey(2048) })
	rsa1024 = sync.OnceValue(func() crypto.Signer { return rsaKey(1024) })
)

func rsaKey(bits int) crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func ecKey() crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

// options of mk.
type option func(*x509.Certificate)

func valid(from, to time.Time) option {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, to }
}
func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = now.AddDate(-2, 0, 0), now.AddDate(0, 0, -1)
}
func sha1ECDSA(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }
func sha1RSA(c *x509.Certificate)   { c.SignatureAlgorithm = x509.SHA1WithRSA }
func cnOnly(c *x509.Certificate)    { c.Subject.CommonName, c.DNSNames = pool, nil }
func usages(u ...x509.ExtKeyUsage) option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = u }
}
func critical(c *x509.Certificate) {
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
}

// mk makes a certificate: a CA when it has no DNS name. issuer nil makes it self-signed.
func mk(tb testing.TB, template x509.Certificate, issuer *made, key crypto.Signer, options ...option) *made {
	tb.Helper()
	if key == nil {
		key = ecKey()
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)
	for _, o := range options {
		o(&template)
	}
	parent, signer := &template, key
	if issuer != nil {
		parent, signer = issuer.Certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &made{c, key}
}

func root(tb testing.TB, name string, options ...option) *made { return ca(tb, name, nil, options...) }

func ca(tb testing.TB, name string, issuer *made, options ...option) *made {
	return mk(tb, caTemplate(name), issuer, nil, options...)
}

func caTemplate(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

func leaf(tb testing.TB, issuer *made, options ...option) *made {
	return mk(tb, leafTemplate(), issuer, nil, options...)
}

func leafTemplate() x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: pool}, DNSNames: []string{pool},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

// v1 returns c without version and extensions, signed by issuer (ECDSA).
func v1(tb testing.TB, c, issuer *made) *made {
	tb.Helper()
	var tbs struct {
		Version    int `asn1:"explicit,tag:0,default:0,optional"`
		Serial     *big.Int
		Algorithm  asn1.RawValue
		Issuer     asn1.RawValue
		Validity   asn1.RawValue
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Extensions asn1.RawValue `asn1:"optional,explicit,tag:3"`
	}
	if _, err := asn1.Unmarshal(c.RawTBSCertificate, &tbs); err != nil {
		tb.Fatal(err)
	}
	body, err := asn1.Marshal(struct {
		Serial                                    *big.Int
		Algorithm, Issuer, Validity, Subject, Key asn1.RawValue
	}{tbs.Serial, tbs.Algorithm, tbs.Issuer, tbs.Validity, tbs.Subject, tbs.Key})
	if err != nil {
		tb.Fatal(err)
	}
	digest := crypto.SHA256.New()
	digest.Write(body)
	signature, err := issuer.key.Sign(rand.Reader, digest.Sum(nil), crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}{asn1.RawValue{FullBytes: body}, tbs.Algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		tb.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &made{parsed, c.key}
}

func chain(all ...*made) (certificates []*x509.Certificate) {
	for _, m := range all {
		certificates = append(certificates, m.Certificate)
	}
	return certificates
}

// held is a root with a source of the given kind.
func held(m *made, kind SourceKind) Root {
	return Root{m.Certificate, Source{Kind: kind}}
}

func trusting(all ...*made) Store {
	var roots []Root
	for _, m := range all {
		roots = append(roots, held(m, AD))
	}
	return New(roots...)
}
