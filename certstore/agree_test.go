package certstore

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"
)

// world draws deployments with random defects. Two worlds of one seed differ in
// the signature algorithm only.
type world struct {
	tb   testing.TB
	rnd  *rand.Rand
	keys []crypto.Signer
	sha1 bool
}

func (w *world) rarely() bool { return w.rnd.IntN(12) == 0 }

func (w *world) defects(c *x509.Certificate, isCA bool) {
	if w.rarely() {
		c.NotBefore, c.NotAfter = now.AddDate(0, 0, -10), now.AddDate(0, 0, -1)
	}
	if w.rarely() {
		c.NotBefore = now.Add(time.Hour)
	}
	if w.rnd.IntN(100) == 0 {
		critical(c)
	}
	if w.rnd.IntN(3) == 0 {
		c.ExtKeyUsage = [][]x509.ExtKeyUsage{nil, {x509.ExtKeyUsageServerAuth}, {x509.ExtKeyUsageAny}, {x509.ExtKeyUsageClientAuth}}[w.rnd.IntN(4)]
	}
	if w.rnd.IntN(8) == 0 {
		c.Policies = []x509.OID{oid(1, 2, uint64(w.rnd.IntN(2)))}
	}
	if !isCA {
		return
	}
	if w.rarely() {
		c.IsCA = false
	}
	if w.rarely() {
		c.BasicConstraintsValid, c.IsCA = false, false
	}
	if w.rarely() {
		c.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if w.rnd.IntN(4) == 0 && c.IsCA {
		c.MaxPathLen = w.rnd.IntN(3)
		c.MaxPathLenZero = c.MaxPathLen == 0
	}
	if w.rnd.IntN(6) == 0 {
		c.PermittedDNSDomains = [][]string{{"contoso.com"}, {".contoso.com"}, {"fabrikam.com"}, {"pool.contoso.com", "fabrikam.com"}}[w.rnd.IntN(4)]
	}
	if w.rnd.IntN(6) == 0 {
		c.ExcludedDNSDomains = [][]string{{"fabrikam.com"}, {"contoso.com"}, {"www.contoso.com"}}[w.rnd.IntN(3)]
	}
	if w.rnd.IntN(10) == 0 {
		c.ExcludedIPRanges = []*net.IPNet{{IP: net.IP{10, 0, 0, 0}, Mask: net.CIDRMask(8, 32)}}
	}
	if w.rnd.IntN(12) == 0 {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: []int{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, byte(w.rnd.IntN(2))}})
	}
}

func oid(ints ...uint64) x509.OID {
	o, err := x509.OIDFromInts(ints)
	if err != nil {
		panic(err)
	}
	return o
}

// draw returns a store and a request: up to five CAs of few names and keys,
// certified by each other at random, a server's certificate, some of the CAs
// held, some presented, in any order.
func (w *world) draw() (Store, Request) {
	names := []string{"A", "B", "C"}
	make := func(template x509.Certificate, issuer *made, key crypto.Signer, isCA bool) *made {
		return mk(w.tb, template, issuer, key, func(c *x509.Certificate) {
			if w.sha1 {
				sha1ECDSA(c)
			}
			w.defects(c, isCA)
		})
	}
	key := func(name string) crypto.Signer { // mostly one key for one name
		if w.rarely() {
			return w.keys[w.rnd.IntN(len(w.keys))]
		}
		return w.keys[slices.Index(names, name)]
	}
	cas := []*made{make(caTemplate("A"), nil, w.keys[0], true)}
	for range 1 + w.rnd.IntN(5) {
		name := names[w.rnd.IntN(len(names))]
		issuer := cas[w.rnd.IntN(len(cas))]
		if w.rnd.IntN(6) == 0 {
			issuer = nil
		}
		cas = append(cas, make(caTemplate(name), issuer, key(name), true))
	}
	template := leafTemplate()
	if w.rnd.IntN(5) == 0 {
		template.DNSNames = [][]string{{"www.contoso.com"}, {"*.contoso.com"}, {"*.com", "a.b"}, {pool, "www.fabrikam.com"}}[w.rnd.IntN(4)]
	}
	if w.rnd.IntN(8) == 0 {
		template.IPAddresses = []net.IP{{10, 1, 1, 1}}
	}
	issuer := cas[len(cas)-1]
	if w.rarely() {
		issuer = nil
	}
	server := make(template, issuer, nil, false)
	r := Request{Chain: []*x509.Certificate{server.Certificate}, Name: pool, At: now}
	var roots []Root
	for _, c := range cas {
		switch {
		case w.rnd.IntN(3) == 0 || c == cas[0]:
			roots = append(roots, held(c, AD))
		case w.rnd.IntN(6) > 0:
			r.Chain = append(r.Chain, c.Certificate)
		}
	}
	if w.rarely() {
		roots = append(roots, held(server, AD))
	}
	w.rnd.Shuffle(len(r.Chain)-1, func(i, j int) { r.Chain[i+1], r.Chain[j+1] = r.Chain[j+1], r.Chain[i+1] })
	return New(roots...), r
}

// TestPolicy2007IsAsStrictAsTodayExceptForItsThreeRules compares with crypto/x509 itself:
// without the rules of 2007 our path builder gives the same answers. With them its
// answer for a SHA-1 deployment is that of crypto/x509 for the same deployment in
// SHA-256.
func TestPolicy2007IsAsStrictAsTodayExceptForItsThreeRules(t *testing.T) {
	keys := []crypto.Signer{ecKey(), ecKey(), ecKey(), ecKey()}
	accepted, rounds := 0, 120
	for seed := range rounds {
		draw := func(sha1 bool) (Store, Request) {
			w := world{tb: t, rnd: rand.New(rand.NewPCG(uint64(seed), 0)), keys: keys, sha1: sha1}
			return w.draw()
		}
		s, r := draw(false)
		chains, err := verifyToday(s, r.Chain[1:], r)
		paths := &search{store: s.content(), presented: r.Chain[1:], verified: map[[2]*x509.Certificate]bool{}}
		if strict := (rules{name: r.Name, at: r.At}).best(r.Chain[0], paths); strict.OK != (err == nil) {
			t.Fatalf("seed %d: crypto/x509 says %v, our rules without extras %v %v", seed, err, strict.OK, strict.Findings)
		} else if strict.OK && !slices.ContainsFunc(chains, func(c []*x509.Certificate) bool { return slices.EqualFunc(c, strict.Path, (*x509.Certificate).Equal) }) {
			t.Fatalf("seed %d: a path that crypto/x509 does not find", seed)
		}
		v := s.Verify(r)
		if a := v.Answers; a[Today].OK != (err == nil) || a[Policy2007].OK != (err == nil) {
			t.Fatalf("seed %d: crypto/x509 says %v, today %+v, 2007 %+v", seed, err, a[Today], a[Policy2007])
		}
		s, r = draw(true)
		r.Policy, r.NoSHA2 = Policy2007, true
		if old := s.Verify(r); old.OK != (err == nil) {
			t.Fatalf("seed %d: in SHA-256 crypto/x509 says %v, in SHA-1 policy 2007 %v\n%v", seed, err, old.OK, old.Details())
		} else if old.NeedsRoot() != v.NeedsRoot() {
			t.Fatalf("seed %d: NeedsRoot depends on SHA-1: %v %v", seed, old.Details(), v.Details())
		}
		if err == nil {
			accepted++
		}
	}
	if accepted < rounds/10 || accepted > rounds*9/10 {
		t.Errorf("%d of %d deployments are good: the draw is no test", accepted, rounds)
	}
}

// Name constraints make each of the many bad paths of such a chain costly: only
// the first ones are held against them. Memory is what can be counted.
func TestHostileChainOfConstrainedCAsIsVerifiedInBoundedTime(t *testing.T) {
	sides := [2]*made{root(t, "Left"), root(t, "Right")}
	presented := []*x509.Certificate{leaf(t, sides[0]).Certificate}
	for n := range 60 {
		c := mk(t, caTemplate(sides[n%2].Subject.CommonName), sides[1-n%2], sides[n%2].key, func(c *x509.Certificate) {
			c.DNSNames, c.ExcludedDNSDomains = []string{string(rune('a'+n%26)) + ".contoso.com"}, []string{"fabrikam.com"}
		})
		presented = append(presented, c.Certificate)
	}
	store := trusting(root(t, "Other"))
	var v Verdict
	allocations := testing.AllocsPerRun(1, func() { v = store.Verify(Request{Chain: presented, Name: pool, At: now}) })
	if v.OK || v.NeedsOnlyRoot() {
		t.Errorf("verdict %v", v.Sentence)
	}
	if most := 100_000.0; allocations > most {
		t.Errorf("%.0f allocations, want at most %.0f", allocations, most)
	}
}

// TestHostileChainIsVerifiedInBoundedTime presents many CAs of two names that
// certify each other in circles, all slightly wrong.
func TestHostileChainIsVerifiedInBoundedTime(t *testing.T) {
	sides := [2]*made{root(t, "Left"), root(t, "Right")}
	presented := []*x509.Certificate{leaf(t, sides[0]).Certificate}
	for n := range 60 {
		c := mk(t, caTemplate(sides[n%2].Subject.CommonName), sides[1-n%2], sides[n%2].key, expired, func(c *x509.Certificate) { c.DNSNames = []string{string(rune('a' + n%26)), pool} })
		presented = append(presented, c.Certificate)
	}
	v := trusting(root(t, "Other")).Verify(Request{Chain: presented, Name: pool, At: now})
	if v.OK || v.NeedsOnlyRoot() || len(v.Certificates) > maxEvidence+1 {
		t.Errorf("verdict %v, %d certificates described", v.Sentence, len(v.Certificates))
	}
	s := &search{store: emptyContent, presented: presented[1:], verified: map[[2]*x509.Certificate]bool{}}
	if (rules{name: pool, at: now}).best(presented[0], s); s.steps > maxSteps+1 || s.work > maxWork || s.copied > maxCopied+1 {
		t.Errorf("%d certificates visited, work %d, %d copied paths", s.steps, s.work, s.copied)
	}
	long := []*made{root(t, "0")}
	for n := range 12 {
		long = append(long, ca(t, string(rune('a'+n)), long[n]))
	}
	store := trusting(long[0])
	all := append(chain(leaf(t, long[12])), chain(long[1:]...)...)
	if v := store.Verify(Request{Chain: all, Name: pool, At: now, Policy: Policy2007, NoSHA2: true}); v.OK || v.NeedsOnlyRoot() {
		t.Errorf("a path of 14 certificates: %s", v.Sentence)
	}
}
