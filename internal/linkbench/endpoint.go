package linkbench

// Endpoints on real sockets of this machine, and the round trip between two of them.

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"
	"time"

	"sotto/noise"
)

// errNoLink says that two endpoints on one machine did not find each other.
var errNoLink = errors.New("linkbench: no link over loopback; see whether a firewall drops UDP to 127.0.0.1")

// local is the loopback address that every machine has.
func local() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// node is an endpoint that runs.
type node struct {
	endpoint *noise.Endpoint
	addr     netip.AddrPort
	key      *noise.StaticKey
	stop     func() // ends it and waits until it has ended; twice is fine
}

// startNode starts an endpoint with a new key at a free port of an address.
func startNode(ctx context.Context, at netip.Addr, handle func(noise.Event)) (*node, error) {
	return startDistant(ctx, at, Distance{}, handle)
}

// Distance puts what is between two machines on a pipe, and gives what is to be run for as long as the pipe is in use. The
// zero Distance is none.
type Distance struct {
	Wrap func(noise.Pipe) (pipe noise.Pipe, run func(context.Context), err error)
}

// startDistant starts an endpoint behind a distance.
func startDistant(ctx context.Context, at netip.Addr, d Distance, handle func(noise.Event)) (*node, error) {
	key, err := noise.GenerateStaticKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	pipe, err := noise.ListenUDP(netip.AddrPortFrom(at, 0), noise.UDPOptions{})
	if err != nil {
		return nil, err
	}
	var distant noise.Pipe = pipe
	cross := func(context.Context) {}
	if d.Wrap != nil {
		if distant, cross, err = d.Wrap(pipe); err != nil {
			return nil, joinClose(err, pipe)
		}
	}
	e, err := noise.NewEndpoint(distant, pipe.Close, noise.Config{
		Overlay: benchOverlay(), Node: benchNode(), Static: key, FreshKey: true,
	}, func(_ time.Time, events []noise.Event) {
		for _, e := range events {
			handle(e)
		}
	})
	if err != nil {
		return nil, joinClose(err, pipe)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { cross(ctx) })
	running.Go(func() {
		_ = e.Run(ctx) // a socket that broke shows in what was measured: nothing comes any more
	})
	return &node{endpoint: e, addr: pipe.LocalAddrPort(), key: key, stop: func() { cancel(); running.Wait() }}, nil
}

// target is how others dial the node.
func (n *node) target(p noise.Pattern) noise.Target {
	return noise.Target{Addr: n.addr, Key: n.key.Public(), Node: benchNode(), Pattern: p}
}

// MeasureRoundTrip measures pings over a link between two endpoints on loopback, one at a time: two ways through
// sealing, sockets, the scheduler and opening.
func MeasureRoundTrip(ctx context.Context, budget time.Duration) (Figure, error) {
	return MeasureDistance(ctx, Distance{}, budget)
}

// MeasureDistance is MeasureRoundTrip with a distance before each end. Where it loses pings, others take their places.
func MeasureDistance(ctx context.Context, d Distance, budget time.Duration) (Figure, error) {
	ctx, cancel := context.WithTimeout(ctx, budget+patience)
	defer cancel()
	b, err := startDistant(ctx, local(), d, func(noise.Event) {})
	if err != nil {
		return Figure{}, err
	}
	defer b.stop()
	events := make(chan noise.Event, 16) // more than one ping and one state can be under way
	a, err := startDistant(ctx, local(), d, func(e noise.Event) {
		select {
		case events <- e:
		default:
		}
	})
	if err != nil {
		return Figure{}, err
	}
	defer a.stop()
	link, err := a.endpoint.Dial(b.target(noise.IK))
	if err != nil {
		return Figure{}, err
	}
	if _, err := await(ctx, events, noise.LinkUp); err != nil {
		return Figure{}, err
	}
	begun := false // every link begins with a ping of its own
	first := func() error {
		if begun {
			return a.endpoint.Ping(link)
		}
		begun = true
		return nil
	}
	if _, err := pong(ctx, events, first); err != nil {
		return Figure{}, err
	}
	samples, err := Alternate(ctx, budget, func() (time.Duration, error) {
		return pong(ctx, events, func() error { return a.endpoint.Ping(link) })
	})
	if err != nil {
		return Figure{}, err
	}
	f := NewFigure("link_rtt_ms", "ms", Scaled(samples[0], 1e6))
	f.Add("path", "loopback")
	return f, nil
}

// pingTime is after how long a ping is taken for lost: more than the longest round trip that is measured.
const pingTime = 3 * time.Second

// pong pings until one is answered, and returns how long that one took.
func pong(ctx context.Context, events <-chan noise.Event, ping func() error) (time.Duration, error) {
	for range pingsMost {
		if err := ping(); err != nil {
			return 0, err
		}
		turn, end := context.WithTimeout(ctx, pingTime)
		e, err := await(turn, events, noise.Pong)
		end()
		if err == nil || turn.Err() == nil || ctx.Err() != nil {
			return e.RTT, err
		}
	}
	return 0, errNoLink
}

// pingsMost is how many pings in a row may get lost.
const pingsMost = 3

// await takes events until one of a kind comes, or the link is down, or ctx ends.
func await(ctx context.Context, events <-chan noise.Event, kind noise.EventKind) (noise.Event, error) {
	for {
		select {
		case e := <-events:
			switch e.Kind {
			case kind:
				return e, nil
			case noise.LinkDown:
				return e, errNoLink
			}
		case <-ctx.Done():
			return noise.Event{}, ctx.Err()
		}
	}
}
