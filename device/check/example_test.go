package check_test

import (
	"context"
	"fmt"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/network"
)

// A new phone is held up against the lab, where the root of the pool is published
// and that of the Edge is not.
func ExampleTrust() {
	world, err := lab.New(lab.Contoso())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer world.Close()
	firmware, _ := device.FirmwareNamed("1.0.522.71")
	pool, _ := check.ParseEndpoint("pool.contoso.com")
	edge, _ := check.ParseEndpoint("sip.contoso.com:443")
	user := world.Ready().Users[0]
	report, err := check.Trust(context.Background(), check.Config{
		Firmware:    firmware,
		Endpoints:   []check.Endpoint{pool, edge},
		Places:      []network.Place{world.Inside().Place, world.Outside().Place},
		Domain:      "contoso.com",
		Credentials: device.Credentials{User: user.User, Password: user.Password},
		AsIfReset:   true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Summary)
	for _, r := range report.Publish {
		fmt.Println(r.Command, r.For)
	}
	// Output:
	// Not everything is trusted after a reset: sip.contoso.com:443 (cert.untrusted).
	// certutil -f -dspublish ROOT.cer RootCA [sip.contoso.com:443]
}
