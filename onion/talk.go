// Sessions of a client, on legs of both kinds: circuits that this node extended to the relay of a lease, and splices on its
// own leases.

package onion

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

// maxTalks bounds the sessions of a node, session.MemoryBound each at the worst. At the bound a call fails with
// session.ErrFull, and an opening is met with silence.
const maxTalks = 64

// Callee is one lease of somebody to be called, as his record or card tells it.
type Callee struct {
	Relay peer.NodeID
	ID    lease.ID
	Key   lease.PublicKey
	Knock lease.KnockKey
}

// CalleeOf is what an owner tells others of a lease.
func CalleeOf(l Lease) (Callee, error) {
	relay := l.Place.Relay()
	id, err := peer.ParseNodeID(relay[:])
	return Callee{Relay: id, ID: l.ID, Key: l.Key.Public(), Knock: l.Knock}, err
}

// Call is a session to be opened.
type Call struct {
	Pair    session.Pair // the two ends; a session of this pair that stands already is used. Zero: none is shared
	Callees []Callee     // leases of one device, tried in order
	Secret  session.Secret
	First   []byte
	// Tell gets the events of the session in order. What is in them is to be copied.
	Tell func(session.Event)
}

// Talk is a session of this node with everything it runs on. Its methods are those of a Client: not safe for concurrent
// use, and not to be called from within Tell.
type Talk struct {
	c    *Client
	s    *session.Session // nil until the first train leaves
	tell func(session.Event)
	call Call
	next int // which callee is tried next
	miss int // how many there was no path to, one after the other
	legs map[session.Leg]carrier
	err  error // why there was no path, last
	over bool
	pair bool // in the table
	more int  // users beside the first, while it is not in the table

	refuse bool        // nobody takes it
	full   func() bool // asked after events were told: whether messages are to wait at their sender; may be nil
	user   any         // the shell's
}

// carrier is what a leg runs on.
type carrier struct {
	circuit circuit.Circuit // that this node extended
	splice  lease.Leg       // or one on a lease of its own
	owned   bool
}

// sessions is the part of a Client that has them.
type sessions struct {
	listener *session.Listener
	table    *session.Table
	tableAt  time.Time
	keys     []leaseKey
	talks    []*Talk
	dirty    []*Talk
	spliced  map[lease.Leg]legOf
	cuts     []lease.Leg
	lastLeg  session.Leg
}

type legOf struct {
	talk *Talk
	leg  session.Leg
}

// leaseKey is one by all that names it: IDs are chosen by relays, and one may choose that of another's lease.
type leaseKey struct {
	place lease.Place
	id    lease.ID
	key   lease.PublicKey
	use   session.Lease
}

// errNoCallee is a call to nobody.
var errNoCallee = errors.New("onion: nobody to call: the record has no lease")

func (c *Client) openSessions() (err error) {
	c.spliced, c.table = make(map[lease.Leg]legOf), session.NewTable(maxTalks)
	c.listener, err = session.NewListener(c.cfg.Rand, maxTalks)
	return err
}

// Dial opens a session, or counts one more user of the one that the pair has: then nothing of First and Tell is used, and
// fresh is false. It fails with session.ErrFull, or for a call to nobody.
func (c *Client) Dial(now time.Time, call Call) (t *Talk, fresh bool, err error) {
	if t := c.shared(call.Pair); t != nil {
		return t, false, nil
	}
	switch {
	case len(call.Callees) == 0:
		return nil, false, errNoCallee
	case len(c.talks) >= maxTalks:
		return nil, false, session.ErrFull
	}
	t = &Talk{c: c, tell: call.Tell, call: call, legs: make(map[session.Leg]carrier)}
	c.talks = append(c.talks, t)
	t.reach(now)
	c.step(now)
	return t, true, nil
}

// shared counts one more user of the session of a pair, on its way or standing; nil if there is none.
func (c *Client) shared(p session.Pair) *Talk {
	if p == (session.Pair{}) {
		return nil // who names no pair may call anybody
	}
	if s := c.table.Use(p); s != nil {
		if i := slices.IndexFunc(c.talks, func(t *Talk) bool { return t.s == s }); i >= 0 {
			return c.talks[i]
		}
	}
	if i := slices.IndexFunc(c.talks, func(t *Talk) bool { return t.s == nil && t.call.Pair == p }); i >= 0 {
		c.talks[i].more++
		return c.talks[i]
	}
	return nil
}

// SetContacts says who shares secrets with this node: session.Listener.SetContacts.
func (c *Client) SetContacts(contacts []session.Contact) error {
	return c.listener.SetContacts(contacts)
}

// Adopt makes a session that came in the one of its pair, when it is known who called. It fails as session.Table.Put.
func (t *Talk) Adopt(p session.Pair) error {
	err := t.c.table.Put(p, t.s)
	if err == nil {
		t.call.Pair, t.pair = p, true
	}
	return err
}

// Leave counts a user less of the pair's session; it closes a minute after the last, or at once if it is on its way or not
// the pair's.
func (t *Talk) Leave(now time.Time) {
	switch {
	case t.over:
	case t.pair:
		t.c.table.Leave(now, t.call.Pair, t.s)
		t.c.tableAt = now
	case t.more > 0:
		t.more--
	case len(t.call.Callees) > 0:
		t.Close(now)
	}
}

// reach sets out for another leg.
func (t *Talk) reach(now time.Time) {
	if len(t.call.Callees) == 0 {
		return // who was called cannot call back over a lease that he does not know
	}
	to := t.call.Callees[t.next%len(t.call.Callees)]
	t.next++
	t.c.travel(now, &errand{
		purpose: path.Calls, profile: t.c.cfg.Profile, far: to.Relay, until: now.Add(errandTime), who: &callLeg{t: t, to: to},
	})
}

// touch notes that a session may have something to say.
func (c *Client) touch(t *Talk) {
	if !slices.Contains(c.dirty, t) { // one a batch, mostly
		c.dirty = append(c.dirty, t)
	}
}

// Session does something with the session, which is nil while no train has left, and sends what comes of it.
func (t *Talk) Session(now time.Time, do func(*session.Session)) {
	do(t.s)
	t.c.touch(t)
	t.c.step(now)
}

// flushSessions sends what sessions have to say, and tells what has happened to them.
func (c *Client) flushSessions(now time.Time) {
	for len(c.dirty) > 0 || len(c.cuts) > 0 {
		dirty, cuts := c.dirty, c.cuts
		c.dirty, c.cuts = nil, nil
		for _, l := range cuts {
			c.stepLeases(now, c.owner.Cut(l))
		}
		for _, t := range dirty {
			if t.s != nil {
				t.flush(now)
			}
		}
	}
}

// flush sends and tells for one session.
func (t *Talk) flush(now time.Time) {
	for events := t.s.Events(now); len(events) > 0; events = t.s.Events(now) {
		for _, ev := range events {
			if t.take(now, ev); t.over {
				return
			}
		}
		if t.full != nil && t.full() {
			t.s.Pause(now, true)
		}
	}
	t.sendAll(now)
}

// sendAll sends what the session has to say: after its events, because to take these may end it, with a farewell.
func (t *Talk) sendAll(now time.Time) {
	for _, out := range t.s.Outgoing() {
		t.send(now, &out)
	}
}

// take takes one event.
func (t *Talk) take(now time.Time, ev session.Event) {
	switch ev.Kind {
	case session.NeedLeg:
		t.miss = 0
		t.reach(now)
	case session.LegLost:
		t.release(ev.Leg)
	case session.Closed:
		if errors.Is(t.err, path.ErrNoPath) && (errors.Is(ev.Err, session.ErrNoAnswer) || errors.Is(ev.Err, session.ErrNoLeg)) {
			ev.Err = fmt.Errorf("%w: %w", t.err, ev.Err) // what the user can do something about comes first
		}
		t.sendAll(now)
		t.finish(now, ev)
	default:
		t.tell(ev)
	}
}

// Close ends the session at both ends.
func (t *Talk) Close(now time.Time) {
	switch {
	case t.over:
	case t.s == nil:
		t.finish(now, session.Event{Kind: session.Closed})
	default:
		t.Session(now, func(s *session.Session) { s.Close(now) })
	}
}

// send puts a cell on its leg. What cannot be sent is lost, as on any leg.
func (t *Talk) send(now time.Time, out *session.Cell) {
	on, ok := t.legs[out.Leg]
	switch {
	case !ok:
	case on.owned:
		if steps, err := t.c.owner.Send(now, on.splice, out.Bytes[:]); err == nil {
			t.c.stepLeases(now, steps)
		}
	default:
		var b [cell.PayloadLen]byte
		_ = t.c.origin.Send(now, on.circuit, cell.Splice, lease.AppendSplice(b[:0], out.Bytes[:]))
	}
}

// release ends what a leg ran on.
func (t *Talk) release(id session.Leg) {
	on, ok := t.legs[id]
	if !ok {
		return
	}
	delete(t.legs, id)
	if on.owned {
		delete(t.c.spliced, on.splice)
		t.c.cuts = append(t.c.cuts, on.splice)
		return
	}
	if at := t.c.trips[on.circuit]; at != nil {
		if at.errand != nil {
			at.errand.over = true
		}
		t.c.end(at)
	}
}

// finish forgets a session that is over.
func (t *Talk) finish(now time.Time, ev session.Event) {
	t.over = true
	t.recall()
	if t.pair {
		t.c.tableAt = now // to be forgotten there
	}
	for _, id := range slices.Sorted(maps.Keys(t.legs)) {
		on := t.legs[id]
		if at := t.c.trips[on.circuit]; at != nil && !on.owned && ev.Err == nil {
			t.c.selector.Settled(at.path) // this end has closed it: nobody made it end
		}
		t.release(id)
	}
	t.c.talks = slices.DeleteFunc(t.c.talks, func(o *Talk) bool { return o == t })
	t.tell(ev)
}

// recall ends the errands for legs that nobody needs any more.
func (t *Talk) recall() {
	stop := func(e *errand) {
		if e == nil {
			return
		}
		if l, ok := e.who.(*callLeg); ok && l.t == t {
			e.over = true
		}
	}
	for _, at := range t.c.trips {
		stop(at.errand)
	}
	for _, e := range t.c.retry {
		stop(e)
	}
}

// tickSessions does what is due.
func (c *Client) tickSessions(now time.Time) {
	for _, t := range slices.Clone(c.talks) {
		if t.s != nil && !t.s.Deadline().IsZero() && !now.Before(t.s.Deadline()) {
			t.s.Tick(now)
			c.touch(t)
		}
	}
	if !c.tableAt.IsZero() && !now.Before(c.tableAt) {
		c.tableAt = c.table.Tick(now)
		for _, t := range c.talks {
			c.touch(t)
		}
	}
}

// nextSession is when tickSessions wants to be called next.
func (c *Client) nextSession() time.Time {
	d := c.tableAt
	for _, t := range c.talks {
		if t.s != nil {
			d = earliest(d, t.s.Deadline())
		}
	}
	return d
}

func (c *Client) countSessions() int { return len(c.talks) }
