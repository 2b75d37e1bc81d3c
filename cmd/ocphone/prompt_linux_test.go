package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestInterruptEndsThePrompt: Ctrl-C is caught as a signal, so the question for
// the password has to heed it, and to give the terminal its echo back.
func TestInterruptEndsThePrompt(t *testing.T) {
	keyboard, terminal := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	var pressed sync.WaitGroup
	pressed.Go(func() { // when the question stands there
		for ctx.Err() == nil && echoes(t, keyboard) {
			runtime.Gosched()
		}
		cancel()
	})
	defer pressed.Wait()
	defer cancel()
	var asked bytes.Buffer
	code := environment{in: terminal, out: &bytes.Buffer{}, err: &asked}.run(ctx, []string{"run", "--sign-in", "tu@example.com"})
	if code != exitInterrupted || asked.String() != "Password: \nocphone: interrupted\n" {
		t.Errorf("exit code %d, %q", code, &asked)
	}
	if !echoes(t, keyboard) {
		t.Error("the terminal does not echo any more")
	}
	keyboard.Close() // ends the read that is left
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, of *os.File) bool {
	mode, err := unix.IoctlGetTermios(int(of.Fd()), unix.TCGETS)
	if err != nil {
		t.Error(err)
		return false
	}
	return mode.Lflag&unix.ECHO != 0
}

// openTerminal gives both ends of a pseudo-terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	n, err := unix.IoctlGetUint32(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}
