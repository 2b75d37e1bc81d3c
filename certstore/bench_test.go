package certstore

import (
	"crypto/x509"
	"testing"
)

// BenchmarkVerify sets the verdict of both policies beside crypto/x509 alone on
// the same chain of three: RSA 2048 with SHA-256, ECDSA P-256, and RSA 2048 with
// SHA-1, which crypto/x509 refuses.
func BenchmarkVerify(b *testing.B) {
	ecdsaRoot := root(b, "ECDSA Root")
	ecdsaCA := ca(b, "ECDSA CA", ecdsaRoot)
	rsaRoot := mk(b, caTemplate("RSA Root"), nil, rsa2048())
	rsaCA := mk(b, caTemplate("RSA CA"), rsaRoot, rsa2048())
	oldCA := mk(b, caTemplate("RSA CA"), rsaRoot, rsa2048(), sha1RSA)
	store := trusting(ecdsaRoot, rsaRoot)
	for _, row := range []struct {
		name  string
		chain []*x509.Certificate
	}{
		{"RSA", chain(mk(b, leafTemplate(), rsaCA, rsa2048()), rsaCA)},
		{"ECDSA", chain(leaf(b, ecdsaCA), ecdsaCA)},
		{"SHA1", chain(mk(b, leafTemplate(), oldCA, rsa2048(), sha1RSA), oldCA)},
	} {
		r := Request{Chain: row.chain, Name: pool, At: now, Policy: Policy2007}
		b.Run(row.name+"/verdict", func(b *testing.B) {
			for b.Loop() {
				if v := store.Verify(r); !v.OK {
					b.Fatal(v.Sentence)
				}
			}
		})
		b.Run(row.name+"/x509", func(b *testing.B) {
			for b.Loop() {
				if _, err := verifyToday(store, row.chain[1:], r); (err != nil) != (row.name == "SHA1") {
					b.Fatal(err)
				}
			}
		})
	}
}
