//go:build !darwin || cgo

package ui

import (
	"image"

	"github.com/ocphone/ocphone/device/screen/view"
)

// HandsetPicture renders the whole phone on the desk, as large as fits into w by h
// pixels, without a display and without cgo. dress, which may be nil, is called
// before the View is shown, for example to Turn the phone over. Call it on the
// goroutine of the user interface.
func HandsetPicture(v view.View, w, h int, dress func(*Handset)) image.Image {
	phone := NewHandset(nopInput{})
	c := headless(phone, w, h)
	if dress != nil {
		dress(phone)
	}
	phone.Apply(v)
	return c.Capture()
}
