// Command ocphone-screenshot draws the handset into a PNG file, without a display. It
// does the work of `ocphone screenshot`, which starts it with the same flags: a program
// of its own keeps Fyne and its fonts out of ocphone.
//
// Exit codes: 0 done; 1 a person must act; 2 usage; 130 interrupted.
package main

import (
	"os"

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
)

func main() { os.Exit(screenshot.Main(drawHandset)) }
