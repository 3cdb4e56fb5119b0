package relaybench

// The two ends: clients of the relay, driven by hand so that what they cost is known.

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"sotto/noise"
)

// errNoLink means that an end could not link to the relay.
var errNoLink = errors.New("relaybench: no link over loopback; see whether a firewall drops UDP to 127.0.0.1")

// end is a client: a core of links whose pipe somebody else reads and writes.
type end struct {
	mu   sync.Mutex
	core *noise.Core
	link noise.LinkID
	out  []*noise.Batch

	events []noise.Event // nobody asks
}

func newEnd(overlay [32]byte) (*end, error) {
	core, err := noise.NewCore(time.Now(), noise.Config{Overlay: overlay})
	return &end{core: core}, err
}

// dial begins the link and gives out its first message.
func (e *end) dial(t noise.Target, send func(*noise.Batch) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	if e.link, err = e.core.Dial(time.Now(), t); err != nil {
		return err
	}
	return e.flush(send)
}

// take takes datagrams that came and gives out what answers them.
func (e *end) take(b *noise.Batch, send func(*noise.Batch) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.core.Receive(now, b)
	e.core.Tick(now)
	e.events = e.core.Events(e.events[:0])
	return e.flush(send)
}

// flush gives out what waits. The lock is held.
func (e *end) flush(send func(*noise.Batch) error) error {
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
func (e *end) seal(to []*noise.Batch, train int, fill func([]byte)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.core.Tick(now)
	var frame [noise.FrameLen]byte
	for i := range to {
		for range train {
			fill(frame[:])
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

// appendFrom puts one batch behind another, with a source in place of the destinations.
func appendFrom(to, b *noise.Batch, from netip.AddrPort) error {
	for j := range b.Len() {
		_, d := b.At(j)
		slot := to.Next(from)
		if slot == nil {
			return nil
		}
		copy(slot, d)
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
