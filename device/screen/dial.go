package screen

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
)

// dialPage is the dial pad: the typed number, its translation by the dial plan,
// and the contacts whose number, or name by digit keys, matches.
type dialPage struct {
	s            *Screen // for translations
	text         field
	translations translations
	builtFrom    rowsKey     // of matches
	matches      []dialMatch // rows of the last view
	lastNumber   string      // of the last outgoing call
	given        string      // the number that was not typed; "": none
	noCallsShown bool        // the page says that this version makes no calls
}

// dialMatch is one number of a contact.
type dialMatch struct {
	*contact
	number string
	kind   string
}

// IDs of the dial pad.
const (
	dialledID     = "number"
	translationID = "rules"
	matchID       = "match." // and the number of the row
	redialID      = "redial"
	eraseID       = "erase"
	callKeyID     = "call"
)

// longPress is how long 0 is held for a +.
const longPress = 800 * time.Millisecond

func newDialPage(s *Screen, digits string) page {
	p := &dialPage{s: s, text: field{id: dialledID, label: "dial.number"}}
	if isDialled(digits) {
		p.text.typed(digits)
	} else {
		p.set(digits)
	}
	if digits == "0" { // the key that opened the page may still be down
		p.plus(s)
	}
	return p
}

// isDialled reports whether text consists of keys of the dial pad and +.
func isDialled(text string) bool { return text != "" && strings.Trim(text, "0123456789*#+") == "" }

func (p *dialPage) view(d pageContext) view.Page {
	p.translations.lookUp(p.s, d.now, p.text.text)
	r, translated := p.translations.known[p.text.text]
	index := d.contacts()
	p.updateMatches(index, r.number)
	empty := p.text.text == ""
	v := view.Page{ID: "dial", Layout: view.Dial, Title: d.say("dial.title"), Keyboard: view.Letters,
		Controls: []view.Control{p.text.control(d.texts)}}
	switch number := &v.Controls[0]; { // one line of words below the number: the keys keep their place
	case d.focus == dialledID: // letters are typed: the keyboard takes the place of the keys
		v.Layout = view.List
	case p.text.text == p.given:
		number.Value = d.readable(p.given)
	}
	switch {
	case p.noCallsShown:
		v.Controls = append(v.Controls, textLine("no-calls", d.say("dial.noCalls"), view.IconInfo, view.ToneWarn))
	case empty:
		v.Controls = append(v.Controls, textLine("hint", d.say("dial.hint"), view.NoIcon, view.ToneDim))
	case translated:
		result := row(translationID, view.IconInfo, d.readable(r.result), d.translated(r), "")
		v.Controls = append(v.Controls, result)
	}
	rows := p.matches
	v.List = &view.Rows{ID: matchID, Len: len(rows), Row: func(i int) view.Control {
		m := rows[i]
		c := row(matchID+number(i), view.IconPerson, m.displayName(), d.readable(m.number), "")
		if m.kind != "" {
			c.Value = d.kindOf(m.kind)
		}
		return c
	}}
	if !empty {
		v.List.Empty = d.say("dial.noMatch")
	}
	call := softKey(callKeyID, d.say("dial.call"), view.IconCall)
	erase := softKey(eraseID, d.say("dial.erase"), view.IconBackspace)
	call.Tone, call.Off, erase.Off = view.ToneGood, empty, empty
	v.Nav = append(v.Nav, call, erase)
	p.lastNumber = ""
	if box := d.now.Mailbox; box != nil {
		for _, c := range box.Calls {
			if c.Kind == "outgoing" && c.Number != "" {
				p.lastNumber = numberText(c.Number)
				redial := softKey(redialID, d.say("dial.redial"), view.IconOutgoing)
				redial.Second = cmp.Or(oneLine(c.Name), index.nameOf(p.lastNumber), d.readable(p.lastNumber))
				redial.Off = !empty // it stays, so that the other keys do not move
				v.Nav = append(v.Nav, redial)
				break
			}
		}
	}
	return v
}

// updateMatches finds the contacts that match what was dialled, or whose number is
// the one that the dial plan made of it, if the key has changed. The latter come
// first.
func (p *dialPage) updateMatches(index *contactIndex, made string) {
	key := rowsKey{index: index, version: index.version, query: p.text.text, made: made}
	if p.builtFrom == key {
		return
	}
	p.builtFrom, p.matches = key, nil // a new array: Views hold the old one
	if strings.TrimSpace(key.query) == "" {
		return
	}
	called := index.withNumber(made)
	for _, h := range append(slices.Clone(called), index.find(key.query)...) {
		switch again := slices.ContainsFunc(p.matches, func(m dialMatch) bool { return m.contact == h.contact }); {
		case again:
		case h.number >= 0:
			p.matches = append(p.matches, dialMatch{h.contact, h.phones[h.number].text, h.phones[h.number].kind})
		case len(h.phones) == 0 && h.address != "":
			p.matches = append(p.matches, dialMatch{h.contact, h.address, ""})
		default:
			for _, n := range h.phones {
				p.matches = append(p.matches, dialMatch{h.contact, n.text, n.kind})
			}
		}
	}
}

func (p *dialPage) tap(s *Screen, id string) {
	switch id {
	case callKeyID:
		p.call()
	case eraseID:
		p.noCallsShown = false
		p.text.erase()
	case redialID:
		p.set(p.lastNumber)
	case translationID:
		if r, ok := p.translations.known[p.text.text]; ok {
			s.open(rulesPage(r))
		}
	default:
		if i, ok := indexOf(id, matchID, len(p.matches)); ok {
			p.set(p.matches[i].number)
			s.focus = "" // so that Enter calls
		}
	}
}

// hold on the erase key clears the number.
func (p *dialPage) hold(_ *Screen, id string) {
	if id == eraseID {
		p.set("")
	}
}

func (p *dialPage) set(number string) {
	p.noCallsShown, p.text.text = false, ""
	p.text.typed(number)
	p.given = p.text.text
}

// call shows that this version makes no calls.
func (p *dialPage) call() { p.noCallsShown = p.text.text != "" }

func (p *dialPage) typed(_ *Screen, text string) {
	p.noCallsShown = false
	p.text.typed(text)
}

func (p *dialPage) key(s *Screen, k view.Key) bool {
	switch {
	case k == view.Key0:
		p.typed(s, "0")
		p.plus(s)
	case len(k) == 1: // 1-9 * #
		p.typed(s, string(k))
	case k == view.KeyDelete:
		p.tap(s, eraseID)
	case k == view.KeyCall && p.text.text == "" && p.lastNumber != "": // as on the phone
		p.set(p.lastNumber)
	case k == view.KeyCall:
		p.call()
	case k == view.KeyEnter && s.focus == dialledID: // the keyboard on the screen goes
		s.focus = ""
	case k == view.KeyEnd:
		s.back()
	default:
		return false
	}
	return true
}

// plus replaces the 0 just typed by + if its key is still down after longPress.
func (p *dialPage) plus(s *Screen) {
	pressed, typed := s.keysDown[view.Key0], p.text.text
	if pressed.IsZero() {
		return
	}
	s.opt.Clock.AfterFunc(longPress, func() {
		s.change(func() {
			if s.keysDown[view.Key0].Equal(pressed) && p.text.text == typed && strings.HasSuffix(typed, "0") {
				p.text.text = strings.TrimSuffix(typed, "0") + "+"
			}
		})
	})
}
