// Firewalls let in answers only, and rules decide in order.

package simnet

import (
	"net/netip"
	"testing"
	"time"
)

// guarded is a host behind a firewall and two outside.
func guarded(t *testing.T, cfg FirewallConfig) (b *bench, in, x, y *station) {
	b = newBench(t, Config{})
	in = b.station(b.net.Host(addr("192.0.2.9")), 1, 2)
	in.host.SetFirewall(cfg)
	return b, in, b.station(b.net.Host(addr("192.0.2.1")), 1, 2), b.station(b.net.Host(addr("192.0.2.2")), 1)
}

func TestAStatefulFirewallLetsInOnlyAnswers(t *testing.T) {
	b, in, x, y := guarded(t, FirewallConfig{Stateful: true, Timeout: 30 * time.Second})
	hear := func(from *station, port uint16, want bool) {
		t.Helper()
		from.send(port, addrPort("192.0.2.9:1"))
		if _, heard := in.take(); heard != want {
			t.Errorf("let in is %v, want %v", heard, want)
		}
	}
	hear(x, 1, false)
	in.send(1, addrPort("192.0.2.1:1"))
	x.mustTake()
	hear(x, 1, true)
	hear(x, 2, false)
	hear(y, 1, false)
	x.send(1, addrPort("192.0.2.9:2"))
	b.expect(Blocked, 4)
	b.run(29 * time.Second)
	hear(x, 1, true)
	b.run(29 * time.Second)
	hear(x, 1, true)
	b.run(30 * time.Second)
	hear(x, 1, false)
}

func TestFirewallRulesAreTriedInOrder(t *testing.T) {
	b, in, x, y := guarded(t, FirewallConfig{Stateful: true, Rules: []Rule{
		{Inbound: true, Port: 1, Remote: netip.MustParsePrefix("192.0.2.1/32"), Allow: true},
		{Remote: netip.MustParsePrefix("192.0.2.2/32"), Port: 7, Allow: true},
		{Remote: netip.MustParsePrefix("192.0.2.2/32")},
	}})
	x.send(1, addrPort("192.0.2.9:1"))
	in.mustTake()
	y.send(1, addrPort("192.0.2.9:1"))
	b.expect(Blocked, 1)
	in.send(1, addrPort("192.0.2.2:1"))
	b.expect(Blocked, 2)
	y.open(7)
	in.send(1, addrPort("192.0.2.2:7"))
	y.mustTake()
	in.send(1, addrPort("192.0.2.1:1"))
	x.mustTake()
}

func TestEndedConversationsAreForgotten(t *testing.T) {
	b, in, _, _ := guarded(t, FirewallConfig{Stateful: true, Timeout: time.Second})
	for port := range uint16(5000) {
		in.send(1, netip.AddrPortFrom(addr("192.0.2.1"), port+1))
		b.run(time.Second / 10)
	}
	if held := len(in.host.firewall.until); held > 128 {
		t.Errorf("%d conversations held, 10 live", held)
	}
}
