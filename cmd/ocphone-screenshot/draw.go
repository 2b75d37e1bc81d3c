//go:build !darwin || cgo

package main

import (
	"image"
	"image/draw"

	_ "github.com/ocphone/ocphone/ui/locale" // before fyne/lang asks for the user's language

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui"
)

// drawHandset draws what a View shows, on black: a panel without power is dark, and one
// of another shape than 4:3 does not fill the picture.
func drawHandset(v view.View, p screenshot.Picture) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	shot := paint(v, p)
	draw.Draw(out, out.Rect, shot, shot.Bounds().Min, draw.Over)
	return out
}

func paint(v view.View, p screenshot.Picture) image.Image {
	switch {
	case p.Whole:
		return ui.HandsetPicture(v, p.Width, p.Height, func(h *ui.Handset) {
			h.Contrast(p.Contrast)
			h.Plate(p.Plate...)
			h.Turn(p.Back)
		})
	case p.Contrast:
		return ui.ContrastPicture(v, p.Width, p.Height)
	}
	return ui.Picture(v, p.Width, p.Height)
}
