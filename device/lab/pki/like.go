package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// maxChain bounds the length of a chain for Like, in certificates.
const maxChain = 16

// Like makes a chain in the shape of the given one, leaf first as a server
// presents it. It keeps names, serial numbers, validity, extensions (unknown and
// critical ones too) and signature algorithms. It replaces each key by a new one
// of the same type and size (RSA within 1024 to 4096 bits) and adapts the key
// identifiers. A lab can so use the certificates of a real deployment without
// their private keys.
//
// Roots are the certificates to publish for the chain: a substitute for each
// issuer that the chain lacks, valid from a year before to a year after the
// certificate that it issued, and a copy of each self-signed CA in the chain. A
// self-signed leaf has no root. A missing intermediate looks the same as a
// missing root, therefore its substitute is a root. A signature algorithm that
// is not supported (MD2) becomes RSA with SHA-1. Keys may be nil.
func Like(chain []*x509.Certificate, keys *Keys) (roots []*x509.Certificate, server tls.Certificate, err error) {
	if len(chain) == 0 || len(chain) > maxChain {
		return nil, server, fmt.Errorf("a chain of %d certificates; 1 to %d can be copied", len(chain), maxChain)
	}
	if keys == nil {
		keys = new(Keys)
	}
	l := chainCopier{chain: chain, source: keys, keys: map[string]crypto.Signer{}, missing: map[string]crypto.Signer{}}
	for i, c := range chain {
		made, err := l.copy(c)
		if err != nil {
			return nil, tls.Certificate{}, err
		}
		server.Certificate = append(server.Certificate, made.Raw)
		key := l.keys[string(c.RawSubjectPublicKeyInfo)]
		if i == 0 {
			server.Leaf, server.PrivateKey = made, key
		}
		if selfIssued(c) && (c.IsCA || c.Version == 1) {
			l.roots = append(l.roots, made)
		}
	}
	return l.roots, server, nil
}

// chainCopier is one call of Like.
type chainCopier struct {
	chain   []*x509.Certificate
	source  *Keys
	keys    map[string]crypto.Signer // by the original public key, which cross-certificates share
	missing map[string]crypto.Signer // keys of the substituted issuers, by name
	roots   []*x509.Certificate
}

// copy makes the copy of c.
func (l *chainCopier) copy(c *x509.Certificate) (*x509.Certificate, error) {
	key, err := l.key(c)
	if err != nil {
		return nil, err
	}
	signer, err := l.signer(c)
	if err != nil {
		return nil, err
	}
	info, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	algorithm := c.SignatureAlgorithm
	_, known := signatures[algorithm]
	if !known {
		algorithm = x509.SHA1WithRSA
	}
	return editAndSign(c, algorithm, signer, func(t *tbsCertificate) {
		t.PublicKey = asn1.RawValue{FullBytes: info}
		if !known {
			t.Signature = pkix.AlgorithmIdentifier{Algorithm: oidSHA1WithRSA, Parameters: asn1.NullRawValue}
		}
		for i, e := range t.Extensions {
			switch {
			case e.Id.Equal(oidSubjectKeyID): // OCTET STRING
				t.Extensions[i].Value = append([]byte{4, 20}, keyID(key.Public())...)
			case e.Id.Equal(oidAuthorityKeyID): // SEQUENCE { [0] }
				t.Extensions[i].Value = append([]byte{0x30, 22, 0x80, 20}, keyID(signer.Public())...)
			}
		}
	})
}

var (
	oidSHA1WithRSA    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}
	oidSubjectKeyID   = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// key returns the new key that replaces c's.
func (l *chainCopier) key(c *x509.Certificate) (crypto.Signer, error) {
	id := string(c.RawSubjectPublicKeyInfo)
	if key, ok := l.keys[id]; ok {
		return key, nil
	}
	key, err := l.source.newLike(c.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", c.Subject, err)
	}
	l.keys[id] = key
	return key, nil
}

// signer returns the new key of c's issuer.
func (l *chainCopier) signer(c *x509.Certificate) (crypto.Signer, error) {
	if selfIssued(c) {
		return l.key(c)
	}
	var issuer *x509.Certificate
	for _, p := range l.chain {
		if !bytes.Equal(p.RawSubject, c.RawIssuer) {
			continue
		}
		if issuer == nil || bytes.Equal(p.SubjectKeyId, c.AuthorityKeyId) {
			issuer = p
		}
	}
	if issuer != nil {
		return l.key(issuer)
	}
	return l.missingRoot(c)
}

// missingRoot makes a substitute for c's issuer, which the chain lacks, and
// returns its key.
func (l *chainCopier) missingRoot(c *x509.Certificate) (crypto.Signer, error) {
	if key := l.missing[string(c.RawIssuer)]; key != nil {
		return key, nil
	}
	key, err := l.source.newLike(issuerKey(c))
	if err != nil {
		return nil, fmt.Errorf("issuer of %q: %w", c.Subject, err)
	}
	t := authorityTemplate(c.NotBefore.AddDate(-1, 0, 0), c.NotAfter)
	if after := c.NotAfter.AddDate(1, 0, 0); after.Year() <= 9999 { // the last year in GeneralizedTime
		t.NotAfter = after
	}
	t.RawSubject = c.RawIssuer
	hash := crypto.SHA256
	if c.SignatureAlgorithm != x509.PureEd25519 && signatures[c.SignatureAlgorithm].hash.Size() <= crypto.SHA1.Size() {
		hash = crypto.SHA1
	}
	root, err := create(t, t, key, key, hash)
	if err != nil {
		return nil, fmt.Errorf("issuer of %q: %w", c.Subject, err)
	}
	l.missing[string(c.RawIssuer)] = key
	l.roots = append(l.roots, root)
	return key, nil
}

// issuerKey returns a public key of the type and size of the key that signed c.
func issuerKey(c *x509.Certificate) crypto.PublicKey {
	switch signatures[c.SignatureAlgorithm].family {
	case x509.ECDSA:
		curve := elliptic.P521()
		switch n := len(c.Signature); { // two integers of the curve's size and 6 to 9 bytes of DER
		case n <= 2*32+9:
			curve = elliptic.P256()
		case n <= 2*48+9:
			curve = elliptic.P384()
		}
		return &ecdsa.PublicKey{Curve: curve}
	case x509.Ed25519:
		return ed25519.PublicKey(nil)
	}
	return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(max(8*len(c.Signature), 1)-1))}
}

// selfIssued reports whether c's issuer and subject are the same name.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }
