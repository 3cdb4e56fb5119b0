// The nine kinds of NAT, section by section of RFC 4787.

package simnet

import (
	"net/netip"
	"testing"
	"time"
)

// home is a host behind a NAT and two hosts outside, the far ends of RFC 4787 §4.1: one with two ports, one with another address.
type home struct {
	*bench
	nat        *NAT
	in, x1, x2 *station
	x1a, x1b   netip.AddrPort
	x2a        netip.AddrPort
}

func newHome(t *testing.T, cfg NATConfig) *home {
	t.Helper()
	b := newBench(t, Config{Seed: 7})
	nat := b.net.NAT(cfg, addr("198.51.100.1"))
	return &home{bench: b, nat: nat,
		in:  b.station(nat.Host(addr("10.0.0.2")), 5000, 5001),
		x1:  b.station(b.net.Host(addr("192.0.2.1")), 1, 2),
		x2:  b.station(b.net.Host(addr("192.0.2.2")), 1),
		x1a: addrPort("192.0.2.1:1"), x1b: addrPort("192.0.2.1:2"), x2a: addrPort("192.0.2.2:1")}
}

// external sends from a port inside to a far end and returns the source that the far end saw.
func (h *home) external(port uint16, far *station, to netip.AddrPort) netip.AddrPort {
	h.t.Helper()
	h.in.send(port, to)
	return far.mustTake().from
}

func TestRFC4787Section4Mapping(t *testing.T) {
	for _, cfg := range NATKinds() {
		t.Run(cfg.String(), func(t *testing.T) {
			h := newHome(t, cfg)
			first := h.external(5000, h.x1, h.x1a)
			if first.Addr() != addr("198.51.100.1") {
				t.Errorf("the source is not the external address")
			}
			if again := h.external(5000, h.x1, h.x1a); again != first {
				t.Error("same far end, another external port")
			}
			if same := h.external(5000, h.x1, h.x1b) == first; same != (cfg.Mapping <= AddressDependent) {
				t.Errorf("same address, other port: same external port is %v", same)
			}
			if same := h.external(5000, h.x2, h.x2a) == first; same != (cfg.Mapping == EndpointIndependent) {
				t.Errorf("other address: same external port is %v", same)
			}
			if h.external(5001, h.x1, h.x1a) == first {
				t.Error("two internal ports share one external port")
			}
		})
	}
}

func TestRFC4787Section5Filtering(t *testing.T) {
	for _, cfg := range NATKinds() {
		t.Run(cfg.String(), func(t *testing.T) {
			h := newHome(t, cfg)
			outside := h.external(5000, h.x1, h.x1a)
			for _, c := range []struct {
				name string
				far  *station
				port uint16
				in   bool
			}{
				{"the far end itself", h.x1, 1, true},
				{"its address, another port", h.x1, 2, cfg.Filtering <= AddressDependent},
				{"another address", h.x2, 1, cfg.Filtering == EndpointIndependent},
			} {
				before := h.net.Count(Filtered)
				c.far.send(c.port, outside)
				g, in := h.in.take()
				if in != c.in {
					t.Errorf("%s: let in is %v", c.name, in)
				}
				if in && g.to != addrPort("10.0.0.2:5000") {
					t.Errorf("%s: reached %v", c.name, g.to)
				}
				if filtered := h.net.Count(Filtered) > before; filtered == c.in {
					t.Errorf("%s: counted as filtered is %v", c.name, filtered)
				}
			}
			h.x1.send(1, addrPort("198.51.100.1:999"))
			h.expect(Unmapped, 1)
		})
	}
}

func TestAMappingExpiresUnlessRefreshedFromInside(t *testing.T) {
	for _, inbound := range []bool{false, true} {
		h := newHome(t, NATConfig{Filtering: AddressAndPortDependent, Timeout: 30 * time.Second, InboundRefresh: inbound})
		outside := h.external(5000, h.x1, h.x1a)
		h.run(29 * time.Second)
		h.x1.send(1, outside)
		h.in.mustTake()
		h.run(time.Second)
		h.x1.send(1, outside)
		if _, in := h.in.take(); in != inbound {
			t.Errorf("30 s after the last outbound, 1 s after the last inbound: let in is %v, inbound refresh %v", in, inbound)
		}
		if same := h.external(5000, h.x1, h.x1a) == outside; same != inbound {
			t.Errorf("the mapping survived is %v, inbound refresh %v", same, inbound)
		}
	}
}

func TestAnExpiredMappingIsShutEvenWithoutFiltering(t *testing.T) {
	h := newHome(t, NATConfig{Timeout: 30 * time.Second})
	outside := h.external(5000, h.x1, h.x1a)
	h.run(30*time.Second - 1)
	h.x2.send(1, outside)
	h.in.mustTake()
	h.run(1)
	h.x2.send(1, outside)
	h.expect(Unmapped, 1)
}

func TestAKeepaliveHoldsTheMapping(t *testing.T) {
	for _, cfg := range NATKinds() {
		cfg.Timeout = 30 * time.Second
		h := newHome(t, cfg)
		outside := h.external(5000, h.x1, h.x1a)
		for range 100 {
			h.run(29 * time.Second)
			h.in.send(5000, h.x1a)
		}
		h.run(29 * time.Second)
		h.x1.send(1, outside)
		if _, in := h.in.take(); !in {
			t.Errorf("%v: shut after 50 minutes of keepalive", cfg)
		}
	}
}

func TestAPermissionExpiresWhileTheMappingLives(t *testing.T) {
	h := newHome(t, NATConfig{Filtering: AddressDependent, Timeout: 30 * time.Second})
	outside := h.external(5000, h.x2, h.x2a)
	h.run(20 * time.Second)
	h.external(5000, h.x1, h.x1a)
	h.run(20 * time.Second)
	h.x2.send(1, outside)
	h.expect(Filtered, 1)
	h.x1.send(1, outside)
	h.in.mustTake()
}

func TestRebindGivesAnotherPortEvenIfPortsArePreserved(t *testing.T) {
	for _, preserve := range []bool{false, true} {
		h := newHome(t, NATConfig{PreservePort: preserve})
		before := h.external(5000, h.x1, h.x1a)
		if preserved := before.Port() == 5000; preserved != preserve {
			t.Errorf("port preserved is %v, want %v", preserved, preserve)
		}
		h.nat.Rebind()
		h.x1.send(1, before)
		h.expect(Unmapped, 1)
		after := h.external(5000, h.x1, h.x1a)
		if after == before {
			t.Error("the same external port after Rebind")
		}
		h.x1.send(1, after)
		h.in.mustTake()
	}
}

func TestAPreservedPortGoesToOneHostOnly(t *testing.T) {
	h := newHome(t, NATConfig{PreservePort: true})
	second := h.station(h.nat.Host(addr("10.0.0.3")), 5000)
	if p := h.external(5000, h.x1, h.x1a); p.Port() != 5000 {
		t.Errorf("first host: external port %d", p.Port())
	}
	second.send(5000, h.x1a)
	other := h.x1.mustTake().from
	if other.Port() == 5000 {
		t.Error("overloaded: two hosts share one external port")
	}
	h.x1.send(1, other)
	if second.mustTake(); len(h.in.heard) > 0 {
		t.Error("the answer reached the wrong host")
	}
}

func TestANATWithoutFreePortsDropsNewFlowsUntilOldOnesExpire(t *testing.T) {
	h := newHome(t, NATConfig{PreservePort: true, Timeout: time.Minute})
	for port := firstExternalPort; port <= lastExternalPort; port++ {
		h.in.Send(uint16(port), h.x1a, nil)
	}
	h.expect(NATFull, 0)
	second := h.station(h.nat.Host(addr("10.0.0.3")), 5000)
	second.send(5000, h.x1a)
	h.expect(NATFull, 1)
	h.run(time.Minute)
	h.x1.heard = nil
	second.send(5000, h.x1a)
	h.x1.mustTake()
	if held := len(h.nat.byPort); held > lastExternalPort-firstExternalPort+1 {
		t.Errorf("%d mappings held", held)
	}
}

func TestRFC4787Section6Hairpinning(t *testing.T) {
	for _, hairpin := range []bool{false, true} {
		for _, filtering := range []Dependence{EndpointIndependent, AddressAndPortDependent} {
			h := newHome(t, NATConfig{Hairpin: hairpin, Filtering: filtering})
			second := h.station(h.nat.Host(addr("10.0.0.3")), 5000)
			first := h.external(5000, h.x1, h.x1a)
			second.send(5000, h.x1a)
			own := h.x1.mustTake().from

			second.send(5000, first)
			g, in := h.in.take()
			if want := hairpin && filtering == EndpointIndependent; in != want {
				t.Errorf("hairpin %v, filtering %v: delivered is %v", hairpin, filtering, in)
			}
			if in && g.from != own {
				t.Error("the source is not the sender's external address and port (REQ-9a)")
			}
			if !hairpin {
				h.expect(NoHairpin, 1)
			}
		}
	}
}

func TestTwoStrictNATsOpenForEachOtherAtTheSameTime(t *testing.T) {
	b := newBench(t, Config{Seed: 1, Link: Link{Latency: 50 * time.Millisecond}})
	strict := NATConfig{Filtering: AddressAndPortDependent}
	meet := b.station(b.net.Host(addr("192.0.2.1")), 1)
	left := b.station(b.net.NAT(strict, addr("198.51.100.1")).Host(addr("10.0.0.2")), 5000)
	right := b.station(b.net.NAT(strict, addr("198.51.100.2")).Host(addr("10.0.0.2")), 5000)
	var outside [2]netip.AddrPort
	for i, s := range []*station{left, right} {
		s.Send(5000, addrPort("192.0.2.1:1"), nil)
		b.run(time.Second)
		outside[i] = meet.mustTake().from
	}
	left.Send(5000, outside[1], []byte("first"))
	b.run(10 * time.Millisecond)
	right.Send(5000, outside[0], []byte("second"))
	b.run(time.Second)
	if l, r := left.mustTake(), right.mustTake(); l.payload != "second" || r.payload != "first" {
		t.Errorf("got %q and %q", l.payload, r.payload)
	}
}

func TestACarrierNATTranslatesASecondTime(t *testing.T) {
	b := newBench(t, Config{Seed: 1})
	carrier := b.net.NAT(NATConfig{}, addr("198.51.100.1"))
	box := carrier.NAT(NATConfig{}, addr("100.64.0.2"))
	in := b.station(box.Host(addr("10.0.0.2")), 5000)
	neighbour := b.station(carrier.Host(addr("100.64.0.3")), 6000)
	x := b.station(b.net.Host(addr("192.0.2.1")), 1)

	in.send(5000, addrPort("192.0.2.1:1"))
	g := x.mustTake()
	if g.from.Addr() != addr("198.51.100.1") {
		t.Error("the outermost address was not seen")
	}
	x.send(1, g.from)
	if back := in.mustTake(); back.to != addrPort("10.0.0.2:5000") {
		t.Errorf("reached %v", back.to)
	}
	in.send(5000, addrPort("100.64.0.3:6000"))
	if from := neighbour.mustTake().from; from.Addr() != addr("100.64.0.2") {
		t.Error("a neighbour inside the carrier's network saw another address than the box's")
	}
}

func TestANATWithoutAnAddressOfTheFamilyHasNoRoute(t *testing.T) {
	h := newHome(t, NATConfig{})
	h.net.Host(addr("2001:db8::1"))
	h.nat.Attach(h.in.host, addr("fd00::2"))
	h.in.send(5000, addrPort("[2001:db8::1]:1"))
	h.expect(NoRoute, 1)
}

func TestAHostBehindANATCanHaveAPublicIPv6Address(t *testing.T) {
	h := newHome(t, NATConfig{})
	h.net.Attach(h.in.host, addr("2001:db8::2"))
	x := h.station(h.net.Host(addr("2001:db8::1")), 1)
	h.in.send(5000, addrPort("[2001:db8::1]:1"))
	if from := x.mustTake().from; from != addrPort("[2001:db8::2]:5000") {
		t.Errorf("seen as %v", from)
	}
}

func TestANewExternalAddressLosesTheMappings(t *testing.T) {
	h := newHome(t, NATConfig{})
	before := h.external(5000, h.x1, h.x1a)
	h.nat.Renumber(addr("198.51.100.1"), addr("198.51.100.99"))
	h.x1.send(1, before)
	h.expect(NoRoute, 1)
	if after := h.external(5000, h.x1, h.x1a); after.Addr() != addr("198.51.100.99") {
		t.Error("the old address is still used")
	}
}

func TestExpiredMappingsAndPermissionsAreForgotten(t *testing.T) {
	h := newHome(t, NATConfig{Filtering: AddressAndPortDependent, Timeout: time.Second})
	for port := uint16(10000); port < 20000; port++ {
		h.in.Send(port, h.x1a, nil)
		h.in.Send(5000, netip.AddrPortFrom(addr("192.0.2.1"), port), nil)
		h.run(time.Second / 10)
	}
	if held := len(h.nat.byPort); held > 200 {
		t.Errorf("%d mappings held, 11 live", held)
	}
	for _, m := range h.nat.byPort {
		if len(m.permits) > 200 {
			t.Errorf("%d permissions held, 10 live", len(m.permits))
		}
	}
	if len(h.nat.byFlow) != len(h.nat.byPort) {
		t.Error("the two tables of the NAT differ")
	}
}
