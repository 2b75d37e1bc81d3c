package screen

import (
	"cmp"

	"github.com/ocphone/ocphone/device/screen/view"
)

// Rows of the card.
const (
	numberID  = "number." // and its index
	addressID = "address"
)

// newCardPage shows what is known of one person; a tap on a number opens the
// dial pad with it.
func newCardPage(s *Screen, c *contact) page {
	var numbers translations
	texts := make([]string, len(c.phones))
	for i, n := range c.phones {
		texts[i] = n.text
	}
	return &builtPage{id: "card", digits: newDialPage, build: func(d pageContext, p *pageBuilder) {
		dial := func(number string) func(*Screen) {
			return func(s *Screen) { s.open(newDialPage(s, number)) }
		}
		p.Title = d.say("card.title")
		name := cmp.Or(c.displayName(), d.say("contacts.noName"))
		p.add(heading("name", name, view.IconPerson, view.ToneNone))
		numbers.lookUp(s, d.now, texts...)
		for i, n := range c.phones {
			line := row(numberID+number(i), view.IconDial, d.readable(n.text), "", d.kindOf(n.kind))
			if r, ok := numbers.known[n.text]; ok && d.readable(r.result) != line.Text {
				line.Second = d.say("card.dials", "Number", d.readable(r.result))
			}
			p.addAction(line, dial(n.text))
		}
		if c.address != "" {
			p.addAction(row(addressID, view.IconPerson, c.address, "", d.say("card.address")), dial(c.address))
		}
		p.labels(d.texts, "card.", "email", c.email, "company", c.company)
		if len(c.phones) == 0 {
			p.add(textLine("no-number", d.say("card.noNumber"), view.NoIcon, view.ToneDim))
		}
	}}
}

// kindOf names the kind of a number: work, mobile, …
func (t *texts) kindOf(kind string) string {
	id := map[string]string{
		"BusinessPhone": "work", "BusinessPhone2": "work2",
		"MobilePhone": "mobile", "HomePhone": "home", "PrimaryPhone": "main",
	}[kind]
	return t.say("phone." + cmp.Or(id, "other"))
}
