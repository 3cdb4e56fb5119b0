// What a relay holds of a circuit: it opens forward, and seals backward.

package layer

import (
	"sotto/internal/mutation"
	"sotto/internal/replay"
	"sotto/onion/cell"
)

// Opener opens the forward layers of one circuit at one hop. It takes early cells too, under their own key. Not safe for
// concurrent use.
type Opener struct {
	direction
	window replay.Window
	last   uint64 // counter of the last cell opened
	asked  bool   // whether that may have asked for an extension
	early  *early // nil when none may come any more
}

// early is what a hop takes before its answer has reached the origin.
type early struct {
	direction
	seen uint16
	n    uint64
}

// Open opens body, cell.BodyLen bytes, in place. If what it holds is a message for this hop, that is in the first
// cell.PlainLen bytes; else body is the next hop's. It fails with ErrLayer, and body is then of no use. No allocation,
// but for the first cell after Fold.
func (o *Opener) Open(s *Scratch, body []byte) (message bool, err error) {
	counter, ok := field(body)
	if !ok || o.lost() {
		return false, ErrLayer
	}
	if e := o.early; e != nil && counter-e.start < e.n {
		return o.openEarly(s, counter, body)
	}
	n := counter - o.start
	if counter < o.start || n >= maxCells || !o.window.Check(n) && !mutation.Active(noWindow) {
		return false, ErrLayer
	}
	a := o.unfold()
	if err := s.open(a, counter, body); err != nil {
		return false, err
	}
	o.window.Mark(n)
	o.last, o.asked = counter, true
	if cell.IsMessage(body) {
		return true, nil
	}
	s.stream(a, forFiller, counter, body[cell.PlainLen:cell.BodyLen])
	return false, nil
}

// openEarly opens an early cell: always a message, since nobody is behind a hop that has just been created.
func (o *Opener) openEarly(s *Scratch, counter uint64, body []byte) (bool, error) {
	e := o.early
	bit := uint16(1) << (counter - e.start)
	if e.seen&bit != 0 {
		return false, ErrLayer
	}
	if err := s.open(e.unfold(), counter, body); err != nil {
		return false, err
	}
	if !cell.IsMessage(body) {
		return false, ErrLayer
	}
	o.asked = false
	if e.seen |= bit; e.seen == 1<<e.n-1 {
		o.EndEarly()
	}
	return true, nil
}

// EarlyMissing reports how many early cells have not come.
func (o *Opener) EarlyMissing() int {
	if o.early == nil {
		return 0
	}
	n := int(o.early.n)
	for i := range int(o.early.n) {
		n -= int(o.early.seen >> i & 1)
	}
	return n
}

// EndEarly erases the key of early cells.
func (o *Opener) EndEarly() {
	if o.early != nil {
		o.early.wipe()
		o.early = nil
	}
}

// ExtensionRest writes what this hop appends to the create of an extension, which the last cell opened asked for: it
// takes the part behind the first cell.ExtendLen bytes of body. It does so once for a cell, and not for an early one; it
// fails with ErrLayer.
func (o *Opener) ExtensionRest(s *Scratch, body []byte) error {
	if !o.asked || o.lost() {
		return ErrLayer
	}
	o.asked = false
	s.stream(o.unfold(), forExtension, o.last, body[cell.ExtendLen:cell.BodyLen])
	return nil
}

// Fold lets go of what an idle circuit does not need.
func (o *Opener) Fold() {
	o.aead = nil
	if o.early != nil {
		o.early.aead = nil
	}
}

// Wipe erases the keys.
func (o *Opener) Wipe() {
	o.EndEarly()
	o.wipe()
}

// Sealer seals the backward layers of one circuit at one hop. Not safe for concurrent use.
type Sealer struct {
	direction
	next uint64 // cells sealed
}

// Relay makes a body that came from the next hop one of this hop, in place. It fails with ErrLayer if the next hop wants
// it taken for a message of this one, and with ErrExhausted. No allocation, but for the first cell after Fold.
func (k *Sealer) Relay(s *Scratch, body []byte) error {
	if cell.IsMessage(body) && !mutation.Active(noFlagCheck) {
		return ErrLayer
	}
	return k.seal(s, body)
}

// Message seals a message of this hop, which lies in the first cell.MessageLen bytes of body.
func (k *Sealer) Message(s *Scratch, body []byte) error {
	clear(body[cell.MessageLen:cell.PlainLen])
	return k.seal(s, body)
}

func (k *Sealer) seal(s *Scratch, body []byte) error {
	if k.next >= maxCells || k.lost() {
		return ErrExhausted
	}
	s.seal(k.unfold(), k.start+k.next, body)
	k.next++
	return nil
}

// Fold lets go of what an idle circuit does not need.
func (k *Sealer) Fold() { k.aead = nil }

// Wipe erases the key.
func (k *Sealer) Wipe() { k.wipe() }
