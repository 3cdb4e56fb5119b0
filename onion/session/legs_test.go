package session

// Legs come and go while a session lives.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

func TestASessionOutlivesEachOfItsLegs(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay, loss: labLoss})
	if err := w.addLeg(2, wire{delay: labDelay, loss: labLoss}); err != nil {
		t.Fatal(err)
	}
	w.runFor(5 * time.Second)
	for end, s := range w.ends {
		if n, _ := s.Legs(); n != 2 {
			t.Fatalf("end %d has %d legs", end, n)
		}
	}
	next := [2]uint32{}
	got := [2]uint32{}
	var last [2]time.Time
	var gap time.Duration
	w.on = func(end int, e seenEvent) {
		switch e.Kind {
		case Message:
			if n := binary.BigEndian.Uint32(e.Bytes); n != got[end] {
				t.Fatalf("end %d: message %d in the place of %d", end, n, got[end])
			}
			got[end]++
		case Datagram:
			if !last[end].IsZero() {
				gap = max(gap, e.at.Sub(last[end]))
			}
			last[end] = e.at
		case Closed:
			t.Fatalf("end %d closed: %v", end, e.Err)
		}
	}
	for i := range 1500 { // 30 s of voice, a message each second; leg 1 dies after 10 s
		if i == 500 {
			w.wires[1].cut = true
		}
		for end := range 2 {
			if i%50 == 0 {
				if err := w.ends[end].SendMessage(w.now, append(binary.BigEndian.AppendUint32(nil, next[end]), filled(2000, 1)...)); err != nil {
					t.Fatal(err)
				}
				next[end]++
			}
			if err := w.ends[end].SendDatagram(w.now, 1, filled(172, 1)); err != nil {
				t.Fatal(err)
			}
			w.drain(end)
		}
		w.runFor(20 * time.Millisecond)
	}
	w.runFor(30 * time.Second)
	if got[0] != next[1] || got[1] != next[0] {
		t.Errorf("%d of %d and %d of %d messages came", got[0], next[1], got[1], next[0])
	}
	t.Logf("the longest gap between datagrams was %v", gap)
	if gap > 3*time.Second {
		t.Errorf("datagrams stopped for %v", gap)
	}
	for end := range 2 {
		if e, ok := w.last(end, LegLost); !ok || e.Leg != 1 {
			t.Errorf("end %d was not told of the dead leg", end)
		}
	}
}

func TestDatagramsAloneFindOutThatALegIsDead(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay, loss: labLoss})
	if err := w.addLeg(2, wire{delay: labDelay, loss: labLoss}); err != nil {
		t.Fatal(err)
	}
	w.runFor(5 * time.Second)
	var last time.Time
	var gap time.Duration
	w.on = func(end int, e seenEvent) {
		if e.Kind == Datagram && end == 1 {
			if !last.IsZero() {
				gap = max(gap, e.at.Sub(last))
			}
			last = e.at
		}
	}
	for i := range 1000 {
		if i == 300 {
			w.wires[1].cut = true
		}
		for end, s := range w.ends {
			if err := s.SendDatagram(w.now, 1, filled(172, 1)); err != nil {
				t.Fatal(err)
			}
			w.drain(end)
		}
		w.runFor(20 * time.Millisecond)
	}
	t.Logf("the gap was %v", gap)
	if gap > 1500*time.Millisecond || w.now.Sub(last) > time.Second {
		t.Errorf("datagrams stopped for %v", gap)
	}
}

func TestWithoutAnyLegASessionWaitsForOneAndEndsInTime(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	if err := w.ends[0].SendMessage(w.now, filled(50000, 1)); err != nil {
		t.Fatal(err)
	}
	w.runFor(time.Second)
	for _, s := range w.ends {
		s.DropLeg(w.now, 1)
		s.DropLeg(w.now, 1)
		s.DropLeg(w.now, 99)
	}
	w.wires[1].cut = true
	w.runFor(20 * time.Second)
	if w.count(0, NeedLeg) != 1 || w.count(1, NeedLeg) != 1 || w.ends[0].Over() || w.ends[1].Over() {
		t.Fatal("it did not ask for a leg, or did not wait")
	}
	if err := w.addLeg(2, wire{delay: labDelay}); err != nil {
		t.Fatal(err)
	}
	w.runFor(20 * time.Second)
	if m, ok := w.last(1, Message); !ok || !bytes.Equal(m.Bytes, filled(50000, 1)) {
		t.Fatal("the message did not come on the new leg")
	}
	for _, s := range w.ends {
		s.DropLeg(w.now, 2)
	}
	w.wires[2].cut = true
	w.runFor(legWait + time.Second)
	for end := range 2 {
		if e, ok := w.last(end, Closed); !ok || !errors.Is(e.Err, ErrNoLeg) {
			t.Errorf("end %d: %v", end, e.Err)
		}
	}
}

func TestALegWhoseOpeningWasLostIsGivenUpSoon(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	start := w.now
	if err := w.addLeg(2, wire{cut: true}); err != nil {
		t.Fatal(err)
	}
	w.runFor(20 * time.Second)
	if e, ok := w.last(0, LegLost); !ok || e.Leg != 2 || e.at.Sub(start) > 3*time.Second {
		t.Errorf("given up after %v", e.at.Sub(start))
	}
}

func TestTheFasterLegIsUsed(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	if err := w.addLeg(2, wire{delay: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	w.runFor(5 * time.Second)
	if _, rtt := w.ends[0].Legs(); rtt > 250*time.Millisecond {
		t.Errorf("round trip %v", rtt)
	}
	if err := w.addLeg(2, wire{}); !errors.Is(err, ErrLeg) {
		t.Errorf("a number twice: %v", err)
	}
}

func TestDatagramsOnTwoLegsComeOnceAndLookDifferent(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	if err := w.addLeg(2, wire{delay: labDelay + 30*time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	w.runFor(5 * time.Second)
	w.wires[1].loss, w.wires[2].loss = 0.2, 0.2
	w.ends[0].Duplicate(true)
	seen := make(map[string]bool)
	w.tap = func(to int, p *parcel) {
		if to == 1 && p.cell != nil {
			if seen[string(p.cell)] {
				t.Error("the same bytes on two legs")
			}
			seen[string(p.cell)] = true
		}
	}
	const n = 500
	for i := range n {
		if err := w.ends[0].SendDatagram(w.now, 1, filled(172, byte(i))); err != nil {
			t.Fatal(err)
		}
		w.runFor(20 * time.Millisecond)
	}
	w.runFor(2 * time.Second)
	if got := w.count(1, Datagram); got > n || got < n*93/100 { // 0.04 lost
		t.Errorf("%d of %d datagrams came", got, n)
	}
}

func TestALostOpeningOrAnswerIsTriedAgainOnAnotherLegAndTheFirstMessageComesOnce(t *testing.T) {
	for name, dropTo := range map[string]int{"opening": 1, "answer": 0} {
		w := newWorld(t, 1, wire{delay: labDelay})
		w.tap = func(to int, p *parcel) {
			if p.leg == 1 && to == dropTo {
				p.leg = 77 // nobody has it
			}
		}
		var again time.Time
		w.on = func(end int, e seenEvent) {
			if end == 0 && e.Kind == NeedLeg && w.wires[2] == nil {
				again = w.now
				if err := w.addLeg(2, wire{delay: labDelay}); err != nil {
					t.Fatal(err)
				}
			}
		}
		first := filled(3000, 1)
		w.dial(first)
		w.runFor(5 * time.Second)
		if w.count(1, Message) != 1 || w.count(0, Accepted) != 1 || w.count(1, Established) != 1 {
			t.Fatalf("%s lost: %d messages, accepted %d", name, w.count(1, Message), w.count(0, Accepted))
		}
		m, _ := w.last(1, Message)
		if !bytes.Equal(m.Bytes, first) {
			t.Errorf("%s lost: the first message differs", name)
		}
		if name == "opening" && m.at.Sub(again) != labDelay {
			t.Errorf("the message came %v after the second opening went out", m.at.Sub(again))
		}
		if err := w.ends[1].SendMessage(w.now, []byte("answer")); err != nil {
			t.Fatal(err)
		}
		w.runFor(5 * time.Second)
		if w.count(0, Message) != 1 {
			t.Errorf("%s lost: no answer", name)
		}
	}
}

func TestBothOpeningsArriveAndOneSessionComesOfIt(t *testing.T) {
	for slow := range 2 {
		w := newWorld(t, 1, wire{delay: labDelay})
		w.dial([]byte("hello"))
		w.runFor(10 * time.Millisecond)
		if err := w.addLeg(2, wire{delay: labDelay + time.Duration(slow*2-1)*100*time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		w.runFor(5 * time.Second)
		if w.count(1, Message) != 1 || w.count(1, Established) != 1 || w.count(0, Established) != 1 || len(w.listener.sessions) != 1 {
			t.Fatalf("%d messages, %d sessions", w.count(1, Message), len(w.listener.sessions))
		}
		for i := range 20 {
			if err := w.ends[i%2].SendMessage(w.now, filled(2000, byte(i))); err != nil {
				t.Fatal(err)
			}
		}
		w.runFor(10 * time.Second)
		if w.count(0, Message) != 10 || w.count(1, Message) != 11 {
			t.Errorf("%d and %d messages", w.count(0, Message), w.count(1, Message))
		}
	}
}

func TestLegsAreBounded(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	for id := Leg(2); id <= maxLegs; id++ {
		if err := w.addLeg(id, wire{delay: labDelay}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.addLeg(maxLegs+1, wire{delay: labDelay}); !errors.Is(err, ErrFull) {
		t.Errorf("leg %d: %v", maxLegs+1, err)
	}
	w = newWorld(t, 1, wire{delay: labDelay, loss: 1})
	w.dial(nil)
	for id := Leg(2); id <= maxAttempts; id++ {
		w.ends[0].DropLeg(w.now, id-1)
		if err := w.addLeg(id, wire{}); err != nil {
			t.Fatal(err)
		}
	}
	w.ends[0].DropLeg(w.now, maxAttempts)
	if err := w.addLeg(99, wire{}); !errors.Is(err, ErrFull) {
		t.Errorf("a further attempt: %v", err)
	}
}

func TestDeadLegsThatOneEndStillBelievesInMakeRoomForNewOnes(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	for id := Leg(2); id <= 3*maxLegs; id++ {
		w.ends[0].DropLeg(w.now, id-1) // the other end is told nothing
		w.wires[id-1].cut = true
		if err := w.addLeg(id, wire{delay: labDelay}); err != nil {
			t.Fatal(err)
		}
		w.runFor(time.Second)
		if err := w.ends[0].SendMessage(w.now, []byte{byte(id)}); err != nil {
			t.Fatal(err)
		}
		w.runFor(time.Second)
		if m, ok := w.last(1, Message); !ok || m.Bytes[0] != byte(id) {
			t.Fatalf("leg %d does not work", id)
		}
	}
	if w.count(1, LegLost) == 0 {
		t.Error("nobody was told of the dead legs")
	}
}

func TestOneSessionForAPairClosesAMinuteAfterItsLastUser(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	s, pair := w.ends[0], PairOf([32]byte{1})
	table := NewTable(1)
	if table.Use(pair) != nil {
		t.Fatal("a session from nowhere")
	}
	if err := table.Put(pair, s); err != nil {
		t.Fatal(err)
	}
	if err := table.Put(pair, w.ends[1]); !errors.Is(err, ErrLeg) {
		t.Errorf("two sessions of a pair: %v", err)
	}
	if err := table.Put(PairOf([32]byte{2}), w.ends[1]); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the bound: %v", err)
	}
	if table.Use(pair) != s {
		t.Fatal("another session")
	}
	table.Leave(w.now, pair, s)
	if !table.Tick(w.now).IsZero() {
		t.Error("it is about to close while it is used")
	}
	table.Leave(w.now, pair, s)
	table.Leave(w.now, pair, s)
	if next := table.Tick(w.now); next.Sub(w.now) != Linger {
		t.Errorf("it would close after %v", next.Sub(w.now))
	}
	w.runFor(Linger - time.Second)
	table.Tick(w.now)
	if table.Use(pair) != s {
		t.Fatal("it did not linger")
	}
	w.runFor(time.Hour / 60)
	table.Leave(w.now, pair, s)
	w.runFor(Linger)
	if table.Tick(w.now); table.Len() != 0 || table.Use(pair) != nil {
		t.Error("it is still there")
	}
	w.runFor(5 * time.Second)
	if w.count(0, Closed) != 1 || w.count(1, Closed) != 1 {
		t.Error("an end was not told")
	}
}
