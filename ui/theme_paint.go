//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"math"
)

// rect is a rectangle in design units.
type rect struct{ x, y, w, h float32 }

func (r rect) inset(d float32) rect { return rect{r.x + d, r.y + d, r.w - 2*d, r.h - 2*d} }

type shapeKind uint8

const (
	plate shapeKind = iota // filled with a gradient with a step, outlined
	shade                  // filled with a plain gradient from top to low, no step
	ring                   // outline alone
	ball                   // a shiny orb in the colour mid
	veil                   // half transparent, in the colour mid
)

// shape is a painted surface. Its place is in design units of its control.
type shape struct {
	kind    shapeKind
	at      rect
	radius  float32
	line    float32 // width of the outline
	colours gradient
}

// shapeCache keeps what was painted by name and size, so that a gradient or an icon
// is computed once and not for each frame. It belongs to one panel and is used only
// on the goroutine of the user interface.
type shapeCache struct{ images map[string]*image.RGBA }

// maxShapeImages is the number of cached images; a full page has about forty.
const maxShapeImages = 240

// paint gives the picture of an appearance, w by h pixels, of a control of the size
// of.
func (s *shapeCache) paint(name string, a *appearance, w, h int, of rect) image.Image {
	key := fmt.Sprintf("%dx%d %s", w, h, name)
	if m := s.images[key]; m != nil {
		return m
	}
	if s.images == nil || len(s.images) >= maxShapeImages {
		s.images = map[string]*image.RGBA{}
	}
	m := image.NewRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	kx, ky := float64(w)/float64(of.w), float64(h)/float64(of.h)
	for _, one := range a.shapes {
		one.paint(m, kx, ky)
	}
	for _, one := range a.icons {
		one.paint(m, kx, ky)
	}
	s.images[key] = m
	return m
}

// paint paints a shape over m, at kx by ky pixels to the design unit: they differ
// by the rounding of the size of m. Shapes without round corners consist of whole
// pixels: at the edge between two of them, what is below does not show.
func (s shape) paint(m *image.RGBA, kx, ky float64) {
	x0, w := float64(s.at.x)*kx, float64(s.at.w)*kx
	y0, h := float64(s.at.y)*ky, float64(s.at.h)*ky
	if w <= 0 || h <= 0 {
		return
	}
	if s.radius == 0 {
		x0, w = wholePixels(x0, w)
		y0, h = wholePixels(y0, h)
	}
	line := math.Max(float64(s.line)*kx, 1)
	radius := math.Min(float64(s.radius)*kx, math.Min(w, h)/2)
	box := image.Rect(int(x0), int(y0), int(math.Ceil(x0+w)), int(math.Ceil(y0+h))).Intersect(m.Rect)
	for py := box.Min.Y; py < box.Max.Y; py++ {
		fy := (float64(py) + .5 - y0) / h
		row := s.row(fy)
		for px := box.Min.X; px < box.Max.X; px++ {
			dx := math.Abs(float64(px)+.5-x0-w/2) - (w/2 - radius)
			dy := math.Abs(float64(py)+.5-y0-h/2) - (h/2 - radius)
			far := math.Hypot(math.Max(dx, 0), math.Max(dy, 0)) + math.Min(math.Max(dx, dy), 0) - radius
			cover := clamp(.5 - far)
			if cover == 0 {
				continue
			}
			c, a := row, 1.0
			switch s.kind {
			case ring:
				c, a = s.colours.edge, clamp(line+.5+far)
			case veil:
				a = .55
			case ball:
				c = s.shine((float64(px)+.5-x0)/w, fy)
			}
			if s.kind != ring && s.colours.edge < noOutline {
				c = mix(c, s.colours.edge, clamp(line+.5+far))
			}
			over(m, px, py, c, cover*a)
		}
	}
}

// wholePixels rounds the ends of a length, which stays at least one pixel long.
func wholePixels(from, length float64) (float64, float64) {
	start := math.Round(from)
	return start, math.Max(math.Round(from+length)-start, 1)
}

// row is the colour of a line of the surface, y from 0 to 1.
func (s shape) row(y float64) uint32 {
	g := s.colours
	switch {
	case s.kind == shade:
		return mix(g.top, g.low, y)
	case s.kind == ball || s.kind == veil:
		return g.mid
	case y < .48:
		return mix(g.top, mix(g.top, g.mid, .75), y/.48)
	}
	return mix(g.mid, g.low, (y-.48)/.52)
}

// shine lights an orb from the upper left.
func (s shape) shine(x, y float64) uint32 {
	c := mix(s.colours.mid, 0x000000, .5*clamp(math.Hypot(x-.42, y-.38)*1.25-.15))
	return mix(c, 0xffffff, .85*clamp(1-math.Hypot((x-.42)*2.2, (y-.24)*3.6)))
}

func over(m *image.RGBA, x, y int, c uint32, a float64) {
	i := m.PixOffset(x, y)
	p := m.Pix[i : i+4 : i+4]
	for n, shift := range [3]uint{16, 8, 0} {
		p[n] = uint8(float64(uint8(c>>shift))*a + float64(p[n])*(1-a) + .5)
	}
	p[3] = uint8(255*a + float64(p[3])*(1-a) + .5)
}

func mix(a, b uint32, t float64) uint32 {
	t = clamp(t)
	var out uint32
	for _, shift := range [3]uint{16, 8, 0} {
		v := float64(uint8(a>>shift))*(1-t) + float64(uint8(b>>shift))*t
		out |= uint32(v+.5) << shift
	}
	return out
}

func clamp(v float64) float64 { return math.Max(0, math.Min(1, v)) }
