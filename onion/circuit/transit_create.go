// How circuits begin, go on and end at a relay.

package circuit

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// CreateJob is a create that waits to be answered. Run may be called by any goroutine; it touches nothing but the job.
type CreateJob struct {
	circuit       Circuit
	from          wire
	overlay, node [cell.KeyLen]byte
	keys          []Key
	random        io.Reader
	body          [cell.BodyLen]byte

	answered *layer.Answered
	key      Key
	err      error
}

// Run does the work: three X25519 multiplications.
func (j *CreateJob) Run() {
	private := make([]layer.Private, len(j.keys))
	for i, k := range j.keys {
		private[i] = k.Private
	}
	var i int
	j.answered, i, j.err = layer.Answer(j.random, j.overlay, j.node, private, j.body[:])
	if j.err == nil {
		j.key = j.keys[i]
	}
}

// wipe erases the answer's keys where they were computed.
func (j *CreateJob) wipe() {
	if j.answered != nil {
		*j.answered = layer.Answered{}
	}
	j.answered, j.keys = nil, nil
}

// Format prints a fixed text for every verb.
func (*CreateJob) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[create]") }

// LogValue logs a fixed text.
func (*CreateJob) LogValue() slog.Value { return slog.StringValue("[create]") }

// create takes a create into the queue.
func (t *Transit) create(now time.Time, w wire, client bool, frame []byte) {
	if t.byPrev[w] != nil { // an answer of any kind would be taken for one of the circuit that is there
		t.count.CellsOld++
		return
	}
	u := t.upstreams[w.neighbor]
	if u == nil {
		u = &upstream{neighbor: w.neighbor, client: client, tokens: clientBurst, filled: now}
		t.upstreams[w.neighbor] = u // one a link, which are bounded; and let go of when it has nothing here
	}
	if !u.allow(now) {
		t.count.CreatesLimited++
		return
	}
	body := cell.Body(frame)
	if t.seen.has(layer.Ephemeral(body)) {
		t.count.CreatesReplayed++
		return
	}
	if t.open >= t.cfg.MaxCircuits && t.fullest() == nil {
		t.count.CreatesFull++
		t.destroy(now, w, cell.DestroyBack)
		return
	}
	t.last++
	c := &transit{number: t.last, up: u, prev: w, made: now, last: now, state: queued}
	c.job = &CreateJob{circuit: c.number, from: w, overlay: t.cfg.Overlay, node: t.cfg.Node, random: t.cfg.Rand}
	copy(c.job.body[:], body)
	u.circuits++
	t.byPrev[w], t.byNumber[c.number] = c, c
	if victim := t.creates.push(u, c); victim != nil {
		t.count.CreatesLimited++
		t.remove(now, victim, true, false)
	}
}

// fullest is the upstream that has most circuits among those that have one that was never used; nil if there is none. It
// looks at all upstreams, a few microseconds beside the hundred of a create.
func (t *Transit) fullest() *upstream {
	var most *upstream
	for _, u := range t.upstreams {
		if u.oldest != nil && (most == nil || u.circuits > most.circuits || u.circuits == most.circuits && u.oldest.number < most.oldest.number) {
			most = u
		}
	}
	return most
}

// makeRoom ends the oldest circuit of the fullest upstream that was never used, if there has to be room for one more. Only
// an authentic create is worth that: garbage costs its sender nothing.
//
// An upstream that holds more than what is left free makes room among its own: one that uses all of its circuits, which
// costs it a cell in half an hour, could keep everybody else out otherwise. With k of them each gets 1/(k+1).
func (t *Transit) makeRoom(now time.Time, from *upstream) bool {
	u, free := from, t.cfg.MaxCircuits-t.open
	switch {
	case free > 0 && from.circuits <= max(free, smallShare):
		return true
	case free <= 0:
		u = t.fullest()
	}
	if u == nil || u.oldest == nil {
		t.count.CreatesFull++
		return false
	}
	t.remove(now, u.oldest, true, true)
	return true
}

// NextCreate returns the next create to be answered: upstreams take turns. Run it, anywhere, then call FinishCreate.
func (t *Transit) NextCreate(now time.Time) (*CreateJob, bool) {
	for {
		c := t.creates.pop()
		if c == nil {
			return nil, false
		}
		if now.Sub(c.made) >= createPatience {
			t.remove(now, c, true, false)
			continue
		}
		job := c.job
		job.keys = t.keys // never changed in place
		return job, true
	}
}

// FinishCreate takes a job that has run.
func (t *Transit) FinishCreate(now time.Time, job *CreateJob) {
	defer job.wipe()
	c := t.byNumber[job.circuit]
	if c == nil {
		return // destroyed meanwhile
	}
	c.job = nil
	if !t.judge(now, c.up, job) || !t.makeRoom(now, c.up) {
		t.remove(now, c, true, false)
		return
	}
	a := job.answered
	c.state, c.opener, c.sealer, c.binding, c.key = open, a.Opener, a.Sealer, a.Binding, job.key.Private
	t.count.Created++
	t.open++
	c.up.pushUnused(c)
	frame := t.frame()
	cell.PutHeader(frame, c.prev.id, cell.Created)
	copy(cell.Body(frame), a.Created[:])
	t.send(c.prev.neighbor, frame) // over the rate, too: what follows it is of no use without it
	if a.Next != [cell.PrefixLen]byte{} {
		t.grow(now, c, a.Next, a.Create[:])
	} else if cell.Operation(a.First[0]) != cell.NoOperation {
		c.named = true // a circuit that ends here does
		t.events = append(t.events, Event{Kind: Early, Circuit: c.number, Neighbor: c.prev.neighbor, Client: c.up.client, Data: bytes.Clone(a.First[:])})
	}
	held := c.held
	c.held = nil
	for _, f := range held {
		if t.byNumber[c.number] == c {
			t.forward(now, c, f)
		}
	}
}

// judge reports whether an answered create is good.
func (t *Transit) judge(now time.Time, u *upstream, job *CreateJob) bool {
	if job.err != nil {
		t.count.CreatesBad++
		return false
	}
	// The bucket after that of the start is refused, too: it was acceptable from clocks that are ahead.
	if job.key.Used && job.answered.Bucket <= Bucket(t.started)+1 || !t.seen.take(now, u, job.answered.Bucket, layer.Ephemeral(job.body[:])) {
		t.count.CreatesReplayed++
		return false
	}
	return true
}

// extend takes the origin's wish for one more hop.
func (t *Transit) extend(now time.Time, c *transit, payload []byte) {
	if c.named {
		t.count.CellsOld++
		return
	}
	var body [cell.BodyLen]byte
	copy(body[:], payload[cell.PrefixLen:])
	if err := c.opener.ExtensionRest(&t.scratch, body[:]); err != nil { // an early cell has none
		t.count.CellsBad++
		return
	}
	t.grow(now, c, [cell.PrefixLen]byte(payload), body[:])
}

// grow creates a circuit at the next hop.
func (t *Transit) grow(now time.Time, c *transit, prefix [cell.PrefixLen]byte, create []byte) {
	c.named = true
	if prefix == [cell.PrefixLen]byte(t.cfg.Node[:]) {
		t.tellTruncated(now, c)
		return
	}
	n, ok := t.cfg.Peers.Resolve(prefix)
	if !ok || n == 0 {
		t.tellTruncated(now, c)
		return
	}
	id, err := newID(t.cfg.Rand, func(id cell.ID) bool { return t.byNext[wire{n, id}] != nil || t.cfg.Taken(n, id) })
	if n == c.prev.neighbor || err != nil {
		t.cfg.Peers.Release(n)
		t.tellTruncated(now, c)
		return
	}
	c.next = wire{n, id}
	t.byNext[c.next] = c
	frame := t.frame()
	cell.PutHeader(frame, id, cell.Create)
	copy(cell.Body(frame), create)
	t.send(n, frame) // over the rate, too: else its train would push it out, and be for nobody
}

// truncate ends a circuit behind this hop.
func (t *Transit) truncate(now time.Time, c *transit) {
	t.leaveNext(c)
	t.tellTruncated(now, c)
}

// leaveNext forgets the next hop.
func (t *Transit) leaveNext(c *transit) {
	delete(t.byNext, c.next)
	t.cfg.Peers.Release(c.next.neighbor)
	c.next = wire{}
}

func (t *Transit) tellTruncated(now time.Time, c *transit) {
	// It fails when the circuit's keys are used up, and then the circuit is closed, which says as much.
	_ = t.reply(now, c, cell.Truncated, nil)
}

// remove forgets a circuit, erases its keys, and tells the neighbours that are to be told.
func (t *Transit) remove(now time.Time, c *transit, back, onward bool) {
	if t.byNumber[c.number] != c {
		return
	}
	delete(t.byNumber, c.number)
	delete(t.byPrev, c.prev)
	c.up.circuits--
	c.up.dropUnused(c)
	if c.state == queued {
		t.creates.remove(c.up, c)
	}
	if back {
		t.destroy(now, c.prev, cell.DestroyBack)
	}
	if c.next.neighbor != 0 {
		if onward {
			t.destroy(now, c.next, cell.DestroyForward)
		}
		t.leaveNext(c)
	}
	if t.fair != nil {
		t.fair.cancel(c)
	}
	c.opener.Wipe()
	c.sealer.Wipe()
	clear(c.binding[:])
	c.held = nil
	if c.state == open {
		t.open--
		t.events = append(t.events, Event{Kind: Closed, Circuit: c.number})
	}
}

// destroy tells a neighbour that a circuit is no more.
func (t *Transit) destroy(now time.Time, w wire, command cell.Command) {
	frame := t.frame()
	cell.PutHeader(frame, w.id, command)
	if _, err := io.ReadFull(t.cfg.Rand, cell.Body(frame)); err != nil {
		t.drop(frame)
		return
	}
	t.send(w.neighbor, frame)
}
