package session

// What comes late: tries and joins that a relay held back, numbers that come round, clocks that are set, and an other end
// that never comes back.

import (
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
