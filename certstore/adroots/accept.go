package adroots

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/ocphone/ocphone/certstore"
)

// maxValue is the upper range of cACertificate in AD's schema, in octets
// (docs/protocol/trust.md#root-download).
const maxValue = 32768

// accept adds a value to the roots, counts it as a duplicate, or rejects it. It
// fills in account and time of src.
func (d *download) accept(dn string, value []byte, src certstore.Source) {
	cert, err := ParseRoot(value)
	if err != nil {
		d.reject(dn, value, err.Error())
		return
	}
	src.Account, src.At = d.account(), d.Now()
	root := certstore.Root{Certificate: cert, Source: src}
	_, stored := d.Store.Find(root.Fingerprint())
	switch {
	case stored, d.held[string(cert.Raw)]:
		d.Duplicates++
	case len(d.Roots) >= d.MaxRoots:
		d.reject(dn, value, fmt.Sprintf("above the limit of %d roots", d.MaxRoots))
	default:
		d.held[string(cert.Raw)] = true
		d.Roots = append(d.Roots, root)
	}
}

func (d *download) reject(dn string, value []byte, why string) {
	if len(d.Rejected) >= maxRejected {
		d.moreRejected++
		return
	}
	cert, _ := x509.ParseCertificate(value) // nil: no certificate
	d.Rejected = append(d.Rejected, Rejected{dn, cert, printable(why)})
}

// ParseRoot reads a published value as the phone does: it accepts a CA certificate
// that is self-signed (certstore.SelfSigned). It does not check validity, version,
// hash and key: the phone installs every published root, and a verdict refuses
// those that cannot be used (R1.1, docs/protocol/trust.md#decided-for-this-phone).
// The error says why the value is not installed.
func ParseRoot(value []byte) (*x509.Certificate, error) {
	if len(value) == 0 || len(value) > maxValue {
		return nil, fmt.Errorf("%d octets, cACertificate has 1 to %d", len(value), maxValue)
	}
	cert, err := certstore.ParseCertificate(value)
	if err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	if cert.BasicConstraintsValid && !cert.IsCA {
		return nil, errors.New("not a CA: basicConstraints says so")
	}
	if err := certstore.SelfSigned(cert); err != nil {
		return nil, err
	}
	return cert, nil
}
