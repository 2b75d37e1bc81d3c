package setup_test

import (
	"context"
	"fmt"

	"github.com/ocphone/ocphone/device/setup"
)

func Example() {
	o := setup.Options{SignIn: "tu@example.com", DNS: "192.0.2.53", Firmware: "today"}
	s, err := o.Open(context.Background(), func(context.Context) (string, error) { return "from a safe place", nil })
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Credentials.Address, s.Place.DNS, s.Config.Firmware.Name)
	// Output: tu@example.com [192.0.2.53:53] today
}
