package relaybench

// One run without sockets: what the relay's own code spends on a cell.

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"sotto/internal/linkbench"
	"sotto/noise"
)

// memory is a pipe whose other side is a measurement. In come batches that it is given, out go batches that are counted
// while measuring and delivered otherwise.
type memory struct {
	mu      sync.Mutex
	cond    *sync.Cond
	waiting []*noise.Batch
	closed  bool
	drained time.Time // when the relay asked for more than there is
	idle    bool
	deliver func(*noise.Batch) error
}

func newMemory() *memory {
	m := &memory{}
	m.cond = sync.NewCond(&m.mu)
	return m
}

// Receive implements noise.Pipe. It copies, as a socket does.
func (m *memory) Receive(b *noise.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 0 {
		m.drained, m.idle = time.Now(), true
		m.cond.Broadcast()
	}
	for len(m.waiting) == 0 && !m.closed {
		m.cond.Wait()
	}
	if m.closed {
		return noise.ErrClosed
	}
	b.Reset()
	err := appendBatch(b, m.waiting[0])
	m.waiting = m.waiting[1:]
	return err
}

// Send implements noise.Pipe.
func (m *memory) Send(b *noise.Batch) error { return m.deliver(b) }

// Close ends Receive.
func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.cond.Broadcast()
	return nil
}

// process gives the relay batches and waits until it has done with them.
func (m *memory) process(batches ...*noise.Batch) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.idle { // it may be at the end of the turn before
		m.cond.Wait()
	}
	m.waiting, m.idle = batches, false
	began := time.Now()
	m.cond.Broadcast()
	for !m.idle && !m.closed {
		m.cond.Wait()
	}
	return m.drained.Sub(began)
}

// places are where the relay and the two ends are in memory.
func places() (relay, near, far netip.AddrPort) {
	at := func(last byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, last}), 4433)
	}
	return at(1), at(2), at(3)
}

// chain is a relay between two ends in memory.
type chain struct {
	pipe      *memory
	relay     *relay
	near, far *end

	mu    sync.Mutex
	inbox map[netip.AddrPort]*noise.Batch // what came for an end; what is over a batch is lost, it is a ping
}

// newChain starts the relay and links both ends.
func newChain(ctx context.Context, w Work, running *sync.WaitGroup) (*chain, error) {
	at, near, far := places()
	c := &chain{pipe: newMemory(), inbox: map[netip.AddrPort]*noise.Batch{near: new(noise.Batch), far: new(noise.Batch)}}
	c.pipe.deliver = c.deliver
	var err error
	if c.relay, err = newRelay(c.pipe, c.pipe.Close, at, w.Pass); err != nil {
		return nil, err
	}
	running.Go(func() { _ = c.relay.Run(ctx) })
	if c.near, err = c.link(near); err != nil {
		return nil, err
	}
	c.far, err = c.link(far)
	return c, err
}

// deliver is what the relay's pipe sends. What goes to the far end is lost, but for the first batch.
func (c *chain) deliver(b *noise.Batch) error {
	to, _ := b.At(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.inbox[to]
	if in == nil || in.Full() {
		return nil
	}
	at, _, _ := places()
	return appendFrom(in, b, at)
}

// link dials from a place until the relay knows of the link.
func (c *chain) link(from netip.AddrPort) (*end, error) {
	e, err := newEnd(c.relay.overlay)
	if err != nil {
		return nil, err
	}
	send := func(b *noise.Batch) error {
		in := new(noise.Batch)
		if err := appendFrom(in, b, from); err != nil {
			return err
		}
		c.pipe.process(in)
		return nil
	}
	if err := e.dial(c.relay.target, send); err != nil {
		return nil, err
	}
	for limit := time.Now().Add(patience); ; {
		if err := c.hear(e, from, send); err != nil {
			return nil, err
		}
		select {
		case <-c.relay.linked:
			return e, nil
		default:
		}
		if time.Now().After(limit) {
			return nil, errNoLink
		}
	}
}

// hear gives an end what came for it.
func (c *chain) hear(e *end, at netip.AddrPort, send func(*noise.Batch) error) error {
	got := new(noise.Batch)
	c.mu.Lock()
	in := c.inbox[at]
	relay, _, _ := places()
	err := appendFrom(got, in, relay)
	in.Reset()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return e.take(got, send)
}

// MeasureChain measures relay_chain_us: what the relay's own code spends on a cell from the batch that comes in to the
// batch that goes out, in trains and without sockets, with the ciphers and the layer of the same slices beside it. It is
// elapsed time, of ten seconds at most.
func MeasureChain(ctx context.Context, w Work, train int, budget time.Duration) (linkbench.Figure, error) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := newChain(ctx, w, &running)
	if err != nil {
		return linkbench.Figure{}, err
	}
	r := &run{work: w, train: train, sealer: noise.NewSealer([32]byte{}, 1, [16]byte{}), opener: noise.NewOpener([32]byte{})}
	for range max(1, windowMost/train) {
		r.trains = append(r.trains, new(noise.Batch))
	}
	r.window = len(r.trains) * train
	_, near, _ := places()
	in := make([]*noise.Batch, len(r.trains))
	for i := range in {
		in[i] = new(noise.Batch)
	}
	samples, err := linkbench.Alternate(ctx, min(budget, 10*time.Second), func() (time.Duration, error) {
		if err := c.hear(c.near, near, func(*noise.Batch) error { return nil }); err != nil {
			return 0, err
		}
		if err := c.near.seal(r.trains, train, w.Fill); err != nil {
			return 0, err
		}
		for i, b := range r.trains {
			in[i].Reset()
			if err := appendFrom(in[i], b, near); err != nil {
				return 0, err
			}
		}
		return c.pipe.process(in...), nil
	}, r.ciphers)
	if err != nil {
		return linkbench.Figure{}, err
	}
	per := 1000 * float64(r.window)
	f := linkbench.NewFigure("relay_chain_us", "us", linkbench.Scaled(samples[0], per))
	f.N *= r.window
	ciphers := linkbench.NewFigure("", "", linkbench.Scaled(samples[1], per))
	f.Add("train", train).Add("ciphers_us", ciphers.P50).Add("ratio", linkbench.MedianRatio(samples[0], samples[1]))
	return f, nil
}
