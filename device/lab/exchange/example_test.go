package exchange_test

import (
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// Exchange without the rest of the lab: a caller leaves a voice mail, and an EWS
// client counts the unread ones.
func Example() {
	dir := directory.New("contoso.com", "CONTOSO")
	user := directory.User{
		SAM:      "tu",
		Password: "Lab-Pa55word",
		Mail:     "tu@contoso.com",
		EUM:      "tu@contoso.com;phone-context=Hellerup.contoso.com",
	}
	if err := dir.AddUser(user); err != nil {
		log.Fatal(err)
	}
	root, err := pki.NewRoot("Example Root CA", pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		log.Fatal(err)
	}
	s := exchange.New(dir)
	if s.Certificate, err = root.Issue(pki.Leaf{Names: []string{"127.0.0.1"}}); err != nil {
		log.Fatal(err)
	}
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.LeaveVoiceMail("tu", exchange.VoiceMail{Number: "+4544890201", Name: "Kerry Miller"}); err != nil {
		log.Fatal(err)
	}

	const request = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
  xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><Body><m:GetFolder>
<m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
<m:FolderIds><t:DistinguishedFolderId Id="voicemail"/></m:FolderIds></m:GetFolder></Body></Envelope>`
	req, err := http.NewRequest(http.MethodPost, "https://"+s.Addr()+exchange.EWSPath, strings.NewReader(request))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.SetBasicAuth("tu@contoso.com", user.Password)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: root.Pool()}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Code   string `xml:"Body>GetFolderResponse>ResponseMessages>GetFolderResponseMessage>ResponseCode"`
		Unread int    `xml:"Body>GetFolderResponse>ResponseMessages>GetFolderResponseMessage>Folders>SearchFolder>UnreadCount"`
	}
	if err := xml.NewDecoder(res.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Code, answer.Unread)
	// Output: NoError 3
}
