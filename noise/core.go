package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"time"
)

// The Core: all links of one socket as a machine without I/O. It is fed
// datagrams and moments and gives out datagrams, events and its next deadline.

// Config are the inputs of a Core.
type Config struct {
	Overlay  [32]byte   // the overlay's ID, in every prologue
	Node     [32]byte   // the own NodeID, in the prologue of every link answered
	Static   *StaticKey // the key that answers; nil answers nobody and only dials NK
	FreshKey bool       // Static was never used before this start
	MaxLinks int        // established links; 0 means 8192
	// MaxNameless bounds the answered NK links among them; 0 means no bound of
	// their own. At it a newcomer takes the place of one from the source prefix
	// that holds most.
	MaxNameless int
	Rand        io.Reader // nil means crypto/rand

	// Known says which static keys belong to peers; nil means none. Only links of
	// known peers are safe from being evicted by newcomers, two for each. It is
	// called while the core is at work and must not call it.
	Known func(PublicKey) bool
}

// Target is whom to dial.
type Target struct {
	Addr      netip.AddrPort
	Key       PublicKey     // the responder's, from its descriptor
	Node      [32]byte      // the responder's NodeID
	Pattern   Pattern       // IK needs Config.Static
	Keepalive time.Duration // send something at least so often, for a NAT; 0 for never
}

// Core holds the links of one socket. Not safe for concurrent use: a shell feeds
// it. Datagrams to be sent gather in batches that the shell takes with Outgoing
// and gives back with Recycle.
type Core struct {
	cfg      Config
	envelope *envelope // of the own static key; nil when Static is
	door     *door

	header      headerKey // given to peers, and to all who dial
	headerBlock cipher.Block
	headers     []*linkHeader // of dialled NK links
	mask        [aes.BlockSize]byte

	links    map[LinkID]*link
	lastID   LinkID
	sessions map[uint64]*session        // by own index
	dials    map[netip.AddrPort][]*link // under way, by the address dialled
	answered map[PublicKey][]LinkID     // up, of IK initiators
	nameless crowds                     // answered NK links that are up
	named    crowds                     // answered IK links that are up
	half     []*link                    // half open, oldest first
	timers   timers
	dialing  int
	upLinks  int

	out, free []*Batch
	events    []Event
	stats     Stats
	spare     [DatagramLen]byte
}

// NewCore checks the configuration. now is the start: see Config.FreshKey.
func NewCore(now time.Time, cfg Config) (*Core, error) {
	if cfg.MaxLinks == 0 {
		cfg.MaxLinks = maxLinks
	}
	if cfg.MaxLinks < 1 {
		return nil, errors.New("noise: MaxLinks below 1")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	c := &Core{
		cfg:      cfg,
		links:    make(map[LinkID]*link),
		sessions: make(map[uint64]*session),
		dials:    make(map[netip.AddrPort][]*link),
		answered: make(map[PublicKey][]LinkID),
	}
	if _, err := io.ReadFull(cfg.Rand, c.header[:]); err != nil {
		return nil, err
	}
	c.headerBlock = c.header.block()
	if cfg.Static != nil {
		c.envelope = newEnvelope(cfg.Overlay, cfg.Static.Public(), cfg.Rand)
		d, err := newDoor(now, cfg.FreshKey, cfg.Rand)
		if err != nil {
			return nil, err
		}
		c.door = d
	}
	return c, nil
}

// Stats returns the counts so far.
func (c *Core) Stats() Stats {
	s := c.stats
	s.HalfOpen, s.Links = len(c.half), c.upLinks
	return s
}

// Receive takes a batch of datagrams, decrypting in place. Frames in the events
// alias b until the shell uses it again.
func (c *Core) Receive(now time.Time, b *Batch) {
	for i := range b.Len() {
		from, d := b.At(i)
		c.receive(now, from, d)
	}
}

// receive finds out what one datagram is: of a session, an answer to an attempt,
// or a first message. Nothing on the wire says which.
func (c *Core) receive(now time.Time, from netip.AddrPort, d []byte) {
	c.stats.Received++
	if s := c.find(d); s != nil {
		c.receiveData(now, from, s, d)
		return
	}
	if len(c.dials) > 0 && c.answersDial(now, from, d) {
		return
	}
	if c.door == nil {
		c.stats.Foreign++
		return
	}
	in, ok := c.envelope.openInitiation(d)
	if !ok {
		c.stats.Foreign++
		return
	}
	c.receiveInitiation(now, from, &in)
}

// receiveData opens a datagram of a session and delivers or obeys it.
func (c *Core) receiveData(now time.Time, from netip.AddrPort, s *session, d []byte) {
	s.expand()
	plain, highest, err := s.open.open(d)
	if err != nil {
		c.stats.Refused++
		if s.link.state == halfOpen {
			// Whoever made it can name its index: it must not cost more for that.
			s.open, s.seal = nil, nil
		}
		return
	}
	l := s.link
	s.settle()
	s.used = true
	if s == l.next {
		if !c.promote(now, l) {
			return
		}
	}
	l.heard, l.waiting, l.confirmed = now, false, true
	if highest && s == l.current && from != l.addr {
		// Only the newest datagram moves a link: an old one that somebody held
		// back must not pull it to where it was.
		l.addr, l.limited, l.credit = from, true, 0
		l.pings = [pingsKept]ping{} // they went elsewhere: their pongs prove nothing of here
	}
	if l.limited && from == l.addr {
		l.credit = min(l.credit+moveCredit, moveCreditMost)
	}
	frame := plain[frameTypeLen:]
	switch plain[0] {
	case frameData:
		c.stats.Frames++
		c.events = append(c.events, Event{
			Kind: FrameReceived, Link: l.id, Pattern: l.pattern, Dialed: l.dialed, Peer: l.peer, Frame: frame,
		})
	case frameControl:
		c.control(now, from, l, frame)
	default:
		c.stats.Refused++
	}
	if l.limited && c.links[l.id] == l && now.Sub(l.pinged) >= tryInterval { // a close may have ended it
		c.sendPing(now, l)
	}
}

// Send gives frames of FrameLen bytes to an established link, one behind the other.
// Like UDP it promises nothing more. It stops at the first error.
func (c *Core) Send(now time.Time, id LinkID, frames ...[]byte) error {
	l := c.links[id]
	if l == nil || l.state != up {
		return ErrNoLink
	}
	for _, f := range frames {
		if err := c.sendFrame(now, l, f); err != nil {
			return err
		}
	}
	return nil
}

// sendFrame seals one frame into the next outgoing datagram, which is the only time
// that it is copied.
func (c *Core) sendFrame(now time.Time, l *link, frame []byte) error {
	if len(frame) != FrameLen {
		return ErrFrameLen
	}
	if l.current.seal.exhausted() {
		return ErrExhausted
	}
	l.expect(now)
	if !c.mayGo(l) {
		return nil
	}
	d, _ := c.slot(l.addr)
	copy(Frame(d), frame)
	d[dataHeaderLen] = frameData
	l.sent = now
	return l.current.seal.seal(d)
}

// mayGo takes one datagram from the credit of a link that has moved. What is over
// it is lost, as UDP may lose anything.
func (c *Core) mayGo(l *link) bool {
	if l.limited {
		if l.credit == 0 {
			c.stats.Dropped++
			return false
		}
		l.credit--
	}
	return true
}

// slot reserves the next outgoing datagram. When maxOut batches wait already the
// pipe is behind, and the datagram goes into a spare that nobody sends; queued
// says which.
func (c *Core) slot(to netip.AddrPort) (d []byte, queued bool) {
	if n := len(c.out); n == 0 || c.out[n-1].Full() {
		if n >= maxOut {
			c.stats.Dropped++
			return c.spare[:], false
		}
		var b *Batch
		if k := len(c.free); k > 0 {
			b, c.free = c.free[k-1], c.free[:k-1]
			b.Reset()
		} else {
			b = new(Batch) // 66 KiB: only when none is left to use again
		}
		c.out = append(c.out, b)
	}
	c.stats.Sent++
	return c.out[len(c.out)-1].Next(to), true
}

// unslot takes back the datagram reserved last, which could not be sealed: what
// is in it may be another link's.
func (c *Core) unslot(queued bool) {
	if queued {
		c.stats.Sent--
		c.out[len(c.out)-1].n--
	}
}

// Outgoing appends the batches that wait for the pipe to dst and forgets them.
func (c *Core) Outgoing(dst []*Batch) []*Batch {
	dst = append(dst, c.out...)
	clear(c.out)
	c.out = c.out[:0]
	return dst
}

// Recycle takes back batches that have been sent.
func (c *Core) Recycle(batches []*Batch) {
	if room := maxOut/8 - len(c.free); len(batches) > room {
		batches = batches[:max(0, room)]
	}
	c.free = append(c.free, batches...)
}

// Events appends what has happened since the last call to dst. An empty dst is
// kept for the next events, and those that wait are handed over without a copy.
func (c *Core) Events(dst []Event) []Event {
	if len(dst) == 0 {
		dst, c.events = c.events, dst
		return dst
	}
	dst = append(dst, c.events...)
	clear(c.events)
	c.events = c.events[:0]
	return dst
}

// Deadline is when Tick wants to be called next; the zero time means never.
func (c *Core) Deadline() time.Time {
	if len(c.timers) == 0 {
		return time.Time{}
	}
	return c.timers[0].deadline
}

// Tick does what is due.
func (c *Core) Tick(now time.Time) {
	for len(c.timers) > 0 && !c.timers[0].deadline.After(now) {
		l := c.timers[0]
		c.onTimer(now, l)
		if l.position >= 0 {
			c.timers.set(l, l.nextDeadline(now))
		}
	}
}

// onTimer looks after one link.
func (c *Core) onTimer(now time.Time, l *link) {
	switch {
	case l.state == dialing:
		c.tryAgain(now, l)
	case l.state == halfOpen:
		c.forget(l)
	case !l.confirmed && l.dialed && now.Sub(l.current.made) >= confirmLife:
		c.down(now, l, ErrNoAnswer)
	case now.Sub(l.current.made) >= RejectAfter:
		c.down(now, l, ErrStale)
	case l.waiting && now.Sub(l.since) >= l.patience():
		c.down(now, l, ErrSilent)
	case !l.dialed && now.Sub(l.heard) >= responderIdle:
		c.down(now, l, ErrIdle)
	default:
		c.upkeep(now, l)
	}
}

// newIndex makes a random one-time number that is no index in use.
func (c *Core) newIndex() (uint64, error) {
	var b [indexLen]byte
	for {
		if _, err := io.ReadFull(c.cfg.Rand, b[:]); err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint64(b[:])
		if c.sessions[n] == nil && n != 0 {
			return n, nil
		}
	}
}
