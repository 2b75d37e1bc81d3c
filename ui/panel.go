//go:build !darwin || cgo

package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// holdTime is the duration of a long press on a control.
const holdTime = 700 * time.Millisecond

// touchPanel is the touch panel. It lays every page out as placed controls
// (arrange) and gives each control a widget. For the next View it draws only what
// differs. Use it on the goroutine of the user interface.
type touchPanel struct {
	widget.BaseWidget
	u       *Unit
	in      Input
	view    view.View
	k       float32 // device independent pixels in a design unit
	high    bool    // high contrast was on
	palette palette
	shapes  shapeCache
	page    layer
	over    layer // the dialog
	note    *control
	dark    *control
	blurred bool // something else has the keyboard: no control has the ring

	// after calls f once, later, on the goroutine of the user interface.
	after func(d time.Duration, f func()) (stop func())
}

// newPanel makes a dark panel; show turns it on.
func newPanel(in Input, u *Unit) *touchPanel {
	t := &touchPanel{u: u, in: in, palette: vista(), after: afterTime}
	t.page.panel, t.over.panel = t, t
	t.page.scroll, t.over.scroll = newScroller(&t.page), newScroller(&t.over)
	t.note, t.dark = newControl(t), newControl(t)
	t.note.Hide()
	t.dark.set(background("off", asSplash, rect{0, 0, panelW, panelH}))
	t.ExtendBaseWidget(t)
	return t
}

func afterTime(d time.Duration, f func()) func() {
	timer := time.AfterFunc(d, func() { fyne.Do(f) })
	return func() { timer.Stop() }
}

// show draws a View.
func (t *touchPanel) show(v view.View) {
	t.view = v
	t.arrange()
}

// setFocused implements panel.
func (t *touchPanel) setFocused(on bool) {
	if t.blurred == on {
		t.blurred = !on
		t.arrange()
	}
}

// arrange lays out what is shown at the size that the panel has.
func (t *touchPanel) arrange() {
	if t.k <= 0 { // Fyne lays out before there is a size
		return
	}
	if t.high != t.u.Contrast {
		t.high, t.palette, t.shapes = t.u.Contrast, vista(), shapeCache{}
		if t.high {
			t.palette = highContrast()
		}
		t.clear()
	}
	r, shown := layout{t.k}, t.view
	if t.blurred {
		shown.Page.Focus = ""
		if shown.Dialog != nil {
			over := *shown.Dialog
			shown.Dialog, over.Focus = &over, ""
		}
	}
	before := t.page.count() + t.over.count()
	switch {
	case !shown.On:
		t.clear()
	case shown.Dialog != nil:
		below := shown
		below.Page.Keyboard = view.NoKeyboard
		t.page.show(r.arrange(&below))
		t.over.show(r.dialog(shown.Dialog))
	default:
		t.page.show(r.arrange(&shown))
		t.over.clear()
	}
	if shown.Note != nil {
		t.note.set(note(*shown.Note))
		t.note.place(0, 0)
	}
	setVisible(t.note, shown.On && shown.Note != nil)
	setVisible(t.dark, !shown.On)
	if t.page.changed || t.over.changed || before != t.page.count()+t.over.count() {
		t.page.changed, t.over.changed = false, false
		t.Refresh()
	}
}

func (t *touchPanel) clear() { t.page.clear(); t.over.clear() }

// Resize implements fyne.CanvasObject: the panel fills what it is given, at 4:3
// from the upper left.
func (t *touchPanel) Resize(s fyne.Size) {
	k := min(s.Width/panelW, s.Height/panelH)
	if k > 0 && k != t.k {
		t.k = k
		t.clear()
		t.dark.place(0, 0)
		t.dark.set(t.dark.placed) // it was not drawn while there was no size
		t.arrange()
	}
	t.BaseWidget.Resize(s)
}

// ID is the name by which tests find the panel.
func (t *touchPanel) ID() string { return "panel" }

// AccessibilityLabel implements fyne.Accessible.
func (t *touchPanel) AccessibilityLabel() string { return t.view.Page.Title }

// AccessibilityRole implements fyne.Accessible.
func (t *touchPanel) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleContainer }

// CreateRenderer implements fyne.Widget.
func (t *touchPanel) CreateRenderer() fyne.WidgetRenderer {
	return &panelRenderer{partRenderer{arrange: func(fyne.Size) {}}, t}
}

type panelRenderer struct {
	partRenderer
	t *touchPanel
}

func (r *panelRenderer) Refresh() {
	if r.t.high != r.t.u.Contrast {
		r.t.arrange()
	}
	canvas.Refresh(r.t)
}

func (r *panelRenderer) Objects() []fyne.CanvasObject {
	out := r.t.page.objects()
	out = append(out, r.t.over.objects()...)
	return append(out, r.t.note, r.t.dark)
}

// layer is one page or dialog on the panel.
type layer struct {
	panel   *touchPanel
	layout  pageLayout
	fixed   []*control
	top     []*control
	scroll  *scroller
	shown   bool
	changed bool // the number or order of objects has changed
}

// show shows a layout. A control with the ID of a former one keeps its widget.
func (l *layer) show(s pageLayout) {
	same := l.shown && l.layout.id == s.id
	old := l.layout
	l.layout, l.shown = s, true
	l.fixed = l.match(l.fixed, s.fixed)
	l.top = l.match(l.top, s.above)
	l.scroll.show(same, same && old.focus == s.focus)
}

func (l *layer) match(have []*control, want []placed) []*control {
	byID := make(map[string]*control, len(have))
	for _, c := range have {
		byID[c.placed.ID] = c
	}
	out := make([]*control, len(want))
	for i, w := range want {
		c := byID[w.ID]
		if c == nil {
			c = newControl(l.panel)
		}
		delete(byID, w.ID) // controls of the same ID get one widget each
		c.set(w)
		c.place(0, 0)
		l.changed = l.changed || i >= len(have) || have[i] != c
		out[i] = c
	}
	for _, c := range byID { // controls that are gone
		c.release()
	}
	l.changed = l.changed || len(have) != len(want)
	return out
}

// clear removes all controls.
func (l *layer) clear() {
	for _, c := range l.controls() {
		c.release()
	}
	l.changed = l.changed || l.shown
	l.layout, l.fixed, l.top, l.shown = pageLayout{}, nil, nil, false
	l.scroll.clear()
}

func (l *layer) count() int { return len(l.fixed) + len(l.top) + len(l.scroll.lines) }

func (l *layer) controls() []*control {
	return append(append(append([]*control(nil), l.top...), l.scroll.lines...), l.fixed...)
}

func (l *layer) objects() []fyne.CanvasObject {
	if !l.shown {
		return nil
	}
	out := make([]fyne.CanvasObject, 0, len(l.fixed)+len(l.top)+1)
	for _, c := range l.fixed {
		out = append(out, c)
	}
	if l.layout.port.h > 0 {
		out = append(out, l.scroll)
	}
	for _, c := range l.top {
		out = append(out, c)
	}
	return out
}
