package threatmodel

import (
	"context"
	"runtime"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/threatmodel/lab"
)

// The memory of a relay's circuits under a flood of creates: the machine alone, so that what the heap gains is its.

// createMemoryBound is what a flood of creates may add to a relay's memory in bytes: all circuits that it takes, each at
// its stated most; three buckets of ephemerals, full; and the queue, each create with all cells that may wait for it.
const createMemoryBound = circuit.DefaultMaxCircuits*2048 + 3*(5<<20) + 2500*(1<<10+(cell.MaxEarly+1)*512)

// noPeers implements circuit.Peers with one peer who never answers: a circuit that names him stays half made.
type noPeers struct{}

// Resolve implements circuit.Peers.
func (noPeers) Resolve([cell.PrefixLen]byte) (circuit.Neighbor, bool) { return 1 << 40, true }

// Release implements circuit.Peers.
func (noPeers) Release(circuit.Neighbor) {}

// createMemory feeds a machine ten times the creates that it can answer, many with cells behind them.
func createMemory(ctx context.Context, s Scale, m *Measurement) error {
	random := lab.NewSource(floodSeed, "memory of circuits")
	now := time.Unix(1_800_000_000, 0)
	var overlay, node, raw, other [32]byte
	for _, b := range []*[32]byte{&overlay, &node, &raw, &other} {
		random.Read(b[:])
	}
	key, err := layer.PrivateFromBytes(raw[:])
	if err != nil {
		return err
	}
	relay := layer.Target{Node: node, Key: key.Public()}
	ammo, err := newCreateAmmo(random, overlay, now, relay, layer.Target{Node: other, Key: key.Public()}, s.pick(9_000, 40_000))
	if err != nil {
		return err
	}
	empty := heap()
	t, err := circuit.NewTransit(now, circuit.TransitConfig{Overlay: overlay, Node: node, Peers: noPeers{}, Rand: random})
	if err != nil {
		return err
	}
	t.SetKeys([]circuit.Key{{Private: key}})
	f := createFeed{transit: t, ammo: ammo, random: random, now: now}
	for range s.pick(3, 30) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.second()
		f.heaviest = max(f.heaviest, heap())
	}
	n := t.Counters()
	m.add("memory of circuits", atMost("heap added at worst", float64(f.heaviest-empty)/(1<<20), createMemoryBound/(1<<20), "MiB"),
		atMost("circuits at worst", float64(f.circuits), circuit.DefaultMaxCircuits, "circuits"),
		shown("creates", float64(f.fired), ""), shown("answered", float64(n.Created), ""))
	runtime.KeepAlive(t)
	return nil
}

// heap is what is held, after what is not has been collected.
func heap() uint64 {
	runtime.GC()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	return st.HeapAlloc
}

// createFeed is a machine that is fed in virtual time.
type createFeed struct {
	transit         *circuit.Transit
	ammo            *createAmmo
	random          *lab.Source
	now             time.Time
	fired, circuits int
	heaviest        uint64
	out             []circuit.Out
}

// second is one second of the flood, in milliseconds: what the machine can answer is answered in each.
func (f *createFeed) second() {
	perMillisecond := int(floodFactor * createCapacity() / 1000)
	answers := int(createCapacity() / 1000)
	for range 1000 {
		f.now = f.now.Add(time.Millisecond)
		for range perMillisecond {
			from := f.random.IntN(2 * createFloodClients)
			if from >= createFloodClients {
				from = createFloodClients + from%createFloodRelays
			}
			neighbor, client := circuit.Neighbor(from+1), from < createFloodClients
			frame := f.ammo.next(f.random)
			f.fired++
			f.transit.Receive(f.now, neighbor, client, frame)
			// Relays send cells behind some of their creates, which wait with them.
			for range f.fired % 8 / 7 * (cell.MaxEarly + 1) * btoi(!client) {
				id, _ := cell.Header(frame)
				cell.PutHeader(frame, id, cell.Forward)
				f.transit.Receive(f.now, neighbor, client, frame)
			}
		}
		for range answers {
			job, ok := f.transit.NextCreate(f.now)
			if !ok {
				break
			}
			job.Run()
			f.transit.FinishCreate(f.now, job)
		}
		f.transit.Tick(f.now)
		f.transit.Events(nil)
		f.circuits = max(f.circuits, f.transit.Counters().Circuits)
		f.out = f.transit.Outgoing(f.out[:0])
		f.transit.Recycle(f.out)
	}
}

// measureCreateMemory is that alone, for the control that breaks one mechanism.
func measureCreateMemory(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	return m, createMemory(ctx, s, &m)
}
