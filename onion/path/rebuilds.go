package path

import (
	"time"

	"sotto/internal/mutation"
	"sotto/overlay/peer"
)

// How often paths to one far node may be made.

const (
	// rebuilds is how many paths to one far node are made within an hour for one purpose, those not counted that this
	// node ended when they had done their work (Settled). Whoever kills circuits at their end gets so many new ones to
	// look at, whatever the reason was said to be: what is not said to have ended well has been killed.
	rebuilds = 12
	window   = time.Hour
	// maxTargets bounds how many far nodes are remembered within an hour, about 200 bytes each. At the bound no path to
	// another one is made: forgetting one would be a way to more than rebuilds.
	maxTargets = 4096
)

// ledger remembers the paths of the last hour.
type ledger struct {
	made map[errand][]time.Time // in order, at most rebuilds
}

// errand is what is counted apart.
type errand struct {
	purpose Purpose
	target  peer.NodeID
}

// enter notes one more path, or says when it can be made.
func (l *ledger) enter(now time.Time, e errand) (until time.Time, ok bool) {
	if mutation.Active(noRebuilding) {
		return time.Time{}, true
	}
	times := l.made[e]
	for len(times) > 0 && now.Sub(times[0]) >= window {
		times = times[1:]
	}
	if len(times) >= rebuilds {
		return times[0].Add(window), false
	}
	if _, known := l.made[e]; !known && len(l.made) >= maxTargets {
		if l.sweep(now); len(l.made) >= maxTargets {
			return now.Add(window), false
		}
	}
	// A clock that was set back must not leave entries that never end.
	if n := len(times); n > 0 && times[n-1].After(now) {
		times = nil
	}
	l.made[e] = append(times, now)
	return time.Time{}, true
}

// sweep forgets whoever was not asked for within the hour, and what a clock said before it was set back.
func (l *ledger) sweep(now time.Time) {
	for e, times := range l.made {
		if last := times[len(times)-1]; now.Sub(last) >= window || last.After(now) {
			delete(l.made, e)
		}
	}
}

// settle takes the latest path of an errand back.
func (l *ledger) settle(e errand) {
	times := l.made[e]
	switch len(times) {
	case 0:
	case 1:
		delete(l.made, e)
	default:
		l.made[e] = times[:len(times)-1]
	}
}

// Settled says that a path that Complete gave has done what it was for and was ended by this node. It does not count any
// longer: the bound is on paths that others bring to an end, since those are the ones that somebody can ask for.
func (s *Selector) Settled(p Path) {
	if p.stem.n > 0 {
		s.ledger.settle(errand{p.stem.purpose, p.far})
	}
}
