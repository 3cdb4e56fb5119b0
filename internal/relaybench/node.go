package relaybench

// The pipes of the two relays: what leaves the one is counted, what comes to the other is taken by hand.

import (
	"net/netip"
	"sync"

	"sotto/noise"
)

// valve holds up what comes to a relay until all of a window is there: two processors that are two threads of one core
// slow each other down, and what they do at the same time would be measured against parts that were alone.
type valve struct {
	noise.Pipe
	sent func(n int) // told of datagrams sent

	mu     sync.Mutex
	cond   *sync.Cond
	shut   bool
	closed bool
}

func newValve(below noise.Pipe, sent func(n int)) *valve {
	v := &valve{Pipe: below, sent: sent}
	v.cond = sync.NewCond(&v.mu)
	return v
}

// Receive implements noise.Pipe.
func (v *valve) Receive(b *noise.Batch) error {
	err := v.Pipe.Receive(b)
	v.mu.Lock()
	defer v.mu.Unlock()
	for v.shut && !v.closed {
		v.cond.Wait()
	}
	return err
}

// Send implements noise.Pipe.
func (v *valve) Send(b *noise.Batch) error {
	err := v.Pipe.Send(b)
	v.sent(b.Len())
	return err
}

// set shuts or opens it.
func (v *valve) set(shut bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = shut
	v.cond.Broadcast()
}

// end opens it for good.
func (v *valve) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	v.cond.Broadcast()
}

// gate is the pipe of the relay behind. Once it is shut, somebody else reads the socket, and the relay gets what it is
// given: its work is then done between the measurements.
type gate struct {
	noise.Pipe

	mu     sync.Mutex
	cond   *sync.Cond
	shut   bool
	closed bool
	parked bool
	queue  []*noise.Batch
}

func newGate(below noise.Pipe) *gate {
	g := &gate{Pipe: below}
	g.cond = sync.NewCond(&g.mu)
	return g
}

// Receive implements noise.Pipe.
func (g *gate) Receive(b *noise.Batch) error {
	for {
		if done, err := g.given(b); done {
			return err
		}
		if err := g.Pipe.Receive(b); err != nil {
			return err
		}
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if !shut {
			return nil
		}
		// It was woken to find the gate shut: what woke it was for nobody.
	}
}

// given waits for what is given while the gate is shut, and reports false while it is open.
func (g *gate) given(b *noise.Batch) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.closed && g.shut && len(g.queue) == 0 {
		g.parked = true
		g.cond.Broadcast()
		g.cond.Wait()
	}
	switch {
	case g.closed:
		return true, noise.ErrClosed
	case !g.shut:
		return false, nil
	}
	b.Reset()
	err := appendBatch(b, g.queue[0])
	g.queue = g.queue[1:]
	return true, err
}

// close shuts the gate; wake sends something to the socket.
func (g *gate) close(wake func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	g.mu.Unlock()
	err := wake()
	g.mu.Lock()
	for err == nil && !g.parked && !g.closed {
		g.cond.Wait()
	}
	return err
}

// give has the relay take batches, and waits until it has done with them.
func (g *gate) give(batches []*noise.Batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue, g.parked = batches, false
	g.cond.Broadcast()
	for !g.parked && !g.closed {
		g.cond.Wait()
	}
}

// end ends Receive for good.
func (g *gate) end() error {
	err := g.Pipe.(*noise.UDPPipe).Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.cond.Broadcast()
	return err
}

// wake sends one datagram that means nothing.
func wake(from *noise.UDPPipe, to netip.AddrPort) error {
	b := new(noise.Batch)
	b.Next(to)
	return from.Send(b)
}
