package device_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
)

// TestFirmwareProfiles holds them against
// docs/protocol/trust.md#limits-of-verification and
// docs/protocol/update-service.md#device-update-service and the table of builds
// there.
func TestFirmwareProfiles(t *testing.T) {
	for name, want := range map[string]struct {
		policy  certstore.PolicyName
		noSHA2  bool // the trace of builds 199 and 522 says so; later images can
		rootSet string
		max     uint16
		strict  bool // the other reading of R1.2
		agent   string
	}{
		"today":             {certstore.Today, false, "system", 0, false, "OCPhone/1.0.522.71"},
		"1.0.199.123":       {certstore.Policy2007, true, "factory-2007", tls.VersionTLS10, false, "OCPhone/1.0.199.123"},
		"1.0.522.71":        {certstore.Policy2007, true, "factory-2007", tls.VersionTLS10, false, "OCPhone/1.0.522.71"},
		"1.0.522.71-strict": {certstore.Policy2007, true, "factory-2007", tls.VersionTLS10, true, "OCPhone/1.0.522.71"},
		"1.0.522.101":       {certstore.Policy2007, true, "factory-2007", tls.VersionTLS10, false, "OCPhone/1.0.522.101"},
		"3.5.6907.35":       {certstore.Policy2007, false, "factory-2007", tls.VersionTLS10, false, "OCPhone/3.5.6907.35"},
	} {
		f, err := device.FirmwareNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Policy != want.policy || f.NoSHA2 != want.noSHA2 || f.RootSet != want.rootSet || f.MaxTLS != want.max ||
			f.AnyDownloadedRootStops != want.strict || !strings.Contains(f.SIP.UserAgent, want.agent+" ") {
			t.Errorf("%+v", f)
		}
		young := func(c tls.CurveID) bool { return c != tls.CurveP256 && c != tls.CurveP384 && c != tls.CurveP521 } // than RFC 4492
		if (f.Curves == nil) != (name == "today") || slices.ContainsFunc(f.Curves, young) {
			t.Errorf("%s: key exchange by %v", name, f.Curves)
		}
		for _, g := range f.Guesses {
			if !slices.Contains([]string{"guess", "recalled", "inferred"}, g.Certainty) || g.Value == "" || g.Source == "" {
				t.Errorf("%s: guess %+v", name, g)
			}
			if name == "today" && strings.Contains(g.Value, "TLS 1.0") {
				t.Errorf("%s speaks TLS from version %x, and claims %q", name, f.MinTLS, g.Value)
			}
		}
	}
	if n := len(device.Firmwares()); n != 6 {
		t.Errorf("%d profiles", n)
	}
}
