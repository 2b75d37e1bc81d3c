package labtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/labtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stopped{m}) }

// stopped ends the clock of the rules' time-outs, which ends by itself a second
// later.
type stopped struct{ *testing.M }

func (m stopped) Run() int {
	code := m.M.Run()
	regexp2.StopTimeoutClock()
	return code
}

// recorder is a testing.TB that keeps what a test says, and is ended by end.
type recorder struct {
	testing.TB
	log      strings.Builder
	failed   bool
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Failed() bool              { return r.failed }
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(f string, a ...any)   { fmt.Fprintf(&r.log, f+"\n", a...) }
func (r *recorder) Errorf(f string, a ...any) { r.failed = true; r.Logf(f, a...) }
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); panic(r) }
func (r *recorder) Fatal(a ...any)            { r.Fatalf("%s", fmt.Sprint(a...)) }

// run runs test, which may fail, and returns what it said.
func (r *recorder) run(test func(t testing.TB)) string {
	func() {
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		test(r)
	}()
	return r.log.String()
}

func TestFailedTestShowsTheJournalWithoutThePassword(t *testing.T) {
	var phone *labtest.Phone
	var world *labtest.World
	said := new(recorder).run(func(t testing.TB) {
		world = labtest.New(t, lab.Contoso())
		phone = world.Phone()
		phone.SignInAs("tu")
		world.Credentials("nobody")
	})
	for _, want := range []string{`no user "nobody"`, "the journal of the phone 00-04-F2-", "Signed in as tu@contoso.com",
		"asked: ", "  trust        ok: ", "CN=Contoso Root CA"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in:\n%s", want, said)
		}
	}
	if strings.Contains(said, lab.DefaultPassword) {
		t.Error("the password is in the log")
	}
	if !regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  ready `).MatchString(said) {
		t.Errorf("no step has its time:\n%s", said)
	}
	if phone.Snapshot().State != device.Off || phone.SignIn(world.Credentials("tu")) == nil {
		t.Error("the phone is not closed")
	}
}

func TestPassedTestSaysNothing(t *testing.T) {
	said := new(recorder).run(func(t testing.TB) {
		labtest.New(t, lab.ContosoToday()).Phone().SignInAs("tu")
	})
	if said != "" {
		t.Errorf("a test that passed said:\n%s", said)
	}
}

func TestImpossibleDeploymentFailsTheTest(t *testing.T) {
	d := lab.Contoso()
	d.Pool.Version = 9
	said := new(recorder).run(func(t testing.TB) { labtest.New(t, d) })
	if !strings.Contains(said, "version 9") {
		t.Errorf("it said %q", said)
	}
}

// TestPhoneFitsItsLab: each deployment gets the firmware that can sign in.
func TestPhoneFitsItsLab(t *testing.T) {
	elsewhere := lab.Deployment{Domain: "litware.example", Users: []lab.User{{Name: "ann"}}, Exchange: lab.Exchange{Off: true}}
	for _, row := range []struct {
		name, user string
		deployment lab.Deployment
	}{
		{"2007", "tu", lab.Contoso()},
		{"today", "bobs", lab.ContosoToday()}, // whose UPN differs
		{"another domain", "ann", elsewhere},
	} {
		t.Run(row.name, func(t *testing.T) {
			phone := labtest.New(t, row.deployment).Phone()
			if now := phone.SignInAs(row.user); now.State != device.Ready || len(now.Roots) != 1 {
				t.Errorf("the phone is %s and trusts %d roots", now.State, len(now.Roots))
			}
		})
	}
}

// TestAdvanceMovesLabAndPhones: each phone reads its settings again (R12.1), at the
// time of the lab.
func TestAdvanceMovesLabAndPhones(t *testing.T) {
	world := labtest.New(t, lab.Contoso())
	still := clock.NewManual(world.Clock.Now())
	phones := []*labtest.Phone{world.Phone(), world.Phone(func(c *device.Config) { c.Clock = still })}
	var reads []journal.Step
	settings := func(after time.Time) func(journal.Step) bool {
		return func(s journal.Step) bool { return s.Name == journal.Provisioning && s.At.After(after) }
	}
	for _, p := range phones {
		p.SignInAs("bobs") // who has no mailbox to poll
		reads = append(reads, p.Step(settings(time.Time{})))
	}
	began := world.Clock.Now()
	for range 2 {
		world.Advance(9 * time.Hour)
		for i, p := range phones {
			again := p.Step(settings(reads[i].At))
			if reads[i] = again; again.State != journal.OK {
				t.Errorf("%+v", again)
			}
			if now := p.Rest(); now.State != device.Ready {
				t.Errorf("phone %d is %s: %+v", i, now.State, now.Failure)
			}
		}
	}
	if passed := world.Clock.Now().Sub(began); passed < 18*time.Hour {
		t.Errorf("%v have passed for the lab", passed)
	}
	if off := still.Now().Sub(world.Clock.Now()).Abs(); off > labtest.Patience {
		t.Errorf("phone and lab are %v apart", off)
	}
}

// TestSharedClockAdvancesOnce: a test may give the clock of the lab to its phones.
func TestSharedClockAdvancesOnce(t *testing.T) {
	world := labtest.New(t, lab.Contoso())
	began := world.Clock.Now()
	for range 2 {
		world.Phone(func(c *device.Config) { c.Clock = world.Clock })
	}
	world.Advance(time.Hour)
	if passed := world.Clock.Now().Sub(began); passed < time.Hour || passed > time.Hour+labtest.Patience {
		t.Errorf("%v have passed", passed)
	}
}

// TestUserIsChanged also through the lab itself.
func TestUserIsChanged(t *testing.T) {
	world := labtest.New(t, lab.Contoso())
	phone, locked := world.Phone(), true
	if err := world.SetUser("tu", lab.UserChange{Locked: &locked}); err != nil {
		t.Fatal(err)
	}
	if now := phone.SignInAs("tu"); now.Failure == nil || now.Failure.Code != journal.ADLocked {
		t.Errorf("the phone of a locked user is %s: %+v", now.State, now.Failure)
	}
	if err := world.SetUser("nobody", lab.UserChange{}); err == nil {
		t.Error("an account that does not exist was changed")
	}
	if plan := "Elsewhere"; world.SetUser("tu", lab.UserChange{Profile: &plan}) == nil {
		t.Error("a dial plan that does not exist was assigned")
	}
}

const foreign = "testdata/foreign/phone_test.go"

// TestAnotherModuleTestsWithIt runs the test of docs/go.md in a module of its own,
// whose dependencies come from the module cache.
func TestAnotherModuleTestsWithIt(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	_, requires, _ := strings.Cut(read(filepath.Join(root, "go.mod")), "\n")
	for name, text := range map[string]string{
		"phone_test.go": read(foreign),
		"go.sum":        read(filepath.Join(root, "go.sum")),
		"go.mod": "module foreign.example/phone\n" + requires +
			"\nrequire github.com/ocphone/ocphone v0.0.0\nreplace github.com/ocphone/ocphone => " + filepath.ToSlash(root) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	test := exec.Command("go", "test", "-count=1", "-v", "./...")
	test.Dir = dir
	test.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := test.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestPhoneTakenHome") {
		t.Errorf("%v\n%s", err, out)
	}
	if doc := read(filepath.Join(root, "docs/go.md")); !strings.Contains(doc, "```go\n"+read(foreign)+"```\n") {
		t.Errorf("docs/go.md does not show %s as it is", foreign)
	}
}
