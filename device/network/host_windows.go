package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// siteLocal is the prefix of the placeholders that Windows lists for an adapter
// without DNS servers.
var siteLocal = netip.MustParsePrefix("fec0::/10")

// hostServers returns the DNS servers of the adapters that are up, as host:port,
// the adapter with the best metric first.
func hostServers(string) ([]string, error) {
	size := uint32(16 << 10)
	var first *windows.IpAdapterAddresses
	var buf []byte // keeps first in memory
	for range 4 {  // the list may grow between two calls
		buf = make([]byte, size)
		first = (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC,
			windows.GAA_FLAG_SKIP_UNICAST|windows.GAA_FLAG_SKIP_ANYCAST|windows.GAA_FLAG_SKIP_MULTICAST, 0, first, &size)
		if err == windows.ERROR_BUFFER_OVERFLOW {
			continue
		}
		if err == windows.ERROR_NO_DATA {
			return nil, nil
		}
		if err != nil {
			return nil, os.NewSyscallError("GetAdaptersAddresses", err)
		}
		return adapterServers(first), nil
	}
	return nil, errors.New("GetAdaptersAddresses: the list of adapters keeps growing")
}

func adapterServers(first *windows.IpAdapterAddresses) []string {
	var adapters []*windows.IpAdapterAddresses
	for a := first; a != nil; a = a.Next {
		if a.OperStatus == windows.IfOperStatusUp && a.IfType != windows.IF_TYPE_SOFTWARE_LOOPBACK {
			adapters = append(adapters, a)
		}
	}
	slices.SortStableFunc(adapters, func(a, b *windows.IpAdapterAddresses) int {
		return int(a.Ipv4Metric) - int(b.Ipv4Metric)
	})
	var servers []string
	for _, a := range adapters {
		for d := a.FirstDnsServerAddress; d != nil; d = d.Next {
			ip, ok := netip.AddrFromSlice(d.Address.IP())
			if ip = ip.Unmap(); !ok || siteLocal.Contains(ip) {
				continue
			}
			if ip.Is6() && ip.IsLinkLocalUnicast() {
				ip = ip.WithZone(fmt.Sprint(a.Ipv6IfIndex))
			}
			if s := net.JoinHostPort(ip.String(), "53"); !slices.Contains(servers, s) {
				servers = append(servers, s)
			}
		}
	}
	return servers
}

// isRefused: Windows reports a refused datagram as a reset.
func isRefused(err error) bool {
	return errors.Is(err, windows.WSAECONNREFUSED) || errors.Is(err, windows.WSAECONNRESET)
}
