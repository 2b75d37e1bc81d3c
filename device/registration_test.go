package device_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// signedIn is a rig with the phone ready inside, and its clock.
func signedIn(t *testing.T, prepare func(*lab.Deployment), build func(*device.Config)) (*rig, *clock.Adjustable, device.Snapshot) {
	t.Helper()
	c := clock.New(time.Now())
	r := newRig(t, prepare, func(cfg *device.Config) {
		cfg.Clock, cfg.NTP = c, false
		if build != nil {
			build(cfg)
		}
	})
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	return r, c, s
}

func warningCodes(s device.Snapshot) (codes []journal.Code) {
	for _, t := range s.Warnings {
		codes = append(codes, t.Code)
	}
	return codes
}

// becomes waits until the Snapshot is good.
func (r *rig) becomes(good func(device.Snapshot) bool) device.Snapshot {
	r.t.Helper()
	return wait(r.t, r.Phone, good)
}

func TestR9_2APhoneThatIsReadyHasEverythingThatPoolAndExchangeHold(t *testing.T) {
	_, _, s := signedIn(t, nil, nil)
	if len(s.Warnings) > 0 {
		t.Errorf("warnings %v", s.Warnings)
	}
	if s.Settings == nil || s.Settings.Lock.MinPINLength != 6 || s.Settings.Exchange.Poll != 3*time.Minute || s.Settings.Updates.URL == "" {
		t.Errorf("settings %+v", s.Settings)
	}
	if s.Self == nil || s.Self.Email != "tu@contoso.com" || !s.Self.UM || !s.Self.VoiceEnabled() {
		t.Errorf("self %+v", s.Self)
	}
	if s.Contacts == nil || len(s.Contacts.Contacts) == 0 {
		t.Errorf("contact list %+v", s.Contacts)
	}
	if s.Mailbox == nil || len(s.Mailbox.Contacts) == 0 || len(s.Mailbox.VoiceMails) == 0 || len(s.Mailbox.Calls) == 0 || len(s.Mailbox.Calendar) == 0 || s.Mailbox.Unread == 0 {
		t.Errorf("mailbox %+v", s.Mailbox)
	}
	if got := s.Plan.Translate("201"); s.Plan.Kept || !strings.HasPrefix(got.Number, "+45") {
		t.Errorf("201 is dialled as %+v", got)
	}
}

func TestR12_1RulesAreReloadedEvery8Hours(t *testing.T) {
	r, c, before := signedIn(t, nil, nil)
	profile := r.lab.Directory.LocationProfiles()[0]
	profile.Rules = append([]dialplan.Rule{{Pattern: `^77$`, Translation: "+4570707070"}}, profile.Rules...)
	if err := r.lab.Directory.SetLocationProfile(profile); err != nil {
		t.Fatal(err)
	}
	// R12.2: the front end has not looked yet.
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	again := r.becomes(func(s device.Snapshot) bool { return s.Plan != before.Plan && !s.Reload.IsZero() }) // the next one has its time
	if got := again.Plan.Translate("77"); got.Number != "" {
		t.Errorf("the rule arrived before the front end read it: %+v", got)
	}
	r.lab.Clock.Advance(5 * time.Minute)
	c.Advance(8*time.Hour - time.Minute)
	if now := r.Snapshot(); now.Plan != again.Plan {
		t.Error("the phone reloaded before its 8 hours")
	}
	c.Advance(2 * time.Minute)
	now := r.becomes(func(s device.Snapshot) bool { return s.Plan != nil && s.Plan != again.Plan })
	if got := now.Plan.Translate("77"); got.Number != "+4570707070" {
		t.Errorf("after 5 minutes and 8 hours 77 is %+v\n%s", got, story(r.Phone))
	}
	if step := last(t, r.Phone, journal.DialPlan); !strings.Contains(strings.Join(step.Details, "\n"), `new: ^77$`) {
		t.Errorf("the step does not tell what changed: %q", step.Details)
	}
}

func TestR12_1TheLastGoodProfileSurvivesRestartAndFailure(t *testing.T) {
	memory := t.TempDir()
	file, err := flash.Open(memory)
	if err != nil {
		t.Fatal(err)
	}
	r, _, _ := signedIn(t, nil, func(c *device.Config) { c.Flash = file })
	r.Close()

	if file, err = flash.Open(memory); err != nil {
		t.Fatal(err)
	}
	c := clock.New(time.Now().Add(30 * time.Hour))
	r.Phone = newPhone(t, "1.0.522.71", func(cfg *device.Config) { cfg.Flash, cfg.Clock, cfg.NTP = file, c, false })
	if plan := r.Snapshot().Plan; plan == nil || !plan.Kept || plan.Translate("201").Number == "" {
		t.Fatalf("after the restart: %+v", plan)
	}
	r.lab.Pool.SetFaults(pool.Faults{Status: map[string]int{pool.LocationProfile: 503}})
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if s.Plan == nil || !s.Plan.Kept || s.Plan.Translate("201").Number == "" {
		t.Fatalf("when the pool fails: %+v", s.Plan)
	}
	step := last(t, r.Phone, journal.DialPlan)
	if step.State != journal.Warned || !strings.Contains(step.Decided, "30h") {
		t.Errorf("the step does not say how old the rules are: %+v", step)
	}
	// Another user dials by other rules.
	r.creds = credentials(r.lab, 1)
	s = r.signIn(r.lab.Inside())
	r.wantReady(s)
	if s.Plan != nil {
		t.Errorf("%s dials by the rules of somebody else", s.Address)
	}
}

func TestR12_1AProfileThatIsBadLeavesTheLastGoodOne(t *testing.T) {
	for name, body := range map[string]string{
		"no XML":       "hello",
		"a DTD":        `<!DOCTYPE x [<!ENTITY a "b">]>` + profileOf(1),
		"another root": "<a/>",
	} {
		t.Run(name, func(t *testing.T) {
			r, _, before := signedIn(t, nil, nil)
			r.lab.Pool.SetFaults(pool.Faults{Body: map[string]string{pool.LocationProfile: body}})
			if err := r.Reload(); err != nil {
				t.Fatal(err)
			}
			s := r.becomes(func(s device.Snapshot) bool { return len(s.Warnings) > 0 })
			if s.Plan != before.Plan || s.State != device.Ready || s.Warnings[0].Fix == "" {
				t.Errorf("plan %+v, warnings %+v", s.Plan, s.Warnings)
			}
		})
	}
}

func profileOf(n int) string {
	return `<LocationProfileDescription xmlns="http://schemas.microsoft.com/2007/03/LocationProfileDescription"><Name>x</Name>` +
		strings.Repeat("<Rule><Pattern>^1$</Pattern><Translation>+1</Translation></Rule>", n) + `</LocationProfileDescription>`
}

func TestR12_1OfAHugeProfileThePhoneKeepsWhatItCanHold(t *testing.T) {
	r := newRig(t, nil, nil)
	r.lab.Pool.SetFaults(pool.Faults{Body: map[string]string{pool.LocationProfile: profileOf(5_000)}})
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if step := last(t, r.Phone, journal.DialPlan); len(s.Plan.Plan().Rules) != 1_000 || step.State != journal.Warned || len(step.Details) > 200 {
		t.Errorf("%d rules, step %v with %d lines", len(s.Plan.Plan().Rules), step.State, len(step.Details))
	}
}

func TestProvisioningThatFailsLeavesThePhoneReady(t *testing.T) {
	events := map[string]journal.Name{provisioning.EventPackage: journal.Provisioning, roaming.SelfEvent: journal.Self, roaming.ContactsEvent: journal.Contacts}
	for what, fault := range map[string]func(event string) pool.Faults{
		"refused":   func(e string) pool.Faults { return pool.Faults{Status: map[string]int{e: 503}} },
		"489":       func(e string) pool.Faults { return pool.Faults{Status: map[string]int{e: 489}} },
		"malformed": func(e string) pool.Faults { return pool.Faults{Body: map[string]string{e: "<a><b>"}} },
		"a DTD": func(e string) pool.Faults {
			return pool.Faults{Body: map[string]string{e: `<!DOCTYPE a [<!ENTITY b "c">]><a/>`}}
		},
	} {
		for event, name := range events {
			t.Run(what+" "+event, func(t *testing.T) {
				r := newRig(t, nil, nil)
				r.lab.Pool.SetFaults(fault(event))
				s := r.signIn(r.lab.Inside())
				r.wantReady(s)
				if len(s.Warnings) != 1 || s.Warnings[0].Name != name || s.Warnings[0].Code == journal.Internal || s.Warnings[0].Fix == "" {
					t.Errorf("warnings %+v", s.Warnings)
				}
				if step := last(t, r.Phone, journal.Ready); step.State != journal.Warned {
					t.Errorf("the phone is ready as if nothing were missing: %+v", step)
				}
			})
		}
	}
}

// TestLateBodies: a pool may send the first document after its answer.
func TestLateBodies(t *testing.T) {
	r := newRig(t, nil, nil)
	r.lab.Pool.SetFaults(pool.Faults{LateBody: map[string]bool{provisioning.EventPackage: true, roaming.SelfEvent: true, roaming.ContactsEvent: true}})
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if s.Settings == nil || s.Self == nil || s.Contacts == nil || len(s.Warnings) > 0 {
		t.Errorf("settings %v, self %v, contacts %v, warnings %v", s.Settings, s.Self, s.Contacts, s.Warnings)
	}
}

func TestUserWithoutVoiceOrUMHasNoMailbox(t *testing.T) {
	for name, u := range map[string]lab.User{"no UM": {Name: "kim", Line: "tel:+4544890101;ext=250"}, "no voice": {Name: "kim", EUM: "kim@contoso.com;phone-context=x"}} {
		t.Run(name, func(t *testing.T) {
			r, _, s := signedIn(t, func(d *lab.Deployment) { d.Users = []lab.User{u} }, nil)
			step := last(t, r.Phone, journal.Exchange)
			if s.Mailbox != nil || step.State != journal.Skipped {
				t.Errorf("mailbox %+v, step %+v", s.Mailbox, step)
			}
			if n := r.lab.Exchange.Counters().Connections; n > 0 {
				t.Errorf("Exchange was asked %d times", n)
			}
			if voice := u.Line != ""; voice == (len(s.Warnings) > 0 && s.Warnings[0].Code == journal.ProvNoVoice) {
				t.Errorf("warnings %v", warningCodes(s))
			}
		})
	}
}

func TestR1_6ExchangeWithASelfSignedCertificateIsNotTalkedTo(t *testing.T) {
	r := newRig(t, nil, nil)
	if err := r.lab.SetDefect("exchange", pki.SelfSigned); err != nil {
		t.Fatal(err)
	}
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if len(s.Warnings) != 1 || s.Warnings[0].Code != journal.CertSelfSigned || s.Mailbox != nil {
		t.Errorf("warnings %v, mailbox %v\n%s", warningCodes(s), s.Mailbox, story(r.Phone))
	}
	if n := r.lab.Exchange.Counters(); n.Requests > 0 || n.ClearText > 0 {
		t.Errorf("Exchange got %+v", n)
	}
	in := false
	for _, step := range steps(r.Phone) {
		if in = in || step.Name == journal.Provisioning; in && step.Name == journal.Roots {
			t.Errorf("Active Directory was asked for Exchange (R1.2): %+v", step)
		}
	}
}

// TestRemedyOfExchangesCertificate: a root that is published for Exchange arrives
// after a reset only, since the pool is trusted already (R1.2).
func TestRemedyOfExchangesCertificate(t *testing.T) {
	for defect, want := range map[pki.Defect]string{
		pki.SelfSigned:      "Install a certificate of an issuing authority",
		pki.WrongName:       "Issue the certificate for cas01.contoso.com too",
		pki.Expired:         "Renew the certificate of ",
		pki.UntrustedIssuer: "Publish the root CN=Fabrikam Root CA,DC=fabrikam,DC=com (certutil -f -dspublish ROOT.cer RootCA). Then push a paper clip",
	} {
		r := newRig(t, nil, nil)
		if err := r.lab.SetDefect("exchange", defect); err != nil {
			t.Fatal(err)
		}
		s := r.signIn(r.lab.Inside())
		r.wantReady(s)
		if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0].Fix, want) {
			t.Errorf("%s: warnings %+v, want %q", defect, s.Warnings, want)
		}
	}
}

// TestNoPasswordIsTriedTwiceAtExchange: the pool has taken the password, so that
// a refusal is not called a wrong one either.
func TestNoPasswordIsTriedTwiceAtExchange(t *testing.T) {
	c := clock.New(time.Now())
	r := newRig(t, nil, func(cfg *device.Config) { cfg.Clock, cfg.NTP = c, false })
	r.lab.Exchange.SetFaults(exchange.Faults{Refuse401: true})
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if got := warningCodes(s); len(got) != 1 || got[0] == journal.AuthPassword || !strings.HasPrefix(string(got[0]), "auth.") {
		t.Errorf("warnings %v\n%s", got, story(r.Phone))
	}
	asked := r.lab.Exchange.Counters().Requests
	c.Advance(time.Hour)
	r.Snapshot()
	if now := r.lab.Exchange.Counters().Requests; now != asked {
		t.Errorf("%d requests after the refusal", now-asked)
	}
}

func TestR9_2TheMailboxIsPolledAsProvisioned(t *testing.T) {
	r, c, before := signedIn(t, nil, nil)
	sam := "tu"
	if err := r.lab.Exchange.LeaveVoiceMail(sam, exchange.VoiceMail{Number: "+4544112233", Name: "Late Caller"}); err != nil {
		t.Fatal(err)
	}
	c.Advance(2 * time.Minute)
	if now := r.Snapshot(); now.Mailbox != before.Mailbox {
		t.Error("polled before the 3 minutes were over")
	}
	c.Advance(90 * time.Second) // 3 minutes and up to a tenth
	now := r.becomes(func(s device.Snapshot) bool { return s.Mailbox.Unread != before.Mailbox.Unread })
	if now.Mailbox.Unread != before.Mailbox.Unread+1 || now.Mailbox.VoiceMails[0].Name != "Late Caller" {
		t.Errorf("%d unread, newest %+v", now.Mailbox.Unread, now.Mailbox.VoiceMails[0])
	}
	if &now.Mailbox.Contacts[0] != &before.Mailbox.Contacts[0] {
		t.Error("5,000 contacts would have been read again after 3 minutes")
	}
}

func TestR9_2AnIntervalOf0IsOff(t *testing.T) {
	c := clock.New(time.Now())
	d := lab.Contoso()
	world := lab.NewUnstarted(d)
	if err := world.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	world.Pool.SetFaults(pool.Faults{Body: map[string]string{provisioning.EventPackage: `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"><provisionGroup name="ServerConfiguration"><ucExchangeMWIPoll>0</ucExchangeMWIPoll></provisionGroup></provisionGroupList>`}})
	r := &rig{Phone: newPhone(t, "1.0.522.71", func(cfg *device.Config) { cfg.Clock, cfg.NTP = c, false }), t: t, lab: world, creds: credentials(world, 0)}
	s := r.signIn(world.Inside())
	r.wantReady(s)
	if s.Mailbox == nil {
		t.Fatalf("the mailbox is read once all the same\n%s", story(r.Phone))
	}
	asked := world.Exchange.Counters().Requests
	c.Advance(7 * time.Hour)
	r.Snapshot()
	if now := world.Exchange.Counters().Requests; now != asked {
		t.Errorf("%d requests in 7 hours", now-asked)
	}
}

func TestExchangeThatIsDownComesBack(t *testing.T) {
	c := clock.New(time.Now())
	r := newRig(t, nil, func(cfg *device.Config) { cfg.Clock, cfg.NTP = c, false })
	r.lab.Exchange.SetFaults(exchange.Faults{Busy: true, BackOff: 10 * time.Minute})
	s := r.signIn(r.lab.Inside())
	r.wantReady(s)
	if got := warningCodes(s); len(got) != 1 || got[0] != journal.ExchangeBusy {
		t.Fatalf("warnings %v\n%s", got, story(r.Phone))
	}
	r.lab.Exchange.SetFaults(exchange.Faults{})
	asked := r.lab.Exchange.Counters().Requests
	c.Advance(9 * time.Minute)
	r.Snapshot()
	if now := r.lab.Exchange.Counters().Requests; now != asked {
		t.Error("a busy server was asked before the time that it named")
	}
	c.Advance(3 * time.Minute)
	s = r.becomes(func(s device.Snapshot) bool { return s.Mailbox != nil })
	if len(s.Warnings) > 0 {
		t.Errorf("warnings %v stay", warningCodes(s))
	}
}

func TestR9_1AutodiscoverIsAskedAgainAfter24Hours(t *testing.T) {
	r, c, _ := signedIn(t, func(d *lab.Deployment) { d.Pool.Schemes = nil }, nil)
	asked := r.lab.Exchange.Counters().Autodiscovers
	if asked == 0 {
		t.Fatal("Autodiscover was not asked")
	}
	for range 24 {
		c.Advance(time.Hour + time.Second)
		r.RefreshMailbox()
		r.Snapshot()
	}
	r.becomes(func(device.Snapshot) bool { return r.lab.Exchange.Counters().Autodiscovers > asked })
}

func TestPublishedChangesArriveByNotification(t *testing.T) {
	r, _, before := signedIn(t, nil, nil)
	other := newPhone(t, "1.0.522.71", nil)
	two := &rig{Phone: other, t: t, lab: r.lab, creds: r.creds}
	two.wantReady(two.signIn(r.lab.Inside()))
	if before.Self == nil {
		t.Fatal("no self")
	}
	if err := r.lab.Directory.SetUser("tu", func(u *directory.User) { u.DisplayName = "Somebody Else" }); err != nil {
		t.Fatal(err)
	}
	three := &rig{Phone: newPhone(t, "1.0.522.71", nil), t: t, lab: r.lab, creds: r.creds}
	s := three.signIn(r.lab.Inside())
	three.wantReady(s)
	if s.Self.DisplayName != "Somebody Else" {
		t.Errorf("the third phone sees %+v", s.Self)
	}
}

func TestPINAndPreferencesLiveInFlash(t *testing.T) {
	memory := t.TempDir()
	open := func() *device.Phone {
		file, err := flash.Open(memory)
		if err != nil {
			t.Fatal(err)
		}
		return newPhone(t, "today", func(c *device.Config) { c.Flash = file })
	}
	p := open()
	for _, bad := range []string{"123", "12a4", "1234567890123456", "１２３４"} {
		if err := p.SetPIN(bad); err == nil {
			t.Errorf("PIN %q was taken", bad)
		}
	}
	if err := p.SetPIN("8642"); err != nil {
		t.Fatal(err)
	}
	if err := p.SetPreference("volume.ring", "7"); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if b, err := os.ReadFile(filepath.Join(memory, flash.FileName)); err != nil || strings.Contains(string(b), "8642") {
		t.Errorf("the PIN can be read in flash (%v)", err)
	}
	p = open()
	if !p.Unlocks("8642") || p.Unlocks("8643") || p.Unlocks("") || p.PINDigits() != 4 || p.Preferences()["volume.ring"] != "7" {
		t.Error("PIN or preference did not survive")
	}
	if _, err := p.FactoryReset(); err != nil {
		t.Fatal(err)
	}
	if p.PINDigits() != 0 || len(p.Preferences()) != 0 || p.Unlocks("") {
		t.Error("the factory reset left PIN or preferences")
	}
}
