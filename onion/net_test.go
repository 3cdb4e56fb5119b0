// A network of cores for tests: relays and clients, links of 40 ms, virtual time.

package onion

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/onion/path"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

const linkDelay = 40 * time.Millisecond

// place is a machine in the network: neighbours know each other by number, counted from 1.
type place struct {
	number circuit.Neighbor
	relay  *Relay
	client *Client
	d      *peer.Descriptor
	key    layer.Private
	state  []byte // what the client keeps
	linked map[peer.NodeID]bool
	off    bool
}

// Keep implements path.Keeper.
func (p *place) Keep(state []byte) error {
	p.state = bytes.Clone(state)
	return nil
}

// flight is a cell on its way.
type flight struct {
	at       time.Time
	order    int
	from, to *place
	frame    []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].order < f[j].order
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

// network is all of it.
type network struct {
	t      testing.TB
	now    time.Time
	random *mathrand.ChaCha8
	loss   float64
	delay  time.Duration // of a link
	over   peer.OverlayID
	all    []*place
	dir    *peer.Directory
	air    flights
	order  int
	sent   map[[2]circuit.Neighbor]int
	made   int // circuits, by clients
}

// anyAuthority admits everybody.
type anyAuthority struct{}

func (anyAuthority) VerifyAdmission(uint32, []byte, []byte) error { return nil }

func newNetwork(t testing.TB, seed byte, relays int) *network {
	n := &network{t: t, now: time.Unix(1_800_000_100, 0), random: mathrand.NewChaCha8([32]byte{seed}), delay: linkDelay, sent: make(map[[2]circuit.Neighbor]int)}
	id := sha256.Sum256([]byte("overlay"))
	var err error
	n.over, err = peer.ParseOverlayID(id[:])
	n.must(err)
	calendar, err := peer.NewCalendar(n.now.Unix()-1, 24*time.Hour, 60*24*time.Hour)
	n.must(err)
	var list []*peer.Descriptor
	for range relays {
		list = append(list, n.relay(calendar))
	}
	n.dir, err = peer.NewDirectory(n.over, 0, list, nil)
	n.must(err)
	return n
}

func (n *network) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) read(b []byte) {
	_, err := io.ReadFull(n.random, b)
	n.must(err)
}

// relay adds one, in a network of its own.
func (n *network) relay(calendar peer.Calendar) *peer.Descriptor {
	p := &place{number: circuit.Neighbor(len(n.all) + 1)}
	n.all = append(n.all, p)
	signing, err := peer.GenerateSigningKey(n.random)
	n.must(err)
	signature := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(p.number)))
	static, err := peer.NewStatic(n.over, 0, signing.Public(), bytes.Repeat(signature[:], peer.AdmissionSignatureLen/len(signature)))
	n.must(err)
	var b [32]byte
	n.read(b[:])
	p.key, err = layer.PrivateFromBytes(b[:])
	n.must(err)
	public := p.key.Public().Bytes()
	onion, err := peer.ParseOnionPublic(public[:])
	n.must(err)
	b[31] &= 0x3f
	link, err := peer.ParseLinkPublic(b[:])
	n.must(err)
	address, err := peer.NewAddress(netip.AddrPortFrom(netip.AddrFrom4([4]byte{45, byte(p.number), 0, 1}), 4433))
	n.must(err)
	daily, err := peer.SignDaily(static, peer.DailyFields{
		Roles: peer.RoleRelay | peer.RoleGuard, Capacity: 10, Link: link, Onion: onion, Addresses: []peer.Address{address},
	}, signing)
	n.must(err)
	admitted, err := peer.Admit(static, n.over, anyAuthority{})
	n.must(err)
	p.d, err = admitted.Verify(daily, calendar, 0)
	n.must(err)
	p.relay, err = NewRelay(n.now, RelayConfig{Overlay: n.over, Node: p.d.NodeID(), Peers: n, Rand: n.random})
	n.must(err)
	p.relay.SetKeys([]circuit.Key{{Private: p.key}})
	return p.d
}

// Resolve implements circuit.Peers.
func (n *network) Resolve(prefix [cell.PrefixLen]byte) (circuit.Neighbor, bool) {
	for _, p := range n.all {
		if p.d != nil && p.d.NodeID().Prefix().Bytes() == prefix {
			return p.number, true
		}
	}
	return 0, false
}

// Release implements circuit.Peers.
func (n *network) Release(circuit.Neighbor) {}

// user adds a node without a name.
func (n *network) user(change func(*ClientConfig)) *place {
	p := &place{number: circuit.Neighbor(len(n.all) + 1), linked: make(map[peer.NodeID]bool)}
	n.all = append(n.all, p)
	cfg := ClientConfig{Overlay: n.over, Rand: n.random, Keeper: p, First: true}
	if change != nil {
		change(&cfg)
	}
	var err error
	p.client, err = NewClient(n.now, cfg)
	n.must(err)
	n.must(p.client.SetDirectory(n.now, n.dir))
	n.flush(p)
	return p
}

// find is the relay with a NodeID.
func (n *network) find(id peer.NodeID) *place {
	for _, p := range n.all {
		if p.d != nil && p.d.NodeID() == id {
			return p
		}
	}
	return nil
}

// flush links a client to its guards, answers creates, and sends what a place has to say.
func (n *network) flush(p *place) {
	if p.client != nil {
		for _, id := range p.client.Guards() {
			if g := n.find(id); !p.linked[id] && !g.off {
				p.linked[id] = true
				p.client.GuardUp(n.now, id, g.number)
			}
		}
		n.send(p, p.client.Outgoing(nil))
	}
	if p.relay != nil {
		for job, ok := p.relay.NextCreate(n.now); ok; job, ok = p.relay.NextCreate(n.now) {
			job.Run()
			p.relay.FinishCreate(n.now, job)
		}
		n.send(p, p.relay.Outgoing(nil))
	}
}

func (n *network) send(from *place, out []circuit.Out) {
	for _, o := range out {
		n.sent[[2]circuit.Neighbor{from.number, o.To}]++
		if _, command := cell.Header(o.Frame); command == cell.Create && from.client != nil {
			n.made++
		}
		var b [4]byte
		n.read(b[:])
		if float64(binary.BigEndian.Uint32(b[:]))/(1<<32) < n.loss {
			continue
		}
		n.order++
		heap.Push(&n.air, flight{n.now.Add(n.delay), n.order, from, n.all[o.To-1], bytes.Clone(o.Frame)})
	}
}

// run lets time go by.
func (n *network) run(d time.Duration) {
	n.until(d, func() bool { return false })
}

// until lets time go by until something holds, and reports whether it came to that.
func (n *network) until(d time.Duration, holds func() bool) bool {
	end := n.now.Add(d)
	for !holds() {
		next := end
		if len(n.air) > 0 && n.air[0].at.Before(next) {
			next = n.air[0].at
		}
		var due *place
		for _, p := range n.all {
			if t := p.deadline(); !t.IsZero() && t.Before(next) {
				next, due = t, p
			}
		}
		if !next.Before(end) {
			n.now = end
			return false
		}
		if next.After(n.now) {
			n.now = next
		}
		if due != nil {
			due.tick(n.now)
			n.flush(due)
			continue
		}
		f := heap.Pop(&n.air).(flight)
		n.deliver(f)
	}
	return true
}

func (n *network) deliver(f flight) {
	if f.to.off || f.from.off {
		return
	}
	if f.to.client == nil || !f.to.client.Receive(n.now, f.from.number, f.frame) {
		if f.to.relay != nil {
			f.to.relay.Receive(n.now, f.from.number, f.from.relay == nil, f.frame)
		}
	}
	n.flush(f.to)
}

// kill takes a relay off the network; its neighbours notice at once.
func (n *network) kill(p *place) {
	p.off = true
	for _, o := range n.all {
		if o.relay != nil && !o.off {
			o.relay.LinkDown(n.now, p.number)
		}
		if o.client != nil && o.linked[p.d.NodeID()] {
			delete(o.linked, p.d.NodeID())
			o.client.GuardDown(n.now, p.d.NodeID())
		}
		if !o.off {
			n.flush(o)
		}
	}
}

func (p *place) deadline() time.Time {
	switch {
	case p.off:
		return time.Time{}
	case p.relay != nil:
		return p.relay.Deadline()
	}
	return p.client.Deadline()
}

func (p *place) tick(now time.Time) {
	if p.relay != nil {
		p.relay.Tick(now)
		return
	}
	p.client.Tick(now)
}

// heard is what a user's session has told.
type heard struct {
	talk     *Talk
	accepted bool
	messages []string
	packets  []string
	times    []time.Time
	closed   bool
	err      error
}

// tell notes events.
func (h *heard) tell(n *network) func(session.Event) {
	return func(ev session.Event) {
		switch ev.Kind {
		case session.Accepted, session.Established:
			h.accepted = true
		case session.Message:
			h.messages = append(h.messages, string(ev.Bytes))
			h.times = append(h.times, n.now)
		case session.Datagram:
			h.packets = append(h.packets, string(ev.Bytes))
		case session.Closed:
			h.closed, h.err = true, ev.Err
		}
	}
}

var errTest = errors.New("test")

// lines are the purposes whose stems stand.
func (p *place) lines(purpose path.Purpose) int { return p.client.pool.Len(purpose) }
