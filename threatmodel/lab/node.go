package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
)

// One node: a core of links as the shell would run it, with the loop in place of sockets and clocks.

// Port is the UDP port of every node.
const Port = 4433

// Node is a participant. What it runs above links is attached by NodeConfig.Handle, Dial and Send.
type Node struct {
	Knows Knowledge // what it has learned so far

	lab     *Lab
	cfg     NodeConfig
	id      [32]byte
	static  *noise.StaticKey
	core    *noise.Core
	machine *simnet.Machine
	timer   *simnet.Timer
	addrs   []netip.Addr
	starts  int
	source  netip.AddrPort // of the datagram at hand
}

// Name is the name under which its knowledge is filed.
func (n *Node) Name() string { return n.cfg.Name }

// Core is the node's core of links, of its present life.
func (n *Node) Core() *noise.Core { return n.core }

// Machine is what runs it.
func (n *Node) Machine() *simnet.Machine { return n.machine }

// Addr is where others reach it: the first of its addresses and Port.
func (n *Node) Addr() netip.AddrPort { return netip.AddrPortFrom(n.addrs[0], Port) }

// AddrLike is where those reach it who have addresses of the same family as a.
func (n *Node) AddrLike(a netip.AddrPort) netip.AddrPort {
	for _, own := range n.addrs {
		if own.Is4() == a.Addr().Is4() {
			return netip.AddrPortFrom(own, Port)
		}
	}
	return n.Addr()
}

// Move gives the node another address in place of its first.
func (n *Node) Move(to netip.Addr) {
	n.machine.Host().Renumber(n.addrs[0], to)
	n.addrs = n.machine.Host().Addrs()
}

// Static is its private link key, nil for an anonymous node.
func (n *Node) Static() *noise.StaticKey { return n.static }

// ID is its NodeID as links know it.
func (n *Node) ID() [32]byte { return n.id }

// Target is what others need to dial it at its first address.
func (n *Node) Target(p noise.Pattern) noise.Target {
	return noise.Target{Addr: n.Addr(), Key: n.static.Public(), Node: n.id, Pattern: p}
}

// OnEvent replaces the handler of events.
func (n *Node) OnEvent(handle func(now time.Time, e noise.Event)) { n.cfg.Handle = handle }

// start begins a life of the node.
func (n *Node) start(fresh bool) error {
	n.starts++
	core, err := noise.NewCore(n.now(), noise.Config{
		Overlay: n.lab.Overlay, Node: n.id, Static: n.static, FreshKey: fresh, MaxLinks: n.cfg.MaxLinks,
		Rand: n.lab.Source(fmt.Sprintf("life %d of %s", n.starts, n.cfg.Name)),
	})
	if err != nil {
		return fmt.Errorf("lab: core of a node: %w", err)
	}
	n.core = core
	return nil
}

// Restart ends the node's life without a word and begins the next one with the same static key. claimFresh says wrongly
// that the key was never used, which is a fault to be measured.
func (n *Node) Restart(claimFresh bool) error {
	n.timer.Stop()
	return n.start(claimFresh)
}

// Dial begins a link.
func (n *Node) Dial(t noise.Target) (id noise.LinkID, err error) {
	n.step(func(now time.Time) { id, err = n.core.Dial(now, t) })
	return id, err
}

// Send sends frames of noise.FrameLen bytes on a link.
func (n *Node) Send(id noise.LinkID, frames ...[]byte) (err error) {
	n.step(func(now time.Time) {
		for _, f := range frames {
			if err = n.core.Send(now, id, f); err != nil {
				return
			}
		}
	})
	return err
}

// Close ends a link.
func (n *Node) Close(id noise.LinkID) { n.step(func(now time.Time) { n.core.Close(now, id) }) }

// now is what the node's own clock says.
func (n *Node) now() time.Time { return n.machine.Now().Add(n.cfg.Ahead) }

// receive is the node's socket.
func (n *Node) receive(_ time.Time, from, _ netip.AddrPort, payload []byte) {
	n.Knows.address(from)
	if len(payload) != noise.DatagramLen {
		return // what a Pipe does
	}
	b := &n.lab.in
	b.Reset()
	copy(b.Next(from), payload)
	n.source = from
	n.work(func(now time.Time) { n.core.Receive(now, b) })
	n.source = netip.AddrPort{}
}

// Source is where the datagram comes from whose events are being handled; zero when there is none.
func (n *Node) Source() netip.AddrPort { return n.source }

func (n *Node) tick(time.Time) { n.work(n.core.Tick) }

// work is a step that costs processor time.
func (n *Node) work(f func(now time.Time)) {
	if n.cfg.Cost == nil {
		n.step(f)
		return
	}
	before := n.core.Stats()
	f(n.now())
	n.machine.Spend(n.cfg.Cost(before, n.core.Stats()))
	n.flush()
}

func (n *Node) step(f func(now time.Time)) {
	f(n.now())
	n.flush()
}

// flush delivers events, sends what waits, and sets the timer.
func (n *Node) flush() {
	now := n.now()
	events := n.core.Events(n.lab.events[:0])
	n.lab.events = nil // a handler may step another node
	for _, e := range events {
		n.Knows.event(n.lab.sieve, e)
		if n.cfg.Handle != nil {
			n.cfg.Handle(now, e)
		}
	}
	clear(events)
	n.lab.events = events
	out := n.core.Outgoing(n.lab.out[:0])
	n.lab.out = nil
	for _, b := range out {
		for i := range b.Len() {
			to, d := b.At(i)
			// An error is an address that no datagram can go to: the core dropped it, as UDP would.
			_ = n.machine.Send(Port, to, d)
		}
	}
	n.core.Recycle(out)
	clear(out)
	n.lab.out = out
	deadline := n.core.Deadline()
	if !deadline.IsZero() {
		deadline = deadline.Add(-n.cfg.Ahead)
	}
	n.timer.Reset(deadline)
}

// owns tells whether a source address is the node's own. It is asked within the network's lock, so it asks nobody.
func (n *Node) owns(src netip.AddrPort) bool { return slices.Contains(n.addrs, src.Addr()) }
