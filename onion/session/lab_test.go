package session

// Two ends and the wires between them in virtual time: what every other test plays on.

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/noise"
	"sotto/onion/cell"
)

// The wire of the goal: six links of 40 ms with 1 % loss each.
const (
	labDelay = 240 * time.Millisecond
	labLoss  = 1 - 0.99*0.99*0.99*0.99*0.99*0.99
)

var labStart = time.Unix(1_800_000_000, 0)

func labRand(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func labKey(t testing.TB, seed byte) *noise.StaticKey {
	t.Helper()
	k, err := noise.GenerateStaticKey(labRand(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func labSecret(t testing.TB, b byte) Secret {
	t.Helper()
	raw := make([]byte, keyLen)
	for i := range raw {
		raw[i] = b
	}
	s, err := NewSecret(raw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func labPoint() Point {
	return NewPoint([32]byte{1}, [32]byte{2}, [cell.LeaseIDLen]byte{3})
}

// wire is what a leg does to cells, the same both ways.
type wire struct {
	loss, twice   float64
	delay, jitter time.Duration
	cut           bool
}

// parcel is under way.
type parcel struct {
	at      time.Time
	order   int
	to      int
	leg     Leg
	opening []byte
	cell    []byte
}

type parcels []parcel

func (p parcels) Len() int { return len(p) }
func (p parcels) Less(i, j int) bool {
	return p[i].at.Before(p[j].at) || p[i].at.Equal(p[j].at) && p[i].order < p[j].order
}
func (p parcels) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *parcels) Push(x any)   { *p = append(*p, x.(parcel)) }
func (p *parcels) Pop() any {
	x := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return x
}

// seenEvent is an event and when it came.
type seenEvent struct {
	Event
	at time.Time
}

// world is two ends: 0 dials, 1 answers.
type world struct {
	t        testing.TB
	now      time.Time
	rng      *rand.Rand
	wires    map[Leg]*wire
	under    parcels
	order    int
	ends     [2]*Session
	listener *Listener
	accept   bool
	take     [2]bool
	events   [2][]seenEvent
	sent     [2]int // cells
	on       func(end int, e seenEvent)
	tap      func(to int, p *parcel) // sees and may change all that arrives
}

func newWorld(t testing.TB, seed uint64, w wire) *world {
	t.Helper()
	l, err := NewListener(labRand(9), 16)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetLeases([]Lease{{Point: labPoint(), Key: labKey(t, 1)}}); err != nil {
		t.Fatal(err)
	}
	if err := l.SetContacts([]Contact{{ID: 7, Secret: labSecret(t, 7)}, {ID: 8, Secret: labSecret(t, 8)}}); err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, now: labStart, rng: rand.New(rand.NewPCG(seed, 1)), wires: map[Leg]*wire{1: &w}, listener: l, accept: true, take: [2]bool{true, true},
	}
}

func (w *world) target() Target { return Target{Point: labPoint(), Key: labKey(w.t, 1).Public()} }

// dial begins a session on leg 1.
func (w *world) dial(first []byte) *Train { return w.dialWith(first, w.target(), 5) }

func (w *world) dialWith(first []byte, target Target, seed byte) *Train {
	w.t.Helper()
	s, train, err := Dial(w.now, DialConfig{Leg: 1, Target: target, First: first, Rand: labRand(seed)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ends[0] = s
	w.carryTrain(1, train)
	return train
}

// addLeg adds a leg from the dialling end.
func (w *world) addLeg(id Leg, on wire) error {
	w.wires[id] = &on
	train, err := w.ends[0].AddLeg(w.now, id, w.target())
	if err != nil {
		return err
	}
	w.carryTrain(id, train)
	w.drain(0)
	return nil
}

func (w *world) carryTrain(id Leg, t *Train) {
	w.put(1, id, t.Opening[:], nil)
	for i := range t.Cells {
		w.put(1, id, nil, t.Cells[i][:])
	}
}

// put puts a parcel on a wire.
func (w *world) put(to int, id Leg, opening, c []byte) {
	on := w.wires[id]
	if on == nil || on.cut {
		return
	}
	copies := 1
	if w.rng.Float64() < on.twice {
		copies = 2
	}
	for range copies {
		if w.rng.Float64() < on.loss {
			continue
		}
		at := w.now.Add(on.delay)
		if on.jitter > 0 {
			at = at.Add(time.Duration(w.rng.Int64N(int64(on.jitter))))
		}
		w.order++
		p := parcel{at: at, order: w.order, to: to, leg: id}
		if opening != nil {
			p.opening = append([]byte(nil), opening...)
		} else {
			p.cell = append([]byte(nil), c...)
		}
		heap.Push(&w.under, p)
	}
}

// drain takes what an end has to say.
func (w *world) drain(end int) {
	s := w.ends[end]
	if s == nil {
		return
	}
	for w.take[end] {
		events := s.Events(w.now)
		if len(events) == 0 {
			break
		}
		for _, e := range append([]Event(nil), events...) {
			e.Bytes = append([]byte(nil), e.Bytes...)
			seen := seenEvent{e, w.now}
			w.events[end] = append(w.events[end], seen)
			if w.on != nil {
				w.on(end, seen)
			}
		}
	}
	for _, c := range s.Outgoing() {
		w.sent[end]++
		w.put(1-end, c.Leg, nil, c.Bytes[:])
	}
}

// deliver hands a parcel over.
func (w *world) deliver(p *parcel) {
	if w.tap != nil {
		w.tap(p.to, p)
	}
	if on := w.wires[p.leg]; on == nil || on.cut {
		return
	}
	if p.opening != nil {
		s, fresh, err := w.listener.Open(w.now, labPoint(), p.leg, p.opening)
		if err != nil {
			return
		}
		if fresh {
			w.ends[1] = s
			if w.accept {
				s.Accept(w.now)
			}
		}
		w.drain(1)
		return
	}
	if s := w.ends[p.to]; s != nil {
		s.Receive(w.now, p.leg, p.cell)
		w.drain(p.to)
	}
}

// run lets time pass until a moment, or until done says so.
func (w *world) run(until time.Time, done func() bool) bool {
	w.drain(0)
	w.drain(1)
	for done == nil || !done() {
		next, who := until, -1
		for end, s := range w.ends {
			if s != nil && !s.Deadline().IsZero() && s.Deadline().Before(next) {
				next, who = s.Deadline(), end
			}
		}
		if len(w.under) > 0 && !w.under[0].at.After(next) {
			p := heap.Pop(&w.under).(parcel)
			w.now = p.at
			w.deliver(&p)
			continue
		}
		if who < 0 {
			w.now = until
			return done == nil
		}
		if next.After(w.now) {
			w.now = next
		}
		w.ends[who].Tick(w.now)
		w.drain(who)
	}
	return true
}

func (w *world) runFor(d time.Duration) { w.t.Helper(); w.run(w.now.Add(d), nil) }

// count counts events of a kind.
func (w *world) count(end int, k Kind) (n int) {
	for _, e := range w.events[end] {
		if e.Kind == k {
			n++
		}
	}
	return n
}

// last is the last event of a kind.
func (w *world) last(end int, k Kind) (seenEvent, bool) {
	for i := len(w.events[end]) - 1; i >= 0; i-- {
		if w.events[end][i].Kind == k {
			return w.events[end][i], true
		}
	}
	return seenEvent{}, false
}

// up dials and waits until both ends stand.
func up(t testing.TB, seed uint64, on wire) *world {
	t.Helper()
	w := newWorld(t, seed, on)
	w.dial(nil)
	if !w.run(w.now.Add(20*time.Second), func() bool { return w.count(0, Accepted) > 0 && w.count(1, Established) > 0 }) {
		t.Fatalf("seed %d: no session", seed)
	}
	return w
}

func filled(n int, seed byte) []byte {
	b := make([]byte, n)
	labRand(seed).Read(b)
	return b
}
