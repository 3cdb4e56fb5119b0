package stat

// Against published values, and against sums that can be done by hand.

import (
	"math"
	"testing"
)

func near(got, want, relative float64) bool {
	return math.Abs(got-want) <= relative*math.Max(math.Abs(want), 1e-300)
}

func TestBinomialTailsAreTheSumsTheyStandFor(t *testing.T) {
	for _, n := range []int{1, 7, 40} {
		for _, p := range []float64{0.01, 0.5, 0.93} {
			upper, choose := 0.0, 1.0
			sums := make([]float64, n+2)
			for k := 0; k <= n; k++ {
				sums[k] = choose * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n-k))
				choose = choose * float64(n-k) / float64(k+1)
			}
			for k := n; k >= 0; k-- {
				upper += sums[k]
				if got := BinomialUpper(k, n, p); !near(got, upper, 1e-9) {
					t.Errorf("P(≥ %d of %d at %v) = %v, want %v", k, n, p, got, upper)
				}
				if got := BinomialLower(k-1, n, p); math.Abs(got-(1-upper)) > 1e-12 {
					t.Errorf("P(< %d of %d at %v) = %v, want %v", k, n, p, got, 1-upper)
				}
			}
		}
	}
}

func TestFarTailsKeepTheirPrecision(t *testing.T) {
	// Of one trial a thousand times: 2⁻¹⁰⁰⁰ is within a double's range.
	if got := BinomialUpper(1000, 1000, 0.5); !near(got, math.Pow(2, -1000), 1e-9) {
		t.Errorf("2⁻¹⁰⁰⁰ came out as %v", got)
	}
	// With two degrees of freedom the tail is e^(-x/2).
	for _, x := range []float64{0.1, 3, 50, 300} {
		if got := ChiSquareUpper(x, 2); !near(got, math.Exp(-x/2), 1e-9) {
			t.Errorf("tail at %v with 2 degrees: %v", x, got)
		}
	}
	if got := BinomialUpper(600_000, 1_000_000, 0.5); got <= 0 && got > 1e-300 {
		t.Errorf("a tail of %v", got)
	}
}

// The quantiles of the chi-square distribution as printed in every table.
func TestChiSquareQuantilesOfTheTables(t *testing.T) {
	for _, q := range []struct {
		x       float64
		degrees int
		tail    float64
	}{{3.841, 1, 0.05}, {18.307, 10, 0.05}, {124.342, 100, 0.05}, {310.457, 255, 0.01}, {293.248, 255, 0.05}, {205.421, 255, 0.99}} {
		if got := ChiSquareUpper(q.x, q.degrees); !near(got, q.tail, 0.002) {
			t.Errorf("tail at %v with %d degrees: %v, want %v", q.x, q.degrees, got, q.tail)
		}
	}
}

func TestIntervalsOfTheLiterature(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 10, 0, 0.3085}, {10, 10, 0.6915, 1}, {5, 10, 0.1871, 0.8129}, {1, 100, 0.0003, 0.0545}, {0, 0, 0, 1}} {
		i := ClopperPearson(c.k, c.n, 0.95)
		if math.Abs(i.Low-c.low) > 1e-4 || math.Abs(i.High-c.high) > 1e-4 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, i.Low, i.High, c.low, c.high)
		}
	}
	if i := Wilson(5, 10, 1.959964); math.Abs(i.Low-0.2366) > 1e-4 || math.Abs(i.High-0.7634) > 1e-4 {
		t.Errorf("Wilson of 5 of 10: %v", i)
	}
	if i := Wilson(0, 0, 1.96); i != (Interval{0, 1}) {
		t.Errorf("Wilson of nothing: %v", i)
	}
}

func TestHistogramsThatAreTooEvenAreAsSuspectAsUnevenOnes(t *testing.T) {
	even, uneven := make([]uint32, 256), make([]uint32, 256)
	for i := range even {
		even[i], uneven[i] = 400, 400
	}
	uneven[7] += 600
	for name, h := range map[string][]uint32{"even": even, "uneven": uneven} {
		if p := ChiSquareTwoSided(ChiSquare(h), 255); p > 1e-9 {
			t.Errorf("%s: chance %v", name, p)
		}
	}
	if ChiSquare(make([]uint32, 4)) != 0 {
		t.Error("an empty histogram has a statistic")
	}
}
