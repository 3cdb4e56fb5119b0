// The sessions on an owner's circuit: legs, and cells that overtook their opening.

package lease

import (
	"slices"
	"time"

	"sotto/onion/cell"
)

// Bounds of one circuit of an owner. Its relay can reach them, nobody else.
const (
	// maxLegs is how many splices there are at a time, as many as a relay allows by default. An opening beyond is cut.
	maxLegs = 64
	// maxHeld cells wait up to heldTime for an opening: two trains. Others are dropped.
	maxHeld  = 2 * cell.MaxEarly
	heldTime = time.Second
	// legSweep is how exactly legs and held cells meet their end.
	legSweep = 30 * time.Second
)

// early is a cell that came before its opening.
type early struct {
	id   SpliceID
	came time.Time
	cell [cell.SessionLen]byte
}

// ring remembers the splices that ended last: what comes late for them is not taken for something new.
type ring struct {
	ids  [32]SpliceID
	n    int // how many there ever were
	next int
}

func (r *ring) add(id SpliceID) {
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
	r.n++
}

func (r *ring) has(id SpliceID) bool { return slices.Contains(r.ids[:min(r.n, len(r.ids))], id) }

// opened takes an Opening. It comes twice, and the second one is nothing new.
func (o *Owner) opened(now time.Time, l *listener, payload []byte) {
	id, opening, _ := parseOpened(payload)
	if _, is := l.legs[id]; is || l.ended.has(id) {
		return
	}
	// A relay that keeps to the limit it was given is never refused here: half of the burst may have been held up.
	most := rate{float64(l.want.spec.PerMinute) / 60, 2 * float64(l.want.spec.Burst)}
	if l.state != standing || len(l.legs) >= maxLegs || !l.bucket.take(now, most) {
		o.refuse(l, id)
		return
	}
	if l.legs == nil {
		l.legs = map[SpliceID]time.Time{}
	}
	l.legs[id] = now
	o.sweepBy(l, now.Add(legSweep))
	leg := Leg{l.circuit, id}
	o.out.add(Step{Kind: StepOpening, Want: l.want.id, Leg: leg, Lease: l.lease, Payload: opening})
	l.held = slices.DeleteFunc(l.held, func(e early) bool {
		if e.id == id && now.Sub(e.came) < heldTime {
			o.out.add(Step{Kind: StepCell, Leg: leg, Payload: slices.Clone(e.cell[:])})
		}
		return e.id == id
	})
}

// session takes a Splice.
func (o *Owner) session(now time.Time, l *listener, payload []byte) []Step {
	id, session, _ := parseSplice(payload)
	if _, is := l.legs[id]; is {
		l.legs[id] = now
		o.heard[0] = Step{Kind: StepCell, Leg: Leg{l.circuit, id}, Payload: session}
		return o.heard[:]
	}
	if l.state == standing && !l.ended.has(id) && len(l.held) < maxHeld {
		l.held = append(l.held, early{id, now, [cell.SessionLen]byte(session)})
		o.sweepBy(l, now.Add(heldTime))
	}
	return nil
}

// Send sends a cell of cell.SessionLen bytes on a leg, or is ErrLeg or ErrCell. What it returns is valid until the next
// Send.
func (o *Owner) Send(now time.Time, leg Leg, session []byte) ([]Step, error) {
	l := o.listeners[leg.Circuit]
	if l == nil {
		return nil, ErrLeg
	}
	if _, is := l.legs[leg.Splice]; !is {
		return nil, ErrLeg
	}
	if len(session) != cell.SessionLen {
		return nil, ErrCell
	}
	l.legs[leg.Splice] = now
	payload := append(appendCut(o.payload[:0], leg.Splice), session...)
	o.said[0] = Step{Kind: StepSend, Circuit: leg.Circuit, Message: cell.Splice, Payload: payload}
	return o.said[:], nil
}

// Cut ends a leg, if it is not over. There is no StepCut for it.
func (o *Owner) Cut(leg Leg) []Step {
	o.out.begin()
	l := o.listeners[leg.Circuit]
	if l == nil {
		return nil
	}
	if _, is := l.legs[leg.Splice]; is {
		delete(l.legs, leg.Splice)
		o.refuse(l, leg.Splice)
		o.tidy(l)
	}
	return o.out.list
}

// cut takes a Cut, which may have overtaken its opening.
func (o *Owner) cut(l *listener, payload []byte) {
	id, _, _ := parseSplice(payload)
	if _, is := l.legs[id]; is {
		o.over(l, id)
		return
	}
	l.ended.add(id)
	l.held = slices.DeleteFunc(l.held, func(e early) bool { return e.id == id })
}

// refuse tells the relay that a splice is over.
func (o *Owner) refuse(l *listener, id SpliceID) {
	l.ended.add(id)
	o.out.send(l.circuit, cell.Cut, appendCut(nil, id))
}

// over ends a leg that the other side has ended.
func (o *Owner) over(l *listener, id SpliceID) {
	delete(l.legs, id)
	l.ended.add(id)
	o.out.add(Step{Kind: StepCut, Leg: Leg{l.circuit, id}})
}

// sweepBy looks at legs and held cells no later than a time.
func (o *Owner) sweepBy(l *listener, t time.Time) {
	if l.sweep.IsZero() || t.Before(l.sweep) {
		l.sweep = t
	}
}

// sweepLegs ends legs that were idle, and splices whose opening never came: their relay and caller learn it.
func (o *Owner) sweepLegs(now time.Time, l *listener) {
	l.sweep = time.Time{}
	for id, last := range l.legs {
		if now.Sub(last) >= legIdle {
			o.over(l, id)
			o.refuse(l, id)
		}
	}
	var lost []SpliceID
	l.held = slices.DeleteFunc(l.held, func(e early) bool {
		if now.Sub(e.came) < heldTime {
			o.sweepBy(l, e.came.Add(heldTime))
			return false
		}
		if !slices.Contains(lost, e.id) {
			lost = append(lost, e.id)
		}
		return true
	})
	for _, id := range lost {
		o.refuse(l, id)
		l.held = slices.DeleteFunc(l.held, func(e early) bool { return e.id == id })
	}
	if len(l.legs) > 0 {
		o.sweepBy(l, now.Add(legSweep))
	}
}
