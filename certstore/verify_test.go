package certstore

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// want is the expected verdict of a policy: the codes of all findings in order,
// whether a root from AD may help, and whether it is all that is needed. Without
// codes the chain is good.
type want struct {
	codes               []journal.Code
	needsRoot, onlyRoot bool
}

var (
	good      = want{}
	needsRoot = func(c ...journal.Code) want { return want{c, true, true} }
	mayRoot   = func(c ...journal.Code) want { return want{c, true, false} } // an issuer is bad, and a root of its name may be published
	refused   = func(c ...journal.Code) want { return want{c, false, false} }
)

// TestEachDefectUnderEachPolicy also holds R1.2: only a missing root makes the
// phone ask Active Directory.
func TestEachDefectUnderEachPolicy(t *testing.T) {
	r := root(t, "Contoso Root CA")
	i := ca(t, "Contoso Issuing CA", r)
	other := root(t, "Public Root")
	store := trusting(r)
	rsaRoot := mk(t, caTemplate("RSA Root"), nil, rsa2048())
	rsaSHA1 := mk(t, leafTemplate(), rsaRoot, rsa2048(), sha1RSA)
	selfSigned := leaf(t, nil)
	expiredRoot := root(t, "Old Root", expired)
	renewed := mk(t, caTemplate("Old Root"), nil, expiredRoot.key)
	unrelated := root(t, "Contoso Root CA")
	crossed := mk(t, caTemplate("Contoso Root CA"), unrelated, nil)
	selfExpired := leaf(t, nil, expired)
	notCA := mk(t, caTemplate("No CA"), r, nil, func(c *x509.Certificate) { c.IsCA = false })
	noSign := ca(t, "No signing", r, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	clientCA := ca(t, "Client CA", r, usages(x509.ExtKeyUsageClientAuth))
	flat := root(t, "Flat", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	below := ca(t, "Below", flat)
	fabrikam := ca(t, "Fabrikam only", r, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"fabrikam.com"}, true
	})
	strictPolicy := ca(t, "Policy CA", r, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, 0}}}
	})
	fabrikamOther := ca(t, "Fabrikam only", other, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"fabrikam.com"} })
	criticalCA := ca(t, "Critical CA", r, critical)
	sha1Issuing := mk(t, caTemplate("Contoso Issuing CA"), r, i.key, sha1ECDSA)
	plain := root(t, "Old root")
	oldRoot := v1(t, plain, plain)
	md5 := leaf(t, r) // no library makes such certificates any more
	md5.SignatureAlgorithm = x509.MD5WithRSA
	short := leaf(t, r)
	short.PublicKeyAlgorithm, short.PublicKey = x509.RSA, &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 511, 1), E: 65537}

	for _, row := range []struct {
		name        string
		store       Store
		chain       []*x509.Certificate
		today, then want
		noSHA2      want // policy 2007 with NoSHA2
	}{
		{"good, root not presented", store, chain(leaf(t, i), i), good, good, refused(journal.CertSHA2, journal.CertSHA2)},
		{"good, root presented, any order", store, chain(leaf(t, i), r, i), good, good, refused(journal.CertSHA2, journal.CertSHA2)},
		{"good, useless certificates between", store, chain(leaf(t, i), other, selfSigned, i), good, good, refused(journal.CertSHA2, journal.CertSHA2)},
		{"SHA-1 leaf, ECDSA", store, chain(leaf(t, r, sha1ECDSA)), refused(journal.CertWeak), good, good},
		{"SHA-1 leaf, RSA 2048", trusting(rsaRoot), chain(rsaSHA1), refused(journal.CertWeak), good, good},
		{"SHA-1 intermediate", store, chain(leaf(t, i), sha1Issuing), mayRoot(journal.CertWeak), good, refused(journal.CertSHA2)},
		{"SHA-1 throughout", store, chain(leaf(t, i, sha1ECDSA), sha1Issuing), refused(journal.CertWeak, journal.CertWeak), good, good},
		{"SHA-1 and SHA-2 intermediates of one key", store, chain(leaf(t, i), sha1Issuing, i), good, good, refused(journal.CertSHA2)},
		{"RSA 1024", store, chain(mk(t, leafTemplate(), r, rsa1024())), good, good, refused(journal.CertSHA2)},
		{"RSA below 1024", store, chain(short), refused(journal.CertWeak), refused(journal.CertWeak), refused(journal.CertSHA2, journal.CertWeak)},
		{"MD5", store, chain(md5), refused(journal.CertWeak), refused(journal.CertWeak), refused(journal.CertWeak)},
		{"common name only", store, chain(leaf(t, r, cnOnly)), refused(journal.CertName), good, refused(journal.CertSHA2)},
		{"common name only, of another", store, chain(leaf(t, r, cnOnly, func(c *x509.Certificate) { c.Subject.CommonName = "www.contoso.com" })), refused(journal.CertName), refused(journal.CertName), refused(journal.CertName, journal.CertSHA2)},
		{"common name beside another alternative name", store, chain(leaf(t, r, func(c *x509.Certificate) { c.DNSNames = []string{"www.contoso.com"} })), refused(journal.CertName), refused(journal.CertName), refused(journal.CertName, journal.CertSHA2)},
		{"wildcard common name", store, chain(leaf(t, r, cnOnly, func(c *x509.Certificate) { c.Subject.CommonName = "*.contoso.com" })), refused(journal.CertName), good, refused(journal.CertSHA2)},
		{"wildcard", store, chain(leaf(t, r, func(c *x509.Certificate) { c.DNSNames = []string{"*.contoso.com"} })), good, good, refused(journal.CertSHA2)},
		{"expired", store, chain(leaf(t, r, expired)), refused(journal.CertExpired), refused(journal.CertExpired), refused(journal.CertExpired, journal.CertSHA2)},
		{"not yet valid", store, chain(leaf(t, r, valid(now.AddDate(0, 0, 1), now.AddDate(1, 0, 0)))), refused(journal.CertNotYetValid), refused(journal.CertNotYetValid), refused(journal.CertNotYetValid, journal.CertSHA2)},
		{"expired intermediate", store, chain(leaf(t, i), mk(t, caTemplate("Contoso Issuing CA"), r, i.key, expired)), mayRoot(journal.CertExpired), mayRoot(journal.CertExpired), refused(journal.CertExpired, journal.CertSHA2, journal.CertSHA2)},
		{"untrusted", store, chain(leaf(t, other)), needsRoot(journal.CertUntrusted), needsRoot(journal.CertUntrusted), refused(journal.CertSHA2, journal.CertUntrusted)},
		{"untrusted, expired root presented", store, chain(leaf(t, expiredRoot), expiredRoot), needsRoot(journal.CertUntrusted), needsRoot(journal.CertUntrusted), refused(journal.CertSHA2, journal.CertUntrusted)},
		{"untrusted and expired", store, chain(leaf(t, other, expired)), refused(journal.CertExpired, journal.CertUntrusted), refused(journal.CertExpired, journal.CertUntrusted), refused(journal.CertExpired, journal.CertSHA2, journal.CertUntrusted)},
		{"untrusted with SHA-1", store, chain(leaf(t, other, sha1ECDSA)), refused(journal.CertWeak, journal.CertUntrusted), needsRoot(journal.CertUntrusted), needsRoot(journal.CertUntrusted)},
		{"untrusted, intermediate expired", store, chain(leaf(t, i), mk(t, caTemplate("Contoso Issuing CA"), other, i.key, expired)), mayRoot(journal.CertExpired, journal.CertUntrusted), mayRoot(journal.CertExpired, journal.CertUntrusted), refused(journal.CertExpired, journal.CertSHA2, journal.CertSHA2, journal.CertUntrusted)},
		{"untrusted, name constraint broken", store, chain(leaf(t, fabrikamOther), fabrikamOther), mayRoot(journal.CertConstraint, journal.CertUntrusted), mayRoot(journal.CertConstraint, journal.CertUntrusted), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint, journal.CertUntrusted)},
		{"root of the same name, other key", store, chain(leaf(t, unrelated)), needsRoot(journal.CertUntrusted), needsRoot(journal.CertUntrusted), refused(journal.CertSHA2, journal.CertUntrusted)},
		{"held root expired", trusting(expiredRoot), chain(leaf(t, expiredRoot)), needsRoot(journal.CertExpired), needsRoot(journal.CertExpired), refused(journal.CertExpired, journal.CertSHA2)},
		{"held root expired, renewed one held too", trusting(expiredRoot, renewed), chain(leaf(t, expiredRoot)), good, good, refused(journal.CertSHA2)},
		{"self-issued intermediate with a new key", trusting(unrelated), chain(leaf(t, crossed), crossed), good, good, refused(journal.CertSHA2, journal.CertSHA2)},
		{"R1.6 self-signed", store, chain(selfSigned), needsRoot(journal.CertSelfSigned), needsRoot(journal.CertSelfSigned), needsRoot(journal.CertSelfSigned)},
		{"R1.6 self-signed with SHA-1 and common name", store, chain(leaf(t, nil, sha1ECDSA, cnOnly)), refused(journal.CertSelfSigned, journal.CertName), needsRoot(journal.CertSelfSigned), needsRoot(journal.CertSelfSigned)},
		{"R1.6 self-signed and expired", store, chain(selfExpired), refused(journal.CertSelfSigned, journal.CertExpired), refused(journal.CertSelfSigned, journal.CertExpired), refused(journal.CertSelfSigned, journal.CertExpired)},
		{"self-signed and held", trusting(selfSigned), chain(selfSigned), good, good, good},
		{"self-signed and held, but expired", trusting(selfExpired), chain(selfExpired), refused(journal.CertExpired), refused(journal.CertExpired), refused(journal.CertExpired)},
		{"no serverAuth", store, chain(leaf(t, r, usages(x509.ExtKeyUsageClientAuth))), refused(journal.CertUsage), refused(journal.CertUsage), refused(journal.CertSHA2, journal.CertUsage)},
		{"any usage", store, chain(leaf(t, r, usages(x509.ExtKeyUsageAny))), good, good, refused(journal.CertSHA2)},
		{"no usages listed", store, chain(leaf(t, r, usages())), good, good, refused(journal.CertSHA2)},
		{"CA for clients only", store, chain(leaf(t, clientCA), clientCA), mayRoot(journal.CertUsage), mayRoot(journal.CertUsage), refused(journal.CertSHA2, journal.CertSHA2, journal.CertUsage)},
		{"CA may not sign", store, chain(leaf(t, noSign), noSign), mayRoot(journal.CertUsage), mayRoot(journal.CertUsage), refused(journal.CertSHA2, journal.CertSHA2, journal.CertUsage)},
		{"issuer is no CA", store, chain(leaf(t, notCA), notCA), mayRoot(journal.CertConstraint), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"path too long", trusting(flat), chain(leaf(t, below), below), mayRoot(journal.CertConstraint), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"name constraint", store, chain(leaf(t, fabrikam), fabrikam), mayRoot(journal.CertConstraint), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"name constraint and common name", store, chain(leaf(t, fabrikam, cnOnly), fabrikam), refused(journal.CertName), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"explicit policy required", store, chain(leaf(t, strictPolicy), strictPolicy), mayRoot(journal.CertConstraint), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"explicit policy required, SHA-1", store, chain(leaf(t, strictPolicy, sha1ECDSA), strictPolicy), refused(journal.CertWeak, journal.CertConstraint), mayRoot(journal.CertConstraint), mayRoot(journal.CertSHA2, journal.CertConstraint)},
		{"critical extension", store, chain(leaf(t, r, critical)), refused(journal.CertConstraint), refused(journal.CertConstraint), refused(journal.CertSHA2, journal.CertConstraint)},
		{"critical extension in a CA", store, chain(leaf(t, criticalCA), criticalCA), mayRoot(journal.CertConstraint), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"version 1 intermediate", store, chain(leaf(t, i), v1(t, i, r)), mayRoot(journal.CertConstraint), mayRoot(journal.CertConstraint), refused(journal.CertSHA2, journal.CertSHA2, journal.CertConstraint)},
		{"version 1 root", trusting(oldRoot), chain(leaf(t, oldRoot)), good, good, refused(journal.CertSHA2)},
		{"nothing presented", store, nil, refused(journal.CertMalformed), refused(journal.CertMalformed), refused(journal.CertMalformed)},
		{"nothing inside", store, []*x509.Certificate{{}}, refused(journal.CertMalformed), refused(journal.CertMalformed), refused(journal.CertMalformed)},
		{"empty store", Store{}, chain(leaf(t, r)), needsRoot(journal.CertUntrusted), needsRoot(journal.CertUntrusted), refused(journal.CertSHA2, journal.CertUntrusted)},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, c := range []struct {
				policy PolicyName
				noSHA2 bool
				want
			}{{Today, false, row.today}, {Policy2007, false, row.then}, {Policy2007, true, row.noSHA2}} {
				v := row.store.Verify(Request{Chain: row.chain, Name: pool, At: now, Policy: c.policy, NoSHA2: c.noSHA2})
				a := v.Answers[c.policy]
				if got := codes(a.Findings); !slices.Equal(got, c.codes) {
					t.Errorf("policy %s, NoSHA2 %v: %v, want %v\n%s", c.policy, c.noSHA2, got, c.codes, strings.Join(v.Details(), "\n"))
				}
				if v.OK != (len(c.codes) == 0) || v.OK != a.OK || (v.Failure() == nil) != v.OK || (v.Anchor != nil) != v.OK {
					t.Errorf("policy %s: OK %v, answer %v, failure %v, anchor %v", c.policy, v.OK, a.OK, v.Failure(), v.Anchor)
				}
				if v.NeedsRoot() != c.needsRoot || v.NeedsOnlyRoot() != c.onlyRoot || (v.MissingRoot() != "") != c.needsRoot {
					t.Errorf("policy %s, NoSHA2 %v: NeedsRoot %v, NeedsOnlyRoot %v, MissingRoot %q", c.policy, c.noSHA2, v.NeedsRoot(), v.NeedsOnlyRoot(), v.MissingRoot())
				}
				if len(v.Answers) != 2 || v.Sentence == "" || (!v.OK && (v.Code != c.codes[0] || v.Rule == "")) {
					t.Errorf("incomplete verdict: %+v", v)
				}
			}
		})
	}
}

func codes(findings []Finding) (all []journal.Code) {
	for _, f := range findings {
		all = append(all, f.Code)
	}
	return all
}

func TestVerdictHasASentenceForEachCode(t *testing.T) {
	public := root(t, "Public Root")
	var roots []*made
	for range 17 {
		roots = append(roots, root(t, "Root"))
	}
	i := ca(t, "Issuing", public)
	self := leaf(t, nil)
	for _, row := range []struct {
		name, want string
		store      Store
		chain      []*x509.Certificate
	}{
		{"untrusted", "The certificate of pool.contoso.com was issued by CN=Public Root, which is not among the 17 roots that the phone trusts.", trusting(roots...), chain(leaf(t, public))},
		{"through an intermediate", "The certificate of pool.contoso.com was issued by CN=Issuing, whose chain leads to CN=Public Root, which is not the one root that the phone trusts.", trusting(roots[0]), chain(leaf(t, i), i)},
		{"no roots", "The certificate of pool.contoso.com was issued by CN=Public Root, which is not trusted: the phone holds no root at all.", Store{}, chain(leaf(t, public))},
		{"same name", "The certificate of pool.contoso.com was issued by CN=Public Root, which is not the one root that the phone trusts (a root of that name is, but with another key).", trusting(root(t, "Public Root")), chain(leaf(t, public))},
		{"self-signed", "The certificate of pool.contoso.com is self-signed and is not itself among the 17 roots that the phone trusts.", trusting(roots...), chain(self)},
		{"name", "The certificate presented for pool.contoso.com is not for that name: it is for www.contoso.com.", trusting(public), chain(leaf(t, public, func(c *x509.Certificate) { c.DNSNames = []string{"www.contoso.com"} }))},
		{"expired, other name", "The certificate of pool.contoso.com expired on 2008-04-20 09:00 UTC; the phone's clock says 2008-04-21 09:00 UTC. Another reason: The certificate presented for pool.contoso.com is not for that name: it is for www.contoso.com.", trusting(public), chain(leaf(t, public, expired, func(c *x509.Certificate) { c.DNSNames = []string{"www.contoso.com"} }))},
		{"good", "The certificate of pool.contoso.com is good under policy today: it leads to the trusted root CN=Public Root (AD).", trusting(public), chain(leaf(t, public))},
	} {
		v := row.store.Verify(Request{Chain: row.chain, Name: pool, At: now})
		if v.Sentence != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.name, v.Sentence, row.want)
		}
	}
	v := trusting(roots...).Verify(Request{Chain: chain(leaf(t, i), i), Name: pool, At: now})
	if v.Issuer() != "CN=Public Root" {
		t.Errorf("Issuer = %q", v.Issuer())
	}
	details := strings.Join(v.Details(), "\n")
	for _, want := range []string{"presented: server CN=pool.contoso.com, issued by CN=Issuing, ECDSA P-256, signed with ECDSA-SHA256", "presented: intermediate CN=Issuing",
		"policy today (decides): ", "policy 2007: ", "[cert.untrusted; R1.1]"} {
		if !strings.Contains(details, want) {
			t.Errorf("details lack %q:\n%s", want, details)
		}
	}
	if _, err := json.Marshal(v); err != nil {
		t.Error(err)
	}
}

func TestEvidenceNamesTheRootThatWasNotPresented(t *testing.T) {
	r := root(t, "Contoso Root CA")
	i := ca(t, "Issuing", r)
	v := trusting(r).Verify(Request{Chain: chain(leaf(t, i), root(t, "Useless"), i), Name: pool, At: now})
	var got []string
	for _, c := range v.Certificates {
		got = append(got, c.Role)
	}
	if want := []string{"server", "root", "intermediate", "root"}; !slices.Equal(got, want) {
		t.Fatalf("roles %v, want %v", got, want)
	}
	if last := v.Certificates[3]; last.Presented || last.Source == nil || last.Source.Kind != AD {
		t.Errorf("root evidence: %+v", last)
	}
}

func TestNotesNeverRefuse(t *testing.T) {
	r := root(t, "Root", valid(now.AddDate(-30, 0, 0), now.AddDate(60, 0, 0)))
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	year := valid(at.AddDate(0, -1, 0), at.AddDate(1, 0, 0))
	for _, row := range []struct {
		name, note string
		leaf       *made
		at         time.Time
	}{
		{"soon", "expires soon", leaf(t, r, valid(at.AddDate(0, -1, 0), at.AddDate(0, 0, 29))), at},
		{"life time", "valid for 396 days; a public CA may give at most 200", leaf(t, r, year), at},
		{"life time in 2021", "valid for 800 days; a public CA may give at most 398", leaf(t, r, valid(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2023, 3, 12, 0, 0, 0, 0, time.UTC))), time.Date(2021, 6, 1, 0, 0, 0, 0, time.UTC)},
		{"clientAuth", "needs clientAuth", leaf(t, r, year), at},
		{"SHA-1", "SHA-1", leaf(t, r, sha1ECDSA), now},
		{"CN", "no subject alternative name", leaf(t, r, cnOnly), now},
		{"1024", "RSA key of 1024 bits", mk(t, leafTemplate(), r, rsa1024()), now},
	} {
		v := New(held(r, AD)).Verify(Request{Chain: chain(row.leaf), Name: pool, At: row.at, Policy: Policy2007})
		if !v.OK || !strings.Contains(strings.Join(v.Notes, "\n"), row.note) {
			t.Errorf("%s: OK %v, notes %q", row.name, v.OK, v.Notes)
		}
	}
	modern := leaf(t, r, usages(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth), valid(at.AddDate(0, 0, -10), at.AddDate(0, 0, 80)))
	if v := New(held(r, AD)).Verify(Request{Chain: chain(modern), Name: pool, At: at}); len(v.Notes) > 0 {
		t.Errorf("notes about nothing: %q", v.Notes)
	}
	if v := New(held(r, AD)).Verify(Request{Chain: chain(modern), At: at}); !v.OK || len(v.Notes) != 1 {
		t.Errorf("no name given: %v %q", v.OK, v.Notes)
	}
}
