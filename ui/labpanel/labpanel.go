//go:build !darwin || cgo

// Package labpanel is the panel beside the handset when the lab is in the window:
// the controls of the administrator, and a card that leads a newcomer through the
// story of the paper clip.
//
// It decides nothing about phone, lab or story: it shows Facts, and calls a Lab or
// a Window when a button is pressed.
//
//  1. p := labpanel.New(lab, window, choices, facts), on Fyne's goroutine, as
//     everything here.
//  2. Put p.Object() into a window, or p.Strip() while the panel is folded, and
//     p.Tips() over all of the window.
//  3. p.Show(facts) after each change, p.Add(step) for each step of the phone,
//     p.ShowProblem when something could not be done, p.ShowDone when it was.
//
// An act of the story is ticked when Facts say that it happened, never because
// a button was pressed. No button changes its place while the panel keeps its size.
// Each widget has an ID, by which tests find it, and an accessibility label.
package labpanel

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/journal"
)

// Lab carries out changes of lab and phone. Its methods must not block; their result
// comes back as Facts, or through Panel.ShowProblem and Panel.ShowDone.
type Lab interface {
	Plug(place string)                    // Inside, Outside or Unplugged
	Publish(edge, on bool)                // the root of the Edge, or of the pool
	FillIn()                              // puts the user into the sign-in form
	BeginAgain()                          // everything as it was at the start, after a question
	Pass(d time.Duration)                 // time passes for lab and phone
	PassTo(day string)                    // until a day, written YYYY-MM-DD
	SetAccount(user, state string)        // by the ID of an account state
	SetFault(server, fault string)        // by their IDs; "": no fault
	SetCertificate(server, defect string) // by their IDs; "": a good one
}

// Window carries out what is done with the window.
type Window interface {
	Fold()                  // folds the panel, or unfolds it
	ShowKeys()              // shows the keys of the computer's keyboard
	SavePicture()           // writes what is seen to a file
	Copy(what, text string) // puts text, which is described by what, into the clipboard
}

// Width of the panel in a new window and its bounds, in device independent pixels.
const (
	Width    = 380
	MinWidth = 320
	MaxWidth = 480
)

// keepSteps bounds the steps that are listed; they are cut by slackSteps at a
// time, since the list is then measured anew.
const (
	keepSteps  = 300
	slackSteps = 100
)

// Panel is the side panel.
type Panel struct {
	lab     Lab
	window  Window
	choices Choices
	facts   Facts
	named   map[string]fyne.CanvasObject
	onKey   func(fyne.KeyName)

	acts     []*act
	actRows  *fyne.Container
	next     *label
	buttons  []*button // that the story may name
	places   map[string]*button
	pool     *rootRow
	edge     *rootRow
	exchange *rootRow
	notice   *label

	day     *entry
	today   *label
	user    *choice
	account *choice
	server  *choice
	fault   *choice
	cert    *choice
	steps   []journal.Step
	failed  *check
	failure *button
	list    *rows
	roots   *rows
	tabs    *container.AppTabs
	tip     *tip
	object  fyne.CanvasObject
	strip   fyne.CanvasObject
	upper   *container.AppTabs
}

// New builds the panel of a lab, whose facts are f now.
func New(lab Lab, window Window, c Choices, f Facts) *Panel {
	p := &Panel{lab: lab, window: window, choices: c, facts: Facts{Story: f.Story},
		named: map[string]fyne.CanvasObject{}, places: map[string]*button{}, tip: newTip()}
	p.upper = container.NewAppTabs(container.NewTabItem("Story", p.story()), container.NewTabItem("Change", p.changes()),
		container.NewTabItem("Shell", p.shell()))
	top := container.NewVBox(container.New(cornerRow{}, p.upper, p.icons()), widget.NewSeparator(), p.network(),
		p.servers(), p.noticeLine())
	body := container.New(stacked{}, container.NewVScroll(container.New(rightMargin{}, top)), p.lists())
	back := canvas.NewRectangle(theme.Color(theme.ColorNameBackground))
	p.object = container.New(panelColumn{}, back, container.NewPadded(body))
	p.strip = container.NewStack(canvas.NewRectangle(theme.Color(theme.ColorNameBackground)),
		container.New(stripColumn{}, p.foldedIcons()))
	p.Show(f)
	return p
}

// Object is the panel, to be put into a window.
func (p *Panel) Object() fyne.CanvasObject { return p.object }

// Strip is what is seen of a folded panel: a narrow column with the button that
// unfolds it.
func (p *Panel) Strip() fyne.CanvasObject { return p.strip }

// Tips is where the tips of the buttons appear: it lies over all of the window.
func (p *Panel) Tips() fyne.CanvasObject { return p.tip.layer }

// OnKey sets what handles a function key, such as F1, while a widget of the panel has
// the keyboard.
func (p *Panel) OnKey(f func(fyne.KeyName)) { p.onKey = f }

// Find gives the widget with an ID, which begins with "lab.", or nil.
func (p *Panel) Find(id string) fyne.CanvasObject {
	id, _ = strings.CutPrefix(id, idPrefix)
	return p.named[id]
}

// Acts are the acts of the story as they are shown.
func (p *Panel) Acts() []Act { return p.facts.Story }

// Notice is what the panel says of the last change.
func (p *Panel) Notice() string { return p.notice.Text }

// icons are the buttons of the open panel that are for the window.
func (p *Panel) icons() fyne.CanvasObject {
	return container.NewHBox(p.keysIcon("keys"), p.pictureIcon("picture"),
		p.icon("fold", theme.NavigateNextIcon(), "Fold the panel (F8)", p.window.Fold))
}

// foldedIcons are those of the folded panel.
func (p *Panel) foldedIcons() fyne.CanvasObject {
	return container.NewVBox(p.icon("unfold", theme.NavigateBackIcon(), "Show the lab panel (F8)", p.window.Fold),
		p.pictureIcon("picture.folded"), p.keysIcon("keys.folded"))
}

func (p *Panel) keysIcon(id string) fyne.CanvasObject {
	return p.icon(id, theme.HelpIcon(), "Show the keys of the keyboard (F1)", p.window.ShowKeys)
}

func (p *Panel) pictureIcon(id string) fyne.CanvasObject {
	return p.icon(id, theme.MediaPhotoIcon(), "Save a picture of the window (F12)", p.window.SavePicture)
}

// network is where the phone is plugged in.
func (p *Panel) network() fyne.CanvasObject {
	row := container.NewGridWithColumns(3)
	for _, b := range []struct{ place, id, text, tip string }{
		{Inside, "plug.inside", "Inside", "Plug the phone in at the office: DNS, Active Directory, pool"},
		{Outside, "plug.outside", "Outside", "Plug the phone in at home: it reaches the Edge alone"},
		{Unplugged, "plug.none", "Unplug", "Pull the network cable"},
	} {
		w := p.button(b.id, b.text, b.tip, func() { p.lab.Plug(b.place) })
		p.places[b.place] = w
		row.Add(w)
	}
	return container.New(captionRow{}, heading("Cable"), row)
}

// servers are the rows that an administrator changes.
func (p *Panel) servers() fyne.CanvasObject {
	p.pool = p.rootRow("root.pool", func() { p.lab.Publish(false, !p.facts.PoolPublished) })
	p.edge = p.rootRow("root.edge", func() { p.lab.Publish(true, !p.facts.EdgePublished) })
	p.exchange = p.rootRow("exchange", func() {
		defect := SelfSigned
		if p.facts.Certificates[ExchangeServer] != "" {
			defect = ""
		}
		p.lab.SetCertificate(ExchangeServer, defect)
	})
	p.buttons = append(p.buttons, p.pool.change, p.edge.change)
	rows := container.NewVBox(p.pool.object, p.edge.object)
	if slices.ContainsFunc(p.choices.Servers, func(s Server) bool { return s.ID == ExchangeServer }) {
		rows.Add(p.exchange.object)
	}
	return rows
}

// noticeLines is the height of the notice, in lines: what is written there later
// does not move what is below it.
const noticeLines = 3

func (p *Panel) noticeLine() fyne.CanvasObject {
	p.notice = p.label("notice", "")
	p.notice.SizeName = theme.SizeNameCaptionText
	return container.New(lines{noticeLines, theme.SizeNameCaptionText}, p.notice)
}

// Show shows facts.
func (p *Panel) Show(f Facts) {
	rootsChanged := !slices.Equal(f.Trusted, p.facts.Trusted) || len(p.roots.all) == 0
	p.facts = f
	setText(p.next, f.Next)
	moved := false
	for i, a := range f.Story[:min(len(f.Story), len(p.acts))] {
		moved = p.acts[i].show(a, i+1) || moved
	}
	if moved { // the lines have other heights, though all together may be as high as before
		p.actRows.Refresh()
	}
	for place, b := range p.places {
		b.light(place == f.Place, b.pressNow(f.Press))
	}
	for _, b := range p.buttons {
		b.light(false, b.pressNow(f.Press))
	}
	enable(p.named["fill"].(*button), !f.SignedIn)
	p.pool.root("pool's", f.PoolPublished)
	p.edge.root("Edge's", f.EdgePublished)
	p.exchange.certificate(f.Certificates[ExchangeServer], p.choices.Servers)
	p.showChanges(f)
	enable(p.failure, f.Failure != "")
	if rootsChanged {
		p.roots.set(rootRows(f.Trusted))
		p.tabs.Items[1].Text = fmt.Sprintf("Trusted roots (%d)", len(f.Trusted))
		p.tabs.Refresh()
	}
}

// ShowProblem shows what could not be done.
func (p *Panel) ShowProblem(problem string) { p.say(problem, widget.DangerImportance) }

// ShowDone shows what was done, and what to do to see its effect; "" removes the
// notice.
func (p *Panel) ShowDone(done string) { p.say(done, widget.MediumImportance) }

func (p *Panel) say(text string, importance widget.Importance) {
	p.notice.Text, p.notice.Importance = journal.Printable(text, maxText), importance
	p.notice.Refresh()
}

// panelColumn gives its objects all of its size, and is as narrow as the panel may
// be. The height is that of the window: the upper part scrolls.
type panelColumn struct{}

func (panelColumn) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(MinWidth, minHeight) }

func (panelColumn) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	layout.NewStackLayout().Layout(objects, s)
}

// minHeight is the least height of the panel: that of the lists, and of a few rows
// to scroll.
const minHeight = 300

// stacked is an upper part, which scrolls if there is no room for all of it, and a
// lower part, which gets what is left but at least minLists.
type stacked struct{}

// minLists is the least height of the lists.
const minLists = 150

func (stacked) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(MinWidth, minHeight) }

func (stacked) Layout(o []fyne.CanvasObject, s fyne.Size) {
	top := o[0].(*container.Scroll)
	high := min(top.Content.MinSize().Height, max(0, s.Height-minLists))
	top.Resize(fyne.NewSize(s.Width, high))
	o[1].Move(fyne.NewPos(0, high))
	o[1].Resize(fyne.NewSize(s.Width, s.Height-high))
}

// sideMargin is the margin beside the rows of the panel, the same at both sides.
const sideMargin = 6

// rightMargin is one object with sideMargin at both sides.
type rightMargin struct{}

func (rightMargin) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(2*sideMargin, 0)
}

func (rightMargin) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Move(fyne.NewPos(sideMargin, 0))
	o[0].Resize(s.SubtractWidthHeight(2*sideMargin, 0))
}

// cornerRow is tabs, with buttons at the right of their titles.
type cornerRow struct{}

func (cornerRow) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }

func (cornerRow) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(s)
	size := o[1].MinSize()
	o[1].Resize(size)
	o[1].Move(fyne.NewPos(s.Width-size.Width, theme.Padding()))
}

// StripWidth is the width of a folded panel.
const StripWidth = iconSize + 2*stripMargin

const stripMargin = 3

// stripColumn is the column of a folded panel.
type stripColumn struct{}

func (stripColumn) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(StripWidth, minHeight)
}

func (stripColumn) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Move(fyne.NewPos(stripMargin, stripMargin))
	o[0].Resize(fyne.NewSize(s.Width-2*stripMargin, o[0].MinSize().Height))
}
