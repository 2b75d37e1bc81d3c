package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	_ "embed"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"sync"
)

// labKeys are PUBLIC RSA-2048 keys, one PEM block after another. Generating one
// such key takes longer than starting the rest of a lab.
//
//go:embed keys.pem
var labKeys []byte

// Bounds of the RSA keys that Like makes.
const (
	minRSABits = 1024 // the smallest that crypto/rsa makes
	maxRSABits = 4096 // generating it takes seconds; limit of OCS 2007 R2 (docs/protocol/trust.md#limits-of-verification)
)

// Keys supplies private keys. It returns each RSA key of the list once and
// generates further ones (about 100 ms each) when the list is used up; ECDSA
// keys are always generated. The zero value is ready to use. Keys is safe for
// concurrent use.
type Keys struct {
	mu      sync.Mutex
	started bool
	rest    []byte // PEM of the keys that were not returned yet
}

// next returns a key for a certificate of the algorithm.
func (k *Keys) next(a Algorithm) (crypto.Signer, error) {
	if a == ECDSAP256SHA256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return k.rsa2048()
}

func (k *Keys) rsa2048() (crypto.Signer, error) {
	k.mu.Lock()
	if !k.started {
		k.started, k.rest = true, labKeys
	}
	var block *pem.Block
	block, k.rest = pem.Decode(k.rest)
	k.mu.Unlock()
	if block == nil {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("lab key: %w", err)
	}
	return key.(*rsa.PrivateKey), nil
}

// newLike returns a key of the same type and size as pub.
func (k *Keys) newLike(pub crypto.PublicKey) (crypto.Signer, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return k.rsa(pub.N.BitLen())
	case *ecdsa.PublicKey:
		return ecdsa.GenerateKey(pub.Curve, rand.Reader)
	case ed25519.PublicKey:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("keys of the type %T are not supported", pub)
}

func (k *Keys) rsa(bits int) (crypto.Signer, error) {
	if bits == 2048 {
		return k.rsa2048()
	}
	return rsa.GenerateKey(rand.Reader, min(max(bits, minRSABits), maxRSABits))
}

// keyID is the subject key identifier of RFC 5280 4.2.1.2 (1).
func keyID(pub crypto.PublicKey) []byte {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err == nil {
		_, err = asn1.Unmarshal(der, &info)
	}
	if err != nil {
		return nil // an unsupported key: CreateCertificate returns the error
	}
	id := sha1.Sum(info.Key.Bytes)
	return id[:]
}

func (a Algorithm) hash() crypto.Hash {
	if a == RSA2048SHA1 {
		return crypto.SHA1
	}
	return crypto.SHA256
}

// signatureAlgorithm returns the algorithm of a signature by key with hash.
func signatureAlgorithm(key crypto.Signer, hash crypto.Hash) x509.SignatureAlgorithm {
	for algorithm, s := range signatures {
		if s.family == family(key) && !s.pss && (s.hash == hash || s.hash == 0) {
			return algorithm
		}
	}
	return x509.UnknownSignatureAlgorithm
}
