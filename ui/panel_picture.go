//go:build !darwin || cgo

package ui

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/ocphone/ocphone/device/screen/view"
)

// Picture renders the panel alone, without a display and without cgo. A panel
// is 4:3; 640 by 480 is that of the phone. Use it on the goroutine of the user
// interface.
func Picture(v view.View, w, h int) image.Image { return panelPicture(v, w, h, false) }

// ContrastPicture is Picture in high contrast.
func ContrastPicture(v view.View, w, h int) image.Image { return panelPicture(v, w, h, true) }

func panelPicture(v view.View, w, h int, contrast bool) image.Image {
	t := newPanel(nopInput{}, &Unit{Contrast: contrast})
	c := headless(t, w, h)
	t.show(v)
	return c.Capture()
}

// headless is a canvas in memory. It does not paint a background, which the panel
// would cover.
func headless(o fyne.CanvasObject, w, h int) *memoryCanvas {
	// A canvas in memory still needs a fyne.App, whose driver measures texts. Fyne
	// 2.8 has one without a display in its package test only: all other drivers
	// need cgo and a display, and the painter that measures is internal to Fyne.
	if fyne.CurrentApp() == nil {
		test.NewApp()
	}
	c := newMemoryCanvas()
	c.SetPadded(false)
	c.SetContent(o)
	c.Resize(fyne.NewSize(float32(w), float32(h)))
	return c
}

// nopInput is an Input that does nothing.
type nopInput struct{}

func (nopInput) Tap(string)       {}
func (nopInput) Hold(string)      {}
func (nopInput) Type(string)      {}
func (nopInput) Press(view.Key)   {}
func (nopInput) Release(view.Key) {}
func (nopInput) Lift(bool)        {}
func (nopInput) Poke(bool)        {}
