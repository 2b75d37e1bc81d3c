package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func (e environment) labRule() *cobra.Command {
	c := &cobra.Command{Use: "rule", Short: "List and change normalization rules in the lab's Active Directory",
		Long: `Rule changes the location profiles (dial plans) in the lab's Active Directory.
A front end reads them again after 5 minutes, later when its domain controller
lags (R12.2), and a phone after 8 hours (R12.1): let both pass with
ocphone lab clock advance.`}
	set := labVerb("set PROFILE N PATTERN TRANSLATION", "Replace rule N, counted from 1; N is end to add one",
		`  ocphone lab rule set Hellerup.contoso.com 2 '^(2\d\d)$' '+4544890101;ext=$1' --lab lab.json
  ocphone lab rule set Hellerup.contoso.com end '^9(\d{8})$' '+45$1' --lab lab.json`, 4, e.setRule)
	remove := labVerb("remove PROFILE N", "Take rule N out, counted from 1",
		"  ocphone lab rule remove Hellerup.contoso.com 2 --lab lab.json", 2, e.removeRule)
	load := labVerb("load PROFILE FILE",
		"Replace or add a whole location profile: XML, CSV or JSON, as for `ocphone dialplan`",
		"  ocphone lab rule load Hellerup.contoso.com plan.csv --lab lab.json", 2, e.loadProfile)
	return addCommands(c, e.labRuleList(), set, remove, load)
}

func (e environment) labRuleList() *cobra.Command {
	c := labVerb("list [PROFILE]", "List the rules of each location profile, or of one",
		"  ocphone lab rule list --lab lab.json", -1,
		func(c *cobra.Command, l lab.Client, args []string) error {
			if len(args) > 1 {
				return usagef("list takes one PROFILE")
			}
			all, err := l.Profiles(c.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if all, err = profileNamed(all, args[0]); err != nil {
					return err
				}
			}
			if e.json {
				return e.document(labProfiles{nonNil(all)})
			}
			for _, p := range all {
				e.printProfile(p)
			}
			return nil
		})
	return c
}

// labProfiles is the JSON form of `ocphone lab rule`.
type labProfiles struct {
	Profiles []lab.Profile `json:"profiles"`
}

func (e environment) setRule(c *cobra.Command, l lab.Client, args []string) (err error) {
	n := 0
	if args[1] != "end" {
		if n, err = position(args[1]); err != nil {
			return err
		}
	}
	return e.changed(l.SetRule(c.Context(), args[0], n, lab.Rule{Pattern: args[2], Translation: args[3]}))
}

func (e environment) removeRule(c *cobra.Command, l lab.Client, args []string) error {
	n, err := position(args[1])
	if err != nil {
		return err
	}
	return e.changed(l.RemoveRule(c.Context(), args[0], n))
}

func (e environment) loadProfile(c *cobra.Command, l lab.Client, args []string) error {
	p, err := e.profileFrom(c.Context(), args[0], args[1])
	if err != nil {
		return err
	}
	return e.changed(p, l.SetProfile(c.Context(), p))
}

// position reads the position of a rule.
func position(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, usagef("%q is no position of a rule: they are counted from 1", s)
	}
	return n, nil
}

func profileNamed(all []lab.Profile, name string) ([]lab.Profile, error) {
	var names []string
	for _, p := range all {
		if strings.EqualFold(p.Name, name) {
			return []lab.Profile{p}, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("there is no location profile %q: %s", name, strings.Join(names, ", "))
}

// profileFrom reads the plan of that name in a file, or its only one.
func (e environment) profileFrom(ctx context.Context, name, file string) (lab.Profile, error) {
	plans, err := (&planFlags{}).readPlans(ctx, e, []string{file})
	if err == nil && len(plans) > 1 {
		plans, err = planNamed(name, file, plans)
	}
	if err != nil {
		return lab.Profile{}, err
	}
	plan := plans[0]
	p := lab.Profile{Name: name, Prefix: plan.ExternalAccessPrefix, Optimize: plan.OptimizeDeviceDialing}
	for _, r := range plan.Rules {
		p.Rules = append(p.Rules, lab.Rule{Pattern: r.Pattern, Translation: r.Translation,
			Internal: r.InternalEnterpriseExtension, Device: r.ApplicableForDeviceDialing})
	}
	return p, nil
}

// changed prints a profile after a change, and warns of rules that the lab accepts
// but a phone will skip.
func (e environment) changed(p lab.Profile, err error) error {
	if err != nil {
		return err
	}
	if e.json {
		err = e.document(labProfiles{[]lab.Profile{p}})
	} else {
		e.printProfile(p)
	}
	plan := dialplan.Plan{Name: p.Name}
	for _, r := range p.Rules {
		plan.Rules = append(plan.Rules, dialplan.Rule{Pattern: r.Pattern, Translation: r.Translation})
	}
	for _, s := range dialplan.Compile(plan, dialplan.Options{}).Skipped() {
		e.warnf("warning: %s\n  fix: %s\n", s.Sentence, s.Fix)
	}
	return err
}

func (e environment) printProfile(p lab.Profile) {
	title := p.Name
	if p.Prefix != "" {
		title += fmt.Sprintf(", %s for an outside line", p.Prefix)
	}
	e.printf("%s\n", title)
	var rows [][]string
	for i, r := range p.Rules {
		rows = append(rows, []string{fmt.Sprintf("%4d  %s", i+1, r.Pattern), r.Translation})
	}
	writeTable(e.text(), rows)
}

func (e environment) labMailbox() *cobra.Command {
	caller := func(c *cobra.Command, d *lab.Delivery) {
		c.Flags().StringVar(&d.Number, "number", "", "`NUMBER` of the caller; without it, it is withheld")
		c.Flags().StringVar(&d.Name, "name", "", "`NAME` of the caller")
		c.Flags().IntVar(&d.Count, "count", 1, "`N` of them")
	}
	deliver := func(kind, one, more string, d *lab.Delivery) func(*cobra.Command, lab.Client, []string) error {
		return func(c *cobra.Command, l lab.Client, args []string) error {
			if len(args) == 2 {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 1 {
					return usagef("%q is no number of contacts", args[1])
				}
				d.Count = n
			}
			if d.Count < 1 {
				return usagef("--count %d: it is 1 or more", d.Count)
			}
			if err := l.Deliver(c.Context(), args[0], kind, *d); err != nil {
				return err
			}
			e.printf("%s more for %s.\n", journal.Count(d.Count, one, more), args[0])
			return nil
		}
	}
	var voice, missed, contacts lab.Delivery
	voicemail := labVerb("voicemail NAME", "Leave a voice mail, by the user's sAMAccountName",
		"  ocphone lab mailbox voicemail tu --number +14255550100 --name 'Bob Kelly' --lab lab.json", 1,
		deliver(lab.DeliverVoiceMail, "voice mail", "voice mails", &voice))
	caller(voicemail, &voice)
	voicemail.Flags().IntVar(&voice.Seconds, "seconds", 3, "it lasts `N` seconds")
	voicemail.Flags().BoolVar(&voice.WMA, "wma", false, "as Windows Media, which the phone cannot play")
	call := labVerb("missed NAME", "Report a missed call",
		"  ocphone lab mailbox missed tu --number +14255550100 --lab lab.json", 1,
		deliver(lab.DeliverMissedCall, "missed call", "missed calls", &missed))
	caller(call, &missed)
	contact := labVerb("contacts NAME N", "Add N contacts",
		"  ocphone lab mailbox contacts tu 5000 --lab lab.json", 2,
		deliver(lab.DeliverContacts, "contact", "contacts", &contacts))
	return addCommands(&cobra.Command{Use: "mailbox",
		Short: "Leave voice mails, missed calls and contacts in a mailbox of the lab"}, voicemail, call, contact)
}
