// No counter serves twice under one key, whatever a circuit goes through.

package layer

import (
	"bytes"
	"errors"
	"testing"

	"sotto/onion/cell"
)

// recorder is an AEAD that notes what its nonces are used for.
type recorder struct {
	*direction
	seen map[string][]byte
	t    *testing.T
}

// spy puts a recorder in the place of a key's AEAD.
func spy(t *testing.T, d *direction) *recorder {
	r := &recorder{direction: &direction{expanded: expanded{key: d.key}}, seen: map[string][]byte{}, t: t}
	d.aead = r
	return r
}

func (r *recorder) NonceSize() int { return r.unfold().NonceSize() }
func (r *recorder) Overhead() int  { return r.unfold().Overhead() }

func (r *recorder) Open(dst, nonce, sealed, associated []byte) ([]byte, error) {
	return r.unfold().Open(dst, nonce, sealed, associated)
}

func (r *recorder) Seal(dst, nonce, plain, associated []byte) []byte {
	if before, ok := r.seen[string(nonce)]; ok && !allZero(plain) && !bytes.Equal(before, plain) {
		r.t.Errorf("nonce %x sealed two plaintexts", nonce)
	}
	if !allZero(plain) { // a stream of purpose 0 never leaves the origin but xored with the tail of the same layer
		r.seen[string(nonce)] = bytes.Clone(plain)
	}
	return r.unfold().Seal(dst, nonce, plain, associated)
}

func TestNoNonceSealsTwoPlaintexts(t *testing.T) {
	c := newCircuit(t, 29)
	c.create(2)
	var spies []*recorder
	for i, r := range c.relays {
		spies = append(spies, spy(t, &c.hops[i].forward.direction), spy(t, &r.answer.Sealer.direction))
	}
	early := c.extend(Train{Cells: 5})
	spies = append(spies, spy(t, &early.direction), spy(t, &c.hops[2].forward.direction), spy(t, &c.relays[2].answer.Sealer.direction))
	for i := range 60 {
		keys := c.outward(1 + i%3)
		if i < 10 && i%2 == 0 {
			keys = append(c.outward(2), early)
		}
		if err := c.carry(c.sealed(keys, cell.Drop, nil), len(keys)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(&c.s, c.backward(1+i%3, cell.Drop, nil), c.hops); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range spies {
		if len(s.seen) < 5 {
			t.Errorf("spy %d saw %d nonces", i, len(s.seen))
		}
	}
}

func TestFoldingKeepsTheCounters(t *testing.T) {
	c := longest(t, 30)
	var last [2]uint64
	for range 100 {
		for _, r := range c.relays {
			r.answer.Opener.Fold()
			r.answer.Sealer.Fold()
		}
		there, _ := field(c.sealed(c.outward(1), cell.Drop, nil))
		back, _ := field(c.backward(4, cell.Drop, nil))
		if there <= last[0] || back <= last[1] {
			t.Fatal("a counter came again")
		}
		last = [2]uint64{there, back}
	}
}

// A hop could otherwise be made to append, to a create, a stream that it has made before.
func TestTwoExtensionsNeverGetTheSameBytes(t *testing.T) {
	c := newCircuit(t, 31)
	c.create(1)
	o := &c.relays[0].answer.Opener
	seen := map[[24]byte]bool{}
	for range 50 {
		c.forward(1, cell.Extend, nil)
		var rest, filler [cell.BodyLen]byte
		if err := o.ExtensionRest(&c.s, rest[:]); err != nil {
			t.Fatal(err)
		}
		c.s.stream(o.unfold(), forFiller, o.last, filler[:24])
		for _, b := range [][24]byte{[24]byte(rest[cell.ExtendLen:]), [24]byte(filler[:])} {
			if seen[b] {
				t.Fatal("a stream came again")
			}
			seen[b] = true
		}
	}
}

func TestEarlyAndDataKeysAreApart(t *testing.T) {
	c := newCircuit(t, 32)
	c.create(1)
	early := c.extend(Train{Cells: 2})
	a := c.relays[1].answer
	if err := c.relays[0].answer.Opener.ExtensionRest(&c.s, make([]byte, cell.BodyLen)); !errors.Is(err, ErrLayer) {
		t.Errorf("one cell extended twice: %v", err)
	}
	if early.key == c.hops[1].forward.key || early.key == a.Sealer.key || a.Sealer.key == a.Opener.key {
		t.Fatal("a key serves twice")
	}
	body := c.sealed(append(c.outward(1), early), cell.Drop, nil)
	again := bytes.Clone(body)
	if err := c.carry(body, 2); err != nil {
		t.Fatal(err)
	}
	if err := a.Opener.ExtensionRest(&c.s, make([]byte, cell.BodyLen)); !errors.Is(err, ErrLayer) {
		t.Errorf("an early cell extended, under a counter of other cells: %v", err)
	}
	if _, err := a.Opener.Open(&c.s, again); !errors.Is(err, ErrLayer) {
		t.Errorf("what hop 1 got was opened by hop 2: %v", err)
	}
	// One early cell that is repeated towards the far hop by the hop in front of it.
	body = c.sealed(append(c.outward(1), early), cell.Drop, nil)
	if _, err := c.relays[0].answer.Opener.Open(&c.s, body); err != nil {
		t.Fatal(err)
	}
	a.Opener.early = newEarly(early.direction, 3)
	again = bytes.Clone(body)
	if _, err := a.Opener.Open(&c.s, body); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Opener.Open(&c.s, again); !errors.Is(err, ErrLayer) {
		t.Errorf("an early cell was opened twice: %v", err)
	}
}
