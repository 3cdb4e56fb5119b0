// What a hop, a stranger or a mistake could do to a circuit's keys.

package layer

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sotto/onion/cell"
)

// zeroSealed is a body that opens under a key of zeros, as whoever guesses that a key was erased would make it.
func zeroSealed() []byte {
	block, err := aes.NewCipher(make([]byte, cell.KeyLen))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	var s Scratch
	body := make([]byte, cell.BodyLen)
	cell.PutMessage(body, cell.Extend, nil)
	s.seal(aead, 100, body)
	return body
}

func TestWipedKeysOpenAndSealNothing(t *testing.T) {
	c := longest(t, 20)
	a, hop := c.relays[0].answer, c.hops[0]
	a.Opener.Wipe()
	a.Sealer.Wipe()
	hop.Wipe()
	if _, err := a.Opener.Open(&c.s, zeroSealed()); !errors.Is(err, ErrLayer) {
		t.Errorf("a wiped opener took a cell: %v", err)
	}
	if err := a.Opener.ExtensionRest(&c.s, make([]byte, cell.BodyLen)); !errors.Is(err, ErrLayer) {
		t.Errorf("a wiped opener made a stream: %v", err)
	}
	body := make([]byte, cell.BodyLen)
	if err := a.Sealer.Relay(&c.s, body); !errors.Is(err, ErrExhausted) {
		t.Errorf("a wiped sealer relayed: %v", err)
	}
	if err := a.Sealer.Message(&c.s, body); !errors.Is(err, ErrExhausted) {
		t.Errorf("a wiped sealer spoke: %v", err)
	}
	if _, err := Open(&c.s, zeroSealed(), []*Hop{hop}); !errors.Is(err, ErrLayer) {
		t.Errorf("the origin took a cell of a wiped hop: %v", err)
	}
	if err := Seal(&c.s, c.random, body, c.outward(2)); !errors.Is(err, ErrExhausted) {
		t.Errorf("the origin sealed for a wiped hop: %v", err)
	}
	payload := make([]byte, cell.PayloadLen)
	if _, err := Extension(&c.s, c.random, c.over, 7, hop.Forward(), c.relay().target, Train{}, payload); !errors.Is(err, ErrExhausted) {
		t.Errorf("the origin extended from a wiped hop: %v", err)
	}
}

func TestWipedPendingsTakeAndSealNothing(t *testing.T) {
	c := newCircuit(t, 21)
	r := c.relay()
	body := make([]byte, cell.BodyLen)
	pending, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{Cells: 3}, body)
	if err != nil {
		t.Fatal(err)
	}
	c.answer(r, body)
	early := pending[0].Early()
	r.answer.Opener.Wipe()
	if n := r.answer.Opener.EarlyMissing(); n != 0 {
		t.Errorf("a wiped opener waits for %d early cells", n)
	}
	pending[0].Wipe()
	if _, err := pending[0].Finish(r.answer.Created[:]); !errors.Is(err, ErrLayer) {
		t.Errorf("a wiped pending took an answer: %v", err)
	}
	if err := Seal(&c.s, c.random, body, []*Outward{early}); !errors.Is(err, ErrExhausted) {
		t.Errorf("an erased early key sealed: %v", err)
	}
}

func TestWipedOnionKeysAgreeOnNothing(t *testing.T) {
	c := newCircuit(t, 22)
	r, other := c.relay(), c.relay()
	body := make([]byte, cell.BodyLen)
	if _, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{}, body); err != nil {
		t.Fatal(err)
	}
	r.key.Wipe()
	if _, _, err := Answer(c.random, c.over, r.target.Node, []Private{r.key}, body); !errors.Is(err, ErrLayer) {
		t.Errorf("a wiped key answered: %v", err)
	}
	if _, ok := r.key.Agree(other.target.Key.Bytes()); ok {
		t.Error("a wiped key agreed on a secret that everybody can compute")
	}
}

func TestNothingIsSealedWithoutHopsOrWithTooMany(t *testing.T) {
	c := longest(t, 23)
	keys := c.outward(4)
	for _, keys := range [][]*Outward{nil, append(keys, keys[0])} {
		body := make([]byte, cell.BodyLen)
		if err := Seal(&c.s, c.random, body, keys); !errors.Is(err, ErrExhausted) {
			t.Errorf("a body left for %d hops: %v", len(keys), err)
		}
	}
	c.forward(4, cell.Drop, nil)
}

func TestNoKeyPrintsItself(t *testing.T) {
	c := longest(t, 24)
	body := make([]byte, cell.BodyLen)
	pending, err := Create(&c.s, c.random, c.over, 7, []Target{c.relay().target}, Train{}, body)
	if err != nil {
		t.Fatal(err)
	}
	a := c.relays[0].answer
	for _, v := range []any{*a, a, a.Opener, &a.Opener, a.Sealer, &a.Sealer, *c.hops[0], c.hops[0], c.hops[0].forward,
		c.hops[0].Forward(), *pending[0], pending[0], c.s, &c.s, Train{First: body}, c.relays[0].key, c.relays[0].target} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d", "%s"} {
			if got := fmt.Sprintf(verb, v); len(got) > 24 || !strings.HasPrefix(got, "[") {
				t.Errorf("%T by %s: %d bytes", v, verb, len(got))
			}
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "v", v)
		if log.Len() > 100 {
			t.Errorf("%T is logged: %d bytes", v, log.Len())
		}
	}
}

// lowOrderPoints are the encodings of X25519 points whose multiples by 8 are zero (RFC 7748 §6.1 asks to refuse the result).
func lowOrderPoints() [][]byte {
	point := func(first, middle, last byte) []byte {
		b := bytes.Repeat([]byte{middle}, 32)
		b[0], b[31] = first, last
		return b
	}
	return [][]byte{
		make([]byte, 32), point(1, 0, 0),
		point(0xec, 0xff, 0x7f), point(0xed, 0xff, 0x7f), point(0xee, 0xff, 0x7f),
		point(0xec, 0xff, 0xff), point(0xed, 0xff, 0xff), point(0xee, 0xff, 0xff),
	}
}

func TestPointsOfLowOrderAreRefusedEverywhere(t *testing.T) {
	c := newCircuit(t, 25)
	r := c.relay()
	for i, p := range lowOrderPoints() {
		if _, err := ParsePublic(p); err == nil {
			t.Errorf("point %d is an onion key", i)
		}
		if _, ok := r.key.Agree([cell.KeyLen]byte(p)); ok {
			t.Errorf("point %d gives a secret", i)
		}
		body := make([]byte, cell.BodyLen)
		pending, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{}, body)
		if err != nil {
			t.Fatal(err)
		}
		copy(body[cell.KeyTagLen:], p)
		body[0] = r.target.Key.tag(p)
		if _, _, err := Answer(c.random, c.over, r.target.Node, []Private{r.key}, body); !errors.Is(err, ErrLayer) {
			t.Errorf("point %d in a create: %v", i, err)
		}
		created := make([]byte, cell.CreatedLen)
		copy(created, p)
		if _, err := pending[0].Finish(created); !errors.Is(err, ErrLayer) {
			t.Errorf("point %d in an answer: %v", i, err)
		}
	}
}

func TestACreateFindsItsKeyBehindOneWithTheSameTag(t *testing.T) {
	c := newCircuit(t, 26)
	r := c.relay()
	body := make([]byte, cell.BodyLen)
	if _, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{}, body); err != nil {
		t.Fatal(err)
	}
	e := Ephemeral(body)
	other := c.relay()
	for other.target.Key.tag(e[:]) != body[0] {
		other = c.relay()
	}
	a, i, err := Answer(c.random, c.over, r.target.Node, []Private{other.key, r.key}, body)
	if err != nil || i != 1 {
		t.Fatalf("key %d, %v", i, err)
	}
	r.answer = a
}

func TestCountersOutsideTheirRangeAreRefused(t *testing.T) {
	c := longest(t, 27)
	o, hop := &c.relays[0].answer.Opener, c.hops[0]
	forged := func(d *direction, counter uint64) []byte { // by who has the key: a hostile origin, or a hostile hop
		body := make([]byte, cell.BodyLen)
		cell.PutMessage(body, cell.Drop, nil)
		c.s.seal(d.unfold(), counter, body)
		return body
	}
	k := direction{expanded: expanded{key: o.key}}
	b := direction{expanded: expanded{key: hop.backward.key}}
	for _, n := range []uint64{0, o.start - 1, o.start + maxCells, 1<<63 - 1, 1 << 63, o.start | 1<<63, 1<<64 - 1} {
		if _, err := o.Open(&c.s, forged(&k, n)); !errors.Is(err, ErrLayer) {
			t.Errorf("a hop took counter start%+d", int64(n-o.start))
		}
	}
	start := hop.backward.start
	for _, n := range []uint64{0, start - 1, start + maxCells, 1<<63 - 1, 1 << 63, start | 1<<63, 1<<64 - 1} {
		if _, err := Open(&c.s, forged(&b, n), c.hops); !errors.Is(err, ErrLayer) {
			t.Errorf("the origin took counter start%+d", int64(n-start))
		}
	}
	if _, err := o.Open(&c.s, forged(&k, o.start+maxCells-1)); err != nil {
		t.Errorf("the last counter of all: %v", err)
	}
	if _, err := Open(&c.s, forged(&b, start+maxCells-1), c.hops); err != nil {
		t.Errorf("the last counter of all, at the origin: %v", err)
	}
}

func TestKeysEndAtTheirBound(t *testing.T) {
	c := longest(t, 28)
	keys, sealer := c.outward(4), &c.relays[0].answer.Sealer
	keys[2].next, sealer.next = maxCells-1, maxCells-1
	body := make([]byte, cell.BodyLen)
	if err := c.carry(c.sealed(keys, cell.Drop, nil), 4); err != nil {
		t.Errorf("the last cell: %v", err)
	}
	before := keys[0].next
	if err := Seal(&c.s, c.random, body, keys); !errors.Is(err, ErrExhausted) || keys[0].next != before {
		t.Errorf("one more: %v, or hop 1 lost a counter", err)
	}
	if _, err := Extension(&c.s, c.random, c.over, 7, keys[2], c.relay().target, Train{}, make([]byte, cell.PayloadLen)); !errors.Is(err, ErrExhausted) {
		t.Errorf("an extension whose message cannot be sealed: %v", err)
	}
	if err := sealer.Relay(&c.s, body); err != nil {
		t.Errorf("the last cell back: %v", err)
	}
	body[0] = 0
	if err := sealer.Relay(&c.s, body); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more back: %v", err)
	}
}

// A cell of a hop may overtake the answer of that hop: then it is kept, and opened later.
func TestACellOfAHopThatIsNotKnownYetOpensLater(t *testing.T) {
	c := longest(t, 33)
	for from := 2; from <= 4; from++ {
		body := c.backward(from, cell.Answer, nil)
		for known := 1; known < from; known++ {
			if _, err := Open(&c.s, body, c.hops[:known]); !errors.Is(err, ErrLayer) {
				t.Errorf("hop %d of %d known: %v", from, known, err)
			}
		}
		if got, err := Open(&c.s, body, c.hops); err != nil || got != from {
			t.Errorf("from hop %d later: %d, %v", from, got, err)
		}
	}
}

func TestAlteredOrCutAnswersMakeNoHop(t *testing.T) {
	var c *circuit
	fresh := func() (*Pending, []byte) { // Finish erases what it is called on
		c = newCircuit(t, 34)
		r := c.relay()
		body := make([]byte, cell.BodyLen)
		pending, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{}, body)
		if err != nil {
			t.Fatal(err)
		}
		c.answer(r, body)
		return pending[0], r.answer.Created[:]
	}
	for n := range cell.CreatedLen {
		p, created := fresh()
		if _, err := p.Finish(created[:n]); !errors.Is(err, ErrLayer) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := p.Finish(created); !errors.Is(err, ErrLayer) {
			t.Errorf("a pending that failed has gone on: %v", err)
		}
		p, created = fresh()
		created[n] ^= 1 << (n % 8)
		if _, err := p.Finish(created); !errors.Is(err, ErrLayer) {
			t.Errorf("byte %d altered: %v", n, err)
		}
	}
	p, created := fresh()
	clear(created[cell.CreatedLen:])
	if _, err := p.Finish(created); err != nil {
		t.Errorf("what follows an answer is random, but: %v", err)
	}
}
