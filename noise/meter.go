package noise

import (
	"net/netip"
	"time"
)

// What a responder spends on strangers is metered, not timed: counts are the
// same on every machine and in every test.

// meter is a leaky bucket that says when first messages come faster than the
// node will answer without proof of the source.
type meter struct {
	level   float64
	drained time.Time
}

// take counts one first message and reports whether it is within the rate. A
// clock that goes back drains nothing.
func (m *meter) take(now time.Time) bool {
	m.level = max(0, m.level-max(0, now.Sub(m.drained).Seconds())*unprovenRate)
	m.drained = now
	if m.level+1 > unprovenBurst {
		return false
	}
	m.level++
	return true
}

// prefixOf is what one customer of a provider has: an IPv4 address, or an IPv6
// /56.
func prefixOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 56
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// sources shares provenRate first messages a second among proven sources: the
// n-th of one prefix in a second is taken while fewer than provenRate/n were
// taken at all. So one prefix alone gets provenPerSource, many get less each, and
// whoever comes for the first time gets in until the whole rate is spent. At
// maxSources prefixes in a second further ones wait for the next.
type sources struct {
	second int64
	taken  int
	counts map[netip.Prefix]int
}

// take counts one first message of a proven source and reports whether it is
// within the rates.
func (s *sources) take(now time.Time, from netip.Addr) bool {
	if s.counts == nil || s.second != now.Unix() {
		s.second, s.taken = now.Unix(), 0
		clear(s.counts)
		if s.counts == nil {
			s.counts = make(map[netip.Prefix]int)
		}
	}
	p := prefixOf(from)
	n := s.counts[p] + 1
	if n > provenPerSource || s.taken >= provenRate/n || n == 1 && len(s.counts) >= maxSources {
		return false
	}
	s.counts[p] = n
	s.taken++
	return true
}
