// Package linkbench measures what a link costs on this machine: it is behind `sotto bench link` and the benchmarks.
//
// Machines are busy with other things. Therefore whatever is compared is measured in alternating short slices, ratios
// are medians over pairs of slices, and no test fails over a figure.
package linkbench

// The run of all measurements, and how two things are measured side by side.

import (
	"context"
	"time"

	"sotto/noise"
)

// The goals that figures are printed with. Ours: what the design asks of links.
const (
	goalIK      = 250  // µs of the responder's CPU a handshake
	goalNK      = 150  // likewise
	goalDH      = 1.25 // …or so many times the sum of its multiplications
	goalAEAD    = 1.3  // seal and open, beyond one AES block, to the bare AEAD
	goalPipe    = 3    // datagrams per CPU-second at goalTrain, batch to plain
	goalTrain   = 16
	goalSuccess = 0.95 // honest handshakes that succeed under a flood
	floodFactor = 10   // first messages of the flood for each handshake that a core could answer
)

// Least is the shortest budget that gives every measurement a sample.
const Least = 100 * time.Millisecond

// step is one measurement and its part of the budget.
type step struct {
	what  string
	share float64
	run   func(ctx context.Context, budget time.Duration) ([]Figure, error)
}

// Run makes every measurement and emits its figures as they come. The budget is of elapsed time and is kept but for a
// second of preparation, and for handshakes under the flood, which may take five seconds longer. progress hears what is
// measured next. Run ends early with ctx's error, emit's, or a socket's.
func Run(ctx context.Context, budget time.Duration, progress func(what string), emit func(Figure) error) error {
	budget = max(budget, Least)
	capacity := 1.0 // handshakes a second of one core
	for _, s := range []step{
		{"handshakes with both ends' keys (IK)", 0.15, func(ctx context.Context, budget time.Duration) ([]Figure, error) {
			f, err := MeasureHandshake(ctx, noise.IK, budget)
			if f.P50 > 0 {
				capacity = 1e6 / f.P50
			}
			return []Figure{f}, err
		}},
		{"handshakes with the responder's key (NK)", 0.1, one(func(ctx context.Context, budget time.Duration) (Figure, error) {
			return MeasureHandshake(ctx, noise.NK, budget)
		})},
		{"sealing", 0.1, one(MeasureSeal)},
		{"opening", 0.1, one(MeasureOpen)},
		{"core to core", 0.1, one(MeasureForward)},
		{"the pipe, plain and in trains", 0.25, func(ctx context.Context, budget time.Duration) ([]Figure, error) {
			var figures []Figure
			results, err := MeasurePipe(ctx, []int{1, 4, goalTrain, 64}, budget)
			for _, r := range results {
				figures = append(figures, r.Figures()...)
			}
			return figures, err
		}},
		{"round trips over loopback", 0.05, one(MeasureRoundTrip)},
		{"handshakes under a flood", 0.15, one(func(ctx context.Context, budget time.Duration) (Figure, error) {
			return MeasureFlood(ctx, capacity, budget)
		})},
	} {
		progress(s.what)
		figures, err := s.run(ctx, time.Duration(s.share*float64(budget)))
		if err != nil {
			return err
		}
		for _, f := range figures {
			if err := emit(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// one makes a step of a measurement that gives one figure.
func one(measure func(context.Context, time.Duration) (Figure, error)) func(context.Context, time.Duration) ([]Figure, error) {
	return func(ctx context.Context, budget time.Duration) ([]Figure, error) {
		f, err := measure(ctx, budget)
		return []Figure{f}, err
	}
}

// Side is one of several things that are measured side by side. A call does it once and returns how long that took,
// without what it had to prepare.
type Side func() (time.Duration, error)

// fewest and most rounds of a measurement: so that the smallest budget gives a figure, and a large one does not fill
// the memory with samples.
const (
	fewestRounds = 3
	mostRounds   = 20_000
)

// Alternate calls every side once a round until the budget is spent, each time beginning with another one, so that none
// profits from its place. It returns nanoseconds, one slice of samples for each side.
func Alternate(ctx context.Context, budget time.Duration, sides ...Side) ([][]float64, error) {
	samples := make([][]float64, len(sides))
	until := time.Now().Add(budget)
	for round := 0; round < fewestRounds || round < mostRounds && time.Now().Before(until); round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for k := range sides {
			i := (round + k) % len(sides)
			took, err := sides[i]()
			if err != nil {
				return nil, err
			}
			// A clock of coarse steps (Windows) may show nothing at all, and ratios need something to divide by.
			samples[i] = append(samples[i], float64(max(took, 1)))
		}
	}
	return samples, nil
}

// Scaled divides samples.
func Scaled(samples []float64, by float64) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = s / by
	}
	return out
}
