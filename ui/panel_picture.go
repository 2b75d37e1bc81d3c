//go:build !darwin || cgo

package ui

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test" // its init makes an application that needs no display, where there is none

	"github.com/ocphone/ocphone/device/screen/view"
)

// Picture renders the panel alone, without a display and without cgo. A panel
// is 4:3; 640 by 480 is that of the phone. Use it on the goroutine of the user
// interface.
func Picture(v view.View, w, h int) image.Image { return portrait(v, w, h, false) }

// ContrastPicture is Picture in the look of high contrast.
func ContrastPicture(v view.View, w, h int) image.Image { return portrait(v, w, h, true) }

func portrait(v view.View, w, h int, contrast bool) image.Image {
	t := newPanel(deaf{}, &Unit{Contrast: contrast})
	c := headless(t, w, h)
	t.show(v)
	return c.Capture()
}

// headless is a canvas in memory. It has no ground of its own, which the panel
// would cover and which costs a tenth of a frame.
func headless(o fyne.CanvasObject, w, h int) software.WindowlessCanvas {
	if fyne.CurrentApp() == nil {
		test.NewApp()
	}
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(o)
	c.Resize(fyne.NewSize(float32(w), float32(h)))
	return c
}

// deaf is an Input to which nothing happens.
type deaf struct{}

func (deaf) Tap(string)       {}
func (deaf) Hold(string)      {}
func (deaf) Type(string)      {}
func (deaf) Press(view.Key)   {}
func (deaf) Release(view.Key) {}
func (deaf) Lift(bool)        {}
func (deaf) Poke(bool)        {}
