//go:build !darwin || cgo

package ui

import (
	"maps"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// There is one focus, that of Fyne. While the desk has it, the control of the touch
// panel that has the focus of the page shows the ring, else the part of the body
// that has it. Tab goes through the touch panel, then to the parts of the body;
// arrows move within either. A gate before and one behind the desk let Tab enter
// the touch panel at its first or last control, which Fyne cannot know.

// gate is a place without a size in the order of the focus. It passes the focus on.
type gate struct {
	widget.BaseWidget
	handset *Handset
	by      int // 1 is the gate before the desk, -1 the one behind it
}

func newGate(h *Handset, by int) *gate {
	g := &gate{handset: h, by: by}
	g.ExtendBaseWidget(g)
	return g
}

// FocusGained implements fyne.Focusable.
func (g *gate) FocusGained() {
	h := g.handset
	c := h.canvas()
	if c == nil {
		return
	}
	on := func(by int) {
		if by > 0 {
			c.FocusNext()
		} else {
			c.FocusPrevious()
		}
	}
	switch d := h.desk; {
	case d.leaving:
		d.leaving = false
		on(-g.by)
	case h.turned: // the touch panel is not seen: over the desk to the other gate
		on(g.by)
		d.leaving = true
		on(g.by)
	default:
		c.Focus(d)
		h.enter(g.by)
	}
}

// FocusLost implements fyne.Focusable.
func (g *gate) FocusLost() {}

// TypedKey implements fyne.Focusable.
func (g *gate) TypedKey(*fyne.KeyEvent) {}

// TypedRune implements fyne.Focusable.
func (g *gate) TypedRune(rune) {}

// CreateRenderer implements fyne.Widget.
func (g *gate) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(&canvas.Rectangle{})
}

// enter moves the focus of the page to its first control, or with by -1 to its last
// one. A control in between that has it keeps it.
func (h *Handset) enter(by int) {
	p := *h.view.Top()
	next, around := p.Next(by, true)
	if p.Focus == "" || around && next != p.Focus {
		h.pressTab(by)
	}
}

// pressTab sends Tab to the phone, or with by -1 Tab with Shift.
func (h *Handset) pressTab(by int) {
	k := view.KeyTab
	if by < 0 {
		k = view.KeyBackTab
	}
	h.in.Press(k)
	h.in.Release(k)
}

// tab moves the focus within the touch panel, and reports whether it could: past
// the last control the focus leaves the panel.
func (d *desk) tab() bool {
	by := 1
	if shifted := d.handset.keyboard.shifted; shifted != nil && shifted() {
		by = -1
	}
	_, around := d.handset.view.Top().Next(by, true)
	if d.leaving = around || d.handset.turned; d.leaving {
		return false
	}
	d.handset.pressTab(by)
	return true
}

// part is a part of the body that can have the focus.
type part interface {
	fyne.CanvasObject
	fyne.Focusable
}

// parts are the parts of the side that is seen.
func (h *Handset) parts() []part {
	all := []part{h.turn}
	if h.turned {
		return append(all, h.hole)
	}
	for _, k := range slices.Sorted(maps.Keys(h.keys)) { // so that an arrow goes to the same one of two equally near
		all = append(all, h.keys[k])
	}
	return append(all, h.receiver)
}

// partFocused reports whether a part of the side that is seen has the focus.
func (h *Handset) partFocused() bool {
	c := h.canvas()
	if c == nil {
		return false
	}
	for _, p := range h.parts() {
		if c.Focused() == fyne.Focusable(p) {
			return true
		}
	}
	return false
}

// moveRing moves the focus from a part of the body to the nearest one in the
// direction of an arrow, if there is one. A part beside the way counts as farther.
func (h *Handset) moveRing(from part, arrow fyne.KeyName) {
	c, driver := h.canvas(), fyne.CurrentApp().Driver()
	if c == nil {
		return
	}
	middle := func(p part) fyne.Position {
		at, size := driver.AbsolutePositionForObject(p), p.Size()
		return fyne.NewPos(at.X+size.Width/2, at.Y+size.Height/2)
	}
	const beside = 2
	var nearest part
	var least float32
	here := middle(from)
	for _, p := range h.parts() {
		there := middle(p)
		along, aside := there.X-here.X, there.Y-here.Y
		if arrow == fyne.KeyUp || arrow == fyne.KeyDown {
			along, aside = aside, along
		}
		if arrow == fyne.KeyLeft || arrow == fyne.KeyUp {
			along = -along
		}
		if far := along + beside*max(aside, -aside); along > 1 && (nearest == nil || far < least) {
			nearest, least = p, far
		}
	}
	if nearest != nil {
		c.Focus(nearest)
	}
}

func isArrow(n fyne.KeyName) bool {
	return n == fyne.KeyUp || n == fyne.KeyDown || n == fyne.KeyLeft || n == fyne.KeyRight
}

// canvas is that of the window; nil: there is none.
func (h *Handset) canvas() fyne.Canvas { return fyne.CurrentApp().Driver().CanvasForObject(h) }
