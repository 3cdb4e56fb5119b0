// What a path between two hosts does to a datagram: delay, loss, disorder, size.

package simnet

import (
	"net/netip"
	"time"
)

// Link is one direction between two hosts. The zero value is perfect: no delay, no loss, an MTU of 1500.
type Link struct {
	Latency time.Duration // one way
	// Jitter adds a delay between 0 and Jitter, evenly spread. Jitter alone never changes the order of two datagrams on a link.
	Jitter    time.Duration
	Loss      float64 // share of datagrams lost, 0 to 1
	Duplicate float64 // share that arrives twice
	// Reorder is the share held back by ReorderBy on top of the rest, so that later ones overtake them.
	Reorder   float64
	ReorderBy time.Duration
	// MTU is the longest IP packet in bytes, headers included; 0: 1500. Longer ones are dropped, never fragmented: TooBig.
	MTU int
}

const (
	defaultMTU = 1500
	// Bytes of IP header without options and UDP header: RFC 791 §3.1, RFC 8200 §3, RFC 768.
	overhead4 = 20 + 8
	overhead6 = 40 + 8
)

// fits says whether a payload of size bytes goes through to an address of this family.
func (l *Link) fits(size int, dst netip.Addr) bool {
	mtu := l.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	if dst.Is4() {
		return size+overhead4 <= mtu
	}
	return size+overhead6 <= mtu
}

// SetDefault replaces Config.Link for what is sent from now on.
func (n *Net) SetDefault(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cfg.Link = l
}

// SetLink gives two hosts a link of their own, the same in both directions. It counts before Config.Path and Config.Link, and holds
// for what is sent from now on, wherever the hosts' addresses are.
func (n *Net) SetLink(a, b *Host, l Link) {
	n.SetOneWay(a, b, l)
	n.SetOneWay(b, a, l)
}

// SetOneWay is SetLink for one direction.
func (n *Net) SetOneWay(from, to *Host, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paths.links[pairOf(from, to)] = l
}

// SetUplink bounds what a host sends, to all destinations together: bits of UDP payload and headers a second, and the longest wait in
// the queue before it, beyond which datagrams are dropped (UplinkFull). A rate of 0 takes the bound away.
func (h *Host) SetUplink(bitsPerSecond int64, queue time.Duration) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.uplink = uplink{rate: bitsPerSecond, queue: queue}
}

// uplink is what all of a host's datagrams share on their way out.
type uplink struct {
	rate  int64 // bits a second; 0: unbounded
	queue time.Duration
	free  time.Duration // when it has sent all it was given
}

// paths is what the network knows of directions between two hosts.
type paths struct {
	links  map[pair]Link
	latest map[pair]time.Duration // latest arrival, where jitter could let one overtake another
	swept  int

	intercept func(Capture) bool
}

// pair names a direction between two hosts. The upper half is the sender.
type pair uint64

func pairOf(from, to *Host) pair {
	if to == nil {
		return pair(from.index)<<32 | 1<<32 - 1
	}
	return pair(from.index)<<32 | pair(to.index)
}

// link returns the link from one host to another; to is nil where a NAT knows no such host.
func (n *Net) link(from, to *Host) Link {
	if len(n.paths.links) > 0 {
		if l, ok := n.paths.links[pairOf(from, to)]; ok {
			return l
		}
	}
	if n.cfg.Path != nil {
		return n.cfg.Path(from, to)
	}
	return n.cfg.Link
}

func (n *Net) chance(p float64) bool {
	return p > 0 && n.rng.Float64() < p
}

// transit sends a flight over the link to a host, nil if it is not known which.
func (n *Net) transit(now time.Duration, f *flight, to *Host) {
	l := n.link(f.from, to)
	if !l.fits(len(f.payload), f.dst.Addr()) {
		n.drop(now, f, TooBig)
		return
	}
	leave, ok := f.from.uplink.reserve(now, f)
	if !ok {
		n.drop(now, f, UplinkFull)
		return
	}
	if n.chance(l.Loss) {
		n.drop(now, f, Lost)
		return
	}
	if n.intercepted(now, f) {
		return
	}
	n.see(now, f, Passed)
	if n.chance(l.Duplicate) {
		twin := n.take()
		twin.id, twin.from, twin.realm, twin.src, twin.dst = f.id, f.from, f.realm, f.src, f.dst
		twin.payload = append(twin.payload[:0], f.payload...)
		n.schedule(f, n.arrival(leave, f.from, to, &l))
		n.schedule(twin, n.arrival(leave, f.from, to, &l))
		return
	}
	n.schedule(f, n.arrival(leave, f.from, to, &l))
}

// arrival draws the time at which something that leaves now reaches the other end.
func (n *Net) arrival(leave time.Duration, from, to *Host, l *Link) time.Duration {
	at := leave + l.Latency
	if l.Jitter > 0 {
		at += time.Duration(n.rng.Int64N(int64(l.Jitter) + 1))
		p := pairOf(from, to)
		if last := n.paths.latest[p]; at < last {
			at = last
		}
		n.sweepLatest(leave)
		n.paths.latest[p] = at
	}
	if n.chance(l.Reorder) {
		at += l.ReorderBy
	}
	return at
}

// sweepLatest forgets arrivals that are past each time the table has doubled: they hold nothing back any more.
func (n *Net) sweepLatest(now time.Duration) {
	if len(n.paths.latest) < max(1024, 2*n.paths.swept) {
		return
	}
	for p, at := range n.paths.latest {
		if at <= now {
			delete(n.paths.latest, p)
		}
	}
	n.paths.swept = len(n.paths.latest)
}

// reserve takes the uplink for a flight and says when its last bit has left.
func (u *uplink) reserve(now time.Duration, f *flight) (time.Duration, bool) {
	if u.rate <= 0 {
		return now, true
	}
	size := len(f.payload) + overhead6
	if f.dst.Addr().Is4() {
		size = len(f.payload) + overhead4
	}
	start := max(now, u.free)
	if start-now > u.queue {
		return 0, false
	}
	u.free = start + time.Duration(int64(size)*8*int64(time.Second)/u.rate)
	return u.free, true
}
