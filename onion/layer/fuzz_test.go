// Fuzz targets: bodies from strangers, and plaintexts from insiders.

package layer

import (
	"bytes"
	"errors"
	"testing"

	"sotto/internal/replay"
	"sotto/onion/cell"
)

// sized makes b as long as a body, by cutting or by zeros.
func sized(b []byte, n int) []byte {
	c := make([]byte, n)
	copy(c, b)
	return c
}

func FuzzAnswer(f *testing.F) {
	c := newCircuit(f, 40)
	relays := []*relay{c.relay(), c.relay(), c.relay()}
	var genuine [][]byte
	for n := 1; n <= len(relays); n++ {
		var targets []Target
		for _, r := range relays[:n] {
			targets = append(targets, r.target)
		}
		body := make([]byte, cell.BodyLen)
		if _, err := Create(&c.s, c.random, c.over, 7, targets, Train{Cells: 3}, body); err != nil {
			f.Fatal(err)
		}
		genuine = append(genuine, bytes.Clone(body))
		f.Add(bytes.Clone(body))
		body[cell.BodyLen-1] ^= 1
		f.Add(body)
	}
	f.Add([]byte{})
	for i, p := range lowOrderPoints() {
		key := relays[i%3].target.Key
		f.Add(append([]byte{key.tag(p)}, p...))
	}
	keys := []Private{c.relay().key, relays[0].key}
	f.Fuzz(func(t *testing.T, b []byte) {
		body := sized(b, cell.BodyLen)
		before := bytes.Clone(body)
		a, _, err := Answer(c.random, c.over, relays[0].target.Node, keys, body)
		known := false
		for _, g := range genuine {
			known = known || bytes.Equal(g, body)
		}
		if known != (err == nil) || (a == nil) != (err != nil) || err != nil && !errors.Is(err, ErrLayer) {
			t.Fatalf("genuine %v, but %v", known, err)
		}
		if !bytes.Equal(before, body) {
			t.Fatal("the create was changed")
		}
	})
}

// A hostile origin knows the seed and may seal anything with it.
func FuzzAnswerOfAnInsidersPayload(f *testing.F) {
	f.Add(make([]byte, cell.CreatePayloadLen), []byte("first"))
	f.Add(bytes.Repeat([]byte{255}, cell.CreatePayloadLen), []byte{})
	for _, at := range []int{0, 7, 8, 28, 29} {
		p := make([]byte, cell.CreatePayloadLen)
		p[at] = cell.MaxEarly
		f.Add(p, []byte{})
	}
	c := newCircuit(f, 41)
	r := c.relay()
	f.Fuzz(func(t *testing.T, b, plain []byte) {
		payload := sized(b, cell.CreatePayloadLen)
		pending, head, err := begin(c.random, c.over, r.target, payload, 0)
		if err != nil {
			t.Fatal(err)
		}
		sealed := pending.layer.unfold().Seal(nil, c.s.nonce.set(forLayer, 0), sized(plain, cell.CreatePlainLen), head)
		body := append(append(head, sealed[cell.CreatePlainLen:]...), sealed[:cell.CreatePlainLen]...)
		a, _, err := Answer(c.random, c.over, r.target.Node, []Private{r.key}, body)
		last := allZero(payload[:cell.PrefixLen])
		good := payload[28] <= cell.MaxEarly && (payload[28] == 0 || last) && payload[29] == 0
		if good != (err == nil) {
			t.Fatalf("payload %x: %v", payload, err)
		}
		if good && last != allZero(a.Create[:]) {
			t.Fatal("a create for nobody, or none for the next hop")
		}
	})
}

// copied is a hop as every run of a target finds it.
func copied(o *Opener) *Opener {
	c := *o
	if o.early != nil {
		e := *o.early
		c.early = &e
	}
	return &c
}

// sameState reports whether a refused body has left no trace.
func sameState(a, b *Opener) bool {
	if (a.early == nil) != (b.early == nil) || a.early != nil && (a.early.seen != b.early.seen || a.early.n != b.early.n) {
		return false
	}
	return a.window == b.window && a.last == b.last && a.asked == b.asked && a.key == b.key && a.start == b.start
}

func FuzzOpener(f *testing.F) {
	c := newCircuit(f, 42)
	c.create(2)
	early := c.extend(Train{Cells: 3})
	at := &c.relays[2].answer.Opener
	var genuine [][]byte
	for i := range 6 {
		keys := c.outward(3)
		if i < 3 {
			keys = append(c.outward(2), early)
		}
		body := c.sealed(keys, cell.Splice, nil)
		for _, r := range c.relays[:2] {
			if _, err := r.answer.Opener.Open(&c.s, body); err != nil {
				f.Fatal(err)
			}
		}
		genuine = append(genuine, body)
		f.Add(bytes.Clone(body))
		for _, n := range []int{0, 7, 8, 24, cell.BodyLen - 1} {
			bad := bytes.Clone(body)
			bad[n] ^= 1
			f.Add(bad)
		}
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{255}, cell.BodyLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, body, used := copied(at), sized(b, cell.BodyLen), -1
		for i, g := range genuine {
			if bytes.Equal(body, g) {
				used = i
			}
		}
		message, err := o.Open(&c.s, body)
		if (used >= 0) != (err == nil) || message != (err == nil) {
			t.Fatalf("genuine cell %d: %v, %v", used, message, err)
		}
		if err != nil && (!errors.Is(err, ErrLayer) || !sameState(o, at)) {
			t.Fatalf("a refused body left a trace (%v)", err)
		}
		for i, g := range genuine {
			if _, err := o.Open(&c.s, bytes.Clone(g)); (err == nil) != (i != used) {
				t.Fatalf("genuine cell %d afterwards: %v", i, err)
			}
		}
	})
}

// A hostile origin may seal any counters in any order. The model is a set of what was taken.
func FuzzOpenerTakesCountersOnce(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 4, 0, 0, 0, 0, 63, 0, 0, 0, 64, 0, 0, 0, 65, 255, 255, 255, 255, 255, 255, 252, 64, 255, 255, 252, 63})
	c := newCircuit(f, 43)
	c.create(1)
	at := &c.relays[0].answer.Opener
	f.Fuzz(func(t *testing.T, ops []byte) {
		o, taken, next := copied(at), map[uint64]bool{}, uint64(0)
		for ; len(ops) >= 4; ops = ops[4:] {
			n := uint64(ops[0])<<24 | uint64(ops[1])<<16 | uint64(ops[2])<<8 | uint64(ops[3])
			body := make([]byte, cell.BodyLen)
			cell.PutMessage(body, cell.Drop, nil)
			c.s.seal(o.unfold(), o.start+n, body)
			fresh := !taken[n] && n+replay.Len >= next
			if _, err := o.Open(&c.s, body); (err == nil) != fresh {
				t.Fatalf("counter %d after %d: %v", n, next, err)
			}
			if fresh {
				taken[n], next = true, max(next, n+1)
			}
		}
	})
}

// windows are what a refused body may not change at the origin.
func windows(hops []*Hop) (w [cell.MaxHops]replay.Window) {
	for i, h := range hops {
		w[i] = h.window
	}
	return w
}

// opens hands a body to fresh copies of the hops, and checks that a refused one leaves no trace.
func opens(t *testing.T, s *Scratch, hops []*Hop, body, genuine []byte) (int, error) {
	var fresh []*Hop
	for _, h := range hops {
		c := *h
		fresh = append(fresh, &c)
	}
	before, was := windows(fresh), bytes.Clone(body)
	from, err := Open(s, body, fresh)
	if err != nil {
		if !errors.Is(err, ErrLayer) || from != 0 || windows(fresh) != before || !bytes.Equal(body, was) {
			t.Fatalf("a refused body left a trace (%v)", err)
		}
		if from, err := Open(s, bytes.Clone(genuine), fresh); err != nil || from != 4 {
			t.Fatalf("a genuine one afterwards: %d, %v", from, err)
		}
	}
	return from, err
}

func FuzzOriginOpen(f *testing.F) {
	c := longest(f, 44)
	var genuine [][]byte
	for n := 1; n <= 4; n++ {
		body := c.backward(n, cell.Answer, nil)
		genuine = append(genuine, bytes.Clone(body))
		f.Add(bytes.Clone(body), byte(0))
		f.Add(bytes.Clone(body[:cell.PlainLen]), byte(n))
	}
	after := c.backward(4, cell.Answer, nil)
	f.Add([]byte{}, byte(3))
	f.Add(bytes.Repeat([]byte{255}, cell.BodyLen), byte(2))
	f.Fuzz(func(t *testing.T, b []byte, behind byte) {
		// What comes in front of hop 1, or a hostile hop sends to honest ones in front of it.
		body := sized(b, cell.BodyLen)
		link := int(behind % 4)
		for i := link - 1; i >= 0; i-- {
			k := c.relays[i].answer.Sealer // a copy: every run starts alike
			if k.Relay(&c.s, body) != nil {
				return
			}
		}
		from, err := opens(t, &c.s, c.hops, body, after)
		known := false
		for i, g := range genuine {
			known = known || link == 0 && from == i+1 && bytes.Equal(sized(b, cell.BodyLen), g)
		}
		if err == nil && !known {
			t.Fatalf("a forged body was taken for one of hop %d", from)
		}
	})
}

// A hostile hop has its own key and may seal any plaintext with any counter; hops in front of it are honest.
func FuzzOriginOpenOfAnInsidersPlaintext(f *testing.F) {
	c := longest(f, 45)
	after := c.backward(4, cell.Answer, nil)
	plain := make([]byte, cell.PlainLen)
	cell.PutMessage(plain, cell.Answer, []byte("answer"))
	for hop := range byte(4) {
		f.Add(bytes.Clone(plain), hop, uint64(5))
		f.Add(bytes.Repeat([]byte{255}, cell.PlainLen), hop, uint64(maxCells))
		f.Add(append(bytes.Clone(plain[:cell.MessageLen]), 1), hop, uint64(6))
		f.Add([]byte{}, hop, uint64(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, which byte, n uint64) {
		hop := int(which % 4)
		plain := sized(b, cell.PlainLen)
		body := sized(plain, cell.BodyLen)
		own := direction{expanded: expanded{key: c.hops[hop].backward.key}}
		counter := c.hops[hop].backward.start + n
		c.s.seal(own.unfold(), counter, body)
		relayed := true
		for i := hop - 1; i >= 0; i-- {
			k := c.relays[i].answer.Sealer
			relayed = relayed && k.Relay(&c.s, body) == nil
		}
		if counter>>63 != 0 && hop > 0 && relayed {
			t.Fatal("a hop let the next one speak in its name")
		}
		from, err := 0, error(ErrLayer)
		if relayed {
			from, err = opens(t, &c.s, c.hops, body, after)
		}
		good := counter>>63 == 0 && n < maxCells && cell.IsMessage(plain) && allZero(plain[cell.MessageLen:])
		if good != (err == nil) || good && from != hop+1 {
			t.Fatalf("hop %d, cell %d, good %v: from %d, %v", hop+1, n, good, from, err)
		}
		if good && !bytes.Equal(body[:cell.MessageLen], plain[:cell.MessageLen]) {
			t.Fatal("another message arrived")
		}
	})
}
