package device_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/dns"
)

// TestATimeServerThatIsYearsOffIsNamedFirst: the jump is a warning, and the
// remedy of the certificate that looks out of date begins with the time server.
func TestATimeServerThatIsYearsOffIsNamedFirst(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		by   time.Duration
		code journal.Code
	}{"ahead": {4 * year, journal.CertExpired}, "behind": {-year, journal.CertNotYetValid}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil, nil)
			r.lab.NTP.SetOffset(row.by)
			for range 2 { // the second session finds the clock where the first one left it
				s := r.signIn(r.lab.Inside())
				r.wantFailure(s, row.code)
				if !strings.HasPrefix(s.Failure.Fix, "Correct the time server dc1.contoso.com:123") {
					t.Errorf("remedy %q", s.Failure.Fix)
				}
				r.wantWarning(journal.TimeJump)
			}
			r.lab.NTP.SetOffset(0)
			r.wantReady(r.signIn(r.lab.Inside()))
			if err := r.lab.SetDefect("pool", "expired"); err != nil {
				t.Fatal(err)
			}
			s := r.move(r.lab.Inside())
			r.wantFailure(s, journal.CertExpired)
			if !strings.HasPrefix(s.Failure.Fix, "Renew the certificate") {
				t.Errorf("the clock is where it was, and the remedy does not begin with the certificate: %q", s.Failure.Fix)
			}
		})
	}
	t.Run("an hour off", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, nil, func(c *device.Config) { c.Clock = clock.New(time.Now().Add(-time.Hour)) })
		r.wantReady(r.signIn(r.lab.Inside()))
		if step := last(t, r.Phone, journal.Time); step.State != journal.OK || !strings.Contains(step.Decided, "h0m") {
			t.Errorf("%+v", step)
		}
	})
}

// TestRecordsOfTheInsideThatAreVisibleOutside: a phone outside says that they
// are, and fails by the certificate of the Edge, not by the domain controller.
func TestRecordsOfTheInsideThatAreVisibleOutside(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil, nil)
	for _, record := range []dns.Record{
		{Name: "_sipinternaltls._tcp.contoso.com", Type: "SRV", Value: "0 0 5061 pool.contoso.com"},
		{Name: "_ldap._tcp.dc._msdcs.contoso.com", Type: "SRV", Value: "0 0 389 dc1.contoso.com"},
		{Name: "pool.contoso.com", Type: "A", Value: "10.9.8.7"},
		{Name: "dc1.contoso.com", Type: "A", Value: "10.9.8.6"},
	} {
		if err := r.lab.OutsideDNS.Set(record.Name, record.Type, record.Value); err != nil {
			t.Fatal(err)
		}
	}
	dead := nowhere(t)
	at := patched(r.lab.Outside(), map[string]string{"10.9.8.7:5061": dead, "10.9.8.6:389": dead})
	s := r.signIn(at)
	r.wantFailure(s, journal.CertUntrusted)
	r.wantState(s, device.Failed)
	for _, name := range []journal.Name{journal.Connect, journal.Roots} {
		if step := last(t, r.Phone, name); !strings.Contains(step.Fix, "is private. If the phone is outside, remove the record of") {
			t.Errorf("%s: %+v", name, step)
		}
	}
	// Without the Edge the first server decides.
	r.lab.OutsideDNS.Remove("_sip._tls.contoso.com")
	r.lab.OutsideDNS.Remove("sip.contoso.com")
	s = r.move(at)
	r.wantFailure(s, journal.ConnRefused)
	if want := "The address 10.9.8.7 of pool.contoso.com is private."; !strings.HasPrefix(s.Failure.Fix, want) {
		t.Errorf("remedy %q, want %q", s.Failure.Fix, want)
	}
}
