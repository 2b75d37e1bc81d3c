package screen

import (
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// builtPage is a page without a state of its own: functions of what there is to
// show. Its controls act by themselves.
type builtPage struct {
	noHold
	id string
	// public says that it shows the phone, nothing of a user: it stays when he
	// signs out.
	public bool
	// draw is what it shows: the page, and what its controls do.
	build func(d pageContext, p *pageBuilder)
	// digits opens a page for a digit that is pressed or typed; nil: none.
	digits  func(s *Screen, digits string) page
	actions map[string]func(*Screen) // by control, of the last view
}

// pageBuilder is a page in the making.
type pageBuilder struct {
	view.Page
	actions map[string]func(*Screen)
}

// add puts controls on the page that only show something.
func (p *pageBuilder) add(controls ...view.Control) { p.Controls = append(p.Controls, controls...) }

// addAction puts a control on the page that does something.
func (p *pageBuilder) addAction(c view.Control, f func(*Screen)) {
	p.Controls = append(p.Controls, c)
	p.actions[c.ID] = f
}

// softKey puts a soft key into the bar at the bottom.
func (p *pageBuilder) softKey(id, text string, icon view.Icon, f func(*Screen)) {
	p.Nav = append(p.Nav, softKey(id, text, icon))
	p.actions[id] = f
}

// softKey is a button of the bar at the bottom.
func softKey(id, text string, icon view.Icon) view.Control {
	return view.Control{ID: id, Role: view.Button, Text: text, Icon: icon}
}

// textLine is a control that shows a line of text.
func textLine(id, text string, icon view.Icon, tone view.Tone) view.Control {
	return view.Control{ID: id, Role: view.Text, Text: text, Icon: icon, Tone: tone}
}

// heading is a control that shows a heading.
func heading(id, text string, icon view.Icon, tone view.Tone) view.Control {
	return view.Control{ID: id, Role: view.Heading, Text: text, Icon: icon, Tone: tone}
}

// row is a row of a list, or one that stands on a page by itself.
func row(id string, icon view.Icon, text, second, value string) view.Control {
	return view.Control{ID: id, Role: view.Row, Icon: icon, Text: text, Second: second, Value: value}
}

// label is a row of a detail page; one without a value is left out.
func (p *pageBuilder) label(id, text, value string) {
	if value != "" {
		p.add(view.Control{ID: id, Role: view.Label, Text: text, Value: value})
	}
}

func (sh *builtPage) view(d pageContext) view.Page {
	p := &pageBuilder{Page: view.Page{ID: sh.id, Layout: view.Detail}, actions: map[string]func(*Screen){}}
	sh.build(d, p)
	sh.actions = p.actions
	return p.Page
}

func (sh *builtPage) tap(s *Screen, id string) {
	if f := sh.actions[id]; f != nil {
		f(s)
	}
}

func (sh *builtPage) key(s *Screen, k view.Key) bool {
	if sh.digits == nil || len(k) != 1 {
		return false
	}
	s.open(sh.digits(s, string(k)))
	return true
}

func (sh *builtPage) typed(s *Screen, text string) {
	if sh.digits != nil && text != "" && strings.Trim(text, "0123456789*#+") == "" {
		s.open(sh.digits(s, text))
	}
}

// newDialog asks or tells something; every button takes it away.
func newDialog(id, title string, lines []string, buttons ...dialogButton) *builtPage {
	return &builtPage{id: id, public: true, build: func(_ pageContext, p *pageBuilder) {
		p.Layout, p.Title, p.Focus = view.Centered, title, buttons[0].id // Enter answers; the first button does no harm
		for i, line := range lines {
			p.add(view.Control{ID: "text." + number(i), Role: view.Text, Text: line})
		}
		for _, b := range buttons {
			p.addAction(view.Control{ID: b.id, Role: view.Button, Text: b.text, Tone: b.tone}, func(s *Screen) {
				s.closeDialog()
				if b.do != nil {
					b.do(s)
				}
			})
		}
	}}
}

// dialogButton is a button of a dialog.
type dialogButton struct {
	id, text string
	tone     view.Tone
	do       func(*Screen) // nil: nothing more
}

// showMessage shows something that only has to be read.
func (s *Screen) showMessage(id, title string, lines ...string) {
	s.showDialog(newDialog(id, title, lines, dialogButton{id: "ok", text: s.texts.say("ok")}))
}

// confirm asks before something that cannot be taken back.
func (s *Screen) confirm(id, title string, lines []string, yes string, do func(*Screen)) {
	s.showDialog(newDialog(id, title, lines,
		dialogButton{id: "cancel", text: s.texts.say("cancel")},
		dialogButton{id: "yes", text: yes, tone: view.ToneBad, do: do}))
}

// list fills the page with rows; all their IDs begin with id.
func (p *pageBuilder) list(id string, rows []view.Control, empty string) {
	p.Layout = view.List
	p.List = &view.Rows{ID: id, Len: len(rows), Row: func(i int) view.Control { return rows[i] }, Empty: empty}
}

// row adds a row that does something to rows.
func (p *pageBuilder) row(rows *[]view.Control, c view.Control, f func(*Screen)) {
	c.Role = view.Row
	*rows = append(*rows, c)
	p.actions[c.ID] = f
}
