// Contacts and their links as small values: who somebody is, who holds it, which links go there.
//
//	contact   wanted ──▶ waiting ──▶ trying ──▶ linked          (dial, while somebody holds it and no link is up)
//	                        ▲          │ failed    │ lost
//	                        └── pause ◀┴───────────┘
//	conn      handshake ──LinkUp──▶ greeting ──both hellos──▶ ready ──a better link──▶ lingering ──▶ gone

package link

import (
	"net/netip"
	"slices"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

// maxConns is how many links one contact may have, with those that linger. At the bound the oldest goes.
const maxConns = 4

type dialState uint8

const (
	notDialing dialState = iota
	waitingToDial
	dialling
)

// contact is a peer that is wanted or linked, or the client behind one answered link.
type contact struct {
	number Neighbor
	id     peer.NodeID // zero for a client
	client bool
	target *peer.Descriptor // the newest seen, by which it is dialled
	holds  int

	conns  []*conn // greeted ones
	active *conn   // the one that frames are sent on; nil while none is ready
	queue  [][]byte
	train  train     // within Forward
	used   time.Time // last cell or ask

	dial      dialState
	attempt   *conn // while dialling, from the moment noise named it
	addrs     []netip.AddrPort
	at, tried int // which address is next, how many failed in a row
	failures  int
	notBefore time.Time
	timer     timer // the next dial, or forgetting

	fetch *fetch
	asks  uint32 // numbers of asks so far; a count of the whole pool would show one neighbour what others were asked
}

// conn is one noise link.
type conn struct {
	id      noise.LinkID
	contact *contact // nil while an answered link has not said who it is
	pattern noise.Pattern
	dialed  bool
	key     noise.PublicKey // proven by the other end; zero for a client

	up     bool // the handshake is done
	gone   bool // it has ended
	ready  bool // frames may be sent
	number uint64
	since  time.Time // up, later ready
	rtt    time.Duration

	theirs    bool // their hello was found valid
	ours      bool // our hello was answered
	lingering bool
	boot      boot
	in        assembly
	heard     uint32 // number of the last hello found valid
	out       outgoing
	repeat    timer // of the own hello
	life      timer // the end: of greeting, of lingering, of idleness

	hellos, echoes, pages bucket
	probes                []probe
	lastProbe             uint64
}

// outgoing is the own hello on one link.
type outgoing struct {
	number  uint32
	message []byte
	tries   int
	waiting bool
}

// known reports whether frames other than hellos are taken from the other end.
func (l *conn) known() bool { return l.theirs || l.ready }

// Open wants a link to a peer and takes one hold of it. The link is dialled, and dialled again when it is lost, until
// every hold is released. It fails with ErrTarget or, at the bound on contacts, ErrFull.
func (p *Pool) Open(now time.Time, d *peer.Descriptor) (Neighbor, error) {
	if p.cfg.Relay && d.NodeID() == p.cfg.Self {
		return 0, ErrTarget
	}
	c := p.byID[d.NodeID()]
	if c == nil {
		if len(p.dialable(d)) == 0 {
			return 0, ErrTarget
		}
		if c = p.newContact(d.NodeID()); c == nil {
			return 0, ErrFull
		}
	}
	c.holds++
	p.update(c, d)
	p.want(now, c)
	return c.number, nil
}

// Release gives one hold back. A link that nobody holds is closed when it has been idle for a while.
func (p *Pool) Release(now time.Time, n Neighbor) {
	c := p.contacts[n]
	if c == nil || c.holds == 0 {
		return
	}
	c.holds--
	if c.holds == 0 && c.active != nil {
		p.watchIdle(now, c.active)
	}
	p.tidy(now, c)
}

// Expel closes every link to a peer, because it is revoked or has equivocated.
func (p *Pool) Expel(now time.Time, id peer.NodeID) {
	c := p.byID[id]
	if c == nil {
		return
	}
	for _, l := range append(slices.Clone(c.conns), c.attempt) {
		if l != nil && p.links[l.id] == l {
			p.close(now, l, ErrRefused)
		}
	}
}

// Neighbor returns the number of a peer that is wanted or linked.
func (p *Pool) Neighbor(id peer.NodeID) (Neighbor, bool) {
	c := p.byID[id]
	if c == nil {
		return 0, false
	}
	return c.number, true
}

// Reach says how far a link to a peer is.
type Reach uint8

// How far a link can be.
const (
	Away    Reach = iota // there is none, and none is being made
	Coming               // it is being made; a few cells may wait for it
	Linked               // it takes frames
	Pausing              // it failed a moment ago and is not tried again before a pause is over
)

// Reach returns how far the link to a peer is.
func (p *Pool) Reach(now time.Time, id peer.NodeID) Reach {
	c := p.byID[id]
	switch {
	case c == nil:
		return Away
	case c.active != nil:
		return Linked
	case c.dial != notDialing, len(c.conns) > 0:
		return Coming
	case now.Before(c.notBefore):
		return Pausing
	}
	return Away
}

// Info describes a neighbour that takes frames. It is for choosing and for figures, not for logs.
type Info struct {
	Neighbor Neighbor
	Node     peer.NodeID // zero for a client
	Client   bool
	Dialed   bool
	Since    time.Time
	RTT      time.Duration // the last one measured; 0 for none
}

// Neighbors returns those that take frames, in no order.
func (p *Pool) Neighbors() []Info {
	var list []Info
	for _, c := range p.contacts {
		if l := c.active; l != nil {
			list = append(list, Info{c.number, c.id, c.client, l.dialed, l.since, l.rtt})
		}
	}
	return list
}

// newContact makes a contact of a peer, or returns nil at the bound.
func (p *Pool) newContact(id peer.NodeID) *contact {
	if len(p.byID) >= p.cfg.MaxLinks+extraContacts {
		return nil
	}
	c := p.addContact(id)
	p.byID[id] = c
	return c
}

func (p *Pool) addContact(id peer.NodeID) *contact {
	p.lastID++
	c := &contact{number: p.lastID, id: id}
	c.timer.fire = func(now time.Time) {
		p.want(now, c)
		p.tidy(now, c)
	}
	p.contacts[c.number] = c
	return c
}

// tidy forgets a contact that nobody wants and that need not be remembered for its pause.
func (p *Pool) tidy(now time.Time, c *contact) {
	if c.holds > 0 || len(c.conns) > 0 || c.dial != notDialing {
		return
	}
	if now.Before(c.notBefore) {
		p.agenda.set(&c.timer, c.notBefore)
		return
	}
	p.agenda.stop(&c.timer)
	delete(p.contacts, c.number)
	if !c.client {
		delete(p.byID, c.id)
	}
}

// update takes a descriptor for dialling, unless a newer one is known.
func (p *Pool) update(c *contact, d *peer.Descriptor) {
	if c.target != nil && c.target.Period() > d.Period() {
		return
	}
	c.target = d
	addrs := p.dialable(d)
	if !slices.Equal(addrs, c.addrs) {
		c.addrs, c.at, c.tried = addrs, 0, 0
	}
}

// Update tells of a newer descriptor of a peer that is wanted or linked.
func (p *Pool) Update(d *peer.Descriptor) {
	if c := p.byID[d.NodeID()]; c != nil {
		p.update(c, d)
	}
}

// dialable returns the addresses that this node may dial.
func (p *Pool) dialable(d *peer.Descriptor) []netip.AddrPort {
	var list []netip.AddrPort
	for _, a := range d.Daily().Addresses() {
		if p.cfg.Private || a.IsPublic() {
			list = append(list, a.AddrPort())
		}
	}
	return list
}
