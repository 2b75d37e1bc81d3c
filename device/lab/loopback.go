package lab

import (
	"fmt"
	"net"
)

// checkLoopback reports that this host does not carry packets to itself: a new network
// namespace has a loopback interface that is down.
func checkLoopback() error {
	ln, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err == nil {
		defer ln.Close()
		var c net.Conn
		if c, err = net.DialTimeout("tcp", ln.Addr().String(), controlTimeout); err == nil {
			c.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("the loopback interface does not work, and all servers of the lab are there: switch it on, on "+
			"Linux with `ip link set lo up`: %w", err)
	}
	return nil
}
