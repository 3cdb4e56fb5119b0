package netbench

// A client by hand, which chooses the hops of its circuits itself and times nothing but them.

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"sotto/internal/linkbench"
	"sotto/internal/relaybench"
	"sotto/noise"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/overlay"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

const (
	// probeGuards is how many relays a prober links to: each lets a client make 90 circuits at once.
	probeGuards = 4
	// buildsMost is how many circuits one client may ask of its guards without waiting for more.
	buildsMost = 80 * probeGuards
	// stemHops is the longest circuit that one create makes.
	stemHops = 3
)

// prober is a node without a name, with an origin on it.
type prober struct {
	seeds  []*peer.Descriptor
	delay  time.Duration // one way, of a link
	node   *overlay.Node
	origin *circuit.Origin
	cells  chan arrival
	turn   int // of guards

	mu     sync.Mutex
	guards map[peer.NodeID]link.Neighbor
}

type arrival struct {
	at    time.Time
	from  link.Neighbor
	frame []byte
}

// newProber starts one, and waits until it is linked to its guards.
func (n *network) newProber() (*prober, error) {
	below, err := noise.ListenUDP(netip.AddrPortFrom(loopback(1), 0), noise.UDPOptions{})
	if err != nil {
		return nil, err
	}
	pipe, err := n.shaped(below)
	if err != nil {
		_ = below.Close() // err says more
		return nil, err
	}
	p, err := probe(n.overlay, n.seeds, probeGuards, pipe, below)
	if err != nil {
		return nil, err
	}
	p.delay = n.shape.Delay
	n.run(p.node.Run)
	return p, n.until(func() bool { return len(p.neighbors()) == probeGuards })
}

// probe makes a prober and starts nothing.
func probe(o relaybench.Overlay, seeds []*peer.Descriptor, guards int, pipe noise.Pipe, below *noise.UDPPipe) (*prober, error) {
	p := &prober{seeds: seeds, cells: make(chan arrival, 64), guards: make(map[peer.NodeID]link.Neighbor)}
	var err error
	if p.origin, err = circuit.NewOrigin(circuit.OriginConfig{Overlay: o.ID.Bytes()}); err == nil {
		cfg := o.Config(nil, seeds, pipe, below.Close)
		cfg.Guards, cfg.Links, cfg.Cells = guards, p.link, p.cell
		p.node, err = overlay.New(cfg)
	}
	if err != nil {
		_ = below.Close() // err says more
	}
	return p, err
}

// link notes who is a neighbour.
func (p *prober) link(ev link.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev.Kind {
	case link.Up:
		p.guards[ev.Node] = ev.Neighbor
	case link.Down, link.Failed:
		delete(p.guards, ev.Node)
	}
}

func (p *prober) neighbors() map[peer.NodeID]link.Neighbor {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.guards)
}

func (p *prober) cell(from link.Neighbor, _ bool, frame []byte) {
	select {
	case p.cells <- arrival{time.Now(), from, bytes.Clone(frame)}:
	default: // a loss
	}
}

// hops draws relays for a circuit: a guard, each in its turn because each has its limit, and others.
func (p *prober) hops() (first link.Neighbor, hops []peer.NodeID) {
	guards := p.neighbors()
	order := slices.SortedFunc(maps.Keys(guards), func(a, b peer.NodeID) int { return cmp.Compare(guards[a], guards[b]) })
	if len(order) == 0 {
		return 0, nil
	}
	id := order[p.turn%len(order)]
	p.turn++
	first, hops = guards[id], append(hops, id)
	for _, i := range rand.Perm(len(p.seeds)) {
		if id := p.seeds[i].NodeID(); len(hops) < stemHops && id != hops[0] {
			hops = append(hops, id)
		}
	}
	return first, hops
}

// errLost is a circuit that came to nothing because of a lost cell.
var errLost = errors.New("netbench: a create was lost")

// build makes a circuit of three hops and closes it; it returns how long that took until the last hop had answered.
func (p *prober) build(ctx context.Context) (time.Duration, error) {
	first, ids := p.hops()
	hops, err := targets(ctx, p.node, ids)
	if err != nil {
		return 0, err
	}
	number, took, err := p.raise(ctx, first, hops)
	p.origin.Close(number)
	p.flush()
	return took, err
}

// raise makes a circuit, and returns how long that took.
func (p *prober) raise(ctx context.Context, first link.Neighbor, hops []layer.Target) (circuit.Circuit, time.Duration, error) {
	began := time.Now()
	number, err := p.origin.Build(began, circuit.Neighbor(first), hops)
	if err != nil {
		return 0, 0, err
	}
	p.flush()
	patience := time.NewTimer(6*p.delay + time.Second)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return number, 0, context.Cause(ctx)
		case <-patience.C:
			return number, 0, errLost
		case c := <-p.cells:
			p.origin.Receive(c.at, circuit.Neighbor(c.from), c.frame)
			for _, ev := range p.origin.Events(nil) {
				switch {
				case ev.Circuit != number:
				case ev.Kind == circuit.Built:
					return number, c.at.Sub(began), nil
				case ev.Kind == circuit.Failed:
					return number, 0, errLost
				}
			}
		}
	}
}

func (p *prober) flush() {
	out := p.origin.Outgoing(nil)
	frames := make([]link.Outgoing, len(out))
	for i, o := range out {
		frames[i] = link.Outgoing{Neighbor: link.Neighbor(o.To), Frame: o.Frame}
	}
	p.node.SendAll(frames)
	p.origin.Recycle(out)
}

// measureBuild measures circuit_build_ms.
func (n *network) measureBuild(ctx context.Context, p *prober, budget time.Duration) (linkbench.Figure, error) {
	if err := n.until(func() bool { _, err := p.build(ctx); return err == nil }); err != nil { // all know all
		return linkbench.Figure{}, err
	}
	var took []float64
	failed := 0
	for end := time.Now().Add(budget); len(took)+failed < buildsMost && (len(took) < fewest || time.Now().Before(end)); {
		d, err := p.build(ctx)
		switch {
		case err == nil:
			took = append(took, milliseconds(d))
		case ctx.Err() != nil || failed >= buildsMost/4:
			return linkbench.Figure{}, err
		default:
			failed++
		}
	}
	f := linkbench.NewFigure("circuit_build_ms", "ms", took)
	f.Add("hops", stemHops).Add("failed", failed)
	return f, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }
