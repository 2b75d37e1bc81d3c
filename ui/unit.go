//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"image/color"
	"sync"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"github.com/ocphone/ocphone/ui/art"
)

// Unit is shared by all parts of a handset: the length of a design unit, and
// whether the theme is that of high contrast.
type Unit struct {
	K        float32 // device independent pixels of Fyne in one design unit; 0 before there is a size
	Contrast bool    // set by Handset.Contrast
}

// F is the length of v design units.
func (u *Unit) F(v float32) float32 { return v * u.K }

// size is w by h design units.
func (u *Unit) size(w, h float32) fyne.Size { return fyne.NewSize(u.F(w), u.F(h)) }

// pos is x, y in design units.
func (u *Unit) pos(x, y float32) fyne.Position { return fyne.NewPos(u.F(x), u.F(y)) }

// gridItem is an object with its place in design units. A canvas.Text has the size
// text, or a smaller one if it would be cut off.
type gridItem struct {
	o          fyne.CanvasObject
	x, y, w, h float32
	text       float32
}

// grid places objects in design units.
type grid struct {
	u     *Unit
	items []*gridItem
}

func (g *grid) add(o fyne.CanvasObject, x, y, w, h float32) *gridItem {
	s := &gridItem{o: o, x: x, y: y, w: w, h: h}
	g.items = append(g.items, s)
	return s
}

// addText puts one line of text.
func (g *grid) addText(text string, ink uint32, size float32, bold bool, align fyne.TextAlign, at rect) *canvas.Text {
	t := canvas.NewText(text, opaque(ink))
	t.TextStyle.Bold, t.Alignment = bold, align
	g.add(t, at.x, at.y, at.w, at.h).text = size
	return t
}

func (g *grid) container() *fyne.Container {
	c := &fyne.Container{Layout: g}
	for _, s := range g.items {
		c.Objects = append(c.Objects, s.o)
	}
	return c
}

// MinSize implements fyne.Layout: a grid can be as small as one likes.
func (g *grid) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(1, 1) }

// Layout implements fyne.Layout.
func (g *grid) Layout([]fyne.CanvasObject, fyne.Size) {
	if g.u.K <= 0 {
		return
	}
	for _, s := range g.items {
		if t, ok := s.o.(*canvas.Text); ok {
			fit(t, g.u.F(s.text), g.u.F(s.w))
			high := t.MinSize().Height
			t.Resize(fyne.NewSize(g.u.F(s.w), high))
			t.Move(fyne.NewPos(g.u.F(s.x), g.u.F(s.y)+(g.u.F(s.h)-high)/2))
			continue
		}
		s.o.Resize(g.u.size(s.w, s.h))
		s.o.Move(g.u.pos(s.x, s.y))
	}
}

// fit gives a text its size, or a smaller one at which it is not wider than wide.
func fit(t *canvas.Text, size, wide float32) {
	t.TextSize = size
	if has := t.MinSize().Width; has > wide && has > 0 {
		t.TextSize = size * wide / has
	}
}

func opaque(v uint32) color.Color {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// imageCacheBytes is the size of a handset's cache of pictures. It has room for
// both sides at 2,000 px and all keys in all states on a screen of double density.
const imageCacheBytes = 112 << 20

// imageCache keeps the painted pictures that were shown last.
type imageCache struct {
	mu         sync.Mutex // a screenshot may be taken beside the window
	used       int
	clock      uint64
	images     map[string]*cachedImage
	latest     map[string]string // by look: the key in images of the size painted last
	stretching bool              // a picture of another size may be used, while a window is resized
}

type cachedImage struct {
	img  *image.RGBA
	last uint64
}

// image gives the picture of a look in a size, and paints it if necessary.
func (g *imageCache) image(look, size string, paint func() *image.RGBA) *image.RGBA {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	name := look + "/" + size
	s := g.images[name]
	if s == nil && g.stretching {
		s = g.images[g.latest[look]]
	}
	if s != nil {
		s.last = g.clock
		return s.img
	}
	img := paint()
	g.used += len(img.Pix)
	for g.used > imageCacheBytes && len(g.images) > 0 {
		g.dropOldest()
	}
	if g.images == nil {
		g.images, g.latest = map[string]*cachedImage{}, map[string]string{}
	}
	g.images[name] = &cachedImage{img, g.clock}
	g.latest[look] = name
	return img
}

func (g *imageCache) setStretching(rough bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stretching = rough
}

func (g *imageCache) dropOldest() {
	oldest := ""
	for name, s := range g.images {
		if oldest == "" || s.last < g.images[oldest].last {
			oldest = name
		}
	}
	g.used -= len(g.images[oldest].img.Pix)
	delete(g.images, oldest)
}

// artImage is a raster that shows a part of package art.
type artImage struct {
	*canvas.Raster
	wide  float64 // design units
	name  string
	scene func() *art.Scene
}

// newArtImage shows a part that is wide design units wide; set says which.
func newArtImage(u *Unit, pics *imageCache, wide float64) *artImage {
	s := &artImage{wide: wide}
	s.Raster = canvas.NewRaster(func(w, h int) image.Image {
		if s.scene == nil || w <= 0 || h <= 0 {
			return image.NewRGBA(image.Rect(0, 0, 1, 1))
		}
		return pics.image(fmt.Sprint(s.name, u.Contrast), fmt.Sprint(w, "x", h), func() *image.RGBA {
			return s.scene().Paint(w, h, art.Frame{Scale: float64(w) / s.wide})
		})
	})
	return s
}

// set changes the part; name is the cache key of its look.
func (s *artImage) set(name string, scene func() *art.Scene) {
	if s.scene != nil && s.name == name {
		return
	}
	s.name, s.scene = name, scene
	s.Refresh()
}
