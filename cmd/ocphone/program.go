package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/ocphone/ocphone/device/setup"
)

// Exit codes of a program that cannot be started, as a shell has them (POSIX.1-2017,
// XCU 2.8.2).
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignalled = 128 // and the number of the signal that ended the program
)

// runProgram runs c and returns its exit code as an error. The caller sets c.Env; streams
// that it does not set are those of this process. Signals that end a command are passed
// on to c and what it started; the second SIGINT kills them.
func (e environment) runProgram(ctx context.Context, c *exec.Cmd) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, setup.EndSignals()...)
	defer signal.Stop(signals)
	if ctx.Err() != nil { // by a signal that came earlier
		return errInterrupted
	}
	if c.Stdin, c.Stderr = e.in, cmp.Or(c.Stderr, e.err); c.Stdout == nil {
		c.Stdout = e.out
		if o, ok := e.out.(*output); ok {
			if file, ok := o.Writer.(*os.File); ok {
				c.Stdout = file // a program sees whether it is a terminal
			}
		}
	}
	pass := passSignals(c)
	if err := c.Start(); err != nil {
		return startError(c.Args[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	for interrupts := 0; ; {
		select {
		case s := <-signals:
			if s == os.Interrupt {
				interrupts++
			}
			pass(s, interrupts > 1)
		case err := <-done:
			return endOf(err)
		}
	}
}

// endOf is the error of a program that has ended: its exit code, or 128 and the number
// of the signal that ended it.
func endOf(err error) error {
	failed := (*exec.ExitError)(nil)
	if !errors.As(err, &failed) {
		return err
	}
	code := failed.ExitCode()
	if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = exitSignalled + int(status.Signal())
	}
	return exit{code: code}
}

// startError is the error for a program that cannot be started.
func startError(name string, err error) error {
	var text error
	code := exitCannotRun
	switch {
	case errors.Is(err, exec.ErrDot):
		text = fmt.Errorf("%[1]s is found in the current folder only, and is not started from there: "+
			"write ./%[1]s if that is meant", name)
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		code = exitNotFound
		text = fmt.Errorf("there is no program %s: install it, put its folder into PATH, or give its path", name)
	case errors.Is(err, syscall.ENOEXEC):
		text = fmt.Errorf("%[1]s is no program of this system: a script needs a first line such as #!/bin/sh, "+
			"or is started as `sh %[1]s`", name)
	case errors.Is(err, fs.ErrPermission):
		text = fmt.Errorf("%[1]s may not be executed: make it executable (chmod +x %[1]s), or start it as `sh %[1]s` "+
			"if it is a script", name)
	default:
		text = fmt.Errorf("%s cannot be started: %v", name, err)
	}
	return exit{code: code, err: text}
}
