package certstore

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// rules are the settings of a policy that go beyond crypto/x509.
type rules struct {
	name   string // of the server
	at     time.Time
	sha1   bool // accept SHA-1 signatures
	cn     bool // accept the common name where there is no alternative name
	noSHA2 bool // refuse SHA-2 signatures
}

// findings collects what is wrong with a path.
type findings []Finding

// add adds that c breaks rule; format and args make the sentence.
func (f *findings) add(c *x509.Certificate, code journal.Code, rule, format string, args ...any) {
	text := sentence(fmt.Sprintf(format, args...))
	*f = append(*f, Finding{Code: code, Subject: subject(c), Rule: rule, Text: text, cert: c})
}

// check finds everything that is wrong with a path. root is the held root at
// its end, nil when the path leads to none.
func (u rules) check(path []*x509.Certificate, root *Root, s *search) []Finding {
	var found findings
	ownRoot := len(path) == 1 && (root != nil || s.selfSigned(path[0]))
	for i, c := range path {
		label := u.label(path, i)
		anchor := i == len(path)-1 && root != nil
		u.checkValidity(&found, c, label, anchor && i > 0)
		if len(c.UnhandledCriticalExtensions) > 0 {
			found.add(c, journal.CertConstraint, "RFC 5280 4.2", "%s has a critical extension that the phone does not know (%s)",
				label, journal.Printable(c.UnhandledCriticalExtensions[0].String(), maxName))
		}
		if i > 0 {
			checkCA(&found, c, label, anchor, i-1)
		}
		if !anchor && !ownRoot { // a root is trusted because it is held; its own signature proves nothing
			u.checkHash(&found, c, label)
		}
		if text, code, rule := unusableKey(c); text != "" {
			found.add(c, code, rule, "%s %s", label, text)
		}
		if !allowsTLSServer(c) {
			found.add(c, journal.CertUsage, "RFC 5280 4.2.1.12",
				"%s may not be used for a TLS server: its extended key usage lacks serverAuth", label)
		}
	}
	if u.name != "" && u.checkName(path[0]) != nil {
		found.add(path[0], journal.CertName, "RFC 6125 6.4", "the certificate presented for %s is not for that name: %s",
			journal.Printable(u.name, maxName), describeNames(path[0]))
	}
	if err := s.verifyCopies(u, path, len(found) > 0 || root == nil); err != nil {
		found.add(path[0], journal.CertConstraint, "RFC 5280 6.1", "%s breaks a rule of its CAs: %s",
			u.label(path, 0), journal.Printable(strings.TrimPrefix(err.Error(), "x509: "), maxName))
	}
	if root == nil {
		found = append(found, u.unanchored(path, s))
	}
	return found
}

// checkValidity compares the validity period with the phone's clock. renewable
// means that c is a root of which a renewed one may be published.
func (u rules) checkValidity(found *findings, c *x509.Certificate, label label, renewable bool) {
	code, what, when := journal.CertExpired, "expired on", c.NotAfter
	switch {
	case u.at.Before(c.NotBefore):
		code, what, when = journal.CertNotYetValid, "is not valid before", c.NotBefore
	case !u.at.After(c.NotAfter):
		return
	}
	found.add(c, code, "RFC 5280 4.1.2.5", "%s %s %s; the phone's clock says %s",
		label, what, formatTime(when), formatTime(u.at))
	(*found)[len(*found)-1].rootMayHelp = renewable
}

// checkHash checks the hash algorithm of a signature.
func (u rules) checkHash(found *findings, c *x509.Certificate, label label) {
	switch hash := hashOf(c); {
	case hash == hashUnsupported:
		found.add(c, journal.CertWeak, "RFC 6151", "%s is signed with %s, which cannot be verified here",
			label, signatureText(c))
	case hash == hashSHA1 && !u.sha1:
		found.add(c, journal.CertWeak, "Baseline Requirements 7.1.3.2",
			"%s is signed with SHA-1, which is not accepted any more", label)
	case hash == hashSHA2 && u.noSHA2:
		found.add(c, journal.CertSHA2, "Deployment Guide for the Polycom CX700 IP Phone, page 26",
			"%s is signed with %s; this firmware cannot verify SHA-2", label, c.SignatureAlgorithm)
	}
}

// checkCA checks what a certificate needs to issue others. below is the number
// of intermediates between it and the server's certificate.
func checkCA(found *findings, c *x509.Certificate, label label, anchor bool, below int) {
	const rule = "RFC 5280 4.2.1.9"
	switch {
	case c.BasicConstraintsValid && !c.IsCA, !c.BasicConstraintsValid && c.Version == 3:
		found.add(c, journal.CertConstraint, rule, "%s issued another one but is not a CA", label)
	case !c.BasicConstraintsValid && !anchor:
		found.add(c, journal.CertConstraint, "RFC 5280 6.1.4 (k)",
			"%s is of version %d; an intermediate CA needs version 3 with basicConstraints", label, c.Version)
	case c.BasicConstraintsValid && c.MaxPathLen >= 0 && below > c.MaxPathLen:
		found.add(c, journal.CertConstraint, rule, "%s allows %s below it, the chain has %d",
			label, journal.Count(c.MaxPathLen, "CA", "CAs"), below)
	}
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		found.add(c, journal.CertUsage, "RFC 5280 4.2.1.3",
			"%s issued another one but its key usage does not allow that", label)
	}
}

// unanchored is the finding for a path that leads to no held root.
func (u rules) unanchored(path []*x509.Certificate, s *search) Finding {
	last := path[len(path)-1]
	f := Finding{Subject: subject(last), cert: last, rootMayHelp: true}
	var trusted string // completes "… is not "
	switch n := len(s.store.roots); {
	case s.store.host:
		trusted = "among those that this host and the phone trust"
	case n == 0:
		trusted = "trusted: the phone holds no root at all"
	case n == 1:
		trusted = "the one root that the phone trusts"
	default:
		trusted = fmt.Sprintf("among the %d roots that the phone trusts", n)
	}
	if len(path) == 1 && s.selfSigned(last) {
		f.Code, f.Rule = journal.CertSelfSigned, "R1.6"
		f.Text = sentence(fmt.Sprintf("%s is self-signed and is not itself %s", u.label(path, 0), trusted))
		return f
	}
	f.Code, f.Rule = journal.CertUntrusted, "R1.1"
	text := fmt.Sprintf("%s was issued by %s, which is not %s", u.label(path, 0), issuer(last), trusted)
	if len(path) > 1 {
		text = fmt.Sprintf("%s was issued by %s, whose chain leads to %s, which is not %s",
			u.label(path, 0), issuer(path[0]), issuer(last), trusted)
	}
	if len(s.store.bySubject[string(last.RawIssuer)]) > 0 {
		text += " (a root of that name is, but with another key)"
	}
	f.Text = sentence(text)
	return f
}

// verifyCopies calls u.verifyCopies within the bounds of the search. bad means that
// the path is refused for another reason; then only chain constraints matter.
func (s *search) verifyCopies(u rules, path []*x509.Certificate, bad bool) error {
	if bad {
		if !slices.ContainsFunc(path, constrainsChain) {
			return nil
		}
		if s.copied++; s.copied > maxCopied {
			s.limitReached = true
			return nil
		}
	}
	return u.verifyCopies(path, bad)
}

// verifyCopies runs crypto/x509 on a path for everything except signatures and the
// common name, so that policy 2007 is as strict as policy today in name
// constraints, certificate policies, nested key usage, path length, and in what
// later versions of Go add.
//
// crypto/x509 has no option to accept SHA-1. So it gets copies of the
// certificates, whose signatures walk has verified. Each copy is signed with
// Ed25519 over its unchanged contents, and has its own key, so that only this
// path can be built from the copies.
//
// With chainOnly it checks only what depends on the whole chain (name
// constraints, certificate policies); check has reported the rest.
func (u rules) verifyCopies(path []*x509.Certificate, chainOnly bool) error {
	copies := make([]*x509.Certificate, len(path))
	keys := copyKeys()
	for i := range path {
		c := *path[i]
		c.PublicKeyAlgorithm, c.PublicKey = x509.Ed25519, keys[i].Public()
		c.SignatureAlgorithm, c.Signature = x509.PureEd25519, ed25519.Sign(keys[i+1], c.RawTBSCertificate)
		if chainOnly {
			c.NotBefore, c.NotAfter = u.at, u.at
			c.UnhandledCriticalExtensions, c.ExtKeyUsage, c.UnknownExtKeyUsage, c.KeyUsage = nil, nil, nil, 0
			if i > 0 {
				c.BasicConstraintsValid, c.IsCA, c.MaxPathLen = true, true, -1
			}
		}
		copies[i] = &c
	}
	leaf := copies[0]
	if u.usesCommonName(leaf) { // name constraints hold for a common name that stands for the alternative name
		leaf.DNSNames = []string{leaf.Subject.CommonName}
		leaf.Extensions = append(slices.Clip(leaf.Extensions), pkix.Extension{Id: oidSubjectAltName})
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: u.at}
	options.Roots.AddCert(copies[len(copies)-1])
	for _, c := range copies[1:max(1, len(copies)-1)] {
		options.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(options)
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Detail != "" {
		return errors.New(invalid.Detail)
	}
	return err
}

// copyKeys are the keys of the copies in verifyCopies. They need not be secret: a
// copy exists for one call, after its real signature was verified.
var copyKeys = sync.OnceValue(func() (keys [maxPath + 1]ed25519.PrivateKey) {
	for i := range keys {
		keys[i] = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize))
	}
	return keys
})

// constrainsChain reports whether c constrains the chain below it by name
// constraints, policy mappings, policy constraints or inhibitAnyPolicy.
func constrainsChain(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool {
		return len(e.Id) == 4 && slices.Equal(e.Id[:3], []int{2, 5, 29}) && slices.Contains([]int{30, 33, 36, 54}, e.Id[3])
	})
}

// checkName is VerifyHostname. With u.cn it accepts the common name if the
// certificate has no alternative name (RFC 2818 3.1).
func (u rules) checkName(leaf *x509.Certificate) error {
	if u.usesCommonName(leaf) {
		c := *leaf
		c.DNSNames = []string{leaf.Subject.CommonName}
		leaf = &c
	}
	return leaf.VerifyHostname(u.name)
}

func (u rules) usesCommonName(leaf *x509.Certificate) bool {
	return u.cn && leaf.Subject.CommonName != "" && extension(leaf, oidSubjectAltName) == nil
}

// allowsTLSServer reports whether the extended key usage permits TLS servers. As in
// crypto/x509, the usages of a CA limit the certificates below it.
func allowsTLSServer(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// label is the certificate at path[i] as the subject of a sentence, which is made
// only for a path with a finding.
func (u rules) label(path []*x509.Certificate, i int) label { return label{u.name, path[i], i > 0} }

type label struct {
	server string
	cert   *x509.Certificate
	isCA   bool
}

func (l label) String() string {
	switch {
	case l.isCA:
		return "the CA certificate " + subject(l.cert)
	case l.server == "":
		return "the certificate " + subject(l.cert)
	}
	return "the certificate of " + journal.Printable(l.server, maxName)
}

// describeNames lists the names of a certificate as part of a sentence.
func describeNames(c *x509.Certificate) string {
	names := alternativeNames(c)
	switch cn := c.Subject.CommonName; {
	case len(names) > 0:
		return "it is for " + strings.Join(names, ", ")
	case cn != "":
		return "it has only the common name " + journal.Printable(cn, maxName)
	}
	return "it has no name at all"
}

// maxNames is how many alternative names are shown.
const maxNames = 20

func alternativeNames(c *x509.Certificate) []string {
	var names []string
	for _, n := range c.DNSNames {
		names = append(names, journal.Printable(n, maxName))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if more := len(names) - maxNames; more > 0 {
		names = append(names[:maxNames], fmt.Sprintf("and %d more", more))
	}
	return names
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// sentence adds a capital letter and a full stop.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
