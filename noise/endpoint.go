package noise

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Endpoint is the shell around a Core: one socket, one goroutine that reads it,
// one that waits for the next deadline.

// ErrRunning means that Run was called a second time.
var ErrRunning = errors.New("noise: an endpoint runs once")

// Endpoint runs the links of one Pipe. Its methods may be called from any
// goroutine, also from within the handler.
type Endpoint struct {
	pipe   Pipe
	closer func() error
	handle func(now time.Time, events []Event)
	kick   chan struct{} // the deadline may have come nearer

	order sync.Mutex // events are delivered in the order in which they happened
	mu    sync.Mutex // the core
	core  *Core
	armed time.Time // what the timer waits for
	begun bool
	ended bool
}

// NewEndpoint makes an endpoint over a pipe. handle gets every event in order, those
// of one batch of datagrams together, one call at a time. Frames and the list of
// events are its own until it returns, to be changed in place if it likes. close
// ends the pipe, so that a blocked Receive returns. Nothing is started.
func NewEndpoint(pipe Pipe, close func() error, cfg Config, handle func(now time.Time, events []Event)) (*Endpoint, error) {
	core, err := NewCore(time.Now(), cfg)
	if err != nil {
		return nil, err
	}
	return &Endpoint{pipe: pipe, closer: close, handle: handle, core: core, kick: make(chan struct{}, 1)}, nil
}

// Run serves the links until ctx ends or the pipe breaks, then tells the peers,
// closes the pipe and returns when everything it started has ended. It returns
// nil when ctx ended it.
func (e *Endpoint) Run(ctx context.Context) error {
	e.mu.Lock()
	begun := e.begun
	e.begun = true
	e.mu.Unlock()
	if begun {
		return ErrRunning
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var broken error
	wg.Go(func() {
		broken = e.read()
		cancel()
	})
	e.wait(ctx)
	e.farewell()
	e.closer()
	wg.Wait()
	if broken != nil && !errors.Is(broken, ErrClosed) {
		return broken
	}
	return nil
}

// read takes batches from the pipe until it ends.
func (e *Endpoint) read() error {
	b := new(Batch)
	var events []Event
	var out []*Batch
	for {
		if err := e.pipe.Receive(b); err != nil {
			return err
		}
		events, out = e.step(events, out, func(now time.Time) { e.core.Receive(now, b) })
	}
}

// wait runs the core's deadlines until ctx ends.
func (e *Endpoint) wait(ctx context.Context) {
	var events []Event
	var out []*Batch
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(e.arm())
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.kick:
		}
		events, out = e.step(events, out, e.core.Tick)
	}
}

// arm notes the next deadline and returns how long it is away.
func (e *Endpoint) arm() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.armed = e.core.Deadline()
	if e.armed.IsZero() {
		return time.Hour
	}
	return time.Until(e.armed)
}

// step feeds the core, sends what came of it and delivers the events. The slices
// are scratch, handed back for the next step.
func (e *Endpoint) step(events []Event, out []*Batch, feed func(now time.Time)) ([]Event, []*Batch) {
	e.order.Lock()
	defer e.order.Unlock()
	e.mu.Lock()
	now := time.Now()
	feed(now)
	events = e.core.Events(events[:0])
	e.mu.Unlock()
	if len(events) > 0 {
		e.handle(now, events)
	}
	return events, e.flush(out)
}

// flush sends what waits in the core.
func (e *Endpoint) flush(out []*Batch) []*Batch {
	e.mu.Lock()
	out = e.core.Outgoing(out[:0])
	nearer := e.nearer()
	e.mu.Unlock()
	if len(out) > 0 {
		for _, b := range out {
			// An error is either one datagram's, as UDP may lose any, or the end
			// of the pipe, which the reader sees.
			_ = e.pipe.Send(b)
		}
		e.mu.Lock()
		e.core.Recycle(out)
		e.mu.Unlock()
		clear(out)
	}
	if nearer {
		e.wake()
	}
	return out
}

// nearer reports whether the timer waits for too long, or events wait for it.
func (e *Endpoint) nearer() bool {
	d := e.core.Deadline()
	return len(e.core.events) > 0 || !d.IsZero() && (e.armed.IsZero() || d.Before(e.armed))
}

// wake makes the waiting goroutine look again.
func (e *Endpoint) wake() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// farewell tells every peer that its link ends.
func (e *Endpoint) farewell() {
	for more := true; more; {
		e.mu.Lock()
		e.ended = true
		more = e.core.CloseSome(time.Now())
		e.mu.Unlock()
		e.flush(nil)
	}
}

// with runs f on the core and sends what came of it.
func (e *Endpoint) with(f func(now time.Time, c *Core)) {
	e.mu.Lock()
	f(time.Now(), e.core)
	e.mu.Unlock()
	e.Flush()
}

// Dial begins a link: see Core.Dial. The event that it is up may come before Dial
// has returned. After the end of Run it fails with ErrClosed.
func (e *Endpoint) Dial(t Target) (id LinkID, err error) {
	e.with(func(now time.Time, c *Core) {
		if e.ended {
			err = ErrClosed
			return
		}
		id, err = c.Dial(now, t)
	})
	return id, err
}

// Send sends frames of FrameLen bytes on a link, as one train.
func (e *Endpoint) Send(id LinkID, frames ...[]byte) (err error) {
	e.with(func(now time.Time, c *Core) { err = c.Send(now, id, frames...) })
	return err
}

// Queue seals frames as Send does and leaves them to the next Flush, which follows
// by itself when the handler returns. Frames for one link that are queued one behind
// the other leave in one train.
func (e *Endpoint) Queue(now time.Time, id LinkID, frames ...[]byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Send(now, id, frames...)
}

// Flush sends what is queued.
func (e *Endpoint) Flush() {
	var few [4]*Batch // as many as one caller hardly ever fills; more are the collector's
	e.flush(few[:0])
}

// Ping measures a round trip: a Pong event follows.
func (e *Endpoint) Ping(id LinkID) (err error) {
	e.with(func(now time.Time, c *Core) { err = c.Ping(now, id) })
	return err
}

// CloseLink ends a link without an event; what has happened on it before may still
// be delivered.
func (e *Endpoint) CloseLink(id LinkID) {
	e.with(func(now time.Time, c *Core) { c.Close(now, id) })
}

// Stats returns the counts so far.
func (e *Endpoint) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Stats()
}
