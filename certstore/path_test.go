package certstore

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
)

// TestR1_2FlawOfACrossCertificateHidesNoPublishedRoot: a server may present a
// certificate of its CA that another CA has issued. Whatever is wrong with it, the
// root of that CA, once published, completes the chain.
func TestR1_2FlawOfACrossCertificateHidesNoPublishedRoot(t *testing.T) {
	newTrust := root(t, "New Trust CA", sha1ECDSA)
	old := root(t, "Old Root CA", sha1ECDSA)
	expiredOld := mk(t, caTemplate("Old Root CA"), nil, old.key, expired, sha1ECDSA)
	issuing := ca(t, "Issuing CA", newTrust, sha1ECDSA)
	issuing256 := mk(t, caTemplate("Issuing CA"), newTrust, issuing.key)
	for _, row := range []struct {
		name   string
		cross  option
		policy PolicyName
		noSHA2 bool
		code   journal.Code
	}{
		{"expired", expired, Today, false, journal.CertExpired},
		{"expired, policy 2007", func(c *x509.Certificate) { expired(c); sha1ECDSA(c) }, Policy2007, true, journal.CertExpired},
		{"SHA-1", sha1ECDSA, Today, false, journal.CertWeak},
		{"SHA-2", func(*x509.Certificate) {}, Policy2007, true, journal.CertSHA2},
		{"for clients only", usages(x509.ExtKeyUsageClientAuth), Today, false, journal.CertUsage},
		{"critical extension", critical, Today, false, journal.CertConstraint},
		{"name constraint", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"fabrikam.com"} }, Policy2007, false, journal.CertConstraint},
	} {
		hash := sha1ECDSA
		between := issuing
		if row.policy == Today {
			hash, between = func(*x509.Certificate) {}, issuing256
		}
		cross := mk(t, caTemplate("New Trust CA"), old, newTrust.key, row.cross)
		for name, presented := range map[string][]*x509.Certificate{
			"leaf, issuing CA, cross-certificate": chain(leaf(t, between, hash), between, cross),
			"cross-certificate first":             chain(leaf(t, between, hash), cross, between),
			"and the old root":                    chain(leaf(t, between, hash), between, cross, old),
			"leaf, cross-certificate":             chain(leaf(t, newTrust, hash), cross),
		} {
			for holds, store := range map[string]Store{"nothing": {}, "the old root": trusting(old), "the old root, expired": trusting(expiredOld), "another root": trusting(root(t, "Other"))} {
				t.Run(row.name+"/"+name+"/phone holds "+holds, func(t *testing.T) {
					r := Request{Chain: presented, Name: pool, At: now, Policy: row.policy, NoSHA2: row.noSHA2}
					v := store.Verify(r)
					if v.OK || !slices.Contains(codes(v.Answers[row.policy].Findings), row.code) || !v.NeedsRoot() || v.NeedsOnlyRoot() || v.MissingRoot() != "CN=New Trust CA" {
						t.Errorf("%v %s, NeedsRoot %v, NeedsOnlyRoot %v, MissingRoot %q", v.OK, v.Code, v.NeedsRoot(), v.NeedsOnlyRoot(), v.MissingRoot())
					}
					store, _ = store.Install([]Root{held(newTrust, AD)})
					if v = store.Verify(r); !v.OK || v.Anchor.Subject() != "CN=New Trust CA" || v.NeedsRoot() || v.MissingRoot() != "" {
						t.Errorf("with the root: %s", v.Sentence)
					}
				})
			}
		}
	}
}

// TestVerdictDoesNotDependOnTheOrderOfRoots of one subject: the key identifier
// names the right one, and without it there is work enough for all.
func TestVerdictDoesNotDependOnTheOrderOfRoots(t *testing.T) {
	const most = 500
	var withID, withoutID []*made
	for range most {
		r := root(t, "Contoso Root CA")
		withID, withoutID = append(withID, r), append(withoutID, v1(t, r, r))
	}
	misnamed := *withID[0].Certificate
	misnamed.SubjectKeyId = []byte("another")
	sha256 := func(*x509.Certificate) {}
	for _, row := range []struct {
		name   string
		roots  []*made // the first is the right one
		issuer *x509.Certificate
		hash   option
		policy PolicyName
	}{
		{"SHA-1, key identifiers", withID, withID[0].Certificate, sha1ECDSA, Policy2007},
		{"SHA-256, key identifiers", withID, withID[0].Certificate, sha256, Today},
		{"SHA-1, no key identifiers", withoutID, withoutID[0].Certificate, sha1ECDSA, Policy2007},
		{"SHA-256, no key identifiers", withoutID, withoutID[0].Certificate, sha256, Today},
		{"SHA-1, a key identifier of no root", withID, &misnamed, sha1ECDSA, Policy2007},
	} {
		right, others := row.roots[0], row.roots[1:]
		server := leaf(t, &made{row.issuer, right.key}, row.hash)
		if string(server.AuthorityKeyId) != string(row.issuer.SubjectKeyId) {
			t.Fatalf("%s: authority key identifier %x", row.name, server.AuthorityKeyId)
		}
		for _, n := range []int{99, 100, most} {
			for _, at := range []int{0, n / 2, n - 1} {
				roots := slices.Insert(slices.Clone(others[:n-1]), at, right)
				r := Request{Chain: chain(server), Name: pool, At: now, Policy: row.policy}
				if v := trusting(roots...).Verify(r); !v.OK || !v.Anchor.Certificate.Equal(right.Certificate) {
					t.Errorf("%s, the right root is number %d of %d: %s", row.name, at+1, n, v.Sentence)
				}
			}
		}
		if v := trusting(others...).Verify(Request{Chain: chain(server), Name: pool, At: now, Policy: row.policy}); v.OK || v.Code != journal.CertUntrusted || !v.NeedsOnlyRoot() {
			t.Errorf("%s, the right root is not there: %s", row.name, v.Sentence)
		}
	}
}

// TestWorkIsEnoughForAsManyRootsAsMayBePublished with RSA 2048.
func TestWorkIsEnoughForAsManyRootsAsMayBePublished(t *testing.T) {
	r := mk(t, caTemplate("Root"), nil, rsa2048())
	const published = 4096 // adroots.DefaultMaxRoots
	if one := work(r.Certificate); published*one > maxWork {
		t.Errorf("work %d for a root, %d in all", one, maxWork)
	}
}

// TestServersCertificateMustComeFirst (RFC 5246 7.4.2): the verdict names the
// place of the server's certificate and judges no other one in its stead.
func TestServersCertificateMustComeFirst(t *testing.T) {
	r := root(t, "Contoso Root CA")
	i := ca(t, "Issuing CA", r)
	server, old, www := leaf(t, i), leaf(t, i, cnOnly), leaf(t, i, func(c *x509.Certificate) { c.DNSNames = []string{"www.contoso.com"} })
	for _, row := range []struct {
		name  string
		chain []*x509.Certificate
		want  string // part of the sentence; empty: the order is right
	}{
		{"root first", chain(r, i, server), "number 3 of 3; the first is CN=Contoso Root CA."},
		{"issuing CA first", chain(i, server), "number 2 of 2; the first is CN=Issuing CA."},
		{"another server first", chain(www, server, i), "number 2 of 3; the first is CN=pool.contoso.com."},
		{"root first, common name only", chain(r, i, old), "number 3 of 3"},
		{"server first", chain(server, r, i), ""},
		{"none for the name", chain(www, i), ""},
	} {
		for _, policy := range []PolicyName{Today, Policy2007} {
			for holds, store := range map[string]Store{"nothing": {}, "the root": trusting(r)} {
				v := store.Verify(Request{Chain: row.chain, Name: pool, At: now, Policy: policy})
				if row.want == "" {
					if v.Code == journal.CertOrder {
						t.Errorf("%s: %s", row.name, v.Sentence)
					}
					continue
				}
				want := "The certificate of pool.contoso.com is not the first one that is presented, but "
				if v.OK || v.NeedsRoot() || v.Code != journal.CertOrder || !strings.HasPrefix(v.Sentence, want+row.want) || v.Rule != "RFC 5246 7.4.2" {
					t.Errorf("%s, policy %s, phone holds %s: %s %s", row.name, policy, holds, v.Code, v.Sentence)
				}
				for n, c := range v.Certificates[:len(row.chain)] {
					if isServer := c.Fingerprint == fingerprint(row.chain[n]) && c.Role == "server"; isServer != strings.HasPrefix(row.want, fmt.Sprintf("number %d ", n+1)) {
						t.Errorf("%s: certificate %d is described as %s %s", row.name, n+1, c.Role, c.Subject)
					}
				}
				if v.Issuer() != "CN=Contoso Root CA" {
					t.Errorf("%s: issuer %s", row.name, v.Issuer())
				}
			}
		}
	}
	v := trusting(r).Verify(Request{Chain: chain(r, i, server), At: now})
	if v.Code == journal.CertOrder {
		t.Errorf("no name to look for: %s", v.Sentence)
	}
}
