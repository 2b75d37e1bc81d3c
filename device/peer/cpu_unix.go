//go:build unix

package peer

import (
	"syscall"
	"time"
)

// processorTime is what this process has used, of user and system time.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
