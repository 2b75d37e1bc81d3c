package device_test

import (
	"slices"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// TestRefusedCertificateCitesTheRuleItBreaks: what is wrong with the
// certificate, not when Active Directory is asked.
func TestRefusedCertificateCitesTheRuleItBreaks(t *testing.T) {
	for defect, rule := range map[pki.Defect]string{pki.Expired: "RFC 5280 4.1.2.5", pki.WrongName: "RFC 6125 6.4"} {
		r := newRig(t, func(d *lab.Deployment) { d.Pool.Defect = defect }, nil)
		s := r.signIn(r.lab.Inside())
		if s.Failure == nil || s.Failure.Because != rule {
			t.Errorf("%s: want because %q in %+v", defect, rule, s.Failure)
		}
	}
}

// TestSearchForRootsCitesWhenActiveDirectoryIsAsked: R1.2.
func TestSearchForRootsCitesWhenActiveDirectoryIsAsked(t *testing.T) {
	r := newRig(t, nil, nil)
	r.wantReady(r.signIn(r.lab.Inside()))
	all := steps(r.Phone)
	i := slices.IndexFunc(all, func(s journal.Step) bool { return s.Name == journal.Trust && s.Code == journal.CertUntrusted })
	if i < 0 || all[i].Because != "R1.2" {
		t.Errorf("none of %d steps says that roots are asked for because of R1.2", len(all))
	}
}

// TestWrongPasswordAtTheControllerCitesTheRuleOfItsCode: not that of a bind that went well.
func TestWrongPasswordAtTheControllerCitesTheRuleOfItsCode(t *testing.T) {
	r := newRig(t, nil, nil)
	r.creds.Password = "wrong"
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.ADCredentials)
	if want := journal.ADCredentials.Page().Rule; s.Failure.Because != want {
		t.Errorf("because %q, want %q", s.Failure.Because, want)
	}
}
