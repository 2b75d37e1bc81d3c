package art

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"runtime"
	"testing"
)

func TestFieldsMeasureDistance(t *testing.T) {
	box := Box{10, 10, 20, 10}
	for _, c := range []struct {
		name    string
		f       Field
		x, y, d float64
	}{
		{"within a rounded box", box.Round(3), 20, 15, -5},
		{"beside it", box.Round(3), 33, 15, 3},
		{"below it", box.Round(3), 20, 24, 4},
		{"off its corner", box.Round(0), 33, 24, 5},
		{"its radius is no more than half the box", box.Round(99), 20, 8, 2},
		{"disc", disc(0, 0, 5), 3, 4, 0},
		{"beside a rod", Capsule(0, 0, 10, 0, 1), 5, 3, 2},
		{"beyond its end", Capsule(0, 0, 10, 0, 1), 13, 0, 2},
		{"a rod of no length", Capsule(1, 1, 1, 1, 1), 1, 4, 2},
		{"on a bow", Arc(0, 0, 10, 1, 0, math.Pi), 0, 10, -1},
		{"beyond its end", Arc(0, 0, 10, 1, 0, math.Pi), 10, -3, 2},
		{"polygon inside", Polygon(0, 0, 10, 0, 10, 10, 0, 10), 5, 4, -4},
		{"polygon outside", Polygon(0, 0, 10, 0, 10, 10, 0, 10), 12, 5, 2},
		{"any", Union(0, disc(0, 0, 1), disc(10, 0, 1)), 8, 0, 1},
		{"any melts together", Union(4, disc(0, 0, 1), disc(4, 0, 1)), 2, 0, 0},
		{"less", Subtract(disc(0, 0, 5), disc(0, 0, 2)), 0, 0, 2},
		{"both", Intersect(disc(0, 0, 5), above(0)), 0, 3, 3},
		{"turned clockwise", Rotate(disc(10, 0, 1), 0, 0, 90), 0, 10, -1},
		{"scaled", Scale(disc(1, 0, 1), 10, 10, 3), 13, 10, -3},
	} {
		if d := c.f(c.x, c.y); math.Abs(d-c.d) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, d, c.d)
		}
	}
}

// every part there is, by name.
func parts() map[string]func(plain bool) *Scene {
	m := map[string]func(bool) *Scene{
		"front": Front, "back": Back, "network": NetworkPlug, "power": PowerPlug,
		"receiver": func(p bool) *Scene { return Receiver(p, 0, true) },
		"lifted":   func(p bool) *Scene { return Receiver(p, 1, false) },
		"cord":     func(p bool) *Scene { return Cord(p, 1) },
		"lamp":     func(p bool) *Scene { return Lamp(p, true) },
		"dark":     func(p bool) *Scene { return Lamp(p, false) },
		"clip":     func(p bool) *Scene { return Clip(p, false) },
	}
	for _, mark := range []Mark{NoMark, MarkCall, MarkEnd, MarkDelete, MarkHome, MarkPlus, MarkMinus, MarkMute, MarkSpeaker, MarkHeadset, MarkTurn} {
		m["key "+string(mark)] = func(p bool) *Scene {
			return Key{W: 70, H: 44, Round: 9, Colour: Dark, Mark: mark, Lamp: true, Lit: true, Plain: p}.Scene()
		}
	}
	return m
}

func TestEveryPartPaintsAtEverySize(t *testing.T) {
	for name, part := range parts() {
		for _, plain := range []bool{false, true} {
			for _, w := range []int{0, 1, 17, 300} {
				m := part(plain).Paint(w, w*2/3, Frame{Scale: float64(w) / 100})
				if w == 300 && !painted(m) {
					t.Errorf("%s, high contrast %t: nothing is painted", name, plain)
				}
			}
			part(plain).Paint(20, 20, Frame{})
		}
	}
}

func painted(m *image.RGBA) bool {
	return bytes.ContainsFunc(m.Pix, func(r rune) bool { return r != 0 })
}

// A window shows a side in tiles, and a skin is painted by as many goroutines
// as there are processors: neither may show.
func TestTilesAndBandsDoNotShow(t *testing.T) {
	const w, h = 240, 170
	s := Front(false)
	whole := s.Paint(w, h, Frame{Scale: .24})
	tiled := image.NewRGBA(whole.Rect)
	for _, r := range []image.Rectangle{image.Rect(0, 0, w, 33), image.Rect(0, 33, 101, h), image.Rect(101, 33, w, h)} {
		m := s.Paint(r.Dx(), r.Dy(), Frame{Scale: .24, X: -float64(r.Min.X), Y: -float64(r.Min.Y)})
		for y := range r.Dy() {
			for x := range r.Dx() {
				tiled.SetRGBA(r.Min.X+x, r.Min.Y+y, m.RGBAAt(x, y))
			}
		}
	}
	old := runtime.GOMAXPROCS(1)
	alone := s.Paint(w, h, Frame{Scale: .24})
	runtime.GOMAXPROCS(old)
	if !bytes.Equal(whole.Pix, alone.Pix) {
		t.Error("bands show")
	}
	worst := 0
	for i := range whole.Pix {
		worst = max(worst, int(math.Abs(float64(whole.Pix[i])-float64(tiled.Pix[i]))))
	}
	if worst > 2 {
		t.Errorf("tiles differ by %d of 255", worst)
	}
}

func TestStatesOfAKeyLookDifferent(t *testing.T) {
	seen := map[string]string{}
	for _, plain := range []bool{false, true} {
		for _, k := range []Key{{}, {Pressed: true}, {Focus: true}, {Lamp: true}, {Lamp: true, Lit: true}, {Lamp: true, Lit: true, Red: true}} {
			k.W, k.H, k.Round, k.Colour, k.Plain = 80, 50, 11, Dark, plain
			pix := string(k.Scene().Paint(80, 50, Frame{Scale: 1}).Pix)
			if other, twice := seen[pix]; twice {
				t.Errorf("%+v looks like %s", k, other)
			}
			seen[pix] = fmt.Sprintf("%+v", k)
		}
	}
}

func TestPrintOnKeysCanBeRead(t *testing.T) {
	for _, c := range []Colour{Light, Dark, Green, Red, Blue} {
		for _, plain := range []bool{false, true} {
			face, least := c.tone().Top.toward(c.tone().Bottom, .6), 3.0
			if plain {
				face, least = c.tone().Plain, 7
			}
			if got := contrast(Hex(c.Ink(plain)), face); got < least {
				t.Errorf("%s, high contrast %t: %.1f to 1, want %v", c, plain, got, least)
			}
		}
	}
}

// contrast is the ratio of WCAG 2, 1 to 21.
func contrast(a, b Ink) float64 {
	light := func(i Ink) float64 {
		lin := func(v float64) float64 {
			if v <= .04045 {
				return v / 12.92
			}
			return math.Pow((v+.055)/1.055, 2.4)
		}
		return .2126*lin(i.R) + .7152*lin(i.G) + .0722*lin(i.B) + .05
	}
	x, y := light(a), light(b)
	return max(x, y) / min(x, y)
}

func BenchmarkFront(b *testing.B) {
	for _, w := range []int{1000, 2000} {
		b.Run(fmt.Sprint(w), func(b *testing.B) {
			for b.Loop() {
				Front(false).Paint(w, w*18/25, Frame{Scale: float64(w) / Width})
			}
		})
	}
}

// disc is a circle.
func disc(x, y, r float64) Field {
	return func(px, py float64) float64 {
		px, py = px-x, py-y
		return math.Sqrt(px*px+py*py) - r
	}
}

// above is the half plane above y.
func above(y float64) Field { return func(_, py float64) float64 { return py - y } }
