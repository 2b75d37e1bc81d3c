package main

import (
	"os"

	"golang.org/x/term"
)

// controls reports whether w is a terminal that obeys control sequences (ECMA-48).
func controls(w any) bool {
	if o, isOutput := w.(*output); isOutput {
		w = o.Writer
	}
	file, isFile := w.(*os.File)
	return isFile && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd())) && obeys(file)
}
