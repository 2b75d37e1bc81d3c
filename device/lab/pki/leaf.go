package pki

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Leaf is a request for a server certificate.
type Leaf struct {
	// Names are the DNS names or IP addresses of the subject alternative name, at
	// least one. The first is the common name too.
	Names []string
	// Subject is the distinguished name; empty means CN=<first name>.
	Subject string
	// ClientAuth adds client authentication to the extended key usage. Without it
	// the usage is server authentication only.
	ClientAuth bool
	// NotBefore and NotAfter bound the validity. Zero means 30 days ago, and one
	// or two years after NotBefore (see Options.Algorithm).
	NotBefore, NotAfter time.Time
	// Defect is a defect of the certificate or its chain; empty means none.
	Defect Defect
}

// Issue makes a server certificate with a new key. The result holds the chain
// without the root, as a server sends it. An unknown defect is an error.
func (a *Authority) Issue(l Leaf) (tls.Certificate, error) {
	d, err := a.draft(l)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := l.Defect.apply(d); err != nil {
		return tls.Certificate{}, err
	}
	return d.sign()
}

// draft is a certificate before it is signed; defects change it.
type draft struct {
	names      []string
	subject    string
	template   *x509.Certificate
	issuer     *Authority
	key        crypto.Signer // nil: the next of the issuer's Keys
	hash       crypto.Hash
	selfSigned bool
	leafOnly   bool                  // the chain omits the intermediates
	edit       func(*tbsCertificate) // a change that x509.CreateCertificate refuses; may be nil
	err        error                 // of a defect
}

func (a *Authority) draft(l Leaf) (*draft, error) {
	if len(l.Names) == 0 {
		return nil, errors.New("a server certificate needs a name")
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if l.ClientAuth {
		usage = append(usage, x509.ExtKeyUsageClientAuth)
	}
	t := &x509.Certificate{
		NotBefore:   l.NotBefore,
		NotAfter:    l.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: usage,
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = a.options.Now().Add(-leafAge)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = t.NotBefore.AddDate(a.options.leafYears(), 0, 0)
	}
	return &draft{names: l.Names, subject: l.Subject, template: t, issuer: a, hash: a.options.Algorithm.hash()}, nil
}

func (d *draft) sign() (tls.Certificate, error) {
	var none tls.Certificate
	var err error
	if d.subject == "" {
		d.subject = "CN=" + escapeValue(d.names[0])
	}
	if d.template.RawSubject, err = encodeName(d.subject); err != nil {
		return none, err
	}
	if d.key == nil {
		if d.key, err = d.issuer.options.Keys.next(d.issuer.options.Algorithm); err != nil {
			return none, err
		}
	}
	issuer, signer, chain := d.issuer.Certificate, d.issuer.Key, d.issuer.chain()
	if d.selfSigned {
		issuer, signer, chain = d.template, d.key, nil
	}
	if d.leafOnly {
		chain = nil
	}
	leaf, err := create(d.template, issuer, d.key, signer, d.hash)
	if err == nil && d.edit != nil {
		leaf, err = editAndSign(leaf, leaf.SignatureAlgorithm, signer, d.edit)
	}
	if err != nil {
		return none, err
	}
	return tls.Certificate{Certificate: append([][]byte{leaf.Raw}, chain...), PrivateKey: d.key, Leaf: leaf}, nil
}

// setNames puts d's names into the subject alternative name.
func (d *draft) setNames() {
	d.template.DNSNames, d.template.IPAddresses = nil, nil
	for _, n := range d.names {
		if ip := net.ParseIP(n); ip != nil {
			d.template.IPAddresses = append(d.template.IPAddresses, ip)
		} else {
			d.template.DNSNames = append(d.template.DNSNames, n)
		}
	}
}

func (o Options) leafYears() int {
	if o.Algorithm == RSA2048SHA1 {
		return leafYears2007
	}
	return leafYears
}

// maxFile bounds the input of Load, in bytes.
const maxFile = 256 << 10

// Load reads a certificate chain, leaf first, and its unencrypted private key
// from PEM data, such as the files of a real server.
func Load(chainPEM, keyPEM []byte) (tls.Certificate, error) {
	if len(chainPEM) > maxFile || len(keyPEM) > maxFile {
		return tls.Certificate{}, fmt.Errorf("a chain or key has at most %d KiB", maxFile>>10)
	}
	chainPEM, keyPEM = journal.DecodeText(chainPEM), journal.DecodeText(keyPEM)
	if bytes.Contains(keyPEM, []byte("ENCRYPTED")) {
		return tls.Certificate{}, errors.New(
			"the private key is encrypted: decrypt it first (openssl pkey -in key.pem -out plain.pem)")
	}
	return tls.X509KeyPair(chainPEM, keyPEM)
}
