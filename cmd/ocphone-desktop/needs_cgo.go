//go:build !cgo

// Command ocphone-desktop is the phone in a window. This is what is built of it
// without cgo: it says what is needed.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "ocphone-desktop: a window needs cgo: install a C compiler and build with CGO_ENABLED=1, on "+
		"Linux with `make desktop`, which names what is missing")
	os.Exit(1)
}
