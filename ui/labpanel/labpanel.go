//go:build !darwin || cgo

// Package labpanel is the panel beside the handset when the lab is in the window:
// the controls of the administrator, and a card that leads a newcomer through the
// story of the paper clip.
//
// It decides nothing about phone, lab or story: it shows Facts, and calls a Lab
// when a button is pressed.
//
//  1. p := labpanel.New(lab, facts), on Fyne's goroutine, as everything here.
//  2. Put p.Object() into a window.
//  3. p.Show(facts) after each change, p.Add(step) for each step of the phone,
//     p.ShowProblem when something could not be done.
//
// An act of the story is ticked when Facts say that it happened, never because
// a button was pressed. Each widget has an ID, by which tests find it, and an
// accessibility label.
package labpanel

import (
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/journal"
)

// Lab carries out the buttons. Its methods must not block; their result comes back
// as Facts, or through Panel.ShowProblem.
type Lab interface {
	Plug(place string)         // Inside, Outside or Unplugged
	Publish(edge, on bool)     // the root of the Edge, or of the pool
	CertifyExchange(good bool) // or with a certificate that it has signed itself
	FillIn()                   // puts the user into the sign-in form
	BeginAgain()               // everything as it was at the start
}

// Width of the panel, in device independent pixels.
const Width = 380

// keepSteps bounds the steps that are listed; they are cut by slackSteps at a
// time, since the list is then measured anew.
const (
	keepSteps  = 300
	slackSteps = 100
)

// Panel is the side panel.
type Panel struct {
	lab   Lab
	facts Facts
	named map[string]fyne.CanvasObject

	cards    *fyne.Container // the card: its lines, one below the other
	acts     []*act
	next     *label
	again    *button
	places   map[string]*button
	pool     *rootRow
	edge     *rootRow
	exchange *rootRow
	problem  *label

	steps  []journal.Step
	failed *check
	list   *rows
	roots  *rows
	tabs   *container.AppTabs
	body   *fyne.Container
	height float32 // the least height that the body was laid out for
	object fyne.CanvasObject
}

// New builds the panel of a lab, whose facts are f now.
func New(lab Lab, f Facts) *Panel {
	p := &Panel{lab: lab, facts: Facts{Story: f.Story}, named: map[string]fyne.CanvasObject{},
		places: map[string]*button{}}
	p.problem = p.label("trouble", "")
	p.problem.Importance = widget.DangerImportance
	p.problem.Hide()
	top := container.NewVBox(p.card(), widget.NewSeparator(), p.network(), p.servers(), p.problem)
	p.body = container.NewBorder(top, nil, nil, nil, p.lists())
	back := canvas.NewRectangle(theme.Color(theme.ColorNameBackground))
	p.object = container.New(panelColumn{}, back, container.NewPadded(p.body))
	p.Show(f)
	return p
}

// Object is the panel, to be put into a window.
func (p *Panel) Object() fyne.CanvasObject { return p.object }

// Find gives the widget with an ID, which begins with "lab.", or nil.
func (p *Panel) Find(id string) fyne.CanvasObject {
	id, _ = strings.CutPrefix(id, idPrefix)
	return p.named[id]
}

// Acts are the acts of the story as they are shown.
func (p *Panel) Acts() []Act { return p.facts.Story }

// card is the story.
func (p *Panel) card() fyne.CanvasObject {
	p.cards = container.NewVBox(container.New(buttonRow{}, heading("The story of the paper clip")))
	for _, a := range p.facts.Story {
		row := newAct()
		p.acts = append(p.acts, row)
		p.named[a.ID] = row.text
		p.cards.Add(row.object())
	}
	p.next = p.label("next", "")
	p.next.TextStyle.Bold = true
	p.again = p.button("again", "Begin again", p.lab.BeginAgain)
	fill := p.button("fill", "Fill in the user", p.lab.FillIn)
	fill.Importance = widget.HighImportance
	p.cards.Add(p.next)
	p.cards.Add(container.NewGridWithColumns(2, fill, p.again))
	return p.cards
}

// network is where the phone is plugged in.
func (p *Panel) network() fyne.CanvasObject {
	row := container.NewGridWithColumns(3)
	for _, b := range []struct{ place, id, text string }{{Inside, "plug.inside", "Inside"},
		{Outside, "plug.outside", "Outside"}, {Unplugged, "plug.none", "Unplug"}} {
		w := p.button(b.id, b.text, func() { p.lab.Plug(b.place) })
		p.places[b.place] = w
		row.Add(w)
	}
	return container.NewBorder(nil, nil, heading("Cable"), nil, row)
}

// servers are the rows that an administrator changes.
func (p *Panel) servers() fyne.CanvasObject {
	p.pool = p.rootRow("root.pool", func() { p.lab.Publish(false, !p.facts.PoolPublished) })
	p.edge = p.rootRow("root.edge", func() { p.lab.Publish(true, !p.facts.EdgePublished) })
	p.exchange = p.rootRow("exchange", func() { p.lab.CertifyExchange(p.facts.Exchange != Good) })
	return container.NewVBox(p.pool.object, p.edge.object, p.exchange.object)
}

// lists are the tabs with steps and trusted roots.
func (p *Panel) lists() fyne.CanvasObject {
	p.list, p.roots = newRows(), newRows()
	p.list.bottom = true
	p.failed = &check{id: idPrefix + "failed"}
	p.failed.Text, p.failed.OnChanged = "Only what failed or warned", func(bool) { p.list.set(p.stepRows(p.steps)) }
	p.failed.ExtendBaseWidget(p.failed)
	p.named["failed"], p.named["steps"], p.named["roots"] = p.failed, p.list.List, p.roots.List
	p.tabs = container.NewAppTabs(
		container.NewTabItem("Steps", container.NewBorder(container.New(buttonRow{}, p.failed), nil, nil, nil,
			container.New(measuredRows{p.list}, p.list.List))),
		container.NewTabItem("Trusted roots", container.New(measuredRows{p.roots}, p.roots.List)))
	return p.tabs
}

// Show shows facts.
func (p *Panel) Show(f Facts) {
	rootsChanged := !slices.Equal(f.Trusted, p.facts.Trusted)
	p.facts = f
	moved := f.Next != p.next.Text
	setText(p.next, f.Next)
	for i, a := range f.Story[:min(len(f.Story), len(p.acts))] {
		moved = p.acts[i].show(a, i+1) || moved
	}
	if moved { // the lines have other heights, though all together may be as high as before
		p.cards.Refresh()
	}
	for place, b := range p.places {
		b.light(place == f.Place)
	}
	p.pool.root("pool's", f.PoolPublished)
	p.edge.root("Edge's", f.EdgePublished)
	p.exchange.certificate(f.Exchange)
	if rootsChanged || len(p.roots.all) == 0 {
		p.roots.set(rootRows(f.Trusted))
		p.tabs.Items[1].Text = fmt.Sprintf("Trusted roots (%d)", len(f.Trusted))
		p.tabs.Refresh()
	}
	p.layOut()
}

// layOut lays the panel out again when a text has changed its height: not every
// canvas does so by itself.
func (p *Panel) layOut() {
	if height := p.body.MinSize().Height; height != p.height {
		p.height = height
		p.body.Refresh()
	}
}

// ShowProblem shows what could not be done; "" removes it.
func (p *Panel) ShowProblem(problem string) {
	setText(p.problem, journal.Printable(problem, 0))
	if problem == "" {
		p.problem.Hide()
	} else {
		p.problem.Show()
	}
	p.layOut()
}

// Add appends steps to the list, the newest at the bottom.
func (p *Panel) Add(steps ...journal.Step) {
	p.steps = append(p.steps, steps...)
	if over := len(p.steps) - keepSteps; over > 0 {
		p.steps = append([]journal.Step(nil), p.steps[min(over+slackSteps, len(p.steps)-1):]...)
		p.list.set(p.stepRows(p.steps))
		return
	}
	p.list.add(p.stepRows(steps)...)
}

// stepRows are the rows of the steps that pass the filter.
func (p *Panel) stepRows(steps []journal.Step) (all [][]line) {
	for _, s := range steps {
		if !p.failed.Checked || s.State == journal.Failed || s.State == journal.Warned {
			all = append(all, stepRow(s))
		}
	}
	return all
}

// stepRow is the row of a step: question, answer and decision.
func stepRow(s journal.Step) []line {
	head := line{text: fmt.Sprintf("%s  %s  %s", s.At.Format("15:04:05"), s.Name, s.State), bold: true}
	switch s.State {
	case journal.OK:
		head.color = theme.ColorNameSuccess
	case journal.Failed:
		head.color = theme.ColorNameError
	case journal.Warned:
		head.color = theme.ColorNameWarning
	}
	if s.Code != "" {
		head.text += "  " + string(s.Code)
	}
	said := func(what, text string) line {
		if text == "" {
			return line{}
		}
		return line{text: what + " " + shortened(text)}
	}
	answered := said("Answered:", s.Answered)
	if s.By != "" && s.Answered != "" {
		answered.text += " (" + shortened(s.By) + ")"
	}
	return []line{head, said("Asked:", s.Asked), answered, {text: shortened(s.Decided)}, said("To change:", s.Fix)}
}

// maxText bounds a text of a step, in characters: a longer one would fill the list.
const maxText = 300

func shortened(text string) string {
	return journal.Printable(strings.Join(strings.Fields(text), " "), maxText)
}

// rootRows lists the trusted roots, the downloaded ones first, since only they come
// and go.
func rootRows(roots []Root) (all [][]line) {
	for _, want := range []bool{true, false} {
		for _, r := range roots {
			if r.Downloaded != want {
				continue
			}
			head := line{text: r.Subject, bold: true}
			if want {
				head.color = theme.ColorNameSuccess
			}
			all = append(all, []line{head, {text: r.Source}})
		}
	}
	if len(all) == 0 {
		all = [][]line{{{text: "The phone trusts no root."}}}
	}
	return all
}

// panelColumn gives its objects Width and all of the height.
type panelColumn struct{}

func (panelColumn) MinSize(objects []fyne.CanvasObject) fyne.Size {
	height := float32(0)
	for _, o := range objects {
		height = max(height, o.MinSize().Height)
	}
	return fyne.NewSize(Width, height)
}

func (panelColumn) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	layout.NewStackLayout().Layout(objects, s)
}
