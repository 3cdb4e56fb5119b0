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
	near    *end
	far     *end
	trains  []*noise.Batch // sealed by near, to be sent
	in      noise.Batch
	gone    atomic.Int64 // cells that the relay still has to give on
	allGone chan struct{}

	back    []*noise.Batch // what came through
	sealer  *noise.Sealer
	opener  *noise.Opener
	scratch [noise.DatagramLen]byte
}

// newRun opens the sockets and links both ends to the relay.
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

// connect starts the relay and brings both links up.
func (r *run) connect(ctx context.Context) error {
	relay, err := newRelay(r.pipes[1], r.pipes[1].Close, r.pipes[1].LocalAddrPort(), r.work.Pass)
	if err != nil {
		return err
	}
	relay.passed = r.passed
	ends := context.AfterFunc(ctx, func() {
		for _, p := range r.pipes {
			_ = p.Close() // ends a Receive that waits
		}
	})
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		_ = relay.Run(ctx) // what breaks it shows: nothing is given on any more
	})
	r.stop = func() {
		cancel()
		ends()
		for _, p := range r.pipes {
			_ = p.Close() // nothing waits to be sent
		}
		running.Wait()
	}
	for i, e := range []**end{&r.near, &r.far} {
		pipe := r.pipes[2*i]
		if *e, err = newEnd(relay.overlay); err != nil {
			return err
		}
		if err := r.link(*e, pipe, relay); err != nil {
			return err
		}
	}
	running.Go(r.echo)
	running.Go(func() { // pongs; near gets nothing else
		var b noise.Batch
		for r.pipes[0].Receive(&b) == nil && r.near.take(&b, r.pipes[0].Send) == nil {
		}
	})
	return nil
}

// link brings up one link.
func (r *run) link(e *end, pipe *noise.UDPPipe, relay *relay) error {
	limit := time.AfterFunc(patience, func() { _ = pipe.Close() })
	defer limit.Stop()
	if err := e.dial(relay.target, pipe.Send); err != nil {
		return err
	}
	// The relay must be up before it is dialled, or the first message is lost and there is nobody to repeat it: its
	// socket was open all the time.
	for {
		if err := pipe.Receive(&r.in); err != nil {
			return errNoLink
		}
		if err := e.take(&r.in, pipe.Send); err != nil {
			return err
		}
		if e.core.Stats().Links == 1 {
			break
		}
	}
	select {
	case <-relay.linked:
		return nil
	case <-time.After(patience):
		return errNoLink
	}
}

// passed counts what the relay has given on.
func (r *run) passed(n int) {
	if r.gone.Add(int64(-n)) == 0 {
		r.allGone <- struct{}{}
	}
}

// relay sends a window through the relay and returns what that cost the process, both ends included.
func (r *run) relay() (time.Duration, error) {
	if err := r.near.seal(r.trains, r.train, r.work.Fill); err != nil {
		return 0, err
	}
	cost, came, err := r.turn(r.pipes[0], r.pipes[2])
	for i := 0; i < came && err == nil; i++ { // keeps the link alive, and is not measured
		err = r.far.take(r.back[i], r.pipes[2].Send)
	}
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
	cost, _, err := r.turn(r.pipes[3], r.pipes[3])
	return cost, err
}

// turn sends a window from one pipe and receives it at another, in so many batches of back.
func (r *run) turn(from, to *noise.UDPPipe) (cost time.Duration, came int, err error) {
	limit := time.AfterFunc(patience, func() { _ = to.Close() })
	defer limit.Stop()
	r.gone.Store(int64(r.window))
	began := linkbench.CPUTime()
	for _, b := range r.trains {
		if err := from.Send(b); err != nil {
			return 0, 0, err
		}
	}
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
	for r.pipes[4].Receive(&b) == nil {
		r.passed(b.Len())
		_ = r.pipes[4].Send(&b) // what is lost shows
	}
}

// ciphers opens, layers and seals a window.
func (r *run) ciphers() (time.Duration, error) {
	began := linkbench.CPUTime()
	for range r.window {
		if err := r.sealer.Seal(r.scratch[:]); err != nil {
			return 0, err
		}
		f, err := r.opener.Open(r.scratch[:])
		if err != nil {
			return 0, err
		}
		r.work.Layer(f)
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
