//go:build !darwin || cgo

package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/ocphone/ocphone/device/screen/view"
)

// asFyne compares what a memoryCanvas paints with what Fyne's canvas in memory does.
func asFyne(t *testing.T, o fyne.CanvasObject, w, h int) {
	t.Helper()
	ours := headless(o, w, h)
	theirs := software.NewTransparentCanvas()
	theirs.SetPadded(false)
	theirs.SetContent(o)
	theirs.Resize(fyne.NewSize(float32(w), float32(h)))
	want := theirs.Capture()
	if blankPicture(want) {
		t.Fatal("Fyne draws nothing")
	}
	for _, when := range []string{"first", "from its cache"} {
		if n, _ := differ(ours.Capture(), want); n > 0 {
			t.Errorf("%s: %d pixels differ from those of Fyne", when, n)
		}
	}
}

func TestPagesArePaintedAsByFyne(t *testing.T) {
	test.NewTempApp(t)
	all := views()
	all["japanese"] = japanese()
	for _, name := range []string{"home", "signin", "contacts", "sounds", "ask", "japanese"} {
		for _, size := range [][2]int{{640, 480}, {557, 418}} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				p := newPanel(nopInput{}, &Unit{})
				p.Resize(fyne.NewSize(float32(size[0]), float32(size[1])))
				p.show(all[name])
				p.page.scroll.scrollBy(-31)
				asFyne(t, p, size[0], size[1])
			})
		}
	}
}

func TestTheHandsetIsPaintedAsByFyne(t *testing.T) {
	r := build(t, 640, 461)
	r.Apply(everything)
	asFyne(t, r.Handset, 640, 461)
	r.Apply(view.View{On: true, Status: view.Status{Cable: true}, Hole: view.Hole{Clip: true, Left: 2 * time.Second, Of: 5 * time.Second}})
	r.Turn(true)
	r.hole.FocusGained()
	asFyne(t, r.Handset, 701, 500)
}

func TestWhatStandsOutIsPaintedAsByFyne(t *testing.T) {
	test.NewTempApp(t)
	at := func(o fyne.CanvasObject, x, y, w, h float32) fyne.CanvasObject {
		o.Resize(fyne.NewSize(w, h))
		o.Move(fyne.NewPos(x, y))
		return o
	}
	text := func(a fyne.TextAlign) *canvas.Text {
		m := canvas.NewText("Agjfy", opaque(0x1d5aa6))
		m.Alignment, m.TextStyle.Bold = a, a == alignCenter
		return m
	}
	circle := canvas.NewCircle(opaque(0xc97b1a))
	circle.StrokeColor, circle.StrokeWidth = opaque(0x14263d), 5
	hidden := canvas.NewRectangle(opaque(0))
	hidden.Hide()
	clipped := container.NewClip(container.NewWithoutLayout(at(canvas.NewRectangle(opaque(0xa7231a)), -5, -5, 300, 12.5)))
	asFyne(t, container.NewWithoutLayout(
		at(canvas.NewRectangle(opaque(0xcfe0f2)), -3.3, -4.7, 260.2, 120), at(circle, -9.5, 60.4, 40, 40), at(text(alignLeft), 20.4, 10.6, 100, 60),
		at(text(alignCenter), 20, 30, 100.5, 19), at(text(alignRight), 20, 50, 100, 41), at(hidden, 0, 0, 200, 100), at(clipped, 60.6, 70.2, 50, 20),
	), 200, 100)
}

func TestOverlaysArePaintedAboveTheContent(t *testing.T) {
	test.NewTempApp(t)
	c := headless(canvas.NewRectangle(opaque(0xffffff)), 40, 30)
	over := canvas.NewRectangle(opaque(0xa7231a))
	c.Overlays().Add(over)
	over.Resize(fyne.NewSize(10, 10))
	if r, g, _, _ := c.Capture().At(5, 5).RGBA(); r>>8 != 0xa7 || g>>8 != 0x23 {
		t.Errorf("the pixel has red %02x and green %02x", r>>8, g>>8)
	}
}

func TestTextsKeptAreBounded(t *testing.T) {
	test.NewTempApp(t)
	m := canvas.NewText("", opaque(0))
	c := headless(m, 4000, 100)
	for i := range 40 {
		m.Text, m.TextSize = strings.Repeat(fmt.Sprint(i%10), 120+i), 40
		c.Capture()
		if c.painter.used > maxTextBytes {
			t.Fatalf("%d bytes of texts are kept", c.painter.used)
		}
	}
	if n := len(c.painter.texts); n == 0 || n == 40 {
		t.Errorf("%d of 40 texts are kept", n)
	}
}
