// Hosts come, go and change addresses; an address has one owner.

package simnet

import (
	"net/netip"
	"testing"
	"time"
)

func TestAnUnpluggedHostIsSilentBothWays(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: time.Millisecond}})
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	x.send(1, addrPort("192.0.2.2:1"))
	y.host.Unplug()
	y.send(1, addrPort("192.0.2.1:1"))
	b.run(time.Second)
	b.expect(Unplugged, 2)
	y.host.Plug()
	x.send(1, addrPort("192.0.2.2:1"))
	b.run(time.Second)
	y.mustTake()
}

func TestARenumberedHostIsReachedAtItsNewAddressOnly(t *testing.T) {
	b := newBench(t, Config{})
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	y.host.Renumber(addr("192.0.2.2"), addr("192.0.2.3"))
	x.send(1, addrPort("192.0.2.2:1"))
	b.expect(NoRoute, 1)
	x.send(1, addrPort("192.0.2.3:1"))
	y.mustTake()
	y.send(1, addrPort("192.0.2.1:1"))
	if from := x.mustTake().from.Addr(); from != addr("192.0.2.3") || y.host.Addrs()[0] != from {
		t.Error("the old address is still used")
	}
}

func TestAnAddressHasOneOwner(t *testing.T) {
	for name, bad := range map[string]func(*Net){
		"taken":   func(n *Net) { n.NAT(NATConfig{}, addr("192.0.2.1")) },
		"invalid": func(n *Net) { n.Host(netip.Addr{}) },
		"mapped":  func(n *Net) { n.Host(addr("::ffff:192.0.2.7")) },
	} {
		t.Run(name, func(t *testing.T) {
			n := New(Config{})
			n.Host(addr("192.0.2.1"))
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			bad(n)
		})
	}
}
