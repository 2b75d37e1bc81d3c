package certstore

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Verify verifies a chain under both policies; r.Policy decides.
//
// The roots of the store are trusted without a check of their own signatures. A
// self-signed server certificate is accepted if it is one of them and keeps the
// other rules. The order of the presented certificates does not matter, and
// unneeded ones are ignored. Any input gives a verdict in bounded time.
func (s Store) Verify(r Request) Verdict { return s.verify(r, false) }

// verify is Verify. With nameRequired an empty name is a reason to refuse.
func (s Store) verify(r Request, nameRequired bool) Verdict {
	if r.At.IsZero() {
		r.At = time.Now()
	}
	if r.Policy != Policy2007 {
		r.Policy = Today
	}
	v := Verdict{Policy: r.Policy, Name: r.Name, At: r.At}
	if a := invalidRequest(r, nameRequired); len(a.Findings) > 0 {
		v.Answers = map[PolicyName]Answer{Today: a, Policy2007: a}
	} else {
		v.Answers = s.answers(r)
	}
	v.conclude(s, r)
	return v
}

// invalidRequest returns why a chain cannot be verified at all. An answer without
// findings means that it can.
func invalidRequest(r Request, nameRequired bool) (a Answer) {
	refuse := func(code journal.Code, rule, format string, args ...any) {
		a.Findings = []Finding{{Code: code, Rule: rule, Text: fmt.Sprintf(format, args...)}}
	}
	if len(r.Chain) == 0 {
		refuse(journal.CertMalformed, "RFC 5246 7.4.2", "The server presented no certificate.")
		return a
	}
	if slices.ContainsFunc(r.Chain, func(c *x509.Certificate) bool { return c == nil || len(c.Raw) == 0 }) {
		refuse(journal.CertMalformed, "RFC 5280 4.1", "A certificate of the chain has no contents.")
		return a
	}
	if r.Name == "" {
		if nameRequired {
			refuse(journal.CertName, "RFC 6125 6.2.1", "The connection was made without a name to look for in the certificate.")
		}
		return a
	}
	u := rules{name: r.Name, cn: true}
	if i := slices.IndexFunc(r.Chain, func(c *x509.Certificate) bool { return u.checkName(c) == nil }); i > 0 {
		refuse(journal.CertOrder, "RFC 5246 7.4.2",
			"The certificate of %s is not the first one that is presented, but number %d of %d; the first is %s.",
			journal.Printable(r.Name, maxName), i+1, len(r.Chain), subject(r.Chain[0]))
		a.Path = r.Chain[i : i+1]
		a.Findings[0].Subject, a.Findings[0].cert = subject(r.Chain[i]), r.Chain[i]
	}
	return a
}

// answers applies both policies.
func (s Store) answers(r Request) map[PolicyName]Answer {
	leaf, presented := r.Chain[0], r.Chain[1:]
	chains, err := verifyToday(s, presented, r)
	paths := &search{store: s.content(), presented: presented, verified: map[[2]*x509.Certificate]bool{}}
	if len(chains) > 0 && s.HostTrusted() { // the host's verifier may have used a root that it does not list
		roots := s.Roots()
		for _, path := range chains {
			roots = append(roots, Root{path[len(path)-1], Source{Kind: System, Set: SetSystem}})
		}
		paths.store = newStore(roots, true).c
	}
	today := rules{name: r.Name, at: r.At}
	of2007 := rules{name: r.Name, at: r.At, sha1: true, cn: true, noSHA2: r.NoSHA2}
	answers := map[PolicyName]Answer{}

	var a Answer
	if err != nil {
		if a = today.best(leaf, paths); a.OK { // crypto/x509 gives up after 100 signatures, in whatever order it meets roots
			chains, err = verifyToday(New(*a.Anchor), a.Path[1:], r)
		}
	}
	if err == nil { // a path that crypto/x509 accepts is checked for SHA-2 only
		answers[Today] = Answer{OK: true, Path: chains[0], Anchor: anchorOf(paths.store, chains[0])}
		for _, path := range chains {
			sha2 := slices.ContainsFunc(path[:len(path)-1], func(c *x509.Certificate) bool { return hashOf(c) == hashSHA2 })
			if !(r.NoSHA2 && sha2) {
				answers[Policy2007] = Answer{OK: true, Path: path, Anchor: anchorOf(paths.store, path)}
				return answers
			}
		}
	} else {
		// With the host's verifier, crypto/x509 may know the root and refuse for another reason.
		byHost := s.HostTrusted() && a.Anchor == nil && codeOf(err) != journal.CertUntrusted
		if a.OK || byHost { // crypto/x509 has a rule that is not among ours
			var found findings
			found.add(leaf, codeOf(err), "crypto/x509", "crypto/x509 refuses the certificate: %s",
				journal.Printable(err.Error(), maxName))
			a.OK, a.Findings, a.open = false, found, nil
		}
		answers[Today] = a
	}
	answers[Policy2007] = of2007.best(leaf, paths)
	return answers
}

// verifyToday is crypto/x509. It also requires a key of the server that crypto/tls
// can use, and leaves out issuers whose keys are too long to verify with.
func verifyToday(s Store, presented []*x509.Certificate, r Request) (chains [][]*x509.Certificate, err error) {
	leaf := r.Chain[0]
	if !usableKey(leaf) {
		return nil, errors.New("the key of the server cannot be used")
	}
	options := x509.VerifyOptions{DNSName: r.Name, Roots: s.content().pool, Intermediates: x509.NewCertPool(),
		CurrentTime: r.At}
	for _, c := range presented {
		if usableKey(c) {
			options.Intermediates.AddCert(c)
		}
	}
	return leaf.Verify(options)
}

// codeOf returns the code of an error of crypto/x509.
func codeOf(err error) journal.Code {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return journal.CertUntrusted
	case errors.As(err, &host):
		return journal.CertName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return journal.CertExpired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return journal.CertUsage
	}
	return journal.CertConstraint
}

// best returns the answer for the best path: one without findings, otherwise the
// one with the fewest findings that a root would not solve. Its open path is the
// longest one that a root from Active Directory would complete; other presented
// certificates, such as an expired cross-certificate, do not matter for it.
func (u rules) best(leaf *x509.Certificate, s *search) Answer {
	s.steps, s.copied, s.limitReached = 0, 0, false
	var best Answer
	var open []*x509.Certificate
	s.walk([]*x509.Certificate{leaf}, func(path []*x509.Certificate, root *Root, goesOn bool) bool {
		if goesOn && len(path) <= len(open) {
			return false
		}
		a := Answer{Path: path, Anchor: root, Findings: u.check(path, root, s)}
		a.OK = len(a.Findings) == 0
		if a.needsOnlyRoot() && len(path) > len(open) {
			open = path
		}
		if !goesOn && (best.Path == nil || a.rank(best) < 0) {
			best = a
		}
		return best.OK
	})
	if !best.OK {
		best.open = open
	}
	if s.limitReached && !best.OK {
		best.Findings = append(best.Findings, Finding{Code: journal.CertConstraint, Subject: subject(leaf), cert: leaf,
			Text: "The presented certificates allow too many or too long paths; the search was given up.", Rule: ruleLimit})
	}
	slices.SortStableFunc(best.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(codeOrder, a.Code), slices.Index(codeOrder, b.Code))
	})
	return best
}

// rank is negative if a explains better than b why there is no good path.
func (a Answer) rank(b Answer) int {
	otherFindings := func(a Answer) (n int) {
		for _, f := range a.Findings {
			if !f.rootMayHelp {
				n++
			}
		}
		return n
	}
	anchored := func(a Answer) int {
		if a.Anchor != nil {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(otherFindings(a), otherFindings(b)), cmp.Compare(anchored(a), anchored(b)),
		cmp.Compare(len(a.Findings), len(b.Findings)), cmp.Compare(len(b.Path), len(a.Path)))
}

// codeOrder orders the codes by importance to the reader. An unknown issuer is
// last, because it decides only if nothing else is wrong (R1.2). A self-signed
// certificate comes early, because nothing else matters then (R1.6).
var codeOrder = []journal.Code{
	journal.CertMalformed, journal.CertOrder, journal.CertSelfSigned, journal.CertNotYetValid, journal.CertExpired,
	journal.CertName, journal.CertSHA2, journal.CertWeak, journal.CertUsage, journal.CertConstraint, journal.CertUntrusted,
}

// anchorOf finds the root at the end of a path.
func anchorOf(c *content, path []*x509.Certificate) *Root {
	if root, held := (Store{c}).Find(fingerprint(path[len(path)-1])); held {
		return &root
	}
	return nil
}
