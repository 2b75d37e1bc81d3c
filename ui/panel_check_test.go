//go:build !darwin || cgo

package ui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/device/screen/view"
)

// maxRowsChecked bounds the work of Check on long lists.
const maxRowsChecked = 200

// Check lays a View out on a panel of w by h and names everything that a
// person could not read: texts that end in an ellipsis, texts that lie over
// others or outside of their control, controls that lie over others or outside
// of the panel. What is typed, and the user's name in the status, may be of any
// length and are not reported. Nil: all is well. Use it on the goroutine of
// the user interface.
func Check(v view.View, w, h int) []string {
	if !v.On {
		return nil
	}
	c := checker{r: layout{min(float32(w)/panelW, float32(h)/panelH)}, pal: vista()}
	if c.r.k <= 0 {
		return []string{"the panel has no size"}
	}
	c.page(c.r.arrange(&v))
	if v.Dialog != nil {
		c.page(c.r.dialog(v.Dialog))
	}
	if v.Note != nil {
		over := note(*v.Note)
		c.control(&pageLayout{id: "note"}, &over)
	}
	return c.bad
}

// Keys are the places of what one types with: keys of pads, keyboards and soft keys,
// and buttons, by ID.
func Keys(v view.View) map[string]string {
	r := layout{sizeOfCheck}
	s := r.arrange(&v)
	keys := map[string]string{}
	for _, p := range slices.Concat(s.fixed, s.above, s.flow) {
		if p.style == asDigit || p.style == asLetter || p.style == asSoftKey || p.Role == view.Button {
			keys[p.ID] = fmt.Sprint(p.at)
		}
	}
	return keys
}

// Place is the middle of a control of the touch panel, in the coordinates of the
// window.
func Place(h *Handset, id string) (fyne.Position, bool) {
	t := h.panel.(*touchPanel)
	for _, c := range append(t.page.controls(), t.over.controls()...) {
		if c.placed.ID == id {
			at := fyne.CurrentApp().Driver().AbsolutePositionForObject(c)
			return at.AddXY(c.Size().Width/2, c.Size().Height/2), true
		}
	}
	return fyne.Position{}, false
}

// sizeOfCheck is the scale of Keys: a panel of 640 by 480.
const sizeOfCheck = 640. / panelW

type checker struct {
	r   layout
	pal palette
	bad []string
}

func (c *checker) say(s *pageLayout, p *placed, format string, args ...any) {
	c.bad = append(c.bad, fmt.Sprintf("%s: %s: ", s.id, p.ID)+fmt.Sprintf(format, args...))
}

func (c *checker) page(s pageLayout) {
	whole := rect{0, 0, panelW, panelH}
	seen := map[string]bool{}
	still := append(append([]placed(nil), s.fixed...), s.above...)
	for i := range still {
		p := &still[i]
		c.control(&s, p)
		if seen[p.ID] {
			c.say(&s, p, "two controls have this id")
		}
		seen[p.ID] = true
		if !p.at.within(whole, .5) {
			c.say(&s, p, "lies outside of the panel")
		}
		if p.solid() && s.port.h > 0 && p.at.overlaps(s.port.inset(.5)) {
			c.say(&s, p, "lies over what scrolls")
		}
	}
	c.apart(&s, still)
	moving := s.flow
	if s.rows != nil {
		for i := range min(s.rows.Len, maxRowsChecked) {
			moving = append(moving, s.row(i))
		}
	}
	if len(moving) > 0 && s.port.h < rowHeight {
		c.say(&s, &moving[0], "has only %.0f units of room to scroll in", s.port.h)
	}
	for i := range moving {
		c.control(&s, &moving[i])
		if !moving[i].at.within(rect{0, 0, panelW, s.contentHeight}, .5) {
			c.say(&s, &moving[i], "lies outside of the page")
		}
	}
	c.apart(&s, moving)
}

// solid reports whether a control is not the background of others.
func (p *placed) solid() bool {
	switch p.style {
	case asPage, asSplash, asVeil, asBox, asTitle, asBoxTitle, asBar:
		return false
	}
	return true
}

func (c *checker) apart(s *pageLayout, all []placed) {
	for i := range all {
		for j := range i {
			a, b := &all[i], &all[j]
			if a.solid() && b.solid() && a.at.inset(.6).overlaps(b.at.inset(.6)) {
				c.say(s, a, "lies over %s", b.ID)
			}
		}
	}
}

// control checks the texts of one control.
func (c *checker) control(s *pageLayout, p *placed) {
	if p.at.w <= 0 || p.at.h <= 0 {
		c.say(s, p, "has no room")
		return
	}
	face := c.pal.draw(*p, false)
	var boxes []rect
	for _, t := range face.texts {
		runs, cut := c.r.setText(t)
		if cut && !t.tail && !t.data {
			c.say(s, p, "%q is cut", t.s)
		}
		box := bounds(runs, c.r.k)
		if len(runs) > 0 && !box.within(rect{0, 0, p.at.w, p.at.h}, 1.5) {
			c.say(s, p, "%q lies outside of its control", t.s)
		}
		for m, other := range boxes {
			if box.overlaps(other) {
				c.say(s, p, "%q lies over %q", t.s, face.texts[m].s)
			}
		}
		for _, g := range face.icons {
			if len(runs) > 0 && box.overlaps(g.at.inset(1)) {
				c.say(s, p, "%q lies over its icon", t.s)
			}
		}
		boxes = append(boxes, box)
	}
}

// bounds is the room that letters take: a line is higher than they are.
func bounds(runs []textRun, k float32) rect {
	var lo, hi fyne.Position
	for i, r := range runs {
		high := r.box.Height
		from := fyne.NewPos(r.at.X, r.at.Y+high*.22)
		to := fyne.NewPos(r.at.X+r.box.Width, r.at.Y+high*.84)
		if i == 0 {
			lo, hi = from, to
			continue
		}
		lo = fyne.NewPos(min(lo.X, from.X), min(lo.Y, from.Y))
		hi = fyne.NewPos(max(hi.X, to.X), max(hi.Y, to.Y))
	}
	return rect{lo.X / k, lo.Y / k, (hi.X - lo.X) / k, (hi.Y - lo.Y) / k}
}
