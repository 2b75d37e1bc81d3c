// Package pki makes the certificates of a lab: an enterprise CA as Active
// Directory Certificate Services of 2007 builds it, a "public" CA for the Edge,
// server certificates, and every defect that a phone must refuse.
//
// Good certificates follow RFC 5280; the defects are those of
// docs/protocol/trust.md#trust-root-certificates-download-reset. The certificates
// protect nothing: the RSA keys come from a published list (keys.pem), so that a
// PKI is ready within milliseconds. Never trust a root of this package outside a
// lab.
//
// Use it so:
//
//	p, err := pki.New(pki.Options{}, pki.Names{})                     // as in 2007
//	cert, err := p.Issuing.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}})
//	bad, err := p.Issuing.Issue(pki.Leaf{Names: …, Defect: pki.Expired})
//	published := p.Enterprise.Certificate.Raw                         // for certutil -dspublish
//
// NewRoot, NewRootV1 and Authority.NewIntermediate make single authorities.
// Load reads a chain from PEM files. Like copies the shape of another chain.
package pki

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// Algorithm is the kind of key and signature that an authority works with.
type Algorithm int

// The algorithms.
const (
	RSA2048SHA1     Algorithm = iota // usual in 2007
	RSA2048SHA256                    // firmware 1.0.x cannot verify it (docs/protocol/trust.md#limits-of-verification)
	ECDSAP256SHA256                  // usual today
)

// Validity periods. A client whose clock is a year slow finds every leaf not
// yet valid; a client whose clock is a year fast finds a one-year leaf expired.
const (
	rootYears         = 10 // before and after now
	intermediateYears = 5  // before and after now
	leafYears2007     = 2  // default of the web server template in AD CS
	leafYears         = 1  // about the maximum of a public CA today
	leafAge           = 30 * 24 * time.Hour
)

// Options control how certificates are made. The zero value makes certificates
// of 2007 at the host's time. Authorities below a root inherit its options
// except NotBefore and NotAfter.
type Options struct {
	// Algorithm is RSA2048SHA1 when zero. A leaf is valid for two years with
	// RSA2048SHA1 and for one year otherwise.
	Algorithm Algorithm
	// Now is called for each certificate; nil means time.Now.
	Now func() time.Time
	// NotBefore and NotAfter bound the validity of a root. Zero means ten years
	// before and after Now. Set them to make an expired root.
	NotBefore, NotAfter time.Time
	// Keys supplies the private keys. Authorities of one deployment should share
	// it, so that no key occurs twice. Nil means a new one.
	Keys *Keys
}

// Names are the distinguished names of a PKI in RFC 4514 form, most specific
// part first. An empty name means the constant below.
type Names struct{ Enterprise, Issuing, Public string }

// The default names of the authorities.
const (
	EnterpriseName = "CN=Contoso Root CA,DC=contoso,DC=com"
	IssuingName    = "CN=Contoso Issuing CA,DC=contoso,DC=com"
	PublicName     = "CN=Adatum Public Root CA,O=A. Datum Corporation,C=US"
)

// PKI holds the authorities of a deployment: the two tiers of the enterprise
// and a commercial root, which issues the certificate of the Edge.
type PKI struct {
	Enterprise *Authority // root
	Issuing    *Authority // below Enterprise
	Public     *Authority // root
}

// New makes the three authorities of a deployment.
func New(o Options, n Names) (*PKI, error) {
	o = o.withDefaults()
	var p PKI
	var err error
	if p.Enterprise, err = NewRoot(cmp.Or(n.Enterprise, EnterpriseName), o); err != nil {
		return nil, err
	}
	if p.Issuing, err = p.Enterprise.NewIntermediate(cmp.Or(n.Issuing, IssuingName)); err != nil {
		return nil, err
	}
	if p.Public, err = NewRoot(cmp.Or(n.Public, PublicName), o); err != nil {
		return nil, err
	}
	return &p, nil
}

// Authority is a certification authority with its private key. Its methods are
// safe for concurrent use.
type Authority struct {
	Name        string // distinguished name, as given
	Certificate *x509.Certificate
	Key         crypto.Signer
	Parent      *Authority // nil for a root

	options Options
}

// NewRoot makes a self-signed root. A name without "=" is a common name.
func NewRoot(name string, o Options) (*Authority, error) {
	o = o.withDefaults()
	notBefore, notAfter := o.validityAround(rootYears)
	if !o.NotBefore.IsZero() {
		notBefore = o.NotBefore
	}
	if !o.NotAfter.IsZero() {
		notAfter = o.NotAfter
	}
	return newAuthority(name, nil, authorityTemplate(notBefore, notAfter), o)
}

// NewRootV1 makes a version 1 root. It has no extensions, therefore no
// basicConstraints. Old public roots and many roots in AD are of this kind.
func NewRootV1(name string, o Options) (*Authority, error) {
	a, err := NewRoot(name, o)
	if err != nil {
		return nil, err
	}
	a.Certificate, err = editAndSign(a.Certificate, a.Certificate.SignatureAlgorithm, a.Key, func(t *tbsCertificate) {
		t.Version, t.Extensions = 0, nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// NewIntermediate makes an authority below a.
func (a *Authority) NewIntermediate(name string) (*Authority, error) {
	return newAuthority(name, a, authorityTemplate(a.options.validityAround(intermediateYears)), a.options)
}

// Root returns the authority at the top of a's chain.
func (a *Authority) Root() *Authority {
	for a.Parent != nil {
		a = a.Parent
	}
	return a
}

// Pool returns a pool with a's certificate, to verify certificates issued by a.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// PEM returns a's certificate in PEM form; the DER form is Certificate.Raw.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})
}

// chain returns the certificates of a's chain without the root: RFC 8446 4.4.2
// lets a server omit the root, and Schannel does.
func (a *Authority) chain() [][]byte {
	var chain [][]byte
	for ; a.Parent != nil; a = a.Parent {
		chain = append(chain, a.Certificate.Raw)
	}
	return chain
}

// newAuthority makes a key and signs template with the key of parent, or with
// the new key if parent is nil.
func newAuthority(name string, parent *Authority, template *x509.Certificate, o Options) (*Authority, error) {
	subject, err := encodeName(name)
	if err != nil {
		return nil, err
	}
	template.RawSubject = subject
	a := &Authority{Name: name, Parent: parent, options: o}
	if a.Key, err = o.Keys.next(o.Algorithm); err != nil {
		return nil, err
	}
	issuer, signer := template, a.Key
	if parent != nil {
		issuer, signer = parent.Certificate, parent.Key
	}
	if a.Certificate, err = create(template, issuer, a.Key, signer, o.Algorithm.hash()); err != nil {
		return nil, err
	}
	return a, nil
}

// authorityTemplate returns the template of a CA certificate as AD CS makes it.
func authorityTemplate(notBefore, notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
}

// create signs template with a random positive serial number (RFC 5280 4.1.2.2).
func create(
	template, issuer *x509.Certificate, key, signer crypto.Signer, hash crypto.Hash,
) (*x509.Certificate, error) {
	template.SubjectKeyId = keyID(key.Public())
	template.SignatureAlgorithm = signatureAlgorithm(signer, hash)
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// validityAround returns a validity period of the given years before and after now.
func (o Options) validityAround(years int) (notBefore, notAfter time.Time) {
	now := o.Now()
	return now.AddDate(-years, 0, 0), now.AddDate(years, 0, 0)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keys == nil {
		o.Keys = new(Keys)
	}
	return o
}
