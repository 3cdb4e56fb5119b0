// The attacker on the wires can do what it says, and no more.

package simnet

import (
	"errors"
	"testing"
)

func TestAForgedSourceIsSeenByTheReceiver(t *testing.T) {
	b := newBench(t, Config{})
	mallory, y := b.net.Host(addr("192.0.2.1")), b.station(b.net.Host(addr("192.0.2.2")), 1)
	if err := mallory.Forge(addrPort("203.0.113.5:99"), addrPort("192.0.2.2:1"), []byte("boo")); err != nil {
		t.Fatal(err)
	}
	b.run(0)
	if g := y.mustTake(); g.from != addrPort("203.0.113.5:99") || g.payload != "boo" {
		t.Errorf("heard %v", g)
	}
	y.send(1, addrPort("203.0.113.5:99"))
	b.expect(NoRoute, 1)
	if err := mallory.Forge(addrPort("[2001:db8::1]:1"), addrPort("192.0.2.2:1"), nil); !errors.Is(err, ErrAddress) {
		t.Errorf("a source of another family: %v", err)
	}
	if err := New(Config{}).Host().Forge(addrPort("192.0.2.1:1"), addrPort("192.0.2.1:1"), nil); !errors.Is(err, ErrIdle) {
		t.Errorf("without a driver: %v", err)
	}
}

func TestAnInterceptorAltersAndDrops(t *testing.T) {
	b := newBench(t, Config{})
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	b.net.Intercept(func(c Capture) bool {
		c.Payload[0] ^= 1
		return c.ID != 2
	})
	for range 3 {
		x.send(1, addrPort("192.0.2.2:1"))
	}
	if len(y.heard) != 2 || y.heard[0].payload != "y" {
		t.Errorf("heard %v", y.heard)
	}
	b.expect(Intercepted, 1)
}
