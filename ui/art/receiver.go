package art

import "math"

const (
	// ReceiverH is the height of the receiver's picture.
	ReceiverH = 664.0
	// Tilt is how far the lifted receiver leans, in degrees.
	Tilt = -7.0
)

// ReceiverW is how wide the receiver's picture is, whose middle is the middle
// of the receiver.
func ReceiverW(high float64) float64 { return 188 + 96*high }

// Receiver is the receiver at a height from 0, on the cradle, to 1, lifted: then it
// leans and its shadow is longer. focus draws the ring of the keyboard focus.
func Receiver(plain bool, high float64, focus bool) *Scene {
	const w, h, bulb = 134.0, 584.0, 150.0
	midX, midY := ReceiverW(high)/2, ReceiverH/2
	b := Box{midX - w/2, midY - h/2, w, h}
	lean := func(f Field) Field {
		if high == 0 {
			return f
		}
		return Rotate(f, midX, midY, Tilt*high)
	}
	shape := lean(Union(76,
		Box{b.X, b.Y, w, bulb}.Round(56),
		Box{b.X, b.Y + h - bulb, w, bulb}.Round(56),
		Box{midX - 41, b.Y + 60, 82, h - 120}.Round(36)))
	slot := Box{midX - 20, midY - 122, 40, 244}
	grip := lean(slot.Round(20))
	// Smooth joints bulge over the boxes, and a leaning one is wider.
	wide := 12 + 52*high
	room := Box{b.X - wide, b.Y - 8, w + 2*wide, h + 16}
	gripRoom := Box{slot.X - wide/2, slot.Y, slot.W + wide, slot.H}

	s := New(plain)
	s.Shadow(shape, room, 4+8*high, 9+17*high, 14+10*high, black(.52))
	s.Mould(shape, room, Plastic{tone(0x565b63, 0x202327, 0x202020), 40, 1.22, .5})
	s.Grain(shape, room, .02)
	s.Fill(grip, gripRoom, tone(0x26292d, 0x181a1d, 0))
	s.InnerShadow(grip, gripRoom, 4, 9, black(.65))
	s.Line(grip, gripRoom, -1.1, black(.45), white(.15))
	// Ribs keep fingers from slipping.
	for i := range 9 {
		y := slot.Y + 34 + 22*float64(i)
		rib := lean(Capsule(midX-9, y, midX+9, y, 1.6))
		s.Overlay(rib, Box{gripRoom.X, y - 12, gripRoom.W, 24}, white(.07), white(.03))
	}
	if focus {
		s.focusRing(shape, room)
	}
	return s
}

// CordBox is the part of the front that the picture of the cord covers.
var CordBox = Box{92, 596, 176, 124}

// Cord is the coiled cord from the foot of the receiver to the body; it
// hangs below the body.
func Cord(plain bool, high float64) *Scene {
	s := New(plain)
	to := func(down, up float64) float64 { return down + (up-down)*high }
	// The four points of a curve, x and y, that hangs below the body.
	p := [8]float64{
		to(226, 158), to(644, 618),
		to(238, 128), to(708, 668),
		to(172, 142), to(722, 730),
		166, 688,
	}
	along := func(t float64) (x, y float64) {
		u := 1 - t
		k := [4]float64{u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t}
		for i := range k {
			x += k[i] * (p[2*i] - CordBox.X)
			y += k[i] * (p[2*i+1] - CordBox.Y)
		}
		return x, y
	}
	const turns = 25
	for i := range turns {
		t := (float64(i) + .5) / turns
		x, y := along(t)
		ax, ay := along(t + .01)
		dx, dy := ax-x, ay-y
		n := max(1e-6, math.Hypot(dx, dy))
		dx, dy = dx/n, dy/n
		// A coil is perpendicular to the curve, and leans a little along it.
		cx, cy := -dy*6.2+dx*1.8, dx*6.2+dy*1.8
		coil := Capsule(x-cx, y-cy, x+cx, y+cy, 2.6)
		b := around(x, y, 10)
		s.Shadow(coil, b, 1, 3, 4, black(.3))
		s.Mould(coil, b, Plastic{tone(0x62676f, 0x1d1f23, 0x303030), 2.6, 1.2, .45})
	}
	boot := Box{166 - CordBox.X - 9, 668 - CordBox.Y, 18, 22}
	s.Shadow(boot.Round(6), boot, 0, 3, 5, black(.6))
	s.Mould(boot.Round(6), boot, Plastic{tone(0x5a5f67, 0x25282c, 0x303030), 6, 1.1, .45})
	return s
}
