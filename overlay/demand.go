// Links on demand: what circuits need beyond the links that a relay keeps anyway.

package overlay

import (
	"errors"
	"time"

	"sotto/overlay/link"
	"sotto/overlay/peer"
)

const (
	// demandPerSecond bounds how many new links others can have a relay dial by extending circuits: a handshake is paid for
	// by two relays, an extension by nobody (ours).
	demandPerSecond = 8
	demandBurst     = 2 * demandPerSecond
	// demandShare: one in so many of MaxLinks is left to demand by the links that are kept anyway.
	demandShare = 8
)

// Errors of Node.Link. They are also those of link.Pool.Open.
var (
	ErrPeer     = errors.New("overlay: not a peer to link to") // unknown, excluded, without an address, this node, or not a guard
	ErrLinkRate = errors.New("overlay: too many new links at once")
)

// demand is which neighbours the layer above holds, how often, and how many links it may have dialled.
type demand struct {
	holds  map[link.Neighbor]int
	tokens float64
	filled time.Time
}

func newDemand(now time.Time) demand {
	return demand{holds: make(map[link.Neighbor]int), tokens: demandBurst, filled: now}
}

// take takes what a new link costs.
func (d *demand) take(now time.Time) bool {
	if passed := now.Sub(d.filled); passed > 0 {
		d.tokens = min(demandBurst, d.tokens+passed.Seconds()*demandPerSecond)
		d.filled = now
	}
	if d.tokens < 1 {
		return false
	}
	d.tokens--
	return true
}

// wantLink takes a hold of a link to a peer of the directory.
func (s *steward) wantLink(now time.Time, id peer.NodeID) (link.Neighbor, error) {
	d, known := s.library.gather.Newest(id)
	if !known || s.role != Relay || id == s.self || d.Daily().Anonymous() || s.library.trust.NodeRevoked(id) {
		return 0, ErrPeer
	}
	switch s.pool.Reach(now, id) {
	case link.Pausing:
		return 0, link.ErrDown
	case link.Away:
		if !s.demand.take(now) {
			return 0, ErrLinkRate
		}
	}
	n, err := s.pool.Open(now, d)
	if err != nil {
		return 0, err
	}
	s.demand.holds[n]++ // as many neighbours as there are contacts, which are bounded
	s.digest(now)
	return n, nil
}

// unwantLink gives one hold back.
func (s *steward) unwantLink(now time.Time, n link.Neighbor) {
	if s.demand.holds[n] == 0 {
		return // it was an excluded peer's, or none
	}
	if s.demand.holds[n]--; s.demand.holds[n] == 0 {
		delete(s.demand.holds, n)
	}
	s.pool.Release(now, n)
	s.digest(now)
}

// dropDemand gives all holds of a peer back.
func (s *steward) dropDemand(now time.Time, id peer.NodeID) {
	n, ok := s.pool.Neighbor(id)
	if !ok {
		return
	}
	for range s.demand.holds[n] {
		s.pool.Release(now, n)
	}
	delete(s.demand.holds, n)
}

// Link wants a link to a relay of the directory and takes one hold of it, at a relay. A link that is not there yet is
// dialled, eight a second at most; a few cells wait for it meanwhile, and Config.Links is told of link.Up or link.Failed.
// It is kept, and dialled again when lost, until Unlink was called as often. It fails with ErrPeer, ErrLinkRate,
// link.ErrDown for a peer that could not be reached a moment ago, link.ErrTarget or link.ErrFull.
func (n *Node) Link(id peer.NodeID) (to link.Neighbor, err error) {
	n.shell.Do(func(now time.Time) { to, err = n.steward.wantLink(now, id) })
	return to, err
}

// Unlink gives back one hold that Link took. A link that nobody holds is closed when it has been idle for two minutes.
func (n *Node) Unlink(to link.Neighbor) {
	n.shell.Do(func(now time.Time) { n.steward.unwantLink(now, to) })
}
