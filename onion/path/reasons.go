package path

import (
	"strconv"
	"time"
)

// Why there is no pair of guard and second: the first of the reasons, in the order in which one could do something.

func unknownTarget() error {
	return noPath(UnknownTarget, "the peer that is wanted is not in today's directory; try another one, or wait for the next directory")
}

func unfit() error {
	return noPath(UnfitTarget, "the peer that is wanted shares its network or operator with relays that stay in use for now; try another one")
}

// fewRelays says how many networks there are and would be needed.
func (s *Selector) fewRelays(needed int) error {
	n := s.table.networksOf(func(m *member) bool { return m.relay })
	if n >= needed {
		return noPath(FewRelays, "the relays of %d networks belong to too few operators, or to networks in use already; wait for more relays", n)
	}
	return noPath(FewRelays, "only %s relays, %d are needed; wait for more relays, or run one", networksHave(n), needed)
}

func networksHave(n int) string {
	switch n {
	case 0:
		return "no network has"
	case 1:
		return "1 network has"
	}
	return strconv.Itoa(n) + " networks have"
}

// whyNot explains why pair found nothing.
func (s *Selector) whyNot(now time.Time, purpose Purpose, behind []int) error {
	if len(s.chosen) == 0 {
		return s.noGuard(now)
	}
	up, room := 0, 0
	for _, g := range s.chosen {
		if s.health[s.kept.guards[g].id].up {
			up++
			if !s.table.conflictsAny(s.at[g], behind) {
				room++
			}
		}
	}
	switch {
	case up == 0:
		return noPath(GuardsDown, "no guard is linked; wait a minute, and check the network connection")
	case len(s.places[purpose]) == 0:
		return s.noSecond(now, purpose)
	case room == 0 || len(behind) > 0:
		return unfit()
	}
	return s.noSecond(now, purpose)
}

// noGuard explains why no guard is in use.
func (s *Selector) noGuard(now time.Time) error {
	there := 0
	for _, m := range s.at {
		if m >= 0 {
			there++
		}
	}
	if len(s.kept.guards) < sampleSize {
		if there > 0 {
			return noPath(GuardsDown, "no guard answers; check the network connection")
		}
		return noPath(FewGuards, "%s guards; wait for more relays, or run one that is a guard",
			networksHave(s.table.networksOf(func(m *member) bool { return m.guard && m.id != s.own })))
	}
	until := time.Unix(s.kept.guards[0].time, 0).Add(sampleAge)
	if there > 0 {
		return notBefore(until, GuardsSpent, "none of the %d guards of this node answers, and it takes no more of them so that nobody "+
			"can wear them out; check the network connection; the oldest is replaced after ", sampleSize)
	}
	return notBefore(until, GuardsSpent, "the %d guards of this node have left the network, and it takes no more of them so that nobody "+
		"can wear them out; wait until one is back; the oldest is replaced after ", sampleSize)
}

// noSecond explains why no second position is to be had.
func (s *Selector) noSecond(now time.Time, purpose Purpose) error {
	one := s.kept.sets[purpose]
	if len(one.members) == 0 {
		return s.fewRelays(3)
	}
	until := time.Unix(one.early, 0).Add(earlyPause)
	if !until.After(now) {
		return s.fewRelays(3)
	}
	return notBefore(until, FewRelays, "the relays chosen for %s have left the network, and only one is replaced a day so that nobody can "+
		"wear them out; wait until one is back; the next is chosen after ", purpose)
}
