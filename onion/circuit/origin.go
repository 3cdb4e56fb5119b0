// The origin's machine: the circuits that this node has made.

package circuit

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"sotto/internal/mutation"
	"sotto/onion/cell"
	"sotto/onion/layer"
)

// Bounds of an origin's circuits.
const (
	// DefaultMaxOwn bounds the circuits of one node: what one guard lets a client have.
	DefaultMaxOwn = maxClientCircuits
	// DefaultPatience is how long a hop may take to answer.
	DefaultPatience = 5 * time.Second
	// maxEarlyBack bounds the cells that came before the answer that makes them readable.
	maxEarlyBack = 64
	// maxUnasked is how many cells nobody asked for a circuit may bring before it is closed: a hop that says drop, or
	// truncated although nothing was to come.
	maxUnasked = 8
)

// OriginConfig are the inputs of an Origin.
type OriginConfig struct {
	Overlay  [cell.KeyLen]byte
	Max      int           // circuits at once; 0: DefaultMaxOwn
	Patience time.Duration // with each hop of a create or an extension; 0: DefaultPatience
	Rand     io.Reader     // nil: crypto/rand
	// Taken tells which IDs other circuits made by this node have on a link; nil: none.
	Taken func(Neighbor, cell.ID) bool
}

// EarlyCell is a message that follows an extension before it is answered.
type EarlyCell struct {
	Message cell.Message
	Payload []byte
}

// own is a circuit of this node.
type own struct {
	number  Circuit
	wire    wire
	hops    []*layer.Hop
	pending []*layer.Pending
	keys    []*layer.Outward // of hops
	early   [][]byte         // frames that came before the answer that opens them
	patient time.Time        // while hops are pending
	unasked int
}

// Origin is not safe for concurrent use.
type Origin struct {
	outbox
	cfg     OriginConfig
	scratch layer.Scratch
	byWire  map[wire]*own
	own     map[Circuit]*own
	waiting map[Circuit]*own // with hops pending
	last    Circuit
	events  []OwnEvent
}

// NewOrigin makes a machine without circuits.
func NewOrigin(cfg OriginConfig) (*Origin, error) {
	if cfg.Max == 0 {
		cfg.Max = DefaultMaxOwn
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Taken == nil {
		cfg.Taken = func(Neighbor, cell.ID) bool { return false }
	}
	if cfg.Max < 1 || cfg.Patience < 0 {
		return nil, ErrConfig
	}
	return &Origin{
		cfg: cfg, byWire: make(map[wire]*own), own: make(map[Circuit]*own), waiting: make(map[Circuit]*own),
	}, nil
}

// Build makes a circuit through 1 to cell.MaxCreateHops hops with one create. first is the neighbour that is the first of
// them. It fails with ErrFull, ErrState for a wrong number of hops or a key that is none, or the error of Rand. Nothing is
// learned of the last hop but that it is there; a circuit to somebody in particular is extended to him.
func (o *Origin) Build(now time.Time, first Neighbor, hops []layer.Target) (Circuit, error) {
	if len(o.own) >= o.cfg.Max {
		return 0, ErrFull
	}
	id, err := newID(o.cfg.Rand, func(id cell.ID) bool { return o.Taken(first, id) || o.cfg.Taken(first, id) })
	if err != nil {
		return 0, err
	}
	frame := o.frame()
	cell.PutHeader(frame, id, cell.Create)
	train := layer.Train{First: []byte{byte(cell.NoOperation)}}
	pending, err := layer.Create(&o.scratch, o.cfg.Rand, o.cfg.Overlay, Bucket(now), hops, train, cell.Body(frame))
	if err != nil {
		o.drop(frame)
		return 0, ErrState
	}
	o.last++
	c := &own{number: o.last, wire: wire{first, id}, pending: pending, patient: now.Add(o.cfg.Patience)}
	o.byWire[c.wire], o.own[c.number], o.waiting[c.number] = c, c, c
	o.send(first, frame)
	return c.number, nil
}

// Extend adds a hop to a built circuit, with early data: first is what the create carries, at most cell.EarlyFirstLen bytes
// that begin with a cell.Operation, and cells follow at once. It fails with ErrCircuit, ErrState, ErrExhausted, or the error
// of Rand; the last two close the circuit.
func (o *Origin) Extend(now time.Time, number Circuit, target layer.Target, first []byte, cells []EarlyCell) error {
	c := o.own[number]
	switch {
	case c == nil:
		return ErrCircuit
	case len(c.pending) > 0 || len(c.hops) >= cell.MaxHops || len(cells) > cell.MaxEarly || len(first) > cell.EarlyFirstLen,
		slices.ContainsFunc(cells, func(e EarlyCell) bool { return len(e.Payload) > cell.PayloadLen }):
		return ErrState
	}
	if len(first) == 0 {
		first = []byte{byte(cell.NoOperation)}
	}
	var payload [cell.PayloadLen]byte
	train := layer.Train{First: first, Cells: len(cells)}
	p, err := layer.Extension(&o.scratch, o.cfg.Rand, o.cfg.Overlay, Bucket(now), c.keys[len(c.keys)-1], target, train, payload[:])
	if err != nil {
		return ErrState
	}
	if err := o.seal(c, c.keys, cell.Extend, payload[:]); err != nil {
		return o.broken(now, c, err)
	}
	c.pending = append(c.pending, p)
	c.patient = now.Add(o.cfg.Patience)
	o.waiting[c.number] = c
	keys := append(slices.Clone(c.keys), p.Early())
	for _, e := range cells {
		if err := o.seal(c, keys, e.Message, e.Payload); err != nil {
			return o.broken(now, c, err)
		}
	}
	return nil
}

// SetPatience replaces OriginConfig.Patience for what is asked from now on, when it is known how long hops take.
func (o *Origin) SetPatience(d time.Duration) { o.cfg.Patience = d }

// Send sends a message to the last hop. What payload leaves of cell.PayloadLen is filled with random bytes. It fails as
// Extend does.
func (o *Origin) Send(now time.Time, number Circuit, m cell.Message, payload []byte) error {
	c := o.own[number]
	switch {
	case c == nil:
		return ErrCircuit
	case len(c.pending) > 0 || len(payload) > cell.PayloadLen:
		return ErrState
	}
	if err := o.seal(c, c.keys, m, payload); err != nil {
		return o.broken(now, c, err)
	}
	return nil
}

func (o *Origin) seal(c *own, keys []*layer.Outward, m cell.Message, payload []byte) error {
	frame := o.frame()
	cell.PutHeader(frame, c.wire.id, cell.Forward)
	body := cell.Body(frame)
	_, err := io.ReadFull(o.cfg.Rand, cell.PutMessage(body, m, payload))
	if err == nil {
		err = layer.Seal(&o.scratch, o.cfg.Rand, body, keys)
	}
	if err != nil {
		o.drop(frame)
		return ErrExhausted
	}
	o.send(c.wire.neighbor, frame)
	return nil
}

// broken closes a circuit that this end cannot use.
func (o *Origin) broken(now time.Time, c *own, err error) error {
	o.fail(now, c, 0, err, true)
	return err
}

// Receive takes a cell from a neighbour, and reports whether it is of one of these circuits. frame has cell.FrameLen bytes
// and belongs to the machine until what came of it was sent and its events were seen.
func (o *Origin) Receive(now time.Time, from Neighbor, frame []byte) bool {
	id, command := cell.Header(frame)
	if command != cell.Created && command != cell.Backward && command != cell.DestroyBack {
		return false
	}
	c := o.byWire[wire{from, id}]
	if c == nil {
		return false
	}
	switch command {
	case cell.Created:
		if len(c.hops) == 0 {
			o.answered(now, c, cell.Body(frame)[:cell.CreatedLen])
		}
	case cell.DestroyBack:
		o.fail(now, c, 1, ErrRefused, false)
	case cell.Backward:
		o.back(now, c, frame)
	}
	return true
}

// back opens a cell from a hop.
func (o *Origin) back(now time.Time, c *own, frame []byte) {
	body := cell.Body(frame)
	hop, err := 0, layer.ErrLayer
	if len(c.hops) > 0 {
		hop, err = layer.Open(&o.scratch, body, c.hops)
	}
	switch {
	case err == nil:
	case len(c.pending) > 0 && len(c.early) < maxEarlyBack:
		// It may be of the hop whose answer is still on its way. Open has changed nothing.
		c.early = append(c.early, append([]byte(nil), frame...))
		return
	default:
		o.unopened(now, c)
		return
	}
	m, payload, ok := cell.ParseMessage(body)
	switch {
	case ok && m == cell.Extended && hop == len(c.hops) && len(c.pending) > 0:
		o.answered(now, c, payload)
	case ok && m == cell.Truncated && (hop < len(c.hops) || len(c.pending) > 0):
		o.fail(now, c, hop+1, ErrRefused, true)
	case ok && hop == len(c.hops) && m != cell.Drop && m != cell.Extended && m != cell.Truncated && m != cell.Extend:
		o.events = append(o.events, OwnEvent{Kind: Answered, Circuit: c.number, Hop: hop, Message: m, Data: payload})
	default:
		if c.unasked++; c.unasked > maxUnasked {
			o.fail(now, c, hop, ErrTampered, true)
		}
	}
}

// unopened closes a circuit on which a cell did not open.
func (o *Origin) unopened(now time.Time, c *own) {
	if mutation.Active(noClosing) {
		return
	}
	o.fail(now, c, 0, ErrTampered, true)
}

// answered takes the answer of the next hop that is pending.
func (o *Origin) answered(now time.Time, c *own, created []byte) {
	h, err := c.pending[0].Finish(created)
	if err != nil {
		o.fail(now, c, len(c.hops)+1, ErrTampered, true)
		return
	}
	c.pending = c.pending[1:]
	c.hops = append(c.hops, h)
	c.keys = append(c.keys, h.Forward())
	kind := Progress
	c.patient = now.Add(o.cfg.Patience)
	if len(c.pending) == 0 {
		kind = Built
		delete(o.waiting, c.number)
	}
	o.events = append(o.events, OwnEvent{Kind: kind, Circuit: c.number, Hop: len(c.hops)})
	early := c.early
	c.early = nil
	for _, f := range early {
		if o.own[c.number] == c {
			o.back(now, c, f)
		}
	}
}

// fail ends a circuit with an event.
func (o *Origin) fail(now time.Time, c *own, hop int, err error, tell bool) {
	o.forget(c, tell)
	o.events = append(o.events, OwnEvent{Kind: Failed, Circuit: c.number, Hop: hop, Err: err})
}

// forget erases a circuit.
func (o *Origin) forget(c *own, tell bool) {
	delete(o.own, c.number)
	delete(o.byWire, c.wire)
	delete(o.waiting, c.number)
	for _, h := range c.hops {
		h.Wipe()
	}
	for _, p := range c.pending {
		p.Wipe()
	}
	c.early = nil
	if !tell {
		return
	}
	frame := o.frame()
	cell.PutHeader(frame, c.wire.id, cell.DestroyForward)
	if _, err := io.ReadFull(o.cfg.Rand, cell.Body(frame)); err != nil {
		o.drop(frame)
		return
	}
	o.send(c.wire.neighbor, frame)
}

// Close ends a circuit, without an event.
func (o *Origin) Close(number Circuit) {
	if c := o.own[number]; c != nil {
		o.forget(c, true)
	}
}

// Binding is a secret that the last hop of a circuit and this node alone know.
func (o *Origin) Binding(number Circuit) ([cell.KeyLen]byte, bool) {
	c := o.own[number]
	if c == nil || len(c.hops) == 0 || len(c.pending) > 0 {
		return [cell.KeyLen]byte{}, false
	}
	return c.hops[len(c.hops)-1].Binding(), true
}

// Taken tells whether one of these circuits has an ID on a link.
func (o *Origin) Taken(n Neighbor, id cell.ID) bool { return o.byWire[wire{n, id}] != nil }

// Len is how many circuits there are.
func (o *Origin) Len() int { return len(o.own) }

// LinkDown ends the circuits whose first hop is lost.
func (o *Origin) LinkDown(now time.Time, n Neighbor) {
	for _, number := range slices.Sorted(maps.Keys(o.own)) {
		if c := o.own[number]; c.wire.neighbor == n {
			o.fail(now, c, 1, ErrLinkLost, false)
		}
	}
}

// Events appends what has happened since the last call to dst, and forgets it.
func (o *Origin) Events(dst []OwnEvent) []OwnEvent {
	dst = append(dst, o.events...)
	clear(o.events)
	o.events = o.events[:0]
	return dst
}

// Deadline is when Tick wants to be called next; zero: never.
func (o *Origin) Deadline() time.Time {
	var d time.Time
	for _, c := range o.waiting {
		if d.IsZero() || c.patient.Before(d) {
			d = c.patient
		}
	}
	return d
}

// Tick gives up hops that did not answer in time.
func (o *Origin) Tick(now time.Time) {
	for _, number := range slices.Sorted(maps.Keys(o.waiting)) {
		if c := o.waiting[number]; !now.Before(c.patient) {
			o.fail(now, c, len(c.hops)+1, ErrNoAnswer, true)
		}
	}
}

// Format prints a fixed text for every verb.
func (*Origin) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[origin]") }

// LogValue logs a fixed text.
func (*Origin) LogValue() slog.Value { return slog.StringValue("[origin]") }
