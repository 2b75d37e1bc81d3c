package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pool"
)

func (e environment) demoRules() *cobra.Command {
	return e.storyCommand(&cobra.Command{
		Use: "rules", Short: "Tell how a changed normalization rule reaches a phone (R12.1, R12.2)",
		Long: `Rules changes a normalization rule in Active Directory and follows it: to the
front ends, which read every 5 minutes what has replicated to their domain
controllers, and to the phone, which reads every 8 hours. Both clocks are
advanced, so that it takes a moment. Every claim at the end was checked.`,
		Example: "  ocphone demo rules\n  ocphone demo rules --json | jq -r 'select(.step==\"dialplan\") | .decided'",
	}, runRulesStory)
}

// The times of R12.1 and R12.2, and how much the second front end lags.
const (
	frontEndReads = 5 * time.Minute
	phoneReloads  = 8 * time.Hour
	lags          = 15 * time.Minute
)

// runRulesStory tells how rules reach a phone.
func runRulesStory(ctx context.Context, p *printer, today bool) error {
	s, err := newStory(p, today, func(d *lab.Deployment) {
		d.Pool.FrontEnds = []lab.FrontEnd{{Name: "fe1." + d.Domain}, {Name: "fe2." + d.Domain, ReplicationDelay: lags}}
	})
	if err != nil {
		return err
	}
	defer s.close()
	// With the root in hand there is one connection a sign-in, and the pool deals
	// them out to its front ends in turn.
	if _, err := s.phone.Import([]certstore.Root{{Certificate: s.world.PKI.Enterprise.Certificate, Source: certstore.Source{Kind: certstore.Import}}}); err != nil {
		return err
	}
	s.line(bold, "The way of a rule")
	s.line(dim, "One process: Active Directory, a pool of two front ends, and a phone. The domain controller of the second front end lags by %s. Nothing leaves this machine, and no time is waited for: clocks are advanced.", words(lags))
	if err := s.play(ctx, s.changedRules(ctx)); err != nil {
		return err
	}
	s.conclude("The rules behind it: ocphone explain R12.1, ocphone explain R12.2.",
		"ocphone lab --ready lab.json                   # in a terminal of its own; Ctrl-C ends it",
		"ocphone lab rule set Hellerup.contoso.com 2 '^(\\d{3})$' '+4533550100;ext=$1' --lab lab.json",
		"ocphone lab clock advance 5m --lab lab.json    # the front end reads the rule",
		"ocphone run --lab lab.json                     # a phone signs in, and has it")
	return nil
}

// words are a duration of whole hours or minutes.
func words(d time.Duration) string {
	if d >= time.Hour {
		return journal.Count(int(d.Hours()), "hour", "hours")
	}
	return journal.Count(int(d.Minutes()), "minute", "minutes")
}

func (s *story) changedRules(ctx context.Context) []act {
	in, profile := s.world.Inside().Place, s.world.Deployment.Profiles[0].Name
	const extensions, number = 2, "201" // the rule that is changed, and what is dialled
	const first, second, third = "+4544890101", "+4533550100", "+4570200300"
	var before device.Snapshot
	change := func(office string) error {
		before = s.phone.Snapshot()
		_, err := s.world.SetRule(profile, extensions, lab.Rule{Pattern: `^(\d{3})$`, Translation: office + ";ext=$1", Internal: true})
		return err
	}
	reload := func() error {
		before = s.phone.Snapshot()
		return s.phone.Reload()
	}
	// The reload is over when the next one is set: time must not run on before.
	loaded := func(now device.Snapshot) bool { return now.Plan != before.Plan && now.Reload.After(before.Reload) }
	shows := func(now device.Snapshot) []string { return []string{dialled(now, number)} }
	by := func(now device.Snapshot, office string) bool {
		return now.State == device.Ready && translated(now, number).Number == office+";ext="+number
	}
	return []act{
		{title: "A phone signs in", tale: fmt.Sprintf("The pool sends the location profile %s, and the phone dials by its rules.", profile),
			do:    func() error { s.phone.PowerOn(); s.phone.Plug(in); return s.phone.SignIn(s.creds) },
			shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return fmt.Sprintf("The rules came with the sign-in: %s is dialled as %s;ext=%s.", number, first, number), by(now, first) && !now.Plan.Kept
			}},
		{title: "The administrator changes the rule of extensions", tale: fmt.Sprintf("The office gets another number: in Active Directory rule %d makes %s;ext=$1 now. The phone is asked to load its rules again at once.", extensions, second),
			do: func() error {
				if err := change(second); err != nil {
					return err
				}
				return reload()
			},
			until: loaded, shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return "A reload at once brought the old rule: the front end had not read Active Directory since the change.", by(now, first)
			}},
		{title: "Eight hours", tale: fmt.Sprintf("After %s the front end reads the new rule. The phone reads %s after the last time.", words(frontEndReads), words(phoneReloads)),
			do: func() error {
				before = s.phone.Snapshot()
				if err := s.pass(ctx, phoneReloads-time.Minute); err != nil {
					return err
				}
				if now := s.phone.Snapshot(); now.Plan != before.Plan || !by(now, first) {
					return fmt.Errorf("the phone had other rules before %s were over", words(phoneReloads))
				}
				return s.pass(ctx, 2*time.Minute)
			},
			until: loaded, shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return fmt.Sprintf("For 7h59m the phone dialled by the old rule; after %s it had the new one, unasked.", words(phoneReloads)), by(now, second)
			}},
		{title: "Another change, and no patience", tale: fmt.Sprintf("Now the rule makes %s;ext=$1. After %s the phone is asked to load its rules, as it does at a sign-in too.", third, words(frontEndReads)),
			do: func() error {
				if err := change(third); err != nil {
					return err
				}
				return errors.Join(s.pass(ctx, frontEndReads), reload())
			},
			until: loaded, shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return fmt.Sprintf("%s after a change the phone had it, since somebody asked for it.", words(frontEndReads)), by(now, third)
			}},
		{title: "The other front end", tale: "The cable is pulled and put back. The pool gives the phone to its second front end, to whose domain controller the change has not come yet.",
			do: func() error { s.phone.Plug(in); return nil }, shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return "At the second front end the phone got the rule before the last change: two front ends answer differently while a change replicates.", by(now, second)
			}},
		{title: "The change has replicated", tale: fmt.Sprintf("%s later the second front end has read it, and the phone asks again.", words(lags+frontEndReads)),
			do:    func() error { return errors.Join(s.pass(ctx, lags+frontEndReads), reload()) },
			until: loaded, shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return "When the change had replicated, the second front end sent it too.", by(now, third)
			}},
		{title: "The pool fails", tale: fmt.Sprintf("%s later the pool answers 503 when the phone asks for its rules.", words(phoneReloads)),
			do: func() error {
				before = s.phone.Snapshot()
				s.world.Pool.SetFaults(pool.Faults{Status: map[string]int{pool.LocationProfile: 503}})
				return s.pass(ctx, phoneReloads+time.Minute)
			},
			until: func(now device.Snapshot) bool { return aged(now) != "" }, shows: shows,
			proves: func(now device.Snapshot) (string, bool) {
				return "The phone goes on with the last good rules, and says how old they are.",
					by(now, third) && now.Plan == before.Plan && strings.Contains(aged(now), "8h1m0s old")
			}},
	}
}

// aged is what the phone says when it gets no rules; empty while it does.
func aged(now device.Snapshot) string {
	for _, t := range now.Warnings {
		if t.Name == journal.DialPlan {
			return t.Decided
		}
	}
	return ""
}
