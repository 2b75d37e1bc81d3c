//go:build cgo

package main

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"github.com/ocphone/ocphone/ui/labpanel"
)

// sized is an object with a least size.
func sized(w, h float32) fyne.CanvasObject {
	r := canvas.NewRectangle(nil)
	r.SetMinSize(fyne.NewSize(w, h))
	return r
}

// TestPhoneKeepsItsLeastWidth lays phone and panel out in windows of many sizes, open
// and folded.
func TestPhoneKeepsItsLeastWidth(t *testing.T) {
	test.NewTempApp(t)
	l := &sides{phone: sized(560, 404), strip: sized(labpanel.StripWidth, 300), panel: sized(labpanel.MinWidth, 300)}
	c := container.New(l, l.phone, l.strip, l.panel)
	least := c.MinSize()
	if want := fyne.NewSize(560+labpanel.StripWidth, 404); least != want {
		t.Errorf("the least size of the window is %v, want %v", least, want)
	}
	for _, folded := range []bool{false, true} {
		l.folded = folded
		for width := least.Width; width < 2200; width += 61 {
			for _, height := range []float32{404, 648, 1440} {
				c.Resize(fyne.NewSize(width, height))
				phone, panel := l.phone.Size().Width, l.panel.Size().Width
				if phone < 560 {
					t.Errorf("%v x %v, folded %t: the phone is %v wide", width, height, folded, phone)
				}
				if l.panel.Visible() == l.strip.Visible() || l.panel.Visible() != l.open() {
					t.Errorf("%v x %v, folded %t: panel %t, strip %t", width, height, folded, l.panel.Visible(), l.strip.Visible())
				}
				if l.open() && (panel < labpanel.MinWidth || panel > labpanel.MaxWidth || phone+panel != width) {
					t.Errorf("%v x %v: panel %v, phone %v", width, height, panel, phone)
				}
			}
		}
	}
}

func TestFoldingGivesThePhoneTheSpace(t *testing.T) {
	test.NewTempApp(t)
	l := &sides{phone: sized(560, 404), strip: sized(labpanel.StripWidth, 300), panel: sized(labpanel.MinWidth, 300)}
	c := container.New(l, l.phone, l.strip, l.panel)
	at := func(width float32, open bool, phone float32) {
		t.Helper()
		c.Resize(fyne.NewSize(width, 648))
		c.Refresh()
		if l.open() != open || l.phone.Size().Width != phone {
			t.Errorf("%v wide: open %t, phone %v wide; want %t, %v", width, l.open(), l.phone.Size().Width, open, phone)
		}
	}
	const strip = labpanel.StripWidth
	at(1280, true, 900)
	l.toggle()
	at(1280, false, 1280-strip)
	l.toggle()
	at(1280, true, 900)
	at(700, false, 700-strip) // too narrow for both
	l.toggle()
	at(700, true, 700-strip) // over the phone, which stays as it is
	l.toggle()
	at(700, false, 700-strip)
	l.toggle()
	at(1280, true, 900)
	l.toggle()
	at(700, false, 700-strip)
	at(1280, false, 1280-strip)
}

func TestSizeAndFoldingAreKept(t *testing.T) {
	kept := keeper{test.NewTempApp(t).Preferences(), "lab"}
	usual := fyne.NewSize(1280, 648)
	if got := kept.size(usual); got != usual || kept.folded() {
		t.Errorf("at first: %v, folded %t", got, kept.folded())
	}
	kept.keep(fyne.NewSize(1000, 700), true)
	if got := kept.size(usual); got != fyne.NewSize(1000, 700) || !kept.folded() {
		t.Errorf("kept: %v, folded %t", got, kept.folded())
	}
	other := keeper{kept.Preferences, "phone"}
	if got := other.size(usual); got != usual {
		t.Errorf("the window without a panel has the size %v", got)
	}
	for _, bad := range []fyne.Size{{}, {Width: -5, Height: 700}, {Width: 1e9, Height: 700}} {
		kept.keep(bad, false)
		if got := kept.size(usual); got != usual {
			t.Errorf("kept %v: %v", bad, got)
		}
	}
}
