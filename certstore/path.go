package certstore

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// Bounds of the search. A server may present any certificates; with these bounds
// a verdict takes some tenths of a second at most.
const (
	maxPath   = 10  // certificates in one path; deployments use 2 to 4
	maxSteps  = 200 // certificates visited, over all paths
	maxCopied = 10  // refused paths that verifyCopies checks too, some milliseconds each
	// maxWork bounds the verifications of signatures, in the units of work. It is
	// enough for as many roots of one name, with RSA 2048, as Active Directory may
	// publish for a phone (adroots.DefaultMaxRoots).
	maxWork = 20_000
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
	work         int
	steps        int
	copied       int
	limitReached bool // a bound was reached; some paths were not visited
}

// visitFunc is called with a path and the root at its end, or nil when no held
// root follows. goesOn means that presented certificates follow: then the path is
// a part of longer ones, which a root that the phone does not hold may complete.
// It returns true to end the search.
type visitFunc func(path []*x509.Certificate, root *Root, goesOn bool) (stop bool)

// walk calls visit for each path that begins with path, until visit returns true.
func (s *search) walk(path []*x509.Certificate, visit visitFunc) (stop bool) {
	if s.steps++; s.steps > maxSteps {
		s.limitReached = true
		return true
	}
	child := path[len(path)-1]
	if len(path) == 1 {
		if root, held := (Store{s.store}).Find(fingerprint(child)); held {
			return visit(path, &root, false) // self-signed and held as a root: docs/protocol/trust.md#limits-of-verification
		}
	}
	if len(path) == maxPath {
		s.limitReached = true
		return visit(path, nil, false)
	}
	extend := func(parent *x509.Certificate) []*x509.Certificate {
		return append(path[:len(path):len(path)], parent)
	}
	anchored := false
	for _, root := range s.roots(child) {
		if !inPath(path, root.Certificate) && s.signed(child, root.Certificate) {
			anchored = true
			if visit(extend(root.Certificate), &root, false) {
				return true
			}
		}
	}
	parents := s.parents(path)
	if !anchored && visit(path, nil, len(parents) > 0) {
		return true
	}
	for _, parent := range parents {
		if s.walk(extend(parent), visit) {
			return true
		}
	}
	return false
}

// parents are the presented certificates that extend a path. A presented
// self-signed certificate leads to no root: a root is trusted because it is held.
func (s *search) parents(path []*x509.Certificate) (all []*x509.Certificate) {
	child := path[len(path)-1]
	for _, c := range s.presented {
		if bytes.Equal(c.RawSubject, child.RawIssuer) && !inPath(path, c) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, byKeyID(child))
	return slices.DeleteFunc(all, func(c *x509.Certificate) bool { return s.selfSigned(c) || !s.signed(child, c) })
}

// roots are the held roots that have the name of the issuer of child.
func (s *search) roots(child *x509.Certificate) []Root {
	order := byKeyID(child)
	return slices.SortedStableFunc(slices.Values(s.store.bySubject[string(child.RawIssuer)]),
		func(a, b Root) int { return order(a.Certificate, b.Certificate) })
}

// byKeyID orders possible issuers of child: first those whose subject key
// identifier is the authority key identifier of child, last those with another
// one (RFC 5280 4.2.1.1). An identifier is a hint only.
func byKeyID(child *x509.Certificate) func(a, b *x509.Certificate) int {
	rank := func(issuer *x509.Certificate) int {
		switch id := issuer.SubjectKeyId; {
		case len(id) == 0 || len(child.AuthorityKeyId) == 0:
			return 1
		case bytes.Equal(id, child.AuthorityKeyId):
			return 0
		}
		return 2
	}
	return func(a, b *x509.Certificate) int { return cmp.Compare(rank(a), rank(b)) }
}

// signed reports whether parent's key made the signature of child. It is also
// true if the algorithm or key cannot be verified: the rules refuse those.
func (s *search) signed(child, parent *x509.Certificate) bool {
	pair := [2]*x509.Certificate{child, parent}
	if is, done := s.verified[pair]; done {
		return is
	}
	is := unverifiable(child, parent)
	if !is {
		if s.work += work(parent); s.work > maxWork {
			s.limitReached = true
			return false
		}
		is = checkSignature(child, parent) == nil
	}
	s.verified[pair] = is
	return is
}

func (s *search) selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && s.signed(c, c)
}

// checkSignature is x509's CheckSignatureFrom without the refusal of SHA-1 and
// without the check that parent is a CA; the rules check both.
func checkSignature(child, parent *x509.Certificate) error {
	return parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
}

// unverifiable reports whether signatures of this kind are not verified: Go knows
// no such algorithm or key, or the key is too short or too long. Each such path
// has a finding: rules.checkHash of child, or rules.check of the key of parent.
func unverifiable(child, parent *x509.Certificate) bool {
	return hashOf(child) == hashUnsupported || !usableKey(parent)
}

// SelfSigned returns nil if the issuer of a certificate is its subject and
// its signature is not proved wrong, otherwise the reason. A signature that
// is not verified (MD5, DSA, Ed448, an RSA key below 1024 bits) proves nothing: a
// verdict refuses a chain that depends on such a key
// (docs/protocol/trust.md#decided-for-this-phone).
func SelfSigned(c *x509.Certificate) error {
	switch {
	case !bytes.Equal(c.RawIssuer, c.RawSubject):
		return errors.New("not self-signed: issued by another CA")
	case unverifiable(c, c):
		return nil
	}
	if err := checkSignature(c, c); err != nil {
		return fmt.Errorf("not self-signed: %w", err)
	}
	return nil
}

// inPath reports whether path contains candidate, or a certificate that differs
// only in its dates or issuer. Like crypto/x509 it compares name, key and
// alternative names, so that CAs that certify each other do not cause a loop.
func inPath(path []*x509.Certificate, candidate *x509.Certificate) bool {
	for _, c := range path {
		if bytes.Equal(c.RawSubject, candidate.RawSubject) &&
			bytes.Equal(c.RawSubjectPublicKeyInfo, candidate.RawSubjectPublicKeyInfo) &&
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
