package ntlm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"log"
	"math/big"
	"testing"
	"time"

	ntlmssp "github.com/Azure/go-ntlmssp"
	vadimi "github.com/vadimi/go-ntlm/ntlm"

	"github.com/ocphone/ocphone/device/ntlm"
)

const password = "Passw0rd!a"

func server() *ntlm.Server {
	return &ntlm.Server{NetBIOSDomain: "CONTOSO", NetBIOSComputer: "DC1", DNSDomain: "contoso.com", DNSComputer: "dc1.contoso.com",
		NTHash: func(string, string) ([]byte, error) { return ntlm.NTHash(password), nil }}
}

// vadimi/go-ntlm is the foreign judge of the SIP form: its server checks our
// client, and the detached signatures agree in both directions.
func TestSIPSignaturesAgreeWithGoNTLM(t *testing.T) {
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard) // it logs user names
	their, err := vadimi.CreateServerSession(vadimi.Version2, vadimi.ConnectionlessMode)
	if err != nil {
		t.Fatal(err)
	}
	their.SetUserInfo("tu", password, "CONTOSO")
	challenge, err := their.GenerateChallengeMessage()
	if err != nil {
		t.Fatal(err)
	}
	client := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: password, Workstation: "PHONE", Flags: ntlm.FlagsSIP, TargetName: "sip/fe1.contoso.com"}
	msg, session, err := client.Authenticate(challenge.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := vadimi.ParseAuthenticateMessage(msg, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := their.ProcessAuthenticateMessage(answer); err != nil {
		t.Fatal(err)
	}
	buffer := []byte("<NTLM><1a2b3c4d><1><SIP Communications Service><fe1.contoso.com>")
	if ok, err := their.VerifyMac(buffer, session.SignDatagram(100, buffer), 100); err != nil || !ok {
		t.Errorf("they refuse our signature: %v", err)
	}
	mac, err := their.Mac(buffer, 100)
	if err != nil {
		t.Fatal(err)
	}
	if !session.VerifyDatagram(100, buffer, mac) {
		t.Error("we refuse their signature")
	}
}

func TestGoNTLMClientLogsOnToOurServer(t *testing.T) {
	s := server()
	b, err := s.Challenge(nil)
	if err != nil {
		t.Fatal(err)
	}
	their, err := vadimi.CreateClientSession(vadimi.Version2, vadimi.ConnectionlessMode)
	if err != nil {
		t.Fatal(err)
	}
	their.SetUserInfo("tu", password, "CONTOSO")
	challenge, err := vadimi.ParseChallengeMessage(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := their.ProcessChallengeMessage(challenge); err != nil {
		t.Fatal(err)
	}
	answer, err := their.GenerateAuthenticateMessage()
	if err != nil {
		t.Fatal(err)
	}
	_, session, err := s.Authenticate(answer.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	buffer := []byte("<NTLM><9F8E7D6C><1>")
	if ok, err := their.VerifyMac(buffer, session.SignDatagram(100, buffer), 100); err != nil || !ok {
		t.Errorf("they refuse our signature: %v", err)
	}
}

func TestGoNTLMSSPClientLogsOnToOurServer(t *testing.T) {
	for name, pw := range map[string]string{"right": password, "wrong": "x"} {
		s := server()
		s.Timestamp, s.RequireV2 = true, true
		negotiate, err := ntlmssp.NewNegotiateMessage("CONTOSO", "PHONE")
		if err != nil {
			t.Fatal(err)
		}
		challenge, err := s.Challenge(negotiate)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := ntlmssp.NewAuthenticateMessage(challenge, `CONTOSO\tu`, pw, nil)
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := s.Authenticate(msg)
		if (err == nil) != (name == "right") || id.User != "tu" || id.Domain != "CONTOSO" {
			t.Errorf("%s password: %+v, %v", name, id, err)
		}
	}
}

// RFC 5929 4.1: SHA-256 unless the certificate is signed with a stronger hash.
func TestChannelBindingsHashTheCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, hash := range map[x509.SignatureAlgorithm]crypto.Hash{
		x509.ECDSAWithSHA256: crypto.SHA256, x509.ECDSAWithSHA384: crypto.SHA384, x509.ECDSAWithSHA512: crypto.SHA512,
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fe"}, SignatureAlgorithm: alg, NotAfter: time.Unix(1<<31, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		h := hash.New()
		h.Write(der)
		data := append([]byte("tls-server-end-point:"), h.Sum(nil)...)
		want := md5.Sum(append(binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data))), data...))
		if got := ntlm.ChannelBindings(cert); string(got) != string(want[:]) {
			t.Errorf("%v: %x, want %x", alg, got, want)
		}
	}
	sha1 := &x509.Certificate{Raw: []byte("der"), SignatureAlgorithm: x509.SHA1WithRSA}
	sha256 := &x509.Certificate{Raw: []byte("der"), SignatureAlgorithm: x509.SHA256WithRSA}
	if string(ntlm.ChannelBindings(sha1)) != string(ntlm.ChannelBindings(sha256)) {
		t.Error("SHA-1 is not replaced by SHA-256")
	}
}
