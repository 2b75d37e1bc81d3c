// Package art paints the plastic of the handset. There are no picture files:
// a part is a list of layers, each a signed distance field with light, shadow
// or ink, so that it is sharp at every size and the same pixels come out with
// and without a graphics card.
//
//  1. Take a part: Front, Back, Key{…}.Scene, Receiver, ….
//  2. scene.Paint(w, h, Frame{Scale: pixels per unit}) gives the picture.
//  3. Keep it: painting takes milliseconds, up to some hundred for a whole side.
//
// Lengths are design units: a side of the handset is Width by Height of them.
package art

import (
	"image"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Size of one side of the handset, desk included.
const (
	Width  = 1000.0
	Height = 720.0
)

// Ink is a colour of straight alpha, each channel from 0 to 1.
type Ink struct{ R, G, B, A float64 }

// Hex is the opaque ink 0xRRGGBB.
func Hex(v uint32) Ink {
	return Ink{float64(v>>16&255) / 255, float64(v>>8&255) / 255, float64(v&255) / 255, 1}
}

func black(a float64) Ink { return Ink{0, 0, 0, a} }
func white(a float64) Ink { return Ink{1, 1, 1, a} }

func (i Ink) fade(a float64) Ink { i.A *= a; return i }

func (i Ink) toward(o Ink, t float64) Ink {
	t = clamp(t)
	return Ink{i.R + (o.R-i.R)*t, i.G + (o.G-i.G)*t, i.B + (o.B-i.B)*t, i.A + (o.A-i.A)*t}
}

func (i Ink) times(m float64) Ink { return Ink{i.R * m, i.G * m, i.B * m, i.A} }

// Tone is what a face is made of: a vertical gradient, or one flat colour in
// high contrast.
type Tone struct{ Top, Bottom, Plain Ink }

func tone(top, bottom, plain uint32) Tone { return Tone{Hex(top), Hex(bottom), Hex(plain)} }

// Scene is a picture as layers, painted from the first to the last.
type Scene struct {
	plain  bool
	layers []layer
}

// New begins a scene; a plain one has flat fills and thick outlines instead of
// light and shadow.
func New(plain bool) *Scene { return &Scene{plain: plain} }

type layer struct {
	box   Box
	cover Box // hidden by later layers: not painted
	ink   func(x, y, perUnit float64) Ink
}

func (s *Scene) add(box Box, ink func(x, y, perUnit float64) Ink) {
	s.layers = append(s.layers, layer{box: box, ink: ink})
}

// covered marks the box in which later layers hide the last one.
func (s *Scene) covered(b Box) { s.layers[len(s.layers)-1].cover = b }

// Frame is the place of a scene in a picture: Scale pixels are one unit, and the
// origin of the scene is at X, Y pixels.
type Frame struct{ Scale, X, Y float64 }

// bandRows is the number of rows that one goroutine paints at a time: as floats
// they fit into a processor's cache.
const bandRows = 16

// Paint makes a picture of w by h pixels.
func (s *Scene) Paint(w, h int, f Frame) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	if w <= 0 || h <= 0 || f.Scale <= 0 {
		return img
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (h+bandRows-1)/bandRows) {
		wg.Go(func() {
			buf := make([]float64, 4*w*bandRows)
			for {
				top := int(next.Add(bandRows)) - bandRows
				if top >= h {
					return
				}
				s.band(img, buf, top, min(top+bandRows, h), f)
			}
		})
	}
	wg.Wait()
	return img
}

func (s *Scene) band(img *image.RGBA, buf []float64, top, bottom int, f Frame) {
	clear(buf)
	w := img.Rect.Dx()
	at := func(px, origin float64) float64 { return (px + .5 - origin) / f.Scale }
	for _, l := range s.layers {
		x0 := max(int(math.Floor(l.box.X*f.Scale+f.X))-1, 0)
		x1 := min(int(math.Ceil((l.box.X+l.box.W)*f.Scale+f.X))+1, w)
		y0 := max(int(math.Floor(l.box.Y*f.Scale+f.Y))-1, top)
		y1 := min(int(math.Ceil((l.box.Y+l.box.H)*f.Scale+f.Y))+1, bottom)
		for py := y0; py < y1; py++ {
			y := at(float64(py), f.Y)
			hidden := y > l.cover.Y && y < l.cover.Y+l.cover.H
			for px := x0; px < x1; px++ {
				x := at(float64(px), f.X)
				if hidden && x > l.cover.X && x < l.cover.X+l.cover.W {
					px = max(px, int((l.cover.X+l.cover.W)*f.Scale+f.X)-1)
					continue
				}
				c := l.ink(x, y, f.Scale)
				if c.A <= 0 {
					continue
				}
				p := buf[4*((py-top)*w+px):][:4:4]
				a := min(c.A, 1)
				p[0] = min(max(c.R, 0), 1)*a + p[0]*(1-a)
				p[1] = min(max(c.G, 0), 1)*a + p[1]*(1-a)
				p[2] = min(max(c.B, 0), 1)*a + p[2]*(1-a)
				p[3] = a + p[3]*(1-a)
			}
		}
	}
	out := img.Pix[top*img.Stride:]
	for i := range 4 * w * (bottom - top) {
		out[i] = uint8(buf[i]*255 + .5)
	}
}
