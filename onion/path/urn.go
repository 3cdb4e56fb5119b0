package path

import (
	"math/bits"
	"slices"
)

// Drawing relays by weight, with what any network may weigh capped.

const (
	// heaviest is how many times the median a relay or a network may weigh. With 1 capacity would count for nothing;
	// whoever rents one machine in each of many networks and lies about all of them gains this factor and no more.
	heaviest = 4
	// tries is how often a draw is repeated when it hits somebody who is excluded. Where the constraints exclude half
	// of the weight, one in 2³² draws goes on to the slow way, which gives the same chances.
	tries = 32
	// scale keeps fractions of a weight in whole numbers: weights are at most 2²⁴ · 2¹⁶, 2²³ of them can be summed.
	scale = 16
)

// urn holds members and the running sum of their weights.
type urn struct {
	members []int32
	sums    []uint64
}

// newUrn weighs the members that are wanted; networks is the highest number of a network.
func newUrn(members []member, networks uint32, want func(*member) bool) urn {
	var u urn
	var capacities []uint64
	for i := range members {
		if want(&members[i]) {
			u.members = append(u.members, int32(i))
			capacities = append(capacities, members[i].capacity.DatagramsPerSecond())
		}
	}
	if len(u.members) == 0 {
		return u
	}
	limit := heaviest * median(capacities)
	totals := make([]uint64, networks+1)
	for i, m := range u.members {
		capacities[i] = min(capacities[i], limit)
		for _, n := range members[m].networks {
			totals[n] += capacities[i] // totals[0] belongs to nobody
		}
	}
	totals[0] = 0
	present := slices.DeleteFunc(slices.Clone(totals), func(w uint64) bool { return w == 0 })
	limit = heaviest * median(present)
	var sum uint64
	for i, m := range u.members {
		total := max(limit, totals[members[m].networks[0]], totals[members[m].networks[1]])
		sum += fraction(capacities[i]<<scale, limit, total)
		u.sums = append(u.sums, sum)
	}
	return u
}

// fraction is a·b/c, at least 1, with b ≤ c.
func fraction(a, b, c uint64) uint64 {
	high, low := bits.Mul64(a, b)
	q, _ := bits.Div64(high, low, c) // b ≤ c, so the quotient is at most a
	return max(1, q)
}

// median is the lower one of two.
func median(values []uint64) uint64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[(len(sorted)-1)/2]
}

// draw takes a member by weight, among those who fit. Drawing again until somebody fits gives each the chance that he
// would have if nobody else were in the urn.
func (u *urn) draw(random *source, fits func(member int) bool) (int, bool) {
	if len(u.members) == 0 {
		return 0, false
	}
	for range tries {
		at, _ := slices.BinarySearch(u.sums, random.below(u.sums[len(u.sums)-1])+1)
		if m := int(u.members[at]); fits(m) {
			return m, true
		}
	}
	return u.drawSlowly(random, fits)
}

// drawSlowly looks at every member.
func (u *urn) drawSlowly(random *source, fits func(member int) bool) (int, bool) {
	var sum uint64
	var left []int32
	var sums []uint64
	for i, m := range u.members {
		if !fits(int(m)) {
			continue
		}
		before := uint64(0)
		if i > 0 {
			before = u.sums[i-1]
		}
		sum += u.sums[i] - before
		left, sums = append(left, m), append(sums, sum)
	}
	if len(left) == 0 {
		return 0, false
	}
	at, _ := slices.BinarySearch(sums, random.below(sum)+1)
	return int(left[at]), true
}
