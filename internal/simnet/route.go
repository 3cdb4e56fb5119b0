// The way of one datagram: out through NATs, over a link, in through NATs, to a socket.

package simnet

import (
	"net/netip"
	"time"
)

// flight is a datagram on its way. Its addresses are rewritten as it goes.
type flight struct {
	item
	id       uint64
	from     *Host
	realm    *realm // the address space it is in
	point    Point  // where it was seen last
	src, dst netip.AddrPort
	payload  []byte
	leaving  bool // has yet to leave its host, which is still computing
}

// take returns a flight to fill in.
func (n *Net) take() *flight {
	if len(n.idle) == 0 {
		f := new(flight)
		f.owner = f
		return f
	}
	f := n.idle[len(n.idle)-1]
	n.idle = n.idle[:len(n.idle)-1]
	return f
}

// release gives a flight back; nobody may hold on to its payload.
func (n *Net) release(f *flight) {
	f.from, f.realm, f.leaving = nil, nil, false
	n.idle = append(n.idle, f)
}

// drop ends a flight where it is.
func (n *Net) drop(now time.Duration, f *flight, v Verdict) {
	n.see(now, f, v)
	n.release(f)
}

// prepare makes a flight of what a host sends.
func (n *Net) prepare(h *Host, port uint16, dst netip.AddrPort, payload []byte) *flight {
	n.ledger.sent++
	f := n.take()
	f.id, f.from = n.ledger.sent, h
	f.point = Point{HostOut, h.index}
	f.dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())
	f.src = netip.AddrPortFrom(netip.Addr{}, port)
	f.payload = append(f.payload[:0], payload...)
	return f
}

// depart takes a flight from its host to the end of its link, or drops it on the way there.
func (n *Net) depart(now time.Duration, f *flight) {
	f.leaving = false
	h := f.from
	if h.unplugged {
		n.drop(now, f, Unplugged)
		return
	}
	a, ok := h.source(f.dst.Addr())
	if !ok {
		n.drop(now, f, NoRoute)
		return
	}
	f.realm = a.realm
	if !f.src.Addr().IsValid() {
		f.src = netip.AddrPortFrom(a.addr, f.src.Port())
	}
	if h.firewall != nil && !h.firewall.outbound(now, f.src, f.dst) {
		n.drop(now, f, Blocked)
		return
	}
	end, v := n.outward(now, f)
	if v != Passed {
		n.drop(now, f, v)
		return
	}
	n.transit(now, f, peek(end, f.dst))
}

// outward takes a flight through the NATs around its host until the destination address has an owner where it stands.
func (n *Net) outward(now time.Duration, f *flight) (owner, Verdict) {
	for {
		if o, here := f.realm.owners[f.dst.Addr()]; here {
			return o, Passed
		}
		b := f.realm.box
		if b == nil {
			return owner{}, NoRoute
		}
		if b.owns(f.dst.Addr()) && !b.cfg.Hairpin {
			return owner{}, NoHairpin
		}
		outside, v := b.outbound(now, f.src, f.dst)
		if v != Passed {
			return owner{}, v
		}
		n.see(now, f, Passed)
		f.point = Point{NATOut, b.index}
		f.src = outside
		f.realm = b.outer
	}
}

// arrive takes a flight from the end of its link inwards. It returns the socket that took it over, or nil if it was dropped.
func (n *Net) arrive(now time.Duration, f *flight) socket {
	for {
		o := f.realm.owners[f.dst.Addr()]
		if o.host != nil {
			return n.hand(now, f, o.host)
		}
		if o.nat == nil {
			n.drop(now, f, NoRoute)
			return nil
		}
		f.point = Point{NATIn, o.nat.index}
		inside, v := o.nat.inbound(now, f.src, f.dst)
		if v != Passed {
			n.drop(now, f, v)
			return nil
		}
		n.see(now, f, Passed)
		f.dst = inside
		f.realm = o.nat.inner
	}
}

// hand gives a flight to the socket of a host.
func (n *Net) hand(now time.Duration, f *flight, h *Host) socket {
	f.point = Point{HostIn, h.index}
	if h.unplugged {
		n.drop(now, f, Unplugged)
		return nil
	}
	if h.firewall != nil && !h.firewall.inbound(now, f.src, f.dst) {
		n.drop(now, f, Blocked)
		return nil
	}
	s := h.socket(f.dst.Port())
	if s == nil {
		n.drop(now, f, NoSocket)
		return nil
	}
	v := s.accept(f)
	n.see(now, f, v)
	if v != Delivered {
		n.release(f)
		return nil
	}
	return s
}

// peek says which host a destination leads to at this moment, without touching any NAT's state: the link depends on it.
func peek(o owner, dst netip.AddrPort) *Host {
	for o.nat != nil {
		m := o.nat.byPort[dst]
		if m == nil {
			return nil
		}
		dst = m.flow.inside
		o = o.nat.inner.owners[dst.Addr()]
	}
	return o.host
}

// schedule puts a flight on the agenda.
func (n *Net) schedule(f *flight, at time.Duration) {
	n.agenda.set(&f.item, at)
}

// sendable refuses what no UDP socket would take.
func sendable(payload []byte, to netip.AddrPort) error {
	if !to.IsValid() || to.Port() == 0 {
		return ErrAddress
	}
	if len(payload) > maxDatagram {
		return ErrTooLong
	}
	return nil
}
