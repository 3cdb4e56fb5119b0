// Package lab is a whole network under observation: nodes that run real links over an internet in memory, in virtual
// time, from one seed. Every datagram is shown to watchers with its time, its size and its ends; what each node gets to
// know is noted under its name; canaries planted in what is secret are looked for in both.
//
// Nothing is stored that was not asked for, so that a run of millions of datagrams costs no memory: watchers keep
// statistics.
package lab

import (
	"fmt"
	"net/netip"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
)

// Config is what a lab is made from.
type Config struct {
	// Seed decides everything: keys, delays, losses, and what scenarios draw.
	Seed uint64
	// Link holds between any two nodes; the zero value is perfect.
	Link simnet.Link
	// Path, if set, gives the link from one host to another in place of Link: see simnet.Config.
	Path func(from, to *simnet.Host) simnet.Link
	// SocketQueue bounds what waits at a node: see simnet.Config.
	SocketQueue int
	// Watch, if set, sees every datagram from the first on: see Lab.Watch.
	Watch func(Datagram)
	// Start is when the virtual clock begins; zero means noon of a fixed day.
	Start time.Time
}

// Datagram is what an observer of all wires sees of one datagram, as it is sent.
type Datagram struct {
	Time     time.Time
	From, To netip.AddrPort // as the wire bears them
	Sender   *Node          // who really sent it; nil for a forged source
	Payload  []byte         // valid until the watcher returns
}

// Lab is a network and its observer. It belongs to one goroutine.
type Lab struct {
	Net     *simnet.Net
	Loop    *simnet.Loop
	Overlay [32]byte

	seed     uint64
	nodes    []*Node
	byHost   map[int]*Node
	watchers []func(Datagram)
	canaries []Canary
	sieve    *Sieve         // of canaries
	onWire   map[string]int // canaries seen in datagrams
	in       noise.Batch    // one for all nodes: only one receives at a time
	out      []*noise.Batch
	events   []noise.Event
}

// New makes an empty lab.
func New(c Config) *Lab {
	if c.Start.IsZero() {
		c.Start = time.Unix(1_800_000_000, 0)
	}
	n := simnet.New(simnet.Config{Seed: c.Seed, Link: c.Link, Path: c.Path, SocketQueue: c.SocketQueue})
	l := &Lab{Net: n, Loop: simnet.NewLoop(n, c.Start), seed: c.Seed, byHost: make(map[int]*Node), sieve: NewSieve(nil), onWire: make(map[string]int)}
	l.Source("overlay").Read(l.Overlay[:])
	n.Tap(l.tap)
	if c.Watch != nil {
		l.Watch(c.Watch)
	}
	return l
}

// Source is the lab's stream of randomness for a purpose.
func (l *Lab) Source(purpose string) *Source { return NewSource(l.seed, purpose) }

// Now is the virtual time.
func (l *Lab) Now() time.Time { return l.Loop.Now() }

// Run lets time go by.
func (l *Lab) Run(d time.Duration) { l.Loop.Run(l.Loop.Now().Add(d)) }

// Watch shows every datagram that is sent from now on to see.
func (l *Lab) Watch(see func(Datagram)) { l.watchers = append(l.watchers, see) }

// Plant has every datagram, and every frame that a node opens, searched for a canary from now on.
func (l *Lab) Plant(c Canary) {
	l.canaries = append(l.canaries, c)
	l.sieve = NewSieve(l.canaries)
}

// OnWire says in how many datagrams the canaries were seen, by name.
func (l *Lab) OnWire() map[string]int { return l.onWire }

// Nodes returns the nodes in the order in which they were made.
func (l *Lab) Nodes() []*Node { return l.nodes }

// tap turns captures into datagrams: each once, where it leaves its host.
func (l *Lab) tap(c simnet.Capture) {
	if c.Point.Kind != simnet.HostOut {
		return
	}
	d := Datagram{Time: c.Time, From: c.Src, To: c.Dst, Payload: c.Payload}
	if n := l.byHost[c.Point.Index]; n != nil && n.owns(c.Src) {
		d.Sender = n
	}
	for _, name := range l.sieve.Search(c.Payload) {
		l.onWire[name]++
	}
	for _, see := range l.watchers {
		see(d)
	}
}

// NodeConfig says what a node is. Its name is what knowledge is filed under.
type NodeConfig struct {
	Name      string
	Addrs     []netip.Addr // public addresses; none with Host
	Host      *simnet.Host // in place of Addrs: a host behind a NAT, say
	Anonymous bool         // no static key: it answers nobody and dials NK only
	// ID and Static are what a descriptor says of the node; without them they are drawn.
	ID       [32]byte
	Static   *noise.StaticKey
	UsedKey  bool // its static key was in use before: see noise.Config.FreshKey
	MaxLinks int
	Ahead    time.Duration // how far the node is ahead of the lab by its own clock; negative: behind
	// Cost, if set, says how much processor time one step took, from the counts before and after it.
	Cost func(before, after noise.Stats) time.Duration
	// Handle, if set, gets every event; frames are valid until it returns. What is attached above links hangs here.
	Handle func(now time.Time, e noise.Event)
}

// Node makes a node and attaches it to the network.
func (l *Lab) Node(c NodeConfig) (*Node, error) {
	if c.Host == nil {
		c.Host = l.Net.Host(c.Addrs...)
	}
	n := &Node{lab: l, cfg: c, machine: l.Loop.Machine(c.Host), addrs: c.Host.Addrs(), Knows: newKnowledge()}
	random := l.Source("node " + c.Name)
	random.Read(n.id[:])
	if c.ID != [32]byte{} {
		n.id = c.ID
	}
	if n.static = c.Static; !c.Anonymous && n.static == nil {
		key, err := noise.GenerateStaticKey(random)
		if err != nil {
			return nil, fmt.Errorf("lab: key of a node: %w", err)
		}
		n.static = key
	}
	n.timer = n.machine.Timer(n.tick)
	if err := n.start(!c.UsedKey); err != nil {
		return nil, err
	}
	n.machine.Handle(Port, n.receive)
	l.nodes = append(l.nodes, n)
	l.byHost[c.Host.Index()] = n
	return n, nil
}
