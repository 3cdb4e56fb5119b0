package path

import (
	"slices"
	"time"

	"sotto/overlay/peer"
)

// Guards: which relays ever learn this node's address.

const (
	// sampleSize and sampleAge cap how many relays can ever become guards, whatever is done to those that are: within
	// any sampleAge no more than sampleSize (protocol §3). At 10 % bad capacity one of two guards is bad with a chance
	// of 19 %, one of six with 47 %: the cap is what an attacker gains by making guards fail.
	sampleSize = 6
	sampleAge  = 120 * 24 * time.Hour
	// inUse is how many guards carry circuits.
	inUse = 2
	// patience is how long a guard that does not answer is waited for before another is sampled, while another guard
	// answers; alonePatience is it when none does, since then the own network is the likelier reason, and a night
	// without it must not use the sample up.
	patience      = time.Hour
	alonePatience = 24 * time.Hour
	// retrySlot is how long one of the guards given up is tried before it is the turn of the next.
	retrySlot = 30 * time.Minute
)

// health is what is known of a guard since the process started.
type health struct {
	up   bool
	down time.Time // since when it has not answered; zero while it was not tried or is up
}

// GuardUp says that the link to a guard is up, and reports whether that is news. A NodeID that is not in the sample is
// ignored.
func (s *Selector) GuardUp(_ time.Time, id peer.NodeID) (news bool) {
	i := s.sampledAt(id)
	if i < 0 {
		return false
	}
	news = !s.health[id].up
	s.health[id] = health{up: true}
	// Whoever answers at the address has the key of the descriptor: it is the same relay's.
	s.kept.guards[i].bound = false
	return news
}

// GuardDown says that the link to a guard was lost or could not be made; it may be said again as long as that is so.
func (s *Selector) GuardDown(now time.Time, id peer.NodeID) {
	if s.sampledAt(id) < 0 {
		return
	}
	if h := s.health[id]; h.up || h.down.IsZero() {
		s.health[id] = health{down: now}
	}
}

// Guards returns the relays that links are to be held to, oldest first: the two in use, and at times one more, an older
// one or one that was given up, which is tried again. Circuits go through no other.
func (s *Selector) Guards() []peer.NodeID {
	ids := make([]peer.NodeID, len(s.wanted))
	for i, g := range s.wanted {
		ids[i] = s.kept.guards[g].id
	}
	return ids
}

// linked reports whether a peer is this node or a relay that it holds a link to. Whoever knows the address already is
// chosen for no other place in a path: alone it could tell by times what a guard and another bad relay can. A far node
// is not chosen here, and may be one.
func (s *Selector) linked(m int) bool {
	return s.table.members[m].id == s.own || slices.ContainsFunc(s.wanted, func(g int) bool { return s.at[g] == m })
}

func (s *Selector) sampledAt(id peer.NodeID) int {
	return slices.IndexFunc(s.kept.guards, func(g held) bool { return g.id == id })
}

// locate finds the guards of a sample in the table: -1 for those that are not there now or are no guards any more.
func (s *Selector) locate(st *state) []int {
	at := make([]int, len(st.guards))
	for i := range st.guards {
		at[i], _ = s.table.follow(&st.guards[i], st.guards, s.anew, func(m *member) bool { return m.guard && m.id != s.own })
	}
	return at
}

// expire drops guards whose time is over. One that seems to come from the future, because a clock was wrong, begins now.
func (st *state) expire(now int64) {
	for i := range st.guards {
		st.guards[i].time = min(st.guards[i].time, now)
	}
	st.guards = slices.DeleteFunc(st.guards, func(g held) bool { return now-g.time >= int64(sampleAge/time.Second) })
}

// hopeless reports whether a guard has not answered for so long that another may be sampled in its place.
func (s *Selector) hopeless(now time.Time, id peer.NodeID) bool {
	h := s.health[id]
	if h.down.IsZero() {
		return false
	}
	if s.anyUp() {
		return now.Sub(h.down) >= patience
	}
	return now.Sub(h.down) >= alonePatience
}

func (s *Selector) anyUp() bool {
	for _, g := range s.kept.guards {
		if s.health[g.id].up {
			return true
		}
	}
	return false
}

// use picks the guards in use, positions in the sample: the oldest that give hope and may stand beside each other.
func (s *Selector) use(now time.Time, st *state, at []int) []int {
	var chosen, members []int
	for i, g := range st.guards {
		if len(chosen) == inUse {
			break
		}
		if at[i] >= 0 && !s.hopeless(now, g.id) && !s.table.conflictsAny(at[i], members) {
			chosen, members = append(chosen, i), append(members, at[i])
		}
	}
	return chosen
}

// sample adds guards until enough are in use, as far as cap and directory allow.
func (s *Selector) sample(now time.Time, st *state, at []int) []int {
	for len(s.use(now, st, at)) < inUse && len(st.guards) < sampleSize {
		m, ok := s.table.guards.draw(&s.random, func(m int) bool {
			return s.table.members[m].id != s.own && !s.table.conflictsAny(m, present(at))
		})
		if !ok || s.random.err != nil {
			break
		}
		st.guards = append(st.guards, held{id: s.table.members[m].id, time: unix(now), addresses: s.table.members[m].addresses})
		at = append(at, m)
	}
	return at
}

// present leaves out who is not in the table.
func present(at []int) []int {
	return slices.DeleteFunc(slices.Clone(at), func(m int) bool { return m < 0 })
}

// want decides which guards to hold links to, positions in the sample. Those given up are tried again one at a time if
// they are older than one in use: all at once would show this node to every guard of the sample when a network comes
// back.
func (s *Selector) want(now time.Time, at []int) []int {
	chosen := s.use(now, &s.kept, at)
	last := len(s.kept.guards)
	if len(chosen) == inUse {
		last = chosen[inUse-1]
	}
	var again []int
	for i, g := range s.kept.guards[:last] {
		if at[i] >= 0 && s.hopeless(now, g.id) {
			again = append(again, i)
		}
	}
	for slot := int(now.Unix() / int64(retrySlot/time.Second)); len(again) > 0 && len(chosen) <= inUse; {
		// Where too few give hope the oldest comes first, and the others in turn behind it.
		i := slot % len(again)
		if len(chosen) < inUse-1 {
			i = 0
		}
		chosen = append(chosen, again[i])
		again = slices.Delete(again, i, i+1)
		if len(chosen) >= inUse {
			break
		}
	}
	slices.Sort(chosen)
	return chosen
}
