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

// take counts one first message and reports whether it is within the rate.
func (m *meter) take(now time.Time) bool {
	m.level = max(0, m.level-now.Sub(m.drained).Seconds()*unprovenRate)
	m.drained = now
	if m.level+1 > unprovenBurst {
		return false
	}
	m.level++
	return true
}

// sources counts the first messages of proven sources in one second, by prefix:
// an IPv4 address, or an IPv6 /56, which is what one customer gets. At maxSources
// prefixes in a second further ones are refused for its rest.
type sources struct {
	second int64
	counts map[netip.Prefix]uint16
}

// take counts one first message of a proven source and reports whether that
// source is within its rate.
func (s *sources) take(now time.Time, from netip.Addr) bool {
	if s.counts == nil || s.second != now.Unix() {
		s.second = now.Unix()
		s.counts = make(map[netip.Prefix]uint16)
	}
	bits := 32
	if from.Is6() {
		bits = 56
	}
	p, err := from.Prefix(bits)
	if err != nil {
		return false
	}
	n, known := s.counts[p]
	if n >= provenPerSource || !known && len(s.counts) >= maxSources {
		return false
	}
	s.counts[p] = n + 1
	return true
}
