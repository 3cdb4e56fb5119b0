// What must hold in both machines after every event, whatever it was.

package lease

import "testing"

// check holds the tables of a registry against each other and against its limits.
func (r *Registry) check(t testing.TB) {
	t.Helper()
	if len(r.owners) != len(r.leases) || len(r.owners) > r.limits.Leases || len(r.callers) > r.limits.Splices {
		t.Fatalf("%d owners, %d leases, %d callers", len(r.owners), len(r.leases), len(r.callers))
	}
	shares := map[Neighbor]share{}
	splices := 0
	for c, o := range r.owners {
		if o.circuit != c || r.leases[o.id] != o || r.callers[c] != nil {
			t.Fatal("an owner in the wrong place")
		}
		if len(o.splices) > r.limits.SplicesPerLease {
			t.Fatal("too many splices on a lease")
		}
		splices += len(o.splices)
		s := shares[o.neighbor]
		s.leases++
		s.ends += len(o.splices)
		shares[o.neighbor] = s
	}
	if splices != len(r.callers) || (splices == 0) != r.sweep.IsZero() {
		t.Fatalf("%d splices for %d callers, sweep %v", splices, len(r.callers), r.sweep)
	}
	for c, s := range r.callers {
		if s.caller != c || s.owner.splices[s.id] != s || r.owners[s.owner.circuit] != s.owner {
			t.Fatal("a splice in the wrong place")
		}
		n := shares[s.neighbor]
		n.ends++
		shares[s.neighbor] = n
	}
	if len(shares) != len(r.neighbors) {
		t.Fatalf("%d neighbours are kept, %d have something here", len(r.neighbors), len(shares))
	}
	for n, s := range shares {
		if *r.neighbors[n] != s || s.leases > r.limits.LeasesPerNeighbor || s.ends > r.limits.SplicesPerNeighbor {
			t.Fatal("a neighbour's share is wrong")
		}
	}
}

// check holds the tables of an owner against each other.
func (o *Owner) check(t testing.TB) {
	t.Helper()
	listeners := 0
	for id, w := range o.wants {
		if w.id != id || len(w.older) > maxOlder {
			t.Fatal("a want in the wrong place")
		}
		for _, l := range w.listeners() {
			listeners++
			if l.want != w || o.listeners[l.circuit] != l {
				t.Fatal("a circuit in the wrong place")
			}
			if len(l.legs) > maxLegs || len(l.held) > maxHeld {
				t.Fatal("a circuit over its bounds")
			}
			if len(l.legs)+len(l.held) > 0 && l.sweep.IsZero() {
				t.Fatal("legs that nobody looks after")
			}
			if l.due.IsZero() || l.state == retired && len(l.legs) == 0 {
				t.Fatal("a circuit that is kept for nothing")
			}
		}
		if w.current != nil && w.current.state != standing || w.next != nil && w.next.state != asking {
			t.Fatal("a circuit in the wrong state")
		}
		if w.current == nil && w.next == nil && !w.asked && w.retry.IsZero() {
			t.Fatal("a lease is wanted, and nothing is done for it")
		}
	}
	if listeners != len(o.listeners) || len(o.wants) > MaxWants {
		t.Fatal("circuits that nobody wants")
	}
}
