package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func profile(name, translation string) dialplan.Plan {
	return dialplan.Plan{Name: name, Rules: []dialplan.Rule{{Pattern: `^(\d{3})$`, Translation: translation}}}
}

// summary lists all profiles in short.
func summary(all []dialplan.Plan) string {
	var s []string
	for _, p := range all {
		s = append(s, p.Name+p.Rules[0].Translation)
	}
	return strings.Join(s, " ")
}

func TestR12_2LocationProfilesOfThePastAreRemembered(t *testing.T) {
	now := clock.NewManual(start)
	d := directory.New("contoso.com", "CONTOSO")
	d.Clock = now
	if got := d.LocationProfilesAt(start); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	mine := profile(" A ", "1")
	for _, change := range []func() error{
		func() error { return d.SetLocationProfile(mine) },
		func() error { return d.SetLocationProfile(profile("B", "2")) },
		func() error { return d.SetLocationProfile(profile("a", "3")) }, // in its place
		func() error {
			if !d.RemoveLocationProfile("b") || d.RemoveLocationProfile("b") {
				return fmt.Errorf("B was not removed once")
			}
			return nil
		},
	} {
		now.Advance(time.Minute)
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	mine.Rules[0].Translation = "changed by the caller"
	d.LocationProfiles()[0].Rules[0].Translation = "changed by a reader"
	for minutes, want := range []string{"", "A1", "A1 B2", "a3 B2", "a3", "a3"} {
		at := start.Add(time.Duration(minutes) * time.Minute)
		if got := summary(d.LocationProfilesAt(at)); got != want {
			t.Errorf("at minute %d: %q, want %q", minutes, got, want)
		}
		if got := summary(d.LocationProfilesAt(at.Add(time.Minute - 1))); got != want {
			t.Errorf("right before minute %d: %q, want %q", minutes+1, got, want)
		}
	}
	if got := summary(d.LocationProfiles()); got != "a3" {
		t.Errorf("now: %q", got)
	}
	for range 300 { // more than is remembered
		if err := d.SetLocationProfile(profile("A", "4")); err != nil {
			t.Fatal(err)
		}
	}
	if got := summary(d.LocationProfilesAt(start)); got != "A4" {
		t.Errorf("of a time that is forgotten: %q, want the oldest that is not", got)
	}
}

func TestInvalidLocationProfilesAreRefused(t *testing.T) {
	d := directory.New("contoso.com", "CONTOSO")
	for name, p := range map[string]dialplan.Plan{
		"without a name":     profile(" ", "1"),
		"with too long ones": profile("A", strings.Repeat("1", provisioning.MaxBody)),
	} {
		if err := d.SetLocationProfile(p); err == nil || d.LocationProfiles() != nil {
			t.Errorf("a profile %s was taken: %v", name, err)
		}
	}
	for i := range directory.MaxLocationProfiles {
		if err := d.SetLocationProfile(profile(fmt.Sprint(i), "1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.SetLocationProfile(profile("one more", "1")); err == nil {
		t.Error("there is no end to them")
	}
	if err := d.SetLocationProfile(profile("7", "2")); err != nil {
		t.Errorf("none can be changed: %v", err)
	}
}

func TestContactsAreCopied(t *testing.T) {
	d := directory.New("contoso.com", "CONTOSO")
	mine := []directory.Contact{{Address: "sip:kerry@contoso.com", Groups: []string{"Sales"}}}
	if err := d.AddUser(directory.User{SAM: "tu", SIP: "tu@contoso.com", Contacts: mine}); err != nil {
		t.Fatal(err)
	}
	check := func(who string) {
		t.Helper()
		u, _ := d.User("tu")
		if c := u.Contacts[0]; c.Address != "kerry@contoso.com" || c.Groups[0] != "Sales" {
			t.Errorf("%s changed what is kept: %+v", who, c)
		}
		u.Contacts[0].Address, u.Contacts[0].Groups[0] = "x", "x"
	}
	mine[0].Address, mine[0].Groups[0] = "x", "x"
	check("who added him")
	check("who read him")
	var kept []directory.Contact
	if err := d.SetUser("tu", func(u *directory.User) { kept = u.Contacts }); err != nil {
		t.Fatal(err)
	}
	kept[0].Address, kept[0].Groups[0] = "x", "x"
	check("who changed him")
	if w := d.Watchers("sip:KERRY@contoso.com"); len(w) != 1 || w[0].SAM != "tu" {
		t.Errorf("watchers: %+v", w)
	}
	for name, contacts := range map[string][]directory.Contact{
		"without an address": {{Name: "Kerry"}}, "too many": make([]directory.Contact, directory.MaxContacts+1),
	} {
		if err := d.SetUser("tu", func(u *directory.User) { u.Contacts = contacts }); err == nil {
			t.Errorf("contacts %s were taken", name)
		}
	}
	check("who failed")
}
