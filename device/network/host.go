//go:build !windows

package network

import (
	"errors"
	"net"
	"syscall"

	"github.com/miekg/dns"
)

// hostServers returns the host's DNS servers as host:port (resolv.conf(5)).
func hostServers(resolvConf string) ([]string, error) {
	if resolvConf == "" {
		resolvConf = "/etc/resolv.conf"
	}
	c, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, err
	}
	servers := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		servers[i] = net.JoinHostPort(s, c.Port)
	}
	return servers, nil
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
