//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/ui/art"
)

// desk is below all other parts. It paints the side of the phone that is shown,
// and has the keyboard focus while no part of the phone has it. Its picture
// consists of tiles around the touch panel, so that a frame does not paint what
// the panel hides.
type desk struct {
	widget.BaseWidget
	handset    *Handset
	tiles      [5]deskTile // above, left, below, right of the panel, and behind it
	pixelRatio float64     // pixels in one of Fyne's device independent pixels

	captured bool // the last Tab moved the focus within the touch panel
	tabFresh bool // that Tab went down, and has not been typed yet
	leaving  bool // the last Tab leaves the touch panel
}

type deskTile struct {
	*canvas.Raster
	x, y float32
}

// The tile that is as wide as the desk gives the pixel ratio, so it is painted
// first. The tile behind the panel is shown on the back only.
const (
	widestTile = 0
	panelTile  = 4
)

func newDesk(h *Handset) *desk {
	d := &desk{handset: h}
	for i := range d.tiles {
		d.tiles[i].Raster = canvas.NewRaster(func(w, high int) image.Image { return d.paint(i, w, high) })
	}
	d.tiles[panelTile].Hide()
	d.ExtendBaseWidget(d)
	return d
}

// turn shows the side to which the handset is turned.
func (d *desk) turn() {
	setVisible(d.tiles[panelTile].Raster, d.handset.turned)
	d.repaint()
}

func (d *desk) repaint() {
	for _, t := range d.tiles {
		t.Refresh()
	}
}

func (d *desk) paint(i, w, high int) image.Image {
	size, k, t := d.Size(), float64(d.handset.u.K), &d.tiles[i]
	if i == widestTile && size.Width > 0 {
		d.pixelRatio = float64(w) / float64(size.Width)
	}
	if k <= 0 || d.pixelRatio <= 0 || w <= 0 || high <= 0 {
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	side := art.Front
	if d.handset.turned {
		side = art.Back
	}
	u := d.handset.u
	left := math.Round(d.pixelRatio*float64(size.Width-u.F(art.Width))/2) - math.Round(d.pixelRatio*float64(t.x))
	top := math.Round(d.pixelRatio*float64(size.Height-u.F(art.Height))/2) - math.Round(d.pixelRatio*float64(t.y))
	name, at := fmt.Sprint("side", d.handset.turned, u.Contrast, i), fmt.Sprint(w, high, left, top)
	return d.handset.images.image(name, at, func() *image.RGBA {
		return side(u.Contrast).Paint(w, high, art.Frame{Scale: d.pixelRatio * k, X: left, Y: top})
	})
}

// seam divides the coordinates of the tiles' edges, in device independent pixels:
// at the usual scales, in steps of an eighth, they are whole pixels.
const seam = 8

// tilesUnder is the overlap of tiles and panel, in design units.
const tilesUnder = 2

func (d *desk) arrange(s fyne.Size) {
	u := d.handset.u
	if u.K <= 0 {
		return
	}
	atX, atY := (s.Width-u.F(art.Width))/2, (s.Height-u.F(art.Height))/2
	up := func(v float32) float32 { return seam * float32(math.Ceil(float64(v/seam))) }
	down := func(v float32) float32 { return seam * float32(math.Floor(float64(v/seam))) }
	x0, x1 := up(atX+u.F(panelX+tilesUnder)), down(atX+u.F(panelX+panelW-tilesUnder))
	y0, y1 := up(atY+u.F(panelY+tilesUnder)), down(atY+u.F(panelY+panelH-tilesUnder))
	x1, y1 = max(x0, x1), max(y0, y1)
	for i, b := range [5][4]float32{
		{0, 0, s.Width, y0}, {0, y0, x0, y1}, {0, y1, s.Width, s.Height}, {x1, y0, s.Width, y1}, {x0, y0, x1, y1},
	} {
		t := &d.tiles[i]
		t.x, t.y = b[0], b[1]
		t.Resize(fyne.NewSize(b[2]-b[0], b[3]-b[1]))
		t.Move(fyne.NewPos(b[0], b[1]))
	}
}

// ID is the name by which tests find the desk.
func (d *desk) ID() string { return "phone" }

// AccessibilityLabel implements fyne.Accessible.
func (d *desk) AccessibilityLabel() string { return "ocphone" }

// AccessibilityRole implements fyne.Accessible.
func (d *desk) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleContainer }

// Tapped implements fyne.Tappable: a tap gives the phone the keyboard focus.
func (d *desk) Tapped(*fyne.PointEvent) { d.handset.takeKeyboard() }

// FocusGained implements fyne.Focusable.
func (d *desk) FocusGained() { d.handset.panel.setFocused(true) }

// FocusLost implements fyne.Focusable.
func (d *desk) FocusLost() {
	d.handset.panel.setFocused(false)
	d.handset.keyboard.releaseAll()
}

// AcceptsTab implements fyne.Tabbable. Fyne calls it after KeyDown.
func (d *desk) AcceptsTab() bool { return d.captured }

// KeyDown implements desktop.Keyable.
func (d *desk) KeyDown(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyTab {
		d.captured = d.tab()
		d.tabFresh = d.captured
		return
	}
	d.handset.keyboard.keyDown(e.Name)
}

// KeyUp implements desktop.Keyable.
func (d *desk) KeyUp(e *fyne.KeyEvent) { d.handset.keyboard.keyUp(e.Name) }

// TypedKey implements fyne.Focusable.
func (d *desk) TypedKey(e *fyne.KeyEvent) {
	switch {
	case e.Name != fyne.KeyTab:
		d.handset.keyboard.typedKey(e.Name)
	case d.tabFresh:
		d.tabFresh = false
	default: // the key repeats
		d.captured = d.tab()
	}
}

// TypedRune implements fyne.Focusable.
func (d *desk) TypedRune(r rune) { d.handset.keyboard.typedRune(r) }

// CreateRenderer implements fyne.Widget.
func (d *desk) CreateRenderer() fyne.WidgetRenderer {
	r := &partRenderer{arrange: d.arrange}
	for _, t := range d.tiles {
		r.objects = append(r.objects, t.Raster)
	}
	return r
}
