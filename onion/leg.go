// Legs that this node opens: a circuit to the relay of somebody's lease, and what its cells are to a session.

package onion

import (
	"errors"
	"time"

	"sotto/noise"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

// callLeg is one leg that this node opens.
type callLeg struct {
	t  *Talk
	to Callee
	id session.Leg
}

// train implements traveller: an opening and what follows it.
func (l *callLeg) train(now time.Time, at *trip, _ *peer.Descriptor) ([]byte, []circuit.EarlyCell, error) {
	t, c := l.t, l.t.c
	if t.over {
		return nil, nil, session.ErrClosed
	}
	raw := l.to.Key.Bytes()
	key, err := noise.ParsePublicKey(raw[:])
	if err != nil {
		return nil, nil, err
	}
	overlay, relay := c.cfg.Overlay.Bytes(), l.to.Relay.Bytes()
	target := session.Target{
		Point: session.NewPoint(overlay, relay, l.to.ID.Bytes()), Key: key, Secret: t.call.Secret, RoundTrip: 2 * c.rtt,
	}
	c.lastLeg++
	l.id = c.lastLeg
	var train *session.Train
	if t.s == nil {
		t.s, train, err = session.Dial(now, session.DialConfig{Leg: l.id, Target: target, First: t.call.First, Rand: c.cfg.Rand})
		if err == nil {
			// A full table or listener means that there are too many; maxTalks keeps them below.
			if t.pair = t.call.Pair != (session.Pair{}) && c.table.Put(t.call.Pair, t.s) == nil; t.pair {
				for range t.more {
					c.table.Use(t.call.Pair)
				}
			}
			_ = c.listener.Admit(t.s)
		}
	} else {
		train, err = t.s.AddLeg(now, l.id, target)
	}
	if err != nil {
		return nil, nil, err
	}
	t.legs[l.id] = carrier{circuit: at.number}
	c.touch(t)
	first, err := lease.First(lease.NewPlace(overlay, relay), l.to.ID, l.to.Knock, train.Opening[:])
	if err != nil {
		return nil, nil, err
	}
	payloads, err := lease.Train(c.cfg.Rand, &train.Cells)
	if err != nil {
		return nil, nil, err
	}
	cells := make([]circuit.EarlyCell, len(payloads))
	for i := range payloads {
		cells[i] = circuit.EarlyCell{Message: cell.Splice, Payload: payloads[i][:]}
	}
	return first[:], cells, nil
}

// failed implements traveller.
func (l *callLeg) failed(now time.Time, _ *trip) { l.drop(now) }

// drop tells the session that the leg is gone.
func (l *callLeg) drop(now time.Time) {
	delete(l.t.legs, l.id)
	if l.t.s != nil {
		l.t.s.DropLeg(now, l.id)
		l.t.c.touch(l.t)
	}
}

// built implements traveller.
func (l *callLeg) built(time.Time, *trip) { l.t.miss = 0 }

// arrived implements traveller.
func (l *callLeg) arrived(now time.Time, at *trip, m cell.Message, payload []byte) {
	switch m {
	case cell.Splice:
		if content, ok := lease.ParseSplice(payload); ok && l.t.s != nil {
			l.t.s.Receive(now, l.id, content)
			l.t.c.touch(l.t)
		}
	case cell.Cut:
		l.t.c.end(at)
		l.drop(now)
	}
}

// lost implements traveller.
func (l *callLeg) lost(now time.Time, _ *trip, err error) {
	l.t.err = err
	l.drop(now)
}

// gaveUp implements traveller: there may be a path to another callee.
func (l *callLeg) gaveUp(now time.Time, err error) {
	t := l.t
	t.err = err
	t.miss++
	switch {
	case t.over || errors.Is(err, session.ErrFull): // it has all the legs that it may have
	case t.miss < len(t.call.Callees):
		t.reach(now)
	case t.s == nil:
		t.finish(now, session.Event{Kind: session.Closed, Err: err})
	}
}
