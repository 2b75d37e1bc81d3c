package screen

import (
	"cmp"

	"github.com/ocphone/ocphone/device/screen/view"
)

// cardPage is what is known of one person; a tap on a number takes it to the
// dial pad.
type cardPage struct {
	opensDialPad
	s *Screen // for the rules, which are asked beside it
	*contact
	translations translations
}

// IDs of the card.
const (
	numberID  = "number." // and which one
	addressID = "address"
)

func newCardPage(s *Screen, c *contact) page { return &cardPage{s: s, contact: c} }

func (p *cardPage) view(d pageContext) view.Page {
	v := view.Page{ID: "card", Layout: view.Detail, Title: d.say("card.title")}
	name := cmp.Or(p.displayName(), d.say("contacts.noName"))
	v.Controls = append(v.Controls, heading("name", name, view.IconPerson, view.ToneNone))
	texts := make([]string, len(p.phones))
	for i, n := range p.phones {
		texts[i] = n.text
	}
	p.translations.lookUp(p.s, d.now, texts...)
	for i, n := range p.phones {
		c := row(numberID+number(i), view.IconDial, d.readable(n.text), "", d.kindOf(n.kind))
		if r, ok := p.translations.known[n.text]; ok {
			c.Second = d.say("card.dials", "Number", d.readable(r.result))
		}
		v.Controls = append(v.Controls, c)
	}
	if p.address != "" {
		v.Controls = append(v.Controls, row(addressID, view.IconPerson, p.address, "", d.say("card.address")))
	}
	for _, l := range []view.Control{
		{ID: "email", Text: d.say("card.email"), Value: p.email},
		{ID: "company", Text: d.say("card.company"), Value: p.company},
	} {
		if l.Value != "" {
			l.Role = view.Label
			v.Controls = append(v.Controls, l)
		}
	}
	if len(p.phones) == 0 {
		v.Controls = append(v.Controls, textLine("no-number", d.say("card.noNumber"), view.NoIcon, view.ToneDim))
	}
	return v
}

// kindOf is what a number is for.
func (t *texts) kindOf(kind string) string {
	switch kind {
	case "BusinessPhone":
		return t.say("phone.work")
	case "BusinessPhone2":
		return t.say("phone.work2")
	case "MobilePhone":
		return t.say("phone.mobile")
	case "HomePhone":
		return t.say("phone.home")
	case "PrimaryPhone":
		return t.say("phone.main")
	}
	return t.say("phone.other")
}

func (p *cardPage) tap(s *Screen, id string) {
	if id == addressID {
		s.open(newDialPage(s, p.address))
	} else if i, ok := indexOf(id, numberID, len(p.phones)); ok {
		s.open(newDialPage(s, p.phones[i].text))
	}
}

// opensDialPad is a page on which digits that are pressed or typed go to the dial pad;
// the red key leaves it.
type opensDialPad struct{ noHold }

func (opensDialPad) key(s *Screen, k view.Key) bool {
	switch {
	case len(k) == 1: // 0-9 * #
		p := newDialPage(s, "")
		s.open(p)
		return p.key(s, k)
	case k == view.KeyEnd:
		s.back()
		return true
	}
	return false
}

func (opensDialPad) typed(s *Screen, text string) {
	if isDialled(text) {
		s.open(newDialPage(s, text))
	}
}
