// A network of machines for tests: no links, no time that passes by itself, cells go from hand to hand.

package circuit

import (
	"io"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// node is a machine in the network. Neighbours know each other by their place in it, counted from 1.
type node struct {
	place   Neighbor
	target  layer.Target
	key     layer.Private
	transit *Transit
	origin  *Origin
	events  []Event    // of transit, with data copied
	own     []OwnEvent // of origin, with data copied
}

// net is the network.
type net struct {
	t      testing.TB
	now    time.Time
	random io.Reader
	over   [cell.KeyLen]byte
	nodes  []*node
	wires  []carried
	// filter sees every cell that is sent; false drops it. It may change it.
	filter func(from, to Neighbor, frame []byte) bool
	sent   int
	held   int // neighbours resolved and not released
}

type carried struct {
	from, to Neighbor
	frame    []byte
}

func newNet(t testing.TB, seed byte, relays int) *net {
	n := &net{t: t, now: time.Unix(1_800_000_100, 0), random: mathrand.NewChaCha8([32]byte{seed})}
	n.read(n.over[:])
	for range relays {
		n.relay()
	}
	return n
}

func (n *net) read(b []byte) {
	if _, err := io.ReadFull(n.random, b); err != nil {
		n.t.Fatal(err)
	}
}

func (n *net) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// relay adds a relay, which can also make circuits.
func (n *net) relay() *node {
	r := &node{place: Neighbor(len(n.nodes) + 1)}
	n.nodes = append(n.nodes, r)
	var b [32]byte
	n.read(b[:])
	n.read(r.target.Node[:])
	var err error
	r.key, err = layer.PrivateFromBytes(b[:])
	n.must(err)
	r.target.Key = r.key.Public()
	n.start(r, false)
	return r
}

// start begins a life of a relay.
func (n *net) start(r *node, used bool) {
	var err error
	r.origin, err = NewOrigin(OriginConfig{Overlay: n.over, Rand: n.random})
	n.must(err)
	r.transit, err = NewTransit(n.now, TransitConfig{
		Overlay: n.over, Node: r.target.Node, Peers: n, Rand: n.random, Taken: r.origin.Taken,
	})
	n.must(err)
	r.transit.SetKeys([]Key{{Private: r.key, Used: used}})
}

// Resolve implements Peers.
func (n *net) Resolve(prefix [cell.PrefixLen]byte) (Neighbor, bool) {
	for _, r := range n.nodes {
		if prefix == [cell.PrefixLen]byte(r.target.Node[:]) {
			n.held++
			return r.place, true
		}
	}
	return 0, false
}

// Release implements Peers.
func (n *net) Release(to Neighbor) { n.held-- }

// send puts a cell on the wire.
func (n *net) send(from, to Neighbor, frame []byte) {
	n.sent++
	f := append([]byte(nil), frame...)
	if n.filter == nil || n.filter(from, to, f) {
		n.wires = append(n.wires, carried{from, to, f})
	}
}

// flush takes what a node has to say.
func (n *net) flush(r *node) {
	for {
		job, ok := r.transit.NextCreate(n.now)
		if !ok {
			break
		}
		job.Run()
		r.transit.FinishCreate(n.now, job)
	}
	for _, e := range r.transit.Events(nil) {
		e.Data = append([]byte(nil), e.Data...)
		r.events = append(r.events, e)
	}
	for _, e := range r.origin.Events(nil) {
		e.Data = append([]byte(nil), e.Data...)
		r.own = append(r.own, e)
	}
	out := r.transit.Outgoing(nil)
	for _, o := range out {
		n.send(r.place, o.To, o.Frame)
	}
	r.transit.Recycle(out)
	out = r.origin.Outgoing(nil)
	for _, o := range out {
		n.send(r.place, o.To, o.Frame)
	}
	r.origin.Recycle(out)
}

// deliver gives a cell to whom it is for.
func (n *net) deliver(c carried) {
	r := n.nodes[c.to-1]
	if !r.origin.Receive(n.now, c.from, c.frame) {
		r.transit.Receive(n.now, c.from, false, c.frame)
	}
	n.flush(r)
}

// settle lets cells go until there are none.
func (n *net) settle() {
	for _, r := range n.nodes {
		n.flush(r)
	}
	for len(n.wires) > 0 {
		c := n.wires[0]
		n.wires = n.wires[1:]
		n.deliver(c)
	}
}

// pass lets time go by.
func (n *net) pass(d time.Duration) {
	for end := n.now.Add(d); n.now.Before(end); {
		n.now = n.now.Add(min(time.Second, end.Sub(n.now)))
		for _, r := range n.nodes {
			r.transit.Tick(n.now)
			r.origin.Tick(n.now)
		}
		n.settle()
	}
}

// targets are the relays at some places.
func (n *net) targets(places ...int) []layer.Target {
	var list []layer.Target
	for _, p := range places {
		list = append(list, n.nodes[p-1].target)
	}
	return list
}

// build makes a circuit from the first node through others, and fails unless it is built.
func (n *net) build(places ...int) Circuit {
	n.t.Helper()
	c, err := n.nodes[0].origin.Build(n.now, Neighbor(places[0]), n.targets(places...))
	n.must(err)
	n.settle()
	if got := n.last(); got.Kind != Built || got.Circuit != c || got.Hop != len(places) {
		n.t.Fatalf("not built: %d at hop %d, %v", got.Kind, got.Hop, got.Err)
	}
	return c
}

// last is the latest event of the first node's circuits.
func (n *net) last() OwnEvent {
	n.t.Helper()
	own := n.nodes[0].own
	if len(own) == 0 {
		n.t.Fatal("nothing has happened")
	}
	return own[len(own)-1]
}

// circuits counts those at all relays.
func (n *net) circuits() int {
	sum := 0
	for _, r := range n.nodes {
		sum += r.transit.Counters().Circuits
	}
	return sum
}
