// Measuring the links: authenticated datagrams to every neighbour and back.

package overlay

import (
	"context"
	"sync"
	"time"
)

// Measured is what Measure found out.
type Measured struct {
	Neighbors int    // in the last round
	Sent      int    // probes, one datagram each
	Echoed    int    // answers, one datagram each
	RTT       Spread // of all answers
}

// measurement collects echoes.
type measurement struct {
	mu   sync.Mutex
	rtts []time.Duration
}

func (m *measurement) echo(rtt time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rtts = append(m.rtts, rtt)
}

// echoWait is how long Measure waits for the last echoes.
const echoWait = time.Second

// Measure probes every neighbour with a name so many times, a pause between the rounds, and waits a second for the last
// answers. It ends early with ctx. One at a time: a second call takes the answers away from the first.
func (n *Node) Measure(ctx context.Context, rounds int, pause time.Duration) Measured {
	m := &measurement{}
	n.mu.Lock()
	n.measure = m
	n.mu.Unlock()
	var r Measured
	for i := range rounds {
		if i > 0 && !wait(ctx, pause) {
			break
		}
		n.shell.Do(func(now time.Time) {
			r.Neighbors = 0
			for _, to := range n.steward.pool.Neighbors() {
				if to.Client {
					continue
				}
				r.Neighbors++
				if n.steward.pool.Probe(now, to.Neighbor) == nil {
					r.Sent++
				}
			}
		})
	}
	wait(ctx, echoWait)
	n.mu.Lock()
	if n.measure == m {
		n.measure = nil
	}
	n.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Echoed, r.RTT = len(m.rtts), SpreadOf(m.rtts)
	return r
}

// wait reports whether the time went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
