package noise

// What a handler may rely on about batches.

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// handPipe is a pipe whose other side is the test: batches by hand.
type handPipe struct{ in, out chan *Batch }

func (p handPipe) Receive(b *Batch) error {
	got, ok := <-p.in
	if !ok {
		return ErrClosed
	}
	*b = *got
	return nil
}

func (p handPipe) Send(b *Batch) error {
	sent := *b
	p.out <- &sent
	return nil
}

// give hands over what waits at a core, as coming from an address.
func (p handPipe) give(t *testing.T, c *Core, from netip.AddrPort) {
	t.Helper()
	for _, b := range c.Outgoing(nil) {
		moved := new(Batch)
		for i := range b.Len() {
			_, d := b.At(i)
			copy(moved.Next(from), d)
		}
		p.in <- moved
	}
}

func TestFramesOfABatchComeTogetherAndTheirAnswersLeaveTogether(t *testing.T) {
	pipe := handPipe{make(chan *Batch), make(chan *Batch, 16)}
	static := labStatic(t, 2)
	var e *Endpoint
	var calls [][]byte // first bytes of the frames of each call
	e, err := NewEndpoint(pipe, func() error { close(pipe.in); return nil }, Config{Overlay: labOverlay, Node: labNode, Static: static, FreshKey: true},
		func(now time.Time, events []Event) {
			var call []byte
			for _, ev := range events {
				if ev.Kind != FrameReceived {
					continue
				}
				call = append(call, ev.Frame[0])
				clear(ev.Frame)
				ev.Frame[0] = call[len(call)-1] + 100
				if err := e.Queue(now, ev.Link, ev.Frame); err != nil {
					t.Error(err)
				}
			}
			if call != nil {
				calls = append(calls, call)
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	at, own := netip.MustParseAddrPort("192.0.2.2:4433"), netip.MustParseAddrPort("192.0.2.1:5000")
	a, err := NewCore(time.Now(), Config{Overlay: labOverlay})
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Dial(time.Now(), Target{Addr: at, Key: static.Public(), Node: labNode, Pattern: NK})
	if err != nil {
		t.Fatal(err)
	}
	hear := func() []Event {
		b, from := <-pipe.out, new(Batch)
		for i := range b.Len() {
			_, d := b.At(i)
			copy(from.Next(at), d)
		}
		a.Receive(time.Now(), from)
		return a.Events(nil)
	}
	pipe.give(t, a, own)
	hear()
	pipe.give(t, a, own) // a ping, which confirms
	hear()
	var frames [][]byte
	for i := range byte(40) {
		frames = append(frames, frame(i))
	}
	if err := a.Send(time.Now(), id, frames...); err != nil {
		t.Fatal(err)
	}
	pipe.give(t, a, own)
	var answers []byte
	for _, ev := range hear() {
		if ev.Kind == FrameReceived {
			answers = append(answers, ev.Frame[0]-100)
		}
	}
	cancel()
	wg.Wait()
	if len(calls) != 1 || len(calls[0]) != 40 || !slices.Equal(calls[0], answers) {
		t.Errorf("frames of 40 came as %v; answered in one batch: %v", calls, answers)
	}
}
