// How to use the package, as a program that runs.

package simnet_test

import (
	"fmt"
	"net/netip"
	"time"

	"sotto/internal/simnet"
)

// A client behind a strict NAT and a public server, under the loop: the client's keepalive holds the NAT open.
func Example() {
	n := simnet.New(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 20 * time.Millisecond}})
	server := n.Host(netip.MustParseAddr("192.0.2.1"))
	nat := n.NAT(simnet.NATConfig{Filtering: simnet.AddressAndPortDependent, Timeout: 30 * time.Second}, netip.MustParseAddr("198.51.100.7"))
	client := nat.Host(netip.MustParseAddr("10.0.0.2"))

	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	loop := simnet.NewLoop(n, start)
	near, far := loop.Machine(client), loop.Machine(server)

	var known netip.AddrPort
	far.Handle(4000, func(now time.Time, from, to netip.AddrPort, payload []byte) {
		known = from
		fmt.Printf("%v server: %s from %v\n", now.Sub(start), payload, from.Addr())
	})
	near.Handle(5000, func(now time.Time, from, to netip.AddrPort, payload []byte) {
		fmt.Printf("%v client: %s\n", now.Sub(start), payload)
	})

	var keepalive *simnet.Timer
	keepalive = near.Timer(func(now time.Time) {
		near.Send(5000, netip.MustParseAddrPort("192.0.2.1:4000"), []byte("keepalive"))
		keepalive.Reset(now.Add(25 * time.Second))
	})
	keepalive.Reset(start)

	loop.At(start.Add(40*time.Second), func() {
		far.Send(4000, known, []byte("still there?"))
	})
	loop.Run(start.Add(45 * time.Second))

	// Output:
	// 20ms server: keepalive from 198.51.100.7
	// 25.02s server: keepalive from 198.51.100.7
	// 40.02s client: still there?
}
