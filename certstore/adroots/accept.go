package adroots

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ocphone/ocphone/certstore"
)

// maxValue is the upper range of cACertificate in AD's schema, in octets
// (docs/protocol/trust.md#root-download).
const maxValue = 32768

// value is a value of cACertificate and what ParseRoot says of it.
type value struct {
	dn   string // of the object that holds it
	der  []byte
	cert *x509.Certificate
	err  error // why it is no root
	read bool  // cert and err are set
}

// parse reads the values on all processors, since most of the time of a download
// goes into the self-signatures. A certificate that was downloaded before is not
// verified again. It returns false if ctx ended before all values were read.
func (d *download) parse(ctx context.Context, values []value) bool {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(values) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
			v := &values[i]
			if held, ok := d.Store.FindRaw(v.der); ok && held.Downloaded() {
				v.cert = held.Certificate
			} else {
				v.cert, v.err = ParseRoot(v.der)
			}
			v.read = true
		}
	}
	var others sync.WaitGroup
	for range min(len(values), runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return !slices.ContainsFunc(values, func(v value) bool { return !v.read })
}

// accept adds a value that was read to the roots, counts it as a duplicate, or
// rejects it. It fills in account and time of src.
func (d *download) accept(v value, src certstore.Source) {
	if v.err != nil {
		d.reject(v.dn, v.der, v.err.Error())
		return
	}
	src.Account, src.At = d.account(), d.Now()
	_, stored := d.Store.FindRaw(v.der)
	switch {
	case stored, d.held[string(v.der)]:
		d.Duplicates++
	case len(d.Roots) >= d.MaxRoots:
		d.reject(v.dn, v.der, fmt.Sprintf("above the limit of %d roots", d.MaxRoots))
	default:
		d.held[string(v.der)] = true
		d.Roots = append(d.Roots, certstore.Root{Certificate: v.cert, Source: src})
	}
}

func (d *download) reject(dn string, der []byte, why string) {
	if len(d.Rejected) >= maxRejected {
		d.moreRejected++
		return
	}
	cert, _ := x509.ParseCertificate(der) // nil: no certificate
	d.Rejected = append(d.Rejected, Rejected{dn, cert, printable(why)})
}

// ParseRoot reads a published value as the phone does: it accepts a CA certificate
// that is self-signed (certstore.SelfSigned). It does not check validity, version,
// hash and key: the phone installs every published root, and a verdict refuses
// those that cannot be used (R1.1, docs/protocol/trust.md#decided-for-this-phone).
// The error says why the value is not installed.
func ParseRoot(der []byte) (*x509.Certificate, error) {
	if len(der) == 0 || len(der) > maxValue {
		return nil, fmt.Errorf("%d octets, cACertificate has 1 to %d", len(der), maxValue)
	}
	cert, err := certstore.ParseCertificate(der)
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
