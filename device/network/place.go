package network

import (
	"net"
	"strings"
)

// Place is what the Ethernet jack can be plugged into: what DHCP, flags or a
// lab tell the phone about it. The zero Place is the host's own network.
type Place struct {
	Name   string     // "inside", "outside", …; shown in steps
	DNS    []string   // DNS servers as host:port or address; empty means the host's own
	Suffix string     // DHCP option 15, the connection DNS suffix; may be empty
	WINS   string     // NetBIOS name server host:port; empty means NetBIOS is never asked (design decision 6)
	Patch  AddressMap // where names of a lab really listen; nil maps nothing
}

// AddressMap tells where a "name:port" of a deployment really listens, so that
// a lab needs neither root nor port 443. Names are compared without regard to
// case or a final dot; an IPv6 address is written in brackets.
type AddressMap map[string]string

// Lookup returns the mapped address of hostport, or hostport itself.
func (m AddressMap) Lookup(hostport string) (addr string, mapped bool) {
	if len(m) == 0 {
		return hostport, false
	}
	wanted := mapKey(hostport)
	if a, found := m[wanted]; found {
		return a, true
	}
	for key, a := range m {
		if mapKey(key) == wanted {
			return a, true
		}
	}
	return hostport, false
}

func mapKey(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return strings.ToLower(hostport)
	}
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(host, ".")), port)
}
