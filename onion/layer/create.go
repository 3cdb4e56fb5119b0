// Creates, as the origin makes them.

package layer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"sotto/noise"
	"sotto/onion/cell"
)

// ErrCreate means that a create cannot be made from what was given: a caller's fault.
var ErrCreate = errors.New("layer: wrong hops or early data")

// Target is a hop to be: its NodeID and its onion key of the day.
type Target struct {
	Node [cell.KeyLen]byte
	Key  Public
}

// Format prints a fixed text for every verb.
func (Target) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[hop]") }

// LogValue logs a fixed text.
func (Target) LogValue() slog.Value { return slog.StringValue("[hop]") }

// Train is early data: what travels in the create, at most cell.EarlyFirstLen bytes, and how many early cells follow, at
// most cell.MaxEarly. What First leaves is random, so that it has one byte at least, which says what the train is for.
type Train struct {
	First []byte
	Cells int
}

// Pending is a hop that was asked for and has not answered.
type Pending struct {
	handshake *noise.Handshake
	layer     expanded
	early     Outward
}

// Early is the key of the early cells that this hop takes.
func (p *Pending) Early() *Outward { return &p.early }

// Wipe erases the keys.
func (p *Pending) Wipe() { *p = Pending{} }

// Finish takes the hop's answer, of which the first cell.CreatedLen bytes count, and erases p. It fails with ErrLayer.
func (p *Pending) Finish(created []byte) (*Hop, error) {
	defer p.Wipe()
	if p.handshake == nil || len(created) < cell.CreatedLen {
		return nil, ErrLayer
	}
	if _, err := p.handshake.ReadMessage(created[:cell.CreatedLen]); err != nil {
		return nil, ErrLayer
	}
	secrets, err := p.handshake.Secrets()
	if err != nil {
		return nil, ErrLayer
	}
	k := newCircuitKeys(secrets.Send, secrets.Receive)
	return &Hop{forward: Outward{direction: k.forward, most: maxCells}, backward: k.backward, binding: k.binding}, nil
}

// Create makes the body of a create through 1 to cell.MaxCreateHops hops, in order. bucket is the expiry bucket of now;
// the train is for the last hop. It fails with ErrCreate or the error of random.
func Create(s *Scratch, random io.Reader, overlay [cell.KeyLen]byte, bucket uint32, hops []Target, train Train, body []byte) ([]*Pending, error) {
	if len(hops) < 1 || len(hops) > cell.MaxCreateHops {
		return nil, ErrCreate
	}
	return create(s, random, overlay, bucket, hops, train, nil, body)
}

// Extension makes the payload of a message that asks the last hop of a circuit, whose key is last, to extend it to
// target. The message must be the next one that is sealed for that hop. It fails as Create does, and with ErrExhausted.
func Extension(s *Scratch, random io.Reader, overlay [cell.KeyLen]byte, bucket uint32, last *Outward, target Target, train Train, payload []byte) (*Pending, error) {
	if last.Left() == 0 {
		return nil, ErrExhausted
	}
	var body [cell.BodyLen]byte
	var rest [cell.BodyLen - cell.ExtendLen]byte
	last.rest(s, rest[:])
	pending, err := create(s, random, overlay, bucket, []Target{target}, train, rest[:], body[:])
	if err != nil {
		return nil, err
	}
	copy(payload[:cell.PrefixLen], target.Node[:])
	copy(payload[cell.PrefixLen:cell.PayloadLen], body[:cell.ExtendLen])
	return pending[0], nil
}

// create makes a body whose last bytes are rest.
func create(s *Scratch, random io.Reader, overlay [cell.KeyLen]byte, bucket uint32, hops []Target, train Train, rest, body []byte) ([]*Pending, error) {
	if len(train.First) > cell.EarlyFirstLen || train.Cells < 0 || train.Cells > cell.MaxEarly {
		return nil, ErrCreate
	}
	pending := make([]*Pending, len(hops))
	heads := make([][]byte, len(hops))
	for j, t := range hops {
		var payload [cell.CreatePayloadLen]byte
		cells := train.Cells
		if j+1 < len(hops) {
			copy(payload[:], hops[j+1].Node[:cell.PrefixLen])
			cells = 0
		}
		binary.BigEndian.PutUint32(payload[cell.PrefixLen:], bucket)
		if _, err := io.ReadFull(random, payload[cell.PrefixLen+4:][:cell.SeedLen]); err != nil {
			return nil, err
		}
		payload[cell.CreatePayloadLen-2] = byte(cells)
		var err error
		if pending[j], heads[j], err = begin(random, overlay, t, payload[:], cells); err != nil {
			return nil, err
		}
	}
	var plain [cell.BodyLen]byte
	n := copy(plain[:], train.First)
	if _, err := io.ReadFull(random, plain[n:cell.CreatePlainLen]); err != nil {
		return nil, err
	}
	forced := createTail(s, pending, rest)
	copy(plain[cell.CreatePlainLen-len(forced):], forced)
	for j := len(hops) - 1; j >= 0; j-- {
		sealed := pending[j].layer.unfold().Seal(s.buf[:0], s.nonce.set(forLayer, 0), plain[:cell.CreatePlainLen], heads[j])
		n := copy(plain[:], heads[j])
		n += copy(plain[n:], sealed[cell.CreatePlainLen:])
		copy(plain[n:], sealed[:cell.CreatePlainLen])
		pending[j].layer = expanded{}
	}
	copy(body, plain[:])
	return pending, nil
}

// begin makes what stands in front of the tag of one hop.
func begin(random io.Reader, overlay [cell.KeyLen]byte, t Target, payload []byte, cells int) (*Pending, []byte, error) {
	h, err := noise.NewHandshake(noise.HandshakeConfig{
		Pattern: noise.NK, Initiator: true, Prologue: prologue(overlay, t.Node), Remote: t.Key.k, Rand: random,
	})
	if err != nil {
		return nil, nil, ErrCreate
	}
	head, err := h.WriteMessage(make([]byte, cell.KeyTagLen, cell.CreateHeadLen), payload)
	if err != nil || len(head) != cell.CreateHeadLen {
		return nil, nil, ErrCreate
	}
	ephemeral := head[cell.KeyTagLen:][:cell.KeyLen]
	head[0] = t.Key.tag(ephemeral)
	p := &Pending{handshake: h}
	p.layer, p.early.direction = seedKeys(payload[cell.PrefixLen+4:][:cell.SeedLen], ephemeral)
	p.early.most = uint64(cells)
	return p, head, nil
}

// createTail returns the last bytes of the innermost plaintext: those that the hops in front will have appended.
func createTail(s *Scratch, pending []*Pending, rest []byte) []byte {
	var stream [cell.CreatePlainLen]byte
	tail := append(make([]byte, 0, cell.BodyLen), rest...)
	for j, p := range pending {
		s.stream(p.layer.unfold(), forLayer, 0, stream[:])
		xor(tail, stream[cell.CreatePlainLen-len(tail):])
		if j+1 < len(pending) {
			var filler [cell.CreateHopLen]byte
			s.stream(p.layer.unfold(), forFiller, 0, filler[:])
			tail = append(tail, filler[:]...)
		}
	}
	return tail
}
