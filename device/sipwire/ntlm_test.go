package sipwire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/ntlm"
)

var _ Signer = (*ntlm.Session)(nil)

// The session that device/ntlm makes of the challenge in
// docs/protocol/sip-connection.md#test-vectors (b) signs as the vector does.
func TestVectorWithNTLM(t *testing.T) {
	const challenge = "TlRMTVNTUAACAAAAAAAAADgAAADzgpjiABEiM0RVZncAAAAAAAAAAJAAkAA4AAAABQLODgAAAA8CAA4AQwBPAE4AVABPAFMATwABABQAUABPAE8ATAAwADEALQBGAEUAMQAEABoAYwBvAG4AdABvAHMAbwAuAGwAbwBjAGEAbAADACIAZgBlADEALgBjAG8AbgB0AG8AcwBvAC4AbABvAGMAYQBsAAUAGgBjAG8AbgB0AG8AcwBvAC4AbABvAGMAYQBsAAAAAAA="
	type2, err := base64.StdEncoding.DecodeString(challenge)
	if err != nil {
		t.Fatal(err)
	}
	client := &ntlm.Client{User: "kerry", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Workstation: "OCPE-000413AB",
		Flags: ntlm.FlagsSIP,
		Now:   func() time.Time { return time.Unix(128900000000000000/1e7-11644473600, 0) }, // the vector's FILETIME
		Rand:  bytes.NewReader(unhex("8899aabbccddeeff" + "000102030405060708090a0b0c0d0e0f"))}
	_, session, err := client.Authenticate(type2)
	if err != nil {
		t.Fatal(err)
	}
	text, err := SignatureBuffer(4, []byte(crlf(register3)), SignatureParams{"NTLM", "1a2b3c4d", "1", "SIP Communications Service", "fe1.contoso.local"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", session.SignDatagram(signatureSeq, []byte(text))); got != "0100000081eaecc6d99b9adf64000000" {
		t.Error(got)
	}
}

// Both ends with real sessions, with and without extended session security.
func TestSignedExchangeWithNTLM(t *testing.T) {
	for name, flags := range map[string]ntlm.Flags{"ESS": ntlm.FlagsSIP, "no ESS": ntlm.FlagsSIP &^ ntlm.NegotiateESS} {
		t.Run(name, func(t *testing.T) {
			server := &ntlm.Server{NetBIOSDomain: "CONTOSO", Flags: flags,
				NTHash: func(string, string) ([]byte, error) { return ntlm.NTHash("secret"), nil }}
			client := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "secret", Flags: ntlm.FlagsSIP, AllowV1: true}
			type2, err := server.Challenge(nil)
			if err != nil {
				t.Fatal(err)
			}
			type3, up, err := client.Authenticate(type2)
			if err != nil {
				t.Fatal(err)
			}
			_, down, err := server.Authenticate(type3)
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan Signature, 1)
			c, s := pair(t, Config{RequireSigned: true}, Config{Handler: func(c *Conn, in *Incoming) {
				got <- in.Signature
				answerAll(c, in)
			}})
			c.Use(NewAssociation(AssociationConfig{Version: 4, Opaque: "A", Session: up}))
			s.Use(NewAssociation(AssociationConfig{Version: 4, Opaque: "A", Session: down, Server: true}))
			in, err := c.Do(testContext(t), request(t, "SUBSCRIBE", 1))
			if err != nil || in.Signature != Valid || wait(t, got, "the request") != Valid {
				t.Error(in, err)
			}
		})
	}
}
