package screen

import (
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// sheet is a page without a state of its own: functions of what there is to
// show. Its controls act by themselves.
type sheet struct {
	plain
	id string
	// public says that it shows the phone, nothing of a user: it stays when he
	// signs out.
	public bool
	// draw is what it shows: the page, and what its controls do.
	draw func(d draw, p *sketch)
	// digits opens a page for a digit that is pressed or typed; nil: none.
	digits func(s *Screen, digits string) page
	last   map[string]func(*Screen) // by control, of the last view
}

// sketch is a page in the making.
type sketch struct {
	view.Page
	act map[string]func(*Screen)
}

// add puts controls on the page that only show something.
func (p *sketch) add(controls ...view.Control) { p.Controls = append(p.Controls, controls...) }

// do puts a control on the page that does something.
func (p *sketch) do(c view.Control, f func(*Screen)) {
	p.Controls = append(p.Controls, c)
	p.act[c.ID] = f
}

// nav puts a soft key into the bar at the bottom.
func (p *sketch) nav(id, text string, icon view.Icon, f func(*Screen)) {
	p.Nav = append(p.Nav, view.Control{ID: id, Role: view.Button, Text: text, Icon: icon})
	p.act[id] = f
}

// label is a row of a detail page; one without a value is left out.
func (p *sketch) label(id, text, value string) {
	if value != "" {
		p.add(view.Control{ID: id, Role: view.Label, Text: text, Value: value})
	}
}

func (sh *sheet) view(d draw) view.Page {
	p := &sketch{Page: view.Page{ID: sh.id, Layout: view.Detail}, act: map[string]func(*Screen){}}
	sh.draw(d, p)
	sh.last = p.act
	return p.Page
}

func (sh *sheet) tap(s *Screen, id string) {
	if f := sh.last[id]; f != nil {
		f(s)
	}
}

func (sh *sheet) key(s *Screen, k view.Key) bool {
	if sh.digits == nil || len(k) != 1 {
		return false
	}
	s.open(sh.digits(s, string(k)))
	return true
}

func (sh *sheet) typed(s *Screen, text string) {
	if sh.digits != nil && text != "" && strings.Trim(text, "0123456789*#+") == "" {
		s.open(sh.digits(s, text))
	}
}

// dialog asks or tells something; every button takes it away.
func dialog(id, title string, lines []string, buttons ...choice) *sheet {
	return &sheet{id: id, public: true, draw: func(_ draw, p *sketch) {
		p.Layout, p.Title, p.Focus = view.Centered, title, buttons[0].id // Enter answers; the first button does no harm
		for i, line := range lines {
			p.add(view.Control{ID: "text." + number(i), Role: view.Text, Text: line})
		}
		for _, b := range buttons {
			p.do(view.Control{ID: b.id, Role: view.Button, Text: b.text, Tone: b.tone}, func(s *Screen) {
				s.answer()
				if b.do != nil {
					b.do(s)
				}
			})
		}
	}}
}

// choice is a button of a dialog.
type choice struct {
	id, text string
	tone     view.Tone
	do       func(*Screen) // nil: nothing more
}

// tell shows something that only has to be read.
func (s *Screen) tell(id, title string, lines ...string) {
	s.ask(dialog(id, title, lines, choice{id: "ok", text: s.texts.say("ok")}))
}

// confirm asks before something that cannot be taken back.
func (s *Screen) confirm(id, title string, lines []string, yes string, do func(*Screen)) {
	s.ask(dialog(id, title, lines, choice{id: "cancel", text: s.texts.say("cancel")}, choice{id: "yes", text: yes, tone: view.ToneBad, do: do}))
}

// list fills the page with rows; all their IDs begin with id.
func (p *sketch) list(id string, rows []view.Control, empty string) {
	p.Layout = view.List
	p.List = &view.Rows{ID: id, Len: len(rows), Row: func(i int) view.Control { return rows[i] }, Empty: empty}
}

// row adds a row that does something to rows.
func (p *sketch) row(rows *[]view.Control, c view.Control, f func(*Screen)) {
	c.Role = view.Row
	*rows = append(*rows, c)
	p.act[c.ID] = f
}
