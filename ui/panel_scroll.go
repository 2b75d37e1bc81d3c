//go:build !darwin || cgo

package ui

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// scroller is the part of a page that may be longer than the panel: a flow of
// controls, or a list, of which it makes only the visible rows. A wheel or a
// finger moves it.
type scroller struct {
	widget.BaseWidget
	layer   *layer
	offset  float32 // in design units
	lines   []*control
	first   int // index of the row of lines[0]
	clip    *container.Clip
	content *fyne.Container
	bar     *canvas.Raster
}

func newScroller(l *layer) *scroller {
	s := &scroller{layer: l, content: &fyne.Container{}}
	s.clip = container.NewClip(s.content)
	s.bar = canvas.NewRaster(s.paintBar)
	s.ExtendBaseWidget(s)
	return s
}

// show lays out the flow or the rows of the page. keep: it is the same page as
// before; still: with the same focus.
func (s *scroller) show(keep, still bool) {
	sh := &s.layer.layout
	if !keep {
		s.offset = 0
		s.release()
	}
	if !still {
		s.reveal(sh.focus)
	}
	k := s.layer.panel.k
	s.Move(fyne.NewPos(sh.port.x*k, sh.port.y*k))
	s.Resize(fyne.NewSize(sh.port.w*k, sh.port.h*k))
	s.clip.Resize(s.Size())
	s.bar.Resize(fyne.NewSize(4*k, max(s.Size().Height-6*k, 0)))
	s.bar.Move(fyne.NewPos(s.Size().Width-6*k, 3*k))
	s.arrange()
}

// maxOffset is the largest offset.
func (s *scroller) maxOffset() float32 {
	return max(s.layer.layout.contentHeight-s.layer.layout.port.h, 0)
}

// reveal scrolls until a control can be seen.
func (s *scroller) reveal(id string) {
	sh := &s.layer.layout
	if id == "" || sh.port.h <= 0 {
		return
	}
	show := func(y, h float32) {
		s.offset = max(min(s.offset, y-4), y+h+4-sh.port.h)
	}
	for _, c := range sh.flow {
		if c.ID == id {
			show(c.at.y, c.at.h)
			return
		}
	}
	if sh.rows == nil {
		return
	}
	for i := range sh.rows.Len {
		if sh.rows.Row(i).ID == id {
			show(float32(i)*rowHeight, rowHeight)
			return
		}
	}
}

// arrange places the visible controls.
func (s *scroller) arrange() {
	sh := &s.layer.layout
	s.offset = max(min(s.offset, s.maxOffset()), 0)
	want := sh.flow
	if sh.rows != nil {
		want = s.visibleRows()
	}
	byID := make(map[string]*control, len(s.lines))
	spare := make([]*control, 0, len(s.lines))
	for _, c := range s.lines {
		byID[c.placed.ID] = c
	}
	for _, w := range want {
		delete(byID, w.ID)
	}
	for _, c := range s.lines { // widgets of rows that are no longer visible
		if byID[c.placed.ID] == c {
			spare = append(spare, c)
			delete(byID, c.placed.ID)
		}
	}
	for _, c := range s.lines {
		byID[c.placed.ID] = c
	}
	lines := make([]*control, len(want))
	differ := len(want) != len(s.lines)
	for i, w := range want {
		c := byID[w.ID]
		delete(byID, w.ID)
		if c == nil && len(spare) > 0 {
			c, spare = spare[len(spare)-1], spare[:len(spare)-1]
		} else if c == nil {
			c = newControl(s.layer.panel)
		}
		c.set(w)
		c.place(0, -s.offset)
		setVisible(c, w.at.y+w.at.h > s.offset && w.at.y < s.offset+sh.port.h)
		differ = differ || s.lines[i] != c
		lines[i] = c
	}
	for _, c := range spare {
		c.release()
	}
	s.lines = lines
	setVisible(s.bar, s.maxOffset() > 0)
	if differ {
		s.content.Objects = s.content.Objects[:0:0]
		for _, c := range lines {
			s.content.Objects = append(s.content.Objects, c)
		}
	}
	s.bar.Refresh()
	canvas.Refresh(s)
}

func (s *scroller) visibleRows() []placed {
	sh := &s.layer.layout
	s.first = max(int(s.offset/rowHeight), 0)
	last := min(int((s.offset+sh.port.h)/rowHeight)+1, sh.rows.Len)
	out := make([]placed, 0, max(last-s.first, 0))
	for i := s.first; i < last; i++ {
		out = append(out, sh.row(i))
	}
	return out
}

// row places one row of the list; a heading among them begins a group.
func (sh *pageLayout) row(i int) placed {
	p := placed{Control: sh.rows.Row(i), at: rect{0, float32(i) * rowHeight, sh.port.w - 4, rowHeight}}
	switch p.Role {
	case view.Heading, view.Text:
		p.style = asGroup
	case "":
		p.Role = view.Row
	}
	p.focus = sh.focus != "" && p.ID == sh.focus
	return p
}

func (s *scroller) clear() { s.lines, s.content.Objects, s.offset = nil, nil, 0 }

// release ends every press, since dragging is not pressing.
func (s *scroller) release() {
	for _, c := range s.lines {
		c.release()
	}
}

func (s *scroller) scrollBy(d float32) {
	if k := s.layer.panel.k; k > 0 && s.maxOffset() > 0 {
		s.offset -= d / k
		s.arrange()
	}
}

// Scrolled implements fyne.Scrollable.
func (s *scroller) Scrolled(e *fyne.ScrollEvent) { s.scrollBy(e.Scrolled.DY) }

// Dragged implements fyne.Draggable.
func (s *scroller) Dragged(e *fyne.DragEvent) {
	s.release()
	s.scrollBy(e.Dragged.DY)
}

// DragEnd implements fyne.Draggable.
func (s *scroller) DragEnd() {}

// paintBar paints the scroll bar.
func (s *scroller) paintBar(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	sh := &s.layer.layout
	if sh.contentHeight <= sh.port.h || sh.contentHeight <= 0 {
		return m
	}
	long := max(float64(sh.port.h/sh.contentHeight)*float64(h), float64(3*w))
	top := float64(s.offset/s.maxOffset()) * (float64(h) - long)
	ink, _ := opaque(s.layer.panel.palette.second).(color.NRGBA)
	thumb := shape{plate, rect{0, float32(top), float32(w), float32(long)}, float32(w) / 2, 0, gradient{}}
	c := uint32(ink.R)<<16 | uint32(ink.G)<<8 | uint32(ink.B)
	thumb.colours = gradient{c, c, c, noOutline}
	thumb.paint(m, 1, 1)
	return m
}

// ID is the name by which tests find the scroller.
func (s *scroller) ID() string {
	if s.layer.layout.rows != nil {
		return s.layer.layout.rows.ID
	}
	return "body"
}

// AccessibilityLabel implements fyne.Accessible.
func (s *scroller) AccessibilityLabel() string { return s.ID() }

// AccessibilityRole implements fyne.Accessible.
func (s *scroller) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleContainer }

// CreateRenderer implements fyne.Widget.
func (s *scroller) CreateRenderer() fyne.WidgetRenderer {
	return &partRenderer{func(fyne.Size) {}, []fyne.CanvasObject{s.clip, s.bar}}
}
