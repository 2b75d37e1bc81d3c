package art

import "math"

// Mark is the symbol on the top of a key.
type Mark string

// Marks.
const (
	NoMark      Mark = ""
	MarkCall    Mark = "call"
	MarkEnd     Mark = "end"
	MarkDelete  Mark = "delete"
	MarkHome    Mark = "home"
	MarkPlus    Mark = "plus"
	MarkMinus   Mark = "minus"
	MarkMute    Mark = "mute"
	MarkSpeaker Mark = "speaker"
	MarkHeadset Mark = "headset"
	MarkTurn    Mark = "turn"
)

// Colour is the plastic of a key.
type Colour string

// Colours of keys.
const (
	Light Colour = "light"
	Dark  Colour = "dark"
	Green Colour = "green"
	Red   Colour = "red"
	Blue  Colour = "blue"
)

// Ink is what is printed on the colour.
func (c Colour) Ink(plain bool) uint32 {
	if c == Light && !plain {
		return 0x1e2329
	}
	return 0xffffff
}

func (c Colour) tone() Tone {
	switch c {
	case Light:
		return tone(0xf3f5f7, 0xb2b8c0, 0)
	case Green:
		return tone(0x7ccb52, 0x3a8722, 0x005a00)
	case Red:
		return tone(0xe8604f, 0xa3261b, 0x8b0000)
	case Blue:
		return tone(0x6fa6e3, 0x2a5aa3, 0x003c9e)
	}
	return tone(0x595e66, 0x2b2e33, 0)
}

// Key is a moulded key.
type Key struct {
	W, H    float64 // of the picture: the key, its shadow and the ring of the focus
	Round   float64
	Colour  Colour
	Mark    Mark
	Lamp    bool // the key has a lamp
	Red     bool // the lamp's light; otherwise green
	Lit     bool
	Pressed bool
	Hover   bool
	Focus   bool
	Plain   bool    // high contrast
	Raise   float64 // of the mark, to leave room for a caption
}

// travel is how far a key goes down.
const travel = 1.6

// Scene paints the key.
func (k Key) Scene() *Scene {
	s := New(k.Plain)
	t := k.Colour.tone()
	b := Box{4, 3, k.W - 8, k.H - 8}
	switch {
	case k.Pressed:
		b.Y += travel
		t.Top, t.Bottom = t.Top.toward(black(1), .16), t.Bottom.toward(black(1), .1)
	case k.Hover:
		t.Top, t.Bottom = t.Top.toward(white(1), .2), t.Bottom.toward(white(1), .13)
	}
	if k.Plain && k.Pressed {
		t.Plain = Hex(0x606060)
	}
	f := b.Round(k.Round)
	well := Box{2.5, 2, k.W - 5, k.H - 5}
	s.Overlay(well.Round(k.Round+1.5), well, black(.5), black(.28))
	if k.Pressed {
		s.Shadow(f, b, 0, .6, 2, black(.75))
	} else {
		s.Shadow(f, b, 0, 2.4, 3.8, black(.8))
	}
	s.Mould(f, b, Plastic{t, 5.5, .95, .5})
	s.Overlay(Subtract(f, b.Grow(-.9).Round(k.Round-.9)), b, white(.32), black(.3))
	if !k.Pressed {
		top := Box{b.X + 2.5, b.Y + 1.8, b.W - 5, b.H * .45}
		s.Overlay(top.Round(k.Round*.8), top, white(.3), white(.02))
	}
	down := 0.0
	if k.Pressed {
		down = travel
	}
	s.mark(k, down)
	if k.Lamp {
		s.keyLamp(k, down)
	}
	if k.Focus {
		s.focusRing(f, b)
	}
	return s
}

// focusRing marks the part with the keyboard focus; white within blue is visible on
// every colour of plastic.
func (s *Scene) focusRing(f Field, b Box) {
	inner, outer := Hex(0xffffff), Hex(0x2f8bff)
	if s.plain {
		inner, outer = Hex(0), Hex(0xffff00)
	}
	s.Trace(f, b, -2.6, outer, outer)
	s.Trace(f, b, 1.1, inner, inner)
}

func (s *Scene) keyLamp(k Key, down float64) {
	b := Box{k.W/2 - 8, k.H - 14 + down, 16, 3.6}
	on := tone(0xc8ffb8, 0x49d13a, 0x00ff00)
	if k.Red {
		on = tone(0xffb9a6, 0xff4a2e, 0xff3030)
	}
	if !k.Lit {
		s.Fill(b.Round(1.8), b, tone(0x0c0d0f, 0x26292d, 0x303030))
		s.Overlay(Subtract(b.Grow(.7).Round(2.5), b.Round(1.8)), b.Grow(.7), black(.4), white(.14))
		return
	}
	s.Glow(b.Round(1.8), b, 0, 0, 7, on.Bottom.fade(.75))
	s.Fill(b.Round(1.8), b, on)
}

// mark prints the key's mark in the middle.
func (s *Scene) mark(k Key, down float64) {
	f := k.Mark.field()
	if f == nil {
		return
	}
	size := 21.0
	if k.H > 60 && k.Raise == 0 {
		size = 30
	}
	y := k.H/2 - 1 + down - k.Raise
	if k.Lamp {
		y -= 3
	}
	b := Box{k.W/2 - size/2, y - size/2, size, size}
	ink := k.Colour.Ink(k.Plain)
	placed := Scale(f, b.X, b.Y, size/24)
	s.Overlay(func(x, y float64) float64 { return placed(x, y-.9) }, b.Grow(1), black(.35), black(.35))
	s.Fill(placed, b, tone(ink, ink, ink))
}

// field is the mark in a square of 24 units; nil: none.
func (m Mark) field() Field {
	handpiece := func(degrees, x, y float64) Field {
		return Rotate(Union(2.2,
			Arc(12, 20, 10.2, 2.1, math.Pi*1.2, math.Pi*.6),
			Rotate(Box{2.2, 10.4, 5.6, 5.4}.Round(1.5), 5, 13, -24),
			Rotate(Box{16.2, 10.4, 5.6, 5.4}.Round(1.5), 19, 13, 24)), x, y, degrees)
	}
	switch m {
	case MarkCall:
		return handpiece(-135, 12, 12.4)
	case MarkEnd:
		return handpiece(0, 12, 12)
	case MarkDelete:
		tag := Polygon(1.5, 12, 8.2, 5, 22, 5, 22, 19, 8.2, 19)
		rim := func(x, y float64) float64 { return math.Abs(tag(x, y)+1) - 1 }
		return Union(0, rim, Capsule(11.6, 8.9, 17.8, 15.1, 1.05), Capsule(17.8, 8.9, 11.6, 15.1, 1.05))
	case MarkHome:
		roof, chimney := Polygon(1.8, 12.4, 12, 3.2, 22.2, 12.4, 20.8, 13.6, 3.2, 13.6), Box{16.6, 4.6, 2.8, 6}.Round(.3)
		return Subtract(Union(0, roof, Box{5, 12, 14, 9}.Round(.6), chimney), Box{10, 14.4, 4, 8}.Round(.4))
	case MarkPlus:
		return Union(0, Capsule(5, 12, 19, 12, 1.6), Capsule(12, 5, 12, 19, 1.6))
	case MarkMinus:
		return Capsule(5, 12, 19, 12, 1.6)
	case MarkMute:
		capsule := Union(0, Capsule(12, 6, 12, 11, 3.1), Arc(12, 11, 6.2, .95, 0, math.Pi),
			Capsule(12, 17, 12, 20.6, .95), Capsule(8.6, 21, 15.4, 21, .95))
		return Union(0, Subtract(capsule, Capsule(3.6, 4.6, 20.4, 21, 2.2)), Capsule(4, 3.6, 20, 20.4, .95))
	case MarkSpeaker:
		return Union(0, Polygon(2.5, 9, 6.5, 9, 12, 4, 12, 20, 6.5, 15, 2.5, 15),
			Arc(12.2, 12, 4.2, .95, -.75, 1.5), Arc(12.2, 12, 8.2, .95, -.75, 1.5))
	case MarkHeadset:
		return Union(0, Arc(12, 12.4, 7.8, .95, math.Pi, math.Pi),
			Box{2.6, 12, 4.8, 7.4}.Round(1.7), Box{16.6, 12, 4.8, 7.4}.Round(1.7),
			Arc(13.4, 18, 5.8, .8, .15, 1.3), Capsule(12, 23, 14.2, 23, 1))
	case MarkTurn:
		return Union(0, Arc(12, 12, 8, 1.1, -.5, 2.5), Arc(12, 12, 8, 1.1, math.Pi-.5, 2.5),
			Polygon(15.4, 10.4, 22.6, 10.4, 19.4, 5.2), Polygon(8.6, 13.6, 1.4, 13.6, 4.6, 18.8))
	}
	return nil
}

// LampW and LampH are the size of the message lamp's picture.
const (
	LampW = 100.0
	LampH = 34.0
)

// Lamp is the message lamp.
func Lamp(plain, lit bool) *Scene {
	s := New(plain)
	b := Box{14, LampH/2 - 5, LampW - 28, 10}
	f := b.Round(5)
	dark := tone(0x4a2a25, 0x2a1714, 0x303030)
	if !lit {
		s.Line(f, b, -1.2, black(.85), white(.22))
		s.Mould(f, b, Plastic{dark, 4, .8, .35})
		return s
	}
	s.Glow(f, b, 0, 0, 13, Hex(0xff4a2e).fade(.8))
	s.Line(f, b, -1.2, black(.6), white(.22))
	s.Mould(f, b, Plastic{tone(0xffc2b2, 0xff4a2e, 0xff3030), 4, .7, .5})
	core := Box{b.X + 8, b.Y + 2.4, b.W - 16, 3}
	s.Overlay(core.Round(1.5), core, white(.75), white(.2))
	return s
}
