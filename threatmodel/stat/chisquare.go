package stat

import "math"

// The chi-square distribution: how surprising a histogram is.

// ChiSquare is the statistic of a histogram whose cells should be equally filled.
func ChiSquare(histogram []uint32) float64 {
	total := 0.0
	for _, n := range histogram {
		total += float64(n)
	}
	if total == 0 {
		return 0
	}
	expected, sum := total/float64(len(histogram)), 0.0
	for _, n := range histogram {
		d := float64(n) - expected
		sum += d * d / expected
	}
	return sum
}

// ChiSquareUpper is the probability that a histogram of evenly drawn values has a statistic of at least x.
func ChiSquareUpper(x float64, degrees int) float64 {
	return gammaUpper(float64(degrees)/2, x/2)
}

// ChiSquareTwoSided is the chance of a statistic at least as far out as x, on either side: a histogram that is too even
// was not drawn at random either, it was counted.
func ChiSquareTwoSided(x float64, degrees int) float64 {
	upper := ChiSquareUpper(x, degrees)
	return min(1, 2*min(upper, gammaLower(float64(degrees)/2, x/2)))
}

// gammaUpper is the regularised upper incomplete gamma function Q(a, x), by the series or the continued fraction
// (DLMF 8.7.1, 8.9.2), whichever converges.
func gammaUpper(a, x float64) float64 {
	if x < a+1 {
		return 1 - gammaSeries(a, x)
	}
	return gammaFraction(a, x)
}

// gammaLower is 1 - gammaUpper without the loss of precision.
func gammaLower(a, x float64) float64 {
	if x < a+1 {
		return gammaSeries(a, x)
	}
	return 1 - gammaFraction(a, x)
}

func gammaSeries(a, x float64) float64 {
	if x <= 0 {
		return 0
	}
	term := 1 / a
	sum := term
	for n := a + 1; term > sum*1e-16; n++ {
		term *= x / n
		sum += term
	}
	return sum * gammaFront(a, x)
}

func gammaFraction(a, x float64) float64 {
	return gammaFront(a, x) * lentz(1, func(i int) (float64, float64) {
		if i == 1 {
			return 1, x + 1 - a
		}
		n := float64(i - 1)
		return -n * (n - a), x + 2*n + 1 - a
	})
}

func gammaFront(a, x float64) float64 {
	g, _ := math.Lgamma(a)
	return math.Exp(-x + a*math.Log(x) - g)
}
