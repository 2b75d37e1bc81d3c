package certstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
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

func pemOf(all ...*made) (b []byte) {
	for _, m := range all {
		b = append(b, block("CERTIFICATE", m.Raw)...)
	}
	return b
}

func inUTF16(order binary.AppendByteOrder, mark string, text []byte) (b []byte) {
	for _, r := range mark + string(text) {
		b = order.AppendUint16(b, uint16(r))
	}
	return b
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
		{"PEM with a byte order mark", append([]byte("\ufeff"), pemOf(a, b)...), 2},
		{"PEM files with byte order marks, joined", append(append([]byte("\ufeff"), pemOf(a)...), append([]byte("\ufeff"), pemOf(b)...)...), 2},
		{"indented PEM", append([]byte("  "), pemOf(a, b)...), 2},
		{"PEM in UTF-16LE with a mark", inUTF16(binary.LittleEndian, "\ufeff", pemOf(a, b)), 2},
		{"PEM in UTF-16BE with a mark", inUTF16(binary.BigEndian, "\ufeff", pemOf(a, b)), 2},
		{"PEM in UTF-16LE without a mark", inUTF16(binary.LittleEndian, "", pemOf(a, b)), 2},
		{"bare base64 in UTF-16LE", inUTF16(binary.LittleEndian, "", base64Lines(a.Raw)), 1},
		{"a damaged key between", append(append(pemOf(a), "-----BEGIN PRIVATE KEY-----\n!\n"...), pemOf(b)...), 2},
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
		{"first block cut off", append(pemOf(a)[:200], pemOf(b)...), "PEM block 1: a line of it is damaged or missing"},
		{"last block cut off", append(pemOf(a), pemOf(b)[:200]...), "PEM block 2: a line of it is damaged or missing"},
		{"line of the first block damaged", append(bytes.Replace(pemOf(a), []byte("MII"), []byte("M!I"), 1), pemOf(b)...), "PEM block 1: a line of it is damaged or missing"},
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
	f.Add(inUTF16(binary.LittleEndian, "", pemOf(a, b)))
	f.Add(append([]byte("\ufeff"), pemOf(a)...))
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

// TestNegativeSerialNumberNamesTheLineOfGoMod: a module that imports this one does
// not inherit its godebug lines.
func TestNegativeSerialNumberNamesTheLineOfGoMod(t *testing.T) {
	a := root(t, "A")
	serial, err := asn1.Marshal(a.SerialNumber)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(a.Raw, serial) + 2
	negative := bytes.Clone(a.Raw)
	negative[at] |= 0x80
	stored, err := json.Marshal(New(held(a, AD)))
	if err != nil {
		t.Fatal(err)
	}
	stored = bytes.ReplaceAll(stored, []byte(base64.StdEncoding.EncodeToString(a.Raw)), []byte(base64.StdEncoding.EncodeToString(negative)))
	parse := map[string]func() error{
		"ParseCertificate":  func() error { _, err := ParseCertificate(negative); return err },
		"ParseCertificates": func() error { _, err := ParseCertificates(block("CERTIFICATE", negative)); return err },
		"PKCS#7": func() error {
			_, err := ParseCertificates(bundle(t, &made{Certificate: &x509.Certificate{Raw: negative}}))
			return err
		},
		"ImportRoots":   func() error { _, err := ImportRoots(negative, "a.cer", now); return err },
		"UnmarshalJSON": func() error { return new(Store).UnmarshalJSON(stored) },
	}
	for name, f := range parse {
		if err := f(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("GODEBUG", "x509negativeserial=0") // as in another module
	for name, f := range parse {
		if err := f(); err == nil || !strings.Contains(err.Error(), "go.mod") || !strings.Contains(err.Error(), "godebug x509negativeserial=1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if other := errors.New("x509: malformed"); withRemedy(other) != other || withRemedy(nil) != nil {
		t.Error("another error is changed")
	}
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
