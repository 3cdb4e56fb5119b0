package linkbench

// A flood of first messages against a real endpoint, while others honestly dial it.

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"sotto/noise"
)

const (
	// attackers is how many sockets the flood comes from: of as many addresses, or of 127.0.0.1 alone.
	attackers = 32
	// kindLen is how many different datagrams of each kind there are: fewer than an endpoint answers at once without
	// asking for cookies, since the replays must have been answered before.
	kindLen = 48

	attackerNet = 77 // attackers are at 127.77.0.0/16
	honestNet   = 99 // honest initiators at 127.99.0.0/16, each at an address of its own

	// honestEvery is between two honest dials; honestAlone where all of them have one source address, of which an
	// endpoint under load answers only 20 first messages a second.
	honestEvery = 50 * time.Millisecond
	honestAlone = 150 * time.Millisecond
)

// MeasureFlood sends an endpoint floodFactor × capacity first messages a second that are garbage, or in a right
// envelope around a handshake that fails, or replays, a third each, in trains from many sources. For as long as budget
// honest initiators begin to dial, IK and NK in turn, and the flood goes on until each is linked or has given up, which
// is after five tries in five seconds. The figure is the time to a link of those that got one.
//
// Attackers, attacked and honest share this process and its processors: the flood may be slower than it should be, and
// says so.
func MeasureFlood(ctx context.Context, capacity float64, budget time.Duration) (Figure, error) {
	victim, err := startNode(ctx, local(), func(noise.Event) {})
	if err != nil {
		return Figure{}, err
	}
	defer victim.stop()
	apart := hasAddress(sourceAddr(attackerNet, 0, true))
	load, err := loadCannon(ctx, victim, floodFactor*capacity, apart)
	if err != nil {
		return Figure{}, err
	}
	defer load.close()
	before, heap := victim.endpoint.Stats(), heapInUse()

	shooting, cease := context.WithCancel(ctx)
	defer cease()
	var flood sync.WaitGroup
	flood.Go(func() { load.fire(shooting) })
	honest, err := dialHonestly(ctx, victim, budget, apart)
	cease()
	flood.Wait()
	if err != nil {
		return Figure{}, err
	}
	growth := heapInUse() - heap
	after := victim.endpoint.Stats()

	f := NewFigure("flood_handshake_ms", "ms", honest.took)
	f.N = honest.dials
	f.Add("success", float64(len(honest.took))/float64(honest.dials)).Add("goal_success", goalSuccess)
	f.Add("flood_per_s", float64(load.shots)/load.during.Seconds()).Add("target_per_s", floodFactor*capacity)
	f.Add("sources", load.sources).Add("taken_in", min(1, float64(after.Received-before.Received)/float64(max(load.shots, 1))))
	f.Add("challenged", after.Challenged-before.Challenged).Add("bad", after.Bad-before.Bad)
	f.Add("replayed", after.Replayed-before.Replayed).Add("foreign", after.Foreign-before.Foreign)
	f.Add("heap_growth_bytes", max(growth, 0)).Add("heap_bound_bytes", noise.FloodMemoryBound)
	return f, nil
}

// heapInUse is the bytes of the heap that something still refers to.
func heapInUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// cannon sends a flood.
type cannon struct {
	pipes   []*noise.UDPPipe
	sources int // addresses that the pipes have
	target  netip.AddrPort
	charges [][]byte // of the three kinds in turn
	rate    float64  // datagrams a second

	shots  int
	during time.Duration
}

// loadCannon opens the sockets and makes the ammunition.
func loadCannon(ctx context.Context, victim *node, rate float64, apart bool) (*cannon, error) {
	c := &cannon{target: victim.addr, rate: rate, sources: 1}
	if apart {
		c.sources = attackers
	}
	for i := range attackers {
		p, err := noise.ListenUDP(netip.AddrPortFrom(sourceAddr(attackerNet, i, apart), 0), noise.UDPOptions{})
		if err != nil {
			c.close()
			return nil, err
		}
		c.pipes = append(c.pipes, p)
	}
	if err := c.charge(victim); err != nil {
		c.close()
		return nil, err
	}
	if err := c.spendReplays(ctx, victim); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// charge makes the ammunition.
func (c *cannon) charge(victim *node) error {
	for i := range kindLen {
		garbage := make([]byte, noise.DatagramLen)
		if _, err := rand.Read(garbage); err != nil {
			return err
		}
		pattern := noise.IK
		if i%2 == 1 {
			pattern = noise.NK
		}
		wrong := victim.target(pattern)
		wrong.Node = [32]byte{'o', 't', 'h', 'e', 'r'} // the handshake authenticates whom it is for
		bad, err := firstMessage(time.Now(), wrong)
		if err != nil {
			return err
		}
		replay, err := firstMessage(time.Now(), victim.target(pattern))
		if err != nil {
			return err
		}
		c.charges = append(c.charges, garbage, bad, replay)
	}
	return nil
}

// spendReplays has the victim answer each of the replays once.
func (c *cannon) spendReplays(ctx context.Context, victim *node) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var b noise.Batch
	for i := 2; i < len(c.charges); i += 3 {
		copy(b.Next(c.target), c.charges[i])
	}
	if err := c.pipes[0].Send(&b); err != nil {
		return err
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for victim.endpoint.Stats().Initiated < kindLen {
		select {
		case <-look.C:
		case <-ctx.Done():
			return errors.Join(errNoLink, ctx.Err())
		}
	}
	return nil
}

// fire sends trains from one pipe after the other at the rate of the cannon until ctx ends.
func (c *cannon) fire(ctx context.Context) {
	var b noise.Batch
	began := time.Now()
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for k := 0; ctx.Err() == nil; k++ {
		c.during = time.Since(began)
		if float64(c.shots) >= c.rate*c.during.Seconds() {
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
			continue
		}
		b.Reset()
		for range goalTrain {
			copy(b.Next(c.target), c.charges[c.shots%len(c.charges)])
			c.shots++
		}
		if c.pipes[k%len(c.pipes)].Send(&b) != nil {
			return // the rate that was reached tells
		}
	}
	c.during = time.Since(began)
}

// close closes the sockets.
func (c *cannon) close() {
	for _, p := range c.pipes {
		_ = p.Close()
	}
}
