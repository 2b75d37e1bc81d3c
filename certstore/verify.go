package certstore

import (
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Verify judges a chain under both policies; r.Policy decides.
//
// Trusted are the roots of the store, without a look at their own signatures; a
// self-signed server certificate is good when it is itself among them and keeps
// the other rules. The order of the presented certificates is free, needless
// ones do no harm. Bad input of any kind gives a verdict, in bounded time.
func (s Store) Verify(r Request) Verdict { return s.verify(r, false) }

// verify is Verify; with nameRequired an empty name is a reason to refuse.
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
		v.Answers = s.answers(r)
	}
	v.conclude(s, r)
	return v
}

// invalidRequest says why a chain cannot be judged at all, nil when it can.
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

// answers asks both policies.
func (s Store) answers(r Request) map[PolicyName]Answer {
	leaf := r.Chain[0]
	var presented []*x509.Certificate
	for _, c := range r.Chain[1:] {
		if !keyTooLarge(c) {
			presented = append(presented, c)
		}
	}
	chains, err := verifyToday(s, presented, r)
	paths := &search{store: s.content(), presented: presented, verified: map[[2]*x509.Certificate]bool{}}
	if len(chains) > 0 && s.HostTrusted() { // the host's verifier may have found a root that it does not list
		roots := s.Roots()
		for _, path := range chains {
			roots = append(roots, Root{path[len(path)-1], Source{Kind: System, Set: SetSystem}})
		}
		paths.store = newStore(roots, true).c
	}
	today := rules{name: r.Name, at: r.At}
	of2007 := rules{name: r.Name, at: r.At, sha1: true, cn: true, noSHA2: r.NoSHA2}
	answers := map[PolicyName]Answer{}

	if err == nil { // crypto/x509 has the last word: a path that it accepts is only held against the few rules of our own
		answers[Today] = Answer{OK: true, Path: chains[0], Anchor: anchorOf(paths.store, chains[0])}
		for _, path := range chains {
			sha2 := slices.ContainsFunc(path[:len(path)-1], func(c *x509.Certificate) bool { return hashOf(c) == hashSHA2 })
			if !(r.NoSHA2 && sha2) {
				answers[Policy2007] = Answer{OK: true, Path: path, Anchor: anchorOf(paths.store, path)}
				return answers
			}
		}
	} else {
		a := today.best(leaf, paths)
		// With the host's verifier, crypto/x509 may know the root and refuse for another reason.
		byHost := s.HostTrusted() && a.Anchor == nil && codeOf(err) != journal.CertUntrusted
		if a.OK || byHost { // crypto/x509 has a rule that is not among ours
			var found findings
			found.add(leaf, codeOf(err), "crypto/x509", "crypto/x509 refuses the certificate: %s",
				journal.Printable(err.Error(), maxName))
			a.OK, a.Findings = false, found
		}
		answers[Today] = a
	}
	answers[Policy2007] = of2007.best(leaf, paths)
	return answers
}

// verifyToday is crypto/x509. The one thing added is that the server's own RSA
// key must have 1024 bits, without which crypto/tls could not use it.
func verifyToday(s Store, presented []*x509.Certificate, r Request) (chains [][]*x509.Certificate, err error) {
	leaf := r.Chain[0]
	if keyTooLarge(leaf) || keyTooShort(leaf) {
		return nil, errors.New("the server's RSA key is too short or too long")
	}
	options := x509.VerifyOptions{
		DNSName:       r.Name,
		Roots:         s.content().pool,
		Intermediates: x509.NewCertPool(),
		CurrentTime:   r.At,
	}
	for _, c := range presented {
		options.Intermediates.AddCert(c)
	}
	return leaf.Verify(options)
}

// codeOf gives an error of crypto/x509 its code.
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

// best returns the answer for the best path: one without findings, else the one
// with the least that a root would not cure.
func (u rules) best(leaf *x509.Certificate, s *search) Answer {
	s.steps, s.copied, s.limitReached = 0, 0, false
	var best Answer
	s.walk([]*x509.Certificate{leaf}, func(path []*x509.Certificate, root *Root) bool {
		a := Answer{Path: path, Anchor: root, Findings: u.check(path, root, s)}
		a.OK = len(a.Findings) == 0
		if best.Path == nil || a.rank(best) < 0 {
			best = a
		}
		return best.OK
	})
	if s.limitReached && !best.OK {
		best.Findings = append(best.Findings, Finding{Code: journal.CertConstraint, Subject: subject(leaf), cert: leaf,
			Text: "The presented certificates allow too many or too long paths; the search was given up.", Rule: ruleLimit})
	}
	slices.SortStableFunc(best.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(codeOrder, a.Code), slices.Index(codeOrder, b.Code))
	})
	return best
}

// rank is negative when a explains better than b why there is no good path.
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

// codeOrder orders the codes by what a person must know first. An unknown issuer
// is last, since it decides only when nothing else is wrong (R1.2); a
// self-signed certificate is first, since nothing else matters then (R1.6).
var codeOrder = []journal.Code{
	journal.CertMalformed, journal.CertSelfSigned, journal.CertNotYetValid, journal.CertExpired, journal.CertName,
	journal.CertSHA2, journal.CertWeak, journal.CertUsage, journal.CertConstraint, journal.CertUntrusted,
}

// anchorOf finds the root at the end of a path.
func anchorOf(c *content, path []*x509.Certificate) *Root {
	if root, held := (Store{c}).Find(fingerprint(path[len(path)-1])); held {
		return &root
	}
	return nil
}
