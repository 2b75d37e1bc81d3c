package network_test

import (
	"context"
	"fmt"
	"net"

	"github.com/ocphone/ocphone/device/network"
)

// A lab listens on some port of this computer. The address map of the place
// leads the phone there, and Close pulls the cable.
func ExampleNetwork_DialContext() {
	pool, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	n := network.New(network.Place{
		Name:   "inside",
		Suffix: "contoso.com",
		Patch:  network.AddressMap{"pool.contoso.com:5061": pool.Addr().String()},
	}, network.Options{})
	c, err := n.DialContext(context.Background(), "tcp", "POOL.contoso.com.:5061")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("connected:", c.RemoteAddr().String() == pool.Addr().String())

	n.Close()
	_, err = c.Read(make([]byte, 1))
	fmt.Println("read fails:", err != nil)
	_, err = n.DialContext(context.Background(), "tcp", "pool.contoso.com:5061")
	fmt.Println(err)
	// Output:
	// connected: true
	// read fails: true
	// the network cable was pulled: use of closed network connection [net.unplugged]
}
