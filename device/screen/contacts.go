package screen

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// contactsPage shows the contacts of the pool by groups, and those of Outlook.
// Typed letters and digits search both.
type contactsPage struct {
	noHold
	outlook   bool // which tab
	search    field
	rows      []contactRow // rows of the last view
	builtFrom rowsKey
}

// contactRow is one row: a person, or the name of a group.
type contactRow struct {
	*contact
	number int    // index of the phone number that matched; -1: none
	group  string // "": the row is a contact
	count  int    // in the group
}

// rowsKey is the cache key of the rows.
type rowsKey struct {
	index   *contactIndex
	version int
	outlook bool
	query   string
	made    string // the number that the dial plan makes of query
}

// IDs of the page of contacts.
const (
	searchID  = "search"
	personID  = "contact." // and the number of the row
	groupsID  = "tab.groups"
	outlookID = "tab.outlook"
)

func newContactsPage(*Screen) page {
	return &contactsPage{search: field{id: searchID, label: "contacts.search", max: 64}}
}

func (p *contactsPage) view(d pageContext) view.Page {
	p.updateRows(d)
	v := view.Page{ID: "contacts", Layout: view.List, Title: d.say("contacts.title"), Keyboard: view.Letters,
		Controls: []view.Control{p.search.control(d.texts)}}
	v.Controls[0].Icon = view.IconSearch
	if p.search.text == "" {
		v.Controls = append(v.Controls,
			view.Control{ID: groupsID, Role: view.Tab, Text: d.say("contacts.groups"), On: !p.outlook},
			view.Control{ID: outlookID, Role: view.Tab, Text: d.say("contacts.outlook"), On: p.outlook})
		if p.outlook {
			v.Controls = append(v.Controls, d.mailboxLines()...)
		}
	} else {
		v.Nav = []view.Control{softKey("search.clear", d.say("contacts.clear"), view.IconCancel)}
	}
	rows := p.rows
	v.List = &view.Rows{ID: personID, Len: len(rows), Row: func(i int) view.Control { return rows[i].control(d, i) }}
	switch {
	case p.search.text != "":
		v.List.Empty = d.say("contacts.noneFound")
	case p.outlook && d.now.Mailbox == nil: // the lines above say why
	case p.outlook:
		v.List.Empty = d.say("contacts.noOutlook")
	case d.now.Contacts == nil:
		v.List.Empty = d.say("contacts.notTold")
	default:
		v.List.Empty = d.say("contacts.noGroups")
	}
	return v
}

// updateRows makes the rows if their key has changed.
func (p *contactsPage) updateRows(d pageContext) {
	index := d.contacts()
	key := rowsKey{index: index, version: index.version, outlook: p.outlook, query: p.search.text}
	if p.builtFrom == key {
		return
	}
	p.builtFrom = key
	var rows []contactRow // a new array: Views hold the old one
	switch {
	case key.query != "":
		for _, h := range index.find(key.query) {
			rows = append(rows, contactRow{contact: h.contact, number: h.number})
		}
	case p.outlook:
		for _, o := range index.outlook {
			rows = append(rows, contactRow{contact: o, number: -1})
		}
	default:
		for _, s := range index.groups {
			name := cmp.Or(s.name, d.say("contacts.unnamed"))
			if s.other {
				name = d.say("contacts.other")
			}
			rows = append(rows, contactRow{group: name, count: len(s.contacts)})
			for _, c := range s.contacts {
				rows = append(rows, contactRow{contact: c, number: -1})
			}
		}
	}
	p.rows = rows
}

func (e contactRow) control(d pageContext, i int) view.Control {
	if e.contact == nil {
		c := heading(personID+number(i), e.group, view.IconGroup, view.ToneNone)
		c.Value = number(e.count)
		return c
	}
	c := row(personID+number(i), view.IconPerson, cmp.Or(e.displayName(), d.say("contacts.noName")), e.company, "")
	if c.Second == "" && e.address != c.Text {
		c.Second = e.address
	}
	switch {
	case e.number >= 0:
		c.Value = d.readable(e.phones[e.number].text)
	case len(e.phones) > 0 && e.phones[0].text != c.Text:
		c.Value = d.readable(e.phones[0].text)
	}
	return c
}

func (p *contactsPage) tap(s *Screen, id string) {
	switch id {
	case groupsID, outlookID:
		p.outlook = id == outlookID
	case "search.clear":
		p.search.text = ""
		s.focus = ""
	case mailboxLineID:
		s.openMailboxWarning()
	default:
		if i, ok := indexOf(id, personID, len(p.rows)); ok && p.rows[i].contact != nil {
			s.open(newCardPage(s, p.rows[i].contact))
		}
	}
}

func (p *contactsPage) typed(_ *Screen, text string) { p.search.typed(text) }

func (p *contactsPage) key(s *Screen, k view.Key) bool {
	switch {
	case len(k) == 1: // 0-9 * #
		p.search.typed(string(k))
	case k == view.KeyDelete:
		p.search.erase()
	case k == view.KeyEnter && s.focus == searchID: // the keyboard on the screen goes
		s.focus = ""
	case k == view.KeyEnd && p.search.text != "":
		p.search.text = ""
	case k == view.KeyEnd:
		s.back()
	default:
		return false
	}
	return true
}

// indexOf is the index of a row whose ID is prefix and a number below n.
func indexOf(id, prefix string, n int) (int, bool) {
	digits, ok := strings.CutPrefix(id, prefix)
	i, err := strconv.ParseUint(digits, 10, 31)
	return int(i), ok && err == nil && int(i) < n
}
