package lab

import (
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
)

// What a relay does with one cell, and what it noted of it.

// receive implements machine.
func (r *Relay) receive(now time.Time, from circuit.Neighbor, client bool, frame []byte) {
	if p := r.cfg.Price; p != nil && r.node != nil {
		r.node.Machine().Spend(p.Cell)
	}
	in := new(seenCell)
	in.read(from, frame)
	r.in = in
	r.core.Receive(now, from, client, frame)
	r.creates(now)
	r.in = nil
}

// creates answers what waits: at once, or as work that takes its time.
func (r *Relay) creates(now time.Time) {
	if r.creating != nil {
		if r.Counters().Queued > 0 && !r.busy {
			r.busy = true
			r.creating.Reset(r.world.Now())
		}
		return
	}
	for {
		job, ok := r.core.NextCreate(now)
		if !ok {
			return
		}
		job.Run()
		r.core.FinishCreate(now, job)
	}
}

// create answers one create as a piece of work, and then waits its turn: what came meanwhile goes first.
func (r *Relay) create(time.Time) {
	r.busy = false
	now := r.now()
	if job, ok := r.core.NextCreate(now); ok {
		before := r.Counters()
		job.Run()
		r.core.FinishCreate(now, job)
		price := r.cfg.Price.Create
		if r.Counters().CreatesBad > before.CreatesBad {
			price = r.cfg.Price.Bad
		}
		r.node.Machine().Spend(price)
		r.flush(nil)
	}
	r.creates(now)
}

// linkUp implements machine.
func (r *Relay) linkUp(time.Time, circuit.Neighbor) {}

// linkDown implements machine.
func (r *Relay) linkDown(now time.Time, n circuit.Neighbor) {
	r.core.LinkDown(now, n)
}

// tick implements machine.
func (r *Relay) tick(now time.Time) { r.core.Tick(now) }

// deadline implements machine.
func (r *Relay) deadline() time.Time { return r.core.Deadline() }

// outgoing implements machine.
func (r *Relay) outgoing(dst []circuit.Out) []circuit.Out { return r.core.Outgoing(dst) }

// recycle implements machine.
func (r *Relay) recycle(sent []circuit.Out) { r.core.Recycle(sent) }

// note files what the relay opened.
func (r *Relay) note(now time.Time, e *circuit.Event) {
	if r.OnEvent != nil {
		r.OnEvent(now, e)
	}
	if e.Kind == circuit.Closed {
		delete(r.wires, e.Circuit)
		return
	}
	w, ok := r.wires[e.Circuit]
	if !ok {
		if r.in == nil {
			return // answered as work of its own: its cells say the rest
		}
		w = r.in.Wire
		r.wires[e.Circuit] = w
	}
	p := r.Saw.opened(r.world.sieve, now, w, e.Data)
	p.Number = e.Circuit
	if e.Kind == circuit.Early {
		p.Early++
		p.Operations[cell.Operation(e.Data[0])]++
		return
	}
	p.Messages[e.Message]++
}

// Reply has the relay send a message to the origin of a circuit. It is for OnEvent, which is called while a cell is at
// hand: what it sends leaves with the rest. It fails as circuit.Transit.Reply.
func (r *Relay) Reply(now time.Time, c circuit.Circuit, m cell.Message, payload []byte) error {
	return r.core.Reply(now, c, m, payload)
}

// Say has the relay send a message to the origin of a circuit, out of nothing: an evil relay's own. It fails as
// circuit.Transit.Reply.
func (r *Relay) Say(c circuit.Circuit, m cell.Message, payload []byte) error {
	err := r.core.Reply(r.now(), c, m, payload)
	r.flush(nil)
	return err
}
