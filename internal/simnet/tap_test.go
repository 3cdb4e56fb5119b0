package simnet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestTheTapSeesEachWireWithTheAddressesBorneThere(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: 20 * time.Millisecond}})
	r := &Recorder{KeepPayload: true}
	b.net.Tap(r.Record)
	left := b.station(b.net.NAT(NATConfig{PreservePort: true}, addr("198.51.100.1")).Host(addr("10.0.0.1")), 1)
	right := b.station(b.net.NAT(NATConfig{PreservePort: true}, addr("198.51.100.2")).Host(addr("10.0.0.2")), 2)
	right.Send(2, addrPort("198.51.100.1:1"), nil)
	left.Send(1, addrPort("198.51.100.2:2"), []byte("abc"))
	b.run(time.Second)
	right.mustTake()

	var seen []string
	for _, c := range r.Captures() {
		if c.ID == 2 {
			seen = append(seen, fmt.Sprint(c.Time.Sub(dawn()), " ", c.Point.Kind, " ", c.Point.Index, " ", c.Src, " ", c.Dst, " ", c.Size, " ", string(c.Payload), " ", c.Verdict))
		}
	}
	want := []string{
		"0s host out 0 10.0.0.1:1 198.51.100.2:2 3 abc passed",
		"0s nat out 0 198.51.100.1:1 198.51.100.2:2 3 abc passed",
		"20ms nat in 1 198.51.100.1:1 198.51.100.2:2 3 abc passed",
		"20ms host in 1 198.51.100.1:1 10.0.0.2:2 3 abc delivered",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("saw\n%q, want\n%q", seen, want)
	}
}

// Every datagram ends once: whatever is sent is delivered or counted under exactly one reason.
func TestEveryDatagramHasOneEnd(t *testing.T) {
	ends := make(map[uint64]int)
	copies := 0
	for _, c := range scenario(9) {
		if c.Verdict != Passed {
			ends[c.ID]++
		}
		if ends[c.ID] > 2 {
			t.Fatalf("datagram %d ended %d times", c.ID, ends[c.ID])
		}
		if ends[c.ID] == 2 {
			copies++
		}
	}
	if copies == 0 || copies > len(ends)/10 {
		t.Errorf("%d of %d ended twice; only duplicates, 5 in 100, may", copies, len(ends))
	}
}

func TestARecorderIsBoundedAndSaysWhatItMissed(t *testing.T) {
	b := newBench(t, Config{})
	r := &Recorder{Limit: 2, Only: func(c Capture) bool { return c.Point.Kind == HostIn }}
	b.net.Tap(r.Record)
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	for range 5 {
		x.send(1, addrPort("192.0.2.2:1"))
	}
	kept := r.Captures()
	if len(kept) != 2 || kept[1].ID != 2 || kept[0].Payload != nil || kept[0].Size != 1 || r.Missed() != 3 {
		t.Errorf("kept %d, missed %d", len(kept), r.Missed())
	}
	if len(y.heard) != 5 || b.net.Sent() != 5 {
		t.Error("a full recorder must not touch the traffic")
	}
}

func TestVerdictsAndPointsHaveNames(t *testing.T) {
	names := make(map[string]bool)
	for v := range verdicts {
		names[v.String()] = true
	}
	if len(names) != int(verdicts) || names[""] || names["unknown"] || verdicts.String() != "unknown" {
		t.Errorf("names %v", names)
	}
}

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
