package session

// What comes late: tries and joins that a relay held back, numbers that come round, clocks that are set, and an other end
// that never comes back.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
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

func TestATryToBeginASessionIsLateForAsLongAsItsOwnBucketIsTaken(t *testing.T) {
	start := time.Unix((labStart.Unix()/300+1)*300-1, 0) // a bucket ends in a second
	for _, at := range []time.Duration{2 * time.Second, BucketLen + 2*time.Second, 2*BucketLen - time.Second, 2*BucketLen + 2*time.Second} {
		w := newWorld(t, 1, wire{})
		s, first, err := Dial(start, DialConfig{Leg: 1, Target: w.target(), First: []byte("INVITE"), Rand: labRand(5)})
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.AddLeg(start.Add(2*time.Second), 2, w.target())
		if err != nil {
			t.Fatal(err)
		}
		answering, _, err := w.listener.Open(start, labPoint(), 1, first.Opening[:])
		if err != nil {
			t.Fatal(err)
		}
		answering.end(nil)
		if _, _, err := w.listener.Open(start.Add(at), labPoint(), 2, held.Opening[:]); err != ErrOpening {
			t.Errorf("a second session of one call, %v after the first", at)
		}
	}
}

func TestAClockThatIsSetForthOrBackLetsNoOpeningInTwice(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, BucketLen, -BucketLen, -time.Hour} {
		o, err := newSeenOpenings(labRand(1))
		if err != nil {
			t.Fatal(err)
		}
		b := bucketOf(labStart)
		for i := range uint32(3) {
			if !o.take(labStart, time.Time{}, new(taken), b-1+i, filled(keyLen, byte(i))) {
				t.Fatal("refused")
			}
		}
		there := labStart.Add(jump)
		o.take(there, time.Time{}, new(taken), bucketOf(there), filled(keyLen, 9))
		for i := range uint32(3) {
			if e := filled(keyLen, byte(i)); !o.known(e) && o.take(labStart, time.Time{}, new(taken), b-1+i, e) {
				t.Errorf("the clock was %v off for a moment: an opening of bucket %d is taken again", jump, int(i)-1)
			}
		}
	}
}

func TestAListenerHoldsNoMoreThanItSays(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l, err := NewListener(labRand(9), 16)
	if err != nil {
		t.Fatal(err)
	}
	contacts := make([]Contact, maxContacts)
	for i := range contacts {
		contacts[i] = Contact{ID: uint32(i + 1), Secret: labSecret(t, byte(i))}
	}
	if err := l.SetContacts(contacts); err != nil {
		t.Fatal(err)
	}
	contacts = nil
	var b [keyLen]byte
	for bucket := range uint32(maxBuckets) {
		for i := range uint32(maxSeen) {
			binary.BigEndian.PutUint32(b[:], i)
			binary.BigEndian.PutUint32(b[4:], bucket)
			if !l.seen.remember(bucket, b[:]) {
				t.Fatal("refused")
			}
		}
	}
	if l.seen.remember(maxBuckets, b[:]) || l.seen.remember(0, filled(keyLen, 1)) {
		t.Error("more is remembered than the bounds say")
	}
	held := heap() - before
	t.Logf("a full listener holds %d KiB", held>>10)
	if held > 2<<20 {
		t.Error("more than the bound")
	}
	runtime.KeepAlive(l)
}
