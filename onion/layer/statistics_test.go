// Bodies look alike at every position, and no value survives a hop.

package layer

import (
	"bytes"
	"math"
	"testing"

	"sotto/onion/cell"
)

// histogram counts bytes.
type histogram [256]int

func (h *histogram) add(b []byte) {
	for _, x := range b {
		h[x]++
	}
}

// deviation is the distance of a chi-square statistic of 255 degrees of freedom from its mean, in standard deviations
// (Fisher's approximation: the root of twice the statistic is normal).
func deviation(chi2 float64) float64 { return math.Sqrt(2*chi2) - math.Sqrt(2*255-1) }

// uniform is how far the bytes are from all being equally frequent.
func (h *histogram) uniform() float64 {
	var sum, chi2 float64
	for _, n := range h {
		sum += float64(n)
	}
	for _, n := range h {
		d := float64(n) - sum/256
		chi2 += d * d / (sum / 256)
	}
	return deviation(chi2)
}

// differs is how far two samples are from one distribution, whatever that is.
func (h *histogram) differs(o *histogram) float64 {
	var a, b, chi2 float64
	for i := range h {
		a, b = a+float64(h[i]), b+float64(o[i])
	}
	for i := range h {
		if n := float64(h[i] + o[i]); n > 0 {
			d := math.Sqrt(b/a)*float64(h[i]) - math.Sqrt(a/b)*float64(o[i])
			chi2 += d * d / n
		}
	}
	return deviation(chi2)
}

// bits counts ones by position.
type bits struct {
	ones []int
	n    int
}

func (c *bits) add(b []byte) {
	if c.ones == nil {
		c.ones = make([]int, 8*len(b))
	}
	for i := range c.ones {
		c.ones[i] += int(b[i/8] >> (7 - i%8) & 1)
	}
	c.n++
}

// worst returns the bit that is furthest from being one half of the time, in standard deviations, passing over some.
func (c *bits) worst(except ...int) (at int, z float64) {
next:
	for i, n := range c.ones {
		for _, e := range except {
			if i == e {
				continue next
			}
		}
		if d := math.Abs(float64(2*n-c.n)) / math.Sqrt(float64(c.n)); d > z {
			at, z = i, d
		}
	}
	return at, z
}

// The bounds of the tests: with fixed seeds they pass or fail for good, and a sample that is uniform passes them but once
// in 10 000.
const (
	maxDeviation = 4.5
	maxBit       = 6.0
)

func TestTheStatisticsNoticeWhatTheyShould(t *testing.T) {
	c := newCircuit(t, 60)
	var even, tilted, zeros histogram
	var b bits
	for i := range 1000 {
		x := make([]byte, cell.TailLen)
		c.read(x)
		even.add(x)
		y := bytes.Clone(x)
		if i%5 != 0 {
			y[0] |= 1
		}
		b.add(y)
		for j := range 4 {
			y[j] &= 0x0f // 16 of 576 bits
		}
		tilted.add(y)
		zeros.add(make([]byte, cell.TailLen))
	}
	if d := even.uniform(); d > maxDeviation {
		t.Errorf("random bytes deviate by %.1f", d)
	}
	if tilted.uniform() < maxDeviation || zeros.uniform() < maxDeviation || even.differs(&tilted) < maxDeviation {
		t.Error("a tail that differs is not noticed")
	}
	if at, z := b.worst(); at != 7 || z < maxBit {
		t.Error("a bit that is mostly one is not noticed")
	}
}

func TestTheFarHopCannotTellThePathsLength(t *testing.T) {
	const cells = 4000
	var tails [cell.MaxHops]histogram
	var places [cell.MaxHops]bits
	c := longest(t, 61)
	sent := make([]byte, cell.PayloadLen)
	for range cells {
		for k := range cell.MaxHops {
			c.read(sent)
			body := c.sealed(c.outward(k+1), cell.Splice, sent)
			if err := c.carry(body, k+1); err != nil {
				t.Fatal(err)
			}
			// What was sent fills the payload to its last byte, whatever the length is.
			if !bytes.Equal(body[1:cell.MessageLen], sent) {
				t.Fatalf("%d hops: the payload has another extent", k+1)
			}
			tail := body[cell.MessageLen:cell.PlainLen]
			tails[k].add(tail)
			places[k].add(tail)
		}
	}
	for k := range tails {
		if d := tails[k].uniform(); d > maxDeviation {
			t.Errorf("%d hops: the tail deviates by %.1f", k+1, d)
		}
		if at, z := places[k].worst(); z > maxBit {
			t.Errorf("%d hops: bit %d of the tail deviates by %.1f", k+1, at, z)
		}
		for j := range k {
			if d := tails[k].differs(&tails[j]); d > maxDeviation {
				t.Errorf("tails of %d and %d hops differ by %.1f", j+1, k+1, d)
			}
		}
	}
}

func TestBodiesLookAlikeOnEveryLink(t *testing.T) {
	const circuits, each = 60, 20
	var forward, backward [cell.MaxHops]histogram
	var there, back [cell.MaxHops]bits
	for i := range byte(circuits) {
		c := longest(t, 100+i)
		for range each {
			body := c.sealed(c.outward(4), cell.Splice, nil)
			for j, r := range c.relays {
				forward[j].add(body[cell.FieldLen:])
				there[j].add(body[cell.FieldLen:])
				if body[0]&0xc0 != 0 {
					t.Fatalf("link %d: the two first bits are not zero", j+1)
				}
				if _, err := r.answer.Opener.Open(&c.s, body); err != nil {
					t.Fatal(err)
				}
			}
			c.read(cell.PutMessage(body, cell.Splice, nil))
			for j := 3; j >= 0; j-- {
				work := c.relays[j].answer.Sealer.Relay
				if j == 3 {
					work = c.relays[j].answer.Sealer.Message
				}
				if err := work(&c.s, body); err != nil {
					t.Fatal(err)
				}
				backward[j].add(body[cell.FieldLen:])
				back[j].add(body[cell.FieldLen:])
				if body[0]&0xc0 != 0 {
					t.Fatalf("link %d back: the two first bits are not zero", j+1)
				}
			}
		}
	}
	for j := range cell.MaxHops {
		for name, h := range map[string]*histogram{"forward": &forward[j], "backward": &backward[j]} {
			if d := h.uniform(); d > maxDeviation {
				t.Errorf("%s bodies of link %d deviate by %.1f", name, j+1, d)
			}
		}
		for name, b := range map[string]*bits{"forward": &there[j], "backward": &back[j]} {
			if at, z := b.worst(); z > maxBit {
				t.Errorf("bit %d of %s bodies of link %d deviates by %.1f", at, name, j+1, z)
			}
		}
	}
}

func TestCreatesLookAlikeAtEveryPosition(t *testing.T) {
	const circuits = 150
	const top = 8 * (cell.KeyTagLen + cell.KeyLen - 1) // of a public key's last byte: zero (RFC 7748 §5)
	var bodies [cell.MaxHops]histogram
	var places [cell.MaxHops]bits
	var created, starts bits
	note := func(j int, body []byte) {
		b := bytes.Clone(body)
		if len(b) != cell.BodyLen || b[top/8]&0x80 != 0 {
			t.Fatal("a create of another shape")
		}
		places[j].add(b)
		b[top/8] = b[0] // random, as the tag is
		bodies[j].add(b)
	}
	for i := range circuits {
		c := newCircuit(t, byte(i))
		var targets []Target
		for range 3 {
			c.relays = append(c.relays, c.relay())
			targets = append(targets, c.relays[len(c.relays)-1].target)
		}
		body := make([]byte, cell.BodyLen)
		pending, err := Create(&c.s, c.random, c.over, 7, targets, Train{First: []byte{1}}, body)
		if err != nil {
			t.Fatal(err)
		}
		for j, r := range c.relays {
			note(j, body)
			c.answer(r, body)
			created.add(r.answer.Created[:])
			copy(body, r.answer.Create[:])
			c.finish(pending[j], r)
			starts.add(counterBytes(r.answer.Opener.start))
		}
		note(3, c.extensionBody())
	}
	for j := range bodies {
		if d := bodies[j].uniform(); d > maxDeviation {
			t.Errorf("creates at position %d deviate by %.1f", j+1, d)
		}
		if at, z := places[j].worst(top); z > maxBit {
			t.Errorf("bit %d of creates at position %d deviates by %.1f", at, j+1, z)
		}
		for i := range j {
			if d := bodies[j].differs(&bodies[i]); d > maxDeviation {
				t.Errorf("creates at positions %d and %d differ by %.1f", i+1, j+1, d)
			}
		}
	}
	if at, z := created.worst(top - 8); z > maxBit {
		t.Errorf("bit %d of answers deviates by %.1f", at, z)
	}
	if at, z := starts.worst(0, 1); z > maxBit {
		t.Errorf("bit %d of starts deviates by %.1f", at, z)
	}
}

// counterBytes is a counter as a field.
func counterBytes(n uint64) []byte {
	b := make([]byte, cell.FieldLen)
	for i := range b {
		b[i] = byte(n >> (56 - 8*i))
	}
	return b
}

// extensionBody is the create that a new hop gets behind the last one.
func (c *circuit) extensionBody() []byte {
	payload := make([]byte, cell.PayloadLen)
	last := c.hops[len(c.hops)-1].Forward()
	if _, err := Extension(&c.s, c.random, c.over, 7, last, c.relay().target, Train{}, payload); err != nil {
		c.t.Fatal(err)
	}
	body := make([]byte, cell.BodyLen)
	copy(body, c.forward(len(c.hops), cell.Extend, payload)[cell.PrefixLen:])
	if err := c.relays[len(c.relays)-1].answer.Opener.ExtensionRest(&c.s, body); err != nil {
		c.t.Fatal(err)
	}
	return body
}

// sightings are where 8 bytes in a row were seen, of all that was on any link of a circuit.
type sightings map[[8]byte]int

// add notes a body, and reports whether anything in it was seen before.
func (s sightings) add(body []byte) (again bool) {
	for i := range len(body) - 7 {
		w := [8]byte(body[i:])
		if _, ok := s[w]; ok {
			again = true
		}
		s[w] = i
	}
	return again
}

func TestNoEightBytesAppearOnTwoLinksOrTwice(t *testing.T) {
	c := newCircuit(t, 62)
	seen := sightings{}
	note := func(what string, hop int, body []byte) {
		if seen.add(body) {
			t.Fatalf("%s at hop %d: bytes that were seen before", what, hop)
		}
	}
	var targets []Target
	for range 3 {
		c.relays = append(c.relays, c.relay())
		targets = append(targets, c.relays[len(c.relays)-1].target)
	}
	body := make([]byte, cell.BodyLen)
	pending, err := Create(&c.s, c.random, c.over, 7, targets, Train{}, body)
	if err != nil {
		t.Fatal(err)
	}
	for j, r := range c.relays {
		note("create", j+1, body)
		c.answer(r, body)
		note("created", j+1, r.answer.Created[:])
		copy(body, r.answer.Create[:])
		c.finish(pending[j], r)
	}
	note("create of an extension", 4, c.extensionBody())
	c.extend(Train{})
	for range 60 {
		body := c.sealed(c.outward(4), cell.Splice, nil)
		for j, r := range c.relays {
			note("forward", j+1, body)
			if _, err := r.answer.Opener.Open(&c.s, body); err != nil {
				t.Fatal(err)
			}
		}
		c.read(cell.PutMessage(body, cell.Splice, nil))
		for j := 3; j >= 0; j-- {
			work := c.relays[j].answer.Sealer.Relay
			if j == 3 {
				work = c.relays[j].answer.Sealer.Message
			}
			if err := work(&c.s, body); err != nil {
				t.Fatal(err)
			}
			note("backward", j+1, body)
		}
	}
	if again := bytes.Clone(c.sealed(c.outward(1), cell.Drop, nil)); seen.add(again) || !seen.add(again[200:208]) {
		t.Error("eight bytes that come again are not noticed")
	}
}
