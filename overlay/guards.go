// The guards of a node without a name: for now the first seeds that answer.

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
)

// guards are the links that a node without a name holds. They are few: each guard learns its address.
type guards struct {
	count int
	list  []guard
	next  int // which seed is tried next
}

type guard struct {
	id       peer.NodeID
	neighbor link.Neighbor
}

// fillGuards opens links until there are enough, going round the seeds.
func (s *steward) fillGuards(now time.Time) {
	g := &s.guard
	for range s.seeds {
		if len(g.list) >= g.count {
			return
		}
		d := s.seeds[g.next%len(s.seeds)]
		g.next++
		id := d.NodeID()
		if s.library.trust.NodeRevoked(id) || s.library.gather.IsExcluded(id) || !d.Daily().Roles().Has(peer.RoleGuard) ||
			slices.ContainsFunc(g.list, func(h guard) bool { return h.id == id }) {
			continue
		}
		if newer, ok := s.library.gather.Newest(id); ok {
			d = newer
		}
		if n, err := s.pool.Open(now, d); err == nil {
			g.list = append(g.list, guard{id, n})
		}
	}
}

// guardFailed replaces a guard that could not be reached several times.
func (s *steward) guardFailed(now time.Time, ev link.Event) {
	i := slices.IndexFunc(s.guard.list, func(h guard) bool { return h.neighbor == ev.Neighbor })
	if i < 0 || ev.Failures < guardPatience || len(s.seeds) <= s.guard.count {
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
