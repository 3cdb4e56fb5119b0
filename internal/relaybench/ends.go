package relaybench

// The near end: a client of the relay, driven by hand so that what it costs is known.

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"sotto/noise"
)

// errNoLink means that a link did not come up.
var errNoLink = errors.New("relaybench: no link over loopback; see whether a firewall drops UDP to 127.0.0.1")

// Near is a client: a core of links whose pipe somebody else reads and writes.
type Near struct {
	mu     sync.Mutex
	core   *noise.Core
	link   noise.LinkID
	up     bool
	pipe   *noise.UDPPipe
	out    []*noise.Batch
	events []noise.Event
	frames chan []byte
}

// framesWaiting is more than what comes back while a circuit is made. Beyond, frames are lost.
const framesWaiting = 64

func newNear(overlay [32]byte, pipe *noise.UDPPipe) (*Near, error) {
	core, err := noise.NewCore(time.Now(), noise.Config{Overlay: overlay})
	return &Near{core: core, pipe: pipe, frames: make(chan []byte, framesWaiting)}, err
}

// dial begins the link and sends its first message.
func (e *Near) dial(t noise.Target) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	if e.link, err = e.core.Dial(time.Now(), t); err != nil {
		return err
	}
	return e.flush(e.pipe.Send)
}

// take takes datagrams that came and sends what answers them.
func (e *Near) take(b *noise.Batch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.core.Receive(now, b)
	e.core.Tick(now)
	e.events = e.core.Events(e.events[:0])
	for _, ev := range e.events {
		switch ev.Kind {
		case noise.LinkUp:
			e.up = true
		case noise.FrameReceived:
			select {
			case e.frames <- bytes.Clone(ev.Frame):
			default:
			}
		}
	}
	return e.flush(e.pipe.Send)
}

// listen takes what comes until the pipe is closed.
func (e *Near) listen() {
	var b noise.Batch
	for e.pipe.Receive(&b) == nil && e.take(&b) == nil {
	}
}

// isUp reports whether the link stands.
func (e *Near) isUp() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.up
}

// Send sends a frame of noise.FrameLen bytes to the relay.
func (e *Near) Send(frame []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.core.Send(time.Now(), e.link, frame); err != nil {
		return errNoLink
	}
	return e.flush(e.pipe.Send)
}

// Receive waits for a frame from the relay. It fails with the cause of ctx.
func (e *Near) Receive(ctx context.Context) ([]byte, error) {
	select {
	case f := <-e.frames:
		return f, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// flush gives out what waits. The lock is held.
func (e *Near) flush(send func(*noise.Batch) error) error {
	e.out = e.core.Outgoing(e.out[:0])
	defer func() { e.core.Recycle(e.out) }()
	for _, b := range e.out {
		if err := send(b); err != nil {
			return err
		}
	}
	return nil
}

// seal makes a datagram of each frame that fill makes, and puts them into trains.
func (e *Near) seal(to []*noise.Batch, train int, fill func([]byte) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.core.Tick(now)
	var frame [noise.FrameLen]byte
	for i := range to {
		for range train {
			if err := fill(frame[:]); err != nil {
				return err
			}
			if err := e.core.Send(now, e.link, frame[:]); err != nil {
				return errNoLink
			}
		}
		to[i].Reset()
		// What Tick made goes along: it is a ping now and then.
		if err := e.flush(func(b *noise.Batch) error { return appendBatch(to[i], b) }); err != nil {
			return err
		}
	}
	return nil
}

// appendBatch puts one batch behind another.
func appendBatch(to, b *noise.Batch) error {
	for j := range b.Len() {
		addr, d := b.At(j)
		slot := to.Next(addr)
		if slot == nil {
			return nil // a ping too many: the next one goes
		}
		copy(slot, d)
	}
	return nil
}
