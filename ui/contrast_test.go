//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

// The contrasts of WCAG 2.1: 1.4.3 for texts, 1.4.11 for icons, borders and the
// focus. What is greyed out is exempt from both.
const (
	textContrast  = 4.5
	shapeContrast = 3
)

// TestEveryTextAndIconCanBeRead measures each text and each icon of every page, and
// of every kind of control pressed, against the pixels that are behind it.
func TestEveryTextAndIconCanBeRead(t *testing.T) {
	test.NewTempApp(t)
	const handMade = "hand-made " // they have every kind of control
	all := pages(t)
	for name, v := range views() {
		all[handMade+name] = v
	}
	worst := map[string]string{}
	texts, icons := 0, 0
	for _, contrast := range []bool{false, true} {
		p := newPanel(nopInput{}, &Unit{Contrast: contrast})
		c := headless(p, 640, 480)
		for name, v := range all {
			p.show(v)
			for _, down := range []bool{false, true} {
				if down && !strings.HasPrefix(name, handMade) {
					continue
				}
				measureInks(p, c, down, func(c *control, kind, what string, ink uint32, least, got float64) {
					if kind == "text" {
						texts++
					} else {
						icons++
					}
					if got < least {
						worst[fmt.Sprintf("style %d, role %s, tone %q, high contrast %t, pressed %t: %s %06x", c.placed.style, c.placed.Role, c.placed.Tone, contrast, down, kind, ink)] =
							fmt.Sprintf("%.2f: %q of %s on %s", got, what, c.ID(), name)
					}
				})
			}
		}
	}
	for what, bad := range worst {
		t.Errorf("%s has %s", what, bad)
	}
	if texts < 1000 || icons < 500 {
		t.Errorf("only %d texts and %d icons were measured", texts, icons)
	}
}

// measureInks gives each text and icon of the layer on top with its least contrast.
func measureInks(r *touchPanel, on fyne.Canvas, down bool, each func(c *control, kind, what string, ink uint32, least, got float64)) {
	l := &r.page
	if r.over.shown {
		l = &r.over
	}
	drawn := map[*control]appearance{}
	for _, c := range append(r.page.controls(), r.over.controls()...) {
		c.down = down && c.takesTaps()
		a := r.palette.draw(c.placed, c.down)
		drawn[c] = a
		a.icons, a.texts = nil, nil
		c.appearance, c.name, c.objects = a, a.name(), []fyne.CanvasObject{c.raster}
		c.raster.Resize(c.Size())
	}
	ground := on.Capture()
	port := l.layout.port
	for _, c := range l.controls() {
		if c.placed.Off || !c.Visible() {
			continue
		}
		x, y, clip := c.placed.at.x, c.placed.at.y, rect{0, 0, panelW, panelH}
		for _, line := range l.scroll.lines {
			if line == c {
				x, y, clip = x+port.x, y+port.y-l.scroll.offset, port
			}
		}
		x, y = x*r.k, y*r.k
		window := image.Rect(int(clip.x*r.k)+2, int(clip.y*r.k)+2, int((clip.x+clip.w)*r.k)-2, int((clip.y+clip.h)*r.k)-2)
		a := drawn[c]
		for _, one := range a.texts {
			runs, _ := layout{r.k}.setText(one)
			for _, run := range runs { // from the top of the capitals to the line that the letters stand on
				top, bottom := y+run.at.Y+.26*run.box.Height, y+run.at.Y+.79*run.box.Height
				at := image.Rect(int(x+run.at.X), int(top), int(x+run.at.X+run.box.Width), int(bottom)).Intersect(window)
				each(c, "text", run.s, one.ink, textContrast, leastContrast(ground, at, one.ink))
			}
		}
		for _, one := range a.icons {
			in := one.at.inset(one.at.w * .15)
			at := image.Rect(int(x+in.x*r.k), int(y+in.y*r.k), int(x+(in.x+in.w)*r.k), int(y+(in.y+in.h)*r.k)).Intersect(window)
			each(c, "icon", string(one.icon), one.ink, shapeContrast, leastContrast(ground, at, one.ink))
		}
	}
}

func leastContrast(m image.Image, at image.Rectangle, ink uint32) float64 {
	grounds := map[uint32]bool{}
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x += 5 {
			r, g, b, _ := m.At(x, y).RGBA()
			grounds[r>>8<<16|g>>8<<8|b>>8] = true
		}
	}
	least := math.Inf(1)
	for ground := range grounds {
		least = min(least, contrast(ink, ground))
	}
	return least
}

// TestBordersAndFocusCanBeSeen: a border differs from the page around it, or the
// surface within it does.
func TestBordersAndFocusCanBeSeen(t *testing.T) {
	for name, p := range map[string]palette{"vista": vista(), "contrast": highContrast()} {
		page := []uint32{p.pageTop, p.pageLow, p.box.mid, p.box.low}
		bar := []uint32{p.nav.top, p.nav.mid, p.nav.low}
		seen := func(what string, on []uint32, inks ...uint32) {
			for _, ground := range on {
				best := 0.0
				for _, ink := range inks {
					if ink != noOutline {
						best = max(best, contrast(ink, ground))
					}
				}
				if best < shapeContrast {
					t.Errorf("%s: %s on %06x has %.2f", name, what, ground, best)
				}
			}
		}
		for what, g := range map[string]gradient{"tile": p.tile, "pressed tile": p.tileDown, "field": p.field, "key": p.key, "pressed key": p.keyDown,
			"special key": p.keySpecial, "track": p.track, "knob": p.knob} {
			seen("a "+what, page, g.edge, g.mid)
			seen("the edge of a "+what, []uint32{g.mid, g.low}, g.edge)
		}
		for what, g := range map[string]gradient{"key": p.key, "special key": p.keySpecial, "pressed key": p.keyDown, "chosen soft key": p.navOn} {
			seen("a "+what, bar, g.edge, g.mid)
		}
		for what, g := range map[string]gradient{"primary": p.primary, "green": p.green, "red": p.red} {
			seen("a "+what+" button", page, g.edge, g.mid)
		}
		seen("a rule", page[:2], p.rule)
		seen("what is done", []uint32{p.track.mid, p.track.low, p.field.mid}, p.filled.mid)
		if c := contrast(p.focus, p.focusLine); c < shapeContrast {
			t.Errorf("%s: the two lines of the focus have %.2f", name, c)
		}
		for _, g := range []gradient{p.tile, p.tileDown, p.primary, p.primaryDown, p.green, p.greenDown, p.red, p.redDown, p.field, p.key, p.keyDown,
			p.keySpecial, p.box, p.track, p.nav, p.navOn, p.title} {
			seen("the focus", []uint32{g.top, g.mid, g.low}, p.focus, p.focusLine)
		}
		seen("the focus", page, p.focus, p.focusLine)
		seen("the focus", []uint32{p.splashTop, p.splashLow}, p.focus, p.focusLine)
	}
}

// TestWidgetsBesideThePanelCanBeRead measures the colours that Fyne's own widgets
// take from the palette.
func TestWidgetsBesideThePanelCanBeRead(t *testing.T) {
	for _, contrast := range []bool{false, true} {
		th := Theme(nil, contrast)
		m := image.NewNRGBA(image.Rect(0, 0, 1, 1))
		ground := func(n fyne.ThemeColorName) image.Image { m.Set(0, 0, th.Color(n, 0)); return m }
		for _, row := range []struct {
			ink, ground fyne.ThemeColorName
			least       float64
		}{
			{theme.ColorNameForeground, theme.ColorNameBackground, textContrast},
			{theme.ColorNameForeground, theme.ColorNameButton, textContrast},
			{theme.ColorNamePlaceHolder, theme.ColorNameBackground, textContrast},
			{theme.ColorNamePlaceHolder, theme.ColorNameInputBackground, textContrast},
			{theme.ColorNameHyperlink, theme.ColorNameBackground, textContrast},
			{theme.ColorNameError, theme.ColorNameBackground, textContrast},
			{theme.ColorNameSuccess, theme.ColorNameBackground, textContrast},
			{theme.ColorNameWarning, theme.ColorNameBackground, textContrast},
			{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary, textContrast},
			{theme.ColorNameForegroundOnError, theme.ColorNameError, textContrast},
			{theme.ColorNameForegroundOnSuccess, theme.ColorNameSuccess, textContrast},
			{theme.ColorNameForegroundOnWarning, theme.ColorNameWarning, textContrast},
			{theme.ColorNameInputBorder, theme.ColorNameBackground, shapeContrast},
			{theme.ColorNameFocus, theme.ColorNameBackground, shapeContrast},
			{theme.ColorNameForeground, theme.ColorNameFocus, textContrast},
		} {
			r, g, b, _ := th.Color(row.ink, 0).RGBA()
			if got := leastContrast(ground(row.ground), m.Rect, r>>8<<16|g>>8<<8|b>>8); got < row.least {
				t.Errorf("high contrast %t: %s on %s has %.2f", contrast, row.ink, row.ground, got)
			}
		}
	}
}
