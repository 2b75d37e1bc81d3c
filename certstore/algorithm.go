package certstore

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/ocphone/ocphone/device/journal"
)

// Bounds of RSA keys.
const (
	minRSABits = 1024  // crypto/rsa refuses to verify below
	maxRSABits = 16384 // larger keys take seconds; crypto/tls refuses those above 8192
)

type hashKind int

const (
	hashUnsupported hashKind = iota // MD2, MD5, DSA, unknown: crypto/x509 does not verify these
	hashSHA1
	hashSHA2 // and newer
)

func hashOf(c *x509.Certificate) hashKind {
	switch c.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		return hashSHA1
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return hashSHA2
	}
	return hashUnsupported
}

// unusableKey says why no signature can be verified with the key of c, as the
// rest of a sentence that begins with c, and the code and rule of such a key.
// The text is empty for a key that can be used.
func unusableKey(c *x509.Certificate) (text string, code journal.Code, rule string) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		bits := k.N.BitLen()
		if bits < minRSABits {
			return fmt.Sprintf("has a key of %d bits; less than %d cannot be used", bits, minRSABits),
				journal.CertWeak, "NIST SP 800-131A"
		}
		if bits > maxRSABits {
			return fmt.Sprintf("has a key of more than %d bits", maxRSABits), journal.CertConstraint, ruleLimit
		}
		return "", "", ""
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return "", "", ""
	}
	return fmt.Sprintf("has a key of the kind %s, which cannot be used here", keyText(c)), journal.CertWeak, ruleLimit
}

func usableKey(c *x509.Certificate) bool {
	text, _, _ := unusableKey(c)
	return text == ""
}

// work is the cost of a verification with the key of parent, in units of an RSA
// verification with 1024 bits: about 10 microseconds.
func work(parent *x509.Certificate) int {
	switch k := parent.PublicKey.(type) {
	case *rsa.PublicKey:
		n := k.N.BitLen() / minRSABits
		return max(1, n*n)
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize > 256 {
			return 100
		}
		return 8
	case ed25519.PublicKey:
		return 8
	}
	return 1
}

// algorithms are names of algorithms that crypto/x509 does not know.
var algorithms = map[string]string{
	"1.2.840.113549.1.1.1":    "RSA",
	"1.2.840.113549.1.1.3":    "MD4-RSA",               // RFC 8017 appendix C
	"1.2.840.113549.1.1.7":    "RSAES-OAEP",            // RFC 8017 appendix C
	"1.2.840.113549.1.1.10":   "RSASSA-PSS",            // RFC 8017 appendix C
	"1.2.840.113549.1.1.14":   "SHA224-RSA",            // RFC 8017 appendix C
	"1.2.840.10045.4.3.1":     "ECDSA-SHA224",          // RFC 5758 3.2
	"2.16.840.1.101.3.4.3.1":  "DSA-SHA224",            // RFC 5758 3.1
	"1.3.101.110":             "X25519",                // RFC 8410 3
	"1.3.101.111":             "X448",                  // RFC 8410 3
	"1.3.101.113":             "Ed448",                 // RFC 8410 3
	"1.2.643.2.2.3":           "GOST R 34.10-2001",     // RFC 4491 2.2.2
	"1.2.643.2.2.19":          "GOST R 34.10-2001",     // RFC 4491 2.3.2
	"1.2.643.7.1.1.1.1":       "GOST R 34.10-2012 256", // RFC 9215 2
	"1.2.643.7.1.1.1.2":       "GOST R 34.10-2012 512", // RFC 9215 2
	"1.2.643.7.1.1.3.2":       "GOST R 34.10-2012 256", // RFC 9215 2
	"1.2.643.7.1.1.3.3":       "GOST R 34.10-2012 512", // RFC 9215 2
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44",             // RFC 9881 2
	"2.16.840.1.101.3.4.3.18": "ML-DSA-65",             // RFC 9881 2
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87",             // RFC 9881 2
}

// hashes are the hash functions of RSASSA-PSS (RFC 8017 appendix B.1).
var hashes = map[string]string{
	"1.2.840.113549.2.5":     "MD5",
	"1.3.14.3.2.26":          "SHA-1",
	"2.16.840.1.101.3.4.2.4": "SHA-224",
	"2.16.840.1.101.3.4.2.1": "SHA-256",
	"2.16.840.1.101.3.4.2.2": "SHA-384",
	"2.16.840.1.101.3.4.2.3": "SHA-512",
}

// keyText is the kind and size of a public key.
func keyText(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	if c.PublicKeyAlgorithm == x509.DSA {
		return "DSA"
	}
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	_, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &key)
	return algorithmText(key.Algorithm, err)
}

// signatureText is the algorithm of the signature of c.
func signatureText(c *x509.Certificate) string {
	if c.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		return c.SignatureAlgorithm.String()
	}
	var whole struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(c.Raw, &whole)
	return algorithmText(whole.Algorithm, err)
}

// algorithmText names an algorithm: RSASSA-PSS with its hash function, and one
// without a name by its object identifier.
func algorithmText(a pkix.AlgorithmIdentifier, err error) string {
	if err != nil {
		return "unknown"
	}
	id := a.Algorithm.String()
	name, known := algorithms[id]
	switch {
	case !known:
		return journal.Printable(id, maxName)
	case name == "RSASSA-PSS" && len(a.Parameters.FullBytes) > 0:
		return name + pssHash(a.Parameters)
	}
	return name
}

// pssHash completes the name RSASSA-PSS. Without a hash function in the
// parameters it is SHA-1 (RFC 4055 3.1).
func pssHash(parameters asn1.RawValue) string {
	p := struct {
		Hash pkix.AlgorithmIdentifier `asn1:"optional,explicit,tag:0"`
		MGF  asn1.RawValue            `asn1:"optional,explicit,tag:1"`
		Salt int                      `asn1:"optional,explicit,tag:2,default:20"`
		Mark int                      `asn1:"optional,explicit,tag:3,default:1"`
	}{Hash: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}}}
	if _, err := asn1.Unmarshal(parameters.FullBytes, &p); err != nil {
		return ""
	}
	name, known := hashes[p.Hash.Algorithm.String()]
	if !known {
		return ""
	}
	return fmt.Sprintf(" with %s, salt of %s", name, journal.Count(p.Salt, "octet", "octets"))
}
