// A laboratory in virtual time: one relay, owners, callers, and circuits between them that delay and lose cells.

package lease

import (
	"bytes"
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
)

var testStart = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	testDelay = 120 * time.Millisecond // of a circuit, one way
	testPlace = 7
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fill32(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }

func seeded(seed uint64) *rand.ChaCha8 {
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(s)
}

func place() Place { return NewPlace(fill32(1), fill32(testPlace)) }

// onion is the secrets of a relay with one onion key. It computes each agreement once, for the sake of fuzzing.
type onion struct {
	key    Key
	asked  int
	shared map[[32]byte][32]byte
	leases map[byte]Key
}

func newOnion(t testing.TB) *onion {
	k, err := KeyFromBytes(bytes.Repeat([]byte{9}, 32))
	must(t, err)
	return &onion{key: k, shared: map[[32]byte][32]byte{}, leases: map[byte]Key{}}
}

func (o *onion) Binding(c Circuit) [32]byte { return fill32(byte(c)) }

func (o *onion) Agree(_ Circuit, theirs [32]byte) ([32]byte, bool) {
	o.asked++
	if shared, ok := o.shared[theirs]; ok {
		return shared, true
	}
	shared, err := o.key.agree(theirs)
	if err == nil {
		o.shared[theirs] = shared
	}
	return shared, err == nil
}

func (o *onion) far(c Circuit) Far {
	return Far{Relay: fill32(testPlace), OnionKey: o.key.Public().Bytes(), Binding: o.Binding(c)}
}

// testListen is a valid Listen for a circuit.
func testListen(t testing.TB, o *onion, c Circuit, kind Kind, key byte) ([]byte, listen) {
	k, ok := o.leases[key]
	if !ok {
		var err error
		k, err = KeyFromBytes(bytes.Repeat([]byte{key}, 32))
		must(t, err)
		o.leases[key] = k
		o.shared[k.public.b], err = k.agree(o.key.public.b)
		must(t, err)
	}
	l := listen{kind: kind, public: k.Public(), knock: testKnock(key), perMinute: 60, burst: 20}
	shared := o.shared[k.public.b]
	l.proof = prove(place(), shared, o.Binding(c), &l)
	return fillUp(appendListen(nil, &l)), l
}

func testKnock(key byte) KnockKey {
	return KnockKey{[KnockKeyLen]byte(bytes.Repeat([]byte{key}, KnockKeyLen))}
}

// fillUp makes a payload whole with bytes that mean nothing.
func fillUp(b []byte) []byte {
	p := bytes.Repeat([]byte{0xa5}, cell.PayloadLen)
	copy(p, b)
	return p
}

func testOpening(b byte) []byte { return bytes.Repeat([]byte{b}, cell.OpeningLen) }

func testSession(b byte) []byte { return bytes.Repeat([]byte{b}, cell.SessionLen) }

func testFirst(t testing.TB, id ID, k KnockKey, b byte) []byte {
	first, err := First(place(), id, k, testOpening(b))
	must(t, err)
	return first[:]
}

// later is something that happens at a time.
type later struct {
	at time.Time
	n  int
	do func()
}

type agenda []later

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].n < a[j].n
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(later)) }
func (a *agenda) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// lab is the relay, one owner and any number of callers. Numbers of circuits are the same at both ends.
type lab struct {
	t        testing.TB
	now      time.Time
	agenda   agenda
	count    int
	rand     *rand.Rand
	loss     float64
	jitter   time.Duration
	onion    *onion
	registry *Registry
	owner    *Owner
	circuits Circuit
	owners   map[Circuit]bool // circuits that end at the owner, open
	callers  map[Circuit]bool // circuits that end at a caller, open
	known    map[Circuit]bool // circuits that the relay has

	refuseCircuits bool
	standing       []Lease
	gone           int
	openings       map[Leg][]byte
	cells          map[Leg][]byte // first bytes of the cells that the owner got
	cuts           map[Leg]int
	heard          map[Circuit][]byte // first bytes of the cells that callers got
	callerCuts     map[Circuit]int
	listens        []time.Time
	answer         bool // the owner answers an opening with one cell
}

func newLab(t testing.TB, seed uint64) *lab {
	l := &lab{
		t: t, now: testStart, rand: rand.New(seeded(seed)), onion: newOnion(t),
		owners: map[Circuit]bool{}, callers: map[Circuit]bool{}, openings: map[Leg][]byte{}, cells: map[Leg][]byte{},
		cuts: map[Leg]int{}, heard: map[Circuit][]byte{}, callerCuts: map[Circuit]int{},
	}
	l.restartRelay(DefaultLimits())
	var err error
	l.owner, err = NewOwner(OwnerConfig{Rand: seeded(seed + 1), Overlay: fill32(1)})
	must(t, err)
	return l
}

// restartRelay replaces the relay by one that knows no lease and no circuit; nobody is told.
func (l *lab) restartRelay(limits Limits) {
	r, err := NewRegistry(RegistryConfig{Place: place(), Limits: limits, Secrets: l.onion, Rand: seeded(l.rand.Uint64())})
	must(l.t, err)
	l.registry, l.known = r, map[Circuit]bool{}
}

func (l *lab) after(d time.Duration, do func()) {
	l.count++
	heap.Push(&l.agenda, later{l.now.Add(d), l.count, do})
}

// travel carries a message over a circuit, or loses it.
func (l *lab) travel(do func()) {
	if l.rand.Float64() < l.loss {
		return
	}
	d := testDelay
	if l.jitter > 0 {
		d += time.Duration(l.rand.Int64N(int64(l.jitter)))
	}
	l.after(d, do)
}

// pass lets time go by, with the deadlines of both machines met on time.
func (l *lab) pass(d time.Duration) {
	end := l.now.Add(d)
	for {
		next, what := end, 0
		if len(l.agenda) > 0 && !l.agenda[0].at.After(next) {
			next, what = l.agenda[0].at, 1
		}
		if t := l.registry.Next(); !t.IsZero() && t.Before(next) {
			next, what = t, 2
		}
		if t := l.owner.Next(); !t.IsZero() && t.Before(next) {
			next, what = t, 3
		}
		if next.After(l.now) {
			l.now = next
		}
		switch what {
		case 0:
			l.now = end
			return
		case 1:
			heap.Pop(&l.agenda).(later).do()
		case 2:
			l.relay(l.registry.Tick(l.now))
			if n := l.registry.Next(); !n.IsZero() && !n.After(l.now) {
				l.t.Fatal("the registry's deadline does not move")
			}
		case 3:
			l.own(l.owner.Tick(l.now))
			if n := l.owner.Next(); !n.IsZero() && !n.After(l.now) {
				l.t.Fatal("the owner's deadline does not move")
			}
		}
	}
}

// relay carries out what the registry asks.
func (l *lab) relay(all []Action) {
	for _, a := range all {
		c, m, payload := a.Circuit, a.Message, fillUp(a.Payload)
		if a.Kind == ActClose {
			delete(l.known, c)
			l.travel(func() { l.destroyed(c) })
			continue
		}
		l.travel(func() {
			switch {
			case l.owners[c]:
				l.own(l.owner.Arrived(l.now, c, m, payload))
			case l.callers[c] && m == cell.Splice:
				session, ok := ParseSplice(payload)
				if !ok {
					l.t.Fatal("a caller got no cell")
				}
				l.heard[c] = append(l.heard[c], session[0])
			case l.callers[c] && m == cell.Cut:
				l.callerCuts[c]++
			}
		})
	}
}

// closed is a circuit that ended, for the relay.
func (l *lab) closed(c Circuit) {
	delete(l.known, c)
	l.relay(l.registry.Closed(c))
}

// destroyed is a circuit that ended, for its origin.
func (l *lab) destroyed(c Circuit) {
	if l.owners[c] {
		delete(l.owners, c)
		l.own(l.owner.Closed(l.now, c))
	}
	delete(l.callers, c)
}

// own carries out what the owner asks.
func (l *lab) own(all []Step) {
	type reply struct {
		leg  Leg
		cell []byte
	}
	var replies []reply
	for _, s := range all {
		switch s.Kind {
		case StepCircuit:
			l.build(s.Want)
		case StepSend:
			l.send(s.Circuit, s.Message, fillUp(s.Payload))
		case StepClose:
			delete(l.owners, s.Circuit)
			l.travel(func() { l.closed(s.Circuit) })
		case StepStanding:
			l.standing = append(l.standing, s.Lease)
		case StepGone:
			l.gone++
		case StepOpening:
			if l.openings[s.Leg] != nil {
				l.t.Fatal("an opening twice")
			}
			l.openings[s.Leg] = bytes.Clone(s.Payload)
			if l.answer {
				replies = append(replies, reply{s.Leg, testSession(s.Payload[0])})
			}
		case StepCell:
			if l.openings[s.Leg] == nil {
				l.t.Fatal("a cell before its opening")
			}
			l.cells[s.Leg] = append(l.cells[s.Leg], s.Payload[0])
		case StepCut:
			l.cuts[s.Leg]++
		}
	}
	for _, r := range replies {
		steps, err := l.owner.Send(l.now, r.leg, r.cell)
		must(l.t, err)
		l.own(steps)
	}
}

// build makes a circuit for the owner, or not.
func (l *lab) build(w Want) {
	refuse := l.refuseCircuits
	l.circuits++
	c := l.circuits
	l.after(2*testDelay, func() {
		if refuse {
			l.own(l.owner.Failed(l.now, w))
			return
		}
		l.owners[c], l.known[c] = true, true
		l.own(l.owner.Opened(l.now, w, c, l.onion.far(c)))
	})
}

// send carries a message of an origin to the relay.
func (l *lab) send(c Circuit, m cell.Message, payload []byte) {
	if m == cell.Listen {
		l.listens = append(l.listens, l.now)
	}
	l.travel(func() { l.arrive(c, 1, m, payload) })
}

// arrive is a message at the relay, if it has the circuit.
func (l *lab) arrive(c Circuit, n Neighbor, m cell.Message, payload []byte) {
	if l.known[c] {
		l.relay(l.registry.Arrived(l.now, c, n, m, payload))
	}
}

// call opens a session as a caller, with its whole train.
func (l *lab) call(id ID, k KnockKey, b byte) Circuit {
	l.circuits++
	c := l.circuits
	l.callers[c] = true
	first := testFirst(l.t, id, k, b)
	lost := l.rand.Float64() < l.loss // without its create there is no circuit
	var cells [cell.MaxEarly][cell.SessionLen]byte
	for i := range cells {
		cells[i][0] = byte(i)
	}
	train, err := Train(seeded(uint64(c)), &cells)
	must(l.t, err)
	if lost {
		return c
	}
	l.after(testDelay, func() {
		l.known[c] = true
		l.relay(l.registry.Early(l.now, c, 2, first))
	})
	for i := range train {
		l.travel(func() { l.arrive(c, 2, cell.Splice, train[i][:]) })
	}
	return c
}

// keep wants a lease and waits until it stands.
func (l *lab) keep(s Spec) Want {
	w, steps, err := l.owner.Keep(l.now, s)
	must(l.t, err)
	l.own(steps)
	n := len(l.standing)
	for range 100 {
		l.pass(time.Second)
		if len(l.standing) > n {
			return w
		}
	}
	l.t.Fatal("no lease after 100 s")
	return 0
}

func shortLived() Spec {
	return Spec{Kind: ShortLived, Lifetime: 24 * time.Hour, Overlap: 2 * time.Hour}
}

func (l *lab) latest() Lease { return l.standing[len(l.standing)-1] }
