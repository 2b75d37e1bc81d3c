package adroots

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/ocphone/ocphone/certstore"
)

// maxValue is the upper range of cACertificate in AD's schema, in octets
// (docs/protocol/trust.md#root-download).
const maxValue = 32768

// maxRSABits bounds the time that the check of a self-signature takes.
const maxRSABits = 16384

// accept adds a value to the roots, counts it as a duplicate, or rejects it. It
// fills in account and time of src.
func (d *download) accept(dn string, value []byte, src certstore.Source) {
	cert, err := ParseRoot(value)
	if err != nil {
		d.reject(dn, err.Error())
		return
	}
	src.Account, src.At = d.account(), d.Now()
	root := certstore.Root{Certificate: cert, Source: src}
	_, stored := d.Store.Find(root.Fingerprint())
	switch {
	case stored, d.held[string(cert.Raw)]:
		d.Duplicates++
	case len(d.Roots) >= d.MaxRoots:
		d.reject(dn, fmt.Sprintf("above the limit of %d roots", d.MaxRoots))
	default:
		d.held[string(cert.Raw)] = true
		d.Roots = append(d.Roots, root)
	}
}

func (d *download) reject(dn, why string) {
	if len(d.Rejected) >= maxRejected {
		d.moreRejected++
		return
	}
	d.Rejected = append(d.Rejected, Rejected{dn, printable(why)})
}

// ParseRoot reads a published value as the phone does: it accepts a self-signed
// CA certificate. It does not check validity, version and hash: the phone installs
// every published root, and a verdict refuses bad ones later (R1.1). The error
// says why the value is not installed.
func ParseRoot(value []byte) (*x509.Certificate, error) {
	if len(value) == 0 || len(value) > maxValue {
		return nil, fmt.Errorf("%d octets, cACertificate has 1 to %d", len(value), maxValue)
	}
	cert, err := x509.ParseCertificate(value)
	if err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	if cert.BasicConstraintsValid && !cert.IsCA {
		return nil, errors.New("not a CA: basicConstraints says so")
	}
	if !bytes.Equal(cert.RawIssuer, cert.RawSubject) {
		return nil, errors.New("not self-signed: issued by another CA")
	}
	if k, ok := cert.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() > maxRSABits {
		return nil, fmt.Errorf("an RSA key of %d bits", k.N.BitLen())
	}
	err = cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	var insecure x509.InsecureAlgorithmError
	if err != nil && !errors.As(err, &insecure) && !errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return nil, fmt.Errorf("not self-signed: %w", err)
	}
	return cert, nil // a signature that crypto/x509 cannot verify (MD5) is accepted: the trust comes from the directory
}
