package netbench

// The network: relays of an overlay of its own, each on a socket of an address of its own where the machine has many,
// and nodes without a name, all in one process, with distance and loss between them.

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"sotto/internal/relaybench"
	"sotto/internal/shaper"
	"sotto/noise"
	"sotto/onion"
	"sotto/onion/layer"
	"sotto/onion/path"
	"sotto/overlay"
	"sotto/overlay/peer"
)

const (
	// relays is enough for a path of five in different networks, and its two ends' guards, whatever they choose.
	relays = 12
	// linkTime is how long everything may take until it is linked.
	linkTime = 20 * time.Second
	// lookTime is how long it takes a relay to find in its directory, at the latest, whom circuits may go on to.
	lookTime = 1200 * time.Millisecond
)

// Errors of a network.
var (
	errNoLinks = errors.New("netbench: the links did not come up in time; see whether a firewall drops UDP on 127.0.0.0/8, or try with less loss")
	errTarget  = errors.New("netbench: a relay without an onion key")
)

// network is everything that runs.
type network struct {
	shapes  sync.Mutex
	shape   shaper.Shape // its seed is another one for each pipe
	overlay relaybench.Overlay
	seeds   []*peer.Descriptor
	relays  []*onion.Node

	ctx     context.Context // its cause says what broke
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
}

// openNetwork starts the relays and waits until each is linked to every other.
func openNetwork(ctx context.Context, shape shaper.Shape) (*network, error) {
	n := &network{shape: shape}
	n.ctx, n.cancel = context.WithCancelCause(ctx)
	if err := n.open(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *network) open() error {
	var err error
	if n.overlay, err = relaybench.NewOverlay(); err != nil {
		return err
	}
	many := manyAddresses()
	pipes := make([]*noise.UDPPipe, relays)
	members := make([]relaybench.Member, relays)
	for i := range relays {
		address, declared := loopback(1), peer.DeclaredPrefix{127, byte(i + 1)}
		if many {
			address, declared = loopback(byte(i+1)), peer.DeclaredPrefix{}
		}
		if pipes[i], err = noise.ListenUDP(netip.AddrPortFrom(address, 0), noise.UDPOptions{}); err == nil {
			members[i], err = n.overlay.Relay(pipes[i].LocalAddrPort(), declared)
		}
		if err != nil {
			for _, p := range pipes[:i+1] {
				if p != nil {
					_ = p.Close() // err says more
				}
			}
			return err
		}
		n.seeds = append(n.seeds, members[i].Seed)
	}
	for i, m := range members {
		relay, err := n.start(m.Identity, pipes[i], nil)
		if err != nil {
			for _, p := range pipes[i:] {
				_ = p.Close() // nothing was sent
			}
			return err
		}
		n.relays = append(n.relays, relay)
	}
	if err := n.until(func() bool {
		return !slices.ContainsFunc(n.relays, func(r *onion.Node) bool {
			s := r.Status()
			return s.State != overlay.Linked || s.Links.Links < relays-1 || s.Peers < relays
		})
	}); err != nil {
		return err
	}
	return pause(n.ctx, lookTime)
}

// start runs a node at a pipe.
func (n *network) start(id *overlay.Identity, below *noise.UDPPipe, client *onion.ClientConfig) (*onion.Node, error) {
	pipe, err := n.shaped(below)
	if err != nil {
		return nil, err
	}
	node, err := onion.NewNode(onion.NodeConfig{
		Overlay: n.overlay.Config(id, n.seeds, pipe, below.Close), Client: client,
	})
	if err != nil {
		return nil, err
	}
	n.run(node.Run)
	return node, nil
}

// shaped puts the distance on a pipe.
func (n *network) shaped(below noise.Pipe) (noise.Pipe, error) {
	if n.shape.Delay == 0 && n.shape.Loss == 0 {
		return below, nil
	}
	n.shapes.Lock()
	n.shape.Seed++
	shape := n.shape
	n.shapes.Unlock()
	pipe, err := shaper.New(below, shape)
	if err == nil {
		n.running.Go(func() { pipe.Run(n.ctx) })
	}
	return pipe, err
}

// run has something run until the network ends; what fails ends it.
func (n *network) run(f func(context.Context) error) {
	n.running.Go(func() {
		if err := f(n.ctx); err != nil {
			n.cancel(err)
		}
	})
}

// user starts a node without a name, and waits until it has a directory and its guards.
func (n *network) user(ready [path.Purposes]path.Ready) (*onion.Node, error) {
	below, err := noise.ListenUDP(netip.AddrPortFrom(loopback(1), 0), noise.UDPOptions{})
	if err != nil {
		return nil, err
	}
	node, err := n.start(nil, below, &onion.ClientConfig{Keeper: forgetful{}, First: true, Ready: ready})
	if err != nil {
		_ = below.Close() // err says more
		return nil, err
	}
	return node, n.until(func() bool {
		s := node.Circuits().Client
		return s.Guards > 0 && s.GuardsUp >= s.Guards
	})
}

// forgetful keeps nothing: its nodes end with the process.
type forgetful struct{}

// Keep implements path.Keeper.
func (forgetful) Keep([]byte) error { return nil }

// until waits until something holds.
func (n *network) until(holds func() bool) error {
	ctx, cancel := context.WithTimeoutCause(n.ctx, linkTime, errNoLinks)
	defer cancel()
	return until(ctx, holds)
}

func until(ctx context.Context, holds func() bool) error {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// together does all at the same time.
func together(all ...func() error) error {
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, f := range all {
		running.Go(func() { errs[i] = f() })
	}
	running.Wait()
	return errors.Join(errs...)
}

// pause lets time go by.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// close ends everything.
func (n *network) close() {
	n.cancel(nil)
	n.running.Wait()
}

// directory is a node that knows peers.
type directory interface {
	PathDirectory() (d *peer.Directory, edition uint32)
}

// targets are relays as creates want them, as soon as some node has their descriptors.
func targets(ctx context.Context, of directory, ids []peer.NodeID) ([]layer.Target, error) {
	var dir *peer.Directory
	if err := until(ctx, func() bool {
		dir, _ = of.PathDirectory()
		return dir != nil && !slices.ContainsFunc(ids, func(id peer.NodeID) bool { _, ok := dir.ByID(id); return !ok })
	}); err != nil {
		return nil, err
	}
	list := make([]layer.Target, len(ids))
	for i, id := range ids {
		d, _ := dir.ByID(id)
		key := d.Daily().OnionKey().Bytes()
		public, err := layer.ParsePublic(key[:])
		if err != nil {
			return nil, errTarget
		}
		list[i] = layer.Target{Node: id.Bytes(), Key: public}
	}
	return list, nil
}

// loopback is an address of this machine.
func loopback(net byte) netip.Addr {
	if net == 1 {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrFrom4([4]byte{127, net, 0, 1})
}

// manyAddresses reports whether all of 127.0.0.0/8 is this machine's, as on Linux and Windows.
func manyAddresses() bool {
	p, err := noise.ListenUDP(netip.AddrPortFrom(loopback(relays), 0), noise.UDPOptions{})
	if err != nil {
		return false
	}
	return p.Close() == nil
}
