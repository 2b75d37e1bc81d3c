package device_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/network"
)

// docs/decisions.md#proved-remedies: each row of breakages breaks the lab; the
// remedy is read from the report, and remedies carries out what it says, until the
// phone signs in without a warning.

// maxRemedies is how many remedies one breakage may need.
const maxRemedies = 4

// breakage is one way to break a deployment.
type breakage struct {
	code     journal.Code // of the first report
	how      string       // what is wrong, for the table
	prepare  func(*lab.Deployment)
	build    func(*device.Config) // of the first phone
	signedIn bool                 // the phone has signed in before, so that it holds the root
	cause    string               // names what is wrong for remedies that are about one cause
	spoil    func(*patient)
	live     bool                         // spoil ends a registration; there is no other sign-in before the report
	ask      func(*patient) *journal.Step // in place of a sign-in; nil: all is well
}

// patient is a phone in a broken deployment, with what remedies change.
type patient struct {
	*rig
	deployment lab.Deployment
	firmware   string
	clock      *clock.Adjustable
	place      *network.Place // nil: not plugged in
	cause      string
	step       journal.Step      // whose remedy is carried out
	undo       func() error      // what else a remedy about cause changes; may be nil
	publish    map[string][]byte // certificates beside the lab's roots that an administrator could publish, by subject
}

func newPatient(t *testing.T, b breakage) *patient {
	t.Helper()
	p := &patient{clock: clock.New(time.Now()), cause: b.cause, publish: map[string][]byte{}}
	p.deploy(t, b.prepare)
	p.exchangePhone(b.build)
	if b.signedIn {
		p.wantReady(p.attempt())
	}
	return p
}

// deploy starts a lab; it replaces the one before.
func (p *patient) deploy(t testing.TB, change func(*lab.Deployment)) {
	t.Helper()
	if p.rig == nil {
		p.deployment = lab.Contoso()
	}
	if change != nil {
		change(&p.deployment)
	}
	world, err := lab.New(p.deployment)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	p.rig = &rig{t: t, lab: world, creds: credentials(world, 0)}
	p.firmware = firmwareOf(p.deployment)
	inside := world.Inside().Place
	p.place = &inside
}

// exchangePhone takes a new phone in place of the old one.
func (p *patient) exchangePhone(build func(*device.Config)) {
	p.t.Helper()
	if p.Phone != nil {
		p.Phone.Close()
	}
	p.Phone = newPhone(p.t, p.firmware, func(c *device.Config) {
		c.Clock = p.clock
		c.DNSTimeout, c.DialTimeout = time.Minute, time.Minute // a busy machine is no breakage
		if build != nil {
			build(c)
		}
	})
}

// repatch changes where names of the deployment lead.
func (p *patient) repatch(names ...string) {
	place := patched(p.lab.Inside(), map[string]string{}).Place
	for i := 0; i < len(names); i += 2 {
		place.Patch[names[i]] = names[i+1]
	}
	p.place = &place
}

// attempt is one sign-in, from the beginning to its rest.
func (p *patient) attempt() device.Snapshot {
	p.t.Helper()
	p.PowerOn()
	p.Unplug()
	if err := p.SignIn(p.creds); err != nil {
		p.t.Fatal(err)
	}
	if p.place != nil {
		p.Plug(*p.place)
	}
	s, err := p.Wait(p.t.Context(), func(s device.Snapshot) bool { return s.Done() || s.State == device.Waiting })
	if err != nil {
		p.t.Fatalf("%v\n%s", err, story(p.Phone))
	}
	return s
}

// report signs in and returns the failure, or the last warning of a phone that is
// ready; nil: all is well.
func (p *patient) report() *journal.Step {
	p.t.Helper()
	var before uint64
	if all := steps(p.Phone); len(all) > 0 {
		before = all[len(all)-1].Seq
	}
	s := p.attempt()
	if s.State != device.Ready {
		return s.Failure
	}
	for _, step := range slices.Backward(steps(p.Phone)) {
		if step.Seq > before && step.State == journal.Warned && step.Code != "" && step.Fix != "" {
			return &step
		}
	}
	return nil
}

// lost waits for the end of a registration, and returns the failure.
func (p *patient) lost() *journal.Step {
	p.t.Helper()
	s, err := p.Wait(p.t.Context(), func(s device.Snapshot) bool { return s.Failure != nil })
	if err != nil {
		p.t.Fatalf("%v\n%s", err, story(p.Phone))
	}
	return s.Failure
}

// proof is a row of the table.
type proof struct {
	breakage
	steps []string // remedies and what was done, alternating
}

// prove carries out remedies until the phone is well.
func (b breakage) prove(t *testing.T) proof {
	p := newPatient(t, b)
	b.spoil(p)
	ask := b.ask
	if ask == nil {
		ask = (*patient).report
	}
	result, last := proof{breakage: b}, ""
	for n := range maxRemedies + 1 {
		var step *journal.Step
		if n == 0 && b.live {
			step = p.lost()
		} else {
			step = ask(p)
		}
		switch {
		case step == nil && n == 0:
			t.Fatalf("nothing is wrong\n%s", story(p.Phone))
		case step == nil:
			return result
		case n == 0 && step.Code != b.code:
			t.Fatalf("code %s, want %s: %s\n%s", step.Code, b.code, step.Decided, story(p.Phone))
		case step.Fix == last:
			t.Fatalf("the remedy does not help, and comes again: %s\n%s", step.Fix, story(p.Phone))
		case n == maxRemedies:
			t.Fatalf("still %s after %d remedies: %s\n%s", step.Code, n, step.Fix, story(p.Phone))
		}
		last = step.Fix
		done := p.carryOut(*step)
		result.steps = append(result.steps, step.Fix, done)
	}
	return result
}

// carryOut does what the remedy of a step says, and returns it in words.
func (p *patient) carryOut(step journal.Step) string {
	p.t.Helper()
	p.step = step
	for _, r := range remedies {
		if m := r.text.FindStringSubmatch(step.Fix); m != nil {
			if err := r.do(p, m); err != nil {
				p.t.Fatalf("%s: %q cannot be carried out: %v", step.Code, step.Fix, err)
			}
			return r.does
		}
	}
	p.t.Fatalf("%s: no proof carries out the remedy %q; add it to the remedies of this test\n%s", step.Code, step.Fix, story(p.Phone))
	return ""
}

var updateRemedies = flag.Bool("update-remedies", false, "write the tables of docs/remedies.md anew")

func TestEveryRemedyIsProvedByItsApplication(t *testing.T) { // docs/decisions.md#proved-remedies
	var mu sync.Mutex
	var proofs []proof
	t.Run("rows", func(t *testing.T) {
		for _, b := range breakages {
			t.Run(string(b.code)+" "+b.how, func(t *testing.T) {
				t.Parallel()
				result := b.prove(t)
				mu.Lock()
				defer mu.Unlock()
				proofs = append(proofs, result)
			})
		}
	})
	proved := map[journal.Code]bool{}
	for _, b := range breakages {
		proved[b.code] = true
	}
	for _, code := range journal.Codes() {
		if why := listed[code]; proved[code] == (why != "") {
			t.Errorf("%s: proved %v, listed %q; want one of the two", code, proved[code], why)
		}
	}
	for code := range listed {
		if !slices.Contains(journal.Codes(), code) {
			t.Errorf("%s is listed and is no code", code)
		}
	}
	if len(proofs) == len(breakages) { // else a row has failed, or only some were to run
		compareRemedies(t, proofs)
	}
}

const remediesPage = "../docs/remedies.md"

// tablesBegin is the heading of the part of the page that the test writes.
const tablesBegin = "## Figures\n"

func compareRemedies(t *testing.T, proofs []proof) {
	page, err := os.ReadFile(remediesPage)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(page), tablesBegin)
	if !ok {
		t.Fatalf("%s has no heading %q", remediesPage, strings.TrimSpace(tablesBegin))
	}
	want := head + tablesBegin + remedyTables(proofs)
	if want == string(page) {
		return
	}
	if !*updateRemedies {
		t.Errorf("%s is not what the proofs show: run go test ./device -run %s -update-remedies", remediesPage, t.Name())
		return
	}
	if err := os.WriteFile(remediesPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// remedyTables are the figures and the two tables.
func remedyTables(proofs []proof) string {
	slices.SortFunc(proofs, func(a, b proof) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.how, b.how)) })
	codes := map[journal.Code]bool{}
	applied := 0
	for _, p := range proofs {
		codes[p.code] = true
		applied += len(p.steps) / 2
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n| codes | proved | listed | breakages | remedies carried out |\n|---|---|---|---|---|\n| %d | %d | %d | %d | %d |\n",
		len(journal.Codes()), len(codes), len(listed), len(proofs), applied)
	b.WriteString("\n## Proved\n\n| code | what was wrong | remedy in the report | what was done |\n|---|---|---|---|\n")
	for _, p := range proofs {
		code, how := string(p.code), p.how
		for i := 0; i < len(p.steps); i += 2 {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code, how, stable(p.steps[i]), p.steps[i+1])
			code, how = "", "then"
		}
	}
	b.WriteString("\n## Listed\n\n| code | why no remedy can be carried out here |\n|---|---|\n")
	for _, code := range journal.Codes() {
		if why := listed[code]; why != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", code, why)
		}
	}
	return b.String()
}

var (
	freeAddress = regexp.MustCompile(`127\.[0-9.]+:\d+`)
	anyTime     = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?`)
)

// stable replaces what differs from run to run, and what a table cannot hold.
func stable(text string) string {
	text = anyTime.ReplaceAllString(freeAddress.ReplaceAllString(text, "ADDRESS"), "TIME")
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(text)
}
