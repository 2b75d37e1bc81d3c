package main

import (
	"os"
	"path/filepath"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// readyPath is the absolute path of the ready file, so that the paths in it are
// valid from every folder. A file that is not a ready file is not overwritten,
// since the lab removes the file at its end.
func readyPath(file string) (string, error) {
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return "", usagef("--ready %s: there is no folder %s", file, filepath.Dir(file))
	}
	if info, err := os.Stat(file); err == nil && (info.IsDir() || info.Size() > 0) {
		r, err := lab.ReadReady(file)
		if err != nil {
			return "", usagef("--ready %s: it is there already and is not written over: %w", file, err)
		}
		if r.Control.URL != "" && setup.Runs(r) {
			return "", usagef("--ready %s: a lab runs already that is found by this file; use that one, end it, or give "+
				"another --ready", file)
		}
	}
	return filepath.Abs(file)
}
