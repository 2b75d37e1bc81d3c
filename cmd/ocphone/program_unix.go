//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// passSignals prepares c for the signals that this process gets, and returns a function
// that passes one on, or kills.
//
// In the foreground of a terminal c stays in the process group of this process: the
// terminal sends the SIGINT of Ctrl-C to both, so it is not passed on. Elsewhere c gets
// a process group of its own, and signals go to the group: a shell that SIGTERM ends
// does not end the program that it waits for.
func passSignals(c *exec.Cmd) func(s os.Signal, kill bool) {
	shared := inForeground()
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: !shared}
	return func(s os.Signal, kill bool) {
		to, number := c.Process.Pid, s.(syscall.Signal)
		switch {
		case kill:
			number = syscall.SIGKILL
		case shared && number == syscall.SIGINT:
			return
		}
		if !shared {
			to = -to
		}
		syscall.Kill(to, number) // fails if c has just ended
	}
}

// inForeground reports whether this process is in the foreground of a terminal.
func inForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
