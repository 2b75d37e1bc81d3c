package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
)

// Missing is the CA certificate that a chain lacks: the phone does not hold it, and
// the server did not send it.
type Missing struct {
	Name      string // its subject
	Kind      Kind
	URL       string // where to get it, as the certificate below says (RFC 5280 4.2.2.1); "": it does not say
	Above     string // the issuer of an Intermediate, by name
	AboveHeld bool   // the phone holds a root of that name, or it is published
	NewKey    bool   // so it is for the missing one itself, but with another key
	Alone     bool   // the server sent its own certificate alone
}

// ToSend reports that the server must rather send m than the directory publish it,
// though nothing decides it: the server sent its own certificate alone, and most
// roots say so in their name.
func (m Missing) ToSend() bool {
	return m.Kind == RootOrIntermediate && m.Alone && !strings.Contains(strings.ToLower(m.Name), "root")
}

// Kind is whether a missing certificate is a root: a root is published, an
// intermediate is sent by the server.
type Kind int

// The kinds.
const (
	RootOrIntermediate Kind = iota // nothing at hand decides it
	Root
	Intermediate
)

// Missing finds out what is missing; ok is false if nothing is. What it is follows
// from the certificate itself, if the directory or c.Seen has it, else from the
// authority key identifier of the certificate below, which may name the issuer of
// the missing one (RFC 5280 4.2.1.1).
func (c Case) Missing() (m Missing, ok bool) {
	a := c.Verdict.Answers[c.Verdict.Policy]
	if len(a.Path) == 0 || a.Anchor != nil || c.Verdict.OK {
		return m, false
	}
	last := a.Path[len(a.Path)-1]
	if bytes.Equal(last.RawIssuer, last.RawSubject) { // a self-signed server: nothing is above it
		return m, false
	}
	m = Missing{Name: c.Verdict.Issuer(), URL: issuerURL(last), Alone: len(a.Path) == 1}
	switch above, known := c.issuerOfMissing(last, m.Name); {
	case known && above != m.Name:
		m.Kind, m.Above, m.AboveHeld = Intermediate, above, c.holds(above)
	case known:
		m.Kind = Root
	case c.holds(m.Name):
		m.Kind, m.NewKey = Root, true
	}
	return m, true
}

// issuerOfMissing is the name of the issuer of the certificate named missing, which
// issued last. It is that name itself for a root.
func (c Case) issuerOfMissing(last *x509.Certificate, missing string) (name string, known bool) {
	seen := c.Seen
	if c.Directory != nil {
		seen = slices.Concat(seen, c.Directory.Other)
	}
	for _, s := range seen {
		keysDiffer := len(last.AuthorityKeyId) > 0 && len(s.SubjectKeyId) > 0 &&
			!bytes.Equal(last.AuthorityKeyId, s.SubjectKeyId)
		if bytes.Equal(s.RawSubject, last.RawIssuer) && !keysDiffer {
			return certstore.DistinguishedName(s.RawIssuer), true
		}
	}
	for _, e := range c.Verdict.Certificates { // a root that the server presents leads nowhere, and is evidence
		if e.Presented && e.Subject == missing && e.Issuer == missing {
			return missing, true
		}
	}
	return authorityIssuer(last)
}

// holds reports whether the phone holds a root of that name, or one was seen.
func (c Case) holds(name string) bool {
	is := func(root *x509.Certificate) bool {
		return certstore.DistinguishedName(root.RawSubject) == name && bytes.Equal(root.RawSubject, root.RawIssuer)
	}
	return slices.ContainsFunc(c.Held.Roots(), func(r certstore.Root) bool { return is(r.Certificate) }) ||
		slices.ContainsFunc(c.Seen, is)
}

// authorityIssuer reads authorityCertIssuer from the authority key identifier.
func authorityIssuer(c *x509.Certificate) (name string, ok bool) {
	var id struct { // RFC 5280 4.2.1.1
		Key    []byte          `asn1:"optional,tag:0"`
		Issuer []asn1.RawValue `asn1:"optional,tag:1"`
		Serial *big.Int        `asn1:"optional,tag:2"`
	}
	for _, e := range c.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 35}) {
			continue
		}
		if _, err := asn1.Unmarshal(e.Value, &id); err != nil {
			return "", false
		}
		for _, n := range id.Issuer {
			const directoryName = 4 // RFC 5280 4.2.1.6
			if n.Class == asn1.ClassContextSpecific && n.Tag == directoryName {
				return certstore.DistinguishedName(n.Bytes), true
			}
		}
	}
	return "", false
}

// maxText bounds a name or an address from a certificate in a sentence, in characters.
const maxText = 200

// issuerURL is the first HTTP address of caIssuers in c.
func issuerURL(c *x509.Certificate) string {
	for _, u := range c.IssuingCertificateURL {
		if strings.HasPrefix(strings.ToLower(u), "http") {
			return journal.Printable(u, maxText)
		}
	}
	return ""
}
