// The steward: a core without I/O that decides whom a node links to, from whom it learns of others, and in which state
// it is.

package overlay

import (
	"encoding/binary"
	"io"
	"time"

	"sotto/noise"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// State is how far a node has come.
type State uint8

// The states.
const (
	Seeds     State = iota + 1 // no link yet; seeds are being dialled
	Directory                  // linked to somebody; the first snapshot is under way
	Linked                     // links and a snapshot are there
)

// String is for people.
func (s State) String() string {
	switch s {
	case Seeds:
		return "seeds"
	case Directory:
		return "directory"
	case Linked:
		return "linked"
	}
	return "none"
}

// renewalSpread is the part of a period, counted from its start, within which own descriptors are made and the one
// before it is fetched for the last time (ours: 15 minutes of a day are short, and long for 30 000 peers).
const renewalSpread = 96

// steward is the core of a node. It implements link.Core and is not safe for concurrent use.
type steward struct {
	role     Role
	calendar peer.Calendar
	rand     io.Reader
	maxLinks int
	size     int

	pool    *link.Pool
	library *library
	self    peer.NodeID
	seeds   []*peer.Descriptor
	period  uint32
	turn    time.Time // when the next period begins

	held   map[peer.NodeID]link.Neighbor // relays that links are wanted to
	demand demand
	guard  guards
	fetch  fetching

	begun   bool
	up      int // neighbours with a name that take frames
	whole   bool
	odd     uint64 // descriptors that the gate or the gather refused, among those fetched
	scratch []link.Event
	events  []link.Event
}

func newSteward(now time.Time, c *Config) (*steward, error) {
	period, err := c.Calendar.PeriodAt(now)
	if err != nil {
		return nil, ErrClock
	}
	s := &steward{
		role: c.Role, calendar: c.Calendar, rand: c.Rand, maxLinks: c.MaxLinks, size: c.DirectorySize,
		library: newLibrary(c, period), period: period, turn: c.Calendar.PeriodStart(period + 1),
		held: make(map[peer.NodeID]link.Neighbor), demand: newDemand(now),
	}
	pool := link.Config{
		MaxLinks: c.MaxLinks, Private: c.private(), BytesPerSecond: c.BytesPerSecond, Rand: c.Rand,
	}
	if c.Role == Relay {
		s.self = c.Identity.Static.NodeID()
		pool.Relay, pool.Self, pool.Gate, pool.Shelf, pool.MaxClients = true, s.self, s.library, s.library, c.MaxClients
	} else {
		if !c.silent {
			pool.Keepalive = keepalive
		}
		s.guard.count = c.Guards
	}
	for _, d := range c.Seeds {
		if d.NodeID() != s.self && !d.Daily().Anonymous() {
			s.seeds = append(s.seeds, d)
		}
	}
	for _, d := range c.Known {
		if !c.Trust.NodeRevoked(d.NodeID()) {
			s.library.add(d)
		}
	}
	s.pool, err = link.NewPool(now, pool)
	return s, err
}

// begin dials the seeds and, at a relay, everybody that is known.
func (s *steward) begin(now time.Time) {
	s.begun = true
	if s.role != Relay {
		s.fillGuards(now)
		s.digest(now)
		return
	}
	for _, d := range s.seeds {
		s.link(now, d)
	}
	for _, d := range s.library.usable(s.period) {
		s.link(now, d)
	}
	s.digest(now)
}

// announce takes the own descriptor of a period, shows it to the neighbours and gives it out.
func (s *steward) announce(now time.Time, d *peer.Descriptor) {
	s.library.add(d)
	s.pool.Announce(now, d)
	s.digest(now)
}

// link wants a link to a relay, unless there are enough or it is this one. A node without a name links to guards only.
func (s *steward) link(now time.Time, d *peer.Descriptor) {
	id := d.NodeID()
	s.pool.Update(d)
	_, held := s.held[id]
	if s.role != Relay || held || id == s.self || d.Daily().Anonymous() {
		return
	}
	if len(s.held) >= s.maxLinks-s.maxLinks/demandShare || s.library.gather.IsExcluded(id) || s.library.trust.NodeRevoked(id) {
		return
	}
	if n, err := s.pool.Open(now, d); err == nil {
		s.held[id] = n
	}
}

// drop gives up a relay.
func (s *steward) drop(now time.Time, id peer.NodeID) {
	if n, held := s.held[id]; held {
		s.pool.Release(now, n)
		delete(s.held, id)
	}
}

// leave gives up a peer that nobody may link to any more, whoever wants it.
func (s *steward) leave(now time.Time, id peer.NodeID) {
	s.drop(now, id)
	s.dropDemand(now, id)
	s.guard.drop(now, s.pool, id)
	s.pool.Expel(now, id)
}

// meet takes a verified descriptor from a hello or a snapshot.
func (s *steward) meet(now time.Time, d *peer.Descriptor) {
	switch s.library.add(d) {
	case peer.Added, peer.Known:
		s.link(now, d)
		s.guardFound(now, d.NodeID())
	case peer.Equivocated, peer.Excluded:
		s.leave(now, d.NodeID())
		s.fillGuards(now)
	default:
		s.odd++
	}
}

// adopt goes by another overlay document: whoever is revoked is left at once.
func (s *steward) adopt(now time.Time, t Trust) {
	s.library.trust = t
	leave := func(id peer.NodeID) {
		if t.NodeRevoked(id) {
			s.library.exclude(id)
			s.leave(now, id)
		}
	}
	for id := range s.library.usable(s.period) {
		leave(id)
	}
	for _, i := range s.pool.Neighbors() {
		if !i.Client {
			leave(i.Node)
		}
	}
	for _, d := range s.seeds {
		leave(d.NodeID())
	}
	s.fillGuards(now)
	s.digest(now)
}

// Handle implements link.Core.
func (s *steward) Handle(now time.Time, events ...noise.Event) {
	s.pool.Handle(now, events...)
	s.digest(now)
}

// Forward implements link.Core.
func (s *steward) Forward(now time.Time, frames []link.Outgoing) {
	s.pool.Forward(now, frames)
	s.digest(now)
}

// Dialed implements link.Core.
func (s *steward) Dialed(now time.Time, n link.Neighbor, id noise.LinkID, err error) {
	s.pool.Dialed(now, n, id, err)
	s.digest(now)
}

// Actions implements link.Core.
func (s *steward) Actions(dst []link.Action) []link.Action { return s.pool.Actions(dst) }

// Events implements link.Core: those that the layer above or the shell wants to know of.
func (s *steward) Events(dst []link.Event) []link.Event {
	if len(dst) == 0 {
		dst, s.events = s.events, dst
		return dst
	}
	dst = append(dst, s.events...)
	clear(s.events)
	s.events = s.events[:0]
	return dst
}

// Deadline implements link.Core.
func (s *steward) Deadline() time.Time {
	d := s.turn
	for _, t := range [...]time.Time{s.pool.Deadline(), s.fetch.next} {
		if !t.IsZero() && t.Before(d) {
			d = t
		}
	}
	return d
}

// Tick implements link.Core.
func (s *steward) Tick(now time.Time) {
	if !now.Before(s.turn) || now.Before(s.calendar.PeriodStart(s.period)) { // the clock may be set back
		s.turnPeriod(now)
	}
	s.pool.Tick(now)
	if !s.fetch.next.IsZero() && !now.Before(s.fetch.next) {
		s.beginFetch(now)
	}
	s.digest(now)
}

// turnPeriod begins a period: what is two periods old is dropped, and the set of the one that is over is fetched once
// more, because it is the one that paths use now.
func (s *steward) turnPeriod(now time.Time) {
	period, err := s.calendar.PeriodAt(now)
	if err != nil {
		s.turn = now.Add(time.Minute) // a clock before the genesis; somebody may set it right
		return
	}
	s.period, s.turn = period, s.calendar.PeriodStart(period+1)
	s.library.advance(period)
	usable := s.library.usable(period)
	for id := range s.held {
		if usable[id] == nil && !s.isSeed(id) {
			s.drop(now, id)
		}
	}
	for _, d := range usable {
		s.link(now, d)
	}
	s.fetch.bring(now.Add(random(s.rand, s.periodLength()/renewalSpread)))
}

func (s *steward) periodLength() time.Duration {
	return s.calendar.PeriodStart(s.period + 1).Sub(s.calendar.PeriodStart(s.period))
}

func (s *steward) isSeed(id peer.NodeID) bool {
	for _, d := range s.seeds {
		if d.NodeID() == id {
			return true
		}
	}
	return false
}

// digest reacts to what happened in the pool, and to what that made happen.
func (s *steward) digest(now time.Time) {
	for {
		s.scratch = s.pool.Events(s.scratch[:0])
		if len(s.scratch) == 0 {
			return
		}
		for i := range s.scratch {
			s.react(now, &s.scratch[i])
		}
		clear(s.scratch)
	}
}

// react takes one event of the pool and passes on what concerns others.
func (s *steward) react(now time.Time, ev *link.Event) {
	switch ev.Kind {
	case link.Cell, link.Echo:
	case link.Up:
		if !ev.Client {
			s.up++
		}
		if !ev.Client && !s.fetch.under() && (!s.whole || s.fetch.next.IsZero()) {
			s.fetch.bring(now)
		}
	case link.Down:
		if !ev.Client {
			s.up--
		}
	case link.Failed:
		s.guardFailed(now, *ev)
	case link.Met:
		s.meet(now, ev.Descriptor)
		return
	case link.Page:
		s.takePage(now, ev.Entries)
		return
	case link.Fetched:
		s.fetched(now, *ev)
	}
	s.events = append(s.events, *ev)
}

// state says how far the node has come.
func (s *steward) state() State {
	switch {
	case s.up == 0:
		return Seeds
	case !s.whole:
		return Directory
	}
	return Linked
}

// random returns a duration below d; without randomness, or of nothing, 0.
func random(r io.Reader, d time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil || d <= 0 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(d))
}
