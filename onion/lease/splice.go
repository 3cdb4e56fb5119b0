// Openings and splices at the relay: who knocks rightly is joined with the owner, and cells go both ways.

package lease

import (
	"crypto/subtle"
	"encoding/binary"
	"io"
	"time"

	"sotto/internal/mutation"
	"sotto/onion/cell"
)

// splice is a caller's circuit joined with an owner's.
type splice struct {
	owner    *owner
	caller   Circuit
	neighbor Neighbor // the caller's
	id       SpliceID
	answered bool      // a cell came from the owner
	opened   time.Time // when the opening came
	last     time.Time // when a cell came from either
	up, down bucket    // towards the owner, towards the caller
}

// Early takes the early data of a circuit that was created here, if its operation is cell.Open. Whatever is wrong with an
// opening, the answer is the same Cut at once.
//
// Knock before rate and bounds: without the knock key nobody uses up what the owner lets through, and a flood costs one
// MAC each here and nothing at the owner.
func (r *Registry) Early(now time.Time, c Circuit, n Neighbor, first []byte) []Action {
	r.out.begin()
	o, ok := parseFirst(first)
	if !ok || r.callers[c] != nil || r.owners[c] != nil {
		return nil
	}
	to, key := r.leases[o.id], r.nobody
	if to != nil {
		key = to.knock
	}
	mac := knock(r.place, key, o.id, o.bytes)
	ok = subtle.ConstantTimeCompare(mac[:], o.knock[:]) == 1 || mutation.Active(noKnock)
	if !ok || to == nil || !r.allowed(now, to, n) || !r.join(now, c, n, to, o.bytes) {
		r.out.cut(c, 0)
	}
	return r.out.list
}

// allowed reports whether an opening is within the bounds, and within what its owner lets through.
func (r *Registry) allowed(now time.Time, o *owner, n Neighbor) bool {
	return r.room(o, n) && o.bucket.take(now, o.openings) || mutation.Active(noOpeningLimits)
}

// room reports whether there may be one more splice.
func (r *Registry) room(o *owner, n Neighbor) bool {
	caller, ends := r.shareOf(n).ends, r.shareOf(o.neighbor).ends
	r.release(n)
	most := r.limits.SplicesPerNeighbor - 1
	if n == o.neighbor {
		most--
	}
	return len(r.callers) < r.limits.Splices && len(o.splices) < r.limits.SplicesPerLease && max(caller, ends) <= most
}

// join makes a splice and tells the owner, twice, since all other cells of the opening depend on this one.
func (r *Registry) join(now time.Time, c Circuit, n Neighbor, o *owner, opening []byte) bool {
	var b [cell.SpliceIDLen]byte
	var id SpliceID
	for used := true; used; used = o.splices[id] != nil {
		if _, err := io.ReadFull(r.rand, b[:]); err != nil {
			return false
		}
		id = SpliceID(binary.BigEndian.Uint32(b[:]))
	}
	if o.splices == nil {
		o.splices = map[SpliceID]*splice{}
	}
	s := &splice{owner: o, caller: c, neighbor: n, id: id, opened: now, last: now}
	o.splices[id], r.callers[c] = s, s
	r.shareOf(n).ends++
	r.shareOf(o.neighbor).ends++
	if r.sweep.IsZero() {
		r.sweep = now.Add(r.limits.Idle / 16)
	}
	payload := appendOpened(make([]byte, 0, openedLen), id, opening)
	r.out.send(o.circuit, cell.Opening, payload)
	r.out.send(o.circuit, cell.Opening, payload)
	return true
}

// pass hands a cell from one end to the other. An owner is told if there is no such splice, since its Cut may have been
// lost; a caller is not, or it would get one for every cell behind a refused opening.
func (r *Registry) pass(now time.Time, c Circuit, payload []byte) []Action {
	id, _, ok := parseSplice(payload)
	if !ok {
		return nil
	}
	cells := rate{float64(r.limits.CellsPerSecond), float64(r.limits.CellsBurst)}
	if s := r.callers[c]; s != nil {
		s.last = now
		if !s.up.take(now, cells) {
			return nil
		}
		binary.BigEndian.PutUint32(payload, uint32(s.id))
		r.passed[0] = Action{ActSend, s.owner.circuit, cell.Splice, payload}
		return r.passed[:]
	}
	o := r.owners[c]
	if o == nil {
		return nil
	}
	s := o.splices[id]
	if s == nil {
		r.out.cut(c, id)
		return r.out.list
	}
	s.last, s.answered = now, true
	if !s.down.take(now, cells) {
		return nil
	}
	clear(payload[:cell.SpliceIDLen])
	r.passed[0] = Action{ActSend, s.caller, cell.Splice, payload}
	return r.passed[:]
}

// cutBy ends a splice as one of its ends wishes.
func (r *Registry) cutBy(c Circuit, payload []byte) {
	id, _, ok := parseSplice(payload)
	if !ok {
		return
	}
	if s := r.callers[c]; s != nil {
		r.out.cut(s.owner.circuit, s.id)
		r.forget(s)
	} else if o := r.owners[c]; o != nil && o.splices[id] != nil {
		r.out.cut(o.splices[id].caller, 0)
		r.forget(o.splices[id])
	}
}

// forget takes a splice out of all tables.
func (r *Registry) forget(s *splice) {
	delete(r.callers, s.caller)
	delete(s.owner.splices, s.id)
	r.shareOf(s.neighbor).ends--
	r.shareOf(s.owner.neighbor).ends--
	r.release(s.neighbor)
	r.release(s.owner.neighbor)
	if len(r.callers) == 0 {
		r.sweep = time.Time{}
	}
}

// Next is when Tick is due; zero means never.
func (r *Registry) Next() time.Time { return r.sweep }

// Tick ends the splices that have been idle or unanswered for too long. It looks at all of them, at most 8 192 each 19
// seconds by default, so that a cell need not move its splice in an order.
func (r *Registry) Tick(now time.Time) []Action {
	r.out.begin()
	if r.sweep.IsZero() || now.Before(r.sweep) {
		return nil
	}
	r.sweep = now.Add(r.limits.Idle / 16)
	for _, s := range r.callers {
		if now.Sub(s.last) >= r.limits.Idle || !s.answered && now.Sub(s.opened) >= r.limits.Unanswered {
			r.out.cut(s.caller, 0)
			r.out.cut(s.owner.circuit, s.id)
			r.forget(s)
		}
	}
	return r.out.list
}
