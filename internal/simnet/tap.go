// What an observer of the wires sees: one capture for every wire that a datagram crosses.

package simnet

import (
	"bytes"
	"net/netip"
	"sync"
	"time"
)

// PointKind says on which side of which kind of box a datagram was seen.
type PointKind uint8

// The places where a datagram can be seen. A datagram between two hosts that are each behind a NAT is seen at four of them, in the
// order HostOut, NATOut, NATIn, HostIn, with the addresses it bears there.
const (
	HostOut PointKind = iota // leaving a host, before any NAT
	NATOut                   // leaving a NAT on its outer side, source translated
	NATIn                    // reaching a NAT on its outer side, destination not yet translated
	HostIn                   // reaching a host, after every NAT
)

// String names the kind.
func (k PointKind) String() string {
	return [...]string{"host out", "nat out", "nat in", "host in"}[k&3]
}

// Point is one end of one wire. Index is Host.Index or NAT.Index.
type Point struct {
	Kind  PointKind
	Index int
}

// Verdict says what became of a datagram behind the point where it was seen.
type Verdict uint8

// The verdicts. Passed is the only one that is not an end: the datagram is seen at a further point, unless it is still in flight.
const (
	Passed      Verdict = iota // went on to the next wire
	Delivered                  // accepted by the socket of a host
	Lost                       // lost in transit, by Link.Loss
	TooBig                     // longer than Link.MTU allows
	UplinkFull                 // the queue in front of the host's uplink was full
	NoRoute                    // nobody has the destination address, or the host has no address of its family
	Filtered                   // the NAT has a mapping but its filtering refuses this sender
	Unmapped                   // the NAT has no mapping for this destination
	NATFull                    // the NAT has no external port left
	NoHairpin                  // from inside to the NAT's own external address, and the NAT does not hairpin
	Blocked                    // refused by a firewall
	Unplugged                  // the host is unplugged
	NoSocket                   // no socket is open on the destination port
	Intercepted                // dropped by the function given to Intercept
	SocketFull                 // the receiving socket's queue was full; the newest is the one dropped
	verdicts                   // how many there are
)

// String names the verdict.
func (v Verdict) String() string {
	names := [verdicts]string{"passed", "delivered", "lost", "too big", "uplink full", "no route", "filtered", "unmapped",
		"nat full", "no hairpin", "blocked", "unplugged", "no socket", "intercepted", "socket full"}
	if v >= verdicts {
		return "unknown"
	}
	return names[v]
}

// Capture is one datagram at one point.
type Capture struct {
	ID      uint64 // the datagram's number, from 1 in order of sending; a duplicate keeps the number of its original
	Time    time.Time
	Point   Point
	Src     netip.AddrPort // as borne at this point
	Dst     netip.AddrPort // as borne at this point
	Size    int            // bytes of UDP payload
	Payload []byte         // belongs to the network: valid only until the tap returns
	Verdict Verdict
}

// Tap calls see for every capture from now on, in the order of events. It runs inside the network's lock: it must be quick and must
// not call the network, its hosts or its NATs.
func (n *Net) Tap(see func(Capture)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ledger.taps = append(n.ledger.taps, see)
}

// ledger is what the network remembers of the datagrams it carried.
type ledger struct {
	sent   uint64
	counts [verdicts]uint64
	taps   []func(Capture)
}

// Count says how many times a verdict was given. Count(Passed) is the number of wires crossed, not of datagrams.
func (n *Net) Count(v Verdict) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ledger.counts[v]
}

// Sent says how many datagrams hosts handed to the network.
func (n *Net) Sent() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ledger.sent
}

// see counts the verdict and shows the flight, as it is now, to the taps.
func (n *Net) see(now time.Duration, f *flight, v Verdict) {
	n.ledger.counts[v]++
	if len(n.ledger.taps) == 0 {
		return
	}
	c := n.capture(now, f, v)
	for _, see := range n.ledger.taps {
		see(c)
	}
}

func (n *Net) capture(now time.Duration, f *flight, v Verdict) Capture {
	return Capture{ID: f.id, Time: n.epoch.Add(now), Point: f.point, Src: f.src, Dst: f.dst, Size: len(f.payload), Payload: f.payload, Verdict: v}
}

// recorderLimit is how many captures a Recorder keeps if it is not told: some 9 MB without payloads.
const recorderLimit = 1 << 16

// Recorder is a bounded tap: hand its Record method to Net.Tap. It keeps the first Limit captures and counts what came after. Set the
// fields before use. It is safe for concurrent use.
type Recorder struct {
	Limit       int                // captures kept; 0: 65 536
	KeepPayload bool               // copy payloads; otherwise only their size is kept and Payload is nil
	Only        func(Capture) bool // what to keep; nil: everything

	mu     sync.Mutex
	kept   []Capture
	missed uint64
}

// Record is the tap.
func (r *Recorder) Record(c Capture) {
	if r.Only != nil && !r.Only(c) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.Limit
	if limit <= 0 {
		limit = recorderLimit
	}
	if len(r.kept) >= limit {
		r.missed++
		return
	}
	if r.KeepPayload {
		c.Payload = bytes.Clone(c.Payload)
	} else {
		c.Payload = nil
	}
	r.kept = append(r.kept, c)
}

// Captures returns what was kept so far, oldest first. The slice is the caller's, the payloads are shared.
func (r *Recorder) Captures() []Capture {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Capture(nil), r.kept...)
}

// Missed says how many captures came after the limit was reached. An assertion about everything that was sent must see zero here.
func (r *Recorder) Missed() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missed
}
