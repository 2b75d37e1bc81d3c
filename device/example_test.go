package device_test

import (
	"context"
	"fmt"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab"
)

// A phone signs in to a deployment of 2007, all in one process.
func Example() {
	world, _ := lab.New(lab.Contoso())
	defer world.Close()
	firmware, _ := device.FirmwareNamed("1.0.522.71")
	phone, _ := device.New(device.Config{Firmware: firmware, RootSet: "none", NTP: true})
	defer phone.Close()

	user := world.Ready().Users[0]
	phone.PowerOn()
	phone.Plug(world.Inside().Place)
	phone.SignIn(device.Credentials{Address: user.SignIn, User: user.User, Password: user.Password})
	now, _ := phone.Wait(context.Background(), device.Snapshot.Done)

	fmt.Println(now.State, "at", now.Server)
	for _, root := range now.Roots {
		fmt.Println("trusts", root.Subject(), "from", root.Source.Kind)
	}
	// Output:
	// ready at pool.contoso.com:5061
	// trusts CN=Contoso Root CA,DC=contoso,DC=com from ad
}
