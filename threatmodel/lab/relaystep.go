package lab

import (
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
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
	r.transit.Receive(now, from, client, frame)
	r.digest(now)
	r.creates(now)
	r.in = nil
}

// creates answers what waits: at once, or as work that takes its time.
func (r *Relay) creates(now time.Time) {
	if r.creating != nil {
		if r.transit.Counters().Queued > 0 && !r.busy {
			r.busy = true
			r.creating.Reset(r.world.Now())
		}
		return
	}
	for {
		job, ok := r.transit.NextCreate(now)
		if !ok {
			return
		}
		job.Run()
		r.transit.FinishCreate(now, job)
		r.digest(now)
	}
}

// create answers one create as a piece of work, and then waits its turn: what came meanwhile goes first.
func (r *Relay) create(time.Time) {
	r.busy = false
	now := r.now()
	if job, ok := r.transit.NextCreate(now); ok {
		before := r.transit.Counters()
		job.Run()
		r.transit.FinishCreate(now, job)
		price := r.cfg.Price.Create
		if r.transit.Counters().CreatesBad > before.CreatesBad {
			price = r.cfg.Price.Bad
		}
		r.node.Machine().Spend(price)
		r.digest(now)
		r.flush(nil)
	}
	r.creates(now)
}

// linkUp implements machine.
func (r *Relay) linkUp(time.Time, circuit.Neighbor) {}

// linkDown implements machine.
func (r *Relay) linkDown(now time.Time, n circuit.Neighbor) {
	r.transit.LinkDown(now, n)
	r.digest(now)
}

// tick implements machine.
func (r *Relay) tick(now time.Time) {
	r.transit.Tick(now)
	r.act(now, r.leases.Tick(now))
	r.digest(now)
}

// deadline implements machine.
func (r *Relay) deadline() time.Time {
	d := r.transit.Deadline()
	if next := r.leases.Next(); !next.IsZero() && next.Before(d) {
		d = next
	}
	return d
}

// outgoing implements machine.
func (r *Relay) outgoing(dst []circuit.Out) []circuit.Out { return r.transit.Outgoing(dst) }

// recycle implements machine.
func (r *Relay) recycle(sent []circuit.Out) { r.transit.Recycle(sent) }

// digest gives events of circuits to whom they concern, until there are none.
func (r *Relay) digest(now time.Time) {
	for {
		r.events = r.transit.Events(r.events[:0])
		if len(r.events) == 0 {
			return
		}
		for i := range r.events {
			e := &r.events[i]
			r.note(now, e)
			if r.OnEvent != nil {
				r.OnEvent(now, e)
			}
			r.react(now, e)
		}
	}
}

func (r *Relay) react(now time.Time, e *circuit.Event) {
	from, _, _ := r.transit.From(e.Circuit)
	switch e.Kind {
	case circuit.Early:
		if cell.Operation(e.Data[0]) == cell.Open {
			r.act(now, r.leases.Early(now, lease.Circuit(e.Circuit), lease.Neighbor(e.Neighbor), e.Data))
		}
	case circuit.Arrived:
		r.act(now, r.leases.Arrived(now, lease.Circuit(e.Circuit), lease.Neighbor(from), e.Message, e.Data))
	case circuit.Closed:
		r.act(now, r.leases.Closed(lease.Circuit(e.Circuit)))
		delete(r.wires, e.Circuit)
	}
}

// act carries out what the leases ask for. A circuit that is gone meanwhile needs nothing.
func (r *Relay) act(now time.Time, actions []lease.Action) {
	for i := range actions {
		switch a := &actions[i]; a.Kind {
		case lease.ActSend:
			_ = r.transit.Reply(now, circuit.Circuit(a.Circuit), a.Message, a.Payload)
		case lease.ActClose:
			r.transit.Close(now, circuit.Circuit(a.Circuit))
		}
	}
}

// note files what the relay opened.
func (r *Relay) note(now time.Time, e *circuit.Event) {
	if e.Kind == circuit.Closed {
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
