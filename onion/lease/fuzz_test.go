// Both machines under random events, honest, hostile and nonsensical ones.

package lease

import (
	"testing"
	"time"

	"sotto/onion/cell"
)

// The registry must stay within its limits and hold together whatever arrives.
func FuzzRegistry(f *testing.F) {
	for seed := range uint64(6) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		script := make([]byte, 1200)
		_, _ = seeded(seed).Read(script)
		limits := DefaultLimits()
		limits.Leases, limits.LeasesPerNeighbor, limits.Splices, limits.SplicesPerLease, limits.SplicesPerNeighbor = 6, 3, 10, 4, 8
		o := newOnion(t)
		r, err := NewRegistry(RegistryConfig{place(), limits, o, seeded(1)})
		must(t, err)
		now, ids := testStart, []ID{{}}
		for ; len(script) > 0; script = script[4:] {
			c, n, x := Circuit(script[1]%24), Neighbor(script[2]%3), script[3]
			now = now.Add(time.Duration(x) * 50 * time.Millisecond)
			var out []Action
			switch script[0] % 8 {
			case 0, 1:
				payload, _ := testListen(t, o, c, Kind(1+x%2), 1+x/2%4)
				payload[x%listenLen] ^= script[0] / 8 % 2
				out = r.Arrived(now, c, n, cell.Listen, payload)
			case 2, 3:
				out = r.Early(now, c, n, testFirst(t, ids[int(x)%len(ids)], testKnock(1+x/2%4), x))
			case 4:
				out = r.Arrived(now, c, n, cell.Message(x%14), fillUp(script))
			case 5:
				out = r.Closed(c)
			case 6:
				out = r.Arrived(now, c, n, cell.Splice, script)
			case 7:
				if due := r.Next(); !due.IsZero() && due.After(now) {
					now = due
				}
				out = r.Tick(now)
			}
			for _, a := range out {
				if a.Message == cell.Listening && a.Payload[0] == given {
					id, _ := ParseID(a.Payload[1:])
					ids = append(ids, id)
				}
				if a.Kind == ActSend && len(a.Payload) > cell.PayloadLen || len(out) > 64 {
					t.Fatal("an action of the wrong size")
				}
				if a.Kind == ActClose && r.owners[a.Circuit] != nil {
					t.Fatal("a lease on a circuit that is closed")
				}
			}
			r.check(t)
		}
	})
}

// Owner, relay and callers together, with loss and everything going away at random: the lease comes back.
func FuzzOwner(f *testing.F) {
	for seed := range uint64(6) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		l := newLab(t, seed)
		l.loss, l.jitter = 0.1, 300*time.Millisecond
		for range 3 {
			l.keep(Spec{Kind: ShortLived, Lifetime: 20 * time.Minute, Overlap: 5 * time.Minute})
		}
		for range 150 {
			l.mischief()
			l.pass(time.Duration(l.rand.Int64N(int64(30 * time.Second))))
			l.owner.check(t)
			l.registry.check(t)
		}
		l.loss, l.refuseCircuits = 0, false
		l.pass(6 * time.Minute)
		for _, w := range l.owner.wants {
			if w.current == nil {
				t.Fatal("a lease that does not come back")
			}
		}
	})
}

// mischief is one event, of which the owner is to survive.
func (l *lab) mischief() {
	c := Circuit(1 + l.rand.IntN(int(l.circuits)))
	switch l.rand.IntN(10) {
	case 0, 1, 2, 3:
		lease := l.standing[l.rand.IntN(len(l.standing))]
		l.call(lease.ID, lease.Knock, byte(1+l.rand.IntN(200)))
	case 4:
		l.destroyed(c)
	case 5:
		l.closed(c)
	case 6:
		l.refuseCircuits = !l.refuseCircuits
	case 7:
		junk := make([]byte, cell.PayloadLen)
		_, _ = seeded(l.rand.Uint64()).Read(junk)
		l.own(l.owner.Arrived(l.now, c, cell.Message(l.rand.IntN(14)), junk))
	case 8:
		for leg := range l.openings {
			l.own(l.owner.Cut(leg))
			break
		}
	case 9:
		if l.rand.IntN(5) == 0 {
			l.restartRelay(DefaultLimits())
		}
	}
}
