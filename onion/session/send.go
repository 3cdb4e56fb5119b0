// What goes out: how a cell is put together, and which cell goes when.

package session

import (
	"time"

	"sotto/onion/cell"
)

// draft is a cell before it is sealed.
type draft struct {
	plain   [plainLen]byte
	n       int
	set     frameSet
	message *outMessage
	index   int
}

// bytes is what is written so far, with room behind it.
func (d *draft) bytes() []byte { return d.plain[:d.n] }

// add notes that a frame was appended.
func (d *draft) add(k frameKind, b []byte) {
	d.n = len(b)
	d.set |= 1 << k
}

// begin starts a cell for a leg with what is due beside the rest, for which room bytes are left.
func (s *Session) begin(now time.Time, l *leg, room int) *draft {
	d := &s.draft
	d.n, d.set, d.message = 0, 0, nil
	if s.send == nil {
		return d
	}
	if s.acks.pending > 0 && s.acks.leg == l && room >= ackHeader+ackBeside {
		n := ackHeader + ackBeside
		if room == plainLen {
			n = ackHeader + ackMost
		}
		delay := min(now.Sub(s.highest)/(100*time.Microsecond), 1<<16-1)
		d.add(frameAck, appendAck(d.bytes(), &s.seen, uint16(max(delay, 0)), n))
		room -= d.n
		s.acks.pending = 0
	}
	if s.accept && room > 0 {
		d.add(frameAccept, append(d.bytes(), byte(frameAccept)))
		s.accept = false
	}
	return d
}

// withPing puts a ping that is due into a draft: never beside a piece, which the other end may have no room for.
func (d *draft) withPing(l *leg) {
	if l.ping {
		d.add(framePing, append(d.bytes(), byte(framePing)))
		l.ping = false
	}
}

// withPiece puts the next piece of a message into a draft, if there is one.
func (s *Session) withPiece(d *draft) bool {
	m, index, ok := s.out.pick()
	if !ok {
		return false
	}
	m.sent(index)
	b := appendPieceHeader(d.bytes(), m.number, m.shape, index)
	d.add(framePiece, m.appendPiece(b, index))
	d.message, d.index = m, index
	return true
}

// maySeal reports whether the key may seal another cell, and moves on to the next generation in time: only when the
// other end has acknowledged something of this one, since it follows one at a time.
func (s *Session) maySeal(now time.Time) bool {
	if s.genAcked && s.receive != nil && (now.Sub(s.genSince) >= rekeyAfter || s.counter-s.genStart >= rekeyCells) && s.send.gen < maxGen-1 {
		s.send.advance()
		s.genStart, s.genSince, s.genAcked = s.counter, now, false
	}
	return s.counter < maxCounter-cell.MaxEarly && s.counter-s.genStart < generationMost
}

// seal seals the draft and notes what of it wants to be acknowledged.
func (s *Session) seal(now time.Time, l *leg, key *sealer, dst *[cell.SessionLen]byte) {
	d := &s.draft
	clear(d.plain[d.n:])
	if d.set&asking != 0 {
		s.ledger.add(sentCell{counter: s.counter, at: now, leg: l, set: d.set & asking, message: d.message, index: uint8(d.index)})
	}
	key.seal(s.counter, &d.plain, dst)
	s.counter++
	if s.receive == nil {
		s.loose++
	}
	l.sent = now
}

// slot is the place of the next cell to send, or nil at the bound.
func (s *Session) slot(l *leg) *[cell.SessionLen]byte {
	if len(s.cells) >= maxOut {
		return nil
	}
	s.cells = append(s.cells, Cell{Leg: l.id})
	return &s.cells[len(s.cells)-1].Bytes
}

// emit seals the draft and sends it.
func (s *Session) emit(now time.Time, l *leg) {
	if dst := s.slot(l); dst != nil {
		s.seal(now, l, s.send, dst)
	}
}

// mayEmit reports whether a cell could go out at all.
func (s *Session) mayEmit(now time.Time) bool {
	return s.able() && len(s.cells) < maxOut && s.maySeal(now)
}

// able reports whether there are keys to send under, and enough shown by the other end.
func (s *Session) able() bool { return s.send != nil && (s.receive != nil || s.loose < unconfirmed) }

// sendPieces sends what of messages may go now.
func (s *Session) sendPieces(now time.Time) {
	l := s.active
	for l != nil && s.mayEmit(now) {
		if l.inFlight >= l.allowed() {
			l.pressed = l.inFlight >= l.window
			return
		}
		if len(s.ledger.cells) >= maxLedger || !l.mayPace(now) || !s.waiting() {
			return
		}
		d := s.begin(now, l, s.beside())
		s.withPiece(d)
		s.emit(now, l)
		l.paced(now)
	}
}

// waiting reports whether a piece waits to be sent.
func (s *Session) waiting() bool {
	_, _, ok := s.out.pick()
	return ok
}

// beside is how much room the next piece leaves in its cell.
func (s *Session) beside() int {
	m, _, _ := s.out.pick()
	return pieceLen - m.shape.size
}

// sendRest sends what is due and found no other cell to ride in.
func (s *Session) sendRest(now time.Time) {
	if s.send == nil {
		return
	}
	for _, l := range s.legs {
		due := l.ping || s.accept && l == s.active || s.acks.pending > 0 && s.acks.leg == l && !now.Before(s.acks.at)
		if due && s.mayEmit(now) {
			s.begin(now, l, plainLen).withPing(l)
			s.emit(now, l)
		}
	}
}

// sendDatagram sends the fragments of a datagram over the best leg, or the best two.
func (s *Session) sendDatagram(now time.Time, flow uint16, datagram []byte) {
	id := s.nextID
	s.nextID++
	l := s.active
	if l == nil {
		return
	}
	s.fragments(now, l, flow, id, datagram)
	if second := s.second(now); s.twice && second != nil {
		s.fragments(now, second, flow, id, datagram)
	}
}

// fragments sends one copy of a datagram. When nothing was heard for a while it asks, twice, whether the leg works.
func (s *Session) fragments(now time.Time, l *leg, flow, id uint16, datagram []byte) {
	if l.inFlight < 2 && now.Sub(l.heard) >= quiet && now.Sub(l.sent) < quiet {
		l.ping = true
	}
	count, size := cutDatagram(len(datagram))
	for i := range count {
		if !s.mayEmit(now) {
			return
		}
		f := fragment{flow: flow, id: id, index: uint8(i), count: uint8(count), data: datagram[i*size : min((i+1)*size, len(datagram))]}
		room := fragmentLen - len(f.data)
		d := s.begin(now, l, room-1)
		if room > d.n {
			d.withPing(l)
		}
		d.add(frameDatagram, appendFragment(d.bytes(), &f))
		s.emit(now, l)
	}
}

// train seals the cells that follow an opening: what waits for them, else nothing but zeros.
func (s *Session) train(now time.Time, l *leg, key *sealer, cells *[cell.MaxEarly][cell.SessionLen]byte) {
	for i := range cells {
		if s.waiting() {
			s.withPiece(s.begin(now, l, s.beside()))
		} else {
			d := s.begin(now, l, plainLen)
			if s.send != nil {
				d.withPing(l)
			}
		}
		s.seal(now, l, key, &cells[i])
	}
}

// sayClose sends the frame that closes, twice on each leg: nobody will ask for it again.
func (s *Session) sayClose(now time.Time, code closeCode) {
	for _, l := range s.legs {
		for range 2 {
			if s.send == nil || len(s.cells) >= maxOut || !s.maySeal(now) {
				return
			}
			d := s.begin(now, l, 0)
			d.add(frameClose, append(d.bytes(), byte(frameClose), byte(code)))
			s.emit(now, l)
		}
	}
}
