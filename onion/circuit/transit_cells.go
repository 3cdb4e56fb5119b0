// What a relay does with one cell.

package circuit

import (
	"io"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// forward opens a cell from the origin's side.
func (t *Transit) forward(now time.Time, c *transit, frame []byte) {
	if c.state == queued {
		if len(c.held) < maxHeld {
			c.held = append(c.held, append([]byte(nil), frame...))
		} else {
			t.count.CellsOld++
		}
		return
	}
	if now.Sub(c.made) >= earlyTime {
		c.opener.EndEarly() // the sweep that erases the key comes up to sweepEvery later
	}
	body := cell.Body(frame)
	message, err := c.opener.Open(&t.scratch, body)
	if err != nil {
		t.count.CellsBad++
		return
	}
	t.touch(now, c)
	if message {
		t.here(now, c, body)
		return
	}
	if c.next.neighbor == 0 {
		t.count.CellsOld++
		return
	}
	cell.PutHeader(frame, c.next.id, cell.Forward)
	t.count.Forwarded++
	t.emit(now, c, c.next.neighbor, frame)
}

// back seals a cell from the far side.
func (t *Transit) back(now time.Time, c *transit, frame []byte) {
	if err := c.sealer.Relay(&t.scratch, cell.Body(frame)); err != nil {
		t.sealFailed(now, c, err)
		return
	}
	c.folded = false // not touched: it is no use that the origin makes, and the next hop could keep a circuit that nobody has
	cell.PutHeader(frame, c.prev.id, cell.Backward)
	t.count.Back++
	t.emit(now, c, c.prev.neighbor, frame)
}

// here takes a message for this hop, in the plaintext of a layer.
func (t *Transit) here(now time.Time, c *transit, plain []byte) {
	m, payload, ok := cell.ParseMessage(plain)
	if !ok {
		t.count.CellsBad++
		return
	}
	t.count.Here++
	switch m {
	case cell.Drop:
	case cell.Extend:
		t.extend(now, c, payload)
	default:
		// The payload lies in the frame of whoever fed the machine, which he keeps until he has seen the events.
		t.events = append(t.events, Event{Kind: Arrived, Circuit: c.number, Message: m, Data: payload})
	}
}

// Reply sends a message of this hop to the origin. What payload leaves of cell.PayloadLen is filled with random bytes. It
// fails with ErrCircuit or ErrExhausted, and the circuit is closed with the latter.
func (t *Transit) Reply(now time.Time, number Circuit, m cell.Message, payload []byte) error {
	c := t.byNumber[number]
	if c == nil || c.state != open {
		return ErrCircuit
	}
	t.touch(now, c)
	return t.reply(now, c, m, payload)
}

func (t *Transit) reply(now time.Time, c *transit, m cell.Message, payload []byte) error {
	frame := t.frame()
	cell.PutHeader(frame, c.prev.id, cell.Backward)
	body := cell.Body(frame)
	_, err := io.ReadFull(t.cfg.Rand, cell.PutMessage(body, m, payload))
	if err == nil {
		err = c.sealer.Message(&t.scratch, body)
	}
	if err != nil {
		t.drop(frame)
		t.sealFailed(now, c, err)
		return ErrExhausted
	}
	c.folded = false
	if m == cell.Extended || m == cell.Truncated { // once a circuit, and nothing behind it is of use without it
		t.send(c.prev.neighbor, frame)
	} else {
		t.emitOwn(now, c, c.prev.neighbor, frame)
	}
	return nil
}

// sealFailed closes a circuit whose keys are used up. A body that pretends to be a message of this hop is only dropped.
func (t *Transit) sealFailed(now time.Time, c *transit, err error) {
	t.count.CellsBad++
	if err != layer.ErrLayer {
		t.remove(now, c, true, true)
	}
}

// touch notes that a circuit is in use.
func (t *Transit) touch(now time.Time, c *transit) {
	c.last, c.folded = now, false
	c.up.dropUnused(c)
}
