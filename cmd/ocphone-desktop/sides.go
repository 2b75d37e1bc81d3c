//go:build cgo

package main

import (
	"math"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/ui/labpanel"
)

// sides is the layout of phone, folded panel and panel. The window keeps its size
// when the panel is folded, and the phone takes the space. In a window that is too
// narrow for both the panel is folded, and lies over the phone when it is opened:
// the phone is never narrower than its least width.
type sides struct {
	phone, strip, panel fyne.CanvasObject
	folded              bool // by the person
	over                bool // opened in a narrow window
	narrow              bool // at the last layout
}

// aspect is the width of the whole phone by its height.
const aspect = float32(phoneWidth) / phoneHeight

// MinSize implements fyne.Layout. Window managers keep to it.
func (l *sides) MinSize([]fyne.CanvasObject) fyne.Size {
	return l.phone.MinSize().AddWidthHeight(labpanel.StripWidth, 0)
}

// Layout implements fyne.Layout.
func (l *sides) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	narrow := s.Width < l.phone.MinSize().Width+labpanel.MinWidth
	if narrow != l.narrow {
		l.narrow, l.over = narrow, false
	}
	wide := max(labpanel.MinWidth, min(s.Width-float32(math.Round(float64(s.Height*aspect))), labpanel.MaxWidth))
	beside := wide
	if !l.open() || narrow {
		beside = labpanel.StripWidth
	}
	place := func(o fyne.CanvasObject, x, width float32) {
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(width, s.Height))
	}
	setVisible(l.panel, l.open())
	setVisible(l.strip, !l.open())
	place(l.phone, 0, s.Width-beside)
	place(l.strip, s.Width-labpanel.StripWidth, labpanel.StripWidth)
	place(l.panel, s.Width-wide, wide)
}

// open reports whether the panel is shown.
func (l *sides) open() bool { return l.over || !l.folded && !l.narrow }

// toggle folds the panel, or unfolds it.
func (l *sides) toggle() {
	l.folded = l.open()
	l.over = l.narrow && !l.folded
}

func setVisible(o fyne.CanvasObject, on bool) {
	if on != o.Visible() {
		if on {
			o.Show()
		} else {
			o.Hide()
		}
	}
}

// keeper keeps the size of the window and the state of the panel until the next
// start. Fyne has no way to set the place of a window: that is up to the window
// manager.
type keeper struct {
	fyne.Preferences
	prefix string // of the keys: windows with and without a panel differ
}

// maxKept bounds a kept width or height.
const maxKept = 16384

// size is the kept size, or usual if there is none.
func (k keeper) size(usual fyne.Size) fyne.Size {
	kept := fyne.NewSize(float32(k.Float(k.prefix+".width")), float32(k.Float(k.prefix+".height")))
	if kept.Width < 1 || kept.Height < 1 || kept.Width > maxKept || kept.Height > maxKept {
		return usual
	}
	return kept
}

func (k keeper) folded() bool { return k.Bool(k.prefix + ".folded") }

func (k keeper) keep(size fyne.Size, folded bool) {
	k.SetFloat(k.prefix+".width", float64(size.Width))
	k.SetFloat(k.prefix+".height", float64(size.Height))
	k.SetBool(k.prefix+".folded", folded)
}

// sizeWatch is the layout of one object that fills the window. It calls changed after
// the size has changed: at the end of Fyne's loop functions may be left out.
type sizeWatch struct {
	changed func()
	size    fyne.Size
}

// MinSize implements fyne.Layout.
func (l *sizeWatch) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }

// Layout implements fyne.Layout.
func (l *sizeWatch) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(s)
	if s != l.size {
		l.size = s
		l.changed()
	}
}
