// The driver for simulations: virtual time that jumps from event to event, on the caller's goroutine.

package simnet

import "time"

// Loop drives a network in virtual time: nothing in it waits, and a year of silence costs nothing. A loop, its network and everything
// attached to it belong to one goroutine. Equal seeds and equal calls give equal runs, event by event.
type Loop struct {
	net    *Net
	now    time.Duration
	events uint64
}

// NewLoop takes the network over; its clock then stands at start. It panics if the network is driven already, by a loop or by sockets.
func NewLoop(n *Net, start time.Time) *Loop {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.loop != nil || n.clock.started {
		panic("simnet: the network is driven already")
	}
	n.loop = &Loop{net: n}
	n.epoch = start
	return n.loop
}

// Now is the virtual time.
func (l *Loop) Now() time.Time { return l.net.epoch.Add(l.now) }

// Events says how many events were processed: arrivals, departures, timers, ends of work.
func (l *Loop) Events() uint64 { return l.events }

// Next says when the next event is due, if there is one.
func (l *Loop) Next() (time.Time, bool) {
	at, ok := l.net.agenda.first()
	return l.net.epoch.Add(at), ok
}

// Step processes one event, moving the clock to it. It returns false if there is none.
func (l *Loop) Step() bool {
	at, ok := l.net.agenda.first()
	if !ok {
		return false
	}
	l.step(at)
	return true
}

// Run processes every event up to and including a time, and leaves the clock there. A time in the past changes nothing.
func (l *Loop) Run(until time.Time) {
	end := until.Sub(l.net.epoch)
	for {
		at, ok := l.net.agenda.first()
		if !ok || at > end {
			break
		}
		l.step(at)
	}
	l.now = max(l.now, end)
}

func (l *Loop) step(at time.Duration) {
	l.now = at
	l.events++
	switch o := l.net.agenda.pop().owner.(type) {
	case *flight:
		if p, ok := l.fly(o).(*port); ok {
			p.machine.serve()
		}
	case *Timer:
		o.fire()
	case *Machine:
		o.busy = false
		o.serve()
	}
}

func (l *Loop) fly(f *flight) socket {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if f.leaving {
		l.net.depart(l.now, f)
		return nil
	}
	return l.net.arrive(l.now, f)
}

// Timer calls a function at a time that can be moved. The deadline of a protocol core maps on Reset.
type Timer struct {
	item
	loop    *Loop
	machine *Machine // nil: of the loop itself
	call    func(now time.Time)
	due     bool // fired, and waits for the machine
	queued  bool // has a place in the machine's queue, which a later firing takes over
}

// At calls a function once at a time, or as the next event if that is past.
func (l *Loop) At(t time.Time, call func()) *Timer {
	timer := l.Timer(func(time.Time) { call() })
	timer.Reset(t)
	return timer
}

// Timer makes a timer that is not set.
func (l *Loop) Timer(call func(now time.Time)) *Timer {
	t := &Timer{loop: l, call: call}
	t.owner = t
	return t
}

// Reset sets the timer to fire once at a time, in place of whatever it was set to; a time in the past fires as the next event. The
// zero time is Stop, so that the deadline of a core with nothing to wait for can be handed over as it is.
func (t *Timer) Reset(at time.Time) {
	t.due = false
	if at.IsZero() {
		t.loop.net.agenda.remove(&t.item)
		return
	}
	t.loop.net.agenda.set(&t.item, max(t.loop.now, at.Sub(t.loop.net.epoch)))
}

// Stop takes the setting back. A timer of a machine that is due, but waits for the machine, does not fire either.
func (t *Timer) Stop() { t.Reset(time.Time{}) }

func (t *Timer) fire() {
	if t.machine == nil {
		t.call(t.loop.Now())
		return
	}
	t.due = true
	if !t.queued {
		t.queued = true
		t.machine.ready.push(work{timer: t})
	}
	t.machine.serve()
}
