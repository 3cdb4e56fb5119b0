// What a relay and an owner allow, and the buckets that hold them to it.

package lease

import "time"

// Limits bound what leases cost a relay. What one would go over is refused (a Listen, an opening) or dropped (a cell),
// never queued.
type Limits struct {
	// Leases is how many there are in all, LeasesPerNeighbor how many may come over one link upstream. A lease costs
	// less than 512 bytes.
	Leases, LeasesPerNeighbor int
	// Splices is how many there are in all, SplicesPerLease to one owner. SplicesPerNeighbor counts the ends of splices,
	// callers' and owners', that come over one link. A splice costs less than 512 bytes.
	Splices, SplicesPerLease, SplicesPerNeighbor int
	// OpeningsPerMinute and OpeningsBurst are the most that an owner may ask to be let through.
	OpeningsPerMinute, OpeningsBurst int
	// CellsPerSecond and CellsBurst are for one splice and direction.
	CellsPerSecond, CellsBurst int
	// Unanswered is how long an opening may wait for the owner's first cell, Idle how long a splice may be without a cell
	// afterwards. Both are met within a sixteenth of Idle.
	Unanswered, Idle time.Duration
}

// DefaultLimits are ours: 4 096 leases and 8 192 splices are 6 MB at the very most, a tenth of a relay's memory. What one
// neighbour may take is a quarter, since in a small overlay each second hop carries the leases of many. 64 splices a lease
// outlast a burst of 20 and one a second for as long as an opening may stay unanswered. 512 cells a second are ten calls'
// worth of voice, or 190 kB/s.
func DefaultLimits() Limits {
	return Limits{
		Leases: 4096, LeasesPerNeighbor: 1024,
		Splices: 8192, SplicesPerLease: 64, SplicesPerNeighbor: 4096,
		OpeningsPerMinute: 600, OpeningsBurst: 100,
		CellsPerSecond: 512, CellsBurst: 512,
		Unanswered: 30 * time.Second, Idle: 5 * time.Minute,
	}
}

// valid reports whether every limit lets something through.
func (l Limits) valid() bool {
	return min(l.Leases, l.LeasesPerNeighbor, l.Splices, l.SplicesPerLease, l.SplicesPerNeighbor, l.OpeningsPerMinute,
		l.OpeningsBurst, l.CellsPerSecond, l.CellsBurst) > 0 && l.Unanswered > 0 && l.Idle > 0
}

// The limit that an owner asks for unless told otherwise (protocol §4).
const (
	DefaultOpeningsPerMinute = 60
	DefaultOpeningsBurst     = 20
)

// rate is how fast a bucket fills, in tokens a second, and how many it holds.
type rate struct{ perSecond, burst float64 }

// bucket holds tokens. The zero bucket is empty since long ago, so it is full when it is first asked.
type bucket struct {
	tokens float64
	filled time.Time
}

// take takes one token if there is one.
func (b *bucket) take(now time.Time, r rate) bool {
	if d := now.Sub(b.filled); d > 0 {
		b.tokens = min(r.burst, b.tokens+d.Seconds()*r.perSecond)
		b.filled = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
