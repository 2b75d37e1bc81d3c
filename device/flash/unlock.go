//go:build !windows

package flash

import (
	"os"
	"syscall"
)

// unlock lets the next Open have the file. Closing is not enough: the memory
// map that bbolt leaves behind when it panics keeps the lock as well.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
