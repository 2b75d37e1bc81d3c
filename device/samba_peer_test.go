//go:build realpeers && linux

package device_test

import (
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/peer"
)

// office is the lab with Samba in place of its domain controller and of its
// inside DNS: pool and Edge are the lab's, their roots are published in Samba.
type office struct {
	*rig
	dc     *peer.Samba
	inside network.Place
}

func newOffice(t *testing.T, dc *peer.Samba, world *lab.Lab, build func(*device.Config)) office {
	t.Helper()
	d := world.Deployment
	place := dc.Place()
	place.Patch = network.AddressMap{d.Pool.Host + ":5061": world.Pool.Addr(), d.DC.Host + ":123": world.NTP.Addr()}
	return office{&rig{Phone: newPhone(t, firmwareOf(d), build), t: t, lab: world, creds: credentials(world, 0)}, dc, place}
}

// in plugs the phone into the office and signs in.
func (o office) in() device.Snapshot {
	o.t.Helper()
	o.PowerOn()
	o.Plug(o.inside)
	if err := o.SignIn(o.creds); err != nil {
		o.t.Fatal(err)
	}
	return o.rest()
}

// TestPeerSambaStory is the phone in a deployment whose Active Directory is a
// real one.
func TestPeerSambaStory(t *testing.T) {
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	dc := peer.Samba{Addr: "127.21.2.10"}.Start(t)
	user := world.Directory.Users()[0]
	dc.AddUser(t, user.SAM, user.Password)
	dc.LockoutAfter(t, 10)
	dc.AddRecord(t, "pool", "A", "127.21.2.20")
	dc.AddRecord(t, "_sipinternaltls._tcp", "SRV", "pool.contoso.com 5061 0 0")
	dc.AddRecord(t, "_ntp._udp", "SRV", "dc1.contoso.com 123 0 0")

	t.Run("nothing published", func(t *testing.T) {
		o := newOffice(t, dc, world, nil)
		o.wantFailure(o.in(), journal.ADNoRoots)
	})
	enterprise := peer.Root{Name: "Contoso Root CA", DER: world.PKI.Enterprise.Certificate.Raw}
	public := peer.Root{Name: "Adatum Public Root CA", DER: world.PKI.Public.Certificate.Raw}
	dc.PublishRoot(t, enterprise)

	t.Run("wrong password", func(t *testing.T) {
		o := newOffice(t, dc, world, nil)
		o.creds.Password = "wrong"
		o.wantFailure(o.in(), journal.ADCredentials)
		if n := dc.BadLogons(t, user.SAM); n != "1" || len(world.Pool.Registrations()) > 0 {
			t.Errorf("badPwdCount is %s, %d registrations", n, len(world.Pool.Registrations()))
		}
		peer.Row(t, "samba", "a whole sign-in with a wrong password costs one bad log-on")
	})
	t.Run("NetBIOS", func(t *testing.T) {
		o := newOffice(t, dc, world, func(c *device.Config) { c.NetBIOS, c.Domain = true, "contoso.example" })
		s := o.in()
		o.wantReady(s)
		if by := last(t, o.Phone, journal.Roots).By; by != "127.21.2.10:389" || downloaded(s) != 1 {
			t.Errorf("%d roots from %s", downloaded(s), by)
		}
		peer.Row(t, "samba", "the phone finds it by NetBIOS when told, and signs in")
	})
	t.Run("paper clip", func(t *testing.T) {
		o := newOffice(t, dc, world, nil)
		s := o.in()
		o.wantReady(s)
		if downloaded(s) != 1 || s.Roots[0].Source.Server != "dc1.contoso.com:389" {
			t.Errorf("%d roots, the first from %+v", downloaded(s), s.Roots[0].Source)
		}
		asked := countSteps(o.Phone, journal.Roots, "")

		dc.PublishRoot(t, public) // while the phone is on
		out := world.Outside()
		s = o.move(out)
		o.wantFailure(s, journal.CertUntrusted)
		if !strings.Contains(s.Failure.Decided, "Adatum Public Root CA") {
			t.Errorf("the untrusted issuer is not named: %s", s.Failure.Decided)
		}
		outside := countSteps(o.Phone, journal.Roots, "") - asked
		o.Plug(o.inside)
		s = o.rest()
		o.wantReady(s)
		if downloaded(s) != 1 || countSteps(o.Phone, journal.Roots, "") != asked+outside {
			t.Errorf("%d roots: the new one arrived without a reset (R1.2)\n%s", downloaded(s), story(o.Phone))
		}
		peer.Row(t, "samba", "a root published while the phone is on does not arrive (R1.2)")

		if diff, err := o.PressReset(); err != nil || len(diff.Removed) != 1 {
			t.Fatalf("%d roots went, %v", len(diff.Removed), err)
		}
		s = o.in()
		o.wantReady(s)
		if downloaded(s) != 2 {
			t.Errorf("%d roots after the reset, want both", downloaded(s))
		}
		s = o.move(out)
		o.wantReady(s)
		if !s.Remote || !strings.HasPrefix(s.Server, "sip.") {
			t.Errorf("signed in at %s, remote %v; want through the Edge", s.Server, s.Remote)
		}
		peer.Row(t, "samba", "the story of the paper clip (R1.4), with Samba as Active Directory and DNS")
	})
}
