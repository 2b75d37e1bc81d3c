package ad_test

import (
	"fmt"
	"log"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
)

// A foreign LDAP client against the domain controller alone.
func Example() {
	dir := directory.New("contoso.com", "CONTOSO")
	if err := dir.AddUser(directory.User{SAM: "tu", SIP: "tu@contoso.com", Password: "Pa$$word", LineURI: "tel:+4544890101;ext=200"}); err != nil {
		log.Fatal(err)
	}
	dc := ad.New(dir)
	if err := dc.Start(); err != nil {
		log.Fatal(err)
	}
	defer dc.Close()

	client, err := ldap.DialURL("ldap://" + dc.Addr())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.NTLMBind("CONTOSO", "tu", "Pa$$word"); err != nil {
		log.Fatal(err)
	}
	result, err := client.Search(ldap.NewSearchRequest("CN=Users,DC=contoso,DC=com", ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false,
		"(msRTCSIP-UserEnabled=TRUE)", []string{"msRTCSIP-PrimaryUserAddress", "msRTCSIP-Line"}, nil))
	if err != nil {
		log.Fatal(err)
	}
	for _, user := range result.Entries {
		fmt.Println(user.DN, user.GetAttributeValue("msRTCSIP-PrimaryUserAddress"), user.GetAttributeValue("msRTCSIP-Line"))
	}
	// Output: CN=tu,CN=Users,DC=contoso,DC=com sip:tu@contoso.com tel:+4544890101;ext=200
}
