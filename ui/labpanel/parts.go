//go:build !darwin || cgo

package labpanel

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// idPrefix begins the ID of each widget of the panel, and distinguishes it from the
// controls of the phone.
const idPrefix = "lab."

// button is a button that tests can find, with a tip.
type button struct {
	widget.Button
	p     *Panel
	id    string
	name  string // for those who cannot see; "": the text
	tip   string
	quiet bool    // without a background, unless it is the one to press
	wide  float32 // the least width; 0: that of the text
}

// ID is by what tests find it.
func (b *button) ID() string { return b.id }

// AccessibilityLabel implements fyne.Accessible.
func (b *button) AccessibilityLabel() string {
	if b.name != "" {
		return b.name
	}
	return b.Text
}

// MinSize implements fyne.CanvasObject.
func (b *button) MinSize() fyne.Size {
	size := b.Button.MinSize()
	if b.Text == "" {
		return fyne.NewSquareSize(iconSize)
	}
	return fyne.NewSize(max(size.Width, b.wide), rowHeight)
}

// MouseIn implements desktop.Hoverable.
func (b *button) MouseIn(e *desktop.MouseEvent) {
	b.Button.MouseIn(e)
	b.p.tip.show(b, b.tip)
}

// MouseOut implements desktop.Hoverable.
func (b *button) MouseOut() {
	b.Button.MouseOut()
	b.p.tip.hide()
}

// Tapped implements fyne.Tappable.
func (b *button) Tapped(e *fyne.PointEvent) {
	b.p.tip.hide()
	b.Button.Tapped(e)
}

// TypedKey implements fyne.Focusable. Enter presses the button, as Space does.
func (b *button) TypedKey(e *fyne.KeyEvent) {
	switch {
	case e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter:
		b.Button.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	case !b.p.windowKey(e.Name):
		b.Button.TypedKey(e)
	}
}

// windowKey gives a function key to the window, and reports whether it is one.
func (p *Panel) windowKey(name fyne.KeyName) bool {
	function := len(name) > 1 && name[0] == 'F' && name[1] >= '0' && name[1] <= '9'
	if function && p.onKey != nil {
		p.onKey(name)
	}
	return function
}

func (p *Panel) button(id, text, tip string, tapped func()) *button {
	b := &button{p: p, id: idPrefix + id, tip: tip}
	b.Text, b.OnTapped = text, tapped
	b.ExtendBaseWidget(b)
	p.named[id] = b
	return b
}

// iconSize is the width and height of a button without a text.
const iconSize = 28

// icon is a button without a text; the tip is its name.
func (p *Panel) icon(id string, icon fyne.Resource, tip string, tapped func()) *button {
	b := p.button(id, "", tip, tapped)
	b.Icon, b.name, b.Importance = icon, tip, widget.LowImportance
	return b
}

// pressNow reports whether the story names the button.
func (b *button) pressNow(press string) bool { return b.id == idPrefix+press }

// light highlights the button if it is the one to press, or the chosen one.
func (b *button) light(chosen, press bool) {
	want := widget.MediumImportance
	switch {
	case press:
		want = widget.HighImportance
	case chosen:
		want = widget.SuccessImportance
	case b.quiet:
		want = widget.LowImportance
	}
	if b.Importance != want {
		b.Importance = want
		b.Refresh()
	}
}

func enable(b *button, on bool) {
	if on == b.Disabled() {
		if on {
			b.Enable()
		} else {
			b.Disable()
		}
	}
}

// check is a box to tick that tests can find.
type check struct {
	widget.Check
	p  *Panel
	id string
}

// TypedKey implements fyne.Focusable.
func (c *check) TypedKey(e *fyne.KeyEvent) {
	if !c.p.windowKey(e.Name) {
		c.Check.TypedKey(e)
	}
}

// ID is by what tests find it.
func (c *check) ID() string { return c.id }

// AccessibilityLabel implements fyne.Accessible.
func (c *check) AccessibilityLabel() string { return c.Text }

// AccessibilityRole implements fyne.Accessible.
func (c *check) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// choice is a list to choose from that tests can find.
type choice struct {
	widget.Select
	p        *Panel
	id, name string
	of       []Choice
}

// TypedKey implements fyne.Focusable.
func (c *choice) TypedKey(e *fyne.KeyEvent) {
	if !c.p.windowKey(e.Name) {
		c.Select.TypedKey(e)
	}
}

// ID is by what tests find it.
func (c *choice) ID() string { return c.id }

// AccessibilityLabel implements fyne.Accessible.
func (c *choice) AccessibilityLabel() string { return c.name + ": " + c.Selected }

// AccessibilityRole implements fyne.Accessible.
func (c *choice) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// MinSize implements fyne.CanvasObject. A long text is cut off.
func (c *choice) MinSize() fyne.Size { return fyne.NewSize(rowHeight, c.Select.MinSize().Height) }

func (p *Panel) choice(id, name string, of []Choice, chosen func(id string)) *choice {
	c := &choice{p: p, id: idPrefix + id, name: name}
	c.ExtendBaseWidget(c)
	c.offer(of)
	c.OnChanged = func(string) {
		if i := c.SelectedIndex(); i >= 0 {
			chosen(c.of[i].ID)
		}
	}
	p.named[id] = c
	return c
}

// offer sets what can be chosen.
func (c *choice) offer(of []Choice) {
	c.of, c.Options = of, nil
	for _, o := range of {
		c.Options = append(c.Options, o.Text)
	}
}

// mark shows which one is chosen. It does not choose it.
func (c *choice) mark(id string) {
	text := id
	if i := slices.IndexFunc(c.of, func(o Choice) bool { return o.ID == id }); i >= 0 {
		text = c.of[i].Text
	}
	if c.Selected != text {
		c.Selected = text
		c.Refresh()
	}
}

// entry is a field to type into that tests can find.
type entry struct {
	widget.Entry
	p        *Panel
	id, name string
}

// TypedKey implements fyne.Focusable.
func (e *entry) TypedKey(k *fyne.KeyEvent) {
	if !e.p.windowKey(k.Name) {
		e.Entry.TypedKey(k)
	}
}

// ID is by what tests find it.
func (e *entry) ID() string { return e.id }

// AccessibilityLabel implements fyne.Accessible.
func (e *entry) AccessibilityLabel() string { return e.name }

// AccessibilityRole implements fyne.Accessible.
func (e *entry) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// label is a text that tests can find.
type label struct {
	widget.Label
	id    string
	whole string // the text, where only its beginning is shown
	state string // said after the text to those who cannot see
}

// ID is by what tests find it.
func (l *label) ID() string { return l.id }

// AccessibilityLabel implements fyne.Accessible.
func (l *label) AccessibilityLabel() string {
	if l.whole != "" {
		return l.whole + l.state
	}
	return l.Text + l.state
}

func (p *Panel) label(id, text string) *label {
	l := &label{id: idPrefix + id}
	l.Text, l.Wrapping = text, fyne.TextWrapWord
	l.ExtendBaseWidget(l)
	p.named[id] = l
	return l
}

// setText sets the text of a label if it differs.
func setText(l *label, text string) {
	if l.Text != text {
		l.SetText(text)
	}
}

func heading(text string) *widget.Label {
	return widget.NewLabelWithStyle(text, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
}

// rootRow shows the state of a root or certificate, with a button that changes it.
type rootRow struct {
	text   *label
	change *button
	object fyne.CanvasObject
}

// Texts of the buttons of the root rows; the widest sets the width of all.
const (
	publish  = "Publish"
	withdraw = "Withdraw"
	selfSign = "Self-sign"
	makeGood = "Make good"
)

func (p *Panel) rootRow(id string, change func()) *rootRow {
	r := &rootRow{text: p.label(id+".state", ""), change: p.button(id, "", "", change)}
	r.text.Wrapping, r.text.Truncation = fyne.TextWrapOff, fyne.TextTruncateEllipsis
	for _, text := range []string{publish, withdraw, selfSign, makeGood} {
		r.change.wide = max(r.change.wide, widget.NewButton(text, nil).MinSize().Width)
	}
	r.object = container.New(buttonRow{}, r.text, r.change)
	return r
}

func (r *rootRow) say(text, verb, name string) {
	setText(r.text, text)
	r.change.name, r.change.tip = name, name
	if r.change.Text != verb {
		r.change.SetText(verb)
	}
}

func (r *rootRow) root(whose string, published bool) {
	if published {
		r.say("The "+whose+" root is in AD", withdraw, "Take the "+whose+" root out of Active Directory")
		return
	}
	r.say("The "+whose+" root is not published", publish, "Publish the "+whose+" root in Active Directory")
}

func (r *rootRow) certificate(is string, servers []Server) {
	const makesGood = "Give Exchange a good certificate"
	switch is {
	case "":
		r.say("Exchange has a good certificate", selfSign, "Give Exchange a certificate that it has signed itself")
	case SelfSigned:
		r.say("Exchange has signed its own", makeGood, makesGood)
	default:
		text := is
		for _, s := range servers {
			for _, c := range s.Certificates {
				if s.ID == ExchangeServer && c.ID == is {
					text = c.Text
				}
			}
		}
		r.say("Exchange: "+text, makeGood, makesGood)
	}
}

// buttonRow is a text with optional widgets at its right, less high than Fyne makes
// it: the list of steps needs the room.
type buttonRow struct{}

const rowHeight = 28

func (buttonRow) MinSize(o []fyne.CanvasObject) fyne.Size {
	w := float32(0)
	for _, one := range o {
		w += one.MinSize().Width
	}
	return fyne.NewSize(w, rowHeight)
}

func (buttonRow) Layout(o []fyne.CanvasObject, s fyne.Size) {
	w := s.Width
	for i := len(o) - 1; i > 0; i-- {
		wide := o[i].MinSize().Width
		w -= wide
		o[i].Resize(fyne.NewSize(wide, s.Height))
		o[i].Move(fyne.NewPos(w, 0))
		w -= theme.Padding()
	}
	height := o[0].MinSize().Height
	at := fyne.NewPos(0, (s.Height-height)/2)
	if _, text := o[0].(*label); text { // its text begins where the buttons do
		at.X -= theme.InnerPadding()
		w += theme.InnerPadding()
	}
	o[0].Resize(fyne.NewSize(w, height))
	o[0].Move(at)
}

// captionRow is a caption of a fixed width before a widget.
type captionRow struct{}

const captionWidth = 76

func (captionRow) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(captionWidth+o[1].MinSize().Width, rowHeight)
}

func (captionRow) Layout(o []fyne.CanvasObject, s fyne.Size) {
	height := o[0].MinSize().Height
	o[0].Resize(fyne.NewSize(captionWidth+theme.InnerPadding(), height))
	o[0].Move(fyne.NewPos(-theme.InnerPadding(), (s.Height-height)/2))
	o[1].Resize(fyne.NewSize(s.Width-captionWidth, s.Height))
	o[1].Move(fyne.NewPos(captionWidth, 0))
}
