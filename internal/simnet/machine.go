// A host under the loop: handlers on its ports, timers, and a processor that does one thing after the other.

package simnet

import (
	"net/netip"
	"time"
)

// Handler receives a datagram. The payload is valid until it returns.
type Handler func(now time.Time, from, to netip.AddrPort, payload []byte)

// Machine runs a host's handlers and timers in a loop, one after the other. Each may say with Spend how long it takes; until then what
// arrives waits, datagrams in a queue of Config.SocketQueue for the whole machine, in the order of arrival. Without Spend everything
// takes no time and nothing waits.
type Machine struct {
	item // on the agenda while busy: the end of the work at hand
	loop *Loop
	host *Host

	ready     queue[work] // datagrams, bounded by Config.SocketQueue, and due timers, each at most once
	datagrams int         // in ready
	busy      bool
	running   bool
	spent     time.Duration // by the handler that is running
	total     time.Duration
}

// work is a datagram for a port, or a timer that is due.
type work struct {
	flight *flight
	port   *port
	timer  *Timer
}

type port struct {
	machine *Machine
	handle  Handler
}

// Machine attaches a host to the loop, once: the second call returns the same machine. It panics if the host is of another network.
func (l *Loop) Machine(h *Host) *Machine {
	if h.net != l.net {
		panic("simnet: the host is of another network")
	}
	if h.machine == nil {
		h.machine = &Machine{loop: l, host: h}
		h.machine.owner = h.machine
	}
	return h.machine
}

// Host is the host that the machine runs.
func (m *Machine) Host() *Host { return m.host }

// Handle opens a port, or gives an open one another handler; nil closes it.
func (m *Machine) Handle(number uint16, handle Handler) {
	h := m.host
	for i, b := range h.sockets {
		if b.port == number {
			h.sockets = append(h.sockets[:i], h.sockets[i+1:]...)
			break
		}
	}
	if handle != nil {
		h.sockets = append(h.sockets, binding{number, &port{m, handle}})
	}
}

// Send sends a datagram from a port, open or not; what becomes of it is for the tap to say. It leaves when the work done so far, as
// told to Spend, is over. Errors: ErrAddress, ErrTooLong.
func (m *Machine) Send(from uint16, to netip.AddrPort, payload []byte) error {
	if err := sendable(payload, to); err != nil {
		return err
	}
	n := m.loop.net
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.prepare(m.host, from, to, payload)
	if m.spent > 0 {
		// Its way through NATs must be found when it leaves, not now: others may pass them in between.
		f.leaving = true
		n.schedule(f, m.loop.now+m.spent)
		return nil
	}
	n.depart(m.loop.now, f)
	return nil
}

// Timer makes a timer, not set, that fires as work of this machine: while the machine is busy it waits its turn.
func (m *Machine) Timer(call func(now time.Time)) *Timer {
	t := m.loop.Timer(call)
	t.machine = m
	return t
}

// Spend says that the handler or timer that is running takes that much time more. It panics anywhere else, or if d is negative.
func (m *Machine) Spend(d time.Duration) {
	if !m.running || d < 0 {
		panic("simnet: time is spent only inside a handler, and forward")
	}
	m.spent += d
	m.total += d
}

// Now is the machine's time: inside a handler it includes what was spent.
func (m *Machine) Now() time.Time { return m.loop.Now().Add(m.spent) }

// Spent is all that was ever spent: the machine's processor time.
func (m *Machine) Spent() time.Duration { return m.total }

// Waiting says how many datagrams wait to be processed.
func (m *Machine) Waiting() int { return m.datagrams }

func (p *port) accept(f *flight) Verdict {
	m := p.machine
	if m.datagrams >= m.loop.net.cfg.SocketQueue {
		return SocketFull
	}
	m.datagrams++
	m.ready.push(work{flight: f, port: p})
	return Delivered
}

// serve does what is ready until one piece of work takes time.
func (m *Machine) serve() {
	for !m.busy && m.ready.len() > 0 {
		m.running = true
		m.do(m.ready.pop())
		m.running = false
		if m.spent > 0 {
			m.busy = true
			m.loop.net.agenda.set(&m.item, m.loop.now+m.spent)
			m.spent = 0
		}
	}
}

func (m *Machine) do(w work) {
	if t := w.timer; t != nil {
		t.queued = false
		if t.due {
			t.due = false
			t.call(m.loop.Now())
		}
		return
	}
	m.datagrams--
	w.port.handle(m.loop.Now(), w.flight.src, w.flight.dst, w.flight.payload)
	m.loop.net.release(w.flight)
}
