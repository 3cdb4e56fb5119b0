package threatmodel

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/threatmodel/lab"
)

// Cells of standing circuits, altered.

// errNoCircuit means that a lab did not get as far as its measurement.
var errNoCircuit = errors.New("threatmodel: a circuit of the lab was not made")

// bitsOf are the bits of a byte that a run flips: all, or one in turn.
func bitsOf(s Scale, position int) []int {
	if s == Full {
		return []int{0, 1, 2, 3, 4, 5, 6, 7}
	}
	return []int{position % 8}
}

// cells alters the cells of a circuit.
func (r *tamperRun) cells(ctx context.Context, s Scale, m *Measurement) error {
	step := 1
	if len(r.path) != 3 {
		step = s.pick(4, 1)
	}
	for _, back := range []bool{false, true} {
		var t tamperTally
		for link := range r.path {
			for position := link % step; position < cell.Len; position += step {
				for _, bit := range bitsOf(s, position) {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					if err := r.try(&t, link, back, position, 8*position+bit); err != nil {
						return err
					}
				}
			}
		}
		t.report(m, fmt.Sprintf("%d hops, %s", len(r.path), map[bool]string{false: "forward", true: "backward"}[back]), back)
	}
	return nil
}

// tamperTally is what came of altered cells.
type tamperTally struct {
	cells, bodies     int // altered, and of those the ones altered in the body
	crossed, changed  int
	delivered         int // altered in the body, and taken for a message all the same
	reached, survived int // altered cells that came to the origin, and circuits that went on
	fills             int // altered where the next hop drops what it gets
	unaltered         int // no cell of the kind passed
}

// try alters one bit of one cell.
func (r *tamperRun) try(t *tamperTally, link int, back bool, position, bit int) error {
	if err := r.stand(); err != nil {
		return err
	}
	body := position >= cell.HeaderLen
	crossed, changed, arrived, reached := r.crossed, r.changed, r.arrived, r.reached
	answered, failed := 0, false
	for _, e := range r.send(link, back, bit) {
		switch {
		case e.Kind == circuit.Failed:
			failed = true
		case e.Kind == circuit.Answered && e.Message == cell.Answer && bytes.Equal(e.Data, r.sent[:]):
			answered++
		case e.Kind == circuit.Answered:
			r.changed++
		}
	}
	if !r.altered {
		t.unaltered++
	}
	t.cells++
	t.changed += r.changed - changed
	if !body {
		r.end() // whatever a command was turned into
		return nil
	}
	if back && link > 0 && position >= cell.Len-cell.LayerLen {
		t.fills++ // the next hop drops these: see erased
		if failed {
			r.standing = false
		}
		return nil
	}
	t.bodies++
	t.crossed += r.crossed - crossed
	if !back && r.arrived > arrived || back && answered > 0 {
		t.delivered++
	}
	if r.reached > reached {
		t.reached++
		if !failed {
			t.survived++
		}
	}
	if failed {
		r.standing = false
	}
	return nil
}

func (t *tamperTally) report(m *Measurement, heading string, back bool) {
	m.add(heading, never("altered messages that anybody took", t.changed, t.cells),
		never("cells with an altered body that were taken for what they had been", t.delivered, t.bodies),
		never("cells that there was none of to alter", t.unaltered, t.cells))
	if back {
		m.add(heading, never("circuits that went on after an altered cell came to the origin", t.survived, t.reached),
			shown("cells altered only where the next hop drops what it gets", float64(t.fills), ""))
		return
	}
	m.add(heading, never("cells with an altered body that an honest hop passed on", t.crossed, t.bodies))
}

// erased alters the last bytes of backward cells, which the next hop drops, in one of two worlds that are equal
// otherwise, and counts the cells behind that hop that differ.
func erased(ctx context.Context, s Scale, m *Measurement) error {
	trials, traces := 0, 0
	for position := cell.Len - cell.LayerLen; position < cell.Len && ctx.Err() == nil; position++ {
		for _, bit := range bitsOf(s, position) {
			for link := 1; link < erasedHops; link++ {
				clean, err := transcript(link, -1)
				if err != nil {
					return err
				}
				dirty, err := transcript(link, 8*position+bit)
				if err != nil {
					return err
				}
				trials++
				if len(clean) == 0 || !bytes.Equal(clean, dirty) {
					traces++
				}
			}
		}
	}
	m.add("bytes that the next hop drops", never("cells behind it that show that they were altered", traces, trials))
	return ctx.Err()
}

// erasedHops is the length of the circuits of erased.
const erasedHops = 3

// transcript is every cell behind the altered link of one answer.
func transcript(link, bit int) ([]byte, error) {
	r, err := newTamperRun(erasedHops)
	if err != nil {
		return nil, err
	}
	if err := r.stand(); err != nil {
		return nil, err
	}
	var all []byte
	r.world.Touch(func(p lab.Passing) bool {
		if bit >= 0 {
			r.touch(p)
		}
		if r.hop(p.To) < link {
			all = append(all, p.Frame...)
		}
		return true
	})
	r.send(link, true, max(bit, 0))
	return all, nil
}
