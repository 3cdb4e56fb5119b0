// What a cell tells of itself, and what the next hop can do to a circuit that is not its own.

package circuit

import (
	"bytes"
	"testing"
	"time"

	"sotto/onion/cell"
)

// Cells are told apart by their command alone: over many circuits every byte of every body takes many values, whatever the
// cell is for and wherever on the path it is.
func TestNoByteOfABodyTellsWhatItIsFor(t *testing.T) {
	const circuits = 160
	type place struct {
		from, to Neighbor
		command  cell.Command
		turn     int // the how manieth of its kind in its circuit
	}
	seen := make(map[place][][]byte)
	turns := make(map[place]int)
	n := newNet(t, 100, 4)
	n.filter = func(from, to Neighbor, f []byte) bool {
		_, c := cell.Header(f)
		p := place{from: from, to: to, command: c}
		turns[p]++
		p.turn = turns[p]
		seen[p] = append(seen[p], bytes.Clone(cell.Body(f)))
		return true
	}
	far := n.nodes[3]
	for i := range circuits {
		clear(turns)
		c := n.build(2, 3)
		n.must(n.nodes[0].origin.Send(n.now, c, cell.Drop, nil))
		n.must(n.nodes[0].origin.Extend(n.now, c, far.target, []byte{byte(cell.Ask)}, make([]EarlyCell, 2)))
		n.settle()
		number := far.transit.last
		n.must(far.transit.Reply(n.now, number, cell.Answer, make([]byte, cell.PayloadLen)))
		n.must(far.transit.Reply(n.now, number, cell.Drop, nil))
		n.settle()
		if i%2 == 0 {
			far.transit.Close(n.now, number) // truncates
		} else {
			n.nodes[0].origin.Close(c)
		}
		n.settle()
	}
	for p, bodies := range seen {
		if len(bodies) < circuits/2 {
			continue
		}
		for i := range cell.BodyLen {
			values := make(map[byte]bool)
			for _, b := range bodies {
				values[b[i]] = true
			}
			// 80 draws of 64 values (the first byte of a field) make fewer than 32 never; 160 of 256 as well.
			if len(values) < 32 {
				t.Errorf("from %d to %d, command %d, number %d: byte %d has %d values in %d cells", p.from, p.to, p.command, p.turn, i, len(values), len(bodies))
				break
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d kinds of cells", len(seen))
	}
}

// The origin is gone, and its destroy was lost. The next hop must not be able to keep the circuit.
func TestNextHopCannotKeepACircuit(t *testing.T) {
	n := newNet(t, 101, 2)
	r := n.nodes[0]
	standing(n, r.transit, r, 1)
	var w wire
	for w = range r.transit.byNext {
	}
	for range 60 {
		n.now = n.now.Add(time.Minute)
		r.transit.Tick(n.now)
		r.transit.Receive(n.now, w.neighbor, false, frame(w.id, cell.Backward, nil))
	}
	if got := r.transit.Counters().Circuits; got != 0 {
		t.Errorf("%d circuits are left", got)
	}
}
