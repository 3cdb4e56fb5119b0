// When a node fetches the descriptors that others hold, and from whom.

package overlay

import (
	"time"

	"sotto/overlay/link"
	"sotto/overlay/peer"
)

const (
	// fetchFirst is the pause after the first snapshot. Pauses grow fivefold up to fetchMost: who starts together with
	// others finds them soon, and nobody asks often (ours).
	fetchFirst = 5 * time.Second
	fetchMost  = time.Hour
	// fetchRetry is the pause after a fetch that failed.
	fetchRetry = 10 * time.Second
)

// fetching is what a steward remembers of fetches.
type fetching struct {
	from  link.Neighbor
	left  []uint32 // periods still to fetch from there; empty when none is under way
	next  time.Time
	pause time.Duration
}

func (f *fetching) under() bool { return len(f.left) > 0 }

// bring makes the next fetch due at a time, if it is not due before.
func (f *fetching) bring(at time.Time) {
	if f.next.IsZero() || at.Before(f.next) {
		f.next = at
	}
}

// beginFetch fetches the period before this one, which paths use, and this one, from any relay: everybody asks the same
// of whomever he asks.
func (s *steward) beginFetch(now time.Time) {
	s.fetch.next = time.Time{}
	if s.fetch.under() {
		return
	}
	var from []link.Neighbor
	for _, i := range s.pool.Neighbors() {
		// A link that a node without a name has given up must not be kept alive by this.
		if !i.Client && (s.role == Relay || s.guard.has(i.Node)) {
			from = append(from, i.Neighbor)
		}
	}
	if len(from) == 0 {
		return // the next link brings it
	}
	s.fetch.from = from[random(s.rand, time.Duration(len(from)))]
	s.fetch.left = []uint32{s.period}
	if s.period > 0 {
		s.fetch.left = []uint32{s.period - 1, s.period}
	}
	s.fetchNext(now)
}

// fetchNext fetches the next of the periods, or plans the next fetch after the last.
func (s *steward) fetchNext(now time.Time) {
	if !s.fetch.under() {
		s.whole = true
		s.fetch.pause = min(max(fetchFirst, s.fetch.pause*5), fetchMost, max(s.periodLength()/24, fetchFirst))
		s.fetch.bring(now.Add(s.fetch.pause/2 + random(s.rand, s.fetch.pause)))
		return
	}
	if err := s.pool.Fetch(now, s.fetch.from, s.fetch.left[0], s.size); err != nil {
		s.fetch.left = nil
		s.fetch.bring(now.Add(fetchRetry))
	}
}

// fetched takes the end of a fetch.
func (s *steward) fetched(now time.Time, ev link.Event) {
	if !s.fetch.under() || ev.Neighbor != s.fetch.from {
		return
	}
	if ev.Err != nil {
		s.fetch.left = nil
		s.fetch.bring(now.Add(fetchRetry))
		return
	}
	s.fetch.left = s.fetch.left[1:]
	s.fetchNext(now)
}

// takePage verifies what a page has. Whoever gave it is not blamed for what is wrong: it may have been right for him a
// moment ago, and what counts is signed.
func (s *steward) takePage(now time.Time, entries []link.Described) {
	for _, e := range entries {
		if e.Static.NodeID() == s.self {
			continue // nobody tells a node what it is; its own store does
		}
		d, err := s.library.Admit(now, e.Static, e.Daily)
		if err != nil {
			s.odd++
			continue
		}
		s.meet(now, d)
	}
}

// directory returns the snapshot of a period.
func (s *steward) directory(period uint32) *peer.Directory { return s.library.gather.Directory(period) }
