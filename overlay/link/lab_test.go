// Pools joined by hand in virtual time: what noise would do is done by the lab, one event after the other, so that a run
// is a function of its seed.

package link

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

type lab struct {
	t       *testing.T
	now     time.Time
	rand    *rand.Rand
	latency time.Duration
	jitter  time.Duration
	loss    float64
	ends    []*end
	flights []flight // in order of arrival
	frames  int      // sent by anybody
	tap     func(from, to *end, frame []byte) (deliver bool)
}

type flight struct {
	at time.Time
	do func()
}

// end is one node: a pool and what noise would have for it.
type end struct {
	lab    *lab
	peer   *testPeer // nil without a name
	pool   *Pool
	gate   *testGate
	shelf  testShelf
	links  map[noise.LinkID]*half
	last   noise.LinkID
	dead   bool
	dials  []dialled
	events []Event
	sent   int // frames
	full   bool
}

type dialled struct {
	at     time.Time
	target noise.Target
}

// half is one end's side of a link.
type half struct {
	end    *end
	id     noise.LinkID
	other  *half // nil until the handshake is answered
	up     bool
	dialed bool
}

type testShelf map[uint32]Edition

func (s testShelf) Edition(_ time.Time, period uint32) Edition { return s[period] }

func newLab(t *testing.T, seed uint64) *lab {
	t.Logf("seed %d", seed)
	return &lab{t: t, now: start(), rand: rand.New(rand.NewPCG(seed, 0)), latency: 40 * time.Millisecond}
}

// relay makes a node with a name.
func (l *lab) relay(number int, change ...func(*Config)) *end {
	l.t.Helper()
	e := l.end(newTestPeer(l.t, number), Config{Relay: true, MaxClients: 100}, change...)
	e.pool.Announce(l.now, e.peer.descriptor(5))
	return e
}

// client makes a node without one.
func (l *lab) client(change ...func(*Config)) *end {
	l.t.Helper()
	return l.end(nil, Config{}, change...)
}

func (l *lab) end(p *testPeer, cfg Config, change ...func(*Config)) *end {
	l.t.Helper()
	e := &end{lab: l, peer: p, links: make(map[noise.LinkID]*half), shelf: testShelf{}}
	if p != nil {
		e.gate = &testGate{t: l.t, revoked: map[peer.NodeID]bool{}}
		cfg.Self, cfg.Gate, cfg.Shelf = p.id(), e.gate, e.shelf
	}
	cfg.Rand = rand.NewChaCha8([32]byte{byte(l.rand.Uint32()), byte(len(l.ends))})
	for _, f := range change {
		f(&cfg)
	}
	var err error
	e.pool, err = NewPool(l.now, cfg)
	must(l.t, err)
	l.ends = append(l.ends, e)
	return e
}

// open holds a link to another node.
func (e *end) open(to *end) Neighbor {
	e.lab.t.Helper()
	n, err := e.pool.Open(e.lab.now, to.peer.descriptor(5))
	must(e.lab.t, err)
	e.lab.settle()
	return n
}

// later does something after a time.
func (l *lab) later(d time.Duration, do func()) {
	at := l.now.Add(d)
	i, _ := slices.BinarySearchFunc(l.flights, at, func(f flight, at time.Time) int {
		if f.at.After(at) {
			return 1
		}
		return -1
	})
	l.flights = slices.Insert(l.flights, i, flight{at, do})
}

// settle carries out what the pools ask for.
func (l *lab) settle() {
	for again := true; again; {
		again = false
		for _, e := range l.ends {
			if e.dead {
				continue
			}
			acts := e.pool.Actions(nil)
			again = again || len(acts) > 0
			for _, a := range acts {
				e.act(a)
			}
			e.events = e.pool.Events(e.events)
		}
	}
}

func (e *end) act(a Action) {
	switch a.Kind {
	case ActDial:
		e.dial(a)
	case ActClose:
		if h := e.links[a.Link]; h != nil {
			delete(e.links, a.Link)
			if h.other != nil {
				e.lab.later(e.lab.way(), func() { h.other.down(noise.ErrPeerClosed) })
			}
		}
	case ActSend:
		h := e.links[a.Link]
		if h == nil || !h.up {
			e.lab.t.Fatal("a frame for a link that is not there")
		}
		e.sent++
		e.lab.frames++
		frame := bytes.Clone(a.Frame)
		if e.lab.rand.Float64() < e.lab.loss || h.other == nil || e.lab.tap != nil && !e.lab.tap(e, h.other.end, frame) {
			return
		}
		e.lab.later(e.lab.way(), func() { h.other.receive(frame) })
	}
}

func (l *lab) way() time.Duration {
	if l.jitter == 0 {
		return l.latency
	}
	return l.latency + time.Duration(l.rand.Int64N(int64(l.jitter)))
}

// dial does what a noise core does: an answer after a round trip, or none after five seconds.
func (e *end) dial(a Action) {
	l := e.lab
	e.dials = append(e.dials, dialled{l.now, *a.Target})
	if e.full {
		e.pool.Dialed(l.now, a.Neighbor, 0, noise.ErrFull)
		return
	}
	e.last++
	h := &half{end: e, id: e.last, dialed: true}
	e.links[h.id] = h
	e.pool.Dialed(l.now, a.Neighbor, h.id, nil)
	to := l.at(*a.Target)
	if to == nil {
		l.later(5*time.Second, func() { h.down(noise.ErrNoAnswer) })
		return
	}
	there, back, confirm := l.way(), l.way(), l.way()
	l.later(there+back, func() {
		if e.links[h.id] == h && !to.dead {
			to.last++
			h.other = &half{end: to, id: to.last, other: h}
			to.links[h.other.id] = h.other
			h.rise(a.Target.Pattern, a.Target.Key)
			key := noise.PublicKey{}
			if a.Target.Pattern == noise.IK {
				key = e.peer.link.Public()
			}
			l.later(confirm, func() { h.other.rise(a.Target.Pattern, key) })
		}
	})
}

// at finds who answers a target.
func (l *lab) at(t noise.Target) *end {
	for _, e := range l.ends {
		if e.peer != nil && !e.dead && slices.Contains(e.peer.addrs, t.Addr) && e.peer.link.Public() == t.Key && e.peer.id().Bytes() == t.Node {
			return e
		}
	}
	return nil
}

func (h *half) rise(p noise.Pattern, key noise.PublicKey) {
	if h.end.links[h.id] != h || h.end.dead || h.up {
		return
	}
	h.up = true
	h.feed(noise.Event{Kind: noise.LinkUp, Link: h.id, Pattern: p, Dialed: h.dialed, Peer: key})
}

func (h *half) receive(frame []byte) {
	if h.end.links[h.id] == h && !h.up { // the first datagram confirms the handshake as well
		key := noise.PublicKey{}
		p := noise.NK
		if h.other.end.peer != nil {
			p, key = noise.IK, h.other.end.peer.link.Public()
		}
		h.rise(p, key)
	}
	h.feed(noise.Event{Kind: noise.FrameReceived, Link: h.id, Frame: frame})
}

func (h *half) down(why error) {
	if h.end.links[h.id] == h {
		delete(h.end.links, h.id)
		h.feed(noise.Event{Kind: noise.LinkDown, Link: h.id, Err: why})
	}
}

func (h *half) feed(ev noise.Event) {
	if !h.end.dead {
		h.end.pool.Handle(h.end.lab.now, ev)
		h.end.lab.settle() // as the shell does
	}
}

// pass lets time go by.
func (l *lab) pass(d time.Duration) {
	l.t.Helper()
	until := l.now.Add(d)
	for {
		l.settle()
		next := until
		if len(l.flights) > 0 && l.flights[0].at.Before(next) {
			next = l.flights[0].at
		}
		for _, e := range l.ends {
			if d := e.pool.Deadline(); !e.dead && !d.IsZero() && d.Before(next) {
				next = d
			}
		}
		if next.After(l.now) {
			l.now = next
		}
		if !l.now.Before(until) {
			return
		}
		for len(l.flights) > 0 && !l.flights[0].at.After(l.now) {
			f := l.flights[0]
			l.flights = l.flights[1:]
			f.do()
		}
		for _, e := range l.ends {
			if !e.dead {
				e.pool.Tick(l.now)
			}
		}
	}
}

// kinds counts the events of a kind.
func (e *end) kinds(k EventKind) int {
	n := 0
	for _, ev := range e.events {
		if ev.Kind == k {
			n++
		}
	}
	return n
}

// to finds the neighbour that another node is; 0 if it takes no frames.
func (e *end) to(other *end) Neighbor {
	for _, i := range e.pool.Neighbors() {
		if i.Client == (other.peer == nil) && (i.Client || i.Node == other.peer.id()) {
			return i.Neighbor
		}
	}
	return 0
}

// say sends a cell with a text.
func (e *end) say(to Neighbor, text string) error {
	err := e.pool.Send(e.lab.now, to, cell(text))
	e.lab.settle()
	return err
}

// heard are the texts of the cells that came.
func (e *end) heard() []string {
	var list []string
	for _, ev := range e.events {
		if ev.Kind == Cell {
			list = append(list, string(bytes.TrimRight(ev.Frame[1:], "\x00")))
		}
	}
	return list
}

func cell(text string) []byte {
	f := make([]byte, noise.FrameLen)
	f[0] = byte(KindCell)
	copy(f[1:], text)
	return f
}

// linked expects that two nodes take each other's frames over one link.
func (l *lab) linked(a, b *end) {
	l.t.Helper()
	x, y := fmt.Sprint("there ", l.now.UnixNano()), fmt.Sprint("back ", l.now.UnixNano())
	if err := a.say(a.to(b), x); err != nil {
		l.t.Fatalf("there: %v", err)
	}
	if err := b.say(b.to(a), y); err != nil {
		l.t.Fatalf("back: %v", err)
	}
	l.pass(time.Second)
	if !slices.Contains(b.heard(), x) || !slices.Contains(a.heard(), y) {
		l.t.Fatal("frames don't pass")
	}
	if len(a.links) != 1 || len(b.links) != 1 {
		l.t.Fatalf("%d and %d links, want one", len(a.links), len(b.links))
	}
}

// addr is an address of the lab.
func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
