// Package stat is the statistics that claims are judged by: confidence intervals of proportions, and tail
// probabilities of the tests. Everything is computed from the exact distributions, because a verdict asks for tails of
// 10⁻⁹, where approximations by the normal distribution are off by orders of magnitude.
package stat

import "math"

// Interval is a confidence interval of a proportion.
type Interval struct{ Low, High float64 }

// ClopperPearson is the exact interval of a proportion of which k successes in n trials were seen: it covers the true
// one with at least the given confidence (Clopper, Pearson 1934). With n = 0 nothing is known: 0 to 1.
func ClopperPearson(k, n int, confidence float64) Interval {
	tail := (1 - confidence) / 2
	i := Interval{0, 1}
	if k > 0 {
		i.Low = solve(func(p float64) bool { return BinomialUpper(k, n, p) < tail })
	}
	if k < n {
		i.High = solve(func(p float64) bool { return BinomialLower(k, n, p) > tail })
	}
	return i
}

// Wilson is the score interval of a proportion (Wilson 1927): narrower than ClopperPearson, right on average. It is
// for showing, not for deciding. z is the number of standard deviations: 1.96 for 95 %.
func Wilson(k, n int, z float64) Interval {
	if n == 0 {
		return Interval{0, 1}
	}
	p, m := float64(k)/float64(n), float64(n)
	centre := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return Interval{max(0, (centre-half)/scale), min(1, (centre+half)/scale)}
}

// BinomialUpper is the probability of k or more successes in n trials of chance p.
func BinomialUpper(k, n int, p float64) float64 {
	if k <= 0 {
		return 1
	}
	if k > n {
		return 0
	}
	return betaRegularised(float64(k), float64(n-k+1), p)
}

// BinomialLower is the probability of k or fewer successes in n trials of chance p.
func BinomialLower(k, n int, p float64) float64 {
	if k < 0 {
		return 0
	}
	if k >= n {
		return 1
	}
	return betaRegularised(float64(n-k), float64(k+1), 1-p)
}

// BinomialTwoSided is the chance of a count at least as far out as k, on either side.
func BinomialTwoSided(k, n int, p float64) float64 {
	return min(1, 2*min(BinomialUpper(k, n, p), BinomialLower(k, n, p)))
}

// solve finds where a condition that holds for small p ends, to 2⁻⁶⁰.
func solve(holds func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		mid := (low + high) / 2
		if holds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// betaRegularised is the regularised incomplete beta function I_x(a, b).
func betaRegularised(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	}
	ga, _ := math.Lgamma(a)
	gb, _ := math.Lgamma(b)
	gab, _ := math.Lgamma(a + b)
	front := math.Exp(gab - ga - gb + a*math.Log(x) + b*math.Log1p(-x))
	if x < (a+1)/(a+b+2) {
		return front * betaFraction(a, b, x) / a
	}
	return 1 - front*betaFraction(b, a, 1-x)/b
}

// betaFraction is the continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated by Lentz's method.
func betaFraction(a, b, x float64) float64 {
	return lentz(1, func(i int) (float64, float64) {
		if i == 1 {
			return 1, 1
		}
		m := float64((i - 1) / 2)
		if i%2 == 1 {
			return m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)), 1
		}
		return -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)), 1
	})
}

// lentz evaluates a₁/(b₁ + a₂/(b₂ + …)) times scale, by the modified method of Lentz.
func lentz(scale float64, term func(i int) (a, b float64)) float64 {
	const tiny, enough, limit = 1e-300, 1e-15, 200_000
	f, c, d := tiny, tiny, 0.0
	for i := 1; i < limit; i++ {
		a, b := term(i)
		if d = b + a*d; d == 0 {
			d = tiny
		}
		if c = b + a/c; c == 0 {
			c = tiny
		}
		d = 1 / d
		f *= c * d
		if math.Abs(c*d-1) < enough {
			break
		}
	}
	return scale * f
}
