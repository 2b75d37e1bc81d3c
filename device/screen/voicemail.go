package screen

import (
	"cmp"
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
)

// voicemail is one row of the list of voice mails.
type voicemail struct {
	id           string // of the item at Exchange
	name, number string
	at           time.Time
	length       time.Duration
	read         bool
	protected    bool
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
			func(s *Screen, i int) { s.open(newPlayerPage(s, rows[i].id)) }, empty)
	}}
}

// voicemails are the voice mails of the mailbox.
func (b *contactIndex) voicemails(d pageContext) (all []voicemail) {
	if d.now.Mailbox == nil {
		return nil
	}
	for _, m := range d.now.Mailbox.VoiceMails {
		number := numberText(m.Number)
		all = append(all, voicemail{
			id:        m.ID.ID,
			name:      cmp.Or(oneLine(m.Name), b.nameOf(number)),
			number:    number,
			at:        m.Received,
			length:    m.Duration,
			read:      m.Read,
			protected: m.Protected,
		})
	}
	return all
}

// caller is the name, else the number, else a text.
func (m voicemail) caller(t *texts) string {
	return cmp.Or(m.name, m.number, t.say("calls.withheld"))
}

func (m voicemail) control(d pageContext, i int) view.Control {
	c := row(voicemailID+number(i), view.IconVoicemail, m.caller(d.texts), "", d.when(m.at))
	if m.length > 0 {
		c.Second = minutes(m.length)
	}
	if !m.read {
		c.Tone = view.ToneWarn
		c.Second = joined(d.say("voicemail.new"), c.Second)
	}
	if m.protected {
		c.Second = joined(c.Second, d.say("voicemail.protected"))
	}
	return c
}
