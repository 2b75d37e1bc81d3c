package certstore

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// maxFile is the largest input of ParseCertificates, in bytes. The bundle of a
// Linux distribution has 250 kB.
const maxFile = 16 << 20

// ErrNoCertificate is returned by ParseCertificates for data without a certificate.
var ErrNoCertificate = errors.New("no certificate found")

// ParseCertificates reads the certificates of a file: PEM with any number of
// blocks, DER, or a PKCS#7 bundle (.p7b), each also as bare base64 without
// header lines. Text may be UTF-8 or UTF-16 (journal.DecodeText). Blocks of other
// kinds, such as keys, are skipped. A certificate that is not whole or cannot be
// parsed is an error for the whole file, so that no other one is taken for it.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	bad, err := eachCertificate(data, func(c *x509.Certificate) { all = append(all, c) })
	switch {
	case err != nil:
		return nil, err
	case bad != nil:
		return nil, bad
	case len(all) == 0:
		return nil, ErrNoCertificate
	}
	return all, nil
}

// eachCertificate calls f for each certificate in data. It skips certificates that
// cannot be parsed; bad is the error of the first one.
func eachCertificate(data []byte, f func(*x509.Certificate)) (bad, err error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("more than %d MiB cannot be a file of certificates", maxFile>>20)
	}
	add := func(what string, der []byte) {
		certificates, err := parseBlock(der)
		if err != nil && bad == nil {
			bad = fmt.Errorf("%s: %w", what, err)
		}
		for _, c := range certificates {
			f(c)
		}
	}
	text := journal.DecodeText(data)
	begins := pemBegin.FindAllSubmatchIndex(text, -1)
	if len(begins) == 0 {
		text = bytes.Join(bytes.Fields(text), nil)
		if der, err := base64.StdEncoding.DecodeString(string(text)); err == nil && len(der) > 0 {
			data = der
		}
		add("not PEM", data)
		return bad, nil
	}
	for n, at := range begins {
		end := len(text)
		if n+1 < len(begins) {
			end = begins[n+1][0]
		}
		if !isCertificate[string(text[at[2]:at[3]])] {
			continue
		}
		what := fmt.Sprintf("PEM block %d", n+1)
		if block, _ := pem.Decode(text[at[0]:end]); block != nil {
			add(what, block.Bytes)
		} else if bad == nil {
			bad = fmt.Errorf("%s: a line of it is damaged or missing", what)
		}
	}
	return bad, nil
}

// pemBegin finds the beginning of a PEM block (RFC 7468 3), also where pem.Decode
// does not: after a byte order mark or blanks.
var pemBegin = regexp.MustCompile(`-----BEGIN ([A-Z0-9 ]+)-----`)

// isCertificate are the labels of PEM blocks that hold certificates.
var isCertificate = map[string]bool{
	"CERTIFICATE":         true,
	"X509 CERTIFICATE":    true,
	"TRUSTED CERTIFICATE": true,
	"PKCS7":               true,
	"CERTIFICATE CHAIN":   true,
}

// parseBlock reads certificates or PKCS#7, independent of the block type: web
// enrolment serves its .p7b as a block of type CERTIFICATE (docs/protocol/trust.md#root-download).
func parseBlock(der []byte) ([]*x509.Certificate, error) {
	if bundle, is := pkcs7Certificates(der); is {
		der = bundle
	}
	all, err := x509.ParseCertificates(der)
	return all, withRemedy(err)
}

// ParseCertificate is x509.ParseCertificate. Its error includes ParseRemedy.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	return c, withRemedy(err)
}

// ParseRemedy says what to change if crypto/x509 or crypto/tls refuses a
// certificate for a setting of the program (docs/go.md#negative-serial-numbers).
// It is empty if the certificate is at fault.
func ParseRemedy(err error) string {
	const negative = "x509: negative serial number" // crypto/x509 has no error value for it
	if err == nil || !strings.Contains(err.Error(), negative) {
		return ""
	}
	return "Add the line `godebug x509negativeserial=1` to the go.mod of the program: without it Go refuses negative " +
		"serial numbers."
}

func withRemedy(err error) error {
	if remedy := ParseRemedy(err); remedy != "" {
		return fmt.Errorf("%w (%s)", err, remedy)
	}
	return err
}

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// pkcs7Certificates returns the concatenated certificates of a SignedData
// (RFC 2315 9.1). It reads DER only, the encoding of certificate bundles. The
// indefinite lengths of BER would need a recursive parser.
func pkcs7Certificates(der []byte) (certificates []byte, is bool) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil || !outer.Type.Equal(oidSignedData) {
		return nil, false
	}
	var signed struct {
		Version      int
		Digests      asn1.RawValue
		Content      asn1.RawValue
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		CRLs         asn1.RawValue `asn1:"optional,tag:1"`
		Signers      asn1.RawValue
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &signed); err != nil {
		return nil, false
	}
	return signed.Certificates.Bytes, true
}

// ImportRoots reads a file of certificates (see ParseCertificates) as roots with
// source Import. name is the file's name, at the time by the phone's clock.
//
// The real phone has no import (docs/protocol/trust.md#root-download). The next
// reset removes imported roots (R1.3).
func ImportRoots(data []byte, name string, at time.Time) ([]Root, error) {
	certificates, err := ParseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rootsOf(certificates, Source{Kind: Import, Set: name, At: at}), nil
}

func rootsOf(certificates []*x509.Certificate, from Source) []Root {
	var roots []Root
	for _, c := range certificates {
		roots = append(roots, Root{Certificate: c, Source: from})
	}
	return roots
}

// ExportPEM returns roots as PEM, each after a comment line with its subject and
// source.
func ExportPEM(roots ...Root) []byte {
	var b bytes.Buffer
	for _, r := range roots {
		if r.Certificate == nil {
			continue
		}
		fmt.Fprintf(&b, "# %s (%s)\n", r.Subject(), journal.Printable(r.Source.String(), 0))
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate.Raw}))
	}
	return b.Bytes()
}
