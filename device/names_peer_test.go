//go:build realpeers && linux

package device_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/peer"
)

const (
	phoneDNS  = "127.22.2.2:10053"
	phoneTime = "127.22.2.3:10123"
)

// TestPeerSignInByRealDNSAndTime signs a phone whose own clock is a year off
// in to the lab's pool, found by a real DNS server, at the time of chrony.
func TestPeerSignInByRealDNSAndTime(t *testing.T) {
	peer.Chrony(t, phoneTime, "")
	records := []string{
		"_sipinternaltls._tcp.contoso.com SRV 0 0 5061 pool.contoso.com",
		"_ldap._tcp.dc._msdcs.contoso.com SRV 0 100 389 dc1.contoso.com",
		"_ntp._udp.contoso.com SRV 0 0 10123 ntp1.contoso.com",
		"pool.contoso.com A 127.0.0.1", "dc1.contoso.com A 127.0.0.1", "ntp1.contoso.com A 127.22.2.3",
	}
	for _, row := range []struct {
		name, pkg string
		start     func() peer.NameServer
		off       time.Duration // the phone's own clock
		today     bool
	}{
		{"BIND, a year slow", "bind9", func() peer.NameServer { return peer.BIND(t, "contoso.com", records...) }, -365 * 24 * time.Hour, false},
		{"dnsmasq, a year fast", "dnsmasq-base", func() peer.NameServer { return peer.Dnsmasq(t, phoneDNS, "contoso.com", records...) }, 365 * 24 * time.Hour, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			peer.Row(t, row.pkg, "the DNS of a whole sign-in, the download of roots included")
			peer.Row(t, "chrony", "a phone whose clock is a year off is set right and signs in")
			s := row.start()
			own := func(c *device.Config) { c.Clock = clock.New(time.Now().Add(row.off)) }
			r := newRig(t, func(d *lab.Deployment) { d.Today = row.today }, own)
			at := r.lab.Inside()
			at.Place.DNS = []string{"127.22.2.9:10053", s.Addr} // nobody listens at the first
			r.wantReady(r.signIn(at))
			if wrong := time.Until(r.Snapshot().Clock).Abs(); wrong > 5*time.Second {
				t.Errorf("the phone's clock is wrong by %s", wrong)
			}
			if step := last(t, r.Phone, journal.Time); step.Code != journal.TimeJump || step.By != "ntp1.contoso.com:10123" || !strings.Contains(step.Decided, "365 days") {
				t.Errorf("%+v", step)
			}
			if n := downloaded(r.Snapshot()); n != 1 {
				t.Errorf("%d roots came", n)
			}
		})
	}
}

// TestPeerDiscoveryOrder lets the server's own log tell in which order the phone
// looks for its pool, when the very last place has it
// (docs/protocol/phone.md#finding-the-sip-server).
func TestPeerDiscoveryOrder(t *testing.T) {
	peer.Row(t, "bind9", "its query log shows the look-ups of discovery in the documented order")
	s := peer.BIND(t, "contoso.com", "sipexternal.contoso.com A 127.0.0.1", "_ldap._tcp.dc._msdcs.contoso.com SRV 0 100 389 dc1.contoso.com")
	const host = "sipexternal.contoso.com"
	r := newRig(t, func(d *lab.Deployment) { d.Pool.Host = host }, func(c *device.Config) { c.NTP = false })
	at := r.lab.Inside()
	at.Place.DNS, at.Place.Suffix = []string{s.Addr}, ""
	at.Place.Patch[host+":443"] = at.Place.Patch[host+":5061"]
	at.Place.Patch[host+":5061"] = "127.22.2.9:5061" // nobody listens there
	snapshot := r.signIn(at)
	r.wantReady(snapshot)
	if snapshot.Server != host+":443" {
		t.Errorf("registered at %s", snapshot.Server)
	}
	// SRV _sipinternal._tcp is left out: SIPSecurityMode is High.
	want := []string{"SRV _sipinternaltls._tcp.contoso.com", "SRV _sip._tls.contoso.com",
		"A sipinternal.contoso.com", "A sip.contoso.com", "A " + host, "AAAA " + host, "SRV _ldap._tcp.dc._msdcs.contoso.com"}
	peer.Eventually(t, "the questions in the server's log", func() error {
		if got := s.Asked(); !slices.Equal(got, want) {
			return fmt.Errorf("asked %q, want %q", got, want)
		}
		return nil
	})
}
