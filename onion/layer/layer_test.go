// What layers promise to the ends of a circuit.

package layer

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"testing"

	"sotto/internal/replay"
	"sotto/onion/cell"
)

// relay is one hop of a test circuit.
type relay struct {
	target Target
	key    Private
	answer *Answered
}

// circuit is a path with all keys made.
type circuit struct {
	t      testing.TB
	random io.Reader
	s      Scratch
	over   [cell.KeyLen]byte
	relays []*relay
	hops   []*Hop
}

func newCircuit(t testing.TB, seed byte) *circuit {
	c := &circuit{t: t, random: mathrand.NewChaCha8([32]byte{seed})}
	c.read(c.over[:])
	return c
}

func (c *circuit) read(b []byte) {
	if _, err := io.ReadFull(c.random, b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *circuit) relay() *relay {
	r := &relay{}
	var b [32]byte
	c.read(b[:])
	c.read(r.target.Node[:])
	var err error
	if r.key, err = PrivateFromBytes(b[:]); err != nil {
		c.t.Fatal(err)
	}
	r.target.Key = r.key.Public()
	return r
}

// create makes n hops with one create.
func (c *circuit) create(n int) {
	var targets []Target
	for range n {
		c.relays = append(c.relays, c.relay())
		targets = append(targets, c.relays[len(c.relays)-1].target)
	}
	body := make([]byte, cell.BodyLen)
	pending, err := Create(&c.s, c.random, c.over, 7, targets, Train{}, body)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, r := range c.relays {
		c.answer(r, body)
		if r.answer.Bucket != 7 || (i+1 == n) != (r.answer.Next == [cell.PrefixLen]byte{}) {
			c.t.Fatal("the payload has changed")
		}
		copy(body, r.answer.Create[:])
		c.finish(pending[i], r)
	}
}

func (c *circuit) answer(r *relay, body []byte) {
	a, _, err := Answer(c.random, c.over, r.target.Node, []Private{c.relay().key, r.key}, body)
	if err != nil {
		c.t.Fatal(err)
	}
	r.answer = a
}

func (c *circuit) finish(p *Pending, r *relay) {
	h, err := p.Finish(r.answer.Created[:])
	if err != nil {
		c.t.Fatal(err)
	}
	if h.Binding() != r.answer.Binding {
		c.t.Fatal("the ends have different bindings")
	}
	c.hops = append(c.hops, h)
}

// extend adds a hop by a message to the last one, and returns the key of its early cells.
func (c *circuit) extend(train Train) *Outward {
	r := c.relay()
	last := c.relays[len(c.relays)-1]
	payload := make([]byte, cell.PayloadLen)
	p, err := Extension(&c.s, c.random, c.over, 7, c.hops[len(c.hops)-1].Forward(), r.target, train, payload)
	if err != nil {
		c.t.Fatal(err)
	}
	got := c.forward(len(c.hops), cell.Extend, payload)
	body := make([]byte, cell.BodyLen)
	copy(body, got[cell.PrefixLen:])
	last.answer.Opener.ExtensionRest(&c.s, body)
	early := *p.Early()
	c.answer(r, body)
	c.relays = append(c.relays, r)
	c.finish(p, r)
	return &early
}

func (c *circuit) outward(n int) []*Outward {
	var keys []*Outward
	for _, h := range c.hops[:n] {
		keys = append(keys, h.Forward())
	}
	return keys
}

// sealed returns a message for hop n, as the first one gets it.
func (c *circuit) sealed(keys []*Outward, m cell.Message, payload []byte) []byte {
	body := make([]byte, cell.BodyLen)
	c.read(cell.PutMessage(body, m, payload))
	if err := Seal(&c.s, c.random, body, keys); err != nil {
		c.t.Fatal(err)
	}
	return body
}

// carry opens a body hop by hop, up to n, and fails unless it is n whom it is for.
func (c *circuit) carry(body []byte, n int) error {
	for i, r := range c.relays[:n] {
		message, err := r.answer.Opener.Open(&c.s, body)
		if err != nil {
			return err
		}
		if message != (i+1 == n) {
			return errors.New("for another hop")
		}
	}
	return nil
}

// forward sends a message to hop n and returns the payload that it got.
func (c *circuit) forward(n int, m cell.Message, payload []byte) []byte {
	body := c.sealed(c.outward(n), m, payload)
	if err := c.carry(body, n); err != nil {
		c.t.Fatal(err)
	}
	got, p, ok := cell.ParseMessage(body)
	if !ok || got != m || !bytes.Equal(p[:len(payload)], payload) {
		c.t.Fatal("another message arrived")
	}
	return p
}

// backward returns the body that the origin gets of a message from hop n.
func (c *circuit) backward(n int, m cell.Message, payload []byte) []byte {
	body := make([]byte, cell.BodyLen)
	c.read(cell.PutMessage(body, m, payload))
	if err := c.relays[n-1].answer.Sealer.Message(&c.s, body); err != nil {
		c.t.Fatal(err)
	}
	for i := n - 2; i >= 0; i-- {
		if err := c.relays[i].answer.Sealer.Relay(&c.s, body); err != nil {
			c.t.Fatal(err)
		}
	}
	return body
}

// longest is a circuit of the longest path.
func longest(t testing.TB, seed byte) *circuit {
	c := newCircuit(t, seed)
	c.create(3)
	c.extend(Train{})
	return c
}

func TestMessagesPassBothWaysAtEveryLength(t *testing.T) {
	c := longest(t, 1)
	for round := range byte(50) {
		for n := 1; n <= len(c.hops); n++ {
			payload := bytes.Repeat([]byte{round}, cell.PayloadLen)
			c.forward(n, cell.Splice, payload)
			body := c.backward(n, cell.Answer, payload)
			from, err := Open(&c.s, body, c.hops)
			if err != nil || from != n {
				t.Fatalf("from hop %d: %d, %v", n, from, err)
			}
			m, p, ok := cell.ParseMessage(body)
			if !ok || m != cell.Answer || !bytes.Equal(p, payload) {
				t.Fatal("another message arrived")
			}
		}
	}
}

func TestExtensionCarriesEarlyData(t *testing.T) {
	c := newCircuit(t, 2)
	c.create(2)
	first := bytes.Repeat([]byte{9}, cell.EarlyFirstLen)
	early := c.extend(Train{First: first, Cells: cell.MaxEarly})
	last := c.relays[2].answer
	if !bytes.Equal(last.First[:], first) || last.Cells != cell.MaxEarly || last.Next != [cell.PrefixLen]byte{} {
		t.Fatal("the early data has changed")
	}
	keys := append(c.outward(2), early)
	for i := range cell.MaxEarly {
		if left := last.Opener.EarlyMissing(); left != cell.MaxEarly-i {
			t.Fatalf("%d early cells missing after %d", left, i)
		}
		if err := c.carry(c.sealed(keys, cell.Request, []byte{byte(i)}), 3); err != nil {
			t.Fatal(err)
		}
	}
	body := make([]byte, cell.BodyLen)
	if err := Seal(&c.s, c.random, body, keys); !errors.Is(err, ErrExhausted) {
		t.Fatalf("one early cell too many: %v", err)
	}
	if last.Opener.early != nil {
		t.Fatal("the early key is still there")
	}
	c.forward(3, cell.Request, nil)
}

func TestAlteredCellsGoNoFurtherThanTheNextHonestHop(t *testing.T) {
	c := longest(t, 3)
	for at := range cell.BodyLen {
		body := c.sealed(c.outward(4), cell.Splice, nil)
		hop := at % 4
		for i := range hop {
			if _, err := c.relays[i].answer.Opener.Open(&c.s, body); err != nil {
				t.Fatal(err)
			}
		}
		body[at] ^= 1 << (at % 8)
		if _, err := c.relays[hop].answer.Opener.Open(&c.s, body); !errors.Is(err, ErrLayer) {
			t.Fatalf("byte %d altered before hop %d: %v", at, hop+1, err)
		}
	}
}

func TestAlteredAnswersAreRefusedByTheOrigin(t *testing.T) {
	c := longest(t, 4)
	for at := range cell.BodyLen {
		for link := range 4 { // in front of hop link+1
			from := 4
			body := make([]byte, cell.BodyLen)
			c.read(cell.PutMessage(body, cell.Answer, nil))
			if err := c.relays[from-1].answer.Sealer.Message(&c.s, body); err != nil {
				t.Fatal(err)
			}
			refused := false
			for i := from - 2; i >= 0; i-- {
				if i+1 == link {
					body[at] ^= 1 << (at % 8)
				}
				if err := c.relays[i].answer.Sealer.Relay(&c.s, body); err != nil {
					refused = true
					break
				}
			}
			if link == 0 {
				body[at] ^= 1 << (at % 8)
			}
			if refused {
				continue
			}
			// What was altered in the part that the next hop drops is not seen, and changes nothing.
			dropped := link > 0 && at >= cell.PlainLen
			if _, err := Open(&c.s, body, c.hops); (err == nil) != dropped {
				t.Fatalf("byte %d altered on link %d: %v", at, link, err)
			}
		}
	}
}

func TestNoCellIsTakenTwice(t *testing.T) {
	c := longest(t, 5)
	body := c.sealed(c.outward(2), cell.Drop, nil)
	again := bytes.Clone(body)
	if err := c.carry(body, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := c.relays[0].answer.Opener.Open(&c.s, again); !errors.Is(err, ErrLayer) {
		t.Errorf("a cell was opened twice: %v", err)
	}
	body = c.backward(3, cell.Answer, nil)
	again = bytes.Clone(body)
	if _, err := Open(&c.s, body, c.hops); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(&c.s, again, c.hops); !errors.Is(err, ErrLayer) {
		t.Errorf("an answer was opened twice: %v", err)
	}
}

func TestNoHopSpeaksForTheOneBefore(t *testing.T) {
	c := longest(t, 6)
	body := make([]byte, cell.BodyLen)
	c.read(cell.PutMessage(body, cell.Extended, nil)) // in clear, where a layer should be
	if err := c.relays[0].answer.Sealer.Relay(&c.s, body); !errors.Is(err, ErrLayer) {
		t.Errorf("%v", err)
	}
}

func TestFoldedCircuitsGoOn(t *testing.T) {
	c := longest(t, 7)
	for _, r := range c.relays {
		r.answer.Opener.Fold()
		r.answer.Sealer.Fold()
	}
	c.forward(4, cell.Drop, nil)
	if _, err := Open(&c.s, c.backward(4, cell.Drop, nil), c.hops); err != nil {
		t.Fatal(err)
	}
}

func TestAlteredCreatesAreRefused(t *testing.T) {
	c := newCircuit(t, 8)
	r := c.relay()
	body := make([]byte, cell.BodyLen)
	if _, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{}, body); err != nil {
		t.Fatal(err)
	}
	for at := range body {
		b := bytes.Clone(body)
		b[at] ^= 1 << (at % 8)
		// The top bit of an ephemeral key is ignored by X25519 (RFC 7748 §5), not by Noise, which hashes it.
		if _, _, err := Answer(c.random, c.over, r.target.Node, []Private{r.key}, b); !errors.Is(err, ErrLayer) {
			t.Errorf("byte %d altered: %v", at, err)
		}
	}
	other := c.relay()
	if _, _, err := Answer(c.random, c.over, other.target.Node, []Private{r.key}, body); !errors.Is(err, ErrLayer) {
		t.Errorf("answered under another name: %v", err)
	}
	if _, _, err := Answer(c.random, [32]byte{1}, r.target.Node, []Private{r.key}, body); !errors.Is(err, ErrLayer) {
		t.Errorf("answered in another overlay: %v", err)
	}
}

func BenchmarkRelayForward(b *testing.B) {
	c := longest(b, 9)
	bodies := make([][]byte, 1024)
	s := &c.s
	for i := range bodies {
		bodies[i] = c.sealed(c.outward(4), cell.Splice, nil)
	}
	o := &c.relays[0].answer.Opener
	work := make([]byte, cell.BodyLen)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1024 == 0 {
			o.window = replay.Window{}
		}
		copy(work, bodies[i%1024])
		if _, err := o.Open(s, work); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRelayBackward(b *testing.B) {
	c := longest(b, 10)
	work := make([]byte, cell.BodyLen)
	k := &c.relays[0].answer.Sealer
	b.ReportAllocs()
	for b.Loop() {
		work[0] = 0
		if err := k.Relay(&c.s, work); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOriginSeal(b *testing.B) {
	c := longest(b, 11)
	keys := c.outward(4)
	body := make([]byte, cell.BodyLen)
	b.ReportAllocs()
	for b.Loop() {
		if err := Seal(&c.s, rand.Reader, body, keys); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAnswerCreate(b *testing.B) {
	c := newCircuit(b, 12)
	r := c.relay()
	body := make([]byte, cell.BodyLen)
	if _, err := Create(&c.s, c.random, c.over, 7, []Target{r.target}, Train{}, body); err != nil {
		b.Fatal(err)
	}
	keys := []Private{c.relay().key, r.key}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Answer(rand.Reader, c.over, r.target.Node, keys, body); err != nil {
			b.Fatal(err)
		}
	}
}
