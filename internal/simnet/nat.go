// NAT boxes of every kind that RFC 4787 distinguishes.

package simnet

import (
	"net/netip"
	"time"
)

// Dependence says how much of the far end a NAT looks at, for its mapping (RFC 4787 §4.1) or for its filtering (§5).
type Dependence uint8

// The three behaviours of RFC 4787.
const (
	EndpointIndependent     Dependence = iota // the far end plays no part
	AddressDependent                          // the far address
	AddressAndPortDependent                   // the far address and port
)

// String gives the usual abbreviation.
func (d Dependence) String() string {
	return [...]string{"EI", "AD", "APD", "?"}[min(d, 3)]
}

// NATConfig is the behaviour of a NAT. The zero value is the most open kind: endpoint-independent mapping and filtering, random
// external ports, no hairpinning, two minutes.
type NATConfig struct {
	Mapping   Dependence // what decides whether two far ends see one external port
	Filtering Dependence // what decides who may answer on it

	// Timeout is how long a mapping, and each permission of its filter, lives after it was last refreshed; 0: 2 minutes, the shortest
	// that RFC 4787 §4.3 (REQ-5) lets a NAT have. Many boxes have 30 s.
	Timeout time.Duration
	// InboundRefresh lets datagrams from outside refresh too. Outbound ones always do (REQ-6).
	InboundRefresh bool
	// PreservePort takes the internal port outside if it is free (§4.2.1). Otherwise the external port is random.
	PreservePort bool
	// Hairpin delivers what insiders send to the NAT's own external addresses, with the sender's external address as source (§6).
	Hairpin bool
}

// String names the kind, for tables and names of tests.
func (c NATConfig) String() string {
	return "mapping " + c.Mapping.String() + " filtering " + c.Filtering.String()
}

// NATKinds returns the nine combinations of mapping and filtering, otherwise as the zero value.
func NATKinds() []NATConfig {
	var kinds []NATConfig
	for m := EndpointIndependent; m <= AddressAndPortDependent; m++ {
		for f := EndpointIndependent; f <= AddressAndPortDependent; f++ {
			kinds = append(kinds, NATConfig{Mapping: m, Filtering: f})
		}
	}
	return kinds
}

const (
	defaultTimeout = 2 * time.Minute // RFC 4787 REQ-5
	// External ports are taken from the user and dynamic ranges, RFC 6335 §6.
	firstExternalPort = 1024
	lastExternalPort  = 65535
)

// NAT is a box with a private network of hosts (or of further NATs) behind it.
type NAT struct {
	net      *Net
	index    int
	cfg      NATConfig
	outer    *realm
	inner    *realm
	external []netip.Addr // at most one per family

	byFlow  map[natFlow]*mapping
	byPort  map[netip.AddrPort]*mapping
	retired map[netip.AddrPort]struct{} // external ports that the last Rebind took away
	swept   int
}

// natFlow is what shares one mapping: the far end counts only as far as the mapping depends on it.
type natFlow struct{ inside, remote netip.AddrPort }

type mapping struct {
	flow    natFlow
	outside netip.AddrPort
	until   time.Duration
	permits map[netip.AddrPort]time.Duration // nil if filtering is endpoint-independent
}

// NAT puts a NAT on the public network, with one external address per family.
func (n *Net) NAT(cfg NATConfig, external ...netip.Addr) *NAT {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addNAT(n.public, cfg, external)
}

// NAT puts a further NAT behind this one, as carriers do; its external addresses are private ones.
func (b *NAT) NAT(cfg NATConfig, external ...netip.Addr) *NAT {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	return b.net.addNAT(b.inner, cfg, external)
}

func (n *Net) addNAT(outer *realm, cfg NATConfig, external []netip.Addr) *NAT {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	b := &NAT{net: n, index: n.nats, cfg: cfg, outer: outer, external: append([]netip.Addr(nil), external...),
		byFlow: make(map[natFlow]*mapping), byPort: make(map[netip.AddrPort]*mapping)}
	n.nats++
	b.inner = &realm{box: b, owners: make(map[netip.Addr]owner)}
	for _, a := range external {
		outer.claim(a, owner{nat: b})
	}
	return b
}

// Host puts a host behind the NAT. Private addresses may repeat behind different NATs.
func (b *NAT) Host(addrs ...netip.Addr) *Host {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	return b.net.addHost(b.inner, addrs)
}

// Attach gives a host one more address, behind this NAT.
func (b *NAT) Attach(h *Host, addr netip.Addr) {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	h.attach(b.inner, addr)
}

// Index numbers the NATs of a network from 0 in the order in which they were made: see Point.
func (b *NAT) Index() int { return b.index }

// Rebind drops every mapping, as a restart of the box does. What goes out next gets another external port than before, even where
// ports are preserved.
func (b *NAT) Rebind() {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	b.retired = make(map[netip.AddrPort]struct{}, len(b.byPort))
	for port := range b.byPort {
		b.retired[port] = struct{}{}
	}
	clear(b.byFlow)
	clear(b.byPort)
}

// Renumber gives the NAT another external address in place of an old one, as a provider does at night. All mappings on it are lost.
func (b *NAT) Renumber(old, replacement netip.Addr) {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	for i, a := range b.external {
		if a != old {
			continue
		}
		b.outer.claim(replacement, owner{nat: b})
		delete(b.outer.owners, old)
		b.external[i] = replacement
		for _, m := range b.byPort {
			if m.outside.Addr() == old {
				b.forget(m)
			}
		}
		return
	}
	panic("simnet: the NAT has no such address to renumber")
}

// owns says whether the address is one of the NAT's external ones.
func (b *NAT) owns(a netip.Addr) bool {
	for _, e := range b.external {
		if e == a {
			return true
		}
	}
	return false
}

// seen cuts the far end down to what a behaviour looks at.
func (d Dependence) seen(remote netip.AddrPort) netip.AddrPort {
	switch d {
	case EndpointIndependent:
		return netip.AddrPort{}
	case AddressDependent:
		return netip.AddrPortFrom(remote.Addr(), 0)
	default:
		return remote
	}
}

// outbound returns the external source for a datagram from inside, making or refreshing the mapping and the permission to answer.
func (b *NAT) outbound(now time.Duration, src, dst netip.AddrPort) (netip.AddrPort, Verdict) {
	flow := natFlow{src, b.cfg.Mapping.seen(dst)}
	m := b.byFlow[flow]
	if m != nil && now >= m.until {
		b.forget(m)
		m = nil
	}
	if m == nil {
		b.sweep(now)
		outside, v := b.assign(now, src, dst)
		if v != Passed {
			return netip.AddrPort{}, v
		}
		m = &mapping{flow: flow, outside: outside}
		b.byFlow[flow], b.byPort[outside] = m, m
	}
	m.until = now + b.cfg.Timeout
	if b.cfg.Filtering != EndpointIndependent {
		m.permit(now, b.cfg.Filtering.seen(dst), m.until)
	}
	return m.outside, Passed
}

// inbound returns where behind the NAT a datagram from outside goes.
func (b *NAT) inbound(now time.Duration, src, dst netip.AddrPort) (netip.AddrPort, Verdict) {
	m := b.byPort[dst]
	if m == nil || now >= m.until {
		return netip.AddrPort{}, Unmapped
	}
	remote := b.cfg.Filtering.seen(src)
	if b.cfg.Filtering != EndpointIndependent {
		if until, ok := m.permits[remote]; !ok || now >= until {
			return netip.AddrPort{}, Filtered
		}
	}
	if b.cfg.InboundRefresh {
		m.until = now + b.cfg.Timeout
		if m.permits != nil {
			m.permits[remote] = m.until
		}
	}
	return m.flow.inside, Passed
}

// assign picks a free external port. A port is never given to two mappings (no overloading, REQ-3).
func (b *NAT) assign(now time.Duration, src, dst netip.AddrPort) (netip.AddrPort, Verdict) {
	var outer netip.Addr
	for _, a := range b.external {
		if a.Is4() == dst.Addr().Is4() {
			outer = a
		}
	}
	if !outer.IsValid() {
		return netip.AddrPort{}, NoRoute
	}
	if preserved := netip.AddrPortFrom(outer, src.Port()); b.cfg.PreservePort && b.free(now, preserved) {
		return preserved, Passed
	}
	const ports = lastExternalPort - firstExternalPort + 1
	start := b.net.rng.IntN(ports)
	for i := range ports {
		p := netip.AddrPortFrom(outer, uint16(firstExternalPort+(start+i)%ports))
		if b.free(now, p) {
			return p, Passed
		}
	}
	return netip.AddrPort{}, NATFull
}

func (b *NAT) free(now time.Duration, p netip.AddrPort) bool {
	if _, was := b.retired[p]; was {
		return false
	}
	m := b.byPort[p]
	if m != nil && now >= m.until {
		b.forget(m)
		m = nil
	}
	return m == nil
}

func (b *NAT) forget(m *mapping) {
	delete(b.byFlow, m.flow)
	delete(b.byPort, m.outside)
}

// sweep forgets expired mappings each time the table has doubled. The table is bounded by the 64 512 external ports of an address.
func (b *NAT) sweep(now time.Duration) {
	if len(b.byPort) < max(64, 2*b.swept) {
		return
	}
	for _, m := range b.byPort {
		if now >= m.until {
			b.forget(m)
		}
	}
	b.swept = len(b.byPort)
}

// permit lets a far end answer. Expired permissions go when 64 have gathered; only the insider can make them gather.
func (m *mapping) permit(now time.Duration, remote netip.AddrPort, until time.Duration) {
	if m.permits == nil {
		m.permits = make(map[netip.AddrPort]time.Duration)
	}
	if _, known := m.permits[remote]; !known && len(m.permits)%64 == 63 {
		for r, u := range m.permits {
			if now >= u {
				delete(m.permits, r)
			}
		}
	}
	m.permits[remote] = until
}
