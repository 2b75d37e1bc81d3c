package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/script"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

func (e environment) demo() *cobra.Command {
	c := e.storyCommand(&cobra.Command{
		Use: "demo", Short: "Tell the story of the paper clip (R1.4), phone and deployment in one process",
		Long: `Demo starts a whole deployment on loopback and shows, step by step, why a phone
that works inside is refused outside, why publishing the Edge's root is not
enough, and what the paper clip changes; then what a phone that is ready has
from pool and Exchange. Every claim at the end was checked.`,
		Example: "  ocphone demo\n  ocphone demo --json | jq -r 'select(.step==\"trust\") | .decided'",
	}, runStory)
	c.AddCommand(e.demoRules())
	return c
}

// runStory plays the story of the paper clip (R1.4), then shows what the phone,
// which is ready then, has.
func runStory(ctx context.Context, p *printer, today bool) error {
	w, err := script.NewWorld(script.WorldOptions{Today: today})
	if err != nil {
		return err
	}
	defer w.Close()
	return p.playStory(ctx, w, story{
		title: "The story of the paper clip",
		scene: fmt.Sprintf("One process: domain controller, DNS inside and outside, time server, OCS pool, Edge, Exchange, "+
			"and a phone of firmware %s. Nothing leaves this machine.", w.Firmware.Name),
		acts: func(ctx context.Context) []script.Act {
			return append(script.PaperClip(w), readyPhone(ctx, w)...)
		},
		moral: "The rule behind the paper clip (R1.2): the phone asks Active Directory only when no root that it holds " +
			"leads to the pool's certificate.",
		next: []string{
			"ocphone lab --ready lab.json                # in a terminal of its own; Ctrl-C ends it",
			"ocphone run --lab lab.json                  # a phone signs in to it",
			"ocphone mailbox voicemail --lab lab.json    # what the phone shows of Exchange",
			"ocphone explain R1.2                        # a rule, or a code such as cert.untrusted",
			"ocphone demo rules                          # how a changed rule reaches a phone",
		},
	})
}

// readyDemo is the state that the acts of a ready phone share.
type readyDemo struct {
	*script.World
	ctx       context.Context
	account   string // of the user, at Exchange
	before    device.Snapshot
	audio     ews.Audio
	recording []byte
}

// The caller, who is an Outlook contact of the user, and the recording.
const (
	office          = "+4544890101;ext=201"
	caller          = "Kerry Miller"
	recordingLength = 9 * time.Second
)

// readyPhone are the acts of a ready phone: rules, contacts, calls, voice mail
// (R12.1, R9.2).
func readyPhone(ctx context.Context, w *script.World) []script.Act {
	d := &readyDemo{World: w, ctx: ctx, account: w.Lab.Deployment.Users[0].Name}
	return []script.Act{
		{
			Title: "A number is dialled",
			Text: "The phone is ready. The pool has sent it the rules of its location profile, and the phone asks for them " +
				"again. An extension is dialled, then a colleague out of the Outlook contacts.",
			Do:    func() error { d.before = d.Phone.Snapshot(); return d.Phone.Reload() },
			Until: func(now device.Snapshot) bool { return now.Plan != d.before.Plan },
			Shows: func(now device.Snapshot) []string {
				return []string{dialled(now, "201"), dialled(now, "112"), caller + ": " + dialled(now, phoneOf(now, caller))}
			},
			Claim: "201 became " + office + " by the rules, which is the number that Outlook has; " +
				"112 stayed an emergency call, since its rule comes first.",
			Holds: func(now device.Snapshot) bool {
				short, emergency := translated(now, "201"), translated(now, "112")
				return short.Number == office && short.Rule == 2 && emergency.Number == "+112" && emergency.Rule == 1 &&
					translated(now, phoneOf(now, caller)).Number == office
			},
		},
		{
			Title: "Nobody answers",
			Text: caller + " calls, and calls again and leaves a message. Three minutes later the phone looks into the " +
				"mailbox.",
			Do: func() error {
				d.before = d.Phone.Snapshot()
				call := exchange.MissedCall{Number: office, Name: caller}
				if err := d.Lab.Exchange.ReportMissedCall(d.account, call); err != nil {
					return err
				}
				message := exchange.VoiceMail{Number: office, Name: caller, Duration: recordingLength}
				if err := d.Lab.Exchange.LeaveVoiceMail(d.account, message); err != nil {
					return err
				}
				return d.Pass(d.ctx, 4*time.Minute)
			},
			Until: func(now device.Snapshot) bool { return mailboxOf(now).Unread > mailboxOf(d.before).Unread },
			Shows: func(now device.Snapshot) []string {
				c := first(mailboxOf(now).Calls)
				return []string{fmt.Sprintf("Call: %s, %s%s", partyText(c.Name, c.Number), c.Kind, unreadSuffix(c.Read)),
					newestMessage(now)}
			},
			Claim: "The phone shows the missed call and the voice mail, and counts as many unread as Exchange does.",
			Holds: func(now device.Snapshot) bool {
				c, v := first(mailboxOf(now).Calls), first(mailboxOf(now).VoiceMails)
				return c.Kind == ews.Missed && c.Name == caller && v.Name == caller && v.Duration == recordingLength &&
					d.countsAsExchange(now)
			},
		},
		{
			Title: "The message is heard",
			Text:  "The phone fetches the recording, and marks the message as read.",
			Do:    d.fetch,
			Until: func(now device.Snapshot) bool {
				return now.Mailbox != nil && now.Mailbox.Unread < mailboxOf(d.before).Unread
			},
			Shows: func(now device.Snapshot) []string {
				return []string{fmt.Sprintf("%s, %d bytes", describeAudio(d.audio), len(d.recording)), newestMessage(now)}
			},
			Claim: fmt.Sprintf("All %s of the recording came, in a form that the phone can play; "+
				"in Exchange the message is read.", recordingLength),
			Holds: func(now device.Snapshot) bool {
				// G.711 is 8,000 bytes a second; the header is a fraction of one.
				length := time.Duration(len(d.recording)/8000) * time.Second
				playable := d.audio == ews.AudioALaw || d.audio == ews.AudioMuLaw
				return length == recordingLength && playable && d.countsAsExchange(now)
			},
		},
	}
}

// fetch fetches the newest recording and marks the message as read.
func (d *readyDemo) fetch() error {
	d.before = d.Phone.Snapshot()
	client, err := d.Phone.Exchange()
	if err != nil {
		return err
	}
	v := first(mailboxOf(d.before).VoiceMails)
	var b bytes.Buffer
	if d.audio, err = fetchRecording(d.ctx, client, v, &b); err != nil {
		return err
	}
	d.recording = b.Bytes()
	if _, err = client.MarkRead(d.ctx, v.ID, true); err != nil {
		return err
	}
	d.Phone.RefreshMailbox()
	return nil
}

// countsAsExchange reports whether the phone counts as many unread voice mails
// as Exchange does.
func (d *readyDemo) countsAsExchange(now device.Snapshot) bool {
	n, err := d.Lab.Exchange.Unread(d.account)
	return err == nil && mailboxOf(now).Unread == n
}

func newestMessage(now device.Snapshot) string {
	v := first(mailboxOf(now).VoiceMails)
	return fmt.Sprintf("Voice mail: %s, %s%s", partyText(v.Name, v.Number), lengthOf(v.Duration), unreadSuffix(v.Read))
}

// translated translates a number by the rules in force.
func translated(now device.Snapshot, number string) dialplan.Result {
	var rules *dialplan.Compiled
	if now.Plan != nil {
		rules = now.Plan.Compiled
	}
	return rules.Translate(number)
}

// dialled describes a translation in a line.
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
	all := mailboxOf(now).Contacts
	i := slices.IndexFunc(all, func(c ews.Contact) bool { return c.Name() == name && len(c.Phones) > 0 })
	if i < 0 {
		return ""
	}
	return all[i].Phones[0].Text
}

// unreadSuffix marks an unread message.
func unreadSuffix(read bool) string {
	if read {
		return ""
	}
	return ", unread"
}

// mailboxOf is the mailbox of a phone; empty if it has none.
func mailboxOf(now device.Snapshot) device.Mailbox {
	if now.Mailbox == nil {
		return device.Mailbox{}
	}
	return *now.Mailbox
}

// first is the first of a list; the zero value of an empty one.
func first[T any](list []T) (first T) {
	if len(list) > 0 {
		first = list[0]
	}
	return first
}
