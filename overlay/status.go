// What a node shows of itself: states and figures, nothing that names anybody.

package overlay

import (
	"log/slog"
	"slices"
	"time"

	"sotto/noise"
	"sotto/overlay/link"
)

// Status is a snapshot of a node.
type Status struct {
	State     State
	Role      Role
	Uptime    time.Duration
	Period    uint32
	Peers     int  // descriptors held of this period
	PeersPast int  // …and of the one before, which paths use
	Named     bool // a relay has shown its descriptor of this period
	Links     link.Counters
	Datagrams noise.Stats
	RTT       Spread // of the neighbours, as last measured
}

// LogValue logs states and counts.
func (s Status) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("state", s.State.String()), slog.String("role", s.Role.String()), slog.Duration("uptime", s.Uptime),
		slog.Int("peers", s.Peers), slog.Any("links", s.Links), slog.Any("datagrams", s.Datagrams),
	)
}

// Spread sums up durations.
type Spread struct {
	Count            int
	Min, Median, Max time.Duration
}

// SpreadOf sums up some durations, which it sorts.
func SpreadOf(d []time.Duration) Spread {
	if len(d) == 0 {
		return Spread{}
	}
	slices.Sort(d)
	return Spread{len(d), d[0], d[len(d)/2], d[len(d)-1]}
}

// status is the core's part of a Status.
func (s *steward) status() Status {
	st := Status{
		State: s.state(), Role: s.role, Period: s.period, Links: s.pool.Counters(),
		Peers: s.library.gather.Len(s.period),
	}
	if s.period > 0 {
		st.PeersPast = s.library.gather.Len(s.period - 1)
	}
	if d, ok := s.library.gather.Newest(s.self); ok {
		st.Named = d.Period() == s.period
	}
	var rtts []time.Duration
	for _, i := range s.pool.Neighbors() {
		if i.RTT > 0 {
			rtts = append(rtts, i.RTT)
		}
	}
	st.RTT = SpreadOf(rtts)
	return st
}
