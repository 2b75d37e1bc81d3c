//go:build desktoptest && realpeers

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/peer"
)

// TestWindowsProgramPlaysTheFirstAct plays the first act of the story with the
// program for Windows in wine, by mouse and keyboard (docs/limits.md#windows).
// `make windows-test` runs it.
func TestWindowsProgramPlaysTheFirstAct(t *testing.T) {
	screen := display(t)
	w := peer.NewWine(t, "DISPLAY="+screen) // wine takes the size of the screen from here
	dir := t.TempDir()
	exe := filepath.Join(dir, "ocphone-desktop.exe")
	w.Build(t, []string{"CGO_ENABLED=1", "CC=x86_64-w64-mingw32-gcc"}, exe, "-tags", "migrated_fynedo", ".")
	program = peer.Write(t, dir, "ocphone-desktop", "#!/bin/sh\nexport "+strings.Join(w.Env, " ")+"\nexec wine "+exe+" \"$@\"\n")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}

	p := sitAt(t, screen, t.TempDir())
	p.until("the form waits", func(s seen) bool { return s.View.Page.ID == "signin" })
	if n := painted(p.picture("windows-signin"), p.now.Places["panel"]); n < 100 {
		t.Errorf("the touchscreen has %d colours", n)
	}
	p.click("keyboard.t") // on the touchscreen
	p.until("a letter is typed", func(s seen) bool { return s.value("address") == "t" })
	p.write("u@contoso.com")
	p.until("the address is typed", func(s seen) bool { return s.value("address") == "tu@contoso.com" })
	p.key("Tab")
	p.until("the user has the focus", func(s seen) bool { return s.View.Page.Focus == "user" })
	p.write(`CONTOSO\tu`)
	p.click("password")
	p.until("the password has the focus", func(s seen) bool { return s.View.Page.Focus == "password" })
	p.write(lab.DefaultPassword)
	p.until("the password is typed", func(s seen) bool { return len([]rune(s.value("password"))) == len(lab.DefaultPassword) })
	p.key("Return")
	p.until("the phone is ready", func(s seen) bool { return s.acts() == 1 && s.View.Page.ID == "home" })
	if p.now.Phone.Fetched != 1 || p.now.Phone.Remote {
		t.Errorf("inside: %+v", p.now.Phone)
	}
	p.dismiss()
	if n := painted(p.picture("windows-home"), p.now.Places["panel"]); n < 100 {
		t.Errorf("the home page has %d colours", n)
	}
	p.key("alt+F4")
	p.ends()
	p.neverSaid(lab.DefaultPassword)
}
