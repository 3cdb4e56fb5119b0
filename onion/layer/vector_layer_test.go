// This package led through the frozen circuits.

package layer_test

import (
	"bytes"
	"fmt"
	"testing"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// script gives the random bytes that an input file says, and no more.
func script(parts ...text) *bytes.Buffer {
	b := new(bytes.Buffer)
	for _, p := range parts {
		b.Write(p)
	}
	return b
}

// replayed is a circuit of this package that is led through a vector.
type replayed struct {
	t        *testing.T
	v        *circuitVector
	s        layer.Scratch
	over     [cell.KeyLen]byte
	pending  []*layer.Pending
	answered []*layer.Answered
	hops     []*layer.Hop
}

func (r *replayed) same(what string, got, want []byte) {
	r.t.Helper()
	if !bytes.Equal(got, want) {
		r.t.Fatalf("%s: %s differs from the frozen one", r.v.Name, what)
	}
}

func (r *replayed) target(i int) layer.Target {
	key, err := layer.PrivateFromBytes(r.v.Hops[i].OnionPrivate)
	if err != nil {
		r.t.Fatal(err)
	}
	return layer.Target{Node: [cell.KeyLen]byte(r.v.Hops[i].Node), Key: key.Public()}
}

// answer lets hop i answer a create, and the origin take the answer.
func (r *replayed) answer(i int, body []byte, first []byte) {
	h := r.v.Hops[i]
	r.same(fmt.Sprintf("create at hop %d", i+1), body, h.Create)
	key := must(layer.PrivateFromBytes(h.OnionPrivate))
	random := script(h.RelayEphemeral, h.CreatedFill)
	a, _, err := layer.Answer(random, r.over, [cell.KeyLen]byte(h.Node), []layer.Private{key}, body)
	if err != nil || random.Len() != 0 {
		r.t.Fatalf("%s: create at hop %d: %v, %d random bytes left", r.v.Name, i+1, err, random.Len())
	}
	r.same("created", a.Created[:], h.Created)
	r.same("binding", a.Binding[:], h.Binding)
	r.same("next hop", a.Next[:], h.Payload[:cell.PrefixLen])
	if a.Bucket != r.v.Bucket || a.Cells != int(h.Payload[28]) {
		r.t.Fatalf("%s: bucket %d, %d early cells at hop %d", r.v.Name, a.Bucket, a.Cells, i+1)
	}
	if first != nil {
		r.same("early data", a.First[:], first)
	}
	r.answered = append(r.answered, a)
}

func (r *replayed) finish(p *layer.Pending, created []byte) {
	hop, err := p.Finish(created)
	if err != nil {
		r.t.Fatal(err)
	}
	b := hop.Binding()
	r.same("binding of the origin", b[:], r.v.Hops[len(r.hops)].Binding)
	r.hops = append(r.hops, hop)
}

// create makes the circuit, but for an extension.
func (r *replayed) create() {
	v := r.v
	var targets []layer.Target
	var parts []text
	for i := range v.CreateHops {
		targets = append(targets, r.target(i))
		parts = append(parts, v.Hops[i].Seed, v.Hops[i].OriginEphemeral)
	}
	random := script(append(parts, v.Fill, make(text, 95*(v.CreateHops-1)))...)
	body := make([]byte, cell.BodyLen)
	pending, err := layer.Create(&r.s, random, r.over, v.Bucket, targets, layer.Train{First: v.First, Cells: v.Cells}, body)
	if err != nil || random.Len() != 0 {
		r.t.Fatalf("%s: %v, %d random bytes left", v.Name, err, random.Len())
	}
	for i := range v.CreateHops {
		var first []byte
		if i+1 == v.CreateHops {
			first = v.First
		}
		r.answer(i, body, first)
		copy(body, r.answered[i].Create[:])
	}
	r.pending = pending
}

// extend adds the hop of the extension.
func (r *replayed) extend() {
	v, x := r.v, r.v.Extension
	last := v.CreateHops - 1
	h := v.Hops[last+1]
	random := script(h.Seed, h.OriginEphemeral, x.Fill, make(text, 105))
	payload := make([]byte, cell.PayloadLen)
	p, err := layer.Extension(&r.s, random, r.over, v.Bucket, r.hops[last].Forward(), r.target(last+1),
		layer.Train{First: x.First, Cells: x.Cells}, payload)
	if err != nil || random.Len() != 0 {
		r.t.Fatalf("%s: %v, %d random bytes left", v.Name, err, random.Len())
	}
	r.same("payload of the extension", payload, x.Message.Payload)
	r.forward(x.Message)
	body := make([]byte, cell.BodyLen)
	copy(body, payload[cell.PrefixLen:])
	r.answered[last].Opener.ExtensionRest(&r.s, body)
	r.same("what the hop appends", body[cell.ExtendLen:], x.Rest)
	r.answer(last+1, body, x.First)
	r.pending = append(r.pending, p)
}

func (r *replayed) forward(f *forwardVector) {
	var keys []*layer.Outward
	for i := range f.To {
		if f.Early && i+1 == f.To {
			keys = append(keys, r.pending[i].Early())
			continue
		}
		keys = append(keys, r.hops[i].Forward())
	}
	body := make([]byte, cell.BodyLen)
	cell.PutMessage(body, cell.Message(f.Command), f.Payload)
	random := script(f.Fill)
	if err := layer.Seal(&r.s, random, body, keys); err != nil || random.Len() != 0 {
		r.t.Fatalf("%s: %v, %d random bytes left", r.v.Name, err, random.Len())
	}
	for i := range f.To {
		r.same(fmt.Sprintf("body in front of hop %d", i+1), body, f.Bodies[i])
		r.same("its counter", body[:cell.FieldLen], f.Counters[i])
		message, err := r.answered[i].Opener.Open(&r.s, body)
		if err != nil || message != (i+1 == f.To) {
			r.t.Fatalf("%s: hop %d: %v, %v", r.v.Name, i+1, message, err)
		}
	}
	r.same("plaintext at the last hop", body[:cell.PlainLen], f.Plain)
}

func (r *replayed) backward(b *backVector) {
	body := make([]byte, cell.BodyLen)
	cell.PutMessage(body, cell.Message(b.Command), b.Payload)
	for i := b.From - 1; i >= 0; i-- {
		work := r.answered[i].Sealer.Relay
		if i == b.From-1 {
			work = r.answered[i].Sealer.Message
		}
		if err := work(&r.s, body); err != nil {
			r.t.Fatal(err)
		}
		r.same(fmt.Sprintf("body behind hop %d", i), body, b.Bodies[b.From-1-i])
		r.same("its counter", body[:cell.FieldLen], b.Counters[i])
	}
	from, err := layer.Open(&r.s, body, r.hops)
	if err != nil || from != b.From {
		r.t.Fatalf("%s: from %d: %d, %v", r.v.Name, b.From, from, err)
	}
	m, payload, ok := cell.ParseMessage(body)
	if !ok || m != cell.Message(b.Command) {
		r.t.Fatalf("%s: another message", r.v.Name)
	}
	r.same("payload at the origin", payload, b.Payload)
}

func TestFrozenCircuitsAreStillMade(t *testing.T) {
	frozen, _ := loadVectors(t)
	for _, v := range frozen {
		r := &replayed{t: t, v: v, over: [cell.KeyLen]byte(v.Overlay)}
		r.create()
		cells := v.Forward
		early := func() {
			for len(cells) > 0 && cells[0].Early {
				r.forward(cells[0])
				cells = cells[1:]
			}
		}
		if v.Extension == nil {
			early()
		}
		for i := range v.CreateHops {
			r.finish(r.pending[i], r.answered[i].Created[:])
		}
		if v.Extension != nil {
			r.extend()
			early()
			r.finish(r.pending[v.CreateHops], r.answered[v.CreateHops].Created[:])
		}
		for _, f := range cells {
			r.forward(f)
		}
		for _, b := range v.Backward {
			r.backward(b)
		}
	}
}
