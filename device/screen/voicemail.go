package screen

import (
	"cmp"
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
)

// voicemailPage lists the voice mails, newest first; a tap opens the player.
type voicemailPage struct {
	opensDialPad
	rows []voicemail // rows of the last view
}

// voicemail is what is shown of one voice mail.
type voicemail struct {
	id           string // Exchange's
	name, number string
	at           time.Time
	length       time.Duration
	read         bool
	protected    bool
}

// voicemailID and the number of the row is the ID of a row.
const voicemailID = "voicemail."

func newVoicemailPage(*Screen) page { return &voicemailPage{} }

func (p *voicemailPage) view(d pageContext) view.Page {
	index := d.contacts()
	p.rows = index.voicemails(d)
	rows := p.rows
	v := view.Page{ID: "voicemail", Layout: view.List, Title: d.say("voicemail.title"), Controls: d.mailboxLines(),
		List: &view.Rows{ID: voicemailID, Len: len(rows), Row: func(i int) view.Control { return rows[i].control(d, i) }}}
	if box := d.now.Mailbox; box != nil {
		v.List.Empty = d.say("voicemail.none")
		if len(rows) > 0 {
			unread := d.say("voicemail.unread", "Count", box.Unread)
			v.Controls = append(v.Controls, textLine("unread", unread, view.NoIcon, view.ToneDim))
		}
	}
	return v
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

// caller is the name, or what there is instead.
func (m voicemail) caller(t *texts) string {
	switch {
	case m.name != "":
		return m.name
	case m.number != "":
		return m.number
	}
	return t.say("calls.withheld")
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

func (p *voicemailPage) tap(s *Screen, id string) {
	if id == mailboxLineID {
		s.openMailboxWarning()
	} else if i, ok := indexOf(id, voicemailID, len(p.rows)); ok {
		s.open(newPlayerPage(s, p.rows[i].id))
	}
}
