// The topology: one public network, hosts with addresses, private networks behind NATs.

package simnet

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Config is what a network is made from. The zero value is a perfect network with seed 0.
type Config struct {
	// Seed decides every draw: loss, jitter, external ports. Equal seeds and equal calls give equal runs.
	Seed uint64
	// Link holds between any two hosts that have none of their own.
	Link Link
	// Path, if set, gives the link from one host to another in place of Link: a table of latencies, say. It must depend on its
	// arguments alone and must not call the network. The second host is nil if a NAT has no mapping that would tell.
	Path func(from, to *Host) Link
	// SocketQueue is how many datagrams wait at a host until they are read; 0: 8192, that is 4 MiB of 512 bytes. Further ones are
	// dropped: SocketFull.
	SocketQueue int
	// Logf, if set, is told the seed; testing.T.Logf prints it when a test fails.
	Logf func(format string, args ...any)
}

const defaultSocketQueue = 4 << 20 / 512

// Net is an internet in memory. Without a Loop it is driven by the clock of the program, which in a testing/synctest bubble is the
// fake one: see Host.Listen. All its methods, and those of its hosts and NATs, are safe for concurrent use unless a Loop drives it.
type Net struct {
	mu     sync.Mutex
	cfg    Config
	rng    *rand.Rand
	epoch  time.Time // what the durations inside count from
	agenda agenda
	public *realm
	hosts  int
	nats   int

	idle   []*flight // for reuse; as many as were ever in flight or queued at once
	paths  paths
	ledger ledger

	loop  *Loop
	clock clock
}

// New makes an empty network. It starts nothing.
func New(cfg Config) *Net {
	if cfg.SocketQueue <= 0 {
		cfg.SocketQueue = defaultSocketQueue
	}
	if cfg.Logf != nil {
		cfg.Logf("simnet: seed %d", cfg.Seed)
	}
	return &Net{
		cfg:    cfg,
		rng:    rand.New(rand.NewPCG(cfg.Seed, 0)),
		public: &realm{owners: make(map[netip.Addr]owner)},
		paths:  paths{links: make(map[pair]Link), latest: make(map[pair]time.Duration)},
	}
}

// Seed is the one the network was made with.
func (n *Net) Seed() uint64 { return n.cfg.Seed }

// realm is one address space: the public network, or what is behind one NAT.
type realm struct {
	box    *NAT // nil: public
	owners map[netip.Addr]owner
}

// owner of an address: a host, or a NAT whose outer side it is.
type owner struct {
	host *Host
	nat  *NAT
}

// claim panics on a conflict: a scenario with two owners of one address is a mistake of its author.
func (r *realm) claim(a netip.Addr, o owner) {
	if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
		panic("simnet: an address must be plain IPv4 or IPv6, without a zone")
	}
	if _, taken := r.owners[a]; taken {
		panic("simnet: an address is given out twice in one network")
	}
	r.owners[a] = o
}

// Host is a machine with addresses and UDP ports.
type Host struct {
	net       *Net
	index     int
	addrs     []address
	sockets   []binding // few per host, so searched one by one
	firewall  *firewall
	unplugged bool
	uplink    uplink
	machine   *Machine // what runs it under a loop
}

type address struct {
	addr  netip.Addr
	realm *realm
}

// socket is what a port leads to: a Conn or a port of a Machine.
type socket interface {
	// accept takes the flight over, or says why not. The network is locked.
	accept(f *flight) Verdict
}

type binding struct {
	port uint16
	sock socket
}

// Host puts a host on the public network. It panics if an address is taken.
func (n *Net) Host(addrs ...netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addHost(n.public, addrs)
}

// Attach gives a host one more address, on the public network: a host behind a NAT can so have a public IPv6 address.
func (n *Net) Attach(h *Host, addr netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h.attach(n.public, addr)
}

func (n *Net) addHost(r *realm, addrs []netip.Addr) *Host {
	h := &Host{net: n, index: n.hosts}
	n.hosts++
	for _, a := range addrs {
		h.attach(r, a)
	}
	return h
}

func (h *Host) attach(r *realm, a netip.Addr) {
	r.claim(a, owner{host: h})
	h.addrs = append(h.addrs, address{a, r})
}

// Index numbers the hosts of a network from 0 in the order in which they were made: see Point.
func (h *Host) Index() int { return h.index }

// Addrs returns the host's own addresses, in the order in which it got them; behind a NAT they are private ones.
func (h *Host) Addrs() []netip.Addr {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	addrs := make([]netip.Addr, len(h.addrs))
	for i, a := range h.addrs {
		addrs[i] = a.addr
	}
	return addrs
}

// Renumber gives the host another address in place of an old one, on the same network. Its sockets stay open.
func (h *Host) Renumber(old, replacement netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for i, a := range h.addrs {
		if a.addr == old {
			a.realm.claim(replacement, owner{host: h})
			delete(a.realm.owners, old)
			h.addrs[i].addr = replacement
			return
		}
	}
	panic("simnet: the host has no such address to renumber")
}

// SetFirewall puts a firewall in front of the host, with no conversations yet, in place of any it had.
func (h *Host) SetFirewall(cfg FirewallConfig) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.firewall = newFirewall(cfg)
}

// Unplug cuts the host off; Plug undoes it. Its sockets stay open, and what is in flight to it is dropped on arrival.
func (h *Host) Unplug() { h.setUnplugged(true) }

// Plug connects the host again.
func (h *Host) Plug() { h.setUnplugged(false) }

func (h *Host) setUnplugged(v bool) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.unplugged = v
}

// socket returns what is open on a port, or nil.
func (h *Host) socket(port uint16) socket {
	for _, b := range h.sockets {
		if b.port == port {
			return b.sock
		}
	}
	return nil
}

// source picks the address to send from: the first of the destination's family.
func (h *Host) source(dst netip.Addr) (address, bool) {
	for _, a := range h.addrs {
		if a.addr.Is4() == dst.Is4() {
			return a, true
		}
	}
	return address{}, false
}
