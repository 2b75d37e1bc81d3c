//go:build cgo

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/ntp"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// change is something that can be done to T, with a text that says what it is then
// like.
type change[T any] struct {
	id, text string
	set      func(T)
}

// accountGood is the state of an account that can sign in.
const accountGood = "good"

// accountStates are the states of an account that the panel offers.
var accountStates = []change[*directory.User]{
	{accountGood, "can sign in", func(*directory.User) {}},
	{"locked", "locked out", func(u *directory.User) { u.Locked = true }},
	{"disabled", "disabled", func(u *directory.User) { u.Disabled = true }},
	{"expired", "account expired", func(u *directory.User) { u.AccountExpired = true }},
	{"password-expired", "password expired", func(u *directory.User) { u.PasswordExpired = true }},
	{"must-change", "must change password", func(u *directory.User) { u.MustChange = true }},
	{"other-password", "other password", func(u *directory.User) { u.Password = otherPassword }},
}

// otherPassword is a password of the lab that no form is filled in with. It is
// public, as everything in a lab.
const otherPassword = "Changed-Pa55word"

// resetAccount lets an account of the lab sign in.
func resetAccount(u *directory.User) {
	u.Locked, u.Disabled, u.AccountExpired, u.PasswordExpired, u.MustChange = false, false, false, false, false
	u.BadLogons, u.Password = 0, lab.DefaultPassword
}

// accountState is the ID of the state of an account.
func accountState(u directory.User) string {
	switch u.Status() {
	case directory.ErrLocked:
		return "locked"
	case directory.ErrDisabled:
		return "disabled"
	case directory.ErrAccountExpired:
		return "expired"
	case directory.ErrPasswordExpired:
		return "password-expired"
	case directory.ErrMustChange:
		return "must-change"
	}
	if u.Password != lab.DefaultPassword {
		return "other-password"
	}
	return accountGood
}

func accountStateNamed(id string) (change[*directory.User], error) {
	return named("state of an account", accountStates, id)
}

func named[T any](kind string, all []change[T], id string) (change[T], error) {
	i := slices.IndexFunc(all, func(c change[T]) bool { return c.id == id })
	if i < 0 {
		return change[T]{}, fmt.Errorf("there is no %s %q", kind, id)
	}
	return all[i], nil
}

// breakable is a server of the lab with its faults (docs/decisions.md#hostile-lab).
// The first fault has no ID and is none: it repairs the server.
type breakable struct {
	id, name    string
	faults      []change[*lab.Lab]
	certificate bool   // the phone sees its certificate
	see         string // how a fault is seen
}

func poolFault(id, text string, f pool.Faults) change[*lab.Lab] {
	return change[*lab.Lab]{id, text, func(l *lab.Lab) { l.Pool.SetFaults(f) }}
}

func adFault(id, text string, f ad.Faults) change[*lab.Lab] {
	return change[*lab.Lab]{id, text, func(l *lab.Lab) { l.DC.SetFaults(f) }}
}

func exchangeFault(id, text string, f exchange.Faults) change[*lab.Lab] {
	return change[*lab.Lab]{id, text, func(l *lab.Lab) { l.Exchange.SetFaults(f) }}
}

func dnsFault(id, text string, f dns.Fault) change[*lab.Lab] {
	return change[*lab.Lab]{id, text, func(l *lab.Lab) { l.InsideDNS.SetFault(f); l.OutsideDNS.SetFault(f) }}
}

func ntpFault(id, text string, f ntp.Fault, offset time.Duration) change[*lab.Lab] {
	return change[*lab.Lab]{id, text, func(l *lab.Lab) { l.NTP.SetFault(f); l.NTP.SetOffset(offset) }}
}

// year is how wrong a clock is.
const year = 365 * 24 * time.Hour

const signInAgain = "Sign out and in again to see it."

var breakables = []breakable{
	{id: "pool", name: "Pool, and behind the Edge", certificate: true, see: signInAgain, faults: []change[*lab.Lab]{
		poolFault("", "The pool works", pool.Faults{}),
		poolFault("silent", "It does not answer", pool.Faults{Silent: true}),
		poolFault("reset", "It resets connections", pool.Faults{Reset: true}),
		poolFault("tls-alert", "It refuses every TLS handshake", pool.Faults{TLSAlert: true}),
		poolFault("malformed", "Its answers cannot be parsed", pool.Faults{Malformed: true}),
		poolFault("unsigned", "Its answers have no signature", pool.Faults{Unsigned: true}),
		poolFault("bad-signature", "Its signatures are wrong", pool.Faults{BadSignature: true}),
		poolFault("busy", "It answers 503 to a REGISTER", pool.Faults{Reject: &pool.Rejection{Status: 503}}),
		poolFault("version", "It accepts no client of this version", pool.Faults{Reject: pool.VersionDeclined()}),
	}},
	{id: "edge", name: "Edge", certificate: true, see: "Outside, sign out and in again to see it.",
		faults: []change[*lab.Lab]{{"", "The Edge works", func(*lab.Lab) {}}}},
	{id: "dc", name: "Domain controller", see: "Push the paper clip and sign in inside to see it: " +
		"a phone that trusts the pool does not search AD.", faults: []change[*lab.Lab]{
		adFault("", "The domain controller works", ad.Faults{}),
		adFault("silent", "It does not answer", ad.Faults{Silent: true}),
		adFault("unavailable", "It refuses binds: unavailable", ad.Faults{RefuseBind: 52}),
		adFault("no-seal", "It offers no encryption of LDAP", ad.Faults{ClearFlags: ntlm.NegotiateSeal}),
		adFault("bad-seal", "Its answers are signed wrongly", ad.Faults{BadSeal: true}),
		adFault("garbage", "It answers with garbage", ad.Faults{Garbage: true}),
		adFault("closes", "It closes within an answer", ad.Faults{CloseMidAnswer: true}),
	}},
	{id: "dns", name: "DNS", see: signInAgain, faults: []change[*lab.Lab]{
		dnsFault("", "DNS works", dns.None),
		dnsFault("silence", "It does not answer", dns.Silence),
		dnsFault("servfail", "It answers SERVFAIL", dns.ServFail),
		dnsFault("refused", "It answers REFUSED", dns.Refused),
	}},
	{id: "ntp", name: "Time server", see: "Pull the cable, plug it in and sign in again to see it.",
		faults: []change[*lab.Lab]{
			ntpFault("", "The time server works", ntp.None, 0),
			ntpFault("silence", "It does not answer", ntp.Silence, 0),
			ntpFault("unsynchronised", "It has no valid time", ntp.Unsynchronised, 0),
			ntpFault("kiss-of-death", "It denies service", ntp.KissOfDeath, 0),
			ntpFault("fast", "It is a year fast", ntp.None, year),
			ntpFault("slow", "It is a year slow", ntp.None, -year),
		}},
	{id: labpanel.ExchangeServer, name: "Exchange", certificate: true, see: signInAgain, faults: []change[*lab.Lab]{
		exchangeFault("", "Exchange works", exchange.Faults{}),
		exchangeFault("unavailable", "It answers HTTP 503", exchange.Faults{Status: 503}),
		exchangeFault("busy", "It is busy", exchange.Faults{Busy: true}),
		exchangeFault("refused", "It refuses the password", exchange.Faults{Refuse401: true}),
		exchangeFault("truncated", "It closes within an answer", exchange.Faults{Truncate: 200}),
	}},
}

// toSee says how a change of a server is seen.
func toSee(server string) string {
	for _, b := range breakables {
		if b.id == server {
			return b.see
		}
	}
	return ""
}

func faultNamed(server, id string) (change[*lab.Lab], error) {
	i := slices.IndexFunc(breakables, func(b breakable) bool { return b.id == server })
	if i < 0 {
		return change[*lab.Lab]{}, fmt.Errorf("there is no server %q", server)
	}
	return named("fault of "+breakables[i].name, breakables[i].faults, id)
}

// choices are what the panel offers for a lab.
func choices(l *lab.Lab, s shell) labpanel.Choices {
	c := labpanel.Choices{Shell: s.line, NoShell: s.problem}
	for _, u := range l.Directory.Users() {
		if u.SIP != "" {
			c.Users = append(c.Users, u.SAM)
		}
	}
	for _, s := range accountStates {
		c.Accounts = append(c.Accounts, labpanel.Choice{ID: s.id, Text: s.text})
	}
	var defects []labpanel.Choice
	for _, d := range pki.Defects() {
		defects = append(defects, labpanel.Choice{ID: string(d), Text: strings.ReplaceAll(string(d), "-", " ")})
	}
	for _, b := range breakables {
		if b.id == labpanel.ExchangeServer && l.Exchange == nil {
			continue
		}
		server := labpanel.Server{ID: b.id, Name: b.name}
		for _, f := range b.faults[1:] {
			server.Faults = append(server.Faults, labpanel.Choice{ID: f.id, Text: f.text})
		}
		if b.certificate {
			server.Certificates = defects
		}
		c.Servers = append(c.Servers, server)
	}
	return c
}

// maxPass bounds how much time passes at once. It is that of `ocphone lab clock
// advance`.
const maxPass = 10 * year

// maxRun is the longest time in which every timer of lab and phone fires, as the
// refreshes of the registration do. More than that is a change of the date alone:
// the timers of years would take minutes.
const maxRun = 24 * time.Hour

// timeUntil is the time from now until the same time of a day, written YYYY-MM-DD.
func timeUntil(now time.Time, day string) (time.Duration, error) {
	to, err := time.ParseInLocation(time.DateOnly, day, now.Location())
	if err != nil {
		return 0, fmt.Errorf("%q is no day: write it as %s", day, now.AddDate(0, 0, 1).Format(time.DateOnly))
	}
	year, month, today := now.Date()
	by := to.Sub(time.Date(year, month, today, 0, 0, 0, 0, now.Location()))
	switch {
	case by <= 0:
		return 0, fmt.Errorf("time does not run backwards: give a day after %s", now.Format(time.DateOnly))
	case by > maxPass:
		return 0, fmt.Errorf("at most ten years pass at once: give a day before %s", now.Add(maxPass).Format(time.DateOnly))
	}
	return by, nil
}

// pass lets time pass for lab and phone.
func (d *labControl) pass(by time.Duration) (string, error) {
	world := d.emulator.world
	switch {
	case by > maxRun:
		world.Lab.Clock.Set(world.Lab.Clock.Now().Add(by))
		world.Clock.Set(world.Clock.Now().Add(by))
		return "It is " + day(world.Clock.Now()) + ". What has expired is seen when you sign out and in again.", nil
	case world.Facts().SignedIn:
		if err := world.Pass(d.ctx, by); err != nil {
			return "", fmt.Errorf("%w, and the rest of the time did not pass: the steps say why; clear the fault or sign out",
				err)
		}
		return "It is " + day(world.Clock.Now()) + ". The phone kept its registration meanwhile.", nil
	}
	world.Lab.Clock.Advance(by)
	world.Clock.Advance(by)
	return "It is " + day(world.Clock.Now()) + ". What has expired is seen when you sign in.", nil
}

func day(t time.Time) string { return t.Format("2006-01-02 15:04") }

// failureText is why a sign-in failed, for a report.
func failureText(s *journal.Step) string {
	var b strings.Builder
	for _, l := range []struct{ name, text string }{{"", s.Decided}, {"Code: ", string(s.Code)}, {"Asked: ", s.Asked},
		{"Answered: ", s.Answered}, {"By: ", s.By}, {"Because: ", s.Because}, {"To change: ", s.Fix}} {
		if l.text != "" {
			fmt.Fprintf(&b, "%s%s\n", l.name, journal.Printable(l.text, 0))
		}
	}
	for _, l := range s.Details {
		fmt.Fprintf(&b, "  %s\n", journal.Printable(l, 0))
	}
	return b.String()
}
