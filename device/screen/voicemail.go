package screen

import (
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
)

// voicemailPage lists the voice mails, newest first; a tap opens the player.
type voicemailPage struct {
	dials
	shown []mail // rows of the last view
}

// mail is what is shown of one voice mail.
type mail struct {
	id          string // Exchange's
	who, number string
	at          time.Time
	length      time.Duration
	read        bool
	protected   bool
}

// mailID and the number of the row is the ID of a row.
const mailID = "voicemail."

func newVoicemailPage(*Screen) page { return &voicemailPage{} }

func (p *voicemailPage) view(d draw) view.Page {
	book := d.people()
	p.shown = book.mails(d)
	rows := p.shown
	v := view.Page{ID: "voicemail", Layout: view.List, Title: d.say("voicemail.title"), Controls: d.boxLines(),
		List: &view.Rows{ID: mailID, Len: len(rows), Row: func(i int) view.Control { return rows[i].control(d, i) }}}
	if box := d.now.Mailbox; box != nil {
		v.List.Empty = d.say("voicemail.none")
		if len(rows) > 0 {
			v.Controls = append(v.Controls, view.Control{ID: "unread", Role: view.Text, Text: d.say("voicemail.unread", "Count", box.Unread), Tone: view.ToneDim})
		}
	}
	return v
}

// mails are the voice mails of the mailbox.
func (b *book) mails(d draw) (all []mail) {
	if d.now.Mailbox == nil {
		return nil
	}
	for _, m := range d.now.Mailbox.VoiceMails {
		row := mail{id: m.ID.ID, who: oneLine(m.Name), number: numberText(m.Number), at: m.Received, length: m.Duration, read: m.Read, protected: m.Protected}
		if row.who == "" {
			row.who = b.nameOf(row.number)
		}
		all = append(all, row)
	}
	return all
}

// caller is the name, or what there is instead.
func (m mail) caller(t *texts) string {
	switch {
	case m.who != "":
		return m.who
	case m.number != "":
		return m.number
	}
	return t.say("calls.withheld")
}

func (m mail) control(d draw, i int) view.Control {
	c := view.Control{ID: mailID + number(i), Role: view.Row, Icon: view.IconVoicemail, Text: m.caller(d.texts), Value: d.when(m.at)}
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
	if id == troubleID {
		s.openTrouble()
	} else if i, ok := indexOf(id, mailID, len(p.shown)); ok {
		s.open(newPlayerPage(s, p.shown[i].id))
	}
}
