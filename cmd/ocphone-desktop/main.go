//go:build cgo

// Command ocphone-desktop is the phone in a window: a handset with a
// touchscreen, hard keys, and a reset hole on its back.
//
//	ocphone-desktop                                 with the lab: a deployment of 2007 and a side panel
//	ocphone-desktop --today                         with a lab of today
//	ocphone-desktop --sign-in tu@example.com        the bare handset against a real deployment
//	ocphone-desktop --lab lab.json                  the bare handset against a running `ocphone lab`
//
// It needs cgo and OpenGL; everything else about the phone is in packages that
// do not. This package only wires them: setup.go builds phone, screen and lab,
// window.go shows them, side.go does what the side panel asks. One place calls
// fyne.Do (ui.go).
//
// Exit codes: 0 the window was closed; 1 a person must act; 2 usage.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	_ "github.com/ocphone/ocphone/ui/locale" // first: before fyne/lang asks for the user's language

	"github.com/ocphone/ocphone/device/journal"
)

// Exit codes.
const (
	exitDone   = 0
	exitPerson = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	o, err := parse(args, os.Stderr)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return exitDone
	case err != nil:
		return complain(err)
	}
	if err := show(o); err != nil {
		return complain(err)
	}
	return exitDone
}

// complain prints err and returns the exit code.
func complain(err error) int {
	text, code := err.Error(), exitPerson
	if isUsage(err) {
		text, code = strings.TrimSuffix(text, " ["+string(journal.Usage)+"]"), exitUsage
	}
	fmt.Fprintf(os.Stderr, "ocphone-desktop: %s\n", journal.Printable(text, 0))
	return code
}

// show builds everything, shows the window until it is closed, and signs out.
func show(o options) error {
	if !hasDisplay(runtime.GOOS, os.Getenv) {
		return errors.New("there is no display here (DISPLAY and WAYLAND_DISPLAY are empty); `ocphone screenshot` and " +
			"`ocphone run --screen` show the phone without one")
	}
	s, err := newEmulator(o)
	if err != nil {
		return err
	}
	defer s.close()
	w, err := newWindow(s, o)
	if err != nil {
		return err
	}
	defer w.close()
	w.run()
	return nil
}

// hasDisplay reports whether a window can be opened, as far as the environment
// shows it: only X11 and Wayland name their display there.
func hasDisplay(system string, env func(string) string) bool {
	switch system {
	case "windows", "darwin":
		return true
	}
	return env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}
