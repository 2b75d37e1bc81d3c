//go:build !darwin || cgo

package labpanel

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/journal"
)

// line is a part of a row: one paragraph.
type line struct {
	text  string
	bold  bool
	color fyne.ThemeColorName // "": the usual one
}

// rows is a list of paragraphs of any height. Only the visible ones are built.
type rows struct {
	List          *list
	all           [][]line
	height        []float32 // of each, at width
	width         float32
	measuringText *widget.RichText
	bottom        bool // keep the newest in sight
	chosen        int  // the row that a tap has chosen; -1: none
}

// list is a list of Fyne, whose unused keys are for the window.
type list struct {
	widget.List
	p *Panel
}

// TypedKey implements fyne.Focusable.
func (l *list) TypedKey(e *fyne.KeyEvent) {
	if !l.p.windowKey(e.Name) {
		l.List.TypedKey(e)
	}
}

func newRows(p *Panel) *rows {
	r := &rows{List: &list{p: p}, measuringText: paragraph(), chosen: -1}
	r.List.Length = func() int { return len(r.all) }
	r.List.CreateItem = func() fyne.CanvasObject { return paragraph() }
	r.List.UpdateItem = func(i widget.ListItemID, o fyne.CanvasObject) {
		if i < len(r.all) {
			write(o.(*widget.RichText), r.all[i])
		}
	}
	r.List.ExtendBaseWidget(r.List)
	r.List.OnSelected = func(i widget.ListItemID) { r.chosen = i }
	r.List.OnUnselected = func(widget.ListItemID) { r.chosen = -1 }
	return r
}

func paragraph() *widget.RichText {
	t := widget.NewRichText()
	t.Wrapping = fyne.TextWrapWord
	return t
}

func write(t *widget.RichText, lines []line) {
	t.Segments = t.Segments[:0]
	for _, l := range lines {
		if l.text == "" {
			continue
		}
		style := widget.RichTextStyle{SizeName: theme.SizeNameCaptionText, ColorName: l.color}
		style.TextStyle.Bold = l.bold
		if style.ColorName == "" {
			style.ColorName = theme.ColorNameForeground
		}
		t.Segments = append(t.Segments, &widget.TextSegment{Text: journal.Printable(l.text, 0), Style: style})
	}
	t.Refresh()
}

// set replaces all rows.
func (r *rows) set(all [][]line) {
	r.List.UnselectAll()
	r.show(all, 0)
}

// add appends rows.
func (r *rows) add(more ...[]line) { r.show(append(r.all, more...), len(r.height)) }

// show shows rows, of which the first ones are measured already.
func (r *rows) show(all [][]line, measured int) {
	follow := r.bottom && r.atBottom()
	r.all, r.height = all, r.height[:measured]
	r.measure()
	r.List.Refresh()
	if follow {
		r.List.ScrollToBottom()
	}
}

// measure sets the height of the rows that were added since the last call.
func (r *rows) measure() {
	if r.width <= 0 {
		return
	}
	for i := len(r.height); i < len(r.all); i++ {
		write(r.measuringText, r.all[i])
		r.measuringText.Resize(fyne.NewSize(r.width, 1))
		r.height = append(r.height, r.measuringText.MinSize().Height)
		r.List.SetItemHeight(i, r.height[i])
	}
}

// setWidth sets the width of the rows.
func (r *rows) setWidth(width float32) {
	if width == r.width {
		return
	}
	r.width, r.height = width, r.height[:0]
	r.measure()
}

// atBottom reports whether the last row is visible, or was before rows were added.
func (r *rows) atBottom() bool {
	total := float32(0)
	for _, h := range r.height {
		total += h + theme.Padding()
	}
	const slack = 24 // about a line
	return r.List.GetScrollOffset()+r.List.Size().Height+slack >= total
}

// measuredRows is a layout that sets the width of rows and then fills its space
// with one object.
type measuredRows struct{ r *rows }

func (l measuredRows) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(100, 90) }

func (l measuredRows) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	follow := l.r.bottom && l.r.atBottom()
	l.r.setWidth(s.Width)
	for _, o := range objects {
		o.Move(fyne.NewPos(0, 0))
		o.Resize(s)
	}
	if follow { // with less room, too
		l.r.List.ScrollToBottom()
	}
}
