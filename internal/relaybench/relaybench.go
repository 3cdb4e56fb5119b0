// Package relaybench measures what a relay spends on one cell, from the datagram that comes in to the one that goes out,
// beside the sum of its parts: UDP in and out, two link ciphers, one layer.
//
// The relay is a whole node on a socket of this machine, between a client and another relay. What runs above the links is
// given as functions, so that this package measures forwarding and knows no circuits.
package relaybench

import (
	"context"
	"errors"
	"runtime"
	"time"

	"sotto/internal/linkbench"
	"sotto/overlay"
	"sotto/overlay/peer"
)

// Goals (protocol §8).
const (
	goalCell  = 2.0 // µs of CPU a cell, in trains
	goalRatio = 1.3 // …or so many times the sum of its parts
)

// Node is a relay that runs. Run is the life of it, as overlay.Node.Run is.
type Node interface {
	Run(ctx context.Context) error
	Status() overlay.Status
}

// Work is what runs above the links. Frames have noise.FrameLen bytes.
type Work struct {
	// Node makes a relay: the one that is measured, and the one that it gives cells on to.
	Node func(overlay.Config) (Node, error)
	// Open is called when all links stand: from now on what Fill makes is to go through the relay that is measured, hops[0],
	// and on to hops[1].
	Open func(ctx context.Context, near *Near, overlay peer.OverlayID, relay Node, hops [2]peer.NodeID) error
	// Fill makes the next cell that comes to the relay. It is not measured.
	Fill func(frame []byte) error
	// Layer is the part that nobody can save, one layer, done to the i-th of the cells that Prepare has made.
	Prepare func(n int) error
	Layer   func(i int) error
}

// ErrLost means that cells got lost on the way.
var ErrLost = errors.New("relaybench: cells were lost on loopback; see that nothing else fills its buffers, and try again")

// patience is how long one turn may take, in which everything is under way at once.
const patience = 5 * time.Second

// Measure measures relay_cell_us over loopback in trains of so many cells, with relay_floor_us beside it. Both are CPU
// time of the process, with the kernel's work, in slices that alternate: windows through the relay, windows through a
// socket that sends back what comes, and windows of ciphers. UDP in and out is half of the second, which has two sends and
// two receives; what the relay adds to it is the first without the second. It fails with ErrLost, ctx's error, or a
// socket's.
//
// All of it runs on one processor, and the figures are those of one: on a machine that is idle otherwise the runtime has the
// others look for work all the time, which counts as the process's but is nobody's cell (measured: 1.2 µs on one, 1.9 on
// two).
func Measure(ctx context.Context, w Work, train int, budget time.Duration) ([]linkbench.Figure, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r, err := newRun(ctx, w, train)
	if err != nil {
		return nil, err
	}
	defer r.close()
	samples, err := linkbench.Alternate(ctx, budget, r.relay, r.bare, r.ciphers)
	if err != nil {
		return nil, err
	}
	cells, floor := make([]float64, len(samples[0])), make([]float64, len(samples[0]))
	for i := range cells {
		udp := samples[1][i] / 2
		cells[i] = samples[0][i] - udp
		floor[i] = udp + samples[2][i]
	}
	allocations, err := allocationsOf(r)
	if err != nil {
		return nil, err
	}
	per := 1000 * float64(r.window)
	cell := linkbench.NewFigure("relay_cell_us", "us", linkbench.Scaled(cells, per))
	cell.N *= r.window
	cell.Add("train", train).Add("processors", 1).Add("goal", goalCell).Add("ratio", linkbench.MedianRatio(cells, floor)).Add("goal_ratio", goalRatio)
	cell.Add("allocs", allocations)
	least := linkbench.NewFigure("relay_floor_us", "us", linkbench.Scaled(floor, per))
	least.N *= r.window
	udp := linkbench.NewFigure("", "", linkbench.Scaled(samples[1], 2*per))
	ciphers := linkbench.NewFigure("", "", linkbench.Scaled(samples[2], per))
	least.Add("train", train).Add("processors", 1).Add("udp_us", udp.P50).Add("ciphers_us", ciphers.P50)
	return []linkbench.Figure{cell, least}, nil
}

// allocationsOf counts the allocations of a turn a cell, rounded down: below one are those of whoever measures.
func allocationsOf(r *run) (int, error) {
	if err := r.near.seal(r.trains, r.train, r.work.Fill); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, came, err := r.turn(r.pipes[0], r.valves[0], r.pipes[2])
	runtime.ReadMemStats(&after)
	r.gate.give(r.back[:came])
	return int(after.Mallocs-before.Mallocs) / r.window, err
}
