package lab

import (
	"net/netip"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/onion/cell"
	"sotto/onion/circuit"
)

// The hands of a node of a world: its links to neighbours, and the cells that go through them. What lies in a node's
// hands has no link around it any more, and none yet: there an evil relay reads and changes.

// machine is what a node does with cells.
type machine interface {
	receive(now time.Time, from circuit.Neighbor, client bool, frame []byte)
	linkUp(now time.Time, n circuit.Neighbor)
	linkDown(now time.Time, n circuit.Neighbor)
	tick(now time.Time)
	deadline() time.Time
	outgoing(dst []circuit.Out) []circuit.Out
	recycle(sent []circuit.Out)
}

// Hands belong to one node of a world.
type Hands struct {
	// Saw is what the node got to know of circuits.
	Saw Sight

	world   *World
	node    *Node // nil where cells go from hand to hand
	name    string
	place   circuit.Neighbor // by which others know the node, if it is a relay or there are no links
	client  bool
	machine machine
	links   map[circuit.Neighbor]*joint
	byLink  map[noise.LinkID]circuit.Neighbor
	timer   *simnet.Timer
	out     []circuit.Out
	cells   uint64 // received
}

// joint is a link to a neighbour, or the attempt to make one.
type joint struct {
	link    noise.LinkID
	up      bool
	waiting [][]byte
}

// maxWaitingCells bounds what waits for a link that is being made: overlay/link has a bound of this kind. What is more
// is lost.
const maxWaitingCells = 64

// fromClients is where the numbers of neighbours begin that are known by their link alone.
const fromClients circuit.Neighbor = 1 << 32

// Passing is a cell that one node gives to another.
type Passing struct {
	Time     time.Time
	From, To *Hands
	// Frame is as it leaves the hands of From: its layers closed, no link around it yet. Whoever sees it may change it.
	Frame []byte
}

// newHands puts a machine's hands into the world: on links of a node, or on none.
func (w *World) newHands(name string, node *Node, client bool) *Hands {
	h := &Hands{
		world: w, node: node, name: name, place: circuit.Neighbor(len(w.hands) + 1), client: client,
		links: make(map[circuit.Neighbor]*joint), byLink: make(map[noise.LinkID]circuit.Neighbor), Saw: newSight(),
	}
	w.hands = append(w.hands, h)
	if node == nil {
		h.timer = w.Loop.Timer(h.tick)
		return h
	}
	h.timer = node.Machine().Timer(h.tick)
	node.OnEvent(h.event)
	return h
}

// Name is the name under which knowledge is filed.
func (h *Hands) Name() string { return h.name }

// Node is the node with its links; nil where cells go from hand to hand.
func (h *Hands) Node() *Node { return h.node }

// Place is the number by which its neighbours know the node, if it is a relay or there are no links.
func (h *Hands) Place() circuit.Neighbor { return h.place }

// Cells is how many cells came into these hands.
func (h *Hands) Cells() uint64 { return h.cells }

func (h *Hands) now() time.Time {
	if h.node != nil {
		return h.node.now()
	}
	return h.world.Now()
}

// dial begins a link to a relay, unless there is one.
func (h *Hands) dial(to *Relay) {
	if h.links[to.place] != nil {
		return
	}
	if h.node == nil {
		h.links[to.place] = &joint{up: true}
		h.machine.linkUp(h.now(), to.place)
		return
	}
	pattern := noise.IK
	if h.client {
		pattern = noise.NK
	}
	id, err := h.node.Dial(to.node.Target(pattern))
	if err != nil {
		return // the core is full: it is as if nobody answered
	}
	h.links[to.place] = &joint{link: id}
	h.byLink[id] = to.place
}

// hangUp ends the link to a relay.
func (h *Hands) hangUp(to circuit.Neighbor) {
	j := h.links[to]
	if j == nil {
		return
	}
	delete(h.links, to)
	if h.node != nil {
		delete(h.byLink, j.link)
		h.node.Close(j.link)
	}
	h.machine.linkDown(h.now(), to)
}

// event takes what happened on the node's links.
func (h *Hands) event(now time.Time, e noise.Event) {
	switch e.Kind {
	case noise.LinkUp:
		h.up(now, e)
	case noise.LinkDown:
		h.down(now, e.Link)
	case noise.FrameReceived:
		if n, ok := h.byLink[e.Link]; ok && cell.Kind == e.Frame[0] {
			h.receive(n, e.Frame)
		}
	}
}

func (h *Hands) up(now time.Time, e noise.Event) {
	n, ok := h.byLink[e.Link]
	if !ok {
		n = fromClients + circuit.Neighbor(e.Link)
		if r := h.world.byKey[e.Peer]; r != nil {
			n = r.place
		}
		h.Saw.meet(n, h.world.whoIs(h.node.Source()), h.node.Source())
		h.byLink[e.Link] = n
	}
	j := h.links[n]
	if j == nil {
		j = &joint{}
		h.links[n] = j
	}
	if !j.up || j.link != e.Link {
		j.link, j.up = e.Link, true
	}
	waiting := j.waiting
	j.waiting = nil
	for _, f := range waiting {
		_ = h.node.Send(j.link, f) // a link that went down meanwhile is told of
	}
	h.machine.linkUp(now, n)
	h.flush(nil)
}

func (h *Hands) down(now time.Time, link noise.LinkID) {
	n, ok := h.byLink[link]
	if !ok {
		return
	}
	delete(h.byLink, link)
	if j := h.links[n]; j == nil || j.link != link {
		return
	}
	delete(h.links, n)
	h.machine.linkDown(now, n)
	h.flush(nil)
}

// receive takes a cell into these hands.
func (h *Hands) receive(from circuit.Neighbor, frame []byte) {
	h.cells++
	var in seenCell
	in.read(from, frame)
	client := from >= fromClients
	if h.node == nil {
		client = h.world.hands[from-1].client
	}
	h.machine.receive(h.now(), from, client, frame)
	h.flush(&in)
}

// flush sends what the machine has to send and sets its timer. in is the cell that it came of, if it came of one.
func (h *Hands) flush(in *seenCell) {
	out := h.machine.outgoing(h.out[:0])
	h.out = nil
	if len(out) > 0 {
		h.Saw.step(h.world.sieve, h.now(), in, out)
	}
	first := !h.world.passing
	h.world.passing = true // all of it leaves before anything comes of it
	for _, o := range out {
		h.Send(o.To, o.Frame)
	}
	h.machine.recycle(out)
	h.out = out[:0]
	h.timer.Reset(h.machine.deadline())
	if first {
		h.world.passing = false
		h.world.drain()
	}
}

// Send gives a cell to a neighbour. Whoever has the node in his hands may call it, with a cell of his own.
func (h *Hands) Send(n circuit.Neighbor, frame []byte) {
	to := h.neighbor(n)
	if to != nil && h.world.touch != nil && !h.world.touch(Passing{h.world.Now(), h, to, frame}) {
		return
	}
	if h.node == nil {
		h.world.pass(h, n, frame)
		return
	}
	switch j := h.links[n]; {
	case j == nil:
	case j.up:
		_ = h.node.Send(j.link, frame) // a link that went down meanwhile is told of
	case len(j.waiting) < maxWaitingCells:
		j.waiting = append(j.waiting, append([]byte(nil), frame...))
	}
}

// neighbor is who has a number, by what the lab knows: nil if it cannot tell.
func (h *Hands) neighbor(n circuit.Neighbor) *Hands {
	if n < fromClients {
		return h.world.hands[n-1]
	}
	return h.world.byName[h.Saw.Peers[n].Name]
}

func (h *Hands) tick(time.Time) {
	h.machine.tick(h.now())
	h.flush(nil)
}

// whoIs is the node that has an address.
func (w *World) whoIs(a netip.AddrPort) string {
	for _, n := range w.Nodes() {
		if n.owns(a) {
			return n.Name()
		}
	}
	return ""
}
