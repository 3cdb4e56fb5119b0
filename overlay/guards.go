// The guards of a node without a name: the first seeds that answer, until the layer above has chosen from the directory.

package overlay

import (
	"slices"
	"time"

	"sotto/overlay/link"
	"sotto/overlay/peer"
)

const (
	// keepalive is below the 30 s after which many NATs forget a mapping (RFC 4787 REQ-5 asks for 2 minutes).
	keepalive = 25 * time.Second
	// guardPatience is how often a guard may fail in a row before the next seed is tried.
	guardPatience = 3
	// maxGuards bounds what may be chosen (ours: the sample of guards has six).
	maxGuards = 8
)

// guards are the links that a node without a name holds. They are few: each guard learns its address.
type guards struct {
	count  int
	list   []guard
	next   int           // which seed is tried next
	chosen []peer.NodeID // by the layer above; nil: the node goes by the seeds
}

type guard struct {
	id       peer.NodeID
	neighbor link.Neighbor
}

// fillGuards opens links until there are enough, going round the seeds.
func (s *steward) fillGuards(now time.Time) {
	g := &s.guard
	if g.chosen != nil || !s.begun {
		s.openChosen(now)
		return
	}
	for range s.seeds {
		if len(g.list) >= g.count {
			return
		}
		d := s.seeds[g.next%len(s.seeds)]
		g.next++
		if newer, ok := s.library.gather.Newest(d.NodeID()); ok {
			d = newer
		}
		s.openGuard(now, d)
	}
}

// openGuard holds a link to a guard, if it may be one and is none yet.
func (s *steward) openGuard(now time.Time, d *peer.Descriptor) {
	id := d.NodeID()
	if s.library.trust.NodeRevoked(id) || s.library.gather.IsExcluded(id) || !d.Daily().Roles().Has(peer.RoleGuard) || s.guard.has(id) {
		return
	}
	if n, err := s.pool.Open(now, d); err == nil {
		s.guard.list = append(s.guard.list, guard{id, n})
	}
}

func (g *guards) has(id peer.NodeID) bool {
	return slices.ContainsFunc(g.list, func(h guard) bool { return h.id == id })
}

// choose goes by other guards, or by the seeds again.
func (s *steward) choose(now time.Time, ids []peer.NodeID) {
	if s.role == Relay {
		return
	}
	g := &s.guard
	g.chosen = nil
	if len(ids) > 0 {
		g.chosen = slices.Clone(ids[:min(len(ids), maxGuards)])
	}
	g.list = slices.DeleteFunc(g.list, func(h guard) bool {
		wanted := slices.Contains(g.chosen, h.id) || g.chosen == nil && s.isSeed(h.id)
		if !wanted {
			s.pool.Release(now, h.neighbor)
		}
		return !wanted
	})
	s.fillGuards(now)
	s.digest(now)
}

// openChosen links to the chosen guards, as far as they are known.
func (s *steward) openChosen(now time.Time) {
	if !s.begun {
		return
	}
	for _, id := range s.guard.chosen {
		if d, ok := s.library.gather.Newest(id); ok {
			s.openGuard(now, d)
			continue
		}
		if i := slices.IndexFunc(s.seeds, func(d *peer.Descriptor) bool { return d.NodeID() == id }); i >= 0 {
			s.openGuard(now, s.seeds[i])
		}
	}
}

// guardFound links to a chosen guard that was not known until now.
func (s *steward) guardFound(now time.Time, id peer.NodeID) {
	if slices.Contains(s.guard.chosen, id) && !s.guard.has(id) {
		s.openChosen(now)
	}
}

// SetGuards chooses the relays that a node without a name links to, at most eight, and no others: until the first call it
// goes by the seeds, and with none it does so again. Links to them are dialled until they stand, whatever fails;
// Config.Links is told. The others are closed when they have been idle for two minutes, so that what goes over them may
// come to its end. One that is neither in the directory nor a seed is linked when its descriptor comes; one that is
// excluded or no guard is not. A relay does nothing here.
func (n *Node) SetGuards(ids []peer.NodeID) {
	n.shell.Do(func(now time.Time) { n.steward.choose(now, ids) })
}

// guardFailed replaces a guard that could not be reached several times.
func (s *steward) guardFailed(now time.Time, ev link.Event) {
	i := slices.IndexFunc(s.guard.list, func(h guard) bool { return h.neighbor == ev.Neighbor })
	if i < 0 || s.guard.chosen != nil || ev.Failures < guardPatience || len(s.seeds) <= s.guard.count {
		return
	}
	s.pool.Release(now, ev.Neighbor)
	s.guard.list = slices.Delete(s.guard.list, i, i+1)
	s.fillGuards(now)
}

// drop forgets a guard that is revoked.
func (g *guards) drop(now time.Time, p *link.Pool, id peer.NodeID) {
	g.list = slices.DeleteFunc(g.list, func(h guard) bool {
		if h.id == id {
			p.Release(now, h.neighbor)
		}
		return h.id == id
	})
}
