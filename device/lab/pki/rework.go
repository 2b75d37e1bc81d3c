package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/ocphone/ocphone/certstore"
)

// tbsCertificate is the signed part of a certificate (RFC 5280 4.1). Fields
// that are not edited keep their encoding byte for byte.
type tbsCertificate struct {
	Version         int `asn1:"optional,explicit,default:0,tag:0"`
	SerialNumber    *big.Int
	Signature       pkix.AlgorithmIdentifier
	Issuer          asn1.RawValue
	Validity        asn1.RawValue
	Subject         asn1.RawValue
	PublicKey       asn1.RawValue
	UniqueID        asn1.BitString   `asn1:"optional,tag:1"`
	SubjectUniqueID asn1.BitString   `asn1:"optional,tag:2"`
	Extensions      []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

// signatures describes the supported algorithms. Hash 0 signs the message itself.
var signatures = map[x509.SignatureAlgorithm]struct {
	family x509.PublicKeyAlgorithm
	hash   crypto.Hash
	pss    bool
}{
	x509.MD5WithRSA:       {x509.RSA, crypto.MD5, false},
	x509.SHA1WithRSA:      {x509.RSA, crypto.SHA1, false},
	x509.SHA256WithRSA:    {x509.RSA, crypto.SHA256, false},
	x509.SHA384WithRSA:    {x509.RSA, crypto.SHA384, false},
	x509.SHA512WithRSA:    {x509.RSA, crypto.SHA512, false},
	x509.SHA256WithRSAPSS: {x509.RSA, crypto.SHA256, true},
	x509.SHA384WithRSAPSS: {x509.RSA, crypto.SHA384, true},
	x509.SHA512WithRSAPSS: {x509.RSA, crypto.SHA512, true},
	x509.ECDSAWithSHA1:    {x509.ECDSA, crypto.SHA1, false},
	x509.ECDSAWithSHA256:  {x509.ECDSA, crypto.SHA256, false},
	x509.ECDSAWithSHA384:  {x509.ECDSA, crypto.SHA384, false},
	x509.ECDSAWithSHA512:  {x509.ECDSA, crypto.SHA512, false},
	x509.PureEd25519:      {x509.Ed25519, 0, false},
}

// editAndSign edits a certificate in ways that x509.CreateCertificate refuses,
// and signs it again. The edited certificate must name the algorithm.
func editAndSign(
	c *x509.Certificate, algorithm x509.SignatureAlgorithm, signer crypto.Signer, edit func(*tbsCertificate),
) (*x509.Certificate, error) {
	var t tbsCertificate
	if rest, err := asn1.Unmarshal(c.RawTBSCertificate, &t); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("certificate %q cannot be parsed: %v", c.Subject, err)
	}
	edit(&t)
	tbs, err := asn1.Marshal(t)
	if err != nil {
		return nil, err
	}
	s, ok := signatures[algorithm]
	if !ok || s.family != family(signer) {
		return nil, fmt.Errorf("certificate %q: %v cannot be made with a key of type %v",
			c.Subject, algorithm, family(signer))
	}
	digest, opts := tbs, crypto.SignerOpts(s.hash)
	if s.hash != 0 {
		h := s.hash.New()
		h.Write(tbs)
		digest = h.Sum(nil)
	}
	if s.pss {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	}
	signature, err := signer.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, t.Signature, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return nil, err
	}
	return certstore.ParseCertificate(der)
}

func family(key crypto.Signer) x509.PublicKeyAlgorithm {
	switch key.Public().(type) {
	case *rsa.PublicKey:
		return x509.RSA
	case *ecdsa.PublicKey:
		return x509.ECDSA
	case ed25519.PublicKey:
		return x509.Ed25519
	}
	return x509.UnknownPublicKeyAlgorithm
}
