package check_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// administrator carries out remedies on a lab: exactly what the text says, with the
// names in it. authorities are the CAs of the deployment, of which an administrator
// has the certificates.
type administrator struct {
	site
	authorities []*pki.Authority
	chain       tls.Certificate // of the pool
}

func newAdministrator(t *testing.T, firmware string, defect pki.Defect) *administrator {
	t.Helper()
	s := newSite(t, firmware, func(d *lab.Deployment) { d.Pool.Defect = defect })
	return &administrator{s, []*pki.Authority{s.PKI.Enterprise, s.PKI.Issuing, s.PKI.Public}, s.Pool.Certificate}
}

func (a *administrator) named(subject string) *pki.Authority {
	a.Helper()
	i := slices.IndexFunc(a.authorities, func(c *pki.Authority) bool {
		return certstore.Root{Certificate: c.Certificate}.Subject() == subject
	})
	if i < 0 {
		a.Fatalf("the remedy names %q, which the deployment does not have", subject)
	}
	return a.authorities[i]
}

// publish is certutil -f -dspublish FILE RootCA.
func (a *administrator) publish(subject string) {
	c := a.named(subject).Certificate
	a.Directory.PublishRoot(c.Subject.CommonName, c.Raw)
}

// send appends a CA certificate to the chain of the pool.
func (a *administrator) send(subject string) {
	c := a.chain
	c.Certificate = append(slices.Clone(c.Certificate), a.named(subject).Certificate.Raw)
	a.replace(c)
}

func (a *administrator) replace(c tls.Certificate) {
	a.Helper()
	a.chain = c
	if err := a.SetCertificate("pool", c); err != nil {
		a.Fatal(err)
	}
}

// issue replaces the certificate of the pool by a good one of by, with these names.
func (a *administrator) issue(by *pki.Authority, names ...string) {
	a.Helper()
	c, err := by.Issue(pki.Leaf{Names: names})
	if err != nil {
		a.Fatal(err)
	}
	a.replace(c)
}

// newRoot is another root of the deployment.
func (a *administrator) newRoot(name string, o pki.Options) *pki.Authority {
	a.Helper()
	if o.Algorithm = pki.RSA2048SHA1; a.firmware.Name == "today" {
		o.Algorithm = pki.ECDSAP256SHA256
	}
	o.Keys = new(pki.Keys)
	for {
		root, err := pki.NewRoot(name, o)
		if err != nil {
			a.Fatal(err)
		}
		sameKey := func(c *pki.Authority) bool {
			return bytes.Equal(c.Certificate.SubjectKeyId, root.Certificate.SubjectKeyId)
		}
		if !slices.ContainsFunc(a.authorities, sameKey) { // each list of keys begins with the same ones
			a.authorities = slices.Insert(a.authorities, 0, root)
			return root
		}
	}
}

// actions are the remedies in words, and what they mean for an administrator. The
// first that matches is carried out.
var actions = []struct {
	text *regexp.Regexp
	do   func(a *administrator, m []string)
}{
	{regexp.MustCompile(`^Let the server send the certificate of (CN=\S.*?) with its own, and see that the root above it is published\. ` +
		`If that certificate is self-signed, publish it \(certutil -f -dspublish ROOT\.cer RootCA\) instead\. Then sign in again, inside\.$`),
		func(a *administrator, m []string) {
			if a.named(m[1]).Parent == nil {
				a.publish(m[1])
				return
			}
			a.send(m[1])
		}},
	{regexp.MustCompile(`^Let the server send the certificate of (CN=\S.*?) with its own: CN=.* issued it, which is published or held\. Then sign in again\.$`),
		func(a *administrator, m []string) { a.send(m[1]) }},
	{regexp.MustCompile(`^Let the server send the certificate of (CN=\S.*?) with its own, and publish its root: (CN=\S.*), which issued it, or the root above \(certutil`),
		func(a *administrator, m []string) { a.send(m[1]); a.publish(m[2]) }},
	{regexp.MustCompile(`^Publish the root (CN=\S.*?) \(certutil -f -dspublish ROOT\.cer RootCA\)\. Then sign in again, inside\.`),
		func(a *administrator, m []string) { a.publish(m[1]) }},
	{regexp.MustCompile(`^Publish the present certificate of (CN=\S.*?), which has another key`),
		func(a *administrator, m []string) { a.publish(m[1]) }},
	{regexp.MustCompile(`^Issue the certificate again with a subject alternative name, the DNS name (\S+)\. `),
		func(a *administrator, m []string) { a.issue(a.PKI.Issuing, m[1]) }},
	{regexp.MustCompile(`^Issue the certificate for (\S+) too, or let the SRV record lead to a host whose name it bears \((\S+)\)\.$`),
		func(a *administrator, m []string) { a.issue(a.PKI.Issuing, m[2], m[1]) }},
	{regexp.MustCompile(`^Wait until it is valid, or issue it again with an earlier start\. If `),
		func(a *administrator, m []string) { a.issue(a.PKI.Issuing, "pool.contoso.com") }},
	{regexp.MustCompile(`^Renew the certificate of (\S+)\. If `),
		func(a *administrator, m []string) { a.issue(a.PKI.Issuing, m[1]) }},
	{regexp.MustCompile(`^Renew the CA certificate (CN=\S.*?), and let the server send the new one\.`),
		func(a *administrator, m []string) { a.named(m[1]); a.issue(a.PKI.Issuing, "pool.contoso.com") }},
	{regexp.MustCompile(`^Renew the root (CN=\S.*?) and publish the new certificate \(certutil`),
		func(a *administrator, m []string) {
			ca := a.named(m[1])
			renewed := *ca.Certificate
			renewed.NotAfter = time.Now().AddDate(10, 0, 0)
			der, err := x509.CreateCertificate(rand.Reader, &renewed, &renewed, ca.Key.Public(), ca.Key)
			if err != nil {
				a.Fatal(err)
			}
			a.Directory.PublishRoot(ca.Certificate.Subject.CommonName, der)
		}},
	{regexp.MustCompile(`^Correct the time server dc1\.contoso\.com:123, which moved the phone's clock by`),
		func(a *administrator, m []string) { a.NTP.SetOffset(0) }},
	{regexp.MustCompile(`SRV record _ldap\._tcp\.dc\._msdcs\.contoso\.com|nslookup -type=srv _ldap\._tcp\.dc\._msdcs\.contoso\.com`),
		func(a *administrator, m []string) {
			if err := a.InsideDNS.Set("_ldap._tcp.dc._msdcs.contoso.com", "SRV", "0 100 389 dc1.contoso.com"); err != nil {
				a.Fatal(err)
			}
		}},
	{regexp.MustCompile(`^` + regexp.QuoteMeta(journal.CertSelfSigned.Page().Change) + `$|^Issue (it|the chain) |^Update the phone's firmware to 3\.5\.x or later, or issue the chain with SHA-1 for it\.$`),
		func(a *administrator, m []string) { a.issue(a.PKI.Issuing, "pool.contoso.com") }},
}

// settle signs in and carries out each remedy, until the sign-in succeeds. A remedy
// that comes twice, or a fifth, is a failure.
func (a *administrator) settle() (remedies []string) {
	a.Helper()
	for f := a.signIn(a.Inside()); f != nil; f = a.signIn(a.Inside()) {
		if slices.Contains(remedies, f.Fix) || len(remedies) == 4 {
			a.Fatalf("%s: %q does not end; before it:\n%s", f.Code, f.Fix, strings.Join(remedies, "\n"))
		}
		remedies = append(remedies, f.Fix)
		known := false
		for _, action := range actions {
			if m := action.text.FindStringSubmatch(f.Fix); m != nil {
				action.do(a, m)
				known = true
				break
			}
		}
		if !known {
			a.Fatalf("%s: nobody knows how to carry out %q", f.Code, f.Fix)
		}
	}
	return remedies
}

// TestRemediesOfCertificatesEnd breaks a deployment in each way that concerns
// certificates, and carries out what the failures say
// (docs/decisions.md#proved-remedies).
func TestRemediesOfCertificatesEnd(t *testing.T) {
	const host = "pool.contoso.com"
	for _, defect := range pki.Defects() {
		for _, firmware := range []string{"1.0.522.71", "today"} {
			t.Run("defect "+string(defect)+", "+firmware, func(t *testing.T) {
				t.Parallel()
				if defect != pki.UntrustedIssuer { // an administrator has the certificate of the CA: see below
					newAdministrator(t, firmware, defect).settle()
				}
			})
		}
	}
	withdraw := func(a *administrator) {
		if err := a.WithdrawRoot(lab.EnterpriseRoot); err != nil {
			a.Fatal(err)
		}
	}
	alone := func(a *administrator) {
		c := a.chain
		c.Certificate = c.Certificate[:1]
		a.replace(c)
	}
	wrongValue := func(a *administrator, value []byte) { a.Directory.PublishRoot("Contoso Root CA", value) }
	for name, b := range map[string]struct {
		spoil func(a *administrator)
		steps int // remedies until it works
	}{
		"a CA that is not published": {func(a *administrator) {
			a.issue(a.newRoot("CN=Fabrikam Root CA,DC=fabrikam,DC=com", pki.Options{}), host)
		}, 1},
		"a CA that is not published, whose name says nothing":      {func(a *administrator) { a.issue(a.newRoot("CN=Fabrikam", pki.Options{}), host) }, 1},
		"nothing is published":                                     {withdraw, 1},
		"the server's certificate alone":                           {alone, 1},
		"the server's certificate alone, and nothing is published": {func(a *administrator) { withdraw(a); alone(a) }, 2},
		"the issuing CA published beside its root, and not sent": {func(a *administrator) {
			alone(a)
			wrongValue(a, a.PKI.Issuing.Certificate.Raw)
		}, 1},
		"the issuing CA published in place of its root, and not sent": {func(a *administrator) {
			withdraw(a)
			alone(a)
			wrongValue(a, a.PKI.Issuing.Certificate.Raw)
		}, 1},
		"the issuing CA published in place of its root, and sent": {func(a *administrator) {
			withdraw(a)
			wrongValue(a, a.PKI.Issuing.Certificate.Raw)
		}, 1},
		"the server's certificate published in place of its root": {func(a *administrator) {
			withdraw(a)
			wrongValue(a, a.chain.Certificate[0])
		}, 1},
		"no record of a domain controller": {func(a *administrator) {
			a.InsideDNS.Remove("_ldap._tcp.dc._msdcs.contoso.com")
			a.InsideDNS.Remove("_ldap._tcp.contoso.com")
		}, 1},
		"a time server that is years ahead":  {func(a *administrator) { a.NTP.SetOffset(1500 * 24 * time.Hour) }, 1},
		"a time server that is years behind": {func(a *administrator) { a.NTP.SetOffset(-900 * 24 * time.Hour) }, 1},
		"a CA that was set up anew under its name": {func(a *administrator) {
			a.issue(a.newRoot(pki.EnterpriseName, pki.Options{}), host)
		}, 1},
		"a published root that has expired": {func(a *administrator) {
			old := a.newRoot("CN=Old Root", pki.Options{NotAfter: time.Now().AddDate(0, -1, 0)})
			a.publish("CN=Old Root")
			a.issue(old, host)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAdministrator(t, "1.0.522.71", "")
			b.spoil(a)
			if remedies := a.settle(); len(remedies) != b.steps {
				t.Errorf("%d remedies, want %d:\n%s", len(remedies), b.steps, strings.Join(remedies, "\n"))
			}
		})
	}
}
