package netbench

// What circuits cost a relay beside their cells: the work of a create, the memory of an idle one. Both are of the
// machine that a relay runs, without sockets.

import (
	"context"
	"crypto/rand"
	"runtime"
	"time"

	"sotto/internal/linkbench"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
)

const (
	// createSlice is how many creates are measured in one slice: some milliseconds.
	createSlice = 64
	// idleCircuits is just behind a step of the growth of a relay's tables, where they are emptiest.
	idleCircuits = 4200
	// upstreams is how many neighbours the idle circuits come from.
	upstreams = 16
	// idleFor is longer than a circuit keeps its ciphers for the next cell.
	idleFor = 20 * time.Second
)

// anyPeers links to everybody: circuits go on to one neighbour.
type anyPeers struct{}

// Resolve implements circuit.Peers.
func (anyPeers) Resolve([cell.PrefixLen]byte) (circuit.Neighbor, bool) { return 1 << 32, true }

// Release implements circuit.Peers.
func (anyPeers) Release(circuit.Neighbor) {}

// transit is a relay's machine with what drives it.
type transit struct {
	*circuit.Transit
	hops    []layer.Target // the relay and the one behind it
	scratch layer.Scratch
	frames  [][]byte
	next    cell.ID
	out     []circuit.Out
}

func newTransit(now time.Time) (*transit, error) {
	own, err := newHop()
	if err != nil {
		return nil, err
	}
	behind, err := newHop()
	if err != nil {
		return nil, err
	}
	t := &transit{hops: []layer.Target{own.target, behind.target}}
	t.Transit, err = circuit.NewTransit(now, circuit.TransitConfig{Node: own.target.Node, Peers: anyPeers{}})
	if err != nil {
		return nil, err
	}
	t.SetKeys([]circuit.Key{{Private: own.key}})
	return t, nil
}

// prepare makes creates.
func (t *transit) prepare(now time.Time, n int) error {
	for len(t.frames) < n {
		t.frames = append(t.frames, make([]byte, cell.FrameLen))
	}
	train := layer.Train{First: []byte{byte(cell.NoOperation)}}
	for _, f := range t.frames[:n] {
		t.next++
		cell.PutHeader(f, t.next, cell.Create)
		if _, err := layer.Create(&t.scratch, rand.Reader, [cell.KeyLen]byte{}, circuit.Bucket(now), t.hops, train, cell.Body(f)); err != nil {
			return err
		}
	}
	return nil
}

// create takes creates, answers them and passes on what is inside.
func (t *transit) create(now time.Time, n int) {
	for i, f := range t.frames[:n] {
		t.Receive(now, circuit.Neighbor(1+i%upstreams), false, f)
	}
	for job, ok := t.NextCreate(now); ok; job, ok = t.NextCreate(now) {
		job.Run()
		t.FinishCreate(now, job)
	}
	t.out = t.Outgoing(t.out[:0])
}

// extended answers for the next hop what was passed on.
func (t *transit) extended(now time.Time) {
	out := t.out
	t.out = nil
	for _, o := range out {
		if id, command := cell.Header(o.Frame); command == cell.Create {
			f := make([]byte, cell.FrameLen)
			cell.PutHeader(f, id, cell.Created)
			t.Receive(now, o.To, false, f)
		}
	}
	t.Recycle(out)
	t.Recycle(t.Outgoing(nil))
}

// measureCreate measures create_us: a relay's CPU for a create in the middle of a circuit, from the cell that comes to
// both that go.
func measureCreate(ctx context.Context, budget time.Duration) (linkbench.Figure, error) {
	now := time.Now()
	t, err := newTransit(now)
	if err != nil {
		return linkbench.Figure{}, err
	}
	samples, err := linkbench.Alternate(ctx, budget, func() (time.Duration, error) {
		if t.Counters().Circuits > circuit.DefaultMaxCircuits/2 {
			if t, err = newTransit(now); err != nil {
				return 0, err
			}
		}
		if err := t.prepare(now, createSlice); err != nil {
			return 0, err
		}
		began := time.Now() // one goroutine's work; the CPU clock's steps are longer than a slice
		t.create(now, createSlice)
		took := time.Since(began)
		t.Recycle(t.out)
		return took, nil
	})
	if err != nil {
		return linkbench.Figure{}, err
	}
	f := linkbench.NewFigure("create_us", "us", linkbench.Scaled(samples[0], 1000*createSlice))
	f.N *= createSlice
	f.Add("per_cpu_s", 1e6/f.P50).Add("goal_per_cpu_s", goalCreates)
	return f, nil
}

// measureIdle measures idle_circuit_bytes: what a relay's heap holds for a circuit that is in no use.
func measureIdle(ctx context.Context) (linkbench.Figure, error) {
	now := time.Now()
	t, err := newTransit(now)
	if err != nil {
		return linkbench.Figure{}, err
	}
	before := heap()
	for made := 0; made < idleCircuits; made += createSlice {
		if err := ctx.Err(); err != nil {
			return linkbench.Figure{}, err
		}
		n := min(createSlice, idleCircuits-made)
		if err := t.prepare(now, n); err != nil {
			return linkbench.Figure{}, err
		}
		t.create(now, n)
		t.extended(now)
	}
	busy := heap()
	now = now.Add(idleFor)
	t.Tick(now)
	idle := heap()
	f := linkbench.NewFigure("idle_circuit_bytes", "bytes", []float64{float64(idle-before) / idleCircuits})
	f.N = t.Counters().Circuits
	f.Add("goal", float64(goalIdle)).Add("in_use", float64(busy-before)/idleCircuits)
	return f, nil
}

// heap is the bytes of the heap that something refers to.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers held
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
