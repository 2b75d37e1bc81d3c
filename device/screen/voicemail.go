package screen

import (
	"cmp"

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ews"
)

// voicemail is one row of the list of voice mails.
type voicemail struct {
	ews.VoiceMail
	name, number string
}

// voicemailID and the row's number make the ID of a row.
const voicemailID = "voicemail."

// newVoicemailPage lists the voice mails, newest first; a tap opens the player.
func newVoicemailPage(*Screen) page {
	return &builtPage{id: "voicemail", digits: newDialPage, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("voicemail.title")
		p.addMailboxLines(d)
		rows, empty := d.contacts().voicemails(d), ""
		if box := d.now.Mailbox; box != nil {
			empty = d.say("voicemail.none")
			if len(rows) > 0 {
				unread := d.say("voicemail.unread", "Count", box.Unread)
				p.add(textLine("unread", unread, view.NoIcon, view.ToneDim))
			}
		}
		p.longList(voicemailID, len(rows), func(i int) view.Control { return rows[i].control(d, i) },
			func(s *Screen, i int) { s.open(newPlayerPage(s, rows[i].ID.ID)) }, empty)
	}}
}

// voicemails are the voice mails of the mailbox.
func (b *contactIndex) voicemails(d pageContext) (all []voicemail) {
	for _, m := range d.mailbox().VoiceMails {
		number := numberText(m.Number)
		all = append(all, voicemail{m, cmp.Or(oneLine(m.Name), b.nameOf(number)), number})
	}
	return all
}

// caller is the name, else the number, else a text.
func (m voicemail) caller(t *texts) string {
	return cmp.Or(m.name, m.number, t.say("calls.withheld"))
}

func (m voicemail) control(d pageContext, i int) view.Control {
	c := row(voicemailID+number(i), view.IconVoicemail, m.caller(d.texts), "", d.when(m.Received))
	if m.Duration > 0 {
		c.Second = minutes(m.Duration)
	}
	if !m.Read {
		c.Tone = view.ToneWarn
		c.Second = joined(d.say("voicemail.new"), c.Second)
	}
	if m.Protected {
		c.Second = joined(c.Second, d.say("voicemail.protected"))
	}
	return c
}
