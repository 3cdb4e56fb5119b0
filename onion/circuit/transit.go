// The relay's machine: circuits of others that go through here, or end here.

package circuit

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// Times and bounds of circuits at a relay.
const (
	// DefaultMaxCircuits bounds all circuits: 16 384 in use take 24 MB, idle ones 11 (measured: 1 456 and 688 bytes each).
	DefaultMaxCircuits = 16384
	// IdleLimit closes a circuit that carried nothing from its origin for so long. Who needs one sends a drop now and then.
	IdleLimit = 30 * time.Minute
	// foldAfter is when an idle circuit lets go of its ciphers: a second request over a stem comes sooner, if ever.
	foldAfter = 10 * time.Second
	// earlyTime is how long early cells are waited for (protocol §2).
	earlyTime = 2 * time.Second
	// sweepEvery is how often the circuits are looked at for the three above.
	sweepEvery = 5 * time.Second
	// maxHeld bounds the cells that wait for the answer of their create: an early train and one more.
	maxHeld = cell.MaxEarly + 1
)

// Peers is who a relay can extend circuits to.
type Peers interface {
	// Resolve returns the neighbour that a NodeID prefix names. A link to it may still be on its way up; if it fails,
	// the machine is told by LinkDown. False if there is no such peer, or none that can be linked now.
	Resolve(prefix [cell.PrefixLen]byte) (Neighbor, bool)
	// Release says that one circuit less goes to a neighbour that Resolve has returned.
	Release(Neighbor)
}

// Key is an onion key that creates are taken for.
type Key struct {
	Private layer.Private
	// Used says that the key may have answered creates before this start, of which the machine knows nothing: buckets that
	// were acceptable before it are refused then, the last of which ends 5 to 10 minutes after it.
	Used bool
}

// TransitConfig are the inputs of a Transit.
type TransitConfig struct {
	Overlay, Node [cell.KeyLen]byte
	Peers         Peers
	MaxCircuits   int       // besides those that wait to be answered; 0: DefaultMaxCircuits
	Rand          io.Reader // nil: crypto/rand; for IDs and fill
	// CellsPerSecond bounds what is forwarded; 0: no bound. Over it, circuits have equal shares, and drop.
	CellsPerSecond float64
	// Taken tells which IDs other circuits made by this node have on a link; nil: none.
	Taken func(Neighbor, cell.ID) bool
}

// EventKind says what an Event is about.
type EventKind uint8

// The kinds of events of a relay.
const (
	Early   EventKind = iota + 1 // a circuit ends here, with early data: Data
	Arrived                      // a message came for this hop: Message, Data
	Closed                       // the circuit is gone
)

// Event is something for whoever answers at this hop.
type Event struct {
	Kind     EventKind
	Circuit  Circuit
	Neighbor Neighbor // Early: where the circuit comes from
	Client   bool     // Early: whether that is a client
	Message  cell.Message
	Data     []byte // Early: cell.EarlyFirstLen bytes; Arrived: cell.PayloadLen, in the frame that was received
}

// Format prints a fixed text for every verb.
func (Event) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[circuit event]") }

// LogValue logs a fixed text.
func (Event) LogValue() slog.Value { return slog.StringValue("[circuit event]") }

// Counters are what a Transit has done and refused. Nothing in it names anybody.
type Counters struct {
	Circuits, Queued                 int
	Created, Extended                uint64
	CreatesBad, CreatesReplayed      uint64 // not authentic; seen before or of another time
	CreatesLimited, CreatesFull      uint64 // over a limit; no room for the circuit
	Forwarded, Back, Here            uint64 // cells passed on either way, and messages for this hop
	CellsUnknown, CellsBad, CellsOld uint64 // of no circuit; not authentic; of a circuit that cannot take them
	CellsDropped                     uint64 // over the rate
}

// transit is one circuit.
type transit struct {
	number   Circuit
	up       *upstream
	prev     wire
	next     wire // neighbor 0: none
	opener   layer.Opener
	sealer   layer.Sealer
	binding  [cell.KeyLen]byte
	key      layer.Private
	made     time.Time
	last     time.Time
	state    state
	named    bool // a next hop was asked for, once
	extended bool // it has answered
	folded   bool
	job      *CreateJob
	held     [][]byte

	unused         bool
	older, younger *transit
}

type state uint8

const (
	queued state = iota + 1
	open
)

// Transit is not safe for concurrent use.
type Transit struct {
	outbox
	cfg     TransitConfig
	started time.Time
	keys    []Key
	seen    seen
	scratch layer.Scratch
	fair    *fair

	byPrev    map[wire]*transit // IDs that the neighbour made
	byNext    map[wire]*transit // IDs that were made here
	byNumber  map[Circuit]*transit
	open      int // circuits that are answered; the others wait, within the bounds of the queue
	upstreams map[Neighbor]*upstream
	creates   createQueue
	last      Circuit
	events    []Event
	sweep     time.Time
	count     Counters
}

// NewTransit makes a machine without keys: SetKeys gives it some.
func NewTransit(now time.Time, cfg TransitConfig) (*Transit, error) {
	if cfg.MaxCircuits == 0 {
		cfg.MaxCircuits = DefaultMaxCircuits
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Taken == nil {
		cfg.Taken = func(Neighbor, cell.ID) bool { return false }
	}
	if cfg.MaxCircuits < 1 || cfg.Peers == nil || cfg.CellsPerSecond < 0 {
		return nil, ErrConfig
	}
	t := &Transit{
		cfg: cfg, started: now, seen: newSeen(), sweep: now.Add(sweepEvery),
		byPrev: make(map[wire]*transit), byNext: make(map[wire]*transit), byNumber: make(map[Circuit]*transit),
		upstreams: make(map[Neighbor]*upstream),
	}
	if cfg.CellsPerSecond > 0 {
		t.fair = newFair(now, cfg.CellsPerSecond)
	}
	return t, nil
}

// SetKeys replaces the keys that creates are taken for. Those that are left out answer nothing any more; circuits made
// with them stay.
func (t *Transit) SetKeys(keys []Key) { t.keys = append([]Key(nil), keys...) }

// Receive takes a cell from a neighbour: a frame of cell.FrameLen bytes, which belongs to the machine until what came of
// it was sent and its events were seen. A batch may be fed as a whole, if each cell has a frame of its own.
func (t *Transit) Receive(now time.Time, from Neighbor, client bool, frame []byte) {
	id, command := cell.Header(frame)
	w := wire{from, id}
	switch command {
	case cell.Forward:
		if c := t.byPrev[w]; c != nil {
			t.forward(now, c, frame)
		} else {
			t.count.CellsUnknown++
		}
	case cell.Backward:
		if c := t.byNext[w]; c != nil {
			t.back(now, c, frame)
		} else {
			t.count.CellsUnknown++
		}
	case cell.Create:
		t.create(now, w, client, frame)
	case cell.Created:
		if c := t.byNext[w]; c != nil && !c.extended {
			c.extended = true
			t.count.Extended++
			t.reply(now, c, cell.Extended, cell.Body(frame)[:cell.CreatedLen])
		} else {
			t.count.CellsUnknown++
		}
	case cell.DestroyForward:
		if c := t.byPrev[w]; c != nil {
			t.remove(now, c, false, true)
		}
	case cell.DestroyBack:
		if c := t.byNext[w]; c != nil {
			t.truncate(now, c)
		}
	default:
		t.count.CellsUnknown++
	}
}

// Binding is a secret that the origin of a circuit and this hop alone know.
func (t *Transit) Binding(number Circuit) ([cell.KeyLen]byte, bool) {
	c := t.byNumber[number]
	if c == nil || c.state != open {
		return [cell.KeyLen]byte{}, false
	}
	return c.binding, true
}

// Agree is X25519 of the onion key that a circuit was created with, and somebody's public key.
func (t *Transit) Agree(number Circuit, public [cell.KeyLen]byte) ([cell.KeyLen]byte, bool) {
	c := t.byNumber[number]
	if c == nil || c.state != open {
		return [cell.KeyLen]byte{}, false
	}
	return c.key.Agree(public)
}

// From is the neighbour that a circuit comes from, and whether it is a client.
func (t *Transit) From(number Circuit) (n Neighbor, client, ok bool) {
	c := t.byNumber[number]
	if c == nil {
		return 0, false, false
	}
	return c.prev.neighbor, c.up.client, true
}

// Taken tells whether a circuit made here has an ID on a link.
func (t *Transit) Taken(n Neighbor, id cell.ID) bool { return t.byNext[wire{n, id}] != nil }

// Close ends a circuit in both directions. The origin is told that it ends, not why.
func (t *Transit) Close(now time.Time, number Circuit) {
	if c := t.byNumber[number]; c != nil {
		t.remove(now, c, true, true)
	}
}

// LinkDown ends what goes over a link that is lost.
func (t *Transit) LinkDown(now time.Time, n Neighbor) {
	for _, c := range t.all(func(c *transit) bool { return c.prev.neighbor == n || c.next.neighbor == n && n != 0 }) {
		if c.prev.neighbor == n {
			t.remove(now, c, false, true)
		} else {
			t.truncate(now, c)
		}
	}
	if t.fair != nil {
		t.fair.forget(n)
	}
}

// Events appends what has happened since the last call to dst, and forgets it.
func (t *Transit) Events(dst []Event) []Event {
	dst = append(dst, t.events...)
	clear(t.events)
	t.events = t.events[:0]
	return dst
}

// Counters returns the counts so far.
func (t *Transit) Counters() Counters {
	c := t.count
	c.Circuits, c.Queued = len(t.byNumber), t.creates.count
	return c
}

// Waiting is how many creates wait to be answered.
func (t *Transit) Waiting() int { return t.creates.count }

// Deadline is when Tick wants to be called next.
func (t *Transit) Deadline() time.Time {
	d := t.sweep
	if t.fair != nil {
		if next := t.fair.deadline(); !next.IsZero() && next.Before(d) {
			d = next
		}
	}
	return d
}

// Tick does what is due.
func (t *Transit) Tick(now time.Time) {
	t.drain(now)
	if now.Before(t.sweep) {
		return
	}
	t.sweep = now.Add(sweepEvery)
	t.seen.advance(now)
	for _, c := range t.all(func(c *transit) bool { return c.rest(now) }) {
		t.remove(now, c, true, true)
	}
	for n, u := range t.upstreams {
		if u.full(now) {
			delete(t.upstreams, n)
		}
	}
}

// all returns some circuits in the order in which they were made, so that equal machines do equal things.
func (t *Transit) all(some func(*transit) bool) []*transit {
	var list []*transit
	for _, c := range t.byNumber { // sorting all of them would hold up the cells of others for milliseconds
		if some(c) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *transit) int { return cmp.Compare(a.number, b.number) })
	return list
}

// rest lets go of what a circuit does not need at its age, and reports whether it has to go itself: it waited for too
// long, for its answer, whose job is for nobody if it runs, or idle.
func (c *transit) rest(now time.Time) (over bool) {
	idle, age := now.Sub(c.last), now.Sub(c.made)
	if c.state == queued {
		return age >= createPatience
	}
	if age >= earlyTime {
		c.opener.EndEarly()
	}
	if !c.folded && idle >= foldAfter {
		c.opener.Fold()
		c.sealer.Fold()
		c.folded = true
	}
	return idle >= IdleLimit
}

// Format prints a fixed text for every verb.
func (*Transit) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[transit]") }

// LogValue logs a fixed text.
func (*Transit) LogValue() slog.Value { return slog.StringValue("[transit]") }
