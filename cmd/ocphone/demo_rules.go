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
	"github.com/ocphone/ocphone/device/script"
)

func (e environment) demoRules() *cobra.Command {
	return e.storyCommand(&cobra.Command{
		Use: "rules", Short: "Show how a changed normalization rule reaches a phone (R12.1, R12.2)",
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

// runRulesStory plays how a changed rule reaches a phone.
func runRulesStory(ctx context.Context, p *printer, today bool) error {
	w, err := script.NewWorld(script.WorldOptions{Today: today, Prepare: func(d *lab.Deployment) {
		d.Pool.FrontEnds = []lab.FrontEnd{{Name: "fe1." + d.Domain}, {Name: "fe2." + d.Domain, ReplicationDelay: lags}}
	}})
	if err != nil {
		return err
	}
	defer w.Close()
	// With the root installed a sign-in makes one connection, and the pool assigns
	// connections to its front ends in turn.
	root := certstore.Root{Certificate: w.Lab.PKI.Enterprise.Certificate, Source: certstore.Source{Kind: certstore.Import}}
	if _, err := w.Phone.Import([]certstore.Root{root}); err != nil {
		return err
	}
	return p.playStory(ctx, w, story{
		title: "The way of a rule",
		scene: fmt.Sprintf("One process: Active Directory, a pool of two front ends, and a phone. "+
			"The domain controller of the second front end lags by %s. "+
			"Nothing leaves this machine, and no time is waited for: clocks are advanced.", durationText(lags)),
		acts:  func(ctx context.Context) []script.Act { return changedRules(ctx, w) },
		moral: "The rules behind it: ocphone explain R12.1, ocphone explain R12.2.",
		next: []string{
			"ocphone lab --ready lab.json                   # in a terminal of its own; Ctrl-C ends it",
			"ocphone lab rule set Hellerup.contoso.com 2 '^(\\d{3})$' '+4533550100;ext=$1' --lab lab.json",
			"ocphone lab clock advance 5m --lab lab.json    # the front end reads the rule",
			"ocphone run --lab lab.json                     # a phone signs in, and has it",
		},
	})
}

// durationText writes a duration of whole hours or minutes.
func durationText(d time.Duration) string {
	if d >= time.Hour {
		return journal.Count(int(d.Hours()), "hour", "hours")
	}
	return journal.Count(int(d.Minutes()), "minute", "minutes")
}

// The rule that is changed, what is dialled, and the office numbers that the rule
// makes one after the other.
const (
	extensionRule = 2
	extension     = "201"
	firstOffice   = "+4544890101"
	secondOffice  = "+4533550100"
	thirdOffice   = "+4570200300"
)

// rulesDemo is the state that the acts share.
type rulesDemo struct {
	*script.World
	ctx     context.Context
	profile string
	before  device.Snapshot // at the start of the act
}

func changedRules(ctx context.Context, w *script.World) []script.Act {
	d := &rulesDemo{World: w, ctx: ctx, profile: w.Lab.Deployment.Profiles[0].Name}
	dials := func(office string) func(device.Snapshot) bool {
		return func(now device.Snapshot) bool { return dialsBy(now, office) }
	}
	acts := []script.Act{
		{
			Title: "A phone signs in",
			Text:  fmt.Sprintf("The pool sends the location profile %s, and the phone dials by its rules.", d.profile),
			Do:    func() error { return d.SignIn(d.Lab.Inside()) },
			Claim: "The rules came with the sign-in: " + extension + " is dialled as " + firstOffice + ";ext=" + extension + ".",
			Holds: func(now device.Snapshot) bool { return dialsBy(now, firstOffice) && !now.Plan.Kept },
		},
		{
			Title: "The administrator changes the rule of extensions",
			Text: fmt.Sprintf("The office gets another number: in Active Directory rule %d makes %s;ext=$1 now. "+
				"The phone is asked to load its rules again at once.", extensionRule, secondOffice),
			Do: func() error {
				if err := d.change(secondOffice); err != nil {
					return err
				}
				return d.reload()
			},
			Until: d.loaded,
			Claim: "A reload at once brought the old rule: the front end had not read Active Directory since the change.",
			Holds: dials(firstOffice),
		},
		{
			Title: "Eight hours",
			Text: fmt.Sprintf("After %s the front end reads the new rule. The phone reads %s after the last time.",
				durationText(frontEndReads), durationText(phoneReloads)),
			Do: func() error {
				d.before = d.Phone.Snapshot()
				if err := d.Pass(d.ctx, phoneReloads-time.Minute); err != nil {
					return err
				}
				if now := d.Phone.Snapshot(); now.Plan != d.before.Plan || !dialsBy(now, firstOffice) {
					return fmt.Errorf("the phone had other rules before %s were over", durationText(phoneReloads))
				}
				return d.Pass(d.ctx, 2*time.Minute)
			},
			Until: d.loaded,
			Claim: fmt.Sprintf("For 7h59m the phone dialled by the old rule; after %s it had the new one, unasked.",
				durationText(phoneReloads)),
			Holds: dials(secondOffice),
		},
		{
			Title: "Another change, and no patience",
			Text: fmt.Sprintf("Now the rule makes %s;ext=$1. After %s the phone is asked to load its rules, as it does at a "+
				"sign-in too.", thirdOffice, durationText(frontEndReads)),
			Do: func() error {
				if err := d.change(thirdOffice); err != nil {
					return err
				}
				return errors.Join(d.Pass(d.ctx, frontEndReads), d.reload())
			},
			Until: d.loaded,
			Claim: fmt.Sprintf("%s after a change the phone had it, since it was asked to load its rules.",
				durationText(frontEndReads)),
			Holds: dials(thirdOffice),
		},
		{
			Title: "The other front end",
			Text: "The cable is pulled and put back. The pool gives the phone to its second front end, " +
				"to whose domain controller the change has not come yet.",
			Do: func() error { d.Phone.Plug(d.Lab.Inside().Place); return nil },
			Claim: "At the second front end the phone got the rule before the last change: " +
				"two front ends answer differently while a change replicates.",
			Holds: dials(secondOffice),
		},
		{
			Title: "The change has replicated",
			Text: fmt.Sprintf("%s later the second front end has read it, and the phone asks again.",
				durationText(lags+frontEndReads)),
			Do:    func() error { return errors.Join(d.Pass(d.ctx, lags+frontEndReads), d.reload()) },
			Until: d.loaded,
			Claim: "When the change had replicated, the second front end sent it too.",
			Holds: dials(thirdOffice),
		},
		{
			Title: "The pool fails",
			Text:  fmt.Sprintf("%s later the pool answers 503 when the phone asks for its rules.", durationText(phoneReloads)),
			Do: func() error {
				d.before = d.Phone.Snapshot()
				d.Lab.Pool.SetFaults(pool.Faults{Status: map[string]int{pool.LocationProfile: 503}})
				return d.Pass(d.ctx, phoneReloads+time.Minute)
			},
			Until: func(now device.Snapshot) bool { return rulesWarning(now) != "" },
			Claim: "The phone goes on with the last good rules, and says how old they are.",
			Holds: func(now device.Snapshot) bool {
				return dialsBy(now, thirdOffice) && now.Plan == d.before.Plan && strings.Contains(rulesWarning(now), "8h1m0s old")
			},
		},
	}
	for i := range acts {
		acts[i].Shows = func(now device.Snapshot) []string { return []string{dialled(now, extension)} }
	}
	return acts
}

// change writes the rule of extensions into Active Directory.
func (d *rulesDemo) change(office string) error {
	_, err := d.Lab.SetRule(d.profile, extensionRule,
		lab.Rule{Pattern: `^(\d{3})$`, Translation: office + ";ext=$1", Internal: true})
	return err
}

func (d *rulesDemo) reload() error {
	d.before = d.Phone.Snapshot()
	return d.Phone.Reload()
}

// loaded reports whether the reload is over and the next one is scheduled. Time
// must not pass before that.
func (d *rulesDemo) loaded(now device.Snapshot) bool {
	return now.Plan != d.before.Plan && now.Reload.After(d.before.Reload)
}

// dialsBy reports whether a ready phone makes a number of that office.
func dialsBy(now device.Snapshot, office string) bool {
	return now.State == device.Ready && translated(now, extension).Number == office+";ext="+extension
}

// rulesWarning is the warning of a phone whose reload failed; empty without one.
func rulesWarning(now device.Snapshot) string {
	for _, t := range now.Warnings {
		if t.Name == journal.DialPlan {
			return t.Decided
		}
	}
	return ""
}
