package art

// Places of the front that ui puts something on, in design units.
var (
	body   = Box{110, 18, 872, 676}
	cradle = Box{140, 50, 168, 610}
	bezel  = Box{338, 46, 616, 426}
	deck   = Box{338, 488, 616, 176}
)

const (
	bodyRound = 52
	panelX    = 406
	panelY    = 78
	panelW    = 480
	panelH    = 360
)

// deskBox is the box of the desk, which fills the whole picture.
var deskBox = Box{-1e4, -1e4, 2e4, 2e4}

// drawDesk paints the desk on which the phone stands.
func drawDesk(s *Scene) {
	top, bottom := Hex(0xd9dee4), Hex(0xa9b3bf)
	if s.plain {
		top, bottom = Hex(0), Hex(0)
	}
	s.add(deskBox, func(x, y, _ float64) Ink {
		dx, dy := (x-Width*.46)/Width, (y-Height*.36)/Height
		return top.toward(bottom, y/Height).times(1.03 - min(.34*(dx*dx+dy*dy), .4))
	})
	s.covered(body.Grow(-bodyRound))
}

// Front is the desk and the front of the phone without the parts that move: keys,
// receiver, cord and lamp are separate scenes.
func Front(plain bool) *Scene {
	s := New(plain)
	drawDesk(s)
	shell := body.Round(bodyRound)
	inner := Box{body.X + 12, body.Y + 12, body.W - 24, body.H - 27}
	core := inner.Grow(-42)
	s.Shadow(shell, body, 0, 16, 38, black(.38))
	s.covered(core)
	s.Shadow(shell, body, 0, 3, 8, black(.4))
	s.covered(core)
	s.Mould(shell, body, Plastic{tone(0xcdd2d8, 0x868d96, 0x101010), 15, 1.15, .4})
	s.covered(core)
	face := inner.Round(42)
	s.Shadow(face, inner, 0, 0, 3.5, black(.6))
	s.covered(core)
	s.Mould(face, inner, Plastic{tone(0x464a51, 0x1e2023, 0), 5, .8, .28})
	s.covered(bezel.Grow(-26))
	s.Grain(face, inner, .028)
	s.covered(bezel.Grow(-26))
	drawCradle(s)
	drawBezel(s)
	s.Line(deck.Round(24), deck, -1.3, black(.6), white(.2))
	s.Fill(deck.Round(24), deck, tone(0x292c30, 0x3b3f45, 0))
	s.InnerShadow(deck.Round(24), deck, 3, 10, black(.5))
	grille(s, Box{864, 510, 72, 50}, 6)
	return s
}

// drawCradle is the hollow that the receiver lies in.
func drawCradle(s *Scene) {
	mid := cradle.X + cradle.W/2
	hollow := Union(46,
		Box{cradle.X, cradle.Y, cradle.W, 178}.Round(62),
		Box{cradle.X, cradle.Y + cradle.H - 178, cradle.W, 178}.Round(62),
		Box{mid - 52, cradle.Y + 70, 104, cradle.H - 140}.Round(40))
	room := cradle.Grow(10) // smooth joints bulge over the boxes
	s.Line(hollow, room, -1.6, black(.6), white(.2))
	s.Fill(hollow, room, tone(0x141517, 0x2b2d31, 0))
	s.InnerShadow(hollow, room, 8, 18, black(.8))
	for _, y := range []float64{cradle.Y + 90, cradle.Y + cradle.H - 90} {
		cup := around(mid, y, 55)
		s.Line(cup.Round(55), cup, -1.2, black(.7), white(.13))
		s.Fill(cup.Round(55), cup, tone(0x090a0b, 0x1e2023, 0))
		s.InnerShadow(cup.Round(55), cup, 7, 16, black(.85))
	}
	hook := Box{mid - 17, 248, 34, 24}
	s.Shadow(hook.Round(8), hook, 0, 4, 6, black(.7))
	s.Mould(hook.Round(8), hook, Plastic{tone(0x646a72, 0x34373c, 0x404040), 7, 1.1, .5})
	s.Trace(Capsule(mid-9, 260, mid+9, 260, 1.2), hook, .8, black(.35), white(.1))
}

// drawBezel is the gloss black frame of the panel.
func drawBezel(s *Scene) {
	f := bezel.Round(26)
	s.Line(f, bezel, -2, black(.7), white(.32))
	s.Fill(f, bezel, tone(0x1d1f23, 0x050607, 0))
	// A window of the room mirrors in the gloss: a slanted, curved edge.
	sheen := Intersect(bezel.Grow(-2.5).Round(24), func(x, y float64) float64 {
		return y - (bezel.Y + 92 - (x-bezel.X)*.085 - .00009*(x-bezel.X)*(x-bezel.X))
	})
	s.Overlay(sheen, Box{bezel.X, bezel.Y, bezel.W, 96}, white(.17), white(.045))
	s.Trace(bezel.Grow(-1).Round(25), bezel, .7, white(.16), white(.02))
	opening := Box{panelX, panelY, panelW, panelH}
	s.Fill(opening.Grow(3).Round(4), opening.Grow(3), tone(0, 0, 0))
	s.Line(opening.Grow(2).Round(3), opening.Grow(2), -1.4, Hex(0x26292d), Hex(0x565b62))
	s.covered(opening)
}

// grille is a row of slots with a sounder behind.
func grille(s *Scene, b Box, n int) {
	for i := range n {
		y := b.Y + b.H*(float64(i)+.5)/float64(n)
		s.slot(Box{b.X, y - 2.1, b.W, 4.2})
	}
}

// slot is a narrow opening; in high contrast a plain bar, since its outline
// would fill the room between two of them.
func (s *Scene) slot(b Box) {
	f := b.Round(b.H / 2)
	if !s.plain {
		s.Line(f, b, -1, black(.32), white(.15))
	}
	s.Fill(f, b, tone(0x08090a, 0x121315, 0x707070))
}
