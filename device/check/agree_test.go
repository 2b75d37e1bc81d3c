package check_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/labtest"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/network"
)

// site is a lab of one firmware.
type site struct {
	*testing.T
	*labtest.World
	firmware device.Firmware
}

func newSite(t *testing.T, firmware string, change func(*lab.Deployment)) site {
	t.Helper()
	d := lab.Contoso()
	if d.Today, d.Exchange.Off = firmware == "today", true; change != nil {
		change(&d)
	}
	fw, err := device.FirmwareNamed(firmware)
	if err != nil {
		t.Fatal(err)
	}
	return site{t, labtest.New(t, d), fw}
}

// signIn is the end of the sign-in of a new phone: nil, or the step that failed.
func (s site) signIn(at lab.Attachment) *journal.Step {
	s.Helper()
	p := s.Phone()
	p.Plug(at.Place)
	return p.SignInAs("tu").Failure
}

// check is the report on one endpoint, for a new phone.
func (s site) check(endpoint string) (check.Report, check.EndpointReport) {
	s.Helper()
	e, err := check.ParseEndpoint(endpoint)
	if err != nil {
		s.Fatal(err)
	}
	r, err := check.Trust(s.Context(), check.Config{
		Firmware:    s.firmware,
		RootSet:     "none",
		NTP:         true,
		Endpoints:   []check.Endpoint{e},
		Places:      []network.Place{s.Inside().Place, s.Outside().Place},
		Domain:      "contoso.com",
		Credentials: s.Credentials("tu"),
	})
	if err != nil {
		s.Fatal(err)
	}
	return r, r.Endpoints[0]
}

// agree compares a sign-in with the report: the code, what happened at a pool, and
// what to change.
func (s site) agree(at lab.Attachment, endpoint string) *journal.Step {
	s.Helper()
	run := s.signIn(at)
	r, e := s.check(endpoint)
	var want journal.Step
	if run != nil {
		want = *run
	}
	got := journal.Step{Code: e.Cells[0].Code, Decided: e.Cells[0].Sentence, Fix: e.Fix}
	got = got.Stamp(0, time.Time{})
	if run == nil {
		got.Decided = "" // the verdict is good
	}
	minute := func(s string) string { // the clock may have gone on between the two; each side has its time server
		s = strings.ReplaceAll(s, "time.contoso.com", "dc1.contoso.com")
		if i := strings.Index(s, "clock says "); i >= 0 {
			s = s[:i] + s[min(len(s), i+len("clock says 2006-01-02 15:04")):]
		}
		if i := strings.Index(s, " UTC"); i >= len("2006-01-02 15:04") {
			s = s[:i-len("2006-01-02 15:04")] + s[i:]
		}
		return s
	}
	if r.OK != (run == nil) || got.Code != want.Code || got.Fix != want.Fix && minute(got.Fix) != minute(want.Fix) {
		s.Errorf("run  %s: %s\n     fix %s\ncheck %s: %s\n     fix %s", want.Code, want.Decided, want.Fix, got.Code, got.Decided, got.Fix)
	}
	if !e.Edge && minute(got.Decided) != minute(want.Decided) { // at the Edge check has been inside
		s.Errorf("run   %s\ncheck %s", want.Decided, got.Decided)
	}
	return run
}

// TestRunAndCheckAgree: for each defect of the pool's and the Edge's certificate,
// under both policies, whether the root is published or not, a sign-in and a check
// give the same code and the same remedy.
func TestRunAndCheckAgree(t *testing.T) {
	for _, firmware := range []string{"1.0.522.71", "today"} {
		for _, published := range []string{lab.EnterpriseRoot, lab.PublicRoot} {
			t.Run(firmware+", published "+published, func(t *testing.T) {
				t.Parallel()
				for _, defect := range append([]pki.Defect{""}, pki.Defects()...) {
					t.Run(string(defect), func(t *testing.T) {
						s := newSite(t, firmware, func(d *lab.Deployment) {
							d.Publish, d.Pool.Defect, d.Edge.Defect = []string{published}, defect, defect
						})
						s.agree(s.Inside(), "pool.contoso.com")
						if published == lab.EnterpriseRoot { // that of the Edge is not
							s.agree(s.Outside(), "sip.contoso.com:443")
						}
					})
				}
			})
		}
		t.Run(firmware+", nothing published", func(t *testing.T) {
			t.Parallel()
			s := newSite(t, firmware, func(d *lab.Deployment) { d.Publish = []string{} })
			if f := s.agree(s.Inside(), "pool.contoso.com"); f == nil || f.Code != journal.ADNoRoots {
				t.Errorf("%+v", f)
			}
		})
	}
}
