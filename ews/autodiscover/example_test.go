package autodiscover_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/ews/autodiscover"
)

// dialer connects every https URL with one server.
type dialer string

func (d dialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, string(d))
}

// A phone finds the Exchange server of its user. The server is the lab's.
func ExampleClient_Discover() {
	dir := directory.New("contoso.com", "CONTOSO")
	err := dir.AddUser(directory.User{SAM: "tu", SIP: "tu@contoso.com", Mail: "tu@contoso.com", Password: "Lab-Pa55word"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ca, err := pki.NewRoot("CN=Contoso Root CA", pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := exchange.New(dir)
	if server.Certificate, err = ca.Issue(pki.Leaf{Names: []string{"contoso.com"}}); err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	web := &ntlmhttp.Client{Dialer: dialer(server.Addr()), TLS: &tls.Config{RootCAs: roots},
		User: "tu", Domain: "CONTOSO", Password: "Lab-Pa55word"}
	defer web.Close()

	client := &autodiscover.Client{HTTP: web, Record: func(s journal.Step) { fmt.Println(s.Asked) }}
	found, err := client.Discover(context.Background(), "tu@contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("inside: ", found.EWS(false))
	fmt.Println("outside:", found.EWS(true))
	// Output:
	// POST https://contoso.com/autodiscover/autodiscover.xml
	// inside:  https://cas01.contoso.com/EWS/Exchange.asmx
	// outside: https://mail.contoso.com/EWS/Exchange.asmx
}
