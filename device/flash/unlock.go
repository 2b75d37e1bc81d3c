//go:build !windows

package flash

import (
	"os"
	"syscall"
)

// unlock releases the lock of the file. Closing the file is not enough: the memory
// map that bbolt leaves after a panic keeps the lock.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
