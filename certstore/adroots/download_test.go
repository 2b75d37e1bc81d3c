package adroots_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
)

// R1.1: all roots that are found are installed. 2000 need several pages.
func TestEveryPublishedRootIsDownloaded(t *testing.T) {
	for _, n := range []int{1, 50, 500, 2000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			w.publish(n)
			r := w.mustDownload(w.config())
			var got []string
			for _, root := range r.Roots {
				got = append(got, string(root.Certificate.Raw))
			}
			if !slices.Equal(got, w.roots) {
				t.Errorf("%d roots, not the %d published ones", len(got), n)
			}
			want := certstore.Source{Kind: certstore.AD, DN: "CN=Contoso Root 1,CN=Certification Authorities,CN=Public Key Services,CN=Services,CN=Configuration,DC=contoso,DC=com",
				Server: "dc1.contoso.com:389", Account: `CONTOSO\tu`, At: now}
			if r.Roots[0].Source != want {
				t.Errorf("source %+v, want %+v", r.Roots[0].Source, want)
			}
			if r.Server != "dc1.contoso.com:389" || r.Domain != "contoso.com" || r.Duplicates != 0 || len(r.Rejected) != 0 {
				t.Errorf("result %s %s, %d duplicates, rejected %v", r.Server, r.Domain, r.Duplicates, r.Rejected)
			}
			if s := w.step("to install"); len(s.Details) != min(n, 51) || !strings.Contains(s.Details[0], r.Roots[0].Fingerprint()) {
				t.Errorf("the step tells %d roots", len(s.Details))
			}
		})
	}
}

// sentBytes keeps what the phone sends.
type sentBytes struct {
	*world
	sent bytes.Buffer
}

func (s *sentBytes) DialContext(ctx context.Context, network, hostport string) (net.Conn, error) {
	c, err := s.world.DialContext(ctx, network, hostport)
	return sentConn{c, &s.sent}, err
}

type sentConn struct {
	net.Conn
	sent *bytes.Buffer
}

func (c sentConn) Write(p []byte) (int, error) {
	c.sent.Write(p)
	return c.Conn.Write(p)
}

// The log-on names the service, so that it cannot be relayed to another one that
// checks the name (MS-NLMP 2.2.2.1).
func TestLogonNamesTheDomainController(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	s := &sentBytes{world: w}
	c := w.config()
	c.Dialer = s
	w.mustDownload(c)
	var name []byte
	for _, r := range "ldap/dc1.contoso.com" {
		name = append(name, byte(r), 0)
	}
	if !bytes.Contains(s.sent.Bytes(), name) {
		t.Error("the bind does not name ldap/dc1.contoso.com")
	}
}

// Every step is recorded, in order, with its question and its rule.
func TestStepsOfADownload(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	w.mustDownload(w.config())
	want := []string{"SRV " + msdcs, `sealed LDAP bind (GSS-SPNEGO, NTLMv2) as CONTOSO\tu`, "rootDSE configurationNamingContext",
		"base CN=Certification Authorities,CN=Public Key Services,CN=Services,CN=Configuration,DC=contoso,DC=com, filter (objectCategory=certificationAuthority)", ""}
	for i, s := range w.steps {
		if i >= len(want) || s.Asked != want[i] || s.State != journal.OK || s.Because == "" || s.By == "" {
			t.Errorf("step %d: %+v", i, s)
		}
	}
	if len(w.steps) != len(want) {
		t.Errorf("%d steps", len(w.steps))
	}
	if s := w.steps[0]; s.Answered != "dc1.contoso.com:389" || !strings.Contains(s.Decided, "DHCP option 15") || s.By != "127.0.0.1:53" {
		t.Errorf("look-up %+v", s)
	}
}

func TestExpiredAndVersion1RootsAreDownloadedAndOtherValuesRejected(t *testing.T) {
	w := newWorld(t)
	b, err := os.ReadFile("testdata/v1.pem")
	if err != nil {
		t.Fatal(err)
	}
	v1, _ := pem.Decode(b)
	renewed := w.newRoot("Renewed", nil)
	w.dir.PublishRoot("Old", w.newRoot("Old", func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, -1, 0) }))
	w.dir.PublishRoot("V1", v1.Bytes)
	w.dir.PublishRoot("Renewed", w.newRoot("Renewed", func(c *x509.Certificate) { c.NotBefore = now.AddDate(-5, 0, 0) }), renewed)
	w.dir.PublishRoot("Again", renewed)
	w.dir.PublishRoot("Garbage", []byte("no certificate"))
	w.dir.PublishRoot("Server", w.newRoot("pool.contoso.com", func(c *x509.Certificate) { c.IsCA = false }))
	w.dir.PublishRoot("Empty")
	r := w.mustDownload(w.config())
	if len(r.Roots) != 4 || r.Duplicates != 1 || len(r.Rejected) != 2 {
		t.Errorf("%d roots, %d duplicates, rejected %v", len(r.Roots), r.Duplicates, r.Rejected)
	}
	s := w.step("not installed")
	if s.State != journal.Warned || len(s.Details) != 2 || !strings.HasPrefix(s.Details[0], "CN=Garbage,") || !strings.Contains(s.Details[1], "not a CA") {
		t.Errorf("%+v", s)
	}
	if s := w.step("to install"); !strings.Contains(s.Details[0], "expired on 2008-03-21") || !strings.Contains(s.Decided, "1 value held already") {
		t.Errorf("%+v", s)
	}
}

func TestRootsInTheStoreAreDuplicates(t *testing.T) {
	w := newWorld(t)
	w.publish(2)
	held, err := x509.ParseCertificate([]byte(w.roots[0]))
	if err != nil {
		t.Fatal(err)
	}
	c := w.config()
	c.Store = certstore.New(certstore.Root{Certificate: held, Source: certstore.Source{Kind: certstore.Factory}})
	if r := w.mustDownload(c); len(r.Roots) != 1 || r.Duplicates != 1 || string(r.Roots[0].Certificate.Raw) != w.roots[1] {
		t.Errorf("%d roots, %d duplicates", len(r.Roots), r.Duplicates)
	}
	w.dir.WithdrawRoot("Contoso Root 2")
	if r := w.mustDownload(c); len(r.Roots) != 0 || r.Duplicates != 1 {
		t.Errorf("%d roots, %d duplicates", len(r.Roots), r.Duplicates)
	}
}

// A root that was downloaded before is not verified again: one whose signature is
// wrong is a duplicate. What came by another way is verified like a new value.
func TestOnlyDownloadedRootsAreNotVerifiedAgain(t *testing.T) {
	forged := newWorld(t).newRoot("Forged", nil)
	forged[len(forged)-1] ^= 1
	cert, err := x509.ParseCertificate(forged)
	if err != nil {
		t.Fatal(err)
	}
	for kind, duplicate := range map[certstore.SourceKind]bool{
		certstore.AD: true, certstore.Enrolment: true, certstore.Import: false, certstore.Factory: false,
	} {
		w := newWorld(t)
		w.publish(1)
		w.dir.PublishRoot("Forged", forged)
		c := w.config()
		c.Store = certstore.New(certstore.Root{Certificate: cert, Source: certstore.Source{Kind: kind}})
		r := w.mustDownload(c)
		if len(r.Roots) != 1 || (r.Duplicates == 1) != duplicate || (len(r.Rejected) == 0) != duplicate {
			t.Errorf("%s: %d roots, %d duplicates, rejected %v", kind, len(r.Roots), r.Duplicates, r.Rejected)
		}
	}
}

// The values are verified on all processors; roots and rejected values keep the
// order of the directory.
func TestManyValuesKeepTheirOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	w := newWorld(t)
	var rejected []string
	for i := range 60 {
		name := fmt.Sprintf("Root %02d", i)
		if i%5 != 0 {
			der := w.newRoot(name, nil)
			w.roots = append(w.roots, string(der))
			w.dir.PublishRoot(name, der)
			continue
		}
		forged := w.newRoot(name, nil)
		forged[len(forged)-1] ^= 1
		w.dir.PublishRoot(name, forged)
		rejected = append(rejected, "CN="+name)
	}
	r := w.mustDownload(w.config())
	var roots, others []string
	for _, root := range r.Roots {
		roots = append(roots, string(root.Certificate.Raw))
	}
	for _, x := range r.Rejected {
		others = append(others, certstore.DistinguishedName(x.Certificate.RawSubject))
		if !strings.HasPrefix(x.Why, "not self-signed: ") {
			t.Errorf("%s", x)
		}
	}
	if !slices.Equal(roots, w.roots) || !slices.Equal(others, rejected) {
		t.Errorf("%d roots, rejected %q", len(roots), others)
	}
}

// Design 5: a challenge that lacks one flag is refused before the password is used.
func TestWeakBindIsRefusedBeforeThePasswordIsUsed(t *testing.T) {
	for _, f := range []ntlm.Flags{ntlm.NegotiateSign, ntlm.NegotiateSeal, ntlm.NegotiateESS, ntlm.Negotiate128, ntlm.NegotiateKeyExch} {
		t.Run(f.String(), func(t *testing.T) {
			w := newWorld(t)
			w.publish(1)
			w.dc.SetFaults(ad.Faults{ClearFlags: f})
			c := w.config()
			c.Password = "a wrong one, which would be counted"
			failure := w.mustFail(c, journal.ADWeakBind)
			if w.badLogons() != 0 || w.dc.Searches() != 0 {
				t.Errorf("%d bad logons, %d searches", w.badLogons(), w.dc.Searches())
			}
			if !strings.Contains(failure.Error(), f.String()) {
				t.Errorf("%v does not name what is missing", failure)
			}
		})
	}
}

// Design 5: with an empty password everybody knows the session key.
func TestWithoutAPasswordNoControllerIsAsked(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	c := w.config()
	c.Password = ""
	if f := w.mustFail(c, journal.ADCredentials); len(w.dialed) != 0 || !strings.Contains(f.What, "Without a password") {
		t.Errorf("%q, dialed %v", f.What, w.dialed)
	}
}

// Design 6: no second DC and no second method gets a refused password.
func TestWrongPasswordIsTriedOnce(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	w.srv[msdcs] = append(w.srv[msdcs], adroots.SRV{Target: "dc2.contoso.com", Port: 389})
	w.hosts["dc2.contoso.com:389"] = w.dc.Addr()
	w.dir.PublishEnrolment("CA", "ca.contoso.com", []byte(w.roots[0]))
	c := w.config()
	c.Password, c.HTTP = "wrong", true
	w.mustFail(c, journal.ADCredentials)
	if w.badLogons() != 1 || len(w.dialed) != 1 || w.dc.Binds() != 1 {
		t.Errorf("%d bad logons, %d binds, dialed %v", w.badLogons(), w.dc.Binds(), w.dialed)
	}
}

// R1.5: where a UPN fails, the phone names DOMAIN\user.
func TestFixOfARefusedUPNNamesTheDomain(t *testing.T) {
	for _, c := range []struct {
		name, user, domain string
		hint               bool
	}{
		{"UPN of another suffix", "tu@sip.contoso.com", "", true},
		{"domain and user", "nobody", "CONTOSO", false},
	} {
		w := newWorld(t)
		cfg := w.config()
		cfg.User, cfg.UserDomain = c.user, c.domain
		f := w.mustFail(cfg, journal.ADCredentials)
		if got := strings.Contains(f.Fix, `CONTOSO\tu`) && strings.Contains(f.Because, "R1.5"); got != c.hint {
			t.Errorf("%s: fix %q because %q", c.name, f.Fix, f.Because)
		}
	}
}

func TestUPNOfTheDirectoryIsAccepted(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	c := w.config()
	c.User, c.UserDomain = "tu@contoso.com", ""
	if r := w.mustDownload(c); len(r.Roots) != 1 || r.Roots[0].Source.Account != "tu@contoso.com" {
		t.Errorf("%+v", r)
	}
}

func TestAccountsThatMayNotLogOn(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*directory.User)
		want   journal.Code
	}{
		{"locked", func(u *directory.User) { u.Locked = true }, journal.ADLocked},
		{"disabled", func(u *directory.User) { u.Disabled = true }, journal.ADDisabled},
		{"account expired", func(u *directory.User) { u.AccountExpired = true }, journal.ADExpired},
		{"password expired", func(u *directory.User) { u.PasswordExpired = true }, journal.ADExpired},
		{"must change", func(u *directory.User) { u.MustChange = true }, journal.ADExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.publish(1)
			if err := w.dir.SetUser("tu", c.change); err != nil {
				t.Fatal(err)
			}
			w.mustFail(w.config(), c.want)
			if w.dc.Searches() != 0 {
				t.Error("searched all the same")
			}
		})
	}
}

func TestNextControllerIsTriedWhenOneIsDown(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	weak := ad.New(w.dir)
	weak.SetFaults(ad.Faults{ClearFlags: ntlm.NegotiateSeal})
	busy := ad.New(w.dir)
	busy.SetFaults(ad.Faults{RefuseBind: 51})
	for _, s := range []*ad.Server{weak, busy} {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	w.hosts["weak.contoso.com:389"], w.hosts["busy.contoso.com:389"] = weak.Addr(), busy.Addr()
	w.srv[msdcs] = []adroots.SRV{{Target: "dead.contoso.com", Port: 389}, {Target: "weak.contoso.com", Port: 389}, {Target: "busy.contoso.com", Port: 389}, {Target: "dc1.contoso.com", Port: 389}}
	if r := w.mustDownload(w.config()); len(r.Roots) != 1 || r.Server != "dc1.contoso.com:389" {
		t.Errorf("%d roots of %s", len(r.Roots), r.Server)
	}
	for host, code := range map[string]journal.Code{"dead.contoso.com:389": journal.ADUnreachable, "weak.contoso.com:389": journal.ADWeakBind, "busy.contoso.com:389": journal.ADUnreachable} {
		if !slices.ContainsFunc(w.steps, func(s journal.Step) bool { return s.By == host && s.Code == code && s.State == journal.Warned }) {
			t.Errorf("no step tells of %s and %s", host, code)
		}
	}
	// If no controller is good, the result is the failure of one that answered.
	w.srv[msdcs] = w.srv[msdcs][:3]
	w.mustFail(w.config(), journal.ADWeakBind)
}

func TestDomainControllerIsFoundByTheSecondNameOrNetBIOS(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	w.srv = map[string][]adroots.SRV{msdcs: {{Target: "."}}, "_ldap._tcp.contoso.com": {{Target: "dc1.contoso.com"}}} // port 0 is 389
	w.mustDownload(w.config())

	w.srv = nil
	w.hosts["127.0.0.10:389"] = w.dc.Addr()
	c := w.config()
	c.NetBIOS = netbios{netip.MustParseAddr("127.0.0.10")}
	if r := w.mustDownload(c); r.Server != "127.0.0.10:389" {
		t.Errorf("asked %s", r.Server)
	}
	w.step("NetBIOS CONTOSO<1C>")

	c.NetBIOS = netbios{}
	f := w.mustFail(c, journal.ADNoController)
	for _, name := range []string{msdcs, "_ldap._tcp.contoso.com", "NetBIOS CONTOSO<1C>"} {
		if !strings.Contains(f.Asked, name) {
			t.Errorf("%q does not name %s", f.Asked, name)
		}
	}
	c.NetBIOS = nil
	if f := w.mustFail(c, journal.ADNoController); strings.Contains(f.Asked, "NetBIOS") {
		t.Errorf("NetBIOS asked unasked: %q", f.Asked)
	}
}

func TestWithoutADomainNoControllerIsAsked(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	c.Domain = ""
	_, err := adroots.Download(context.Background(), c)
	if f := journal.FailureOf(err); err == nil || f.Code != journal.ADNoDomain || len(w.steps) != 0 {
		t.Errorf("%v, steps %v", err, w.steps)
	}
}

func TestHostileControllersEndInAClearStep(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults ad.Faults
		want   journal.Code
		text   string
	}{
		{"silent", ad.Faults{Silent: true}, journal.ADUnreachable, "in time"},
		{"closes within an answer", ad.Faults{CloseMidAnswer: true}, journal.ADUnreachable, "closed"},
		{"answers in clear", ad.Faults{Unsealed: true}, journal.ADUnverified, "not sealed"},
		{"seals with another key", ad.Faults{BadSeal: true}, journal.ADUnverified, "not sealed"},
		{"answers no LDAP", ad.Faults{Garbage: true}, journal.ADProtocol, "malformed"},
		{"refers elsewhere", ad.Faults{Referral: "ldap://evil.example/DC=evil"}, journal.ADProtocol, "not followed"},
		{"refuses binds", ad.Faults{RefuseBind: 53}, journal.ADProtocol, "refused the bind"},
		{"wants another bind", ad.Faults{RefuseBind: 8}, journal.ADWeakBind, "does not accept a sealed NTLM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(3)
			w.dc.SetFaults(c.faults)
			cfg := w.config()
			if c.faults.Silent {
				cfg.Timeout = 500 * time.Millisecond
			}
			if f := w.mustFail(cfg, c.want); !strings.Contains(f.What, c.text) {
				t.Errorf("%q does not say %q", f.What, c.text)
			}
			if !slices.Equal(w.dialed, []string{"dc1.contoso.com:389"}) {
				t.Errorf("dialed %v", w.dialed)
			}
		})
	}
}

// A controller that is silent leaves half of the time to the other one.
func TestTimeIsSharedAmongControllers(t *testing.T) {
	for timeout := time.Second; ; timeout *= 4 { // a slow computer needs more for the second one
		w := newWorld(t)
		w.publish(3)
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		w.srv[msdcs] = []adroots.SRV{{Target: "dead.contoso.com", Port: 389}, {Target: "dc1.contoso.com", Port: 389}}
		w.hosts["dead.contoso.com:389"] = silent.Addr().String()
		c := w.config()
		c.Timeout = timeout
		r, err := adroots.Download(t.Context(), c)
		silent.Close()
		if err == nil && len(r.Roots) == 3 && w.step("did not answer in time").Code == journal.ADUnreachable {
			return
		}
		if timeout > time.Minute {
			t.Fatalf("%d roots, %v", len(r.Roots), err)
		}
	}
}

// A value of 4 MiB is refused, and costs the other roots nothing.
func TestHugeValueIsRejectedAndTheOthersAreDownloaded(t *testing.T) {
	w := newWorld(t)
	w.publish(3)
	w.dc.SetFaults(ad.Faults{HugeValue: 4 << 20, Continuations: []string{"ldap://other.contoso.com/DC=other"}})
	c := w.config()
	c.Timeout = time.Hour // the race detector makes the walk through the value slow
	r := w.mustDownload(c)
	if len(r.Roots) != 3 || len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Why, "4194304 octets") {
		t.Errorf("%d roots, rejected %v", len(r.Roots), r.Rejected)
	}
	if s := w.step("referral not followed"); s.State != journal.Warned || !slices.Equal(w.dialed, []string{"dc1.contoso.com:389"}) {
		t.Errorf("%+v, dialed %v", s, w.dialed)
	}
}

func TestOctetsOfOneControllerAreBounded(t *testing.T) {
	w := newWorld(t)
	w.publish(20)
	c := w.config()
	c.MaxBytes = 4096
	if f := w.mustFail(c, journal.ADProtocol); !strings.Contains(f.What, "too large") {
		t.Errorf("%q", f.What)
	}
}

func TestDirectoryWithoutRoots(t *testing.T) {
	w := newWorld(t)
	if s := w.mustFail(w.config(), journal.ADNoRoots).Step(journal.Roots); !strings.Contains(s.Fix, "certutil -f -dspublish") || !strings.HasPrefix(s.Answered, "0 objects ") {
		t.Errorf("answered %q, fix %q", s.Answered, s.Fix)
	}
}

func TestCancelEndsARunningDownload(t *testing.T) {
	w := newWorld(t)
	w.publish(1)
	ctx, cancel := context.WithCancel(context.Background())
	w.dc.SetFaults(ad.Faults{BeforeResults: func(server context.Context, base string) {
		cancel()
		<-server.Done()
	}})
	_, err := adroots.Download(ctx, w.config())
	if f := journal.FailureOf(err); f.Code != journal.ADUnreachable {
		t.Errorf("%v", err)
	}
}
