package threatmodel

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/threatmodel/lab"
)

// P07: whoever has a relay alters what goes through his hands, at every byte, on every link, both ways. What an honest hop
// then lets through, and what anybody takes for a message, is counted.

const tamperSeed = 7

// measureTamper is the measurement of P07.
func measureTamper(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: tamperSeed}
	for hops := 2; hops <= cell.MaxHops; hops++ {
		r, err := newTamperRun(hops)
		if err != nil {
			return m, err
		}
		if err := r.cells(ctx, s, &m); err != nil {
			return m, err
		}
	}
	if err := erased(ctx, s, &m); err != nil {
		return m, err
	}
	if err := tamperCreates(ctx, s, &m); err != nil {
		return m, err
	}
	if err := tamperMarks(ctx, s, &m); err != nil {
		return m, err
	}
	if err := tamperSessions(ctx, s, &m); err != nil {
		return m, err
	}
	m.remark("every position of a cell on every link of each circuit, all eight bits, in the full run; in the quick one every position of circuits of 3 hops, every fourth or third of the rest, and one bit, in turn")
	m.remark("flips of the circuit ID and the command are in; a command can be turned into a destroy, which every relay may send: absence is not claimed")
	return m, ctx.Err()
}

// measureTamperCells is its part about cells, for the controls that break one mechanism.
func measureTamperCells(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: tamperSeed}
	r, err := newTamperRun(3)
	if err != nil {
		return m, err
	}
	return m, r.cells(ctx, s, &m)
}

// controlHopsThatTrust has the relay behind the altered link take what it gets for authentic: it passes the cell on.
func controlHopsThatTrust(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: tamperSeed}
	r, err := newTamperRun(3)
	if err != nil {
		return m, err
	}
	r.trusting = true
	return m, r.cells(ctx, s, &m)
}

// tamperRun is a circuit that is altered.
type tamperRun struct {
	world    *lab.World
	user     *lab.Bare
	path     []*lab.Relay
	circuit  circuit.Circuit
	standing bool
	random   *lab.Source
	trusting bool

	// What is altered next: one bit of one frame from one hop to the next, both counted from 0, the user.
	link    int
	back    bool
	bit     int // of the frame behind its kind
	armed   bool
	skip    int // cells of the kind that pass before it
	altered bool
	command cell.Command // of the frame, before it was altered

	sent    [cell.PayloadLen]byte
	first   []byte // early data
	crossed int    // cells that an honest hop passed on because of it
	reached int    // altered cells that came to the user
	arrived int    // messages as they were sent, at whom they are for
	changed int    // messages that differ, or are for somebody else
}

func newTamperRun(hops int) (*tamperRun, error) {
	w, err := lab.NewWorld(lab.WorldConfig{Config: lab.Config{Seed: tamperSeed}, Bare: true, Relays: hops})
	if err != nil {
		return nil, err
	}
	r := &tamperRun{world: w, path: w.Relays(), random: w.Source("what is sent")}
	if r.user, err = w.NewBare("user", address(9)); err != nil {
		return nil, err
	}
	r.user.Link(r.path[0])
	for i, hop := range r.path {
		hop.OnEvent = func(now time.Time, e *circuit.Event) { r.event(now, i, e) }
	}
	w.Touch(r.touch)
	return r, nil
}

// event is what a relay opened.
func (r *tamperRun) event(now time.Time, hop int, e *circuit.Event) {
	if e.Kind == circuit.Early && (hop != len(r.path)-1 || !bytes.Equal(e.Data, r.first)) {
		r.changed++
	}
	if e.Kind != circuit.Arrived {
		return
	}
	if hop != len(r.path)-1 || e.Message != cell.Request || !bytes.Equal(e.Data, r.sent[:]) {
		r.changed++
		return
	}
	r.arrived++
	if r.back {
		// It fails when the circuit is gone, and then nothing arrives.
		_ = r.path[hop].Reply(now, e.Circuit, cell.Answer, r.sent[:])
	}
}

// hop is where in the circuit somebody is: 0 the user, 1 the first relay.
func (r *tamperRun) hop(h *lab.Hands) int {
	for i, p := range r.path {
		if p.Hands == h {
			return i + 1
		}
	}
	return 0
}

// touch alters the cell whose turn it is, and counts those that follow from it.
func (r *tamperRun) touch(p lab.Passing) bool {
	from, to := r.hop(p.From), r.hop(p.To)
	_, command := cell.Header(p.Frame)
	switch {
	case r.armed && !r.altered && !r.back && from == r.link && to == r.link+1 && command == r.command:
		r.alter(p)
	case r.armed && !r.altered && r.back && from == r.link+1 && to == r.link && command == r.command:
		if r.alter(p); to == 0 {
			r.reached++
		}
	case r.altered && !r.back && from > r.link && to > from:
		if command == cell.Forward || command == cell.Create {
			r.crossed++
		}
	case r.altered && r.back && to == 0 && command == cell.Backward:
		r.reached++
	}
	return true
}

func (r *tamperRun) alter(p lab.Passing) {
	if r.skip > 0 {
		r.skip--
		return
	}
	r.altered = true
	original := bytes.Clone(p.Frame)
	p.Frame[1+r.bit/8] ^= 1 << (r.bit % 8)
	if r.trusting && !r.back && r.link+2 <= len(r.path) {
		// The hop behind the link passes on what it has not verified.
		r.path[r.link].Send(r.path[r.link+1].Place(), original)
	}
}

// stand makes the circuit anew if it is gone.
func (r *tamperRun) stand() error {
	r.armed = false
	if r.standing {
		return nil
	}
	r.world.Run(400 * time.Millisecond) // a client has three creates a second
	r.user.Take()
	first := r.path[:min(len(r.path), cell.MaxCreateHops)]
	var err error
	if r.circuit, err = r.user.Build(first...); err != nil {
		return err
	}
	for _, next := range r.path[len(first):] {
		r.user.Do(func(now time.Time, o *circuit.Origin) { err = o.Extend(now, r.circuit, next.Target(), nil, nil) })
		if err != nil {
			return err
		}
	}
	events := r.user.Take()
	if len(events) == 0 || events[len(events)-1].Kind != circuit.Built {
		return fmt.Errorf("%w: the circuit to be altered", errNoCircuit)
	}
	r.standing = true
	return nil
}

// end closes the circuit.
func (r *tamperRun) end() {
	r.user.Do(func(_ time.Time, o *circuit.Origin) { o.Close(r.circuit) })
	r.standing = false
}

// send sends one message of which one cell is altered, and takes what comes back.
func (r *tamperRun) send(link int, back bool, bit int) (events []circuit.OwnEvent) {
	r.random.Read(r.sent[:])
	r.link, r.back, r.bit, r.armed, r.altered, r.command = link, back, bit, true, false, cell.Forward
	if back {
		r.command = cell.Backward
	}
	r.user.Do(func(now time.Time, o *circuit.Origin) {
		// It fails when the circuit is gone, and then nothing arrives.
		_ = o.Send(now, r.circuit, cell.Request, r.sent[:])
	})
	r.armed = false
	return r.user.Take()
}
