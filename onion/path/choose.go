package path

import (
	"slices"
	"time"

	"sotto/internal/mutation"
	"sotto/overlay/peer"
)

// Choosing the hops of one circuit.

// Stem is the part of a circuit that is built before anybody knows what it is for: guard and second, and the random hop
// in profile High. The zero value is no stem.
type Stem struct {
	hops    [3]peer.NodeID
	n       int
	purpose Purpose
}

// Hops returns the relays, guard first: 2 or 3. They fit one create.
func (s Stem) Hops() []peer.NodeID { return slices.Clone(s.hops[:s.n]) }

// Guard returns the first hop.
func (s Stem) Guard() peer.NodeID { return s.hops[0] }

// Purpose returns what the stem may be used for.
func (s Stem) Purpose() Purpose { return s.purpose }

// Path is a stem with its far node.
type Path struct {
	stem Stem
	far  peer.NodeID
}

// Hops returns the relays, guard first, far node last: 3 or 4.
func (p Path) Hops() []peer.NodeID { return append(p.stem.Hops(), p.far) }

// Stem returns the path without its far node.
func (p Path) Stem() Stem { return p.stem }

// Far returns the last hop.
func (p Path) Far() peer.NodeID { return p.far }

// Stem chooses one through a guard whose link is up and a pinned second. Far nodes that are given will fit behind it;
// where none is given, it may be that one who comes later does not. It fails with a NoPath.
func (s *Selector) Stem(now time.Time, purpose Purpose, profile Profile, far ...peer.NodeID) (Stem, error) {
	if s.table == nil {
		return Stem{}, noPath(NoDirectory, "no directory of relays yet; wait until a seed answers, or check the network connection")
	}
	if purpose >= Purposes || profile > High {
		return Stem{}, ErrConfig
	}
	behind := make([]int, 0, 4)
	for _, id := range far {
		m, ok := s.table.find(id)
		if !ok {
			return Stem{}, unknownTarget()
		}
		behind = append(behind, m)
	}
	guard, second, ok := s.pair(now, purpose, behind)
	if !ok {
		return Stem{}, s.whyNot(now, purpose, behind)
	}
	stem := Stem{purpose: purpose, n: profile.hops()}
	stem.hops[0], stem.hops[1] = s.table.members[guard].id, s.table.members[second].id
	if profile == High {
		behind = append(behind, guard, second)
		random, ok := s.table.relays.draw(&s.random, func(m int) bool {
			return !s.linked(m) && !s.table.conflictsAny(m, behind)
		})
		if !ok {
			return Stem{}, s.fewRelays(4)
		}
		stem.hops[2] = s.table.members[random].id
	}
	return stem, s.random.err
}

// pair chooses guard and second, numbers in the table, evenly among the pairs that may stand together. A second that
// just failed is chosen only if there is no other.
func (s *Selector) pair(now time.Time, purpose Purpose, behind []int) (guard, second int, ok bool) {
	inSet := s.places[purpose]
	if mutation.Active(noPinning) {
		fits := func(m int) bool { return !s.linked(m) && !s.table.conflictsAny(m, behind) }
		if m, ok := s.table.relays.draw(&s.random, fits); ok {
			inSet = []int{m}
		}
	}
	type two struct{ guard, second int }
	var fresh, tired [inUse * seconds]two // as many pairs as there can be
	var nFresh, nTired int
	for _, g := range s.chosen {
		m := s.at[g]
		if !s.health[s.kept.guards[g].id].up || s.table.conflictsAny(m, behind) {
			continue
		}
		for _, x := range inSet {
			if s.table.conflict(m, x) || s.table.conflictsAny(x, behind) {
				continue
			}
			if t := s.trouble[spot{purpose, s.table.members[x].id}]; t.failures > 0 && now.Sub(t.last) < rest {
				tired[nTired] = two{m, x}
				nTired++
			} else {
				fresh[nFresh] = two{m, x}
				nFresh++
			}
		}
	}
	from := fresh[:nFresh]
	if nFresh == 0 {
		from = tired[:nTired]
	}
	if len(from) == 0 {
		return 0, 0, false
	}
	t := from[s.random.below(uint64(len(from)))]
	return t.guard, t.second, true
}

// Fits reports whether a far node may stand behind a stem that was chosen earlier, and whether all of it is still in
// the directory. It says nothing of how often that was done; Complete does.
func (s *Selector) Fits(stem Stem, far peer.NodeID) bool {
	_, ok := s.behind(stem, far)
	return ok
}

func (s *Selector) behind(stem Stem, far peer.NodeID) (m int, ok bool) {
	if s.table == nil || stem.n == 0 || far == s.own {
		return 0, false
	}
	if m, ok = s.table.find(far); !ok {
		return 0, false
	}
	for _, id := range stem.hops[:stem.n] {
		if hop, ok := s.table.find(id); !ok || s.table.conflict(hop, m) {
			return 0, false
		}
	}
	return m, true
}

// Usable reports whether a stem may still wait for use: its guard carries circuits, and all of it is in the directory.
func (s *Selector) Usable(stem Stem) bool {
	if s.table == nil || stem.n == 0 {
		return false
	}
	for _, id := range stem.hops[:stem.n] {
		if _, ok := s.table.find(id); !ok {
			return false
		}
	}
	return slices.ContainsFunc(s.chosen, func(g int) bool { return s.kept.guards[g].id == stem.hops[0] })
}

// Complete puts a far node behind a stem, and counts it: each far node gets so many paths an hour and purpose, until they
// are Settled. It fails with a NoPath: UnknownTarget, UnfitTarget (another stem may fit: ask Stem for one) or TooOften.
func (s *Selector) Complete(now time.Time, stem Stem, far peer.NodeID) (Path, error) {
	if s.table == nil {
		return Path{}, noPath(NoDirectory, "no directory of relays yet; wait until a seed answers, or check the network connection")
	}
	if _, ok := s.table.find(far); !ok || far == s.own {
		return Path{}, unknownTarget()
	}
	if !s.Fits(stem, far) {
		return Path{}, unfit()
	}
	if until, ok := s.ledger.enter(now, errand{stem.purpose, far}); !ok {
		return Path{}, notBefore(until, TooOften, "the peer behind it was asked %d times within an hour, and more would help whoever "+
			"makes them fail; try again after ", rebuilds)
	}
	return Path{stem, far}, nil
}

// Path chooses a stem for a far node and completes it, where none is ready.
func (s *Selector) Path(now time.Time, purpose Purpose, profile Profile, far peer.NodeID) (Path, error) {
	stem, err := s.Stem(now, purpose, profile, far)
	if err != nil {
		return Path{}, err
	}
	return s.Complete(now, stem, far)
}

// Choose draws a far node for a stem by weight, a relay, where it is the node itself that chooses: the relay of a new
// lease. It is no guard, none of avoid, nor of their networks and families, so that two leases do not fail together.
func (s *Selector) Choose(stem Stem, avoid ...peer.NodeID) (peer.NodeID, error) {
	if s.table == nil {
		return peer.NodeID{}, noPath(NoDirectory, "no directory of relays yet; wait until a seed answers, or check the network connection")
	}
	others := make([]int, 0, 8)
	for _, id := range append(stem.Hops(), avoid...) {
		if m, ok := s.table.find(id); ok {
			others = append(others, m)
		}
	}
	m, ok := s.table.relays.draw(&s.random, func(m int) bool {
		return !s.linked(m) && !s.table.conflictsAny(m, others)
	})
	if !ok {
		return peer.NodeID{}, s.fewRelays(stem.n + 1)
	}
	return s.table.members[m].id, s.random.err
}
