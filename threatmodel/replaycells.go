package threatmodel

import (
	"context"
	"time"

	"sotto/onion/cell"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/threatmodel/lab"
)

// P08 for circuits: every cell that went from hand to hand in a world of users is handed over again, by those who had it
// and by others, while circuits stand, after relays have begun again, and later.

// cellTape is what was recorded.
type cellTape struct {
	from, to *lab.Hands
	frame    []byte
	command  cell.Command
}

// cellReplay is a world with its recording.
type cellReplay struct {
	*pairRun
	tape    []cellTape
	replies []*lab.Reply
}

// measureCellReplay is the part of P08 about circuits.
func measureCellReplay(ctx context.Context, s Scale) (Measurement, error) {
	return replayCells(ctx, s, false)
}

// controlCreatesClaimFresh restarts relays that say that their onion key was never used.
func controlCreatesClaimFresh(ctx context.Context, s Scale) (Measurement, error) {
	return replayCells(ctx, s, true)
}

func replayCells(ctx context.Context, s Scale, claimFresh bool) (Measurement, error) {
	m := Measurement{Seed: replaySeed}
	p, err := newPairRun(replaySeed, lab.WorldConfig{Bare: true, Relays: 12, Relay: func(_ int, c *lab.RelayConfig) {
		c.ClaimFresh = claimFresh
	}})
	if err != nil {
		return m, err
	}
	r := &cellReplay{pairRun: p}
	if err := r.record(s.pick(40, 1000)); err != nil {
		return m, err
	}
	forward := func(c cellTape) bool { return c.command != cell.Backward }
	all := func(cellTape) bool { return true }
	r.replay(&m, "cells, circuits standing: away from the origin", forward, true)
	r.elsewhere(&m, "cells, circuits standing: over other links", all)
	r.backwards(&m)
	for _, relay := range r.world.Relays() {
		if err := relay.Restart(); err != nil {
			return m, err
		}
	}
	r.replay(&m, "cells, relays begun again", all, true)
	r.elsewhere(&m, "cells, relays begun again: over other links", all)
	r.world.Run(11 * time.Minute)
	r.replay(&m, "cells, 11 minutes later", all, true)
	m.remark("recorded: %d cells of stems, requests, a lease and its sessions, as they went from hand to hand; each handed over again by who had it and by two others, in order and shuffled", len(r.tape))
	return m, ctx.Err()
}

// record has users ask, listen, call and talk, and stops while a session stands.
func (r *cellReplay) record(datagrams int) error {
	r.world.Touch(func(p lab.Passing) bool {
		_, command := cell.Header(p.Frame)
		r.tape = append(r.tape, cellTape{p.From, p.To, append([]byte(nil), p.Frame...), command})
		return true
	})
	if err := r.listen(); err != nil {
		return err
	}
	for _, far := range r.world.Relays()[:4] {
		for _, service := range []request.Service{request.Echo, request.EchoTrain} {
			r.replies = append(r.replies, r.users[0].Ask(far, path.Lookups, service, []byte("what?")))
			r.world.Run(2 * time.Second)
		}
	}
	if err := r.ready(); err != nil {
		return err
	}
	r.drop()
	if err := r.ready(); err != nil {
		return err
	}
	for i := range datagrams {
		if _, _, err := r.throw(i % 2); err != nil {
			return err
		}
		if err := r.users[i%2].Say(r.talk[i%2], r.sent[:]); err != nil {
			return err
		}
		r.world.Run(100 * time.Millisecond)
	}
	r.world.Touch(nil)
	return nil
}

// counts adds up what all nodes have done with circuits.
func (r *cellReplay) counts() map[string]int {
	c := make(map[string]int)
	for _, relay := range r.world.Relays() {
		n := relay.Counters()
		leases, splices := relay.Leases()
		c["circuits made"] += int(n.Created)
		c["circuits that grew"] += int(n.Extended)
		c["cells passed on, away from the origin"] += int(n.Forwarded)
		c["messages opened"] += relay.Saw.Opened
		c["leases and splices that came or went"] += 1_000_000*leases + splices
	}
	for _, u := range r.users {
		h := u.Heard
		c["delivered to users"] += len(h.Messages) + len(h.Datagrams) + len(h.Talks) + h.Accepted
	}
	return c
}

// effects are the counts that a replay must leave as they are.
func effects() []string {
	return []string{
		"circuits made", "circuits that grew", "cells passed on, away from the origin", "messages opened",
		"leases and splices that came or went", "delivered to users",
	}
}

// give hands cells over again, in order and shuffled, by who had them or by others, and returns how many.
func (r *cellReplay) give(wanted func(cellTape) bool, own bool) (given int) {
	shuffled := r.world.Source("shuffled cells").Perm(len(r.tape))
	for pass := range 2 {
		for i := range r.tape {
			if pass == 1 {
				i = shuffled[i]
			}
			c := r.tape[i]
			if !wanted(c) {
				continue
			}
			if own {
				r.world.Hand(c.to, c.from.Place(), c.frame)
				given++
				continue
			}
			for _, other := range r.world.Relays()[:3] {
				if other.Hands != c.from && other.Hands != c.to {
					r.world.Hand(c.to, other.Place(), c.frame)
					given++
				}
			}
		}
	}
	return given
}

// replay hands cells over again and adds up what it did. No time goes by.
func (r *cellReplay) replay(m *Measurement, phase string, wanted func(cellTape) bool, own bool) {
	before := r.counts()
	given := r.give(wanted, own)
	after := r.counts()
	for _, what := range effects() {
		difference := after[what] - before[what]
		m.add(phase, never(what, max(difference, -difference), given))
	}
}

// elsewhere is the same over links of others.
func (r *cellReplay) elsewhere(m *Measurement, phase string, wanted func(cellTape) bool) {
	r.replay(m, phase, wanted, false)
}

// backwards hands backward cells over again. The origin of each closes its circuit, as it must; nobody may get anything.
func (r *cellReplay) backwards(m *Measurement) {
	const phase = "cells, circuits standing: towards the origin"
	before, circuits := r.counts(), r.circuits()
	given := r.give(func(c cellTape) bool { return c.command == cell.Backward }, true)
	after := r.counts()
	m.add(phase, never("delivered to users", max(0, after["delivered to users"]-before["delivered to users"]), given),
		shown("circuits of users that stood before", float64(circuits), ""))
}

func (r *cellReplay) circuits() (n int) {
	for _, u := range r.users {
		n += u.Status().Circuits
	}
	return n
}
