// The pool: a core without I/O that keeps the links of one node. The other files have its parts: contacts are dialled
// (dial.go), greeted (greet.go), one of their links is chosen (settle.go).

package link

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

// Gate judges the descriptors of hellos: of this overlay, admitted, not revoked, signed, of a period that counts. Any
// error refuses; its reason goes nowhere.
type Gate interface {
	Admit(now time.Time, s peer.Static, d peer.Daily) (*peer.Descriptor, error)
}

// Edition is a set of descriptors as pages are cut from it. Sets that differ have different tags; a nil Directory is
// an empty one.
type Edition struct {
	Tag       uint32
	Directory *peer.Directory
}

// Shelf gives the set of a period that others may fetch. It should not change with every descriptor, because a fetch
// takes a while.
type Shelf interface {
	Edition(now time.Time, period uint32) Edition
}

// Config are the inputs of a Pool.
type Config struct {
	// Relay makes a pool of a peer that answers and dials with a name (IK); Announce gives it before the first link.
	// Otherwise the pool only dials, without a name (NK), and answers nobody.
	Relay bool
	Self  peer.NodeID // of a relay
	Gate  Gate        // of a relay
	Shelf Shelf       // of a relay; nil serves no pages

	MaxLinks   int           // peers linked at once; 0: MaxLinksDefault
	MaxClients int           // links of clients answered, of a relay; 0: none
	Private    bool          // dial addresses that are not public: in a lab, on one machine
	Keepalive  time.Duration // on links dialled, for a NAT; 0: never
	// BytesPerSecond bounds what is sent, as UDP payload; 0: no bound.
	BytesPerSecond uint64
	Rand           io.Reader // nil: crypto/rand
}

// Pool keeps the links of one node. It is not safe for concurrent use: a Shell feeds it.
type Pool struct {
	cfg      Config
	agenda   agenda
	throttle throttle

	contacts map[Neighbor]*contact
	byID     map[peer.NodeID]*contact
	links    map[noise.LinkID]*conn
	greeting []*conn    // answered links without a valid hello, oldest first
	waiting  []*contact // to be dialled when there is room
	dialing  int
	linked   int // contacts with a NodeID and at least one greeted link
	clients  int
	lastID   Neighbor
	lastUp   uint64

	own   []byte // the hello, as sent
	boot  boot
	hello bucket
	pages [2]bucket // of clients, of peers
	serve rate      // of each of the two

	actions  []Action
	events   []Event
	trains   trains
	counters Counters
}

// NewPool checks the configuration: ErrConfig, or the error of the random source.
func NewPool(now time.Time, cfg Config) (*Pool, error) {
	if cfg.MaxLinks == 0 {
		cfg.MaxLinks = MaxLinksDefault
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.MaxLinks < 1 || cfg.MaxClients < 0 || cfg.Keepalive < 0 || cfg.Relay && cfg.Gate == nil || !cfg.Relay && cfg.MaxClients > 0 {
		return nil, ErrConfig
	}
	p := &Pool{
		cfg:      cfg,
		throttle: newThrottle(now, cfg.BytesPerSecond),
		contacts: make(map[Neighbor]*contact),
		byID:     make(map[peer.NodeID]*contact),
		links:    make(map[noise.LinkID]*conn),
		hello:    helloRate().full(now),
		serve:    pageRate(cfg.BytesPerSecond),
	}
	p.pages = [2]bucket{p.serve.full(now), p.serve.full(now)}
	if _, err := io.ReadFull(cfg.Rand, p.boot[:]); err != nil {
		return nil, err
	}
	return p, nil
}

// Handle takes events of the noise core below.
func (p *Pool) Handle(now time.Time, events ...noise.Event) {
	var from *conn // of the frame before: frames come in trains
	for i := range events {
		ev := &events[i]
		if ev.Kind != noise.FrameReceived {
			p.handle(now, ev)
			continue
		}
		if from == nil || from.id != ev.Link {
			from = p.links[ev.Link]
		}
		if from != nil && from.up && !from.gone {
			p.receive(now, from, ev.Frame)
		}
	}
}

// handle takes an event that is no frame.
func (p *Pool) handle(now time.Time, ev *noise.Event) {
	switch ev.Kind {
	case noise.LinkUp:
		p.linkUp(now, *ev)
	case noise.LinkDown:
		if l := p.links[ev.Link]; l != nil {
			p.lose(now, l, ev.Err)
		}
	case noise.Pong:
		if l := p.links[ev.Link]; l != nil {
			l.rtt = ev.RTT
		}
	}
}

// receive looks at the kind of a frame.
func (p *Pool) receive(now time.Time, l *conn, f []byte) {
	k := Kind(f[0])
	switch {
	case k == KindPadding:
	case k == KindMessage:
		p.message(now, l, f)
	case k > KindEcho:
		p.counters.FramesRefused++
	case !l.known():
		p.counters.FramesEarly++
	case k == KindCell:
		p.counters.CellsReceived++
		l.contact.used = now
		p.events = append(p.events, Event{Kind: Cell, Neighbor: l.contact.number, Client: l.contact.client, Frame: f})
	case k == KindProbe:
		p.answerProbe(now, l, f)
	case k == KindEcho:
		p.matchEcho(now, l, f)
	}
}

// message takes one piece of what neighbours say to each other.
func (p *Pool) message(now time.Time, l *conn, f []byte) {
	m, ok := parsePiece(f)
	if !ok {
		p.counters.FramesRefused++
		return
	}
	switch {
	case m.kind == typeHello && l.pattern == noise.IK:
		p.hearHello(now, l, m)
	case m.kind == typeGot && l.pattern == noise.IK:
		p.hearGot(now, l, m.number)
	case m.kind == typeHello || m.kind == typeGot:
		p.counters.FramesRefused++
	case !l.known():
		p.counters.FramesEarly++
	case m.kind == typeAsk:
		p.answerAsk(now, l, m)
	case m.kind == typePage:
		p.hearPage(now, l, m)
	}
}

// Send gives a frame of KindCell or KindPadding to a neighbour; like UDP it promises nothing more. While the link comes
// up, a few cells wait (ErrQueue beyond). It fails with ErrFrame, ErrNeighbor, ErrDown or, over the cap, ErrQueue. The
// frame may be reused when the actions are carried out.
func (p *Pool) Send(now time.Time, n Neighbor, frame []byte) error {
	if len(frame) != noise.FrameLen || Kind(frame[0]) > KindCell {
		return ErrFrame
	}
	c := p.contacts[n]
	if c == nil {
		return ErrNeighbor
	}
	return p.send(now, c, frame)
}

// send gives a frame to a contact.
func (p *Pool) send(now time.Time, c *contact, frame []byte) error {
	if c.active == nil {
		return p.enqueue(c, frame)
	}
	if Kind(frame[0]) == KindPadding {
		if !p.emit(now, c.active, rankFill, frame) {
			return ErrQueue
		}
		return nil
	}
	c.used = now
	if !p.emit(now, c.active, rankCell, frame) {
		return ErrQueue
	}
	p.counters.CellsSent++
	return nil
}

// enqueue keeps a cell until the link is up.
func (p *Pool) enqueue(c *contact, frame []byte) error {
	if c.dial == notDialing && len(c.conns) == 0 {
		return ErrDown
	}
	if len(c.queue) >= maxQueue || Kind(frame[0]) == KindPadding {
		p.counters.QueueDropped++
		return ErrQueue
	}
	c.queue = append(c.queue, append([]byte(nil), frame...))
	return nil
}

// Tick does what is due.
func (p *Pool) Tick(now time.Time) { p.agenda.run(now) }

// Deadline is when Tick wants to be called next; the zero time means never.
func (p *Pool) Deadline() time.Time { return p.agenda.next() }

// Actions appends what the shell is to do, in order, and forgets it. An empty dst is kept for what is to be done next.
func (p *Pool) Actions(dst []Action) []Action {
	if len(dst) == 0 {
		dst, p.actions = p.actions, dst
		return dst
	}
	dst = append(dst, p.actions...)
	clear(p.actions)
	p.actions = p.actions[:0]
	return dst
}

// Events appends what has happened since the last call to dst, and forgets it. An empty dst is kept for what happens
// next.
func (p *Pool) Events(dst []Event) []Event {
	if len(dst) == 0 {
		dst, p.events = p.events, dst
		return dst
	}
	dst = append(dst, p.events...)
	clear(p.events)
	p.events = p.events[:0]
	return dst
}

// Counters returns the counts so far.
func (p *Pool) Counters() Counters {
	c := p.counters
	c.Clients, c.Dialing = p.clients, p.dialing
	for _, l := range p.links {
		if l.up && !l.ready {
			c.Greeting++
		}
	}
	for _, t := range p.byID {
		if t.active != nil {
			c.Links++
		}
		if t.holds > 0 {
			c.Wanted++
		}
	}
	return c
}

// Format prints a fixed text for every verb.
func (Pool) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[link pool]") }

// LogValue logs a fixed text.
func (Pool) LogValue() slog.Value { return slog.StringValue("[link pool]") }

// random returns a number below n, which must not be 0. Without randomness it is 0: pauses get shorter then, no more.
func (p *Pool) random(n time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(p.cfg.Rand, b[:]); err != nil {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(n))
}
