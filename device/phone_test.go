package device_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/pki"
)

func TestMain(m *testing.M) {
	for variable, main := range map[string]func(dir string) error{childDir: signInAndResetForEver, idleDir: idle} {
		if dir := os.Getenv(variable); dir != "" { // this process is another one's phone
			if err := main(dir); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			return
		}
	}
	goleak.VerifyTestMain(stopped{m})
}

// stopped ends the clock of the rules' time-outs, which ends by itself a second
// later.
type stopped struct{ *testing.M }

func (m stopped) Run() int {
	code := m.M.Run()
	regexp2.StopTimeoutClock()
	return code
}

// rig is one phone and one lab.
type rig struct {
	*device.Phone
	t     testing.TB
	lab   *lab.Lab
	creds device.Credentials
}

// newRig starts a lab, changed by prepare, and a phone of the lab's firmware,
// changed by build. Both may be nil.
func newRig(t testing.TB, prepare func(*lab.Deployment), build func(*device.Config)) *rig {
	t.Helper()
	d := lab.Contoso()
	if prepare != nil {
		prepare(&d)
	}
	world, err := lab.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	return &rig{Phone: newPhone(t, firmwareOf(d), build), t: t, lab: world, creds: credentials(world, 0)}
}

func firmwareOf(d lab.Deployment) string {
	if d.Today {
		return "today"
	}
	return "1.0.522.71"
}

func newPhone(t testing.TB, firmware string, build func(*device.Config)) *device.Phone {
	t.Helper()
	fw, err := device.FirmwareNamed(firmware)
	if err != nil {
		t.Fatal(err)
	}
	// A test does not depend on the speed of the computer.
	cfg := device.Config{Firmware: fw, RootSet: "none", Clock: clock.New(time.Now()), NTP: true, Budget: time.Hour,
		DialTimeout: time.Minute}
	if build != nil {
		build(&cfg)
	}
	p, err := device.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func credentials(world *lab.Lab, i int) device.Credentials {
	u := world.Ready().Users[i]
	return device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}
}

// signIn powers the phone on, plugs it in and waits until it has come to rest.
func (r *rig) signIn(at lab.Attachment) device.Snapshot {
	r.t.Helper()
	r.PowerOn()
	r.Plug(at.Place)
	if err := r.SignIn(r.creds); err != nil {
		r.t.Fatal(err)
	}
	return r.rest()
}

// move plugs the phone in elsewhere and waits.
func (r *rig) move(at lab.Attachment) device.Snapshot {
	r.t.Helper()
	r.Plug(at.Place)
	return r.rest()
}

func (r *rig) rest() device.Snapshot {
	r.t.Helper()
	return wait(r.t, r.Phone, func(s device.Snapshot) bool { return s.Done() || s.State == device.Waiting })
}

func wait(t testing.TB, p *device.Phone, good func(device.Snapshot) bool) device.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s, err := p.Wait(ctx, good)
	if err != nil {
		t.Fatalf("the phone stays %s: %v\n%s", s.State, err, story(p))
	}
	return s
}

// story is the journal, for failing tests.
func story(p *device.Phone) string {
	var b strings.Builder
	for _, s := range steps(p) {
		b.WriteString(string(s.Name) + " " + string(s.State) + " " + string(s.Code) + " " + s.Decided + " | " + s.Asked + " -> " + s.Answered + "\n")
	}
	return b.String()
}

func steps(p *device.Phone) (all []journal.Step) {
	events, _, _ := p.Events().Since(0)
	for _, e := range events {
		if e.Step != nil {
			all = append(all, *e.Step)
		}
	}
	return all
}

// last is the newest step of that name.
func last(t testing.TB, p *device.Phone, n journal.Name) journal.Step {
	t.Helper()
	all := steps(p)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == n {
			return all[i]
		}
	}
	t.Fatalf("no step %q in\n%s", n, story(p))
	return journal.Step{}
}

func (r *rig) wantReady(s device.Snapshot) {
	r.t.Helper()
	if s.State != device.Ready {
		r.t.Fatalf("state %s, want ready\n%s", s.State, story(r.Phone))
	}
}

func (r *rig) wantFailure(s device.Snapshot, code journal.Code) {
	r.t.Helper()
	if s.Failure == nil || s.Failure.Code != code {
		r.t.Fatalf("state %s, failure %+v, want %s\n%s", s.State, s.Failure, code, story(r.Phone))
	}
	if s.Failure.Fix == "" || s.Failure.Decided == "" {
		r.t.Errorf("the failure tells no person what to do: %+v", s.Failure)
	}
}

func downloaded(s device.Snapshot) (n int) {
	for _, r := range s.Roots {
		if r.Downloaded() {
			n++
		}
	}
	return n
}

func TestR1_1AllPublishedRootsAreInstalled(t *testing.T) {
	r := newRig(t, func(d *lab.Deployment) { d.MoreRoots = 12; d.Publish = []string{lab.EnterpriseRoot, lab.PublicRoot} }, nil)
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if n := downloaded(s); n != 14 {
		t.Errorf("%d roots came, want all 14 (R1.1)", n)
	}
	for _, root := range s.Roots {
		if root.Source.Kind != certstore.AD || root.Source.Server == "" || root.Source.DN == "" || root.Source.Account == "" || root.Source.At.IsZero() {
			t.Errorf("%s does not remember where it came from: %+v", root.Subject(), root.Source)
		}
	}
}

func TestR1_2StoredRootStopsADSearch(t *testing.T) {
	r := newRig(t, nil, nil)
	r.wantReady(r.signIn(r.lab.Inside()))
	asked := r.lab.DC.Searches()
	if err := r.lab.PublishRoot(lab.PublicRoot); err != nil {
		t.Fatal(err)
	}
	s := r.move(r.lab.Inside())
	r.wantReady(s)
	if r.lab.DC.Searches() != asked || downloaded(s) != 1 {
		t.Errorf("the phone asked AD although a stored root satisfied the pool; %d roots", downloaded(s))
	}
	if step := last(t, r.Phone, journal.Trust); !strings.Contains(step.Decided, "not asked") || !strings.Contains(step.Fix, "paper clip") {
		t.Errorf("the step does not say so, or what to do: %+v", step)
	}
}

func TestR1_2FactoryRootStopsADSearchAndResetCannotHelp(t *testing.T) {
	file := t.TempDir() + "/roots"
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	if err := world.WriteRoots(file); err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, "1.0.522.71", func(c *device.Config) { c.RootSet = "file:" + file + "/enterprise.pem" })
	r := rig{Phone: p, t: t, lab: world, creds: credentials(world, 0)}
	r.wantReady(r.signIn(world.Inside()))
	if world.DC.Searches() != 0 {
		t.Error("the phone asked AD although a factory root satisfied the pool")
	}
	if fix := last(t, p, journal.Trust).Fix; !strings.Contains(fix, "reset cannot") {
		t.Errorf("fix %q does not say that a reset cannot help", fix)
	}
}

func TestR1_2OnlyAnUnknownRootTriggersTheSearch(t *testing.T) {
	for defect, code := range map[string]journal.Code{
		"wrong-name":  journal.CertName,
		"expired":     journal.CertExpired,
		"missing-eku": journal.CertUsage,
		"sha2":        journal.CertSHA2,
	} {
		t.Run(defect, func(t *testing.T) {
			r := newRig(t, func(d *lab.Deployment) { d.Pool.Defect = pki.Defect(defect) }, nil)
			s := r.signIn(r.lab.Inside())
			r.wantFailure(s, code)
			if s.State != device.Failed || r.lab.DC.Searches() != 0 {
				t.Errorf("state %s, %d searches; such a certificate stops the sign-in and asks nobody", s.State, r.lab.DC.Searches())
			}
		})
	}
}

func TestR1_2AtMostOneSearchInAConnectionAttempt(t *testing.T) {
	r := newRig(t, func(d *lab.Deployment) { d.Pool.Defect = "untrusted-issuer" }, nil)
	s := r.signIn(r.lab.Inside())
	r.wantFailure(s, journal.ADNoMatch)
	if n := r.lab.DC.Binds(); n != 1 {
		t.Errorf("AD was asked %d times in one attempt", n)
	}
	if s.Verdict == nil || !strings.Contains(s.Failure.Decided, s.Verdict.Issuer()) || !strings.Contains(s.Failure.Decided, "Contoso Root CA") {
		t.Errorf("the failure names neither the wanted issuer nor what was found: %s", s.Failure.Decided)
	}
}

func TestR1_2StricterReadingAnyDownloadedRootStopsTheSearch(t *testing.T) {
	for _, strict := range []bool{false, true} {
		name := map[bool]string{false: "usual", true: "stricter"}[strict]
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, func(c *device.Config) { c.Firmware.AnyDownloadedRootStops = strict })
			r.wantReady(r.signIn(r.lab.Inside()))
			// The pool moves to a certificate of the other authority, whose root is published.
			if err := r.lab.PublishRoot(lab.PublicRoot); err != nil {
				t.Fatal(err)
			}
			cert, err := r.lab.PKI.Public.Issue(pki.Leaf{Names: []string{r.lab.Deployment.Pool.Host}})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.lab.SetCertificate("pool", cert); err != nil {
				t.Fatal(err)
			}
			s := r.move(r.lab.Inside())
			if !strict {
				r.wantReady(s)
				return
			}
			r.wantFailure(s, journal.CertUntrusted)
			if r.lab.DC.Binds() != 1 || !strings.Contains(s.Failure.Fix, "paper clip") {
				t.Errorf("%d binds, fix %q", r.lab.DC.Binds(), s.Failure.Fix)
			}
		})
	}
}

func TestR1_3PaperClipEmptiesTheStore(t *testing.T) {
	r := newRig(t, nil, nil)
	r.wantReady(r.signIn(r.lab.Inside()))
	epoch := r.Snapshot().Epoch
	diff, err := r.PressReset()
	if err != nil {
		t.Fatal(err)
	}
	s := r.Snapshot()
	if len(diff.Removed) != 1 || len(s.Roots) != 0 || s.State != device.SignedOut || s.Epoch <= epoch {
		t.Errorf("went %d, left %d, state %s", len(diff.Removed), len(s.Roots), s.State)
	}
}

func TestR1_4PaperClipStory(t *testing.T) {
	for name, today := range map[string]bool{"2007": false, "today": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(d *lab.Deployment) { d.Today = today }, nil)
			in, out := r.lab.Inside(), r.lab.Outside()
			r.wantReady(r.signIn(in))
			if err := r.lab.PublishRoot(lab.PublicRoot); err != nil {
				t.Fatal(err)
			}
			s := r.move(out)
			r.wantFailure(s, journal.CertUntrusted)
			if !strings.Contains(s.Failure.Decided, "Adatum Public Root CA") {
				t.Errorf("the untrusted issuer is not named: %s", s.Failure.Decided)
			}
			r.wantReady(r.move(in))
			r.wantFailure(r.move(out), journal.CertUntrusted)
			if _, err := r.PressReset(); err != nil {
				t.Fatal(err)
			}
			s = r.signIn(in)
			r.wantReady(s)
			if downloaded(s) != 2 {
				t.Fatalf("%d roots arrived, want both", downloaded(s))
			}
			s = r.move(out)
			r.wantReady(s)
			if !s.Remote || !strings.HasPrefix(s.Server, "sip.") {
				t.Errorf("signed in at %s, remote %v; want through the Edge", s.Server, s.Remote)
			}
		})
	}
}

func TestR1_5UPNSuffixThatIsNoDomainFailsWhereDomainUserWorks(t *testing.T) {
	r := newRig(t, nil, nil)
	u, ok := r.lab.Directory.User("bobs")
	if !ok {
		t.Fatal("no such user")
	}
	noSuffix := r.lab.Inside()
	noSuffix.Place.Suffix = "" // no DHCP option 15: the user name decides
	r.creds = device.Credentials{Address: u.SIP, User: u.UPN, Password: u.Password}
	s := r.signIn(noSuffix)
	r.wantFailure(s, journal.ADNoController)
	told := false
	for _, step := range steps(r.Phone) {
		told = told || strings.Contains(step.Fix, `\`)
	}
	if !told {
		t.Errorf("nothing tells the user to try DOMAIN\\user:\n%s", story(r.Phone))
	}
	r.creds.User = `CONTOSO\bobs`
	r.wantReady(r.signIn(noSuffix))
}

func TestR1_5NetBIOSFindsTheDomainControllerWhenTold(t *testing.T) {
	for _, told := range []bool{false, true} {
		r := newRig(t, nil, func(c *device.Config) { c.NetBIOS = told })
		r.lab.InsideDNS.Remove("_ldap._tcp.dc._msdcs.contoso.com")
		r.lab.InsideDNS.Remove("_ldap._tcp.contoso.com")
		s := r.signIn(r.lab.Inside())
		if told {
			r.wantReady(s)
		} else {
			r.wantFailure(s, journal.ADNoController)
		}
	}
}

func TestR1_6SelfSignedCertificateIsRefused(t *testing.T) {
	r := newRig(t, func(d *lab.Deployment) { d.Pool.Defect = "self-signed" }, nil)
	s := r.signIn(r.lab.Inside())
	if s.State != device.Failed || s.Verdict == nil || s.Verdict.Code != journal.CertSelfSigned {
		t.Fatalf("state %s, verdict %+v\n%s", s.State, s.Verdict, story(r.Phone))
	}
	if n := len(r.lab.Pool.Registrations()); n != 0 {
		t.Errorf("%d registrations at a server that is not trusted", n)
	}
}

// TestRootsThatArriveAfterTheResetAreDropped orders the race of docs/decisions.md#one-owner.
func TestRootsThatArriveAfterTheResetAreDropped(t *testing.T) {
	r := newRig(t, nil, nil)
	asked, release := make(chan struct{}, 16), make(chan struct{})
	r.lab.DC.SetFaults(ad.Faults{BeforeResults: func(ctx context.Context, base string) {
		if strings.Contains(base, "Certification Authorities") {
			asked <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
	}})
	r.PowerOn()
	r.Plug(r.lab.Inside().Place)
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	<-asked
	if _, err := r.PressReset(); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := r.Close(); err != nil { // waits for all work in the background
		t.Fatal(err)
	}
	for _, s := range steps(r.Phone) {
		if s.Name == journal.Roots && strings.Contains(s.Decided, "installed") {
			t.Errorf("roots of the old epoch were installed: %s", s.Decided)
		}
	}
}
