package certstore

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
)

// Bounds of the search. A server may present any certificates; with these bounds
// a verdict takes some tens of milliseconds at most.
const (
	maxPath            = 10    // certificates in one path; deployments use 2 to 4
	maxSignatureChecks = 100   // as crypto/x509
	maxSteps           = 200   // certificates visited, over all paths
	maxCopied          = 10    // refused paths that verifyCopies checks too, some milliseconds each
	minRSABits         = 1024  // crypto/rsa refuses to verify below
	maxRSABits         = 16384 // larger keys take seconds; crypto/tls refuses those above 8192
)

// ruleLimit is the rule of findings that only this program has.
const ruleLimit = "limit of ocphone"

// search enumerates the paths from a server's certificate to a root.
//
// It follows issuer names and signatures only. The rules check everything else
// on the complete path, so that a verdict lists every reason and not only the
// first.
type search struct {
	store        *content
	presented    []*x509.Certificate // without the server's certificate
	verified     map[[2]*x509.Certificate]bool
	checks       int
	steps        int
	copied       int
	limitReached bool // a bound was reached; some paths were not visited
}

// visitFunc is called with a path and the root at its end, or nil when the path
// ends without a root. It returns true to end the search.
type visitFunc func(path []*x509.Certificate, root *Root) (stop bool)

// walk calls visit for each path that begins with path, until visit returns true.
func (s *search) walk(path []*x509.Certificate, visit visitFunc) (stop bool) {
	if s.steps++; s.steps > maxSteps {
		s.limitReached = true
		return true
	}
	child := path[len(path)-1]
	if len(path) == 1 {
		if root, held := (Store{s.store}).Find(fingerprint(child)); held {
			return visit(path, &root) // self-signed and held as a root: docs/protocol/trust.md#limits-of-verification
		}
	}
	extend := func(parent *x509.Certificate) []*x509.Certificate {
		return append(path[:len(path):len(path)], parent)
	}
	deadEnd := true
	if len(path) == maxPath {
		s.limitReached = true
	} else {
		for _, root := range s.store.bySubject[string(child.RawIssuer)] {
			if !inPath(path, root.Certificate) && s.signed(child, root.Certificate) {
				deadEnd = false
				if visit(extend(root.Certificate), &root) {
					return true
				}
			}
		}
		for _, parent := range s.presented {
			if !bytes.Equal(parent.RawSubject, child.RawIssuer) || inPath(path, parent) {
				continue
			}
			if s.selfSigned(parent) || !s.signed(child, parent) {
				continue // a presented self-signed certificate leads to no root: a root is trusted because it is held
			}
			deadEnd = false
			if s.walk(extend(parent), visit) {
				return true
			}
		}
	}
	return deadEnd && visit(path, nil)
}

// signed reports whether parent's key made the signature of child. It is also
// true if the algorithm or key cannot be verified: the rules refuse those.
func (s *search) signed(child, parent *x509.Certificate) bool {
	pair := [2]*x509.Certificate{child, parent}
	if is, done := s.verified[pair]; done {
		return is
	}
	if s.checks++; s.checks > maxSignatureChecks {
		s.limitReached = true
		return false
	}
	is := parent.PublicKey != nil && (checkSignature(child, parent) == nil || unverifiable(child, parent))
	s.verified[pair] = is
	return is
}

func (s *search) selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && s.signed(c, c)
}

var errKeyTooLarge = errors.New("RSA key too large")

// checkSignature is x509's CheckSignatureFrom without the refusal of SHA-1 and
// without the check that parent is a CA; the rules check both.
func checkSignature(child, parent *x509.Certificate) error {
	if keyTooLarge(parent) {
		return errKeyTooLarge
	}
	return parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
}

// unverifiable reports whether Go cannot verify signatures of this kind.
func unverifiable(child, parent *x509.Certificate) bool {
	return hashOf(child) == hashUnsupported || keyTooShort(parent)
}

func keyTooShort(c *x509.Certificate) bool {
	k, isRSA := c.PublicKey.(*rsa.PublicKey)
	return isRSA && k.N.BitLen() < minRSABits
}

func keyTooLarge(c *x509.Certificate) bool {
	k, isRSA := c.PublicKey.(*rsa.PublicKey)
	return isRSA && k.N.BitLen() > maxRSABits
}

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

// inPath reports whether path contains candidate, or a certificate that differs
// only in its dates or issuer. Like crypto/x509 it compares name, key and
// alternative names, so that CAs that certify each other do not cause a loop.
func inPath(path []*x509.Certificate, candidate *x509.Certificate) bool {
	key, comparable := candidate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	for _, c := range path {
		if comparable && bytes.Equal(c.RawSubject, candidate.RawSubject) && key.Equal(c.PublicKey) &&
			bytes.Equal(extension(c, oidSubjectAltName), extension(candidate, oidSubjectAltName)) {
			return true
		}
	}
	return false
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// extension returns the value of an extension, nil when there is none.
func extension(c *x509.Certificate, id asn1.ObjectIdentifier) []byte {
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return e.Value
		}
	}
	return nil
}
