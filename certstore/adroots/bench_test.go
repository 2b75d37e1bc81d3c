package adroots_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/peer"
)

// BenchmarkDownload sets a download beside a bare go-ldap client: NTLM bind, the
// same paged search, x509.ParseCertificate. The client neither seals nor verifies
// self-signatures.
func BenchmarkDownload(b *testing.B) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"ECDSA", "RSA"} {
		for _, n := range []int{1, 50, 500} {
			b.Run(fmt.Sprintf("%s/%d-roots", kind, n), func(b *testing.B) {
				w := newWorld(b)
				w.dc.RequireSigning = false // the client does not sign
				if kind == "RSA" {
					w.key = rsaKey
				}
				w.publish(n)
				c := w.config()
				c.Record = nil
				peer.Compare(b,
					peer.Side{Name: "ocphone", Run: func() {
						if r, err := adroots.Download(context.Background(), c); err != nil || len(r.Roots) != n {
							b.Fatal(len(r.Roots), err)
						}
					}},
					peer.Side{Name: "go-ldap", Run: func() {
						if found, err := readWithGoLDAP(w.dc.Addr()); err != nil || found != n {
							b.Fatal(found, err)
						}
					}})
			})
		}
	}
}

// readWithGoLDAP returns the number of certificates that are published.
func readWithGoLDAP(addr string) (n int, err error) {
	c, err := ldap.DialURL("ldap://" + addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.NTLMBind("CONTOSO", "tu", password); err != nil {
		return 0, err
	}
	r, err := c.SearchWithPaging(ldap.NewSearchRequest(
		"CN=Certification Authorities,CN=Public Key Services,CN=Services,CN=Configuration,DC=contoso,DC=com",
		ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(objectCategory=certificationAuthority)", []string{"cACertificate;binary"}, nil), 500)
	if err != nil {
		return 0, err
	}
	for _, e := range r.Entries {
		for _, der := range e.GetRawAttributeValues("cACertificate;binary") {
			if _, err := x509.ParseCertificate(der); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}
