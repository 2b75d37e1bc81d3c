package device_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// What happens in the middle of each stage after the registration.

// stages are where a test stops the phone: what the pool is asked for, then the
// operations of Exchange.
var stages = []string{provisioning.EventPackage, pool.LocationProfile, roaming.SelfEvent, roaming.ContactsEvent, "GetFolder", "FindItem", "FindFolder", "GetItem"}

// isAsked reports whether req belongs to a stage.
func isAsked(req *sip.Request, stage string) bool {
	if stage == pool.LocationProfile {
		return string(req.Method) == "SERVICE"
	}
	event := req.GetHeader("Event")
	return req.Method == sip.SUBSCRIBE && event != nil && strings.EqualFold(event.Value(), stage)
}

// stopAt holds the server once when the phone has come to a stage.
func (r *rig) stopAt(stage string) (reached <-chan struct{}, release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stop := func(ctx context.Context) {
		once.Do(func() {
			close(in)
			select {
			case <-out:
			case <-ctx.Done():
			}
		})
	}
	r.lab.Pool.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
		if isAsked(req, stage) {
			stop(context.Background())
		}
	}})
	r.lab.Exchange.SetFaults(exchange.Faults{Hold: func(ctx context.Context, op string) {
		if op == stage {
			stop(ctx)
		}
	}})
	return in, sync.OnceFunc(func() { close(out) })
}

func TestWhateverComesInTheMiddleOfAStageHasItsWay(t *testing.T) {
	for name, row := range map[string]struct {
		act   func(*rig)
		state device.State
		late  bool // the server answers first
	}{
		"sign out":                 {func(r *rig) { r.SignOut(r.t.Context()) }, device.SignedOut, false},
		"unplug":                   {(*rig).Unplug0, device.Failed, false},
		"power off":                {func(r *rig) { r.PowerOff() }, device.Off, false},
		"reset":                    {func(r *rig) { r.PressReset() }, device.SignedOut, false},
		"close":                    {func(r *rig) { r.Close() }, device.Off, false},
		"another":                  {func(r *rig) { r.creds = credentials(r.lab, 1); r.SignIn(r.creds) }, device.Ready, false},
		"plug":                     {func(r *rig) { r.Plug(r.lab.Inside().Place) }, device.Ready, false},
		"all lost":                 {func(r *rig) { r.lab.Pool.DropAll() }, device.Ready, false},
		"reload":                   {func(r *rig) { r.Reload(); r.RefreshMailbox() }, device.Ready, false},
		"unplug, after the answer": {(*rig).Unplug0, device.Failed, true},
	} {
		for _, stage := range stages {
			t.Run(name+" at "+stage, func(t *testing.T) {
				t.Parallel()
				c := clock.New(time.Now())
				r := newRig(t, func(d *lab.Deployment) { d.Today = true }, func(cfg *device.Config) { cfg.Clock, cfg.NTP = c, false })
				reached, release := r.stopAt(stage)
				t.Cleanup(release)
				r.PowerOn()
				r.Plug(r.lab.Inside().Place)
				if err := r.SignIn(r.creds); err != nil {
					t.Fatal(err)
				}
				<-reached
				if row.late {
					release()
				}
				if name == "sign out" { // the pool's connection is held, and the farewell waits for it
					time.AfterFunc(50*time.Millisecond, release)
				}
				row.act(r)
				release()
				if name == "all lost" {
					r.becomes(func(s device.Snapshot) bool { return s.State == device.Waiting })
					c.Advance(10 * time.Second)
				}
				s := r.Snapshot()
				if row.state == device.Ready {
					s = r.becomes(func(s device.Snapshot) bool { return s.State == device.Ready })
					if len(s.Warnings) > 0 || (s.Mailbox != nil) != s.Self.UM || s.Address != r.creds.Address || s.Self.Address != r.creds.Address {
						t.Errorf("warnings %+v, mailbox %v of %s\n%s", s.Warnings, s.Mailbox != nil, s.Address, story(r.Phone))
					}
				} else {
					r.wantState(s, row.state)
					if s.Settings != nil || s.Self != nil || s.Contacts != nil || s.Mailbox != nil || len(s.Warnings) > 0 {
						t.Errorf("a phone that is %s shows what it was told before: %+v", s.State, s)
					}
					if countSteps(r.Phone, journal.Ready, "") > 0 && !row.late {
						t.Error("it became ready")
					}
				}
				if n := r.badLogons(); n > 0 {
					t.Errorf("%d bad log-ons", n)
				}
			})
		}
	}
}

// Unplug0 is Unplug, for tables.
func (r *rig) Unplug0() { r.Unplug() }

// TestARegistrationLostWhileExchangeIsPolled: the poll ends with it, and the
// phone comes back with all it had.
func TestARegistrationLostWhileExchangeIsPolled(t *testing.T) {
	r, c, _ := atExchange(t, func(*exchange.Server) {})
	in := make(chan context.Context, 1)
	var once sync.Once
	r.lab.Exchange.SetFaults(exchange.Faults{Hold: func(ctx context.Context, _ string) {
		once.Do(func() {
			in <- ctx
			<-ctx.Done() // the phone goes away, or the test never ends
		})
	}})
	r.RefreshMailbox()
	held := <-in
	r.lab.Pool.DropAll()
	<-held.Done()
	s := r.becomes(func(s device.Snapshot) bool { return s.State == device.Waiting })
	if s.Mailbox != nil || s.Plan == nil {
		t.Errorf("mailbox %v, plan %v", s.Mailbox, s.Plan)
	}
	c.Advance(10 * time.Second)
	s = r.becomes(func(s device.Snapshot) bool { return s.State == device.Ready })
	if s.Mailbox == nil || len(s.Warnings) > 0 {
		t.Errorf("mailbox %v, warnings %v", s.Mailbox, warningCodes(s))
	}
}

// TestFiftyTimesPluggedAndUnplugged.
func TestFiftyTimesPluggedAndUnplugged(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *lab.Deployment) { d.Today = true }, nil)
	r.wantReady(r.signIn(r.lab.Inside()))
	for n := range 50 {
		r.Unplug()
		r.Plug(r.lab.Inside().Place)
		wait(t, r.Phone, func(s device.Snapshot) bool { // as far as this time
			return s.Done() || n%5 == 1 && s.State == device.SignedIn || n%5 == 2 && s.Settings != nil || n%5 == 3 && s.Contacts != nil || n%5 == 4
		})
	}
	s := r.rest()
	r.wantReady(s)
	if s.Mailbox == nil || len(s.Warnings) > 0 || r.badLogons() > 0 {
		t.Errorf("mailbox %v, warnings %v, %d bad log-ons", s.Mailbox != nil, warningCodes(s), r.badLogons())
	}
}

// TestFailedSignInOfAnotherUserKeepsTheDialPlan: the last good ones come back with the user.
func TestFailedSignInOfAnotherUserKeepsTheDialPlan(t *testing.T) {
	r, _, before := signedIn(t, nil, nil)
	mine := r.creds
	r.creds = device.Credentials{Address: "nobody@contoso.com", User: mine.User, Password: mine.Password}
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	if s := r.rest(); s.State != device.Failed || s.Plan != nil {
		t.Fatalf("%s dials by %v", s.State, s.Plan)
	}
	r.lab.Pool.SetFaults(pool.Faults{Status: map[string]int{pool.LocationProfile: 503}})
	r.creds = mine
	if err := r.SignIn(mine); err != nil {
		t.Fatal(err)
	}
	s := r.rest()
	r.wantReady(s)
	if s.Plan == nil || !s.Plan.Kept || len(s.Plan.Plan().Rules) != len(before.Plan.Plan().Rules) {
		t.Errorf("plan %+v", s.Plan)
	}
}

func TestR12_1CatastrophicPatternsTakeBoundedTime(t *testing.T) {
	p, r, _ := newPuppet(t)
	var b strings.Builder
	for _, pattern := range []string{`^(\d+)+$`, `^(\d*)*$`, `^(\d|\d\d)+$`, `^(.*?,){11}P`, `(((1+)+)+)+x`} {
		b.WriteString(strings.Repeat("<Rule><Pattern>"+pattern+"</Pattern><Translation>+1</Translation></Rule>", 40))
	}
	b.WriteString(`<Rule><Pattern>(</Pattern><Translation>+1</Translation></Rule><Rule><Pattern>^5$</Pattern><Translation>` + strings.Repeat("1", 1025) + `</Translation></Rule>`)
	p.answer("SERVICE default", always(200, strings.ReplaceAll(profileOf(0), "</LocationProfileDescription>", b.String()+"</LocationProfileDescription>")))
	s := r.ready()
	step := last(t, r.Phone, journal.DialPlan)
	if said := fmt.Sprint(step.Details); step.State != journal.Warned || strings.Count(said, "is skipped") != 2 || strings.Contains(said, "skipped: rule") {
		t.Errorf("step %s with %d lines: %.600s", step.State, len(step.Details), strings.Join(step.Details[max(0, len(step.Details)-3):], "\n"))
	}
	began := time.Now()
	got := s.Plan.Translate(strings.Repeat("1", 40) + "a")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%s", took)
	}
	if got.Kind != dialplan.PhoneContext || len(got.Skipped) == 0 || len(got.Skipped) > 20 {
		t.Errorf("%s, %d rules skipped", got.Kind, len(got.Skipped))
	}
}

func TestOddProvisioningValuesAreReportedAndBounded(t *testing.T) {
	p, r, _ := newPuppet(t)
	group := `<provisionGroup name="ServerConfiguration"><ucMinPinLength>-1</ucMinPinLength><ucMinPinLength>7</ucMinPinLength><ucExchangeMWIPoll>100000</ucExchangeMWIPoll><ucDiffServVoice>99999999999</ucDiffServVoice><what>ever</what></provisionGroup>`
	p.answer(provisioning.EventPackage, always(200, strings.ReplaceAll(noGroups, "/>", ">")+strings.Repeat(group, 100)+`<provisionGroup name="nobody knows"/></provisionGroupList>`))
	s := r.ready()
	step := last(t, r.Phone, journal.Provisioning)
	if step.State != journal.OK || len(step.Details) < 3 || len(step.Details) > 250 {
		t.Errorf("%s with %d lines", step.State, len(step.Details))
	}
	if m := s.Settings.Lock.MinPINLength; m < 4 || m > 15 {
		t.Errorf("PINs of %d digits", m)
	}
	if e := s.Settings.Exchange.Poll; e < 0 || e > time.Hour {
		t.Errorf("poll each %s", e)
	}
}

func TestPlansOfTheSameContentAreShared(t *testing.T) {
	var plans device.PlanCache
	build := func(cfg *device.Config) { cfg.Plans = &plans }
	r, _, one := signedIn(t, nil, build)
	two := &rig{Phone: newPhone(t, "1.0.522.71", build), t: t, lab: r.lab, creds: credentials(r.lab, 1)}
	if s := two.signIn(r.lab.Inside()); s.Plan.Compiled != one.Plan.Compiled {
		t.Error("two phones compiled the same rules")
	}
}
