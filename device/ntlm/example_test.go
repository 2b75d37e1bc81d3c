package ntlm_test

import (
	"fmt"

	"github.com/ocphone/ocphone/device/ntlm"
)

// Client and server of a connection (LDAP, HTTP) in one process: three messages,
// then the same session at both ends.
func Example() {
	client := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Require: ntlm.FlagsLDAP}
	server := &ntlm.Server{
		NetBIOSDomain: "CONTOSO",
		DNSDomain:     "contoso.com",
		NTHash: func(user, domain string) ([]byte, error) {
			if user != "tu" {
				return nil, nil // ErrLogon
			}
			return ntlm.NTHash("C0ntoso-Pa55"), nil
		},
	}

	negotiate := client.Negotiate()
	challenge, err := server.Challenge(negotiate)
	if err != nil {
		fmt.Println(err)
		return
	}
	authenticate, clientSession, err := client.Authenticate(challenge)
	if err != nil {
		fmt.Println(err)
		return
	}
	user, serverSession, err := server.Authenticate(authenticate)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("types %d, %d, %d\n", ntlm.Type(negotiate), ntlm.Type(challenge), ntlm.Type(authenticate))
	fmt.Printf("%s\\%s\n", user.Domain, user.User)

	sealed, signature := clientSession.Seal([]byte("search"))
	text, err := serverSession.Unseal(sealed, signature)
	fmt.Printf("%s, %v\n", text, err)
	_, err = serverSession.Unseal(sealed, signature) // a repetition
	fmt.Println(err)
	// Output:
	// types 1, 2, 3
	// CONTOSO\tu
	// search, <nil>
	// ntlm: the message signature is wrong
}

// The datagram form of MS-SIPAE has no first message; each message has a detached
// signature.
func ExampleSession_SignDatagram() {
	client := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Flags: ntlm.FlagsSIP}
	server := &ntlm.Server{NTHash: func(string, string) ([]byte, error) { return ntlm.NTHash("C0ntoso-Pa55"), nil }}

	challenge, _ := server.Challenge(nil)
	authenticate, clientSession, err := client.Authenticate(challenge)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, serverSession, err := server.Authenticate(authenticate)
	if err != nil {
		fmt.Println(err)
		return
	}
	const sequence = 100 // of every message
	signature := clientSession.SignDatagram(sequence, []byte("<NTLM><…>"))
	fmt.Println(len(signature) == ntlm.SignatureSize,
		serverSession.VerifyDatagram(sequence, []byte("<NTLM><…>"), signature),
		serverSession.VerifyDatagram(sequence, []byte("<NTLM><!>"), signature))
	// Output: true true false
}
