package noise

import (
	"net/netip"
	"testing"
	"time"
)

// A NAT that forgets a mapping makes an initiator unreachable until it sends by itself.

func TestAnswererThatTalksWaitsForTheKeepaliveOfARebornNAT(t *testing.T) {
	l := newLab(t)
	target := l.target(NK)
	target.Keepalive = 25 * time.Second
	if _, err := l.a.Dial(l.now, target); err != nil {
		t.Fatal(err)
	}
	l.carry()
	b := find(l.eventsB, LinkUp).Link
	for range 120 { // the moment within the keepalive is whatever it is: try many
		l.addrA = netip.AddrPortFrom(l.addrA.Addr(), l.addrA.Port()+1)
		for range 31 {
			l.pass(time.Second)
			if err := l.b.Send(l.now, b, frame('x')); err != nil {
				t.Fatalf("the answering end gave the link up: %v", err)
			}
			l.carry()
		}
		if got := l.b.links[b].addr; got != l.addrA {
			t.Fatal("the link did not move to the new mapping")
		}
	}
}
