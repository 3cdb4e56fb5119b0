package loopback

// Starting, stopping and killing nodes.

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"

	"sotto/internal/shaper"
	"sotto/noise"
	"sotto/onion"
	"sotto/overlay"
	"sotto/overlay/peer"
)

// node is a relay, or the node without a name, through all of its starts.
type node struct {
	number   int // of a relay, from 1
	place    netip.AddrPort
	declared peer.DeclaredPrefix
	moved    bool         // its port was taken
	conn     *net.UDPConn // nil when it was handed to a start that is over
	record   *record
	cfg      overlay.Config
	sight    *sight  // of a relay
	keeper   *keeper // of a node without a name
	lost     uint64  // datagrams that earlier starts lost on purpose

	live *start
}

// start is one life of a node.
type start struct {
	*onion.Node
	tap    *tap
	shaped *shaper.Pipe
	cancel context.CancelFunc
	done   chan struct{} // closed when everything of it has ended
}

// begin starts a node at its socket.
func (n *Network) begin(d *node) error {
	conn := &tap{UDPConn: d.conn, local: d.place, wire: n.wire, record: d.record}
	pipe := noise.NewPacketPipe(conn)
	shaped, err := shaper.New(pipe, shaper.Shape{Delay: n.cfg.Delay, Loss: n.cfg.Loss, Seed: n.random.Uint64()})
	if err != nil {
		return ErrConfig
	}
	cfg := d.cfg
	cfg.Pipe, cfg.ClosePipe, cfg.Log = shaped, pipe.Close, n.logs.logger()
	whole := onion.NodeConfig{Overlay: cfg}
	if d.sight != nil {
		whole.Observe = func(frame []byte) { d.sight.see(n.cells.Load(), frame) }
	}
	if d.keeper != nil {
		whole.Client = d.keeper.client()
	}
	live, err := onion.NewNode(whole)
	if err != nil {
		return err
	}
	d.conn = nil // Run closes it
	ctx, cancel := context.WithCancel(context.Background())
	s := &start{Node: live, tap: conn, shaped: shaped, cancel: cancel, done: make(chan struct{})}
	d.live = s
	distance, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { shaped.Run(distance) })
	running.Go(func() {
		defer end()
		if err := live.Run(ctx); err != nil {
			cfg.Log.Error("node ended", slog.Any("reason", err))
			n.cancel(err)
		}
	})
	go func() {
		running.Wait()
		close(s.done)
	}()
	return nil
}

// end ends a node, if it runs; it says farewell to its neighbours.
func (d *node) end() {
	if d.live == nil {
		return
	}
	d.live.cancel()
	<-d.live.done
	d.lost += d.live.shaped.Lost()
	d.live = nil
}

// kill ends a node without a word to anybody.
func (d *node) kill() {
	d.live.tap.cut.Store(true)
	d.end()
}

// nodes are all of them.
func (n *Network) nodes() []*node {
	return append(n.relays[:len(n.relays):len(n.relays)], n.users()...)
}

// users are those without a name, as far as they are made.
func (n *Network) users() []*node {
	return slices.DeleteFunc([]*node{n.alice, n.bob}, func(d *node) bool { return d == nil })
}

// id is a relay's name.
func (d *node) id() peer.NodeID { return d.cfg.Identity.Static.NodeID() }

// stop ends all nodes at the same time and closes the sockets that none took over.
func (n *Network) stop() error {
	var err error
	for _, d := range n.nodes() {
		if d.live != nil {
			d.live.cancel()
		}
	}
	for _, d := range n.nodes() {
		d.end()
		if d.conn != nil {
			err = errors.Join(err, d.conn.Close())
			d.conn = nil
		}
	}
	if err != nil {
		return ErrSockets
	}
	return nil
}

// links is how many neighbours with a name take frames.
func (d *node) links() int { return d.live.Status().Links.Links }
