package certstore

import (
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Verify verifies a chain under both policies; r.Policy decides.
//
// The roots of the store are trusted without a check of their own signatures. A
// self-signed server certificate is accepted if it is one of them and keeps the
// other rules. The server's certificate must be the first one; the order of the
// others does not matter, and unneeded ones are ignored. Any input gives a
// verdict in bounded time.
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
	if refusal := invalidRequest(r, nameRequired); refusal != nil {
		a := Answer{Findings: []Finding{*refusal}}
		v.Answers = map[PolicyName]Answer{Today: a, Policy2007: a}
	} else {
		ordered, place := serverFirst(r)
		v.Answers = s.answers(ordered)
		for p, a := range v.Answers {
			if place > 0 {
				v.Answers[p] = a.misplaced(r, place)
			}
		}
	}
	v.conclude(s, r)
	return v
}

// invalidRequest returns why a chain cannot be verified at all, or nil.
func invalidRequest(r Request, nameRequired bool) *Finding {
	f := &Finding{Code: journal.CertMalformed}
	switch {
	case len(r.Chain) == 0:
		f.Text, f.Rule = "The server presented no certificate.", "RFC 5246 7.4.2"
	case slices.ContainsFunc(r.Chain, func(c *x509.Certificate) bool { return c == nil || len(c.Raw) == 0 }):
		f.Text, f.Rule = "A certificate of the chain has no contents.", "RFC 5280 4.1"
	case nameRequired && r.Name == "":
		f.Code, f.Rule = journal.CertName, "RFC 6125 6.2.1"
		f.Text = "The connection was made without a name to look for in the certificate."
	default:
		return nil
	}
	return f
}

// serverFirst returns r with the certificate for the name first, and the place
// where it was presented, from 0. TLS takes the first certificate for the server's.
func serverFirst(r Request) (Request, int) {
	u := rules{name: r.Name, cn: true}
	place := slices.IndexFunc(r.Chain, func(c *x509.Certificate) bool { return u.checkName(c) == nil })
	if r.Name == "" || place <= 0 {
		return r, 0
	}
	r.Chain = slices.Concat(r.Chain[place:place+1], r.Chain[:place], r.Chain[place+1:])
	return r, place
}

// misplaced refuses an answer for the place at which the server's certificate was
// presented, and for what else is wrong and no root solves.
func (a Answer) misplaced(r Request, place int) Answer {
	server := r.Chain[place]
	var found findings
	found.add(server, journal.CertOrder, "RFC 5246 7.4.2",
		"the certificate of %s is not the first one that is presented, but number %d of %d; the first is %s",
		journal.Printable(r.Name, maxName), place+1, len(r.Chain), subject(r.Chain[0]))
	for _, f := range a.Findings {
		if !f.rootMayHelp {
			found = append(found, f)
		}
	}
	a.OK, a.Findings, a.open = false, found, nil
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
