package device_test

import (
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/ntlm"
)

// Bad input from Active Directory.

func TestLDAPRefusingTheBind(t *testing.T) {
	for name, row := range map[string]struct {
		result int
		code   journal.Code
		state  device.State
	}{
		"busy":                      {51, journal.ADUnreachable, device.Waiting},
		"unavailable":               {52, journal.ADUnreachable, device.Waiting},
		"auth method not supported": {7, journal.ADWeakBind, device.Failed},
		"confidentiality required":  {13, journal.ADWeakBind, device.Failed},
		"unwilling to perform":      {53, journal.ADProtocol, device.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.lab.DC.SetFaults(ad.Faults{RefuseBind: row.result})
			s := r.signIn(r.lab.Inside())
			r.wantFailure(s, row.code)
			r.wantState(s, row.state)
			if n := r.badLogons(); n != 0 {
				t.Errorf("%d bad log-ons", n)
			}
		})
	}
}

func TestLDAPDowngradingTheBind(t *testing.T) { // docs/decisions.md#no-root-over-an-unauthenticated-channel
	for name, flag := range map[string]ntlm.Flags{
		"seal": ntlm.NegotiateSeal, "sign": ntlm.NegotiateSign, "extended session security": ntlm.NegotiateESS,
		"128 bit": ntlm.Negotiate128, "key exchange": ntlm.NegotiateKeyExch,
	} {
		t.Run("no "+name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.creds.Password = "not the password" // so that its use would show
			r.lab.DC.SetFaults(ad.Faults{ClearFlags: flag})
			s := r.signIn(r.lab.Inside())
			r.wantFailure(s, journal.ADWeakBind)
			r.wantState(s, device.Failed)
			if n := r.badLogons(); n != 0 {
				t.Errorf("the password was used %d times", n)
			}
			if downloaded(s) != 0 {
				t.Error("a root was installed over an unauthenticated channel")
			}
		})
	}
}

func TestEmptyContainer(t *testing.T) {
	r := newRig(t, func(d *lab.Deployment) { d.Publish = []string{} }, nil)
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.ADNoRoots)
	r.wantState(s, device.Failed)
	if err := r.lab.PublishRoot(lab.EnterpriseRoot); err != nil {
		t.Fatal(err)
	}
	r.wantReady(r.move(r.lab.Inside()))
}

func TestHugeContainer(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *lab.Deployment) { d.MoreRoots = 2000 }, nil)
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if n := downloaded(s); n != 2001 {
		t.Errorf("%d roots came, want all 2001 (R1.1)", n)
	}
	for _, step := range steps(r.Phone) {
		if len(step.Details) > 100 {
			t.Errorf("a step of %d lines", len(step.Details))
		}
	}
	diff, err := r.PressReset()
	if err != nil || len(diff.Removed) != 2001 {
		t.Errorf("%d went: %v", len(diff.Removed), err)
	}
}

func TestDirectoryThatMisbehaves(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		faults ad.Faults
		code   journal.Code // "": signed in
	}{
		"a 4 MiB value":          {ad.Faults{HugeValue: 4 << 20}, ""},
		"a 17 MiB value":         {ad.Faults{HugeValue: 17 << 20}, journal.ADProtocol},
		"referral":               {ad.Faults{Referral: "ldap://dc.fabrikam.com/DC=fabrikam,DC=com"}, journal.ADProtocol},
		"continuations":          {ad.Faults{Continuations: []string{"ldap://dc.fabrikam.com/DC=fabrikam,DC=com"}}, ""},
		"closes in mid-answer":   {ad.Faults{CloseMidAnswer: true}, journal.ADUnreachable},
		"no LDAP":                {ad.Faults{Garbage: true}, journal.ADProtocol},
		"in clear after sealing": {ad.Faults{Unsealed: true}, journal.ADUnverified},
		"a wrong signature":      {ad.Faults{BadSeal: true}, journal.ADUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.lab.DC.SetFaults(row.faults)
			s := r.signIn(r.lab.Inside())
			if row.code == "" {
				r.wantReady(s)
				return
			}
			r.wantFailure(s, row.code)
			if downloaded(s) != 0 {
				t.Errorf("%d roots of a bad answer were installed", downloaded(s))
			}
			r.lab.DC.SetFaults(ad.Faults{})
			r.wantReady(r.move(r.lab.Inside()))
		})
	}
}
