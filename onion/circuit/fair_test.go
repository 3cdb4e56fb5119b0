// What a bounded rate does to the circuits that share it.

package circuit

import (
	"math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
)

// line is a relay with a rate, and circuits that send through it.
type line struct {
	*net
	m        *Transit
	circuits []*transit
	sent     map[Neighbor][]int // by circuit: which of its cells have left
	at       map[Neighbor][]time.Duration
	asked    map[Neighbor][]time.Time
}

func newLine(t *testing.T, rate float64, circuits int) *line {
	n := newNet(t, 60, 1)
	l := &line{net: n, m: n.bounded(n.nodes[0], TransitConfig{CellsPerSecond: rate}),
		sent: make(map[Neighbor][]int), at: make(map[Neighbor][]time.Duration), asked: make(map[Neighbor][]time.Time)}
	for i := range circuits {
		l.circuits = append(l.circuits, &transit{number: Circuit(i + 1)})
	}
	return l
}

// send sends a cell of a circuit; its number is in the body.
func (l *line) send(i int) {
	to := Neighbor(i + 1)
	k := len(l.asked[to])
	l.asked[to] = append(l.asked[to], l.now)
	f := frame(1, cell.Forward, []byte{byte(k >> 16), byte(k >> 8), byte(k)})
	l.m.emit(l.now, l.circuits[i], to, f)
	l.collect()
}

func (l *line) collect() {
	out := l.m.Outgoing(nil)
	for _, o := range out {
		b := cell.Body(o.Frame)
		k := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
		l.sent[o.To] = append(l.sent[o.To], k)
		l.at[o.To] = append(l.at[o.To], l.now.Sub(l.asked[o.To][k]))
	}
	l.m.Recycle(out)
}

// pass lets time pass up to a moment, with a tick at each deadline.
func (l *line) pass(to time.Time) {
	for ticks := 0; ; ticks++ {
		d := l.m.fair.deadline()
		if d.IsZero() || d.After(to) {
			break
		}
		before := l.m.fair.waiting
		l.now = d
		l.m.Tick(l.now)
		if l.collect(); l.m.fair.waiting == before {
			l.t.Fatalf("a tick at its deadline did nothing, with %g tokens", l.m.fair.tokens)
		}
	}
	l.now = to
	l.m.Tick(to)
	l.collect()
}

func TestEveryDeadlineOfTheRateLetsACellGo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		l := newLine(t, 3+r.Float64()*r.Float64()*1e6, 5)
		for range 300 {
			for range r.IntN(8) {
				l.send(r.IntN(5))
			}
			l.pass(l.now.Add(time.Duration(r.Int64N(int64(2 * time.Millisecond)))))
		}
	}
}

func TestFloodsShareTheRateEqually(t *testing.T) {
	const rate, seconds = 1000, 10
	l := newLine(t, rate, 3)
	for ms := range seconds * 1000 {
		l.send(0)
		l.send(1)
		for range 1 + ms%10 {
			l.send(2) // wants five times as much
		}
		l.pass(l.now.Add(time.Millisecond))
	}
	total := 0
	for i := range Neighbor(3) {
		got := len(l.sent[i+1])
		total += got
		if got < rate*seconds*31/100 || got > rate*seconds*36/100 {
			t.Errorf("circuit %d had %d of %d cells", i, got, rate*seconds)
		}
	}
	if total > rate*seconds+int(l.m.fair.burst) || total < rate*seconds*99/100 {
		t.Errorf("%d cells left in %d s at %d a second", total, seconds, rate)
	}
}

func TestVoiceBesideAFloodLosesNothingAndIsLateByATurn(t *testing.T) {
	const rate, floods = 600, 9 // a share is 60, voice needs 50
	l := newLine(t, rate, 1+floods)
	for ms := range 10_000 {
		for i := range floods {
			l.send(1 + i)
		}
		if ms%20 == 7 {
			l.send(0)
		}
		l.pass(l.now.Add(time.Millisecond))
	}
	l.pass(l.now.Add(time.Second))
	if got, want := len(l.sent[1]), len(l.asked[1]); got != want {
		t.Errorf("%d of %d cells of voice left", got, want)
	}
	var late time.Duration
	for _, d := range l.at[1] {
		late = max(late, d)
	}
	if most := 2 * time.Second * (1 + floods) / rate; late > most {
		t.Errorf("voice is late by %v, more than two turns of %v", late, most/2)
	}
}

func TestOverTheRateTheOldestCellsOfACircuitGo(t *testing.T) {
	l := newLine(t, 100, 1)
	for range 50 {
		l.send(0)
	}
	l.pass(l.now.Add(time.Second))
	got := l.sent[1]
	if len(got) != minFairBurst+maxWaiting || got[minFairBurst-1] != minFairBurst-1 || got[minFairBurst] != 50-maxWaiting {
		t.Errorf("%v left", got)
	}
	if dropped := l.m.Counters().CellsDropped; dropped != uint64(50-len(got)) {
		t.Errorf("%d counted as dropped", dropped)
	}
}

func TestCrowdOfFloodsDoesNotStarveWhoSendsLittle(t *testing.T) {
	const rate, crowd = 20_000, maxAllWaiting/maxWaiting + 76 // more than may wait
	l := newLine(t, rate, 1+crowd)
	for ms := range 2000 {
		for i := range 40 {
			l.send(1 + (ms*40+i)%crowd)
		}
		if ms%100 == 50 { // 10 a second, of a share of 18
			l.send(0)
		}
		l.pass(l.now.Add(time.Millisecond))
	}
	l.pass(l.now.Add(time.Second))
	if got, want := len(l.sent[1]), len(l.asked[1]); got != want {
		t.Errorf("%d of %d cells left", got, want)
	}
}

func TestManyCircuitsWaitWithinTheBound(t *testing.T) {
	l := newLine(t, 100, maxAllWaiting+500)
	for i := range l.circuits {
		l.send(i)
		l.send(i)
		if f := l.m.fair; f.waiting > maxAllWaiting || len(f.byCircuit) > f.waiting {
			t.Fatalf("%d cells wait", f.waiting)
		}
	}
	sum := 0
	for s := l.m.fair.first; s != nil; s = s.after {
		sum += len(s.cells)
	}
	if sum != l.m.fair.waiting {
		t.Errorf("%d cells wait, %d are counted", sum, l.m.fair.waiting)
	}
}

// A create is the oldest cell of its circuit when a train follows it: without it the train is for nobody.
func TestExtensionOverTheRateIsAnsweredBeforeItsTrainIs(t *testing.T) {
	n := newNet(t, 61, 4)
	number := n.build(2)
	relay := n.nodes[1].transit
	relay.fair = newFair(n.now, 10)
	relay.fair.tokens = 0
	n.must(n.nodes[0].origin.Extend(n.now, number, n.nodes[2].target, []byte{byte(cell.Ask)}, make([]EarlyCell, cell.MaxEarly)))
	n.settle()
	n.pass(4 * time.Second)
	if got := n.last(); got.Kind != Built || got.Hop != 2 {
		t.Errorf("%d at hop %d, %v", got.Kind, got.Hop, got.Err)
	}
}
