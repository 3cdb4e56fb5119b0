// A laboratory in virtual time: one asking end, one peer, and paths of three links that delay and lose cells.

package request

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
	testLinks = 3
	testDelay = 40 * time.Millisecond // of a link, one way
	testRTT   = 2 * testLinks * testDelay
	testLimit = 10 * time.Second
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seeded(seed uint64) *rand.ChaCha8 {
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(s)
}

// fillUp makes a payload whole with bytes that mean nothing.
func fillUp(b []byte) []byte {
	p := bytes.Repeat([]byte{0xa5}, cell.PayloadLen)
	copy(p, b)
	return p
}

// later is something that happens at a time.
type later struct {
	at time.Time
	n  int
	do func()
}

type laters []later

func (a laters) Len() int { return len(a) }
func (a laters) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].n < a[j].n
}
func (a laters) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *laters) Push(x any)   { *a = append(*a, x.(later)) }
func (a *laters) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// result is how a request ended.
type result struct {
	content []byte
	err     error
	took    time.Duration
}

// lab is both ends.
type lab struct {
	t      testing.TB
	now    time.Time
	events laters
	count  int
	rand   *rand.Rand
	loss   float64 // of a link
	jitter time.Duration
	twice  float64 // share of the pieces of requests that arrive twice

	client *Client
	server *Server
	known  map[Circuit]bool // at the peer
	opened map[Circuit]bool // at the asking end
	last   Circuit
	began  map[Circuit]time.Time
	done   map[Circuit]result
	asked  map[Circuit]int
	run    time.Duration // how long the service takes
	answer func([]byte) []byte
	// cells counts what each end sent on a circuit, creates and their answers not.
	forward, backward map[Circuit]int
}

// sixteen is a service of one cell to ask and six to answer, as for a record of 2 KiB.
func sixteen(parity bool) Service {
	return Service{Number: 16, Forward: 1, Answer: 6, AnswerParity: parity}
}

func newLab(t testing.TB, seed uint64, services ...Service) *lab {
	l := &lab{
		t: t, now: testStart, rand: rand.New(seeded(seed)), known: map[Circuit]bool{}, opened: map[Circuit]bool{},
		began: map[Circuit]time.Time{}, done: map[Circuit]result{}, asked: map[Circuit]int{},
		forward: map[Circuit]int{}, backward: map[Circuit]int{}, answer: func(b []byte) []byte { return b },
	}
	var err error
	l.client, err = NewClient(seeded(seed + 1))
	must(t, err)
	l.server, err = NewServer(ServerConfig{Rand: seeded(seed + 2), Limits: DefaultLimits(), Services: services})
	must(t, err)
	return l
}

func (l *lab) after(d time.Duration, do func()) {
	l.count++
	heap.Push(&l.events, later{l.now.Add(d), l.count, do})
}

// travel carries a cell over a path, or loses it.
func (l *lab) travel(do func()) {
	var d time.Duration
	for range testLinks {
		if l.rand.Float64() < l.loss {
			return
		}
		d += testDelay
		if l.jitter > 0 {
			d += time.Duration(l.rand.Int64N(int64(l.jitter)))
		}
	}
	l.after(d, do)
}

// bring carries a piece of a request to the peer, or loses it, and sometimes brings it twice.
func (l *lab) bring(h Circuit, m cell.Message, payload []byte) {
	l.forward[h]++
	n := 1 + count(l.rand.Float64() < l.twice)
	l.travel(func() {
		for range n {
			if l.known[h] {
				l.serve(l.server.Arrived(l.now, h, m, payload))
			}
		}
	})
}

// ask makes a request over a new circuit.
func (l *lab) ask(s Service, content []byte) Circuit {
	l.last++
	h := l.last
	first, early, err := l.client.Ask(l.now, h, s, content, testLimit)
	must(l.t, err)
	l.began[h] = l.now
	l.travel(func() {
		if l.known[h] {
			return // a create is accepted once: that is the circuit's care
		}
		l.known[h] = true
		l.travel(func() {
			l.opened[h] = true
			l.carry(l.client.Opened(l.now, h))
		})
		l.serve(l.server.Early(l.now, h, 1, first[:]))
	})
	for _, payload := range early {
		l.bring(h, cell.Request, fillUp(payload))
	}
	return h
}

// carry carries out what the asking end wants.
func (l *lab) carry(all []Action) {
	for _, a := range all {
		h, m := a.Circuit, a.Message
		switch a.Kind {
		case ActSend:
			l.bring(h, m, fillUp(a.Payload))
		case ActDone:
			if _, twice := l.done[h]; twice {
				l.t.Fatal("a request ended twice")
			}
			l.done[h] = result{a.Content, a.Err, l.now.Sub(l.began[h])}
		default:
			l.t.Fatal("an action that is not the asking end's")
		}
	}
}

// serve carries out what the peer wants.
func (l *lab) serve(all []Action) {
	for _, a := range all {
		h, m := a.Circuit, a.Message
		switch a.Kind {
		case ActSend:
			payload := fillUp(a.Payload)
			l.backward[h]++
			l.travel(func() {
				if l.opened[h] { // or its keys are not known
					l.carry(l.client.Arrived(l.now, h, m, payload))
				}
			})
		case ActClose:
			delete(l.known, h)
			l.travel(func() { l.carry(l.client.Closed(h)) })
		case ActAsk:
			l.asked[h]++
			if l.asked[h] > 1 {
				l.t.Fatal("a request was executed twice")
			}
			content := bytes.Clone(a.Content)
			l.after(l.run, func() {
				if out, err := l.server.Answer(l.now, h, l.answer(content)); err == nil {
					l.serve(out)
				}
			})
		default:
			l.t.Fatal("an action that is not the peer's")
		}
	}
}

// pass lets time go by, with the deadlines of both ends met on time.
func (l *lab) pass(d time.Duration) {
	end := l.now.Add(d)
	for {
		next, what := end, 0
		if len(l.events) > 0 && !l.events[0].at.After(next) {
			next, what = l.events[0].at, 1
		}
		if t := l.client.Next(); !t.IsZero() && t.Before(next) {
			next, what = t, 2
		}
		if t := l.server.Next(); !t.IsZero() && t.Before(next) {
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
			heap.Pop(&l.events).(later).do()
		case 2:
			l.carry(l.client.Tick(l.now))
		case 3:
			l.serve(l.server.Tick(l.now))
		}
		for _, t := range []time.Time{l.client.Next(), l.server.Next()} {
			if what > 1 && !t.IsZero() && !t.After(l.now.Add(-time.Nanosecond)) {
				l.t.Fatal("a deadline that does not move")
			}
		}
	}
}

// check holds the tables of both ends against each other and against their limits.
func (l *lab) check() {
	t, s, c := l.t, l.server, l.client
	t.Helper()
	total, kept := 0, 0
	shares := map[Neighbor]share{}
	for h, j := range s.jobs {
		if j.circuit != h || j.slot == 0 || s.agenda[j.slot-1] != j {
			t.Fatal("a request that nobody looks after")
		}
		total += j.charge()
		h := shares[j.neighbor]
		shares[j.neighbor] = share{h.jobs + 1, h.bytes + j.charge()}
		if len(j.first)+len(j.pieces.bytes)+len(j.pieces.parity)+len(j.answer) > j.charge() {
			t.Fatal("a request holds more than it is charged for")
		}
		kept += count(j.phase == answered)
	}
	if len(s.agenda) != len(s.jobs) || kept != len(s.kept) || total != s.bytes || len(shares) != len(s.shares) {
		t.Fatalf("%d due, %d requests, %d kept, %d charged", len(s.agenda), len(s.jobs), len(s.kept), s.bytes)
	}
	for n, h := range shares {
		if *s.shares[n] != h || h.jobs > s.limits.PerNeighbor || h.bytes > s.limits.BytesPerNeighbor {
			t.Fatal("a neighbour's share is wrong")
		}
	}
	if len(s.jobs) > s.limits.Requests || s.bytes > s.limits.Bytes {
		t.Fatal("the peer is over its limits")
	}
	if len(c.agenda) != len(c.asks) || len(c.asks) > MaxAsks {
		t.Fatal("the asking end lost count")
	}
}
