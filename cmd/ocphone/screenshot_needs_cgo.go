//go:build darwin && !cgo

package main

import (
	"image"

	"github.com/ocphone/ocphone/device/screen/view"
)

// canDraw says what is missing: on macOS Fyne compiles with cgo only.
func canDraw() error {
	return personf("to draw the phone on macOS needs cgo: install the command line tools " +
		"(xcode-select --install) and build with CGO_ENABLED=1; `ocphone run --screen` shows it as text without")
}

// draw is never called here.
func (pictureOptions) draw(view.View) image.Image { return nil }
