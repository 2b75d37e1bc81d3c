package certstore

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// conclude fills in the fields that follow from v.Answers.
func (v *Verdict) conclude(s Store, r Request) {
	decided := v.Answers[v.Policy]
	v.OK = decided.OK
	if v.OK {
		v.Anchor = decided.Anchor
		u := rules{name: v.Name}
		v.Sentence = sentence(fmt.Sprintf("%s is good under policy %s: it leads to the trusted root %s (%s)",
			u.label(decided.Path, 0), v.Policy, v.Anchor.Subject(), v.Anchor.Source))
	} else {
		main := decided.Findings[0]
		v.Code, v.Sentence, v.Rule = main.Code, main.Text, main.Rule
		for _, more := range decided.Findings[1:min(len(decided.Findings), maxReasons)] {
			v.Sentence += " Another reason: " + more.Text
		}
		if len(decided.Findings) > maxReasons {
			v.Sentence += " There are more reasons, in the evidence."
		}
	}
	if len(decided.Path) > 0 {
		v.Certificates = evidence(s, r, decided)
		v.Notes = notes(r, decided)
	}
}

// maxReasons is how many findings a sentence holds.
const maxReasons = 3

// evidence describes the presented certificates, then the root that was not presented.
func evidence(s Store, r Request, a Answer) []CertificateEvidence {
	var all []CertificateEvidence
	add := func(c *x509.Certificate, presented bool) {
		e := CertificateEvidence{
			Role:        "unused",
			Presented:   presented,
			Subject:     subject(c),
			Issuer:      issuer(c),
			Serial:      journal.Printable(c.SerialNumber.Text(16), 64),
			Key:         keyText(c),
			Signature:   signatureText(c),
			NotBefore:   c.NotBefore,
			NotAfter:    c.NotAfter,
			Names:       alternativeNames(c),
			Fingerprint: fingerprint(c),
		}
		switch i := slices.IndexFunc(a.Path, c.Equal); {
		case i == 0:
			e.Role = "server"
		case i > 0 && i == len(a.Path)-1 && (a.OK || a.Anchor != nil):
			e.Role = "root"
		case i > 0:
			e.Role = "intermediate"
		case bytes.Equal(c.RawIssuer, c.RawSubject):
			e.Role = "root"
		}
		if held, is := s.Find(e.Fingerprint); is {
			e.Source = &held.Source
		}
		for _, f := range a.Findings {
			if f.cert != nil && f.cert.Equal(c) {
				e.Findings = append(e.Findings, f)
			}
		}
		all = append(all, e)
	}
	for _, c := range r.Chain[:min(len(r.Chain), maxEvidence)] {
		add(c, true)
	}
	if last := a.Path[len(a.Path)-1]; !slices.ContainsFunc(r.Chain, last.Equal) {
		add(last, false)
	}
	return all
}

// maxEvidence is how many presented certificates are described. Real chains are
// shorter.
const maxEvidence = 20

// expirySoon is the time before expiry in which a note warns: a manual renewal
// takes weeks.
const expirySoon = 30 * 24 * time.Hour

// publicLifetimes are the longest validity periods that public CAs may issue,
// newest first: CA/Browser Forum Baseline Requirements 6.3.2 and ballots SC-31, SC-81.
var publicLifetimes = []struct {
	since time.Time
	days  int
}{
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
	{time.Date(2020, 9, 1, 0, 0, 0, 0, time.UTC), 398},
	{time.Date(2018, 3, 1, 0, 0, 0, 0, time.UTC), 825},
}

// notes returns remarks about a server's certificate that are no reason to refuse
// it. The list is bounded by the checks below and by maxPath.
func notes(r Request, a Answer) []string {
	var all []string
	note := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	leaf := a.Path[0]
	if r.Name == "" {
		note("No name was given, so none was looked for in the certificate.")
	}
	if left := leaf.NotAfter.Sub(r.At); left >= 0 && left < expirySoon {
		note("The certificate expires soon, on %s.", formatTime(leaf.NotAfter))
	}
	signed := a.Path
	if a.Anchor != nil || a.OK {
		signed = a.Path[:len(a.Path)-1] // the signature of a root proves nothing
	}
	if slices.ContainsFunc(signed, func(c *x509.Certificate) bool { return hashOf(c) == hashSHA1 }) {
		note("The chain is signed with SHA-1, which current clients refuse (Baseline Requirements 7.1.3.2).")
	}
	if extension(leaf, oidSubjectAltName) == nil {
		note("The certificate has no subject alternative name; current clients do not look at the common name (RFC 9525).")
	}
	for _, c := range a.Path {
		if k, isRSA := c.PublicKey.(*rsa.PublicKey); isRSA && k.N.BitLen() >= minRSABits && k.N.BitLen() < 2048 {
			note("%s has an RSA key of %d bits; public CAs must use 2048 and many clients insist on it "+
				"(Baseline Requirements 6.1.5).", subject(c), k.N.BitLen())
		}
	}
	days := int((leaf.NotAfter.Sub(leaf.NotBefore) + time.Second) / (24 * time.Hour))
	for _, limit := range publicLifetimes {
		if !r.At.Before(limit.since) {
			if days > limit.days {
				note("The certificate is valid for %d days; a public CA may give at most %d (Baseline Requirements 6.3.2). "+
					"A private CA is not bound by that.", days, limit.days)
			}
			break
		}
	}
	usage := leaf.ExtKeyUsage
	if slices.Contains(usage, x509.ExtKeyUsageServerAuth) && !slices.Contains(usage, x509.ExtKeyUsageClientAuth) {
		note("The certificate is for servers only: enough for the phone, but a pool or Edge that connects to other servers " +
			"with it needs clientAuth as well, which public CAs no longer issue (Chrome Root Program Policy 1.6).")
	}
	return all
}
