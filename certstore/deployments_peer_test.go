//go:build realpeers && linux

package certstore_test

import (
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/peer"
)

// Differences from openssl that are known and wanted.
const (
	cnToday     = "policy today, as crypto/x509, reads no common name; openssl does where there is no DNS name (RFC 9525 6.4.4 forbids it)"
	cnNoSAN     = "policy 2007 reads the common name only where there is no subject alternative name at all (docs/decisions.md#firmware-profiles), openssl where it holds no DNS name (RFC 2818 3.1)"
	partialStar = "a star beside other letters is no wildcard (RFC 9525 6.3); openssl takes it"
	noMD5       = "Go verifies no MD5 (README, limits); openssl does at level 0"
	noShortKeys = "Go uses no RSA key below 1024 bits (README, limits); openssl does at level 0"
	keyIDHint   = "key identifiers help to find an issuer and decide nothing (RFC 5280 4.2.1.1); openssl takes no issuer with another one"
)

// deployments are the chains. The phone holds their root unless a row says otherwise.
func deployments(t *testing.T) []deployment {
	o := peer.NewOpenSSL(t)
	now := time.Now()
	const san = "subjectAltName=DNS:" + host + "\n"
	type change func(*peer.CertificateRequest)
	apply := func(r peer.CertificateRequest, changes []change) *peer.Certificate {
		for _, c := range changes {
			c(&r)
		}
		return o.Make(r)
	}
	ca := func(name string, issuer *peer.Certificate, changes ...change) *peer.Certificate {
		return apply(peer.CertificateRequest{Subject: "/DC=com/DC=contoso/CN=" + name, Issuer: issuer, Extensions: peer.CA,
			From: now.AddDate(-5, 0, 0), To: now.AddDate(5, 0, 0)}, changes)
	}
	leaf := func(issuer *peer.Certificate, changes ...change) *peer.Certificate {
		return apply(peer.CertificateRequest{Subject: "/DC=com/DC=contoso/CN=" + host, Issuer: issuer, Extensions: peer.Server + san, Key: "rsa:2048#leaf"}, changes)
	}
	digest := func(d string) change { return func(r *peer.CertificateRequest) { r.Digest = d } }
	key := func(k string) change { return func(r *peer.CertificateRequest) { r.Key = k } }
	ext := func(e string) change { return func(r *peer.CertificateRequest) { r.Extensions = e } }
	more := func(e string) change { return func(r *peer.CertificateRequest) { r.Extensions += e } }
	dates := func(from, to int) change { // days from now
		return func(r *peer.CertificateRequest) { r.From, r.To = now.AddDate(0, 0, from), now.AddDate(0, 0, to) }
	}
	chain := func(all ...*peer.Certificate) []*peer.Certificate { return all }

	root := ca("Contoso Root CA", nil)
	root1 := ca("Contoso Root CA 2004", nil, digest("sha1"))
	issuing := ca("Contoso Issuing CA", root)
	issuing1 := ca("Contoso Issuing CA 2007", root1, digest("sha1"))
	fabrikam := ca("Fabrikam Root CA", nil)
	impostor := ca("Contoso Root CA", nil, key("rsa:2048#impostor"))
	through := func(changes ...change) []*peer.Certificate {
		i := ca("Contoso Issuing CA", root, changes...)
		return chain(leaf(i), i)
	}
	selfSigned := leaf(nil)
	oldRoot := ca("Old Root CA", nil, dates(-5000, -10))
	v1Root := ca("Version 1 Root CA", nil, ext(""), digest("sha1"))
	v1CA := ca("Version 1 CA", root, ext(""))
	twice := ca("Second Tier CA", ca("Contoso Issuing CA", root, ext("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n")))
	pathlen0 := ca("Contoso Issuing CA", root, ext("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n"))
	permitted := func(domain string) *peer.Certificate {
		return ca("Constrained CA", root, more("nameConstraints=critical,permitted;DNS:"+domain+"\n"))
	}
	excluding := ca("Constrained CA", root, more("nameConstraints=critical,excluded;DNS:contoso.com\n"))
	signing := ca("Twin CA", root, ext("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=AA:AA:AA:AA\n"))
	twin := ca("Twin CA", root, ext("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=BB:BB:BB:BB\n"))
	clientCA := ca("Client CA", root, more("extendedKeyUsage=clientAuth\n"))
	cnOnly := ext(peer.Server)

	all := []deployment{
		{name: "good, SHA-256", chain: chain(leaf(issuing), issuing)},
		{name: "good, no intermediate", chain: chain(leaf(root))},
		{name: "good, root presented too", chain: chain(leaf(issuing), issuing, root)},
		{name: "good, unordered and needless ones", chain: chain(leaf(issuing), fabrikam, root, issuing)},
		{name: "good, ECDSA P-256", chain: chain(leaf(root, key("ec:P-256")))},
		{name: "good, ECDSA P-384, SHA-384", chain: chain(leaf(root, key("ec:P-384"), digest("sha384")))},
		{name: "good, intermediate held as a root", chain: chain(leaf(issuing), issuing), roots: chain(issuing)},
		{name: "good, path length just kept", chain: chain(leaf(pathlen0), pathlen0)},
		{name: "good, name constraint kept", chain: func() []*peer.Certificate { c := permitted("contoso.com"); return chain(leaf(c), c) }()},
		{name: "good, wildcard", chain: chain(leaf(root, ext(peer.Server+"subjectAltName=DNS:*.contoso.com\n")))},
		{name: "good, version 1 root", chain: chain(leaf(v1Root)), roots: chain(v1Root)},
		{name: "good, self-signed and held", chain: chain(selfSigned), roots: chain(selfSigned)},
		{name: "good, negative serial", chain: chain(leaf(root, func(r *peer.CertificateRequest) { r.Serial = "-81985529216486895" }))},

		{name: "SHA-1, RSA 2048", chain: chain(leaf(root, digest("sha1"))), today: says(journal.CertWeak)},
		{name: "SHA-1, RSA 1024", chain: chain(leaf(root, digest("sha1"), key("rsa:1024"))), today: says(journal.CertWeak)},
		{name: "SHA-256, RSA 1024", chain: chain(leaf(root, key("rsa:1024")))},
		{name: "SHA-1 chain of 2007", chain: chain(leaf(issuing1, digest("sha1")), issuing1), roots: chain(root1), today: says(journal.CertWeak, journal.CertWeak)},
		{name: "SHA-1 intermediate", chain: chain(leaf(issuing1), issuing1), roots: chain(root1), today: says(journal.CertWeak)},
		{name: "SHA-1 root alone", chain: chain(leaf(root1)), roots: chain(root1)},
		{name: "SHA-1, common name only", chain: chain(leaf(root, digest("sha1"), cnOnly)),
			today: says(journal.CertName, journal.CertWeak)},
		{name: "MD5", chain: chain(leaf(root, digest("md5"))), args: []string{"-tls1"}, today: says(journal.CertWeak), then: says(journal.CertWeak).unlike(noMD5)},
		{name: "RSA 512", chain: chain(leaf(root, key("rsa:512"))), args: []string{"-tls1_2"},
			today: says(journal.CertWeak), then: says(journal.CertWeak).unlike(noShortKeys)},

		{name: "common name only", chain: chain(leaf(root, cnOnly)), today: says(journal.CertName).unlike(cnToday)},
		{name: "common name beside another DNS name", chain: chain(leaf(root, ext(peer.Server+"subjectAltName=DNS:other.contoso.com\n"))),
			today: says(journal.CertName), then: says(journal.CertName)},
		{name: "common name beside an e-mail address", chain: chain(leaf(root, ext(peer.Server+"subjectAltName=email:tu@contoso.com\n"))),
			today: says(journal.CertName).unlike(cnToday), then: says(journal.CertName).unlike(cnNoSAN)},
		{name: "wrong name", chain: chain(leaf(root, func(r *peer.CertificateRequest) {
			r.Subject, r.Extensions = "/CN=other.contoso.com", peer.Server+"subjectAltName=DNS:other.contoso.com\n"
		})), today: says(journal.CertName), then: says(journal.CertName)},
		{name: "wildcard of a level above", chain: chain(leaf(root, ext(peer.Server+"subjectAltName=DNS:*.com\n"))),
			today: says(journal.CertName), then: says(journal.CertName)},
		{name: "wildcard of a level below", chain: chain(leaf(root, ext(peer.Server+"subjectAltName=DNS:*.pool.contoso.com\n"))),
			today: says(journal.CertName), then: says(journal.CertName)},
		{name: "partial wildcard", chain: chain(leaf(root, ext(peer.Server+"subjectAltName=DNS:p*.contoso.com\n"))),
			today: says(journal.CertName).unlike(partialStar), then: says(journal.CertName).unlike(partialStar)},

		{name: "expired", chain: chain(leaf(root, dates(-400, -7))), today: says(journal.CertExpired), then: says(journal.CertExpired)},
		{name: "not yet valid", chain: chain(leaf(root, dates(7, 400))), today: says(journal.CertNotYetValid), then: says(journal.CertNotYetValid)},
		{name: "phone's clock a year slow", chain: chain(leaf(root)), at: now.AddDate(-1, 0, 0), today: says(journal.CertNotYetValid), then: says(journal.CertNotYetValid)},
		{name: "phone's clock two years fast", chain: chain(leaf(root)), at: now.AddDate(2, 0, 0), today: says(journal.CertExpired), then: says(journal.CertExpired)},
		{name: "expired intermediate", chain: through(dates(-900, -7)), today: says(journal.CertExpired), then: says(journal.CertExpired)},
		{name: "expired root", chain: chain(leaf(oldRoot)), roots: chain(oldRoot), today: says(journal.CertExpired), then: says(journal.CertExpired)},
		{name: "expired, wrong name and SHA-1", chain: chain(leaf(root, dates(-400, -7), digest("sha1"), ext(peer.Server+"subjectAltName=DNS:other.contoso.com\n"))),
			today: says(journal.CertExpired, journal.CertName, journal.CertWeak), then: says(journal.CertExpired, journal.CertName)},

		{name: "self-signed", chain: chain(selfSigned), today: says(journal.CertSelfSigned), then: says(journal.CertSelfSigned)},
		{name: "untrusted issuer", chain: chain(leaf(fabrikam)), today: says(journal.CertUntrusted), then: says(journal.CertUntrusted)},
		{name: "untrusted root presented", chain: chain(leaf(fabrikam), fabrikam), today: says(journal.CertUntrusted), then: says(journal.CertUntrusted)},
		{name: "root of that name with another key", chain: chain(leaf(impostor)), today: says(journal.CertUntrusted), then: says(journal.CertUntrusted)},
		{name: "missing intermediate", chain: chain(leaf(issuing)), today: says(journal.CertUntrusted), then: says(journal.CertUntrusted)},
		{name: "intermediate of another key identifier", chain: chain(leaf(signing, more("authorityKeyIdentifier=keyid:always\n")), twin),
			today: good.unlike(keyIDHint, journal.CertUntrusted), then: good.unlike(keyIDHint, journal.CertUntrusted)},

		{name: "client authentication only", chain: chain(leaf(root, ext("extendedKeyUsage=clientAuth\n"+san))), today: says(journal.CertUsage), then: says(journal.CertUsage)},
		{name: "CA for client authentication", chain: chain(leaf(clientCA), clientCA), today: says(journal.CertUsage), then: says(journal.CertUsage)},
		{name: "CA may not sign certificates", chain: through(ext("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n")),
			today: says(journal.CertUsage), then: says(journal.CertUsage)},
		{name: "CA:FALSE", chain: through(ext("basicConstraints=critical,CA:FALSE\n")), today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "CA without basic constraints", chain: through(ext("subjectKeyIdentifier=hash\n")), today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "version 1 intermediate", chain: chain(leaf(v1CA), v1CA), today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "path length", chain: chain(leaf(twice), twice, pathlen0), today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "name constraint, others permitted", chain: func() []*peer.Certificate { c := permitted("fabrikam.com"); return chain(leaf(c), c) }(),
			today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "name constraint, excluded", chain: chain(leaf(excluding), excluding), today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "name constraint on a common name", chain: chain(leaf(excluding, cnOnly), excluding),
			today: says(journal.CertName).unlike(cnToday, journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "critical extension that nobody knows", chain: chain(leaf(root, more("1.3.6.1.4.1.99999.1=critical,ASN1:NULL\n"))),
			today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
		{name: "critical extension in the CA", chain: through(more("1.3.6.1.4.1.99999.1=critical,ASN1:NULL\n")),
			today: says(journal.CertConstraint), then: says(journal.CertConstraint)},
	}
	for i := range all {
		if all[i].roots == nil {
			all[i].roots = chain(root)
		}
	}
	return all
}
