// A session as a machine: what comes in, what goes out, and when it wants to be looked at again.

package session

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// Errors of a session. They come from methods, and in the event Closed as the reason.
var (
	// ErrFull means that a queue, a table or the number of legs is at its bound: later.
	ErrFull = errors.New("session: full")
	// ErrSize means a message or datagram that is empty or too long.
	ErrSize = errors.New("session: wrong size")
	// ErrNotYet means that there are no keys yet: after Established.
	ErrNotYet = errors.New("session: not established yet")
	// ErrClosed means that the session is over; as a reason, that the other end closed it.
	ErrClosed = errors.New("session: closed")
	// ErrRefused means that the other end did not accept.
	ErrRefused = errors.New("session: refused by the other end")
	// ErrNoAnswer means that nobody answered, confirmed or accepted in time.
	ErrNoAnswer = errors.New("session: no answer")
	// ErrNoLeg means that all legs were gone for too long.
	ErrNoLeg = errors.New("session: no path left")
	// ErrProtocol means that one end broke the protocol, authentically.
	ErrProtocol = errors.New("session: protocol broken by the other end")
	// ErrLeg means a number that a leg has already.
	ErrLeg = errors.New("session: leg in use")
)

// Kind is that of an event.
type Kind uint8

// The kinds of events.
const (
	// Established: there are forward-secret keys, and both ends have shown that they have them.
	Established Kind = iota + 1
	// Accepted: the answering end has accepted (to the dialling end only).
	Accepted
	// Message: Bytes is the next message in order. It is the taker's.
	Message
	// Datagram: Bytes came with Flow. They change with the first Receive after Events.
	Datagram
	// Room: SendMessage, which had refused, takes more.
	Room
	// NeedLeg: there is no leg that works, or no answer yet. AddLeg helps; else the session ends in time.
	NeedLeg
	// LegLost: Leg was given up. The circuit under it serves nothing any more.
	LegLost
	// Closed: the session is over, keys are wiped. Err is nil if this end closed it. Nothing follows.
	Closed
)

// Event is what a session tells its caller. It prints no more than its kind.
type Event struct {
	Kind  Kind
	Leg   Leg
	Flow  uint16
	Bytes []byte
	Err   error
}

// Format prints the kind: what an event carries is somebody's.
func (e Event) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[session event %d]", uint8(e.Kind)) }

// LogValue logs the kind.
func (e Event) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("[session event %d]", uint8(e.Kind)))
}

// Cell is a cell to send on a leg.
type Cell struct {
	Leg   Leg
	Bytes [cell.SessionLen]byte
}

// Train is an opening and the cells that follow it at once, all of them.
type Train struct {
	Opening [cell.OpeningLen]byte
	Cells   [cell.MaxEarly][cell.SessionLen]byte
}

// state of a session.
type state uint8

const (
	opening  state = iota // no message 2 yet, or not confirmed
	standing              // both ends have keys and know it
	closing               // this end has said close
	closed
)

// Session is one end of a session. It holds at most MemoryBound bytes. It is not safe for concurrent use.
//
// After every method that takes a time: take Events until there are none, send Outgoing, set a timer to Deadline.
type Session struct {
	rand     io.Reader
	caller   bool
	state    state
	began    time.Time
	accepted bool
	at       Point // of the first opening, at the answering end
	contact  uint32
	call     [callLen]byte
	attempts []*attempt

	send    *sealer // of the newest attempt until one is confirmed
	receive *opener // once standing
	join    Secret
	hinter  hinter // of join

	counter  uint64 // of the next cell
	genStart uint64 // …and the first of this generation
	genSince time.Time
	genAcked bool // something of it was acknowledged
	loose    int  // cells sent before the other end was heard
	seen     window
	highest  time.Time // when the highest counter came
	held     []Cell

	legs    []*leg
	active  *leg
	legless time.Time // since when there was no leg on which something was heard; zero with one
	needed  time.Time // when NeedLeg was told last because none was left
	needAt  time.Time // …and is told next; zero if it need not be
	needs   int       // how often since something was heard
	twice   bool

	out      outQueue
	in       inQueue
	parts    reassembly
	nextID   uint16
	ledger   ledger
	acks     ackTimer
	accept   bool // an accept frame is due
	answerAt time.Time
	answers  int
	closeAt  time.Time
	closes   int
	code     closeCode
	paused   bool

	draft  draft
	plain  [plainLen]byte
	cells  []Cell
	events []Event
	// What was taken last is written over when the next is.
	cellsTaken  []Cell
	eventsTaken []Event
	taken       bool // events were taken: the arena is free
	arena       []byte
	bytes       int // of messages that were not taken
	deadline    time.Time
}

// ackTimer says when the next acknowledgement is due.
type ackTimer struct {
	pending int
	at      time.Time
	leg     *leg
}

// Format prints a placeholder for every verb.
func (*Session) Format(f fmt.State, _ rune) { io.WriteString(f, "[session]") }

// LogValue logs a placeholder.
func (*Session) LogValue() slog.Value { return slog.StringValue("[session]") }

// Contact is the contact whose secret opened the session, by the number its Listener was told; 0 for anybody else. At
// the dialling end it is 0.
func (s *Session) Contact() uint32 { return s.contact }

// Over reports whether the session is closed.
func (s *Session) Over() bool { return s.state == closed }

// Deadline is when Tick is due; zero when the session is over.
func (s *Session) Deadline() time.Time { return s.deadline }

// Tick lets time pass.
func (s *Session) Tick(now time.Time) { s.step(now) }

// Outgoing returns the cells to send, in order. They are valid until Outgoing is called again. Cells beyond 128
// that nobody has taken are dropped, as by a network.
func (s *Session) Outgoing() []Cell {
	c := s.cells
	s.cells, s.cellsTaken = s.cellsTaken[:0], c
	return c
}

// Events returns what has happened since it was called last, in order, at most 128 and some at once: until there are
// none. The slice is valid until Events is called again; so are the bytes of datagrams, and until the next Receive.
func (s *Session) Events(now time.Time) []Event {
	if s.state < closing {
		s.hand(now)
	}
	e := s.events
	clear(s.eventsTaken) // whose messages are their taker's alone
	s.events, s.eventsTaken, s.bytes, s.taken = s.eventsTaken[:0], e, 0, true
	return e
}

// Pause says whether messages shall wait: while paused none is handed on, and when the bounds are reached the sender
// waits. Datagrams come all the same. For a taker that is slow.
func (s *Session) Pause(now time.Time, paused bool) {
	s.paused = paused
	s.step(now)
}

// Duplicate says whether datagrams go over two legs, where there are two, under different keystream.
func (s *Session) Duplicate(on bool) { s.twice = on }

// tell adds an event. The kinds that a busy other end can cause at will are bounded where they come from.
func (s *Session) tell(e Event) {
	if s.state != closed {
		s.events = append(s.events, e)
	}
}

// SendMessage sends a copy of a message of 1 to MaxMessage bytes, in order, at once as far as the path bears it. At
// MaxQueued messages or MaxQueuedBytes not acknowledged it is ErrFull, and the event Room follows. Before Established
// messages wait.
func (s *Session) SendMessage(now time.Time, message []byte) error {
	switch {
	case s.state >= closing:
		return ErrClosed
	case len(message) == 0 || len(message) > MaxMessage:
		return ErrSize
	case !s.out.push(message):
		return ErrFull
	}
	s.step(now)
	return nil
}

// SendDatagram sends a datagram of 1 to MaxDatagram bytes at once, or loses it: it waits for nothing. Flow is the
// caller's own label.
func (s *Session) SendDatagram(now time.Time, flow uint16, datagram []byte) error {
	switch {
	case s.state >= closing:
		return ErrClosed
	case len(datagram) == 0 || len(datagram) > MaxDatagram:
		return ErrSize
	case s.send == nil:
		return ErrNotYet
	}
	s.sendDatagram(now, flow, datagram)
	s.step(now)
	return nil
}

// Accept tells the dialling end that the session is accepted. For the answering end, once; later it does nothing.
func (s *Session) Accept(now time.Time) {
	if s.caller || s.accepted || s.state >= closing {
		return
	}
	s.accepted, s.accept = true, true
	s.step(now)
}

// Refuse closes the session: the dialling end learns ErrRefused, the relays between see what they see of any session.
func (s *Session) Refuse(now time.Time) { s.close(now, codeRefused) }

// Close ends the session at both ends. What is queued and not acknowledged is lost. Twice is fine.
func (s *Session) Close(now time.Time) { s.close(now, codeDone) }

func (s *Session) close(now time.Time, code closeCode) {
	if s.state >= closing {
		return
	}
	if s.send == nil || len(s.legs) == 0 {
		s.end(nil) // nobody could open it
		return
	}
	s.state, s.code, s.closeAt = closing, code, now
	s.step(now)
}

// end is the one place where a session ends.
func (s *Session) end(err error) {
	if s.state == closed {
		return
	}
	s.tell(Event{Kind: Closed, Err: err})
	s.state, s.deadline = closed, time.Time{}
	s.send.wipe()
	s.receive.wipe()
	s.join.wipe()
	s.hinter = hinter{}
	for _, a := range s.attempts {
		a.wipe()
	}
	clear(s.plain[:])
	clear(s.draft.plain[:])
	s.send, s.receive, s.attempts, s.held, s.legs, s.active = nil, nil, nil, nil, nil, nil
	s.out, s.in, s.parts, s.ledger = outQueue{}, inQueue{}, reassembly{}, ledger{}
}

// fault ends the session because of what the other end has authentically sent.
func (s *Session) fault(now time.Time) {
	s.sayClose(now, codeFault)
	s.end(ErrProtocol)
}
