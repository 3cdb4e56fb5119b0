package netbench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sotto/internal/linkbench"
)

// metrics is every metric in order.
var metrics = []string{
	"relay_cell_us", "relay_floor_us", "create_us", "idle_circuit_bytes", "link_rtt_ms", "circuit_build_ms", "stem_request_ms",
	"session_open_ms", "session_rtt_ms", "datagram_one_way_ms", "message_ms",
}

func measure(t *testing.T, c Config) (figures []linkbench.Figure) {
	t.Helper()
	c.Progress = func(what string) { t.Log(what) }
	c.Emit = func(f linkbench.Figure) error {
		t.Log(f)
		figures = append(figures, f)
		return nil
	}
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return figures
}

func TestEveryMetricIsMeasured(t *testing.T) {
	var names []string
	for _, f := range measure(t, Config{Budget: 800 * time.Millisecond}) {
		names = append(names, f.Name)
		if f.P50 <= 0 || f.P95 < f.P50 || f.N == 0 {
			t.Errorf("nothing was measured: %v", f)
		}
	}
	if !slices.Equal(names, metrics) {
		t.Errorf("the metrics are %q", names)
	}
}

func TestMeasuringEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Run(ctx, Config{Budget: time.Hour, Progress: func(string) {}, Emit: func(linkbench.Figure) error { return nil }})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestMeasuringEndsWhenAFigureCannotBeEmitted(t *testing.T) {
	full := errors.New("disk full")
	err := Run(t.Context(), Config{Progress: func(string) {}, Emit: func(linkbench.Figure) error { return full }})
	if !errors.Is(err, full) {
		t.Error(err)
	}
}
