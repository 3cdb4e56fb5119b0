package lab

import (
	"net/netip"

	"sotto/noise"
)

// What a node knows, as far as links tell it: who sends to it, which keys were proven to it, what it could read.

// Knowledge is filed under the name of a node. Sets are kept, contents are not: of what was read only the canaries in
// it are counted.
type Knowledge struct {
	Addresses map[netip.AddrPort]int  // datagrams by source address, of the first maxAddresses
	Others    int                     // datagrams from further addresses
	Keys      map[noise.PublicKey]int // links by proven key of the other end
	Up, Down  int                     // links
	Frames    int                     // frames read
	Canaries  map[string]int          // frames in which each canary was read
	Ended     map[string]int          // links that went down, by reason
}

func newKnowledge() Knowledge {
	return Knowledge{
		Addresses: make(map[netip.AddrPort]int), Keys: make(map[noise.PublicKey]int),
		Canaries: make(map[string]int), Ended: make(map[string]int),
	}
}

// maxAddresses bounds what is kept of a flood from forged sources.
const maxAddresses = 1 << 14

func (k *Knowledge) address(from netip.AddrPort) {
	if _, known := k.Addresses[from]; !known && len(k.Addresses) >= maxAddresses {
		k.Others++
		return
	}
	k.Addresses[from]++
}

func (k *Knowledge) event(canaries *Sieve, e noise.Event) {
	switch e.Kind {
	case noise.LinkUp:
		k.Up++
		if !e.Peer.IsZero() {
			k.Keys[e.Peer]++
		}
	case noise.LinkDown:
		k.Down++
		k.Ended[e.Err.Error()]++
	case noise.FrameReceived:
		k.Frames++
		for _, name := range canaries.Search(e.Frame) {
			k.Canaries[name]++
		}
	}
}
