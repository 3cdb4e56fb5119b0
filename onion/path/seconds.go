package path

import (
	"slices"
	"time"

	"sotto/internal/mutation"
	"sotto/overlay/peer"
)

// Second positions: pinned, since whoever stands there sees the guard, and whoever chooses the far node can have as
// many circuits made as he likes.

const (
	// seconds is how many a purpose has. Each is a chance that the guard becomes known, from the first day on; with two,
	// one may fail, or share its network with the far node. See decision 0011 for 1 to 4.
	seconds = 2
	// shortest and longest bound their life, which is the longer of two uniform draws between them (8⅓ days on
	// average), as in Tor's vanguards-lite: known to the far node, a second must not be worth breaking into.
	shortest = 24 * time.Hour
	longest  = 12 * 24 * time.Hour
	// earlyPause is how long no second of a purpose is replaced before its time once one was: whoever can make relays
	// fail gets one more draw a day.
	earlyPause = 24 * time.Hour
	// deadFailures in a row, over deadTime, make a second dead; while none of the set works the time does not count.
	deadFailures = 3
	deadTime     = time.Hour
	// rest is how long a second that failed is left alone while another one is there.
	rest = time.Minute
)

// trouble is what is known of a second since the process started.
type trouble struct {
	failures    int
	first, last time.Time
}

// spot names a second: the same relay could serve two purposes in a small network, and fail for one of them.
type spot struct {
	purpose Purpose
	id      peer.NodeID
}

// Failed says that a stem, before anything was asked through it, could not be made or ended at its second: the guard
// answered. A path that has its far node is not reported, however it ended: whoever stands there could have seconds
// replaced by killing circuits.
func (s *Selector) Failed(now time.Time, stem Stem) {
	if stem.n < 2 {
		return
	}
	at := spot{stem.purpose, stem.hops[1]}
	if !s.isPinned(at) {
		return
	}
	t := s.trouble[at]
	if t.failures == 0 {
		t.first = now
	}
	t.failures++
	t.last = now
	s.trouble[at] = t
}

// Built says that a stem was made, so that its second works.
func (s *Selector) Built(stem Stem) {
	if stem.n >= 2 {
		delete(s.trouble, spot{stem.purpose, stem.hops[1]})
	}
}

func (s *Selector) isPinned(at spot) bool {
	return slices.ContainsFunc(s.kept.sets[at.purpose].members, func(p held) bool { return p.id == at.id })
}

// dead reports whether a second may be replaced before its time.
func (s *Selector) dead(now time.Time, at spot, alone bool) bool {
	t := s.trouble[at]
	return t.failures >= deadFailures && (alone || now.Sub(t.first) >= deadTime)
}

// renew replaces the seconds of a purpose whose time is over and, at most one in earlyPause, one that is of no use.
func (s *Selector) renew(now time.Time, st *state, p Purpose, guards []int) {
	one := &st.sets[p]
	one.early = min(one.early, unix(now))
	for i := range one.members { // a clock that was ahead, or is behind, is no reason to choose others
		one.members[i].time = min(one.members[i].time, unix(now.Add(longest)))
	}
	one.members = slices.DeleteFunc(one.members, func(m held) bool { return m.time <= unix(now) })
	if i := s.useless(now, st, p, guards); i >= 0 &&
		(unix(now)-one.early >= int64(earlyPause/time.Second) || mutation.Active(noRebuilding)) {
		if m, ok := s.drawSecond(st, p, guards); ok {
			one.members[i] = s.pin(now, m)
			one.early = unix(now)
		}
	}
	for len(one.members) < seconds {
		m, ok := s.drawSecond(st, p, guards)
		if !ok {
			return
		}
		one.members = append(one.members, s.pin(now, m))
	}
}

func (s *Selector) mayBeSecond(m *member) bool { return m.relay && m.id != s.own }

// pin decides how long a relay stays.
func (s *Selector) pin(now time.Time, m int) held {
	life := max(s.random.between(shortest, longest), s.random.between(shortest, longest))
	return held{id: s.table.members[m].id, time: unix(now.Add(life)), addresses: s.table.members[m].addresses}
}

// useless returns the first second that is not in the directory, has become a guard, stands beside none of the guards in
// use, or is dead; -1 if there is none.
func (s *Selector) useless(now time.Time, st *state, p Purpose, guards []int) int {
	members := st.sets[p].members
	works := make([]bool, len(members))
	for i := range members {
		at, ok := s.table.follow(&members[i], members, s.anew, s.mayBeSecond)
		works[i] = ok && !slices.Contains(guards, at) && (len(guards) == 0 || slices.ContainsFunc(guards, func(g int) bool { return !s.table.conflict(g, at) }))
	}
	alone := true
	for i, m := range members {
		alone = alone && (!works[i] || s.trouble[spot{p, m.id}].failures >= deadFailures)
	}
	for i, m := range members {
		if !works[i] || s.dead(now, spot{p, m.id}, alone) {
			return i
		}
	}
	return -1
}

// drawSecond takes a relay that may stand behind every guard in use and beside the others of its set, so that a far
// node of one network is in the way of one of them at most. It avoids the seconds of other purposes while somebody else
// is left: a small network has not twelve.
func (s *Selector) drawSecond(st *state, p Purpose, guards []int) (int, bool) {
	avoid := slices.Clone(guards)
	for _, m := range st.sets[p].members {
		if at, ok := s.table.find(m.id); ok {
			avoid = append(avoid, at)
		}
	}
	fits := func(m int) bool { return s.table.members[m].id != s.own && !s.table.conflictsAny(m, avoid) }
	elsewhere := func(m int) bool { return fits(m) && !st.pinsElsewhere(s.table.members[m].id, p) }
	if m, ok := s.table.relays.draw(&s.random, elsewhere); ok {
		return m, s.random.err == nil
	}
	m, ok := s.table.relays.draw(&s.random, fits)
	return m, ok && s.random.err == nil
}

func (st *state) pinsElsewhere(id peer.NodeID, p Purpose) bool {
	for q, one := range st.sets {
		if Purpose(q) != p && slices.ContainsFunc(one.members, func(m held) bool { return m.id == id }) {
			return true
		}
	}
	return false
}

// Shared counts the relays that are second for more than one purpose, which see more of this node than one should: 0
// unless the network is small.
func (s *Selector) Shared() int {
	times := map[peer.NodeID]int{}
	for _, one := range s.kept.sets {
		for _, m := range one.members {
			times[m.id]++
		}
	}
	shared := 0
	for _, n := range times {
		if n > 1 {
			shared++
		}
	}
	return shared
}
