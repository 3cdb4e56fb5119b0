package linkbench

// The pipe: datagrams per CPU-second, plain and batched, for trains of several lengths.

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"sotto/noise"
)

// rounds is into how many alternating slices the budget of one train length is cut, so that a disturbance of the
// machine meets both paths. Few, because the kernel tells CPU time in steps of up to 10 ms.
const rounds = 8

// patience is how much longer than its budget a measurement may take before it is given up: something on this machine
// swallows loopback datagrams then.
const patience = 10 * time.Second

// PipeResult is the measurement of one train length over loopback. A datagram that was sent and received counts
// once, and its cost is that of both directions together. The CPU time is the whole process's, user and system, the
// kernel's work for loopback included: nothing else should run in the process.
type PipeResult struct {
	Train             int     // consecutive datagrams to one address
	PlainPerCPUSecond float64 // one datagram a system call
	BatchPerCPUSecond float64 // as the system allows; like plain where it has no batching
	Ratio             float64 // batch to plain: the median over pairs of slices
	N                 int     // datagrams measured, of both paths together
	Segmenting        bool    // whether the batched path sent trains in one call
	Coalescing        bool    // whether it could receive them in one
	WallClock         bool    // there is no CPU clock here (Windows): the figures are per second of elapsed time

	plain, batch spent
}

// Figures are the two lines that `sotto bench link` prints of a result.
func (r PipeResult) Figures() []Figure {
	clock := "cpu"
	if r.WallClock {
		clock = "wall"
	}
	plain := NewFigure("datagrams_per_cpu_s", "1/s", r.plain.rates)
	plain.N = r.plain.datagrams
	plain.Add("path", "plain").Add("train", r.Train).Add("clock", clock)
	batch := NewFigure("datagrams_per_cpu_s", "1/s", r.batch.rates)
	batch.N = r.batch.datagrams
	batch.Add("path", "batch").Add("train", r.Train).Add("clock", clock).Add("ratio", r.Ratio)
	if r.Train == goalTrain {
		batch.Add("goal_ratio", goalPipe)
	}
	batch.Add("segmenting", r.Segmenting).Add("coalescing", r.Coalescing)
	return []Figure{plain, batch}
}

// MeasurePipe measures each train length (1 to noise.BatchLen) for an equal share of the budget, which is of elapsed
// time. It opens sockets on 127.0.0.1 and ends early, with ctx's error, when ctx does; where datagrams get lost even on
// loopback it ends with context.DeadlineExceeded.
func MeasurePipe(ctx context.Context, trains []int, budget time.Duration) ([]PipeResult, error) {
	ctx, cancel := context.WithTimeout(ctx, budget+patience)
	defer cancel()
	var results []PipeResult
	for _, train := range trains {
		if train < 1 || train > noise.BatchLen {
			return nil, fmt.Errorf("linkbench: a train has 1 to %d datagrams", noise.BatchLen)
		}
		r, err := measureTrain(ctx, train, budget/time.Duration(len(trains)))
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// measureTrain measures both paths with one train length.
func measureTrain(ctx context.Context, train int, budget time.Duration) (PipeResult, error) {
	plain, err := NewLoop(noise.UDPOptions{Plain: true})
	if err != nil {
		return PipeResult{}, err
	}
	defer plain.Close()
	batch, err := NewLoop(noise.UDPOptions{})
	if err != nil {
		return PipeResult{}, err
	}
	defer batch.Close()
	stop := context.AfterFunc(ctx, func() { plain.Close(); batch.Close() }) // ends a Receive that waits
	defer stop()

	var plainSpent, batchSpent spent
	for range rounds {
		for _, half := range []struct {
			loop *Loop
			sum  *spent
		}{{plain, &plainSpent}, {batch, &batchSpent}} {
			if err := half.sum.spend(half.loop, train, budget/(2*rounds)); err != nil {
				if ctx.Err() != nil {
					return PipeResult{}, ctx.Err()
				}
				return PipeResult{}, err
			}
		}
	}
	stats := batch.from.Stats()
	return PipeResult{
		Train:             train,
		PlainPerCPUSecond: plainSpent.rate(),
		BatchPerCPUSecond: batchSpent.rate(),
		Ratio:             MedianRatio(batchSpent.rates, plainSpent.rates),
		N:                 plainSpent.datagrams + batchSpent.datagrams,
		Segmenting:        stats.Segmenting,
		Coalescing:        stats.Coalescing,
		WallClock:         !hasCPUClock,
		plain:             plainSpent,
		batch:             batchSpent,
	}, nil
}

// spent adds up datagrams and the time they cost.
type spent struct {
	datagrams int
	cost      time.Duration
	rates     []float64 // of each slice, datagrams per second of cost
}

// spend runs the loop for a while.
func (s *spent) spend(l *Loop, train int, during time.Duration) error {
	slice, began, until := 0, CPUTime(), time.Now().Add(during)
	for {
		if err := l.Turn(train); err != nil {
			return err
		}
		slice += train
		if !time.Now().Before(until) {
			// A slice shorter than the step of the clock may seem to have cost nothing.
			cost := max(CPUTime()-began, time.Microsecond)
			s.datagrams += slice
			s.cost += cost
			s.rates = append(s.rates, float64(slice)/cost.Seconds())
			return nil
		}
	}
}

// rate is datagrams per second of cost.
func (s *spent) rate() float64 { return float64(s.datagrams) / s.cost.Seconds() }

// Loop is two pipes on loopback, one sending to the other.
type Loop struct {
	from, to *noise.UDPPipe
	addr     netip.AddrPort
	out, in  noise.Batch
}

// NewLoop opens both pipes.
func NewLoop(opt noise.UDPOptions) (*Loop, error) {
	local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	from, err := noise.ListenUDP(local, opt)
	if err != nil {
		return nil, err
	}
	to, err := noise.ListenUDP(local, opt)
	if err != nil {
		return nil, joinClose(err, from)
	}
	return &Loop{from: from, to: to, addr: to.LocalAddrPort()}, nil
}

// joinClose closes a pipe on the way out with an error.
func joinClose(err error, p *noise.UDPPipe) error {
	_ = p.Close() // err says more
	return err
}

// Turn sends one train and receives all of it. Nothing is lost on the way: there is never more than one train in a
// socket buffer.
func (l *Loop) Turn(train int) error {
	l.out.Reset()
	for range train {
		l.out.Next(l.addr)
	}
	if err := l.from.Send(&l.out); err != nil {
		return err
	}
	for got := 0; got < train; got += l.in.Len() {
		if err := l.to.Receive(&l.in); err != nil {
			return err
		}
	}
	return nil
}

// Close closes both pipes. Twice is fine.
func (l *Loop) Close() {
	_ = l.from.Close() // nothing was buffered, so there is nothing to lose
	_ = l.to.Close()
}
