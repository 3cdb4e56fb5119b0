package session

// The parts below a session: windows, shapes, parity, frames.

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
)

func TestTheWindowTakesEachCounterOnceAndReportsWhatItTook(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var w window
	taken := make(map[uint64]bool)
	base := uint64(0)
	for range 20000 {
		if rng.IntN(500) == 0 {
			base += rng.Uint64N(5000)
		}
		base += rng.Uint64N(3)
		n := base - min(base, rng.Uint64N(1200))
		old := n < w.Next() && w.Next()-1-n >= windowLen
		if got, want := w.Check(n), !taken[n] && !old; got != want {
			t.Fatalf("counter %d below %d: fresh %v", n, w.Next(), got)
		}
		if w.Check(n) {
			w.Mark(n)
			taken[n] = true
		}
	}
	a := ack{largest: w.Next() - 1, below: w.below(nil, ackMost)}
	for i := range uint64(windowLen - 1) {
		if n := a.largest - i; a.has(n) != taken[n] {
			t.Fatalf("%d below the largest: acknowledged %v", i, a.has(n))
		}
	}
}

func TestEveryLengthIsCutIntoPiecesThatFit(t *testing.T) {
	for n := 1; n <= MaxMessage; n++ {
		s := shapeOf(n)
		if s.size > pieceLen || s.pieces() > 256 || s.data*s.size < n || (s.data-1)*s.size >= n {
			t.Fatalf("%d bytes: %+v", n, s)
		}
		data := 0
		for b := range s.blocks {
			if k := s.in(b); k < 1 || k > blockLen {
				t.Fatalf("%d bytes: block %d has %d pieces", n, b, k)
			}
			data += s.in(b)
		}
		if b, place := s.locate(s.pieces() - 1); data != s.data || b != s.blocks-1 || place != s.in(b)+parity(s.in(b))-1 {
			t.Fatalf("%d bytes: %+v does not add up", n, s)
		}
	}
	if s := shapeOf(3 << 10); s.pieces() != 11 || s.blocks != 1 {
		t.Errorf("3 KiB are %d cells", s.pieces())
	}
}

func TestAnyTwoLostPiecesOfABlockComeBack(t *testing.T) {
	for n := 1; n <= blockLen; n++ {
		const size = 50
		m := &outMessage{data: filled(n*size-7, byte(n)), shape: shape{length: n*size - 7, data: n, size: size, blocks: 1, per: n}}
		total := n + parity(n)
		for x := range total {
			for y := x; y < total; y++ {
				if n == 1 && x != y {
					continue
				}
				block := make([][]byte, total)
				for i := range total {
					if i != x && i != y {
						block[i] = m.appendPiece(nil, i)
					}
				}
				restore(block, n, size)
				for i := range n {
					if !bytes.Equal(block[i], m.appendPiece(nil, i)) {
						t.Fatalf("%d pieces without %d and %d: piece %d is wrong", n, x, y, i)
					}
				}
			}
		}
	}
}

func TestEveryStrictPrefixOfAFrameIsNone(t *testing.T) {
	var w window
	for n := range uint64(30) {
		w.Mark(2 * n)
	}
	s := shapeOf(20)
	for k, b := range map[frameKind][]byte{
		frameAck:      appendAck(nil, &w, 3, plainLen),
		frameClose:    {byte(frameClose), 1},
		frameAnswer:   append([]byte{byte(frameAnswer)}, make([]byte, answerLen)...),
		frameDatagram: appendFragment(nil, &fragment{flow: 1, id: 2, index: 0, count: 1, data: filled(9, 1)}),
		framePiece:    append(appendPieceHeader(nil, 7, s, 1), filled(s.size, 1)...),
	} {
		var f frames
		for n := 1; n < len(b); n++ {
			if _, ok := f.take(k, b[1:n]); ok {
				t.Errorf("frame %d: %d of %d bytes are taken", k, n, len(b))
			}
		}
		if rest, ok := f.take(k, b[1:]); !ok || len(rest) != 0 {
			t.Errorf("frame %d is refused", k)
		}
		for n := range plainLen {
			if _, ok := parseFrames(make([]byte, n), dataFrames); ok {
				t.Errorf("%d bytes are a cell", n)
			}
		}
	}
}

func TestTheWindowOfALegBearsRandomLossAndYieldsToCongestion(t *testing.T) {
	feed := func(lossOf func(i int) bool, rtt time.Duration) *leg {
		l := newLeg(labStart, 1, 0, true)
		l.sample(480 * time.Millisecond)
		for i := range 4000 {
			for l.order < uint32(i+l.window) {
				l.order++
			}
			l.sample(rtt)
			l.pressed = true
			l.count(uint32(i), !lossOf(i))
		}
		return l
	}
	if l := feed(func(i int) bool { return i%17 == 0 }, 480*time.Millisecond); l.window != windowCells {
		t.Errorf("at 6 %% loss the window is %d", l.window)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	if l := feed(func(int) bool { return rng.IntN(100) < 6 }, 480*time.Millisecond); l.window < windowCells/2 {
		t.Errorf("at 6 %% loss by chance the window is %d", l.window)
	}
	if l := feed(func(i int) bool { return i%3 == 0 }, 480*time.Millisecond); l.window > 2*windowLeast {
		t.Errorf("at 33 %% loss the window is %d", l.window)
	}
	if l := feed(func(i int) bool { return false }, 700*time.Millisecond); l.window > 2*windowLeast {
		t.Errorf("with a queue of 220 ms the window is %d", l.window)
	}
}

func TestReassemblyHandsADatagramOnOnceInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var r reassembly
	for id := range 70000 {
		want := filled(1+rng.IntN(MaxDatagram), byte(id))
		count, size := cutDatagram(len(want))
		got := 0
		for _, i := range append(rng.Perm(count), rng.Perm(count)...) {
			f := fragment{id: uint16(id), index: uint8(i), count: uint8(count), data: want[i*size : min((i+1)*size, len(want))]}
			d, ok, fault := r.add(nil, &f)
			if fault || ok && !bytes.Equal(d, want) {
				t.Fatalf("datagram %d: fault %v", id, fault)
			}
			if ok {
				got++
			}
		}
		if got != 1 {
			t.Fatalf("datagram %d was handed on %d times", id, got)
		}
	}
}

func TestTheKeyBeforeOpensWhatWasUnderWayAndThenNothing(t *testing.T) {
	s, o := newSealer(filled(keyLen, 1)), newOpener(filled(keyLen, 1))
	var old [3][cell.SessionLen]byte
	var plain [plainLen]byte
	for i := range old {
		s.seal(uint64(i), &plain, &old[i])
	}
	s.advance()
	var c [cell.SessionLen]byte
	s.seal(3, &plain, &c)
	open := func(now time.Time, c *[cell.SessionLen]byte) bool { return o.open(now, o.field(c[:]), c[:], &plain) }
	if !open(labStart, &old[0]) || !open(labStart, &c) || !open(labStart, &old[1]) {
		t.Fatal("a cell under way is lost")
	}
	o.expire(labStart.Add(previousLife))
	if open(labStart, &old[2]) {
		t.Error("an old key opens for ever")
	}
	s.advance()
	s.advance()
	s.seal(4, &plain, &c)
	if open(labStart, &c) {
		t.Error("two generations at once were followed")
	}
}

func TestACellIsLostWhenThreeLaterOnesHaveComeAndNotBefore(t *testing.T) {
	l := newLeg(labStart, 1, 0, true)
	m := newOutMessage(0, filled(3000, 1))
	var g ledger
	for i := range 6 {
		m.sent(i)
		g.add(sentCell{counter: uint64(10 + i), at: labStart, leg: l, set: 1 << framePiece, message: m, index: uint8(i)})
	}
	now := labStart.Add(time.Second)
	g.acknowledge(now, &ack{largest: 13, below: []byte{0xc0}}) // 12 and 11
	if m.fates[0] != lost || l.inFlight != 2 {
		t.Errorf("the first is %d, %d under way", m.fates[0], l.inFlight)
	}
	g.acknowledge(now, &ack{largest: 15}) // 14 may be late
	if m.fates[4] != flying || l.inFlight != 1 {
		t.Errorf("the fifth is %d", m.fates[4])
	}
	g.acknowledge(now, &ack{largest: 15, below: []byte{0x88}}) // 14, and 10 after all
	if m.fates[0] != arrived || l.inFlight != 0 || len(g.cells) != 0 {
		t.Errorf("the first is %d, %d cells are kept", m.fates[0], len(g.cells))
	}
	if l.srtt != time.Second {
		t.Errorf("round trip %v", l.srtt)
	}
}

func TestWhatIsMissingGoesAgainWithOneMore(t *testing.T) {
	m := newOutMessage(0, filled(3000, 1)) // nine pieces and two
	for range 11 {
		i, ok := m.pick()
		if !ok {
			t.Fatal("too few pieces")
		}
		m.sent(i)
	}
	for _, i := range []int{1, 4, 5} {
		if _, ok := m.pick(); ok {
			t.Fatal("sent again before it was needed")
		}
		m.gone(i)
	}
	var again []int
	for i, ok := m.pick(); ok; i, ok = m.pick() {
		m.sent(i)
		again = append(again, i)
	}
	if len(again) != 2 {
		t.Errorf("%v go again, one is missing", again)
	}
	for _, i := range []int{0, 2, 3, 6, 7, 8, 9, 10, again[1]} {
		m.came(i)
	}
	if m.left != 0 {
		t.Error("it is not there")
	}
}
