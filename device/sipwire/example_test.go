package sipwire_test

import (
	"context"
	"fmt"
	"net"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// Both ends of a connection: the client sends a request and waits for its answer.
func Example() {
	a, b := net.Pipe()
	server := sipwire.New(b, sipwire.Config{Handler: func(c *sipwire.Conn, in *sipwire.Incoming) {
		req := in.Request()
		if req == nil {
			return // a response without a pending request
		}
		res := sipwire.NewResponse(req, sip.StatusOK, "OK", "")
		res.AppendHeader(sip.NewHeader("Allow", "OPTIONS"))
		_ = c.Answer(req, res) // an error has ended the connection
	}})
	client := sipwire.New(a, sipwire.Config{})
	defer func() {
		client.Close()
		server.Close()
		<-client.Done()
		<-server.Done()
	}()

	req, err := sipwire.NewRequest(sipwire.RequestConfig{
		Method: "OPTIONS",
		URI:    "sip:contoso.com",
		Via:    "10.0.0.21:1044",
		From:   "<sip:tu@contoso.com>;tag=" + sipwire.NewTag(),
		To:     "<sip:contoso.com>",
		CallID: sipwire.NewCallID(),
		CSeq:   1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := client.Do(context.Background(), req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(in.Response().StatusCode, in.Header("Allow"), in.Signature)
	// Output: 200 OPTIONS unsigned
}

// The text that MS-SIPAE signs for a message.
func ExampleSignatureBuffer() {
	const message = "SIP/2.0 200 OK\r\n" +
		"Via: SIP/2.0/TLS 10.0.0.21:1044\r\n" +
		"From: <sip:tu@contoso.com>;tag=7d1f0c2a55;epid=01010101aa\r\n" +
		"To: <sip:tu@contoso.com>;tag=5E61CCB0\r\n" +
		"Call-ID: 0123456789abcdef\r\n" +
		"CSeq: 3 REGISTER\r\n" +
		"Expires: 7200\r\n" +
		"\r\n"
	text, err := sipwire.SignatureBuffer(4, []byte(message), sipwire.SignatureParams{
		Scheme:     "NTLM",
		Rand:       "d1a2b3c4",
		Num:        "1",
		Realm:      "SIP Communications Service",
		TargetName: "fe1.contoso.com",
	})
	fmt.Println(text, err)
	// Output: <NTLM><d1a2b3c4><1><SIP Communications Service><fe1.contoso.com><0123456789abcdef><3><REGISTER><sip:tu@contoso.com><7d1f0c2a55><sip:tu@contoso.com><5E61CCB0><><><7200><200> <nil>
}

// A Contact of a pool: a list, and a parameter with a quoted semicolon.
func ExampleParseAddress() {
	const contact = `<sip:10.0.0.21:1044;transport=tls>;expires=7200;gruu="sip:tu@contoso.com;opaque=user:epid:x;gruu", <sip:10.0.0.22>`
	for _, element := range sipwire.SplitList(contact) {
		a, err := sipwire.ParseAddress(element)
		fmt.Println(a.URI, a.Param("gruu"), err)
	}
	// Output:
	// sip:10.0.0.21:1044;transport=tls sip:tu@contoso.com;opaque=user:epid:x;gruu <nil>
	// sip:10.0.0.22  <nil>
}
