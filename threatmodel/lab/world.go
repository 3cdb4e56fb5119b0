package lab

import (
	"fmt"
	"net/netip"
	"time"

	"sotto/noise"
	"sotto/onion/circuit"
	"sotto/overlay/peer"
)

// A world: a lab whose relays forward circuits, and who uses them. Everything that goes from one node to another can be
// seen twice: as a datagram, by who watches the wires, and as a cell, by who has a relay in his hands.

// WorldConfig is what a world is made from.
type WorldConfig struct {
	Config
	// Bare leaves links and wires out: cells go from hand to hand in no time. It is for measurements of circuits alone.
	Bare   bool
	Relays int
	// Relay, if set, changes what one of them is made from.
	Relay func(number int, c *RelayConfig)
}

// World is a lab with relays. It belongs to one goroutine.
type World struct {
	*Lab
	ID peer.OverlayID

	calendar peer.Calendar
	period   uint32
	dir      *peer.Directory
	bare     bool
	hands    []*Hands // by place - 1
	relays   []*Relay
	users    []learner
	byKey    map[noise.PublicKey]*Relay // by link key
	byName   map[string]*Hands
	touch    func(Passing) bool
	queue    []handed
	passing  bool
}

// learner is who wants the directory.
type learner interface{ learn(*peer.Directory) error }

// handed is a cell on its way from hand to hand.
type handed struct {
	to    *Hands
	from  circuit.Neighbor
	frame []byte
}

// NewWorld makes a world and its relays, and runs nothing.
func NewWorld(c WorldConfig) (*World, error) {
	w := &World{Lab: New(c.Config), bare: c.Bare, byKey: make(map[noise.PublicKey]*Relay), byName: make(map[string]*Hands)}
	var err error
	if w.ID, err = peer.ParseOverlayID(w.Overlay[:]); err != nil {
		return nil, fmt.Errorf("lab: overlay: %w", err)
	}
	if w.calendar, err = calendarOf(w.Now()); err != nil {
		return nil, fmt.Errorf("lab: calendar: %w", err)
	}
	for i := range c.Relays {
		rc := RelayConfig{Name: fmt.Sprintf("relay %d", i+1), Address: relayAddress(i)}
		if c.Relay != nil {
			c.Relay(i, &rc)
		}
		if err := w.newRelay(rc); err != nil {
			return nil, err
		}
	}
	return w, w.NextPeriod()
}

// relayAddress is in a network of its own for each relay.
func relayAddress(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(20 + i/250), byte(i % 250), 0, 1})
}

// Relays returns the relays in the order of their numbers.
func (w *World) Relays() []*Relay { return w.relays }

// All returns the hands of all nodes in the order in which they were made: relays first.
func (w *World) All() []*Hands { return w.hands }

// Directory is that of the period in use.
func (w *World) Directory() *peer.Directory { return w.dir }

// Touch shows every cell that leaves a node's hands from now on; false takes it away. nil ends it.
func (w *World) Touch(touch func(Passing) bool) { w.touch = touch }

// Hand gives a cell to a node as if it came from a neighbour.
func (w *World) Hand(to *Hands, from circuit.Neighbor, frame []byte) {
	to.receive(from, append([]byte(nil), frame...))
}

// pass puts a cell on its way from hand to hand.
func (w *World) pass(from *Hands, n circuit.Neighbor, frame []byte) {
	w.queue = append(w.queue, handed{w.hands[n-1], from.place, append([]byte(nil), frame...)})
	w.drain()
}

// drain carries cells from hand to hand in the order in which they were given, unless that is being done, or somebody has
// more to give.
func (w *World) drain() {
	if w.passing {
		return
	}
	w.passing = true
	for len(w.queue) > 0 {
		c := w.queue[0]
		w.queue = w.queue[1:]
		c.to.receive(c.from, c.frame)
	}
	w.passing = false
}

// Meet brings up all links between relays, as a network has them that has been running for a while.
func (w *World) Meet() {
	for i, a := range w.relays {
		for _, b := range w.relays[i+1:] {
			a.dial(b)
		}
	}
	w.Run(3 * time.Second)
}
