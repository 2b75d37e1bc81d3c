package lab_test

import (
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/ocphone/ocphone/device/lab"
)

// A net/http client reads a user's mailbox by the names of the deployment: its
// DNS, addresses, roots and time come from the lab. (crypto/tls refuses the SHA-1
// certificates of lab.Contoso.)
func ExampleAttachment_HTTPClient() {
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()

	client := world.Inside().HTTPClient()
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, "https://cas01.contoso.com/EWS/Exchange.asmx", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.SetBasicAuth(`CONTOSO\tu`, lab.DefaultPassword)
	res, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, res.Header.Get("Content-Type"))

	// Outside there is no domain controller, and cas01 has no address.
	outside := world.Outside().HTTPClient()
	_, err = outside.Get("https://cas01.contoso.com/")
	fmt.Println("outside:", err != nil)
	// Output:
	// 200 OK text/xml; charset=utf-8
	// outside: true
}
