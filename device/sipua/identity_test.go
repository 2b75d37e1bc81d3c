package sipua_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/sipua"
)

// The vector of docs/protocol/sip-connection.md#endpoint-identity.
func TestInstanceUUID(t *testing.T) {
	if got := sipua.InstanceUUID("01010101"); got != "4b1682a8-f968-5701-83fc-7c6741dc6697" {
		t.Errorf("got %s", got)
	}
}

func TestEPIDIsStableForDeviceAndUser(t *testing.T) {
	e := sipua.EPID("00-04-F2-00-00-01", "tu@contoso.com")
	if !regexp.MustCompile(`^[0-9a-f]{10}$`).MatchString(e) {
		t.Errorf("EPID %q", e)
	}
	if e != sipua.EPID("00-04-f2-00-00-01", "TU@contoso.com") {
		t.Error("case matters")
	}
	if e == sipua.EPID("00-04-F2-00-00-02", "tu@contoso.com") || e == sipua.EPID("00-04-F2-00-00-01", "kerry@contoso.com") {
		t.Error("device or user does not matter")
	}
}

func TestParseAddress(t *testing.T) {
	for _, s := range []string{"tu@contoso.com", "sip:tu@CONTOSO.com", " SIP:tu@contoso.com\n"} {
		a, err := sipua.ParseAddress(s)
		if err != nil || a.String() != "tu@contoso.com" || a.URI() != "sip:tu@contoso.com" {
			t.Errorf("%q is %v, %v", s, a, err)
		}
	}
}

func TestBackoff(t *testing.T) {
	p := sipua.DefaultProfile()
	half := func() float64 { return 0.5 }
	none := func() float64 { return 0 }
	for _, row := range []struct {
		n      int
		random func() float64
		want   time.Duration
	}{
		{0, none, 5 * time.Second}, {1, none, 5 * time.Second}, {2, none, 10 * time.Second}, {3, none, 20 * time.Second},
		{8, none, 640 * time.Second}, {9, none, 15 * time.Minute}, {1 << 40, none, 15 * time.Minute},
		{1, half, 6250 * time.Millisecond}, {100, half, 15*time.Minute + 225*time.Second},
	} {
		if got := p.Backoff(row.n, row.random); got != row.want {
			t.Errorf("attempt %d: %v, want %v", row.n, got, row.want)
		}
	}
	for range 100 {
		if d := (sipua.Profile{}).Backoff(1, nil); d < 5*time.Second || d >= 7500*time.Millisecond {
			t.Fatalf("delay %v", d)
		}
	}
}
