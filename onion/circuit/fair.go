// Fair shares of a bounded rate: over it, every circuit may have a few cells waiting, circuits take turns, and what is
// too much is dropped, oldest first, instead of delayed.

package circuit

import (
	"slices"
	"time"

	"sotto/onion/cell"
)

const (
	// maxWaiting is how many cells of one circuit wait, at most: voice at 50 cells a second would be late by more.
	maxWaiting = 4
	// maxAllWaiting bounds the cells that wait, 2 MB. At the bound a circuit that has several waiting loses its oldest.
	maxAllWaiting = 4096
	// maxLook is how many circuits are looked at for one that has several cells waiting. In a crowd that floods the first
	// one has; in one that does not, all are equal.
	maxLook = 16
	// fairBurst is how much of a second's cells may leave at once.
	fairBurst = 0.02
	// minFairBurst lets a train pass whatever the rate.
	minFairBurst = 16
)

// fair is the rate and what waits for it.
type fair struct {
	rate, burst, tokens float64
	filled              time.Time
	first, last         *share // circuits with cells waiting: whose turn it is, and whose it is after all others
	byCircuit           map[*transit]*share
	waiting             int
}

// share is what waits of one circuit.
type share struct {
	circuit       *transit
	cells         []Out
	before, after *share
}

func newFair(now time.Time, rate float64) *fair {
	burst := max(minFairBurst, rate*fairBurst)
	return &fair{rate: rate, burst: burst, tokens: burst, filled: now, byCircuit: make(map[*transit]*share)}
}

func (f *fair) fill(now time.Time) {
	f.tokens = min(f.burst, f.tokens+f.rate*max(0, now.Sub(f.filled).Seconds()))
	f.filled = now
}

// pass reports whether a cell may leave at once.
func (f *fair) pass(now time.Time) bool {
	f.fill(now)
	if f.waiting > 0 || f.tokens < 1 {
		return false
	}
	f.tokens--
	return true
}

// push lets an own frame wait, and returns the one that is dropped for it, if any.
func (f *fair) push(c *transit, o Out) (dropped []byte) {
	s := f.byCircuit[c]
	if s == nil {
		s = &share{circuit: c}
		f.byCircuit[c] = s
		f.join(s)
	}
	s.cells = append(s.cells, o)
	f.waiting++
	switch {
	case len(s.cells) > maxWaiting:
		return f.shift(s)
	case f.waiting > maxAllWaiting:
		return f.shift(f.greedy(s))
	}
	return nil
}

// greedy is a circuit with several cells waiting: s, which has just got one, or one of those whose turn is farthest away.
// Else a crowd that floods would have all the room, and who sends now and then none. It is s if there is no such near.
func (f *fair) greedy(s *share) *share {
	if len(s.cells) > 1 {
		return s
	}
	r := f.last
	for range maxLook {
		if r == nil || len(r.cells) > 1 {
			break
		}
		r = r.before
	}
	if r == nil || len(r.cells) < 2 {
		return s
	}
	return r
}

// shift takes the oldest cell of a share.
func (f *fair) shift(s *share) []byte {
	frame := s.cells[0].Frame
	s.cells = slices.Delete(s.cells, 0, 1)
	f.waiting--
	if len(s.cells) == 0 {
		f.leave(s)
	}
	return frame
}

// join puts a share behind all others.
func (f *fair) join(s *share) {
	s.before, s.after = f.last, nil
	if f.last != nil {
		f.last.after = s
	} else {
		f.first = s
	}
	f.last = s
}

// part takes a share out.
func (f *fair) part(s *share) {
	if s.before != nil {
		s.before.after = s.after
	} else {
		f.first = s.after
	}
	if s.after != nil {
		s.after.before = s.before
	} else {
		f.last = s.before
	}
}

func (f *fair) leave(s *share) {
	delete(f.byCircuit, s.circuit)
	f.part(s)
}

// pop returns a cell that may leave now.
func (f *fair) pop(now time.Time) (Out, bool) {
	f.fill(now)
	if f.waiting == 0 || f.tokens < 1 {
		return Out{}, false
	}
	f.tokens--
	s := f.first
	o := s.cells[0]
	f.part(s)
	f.join(s)
	f.shift(s)
	return o, true
}

// cancel forgets what waits of a circuit that is gone.
func (f *fair) cancel(c *transit) {
	if s := f.byCircuit[c]; s != nil {
		f.waiting -= len(s.cells)
		f.leave(s)
	}
}

// forget drops what waits for a link that is lost.
func (f *fair) forget(n Neighbor) {
	for s, next := f.first, (*share)(nil); s != nil; s = next {
		next = s.after
		before := len(s.cells)
		s.cells = slices.DeleteFunc(s.cells, func(o Out) bool { return o.To == n })
		f.waiting -= before - len(s.cells)
		if len(s.cells) == 0 {
			f.leave(s)
		}
	}
}

// deadline is when the next waiting cell may leave; zero if none waits.
func (f *fair) deadline() time.Time {
	if f.waiting == 0 {
		return time.Time{}
	}
	// Later by a moment than the arithmetic says: a tick that comes too early lets nothing go, and is due again at once.
	return f.filled.Add(time.Duration(max(0, 1-f.tokens)/f.rate*float64(time.Second)) + time.Nanosecond)
}

// emit sends a cell of a circuit from where it lies, or lets it wait.
func (t *Transit) emit(now time.Time, c *transit, to Neighbor, frame []byte) {
	if t.fair == nil || t.fair.pass(now) {
		t.pass(to, frame)
		return
	}
	own := t.frame()
	copy(own[:cell.FrameLen], frame)
	t.wait(c, to, own)
}

// emitOwn is emit for a frame of the machine's own.
func (t *Transit) emitOwn(now time.Time, c *transit, to Neighbor, frame []byte) {
	if t.fair == nil || t.fair.pass(now) {
		t.send(to, frame)
		return
	}
	t.wait(c, to, frame)
}

func (t *Transit) wait(c *transit, to Neighbor, own []byte) {
	if dropped := t.fair.push(c, Out{to, own, true}); dropped != nil {
		t.count.CellsDropped++
		t.drop(dropped)
	}
}

// drain sends what may leave now.
func (t *Transit) drain(now time.Time) {
	for t.fair != nil {
		o, ok := t.fair.pop(now)
		if !ok {
			return
		}
		t.send(o.To, o.Frame)
	}
}
