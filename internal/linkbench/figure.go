package linkbench

// Figures: what a measurement is when it is printed, and how samples become one.

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Figure is one metric with what stands beside it. Its name and the keys are what scripts rely on.
type Figure struct {
	Name     string
	P50, P95 float64 // the median and the 95th percentile of the samples
	N        int     // how often the thing was done that the name counts
	Unit     string
	Details  []Detail // in the order in which they are printed
}

// Detail is a value beside the metric: what it was measured against, the conditions, the goal.
type Detail struct {
	Key   string
	Value any // float64, int, uint64, bool or a word without spaces
}

// NewFigure makes a figure of samples, of which there is at least one.
func NewFigure(name, unit string, samples []float64) Figure {
	return Figure{Name: name, P50: Quantile(samples, 0.5), P95: Quantile(samples, 0.95), N: len(samples), Unit: unit}
}

// Add appends a detail.
func (f *Figure) Add(key string, value any) *Figure {
	f.Details = append(f.Details, Detail{key, value})
	return f
}

// String is the line of a figure: metric=NAME p50=… p95=… n=… unit=… and the details.
func (f Figure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "metric=%s p50=%s p95=%s n=%d unit=%s", f.Name, decimal(f.P50), decimal(f.P95), f.N, f.Unit)
	for _, d := range f.Details {
		if v, ok := d.Value.(float64); ok {
			fmt.Fprintf(&b, " %s=%s", d.Key, decimal(v))
			continue
		}
		fmt.Fprintf(&b, " %s=%v", d.Key, d.Value)
	}
	return b.String()
}

// MarshalJSON is one flat object with the keys of the line.
func (f Figure) MarshalJSON() ([]byte, error) {
	flat := map[string]any{
		"metric": f.Name, "p50": number(f.P50), "p95": number(f.P95), "n": f.N, "unit": f.Unit,
	}
	for _, d := range f.Details {
		if v, ok := d.Value.(float64); ok {
			flat[d.Key] = number(v)
			continue
		}
		flat[d.Key] = d.Value
	}
	return json.Marshal(flat)
}

// decimal writes four significant digits, and whole numbers whole.
func decimal(v float64) string {
	if math.Abs(v) >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// number is a value as JSON has it, with the digits of the line.
func number(v float64) json.Number { return json.Number(decimal(v)) }

// Quantile is the value below which the given part of the samples lies (the nearest one). Without samples it is 0.
func Quantile(samples []float64, part float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[int(math.Round(part*float64(len(sorted)-1)))]
}

// MedianRatio is the median of a[i]/b[i]. What disturbs the machine for longer than a pair takes cancels out.
func MedianRatio(a, b []float64) float64 {
	ratios := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	return Quantile(ratios, 0.5)
}
