package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func (e environment) demo() *cobra.Command {
	c := e.storyCommand(&cobra.Command{
		Use: "demo", Short: "Tell the story of the paper clip (R1.4), phone and deployment in one process",
		Long: `Demo starts a whole deployment on loopback and tells, step by step, why a phone
that works inside is refused outside, why publishing the Edge's root is not
enough, and what the paper clip changes; then what a phone that is ready has
from pool and Exchange. Every claim at the end was checked.`,
		Example: "  ocphone demo\n  ocphone demo --json | jq -r 'select(.step==\"trust\") | .decided'",
	}, runStory)
	c.AddCommand(e.demoRules())
	return c
}

// storyCommand gives c what every story has.
func (e environment) storyCommand(c *cobra.Command, run func(context.Context, *printer, bool) error) *cobra.Command {
	var asJSON, today, verbose bool
	c.Args = noArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		p := newPrinter(e.out, asJSON)
		p.brief = !verbose
		return run(c.Context(), p, today)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the steps as JSON lines, each with its act")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show all evidence and the rule of each step")
	c.Flags().BoolVar(&today, "today", false, "use a deployment and firmware of today instead of 2007")
	return c
}

// runStory tells the paper-clip story R1.4, and of the phone that is ready then.
func runStory(ctx context.Context, p *printer, today bool) error {
	s, err := newStory(p, today, nil)
	if err != nil {
		return err
	}
	defer s.close()
	s.line(bold, "The story of the paper clip")
	s.line(dim, "One process: domain controller, DNS inside and outside, time server, OCS pool, Edge, Exchange, and a phone of firmware %s. Nothing leaves this machine.", s.phone.Snapshot().Firmware)
	if err := s.play(ctx, append(s.paperClip(), s.readyPhone(ctx)...)); err != nil {
		return err
	}
	s.conclude("The rule behind the paper clip (R1.2): the phone asks Active Directory only when no root that it holds leads to the pool's certificate.",
		"ocphone lab --ready lab.json                # in a terminal of its own; Ctrl-C ends it",
		"ocphone run --lab lab.json                  # a phone signs in to it",
		"ocphone mailbox voicemail --lab lab.json    # what the phone shows of Exchange",
		"ocphone explain R1.2                        # a rule, or a code such as cert.untrusted",
		"ocphone demo rules                          # how a changed rule reaches a phone")
	return nil
}

func (s *story) paperClip() []act {
	pool, edge := s.world.Deployment.Pool.Host, s.world.Deployment.Edge.Host
	factory := s.phone.Snapshot().Roots
	in, out := s.world.Inside().Place, s.world.Outside().Place
	return []act{
		{title: "Inside, a new phone", tale: fmt.Sprintf("The pool's certificate comes from the company's own CA, which no phone knows. Active Directory holds that root. %s signs in.", s.creds.Address),
			do: func() error { s.phone.PowerOn(); s.phone.Plug(in); return s.phone.SignIn(s.creds) },
			proves: func(now device.Snapshot) (string, bool) {
				return "Inside, one root came from Active Directory, and the phone signed in.", s.signedIn(now, pool) && downloaded(now) == 1 && s.searched()
			}},
		{title: "The administrator publishes the root of the Edge", tale: "The Edge's certificate comes from a CA that the phone does not know either. Its root now stands in Active Directory: certutil -f -dspublish … RootCA. The phone is taken home.",
			do: func() error {
				if err := s.world.PublishRoot(lab.PublicRoot); err != nil {
					return err
				}
				s.phone.Plug(out)
				return nil
			},
			proves: func(now device.Snapshot) (string, bool) {
				return "Outside, the phone refused the Edge and named its unknown issuer.", s.refused(now)
			}},
		{title: "Inside again", tale: "So back to the office: is the published root not fetched now?",
			do: func() error { s.phone.Plug(in); return nil },
			proves: func(now device.Snapshot) (string, bool) {
				return "Inside again, it signed in without asking Active Directory, since a stored root satisfied the pool: the new root did not arrive.", s.signedIn(now, pool) && downloaded(now) == 1 && !s.searched()
			}},
		{title: "Outside again", tale: "Home once more.",
			do:     func() error { s.phone.Plug(out); return nil },
			proves: func(now device.Snapshot) (string, bool) { return "Outside it was still refused.", s.refused(now) }},
		{title: "The paper clip", tale: "A paper clip goes into the small hole on the back, between the USB and the headset connector.",
			do: func() error { _, err := s.phone.PressReset(); return err },
			proves: func(now device.Snapshot) (string, bool) {
				return "After the paper clip nothing that was downloaded is trusted; the factory roots stayed.", downloaded(now) == 0 && len(now.Roots) == len(factory)
			}},
		{title: "Inside, once", tale: "The user signs in at the office, one time.",
			do: func() error { s.phone.Plug(in); return s.phone.SignIn(s.creds) },
			proves: func(now device.Snapshot) (string, bool) {
				return "Inside, both roots arrived, though the pool needs only one.", s.signedIn(now, pool) && downloaded(now) == 2 && s.searched()
			}},
		{title: "Outside", tale: "And home.",
			do: func() error { s.phone.Plug(out); return nil },
			proves: func(now device.Snapshot) (string, bool) {
				return "Outside, the phone signed in through the Edge.", s.signedIn(now, edge) && now.Remote
			}},
	}
}

// readyPhone is what a phone that is ready has: rules, contacts, calls, voice
// mail (R12.1, R9.2).
func (s *story) readyPhone(ctx context.Context) []act {
	sam := s.world.Deployment.Users[0].Name
	const office, caller, length = "+4544890101;ext=201", "Kerry Miller", 9 * time.Second
	var before device.Snapshot
	var recording []byte
	var audio ews.Audio
	newest := func(now device.Snapshot) string {
		v := head(box(now).VoiceMails)
		return fmt.Sprintf("Voice mail: %s, %s%s", party(v.Name, v.Number), lengthOf(v.Duration), unread(v.Read))
	}
	counted := func(now device.Snapshot) bool {
		n, err := s.world.Exchange.Unread(sam)
		return err == nil && box(now).Unread == n
	}
	return []act{
		{title: "A number is dialled", tale: "The phone is ready. The pool has sent it the rules of its location profile, and the phone asks for them again. An extension is dialled, then a colleague out of the Outlook contacts.",
			do: func() error { before = s.phone.Snapshot(); return s.phone.Reload() },
			until: func(now device.Snapshot) bool {
				return now.Plan != before.Plan
			},
			shows: func(now device.Snapshot) []string {
				return []string{dialled(now, "201"), dialled(now, "112"), caller + ": " + dialled(now, phoneOf(now, caller))}
			},
			proves: func(now device.Snapshot) (string, bool) {
				short, emergency := translated(now, "201"), translated(now, "112")
				return "201 became " + office + " by the rules, which is the number that Outlook has; 112 stayed an emergency call, since its rule comes first.",
					short.Number == office && short.Rule == 2 && emergency.Number == "+112" && emergency.Rule == 1 && translated(now, phoneOf(now, caller)).Number == office
			}},
		{title: "Nobody answers", tale: caller + " calls, and calls again and leaves a message. Three minutes later the phone looks into the mailbox.",
			do: func() error {
				before = s.phone.Snapshot()
				if err := s.world.Exchange.ReportMissedCall(sam, exchange.MissedCall{Number: office, Name: caller}); err != nil {
					return err
				}
				if err := s.world.Exchange.LeaveVoiceMail(sam, exchange.VoiceMail{Number: office, Name: caller, Duration: length}); err != nil {
					return err
				}
				return s.pass(ctx, 4*time.Minute)
			},
			until: func(now device.Snapshot) bool { return box(now).Unread > box(before).Unread },
			shows: func(now device.Snapshot) []string {
				c := head(box(now).Calls)
				return []string{fmt.Sprintf("Call: %s, %s%s", party(c.Name, c.Number), c.Kind, unread(c.Read)), newest(now)}
			},
			proves: func(now device.Snapshot) (string, bool) {
				c, v := head(box(now).Calls), head(box(now).VoiceMails)
				return "The phone shows the missed call and the voice mail, and counts as many unread as Exchange does.",
					c.Kind == ews.Missed && c.Name == caller && v.Name == caller && v.Duration == length && counted(now)
			}},
		{title: "The message is heard", tale: "The phone fetches the recording, and marks the message as read.",
			do: func() error {
				before = s.phone.Snapshot()
				client, err := s.phone.Exchange()
				if err != nil {
					return err
				}
				v := head(box(before).VoiceMails)
				var b bytes.Buffer
				if audio, err = fetchRecording(ctx, client, v, &b); err != nil {
					return err
				}
				recording = b.Bytes()
				if _, err = client.MarkRead(ctx, v.ID, true); err != nil {
					return err
				}
				s.phone.RefreshMailbox()
				return nil
			},
			until: func(now device.Snapshot) bool { return now.Mailbox != nil && now.Mailbox.Unread < box(before).Unread },
			shows: func(now device.Snapshot) []string {
				return []string{fmt.Sprintf("%s, %d bytes", describeAudio(audio), len(recording)), newest(now)}
			},
			proves: func(now device.Snapshot) (string, bool) {
				// G.711 is 8,000 bytes a second; the header is a fraction of one.
				lasts := time.Duration(len(recording)/8000) * time.Second
				return fmt.Sprintf("All %s of the recording came, in a form that the phone can play; in Exchange the message is read.", length),
					lasts == length && (audio == ews.AudioALaw || audio == ews.AudioMuLaw) && counted(now)
			}},
	}
}

// translated is what the rules in force make of a number.
func translated(now device.Snapshot, number string) dialplan.Result {
	var rules *dialplan.Compiled
	if now.Plan != nil {
		rules = now.Plan.Compiled
	}
	return rules.Translate(number)
}

// dialled tells of translated in a line.
func dialled(now device.Snapshot, number string) string {
	r := translated(now, number)
	why := r.Sentence()
	if r.Kind == dialplan.E164 { // which number it made is said already
		why = r.Label
	}
	return fmt.Sprintf("%s → %s: %s", number, r, why)
}

// phoneOf is the first number of an Outlook contact; empty if there is none.
func phoneOf(now device.Snapshot, name string) string {
	all := box(now).Contacts
	i := slices.IndexFunc(all, func(c ews.Contact) bool { return c.Name() == name && len(c.Phones) > 0 })
	if i < 0 {
		return ""
	}
	return all[i].Phones[0].Text
}

// unread says that a message is.
func unread(read bool) string {
	if read {
		return ""
	}
	return ", unread"
}

// box is the mailbox; an empty one if there is none.
func box(now device.Snapshot) device.Mailbox {
	if now.Mailbox == nil {
		return device.Mailbox{}
	}
	return *now.Mailbox
}

// head is the first of a list; the zero value of an empty one.
func head[T any](list []T) (first T) {
	if len(list) > 0 {
		first = list[0]
	}
	return first
}

func (s *story) signedIn(now device.Snapshot, host string) bool {
	return now.State == device.Ready && hostOf(now.Server) == host
}

// refused says that the sign-in failed for want of the Edge's root, by name.
func (s *story) refused(now device.Snapshot) bool {
	return now.State == device.Failed && now.Failure.Code == journal.CertUntrusted &&
		now.Verdict != nil && now.Verdict.Issuer() == certstore.Root{Certificate: s.world.PKI.Public.Certificate}.Subject()
}

// searched reports whether the domain controller was asked in this act.
func (s *story) searched() bool { return s.world.DC.Searches() > s.asked }

func downloaded(s device.Snapshot) (n int) {
	for _, r := range s.Roots {
		if r.Downloaded() {
			n++
		}
	}
	return n
}
