package lab_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

const hellerup = "Hellerup.contoso.com"

func planOf(p lab.Profile) dialplan.Plan {
	plan := dialplan.Plan{Name: p.Name, ExternalAccessPrefix: p.Prefix}
	for _, r := range p.Rules {
		plan.Rules = append(plan.Rules, dialplan.Rule{Pattern: r.Pattern, Translation: r.Translation})
	}
	return plan
}

// TestR12_1RulesOfTheLabFitItsNumbers, and are what an administrator should
// write: the linter has nothing against them.
func TestR12_1RulesOfTheLabFitItsNumbers(t *testing.T) {
	plan := planOf(lab.Contoso().Profiles[0])
	if plan.Name != hellerup || plan.ExternalAccessPrefix != "0" {
		t.Errorf("%+v", plan)
	}
	for _, f := range dialplan.Lint(plan, dialplan.Options{}) {
		t.Errorf("%s: %s", f.ID, f.Sentence)
	}
	c := dialplan.Compile(plan, dialplan.Options{})
	for dialled, want := range map[string]string{
		"112": "+112", "0112": "+112", "200": "+4544890101;ext=200", "44890101": "+4544890101",
		"044890101": "+4544890101", "0014255550100": "+14255550100", "00014255550100": "+14255550100",
	} {
		if got := c.Translate(dialled); got.Number != want {
			t.Errorf("%s: %+v, want %s", dialled, got, want)
		}
	}
}

func TestDeploymentFileOfPlansAndMailboxes(t *testing.T) {
	d, err := lab.Read(strings.NewReader(`
domain: fabrikam.com
exchange: {host: ex.fabrikam.com, outsideHost: OWA.fabrikam.com, contacts: 5, channelBinding: true}
pool:
  profile: Second
  frontEnds: [{name: fe1.fabrikam.com}, {name: fe2.fabrikam.com, replicationDelay: 15m}]
profiles:
  - {name: First, prefix: "9", rules: [{pattern: '^(\d{5})$', translation: '+1425555$1', internal: true, device: true}], optimize: true}
  - {name: Second}
users:
  - {name: anna, sip: a@fabrikam.com, profile: first, contacts: [{address: ben, name: Benny, groups: [A, B]}, {address: c@example.com}, {address: anna}]}
  - {name: ben}
`))
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, d)
	if x := l.Exchange; x.Host != "ex.fabrikam.com" || x.OutsideHost != "owa.fabrikam.com" || !x.RequireChannelBinding {
		t.Errorf("Exchange is %s, %s", x.Host, x.OutsideHost)
	}
	if f := l.Pool.FrontEnds; len(f) != 2 || f[1].ReplicationDelay != 15*time.Minute || l.Pool.LocationProfile != "Second" {
		t.Errorf("the pool has %+v and %s", f, l.Pool.LocationProfile)
	}
	if p := l.Profiles(); len(p) != 2 || p[0].Prefix != "9" || !p[0].Optimize || !p[0].Rules[0].Internal || !p[0].Rules[0].Device || len(p[1].Rules) != 0 {
		t.Errorf("%+v", p)
	}
	u, _ := l.Directory.User("anna")
	if u.LocationProfile != "first" || len(u.Contacts) != 3 || u.Contacts[0].Address != "ben@fabrikam.com" || u.Contacts[0].Name != "Benny" ||
		!slices.Equal(u.Contacts[0].Groups, []string{"A", "B"}) || u.Contacts[1].Address != "c@example.com" || u.Contacts[2].Address != "a@fabrikam.com" {
		t.Errorf("%+v", u)
	}
}

// TestDefaultsFollowTheDomain: what a file leaves out is as in Contoso, under
// the names of its own domain.
func TestDefaultsFollowTheDomain(t *testing.T) {
	d, err := lab.Read(strings.NewReader("domain: Fabrikam.com"))
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, d)
	tu, _ := l.Directory.User("tu")
	if tu.EUM != "tu@fabrikam.com;phone-context=Hellerup.fabrikam.com" || tu.Contacts[0].Address != "kerry@fabrikam.com" ||
		l.Profiles()[0].Name != "Hellerup.fabrikam.com" || l.Pool.LocationProfile != "Hellerup.fabrikam.com" || l.Exchange.Host != "cas01.fabrikam.com" {
		t.Errorf("%+v, %v, %s", tu, l.Profiles(), l.Exchange.Host)
	}
}

func TestDeploymentFileErrorsOfPlansAndMailboxesNameTheMistake(t *testing.T) {
	for text, want := range map[string]string{
		"exchange: {host: cas01.fabrikam.com}":                               "cas01.fabrikam.com",
		"exchange: {outsideHost: 'm@il'}":                                    "exchange: outsideHost",
		"exchange: {outsideHost: sip.contoso.com}":                           "sip.contoso.com is the Edge's name",
		"exchange: {defect: rusty}":                                          "rusty",
		"exchange: {contacts: -1}":                                           "contacts: -1",
		"exchange: {contacts: 999999}":                                       "contacts: 999999",
		"exchange: {contacts: 5, off: true}":                                 "no mailbox",
		"exchange: {colour: blue}":                                           "colour",
		"profiles: [{rules: []}]":                                            "name of its own",
		"profiles: [{name: A}, {name: a}]":                                   "name of its own",
		"profiles: [{name: A, rules: [{pattern: x}]}]":                       "A: rule 1 needs a pattern and a translation",
		"pool: {profile: nobodys}":                                           `no profile "nobodys"`,
		"users: [{name: anna, profile: nobodys}]":                            `anna: there is no profile "nobodys"`,
		"pool: {frontEnds: [{replicationDelay: 5m}]}":                        "frontEnds",
		"pool: {frontEnds: [{name: fe1, replicationDelay: -5m}]}":            "-5m",
		"pool: {frontEnds: [{name: fe1, replicationDelay: soon}]}":           "soon",
		"users: [{name: anna, contacts: [{adress: x}]}]":                     "adress",
		"profiles: [{name: A, rules: [{pattern: x, translation: y, z: 1}]}]": "field z",
	} {
		if _, err := lab.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want it to name %q", text, err, want)
		}
	}
}

func TestControlChangesRulesUsersAndMailboxes(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	address, err := l.Serve()
	if err != nil {
		t.Fatal(err)
	}
	ctx, c := t.Context(), lab.Client{Address: address}

	extra := lab.Rule{Pattern: `^9(\d+)$`, Translation: "+$1"}
	p, err := c.SetRule(ctx, "hellerup.contoso.com", 0, extra)
	if err != nil || p.Name != hellerup || len(p.Rules) != 6 || p.Rules[5] != extra {
		t.Errorf("at the end: %+v, %v", p, err)
	}
	if p, err = c.SetRule(ctx, hellerup, 1, extra); err != nil || len(p.Rules) != 6 || p.Rules[0] != extra {
		t.Errorf("rule 1: %+v, %v", p, err)
	}
	if p, err = c.RemoveRule(ctx, hellerup, 6); err != nil || len(p.Rules) != 5 {
		t.Errorf("remove: %+v, %v", p, err)
	}
	if err := c.SetProfile(ctx, lab.Profile{Name: "New/York", Rules: []lab.Rule{extra}}); err != nil {
		t.Error(err)
	}
	all, err := c.Profiles(ctx)
	if err != nil || len(all) != 2 || all[0].Rules[0] != extra || all[1].Name != "New/York" || len(all[1].Rules) != 1 {
		t.Errorf("profiles: %+v, %v", all, err)
	}
	for _, name := range []string{"a\nb", "a\x1b[2J", "\u202e", " "} {
		if err := c.SetProfile(ctx, lab.Profile{Name: name, Rules: []lab.Rule{extra}}); err == nil || !strings.Contains(err.Error(), "no control characters") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for want, err := range map[string]error{
		"there is no rule 9":     second(c.SetRule(ctx, hellerup, 9, extra)),
		"there is no rule 7":     second(c.RemoveRule(ctx, hellerup, 7)),
		"counted from 1":         second(c.RemoveRule(ctx, hellerup, 0)),
		`no location profile "x`: second(c.SetRule(ctx, "x", 0, extra)),
		"needs a pattern":        second(c.SetRule(ctx, hellerup, 0, lab.Rule{Pattern: "x"})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}

	text := func(s string) *string { return &s }
	if err := c.SetUser(ctx, "kerry", lab.UserChange{Display: text("K"), Mail: text("k@contoso.com"), Line: text("tel:+45"), EUM: text("k@contoso.com"), Profile: text("new/york")}); err != nil {
		t.Error(err)
	}
	if u, _ := l.Directory.User("kerry"); u.DisplayName != "K" || u.Mail != "k@contoso.com" || u.LineURI != "tel:+45" || u.EUM != "k@contoso.com" || u.LocationProfile != "new/york" {
		t.Errorf("%+v", u)
	}
	if err := c.SetUser(ctx, "kerry", lab.UserChange{Profile: text("nobodys")}); err == nil || !strings.Contains(err.Error(), "nobodys") {
		t.Errorf("an unknown profile: %v", err)
	}
	before, _ := l.Exchange.Unread("kerry")
	if err := c.Deliver(ctx, "kerry", lab.DeliverVoiceMail, lab.Delivery{Number: "+45"}); err != nil {
		t.Error(err)
	}
	if n, _ := l.Exchange.Unread("kerry"); n != before+1 {
		t.Errorf("%d unread voice mails, want %d", n, before+1)
	}
	if err := c.Deliver(ctx, "bobs", lab.DeliverVoiceMail, lab.Delivery{}); err == nil || !strings.Contains(err.Error(), "EUM") {
		t.Errorf("who has no voice mail: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
