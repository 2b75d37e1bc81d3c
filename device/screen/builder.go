package screen

import "github.com/ocphone/ocphone/device/screen/view"

// builtPage is a page made by one function. Its controls act by themselves.
type builtPage struct {
	noHold
	id    string
	title string // message; "": none, or build sets Title
	// public says that the page shows the phone and no data of a user: it stays
	// open after a sign-out.
	public bool
	// build makes what the page shows, and what its controls do.
	build func(d pageContext, p *pageBuilder)
	// digits opens a page for a digit that is pressed or typed; nil: none.
	digits func(s *Screen, digits string) page
	last   *pageBuilder // of the last view
}

// pageBuilder is a page while it is made.
type pageBuilder struct {
	view.Page
	actions map[string]func(*Screen) // by control
	onRow   func(s *Screen, i int)   // of List; nil: rows have actions, or none
}

// add puts controls without an action on the page.
func (p *pageBuilder) add(controls ...view.Control) { p.Controls = append(p.Controls, controls...) }

// addAction puts a control with an action on the page.
func (p *pageBuilder) addAction(c view.Control, f func(*Screen)) {
	p.Controls = append(p.Controls, c)
	p.actions[c.ID] = f
}

// softKey puts a soft key with an action into the bar at the bottom.
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

// labels adds rows of a detail page; fields are pairs of an ID and a value. The
// message of a row is prefix and its ID.
func (p *pageBuilder) labels(t *texts, prefix string, fields ...string) {
	for i := 0; i < len(fields); i += 2 {
		p.label(fields[i], t.say(prefix+fields[i]), fields[i+1])
	}
}

// lines adds lines of text; the ID of each is id and its number.
func (p *pageBuilder) lines(id string, lines []string) {
	for i, line := range lines {
		p.add(view.Control{ID: id + number(i), Role: view.Text, Text: line})
	}
}

// label is a row of a detail page; one without a value is left out.
func (p *pageBuilder) label(id, text, value string) {
	if value != "" {
		p.add(view.Control{ID: id, Role: view.Label, Text: text, Value: value})
	}
}

func (b *builtPage) view(d pageContext) view.Page {
	p := &pageBuilder{Page: view.Page{ID: b.id, Layout: view.Detail}, actions: map[string]func(*Screen){}}
	if b.title != "" {
		p.Title = d.say(b.title)
	}
	b.build(d, p)
	b.last = p
	return p.Page
}

func (b *builtPage) tap(s *Screen, id string) {
	if b.last == nil {
		return
	}
	if f := b.last.actions[id]; f != nil {
		f(s)
	} else if b.last.onRow != nil {
		if i, ok := indexOf(id, b.last.List.ID, b.last.List.Len); ok {
			b.last.onRow(s, i)
		}
	}
}

func (b *builtPage) key(s *Screen, k view.Key) bool {
	if b.digits == nil || len(k) != 1 {
		return false
	}
	s.open(b.digits(s, string(k)))
	return true
}

func (b *builtPage) typed(s *Screen, text string) {
	if b.digits != nil && isDialled(text) {
		s.open(b.digits(s, text))
	}
}

// newDialog shows a question or a message; every button closes it.
func newDialog(id, title string, lines []string, buttons ...dialogButton) *builtPage {
	return &builtPage{id: id, public: true, build: func(_ pageContext, p *pageBuilder) {
		p.Layout, p.Title, p.Focus = view.Centered, title, buttons[0].id // Enter answers; the first button does no harm
		p.lines("text.", lines)
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

// showMessage shows a dialog with a text and an OK button.
func (s *Screen) showMessage(id, title string, lines ...string) {
	s.showDialog(newDialog(id, title, lines, dialogButton{id: "ok", text: s.texts.say("ok")}))
}

// confirm asks before something that cannot be undone.
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

// longList fills the page with n rows that are made when they are drawn; the ID
// of each is id and its number. tap is for all of them.
func (p *pageBuilder) longList(id string, n int, row func(i int) view.Control, tap func(*Screen, int), empty string) {
	p.Layout, p.onRow = view.List, tap
	p.List = &view.Rows{ID: id, Len: n, Row: row, Empty: empty}
}

// row appends a row with an action to rows.
func (p *pageBuilder) row(rows *[]view.Control, c view.Control, f func(*Screen)) {
	c.Role = view.Row
	*rows = append(*rows, c)
	p.actions[c.ID] = f
}
