package adroots

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
)

func fromFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s holds no PEM", name)
	}
	return block.Bytes
}

// made is a certificate of CN subject issued by CN issuer with a key of its own.
func made(t testing.TB, subject, issuer string, change func(*x509.Certificate)) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject}, BasicConstraintsValid: true, IsCA: true,
		NotBefore: time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, &x509.Certificate{Subject: pkix.Name{CommonName: issuer}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// rootOf is the second certificate of a chain of certstore's testdata.
func rootOf(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	all, err := certstore.ParseCertificates(b)
	if err != nil || len(all) != 2 {
		t.Fatal(len(all), err)
	}
	return all[1].Raw
}

// R1.1: all roots are installed, even those that a verdict refuses later.
func TestOnlySelfSignedCAsAreAccepted(t *testing.T) {
	root := made(t, "root", "root", nil)
	forged := bytes.Clone(root)
	forged[len(forged)-1] ^= 1
	for _, c := range []struct {
		name  string
		value []byte
		why   string // "" for a root
	}{
		{"a root", root, ""},
		{"an expired root", made(t, "old", "old", func(c *x509.Certificate) { c.NotAfter = time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC) }), ""},
		{"a root that is not valid yet", made(t, "new", "new", func(c *x509.Certificate) { c.NotBefore = time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC) }), ""},
		{"a version 1 root", fromFile(t, "testdata/v1.pem"), ""},
		{"a version 1 root signed with MD5", fromFile(t, "testdata/md5.pem"), ""},
		{"a root with an Ed448 key", rootOf(t, "ed448"), ""},
		{"a root with a DSA key", rootOf(t, "dsa"), ""},
		{"a root with an RSA key of 512 bits", rootOf(t, "rsa512"), ""},
		{"a root signed with RSASSA-PSS and SHA-1", rootOf(t, "pss"), ""},
		{"a root with a key for RSASSA-PSS", rootOf(t, "psskey"), ""},
		{"a root without basicConstraints", made(t, "bare", "bare", func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }), ""},
		{"a self-signed server certificate", made(t, "server", "server", func(c *x509.Certificate) { c.IsCA = false }), "not a CA"},
		{"an intermediate", made(t, "issuing", "root", nil), "issued by another"},
		{"a root with a wrong signature", forged, "not self-signed"},
		{"nothing", nil, "0 octets"},
		{"a value above the schema's range", make([]byte, maxValue+1), "32769 octets"},
		{"garbage", []byte("certificate"), "not a certificate"},
		{"a certificate and more", append(bytes.Clone(root), 0), "not a certificate"},
	} {
		cert, err := ParseRoot(c.value)
		if c.why == "" && (err != nil || !bytes.Equal(cert.Raw, c.value)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.why)
		}
	}
}

func TestRootsAndRejectedValuesAreBounded(t *testing.T) {
	d := &download{Config: Config{MaxRoots: 1, Now: time.Now}, held: map[string]bool{}}
	one := made(t, "one", "one", nil)
	values := []value{{der: one}, {der: one}, {der: made(t, "two", "two", nil)}}
	if !d.parse(t.Context(), values) {
		t.Fatal("not all values were read")
	}
	for _, v := range values {
		d.accept(v, certstore.Source{})
	}
	if len(d.Roots) != 1 || len(d.Rejected) != 1 || d.Duplicates != 1 {
		t.Errorf("%d roots, %d rejected, %d duplicates", len(d.Roots), len(d.Rejected), d.Duplicates)
	}
	for range maxRejected + 10 {
		d.accept(value{dn: "CN=x", err: errors.New("no root")}, certstore.Source{})
	}
	if len(d.Rejected) != maxRejected || d.moreRejected != 11 {
		t.Errorf("%d rejected and %d more", len(d.Rejected), d.moreRejected)
	}
}

// TestParseEndsWithItsContext: the values that were not read are not taken for good.
func TestParseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &download{Config: Config{Now: time.Now}}
	values := []value{{der: made(t, "one", "one", nil)}}
	if d.parse(ctx, values) || values[0].cert != nil {
		t.Error("read after the end of its context")
	}
	if !d.parse(t.Context(), values) || !d.parse(ctx, nil) {
		t.Error("not all values were read")
	}
}

func FuzzParseRoot(f *testing.F) {
	f.Add(fromFile(f, "testdata/v1.pem"))
	f.Add(fromFile(f, "testdata/md5.pem"))
	f.Add(made(f, "root", "root", nil))
	f.Fuzz(func(t *testing.T, value []byte) {
		if c, err := ParseRoot(value); err == nil && !bytes.Equal(c.RawIssuer, c.RawSubject) {
			t.Error("took a certificate that another CA issued")
		}
	})
}
