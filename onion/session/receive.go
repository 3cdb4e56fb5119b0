// What comes in: which key opens a cell, and what its frames do.

package session

import (
	"time"

	"sotto/onion/cell"
)

// Receive takes a cell that came on a leg. What is not authentic, came before, or is of no leg changes nothing.
func (s *Session) Receive(now time.Time, id Leg, c []byte) {
	l := s.leg(id)
	if l == nil || len(c) != cell.SessionLen {
		return
	}
	if s.taken {
		s.arena, s.taken = s.arena[:0], false
	}
	s.open(now, l, c)
	s.step(now)
}

// open finds the key of a cell.
func (s *Session) open(now time.Time, l *leg, c []byte) {
	if s.receive != nil {
		if n, ok := s.tryKey(now, s.receive, c); ok {
			s.handle(now, l, n, dataFrames)
		}
		return
	}
	for _, a := range s.attempts {
		if n, ok := s.tryKey(now, a.receive, c); ok {
			s.confirm(now, a)
			s.handle(now, l, n, dataFrames)
			return
		}
		if n, ok := s.tryKey(now, a.early, c); ok {
			if s.caller {
				s.answered(now, l, a, n)
			} else {
				s.handle(now, l, n, earlyFrames)
			}
			return
		}
	}
	if s.caller && len(s.held) < maxHeld {
		// It may be under keys that message 2 brings, and have overtaken it.
		h := Cell{Leg: l.id}
		copy(h.Bytes[:], c)
		s.held = append(s.held, h)
	}
}

// tryKey opens a cell into s.plain if the key is the one and its counter was not taken before.
func (s *Session) tryKey(now time.Time, o *opener, c []byte) (counter uint64, ok bool) {
	if o == nil {
		return 0, false
	}
	field := o.field(c)
	counter = field % maxCounter
	return counter, s.seen.Check(counter) && o.open(now, field, c, &s.plain)
}

// take marks a counter of a cell that does something.
func (s *Session) take(now time.Time, l *leg, counter uint64) {
	if counter >= s.seen.Next() {
		s.highest = now
	}
	s.seen.Mark(counter)
	l.heard = now
	s.works()
}

// handle does what an authentic cell in s.plain says.
func (s *Session) handle(now time.Time, l *leg, counter uint64, may frameSet) {
	f, ok := parseFrames(s.plain[:], may)
	if !ok || f.set.has(frameAck) && f.ack.largest >= s.counter {
		s.fault(now)
		return
	}
	if s.state == closing {
		s.handleClosing(now, &f)
		return
	}
	if f.set.has(frameAck) {
		s.handleAck(now, &f.ack) // a second time it does nothing
	}
	if f.set.has(framePiece) {
		switch s.in.add(&f.piece) {
		case full:
			return // not taken, not acknowledged: it comes again
		case wrong:
			s.fault(now)
			return
		}
	}
	s.take(now, l, counter)
	if f.set.has(frameAccept) && s.caller && !s.accepted {
		s.accepted = true
		s.tell(Event{Kind: Accepted})
	}
	if f.set.has(frameClose) {
		s.handleClose(now, f.code)
		return
	}
	if f.set.has(frameDatagram) {
		s.handleFragment(now, &f.fragment)
	}
	if f.set&asking != 0 {
		s.owe(now, l, f.set.has(framePing))
	}
}

// owe makes an acknowledgement due.
func (s *Session) owe(now time.Time, l *leg, once bool) {
	if s.acks.pending == 0 || s.acks.leg != l {
		s.acks.at = now.Add(ackDelay)
	}
	s.acks.leg = l
	if s.acks.pending++; s.acks.pending >= blockLen || once {
		s.acks.at = now
	}
}

// handleAck takes an acknowledgement.
func (s *Session) handleAck(now time.Time, a *ack) {
	s.genAcked = s.genAcked || a.largest >= s.genStart
	came, gone := s.ledger.acknowledge(now, a)
	switch {
	case came.has(frameAccept):
		s.accept = false
	case gone.has(frameAccept):
		s.accept = true
	}
	if s.out.clean() {
		s.tell(Event{Kind: Room})
	}
}

// handleClose ends the session because the other end says so, and says that it was heard.
func (s *Session) handleClose(now time.Time, code closeCode) {
	s.sayClose(now, codeDone)
	switch code {
	case codeRefused:
		s.end(ErrRefused)
	case codeFault:
		s.end(ErrProtocol)
	default:
		s.end(ErrClosed)
	}
}

// handleClosing waits for the other end to close too.
func (s *Session) handleClosing(now time.Time, f *frames) {
	if f.set.has(frameClose) {
		s.end(nil)
	}
}

// handleFragment takes a part of a datagram. While too many events wait, datagrams are lost.
func (s *Session) handleFragment(now time.Time, f *fragment) {
	if len(s.events) >= maxEvents || len(s.arena)+MaxDatagram > maxArena {
		return
	}
	start := len(s.arena)
	arena, ok, fault := s.parts.add(s.arena, f)
	if fault {
		s.fault(now)
		return
	}
	s.arena = arena
	if ok {
		s.tell(Event{Kind: Datagram, Flow: f.flow, Bytes: arena[start:len(arena):len(arena)]})
	}
}
