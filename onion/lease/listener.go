// One circuit of an owner from the first Listen to the end of its last session.

package lease

import (
	"slices"
	"time"

	"sotto/internal/mutation"
	"sotto/onion/cell"
)

// listenerState is how far a circuit is.
type listenerState uint8

const (
	asking   listenerState = iota // no answer yet
	standing                      // its lease takes openings
	retired                       // it only has sessions that are not over
)

// listener is a circuit that listens.
type listener struct {
	want    *want
	circuit Circuit
	state   listenerState
	lease   Lease
	payload []byte    // of its Listen
	tries   int       // since the last answer
	due     time.Time // of the next Listen, or of giving up
	stood   time.Time
	renew   time.Time // when another one is sought; zero if it is, or never
	until   time.Time // when it retires; zero for never
	bucket  bucket    // of openings

	legs  map[SpliceID]time.Time
	ended ring
	held  []early
	sweep time.Time
}

// listener prepares a circuit to listen on: a short-lived lease gets its keys here.
func (o *Owner) listener(w *want, c Circuit, far Far) (*listener, error) {
	l := &listener{want: w, circuit: c, lease: Lease{Place: NewPlace(o.overlay, far.Relay), Key: w.spec.Key, Knock: w.spec.Knock}}
	if w.spec.Kind == ShortLived {
		var err error
		if l.lease.Key, err = GenerateKey(o.rand); err != nil {
			return nil, err
		}
		if l.lease.Knock, err = GenerateKnockKey(o.rand); err != nil {
			return nil, err
		}
	}
	shared, err := l.lease.Key.agree(far.OnionKey)
	if err != nil {
		return nil, err
	}
	m := listen{kind: w.spec.Kind, public: l.lease.Key.public, knock: l.lease.Knock, perMinute: w.spec.PerMinute, burst: w.spec.Burst}
	m.proof = prove(l.lease.Place, shared, far.Binding, &m)
	l.payload = appendListen(nil, &m)
	return l, nil
}

// listen sends the Listen of a circuit, the first one and all later ones.
func (o *Owner) listen(now time.Time, l *listener) {
	l.tries++
	l.due = now.Add(answerTime)
	o.out.send(l.circuit, cell.Listen, l.payload)
}

// listening takes the answer of a relay.
func (o *Owner) listening(now time.Time, l *listener, payload []byte) {
	id, isGiven, ok := parseListening(payload)
	if !ok || !isGiven || l.state != asking && id != l.lease.ID {
		o.lose(now, l, true)
		return
	}
	l.tries = 0
	l.due = now.Add(probeLeast + o.random(probeMost-probeLeast))
	if l.state == asking {
		o.stand(now, l, id)
	}
}

// stand begins to use a lease, and retires the one before.
func (o *Owner) stand(now time.Time, l *listener, id ID) {
	w := l.want
	l.state, l.stood, l.lease.ID = standing, now, id
	if s := w.spec; s.Kind == ShortLived {
		l.until = now.Add(s.Lifetime)
		l.renew = l.until.Add(-s.Overlap)
		l.lease.Until = l.until
	}
	old := w.current
	w.current, w.next = l, nil
	o.out.add(Step{Kind: StepStanding, Want: w.id, Circuit: l.circuit, Lease: l.lease})
	if old == nil {
		return
	}
	// It takes openings until its end: records that name it are still about.
	o.age(old)
}

// age puts a circuit, which is current no longer, with the older ones.
func (o *Owner) age(l *listener) {
	w := l.want
	w.older = append(w.older, l)
	if len(w.older) > maxOlder {
		o.end(w.older[0], true)
	}
}

// tick does what is due on a circuit.
func (o *Owner) tick(now time.Time, l *listener) {
	if isDue(l.sweep, now) {
		o.sweepLegs(now, l)
	}
	if isDue(l.until, now) {
		o.retire(l)
	}
	if isDue(l.renew, now) {
		l.renew = time.Time{}
		o.ask(l.want)
	}
	if isDue(l.due, now) {
		if l.tries >= listenTries {
			o.lose(now, l, true)
			return
		}
		o.listen(now, l)
	}
	o.tidy(l)
}

// forget wipes the key of a short-lived lease. That of a storing one is its holder's.
func (l *listener) forget() {
	if l.want.spec.Kind == ShortLived && !mutation.Active(noForgetting) {
		l.lease.Key.Wipe()
	}
}

// retire takes no more openings: the key is forgotten, sessions go on.
func (o *Owner) retire(l *listener) {
	w := l.want
	o.out.add(Step{Kind: StepGone, Want: w.id, Circuit: l.circuit, Lease: l.lease})
	l.forget()
	l.state, l.until, l.renew = retired, time.Time{}, time.Time{}
	if w.current == l {
		w.current = nil
		o.age(l)
		o.ask(w)
	}
}

// tidy closes a retired circuit that has no session left.
func (o *Owner) tidy(l *listener) {
	if o.listeners[l.circuit] == l && l.state == retired && len(l.legs) == 0 {
		o.end(l, true)
	}
}

// lose ends a circuit that failed, and sees to another one if it was needed.
func (o *Owner) lose(now time.Time, l *listener, open bool) {
	w := l.want
	needed := w.current == l || w.next == l
	if l.state == standing && now.Sub(l.stood) >= settled {
		w.failures = 0
	}
	o.end(l, open)
	if needed && !w.asked && w.next == nil {
		o.pause(now, w)
	}
}

// end forgets a circuit with its sessions, and closes it if it is still open.
func (o *Owner) end(l *listener, open bool) {
	w := l.want
	for id := range l.legs {
		o.over(l, id)
	}
	if l.state == standing {
		o.out.add(Step{Kind: StepGone, Want: w.id, Circuit: l.circuit, Lease: l.lease})
	}
	l.forget()
	if open {
		o.out.close(l.circuit)
	}
	delete(o.listeners, l.circuit)
	if w.current == l {
		w.current = nil
	}
	if w.next == l {
		w.next = nil
	}
	w.older = slices.DeleteFunc(w.older, func(r *listener) bool { return r == l })
}
