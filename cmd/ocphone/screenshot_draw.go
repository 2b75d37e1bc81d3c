//go:build !darwin || cgo

package main

import (
	"image"
	"image/draw"

	_ "github.com/ocphone/ocphone/ui/locale" // before fyne/lang asks for the user's language

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui"
)

// canDraw says what is missing to draw; here nothing is.
func canDraw() error { return nil }

// draw draws what a View shows, on black: a panel without power is dark, and
// one of another shape than 4:3 does not fill the picture.
func (p pictureOptions) draw(v view.View) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, p.width, p.height))
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	shot := p.paint(v)
	draw.Draw(out, out.Rect, shot, shot.Bounds().Min, draw.Over)
	return out
}

func (p pictureOptions) paint(v view.View) image.Image {
	switch {
	case p.whole:
		return ui.HandsetPicture(v, p.width, p.height, func(h *ui.Handset) {
			h.Contrast(p.contrast)
			h.Plate(p.plate...)
			h.Turn(p.back)
		})
	case p.contrast:
		return ui.ContrastPicture(v, p.width, p.height)
	}
	return ui.Picture(v, p.width, p.height)
}
