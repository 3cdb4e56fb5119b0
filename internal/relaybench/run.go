package relaybench

// One run over sockets: near end, relay, far end, and the bare parts beside them.

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sotto/internal/linkbench"
	"sotto/noise"
	"sotto/overlay"
	"sotto/overlay/peer"
)

const (
	// windowMost is how many cells are under way at once: enough that the relay never waits for the next train within a
	// turn.
	windowMost = 2048
	// roomEach is what a datagram may take of a socket's buffer, in bytes (measured on Linux: 1 280 when it comes alone).
	roomEach = 1300
)

// run is everything that a measurement needs.
type run struct {
	work   Work
	train  int
	window int // cells of a turn

	stop    func()
	pipes   []*noise.UDPPipe // near, relay, far, and a bare end and its echo
	near    *Near
	nodes   []Node         // relay, far
	valves  [2]*valve      // before relay, and before echo
	gate    *gate          // before far
	trains  []*noise.Batch // sealed by near, to be sent
	gone    atomic.Int64   // cells that the relay still has to give on
	allGone chan struct{}

	back    []*noise.Batch // what came through
	sealer  *noise.Sealer
	opener  *noise.Opener
	scratch [noise.DatagramLen]byte
}

// newRun opens the sockets and links near, relay and far.
func newRun(ctx context.Context, w Work, train int) (*run, error) {
	r := &run{
		work: w, train: train, allGone: make(chan struct{}, 1),
		sealer: noise.NewSealer([32]byte{}, 1, [16]byte{}), opener: noise.NewOpener([32]byte{}),
	}
	r.stop = func() {}
	for range 5 {
		p, err := noise.ListenUDP(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0), noise.UDPOptions{})
		if err != nil {
			r.close()
			return nil, err
		}
		r.pipes = append(r.pipes, p)
	}
	room := min(windowMost, r.pipes[1].Stats().ReadBuffer/roomEach)
	for range max(1, room/train) {
		r.trains = append(r.trains, new(noise.Batch))
		r.back = append(r.back, new(noise.Batch))
	}
	r.window = len(r.trains) * train
	if err := r.connect(ctx); err != nil {
		r.close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return r, nil
}

// connect starts both relays, brings the links up and shuts the gate.
func (r *run) connect(outer context.Context) error {
	o, err := NewOverlay()
	if err != nil {
		return err
	}
	relay, err := o.Relay(r.pipes[1].LocalAddrPort(), peer.DeclaredPrefix{127, 1})
	if err != nil {
		return err
	}
	far, err := o.Relay(r.pipes[2].LocalAddrPort(), peer.DeclaredPrefix{127, 2})
	if err != nil {
		return err
	}
	r.gate = newGate(r.pipes[2])
	r.valves = [2]*valve{newValve(r.pipes[1], r.passed), newValve(r.pipes[4], r.passed)}
	seeds := []*peer.Descriptor{relay.Seed, far.Seed}
	r.nodes = make([]Node, 2)
	nodes := r.nodes
	configs := []overlay.Config{
		o.Config(relay.Identity, seeds, r.valves[0], r.pipes[1].Close),
		o.Config(far.Identity, seeds, r.gate, r.gate.end),
	}
	for i, c := range configs {
		if nodes[i], err = r.work.Node(c); err != nil {
			return err
		}
	}
	if r.near, err = newNear(o.ID.Bytes(), r.pipes[0]); err != nil {
		return err
	}
	r.start(outer, nodes)
	ctx, cancel := context.WithTimeoutCause(outer, patience, errNoLink)
	defer cancel()
	if err := until(ctx, func() bool {
		return nodes[0].Status().State == overlay.Linked && nodes[1].Status().State == overlay.Linked
	}); err != nil {
		return err
	}
	if err := r.near.dial(noise.Target{
		Addr: r.pipes[1].LocalAddrPort(), Key: relay.Identity.Link.Public(), Node: relay.Identity.Static.NodeID().Bytes(), Pattern: noise.NK,
	}); err != nil {
		return err
	}
	if err := until(ctx, r.near.isUp); err != nil {
		return err
	}
	if err := r.work.Open(ctx, r.near, o.ID, nodes[0], [2]peer.NodeID{relay.Seed.NodeID(), far.Seed.NodeID()}); err != nil {
		return err
	}
	return r.gate.close(func() error { return wake(r.pipes[3], r.pipes[2].LocalAddrPort()) })
}

// start runs everything that has goroutines.
func (r *run) start(ctx context.Context, nodes []Node) {
	closeAll := func() {
		for _, p := range r.pipes {
			_ = p.Close() // ends a Receive that waits; nothing waits to be sent
		}
		_ = r.gate.end()
		for _, v := range r.valves {
			v.end()
		}
	}
	ends := context.AfterFunc(ctx, closeAll)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, n := range nodes {
		running.Go(func() {
			_ = n.Run(ctx) // what breaks it shows: nothing is given on any more
		})
	}
	r.stop = func() {
		cancel()
		ends()
		closeAll()
		running.Wait()
	}
	running.Go(r.echo)
	running.Go(r.near.listen)
}

// until waits until something holds.
func until(ctx context.Context, holds func() bool) error {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// passed counts what the relay has given on.
func (r *run) passed(n int) {
	if left := r.gone.Add(int64(-n)); left <= 0 && left+int64(n) > 0 {
		r.allGone <- struct{}{}
	}
}

// relay sends a window through the relay and returns what that cost the process, both ends included.
func (r *run) relay() (time.Duration, error) {
	if err := r.near.seal(r.trains, r.train, r.work.Fill); err != nil {
		return 0, err
	}
	cost, came, err := r.turn(r.pipes[0], r.valves[0], r.pipes[2])
	r.gate.give(r.back[:came]) // keeps the circuit alive, and is not measured
	return cost, err
}

// bare sends a window to a socket that sends it back as it comes: what a relay cannot save of UDP, and both ends.
func (r *run) bare() (time.Duration, error) {
	for _, b := range r.trains {
		b.Reset()
		for range r.train {
			b.Next(r.pipes[4].LocalAddrPort())
		}
	}
	cost, _, err := r.turn(r.pipes[3], r.valves[1], r.pipes[3])
	return cost, err
}

// turn sends a window from one pipe through a valve and receives it at another, in so many batches of back.
func (r *run) turn(from *noise.UDPPipe, by *valve, to *noise.UDPPipe) (cost time.Duration, came int, err error) {
	limit := time.AfterFunc(patience, func() { _ = to.Close() })
	defer limit.Stop()
	select {
	case <-r.allGone: // of a turn that failed
	default:
	}
	r.gone.Store(int64(r.window))
	began := linkbench.CPUTime()
	by.set(true)
	for _, b := range r.trains {
		if err := from.Send(b); err != nil {
			return 0, 0, err
		}
	}
	by.set(false)
	select {
	case <-r.allGone: // so that nobody is woken for every train
	case <-time.After(patience):
		return 0, 0, ErrLost
	}
	for got := 0; got < r.window; came++ {
		if came == len(r.back) {
			r.back = append(r.back, new(noise.Batch)) // the kernel cut what it was given
		}
		if err := to.Receive(r.back[came]); err != nil {
			return 0, 0, ErrLost
		}
		got += r.back[came].Len()
	}
	return linkbench.CPUTime() - began, came, nil
}

// echo sends back what comes.
func (r *run) echo() {
	var b noise.Batch
	for r.valves[1].Receive(&b) == nil {
		_ = r.valves[1].Send(&b) // what is lost shows
	}
}

// ciphers opens, layers and seals a window.
func (r *run) ciphers() (time.Duration, error) {
	if err := r.work.Prepare(r.window); err != nil {
		return 0, err
	}
	began := linkbench.CPUTime()
	for i := range r.window {
		if err := r.sealer.Seal(r.scratch[:]); err != nil {
			return 0, err
		}
		if _, err := r.opener.Open(r.scratch[:]); err != nil {
			return 0, err
		}
		if err := r.work.Layer(i); err != nil {
			return 0, err
		}
	}
	return linkbench.CPUTime() - began, nil
}

// close ends everything. Twice is fine.
func (r *run) close() {
	r.stop()
	for _, p := range r.pipes {
		_ = p.Close()
	}
}
