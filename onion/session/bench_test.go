package session

import (
	"testing"
	"time"

	"sotto/onion/cell"
)

// still is two ends that stand, without wires.
func still(b *testing.B) *world {
	w := up(b, 1, wire{delay: time.Millisecond})
	w.runFor(time.Second)
	return w
}

func BenchmarkSealAndOpenOneDatagramOf172Bytes(b *testing.B) {
	w := still(b)
	x, y := w.ends[0], w.ends[1]
	packet := filled(172, 1)
	b.ReportAllocs()
	for b.Loop() {
		w.now = w.now.Add(time.Millisecond)
		if err := x.SendDatagram(w.now, 1, packet); err != nil {
			b.Fatal(err)
		}
		pass(w.now, x, y)
		if e := y.Events(w.now); len(e) == 0 {
			b.Fatal("lost")
		}
		pass(w.now, y, x)
	}
}

// pass hands on what one end sends.
func pass(now time.Time, from, to *Session) {
	cells := from.Outgoing()
	for i := range cells {
		to.Receive(now, cells[i].Leg, cells[i].Bytes[:])
	}
}

func BenchmarkSealAndOpenOneCell(b *testing.B) {
	s, o := newSealer(filled(keyLen, 1)), newOpener(filled(keyLen, 1))
	var plain [plainLen]byte
	var dst [cell.SessionLen]byte
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		s.seal(n, &plain, &dst)
		if !o.open(time.Time{}, o.field(dst[:]), dst[:], &plain) {
			b.Fatal("not opened")
		}
		n++
	}
}

func BenchmarkMessageOf3KBBothEnds(b *testing.B) {
	w := still(b)
	x, y := w.ends[0], w.ends[1]
	message := filled(3000, 1)
	b.ReportAllocs()
	for b.Loop() {
		w.now = w.now.Add(time.Second)
		if err := x.SendMessage(w.now, message); err != nil {
			b.Fatal(err)
		}
		for range 3 {
			pass(w.now, x, y)
			y.Events(w.now)
			w.now = w.now.Add(ackDelay)
			y.Tick(w.now)
			pass(w.now, y, x)
		}
		if len(x.out.messages) != 0 {
			b.Fatal("not acknowledged")
		}
	}
}

func BenchmarkOpening(b *testing.B) {
	w := newWorld(b, 1, wire{})
	rng := labRand(1)
	b.ReportAllocs()
	for b.Loop() {
		_, train, err := Dial(w.now, DialConfig{Leg: 1, Target: w.target(), First: filled(3000, 1), Rand: rng})
		if err != nil {
			b.Fatal(err)
		}
		w.now = w.now.Add(time.Second)
		s, _, err := w.listener.Open(w.now, labPoint(), 1, train.Opening[:])
		if err != nil {
			b.Fatal(err)
		}
		s.end(nil)
	}
}
