package shaper

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/noise"
)

// sink records when datagrams come out.
type sink struct {
	mu    sync.Mutex
	times []time.Time
	first []byte
}

func (s *sink) Receive(*noise.Batch) error { return noise.ErrClosed }
func (s *sink) Send(b *noise.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Len() {
		_, d := b.At(i)
		s.times = append(s.times, time.Now())
		s.first = append(s.first, d[0])
	}
	return nil
}

func fill(n int, from byte) *noise.Batch {
	b := new(noise.Batch)
	for i := range n {
		b.Next(netip.MustParseAddrPort("127.0.0.1:9"))[0] = from + byte(i)
	}
	return b
}

func TestDatagramsComeLaterByTheDelayAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		p, err := New(&s, Shape{Delay: 40 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { p.Run(ctx) })
		start := time.Now()
		for i := range 5 {
			if err := p.Send(fill(3, byte(3*i))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
		if len(s.times) != 15 {
			t.Fatalf("%d of 15 came", len(s.times))
		}
		for i, at := range s.times {
			want := start.Add(time.Duration(i/3)*10*time.Millisecond + 40*time.Millisecond)
			if !at.Equal(want) || s.first[i] != byte(i) {
				t.Errorf("datagram %d: number %d after %v, want %v", i, s.first[i], at.Sub(start), want.Sub(start))
			}
		}
	})
}

func TestLossIsAsAskedAndDecidedByTheSeed(t *testing.T) {
	count := func(seed uint64) uint64 {
		p, err := New(new(sink), Shape{Loss: 0.1, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if err := p.Send(fill(50, 0)); err != nil {
				t.Fatal(err)
			}
		}
		return p.Lost()
	}
	if a := count(1); a < 850 || a > 1150 || a != count(1) {
		t.Errorf("%d of 10 000 lost at 10 %%", a)
	}
}

func TestFullRouterLosesTheNewest(t *testing.T) {
	p, err := New(new(sink), Shape{Delay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range queueLen/64 + 2 {
		if err := p.Send(fill(64, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if p.n != queueLen || p.Lost() != 128 {
		t.Errorf("%d wait, %d lost", p.n, p.Lost())
	}
}

func TestShapesThatNoNetworkHasAreRefused(t *testing.T) {
	for _, s := range []Shape{{Delay: -1}, {Loss: -0.1}, {Loss: 1.1}} {
		if _, err := New(new(sink), s); !errors.Is(err, ErrShape) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
