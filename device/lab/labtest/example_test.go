package labtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/labtest"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// In the examples t is the argument of a test.
var t testing.TB

// example runs an example as a test.
func example(f func()) {
	r := new(recorder)
	fmt.Print(r.run(func(tb testing.TB) { t = tb; f() }))
}

// A phone signs in with what fits the lab: firmware, clock, roots.
func Example() {
	example(func() {
		world := labtest.New(t, lab.ContosoToday())
		phone := world.Phone()
		now := phone.SignInAs("tu")
		fmt.Println(now.State, "at", now.Server, "with firmware", now.Firmware)
	})
	// Output: ready at pool.contoso.com:5061 with firmware today
}

// A pool whose certificate has expired, and one that does not answer. The second
// phone has five seconds for the whole sign-in, so that the test is short.
func Example_faults() {
	example(func() {
		world := labtest.New(t, lab.Contoso())
		world.SetDefect("pool", pki.Expired)
		fmt.Println(world.Phone().SignInAs("tu").Failure.Code)

		world.SetDefect("pool", "")
		world.Pool.SetFaults(pool.Faults{Silent: true})
		hurried := world.Phone(func(c *device.Config) { c.Budget = 5 * time.Second })
		fmt.Println(hurried.SignInAs("tu").Failure.Code)
	})
	// Output:
	// cert.expired
	// sip.no-answer
}

// Nine hours pass at once for the lab and its phones. A phone reads its settings
// again after eight.
func ExampleWorld_Advance() {
	example(func() {
		world := labtest.New(t, lab.Contoso())
		phone := world.Phone()
		signedIn := phone.SignInAs("tu").Clock

		world.Advance(9 * time.Hour)
		again := phone.Step(func(s journal.Step) bool {
			return s.Name == journal.Provisioning && s.At.After(signedIn)
		})
		fmt.Println(again.State)
	})
	// Output: ok
}

// Two users sign in, one of them outside.
func ExampleWorld_Phone() {
	example(func() {
		d := lab.Contoso()
		d.Publish = []string{lab.EnterpriseRoot, lab.PublicRoot}
		world := labtest.New(t, d)

		desk, home := world.Phone(), world.Phone()
		home.SignInAs("kerry") // inside once, for the roots
		home.Plug(world.Outside().Place)
		fmt.Println(desk.SignInAs("tu").Server, home.Rest().Server)
		fmt.Println(len(world.Pool.Registrations()), "are registered")
	})
	// Output:
	// pool.contoso.com:5061 sip.contoso.com:443
	// 2 are registered
}
