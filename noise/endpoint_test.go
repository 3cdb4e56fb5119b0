package noise

// The shell: lifecycle, events and frames over the in-memory internet in fake
// time, and once over real loopback sockets.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/internal/simnet"
)

// party is an endpoint with what it has been told.
type party struct {
	*Endpoint
	mu     sync.Mutex
	seen   []Event
	frames int
	signal chan struct{}
	on     func(p *party, now time.Time, ev Event)
}

func newParty(t *testing.T, pipe Pipe, close func() error, cfg Config, on func(*party, time.Time, Event)) *party {
	t.Helper()
	p := &party{signal: make(chan struct{}, 1), on: on}
	var err error
	p.Endpoint, err = NewEndpoint(pipe, close, cfg, func(now time.Time, events []Event) {
		for _, ev := range events {
			p.take(now, ev)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// take notes an event.
func (p *party) take(now time.Time, ev Event) {
	p.mu.Lock()
	p.seen = append(p.seen, ev)
	if ev.Kind == FrameReceived {
		p.frames++
	}
	p.mu.Unlock()
	if p.on != nil {
		p.on(p, now, ev)
	}
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// await waits until an event of a kind has come.
func (p *party) await(t *testing.T, kind EventKind) Event {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		p.mu.Lock()
		ev := find(p.seen, kind)
		p.mu.Unlock()
		if ev != nil {
			return *ev
		}
		select {
		case <-p.signal:
		case <-limit:
			t.Fatalf("event %d never came", kind)
		}
	}
}

// echo answers every frame in the handler.
func echo(p *party, now time.Time, ev Event) {
	if ev.Kind == FrameReceived {
		p.Queue(now, ev.Link, ev.Frame)
	}
}

func TestEndpointsTalkOverALossyInternetAndEndCleanly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(simnet.Config{Seed: 5, Logf: t.Logf, Link: simnet.Link{
			Latency: 40 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.05, Duplicate: 0.02, Reorder: 0.05, ReorderBy: 30 * time.Millisecond}})
		defer n.Close()
		home, relay := n.Host(netip.MustParseAddr("192.0.2.1")), n.Host(netip.MustParseAddr("192.0.2.2"))
		ch, err := home.Listen(5000)
		if err != nil {
			t.Fatal(err)
		}
		cr, err := relay.Listen(4433)
		if err != nil {
			t.Fatal(err)
		}
		static := labStatic(t, 2)
		a := newParty(t, NewPacketPipe(ch), ch.Close, Config{Overlay: labOverlay}, nil)
		b := newParty(t, NewPacketPipe(cr), cr.Close, Config{Overlay: labOverlay, Node: labNode, Static: static, FreshKey: true}, echo)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := a.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := b.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		id, err := a.Dial(Target{Addr: netip.MustParseAddrPort("192.0.2.2:4433"), Key: static.Public(), Node: labNode, Pattern: NK})
		if err != nil {
			t.Fatal(err)
		}
		a.await(t, LinkUp)
		if rtt := a.await(t, Pong).RTT; rtt < 80*time.Millisecond || rtt > 200*time.Millisecond {
			t.Errorf("round trip %v over 40 ms each way", rtt)
		}
		const sent = 500
		for range sent {
			if err := a.Send(id, frame(1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // fake time: this spans four rekeys
		}
		synctest.Wait()
		a.mu.Lock()
		got := a.frames
		a.mu.Unlock()
		if got < sent*80/100 || got > sent {
			t.Errorf("%d of %d echoes at 5 %% loss each way", got, sent)
		}
		cancel()
		wg.Wait()
		if err := a.Send(id, frame(1)); !errors.Is(err, ErrNoLink) {
			t.Errorf("send after the end: %v", err)
		}
		if _, err := a.Dial(Target{Addr: netip.MustParseAddrPort("192.0.2.2:4433"), Key: static.Public(), Node: labNode, Pattern: NK}); !errors.Is(err, ErrClosed) {
			t.Errorf("dial after the end: %v", err)
		}
		if err := a.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run: %v", err)
		}
	})
}

func TestEndpointReportsABrokenSocketAndEndsOnClose(t *testing.T) {
	pipe := brokenPipe{make(chan struct{})}
	e, err := NewEndpoint(pipe, func() error { return nil }, Config{Overlay: labOverlay}, func(time.Time, []Event) {})
	if err != nil {
		t.Fatal(err)
	}
	close(pipe.broken)
	if err := e.Run(t.Context()); !errors.Is(err, ErrSocket) {
		t.Errorf("Run: %v", err)
	}
}

type brokenPipe struct{ broken chan struct{} }

func (p brokenPipe) Receive(*Batch) error { <-p.broken; return ErrSocket }
func (p brokenPipe) Send(*Batch) error    { return ErrSocket }

func TestEndpointsTalkOverRealSockets(t *testing.T) {
	listen := func() *UDPPipe {
		p, err := ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"), UDPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	pa, pb := listen(), listen()
	static := labStatic(t, 2)
	a := newParty(t, pa, pa.Close, Config{Overlay: labOverlay, Static: labStatic(t, 1)}, nil)
	b := newParty(t, pb, pb.Close, Config{Overlay: labOverlay, Node: labNode, Static: static, FreshKey: true}, echo)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, p := range []*party{a, b} {
		wg.Go(func() {
			if err := p.Run(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
	}
	id, err := a.Dial(Target{Addr: pb.LocalAddrPort(), Key: static.Public(), Node: labNode, Pattern: IK})
	if err != nil {
		t.Fatal(err)
	}
	a.await(t, LinkUp)
	frames := make([][]byte, 100)
	for i := range frames {
		frames[i] = frame(byte(i))
	}
	if err := a.Send(id, frames...); err != nil {
		t.Fatal(err)
	}
	for a.count() < len(frames) {
		select {
		case <-a.signal:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d echoes on loopback", a.count(), len(frames))
		}
	}
	cancel()
	wg.Wait()
}

func (p *party) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames
}
