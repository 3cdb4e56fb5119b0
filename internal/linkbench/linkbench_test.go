package linkbench

import (
	"context"
	"errors"
	"testing"
	"time"

	"sotto/noise"
)

// detail is the value beside a figure.
func detail(t *testing.T, f Figure, key string) any {
	t.Helper()
	for _, d := range f.Details {
		if d.Key == key {
			return d.Value
		}
	}
	t.Fatalf("%s has no %s", f.Name, key)
	return nil
}

func TestRunStopsWhenAFigureCannotBeEmitted(t *testing.T) {
	full := errors.New("disk full")
	emitted := 0
	err := Run(t.Context(), time.Millisecond, func(string) {}, func(Figure) error { emitted++; return full })
	if !errors.Is(err, full) || emitted != 1 {
		t.Errorf("%v after %d figures", err, emitted)
	}
}

func TestAlternateBeginsEachRoundWithAnother(t *testing.T) {
	var order []int
	mark := func(i int) Side {
		return func() (time.Duration, error) { order = append(order, i); return time.Duration(i), nil }
	}
	samples, err := Alternate(t.Context(), 0, mark(0), mark(1))
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 1, 0, 0, 1}; len(order) != len(want) || order[2] != 1 || order[4] != 0 {
		t.Errorf("the order was %v", order)
	}
	if len(samples[0]) != fewestRounds || samples[1][0] != 1 {
		t.Errorf("the samples are %v", samples)
	}
}

func TestResponderAnswersEveryNewInitiator(t *testing.T) {
	for _, p := range []noise.Pattern{noise.IK, noise.NK} {
		r, err := newResponder(p)
		if err != nil {
			t.Fatal(err)
		}
		const n = 250 // more than are answered at once without a cookie
		for range n {
			if _, err := r.answer(); err != nil {
				t.Fatal(err)
			}
		}
		st := r.core.Stats()
		points := map[noise.Pattern]uint64{noise.IK: 5, noise.NK: 3}[p] // what multiplications() is to do
		if st.Initiated != n || st.DH != n*points {
			t.Errorf("pattern %d: %d answered with %d multiplications", p, st.Initiated, st.DH)
		}
	}
}

func TestFloodIsOfAllThreeKindsAndHonestOnesAreCounted(t *testing.T) {
	f, err := MeasureFlood(t.Context(), 500, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if f.N < 1 || detail(t, f, "success").(float64) <= 0 {
		t.Errorf("no honest initiator got through: %v", f)
	}
	for _, kind := range []string{"bad", "replayed", "foreign"} {
		if detail(t, f, kind).(uint64) == 0 {
			t.Errorf("the flood had nothing that is %s", kind)
		}
	}
	if rate := detail(t, f, "flood_per_s").(float64); rate <= 0 {
		t.Errorf("the flood had a rate of %v", rate)
	}
}

func TestMeasurementsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, measure := range map[string]func(context.Context, time.Duration) (Figure, error){
		"seal": MeasureSeal, "open": MeasureOpen, "forward": MeasureForward, "round trip": MeasureRoundTrip,
		"handshake": func(ctx context.Context, d time.Duration) (Figure, error) { return MeasureHandshake(ctx, noise.IK, d) },
		"flood":     func(ctx context.Context, d time.Duration) (Figure, error) { return MeasureFlood(ctx, 100, d) },
	} {
		if _, err := measure(ctx, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v after the context ended", name, err)
		}
	}
}
