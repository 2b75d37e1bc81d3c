package network

import (
	"net"
	"strings"
)

// Place is a network that the phone can be plugged into, with the settings that
// DHCP, options or a lab provide. The zero Place is the host's own network.
type Place struct {
	Name   string     // "inside", "outside", …; shown in steps
	DNS    []string   // DNS servers as host:port or address; empty means the host's own
	Suffix string     // DHCP option 15, the connection DNS suffix; may be empty
	WINS   string     // NetBIOS name server host:port; empty means no NetBIOS queries (docs/decisions.md#do-no-harm)
	Patch  AddressMap // addresses of the servers of a lab; may be nil
}

// AddressMap maps a "name:port" of a deployment to the address on which a lab
// listens, so that the lab does not need root rights for ports such as 443.
// Comparison ignores case and a final dot; an IPv6 address is in brackets.
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
