// Fuzz targets: openings, frames, what an authentic end may say, and any order of events at two ends.

package session

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
)

func FuzzOpening(f *testing.F) {
	w := newWorld(f, 1, wire{})
	good := w.dial([]byte("hello")).Opening
	f.Add(good[:], byte(0))
	f.Add(good[:100], byte(1))
	f.Add(filled(cell.OpeningLen, 1), byte(2))
	f.Fuzz(func(t *testing.T, b []byte, n byte) {
		w := newWorld(t, 1, wire{})
		w.rng = rand.New(rand.NewPCG(uint64(n), 3))
		s, fresh, err := w.listener.Open(labStart, labPoint(), 1, b)
		if bytes.Equal(b, good[:]) {
			if err != nil || !fresh {
				t.Fatalf("the true opening: %v", err)
			}
		} else if err != ErrOpening || s != nil || len(w.listener.sessions) != 0 {
			t.Fatal("something was taken for an opening")
		}
	})
}

func FuzzPayload(f *testing.F) {
	p := payload{kind: kindNew, bucket: 7, seed: [keyLen]byte{1}, call: [callLen]byte{2}}
	f.Add(p.appendTo(nil))
	f.Add((&payload{kind: kindJoin, bucket: 7}).appendTo(nil))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parsePayload(b); ok && !bytes.Equal(p.appendTo(nil), b) {
			t.Error("two forms of one payload")
		}
	})
}

func FuzzFrames(f *testing.F) {
	var w window
	for n := range uint64(100) {
		w.Mark(3 * n)
	}
	pad := func(b []byte) []byte { return append(b, make([]byte, plainLen-len(b))...) }
	s := shapeOf(3000)
	f.Add(pad(append(appendAck(nil, &w, 3, 40), 2, 3, 4, 0)))
	f.Add(pad(appendFragment(appendAck(nil, &w, 3, 40), &fragment{id: 2, index: 1, count: 2, data: filled(100, 1)})))
	f.Add(pad(append(appendPieceHeader(nil, 3, s, 10), filled(s.size, 1)...)))
	f.Add(pad(append([]byte{5}, filled(answerLen, 1)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, ok := parseFrames(b, dataFrames|answerFrames)
		if !ok {
			return
		}
		var again []byte
		if g.set.has(frameAck) {
			again = append(again, byte(frameAck))
			again = binary.BigEndian.AppendUint64(again, g.ack.largest)
			again = binary.BigEndian.AppendUint16(again, g.ack.delay)
			again = append(append(again, byte(len(g.ack.below))), g.ack.below...)
		}
		for _, k := range []frameKind{frameAccept, framePing} {
			if g.set.has(k) {
				again = append(again, byte(k))
			}
		}
		if g.set.has(frameClose) {
			again = append(again, byte(frameClose), byte(g.code))
		}
		if g.set.has(frameAnswer) {
			again = append(append(again, byte(frameAnswer)), g.answer...)
		}
		if g.set.has(frameDatagram) {
			again = appendFragment(again, &g.fragment)
		}
		if g.set.has(framePiece) {
			again = append(appendPieceHeader(again, g.piece.number, g.piece.shape, g.piece.index), g.piece.data...)
		}
		if !bytes.Equal(pad(again), b) {
			t.Errorf("two forms of one cell: %x", b)
		}
	})
}

// FuzzPlaintext lets an authentic end say anything.
func FuzzPlaintext(f *testing.F) {
	f.Add([]byte{3}, []byte{2, 3}, byte(0))
	f.Add(appendPieceHeader(nil, 0, shapeOf(100), 0), append(appendPieceHeader(nil, 1, shapeOf(1), 1), 1), byte(1))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 1, 0x80}, []byte{4, 1}, byte(0))
	f.Add(appendFragment(nil, &fragment{id: 1, index: 1, count: 2, data: []byte{1}}), []byte{}, byte(1))
	f.Fuzz(func(t *testing.T, a, b []byte, end byte) {
		w := up(t, 1, wire{delay: time.Millisecond})
		from := int(end % 2)
		for _, plain := range [][]byte{a, b, a} {
			if s := w.ends[from]; !s.Over() && s.send != nil && len(s.legs) > 0 {
				w.say(from, plain[:min(len(plain), plainLen)])
			}
			w.runFor(100 * time.Millisecond)
		}
		w.checkBounds()
	})
}

// checkBounds fails if an end holds more than it may.
func (w *world) checkBounds() {
	w.t.Helper()
	for _, s := range w.ends {
		if s == nil {
			continue
		}
		if len(s.legs) > maxLegs || len(s.cells) > maxOut || len(s.ledger.cells) > maxLedger+64 || len(s.held) > maxHeld ||
			len(s.out.messages) > MaxQueued || s.out.bytes > MaxQueuedBytes || s.in.bytes > MaxQueuedBytes ||
			s.bytes > maxWaiting+MaxMessage || len(s.attempts) > maxAttempts {
			w.t.Fatal("a bound does not hold")
		}
		for _, l := range s.legs {
			under := 0
			for i := range s.ledger.cells {
				if c := &s.ledger.cells[i]; c.leg == l && c.fate == flying {
					under++
				}
			}
			if under != l.inFlight || l.window > windowCells || l.window < windowLeast {
				w.t.Fatalf("%d cells under way are counted as %d", under, l.inFlight)
			}
		}
		if s.Over() != s.Deadline().IsZero() {
			w.t.Fatal("no deadline")
		}
	}
}

// FuzzSessions lets anything happen to two sessions and the wires between them, in any order.
func FuzzSessions(f *testing.F) {
	f.Add([]byte("\x00\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0"), uint64(1))
	f.Add(bytes.Repeat([]byte{0x01, 0x42, 0x13, 0xa5, 0x66}, 20), uint64(2))
	f.Add(filled(300, 1), uint64(3))
	f.Add(filled(600, 2), uint64(4))
	f.Add(filled(900, 3), uint64(5))
	f.Fuzz(func(t *testing.T, ops []byte, seed uint64) {
		playSessions(t, ops[:min(len(ops), 1000)], seed)
	})
}

// playSessions does what the bytes say and checks after each that what was sent is what comes.
func playSessions(t *testing.T, ops []byte, seed uint64) {
	w := newWorld(t, seed, wire{delay: 30 * time.Millisecond, jitter: 40 * time.Millisecond, loss: 0.05, twice: 0.05})
	var sent, got [2]uint32
	w.on = func(end int, e seenEvent) {
		if e.Kind == Message {
			n := binary.BigEndian.Uint32(e.Bytes)
			if n != got[end] || n >= sent[1-end] || !bytes.Equal(e.Bytes[4:], filled(len(e.Bytes)-4, byte(n))) {
				t.Fatalf("message %d in the place of %d", n, got[end])
			}
			got[end]++
		}
		if e.Kind == Datagram && !bytes.Equal(e.Bytes, filled(len(e.Bytes), byte(e.Flow))) {
			t.Fatal("a datagram was altered")
		}
	}
	next := Leg(1)
	w.dial(nil)
	for i, op := range ops {
		end, arg := int(op>>3&1), int(op&7)
		s := w.ends[end]
		if s == nil {
			w.runFor(50 * time.Millisecond)
			continue
		}
		switch op >> 4 {
		case 0, 1, 2:
			n := []int{0, 10, 300, 338, 3000, 6000, 30000, 60000}[arg]
			if s.SendMessage(w.now, append(binary.BigEndian.AppendUint32(nil, sent[end]), filled(n, byte(sent[end]))...)) == nil {
				sent[end]++
			}
		case 3, 4:
			_ = s.SendDatagram(w.now, uint16(i&255), filled(1+arg*180, byte(i)))
		case 5, 6, 7, 8:
			w.runFor(time.Duration(1+arg*arg*20) * time.Millisecond)
		case 9:
			next++
			_ = w.addLeg(next, wire{delay: time.Duration(arg) * 20 * time.Millisecond, loss: float64(arg) / 30})
		case 10:
			s.DropLeg(w.now, Leg(arg))
		case 11:
			if on := w.wires[Leg(arg)]; on != nil {
				on.cut = !on.cut
			}
		case 12:
			w.take[end] = !w.take[end]
		case 13:
			s.Pause(w.now, arg&1 == 0)
		case 14:
			s.Duplicate(arg&1 == 0)
			if len(w.under) > 0 { // something arrives altered too
				p := w.under[arg%len(w.under)]
				if p.cell != nil && w.ends[p.to] != nil {
					bad := bytes.Clone(p.cell)
					bad[arg*50] ^= 4
					w.ends[p.to].Receive(w.now, p.leg, bad)
				}
			}
		case 15:
			if arg == 7 && i > len(ops)/2 {
				s.Close(w.now)
			} else if arg == 6 {
				w.runFor(time.Duration(arg) * 5 * time.Second)
			}
		}
		w.drain(0)
		w.drain(1)
		w.checkBounds()
	}
	w.take = [2]bool{true, true}
	w.runFor(2 * time.Minute)
	w.checkBounds()
	a, b := w.ends[0], w.ends[1]
	if b != nil && !a.Over() && !b.Over() && (!a.paused && got[0] != sent[1] || !b.paused && got[1] != sent[0]) && working(w) {
		t.Fatalf("%d of %d and %d of %d messages came", got[0], sent[1], got[1], sent[0])
	}
}

// working reports whether some wire that both ends have works well.
func working(w *world) bool {
	for _, l := range w.ends[0].legs {
		if on := w.wires[l.id]; w.ends[1].leg(l.id) != nil && !on.cut && on.loss < 0.1 {
			return true
		}
	}
	return false
}
