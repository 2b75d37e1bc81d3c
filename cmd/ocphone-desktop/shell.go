//go:build cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// shell is how a shell reaches the lab in the window: by its ready file.
type shell struct {
	file    string // the ready file; "": there is none
	line    string // that a shell runs
	problem string // why there is no file
}

// maxWindows bounds the windows with a lab whose ready files have names by default.
const maxWindows = 20

// openShell starts the control server of a lab and writes its ready file, which
// close removes: named, or the first free name in the user's cache folder. Only a
// named file that cannot be written is an error.
func openShell(ctx context.Context, l *lab.Lab, named string) (shell, error) {
	file, err := named, error(nil)
	if named == "" {
		file, err = freeReadyFile(ctx)
	} else {
		file, err = setup.ReadyPath(ctx, named)
	}
	if err == nil {
		_, err = l.Serve()
	}
	if err == nil {
		err = l.WriteReady(file)
	}
	switch {
	case err != nil && named != "":
		return shell{}, err
	case err != nil:
		return shell{problem: fmt.Sprintf("No shell reaches this lab: %v. `ocphone-desktop --ready FILE` writes the ready "+
			"file elsewhere.", err)}, nil
	}
	return shell{file: file, line: exportLine(runtime.GOOS, file)}, nil
}

// close removes the file.
func (s shell) close(l *lab.Lab) {
	if s.file != "" {
		l.RemoveReady(s.file)
	}
}

// freeReadyFile is a name for a ready file in the user's cache folder that no running
// lab uses.
func freeReadyFile(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "ocphone")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var errs []error
	for i := range maxWindows {
		name := "lab.json"
		if i > 0 {
			name = fmt.Sprintf("lab-%d.json", i+1)
		}
		file, err := setup.ReadyPath(ctx, filepath.Join(dir, name))
		if err == nil {
			return file, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// exportLine is what a shell runs so that `ocphone lab` finds the lab of file.
func exportLine(system, file string) string {
	if system == "windows" {
		return `set "OCPHONE_LAB=` + file + `"`
	}
	return "export OCPHONE_LAB='" + strings.ReplaceAll(file, "'", `'\''`) + "'"
}
