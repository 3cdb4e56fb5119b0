// Package shaper puts delay and loss on a pipe, so that a network over loopback
// sockets behaves like one over distances: `sotto demo` and `sotto bench` use it
// for --delay and --loss.
//
// It shapes what is sent. Two shaped ends with 40 ms each give a link of 40 ms
// one way and 80 ms there and back.
package shaper

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"sotto/noise"
)

// ErrShape is a delay or a loss that no network has.
var ErrShape = errors.New("shaper: delay below 0, or loss outside of 0 to 1")

// queueLen is how many datagrams are under way at once from one end, at 536 bytes
// each. Further ones are lost, as in a router that is full: at 40 ms that is a
// rate of 400 000 a second.
const queueLen = 1 << 14

// Shape is what a link does to what is sent on it.
type Shape struct {
	Delay time.Duration // one way
	Loss  float64       // share of datagrams lost, 0 to 1
	Seed  uint64        // decides which
}

// Pipe is a noise.Pipe that delays and loses what it sends and receives as the
// pipe below does.
type Pipe struct {
	below noise.Pipe
	shape Shape
	more  chan struct{} // something waits

	mu      sync.Mutex
	random  *rand.Rand
	waiting []datagram // a ring, oldest at head
	head    int
	n       int
	lost    uint64
}

type datagram struct {
	due time.Time
	to  netip.AddrPort
	b   [noise.DatagramLen]byte
}

// New checks the shape and starts nothing: without Run what is sent waits, unless
// the shape has no delay.
func New(below noise.Pipe, shape Shape) (*Pipe, error) {
	if shape.Delay < 0 || shape.Loss < 0 || shape.Loss > 1 {
		return nil, ErrShape
	}
	return &Pipe{
		below: below, shape: shape, more: make(chan struct{}, 1),
		random: rand.New(rand.NewPCG(shape.Seed, 0)),
	}, nil
}

// Receive is the lower pipe's.
func (p *Pipe) Receive(b *noise.Batch) error { return p.below.Receive(b) }

// Send loses some of the datagrams and keeps the others for the delay.
func (p *Pipe) Send(b *noise.Batch) error {
	if p.shape.Delay == 0 && p.shape.Loss == 0 {
		return p.below.Send(b)
	}
	due := time.Now().Add(p.shape.Delay)
	p.mu.Lock()
	for i := range b.Len() {
		to, d := b.At(i)
		if p.random.Float64() < p.shape.Loss || p.n == queueLen {
			p.lost++
			continue
		}
		p.push(due, to, d)
	}
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return nil
}

// push appends to the ring, which grows up to queueLen as it is needed.
func (p *Pipe) push(due time.Time, to netip.AddrPort, d []byte) {
	if p.n == len(p.waiting) {
		bigger := make([]datagram, max(64, 2*len(p.waiting)))
		for i := range p.n {
			bigger[i] = p.waiting[(p.head+i)%len(p.waiting)]
		}
		p.waiting, p.head = bigger, 0
	}
	slot := &p.waiting[(p.head+p.n)%len(p.waiting)]
	slot.due, slot.to = due, to
	copy(slot.b[:], d)
	p.n++
}

// Lost returns how many datagrams were lost here so far.
func (p *Pipe) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Run sends what is due until ctx ends. What waits then is lost.
func (p *Pipe) Run(ctx context.Context) {
	b := new(noise.Batch)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := p.take(b)
		if b.Len() > 0 {
			// An error is the end of the pipe, which its reader sees.
			_ = p.below.Send(b)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-p.more:
		case <-timer.C:
		}
	}
}

// take fills b with what is due and returns how long the next is away.
func (p *Pipe) take(b *noise.Batch) time.Duration {
	b.Reset()
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.n > 0 {
		d := &p.waiting[p.head]
		if wait := d.due.Sub(now); wait > 0 || b.Full() {
			return wait
		}
		copy(b.Next(d.to), d.b[:])
		p.head = (p.head + 1) % len(p.waiting)
		p.n--
	}
	return time.Hour
}
