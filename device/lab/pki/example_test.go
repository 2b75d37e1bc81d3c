package pki_test

import (
	"crypto/x509"
	"fmt"
	"log"

	"github.com/ocphone/ocphone/device/lab/pki"
)

// A good chain, and chains with a defect, verified by crypto/x509.
func Example() {
	p, err := pki.New(pki.Options{Algorithm: pki.ECDSAP256SHA256}, pki.Names{})
	if err != nil {
		log.Fatal(err)
	}
	for _, defect := range []pki.Defect{"", pki.Expired, pki.WrongName, pki.MissingIntermediate} {
		cert, err := p.Issuing.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}, Defect: defect})
		if err != nil {
			log.Fatal(err)
		}
		intermediates := x509.NewCertPool()
		for _, der := range cert.Certificate[1:] {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				log.Fatal(err)
			}
			intermediates.AddCert(c)
		}
		_, err = cert.Leaf.Verify(x509.VerifyOptions{
			DNSName:       "pool.contoso.com",
			Roots:         p.Enterprise.Pool(),
			Intermediates: intermediates,
		})
		fmt.Printf("%q: %t\n", defect, err == nil)
	}
	// Output:
	// "": true
	// "expired": false
	// "wrong-name": false
	// "missing-intermediate": false
}
