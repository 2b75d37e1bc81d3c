//go:build cgo

package main

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/ui"
)

// question is a dialog of the window: a question to the person, or a message if
// there is nothing to do.
type question struct {
	id, title, text string
	content         fyne.CanvasObject // instead of text; nil: text
	yes             string            // the button that carries it out
	do              func()            // nil: a message
}

// dialogs shows questions in a window, one at a time.
type dialogs struct {
	window fyne.Window
	back   func() // gives the keyboard back
	shown  *widget.PopUp
	id     string // of the question that is shown; "": none
}

// Width of a dialog, which is less in a narrow window, and the margin around it.
const (
	dialogWidth  = 460
	dialogMargin = 40
)

// ask shows a question. The button that changes nothing has the keyboard.
func (d *dialogs) ask(q question) {
	d.close()
	content := q.content
	if content == nil {
		text := widget.NewLabel(journal.PrintableLines(q.text))
		text.Wrapping = fyne.TextWrapWord
		content = text
	}
	no := &answer{id: "ask.no", leave: d.close}
	no.Text, no.OnTapped = "OK", d.close
	buttons := []fyne.CanvasObject{no}
	if q.do != nil {
		no.Text = "Cancel"
		yes := &answer{id: "ask.yes", leave: d.close}
		yes.Text, yes.Importance, yes.OnTapped = q.yes, widget.DangerImportance, func() { d.close(); q.do() }
		buttons = append(buttons, yes)
	}
	row := container.NewHBox(layout.NewSpacer())
	for _, b := range buttons {
		b.(*answer).ExtendBaseWidget(b.(*answer))
		row.Add(b)
	}
	title := widget.NewLabelWithStyle(q.title, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.Wrapping = fyne.TextWrapWord
	scroll := container.NewVScroll(content)
	d.shown, d.id = widget.NewModalPopUp(container.NewBorder(title, row, nil, nil, scroll), d.window.Canvas()), q.id
	space := d.window.Canvas().Size().SubtractWidthHeight(dialogMargin, dialogMargin)
	wide := min(dialogWidth, space.Width)
	content.Resize(fyne.NewSize(wide-dialogMargin, 1)) // a label has the height of its text at its width
	high := d.shown.MinSize().Height - scroll.MinSize().Height + content.MinSize().Height
	d.shown.Resize(fyne.NewSize(wide, min(high, space.Height)))
	d.shown.Show()
	d.window.Canvas().Focus(no)
}

// close ends the question that is shown.
func (d *dialogs) close() {
	if d.shown == nil {
		return
	}
	d.shown.Hide()
	d.shown, d.id = nil, ""
	d.back()
}

// answer is a button of a question that tests can find. Enter presses it, and Esc
// leaves the question.
type answer struct {
	widget.Button
	id    string
	leave func()
}

// ID is by what tests find it.
func (a *answer) ID() string { return a.id }

// TypedKey implements fyne.Focusable.
func (a *answer) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyEscape:
		a.leave()
	case fyne.KeyReturn, fyne.KeyEnter:
		a.Button.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	default:
		a.Button.TypedKey(e)
	}
}

// keysSheet is the list of the keys of the computer's keyboard.
func keysSheet(panel bool) question {
	rows := ui.Shortcuts()
	if panel {
		rows = append(rows, ui.Shortcut{Keys: "F8", Does: "folds the lab panel, or shows it"})
	}
	rows = append(rows, ui.Shortcut{Keys: "F12", Does: "saves a picture of the window"})
	list := container.New(keyRows{})
	for _, r := range rows {
		keys := widget.NewLabelWithStyle(r.Keys, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
		does := widget.NewLabel(r.Does)
		keys.Wrapping, does.Wrapping = fyne.TextWrapWord, fyne.TextWrapWord
		list.Add(keys)
		list.Add(does)
	}
	return question{id: "keys", title: "Keys of the keyboard", content: list}
}

// keyRows is a table of two columns of labels, whose rows are as high as their texts.
type keyRows struct{}

// keysPart is the part of the width that the first column has.
const keysPart = 0.36

func (keyRows) MinSize(o []fyne.CanvasObject) (size fyne.Size) {
	for i := 0; i+1 < len(o); i += 2 {
		size.Height += max(o[i].MinSize().Height, o[i+1].MinSize().Height)
	}
	return size
}

func (keyRows) Layout(o []fyne.CanvasObject, s fyne.Size) {
	y := float32(0)
	for i := 0; i+1 < len(o); i += 2 {
		left := s.Width * keysPart
		o[i].Resize(fyne.NewSize(left, 1)) // a label has the height of its text at its width
		o[i+1].Resize(fyne.NewSize(s.Width-left, 1))
		high := max(o[i].MinSize().Height, o[i+1].MinSize().Height)
		for n, x := range []float32{0, left} {
			o[i+n].Move(fyne.NewPos(x, y))
			o[i+n].Resize(fyne.NewSize(o[i+n].Size().Width, high))
		}
		y += high
	}
}
