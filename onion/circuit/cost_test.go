// What circuits cost a relay: memory, time, allocations.

package circuit

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// standing gives a relay circuits between two neighbours, and returns the layer keys of the last, as its origin has them.
func standing(n *net, m *Transit, r *node, count int) (last *layer.Hop) {
	next := n.nodes[1]
	var s layer.Scratch
	body := make([]byte, cell.BodyLen)
	for i := range count {
		pending, err := layer.Create(&s, n.random, n.over, Bucket(n.now), []layer.Target{r.target, next.target}, layer.Train{First: []byte{0}}, body)
		n.must(err)
		m.Receive(n.now, Neighbor(100+i%16), false, frame(cell.ID(i), cell.Create, body))
		answerAll(n.now, m)
		out := m.Outgoing(nil)
		for _, o := range out {
			if id, c := cell.Header(o.Frame); c == cell.Created {
				last, err = pending[0].Finish(cell.Body(o.Frame))
				n.must(err)
			} else {
				m.Receive(n.now, o.To, false, frame(id, cell.Created, nil))
			}
		}
		m.Recycle(out)
		m.Recycle(m.Outgoing(nil))
	}
	return last
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestIdleCircuitTakesAtMost2KB(t *testing.T) {
	const count = 4200 // just behind a step of the maps' growth, where they are emptiest
	n := newNet(t, 80, 2)
	m := n.bounded(n.nodes[0], TransitConfig{})
	before := heap()
	standing(n, m, n.nodes[0], count)
	busy := heap()
	n.now = n.now.Add(foldAfter + sweepEvery)
	m.Tick(n.now)
	idle := heap()
	seen := 0
	for _, b := range m.seen.buckets {
		seen += len(b)
	}
	per := float64(idle-before) / count
	t.Logf("bytes a circuit: %.0f idle, %.0f in use; struct %d, of which opener %d, sealer %d; %d creates remembered",
		per, float64(busy-before)/count, unsafe.Sizeof(transit{}), unsafe.Sizeof(layer.Opener{}), unsafe.Sizeof(layer.Sealer{}), seen)
	if per > 2048 {
		t.Errorf("%.0f bytes", per)
	}
	runtime.KeepAlive(m)
}

func TestForwardingAllocatesNothing(t *testing.T) {
	n := newNet(t, 81, 2)
	m := n.bounded(n.nodes[0], TransitConfig{})
	h := standing(n, m, n.nodes[0], 20)
	far := n.create(n.nodes[1], 7, false, 1)
	c := m.byPrev[wire{100 + 19%16, 19}]
	const runs = 200
	cells := make([][]byte, 0, runs+1)
	for range runs + 1 {
		cells = append(cells, onward(n, 19, h, far))
	}
	out := make([]Out, 0, 8)
	i := 0
	forward := testing.AllocsPerRun(runs, func() {
		m.Receive(n.now, c.prev.neighbor, false, cells[i])
		i++
		out = m.Outgoing(out[:0])
		m.Recycle(out)
	})
	back := make([]byte, cell.FrameLen)
	backward := testing.AllocsPerRun(runs, func() {
		back[1+cell.HeaderLen] = 0
		cell.PutHeader(back, c.next.id, cell.Backward)
		m.Receive(n.now, c.next.neighbor, false, back)
		out = m.Outgoing(out[:0])
		m.Recycle(out)
	})
	reply := testing.AllocsPerRun(runs, func() {
		n.must(m.Reply(n.now, c.number, cell.Answer, nil))
		out = m.Outgoing(out[:0])
		m.Recycle(out)
	})
	if forward+backward+reply > 0 {
		t.Errorf("%v allocations forward, %v backward, %v a reply", forward, backward, reply)
	}
	if got := m.Counters(); got.Forwarded < runs || got.Back < runs {
		t.Errorf("%+v", got)
	}
}

// onward is a cell that a relay passes on, of a circuit whose first two hops have these keys.
func onward(n *net, id cell.ID, first, second *layer.Hop) []byte {
	var s layer.Scratch
	f := frame(id, cell.Forward, nil)
	n.read(cell.PutMessage(cell.Body(f), cell.Drop, nil))
	n.must(layer.Seal(&s, n.random, cell.Body(f), []*layer.Outward{first.Forward(), second.Forward()}))
	return f
}

func BenchmarkForward(b *testing.B) {
	n := newNet(b, 82, 2)
	m := n.bounded(n.nodes[0], TransitConfig{})
	h := standing(n, m, n.nodes[0], 1000)
	far := n.create(n.nodes[1], 7, false, 1)
	c := m.byNumber[m.last]
	const train = 32
	out := make([]Out, 0, train)
	cells := make([][]byte, train)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range cells {
			cells[i] = onward(n, c.prev.id, h, far)
		}
		b.StartTimer()
		for _, f := range cells {
			m.Receive(n.now, c.prev.neighbor, false, f)
		}
		out = m.Outgoing(out[:0])
		m.Recycle(out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*train), "ns/cell")
}

func BenchmarkBackward(b *testing.B) {
	n := newNet(b, 83, 2)
	m := n.bounded(n.nodes[0], TransitConfig{})
	standing(n, m, n.nodes[0], 1000)
	c := m.byNumber[m.last]
	f := make([]byte, cell.FrameLen)
	var out []Out
	b.ReportAllocs()
	for b.Loop() {
		f[1+cell.HeaderLen] = 0
		cell.PutHeader(f, c.next.id, cell.Backward)
		m.Receive(n.now, c.next.neighbor, false, f)
		out = m.Outgoing(out[:0])
	}
}

func BenchmarkCreate(b *testing.B) {
	n := newNet(b, 84, 2)
	r, next := n.nodes[0], n.nodes[1]
	m := n.bounded(r, TransitConfig{MaxCircuits: 1 << 20})
	var s layer.Scratch
	bodies := make([][]byte, 512)
	id := cell.ID(0)
	b.ReportAllocs()
	for b.Loop() {
		if int(id)%len(bodies) == 0 {
			b.StopTimer()
			n.now = n.now.Add(time.Second)
			for i := range bodies {
				bodies[i] = make([]byte, cell.FrameLen)
				_, err := layer.Create(&s, n.random, n.over, Bucket(n.now), []layer.Target{r.target, next.target}, layer.Train{First: []byte{0}}, cell.Body(bodies[i]))
				n.must(err)
			}
			b.StartTimer()
		}
		f := bodies[int(id)%len(bodies)]
		cell.PutHeader(f, id, cell.Create)
		m.Receive(n.now, 7, false, f)
		answerAll(n.now, m)
		m.Recycle(m.Outgoing(nil))
		id++
	}
	if got := m.Counters(); got.Created != uint64(id) {
		b.Fatalf("%d of %d created", got.Created, id)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
}

// BenchmarkLinkDown is a client's link that comes and goes beside the circuits of others.
func BenchmarkLinkDown(b *testing.B) {
	n := newNet(b, 85, 2)
	m := n.bounded(n.nodes[0], TransitConfig{})
	standing(n, m, n.nodes[0], DefaultMaxCircuits)
	for b.Loop() {
		m.LinkDown(n.now, 7)
	}
}

// BenchmarkSweep is what a relay full of idle circuits does every five seconds.
func BenchmarkSweep(b *testing.B) {
	n := newNet(b, 86, 2)
	m := n.bounded(n.nodes[0], TransitConfig{})
	standing(n, m, n.nodes[0], DefaultMaxCircuits)
	for b.Loop() {
		m.sweep = n.now
		m.Tick(n.now)
	}
}

// BenchmarkCrowd is a cell over the rate when as many circuits wait as may, with one cell each.
func BenchmarkCrowd(b *testing.B) {
	n := newNet(b, 87, 1)
	m := n.bounded(n.nodes[0], TransitConfig{CellsPerSecond: 1})
	crowd := make([]*transit, 2*maxAllWaiting)
	for i := range crowd {
		crowd[i] = &transit{number: Circuit(i)}
	}
	f := frame(1, cell.Forward, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.emit(n.now, crowd[i%len(crowd)], 7, f)
	}
}

// BenchmarkTurns is the same when they leave.
func BenchmarkTurns(b *testing.B) {
	n := newNet(b, 88, 1)
	m := n.bounded(n.nodes[0], TransitConfig{CellsPerSecond: 1000})
	crowd := make([]*transit, maxAllWaiting/2)
	for i := range crowd {
		crowd[i] = &transit{number: Circuit(i)}
	}
	f := frame(1, cell.Forward, nil)
	for i := range maxAllWaiting / 2 {
		m.emit(n.now, crowd[i], 7, f)
	}
	var out []Out
	for i := 0; b.Loop(); i++ {
		m.emit(n.now, crowd[i%len(crowd)], 7, f)
		n.now = n.now.Add(time.Millisecond)
		m.Tick(n.now)
		out = m.Outgoing(out[:0])
		m.Recycle(out)
	}
}
