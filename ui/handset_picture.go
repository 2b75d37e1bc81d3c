//go:build !darwin || cgo

package ui

import (
	"image"

	"github.com/ocphone/ocphone/device/screen/view"
)

// HandsetPicture renders the whole phone, without a display and without cgo:
// the largest that fits into w by h, the desk around it. dress, which may be
// nil, is called before the View is shown, to Turn the phone over, say. Use it
// on the goroutine of the user interface.
func HandsetPicture(v view.View, w, h int, dress func(*Handset)) image.Image {
	phone := NewHandset(nopInput{})
	c := headless(phone, w, h)
	if dress != nil {
		dress(phone)
	}
	phone.Apply(v)
	return c.Capture()
}
