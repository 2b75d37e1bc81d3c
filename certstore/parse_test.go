package certstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/smallstep/pkcs7"
)

// bundle makes a .p7b with a foreign implementation.
func bundle(tb testing.TB, all ...*made) []byte {
	tb.Helper()
	var der []byte
	for _, m := range all {
		der = append(der, m.Raw...)
	}
	p7b, err := pkcs7.DegenerateCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return p7b
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestParseCertificatesReadsPEMDERAndPKCS7(t *testing.T) {
	a, b := root(t, "A"), root(t, "B")
	p7b := bundle(t, a, b)
	base64Lines := func(der []byte) []byte {
		return bytes.ReplaceAll([]byte(base64.StdEncoding.EncodeToString(der)), []byte("MII"), []byte("MII\r\n"))
	}
	for _, row := range []struct {
		name string
		data []byte
		want int
	}{
		{"DER", a.Raw, 1},
		{"two DER", append(bytes.Clone(a.Raw), b.Raw...), 2},
		{"PEM with text and a key between", append(append([]byte("Subject: A\n"), ExportPEM(held(a, AD))...), append(block("PRIVATE KEY", []byte{1, 2}), ExportPEM(held(b, AD))...)...), 2},
		{"p7b", p7b, 2},
		{"p7b as PEM", block("PKCS7", p7b), 2},
		{"p7b as web enrolment serves it", block("CERTIFICATE", p7b), 2},
		{"bare base64", base64Lines(a.Raw), 1},
		{"p7b in bare base64", base64Lines(p7b), 2},
	} {
		got, err := ParseCertificates(row.data)
		if err != nil || len(got) != row.want || !got[0].Equal(a.Certificate) {
			t.Errorf("%s: %d certificates, %v", row.name, len(got), err)
		}
	}
	damaged := bytes.Clone(a.Raw)
	damaged[5] ^= 0xff
	for _, row := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "no certificate found"},
		{"text", []byte("hello"), "not PEM: "},
		{"key only", block("PRIVATE KEY", []byte{1}), "no certificate found"},
		{"empty p7b", bundle(t), "no certificate found"},
		{"second block damaged", append(ExportPEM(held(a, AD)), block("CERTIFICATE", damaged)...), "PEM block 2: "},
		{"huge", make([]byte, maxFile+1), "more than 16 MiB"},
		{"BER nested for ever", bytes.Repeat([]byte{0x30, 0x80}, 1<<20), "not PEM: "},
	} {
		if got, err := ParseCertificates(row.data); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %d certificates, error %v, want %q", row.name, len(got), err, row.want)
		}
	}
	if _, err := ParseCertificates(nil); !errors.Is(err, ErrNoCertificate) {
		t.Error(err)
	}
}

func TestImportedRootsNameTheFile(t *testing.T) {
	a := root(t, "A")
	roots, err := ImportRoots(a.Raw, "contoso.cer", now)
	if err != nil || len(roots) != 1 || roots[0].Source != (Source{Kind: Import, Set: "contoso.cer", At: now}) {
		t.Errorf("%+v %v", roots, err)
	}
	if roots[0].Source.String() != "import contoso.cer" || roots[0].Downloaded() {
		t.Errorf("%s", roots[0].Source)
	}
	if _, err := ImportRoots([]byte("x"), "contoso.cer", now); err == nil || !strings.HasPrefix(err.Error(), "contoso.cer: ") {
		t.Error(err)
	}
}

func FuzzParseCertificates(f *testing.F) {
	a, b := root(f, "A"), root(f, "B")
	f.Add(a.Raw)
	f.Add(ExportPEM(held(a, AD), held(b, AD)))
	f.Add(bundle(f, a, b))
	f.Add(block("CERTIFICATE", bundle(f, b)))
	f.Add([]byte(base64.StdEncoding.EncodeToString(a.Raw)))
	f.Fuzz(func(t *testing.T, data []byte) {
		certificates, err := ParseCertificates(data)
		if (err == nil) != (len(certificates) > 0) {
			t.Fatalf("%d certificates and error %v", len(certificates), err)
		}
		for _, c := range certificates {
			r := Root{Certificate: c}
			if r.Subject() == "" || strings.ContainsAny(r.Subject()+r.Key(), "\x1b\n\r\x00") {
				t.Fatalf("subject %q, key %q", r.Subject(), r.Key())
			}
		}
	})
}

func FuzzStoreUnmarshalJSON(f *testing.F) {
	seed, err := json.Marshal(New(held(root(f, "A"), AD), held(root(f, "B"), Factory)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"v":1,"hostTrusted":true,"roots":[]}`))
	f.Add([]byte(`{"v":1,"roots":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again Store
		if json.Unmarshal(data, &s) != nil {
			if s.Len() != 0 {
				t.Fatal("a store out of an error")
			}
			return
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil || again.Len() != s.Len() || again.HostTrusted() != s.HostTrusted() {
			t.Fatalf("does not come back: %v", err)
		}
		s.Reset()
	})
}

func fixedKey(tb testing.TB, n byte) crypto.Signer {
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{n}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func FuzzVerify(f *testing.F) {
	r := mk(f, caTemplate("Root"), nil, fixedKey(f, 1)) // the same in every worker process
	i := mk(f, caTemplate("Issuing"), r, fixedKey(f, 2))
	store := trusting(r)
	f.Add(leaf(f, i).Raw, i.Raw)
	f.Add(leaf(f, r, cnOnly, sha1ECDSA).Raw, r.Raw)
	f.Add(leaf(f, nil).Raw, leaf(f, nil).Raw)
	f.Add(mk(f, leafTemplate(), r, rsa1024()).Raw, ca(f, "Issuing", r, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"contoso.com"} }).Raw)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var presented []*x509.Certificate
		for _, der := range [][]byte{first, second} {
			if c, err := x509.ParseCertificate(der); err == nil {
				presented = append(presented, c)
			}
		}
		v := store.Verify(Request{Chain: presented, Name: pool, At: now, Policy: Policy2007})
		if v.OK == (v.Code != "") || v.Sentence == "" || v.OK && v.NeedsRoot() {
			t.Fatalf("verdict %+v", v)
		}
		if v.Answers[Today].OK && !v.OK {
			t.Fatalf("2007 is stricter than today: %v", v.Details())
		}
		for _, line := range append(v.Details(), v.Sentence, v.Issuer()) {
			if strings.ContainsAny(line, "\x1b\n\r\x00") {
				t.Fatalf("unsafe line %q", line)
			}
		}
	})
}
