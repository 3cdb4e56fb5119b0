package session

// What a relay, a stranger or the other end itself can do to a session.

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"sotto/onion/cell"
)

// unmeter lets a test try more openings than a relay may bring.
// record makes a world keep all that arrives.
func (w *world) record() *[]parcel {
	var all []parcel
	w.tap = func(_ int, p *parcel) {
		c := *p
		c.cell, c.opening = bytes.Clone(p.cell), bytes.Clone(p.opening)
		all = append(all, c)
	}
	return &all
}

// A flipped byte in any cell of any kind is a lost cell: each arrives altered in all bytes, one at a time, before it
// arrives as it is, and the session runs as if only the last had come.
func TestEveryFlippedByteAndEveryPrefixOfEveryKindOfCellIsOnlyLoss(t *testing.T) {
	run := func(flip bool) (events [2][]seenEvent, cells int) {
		w := newWorld(t, 1, wire{delay: labDelay})
		w.tap = func(to int, p *parcel) {
			if p.cell == nil {
				return
			}
			cells++
			s := w.ends[to]
			if !flip || s == nil {
				return
			}
			for i := range p.cell {
				bad := bytes.Clone(p.cell)
				bad[i] ^= 1 << (i % 8)
				s.Receive(w.now, p.leg, bad)
				if i%31 == 0 {
					s.Receive(w.now, p.leg, p.cell[:i])
				}
			}
			s.held = nil // what might be early may crowd out what is: that is loss too
		}
		w.dial(filled(1000, 1))
		w.runFor(2 * time.Second)
		for end, s := range w.ends {
			if err := s.SendMessage(w.now, filled(2000, byte(end))); err != nil {
				t.Fatal(err)
			}
			if err := s.SendDatagram(w.now, 3, filled(1200, byte(end))); err != nil {
				t.Fatal(err)
			}
		}
		w.runFor(2 * time.Second)
		w.ends[1].Close(w.now)
		w.runFor(5 * time.Second)
		return w.events, cells
	}
	want, n := run(false)
	got, _ := run(true)
	for end := range 2 {
		if len(want[end]) < 4 || len(got[end]) != len(want[end]) {
			t.Fatalf("end %d: %d events, without flips %d", end, len(got[end]), len(want[end]))
		}
		for i, e := range want[end] {
			g := got[end][i]
			if g.Kind != e.Kind || !bytes.Equal(g.Bytes, e.Bytes) || !g.at.Equal(e.at) || !errors.Is(g.Err, e.Err) {
				t.Errorf("end %d: event %d differs", end, i)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d cells", n)
	}
}

func TestAReplayOfEverythingHasNoEffect(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay, loss: labLoss})
	all := w.record()
	w.dial(filled(3000, 1))
	w.runFor(2 * time.Second)
	for range 20 {
		for end, s := range w.ends {
			if err := s.SendMessage(w.now, filled(3000, byte(end))); err != nil {
				t.Fatal(err)
			}
			if err := s.SendDatagram(w.now, 1, filled(172, 1)); err != nil {
				t.Fatal(err)
			}
		}
		w.runFor(time.Second)
	}
	if err := w.addLeg(2, wire{delay: labDelay}); err != nil {
		t.Fatal(err)
	}
	w.runFor(5 * time.Second)
	w.tap = nil
	var before [2]int
	for end := range 2 {
		before[end] = len(w.events[end])
	}
	sent := w.sent
	for _, p := range *all {
		w.deliver(&p)
		p.leg = 3 - p.leg // and on the other leg
		w.deliver(&p)
	}
	for end, s := range w.ends {
		if n, _ := s.Legs(); len(w.events[end]) != before[end] || w.sent[end] != sent[end] || n != 2 || s.Over() {
			t.Errorf("end %d: %d events and %d cells of a replay", end, len(w.events[end])-before[end], w.sent[end]-sent[end])
		}
	}
	w.ends[0].Close(w.now)
	w.runFor(5 * time.Second)
	if !w.ends[0].Over() || !w.ends[1].Over() {
		t.Fatal("not closed")
	}
	for _, p := range *all {
		if p.opening != nil {
			if _, _, err := w.listener.Open(w.now, labPoint(), 5, p.opening); err != ErrOpening {
				t.Errorf("an opening of a session that is over: %v", err)
			}
		}
	}
}

func TestGarbageKillsNeitherHandshakeNorSession(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay})
	first := filled(3000, 1)
	rng := labRand(8)
	flood := func() {
		for end, s := range w.ends {
			for range 50 {
				junk := make([]byte, cell.SessionLen)
				rng.Read(junk)
				if s != nil {
					s.Receive(w.now, 1, junk)
					w.drain(end)
				}
			}
		}
	}
	w.dial(first)
	w.listener.Open(w.now, labPoint(), 1, filled(cell.OpeningLen, 3))
	for range 100 {
		flood()
		w.runFor(20 * time.Millisecond)
	}
	if w.count(0, Accepted) != 1 || w.count(1, Message) != 1 || len(w.ends[0].held) > maxHeld {
		t.Fatal("garbage in between kept them apart")
	}
	if err := w.ends[1].SendMessage(w.now, first); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		flood()
		w.runFor(20 * time.Millisecond)
	}
	if w.count(0, Message) != 1 || w.ends[0].Over() || w.ends[1].Over() {
		t.Error("garbage killed a session")
	}
}

// say seals a plaintext as an end would, and lets it arrive.
func (w *world) say(from int, plain []byte) {
	s := w.ends[from]
	var dst [cell.SessionLen]byte
	copy(s.draft.plain[:], plain)
	s.draft.n, s.draft.set, s.draft.message = min(len(plain), plainLen), 0, nil
	s.seal(w.now, s.legs[0], s.send, &dst)
	w.put(1-from, s.legs[0].id, nil, dst[:])
}

func TestAnAuthenticFaultEndsTheSessionAtBothEnds(t *testing.T) {
	pad := func(b ...byte) []byte { return append(b, make([]byte, plainLen-len(b))...) }
	for name, plain := range map[string][]byte{
		"an unknown frame":            pad(8),
		"frames out of order":         pad(3, 2),
		"a frame twice":               pad(3, 3),
		"bytes behind the end":        pad(0, 1),
		"a frame cut off":             append(make([]byte, plainLen-1), byte(frameClose)),
		"an unknown close":            pad(4, 9),
		"an answer under data keys":   pad(5),
		"an ack of what was not sent": pad(1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0),
		"a datagram in five parts":    pad(6, 0, 0, 0, 0, 5, 0, 1, 1),
		"a datagram of no bytes":      pad(6, 0, 0, 0, 0, 1, 0, 0),
		"a datagram of too many":      pad(6, 0, 0, 0, 0, 1, 2, 0),
		"a piece beyond the last":     pad(7, 0, 0, 0, 99, 2),
		"a piece not filled up":       append(appendPieceHeader(nil, 0, shapeOf(343), 1), bytes.Repeat([]byte{1}, plainLen-pieceHeader)...),
		"a message padded with ones":  nil,
	} {
		w := up(t, 1, wire{delay: labDelay})
		if plain == nil {
			// 343 bytes are two pieces of 172: the last byte of the second is padding.
			s := shapeOf(343)
			w.say(0, append(appendPieceHeader(nil, 0, s, 0), make([]byte, s.size)...))
			plain = append(appendPieceHeader(nil, 0, s, 1), bytes.Repeat([]byte{1}, s.size)...)
		}
		w.say(0, plain)
		w.runFor(3 * time.Second)
		for end := range 2 {
			if e, ok := w.last(end, Closed); !ok || !errors.Is(e.Err, ErrProtocol) {
				t.Errorf("%s: end %d: %v %v", name, end, ok, e.Err)
			}
		}
	}
}

func TestAHostileOtherEndCannotMakeASessionGrow(t *testing.T) {
	w := up(t, 1, wire{delay: time.Millisecond})
	w.take[1] = false
	b := w.ends[1]
	grown := func() (n int) {
		n = len(b.cells)*cell.SessionLen + cap(b.arena) + b.bytes + b.in.bytes + len(b.ledger.cells)*64
		for _, p := range b.parts.partials {
			if p != nil {
				n += maxFragments * fragmentLen
			}
		}
		return n
	}
	for i := range 20000 {
		var plain []byte
		switch i % 4 {
		case 0: // the first piece of ever another long message
			s := shapeOf(MaxMessage)
			plain = append(appendPieceHeader(nil, uint16(i*7), s, i%200), make([]byte, s.size)...)
		case 1: // the first fragment of ever another datagram
			plain = appendFragment(nil, &fragment{id: uint16(i), count: 4, data: make([]byte, 300)})
		case 2: // whole datagrams that nobody takes
			plain = appendFragment(nil, &fragment{id: uint16(i), count: 1, data: make([]byte, 300)})
		case 3:
			plain = []byte{byte(framePing)}
		}
		w.say(0, plain)
		w.ends[0].ledger.cells = nil
		w.runFor(100 * time.Microsecond)
		if n := grown(); n > MemoryBound || len(b.events) > maxEvents+1 {
			t.Fatalf("%d bytes, %d events after %d cells", n, len(b.events), i)
		}
		if b.Over() {
			t.Fatal("it ended before it was full")
		}
	}
}

func TestWhatARelaySeesIsUniform(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay})
	var counts [256]int
	total := 0
	tops := 0
	look := func(b []byte) {
		for _, c := range b {
			counts[c]++
			total++
		}
	}
	const dials = 200
	for i := range dials {
		target := w.target()
		if i%2 == 0 {
			target.Secret = labSecret(t, 7)
		}
		_, train, err := Dial(w.now, DialConfig{Leg: 1, Target: target, First: make([]byte, i*10), Rand: labRand(byte(i))})
		if err != nil {
			t.Fatal(err)
		}
		look(train.Opening[:])
		tops += int(train.Opening[hintLen+keyLen-1] >> 7)
		for j := range train.Cells {
			look(train.Cells[j][:])
		}
	}
	chi := 0.0
	want := float64(total) / 256
	for _, n := range counts {
		chi += (float64(n) - want) * (float64(n) - want) / want
	}
	if chi > 370 { // 255 degrees of freedom: beyond in 3 of a million
		t.Errorf("chi-square of all bytes is %.0f", chi)
	}
	if tops < dials/3 || tops > dials*2/3 {
		t.Errorf("the top bit of the ephemeral is set in %d of %d openings", tops, dials)
	}
}

func TestNothingPrintsWhatItHolds(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	secret := labSecret(t, 0x61)
	for _, v := range []any{secret, &secret, labPoint(), w.target(), Event{Kind: Message, Bytes: []byte("aaaa")}, w.ends[0],
		DialConfig{Target: w.target(), First: []byte("aaaa")}, Lease{Point: labPoint(), Key: labKey(t, 1)}, Contact{ID: 1, Secret: secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			out := fmt.Sprintf(verb, v)
			if bytes.Contains([]byte(out), []byte("aaaa")) || bytes.Contains([]byte(out), []byte("6161")) || bytes.Contains([]byte(out), []byte("97 97")) {
				t.Errorf("%T with %s prints %q", v, verb, out)
			}
		}
	}
}

func TestASessionHoldsNoMoreThanItSays(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 12
	worlds := make([]*world, 0, n)
	for i := range uint64(n) {
		worlds = append(worlds, up(t, i, wire{delay: time.Millisecond}))
		worlds[i].runFor(time.Second)
	}
	idle := heap()
	for _, w := range worlds {
		w.take, w.under = [2]bool{}, nil
		for end, s := range w.ends {
			for s.SendMessage(w.now, filled(MaxMessage/2, byte(end))) == nil {
				w.runFor(300 * time.Millisecond)
			}
			for i := range 200 {
				_ = s.SendDatagram(w.now, 0, filled(MaxDatagram, byte(i)))
			}
		}
		w.runFor(time.Second)
		w.under, w.events = nil, [2][]seenEvent{}
	}
	full := (heap() - idle) / (2 * n)
	for _, w := range worlds {
		w.ends = [2]*Session{}
		w.listener = nil
	}
	t.Logf("a session that is full in both directions holds %d KiB more than an idle one", full>>10)
	if full > MemoryBound {
		t.Error("more than the bound")
	}
	if full < MaxQueuedBytes {
		t.Error("it was not full")
	}
	runtime.KeepAlive(worlds)
}
