package threatmodel

import (
	"context"
	"net/netip"
	"runtime"
	"time"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// The memory of a relay under a flood: its core alone, so that what the heap gains is the core's.

// halfOpenBound is what noise.FloodMemoryBound counts with.
const halfOpenBound = 4096

// weighed is a core that is fed in virtual time and put on the scales once a second of it.
type weighed struct {
	core            *noise.Core
	now             time.Time
	batch           noise.Batch
	out             []*noise.Batch
	events          []noise.Event
	empty, heaviest uint64
	halfOpen        int
}

// floodMemory feeds a core the flood, and then valid first messages from forged sources only, as many as it could
// answer while it keeps half-open links.
func floodMemory(ctx context.Context, s Scale, c costs, m *Measurement) error {
	random := lab.NewSource(floodSeed, "memory")
	w := &weighed{now: time.Unix(1_800_000_000, 0)}
	static, err := noise.GenerateStaticKey(random)
	if err != nil {
		return err
	}
	target := noise.Target{Addr: netip.AddrPortFrom(address(0), lab.Port), Key: static.Public(), Pattern: noise.NK}
	var overlay [32]byte
	ammo, err := newAmmunition(random, overlay, target, w.now, 4000)
	if err != nil {
		return err
	}
	fresh, err := firstMessages(random, overlay, target, w.now, s.pick(3, 6)*halfOpenBound)
	if err != nil {
		return err
	}
	w.core, err = noise.NewCore(w.now, noise.Config{Overlay: overlay, Static: static, FreshKey: true, Rand: random})
	if err != nil {
		return err
	}
	w.weigh()
	w.empty = w.heaviest
	flood := floodFactor * c.capacity()
	w.feed(ctx, int(flood)*s.pick(3, 60), flood, func(int) ([]byte, netip.AddrPort) { return ammo.next() })
	w.feed(ctx, len(fresh), c.capacity(), func(i int) ([]byte, netip.AddrPort) { return fresh[i], ammo.forged() })
	m.add("memory of a core",
		atMost("heap added at worst", float64(w.heaviest-w.empty)/(1<<20), noise.FloodMemoryBound/(1<<20), "MiB"),
		atMost("half-open links at worst", float64(w.halfOpen), halfOpenBound, "links"),
		shown("first messages", float64(w.core.Stats().Received), ""))
	return ctx.Err()
}

// feed gives n datagrams to the core, so many a second.
func (w *weighed) feed(ctx context.Context, n int, rate float64, next func(i int) ([]byte, netip.AddrPort)) {
	const perTick = 64
	tick := time.Duration(perTick / rate * float64(time.Second))
	weighed := w.now
	for i := 0; i < n && ctx.Err() == nil; {
		w.batch.Reset()
		for ; i < n && !w.batch.Full(); i++ {
			d, from := next(i)
			copy(w.batch.Next(from), d)
		}
		w.now = w.now.Add(tick)
		w.core.Tick(w.now)
		w.core.Receive(w.now, &w.batch)
		w.out = w.core.Outgoing(w.out[:0])
		w.core.Recycle(w.out)
		w.events = w.core.Events(w.events[:0])
		if w.now.Sub(weighed) >= time.Second {
			weighed = w.now
			w.weigh()
		}
	}
	w.weigh()
}

// weigh collects what nobody holds and looks at the rest.
func (w *weighed) weigh() {
	clear(w.out)
	runtime.GC()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	w.heaviest = max(w.heaviest, st.HeapAlloc)
	if w.core != nil {
		w.halfOpen = max(w.halfOpen, w.core.Stats().HalfOpen)
	}
}
