package foreign

import (
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/labtest"
)

func TestPhoneTakenHome(t *testing.T) {
	world := labtest.New(t, lab.Contoso())
	phone := world.Phone()
	if now := phone.SignInAs("tu"); now.State != device.Ready {
		t.Fatalf("inside the phone is %s", now.State)
	}

	phone.Plug(world.Outside().Place) // the root of the Edge is not published
	if now := phone.Rest(); now.Failure == nil || now.Failure.Code != journal.CertUntrusted {
		t.Errorf("outside the phone is %s: %+v", now.State, now.Failure)
	}

	if err := world.PublishRoot(lab.PublicRoot); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.PressReset(); err != nil { // with a root it would not search
		t.Fatal(err)
	}
	phone.Plug(world.Inside().Place)
	phone.SignInAs("tu")
	phone.Plug(world.Outside().Place)
	if now := phone.Rest(); now.State != device.Ready || !now.Remote {
		t.Errorf("outside, with both roots, the phone is %s", now.State)
	}

	signedIn := phone.Snapshot().Clock
	world.Advance(9 * time.Hour) // the settings are read again after eight hours
	phone.Step(func(s journal.Step) bool { return s.Name == journal.Provisioning && s.At.After(signedIn) })
}
