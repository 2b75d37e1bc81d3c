package certstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/ocphone/ocphone/certstore"
)

// now is the phone's clock in the examples.
var now = time.Date(2010, 3, 1, 9, 0, 0, 0, time.UTC)

// contoso makes a root, as a PEM file, and the certificate of a server that the
// root issued.
func contoso(server string) (rootPEM []byte, chain []*x509.Certificate) {
	issue := func(c, issuer *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
		c.NotBefore, c.NotAfter = now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)
		der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), signer)
		if err != nil {
			panic(err)
		}
		c, err = x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		return c
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	}
	key := newKey()
	root := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Contoso Root CA", Organization: []string{"Contoso"}},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	root = issue(root, root, key, key)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{server}}
	leaf = issue(leaf, root, newKey(), key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), []*x509.Certificate{leaf}
}

// A verdict says why a server is refused, and whether a root would help. Once
// the root is installed, the same chain is good.
func ExampleStore_Verify() {
	rootPEM, chain := contoso("pool.contoso.com")
	var store certstore.Store // a phone without roots

	request := certstore.Request{Chain: chain, Name: "pool.contoso.com", At: now, Policy: certstore.Policy2007}
	v := store.Verify(request)
	fmt.Println(v.Code, "needs a root:", v.NeedsRoot())
	fmt.Println(v.Sentence)

	roots, err := certstore.ImportRoots(rootPEM, "contoso.pem", now)
	if err != nil {
		fmt.Println(err)
		return
	}
	store, _ = store.Install(roots)
	v = store.Verify(request)
	fmt.Println(v.OK, v.Anchor.Subject())
	fmt.Println(v.Sentence)

	request.Name = "edge.contoso.com"
	fmt.Println(store.Verify(request).Failure())
	// Output:
	// cert.untrusted needs a root: true
	// The certificate of pool.contoso.com was issued by CN=Contoso Root CA,O=Contoso, which is not trusted: the phone holds no root at all.
	// true CN=Contoso Root CA,O=Contoso
	// The certificate of pool.contoso.com is good under policy 2007: it leads to the trusted root CN=Contoso Root CA,O=Contoso (import contoso.pem).
	// The certificate presented for edge.contoso.com is not for that name: it is for pool.contoso.com. [cert.name]
}

// The paper clip removes downloaded roots and keeps those of the factory.
func ExampleStore_Reset() {
	rootPEM, _ := contoso("pool.contoso.com")
	certificates, err := certstore.ParseCertificates(rootPEM)
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := certstore.RootSet(certstore.SetFactory2007)
	if err != nil {
		fmt.Println(err)
		return
	}

	store, diff := store.Install([]certstore.Root{{
		Certificate: certificates[0],
		Source:      certstore.Source{Kind: certstore.AD, Server: "dc1.contoso.com", Account: `CONTOSO\tu`, At: now},
	}})
	fmt.Print(diff)

	store, diff = store.Reset()
	fmt.Print(diff)
	fmt.Println(store.Len(), "roots")
	// Output:
	// + CN=Contoso Root CA,O=Contoso  ECDSA P-256, valid until 2011-03-01, AD, from dc1.contoso.com as CONTOSO\tu
	// = 6 roots stay: factory factory-2007
	// - CN=Contoso Root CA,O=Contoso  ECDSA P-256, valid until 2011-03-01, AD, from dc1.contoso.com as CONTOSO\tu
	// = 6 roots stay: factory factory-2007
	// 6 roots
}
