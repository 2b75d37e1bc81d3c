package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/setup"
	"github.com/ocphone/ocphone/ews"
)

func (e environment) voicemail() *cobra.Command {
	c := &cobra.Command{Use: "voicemail", Short: "Play, save or delete a voice mail",
		Long: `Voicemail signs a phone in, handles one voice mail and signs out. N is its number
in the list of ocphone mailbox voicemail, where 1 is the newest; in a script give
its id from the --json of that list, since numbers move when a message arrives.`}
	return addCommands(c, e.voicemailPlay(), e.voicemailSave(), e.voicemailDelete())
}

// voicemailVerb is a sub-command on one voice mail. use is called only if the
// voice mail exists.
func (e environment) voicemailVerb(c *cobra.Command, check func() error,
	use func(context.Context, *ews.Client, ews.VoiceMail) error) *cobra.Command {
	var f mailboxFlags
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("it is called as `%s`; `ocphone mailbox voicemail` lists N", useLine(c))
		}
		if n, err := strconv.Atoi(args[0]); err == nil && n < 1 {
			return usagef("voice mails are counted from 1, the newest")
		}
		if err := check(); err != nil {
			return err
		}
		return e.withMailbox(c.Context(), &f, func(ctx context.Context, phone *device.Phone, b device.Mailbox) error {
			v, err := findVoiceMail(b.VoiceMails, args[0])
			if err != nil {
				return err
			}
			client, err := phone.Exchange()
			if err != nil {
				return err
			}
			return use(ctx, client, v)
		})
	}
	f.register(c)
	return c
}

// findVoiceMail finds a voice mail by its number from 1 or its id.
func findVoiceMail(all []ews.VoiceMail, which string) (ews.VoiceMail, error) {
	if n, err := strconv.Atoi(which); err == nil {
		if n > len(all) {
			return ews.VoiceMail{}, personf("there is no voice mail %d: the mailbox holds %s (ocphone "+
				"mailbox voicemail)", n, journal.Count(len(all), "voice mail", "voice mails"))
		}
		return all[n-1], nil
	}
	i := slices.IndexFunc(all, func(v ews.VoiceMail) bool { return v.ID.ID == which })
	if i < 0 {
		return ews.VoiceMail{}, personf("there is no voice mail with the id %s: `ocphone mailbox "+
			"voicemail` lists their numbers, its --json their ids", which)
	}
	return all[i], nil
}

// recordingVerb is a voicemailVerb that calls use with a recording, then marks the
// message as read if --mark-read is given.
func (e environment) recordingVerb(c *cobra.Command, check func() error,
	use func(ctx context.Context, v ews.VoiceMail, audio ews.Audio, recording *bytes.Buffer) error) *cobra.Command {
	var markRead bool
	c = e.voicemailVerb(c, check, func(ctx context.Context, client *ews.Client, v ews.VoiceMail) error {
		var b bytes.Buffer
		audio, err := fetchRecording(ctx, client, v, &b)
		if err == nil {
			err = use(ctx, v, audio, &b)
		}
		if err == nil && markRead {
			_, err = client.MarkRead(ctx, v.ID, true)
		}
		return err
	})
	c.Flags().BoolVar(&markRead, "mark-read", false, "mark the message as read then")
	return c
}

func (e environment) voicemailPlay() *cobra.Command {
	var command string
	c := e.recordingVerb(&cobra.Command{Use: "play N", Short: "Play a voice mail with a program of the host",
		Long: `Play hands the recording to a program on its standard input: the first of paplay,
aplay and ffplay that is there and plays its format. The message stays unread
unless --mark-read is given.`,
		Example: "  ocphone voicemail play 1 --lab lab.json\n  ocphone voicemail play 1 --lab lab.json --player 'mpv -'",
	}, func() error {
		if command != "" && len(strings.Fields(command)) == 0 {
			return usagef("--player names no program")
		}
		return nil
	}, func(ctx context.Context, v ews.VoiceMail, audio ews.Audio, recording *bytes.Buffer) error {
		args := strings.Fields(command)
		if len(args) == 0 {
			if args = playerFor(audio); args == nil {
				return personf("no program here plays the recording, which is %s: name one with --player, or "+
					"save it (ocphone voicemail save)", describeAudio(audio))
			}
		}
		if !e.form.silent() {
			e.warnf("%s: %s, %s\n", args[0], describeVoiceMail(v), describeAudio(audio))
		}
		play := exec.CommandContext(ctx, args[0], args[1:]...)
		play.Env = setup.Environ()
		play.Stdin, play.Stdout, play.Stderr = recording, e.err, e.err
		play.WaitDelay = signOutTimeout
		if err := play.Run(); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			return personf("playing failed: %w; try another --player, or save it (ocphone voicemail save)", err)
		}
		return e.showVoiceMail(voiceMailDocument{VoiceMail: v, Audio: audio})
	})
	c.Flags().StringVar(&command, "player", "", "`PROGRAM` and its arguments, instead of the one chosen")
	return c
}

// playerFor is the program that plays audio from its standard input; nil if
// there is none.
func playerFor(audio ews.Audio) []string {
	wave := []ews.Audio{ews.AudioALaw, ews.AudioMuLaw, ews.AudioWAV}
	for _, p := range []struct {
		command []string
		plays   []ews.Audio // nil: everything
	}{
		{[]string{"paplay"}, append(wave, ews.AudioGSM)},
		{[]string{"aplay", "-q", "-"}, wave},
		{[]string{"ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-"}, nil},
	} {
		if p.plays != nil && !slices.Contains(p.plays, audio) {
			continue
		}
		if _, err := exec.LookPath(p.command[0]); err == nil {
			return p.command
		}
	}
	return nil
}

func (e environment) voicemailSave() *cobra.Command {
	var out string
	var force bool
	c := e.recordingVerb(&cobra.Command{Use: "save N", Short: "Save the recording of a voice mail",
		Long: `Save writes the recording as it came, to a file that only you may read. Without
--out its name is made of time and number; --out - is the standard output. The
message stays unread unless --mark-read is given.`,
		Example: "  ocphone voicemail save 1 --lab lab.json\n  ocphone voicemail save 1 --lab lab.json --out message.wav " +
			"--mark-read",
	}, func() error {
		if out == "" {
			return nil
		}
		return e.checkOutput(out, force)
	}, func(_ context.Context, v ews.VoiceMail, audio ews.Audio, recording *bytes.Buffer) error {
		if out == toStdout {
			_, err := e.out.Write(recording.Bytes())
			return err
		}
		name := cmp.Or(out, fileName(v, audio))
		if err := boundedfile.Save(name, recording.Bytes(), force); err != nil {
			return err
		}
		e.printf("%s: %s, %s, %d bytes\n", name, describeVoiceMail(v), describeAudio(audio), recording.Len())
		if audio == ews.AudioWMA {
			e.warnf("the phone itself cannot play this format; ffplay and Windows can\n")
		}
		return e.showVoiceMail(voiceMailDocument{v, audio, name, recording.Len()})
	})
	c.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write, - for the standard output")
	c.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return c
}

// voiceMailDocument is the JSON form of the voicemail commands.
type voiceMailDocument struct {
	VoiceMail ews.VoiceMail `json:"voiceMail"`
	Audio     ews.Audio     `json:"audio,omitempty"` // format of the recording
	File      string        `json:"file,omitempty"`  // where it is saved
	Bytes     int           `json:"bytes,omitempty"` // of the recording
}

// showVoiceMail prints d in JSON; as text a command has printed it already.
func (e environment) showVoiceMail(d voiceMailDocument) error {
	if !e.json {
		return nil
	}
	return e.document(d)
}

func (e environment) voicemailDelete() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "delete N", Short: "Move a voice mail to Deleted Items",
		Example: "  ocphone voicemail delete 1 --lab lab.json --yes"}
	c = e.voicemailVerb(c, func() error {
		if !yes {
			return usagef("it changes the mailbox: add --yes if that is meant")
		}
		return nil
	}, func(ctx context.Context, client *ews.Client, v ews.VoiceMail) error {
		if err := client.Delete(ctx, v.ID); err != nil {
			return err
		}
		e.printf("moved to Deleted Items: %s\n", describeVoiceMail(v))
		return e.showVoiceMail(voiceMailDocument{VoiceMail: v})
	})
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// fetchRecording writes the newest recording of v to w, at most
// ews.DefaultMaxAttachment bytes, and returns its format, which its first bytes
// show.
func fetchRecording(ctx context.Context, client *ews.Client, v ews.VoiceMail, w io.Writer) (ews.Audio, error) {
	if v.Protected {
		return "", personf("the message is protected (rights management): neither the phone nor " +
			"ocphone can open it; hear it in Outlook, or by telephone")
	}
	all, err := client.Recordings(ctx, v.ID)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", personf("the message has no recording")
	}
	got, err := client.FetchAttachment(ctx, all[0].ID, w)
	return got.Audio, err
}

var audioNames = map[ews.Audio]string{
	ews.AudioALaw:  "WAV with G.711 A-law",
	ews.AudioMuLaw: "WAV with G.711 µ-law",
	ews.AudioGSM:   "WAV with GSM 06.10",
	ews.AudioWAV:   "WAV",
	ews.AudioWMA:   "Windows Media Audio",
	ews.AudioMP3:   "MP3",
}

// describeAudio names a format for a person.
func describeAudio(a ews.Audio) string { return cmp.Or(audioNames[a], "of an unknown format") }

// describeVoiceMail names caller, time and length.
func describeVoiceMail(v ews.VoiceMail) string {
	return strings.TrimSuffix(fmt.Sprintf("%s, %s, %s", partyText(v.Name, v.Number), localTime(v.Received),
		lengthOf(v.Duration)), ", ")
}

// fileName is voicemail-TIME-NUMBER with the extension of the format. Of the
// number, which a server sent, only letters, digits and + are used.
func fileName(v ews.VoiceMail, a ews.Audio) string {
	parts := []string{"voicemail"}
	if !v.Received.IsZero() {
		parts = append(parts, v.Received.Local().Format("20060102-150405"))
	}
	number := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '+' {
			return r
		}
		return -1
	}, v.Number)
	if number != "" {
		parts = append(parts, number[:min(len(number), maxNumber)])
	}
	endings := map[ews.Audio]string{ews.AudioWMA: ".wma", ews.AudioMP3: ".mp3", ews.AudioUnknown: ".bin"}
	return strings.Join(parts, "-") + cmp.Or(endings[a], ".wav")
}

// maxNumber bounds the number in a file name, in characters.
const maxNumber = 40
