package threatmodel

import "math"

// The formula that linkage is held against.

// linkGroup is so many relays with so many paths through each.
type linkGroup struct{ relays, paths float64 }

// linkLoad is what somebody's paths of a span of time amount to: far nodes that a key or a draw chose, and the second
// positions in front of them.
type linkLoad struct{ fars, seconds []linkGroup }

// linkFormula is the chance that some path went through a bad guard and had a bad far node or a bad hop before it.
// Guards, seconds, random hops and far nodes are bad independently with chance f; there are two guards, and each path
// takes one of them evenly:
//
//	P = 2 f (1−f) (1 − h(½)) + f² (1 − h(1))
//
// where j = ½ or 1 is the share of the paths that go through bad guards, and h(j) the chance that none of these has a bad
// relay where it counts. A relay with m paths meets a bad guard with q(m) = 1 − (1−j)^m, and so, over all far nodes and
// seconds, each with its m,
//
//	standard  h(j) = Π_fars (1 − f q(m)) · Π_seconds (1 − f q(m))
//	high      h(j) = Π_fars ((1−f) (1−jf)^m + f (1−j)^m)
//
// of which the last is the sum over how many of a far node's m paths, each with a random hop of its own, meet a bad
// guard. With time h goes to 0, and P to 1 − (1−f)², the chance of a bad guard.
func linkFormula(f float64, high bool, load linkLoad) float64 {
	return 2*f*(1-f)*linkGivenGuard(f, 0.5, high, load) + f*f*linkGivenGuard(f, 1, high, load)
}

// linkGivenGuard is 1 − h(j).
func linkGivenGuard(f, j float64, high bool, load linkLoad) float64 {
	h := 1.0
	for _, g := range load.fars {
		one := 1 - f*(1-math.Pow(1-j, g.paths))
		if high {
			one = (1-f)*math.Pow(1-j*f, g.paths) + f*math.Pow(1-j, g.paths)
		}
		h *= math.Pow(one, g.relays)
	}
	for _, g := range load.seconds {
		if !high {
			h *= math.Pow(1-f*(1-math.Pow(1-j, g.paths)), g.relays)
		}
	}
	return 1 - h
}

// pinnedSeconds is how many relays a pinned second position has had after so many days, on average: 1 and the renewals,
// of which each life is the longer of two even draws between 1 and 12 days.
func pinnedSeconds(days float64) float64 {
	const step = 0.05
	ended := func(age float64) float64 { // chance that a life has ended by this age
		x := min(1, max(0, (age-1)/11))
		return x * x
	}
	n := int(days/step + 0.5)
	renewals := make([]float64, n+1)
	for i := 1; i <= n; i++ {
		renewals[i] = ended(float64(i) * step)
		for k := 1; k <= min(i, int(12/step)); k++ {
			renewals[i] += renewals[i-k] * (ended(float64(k)*step) - ended(float64(k-1)*step))
		}
	}
	return 1 + renewals[n]
}
