package setup

import (
	"os"
	"os/signal"
	"syscall"
)

// EndSignals are the signals that end a command in order: SIGINT, SIGTERM, and SIGHUP
// unless it is ignored, as by nohup for the program that it starts.
func EndSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
