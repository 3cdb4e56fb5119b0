package loopback

// What an observer of all wires gets: every datagram at the moment at which it is handed to the kernel, and again when
// the kernel hands it to its receiver.

import (
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"sotto/threatmodel/lab"
)

// Datagrams are the counts of a whole network.
type Datagrams struct {
	Sent     uint64         // given out by nodes
	Received uint64         // taken in by nodes
	Lost     uint64         // on the way: by the loss that was asked for, or by a socket that was full
	Unheard  uint64         // to a relay that was off
	Sizes    map[int]uint64 // UDP payload in bytes → datagrams on the wire
}

// wire is the observer. It is safe for concurrent use.
type wire struct {
	sieve atomic.Pointer[lab.Sieve] // nil until there are canaries

	mu       sync.Mutex
	carried  uint64
	received uint64
	unheard  uint64
	sizes    map[int]uint64
	senders  map[netip.AddrPort]bool
	off      map[netip.AddrPort]bool
	found    map[string]int // canaries in datagrams
}

func newWire() *wire {
	return &wire{
		sizes: make(map[int]uint64), senders: make(map[netip.AddrPort]bool), off: make(map[netip.AddrPort]bool),
		found: make(map[string]int),
	}
}

func (w *wire) sent(from, to netip.AddrPort, payload []byte) {
	var found []string
	if s := w.sieve.Load(); s != nil {
		found = s.Search(payload)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.carried++
	w.sizes[len(payload)]++
	w.senders[from] = true
	if w.off[to] {
		w.unheard++
	}
	for _, name := range found {
		w.found[name]++
	}
}

func (w *wire) arrived() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.received++
}

// setOff says whether somebody listens at an address.
func (w *wire) setOff(a netip.AddrPort, off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off[a] = off
}

// datagrams sums up, with those that were lost before they came to the wire.
func (w *wire) datagrams(lost uint64) Datagrams {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := Datagrams{Sent: w.carried + lost, Received: w.received, Unheard: w.unheard, Sizes: maps.Clone(w.sizes)}
	d.Lost = d.Sent - min(d.Sent, d.Received+d.Unheard)
	return d
}

// record is what one node gets to know from datagrams alone, through all of its starts: with whom.
type record struct {
	mu    sync.Mutex
	heard map[netip.AddrPort]int // datagrams by source
	told  map[netip.AddrPort]int // datagrams by destination
}

func newRecord() *record {
	return &record{heard: make(map[netip.AddrPort]int), told: make(map[netip.AddrPort]int)}
}

// partners returns whom a node heard and whom it sent something.
func (r *record) partners() (heard, told map[netip.AddrPort]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.heard), maps.Clone(r.told)
}

func (r *record) note(of map[netip.AddrPort]int, a netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of[a]++
}

// tap is a socket under observation. It implements noise.PacketConn.
type tap struct {
	*net.UDPConn
	local  netip.AddrPort
	wire   *wire
	record *record
	cut    atomic.Bool // what is sent vanishes: the node was killed and says no farewell
}

// ReadFromUDPAddrPort implements noise.PacketConn.
func (t *tap) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := t.UDPConn.ReadFromUDPAddrPort(b)
	if err == nil {
		t.wire.arrived()
		t.record.note(t.record.heard, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
	return n, from, err
}

// WriteToUDPAddrPort implements noise.PacketConn.
func (t *tap) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if t.cut.Load() {
		return len(b), nil
	}
	t.wire.sent(t.local, to, b)
	t.record.note(t.record.told, to)
	return t.UDPConn.WriteToUDPAddrPort(b, to)
}
