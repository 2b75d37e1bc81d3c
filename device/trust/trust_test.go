package trust_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/trust"
)

const host = "pool.contoso.com"

var now = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// authorities are an enterprise of two tiers and a public root.
func authorities(t *testing.T) *pki.PKI {
	t.Helper()
	p, err := pki.New(pki.Options{Algorithm: pki.ECDSAP256SHA256, Now: func() time.Time { return now }}, pki.Names{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// issue is the chain of a server as by issues it.
func issue(t *testing.T, by *pki.Authority, l pki.Leaf) (chain []*x509.Certificate) {
	t.Helper()
	if l.Names == nil {
		l.Names = []string{host}
	}
	issued, err := by.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, der := range issued.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, c)
	}
	return chain
}

// changed is a server's certificate alone, as by issues it after the change.
func changed(t *testing.T, by *pki.Authority, change func(*x509.Certificate)) []*x509.Certificate {
	t.Helper()
	c := *issue(t, by, pki.Leaf{})[0]
	c.Extensions, c.AuthorityKeyId = nil, nil
	change(&c)
	der, err := x509.CreateCertificate(rand.Reader, &c, by.Certificate, c.PublicKey, by.Key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{made}
}

// authorityKey adds an authority key identifier that names the certificate of by
// by its issuer and serial number (RFC 5280 4.2.1.1).
func authorityKey(t *testing.T, by *x509.Certificate) func(*x509.Certificate) {
	t.Helper()
	value, err := asn1.Marshal(struct {
		Key    []byte          `asn1:"optional,tag:0"`
		Issuer []asn1.RawValue `asn1:"optional,tag:1"`
		Serial *big.Int        `asn1:"optional,tag:2"`
	}{
		by.SubjectKeyId,
		[]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: by.RawIssuer}},
		by.SerialNumber,
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: value}}
	}
}

func roots(kind certstore.SourceKind, all ...*pki.Authority) certstore.Store {
	var list []certstore.Root
	for _, a := range all {
		list = append(list, certstore.Root{Certificate: a.Certificate, Source: certstore.Source{Kind: kind}})
	}
	return certstore.New(list...)
}

func judge(c trust.Case, chain []*x509.Certificate, policy certstore.PolicyName) trust.Case {
	c.Verdict = c.Held.Verify(certstore.Request{Chain: chain, Name: host, At: now, Policy: policy})
	return c
}

// TestRemedyFollowsFromTheEvidence is docs/decisions.md#proved-remedies: what to
// change for each kind of certificate failure, word for word where it matters.
func TestRemedyFollowsFromTheEvidence(t *testing.T) {
	p, again := authorities(t), authorities(t)
	const issuing, root = "CN=Contoso Issuing CA,DC=contoso,DC=com", "CN=Contoso Root CA,DC=contoso,DC=com"
	good := issue(t, p.Issuing, pki.Leaf{})
	alone := good[:1]
	published := &trust.Directory{Server: "dc1", Roots: []string{root}}
	wrong := &trust.Directory{Server: "dc1", Roots: []string{root}, Other: []*x509.Certificate{p.Issuing.Certificate}}
	withAddress := changed(t, p.Issuing, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"ldap:///x", "http://ca/issuing.crt"} })
	expiredRoot, err := pki.NewRoot("CN=Old Root", pki.Options{Algorithm: pki.ECDSAP256SHA256,
		Now: func() time.Time { return now }, NotAfter: now.AddDate(0, -1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	inside := trust.Case{Side: trust.Inside, Held: roots(certstore.AD, p.Enterprise), Directory: published}
	for _, row := range []struct {
		name   string
		c      trust.Case
		chain  []*x509.Certificate
		policy certstore.PolicyName
		code   journal.Code
		want   []string // parts of the remedy
		not    []string
	}{
		{name: "an issuer that may be a root or not, alone", c: inside, chain: alone, code: journal.ADNoMatch,
			want: []string{"Let the server send the certificate of " + issuing + " with its own, and see that the root above it is published.",
				"If that certificate is self-signed, publish it (certutil -f -dspublish ROOT.cer RootCA) instead. Then sign in again"}},
		{name: "with the address of the issuer", c: inside, chain: withAddress, code: journal.ADNoMatch,
			want: []string{"(it comes from http://ca/issuing.crt)"}, not: []string{"ldap:"}},
		{name: "an intermediate by its issuer in the key identifier", c: inside,
			chain: changed(t, p.Issuing, authorityKey(t, p.Issuing.Certificate)), code: journal.ADNoMatch,
			want: []string{"Let the server send the certificate of " + issuing + " with its own: " + root + " issued it, which is published"},
			not:  []string{"certutil"}},
		{name: "a root by its issuer in the key identifier", c: trust.Case{Side: trust.Inside, Directory: published},
			chain: changed(t, p.Enterprise, authorityKey(t, p.Enterprise.Certificate)), code: journal.ADNoMatch,
			want: []string{"Publish the root " + root + " (certutil -f -dspublish ROOT.cer RootCA). Then sign in again, inside."},
			not:  []string{"another CA"}},
		{name: "an intermediate that was published as a root, which is published too",
			c: trust.Case{Side: trust.Inside, Held: inside.Held, Directory: wrong}, chain: alone, code: journal.ADNoMatch,
			want: []string{"Let the server send the certificate of " + issuing}, not: []string{"certutil"}},
		{name: "an intermediate that was published in place of its root",
			c:     trust.Case{Side: trust.Inside, Directory: &trust.Directory{Other: wrong.Other}},
			chain: alone, code: journal.ADNoRoots,
			want: []string{"Let the server send the certificate of " + issuing + " with its own, and publish its root: " + root, "certutil"}},
		{name: "an old intermediate of the same name is no evidence",
			c:     trust.Case{Side: trust.Inside, Directory: &trust.Directory{Roots: []string{root}, Other: []*x509.Certificate{again.Issuing.Certificate}}},
			chain: alone, code: journal.ADNoMatch, want: []string{"see that the root above it is published"}},
		{name: "the root of a whole chain", c: trust.Case{Side: trust.Inside, Directory: &trust.Directory{}}, chain: good, code: journal.ADNoRoots,
			want: []string{"Publish the root " + root + " (certutil", "If another CA issued that certificate, let the server send it too"}},
		{name: "the server presents its root", c: trust.Case{Side: trust.Inside, Directory: &trust.Directory{}},
			chain: append(slices.Clone(good), p.Enterprise.Certificate), code: journal.ADNoRoots,
			want: []string{"Publish the root " + root + " (certutil"}, not: []string{"another CA"}},
		{name: "a root of the name with another key", c: trust.Case{Side: trust.Inside, Held: roots(certstore.AD, again.Enterprise), Directory: published},
			chain: good, code: journal.ADNoMatch, want: []string{"Publish the present certificate of " + root, "another key"}},
		{name: "outside, new", c: trust.Case{Side: trust.Outside}, chain: issue(t, p.Public, pki.Leaf{}), code: journal.CertUntrusted,
			want: []string{"Publish the root CN=Adatum", "Then sign in once inside, where all published roots arrive, unless a factory root"}, not: []string{"paper clip"}},
		{name: "outside, signed in before", c: trust.Case{Side: trust.Outside, Held: inside.Held}, chain: issue(t, p.Public, pki.Leaf{}),
			code: journal.CertUntrusted, want: []string{"Then push a paper clip into the reset hole", "sign in once inside"}},
		{name: "outside, nothing arrives", c: trust.Case{Side: trust.Outside, NoArrival: true}, chain: issue(t, p.Public, pki.Leaf{}),
			code: journal.CertUntrusted, want: []string{"A published root cannot help", "factory roots"}, not: []string{"certutil"}},
		{name: "a registrar without Active Directory", c: trust.Case{Name: trust.Registrar}, chain: good, code: journal.CertUntrusted,
			want: []string{"Give the phone the root " + root + " (--roots file:ROOT.pem)"}, not: []string{"certutil", "inside"}},
		{name: "the stricter reading", c: trust.Case{Side: trust.Inside, DownloadedRootStops: true, Held: roots(certstore.AD, p.Public)}, chain: good,
			code: journal.CertUntrusted, want: []string{"Push a paper clip into the reset hole, then sign in once inside (R1.3)."}, not: []string{"certutil"}},
		{name: "the stricter reading, asked", c: trust.Case{Side: trust.Inside, DownloadedRootStops: true, Held: roots(certstore.AD, p.Public), Directory: published},
			chain: good, code: journal.ADNoMatch, want: []string{"certutil", "push a paper clip into the reset hole, since this firmware"}},
		{name: "self-signed", c: inside, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.SelfSigned}), code: journal.CertSelfSigned,
			want: []string{journal.CertSelfSigned.Page().Change}, not: []string{"certutil"}},
		{name: "another name", c: inside, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.WrongName}), code: journal.CertName,
			want: []string{"Issue the certificate for pool.contoso.com too, or let the SRV record lead to a host whose name it bears (other.contoso.com)."}},
		{name: "another name at a registrar", c: trust.Case{Name: trust.Registrar, Held: inside.Held}, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.WrongName}),
			code: journal.CertName, want: []string{"or give --registrar a name that it bears (other.contoso.com)."}, not: []string{"SRV"}},
		{name: "another name than the fixed one", c: trust.Case{Name: trust.Fixed, Held: inside.Held}, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.WrongName}),
			code: journal.CertName, want: []string{"Issue the certificate for pool.contoso.com too."}, not: []string{"SRV"}},
		{name: "the common name alone", c: inside, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.CNOnly}), code: journal.CertName,
			want: []string{"Issue the certificate again with a subject alternative name, the DNS name pool.contoso.com"}, not: []string{"SRV"}},
		{name: "another common name alone, 2007", c: inside, policy: certstore.Policy2007, code: journal.CertName,
			chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.CNOnly, Names: []string{"old.contoso.com"}}), want: []string{"whose name it bears (old.contoso.com)"}},
		{name: "expired", c: inside, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.Expired}), code: journal.CertExpired,
			want: []string{"Renew the certificate of pool.contoso.com. If 2026-11-30 09:00 UTC is not the time, correct the phone's clock first"}},
		{name: "expired, by a time server", c: trust.Case{Held: inside.Held, Clock: trust.Clock{Server: "dc1:123", Offset: time.Minute}},
			chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.Expired}), code: journal.CertExpired,
			want: []string{"Renew the certificate of pool.contoso.com. If 2026-11-30 09:00 UTC is not the time, correct the time server dc1:123 first."}},
		{name: "expired, after a jump", c: trust.Case{Held: inside.Held, Clock: trust.Clock{Server: "dc1:123", Offset: 1500*24*time.Hour - time.Second}},
			chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.Expired}), code: journal.CertExpired,
			want: []string{"Correct the time server dc1:123, which moved the phone's clock by +1500 days, to 2026-11-30 09:00 UTC. If that is the time: renew"}},
		{name: "not valid yet, after a jump back", c: trust.Case{Held: inside.Held, Clock: trust.Clock{Server: "dc1:123", Offset: -365 * 24 * time.Hour}},
			chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.NotYetValid}), code: journal.CertNotYetValid,
			want: []string{"Correct the time server dc1:123, which moved the phone's clock by -365 days", "If that is the time: wait until"}},
		{name: "an expired CA", c: inside, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.ExpiredIntermediate}), code: journal.CertExpired,
			want: []string{"Renew the CA certificate " + issuing + ", and let the server send the new one."}},
		{name: "an expired root", c: trust.Case{Side: trust.Inside, Held: roots(certstore.AD, expiredRoot), Directory: &trust.Directory{Roots: []string{"CN=Old Root"}}},
			chain: issue(t, expiredRoot, pki.Leaf{}), code: journal.CertExpired,
			want: []string{"Renew the root CN=Old Root and publish the new certificate (certutil"}},
		{name: "two causes", c: inside, chain: changed(t, p.Enterprise, func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage = []string{"other.contoso.com"}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), code: journal.CertName, want: []string{"Issue the certificate for pool.contoso.com too", journal.CertUsage.Page().Change}},
		{name: "an unknown root beside another cause", c: trust.Case{Side: trust.Inside}, chain: issue(t, p.Issuing, pki.Leaf{Defect: pki.MissingEKU}),
			code: journal.CertUsage, want: []string{journal.CertUsage.Page().Change}, not: []string{"certutil"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := judge(row.c, row.chain, row.policy)
			f := c.Failure()
			if f.Code != row.code || f.Fix != c.Remedy() || f.What == "" || f.Because == "" {
				t.Errorf("%+v, want %s", f, row.code)
			}
			for _, part := range row.want {
				if !strings.Contains(f.Fix, part) {
					t.Errorf("remedy %q\n lacks %q", f.Fix, part)
				}
			}
			for _, part := range row.not {
				if strings.Contains(f.Fix, part) {
					t.Errorf("remedy %q\n holds %q", f.Fix, part)
				}
			}
		})
	}
}

// TestR1_2SearchDecision: only an unknown or expired root makes the phone ask.
func TestR1_2SearchDecision(t *testing.T) {
	p := authorities(t)
	good := issue(t, p.Issuing, pki.Leaf{})
	for _, row := range []struct {
		name  string
		c     trust.Case
		chain []*x509.Certificate
		want  trust.Search
		why   string
		fix   string // of the good step
	}{
		{"unknown", trust.Case{}, good, trust.Asks, "", ""},
		{"self-signed", trust.Case{}, issue(t, p.Issuing, pki.Leaf{Defect: pki.SelfSigned}), trust.Asks, "", ""},
		{"held by the factory", trust.Case{Held: roots(certstore.Factory, p.Enterprise)}, good, trust.Satisfied, "a reset fetches nothing", "A reset cannot"},
		{"downloaded", trust.Case{Held: roots(certstore.AD, p.Enterprise)}, good, trust.Satisfied, "not asked before a reset", "paper clip"},
		{"imported", trust.Case{Held: roots(certstore.Import, p.Enterprise)}, good, trust.Satisfied, "not asked before a reset", "imported by hand"},
		{"no root cures it", trust.Case{}, issue(t, p.Issuing, pki.Leaf{Defect: pki.Expired}), trust.NoCure, "no root cures (cert.expired)", ""},
		{"another one downloaded", trust.Case{Held: roots(certstore.AD, p.Public)}, good, trust.Asks, "", ""},
		{"another one downloaded, the stricter reading", trust.Case{Held: roots(certstore.AD, p.Public), DownloadedRootStops: true}, good,
			trust.Stopped, "any downloaded root", ""},
		{"another one of the factory, the stricter reading", trust.Case{Held: roots(certstore.Factory, p.Public), DownloadedRootStops: true}, good, trust.Asks, "", ""},
	} {
		c := judge(row.c, row.chain, certstore.Today)
		if got, why := c.Search(), c.NotAsked(host); got != row.want || (why == "") != (row.why == "") || !strings.Contains(why, row.why) {
			t.Errorf("%s: %d, %q; want %d, %q", row.name, got, why, row.want, row.why)
		}
		if s := c.Good(); c.Verdict.OK && !strings.Contains(s.Fix, row.fix) {
			t.Errorf("%s: fix %q", row.name, s.Fix)
		}
	}
}

// TestTextFromCertificatesIsBounded: a server may name what it likes.
func TestTextFromCertificatesIsBounded(t *testing.T) {
	p := authorities(t)
	long := strings.Repeat("x", 5000)
	chain := changed(t, p.Issuing, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://" + long + "\u202e"} })
	c := judge(trust.Case{Directory: &trust.Directory{Roots: slices.Repeat([]string{"CN=r"}, 100)}}, chain, "")
	if f := c.Failure(); len(f.Fix) > 2000 || !strings.Contains(f.What, "95 more") {
		t.Errorf("%d octets of remedy, what %q", len(f.Fix), f.What)
	}
	broken := changed(t, p.Issuing, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: bytes.Repeat([]byte{0x30}, 50)}}
	})
	if m, ok := judge(trust.Case{}, broken, "").Missing(); ok && m.Kind != trust.RootOrIntermediate {
		t.Errorf("%+v", m)
	}
	if r := (trust.Case{Verdict: certstore.Store{}.Verify(certstore.Request{})}).Remedy(); r != journal.CertMalformed.Page().Change {
		t.Errorf("no certificate at all: %q", r)
	}
}
