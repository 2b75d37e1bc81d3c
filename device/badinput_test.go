package device_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/ntp"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// The section "bad input" of the deployment's requirements: each ends in a
// clear step with its code, with nothing lost, no panic and no hang past the
// time-out.

// impatient makes the phone's real time-outs short, for servers that are silent.
func impatient(d time.Duration) func(*device.Config) {
	return func(c *device.Config) { c.DNSTimeout, c.DialTimeout, c.Firmware.SIP.AnswerTimeout = d, d, d }
}

// nowhere is an address on which no server listens.
func nowhere(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// patched is at with some names of the deployment elsewhere.
func patched(at lab.Attachment, names map[string]string) lab.Attachment {
	was := at.Place.Patch
	at.Place.Patch = map[string]string{}
	for k, v := range was {
		at.Place.Patch[k] = v
	}
	for k, v := range names {
		at.Place.Patch[k] = v
	}
	return at
}

// badLogons is how often the lab has refused the user's password.
func (r *rig) badLogons() (n int) {
	for _, u := range r.lab.Directory.Users() {
		n += u.BadLogons
	}
	return n
}

// trusting signs the phone in once, so that the pool's root is there.
func trusting(t *testing.T, prepare func(*lab.Deployment), build func(*device.Config)) *rig {
	t.Helper()
	r := newRig(t, prepare, build)
	r.wantReady(r.signIn(r.lab.Inside()))
	return r
}

// wantWarning wants a step of that code that did not end the sign-in.
func (r *rig) wantWarning(code journal.Code) {
	r.t.Helper()
	for _, s := range steps(r.Phone) {
		if s.Code == code && s.State == journal.Warned {
			return
		}
	}
	r.t.Errorf("no warning %s in\n%s", code, story(r.Phone))
}

func (r *rig) wantState(s device.Snapshot, want device.State) {
	r.t.Helper()
	if s.State != want {
		r.t.Errorf("state %s, want %s\n%s", s.State, want, story(r.Phone))
	}
}

func TestNoDNSServer(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		r := newRig(t, nil, nil)
		in := r.lab.Inside()
		in.Place.DNS = []string{nowhere(t)}
		s := r.signIn(in)
		r.wantFailure(s, journal.DNSNoServer)
		r.wantState(s, device.Waiting)
	})
	t.Run("silent", func(t *testing.T) {
		r := newRig(t, nil, impatient(50*time.Millisecond))
		r.lab.InsideDNS.SetFault(dns.Silence)
		s := r.signIn(r.lab.Inside())
		r.wantFailure(s, journal.DNSNoServer)
		r.wantState(s, device.Waiting)
	})
}

func TestDNSServerThatFails(t *testing.T) {
	for fault, code := range map[dns.Fault]journal.Code{dns.ServFail: journal.DNSRefused, dns.Refused: journal.DNSRefused} {
		t.Run(string(fault), func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.lab.InsideDNS.SetFault(fault)
			s := r.signIn(r.lab.Inside())
			r.wantFailure(s, code)
			r.wantState(s, device.Waiting)
		})
	}
}

func TestDNSAnswersByTCPWhenTruncated(t *testing.T) {
	r := newRig(t, nil, nil)
	r.lab.InsideDNS.SetFault(dns.Truncate)
	r.wantReady(r.signIn(r.lab.Inside()))
}

func TestNXDOMAIN(t *testing.T) {
	r := newRig(t, nil, nil)
	r.lab.InsideDNS.Remove("_sipinternaltls._tcp.contoso.com")
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.NoCandidate)
	r.wantState(s, device.Failed) // a person must add a record
	if !strings.Contains(s.Failure.Asked, "_sip._tls.contoso.com") {
		t.Errorf("the step does not say what was asked: %q", s.Failure.Asked)
	}
}

func TestSRVToADeadHostThenALiveOne(t *testing.T) {
	for name, dead := range map[string]struct {
		patch bool
		code  journal.Code
	}{
		"that refuses":   {true, journal.ConnRefused},
		"without record": {false, journal.DNSNoRecords},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			if err := r.lab.InsideDNS.Set("_sipinternaltls._tcp.contoso.com", "SRV", "0 0 5061 dead.contoso.com", "1 0 5061 pool.contoso.com"); err != nil {
				t.Fatal(err)
			}
			in := r.lab.Inside()
			if dead.patch {
				in = patched(in, map[string]string{"dead.contoso.com:5061": nowhere(t)})
			}
			s := r.signIn(in)
			r.wantReady(s)
			r.wantWarning(dead.code)
			if s.Server != "pool.contoso.com:5061" {
				t.Errorf("signed in at %s", s.Server)
			}
		})
	}
}

func TestSRVOutsideTheDomain(t *testing.T) {
	r := newRig(t, nil, nil)
	outside := func(values ...string) {
		if err := r.lab.InsideDNS.Set("_sipinternaltls._tcp.contoso.com", "SRV", values...); err != nil {
			t.Fatal(err)
		}
	}
	outside("0 0 5061 pool.fabrikam.com")
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.OutsideDomain)
	r.wantState(s, device.Failed)
	if !strings.Contains(s.Failure.Decided, "pool.fabrikam.com") {
		t.Errorf("the target is not named: %s", s.Failure.Decided)
	}
	outside("0 0 5061 pool.contoso.com.evil.example")
	r.wantFailure(r.move(r.lab.Inside()), journal.OutsideDomain)
	outside("0 0 5061 pool.fabrikam.com", "1 0 5061 pool.contoso.com")
	r.wantReady(r.move(r.lab.Inside()))
	if n := r.lab.Pool.Counters().BadLogons + r.badLogons(); n != 0 {
		t.Errorf("%d bad log-ons", n)
	}
}

func TestConnectionRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	s := r.signIn(patched(r.lab.Inside(), map[string]string{"pool.contoso.com:5061": nowhere(t)}))
	r.wantFailure(s, journal.ConnRefused)
	r.wantState(s, device.Waiting)
}

func TestTLSAlert(t *testing.T) {
	for name, fault := range map[string]pool.Faults{"alert": {TLSAlert: true}, "reset": {Reset: true}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.lab.Pool.SetFaults(fault)
			s := r.signIn(r.lab.Inside())
			r.wantFailure(s, journal.ConnFailed)
			r.wantState(s, device.Waiting)
			if r.lab.DC.Binds() != 0 {
				t.Error("AD was asked although no certificate was seen")
			}
			r.lab.Pool.SetFaults(pool.Faults{})
			r.wantReady(r.move(r.lab.Inside()))
		})
	}
}

func TestServerThatIsSilentInTheTLSHandshake(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // never accepts: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := newRig(t, nil, impatient(400*time.Millisecond))
	s := r.signIn(patched(r.lab.Inside(), map[string]string{"pool.contoso.com:5061": l.Addr().String()}))
	r.wantFailure(s, journal.SIPNoAnswer)
	r.wantState(s, device.Waiting)
}

// defects is what each firmware makes of each defect of the pool's
// certificate, while it holds no root: the code, "" when it signs in, and
// whether it asks Active Directory, which it does unless the server's own
// certificate has another flaw (R1.2).
var defects = map[pki.Defect]struct {
	old, today journal.Code
	searches   bool // where firmware accepts the server's own certificate
}{
	pki.Expired:             {journal.CertExpired, journal.CertExpired, false},
	pki.NotYetValid:         {journal.CertNotYetValid, journal.CertNotYetValid, false},
	pki.WrongName:           {journal.CertName, journal.CertName, false},
	pki.Wildcard:            {"", "", true},
	pki.CNOnly:              {"", journal.CertName, true},
	pki.SelfSigned:          {journal.CertSelfSigned, journal.CertSelfSigned, true}, // R1.6
	pki.UntrustedIssuer:     {journal.ADNoMatch, journal.ADNoMatch, true},
	pki.MissingIntermediate: {journal.ADNoMatch, journal.ADNoMatch, true},
	pki.ExpiredIntermediate: {journal.CertExpired, journal.CertExpired, true},
	pki.CAFalse:             {journal.CertConstraint, journal.CertConstraint, true},
	pki.NoCertSign:          {journal.CertUsage, journal.CertUsage, true},
	pki.PathLength:          {journal.CertConstraint, journal.CertConstraint, true},
	pki.NameConstraint:      {journal.CertConstraint, journal.CertConstraint, true},
	pki.CriticalExtension:   {journal.CertConstraint, journal.CertConstraint, false},
	pki.MissingEKU:          {journal.CertUsage, journal.CertUsage, false},
	pki.SHA1:                {"", journal.CertWeak, true},
	pki.SHA2:                {journal.CertSHA2, "", true},
	pki.ShortKey:            {"", "", true},
	pki.NegativeSerial:      {"", "", true},
}

func TestEachCertificateDefect(t *testing.T) {
	for _, firmware := range []string{"1.0.522.71", "today"} {
		t.Run(firmware, func(t *testing.T) {
			t.Parallel()
			for _, defect := range pki.Defects() {
				t.Run(string(defect), func(t *testing.T) {
					want, known := defects[defect]
					if !known {
						t.Fatal("a defect without a line in the table")
					}
					code := want.old
					if firmware == "today" {
						code = want.today
					}
					r := newRig(t, func(d *lab.Deployment) { d.Today, d.Pool.Defect = firmware == "today", defect }, nil)
					s := r.signIn(r.lab.Inside())
					if code == "" {
						r.wantReady(s)
					} else {
						r.wantFailure(s, code)
						r.wantState(s, device.Failed)
					}
					searches := 0
					own := code == journal.CertName || code == journal.CertWeak || code == journal.CertSHA2
					if want.searches && !own {
						searches = 1
					}
					if n := r.lab.DC.Binds(); n != searches {
						t.Errorf("AD was asked %d times, want %d", n, searches)
					}
					if code == "" {
						return
					}
					if s.Verdict == nil || s.Verdict.Name != "pool.contoso.com" {
						t.Errorf("verdict %+v", s.Verdict)
					}
					// Nothing is lost: with a good certificate it signs in.
					if err := r.lab.SetDefect("pool", ""); err != nil {
						t.Fatal(err)
					}
					r.wantReady(r.move(r.lab.Inside()))
				})
			}
		})
	}
}

func TestWrongPasswordIsTriedOnce(t *testing.T) { // docs/decisions.md#do-no-harm
	t.Run("the search refuses first", func(t *testing.T) {
		r := newRig(t, nil, nil)
		r.creds.Password = "not the password"
		s := r.signIn(r.lab.Inside())
		r.wantFailure(s, journal.ADCredentials)
		r.wantState(s, device.Failed)
		if n := r.badLogons(); n != 1 || r.lab.Pool.Counters().BadLogons != 0 {
			t.Errorf("%d bad log-ons, %d of them at the pool; want one, in AD", n, r.lab.Pool.Counters().BadLogons)
		}
	})
	t.Run("the pool refuses", func(t *testing.T) {
		r := trusting(t, nil, nil)
		if err := r.SignOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.creds.Password = "not the password"
		s := r.signIn(r.lab.Inside())
		r.wantFailure(s, journal.AuthPassword)
		r.wantState(s, device.Failed)
		if n := r.badLogons(); n != 1 || r.lab.Pool.Counters().BadLogons != 1 {
			t.Errorf("%d bad log-ons, %d of them at the pool; want one, there", n, r.lab.Pool.Counters().BadLogons)
		}
		if r.lab.DC.Binds() != 1 {
			t.Errorf("%d binds: the password was tried elsewhere too", r.lab.DC.Binds())
		}
	})
	t.Run("two front ends", func(t *testing.T) {
		r := trusting(t, nil, nil)
		if err := r.lab.InsideDNS.Set("_sipinternaltls._tcp.contoso.com", "SRV", "0 0 5061 pool.contoso.com", "1 0 5062 pool.contoso.com"); err != nil {
			t.Fatal(err)
		}
		r.creds.Password = "not the password"
		r.wantFailure(r.signIn(patched(r.lab.Inside(), map[string]string{"pool.contoso.com:5062": r.lab.Pool.Addr()})), journal.AuthPassword)
		if n := r.badLogons(); n != 1 {
			t.Errorf("%d bad log-ons, want one: the next server of the pool knows the same account", n)
		}
	})
	t.Run("two domain controllers", func(t *testing.T) {
		r := newRig(t, nil, nil)
		if err := r.lab.InsideDNS.Set("_ldap._tcp.dc._msdcs.contoso.com", "SRV", "0 0 389 dc1.contoso.com", "1 0 389 dc2.contoso.com"); err != nil {
			t.Fatal(err)
		}
		r.creds.Password = "not the password"
		r.wantFailure(r.signIn(patched(r.lab.Inside(), map[string]string{"dc2.contoso.com:389": r.lab.DC.Addr()})), journal.ADCredentials)
		if n := r.badLogons(); n != 1 {
			t.Errorf("%d bad log-ons, want one: the next controller knows the same account", n)
		}
	})
}

func TestUserIsNotAllowedToSignIn(t *testing.T) {
	for name, row := range map[string]struct {
		address, user string
		change        func(*directory.User)
		search, pool  journal.Code // with no root, and with the root there
	}{
		"unknown user":     {"nobody@contoso.com", `CONTOSO\nobody`, nil, journal.ADCredentials, journal.SIPUnknownUser},
		"unknown address":  {"nobody@contoso.com", `CONTOSO\tu`, nil, journal.SIPUnknownUser, journal.SIPUnknownUser},
		"another's":        {"kerry@contoso.com", `CONTOSO\tu`, nil, journal.SIPForbidden, journal.SIPForbidden},
		"locked":           {"locked@contoso.com", `CONTOSO\locked`, nil, journal.ADLocked, journal.AuthDisabled},
		"disabled":         {"gone@contoso.com", `CONTOSO\gone`, nil, journal.ADDisabled, journal.AuthDisabled},
		"not enabled":      {"nosip@contoso.com", `CONTOSO\nosip`, nil, journal.SIPUnknownUser, journal.SIPUnknownUser},
		"password expired": {"tu@contoso.com", `CONTOSO\tu`, func(u *directory.User) { u.PasswordExpired = true }, journal.ADExpired, journal.AuthDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rooted := range []bool{false, true} {
				r := newRig(t, nil, nil)
				want := row.search
				if rooted {
					r.wantReady(r.signIn(r.lab.Inside()))
					want = row.pool
				}
				if row.change != nil {
					if err := r.lab.Directory.SetUser("tu", row.change); err != nil {
						t.Fatal(err)
					}
				}
				r.creds.Address, r.creds.User, r.creds.Password = row.address, row.user, lab.DefaultPassword
				s := r.signIn(r.lab.Inside())
				r.wantFailure(s, want)
				r.wantState(s, device.Failed)
				if n := r.badLogons(); n != 0 {
					t.Errorf("root there %v: %d bad log-ons with the right password", rooted, n)
				}
			}
		})
	}
}

const year = 365 * 24 * time.Hour

func TestClockOffByAYear(t *testing.T) {
	t.Parallel()
	wrong := func(by time.Duration) func(*device.Config) {
		return func(c *device.Config) { c.Clock = clock.New(time.Now().Add(by)) }
	}
	for name, by := range map[string]time.Duration{"behind": -year, "ahead": year} {
		t.Run(name+", NTP corrects it", func(t *testing.T) {
			r := newRig(t, nil, wrong(by))
			s := r.signIn(r.lab.Inside())
			r.wantReady(s)
			if off := s.Clock.Sub(r.lab.Clock.Now()).Abs(); off > time.Minute {
				t.Errorf("the phone's clock is still %s off", off)
			}
		})
	}
	t.Run("NTP itself is a year behind", func(t *testing.T) {
		r := newRig(t, nil, nil)
		r.lab.NTP.SetOffset(-year)
		s := r.signIn(r.lab.Inside())
		r.wantFailure(s, journal.CertNotYetValid)
		r.wantState(s, device.Failed)
	})
	for name, row := range map[string]struct {
		by   time.Duration
		code journal.Code
	}{"behind": {-year, journal.CertNotYetValid}, "ahead": {20 * year, journal.CertExpired}} {
		for _, fault := range []ntp.Fault{ntp.Silence, ntp.Unsynchronised, ntp.KissOfDeath} {
			t.Run("NTP fails with "+string(fault)+" and the phone is "+name, func(t *testing.T) {
				r := newRig(t, nil, func(c *device.Config) { impatient(300 * time.Millisecond)(c); wrong(row.by)(c) })
				r.lab.NTP.SetFault(fault)
				s := r.signIn(r.lab.Inside())
				r.wantFailure(s, row.code)
				r.wantState(s, device.Failed)
				r.wantWarning(journal.TimeNone)
				if r.lab.DC.Binds() != 0 {
					t.Error("a wrong clock made the phone ask AD")
				}
			})
		}
	}
}

func TestPoolThatMisbehaves(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		faults pool.Faults
		code   journal.Code
		state  device.State
	}{
		"malformed":      {pool.Faults{Malformed: true}, journal.SIPMalformed, device.Waiting},
		"oversized":      {pool.Faults{Oversized: true}, journal.SIPMalformed, device.Waiting},
		"unsigned":       {pool.Faults{Unsigned: true}, journal.AuthServer, device.Failed},
		"bad signature":  {pool.Faults{BadSignature: true}, journal.AuthServer, device.Failed},
		"silent":         {pool.Faults{Silent: true}, journal.SIPNoAnswer, device.Waiting},
		"closes early":   {pool.Faults{CloseAfter: 1}, journal.SIPLost, device.Waiting},
		"403":            {pool.Faults{Reject: &pool.Rejection{Status: 403}}, journal.SIPForbidden, device.Failed},
		"404":            {pool.Faults{Reject: &pool.Rejection{Status: 404}}, journal.SIPUnknownUser, device.Failed},
		"481":            {pool.Faults{Reject: &pool.Rejection{Status: 481}}, journal.SIPRejected, device.Failed},
		"500":            {pool.Faults{Reject: &pool.Rejection{Status: 500}}, journal.SIPUnavailable, device.Waiting},
		"503 at once":    {pool.Faults{Reject: &pool.Rejection{Status: 503, RetryAfter: 30, First: true}}, journal.SIPUnavailable, device.Waiting},
		"603":            {pool.Faults{Reject: &pool.Rejection{Status: 603}}, journal.SIPRejected, device.Failed},
		"client version": {pool.Faults{Reject: pool.VersionDeclined()}, journal.SIPVersion, device.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			var build func(*device.Config)
			if row.faults.Silent {
				build = impatient(500 * time.Millisecond)
			}
			r := newRig(t, nil, build)
			r.lab.Pool.SetFaults(row.faults)
			s := r.signIn(r.lab.Inside())
			r.wantFailure(s, row.code)
			r.wantState(s, row.state)
			if n := r.badLogons(); n != 0 {
				t.Errorf("%d bad log-ons with the right password", n)
			}
			r.lab.Pool.SetFaults(pool.Faults{})
			r.wantReady(r.move(r.lab.Inside())) // nothing is lost
			if r.lab.DC.Binds() != 1 {
				t.Errorf("%d binds: the root that came was lost", r.lab.DC.Binds())
			}
		})
	}
}
