package sipua_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipua"
)

// A sign-in at a pool in the same process.
func Example() {
	users := directory.New("contoso.com", "CONTOSO")
	_ = users.AddUser(directory.User{SIP: "tu@contoso.com", SAM: "tu", Password: "C0ntoso-Pa55"})
	root, _ := pki.NewRoot("CN=Contoso Root CA", pki.Options{Algorithm: pki.RSA2048SHA256})
	server := pool.New(users)
	server.Certificate, _ = root.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}})
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	// Without a DNS: Discovery would find the candidates of a domain.
	host, port, _ := net.SplitHostPort(server.Addr())
	number, _ := strconv.ParseUint(port, 10, 16)
	candidate := sipua.Candidate{Host: "pool.contoso.com", Port: uint16(number), TLS: true}
	conn, err := tls.Dial("tcp", net.JoinHostPort(host, port),
		&tls.Config{ServerName: candidate.Host, RootCAs: root.Pool()})
	if err != nil {
		fmt.Println(err)
		return
	}
	phone, err := sipua.Register(context.Background(), conn, candidate, sipua.Config{
		Address:  "tu@contoso.com",
		User:     `CONTOSO\tu`,
		Password: "C0ntoso-Pa55",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	granted := phone.Info()
	fmt.Printf("%s version %d, authenticated by %s\n", granted.Scheme, granted.Version, granted.Target)
	fmt.Println("lifetime", granted.Expires)
	fmt.Println("signed:", phone.Conn().Stats().Signed)

	contacts, err := phone.Subscribe(context.Background(), sipua.Subscription{
		Event:  "vnd-microsoft-roaming-contacts",
		Accept: "application/vnd-microsoft-roaming-contacts+xml",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(contacts.Status, contacts.ContentType)
	fmt.Println("unregistered:", phone.Unregister(context.Background()))
	<-phone.Done()
	// Output:
	// NTLM version 4, authenticated by pool.contoso.com
	// lifetime 2h0m0s
	// signed: true
	// 200 application/vnd-microsoft-roaming-contacts+xml
	// unregistered: <nil>
}

// The sign-in address as typed by the user.
func ExampleParseAddress() {
	_, err := sipua.ParseAddress("tu")
	fmt.Println(err)
	address, _ := sipua.ParseAddress("SIP:tu@Contoso.com")
	fmt.Println(address, address.URI())
	// Output:
	// A sign-in address has the form user@domain, such as tu@example.com. [usage]
	// tu@contoso.com sip:tu@contoso.com
}
