package device_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// ready signs the phone in at the puppet.
func (r *rig) ready() device.Snapshot {
	r.t.Helper()
	if err := r.SignIn(r.creds); err != nil {
		r.t.Fatal(err)
	}
	s := r.rest()
	r.wantReady(s)
	return s
}

// hasWarning reports whether there is a warning of that name.
func hasWarning(s device.Snapshot, name journal.Name) bool {
	for _, t := range s.Warnings {
		if t.Name == name {
			return true
		}
	}
	return false
}

func groups(s device.Snapshot) int {
	if s.Contacts == nil {
		return -1
	}
	return len(s.Contacts.Groups)
}

// TestAGapInTheContactListEndsTheSubscription: the list held stays on the screen meanwhile,
// the old subscription ends, and the new one is followed.
func TestAGapInTheContactListEndsTheSubscription(t *testing.T) {
	p, r, c := newPuppet(t)
	r.ready()
	p.tell(roaming.ContactsEvent, "active", oneGroup)
	r.becomes(func(s device.Snapshot) bool { return groups(s) == 1 })
	p.tell(roaming.ContactsEvent, "active", `<contactDelta deltaNum="9"/>`)
	s := r.becomes(func(s device.Snapshot) bool { return hasWarning(s, journal.Contacts) })
	if groups(s) != 1 {
		t.Error("the list that the phone had is gone")
	}
	if step := last(t, r.Phone, journal.Contacts); !strings.Contains(strings.Join(step.Details, " "), "tries again in") {
		t.Errorf("the step does not say what comes next: %+v", step)
	}
	p.until(func() bool { return p.stopped(roaming.ContactsEvent) == 1 }) // the old one, which would take the changes
	c.Advance(8 * time.Second)                                            // the first back-off and its jitter
	r.becomes(func(s device.Snapshot) bool { return groups(s) == 0 && !hasWarning(s, journal.Contacts) })
	p.tell(roaming.ContactsEvent, "active", oneGroup)
	r.becomes(func(s device.Snapshot) bool { return groups(s) == 1 })
}

// TestAPoolThatNeverKeepsStepIsAskedSeldom: each subscription is ended before the
// next, and they come ever more seldom.
func TestAPoolThatNeverKeepsStepIsAskedSeldom(t *testing.T) {
	p, r, c := newPuppet(t)
	p.behind[roaming.ContactsEvent] = func(_ int, tell func(string)) { tell(`<contactDelta deltaNum="9"/>`) }
	r.ready()
	wait := time.Duration(0)
	for n := 1; n <= 6; n++ {
		p.until(func() bool { return p.stopped(roaming.ContactsEvent) == n })
		said := last(t, r.Phone, journal.Contacts).Details
		next, err := time.ParseDuration(strings.TrimPrefix(said[len(said)-1], "tries again in "))
		if err != nil {
			t.Fatal(err)
		}
		if next <= wait {
			t.Errorf("try %d comes after %s, the one before after %s", n, next, wait)
		}
		if got := p.count(roaming.ContactsEvent); got != n {
			t.Errorf("%d subscriptions, want %d", got, n)
		}
		wait = next
		c.Advance(wait + time.Second)
	}
	if s := r.Snapshot(); s.State != device.Ready || groups(s) != 0 {
		t.Errorf("%s, %d groups", s.State, groups(s))
	}
}

// TestASubscriptionThatEndsIsTakenUpAgain.
func TestASubscriptionThatEndsIsTakenUpAgain(t *testing.T) {
	for state, wait := range map[string]time.Duration{"terminated;reason=timeout": 8 * time.Second, "terminated;reason=rejected": 8 * time.Hour} {
		t.Run(state, func(t *testing.T) {
			p, r, c := newPuppet(t)
			r.ready()
			p.tell(roaming.SelfEvent, state, "")
			s := r.becomes(func(s device.Snapshot) bool {
				return strings.Contains(last(t, r.Phone, journal.Self).Decided, "has ended the subscription")
			})
			if s.Self == nil {
				t.Error("what the phone knew of the user is gone")
			}
			c.Advance(wait + time.Second)
			p.until(func() bool { return p.count(roaming.SelfEvent) == 2 })
		})
	}
}

// TestADocumentThatCannotBeReadIsAWarningUntilTheNext, and does not pile up what follows.
func TestADocumentThatCannotBeReadIsAWarningUntilTheNext(t *testing.T) {
	t.Run("the first", func(t *testing.T) {
		p, r, c := newPuppet(t)
		p.answer(roaming.ContactsEvent, func(n int) (int, string) {
			if n == 1 {
				return 200, "<a><b>"
			}
			return 200, emptyList
		})
		s := r.ready()
		if !hasWarning(s, journal.Contacts) || s.Contacts != nil {
			t.Errorf("warnings %v, contacts %v", s.Warnings, s.Contacts)
		}
		p.until(func() bool { return p.stopped(roaming.ContactsEvent) == 1 })
		c.Advance(8 * time.Second)
		r.becomes(func(s device.Snapshot) bool { return s.Contacts != nil && !hasWarning(s, journal.Contacts) })
	})
	t.Run("a later one", func(t *testing.T) {
		p, r, _ := newPuppet(t)
		r.ready()
		p.tell(roaming.ContactsEvent, "active", `<!DOCTYPE a [<!ENTITY b "c">]><contactDelta deltaNum="2"/>`)
		s := r.becomes(func(s device.Snapshot) bool { return hasWarning(s, journal.Contacts) })
		if s.Contacts == nil {
			t.Error("the list that the phone had is gone")
		}
		p.tell(roaming.ContactsEvent, "active", oneGroup)
		r.becomes(func(s device.Snapshot) bool { return groups(s) == 1 && !hasWarning(s, journal.Contacts) })
	})
}

// slow is a flash whose writing takes as long as a test wants; the phone can do
// nothing else meanwhile.
type slow struct {
	flash.Memory
	hold func()
}

func (s *slow) Update(f func(put func(string, []byte), del func(string)) error) error {
	if s.hold != nil {
		s.hold()
	}
	return s.Memory.Update(f)
}

// TestAFloodOfNotificationsIsBounded: the phone does not keep what it cannot
// read, and asks for the whole again.
func TestAFloodOfNotificationsIsBounded(t *testing.T) {
	memory := &slow{}
	p, r, c := newPuppet(t, func(cfg *device.Config) { cfg.Flash = memory })
	r.ready()
	writing, release := make(chan struct{}), make(chan struct{})
	memory.hold = func() { close(writing); <-release }
	var busy sync.WaitGroup
	busy.Go(func() { r.SetPreference("ring", "1") })
	<-writing
	memory.hold = nil
	for n := range 60 {
		p.tell(roaming.ContactsEvent, "active", fmt.Sprintf(`<contactDelta deltaNum="%d"><addedGroup id="%[1]d" name="g" externalURI=""/></contactDelta>`, n+2))
	}
	p.waitUntilRead()
	close(release)
	busy.Wait()
	s := r.becomes(func(s device.Snapshot) bool { return hasWarning(s, journal.Contacts) })
	if n := groups(s); n != 16 || !strings.Contains(s.Warnings[len(s.Warnings)-1].Decided, "More than 16 notifications") {
		t.Errorf("%d groups, warnings %+v", n, s.Warnings)
	}
	p.until(func() bool { return p.stopped(roaming.ContactsEvent) == 1 })
	c.Advance(8 * time.Second)
	r.becomes(func(s device.Snapshot) bool { return groups(s) == 0 && !hasWarning(s, journal.Contacts) })
}

// TestReloadsAtOnceAreOne and the one that shows what came last.
func TestReloadsAtOnceAreOne(t *testing.T) {
	p, r, _ := newPuppet(t)
	r.ready()
	go0 := make(chan struct{})
	p.answer("SERVICE default", func(int) (int, string) { <-go0; return 200, profileOf(2) })
	for range 100 {
		if err := r.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	close(go0)
	s := r.becomes(func(s device.Snapshot) bool { return len(s.Plan.Plan().Rules) == 2 && p.count("SERVICE default") == 3 })
	if hasWarning(s, journal.Provisioning) {
		t.Errorf("warnings %+v", s.Warnings)
	}
	if n := p.count(provisioning.EventPackage); n != 3 {
		t.Errorf("%d questions for 100 reloads, want the one under way and one more after the sign-in's", n)
	}
}

func provisionProfile(name string) string {
	return `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"><provisionGroup name="ServerConfiguration"><ucLocationProfile>` + name +
		`</ucLocationProfile></provisionGroup></provisionGroupList>`
}

// TestR12_1AReloadWithoutSettingsKeepsTheProfileThatTheyName: the default one
// would be another.
func TestR12_1AReloadWithoutSettingsKeepsTheProfileThatTheyName(t *testing.T) {
	p, r, _ := newPuppet(t)
	p.answer(provisioning.EventPackage, always(200, provisionProfile("Named")))
	p.answer("SERVICE phone-context=Named", always(200, strings.ReplaceAll(profileOf(3), "<Name>x", "<Name>Named")))
	if s := r.ready(); s.Plan.Plan().Name != "Named" {
		t.Fatalf("plan %+v\n%s", s.Plan.Plan(), story(r.Phone))
	}
	p.answer(provisioning.EventPackage, always(503, ""))
	before := r.Snapshot().Plan
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	s := r.becomes(func(s device.Snapshot) bool { return s.Plan != before })
	if s.Plan.Plan().Name != "Named" || !hasWarning(s, journal.Provisioning) || s.Settings.LocationProfile() != "Named" {
		t.Errorf("plan %s, settings %+v", s.Plan.Plan().Name, s.Settings)
	}
	// A profile that the pool names and does not send is reported.
	p.answer(provisioning.EventPackage, always(200, provisionProfile("Gone")))
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	r.becomes(func(now device.Snapshot) bool { return now.Plan != s.Plan })
	if step := last(t, r.Phone, journal.DialPlan); step.State != journal.Warned || !strings.Contains(fmt.Sprint(step.Details), "provisions the profile Gone") {
		t.Errorf("step %+v", step)
	}
}

// TestLongNamesStayOutOfSentences.
func TestLongNamesStayOutOfSentences(t *testing.T) {
	p, r, _ := newPuppet(t)
	var b strings.Builder
	b.WriteString(`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">`)
	for i := range 64 {
		fmt.Fprintf(&b, `<provisionGroup name="%d%s&#10;x"/>`, i, strings.Repeat("é", 1500))
	}
	b.WriteString(`</provisionGroupList>`)
	p.answer(provisioning.EventPackage, always(200, b.String()))
	p.answer("SERVICE default", always(200, strings.ReplaceAll(profileOf(1), "<Name>x", "<Name>"+strings.Repeat("n", 50_000))))
	r.ready()
	for _, step := range steps(r.Phone) {
		if len(step.Decided) > 4_000 || strings.Contains(step.Decided, "\n") {
			t.Errorf("a sentence of %d bytes: %.100q", len(step.Decided), step.Decided)
		}
	}
}
