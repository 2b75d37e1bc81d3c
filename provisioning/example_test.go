package provisioning_test

import (
	"fmt"

	"github.com/ocphone/ocphone/provisioning"
)

// The phone reads what a pool has answered to its query.
func Example() {
	answer, err := provisioning.Parse([]byte(`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">
	  <provisionGroup name="ServerConfiguration"><ucMinPinLength>8</ucMinPinLength><ucPhoneTimeOut>90</ucPhoneTimeOut></provisionGroup>
	  <provisionGroup name="ucPolicy"><instance><property name="AllowCallForwarding"><![CDATA[false]]></property></instance></provisionGroup>
	</provisionGroupList>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s := answer.Settings(provisioning.Subscriber{Address: "kerry@contoso.com"})
	fmt.Println(s.Lock.MinPINLength, s.Lock.Idle, s.Policy.CallForwarding)
	for _, line := range provisioning.WarningLines(s.Warnings) {
		fmt.Println(line)
	}
	// Output:
	// 8 10m0s false
	// ServerConfiguration ucPhoneTimeOut "90": It must be a whole number of 0 to 60. The default holds: 10.
}
