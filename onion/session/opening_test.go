package session

// Openings: what is refused, and that nobody is told.

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"sotto/onion/cell"
)

func (w *world) unmeter() {
	for i := range w.listener.leases {
		w.listener.leases[i].next = time.Time{}
	}
}

func TestEveryFlippedByteAndEveryPrefixOfAnOpeningIsRefused(t *testing.T) {
	for _, secret := range []bool{false, true} {
		w := newWorld(t, 1, wire{delay: labDelay})
		target := w.target()
		if secret {
			target.Secret = labSecret(t, 7)
		}
		o := w.dialWith(nil, target, 5).Opening
		for i := range o {
			for _, bit := range []byte{1, 0x80} {
				bad := o
				bad[i] ^= bit
				w.unmeter()
				if _, _, err := w.listener.Open(w.now, labPoint(), 1, bad[:]); err != ErrOpening {
					t.Fatalf("byte %d flipped: %v", i, err)
				}
			}
			if _, _, err := w.listener.Open(w.now, labPoint(), 1, o[:i]); err != ErrOpening {
				t.Fatalf("prefix of %d bytes: %v", i, err)
			}
		}
		if _, _, err := w.listener.Open(w.now, labPoint(), 1, append(bytes.Clone(o[:]), 0)); err != ErrOpening {
			t.Errorf("a byte more: %v", err)
		}
		w.unmeter()
		if _, fresh, err := w.listener.Open(w.now, labPoint(), 1, o[:]); err != nil || !fresh {
			t.Errorf("the true opening: %v", err)
		}
	}
}

func TestOpeningsRecordedBeforeARestartAreRefusedWithAKeyThatLivedOn(t *testing.T) {
	w := newWorld(t, 1, wire{delay: labDelay})
	o := w.dial(nil).Opening
	again, err := NewListener(labRand(10), 16)
	if err != nil {
		t.Fatal(err)
	}
	now := w.now.Add(time.Second)
	if err := again.SetLeases([]Lease{{Point: labPoint(), Key: labKey(t, 1), NotBefore: now}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Open(now, labPoint(), 1, o[:]); err != ErrOpening {
		t.Errorf("taken after a restart: %v", err)
	}
	later := now.Add(BucketLen)
	_, train, err := Dial(later, DialConfig{Leg: 1, Target: w.target(), Rand: labRand(6)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Open(later, labPoint(), 1, train.Opening[:]); err != nil {
		t.Errorf("an opening of a later bucket: %v", err)
	}
}

func TestAnOpeningIsGoodForItsLeaseKeyAndTimeOnly(t *testing.T) {
	w := newWorld(t, 1, wire{})
	o := w.dial(nil).Opening
	with := func(l Lease, at Point, now time.Time) error {
		listener, err := NewListener(labRand(3), 4)
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.SetLeases([]Lease{l, {Point: l.Point, Key: labKey(t, 99)}}); err != nil {
			t.Fatal(err)
		}
		_, _, err = listener.Open(now, at, 1, o[:])
		return err
	}
	good := Lease{Point: labPoint(), Key: labKey(t, 1)}
	if err := with(good, labPoint(), w.now); err != nil {
		t.Fatalf("the true lease: %v", err)
	}
	for name, p := range map[string]Point{
		"overlay": NewPoint([32]byte{9}, [32]byte{2}, [cell.LeaseIDLen]byte{3}),
		"relay":   NewPoint([32]byte{1}, [32]byte{9}, [cell.LeaseIDLen]byte{3}),
		"lease":   NewPoint([32]byte{1}, [32]byte{2}, [cell.LeaseIDLen]byte{9}),
	} {
		if err := with(Lease{Point: p, Key: labKey(t, 1)}, p, w.now); err != ErrOpening {
			t.Errorf("another %s: %v", name, err)
		}
		if err := with(good, p, w.now); err != ErrOpening {
			t.Errorf("arrived at another %s: %v", name, err)
		}
	}
	if err := with(Lease{Point: labPoint(), Key: labKey(t, 2)}, labPoint(), w.now); err != ErrOpening {
		t.Errorf("another key: %v", err)
	}
	if err := with(Lease{Point: labPoint(), Key: labKey(t, 1), Until: w.now}, labPoint(), w.now); err != ErrOpening {
		t.Errorf("a key that has ended: %v", err)
	}
	for _, d := range []time.Duration{-2 * BucketLen, 2 * BucketLen} {
		if err := with(good, labPoint(), w.now.Add(d)); err != ErrOpening {
			t.Errorf("%v later: %v", d, err)
		}
	}
}

func TestAFullMemoryOfOpeningsRefusesOnlyItsBucket(t *testing.T) {
	o, err := newSeenOpenings(labRand(1))
	if err != nil {
		t.Fatal(err)
	}
	b := bucketOf(labStart)
	for i := range maxSeen {
		if !o.take(labStart, time.Time{}, new(taken), b, append(filled(24, 0), fmt.Sprintf("%08d", i)...)) {
			t.Fatalf("opening %d refused", i)
		}
	}
	if o.take(labStart, time.Time{}, new(taken), b, filled(keyLen, 1)) || !o.take(labStart, time.Time{}, new(taken), b+1, filled(keyLen, 1)) {
		t.Error("the bound does not hold for its bucket alone")
	}
	o.take(labStart.Add(3*BucketLen), time.Time{}, new(taken), b+3, filled(keyLen, 2))
	if len(o.buckets) != 1 {
		t.Errorf("%d buckets are kept", len(o.buckets))
	}
}

func TestOneLeaseLeavesMemoryOfOpeningsToOthers(t *testing.T) {
	o, err := newSeenOpenings(labRand(1))
	if err != nil {
		t.Fatal(err)
	}
	b, n := bucketOf(labStart), 0
	for lease := range 4 {
		var of taken
		for n++; o.take(labStart, time.Time{}, &of, b, append(filled(24, byte(lease)), fmt.Sprintf("%08d", n)...)); n++ {
		}
		o.take(labStart, time.Time{}, &of, b+4, filled(keyLen, 1)) // of no bucket that is taken: it must not reset the count
		if o.take(labStart, time.Time{}, &of, b, filled(keyLen, byte(lease))) {
			t.Error("a lease that has its share gets more")
		}
		if left := maxSeen - len(o.buckets[b]); left < maxSeen>>(lease+1)-8 {
			t.Fatalf("lease %d leaves %d", lease, left)
		}
	}
}

func TestARelayThatFloodsCutsOffItselfOnly(t *testing.T) {
	w := newWorld(t, 1, wire{})
	other := NewPoint([32]byte{1}, [32]byte{5}, [cell.LeaseIDLen]byte{5})
	if err := w.listener.SetLeases([]Lease{{Point: labPoint(), Key: labKey(t, 1)}, {Point: other, Key: labKey(t, 1)}}); err != nil {
		t.Fatal(err)
	}
	open := func(now time.Time, at Point, seed byte) error {
		_, train, err := Dial(now, DialConfig{Leg: 1, Target: Target{Point: at, Key: labKey(t, 1).Public()}, Rand: labRand(seed)})
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := w.listener.Open(now, at, 1, train.Opening[:])
		if err == nil {
			s.end(nil)
		}
		return err
	}
	n := 0
	for ; n < 1000; n++ {
		if _, _, err := w.listener.Open(w.now, labPoint(), 1, filled(cell.OpeningLen, byte(n))); err != ErrOpening {
			t.Fatal(err)
		}
	}
	if open(w.now, labPoint(), 1) == nil {
		t.Error("a flood is computed")
	}
	if err := open(w.now, other, 2); err != nil {
		t.Errorf("an opening through another relay: %v", err)
	}
	if err := open(w.now.Add(openingBurst*openingEvery), labPoint(), 3); err != nil {
		t.Errorf("an opening after the flood: %v", err)
	}
}

func TestStrangersThatNobodyAcceptsLeaveRoomForContactsAndOverOtherLeases(t *testing.T) {
	w := newWorld(t, 1, wire{})
	var leases []Lease
	for i := range byte(4) {
		leases = append(leases, Lease{Point: NewPoint([32]byte{1}, [32]byte{2, i}, [cell.LeaseIDLen]byte{3}), Key: labKey(t, 1)})
	}
	if err := w.listener.SetLeases(leases); err != nil {
		t.Fatal(err)
	}
	open := func(seed byte, secret Secret) error {
		target, at := w.target(), leases[seed/64].Point
		target.Point, target.Secret = at, secret
		_, train, err := Dial(w.now, DialConfig{Leg: 1, Target: target, Rand: labRand(seed)})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.listener.Open(w.now, at, Leg(seed), train.Opening[:])
		return err
	}
	for lease, want := range []byte{4, 2, 1, 1} { // of eight places
		for i := range byte(8) {
			if err := open(byte(lease)*64+i, Secret{}); (err == nil) != (i < want) || err != nil && !errors.Is(err, ErrFull) {
				t.Errorf("stranger %d over lease %d: %v", i, lease, err)
			}
		}
	}
	for i := range byte(8) {
		if err := open(10+i, labSecret(t, 7)); err != nil {
			t.Errorf("contact %d: %v", i, err)
		}
	}
	if err := open(30, labSecret(t, 7)); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the bound: %v", err)
	}
}

func TestAJoinNeedsTheSessionsOwnSecret(t *testing.T) {
	w := up(t, 1, wire{delay: labDelay})
	try := func(secret []byte, kind openingKind) error {
		p := payload{kind: kind, bucket: bucketOf(w.now)}
		o, _, err := sealOpening(labRand(byte(w.rng.Uint32())), labPoint(), labKey(t, 1).Public(), secret, &p)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.listener.Open(w.now, labPoint(), 9, o[:])
		return err
	}
	for name, err := range map[string]error{
		"without a secret":             try(nil, kindJoin),
		"with a guessed one":           try(filled(keyLen, 1), kindJoin),
		"with a contact's":             try(labSecret(t, 7).bytes(), kindJoin),
		"as a new session":             try(w.ends[0].join.bytes(), kindNew),
		"with a kind that is not one":  try(nil, 3),
		"with no kind":                 try(nil, 0),
		"a session that does not live": func() error { w.ends[1].end(nil); return try(w.ends[0].join.bytes(), kindJoin) }(),
	} {
		if err != ErrOpening {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALateTryToBeginASessionThatIsOverBeginsNone(t *testing.T) {
	w := newWorld(t, 1, wire{})
	w.dial([]byte("INVITE"))
	again, err := w.ends[0].AddLeg(w.now, 2, w.target())
	if err != nil {
		t.Fatal(err)
	}
	w.runFor(time.Millisecond)
	w.ends[1].end(nil)
	if _, _, err := w.listener.Open(w.now, labPoint(), 2, again.Opening[:]); err != ErrOpening {
		t.Errorf("the second opening: %v", err)
	}
}
