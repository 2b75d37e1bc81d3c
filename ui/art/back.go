package art

// Hole is the centre of the reset hole on the back.
const (
	HoleX = 608.0
	HoleY = 606.0
)

// Sockets of the back, in design units: ui puts plugs on them.
const (
	JackY    = 580.0
	LANX     = 216.0
	PCX      = 304.0
	JackW    = 56.0
	JackH    = 46.0
	PowerX   = 414.0 // its centre
	PowerY   = 603.0
	HandsetX = 764.0
)

var (
	plate = Box{540, 70, 372, 190}
	foot  = Box{180, 300, 732, 190}
	bay   = Box{180, 540, 732, 112}
)

// Back is the desk and the back of the phone: foot, plate and sockets.
func Back(plain bool) *Scene {
	s := New(plain)
	drawDesk(s)
	shell := body.Round(bodyRound)
	core := body.Grow(-bodyRound)
	s.Shadow(shell, body, 0, 16, 38, black(.38))
	s.covered(core)
	s.Shadow(shell, body, 0, 3, 8, black(.4))
	s.covered(core)
	s.Mould(shell, body, Plastic{tone(0x4c5058, 0x222529, 0), 20, 1.1, .32})
	s.Grain(shell, body, .035)

	for i := range 16 {
		s.slot(Box{188, 72 + 11.2*float64(i), 284, 5})
	}
	s.Shadow(plate.Round(7), plate, 0, 1, 3, black(.55))
	s.Fill(plate.Round(7), plate, tone(0xeceef1, 0xd3d8de, 0xffffff))
	s.Line(plate.Round(7), plate, .8, white(.7), black(.2))

	s.Shadow(foot.Round(26), foot, 0, 14, 26, black(.6))
	s.Mould(foot.Round(26), foot, Plastic{tone(0x595e66, 0x292c30, 0x101010), 14, 1.1, .42})
	s.Grain(foot.Round(26), foot, .03)
	ridge := Box{foot.X + 96, foot.Y + 24, foot.W - 192, foot.H - 48}
	s.Line(ridge.Round(14), ridge, -1.1, black(.45), white(.12))
	s.Overlay(ridge.Round(14), ridge, black(.14), black(.04))
	for i := range 5 {
		rib := Box{ridge.X + 26, ridge.Y + 22 + 22*float64(i), ridge.W - 52, 6}
		if !s.plain {
			s.Line(rib.Round(3), rib, -.8, black(.35), white(.1))
		}
		s.Overlay(rib.Round(3), rib, black(.3), black(.18))
	}
	screw(s, foot.X+48, foot.Y+foot.H/2, 24)
	screw(s, foot.X+foot.W-48, foot.Y+foot.H/2, 67)

	s.Line(bay.Round(16), bay, -1.4, black(.6), white(.2))
	s.Fill(bay.Round(16), bay, tone(0x141517, 0x2b2d31, 0))
	s.InnerShadow(bay.Round(16), bay, 7, 16, black(.75))
	sockets(s)
	return s
}

func screw(s *Scene, x, y, degrees float64) {
	b := around(x, y, 13)
	f := b.Round(13)
	s.Fill(f, b, tone(0x141517, 0x2a2d31, 0))
	s.InnerShadow(f, b, 4, 7, black(.85))
	s.Line(f, b, -1, black(.55), white(.2))
	head := around(x, y, 8.5)
	s.Mould(head.Round(8.5), head, Plastic{tone(0x6a7078, 0x3a3e43, 0x404040), 3, .8, .4})
	cross := Rotate(Union(0, Capsule(x-5, y, x+5, y, 1.3), Capsule(x, y-5, x, y+5, 1.3)), x, y, degrees)
	s.Fill(cross, head, tone(0x08090a, 0x08090a, 0))
}

// metal is the bright frame of a socket.
func metal(s *Scene, f Field, b Box, thick float64) {
	s.Line(f, b, -thick, Hex(0xb4bac1), Hex(0x666c74))
	s.Fill(f, b, tone(0x020303, 0x15171a, 0))
	s.InnerShadow(f, b, 4, 8, black(.8))
}

// modular is a jack with gold contacts and room for the latch of its plug.
func modular(s *Scene, b Box, contacts int) {
	metal(s, b.Round(4), b, 2.6)
	latch := Box{b.X + b.W*.3, b.Y + b.H - 9, b.W * .4, 9}
	s.Fill(latch.Round(1), latch, tone(0x060707, 0x3b3f45, 0x404040))
	pitch := b.W * .62 / float64(contacts)
	for i := range contacts {
		pin := Box{b.X + b.W*.19 + pitch*(float64(i)+.5) - .9, b.Y + 3, 1.8, 10}
		s.Fill(pin.Round(.6), pin, tone(0xeacb70, 0x86671b, 0xffff00))
	}
}

func sockets(s *Scene) {
	modular(s, Box{LANX, JackY, JackW, JackH}, 8)
	modular(s, Box{PCX, JackY, JackW, JackH}, 8)
	modular(s, Box{HandsetX, JackY + 2, 42, 42}, 4)

	wire := Capsule(HandsetX+21, 630, HandsetX+21, 760, 4.5)
	long := Box{HandsetX, 620, 42, 100}
	s.Shadow(wire, long, 2, 3, 6, black(.5))
	s.Mould(wire, long, Plastic{tone(0x3c4046, 0x202327, 0x606060), 4.5, 1.2, .4})
	plug := Box{HandsetX + 9, JackY + 12, 24, 40}
	s.Shadow(plug.Round(3), plug, 0, 4, 6, black(.65))
	s.Mould(plug.Round(3), plug, Plastic{tone(0x6b7179, 0x35393e, 0x404040), 4, 1, .5})

	power := around(PowerX, PowerY, 17)
	metal(s, power.Round(17), power, 2.6)
	pin := around(PowerX, PowerY, 4)
	s.Mould(pin.Round(4), pin, Plastic{tone(0xe2c465, 0x8a6d22, 0xffff00), 3, 1, .6})

	usb := Box{500, 584, 62, 38}
	metal(s, usb.Round(3), usb, 2.6)
	tongue := Box{510, 600, 42, 9}
	s.Fill(tongue.Round(1), tongue, tone(0xf2f3f4, 0xa5abb3, 0xffffff))

	rim := around(HoleX, HoleY, 10)
	s.Fill(rim.Round(10), rim, tone(0x17191b, 0x464a50, 0x303030))
	s.Line(rim.Round(10), rim, -.8, black(.5), white(.16))
	hole := around(HoleX, HoleY, 4.4)
	s.Fill(hole.Round(4.4), hole, tone(0, 0, 0))
	s.Trace(hole.Round(4.4), hole, -.9, black(.9), white(.42))

	headset := around(684, 603, 16)
	metal(s, headset.Round(16), headset, 3.4)
	inner := around(684, 603, 8)
	s.Line(inner.Round(8), inner, -1, black(.6), white(.18))

	slot := Box{850, 593, 34, 19}
	s.Line(slot.Round(7), slot, -1.2, black(.5), white(.2))
	s.Fill(slot.Round(7), slot, tone(0x020303, 0x0d0e10, 0))
}

// PlugW and PlugH are the size of a plug's picture.
const (
	PlugW = 72.0
	PlugH = 148.0
)

// NetworkPlug sits in the LAN jack: boot, cable, and the link lamp lit. The
// jack's corner is at 8, 8 of the picture.
func NetworkPlug(plain bool) *Scene {
	s := New(plain)
	cable := Capsule(36, 60, 36, 200, 6.5)
	room := Box{0, 0, PlugW, PlugH}
	s.Shadow(cable, room, 2, 3, 6, black(.5))
	s.Mould(cable, room, Plastic{tone(0x3f74b5, 0x24508a, 0x0060ff), 6, 1.2, .4})
	b := Box{14, 14, 44, 38}
	s.Shadow(b.Round(4), b, 0, 4, 6, black(.65))
	s.Mould(b.Round(4), b, Plastic{tone(0xdfe4ea, 0x9aa3ad, 0xffffff), 3, .8, .4})
	boot := Box{24, 34, 24, 36}
	s.Shadow(boot.Round(7), boot, 0, 3, 5, black(.5))
	s.Mould(boot.Round(7), boot, Plastic{tone(0x4d86cb, 0x22508c, 0x0060ff), 7, 1.1, .5})
	lamp := Box{16, 1, 10, 4}
	s.Glow(lamp.Round(2), lamp, 0, 0, 5, Hex(0x5cf04a).fade(.6))
	s.Fill(lamp.Round(2), lamp, tone(0xb6ffa6, 0x41d232, 0x00ff00))
	return s
}

// PowerPlug sits in the 24 V socket, whose centre is at 36, 28 of the picture.
func PowerPlug(plain bool) *Scene {
	s := New(plain)
	room := Box{0, 0, PlugW, PlugH}
	cable := Capsule(36, 50, 36, 200, 5)
	s.Shadow(cable, room, 2, 3, 6, black(.5))
	s.Mould(cable, room, Plastic{tone(0x3c4046, 0x202327, 0x606060), 5, 1.2, .4})
	b := around(36, 28, 14)
	f := Union(8, b.Round(14), Box{28, 30, 16, 34}.Round(6))
	box := Box{20, 12, 32, 56}
	s.Shadow(f, box, 0, 4, 6, black(.65))
	s.Mould(f, box, Plastic{tone(0x5a6068, 0x2b2e33, 0x404040), 7, 1.1, .5})
	return s
}

// ClipW and ClipH are the size of the paper clip's picture; its tip is at the
// middle of the lower edge.
const (
	ClipW = 76.0
	ClipH = 118.0
	// ClipDepth is how far the tip goes into the hole.
	ClipDepth = 12.0
)

// Clip is a paper clip with one wire bent straight, which points down. If it is in
// the hole its tip is hidden.
func Clip(plain, in bool) *Scene {
	const mid, r, tip, bend = ClipW / 2, 1.9, ClipH - 1.9, 36.0
	end := tip
	if in {
		end -= ClipDepth
	}
	wire := Rotate(Union(0,
		Capsule(mid, end, mid, bend, r),
		Arc(mid+12, bend, 12, r, 3.14159, 3.14159),
		Capsule(mid+24, bend, mid+24, bend+40, r),
		Arc(mid+15, bend+40, 9, r, 0, 3.14159),
		Capsule(mid+6, bend+40, mid+6, bend+8, r),
		Arc(mid+12, bend+8, 6, r, 3.14159, 3.14159),
		Capsule(mid+18, bend+8, mid+18, bend+30, r)), mid, tip, -6)
	s := New(plain)
	room := Box{0, 0, ClipW, end + 2*r}
	s.Shadow(wire, room, 3, 4, 4, black(.45))
	if plain {
		s.Trace(wire, room, -2.4, black(1), black(1))
		s.Fill(wire, room, tone(0, 0, 0xffff00))
		return s
	}
	s.Mould(wire, room, Plastic{tone(0xf2f4f6, 0x9aa1aa, 0), r, 1.2, .8})
	return s
}
