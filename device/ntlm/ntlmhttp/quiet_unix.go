//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package ntlmhttp

import (
	"errors"
	"net"
	"syscall"
)

// quiet reports that nothing has arrived on the socket of c: no octet, no end, no
// error. It does not wait and does not read (recv(2), MSG_PEEK). It reports false for
// a connection without a socket.
func quiet(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	var octet [1]byte
	// Control and not Read: a deadline that has passed does not matter.
	failed := raw.Control(func(fd uintptr) {
		_, _, err = syscall.Recvfrom(int(fd), octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return failed == nil && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK))
}
