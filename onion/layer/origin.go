// What the origin holds of a circuit: the keys of all hops.

package layer

import (
	"io"

	"sotto/internal/replay"
	"sotto/onion/cell"
)

// Hop is what the origin shares with one hop. Not safe for concurrent use.
type Hop struct {
	forward  Outward
	backward direction
	window   replay.Window
	binding  [cell.KeyLen]byte
}

// Outward is a key that the origin seals for a hop with. Early cells have one, and every hop has one.
type Outward struct {
	direction
	next, most uint64
}

// Forward is the key for what the hop gets after its answer.
func (h *Hop) Forward() *Outward { return &h.forward }

// Binding is a secret of this circuit, known to the hop and the origin.
func (h *Hop) Binding() [cell.KeyLen]byte { return h.binding }

// Wipe erases the keys.
func (h *Hop) Wipe() { *h = Hop{} }

// Wipe erases the key.
func (o *Outward) Wipe() { *o = Outward{} }

// Left is how many cells may still be sealed.
func (o *Outward) Left() uint64 { return o.most - o.next }

// rest is what a hop will append to an extension that the next cell sealed for it asks for.
func (o *Outward) rest(s *Scratch, dst []byte) {
	s.stream(o.unfold(), forExtension, o.start+o.next, dst)
}

// Seal makes a body for the first hop out of a message for the last, which lies in the first cell.MessageLen bytes of
// body. There are 1 to cell.MaxHops keys, one a hop. It fails with ErrExhausted, also when there are fewer or more keys, lest
// the message leave in clear; or with the error of random.
func Seal(s *Scratch, random io.Reader, body []byte, keys []*Outward) error {
	if len(keys) == 0 || len(keys) > cell.MaxHops {
		return ErrExhausted
	}
	for _, k := range keys {
		if k.next >= k.most {
			return ErrExhausted
		}
	}
	var tail [cell.TailLen]byte
	var stream [cell.PlainLen]byte
	n := 0
	for j, k := range keys {
		if n > 0 {
			s.stream(k.unfold(), forLayer, k.start+k.next, stream[:])
			xor(tail[:n], stream[cell.PlainLen-n:])
		}
		if j < len(keys)-1 {
			s.stream(k.unfold(), forFiller, k.start+k.next, tail[n:n+cell.LayerLen])
			n += cell.LayerLen
		}
	}
	if _, err := io.ReadFull(random, body[cell.MessageLen:cell.PlainLen-n]); err != nil {
		return err
	}
	copy(body[cell.PlainLen-n:], tail[:n])
	for j := len(keys) - 1; j >= 0; j-- {
		k := keys[j]
		s.seal(k.unfold(), k.start+k.next, body)
		k.next++
	}
	return nil
}

// Open opens a body that came from the first hop. It returns which hop the message is from, counted from 1, and leaves
// the message in the first cell.MessageLen bytes of body. It fails with ErrLayer, whatever is wrong, and leaves all as it
// was: a cell of a hop that has not answered yet may be opened later. Any other closes the circuit, because it was altered
// or repeated on the way, or a hop does not do what it should. Nothing is accepted before all layers down to the message
// are found authentic.
func Open(s *Scratch, body []byte, hops []*Hop) (int, error) {
	var bodies [cell.MaxHops][cell.BodyLen]byte
	var counters [cell.MaxHops]uint64
	if len(hops) == 0 || len(hops) > cell.MaxHops {
		return 0, ErrLayer
	}
	copy(bodies[0][:], body)
	var first [cell.BodyLen]byte
	var message [cell.MessageLen]byte
	depth := 0
	for j, h := range hops {
		if h.backward.lost() {
			return 0, ErrLayer
		}
		counter, ok := field(bodies[j][:])
		n := counter - h.backward.start
		if !ok || counter < h.backward.start || n >= maxCells || !h.window.Check(n) {
			return 0, ErrLayer
		}
		counters[j] = counter
		plain := first[:cell.PlainLen]
		if j == 0 {
			first = bodies[0]
			if err := s.open(h.backward.unfold(), counter, first[:]); err != nil {
				return 0, err
			}
		} else {
			plain = decrypt(s, h, counter, bodies[j][:])
		}
		if cell.IsMessage(plain) {
			copy(message[:], plain)
			depth = j + 1
			break
		}
		if j+1 == len(hops) {
			return 0, ErrLayer
		}
		copy(bodies[j+1][:], plain)
	}
	if depth > 1 {
		if err := verify(s, message[:], hops[:depth], counters[:depth], bodies[:depth]); err != nil {
			return 0, err
		}
	} else if !allZero(first[cell.MessageLen:cell.PlainLen]) {
		return 0, ErrLayer
	}
	copy(body, message[:])
	for j, h := range hops[:depth] {
		h.window.Mark(counters[j] - h.backward.start)
	}
	return depth, nil
}

// decrypt returns the plaintext of a layer whose last bytes may be missing, without verifying it; it lies in s.
func decrypt(s *Scratch, h *Hop, counter uint64, body []byte) []byte {
	h.backward.unfold().Seal(s.buf[:0], s.nonce.set(forLayer, counter), s.zero[:cell.PlainLen], nil)
	xor(s.buf[:cell.PlainLen], body[cell.LayerLen:cell.BodyLen])
	return s.buf[:cell.PlainLen]
}

// verify computes what was dropped on the way, from the innermost layer outwards, and checks every tag but the first,
// which was. message is that of the last hop.
func verify(s *Scratch, message []byte, hops []*Hop, counters []uint64, bodies [][cell.BodyLen]byte) error {
	var inner, stream [cell.BodyLen]byte
	last := len(hops) - 1
	copy(inner[:], message) // and zeros
	for j := last; j > 0; j-- {
		missing := j * cell.LayerLen
		a := hops[j].backward.unfold()
		s.stream(a, forLayer, counters[j], stream[:cell.PlainLen])
		end := bodies[j][cell.BodyLen-missing:]
		copy(end, inner[cell.PlainLen-missing:cell.PlainLen])
		xor(end, stream[cell.PlainLen-missing:cell.PlainLen])
		outer := bodies[j]
		if err := s.open(a, counters[j], outer[:]); err != nil {
			return err
		}
		if j == last && !allZero(outer[cell.MessageLen:cell.PlainLen]) {
			return ErrLayer
		}
		inner = bodies[j]
	}
	return nil
}

func allZero(b []byte) bool {
	var or byte
	for _, x := range b {
		or |= x
	}
	return or == 0
}
