package art

import "math"

// The light comes from the upper left; a weak one from the lower right keeps dark
// rims visible.
const (
	lightX, lightY, lightZ = -.38, -.64, .67
	gloss                  = 30  // exponent of the highlight: moulded plastic
	backLight              = .10 // of the weak lamp
	slopeStep              = .4  // units between the two readings of a slope
	outline                = 2.2 // thickness of a line in high contrast
	lineInk                = 0xffffff
)

func coverage(d, perUnit float64) float64 { return clamp(.5 - d*perUnit) }

func (t Tone) at(y float64, b Box) Ink { return t.Top.toward(t.Bottom, (y-b.Y)/b.H) }

// Fill paints the shape.
func (s *Scene) Fill(f Field, b Box, t Tone) {
	if s.plain {
		t.Top, t.Bottom = t.Plain, t.Plain
	}
	s.add(b, func(x, y, per float64) Ink {
		return t.at(y, b).fade(coverage(f(x, y), per))
	})
}

// Overlay paints the shape in translucent light or dark; high contrast has none.
func (s *Scene) Overlay(f Field, b Box, top, bottom Ink) {
	if !s.plain {
		s.Fill(f, b, Tone{Top: top, Bottom: bottom})
	}
}

// Line draws along the edge: inside it, or outside where thick is below 0.
// In high contrast it is one white line.
func (s *Scene) Line(f Field, b Box, thick float64, top, bottom Ink) {
	if s.plain {
		thick, top, bottom = math.Copysign(outline, thick), Hex(lineInk), Hex(lineInk)
	}
	s.Trace(f, b, thick, top, bottom)
}

// Trace is Line with the given ink in high contrast too.
func (s *Scene) Trace(f Field, b Box, thick float64, top, bottom Ink) {
	half := math.Abs(thick) / 2
	t := Tone{Top: top, Bottom: bottom}
	s.add(b.Grow(2*half), func(x, y, per float64) Ink {
		a := coverage(math.Abs(f(x, y)+thick/2)-half, per)
		if a <= 0 {
			return Ink{}
		}
		return t.at(y, b).fade(a)
	})
}

// Shadow lets the shape throw a soft shadow, dx and dy away.
func (s *Scene) Shadow(f Field, b Box, dx, dy, soft float64, ink Ink) {
	if s.plain {
		return
	}
	s.Glow(f, Box{b.X + dx, b.Y + dy, b.W, b.H}, dx, dy, soft, ink)
}

// Glow is a Shadow of light: it stays in high contrast.
func (s *Scene) Glow(f Field, b Box, dx, dy, soft float64, ink Ink) {
	s.add(b.Grow(soft), func(x, y, _ float64) Ink {
		d := f(x-dx, y-dy)
		if d >= soft {
			return Ink{}
		}
		return ink.fade(1 - ease(-.6*soft, soft, d))
	})
}

// InnerShadow shades the inside of the shape from its rim, as a hollow has it.
func (s *Scene) InnerShadow(f Field, b Box, dy, soft float64, ink Ink) {
	if s.plain {
		return
	}
	s.add(b, func(x, y, per float64) Ink {
		a := coverage(f(x, y), per)
		if a <= 0 {
			return Ink{}
		}
		return ink.fade(a * ease(-soft, .25*soft, f(x, y-dy)))
	})
}

// Plastic is how a moulded part is rounded and how it shines.
type Plastic struct {
	Tone
	Edge  float64 // units over which the rim is rounded
	Steep float64 // angle of the rim, radians
	Shine float64 // strength of the highlight, 0 to 1
}

// Mould paints the shape as moulded plastic in the light.
func (s *Scene) Mould(f Field, b Box, p Plastic) {
	if s.plain {
		s.Fill(f, b, p.Tone)
		s.Line(f, b, 1, Ink{}, Ink{})
		return
	}
	// The highlight lies where the surface halves the way from lamp to eye.
	n := math.Sqrt(lightX*lightX + lightY*lightY + (lightZ+1)*(lightZ+1))
	halfX, halfY, halfZ := lightX/n, lightY/n, (lightZ+1)/n
	s.add(b, func(x, y, per float64) Ink {
		d := f(x, y)
		a := coverage(d, per)
		if a <= 0 {
			return Ink{}
		}
		ink := p.at(y, b)
		rim := clamp(1 + d/p.Edge)
		if rim == 0 {
			return ink.fade(a)
		}
		gx := (f(x+slopeStep, y) - f(x-slopeStep, y)) / (2 * slopeStep)
		gy := (f(x, y+slopeStep) - f(x, y-slopeStep)) / (2 * slopeStep)
		sin, cos := math.Sincos(p.Steep * rim * rim)
		nx, ny, nz := gx*sin, gy*sin, cos
		lit := (nx*lightX + ny*lightY + nz*lightZ) / lightZ
		ink = ink.times(1 + .62*(lit-1))
		back := max(-(nx*lightX+ny*lightY), 0) * backLight
		shine := p.Shine * rim * math.Pow(clamp(nx*halfX+ny*halfY+nz*halfZ), gloss)
		glow := back + shine
		return Ink{ink.R + glow, ink.G + glow, ink.B + glow*1.04, a}
	})
}

// Grain roughens the shape: fixed noise, so that large faces show no bands.
func (s *Scene) Grain(f Field, b Box, amount float64) {
	if s.plain {
		return
	}
	s.add(b, func(x, y, per float64) Ink {
		if f(x, y) > 0 {
			return Ink{}
		}
		// A cell of the noise is a pixel, wherever the scene lies.
		h := uint32(int32(math.Floor(x*per)))*0x9e3779b1 ^ uint32(int32(math.Floor(y*per)))*0x85ebca77
		h = (h ^ h>>15) * 0x2c1b3c6d
		h ^= h >> 12
		n := float64(h&0xffff)/0xffff*2 - 1
		if n > 0 {
			return white(n * amount)
		}
		return black(-n * amount)
	})
}
