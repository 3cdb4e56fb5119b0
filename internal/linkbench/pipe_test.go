package linkbench

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sotto/noise"
)

func TestMeasurePipeGivesAFigureForEveryTrain(t *testing.T) {
	trains := []int{1, 16, 64}
	results, err := MeasurePipe(t.Context(), trains, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(trains) {
		t.Fatalf("%d results for %d trains", len(results), len(trains))
	}
	for i, r := range results {
		if r.Train != trains[i] || r.N < 2*rounds*r.Train || r.PlainPerCPUSecond <= 0 || r.BatchPerCPUSecond <= 0 {
			t.Errorf("no full measurement: %+v", r)
		}
	}
}

func TestMeasurePipeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MeasurePipe(ctx, []int{16}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v after the context ended", err)
	}
}

func TestMeasurePipeRefusesTrainsThatNoBatchHolds(t *testing.T) {
	for _, train := range []int{-1, 0, noise.BatchLen + 1} {
		if _, err := MeasurePipe(t.Context(), []int{train}, time.Millisecond); err == nil {
			t.Errorf("a train of %d was measured", train)
		}
	}
}

// BenchmarkPipe prints, beside the time of one train, how many datagrams went out and came in per CPU-second.
func BenchmarkPipe(b *testing.B) {
	for _, path := range []struct {
		name string
		opt  noise.UDPOptions
	}{{"plain", noise.UDPOptions{Plain: true}}, {"batch", noise.UDPOptions{}}} {
		for _, train := range []int{1, 4, 16, 64} {
			b.Run(fmt.Sprintf("%s/train=%d", path.name, train), func(b *testing.B) {
				l, err := NewLoop(path.opt)
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				b.ReportAllocs()
				before := CPUTime()
				for b.Loop() {
					if err := l.Turn(train); err != nil {
						b.Fatal(err)
					}
				}
				if cost := CPUTime() - before; cost > 0 {
					b.ReportMetric(float64(b.N*train)/cost.Seconds(), "datagrams/cpu-s")
				}
			})
		}
	}
}
