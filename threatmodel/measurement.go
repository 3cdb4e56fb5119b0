package threatmodel

import (
	"context"
	"fmt"
	"math"
	"strings"

	"sotto/threatmodel/stat"
)

// What a measurement gives: figures, each with the number of trials behind it, a confidence interval where it is a
// proportion, and the limit at which it contradicts its claim.

// Scale is how much is measured.
type Scale uint8

// The scales.
const (
	Quick Scale = iota // seconds a claim: everything a change must pass
	Full               // minutes a claim: full sample sizes
)

// pick is a sample size by scale.
func (s Scale) pick(quick, full int) int {
	if s == Full {
		return full
	}
	return quick
}

// MeasureFunc runs a measurement. An error means that nothing could be measured, which proves no claim either.
type MeasureFunc func(ctx context.Context, s Scale) (Measurement, error)

// Measurement is what came out.
type Measurement struct {
	Seed    uint64 // from which it can be repeated
	Figures []Figure
	Remarks []string // conditions of the measurement, for the reader
}

// Violated reports whether a figure is beyond its limit.
func (m Measurement) Violated() bool {
	for _, f := range m.Figures {
		if f.Violated {
			return true
		}
	}
	return false
}

// Worst returns the first figure that is beyond its limit.
func (m Measurement) Worst() (Figure, bool) {
	for _, f := range m.Figures {
		if f.Violated {
			return f, true
		}
	}
	return Figure{}, false
}

// add appends figures under a common heading.
func (m *Measurement) add(heading string, figures ...Figure) {
	for _, f := range figures {
		if heading != "" {
			f.Name = heading + ": " + f.Name
		}
		m.Figures = append(m.Figures, f)
	}
}

func (m *Measurement) remark(format string, args ...any) {
	m.Remarks = append(m.Remarks, fmt.Sprintf(format, args...))
}

// Figure is one number.
type Figure struct {
	Name     string
	Value    float64
	Unit     string  // "" for a plain count, "share" for a proportion, "chance" for a corrected p-value, or a unit
	N        int     // trials, 0 where there are none
	Low      float64 // 95 % confidence interval of a proportion of N
	High     float64
	Interval bool   // whether Low and High are given
	Limit    string // in words, "" for a figure that is only shown
	Violated bool
}

// confidence of the intervals that are shown. Verdicts use far smaller tails, so that a run without a fault raises no
// alarm: see alarm.
const confidence = 0.95

// alarm is the corrected chance below which randomness is not believed. Seeds are fixed, so a run does not flicker; it
// guards against changing a seed or the code: with fewer than 100 such figures, an alarm without a cause comes less
// than once in 10⁶ such changes.
const alarm = 1e-8

// never is a count of things that must not happen in n trials.
func never(name string, k, n int) Figure {
	i := stat.ClopperPearson(k, n, confidence)
	return Figure{Name: name, Value: float64(k), N: n, Low: i.Low, High: i.High, Interval: true, Limit: "0", Violated: k != 0}
}

// atLeast is a share of n trials, which must be at least limit, and be so by the lower end of its interval.
func atLeast(name string, k, n int, limit float64) Figure {
	i := stat.ClopperPearson(k, n, confidence)
	return Figure{
		Name: name, Value: float64(k) / float64(max(1, n)), Unit: "share", N: n, Low: i.Low, High: i.High, Interval: true,
		Limit: fmt.Sprintf("≥ %g, by its interval", limit), Violated: i.Low < limit,
	}
}

// chance is the smallest p-value of so many tests, corrected for their number (Bonferroni), over n samples each.
func chance(name string, p float64, tests, n int) Figure {
	corrected := min(1, p*float64(tests))
	return Figure{
		Name: name, Value: corrected, Unit: "chance", N: n, Limit: fmt.Sprintf("≥ %.0e", alarm),
		Violated: corrected < alarm || math.IsNaN(corrected),
	}
}

// atMost is an amount with a bound.
func atMost(name string, value, limit float64, unit string) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Limit: fmt.Sprintf("≤ %.4g %s", limit, unit), Violated: value > limit}
}

// shown is a figure without a limit.
func shown(name string, value float64, unit string) Figure {
	return Figure{Name: name, Value: value, Unit: unit}
}

// String is one line.
func (f Figure) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%-84s %s", f.Name, f.amount())
	if f.N > 0 {
		fmt.Fprintf(&s, "  n=%d", f.N)
	}
	if f.Interval {
		fmt.Fprintf(&s, "  95%% [%.3g, %.3g]", f.Low, f.High)
	}
	if f.Limit != "" {
		fmt.Fprintf(&s, "  limit %s", f.Limit)
	}
	if f.Violated {
		s.WriteString("  VIOLATED")
	}
	return s.String()
}

func (f Figure) amount() string {
	switch f.Unit {
	case "":
		return fmt.Sprintf("%.0f", f.Value)
	case "share":
		return fmt.Sprintf("%.2f %%", 100*f.Value)
	case "chance":
		return fmt.Sprintf("chance %.2g", f.Value)
	}
	return fmt.Sprintf("%.4g %s", f.Value, f.Unit)
}
