package loopback

// What a node without a name keeps of its guards: in memory, which lives as long as the network, and read back as
// package path lays it out.

import (
	"slices"
	"sync"

	"sotto/onion"
	"sotto/overlay/peer"
)

// keeper implements path.Keeper. It is safe for concurrent use.
type keeper struct {
	mu     sync.Mutex
	state  []byte
	guards map[peer.NodeID]bool // ever kept
}

// Where the sample of guards stands in what is kept.
const (
	keptCount  = 33
	keptGuards = 34
	keptRelay  = 79
)

// Keep implements path.Keeper.
func (k *keeper) Keep(state []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = slices.Clone(state)
	if k.guards == nil {
		k.guards = make(map[peer.NodeID]bool)
	}
	for i := range int(state[keptCount]) {
		at := keptGuards + i*keptRelay
		if id, err := peer.ParseNodeID(state[at : at+peer.NodeIDLen]); err == nil {
			k.guards[id] = true
		}
	}
	return nil
}

// client is the configuration of the next start.
func (k *keeper) client() *onion.ClientConfig {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &onion.ClientConfig{Keeper: k, State: slices.Clone(k.state), First: len(k.state) == 0}
}

// guardsOf are the relays that some nodes without a name ever had as guards.
func (n *Network) guardsOf(users ...*node) map[peer.NodeID]bool {
	all := make(map[peer.NodeID]bool)
	for _, d := range users {
		d.keeper.mu.Lock()
		for id := range d.keeper.guards {
			all[id] = true
		}
		d.keeper.mu.Unlock()
	}
	return all
}
