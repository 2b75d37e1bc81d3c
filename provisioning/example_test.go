package provisioning_test

import (
	"fmt"

	"github.com/ocphone/ocphone/provisioning"
)

// A pool answers, and later tells of a change.
func Example() {
	first, err := provisioning.Parse([]byte(`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">
	  <provisionGroup name="ServerConfiguration"><ucMinPinLength>8</ucMinPinLength><ucPhoneTimeOut>90</ucPhoneTimeOut></provisionGroup>
	  <provisionGroup name="ucPolicy"><instance><property name="AllowCallForwarding"><![CDATA[true]]></property></instance></provisionGroup>
	</provisionGroupList>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	changed, err := provisioning.WriteAnswer(provisioning.Group{Name: provisioning.UCPolicy, Form: provisioning.Instance,
		Properties: []provisioning.Property{{Name: "AllowCallForwarding", Value: "false"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	later, err := provisioning.Parse(changed)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := first.Merge(later).Settings(provisioning.Subscriber{Address: "kerry@contoso.com"})
	fmt.Println(s.Lock.MinPINLength, s.Lock.Idle, s.Policy.CallForwarding)
	for _, line := range provisioning.Lines(s.Oddities) {
		fmt.Println(line)
	}
	// Output:
	// 8 10m0s false
	// ServerConfiguration ucPhoneTimeOut "90": It must be a whole number of 0 to 60. The default holds: 10.
}
