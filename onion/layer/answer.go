// Creates, as a relay answers them.

package layer

import (
	"encoding/binary"
	"io"

	"sotto/noise"
	"sotto/onion/cell"
)

// Answered is what a create has made of a relay's side.
type Answered struct {
	Bucket  uint32                   // the create's expiry bucket, for the caller to judge before anything else
	Next    [cell.PrefixLen]byte     // who is created next; zero: nobody, this is the last hop
	Cells   int                      // early cells that are announced to the last hop
	First   [cell.EarlyFirstLen]byte // early data of the last hop
	Create  [cell.BodyLen]byte       // the next hop's create
	Created [cell.BodyLen]byte       // the answer to whoever sent the create
	Opener  Opener
	Sealer  Sealer
	Binding [cell.KeyLen]byte
}

// Ephemeral is the part of a create that may come once within its bucket.
func Ephemeral(body []byte) [cell.KeyLen]byte {
	return [cell.KeyLen]byte(body[cell.KeyTagLen:])
}

// Answer answers the create in body, cell.BodyLen bytes, with the one of keys that it is for, and returns which that was.
// node is this relay. It fails with ErrLayer, whatever is wrong with body, or with the error of random. The cost is two
// X25519 multiplications and one of the base point; it needs no state and may run anywhere.
func Answer(random io.Reader, overlay, node [cell.KeyLen]byte, keys []Private, body []byte) (*Answered, int, error) {
	ephemeral := Ephemeral(body)
	for i, k := range keys {
		if k.wiped() || k.Public().tag(ephemeral[:]) != body[0] {
			continue
		}
		h, err := noise.NewHandshake(noise.HandshakeConfig{
			Pattern: noise.NK, Prologue: prologue(overlay, node), Static: k.k, Rand: random,
		})
		if err != nil {
			return nil, 0, ErrLayer
		}
		payload, err := h.ReadMessage(body[cell.KeyTagLen:cell.CreateHeadLen])
		if err != nil {
			continue // one in 256 creates has the tag of two keys
		}
		a, err := answer(random, h, payload, ephemeral, body)
		return a, i, err
	}
	return nil, 0, ErrLayer
}

func answer(random io.Reader, h *noise.Handshake, payload []byte, ephemeral [cell.KeyLen]byte, body []byte) (*Answered, error) {
	a := &Answered{Bucket: binary.BigEndian.Uint32(payload[cell.PrefixLen:])}
	copy(a.Next[:], payload)
	seed := payload[cell.PrefixLen+4:][:cell.SeedLen]
	a.Cells = int(payload[cell.CreatePayloadLen-2])
	last := a.Next == [cell.PrefixLen]byte{}
	if a.Cells > cell.MaxEarly || a.Cells > 0 && !last || payload[cell.CreatePayloadLen-1] != 0 {
		return nil, ErrLayer
	}
	layer, early := seedKeys(seed, ephemeral[:])
	if err := a.unwrap(layer, last, body); err != nil {
		return nil, err
	}
	message, err := h.WriteMessage(a.Created[:0], nil)
	if err != nil || len(message) != cell.CreatedLen {
		return nil, ErrLayer
	}
	if _, err := io.ReadFull(random, a.Created[cell.CreatedLen:]); err != nil {
		return nil, err
	}
	secrets, err := h.Secrets()
	if err != nil {
		return nil, ErrLayer
	}
	k := newCircuitKeys(secrets.Receive, secrets.Send)
	a.Opener.direction, a.Sealer.direction, a.Binding = k.forward, k.backward, k.binding
	if a.Cells > 0 {
		a.Opener.early = newEarly(early, a.Cells)
	}
	return a, nil
}

func newEarly(d direction, cells int) *early { return &early{direction: d, n: uint64(cells)} }

// unwrap opens the layer in a create.
func (a *Answered) unwrap(layer expanded, last bool, body []byte) error {
	var s Scratch
	n := copy(s.buf[:], body[cell.CreateHopLen:cell.BodyLen])
	n += copy(s.buf[n:], body[cell.CreateHeadLen:cell.CreateHopLen])
	aead := layer.unfold()
	if _, err := aead.Open(a.Create[:0], s.nonce.set(forLayer, 0), s.buf[:n], body[:cell.CreateHeadLen]); err != nil {
		return ErrLayer
	}
	if last {
		copy(a.First[:], a.Create[:])
		clear(a.Create[:])
		return nil
	}
	s.stream(aead, forFiller, 0, a.Create[cell.CreatePlainLen:])
	return nil
}
