package main

import (
	"os"
	"os/exec"
)

// passSignals returns a function that kills c. Nothing else is passed on: Windows sends
// the events of a console, Ctrl-C for example, to all of its programs.
func passSignals(c *exec.Cmd) func(s os.Signal, kill bool) {
	return func(_ os.Signal, kill bool) {
		if kill {
			c.Process.Kill()
		}
	}
}
