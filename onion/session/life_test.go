package session

// How a session begins, lasts and ends.

import (
	"container/heap"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestRefusalTravelsInside(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay})
	w.accept = false
	w.dial([]byte("INVITE"))
	w.on = func(end int, e seenEvent) {
		if end == 1 && e.Kind == Message {
			w.ends[1].Refuse(w.now)
		}
	}
	w.runFor(5 * time.Second)
	if e, ok := w.last(0, Closed); !ok || !errors.Is(e.Err, ErrRefused) || w.count(0, Accepted) != 0 {
		t.Errorf("the caller saw %v", e.Err)
	}
	if e, ok := w.last(1, Closed); !ok || e.Err != nil {
		t.Errorf("the other end saw %v", e.Err)
	}
}

func TestBothEndsLearnOfTheEndAndForgetTheirKeys(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		w := up(t, seed, wire{delay: labDelay, loss: labLoss})
		a, b := w.ends[0], w.ends[1]
		send, join := a.send, a.join
		a.Close(w.now)
		a.Close(w.now)
		w.runFor(20 * time.Second)
		ea, oka := w.last(0, Closed)
		eb, okb := w.last(1, Closed)
		if !oka || !okb || ea.Err != nil || !errors.Is(eb.Err, ErrClosed) || w.count(0, Closed) != 1 {
			t.Fatalf("seed %d: closed %v %v, %v %v", seed, oka, ea.Err, okb, eb.Err)
		}
		if a.send != nil || b.receive != nil || a.hinter != (hinter{}) || b.hinter != (hinter{}) || send.secret != [keyLen]byte{} || *join.b != [keyLen]byte{} {
			t.Fatal("keys are left")
		}
		if a.SendMessage(w.now, []byte("x")) != ErrClosed || b.SendDatagram(w.now, 0, []byte("x")) != ErrClosed || !a.Deadline().IsZero() {
			t.Error("a closed session works on")
		}
	}
}

func TestNobodyWaitsForEver(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay, loss: 1})
	w.dial(nil)
	w.runFor(30 * time.Second)
	if e, ok := w.last(0, Closed); !ok || !errors.Is(e.Err, ErrNoAnswer) || w.count(0, NeedLeg) != 1 {
		t.Errorf("without an answer: %v, %d calls for a leg", e.Err, w.count(0, NeedLeg))
	}
	w = newWorld(t, 1, wire{delay: labDelay})
	w.accept = false
	w.dial(nil)
	w.runFor(60 * time.Second)
	for end := range 2 {
		if e, ok := w.last(end, Closed); !ok || !errors.Is(e.Err, ErrNoAnswer) && !errors.Is(e.Err, ErrClosed) {
			t.Errorf("not accepted, end %d: %v", end, e.Err)
		}
	}
	w = newWorld(t, 1, wire{delay: labDelay})
	w.tap = func(to int, p *parcel) { // the answer never arrives
		if to == 0 {
			p.cell[100] ^= 1
		}
	}
	w.dial(nil)
	w.runFor(30 * time.Second)
	if e, ok := w.last(1, Closed); !ok || !errors.Is(e.Err, ErrNoAnswer) {
		t.Errorf("never confirmed: %v", e.Err)
	}
}

func TestAnIdleSessionStandsAndIsNearlySilent(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay, loss: labLoss})
	w.runFor(10 * time.Second)
	before := w.sent
	w.runFor(time.Hour)
	if w.ends[0].Over() || w.ends[1].Over() || w.count(0, NeedLeg)+w.count(1, NeedLeg) != 0 {
		t.Fatal("it did not stand")
	}
	// One cell and its acknowledgement in 25 s, and what loss costs.
	if n := w.sent[0] - before[0]; n > 190 {
		t.Errorf("%d cells an hour", n)
	}
}

func TestKeysChangeEveryTwoMinutesAndOldOnesAreForgotten(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay, loss: labLoss, jitter: 30 * time.Millisecond})
	got := 0
	w.on = func(end int, e seenEvent) {
		if e.Kind == Message {
			got++
		}
	}
	first := w.ends[0].send.secret
	for i := range 400 {
		if err := w.ends[i%2].SendMessage(w.now, []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		w.drain(i % 2)
		w.runFor(3 * time.Second)
	}
	w.runFor(20 * time.Second)
	for end, s := range w.ends {
		if s.send.gen < 8 || s.send.gen > 11 || w.ends[1-end].receive.gen != s.send.gen {
			t.Errorf("end %d is at generation %d, the other at %d", end, s.send.gen, w.ends[1-end].receive.gen)
		}
		if s.receive.previous != nil && w.now.Sub(s.receive.until) > 0 {
			t.Error("an old key is kept")
		}
	}
	if got != 400 || first == w.ends[0].send.secret {
		t.Errorf("%d of 400 messages came", got)
	}
}

func TestDatagramsAloneChangeKeysToo(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay, loss: labLoss})
	for range 600 * 10 { // ten minutes of ten a second
		for _, s := range w.ends {
			if err := s.SendDatagram(w.now, 1, filled(172, 1)); err != nil {
				t.Fatal(err)
			}
		}
		w.runFor(100 * time.Millisecond)
	}
	if n := cap(w.ends[0].arena); n > 2*maxArena {
		t.Errorf("datagrams that were taken hold %d bytes", n)
	}
	for end, s := range w.ends {
		if s.send.gen < 4 {
			t.Errorf("end %d is at generation %d", end, s.send.gen)
		}
	}
}

func TestWhatOvertakesTheAnswerIsKept(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay})
	w.dial(nil)
	w.run(w.now.Add(time.Second), func() bool { return w.ends[1] != nil })
	if err := w.ends[1].SendMessage(w.now, []byte("early bird")); err != nil {
		t.Fatal(err)
	}
	w.drain(1)
	for i := range w.under { // the two answers were the first
		w.under[i].at, w.under[i].order = w.now.Add(labDelay), -w.under[i].order
	}
	heap.Init(&w.under)
	w.run(w.now.Add(labDelay+time.Millisecond), nil)
	if w.count(0, Message) != 1 || w.count(0, Accepted) != 1 {
		t.Error("it is lost")
	}
}

func TestARefusalArrivesThoughTheFirstAnswersAreLost(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay})
	w.accept = false
	w.dial(nil)
	w.run(w.now.Add(time.Second), func() bool { return w.ends[1] != nil })
	w.ends[1].Refuse(w.now)
	w.drain(1)
	w.under = nil
	w.runFor(9 * time.Second)
	if e, ok := w.last(0, Closed); !ok || !errors.Is(e.Err, ErrRefused) {
		t.Errorf("the caller saw %v", e.Err)
	}
}
