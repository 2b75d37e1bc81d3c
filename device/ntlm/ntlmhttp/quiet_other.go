//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package ntlmhttp

import "net"

// quiet reports false: this system has no recv that neither waits nor reads.
func quiet(net.Conn) bool { return false }
