package session

// What comes late: tries and joins that a relay held back, numbers that come round, clocks that are set, and an other end
// that never comes back.

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestASessionWhoseOtherEndIsGoneEndsHoweverManyLegsAreTried(t *testing.T) {
	for _, cut := range []bool{true, false} { // the relay cuts each leg at once, or nobody says anything
		w := up(t, 1, wire{delay: labDelay})
		began := w.now
		id, tried, told := Leg(1), 0, 0
		w.wires[1].cut = true
		if cut {
			w.ends[0].DropLeg(w.now, 1)
		}
		w.ends[1].end(nil)
		for w.now.Sub(began) < 10*time.Minute && !w.ends[0].Over() {
			w.runFor(300 * time.Millisecond)
			if n := w.count(0, NeedLeg); n > told { // as the shell does: a leg for each time it is asked
				told = n
				id++
				if err := w.addLeg(id, wire{cut: true}); err != nil {
					continue
				}
				tried++
				if cut {
					w.ends[0].DropLeg(w.now, id)
				}
			}
		}
		e, ok := w.last(0, Closed)
		if !ok || !errors.Is(e.Err, ErrNoLeg) {
			t.Errorf("cut %v: after %v and %d legs: closed %v, %v", cut, w.now.Sub(began), tried, ok, e.Err)
		}
		if tried < 2 || tried > 8 { // a path each, and there are twelve an hour
			t.Errorf("cut %v: %d legs were tried", cut, tried)
		}
	}
}

func TestJoinsThatARelayHeldBackDoNotPushOutALegThatWorks(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	var held []*Train
	for id := Leg(2); id <= 6; id++ {
		train, err := w.ends[0].AddLeg(w.now, id, w.target())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, train)
		w.ends[0].DropLeg(w.now, id)
	}
	w.runFor(2 * time.Second)
	if err := w.ends[0].SendMessage(w.now, []byte("x")); err != nil {
		t.Fatal(err)
	}
	w.runFor(300 * time.Millisecond)
	for i, train := range held {
		id := Leg(20 + i)
		w.wires[id] = &wire{cut: true}
		w.now = w.now.Add(time.Millisecond)
		_, _, _ = w.listener.Open(w.now, labPoint(), id, train.Opening[:])
		for j := range train.Cells {
			w.ends[1].Receive(w.now, id, train.Cells[j][:])
		}
		w.drain(1)
	}
	if w.ends[1].leg(1) == nil {
		t.Error("the leg that works was dropped for legs that nobody has")
	}
}

func TestADatagramNeverHasPartsOfOneThatHadItsNumberLongAgo(t *testing.T) {
	var r reassembly
	part := func(id uint16, index, count uint8, data []byte) ([]byte, bool, bool) {
		return r.add(nil, &fragment{id: id, index: index, count: count, data: data})
	}
	old, young := filled(600, 1), filled(600, 2)
	part(5, 0, 2, old[:300]) // its second part is lost
	part(7, 0, 3, filled(300, 1))
	part(7, 1, 3, filled(300, 1))
	part(7, 2, 3, filled(300, 1))
	for id := uint16(8); id != 5; id++ {
		if _, ok, _ := part(id, 0, 1, []byte("x")); !ok {
			t.Fatal(id)
		}
	}
	if d, ok, fault := part(5, 1, 2, young[300:]); ok || fault {
		t.Errorf("half of the old one and half of the new one: %v %v (%v)", ok, fault, bytes.Equal(d, young))
	}
	if d, ok, _ := part(5, 0, 2, young[:300]); !ok || !bytes.Equal(d, young) {
		t.Error("the new one does not come")
	}
	part(6, 0, 1, []byte("x"))
	if _, ok, fault := part(7, 0, 2, young[:300]); ok || fault {
		t.Error("a number that came back ends the session")
	}
}
