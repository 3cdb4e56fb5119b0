package lab

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/onion/lease"
	"sotto/overlay/peer"
)

// A relay of a world: the one that nodes run, and everything that it opens is seen.

// RelayConfig is what a relay is made from.
type RelayConfig struct {
	Name        string
	Address     netip.Addr
	MaxCircuits int
	MaxLinks    int
	Limits      lease.Limits
	// Price, if set, is what its steps cost; without it they take no time.
	Price *Price
	// Rand, if set, is its randomness in place of that of the world, which it is given: a fault to be measured.
	Rand func(world io.Reader) io.Reader
	// KeepKeys never forgets an onion key: a fault to be measured.
	KeepKeys bool
	// ClaimFresh says after a restart that the onion key was never used: a fault to be measured.
	ClaimFresh bool
}

// Price is processor time of a relay's steps.
type Price struct {
	Links func(before, after noise.Stats) time.Duration // see NodeConfig.Cost
	// Create is one that was answered, or that was found a replay after the work; Bad one that did not open; Cell is any
	// other that came.
	Create, Bad, Cell time.Duration
}

// Relay forwards circuits, and gives leases.
type Relay struct {
	*Hands
	identity   identity
	descriptor *peer.Descriptor
	keys       []onionKey // of the period, and of the one before
	attic      []onionKey // older ones, of a relay that keeps them
	cfg        RelayConfig
	life       int
	core       *onion.Relay
	wires      map[circuit.Circuit]Wire // of circuits that something was opened of
	creating   *simnet.Timer
	in         *seenCell // that is being received
	busy       bool      // a create is to be answered
	// OnEvent, if set, is shown every event of the relay's circuits before it is acted on.
	OnEvent func(now time.Time, e *circuit.Event)
}

// newRelay makes a relay with all but its onion keys.
func (w *World) newRelay(c RelayConfig) error {
	id, err := w.newIdentity(c.Name, netip.AddrPortFrom(c.Address, Port))
	if err != nil {
		return fmt.Errorf("lab: identity of a relay: %w", err)
	}
	if c.Limits == (lease.Limits{}) {
		c.Limits = lease.DefaultLimits()
	}
	r := &Relay{identity: id, cfg: c}
	var node *Node
	if !w.bare {
		nc := NodeConfig{
			Name: c.Name, Addrs: []netip.Addr{c.Address}, ID: id.static.NodeID().Bytes(), Static: id.link, MaxLinks: c.MaxLinks,
		}
		if c.Price != nil {
			nc.Cost = c.Price.Links
		}
		if node, err = w.Node(nc); err != nil {
			return err
		}
	}
	r.Hands = w.newHands(c.Name, node, false)
	r.Hands.machine = r
	if c.Price != nil && node != nil {
		r.creating = node.Machine().Timer(r.create)
	}
	w.relays = append(w.relays, r)
	w.byKey[id.link.Public()], w.byName[c.Name] = r, r.Hands
	return r.start()
}

// start begins a life of the relay.
func (r *Relay) start() error {
	r.life++
	var random io.Reader = r.world.Source(fmt.Sprintf("circuits in life %d of %s", r.life, r.name))
	if r.cfg.Rand != nil {
		random = r.cfg.Rand(random)
	}
	core, err := onion.NewRelay(r.now(), onion.RelayConfig{
		Overlay: r.world.ID, Node: r.identity.static.NodeID(), Peers: r, MaxCircuits: r.cfg.MaxCircuits, Limits: r.cfg.Limits, Rand: random,
		Observe: r.note,
	})
	if err != nil {
		return fmt.Errorf("lab: a relay: %w", err)
	}
	r.core = core
	r.wires = make(map[circuit.Circuit]Wire)
	r.setKeys()
	return nil
}

// Restart ends the relay's life without a word and begins the next one with the same keys.
func (r *Relay) Restart() error {
	if r.node != nil {
		if err := r.node.Restart(r.cfg.ClaimFresh); err != nil {
			return err
		}
		clear(r.links)
		clear(r.byLink)
	}
	return r.start()
}

func (r *Relay) setKeys() {
	keys := make([]circuit.Key, len(r.keys))
	for i, k := range r.keys {
		keys[i] = circuit.Key{Private: k.Private, Used: r.life > 1 && !r.cfg.ClaimFresh}
	}
	r.core.SetKeys(keys)
}

// Descriptor is the relay's of the period in use.
func (r *Relay) Descriptor() *peer.Descriptor { return r.descriptor }

// Target is what an origin needs to make the relay a hop.
func (r *Relay) Target() layer.Target {
	return layer.Target{Node: r.identity.static.NodeID().Bytes(), Key: r.keys[0].Public()}
}

// LeasePlace is what leases of the relay are bound to.
func (r *Relay) LeasePlace() lease.Place {
	return lease.NewPlace(r.world.Overlay, r.identity.static.NodeID().Bytes())
}

// Counters are those of its circuits.
func (r *Relay) Counters() circuit.Counters { return r.core.Status().Counters }

// Leases and Splices are how many it holds.
func (r *Relay) Leases() (leases, splices int) {
	status := r.core.Status()
	return status.Leases, status.Splices
}

// Loot is what somebody has who seizes a relay: every private key that is there.
type Loot struct {
	Node, Overlay [32]byte
	Link          *noise.StaticKey
	Onion         []layer.Private
	OnionBytes    [][32]byte // the same keys
}

// Seize hands over what the relay has now.
func (r *Relay) Seize() (Loot, error) {
	l := Loot{Node: r.identity.static.NodeID().Bytes(), Overlay: r.world.Overlay, Link: r.identity.link}
	for _, k := range slices.Concat(r.attic, r.keys) {
		copied, err := layer.PrivateFromBytes(k.bytes[:])
		if err != nil {
			return l, err
		}
		l.Onion, l.OnionBytes = append(l.Onion, copied), append(l.OnionBytes, k.bytes)
	}
	return l, nil
}

// Release implements circuit.Peers: links of a lab stay.
func (r *Relay) Release(circuit.Neighbor) {}

// Resolve implements circuit.Peers.
func (r *Relay) Resolve(prefix [cell.PrefixLen]byte) (circuit.Neighbor, bool) {
	for _, other := range r.world.relays {
		if id := other.identity.static.NodeID().Bytes(); [cell.PrefixLen]byte(id[:]) == prefix {
			r.dial(other)
			return other.place, r.links[other.place] != nil
		}
	}
	return 0, false
}

// ID is the relay's NodeID.
func (r *Relay) ID() peer.NodeID { return r.identity.static.NodeID() }
