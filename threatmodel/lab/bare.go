package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/overlay/peer"
)

// Who makes circuits by hand: for measurements that decide every hop themselves.

// Bare is a node that has the origin's machine and nothing above it.
type Bare struct {
	*Hands
	Events []circuit.OwnEvent // since they were looked at last, with their data
	origin *circuit.Origin
}

// NewBare makes a node with an address of its own; in a world of bare hands it needs none.
func (w *World) NewBare(name string, address netip.Addr) (*Bare, error) {
	var node *Node
	var err error
	if !w.bare {
		if node, err = w.Node(NodeConfig{Name: name, Addrs: []netip.Addr{address}, Anonymous: true}); err != nil {
			return nil, err
		}
	}
	b := &Bare{Hands: w.newHands(name, node, true)}
	b.machine = b
	w.byName[name] = b.Hands
	b.origin, err = circuit.NewOrigin(circuit.OriginConfig{Overlay: w.Overlay, Rand: w.Source("circuits of " + name)})
	if err != nil {
		return nil, fmt.Errorf("lab: circuits of a node: %w", err)
	}
	return b, nil
}

// Link brings up the link to a relay.
func (b *Bare) Link(r *Relay) {
	b.dial(r)
	if b.node != nil {
		b.world.Run(time.Second)
	}
}

// Do has the origin do something, and sends what comes of it.
func (b *Bare) Do(f func(now time.Time, o *circuit.Origin)) {
	f(b.now(), b.origin)
	b.take()
	b.flush(nil)
}

// Build makes a circuit through up to three relays.
func (b *Bare) Build(hops ...*Relay) (c circuit.Circuit, err error) {
	b.Do(func(now time.Time, o *circuit.Origin) { c, err = o.Build(now, hops[0].place, Targets(hops...)) })
	return c, err
}

// Targets are relays as hops.
func Targets(relays ...*Relay) []layer.Target {
	list := make([]layer.Target, len(relays))
	for i, r := range relays {
		list[i] = r.Target()
	}
	return list
}

// Take returns the events and forgets them.
func (b *Bare) Take() []circuit.OwnEvent {
	e := b.Events
	b.Events = nil
	return e
}

// take copies what has happened.
func (b *Bare) take() {
	begin := len(b.Events)
	b.Events = b.origin.Events(b.Events)
	for i := begin; i < len(b.Events); i++ {
		b.Events[i].Data = slices.Clone(b.Events[i].Data)
	}
}

// learn implements learner: who decides every hop himself needs no directory.
func (*Bare) learn(*peer.Directory) error { return nil }

// receive implements machine.
func (b *Bare) receive(now time.Time, from circuit.Neighbor, _ bool, frame []byte) {
	b.origin.Receive(now, from, frame)
	b.take()
}

// linkUp implements machine.
func (b *Bare) linkUp(time.Time, circuit.Neighbor) {}

// linkDown implements machine.
func (b *Bare) linkDown(now time.Time, n circuit.Neighbor) {
	b.origin.LinkDown(now, n)
	b.take()
}

// tick implements machine.
func (b *Bare) tick(now time.Time) {
	b.origin.Tick(now)
	b.take()
}

// deadline implements machine.
func (b *Bare) deadline() time.Time { return b.origin.Deadline() }

// outgoing implements machine.
func (b *Bare) outgoing(dst []circuit.Out) []circuit.Out { return b.origin.Outgoing(dst) }

// recycle implements machine.
func (b *Bare) recycle(sent []circuit.Out) { b.origin.Recycle(sent) }
