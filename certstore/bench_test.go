package certstore

import (
	"crypto/x509"
	"testing"

	"github.com/ocphone/ocphone/device/peer"
)

// BenchmarkVerify sets the verdict of both policies beside crypto/x509 alone on
// the same chain of three, a hundred times a round.
func BenchmarkVerify(b *testing.B) {
	const times = 100
	ecdsaRoot := root(b, "ECDSA Root")
	ecdsaCA := ca(b, "ECDSA CA", ecdsaRoot)
	rsaRoot := mk(b, caTemplate("RSA Root"), nil, rsa2048())
	rsaCA := mk(b, caTemplate("RSA CA"), rsaRoot, rsa2048())
	store := trusting(ecdsaRoot, rsaRoot)
	for _, row := range []struct {
		name  string
		chain []*x509.Certificate
	}{
		{"RSA", chain(mk(b, leafTemplate(), rsaCA, rsa2048()), rsaCA)},
		{"ECDSA", chain(leaf(b, ecdsaCA), ecdsaCA)},
	} {
		r := Request{Chain: row.chain, Name: pool, At: now, Policy: Policy2007}
		b.Run(row.name, func(b *testing.B) {
			peer.Compare(b,
				peer.Side{Name: "ocphone", Run: func() {
					for range times {
						if v := store.Verify(r); !v.OK {
							b.Fatal(v.Sentence)
						}
					}
				}},
				peer.Side{Name: "crypto-x509", Run: func() {
					for range times {
						if _, err := verifyToday(store, row.chain[1:], r); err != nil {
							b.Fatal(err)
						}
					}
				}})
		})
	}
}

// BenchmarkVerifySHA1 is the verdict on a chain that crypto/x509 refuses, so that
// policy 2007 builds the path itself.
func BenchmarkVerifySHA1(b *testing.B) {
	r := mk(b, caTemplate("RSA Root"), nil, rsa2048())
	old := mk(b, caTemplate("RSA CA"), r, rsa2048(), sha1RSA)
	store := trusting(r)
	request := Request{Chain: chain(mk(b, leafTemplate(), old, rsa2048(), sha1RSA), old), Name: pool, At: now, Policy: Policy2007}
	for b.Loop() {
		if v := store.Verify(request); !v.OK {
			b.Fatal(v.Sentence)
		}
	}
}
