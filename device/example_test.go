package device_test

import (
	"context"
	"fmt"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// A phone signs in to a deployment of 2007, all in one process.
func Example() {
	world, _ := lab.New(lab.Contoso())
	defer world.Close()
	cfg := setup.LabConfig(world.Ready())
	cfg.RootSet = "none"
	phone, _ := device.New(cfg)
	defer phone.Close()

	phone.PowerOn()
	phone.Plug(world.Inside().Place)
	phone.SignIn(setup.LabCredentials(world.Ready().Users[0]))
	now, _ := phone.Wait(context.Background(), device.Snapshot.Done)

	fmt.Println(now.State, "at", now.Server)
	for _, root := range now.Roots {
		fmt.Println("trusts", root.Subject(), "from", root.Source.Kind)
	}
	// Output:
	// ready at pool.contoso.com:5061
	// trusts CN=Contoso Root CA,DC=contoso,DC=com from ad
}
