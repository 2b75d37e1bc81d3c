//go:build !darwin || cgo

package ui

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
)

// memoryCanvas is a canvas in memory that paints several times as fast as that of
// Fyne. Fyne's painter works on image.NRGBA, for which image/draw has no fast way,
// and Capture copies its picture once more. This one works on image.RGBA, copies
// opaque rasters, and keeps drawn texts; all else is drawn by Fyne. One pixel of
// the canvas is one device independent pixel. Use it on the goroutine of the user
// interface.
type memoryCanvas struct {
	software.WindowlessCanvas
	painter *painter
}

func newMemoryCanvas() *memoryCanvas {
	p := &painter{}
	return &memoryCanvas{software.NewTransparentCanvasWithPainter(p), p}
}

// Capture implements fyne.Canvas. What nothing covers is transparent.
func (c *memoryCanvas) Capture() image.Image {
	c.WindowlessCanvas.Capture() // paints, and lets Fyne clean its caches
	m := c.painter.picture
	c.painter.picture = nil
	return m
}

// painter is the driver.Painter of a memoryCanvas.
type painter struct {
	picture *image.RGBA // painted last
	texts   map[textKey]*image.RGBA
	used    int // bytes in texts
}

// textKey is all that decides how a text without a place looks.
type textKey struct {
	text  string
	style fyne.TextStyle
	font  fyne.Resource
	size  float32
	ink   color.Color
}

// maxTextBytes is the size of the cache of texts, which begins anew when it is
// full. The texts of a page need 1 MiB at 640 by 480 pixels.
const maxTextBytes = 16 << 20

// Paint implements driver.Painter. It keeps the picture for memoryCanvas, and gives
// Capture an empty one, so that there is nothing to copy.
func (p *painter) Paint(c fyne.Canvas) image.Image {
	size := c.Size()
	p.picture = image.NewRGBA(image.Rect(0, 0, pixels(size.Width), pixels(size.Height)))
	for _, o := range append([]fyne.CanvasObject{c.Content()}, c.Overlays().List()...) {
		p.paint(o, fyne.Position{}, p.picture.Rect)
	}
	return &image.RGBA{}
}

// pixels is the number of pixels of a length, as Fyne rounds it.
func pixels(v float32) int { return int(math.Ceil(float64(v))) }

// paint paints an object and those in it, within clip.
func (p *painter) paint(o fyne.CanvasObject, offset fyne.Position, clip image.Rectangle) {
	if o == nil || !o.Visible() {
		return
	}
	pos, size := o.Position().Add(offset), o.Size()
	at := image.Pt(pixels(pos.X), pixels(pos.Y))
	var inside []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		inside = o.Objects
	case fyne.Widget:
		inside = test.WidgetRenderer(o).Objects()
		_, scrolls := o.(fyne.Scrollable)
		if _, clips := o.(*container.Clip); clips || scrolls {
			clip = image.Rect(at.X, at.Y, pixels(pos.X+size.Width), pixels(pos.Y+size.Height)).Intersect(p.picture.Rect)
		}
	case *canvas.Raster:
		if w, h := pixels(size.Width), pixels(size.Height); w > 0 && h > 0 {
			p.put(o.Generator(w, h), at, w, h, clip)
		}
	case *canvas.Text:
		m, shift := p.text(o)
		pos = pos.Add(shift)
		p.put(m, image.Pt(pixels(pos.X), pixels(pos.Y)), m.Rect.Dx(), m.Rect.Dy(), clip)
	default:
		const overhang = 8 // pixels that a stroke may stick out
		at = at.Sub(image.Pt(overhang, overhang))
		wide, high := pixels(size.Width)+2*overhang, pixels(size.Height)+2*overhang
		m := byFyne(o, pos.SubtractXY(float32(at.X), float32(at.Y)), image.Pt(wide, high))
		p.put(m, at, m.Rect.Dx(), m.Rect.Dy(), clip)
	}
	for _, child := range inside {
		p.paint(child, pos, clip)
	}
}

// put copies a picture that is w by h pixels, or is made so.
func (p *painter) put(m image.Image, at image.Point, w, h int, clip image.Rectangle) {
	if b := m.Bounds(); b.Dx() != w || b.Dy() != h {
		o := canvas.NewImageFromImage(m) // Fyne stretches it
		o.Resize(fyne.NewSize(float32(w), float32(h)))
		m = byFyne(o, fyne.Position{}, image.Pt(w, h))
	}
	whole := image.Rect(at.X, at.Y, at.X+w, at.Y+h)
	seen := whole.Intersect(clip)
	op := draw.Over
	if m, ok := m.(*image.RGBA); ok && m.Opaque() {
		op = draw.Src
	}
	draw.Draw(p.picture, seen, m, m.Bounds().Min.Add(seen.Min.Sub(whole.Min)), op)
}

// text gives the picture of a text, and its offset from the text's place.
func (p *painter) text(t *canvas.Text) (*image.RGBA, fyne.Delta) {
	least := t.MinSize()
	var shift fyne.Delta
	switch t.Alignment {
	case fyne.TextAlignCenter:
		shift.DX = (t.Size().Width - least.Width) / 2
	case fyne.TextAlignTrailing:
		shift.DX = t.Size().Width - least.Width
	}
	shift.DY = max(t.Size().Height-least.Height, 0) / 2
	key := textKey{t.Text, t.TextStyle, t.FontSource, t.TextSize, t.Color}
	m := p.texts[key]
	if m == nil {
		alone := *t
		alone.Alignment = fyne.TextAlignLeading
		alone.Resize(least)
		const overhang = 2 // pixels that a letter may stick out
		m = byFyne(&alone, fyne.Position{}, image.Pt(pixels(least.Width)+overhang, pixels(least.Height)+overhang))
		if p.used += len(m.Pix); p.texts == nil || p.used > maxTextBytes {
			p.texts, p.used = map[textKey]*image.RGBA{}, len(m.Pix)
		}
		p.texts[key] = m
	}
	return m, shift
}

// byFyne lets Fyne draw one object at a position in an empty picture.
func byFyne(o fyne.CanvasObject, at fyne.Position, size image.Point) *image.RGBA {
	place := &fyne.Container{Objects: []fyne.CanvasObject{o}}
	place.Move(at.Subtract(o.Position()))
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(&fyne.Container{Objects: []fyne.CanvasObject{place}})
	c.Resize(fyne.NewSize(float32(size.X), float32(size.Y)))
	m := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(m, m.Rect, c.Capture(), image.Point{}, draw.Src)
	return m
}
