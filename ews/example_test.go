package ews_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/ews"
)

// labExchange starts the lab's Exchange with one user, tu, and returns the
// client's half of NTLM over HTTP for it.
func labExchange() (*exchange.Server, *directory.Directory, *ntlmhttp.Client, error) {
	dir := directory.New("contoso.com", "CONTOSO")
	err := dir.AddUser(directory.User{SAM: "tu", SIP: "tu@contoso.com", Mail: "tu@contoso.com", Password: "Lab-Pa55word", EUM: "tu@contoso.com;phone-context=Hellerup.contoso.com"})
	if err != nil {
		return nil, nil, nil, err
	}
	ca, err := pki.NewRoot("CN=Contoso Root CA", pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		return nil, nil, nil, err
	}
	cert, err := ca.Issue(pki.Leaf{Names: []string{"cas01.contoso.com", "mail.contoso.com", "autodiscover.contoso.com", "contoso.com"}})
	if err != nil {
		return nil, nil, nil, err
	}
	server := exchange.New(dir)
	server.Certificate, server.RequireChannelBinding = cert, true
	if err := server.Start(); err != nil {
		return nil, nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	return server, dir, &ntlmhttp.Client{Dialer: loopback{server.Addr(), server.RedirectAddr()}, TLS: &tls.Config{RootCAs: roots},
		User: "tu", Domain: "CONTOSO", Password: "Lab-Pa55word"}, nil
}

// A phone reads the user's contacts and counts the unread voice mail. The server
// is the lab's Exchange; the Doer logs on with NTLM.
func ExampleClient() {
	server, _, web, err := labExchange()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	defer web.Close()

	client := &ews.Client{URL: "https://cas01.contoso.com/EWS/Exchange.asmx", Doer: web, Mailbox: "tu@contoso.com"}
	contacts, listing, err := client.Contacts(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	voiceMail, err := client.UnreadVoiceMail(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(contacts) == listing.Total, contacts[0].Name(), contacts[0].Phones[0].Text)
	fmt.Println(voiceMail.Unread > 0, client.ServerVersion())
	// Output:
	// true Bob Kelly +1 (425) 555-0100
	// true 8.1.240.6 Exchange2007_SP1
}
