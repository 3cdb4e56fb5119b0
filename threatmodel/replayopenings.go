package threatmodel

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/threatmodel/lab"
)

// P08 for openings: the relay of a lease has every opening and every cell of a session in its hands, and says them to the
// owner again: while the session stands, when it is over, and after the owner has begun again.

// openingTape is what the relay of a lease has.
type openingTape struct {
	*pairRun
	relay    *lab.Relay
	circuit  circuit.Circuit // of the owner
	openings [][]byte
	cells    [][]byte
	storing  *onion.ListenConfig // nil: short-lived leases
}

// measureOpeningReplay is the part of P08 about openings.
func measureOpeningReplay(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: replaySeed}
	for _, storing := range []bool{false, true} {
		if err := replayOpenings(s, storing, &m); err != nil {
			return m, err
		}
	}
	return m, ctx.Err()
}

func replayOpenings(s Scale, storing bool, m *Measurement) error {
	p, err := newPairRun(replaySeed, lab.WorldConfig{Bare: true, Relays: 12})
	if err != nil {
		return err
	}
	r := &openingTape{pairRun: p}
	r.log = r.note
	heading := "openings to a lease"
	if storing {
		heading = "openings to a lease whose key outlives a restart"
		if r.storing, err = storingLease(p.world); err != nil {
			return err
		}
	}
	if err := r.listenAs(); err != nil {
		return err
	}
	for range s.pick(3, 10) {
		if err := r.ready(); err != nil {
			return err
		}
		for range 10 {
			if _, _, err := r.throw(0); err != nil {
				return err
			}
		}
		if err := r.users[0].Say(r.talk[0], r.sent[:]); err != nil {
			return err
		}
		r.world.Run(time.Second)
		r.replay(m, heading+", session standing")
		r.drop()
		r.world.Run(time.Second)
	}
	r.replay(m, heading+", sessions over")
	for _, after := range []time.Duration{5 * time.Second, 6 * time.Minute} {
		if err := r.users[1].Restart(false); err != nil {
			return err
		}
		if err := r.listenAs(); err != nil {
			return err
		}
		r.world.Run(after)
		r.replay(m, fmt.Sprintf("%s, %v after the owner began again", heading, after+10*time.Second))
	}
	if len(r.openings) == 0 || len(r.cells) == 0 {
		return fmt.Errorf("%w: nothing was recorded at the lease", errNoSession)
	}
	return nil
}

// storingLease is one with a key that its owner keeps.
func storingLease(w *lab.World) (*onion.ListenConfig, error) {
	random := w.Source("storing lease")
	key, err := lease.GenerateKey(random)
	if err != nil {
		return nil, err
	}
	knock, err := lease.GenerateKnockKey(random)
	return &onion.ListenConfig{
		Spec: lease.Spec{Kind: lease.Storing, Key: key, Knock: knock}, Purpose: path.StoringLeases, Relay: w.Relays()[11].ID(),
	}, err
}

// listenAs has the callee listen.
func (r *openingTape) listenAs() (err error) {
	if r.storing == nil {
		err = r.listen()
	} else {
		r.standing, err = r.users[1].ListenWith(*r.storing)
		r.world.Run(10 * time.Second)
	}
	if err == nil && !r.standing.Up {
		err = fmt.Errorf("%w: no lease", errNoSession)
	}
	return err
}

// note files what relays open of leases.
func (r *openingTape) note(at *lab.Relay, e *circuit.Event) {
	switch {
	case e.Kind == circuit.Early && cell.Operation(e.Data[0]) == cell.Open:
		r.openings = append(r.openings, slices.Clone(e.Data[cell.EarlyFirstLen-cell.OpeningLen:]))
	case e.Kind == circuit.Arrived && e.Message == cell.Listen:
		r.relay, r.circuit = at, e.Circuit
	case e.Kind == circuit.Arrived && e.Message == cell.Splice:
		r.cells = append(r.cells, slices.Clone(e.Data[cell.SpliceIDLen:]))
	}
}

// replay says everything to the owner again, as new splices, and counts what he takes.
func (r *openingTape) replay(m *Measurement, phase string) {
	heard := func() int {
		h := r.users[1].Heard
		return len(h.Talks) + len(h.Messages) + len(h.Datagrams)
	}
	before, said := heard(), 0
	random := r.world.Source("splices " + r.world.Now().String())
	for _, opening := range slices.Clone(r.openings) {
		id := make([]byte, cell.SpliceIDLen)
		random.Read(id)
		// Saying fails when the owner has closed the circuit, and then nothing comes of it.
		_ = r.relay.Say(r.circuit, cell.Opening, append(slices.Clone(id), opening...))
		for _, c := range r.cells {
			_ = r.relay.Say(r.circuit, cell.Splice, append(slices.Clone(id), c...))
			said++
		}
		said++
		r.world.Run(20 * time.Millisecond)
	}
	m.add(phase, never("sessions, messages or datagrams that came of it", heard()-before, said))
}
