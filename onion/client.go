// What a node does for its user, as a core without I/O. The other files have its parts: circuits (trip.go), requests
// (ask.go), leases (listen.go), sessions (talk.go).

package onion

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

// ClientConfig are the inputs of a Client.
type ClientConfig struct {
	Overlay peer.OverlayID
	Own     peer.NodeID // of a relay, zero otherwise
	Rand    io.Reader   // nil: crypto/rand
	Profile path.Profile

	// Keeper, State and First are those of path.Config.
	Keeper path.Keeper
	State  []byte
	First  bool

	// Ready is how many stems are kept for which purpose; zero: DefaultReady.
	Ready [path.Purposes]path.Ready
	// Patience is how long a hop may take to answer; 0: circuit.DefaultPatience.
	Patience time.Duration
	// Incoming is told of a session that somebody has opened to one of this node's leases, and returns who gets its events.
	// The session is to be accepted or refused. nil: every session is refused.
	Incoming func(*Talk) (tell func(session.Event))
	// Taken tells which IDs the circuits of others have that this node made; nil: it is no relay.
	Taken func(circuit.Neighbor, cell.ID) bool
}

// DefaultReady is what a node of one user keeps: look-ups and calls come in pairs, the others one by one.
func DefaultReady(p path.Profile) [path.Purposes]path.Ready {
	return [path.Purposes]path.Ready{
		path.Lookups:    {Stems: 2, Profile: p},
		path.Publishing: {Stems: 1, Profile: p},
		path.UserLeases: {Stems: 1, Profile: p},
		path.Calls:      {Stems: 2, Profile: p},
	}
}

// Client is not safe for concurrent use. Functions that are given to it are called from within it and must not call it.
type Client struct {
	cfg      ClientConfig
	began    time.Time
	origin   *circuit.Origin
	selector *path.Selector
	pool     *path.Pool
	dir      *peer.Directory // nil before the first
	upkeep   time.Time       // when the selector is advanced next
	noPath   error           // why the last stem was not to be had; nil: it was
	rtt      time.Duration   // of an extension, smoothed; 0: unknown
	late     int             // how many stems in a row had no answer, at most maxLate

	guards map[peer.NodeID]circuit.Neighbor // those that are up
	trips  map[circuit.Circuit]*trip
	stems  map[path.StemID]*trip
	retry  []*errand

	requests  *request.Client
	asked     map[circuit.Circuit]*question
	questions []*question // all of them, at most request.MaxAsks

	owner *lease.Owner
	wants map[lease.Want]*listening
	sessions
	events []circuit.OwnEvent
}

// NewClient makes a client that knows nobody yet. It fails with the errors of path.New and path.NewPool, and with
// circuit.ErrConfig.
func NewClient(now time.Time, cfg ClientConfig) (*Client, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Ready == ([path.Purposes]path.Ready{}) {
		cfg.Ready = DefaultReady(cfg.Profile)
	}
	if cfg.Patience == 0 {
		cfg.Patience = circuit.DefaultPatience
	}
	c := &Client{
		cfg: cfg, began: now, guards: make(map[peer.NodeID]circuit.Neighbor), trips: make(map[circuit.Circuit]*trip), stems: make(map[path.StemID]*trip),
		asked: make(map[circuit.Circuit]*question), wants: make(map[lease.Want]*listening),
	}
	var err error
	if c.selector, err = path.New(path.Config{
		Overlay: cfg.Overlay, Own: cfg.Own, Random: cfg.Rand, Keeper: cfg.Keeper, State: cfg.State, First: cfg.First,
	}); err != nil {
		return nil, err
	}
	if c.pool, err = path.NewPool(now, path.PoolConfig{Random: cfg.Rand, Ready: cfg.Ready}); err != nil {
		return nil, err
	}
	if c.origin, err = circuit.NewOrigin(circuit.OriginConfig{
		Overlay: cfg.Overlay.Bytes(), Patience: cfg.Patience, Rand: cfg.Rand, Taken: cfg.Taken,
	}); err != nil {
		return nil, err
	}
	if c.requests, err = request.NewClient(cfg.Rand); err != nil {
		return nil, err
	}
	if c.owner, err = lease.NewOwner(lease.OwnerConfig{Rand: cfg.Rand, Overlay: cfg.Overlay.Bytes()}); err != nil {
		return nil, err
	}
	return c, c.openSessions()
}

// SetDirectory takes the directory that paths are chosen from, when there is a first one and when there is another. Stems
// through relays that are not in it are ended. It fails with path.ErrOverlay or path.ErrNotKept.
func (c *Client) SetDirectory(now time.Time, dir *peer.Directory) error {
	if err := c.selector.Update(now, path.NewTable(dir)); err != nil {
		return err
	}
	c.dir = dir
	c.upkeep = now.Add(path.Upkeep)
	for _, id := range c.pool.Drop(now, c.usable) {
		c.dropStem(id)
	}
	c.step(now)
	return nil
}

// usable reports whether a stem is still one of known relays behind a guard in use.
func (c *Client) usable(s path.Stem) bool {
	_, up := c.guards[s.Guard()]
	return up && c.selector.Usable(s)
}

// Guards returns the relays that links are to be held to; nil before the first directory. It may be another list after
// every call.
func (c *Client) Guards() []peer.NodeID {
	if c.dir == nil {
		return nil
	}
	return c.selector.Guards()
}

// GuardUp says that a relay can be sent to as a neighbour; relays that are no guards may be named too.
func (c *Client) GuardUp(now time.Time, id peer.NodeID, n circuit.Neighbor) {
	c.guards[id] = n // one a link
	news := c.selector.GuardUp(now, id)
	c.advance(now)
	if news { // others come and go as they like
		c.pool.Remake(now)
	}
	c.step(now)
}

// GuardDown says that a relay is no neighbour any more, or could not be reached.
func (c *Client) GuardDown(now time.Time, id peer.NodeID) {
	n, up := c.guards[id]
	delete(c.guards, id)
	c.selector.GuardDown(now, id)
	c.advance(now)
	if up {
		c.origin.LinkDown(now, n)
	}
	c.step(now)
}

// advance lets the selector decide anew. What it cannot keep it does not use, and says so at the next stem.
func (c *Client) advance(now time.Time) {
	if err := c.selector.Advance(now); err != nil {
		c.noPath = err
	}
	c.upkeep = now.Add(path.Upkeep)
}

// Receive takes a cell from a neighbour, and reports whether it is of one of this node's circuits.
func (c *Client) Receive(now time.Time, from circuit.Neighbor, frame []byte) bool {
	if !c.origin.Receive(now, from, frame) {
		return false
	}
	c.step(now)
	return true
}

// Tick does what is due.
func (c *Client) Tick(now time.Time) {
	c.origin.Tick(now)
	if c.dir != nil && !now.Before(c.upkeep) {
		c.advance(now)
	}
	c.tickRequests(now)
	c.tickLeases(now)
	c.tickSessions(now)
	c.step(now)
}

// Deadline is when Tick wants to be called next.
func (c *Client) Deadline() time.Time {
	d := earliest(c.origin.Deadline(), c.nextRequest(), c.owner.Next(), c.nextSession())
	if c.dir != nil {
		d = earliest(d, c.pool.Next(), c.upkeep)
	}
	return d
}

// step reacts to what has happened, until nothing more comes of it.
func (c *Client) step(now time.Time) {
	for {
		c.refill(now)
		retry := c.retry
		c.retry = nil
		for _, e := range retry {
			c.travel(now, e)
		}
		c.flushSessions(now)
		c.events = c.origin.Events(c.events[:0])
		if len(c.events) == 0 && len(c.retry) == 0 {
			return
		}
		for i := range c.events {
			c.arrive(now, c.events[i])
		}
	}
}

// Outgoing appends the cells to be sent to dst; Recycle takes them back.
func (c *Client) Outgoing(dst []circuit.Out) []circuit.Out { return c.origin.Outgoing(dst) }

// Recycle takes cells back that have been sent.
func (c *Client) Recycle(sent []circuit.Out) { c.origin.Recycle(sent) }

// Taken tells whether one of this node's circuits has an ID on a link.
func (c *Client) Taken(n circuit.Neighbor, id cell.ID) bool { return c.origin.Taken(n, id) }

// Stop gives everybody who waits an answer, err, and ends all sessions and circuits. The client is of no use afterwards.
func (c *Client) Stop(now time.Time, err error) {
	for _, q := range slices.Clone(c.questions) {
		q.end(nil, err)
	}
	for _, t := range slices.Clone(c.talks) {
		if t.s != nil {
			t.s.Close(now)
			t.sendAll(now)
		}
		t.finish(now, session.Event{Kind: session.Closed, Err: err})
	}
	for _, id := range slices.Sorted(maps.Keys(c.wants)) {
		c.stepLeases(now, c.owner.Drop(id))
	}
	c.retry = nil
	for _, number := range slices.Sorted(maps.Keys(c.trips)) {
		c.end(c.trips[number])
	}
}

// unready says why there is no path before there is a directory.
func (c *Client) unready() error {
	return fmt.Errorf("%w: no directory of relays yet; wait until a seed answers, or check the network connection", path.ErrNoPath)
}

// ClientStatus is what a user sees.
type ClientStatus struct {
	Guards, GuardsUp int
	Circuits         int
	Stems            [path.Purposes]int
	Leases           int
	Sessions         int
	RTT              time.Duration // of an extension; 0: none yet
	NoPath           error         // why there is no path for a stem; nil: there is
}

// Status returns counts.
func (c *Client) Status() ClientStatus {
	s := ClientStatus{
		Guards: len(c.Guards()), GuardsUp: len(c.guards), Circuits: c.origin.Len(), Leases: len(c.wants), Sessions: c.countSessions(),
		RTT: c.rtt, NoPath: c.noPath,
	}
	for p := range path.Purpose(path.Purposes) {
		s.Stems[p] = c.pool.Len(p)
	}
	return s
}

// Format prints a fixed text for every verb.
func (*Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[client]") }

// LogValue logs a fixed text.
func (*Client) LogValue() slog.Value { return slog.StringValue("[client]") }
