// What an active attacker does on the wires: forge sources, replay, alter, drop.

package simnet

import (
	"net/netip"
	"time"
)

// Forge sends a datagram from the host with a source that need not be its own, as an attacker does whose provider filters nothing.
// A payload taken from a tap makes it a replay. A NAT on the way translates the source like any other. Errors: ErrAddress (also for
// a source of another family than the destination), ErrTooLong, ErrIdle.
func (h *Host) Forge(src, dst netip.AddrPort, payload []byte) error {
	src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
	if !src.IsValid() || src.Addr().Is4() != dst.Addr().Unmap().Is4() {
		return ErrAddress
	}
	if err := sendable(payload, dst); err != nil {
		return err
	}
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	now, driven := n.now()
	if !driven {
		return ErrIdle
	}
	f := n.prepare(h, src.Port(), dst, payload)
	f.src = src
	n.depart(now, f)
	if n.loop == nil {
		n.wind()
	}
	return nil
}

// now is the time of whichever driver there is.
func (n *Net) now() (time.Duration, bool) {
	if n.loop != nil {
		return n.loop.now, true
	}
	return n.elapsed(), n.clock.started && !n.clock.closed
}

// Intercept sets a function that sees every datagram as it enters its link, at its last point before it, and may alter the payload in
// place, its length excepted; if it returns false, the datagram is dropped: Intercepted. Nil takes the function away. It runs inside the
// network's lock, as a tap does, and before the taps.
func (n *Net) Intercept(pass func(Capture) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paths.intercept = pass
}

func (n *Net) intercepted(now time.Duration, f *flight) bool {
	if n.paths.intercept == nil || n.paths.intercept(n.capture(now, f, Passed)) {
		return false
	}
	n.drop(now, f, Intercepted)
	return true
}
