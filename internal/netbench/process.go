package netbench

// Relays as processes of their own, and clients that load them with circuits: what a process takes can be read from
// outside only.

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"sotto/internal/relaybench"
	"sotto/noise"
	"sotto/onion"
	"sotto/onion/layer"
	"sotto/overlay/peer"
)

// Lines of the protocol between the processes and whoever starts them.
const (
	lineSeed  = "seed " // from a relay: how it is found; to all: the relays, in the order of the path
	lineGo    = "go"    // to all: there are no more; to clients, later: make the circuits
	lineReady = "ready" // from all: linked
	lineMade  = "made"  // from clients: circuits, failures, seconds
)

const (
	// clientCircuits is how many circuits one client makes: fewer than a guard allows it at once.
	clientCircuits = 80
	// MostCircuits bounds what Circuits makes.
	MostCircuits = 4000
)

// errTalk means that whoever started this process did not say what it needs.
var errTalk = errors.New("netbench: expected lines with seeds, then go")

// Relay runs one relay of an overlay that began at genesis, at a free port of 127.0.0.1, until in ends.
func Relay(ctx context.Context, genesis time.Time, number byte, in io.Reader, out io.Writer) error {
	o, err := relaybench.OverlayOf(genesis)
	if err != nil {
		return err
	}
	pipe, err := noise.ListenUDP(netip.AddrPortFrom(loopback(1), 0), noise.UDPOptions{})
	if err != nil {
		return err
	}
	member, err := o.Relay(pipe.LocalAddrPort(), peer.DeclaredPrefix{127, number})
	if err == nil {
		_, err = fmt.Fprintf(out, "%s%x\n", lineSeed, relaybench.AppendSeed(nil, member.Seed))
	}
	lines := bufio.NewScanner(in)
	var seeds []*peer.Descriptor
	if err == nil {
		seeds, err = readSeeds(o, lines)
	}
	var node *onion.Node
	if err == nil {
		node, err = onion.NewNode(onion.NodeConfig{Overlay: o.Config(member.Identity, seeds, pipe, pipe.Close)})
	}
	if err != nil {
		_ = pipe.Close() // err says more
		return err
	}
	return whileRead(ctx, lines, node.Run, func(ctx context.Context) error {
		if err := until(ctx, func() bool { return node.Status().Links.Links >= len(seeds)-1 }); err != nil {
			return err
		}
		if err := pause(ctx, lookTime); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, lineReady)
		return err
	})
}

// readSeeds reads the relays.
func readSeeds(o relaybench.Overlay, lines *bufio.Scanner) ([]*peer.Descriptor, error) {
	var seeds []*peer.Descriptor
	for lines.Scan() {
		line := lines.Text()
		if line == lineGo && len(seeds) == stemHops {
			return seeds, nil
		}
		if len(line) != len(lineSeed)+2*relaybench.SeedLen || line[:len(lineSeed)] != lineSeed || len(seeds) == stemHops {
			return nil, errTalk
		}
		b, err := hex.DecodeString(line[len(lineSeed):])
		if err != nil {
			return nil, errTalk
		}
		d, err := o.ParseSeed(b)
		if err != nil {
			return nil, errTalk
		}
		seeds = append(seeds, d)
	}
	return nil, errTalk
}

// whileRead runs a node and does something beside it, until there is nothing more to be read.
func whileRead(ctx context.Context, lines *bufio.Scanner, run, beside func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	for _, f := range []func(context.Context) error{run, beside} {
		running.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	over := make(chan struct{})
	go func() { // it ends with in, which the process has to the end
		for lines.Scan() {
		}
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Circuits makes so many circuits through three relays, at the word, and holds them until in ends. They are made by as many
// clients as that takes, each one after the other.
func Circuits(ctx context.Context, genesis time.Time, count int, in io.Reader, out io.Writer) error {
	o, err := relaybench.OverlayOf(genesis)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	seeds, err := readSeeds(o, lines)
	if err != nil {
		return err
	}
	l := &loadOf{n: &network{overlay: o, seeds: seeds}}
	l.n.ctx, l.n.cancel = context.WithCancelCause(ctx)
	defer l.n.close()
	if err := l.start((count + clientCircuits - 1) / clientCircuits); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, lineReady); err != nil {
		return err
	}
	if !lines.Scan() || lines.Text() != lineGo {
		return errTalk
	}
	began := time.Now()
	made := l.make(count)
	if _, err := fmt.Fprintf(out, "%s %d %d %.3f\n", lineMade, made, count-made, time.Since(began).Seconds()); err != nil {
		return err
	}
	return whileRead(l.n.ctx, lines, nothing, nothing)
}

func nothing(context.Context) error { return nil }

// loadOf is clients of one path.
type loadOf struct {
	n       *network
	clients []*prober
	hops    []layer.Target
}

// start links clients to the first relay.
func (l *loadOf) start(clients int) error {
	ids := make([]peer.NodeID, len(l.n.seeds))
	for i, d := range l.n.seeds {
		ids[i] = d.NodeID()
	}
	for range clients {
		below, err := noise.ListenUDP(netip.AddrPortFrom(loopback(1), 0), noise.UDPOptions{})
		if err != nil {
			return err
		}
		p, err := probe(l.n.overlay, l.n.seeds[:1], 1, below, below)
		if err != nil {
			return err
		}
		l.n.run(p.node.Run)
		l.clients = append(l.clients, p)
	}
	for _, p := range l.clients {
		if err := l.n.until(func() bool { return len(p.neighbors()) == 1 }); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(l.n.ctx, linkTime, errNoLinks)
	defer cancel()
	var err error
	l.hops, err = targets(ctx, l.clients[0].node, ids)
	return err
}

// make makes circuits, and returns how many stand.
func (l *loadOf) make(count int) int {
	made := make([]int, len(l.clients))
	var running sync.WaitGroup
	for i, p := range l.clients {
		running.Go(func() {
			for range min(clientCircuits, count-i*clientCircuits) {
				first := p.neighbors()[l.n.seeds[0].NodeID()]
				if number, _, err := p.raise(l.n.ctx, first, l.hops); err == nil {
					made[i]++
				} else {
					p.origin.Close(number)
					p.flush()
				}
			}
		})
	}
	running.Wait()
	all := 0
	for _, n := range made {
		all += n
	}
	return all
}
