//go:build darwin && !cgo

package main

import (
	"fmt"
	"image"
	"os"

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
	"github.com/ocphone/ocphone/device/screen/view"
)

// drawHandset says what is missing and ends the program: on macOS Fyne compiles with
// cgo only.
func drawHandset(view.View, screenshot.Picture) image.Image {
	fmt.Fprintln(os.Stderr, "ocphone-screenshot: to draw the phone on macOS needs cgo: install the command line tools "+
		"(xcode-select --install) and build with CGO_ENABLED=1; `ocphone run --screen` shows it as text without")
	os.Exit(1)
	return nil
}
