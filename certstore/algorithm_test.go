package certstore

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// foreign reads a chain of testdata: a server's certificate and its root.
func foreign(tb testing.TB, name string) (server, root *x509.Certificate) {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name + ".pem")
	if err != nil {
		tb.Fatal(err)
	}
	all, err := ParseCertificates(b)
	if err != nil || len(all) != 2 {
		tb.Fatal(len(all), err)
	}
	return all[0], all[1]
}

// TestUnusableRootIsNamed: a root that was published and that Go cannot verify with
// is installed, and the verdict says why a chain to it is refused, not that the
// root is missing.
func TestUnusableRootIsNamed(t *testing.T) {
	for _, row := range []struct {
		file, key, signature string
		want                 string // the main reason
		needsRoot            bool   // without the root
	}{
		{"ed448", "Ed448", "Ed448", "is signed with Ed448, which cannot be verified here", false},
		{"dsa", "DSA", "DSA-SHA256", "is signed with DSA-SHA256, which cannot be verified here", false},
		{"rsa512", "RSA 512", "SHA256-RSA", "CN=rsa512 Root has a key of 512 bits; less than 1024 cannot be used", true},
		{"pss", "RSA 2048", "RSASSA-PSS with SHA-1, salt of 20 octets", "is signed with RSASSA-PSS with SHA-1, salt of 20 octets, which cannot", false},
		{"psskey", "RSASSA-PSS", "SHA256-RSAPSS", "CN=psskey Root has a key of the kind RSASSA-PSS, which cannot be used here", true},
	} {
		server, r := foreign(t, row.file)
		if err := SelfSigned(r); err != nil {
			t.Errorf("%s: %v", row.file, err)
		}
		held := Root{r, Source{Kind: AD}}
		for _, policy := range []PolicyName{Today, Policy2007} {
			request := Request{Chain: []*x509.Certificate{server}, Name: pool, At: server.NotBefore.Add(time.Hour), Policy: policy}
			v := New(held).Verify(request)
			if v.OK || v.Code != journal.CertWeak || v.NeedsRoot() || !strings.Contains(v.Sentence, row.want) {
				t.Errorf("%s, policy %s: %s %s", row.file, policy, v.Code, v.Sentence)
			}
			if e := v.Certificates[len(v.Certificates)-1]; e.Key != row.key || e.Signature != row.signature || held.Key() != row.key {
				t.Errorf("%s: key %s, signature %s", row.file, e.Key, e.Signature)
			}
			if v := (Store{}).Verify(request); v.OK || v.NeedsRoot() != row.needsRoot {
				t.Errorf("%s, policy %s, root not held: needs it %v: %s", row.file, policy, v.NeedsRoot(), v.Sentence)
			}
		}
	}
}

// TestRootWithATooLongKeyIsHeldAndNotVerifiedWith: that would take seconds.
func TestRootWithATooLongKeyIsHeldAndNotVerifiedWith(t *testing.T) {
	signer := root(t, "Long Root")
	long := *signer.Certificate
	long.PublicKeyAlgorithm = x509.RSA
	long.PublicKey = &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), maxRSABits, 1), E: 65537}
	if err := SelfSigned(&long); err != nil {
		t.Error(err)
	}
	server := leaf(t, signer)
	for name, presented := range map[string][]*made{"root held": {server}, "and presented": {server, {&long, nil}}} {
		v := New(Root{&long, Source{Kind: AD}}).Verify(Request{Chain: chain(presented...), Name: pool, At: now})
		if v.OK || v.Code != journal.CertConstraint || v.NeedsRoot() || !strings.Contains(v.Sentence, "CN=Long Root has a key of more than 16384 bits") {
			t.Errorf("%s: %s %s", name, v.Code, v.Sentence)
		}
	}
}

// TestSignatureIsNeverTakenOnTrust: where a signature was not verified, the path
// has a finding.
func TestSignatureIsNeverTakenOnTrust(t *testing.T) {
	r, other := root(t, "Root"), root(t, "Root")
	for name, spoil := range map[string]func(c *x509.Certificate){
		"no key":    func(c *x509.Certificate) { c.PublicKey, c.PublicKeyAlgorithm = nil, 0 },
		"short key": func(c *x509.Certificate) { c.PublicKey = &rsa.PublicKey{N: big.NewInt(1<<62 + 1), E: 65537} },
		"long key": func(c *x509.Certificate) {
			c.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 20_000), E: 3}
		},
		"another kind": func(c *x509.Certificate) { c.PublicKey = struct{}{} },
		"another key":  func(c *x509.Certificate) { c.PublicKey = other.PublicKey },
	} {
		anchor := *r.Certificate
		spoil(&anchor)
		issuing := ca(t, "Issuing", r)
		server := leaf(t, issuing)
		intermediate := *issuing.Certificate
		spoil(&intermediate)
		for _, presented := range [][]*x509.Certificate{chain(leaf(t, r)), {server.Certificate, &intermediate}} {
			for _, policy := range []PolicyName{Today, Policy2007} {
				if v := New(Root{&anchor, Source{}}).Verify(Request{Chain: presented, Name: pool, At: now, Policy: policy}); v.OK {
					t.Errorf("%s: %s", name, v.Sentence)
				}
			}
		}
	}
}

func TestAlgorithmsHaveNames(t *testing.T) {
	parameters := func(hash asn1.ObjectIdentifier) asn1.RawValue {
		b, err := asn1.Marshal(struct {
			Hash pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
			Salt int                      `asn1:"explicit,tag:2"`
		}{pkix.AlgorithmIdentifier{Algorithm: hash}, 1})
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: b}
	}
	pss := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	for _, row := range []struct {
		a    pkix.AlgorithmIdentifier
		want string
	}{
		{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 113}}, "Ed448"},
		{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 17}}, "ML-DSA-44"},
		{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 3, 4}}, "1.2.3.4"},
		{pkix.AlgorithmIdentifier{Algorithm: pss}, "RSASSA-PSS"},
		{pkix.AlgorithmIdentifier{Algorithm: pss, Parameters: asn1.RawValue{FullBytes: []byte{0x30, 0}}}, "RSASSA-PSS with SHA-1, salt of 20 octets"},
		{pkix.AlgorithmIdentifier{Algorithm: pss, Parameters: parameters(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1})}, "RSASSA-PSS with SHA-256, salt of 1 octet"},
		{pkix.AlgorithmIdentifier{Algorithm: pss, Parameters: parameters(asn1.ObjectIdentifier{1, 2})}, "RSASSA-PSS"},
		{pkix.AlgorithmIdentifier{Algorithm: pss, Parameters: asn1.RawValue{FullBytes: []byte{0x30, 9}}}, "RSASSA-PSS"},
	} {
		if got := algorithmText(row.a, nil); got != row.want {
			t.Errorf("%v: %s, want %s", row.a.Algorithm, got, row.want)
		}
	}
	if got := keyText(&x509.Certificate{}) + signatureText(&x509.Certificate{}); got != "unknownunknown" {
		t.Error(got)
	}
}
