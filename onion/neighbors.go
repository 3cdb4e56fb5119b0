// What the shell and the overlay tell each other: links, guards, keys, the directory.

package onion

import (
	"slices"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/overlay"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// lookEvery is how often the directory is asked for. It changes with the period, and when relays join that very day; to
// ask costs nothing.
const lookEvery = time.Second

// linkEvent takes what happens to links, after the cells that came before it.
func (n *Node) linkEvent(ev link.Event) {
	if len(n.batch) > 0 {
		n.cellsDone()
		n.partly = true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	neighbor := circuit.Neighbor(ev.Neighbor)
	switch {
	case n.client == nil || ev.Client:
	case ev.Kind == link.Up:
		n.client.GuardUp(now, ev.Node, neighbor)
	default:
		n.client.GuardDown(now, ev.Node)
	}
	if ev.Kind != link.Up && n.relay != nil {
		n.relay.LinkDown(now, neighbor)
	}
	n.look(now)
	poke(n.kick) // what comes of it leaves with the next tick
}

// look takes the directory that paths are made of now.
func (n *Node) look(now time.Time) {
	n.looked = now
	if n.ended {
		return
	}
	dir, edition := n.PathDirectory()
	if dir == nil || edition == n.edition && n.dir != nil {
		return
	}
	n.dir, n.edition = dir, edition
	if n.client == nil || dir.Len() == 0 || n.Status().State != overlay.Linked {
		n.edition = 0 // the set is not whole: look again
		return
	}
	if n.unkept = n.client.SetDirectory(now, dir); n.unkept != nil {
		n.edition = 0 // what cannot be kept is not used: try again
	}
}

// hold has links to the guards; a node without a name has them to nobody else.
func (n *Node) hold() {
	if n.client == nil || n.ended {
		return
	}
	ids := n.client.Guards()
	if now := time.Now(); ids == nil || slices.Equal(ids, n.guards) || now.Before(n.again) {
		return
	}
	n.guards = slices.Clone(ids)
	for _, id := range ids {
		if to, up := n.client.guards[id]; up {
			n.client.GuardUp(time.Now(), id, to) // it was not asked for when its link came up
		}
	}
	if n.relay == nil {
		n.SetGuards(n.guards)
		return
	}
	held := make(map[peer.NodeID]link.Neighbor)
	for _, id := range n.guards {
		if to, ok := n.held[id]; ok {
			held[id] = to
		} else if to, err := n.Link(id); err == nil {
			held[id] = to
		} else {
			n.guards, n.again = nil, time.Now().Add(lookEvery) // a link that cannot be had must not cost the rate of all
		}
	}
	for id, to := range n.held {
		if _, still := held[id]; !still {
			n.Unlink(to)
		}
	}
	n.held = held
}

// onionKeys takes the keys that creates are taken for. The list is wiped when it returns.
func (n *Node) onionKeys(list []overlay.OnionKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.relay == nil {
		return
	}
	// A create that was begun with an old key may still be under way: it is wiped a period later.
	for _, k := range n.stale {
		k.Wipe()
	}
	n.stale = nil
	var keys []circuit.Key
	for _, k := range list {
		secret := k.Private()
		private, err := layer.PrivateFromBytes(secret[:])
		clear(secret[:])
		if err == nil {
			keys = append(keys, circuit.Key{Private: private, Used: !k.Fresh() && !n.fresh})
		}
	}
	for _, k := range n.keys {
		n.stale = append(n.stale, k.Private)
	}
	n.keys = keys
	n.relay.SetKeys(keys)
}

// Resolve implements circuit.Peers. The node's lock is held.
func (n *Node) Resolve(prefix [cell.PrefixLen]byte) (circuit.Neighbor, bool) {
	if n.dir == nil {
		return 0, false
	}
	name, err := peer.ParseIDPrefix(prefix[:])
	if err != nil {
		return 0, false
	}
	d, ok := n.dir.ByPrefix(name)
	if !ok {
		return 0, false
	}
	to, err := n.Link(d.NodeID())
	return circuit.Neighbor(to), err == nil
}

// Release implements circuit.Peers.
func (n *Node) Release(to circuit.Neighbor) { n.Unlink(link.Neighbor(to)) }
