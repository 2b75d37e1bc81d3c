//go:build !darwin || cgo

package labpanel

import (
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// idPrefix begins the ID of each widget of the panel, and distinguishes it from the
// controls of the phone.
const idPrefix = "lab."

// button is a button that tests can find.
type button struct {
	widget.Button
	id   string
	name string // for those who cannot see; "": the text
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

func (p *Panel) button(id, text string, tapped func()) *button {
	b := &button{id: idPrefix + id}
	b.Text, b.OnTapped = text, tapped
	b.ExtendBaseWidget(b)
	p.named[id] = b
	return b
}

// light highlights the button if it is the chosen one.
func (b *button) light(on bool) {
	want := widget.MediumImportance
	if on {
		want = widget.SuccessImportance
	}
	if b.Importance != want {
		b.Importance = want
		b.Refresh()
	}
}

// check is a box to tick that tests can find.
type check struct {
	widget.Check
	id string
}

// ID is by what tests find it.
func (c *check) ID() string { return c.id }

// AccessibilityLabel implements fyne.Accessible.
func (c *check) AccessibilityLabel() string { return c.Text }

// AccessibilityRole implements fyne.Accessible.
func (c *check) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

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

// act is an act of the story: a number or a tick, and what happens.
type act struct {
	mark *widget.Icon
	text *label
}

func newAct() *act {
	a := &act{mark: widget.NewIcon(theme.RadioButtonIcon()), text: &label{}}
	a.text.Wrapping, a.text.SizeName = fyne.TextWrapWord, theme.SizeNameCaptionText
	a.text.ExtendBaseWidget(a.text)
	return a
}

func (a *act) object() fyne.CanvasObject {
	return container.New(iconRow{}, a.mark, a.text)
}

// show shows the act, and reports whether its text has changed.
func (a *act) show(is Act, number int) (changed bool) {
	mark, weight := theme.RadioButtonIcon(), widget.LowImportance
	state := ", still to come"
	switch {
	case is.Done:
		mark, weight, state = theme.NewSuccessThemedResource(theme.ConfirmIcon()), widget.SuccessImportance, ", done"
	case is.Now:
		mark, weight, state = theme.NewPrimaryThemedResource(theme.MediaPlayIcon()), widget.MediumImportance, ", now"
	}
	a.mark.SetResource(mark)
	a.text.id = idPrefix + is.ID
	a.text.whole = strconv.Itoa(number) + ". " + is.Title
	text := a.text.whole
	if first, _, more := strings.Cut(is.Title, ". "); more && !is.Now { // the steps need the room
		text = strconv.Itoa(number) + ". " + first + "."
	}
	changed = a.text.Text != text
	if changed || a.text.Importance != weight {
		a.text.Text, a.text.Importance = text, weight
		a.text.Refresh()
	}
	a.text.state = state
	return changed
}

// iconRow is a small icon before a text, without the padding that Fyne leaves
// around labels.
type iconRow struct{}

const markSize = 18

func (iconRow) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(markSize, o[1].MinSize().Height-theme.InnerPadding())
}

func (iconRow) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(fyne.NewSize(markSize, markSize))
	o[0].Move(fyne.NewPos(0, theme.InnerPadding()/2))
	o[1].Resize(fyne.NewSize(s.Width-markSize, s.Height+theme.InnerPadding()))
	o[1].Move(fyne.NewPos(markSize, -theme.InnerPadding()/2))
}

// rootRow shows the state of a root or certificate, with a button that changes it.
type rootRow struct {
	text   *label
	change *button
	object fyne.CanvasObject
}

func (p *Panel) rootRow(id string, change func()) *rootRow {
	r := &rootRow{text: p.label(id+".state", ""), change: p.button(id, "", change)}
	r.text.Wrapping, r.text.Truncation = fyne.TextWrapOff, fyne.TextTruncateEllipsis
	r.object = container.New(buttonRow{}, r.text, r.change)
	return r
}

// buttonRow is a text with an optional widget at its right, less high than Fyne
// makes it: the list of steps needs the room.
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
	if len(o) > 1 {
		w -= o[1].MinSize().Width
		o[1].Resize(fyne.NewSize(s.Width-w, s.Height))
		o[1].Move(fyne.NewPos(w, 0))
	}
	height := o[0].MinSize().Height
	o[0].Resize(fyne.NewSize(w, height))
	o[0].Move(fyne.NewPos(0, (s.Height-height)/2))
}

func (r *rootRow) say(text, verb string) {
	setText(r.text, text)
	if r.change.Text != verb {
		r.change.SetText(verb)
	}
}

func (r *rootRow) root(whose string, published bool) {
	text, verb := "The "+whose+" root is not published", "Publish"
	if published {
		text, verb = "The "+whose+" root is in AD", "Withdraw"
	}
	r.say(text, verb)
	r.change.name = verb + " the " + whose + " root"
}

func (r *rootRow) certificate(is Certificate) {
	switch is {
	case NoServer:
		r.object.Hide()
		return
	case Good:
		r.say("Exchange has a good certificate", "Self-sign")
		r.change.name = "Give Exchange a certificate that it has signed itself"
	default:
		r.say("Exchange has signed its own", "Make good")
		r.change.name = "Give Exchange a good certificate"
	}
	r.object.Show()
}
