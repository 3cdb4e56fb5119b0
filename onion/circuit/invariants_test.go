// What holds of both machines after every event, whoever sent it.

package circuit

import (
	"slices"
	"testing"

	"sotto/onion/cell"
)

// checkTransit fails unless a relay's tables agree with each other and with their bounds.
func checkTransit(t testing.TB, m *Transit) {
	t.Helper()
	if len(m.byPrev) != len(m.byNumber) || len(m.byNext) > len(m.byNumber) {
		t.Fatalf("%d circuits by number, %d by previous hop, %d by next", len(m.byNumber), len(m.byPrev), len(m.byNext))
	}
	held := make(map[*upstream]int)
	unused := make(map[*upstream]int)
	next, open := 0, 0
	for number, c := range m.byNumber {
		checkCircuit(t, m, number, c)
		held[c.up]++
		if c.unused {
			unused[c.up]++
		}
		if c.next.neighbor != 0 {
			next++
		}
		if c.state != queued {
			open++
		}
	}
	if open != m.open || open > m.cfg.MaxCircuits {
		t.Fatalf("%d circuits are open, %d are counted", open, m.open)
	}
	if next != len(m.byNext) {
		t.Fatalf("%d circuits have a next hop, %d are found by it", next, len(m.byNext))
	}
	for n, u := range m.upstreams {
		if u.neighbor != n || u.circuits != held[u] || u.tokens < 0 || u.tokens > clientBurst || u.client && u.circuits > maxClientCircuits {
			t.Fatalf("an upstream counts %d circuits and has %d, %f tokens", u.circuits, held[u], u.tokens)
		}
		checkUnused(t, u, unused[u])
	}
	checkQueue(t, m)
	checkFair(t, m)
	for _, b := range m.seen.buckets {
		if len(b) > maxSeen {
			t.Fatalf("%d creates are remembered of a bucket", len(b))
		}
	}
}

func checkCircuit(t testing.TB, m *Transit, number Circuit, c *transit) {
	t.Helper()
	switch {
	case c.number != number, m.byPrev[c.prev] != c, m.upstreams[c.prev.neighbor] != c.up:
		t.Fatal("a circuit is not where its previous hop finds it")
	case c.next.neighbor != 0 && (m.byNext[c.next] != c || !c.named || c.next.neighbor == c.prev.neighbor):
		t.Fatal("a circuit has a wrong next hop")
	case c.state == queued && (c.job == nil || c.named || c.unused || c.next.neighbor != 0 || len(c.held) > maxHeld):
		t.Fatalf("a circuit waits with %d cells", len(c.held))
	case c.state == open && (c.job != nil || c.held != nil):
		t.Fatal("an open circuit still waits")
	case c.state != queued && c.state != open:
		t.Fatalf("a circuit has the state %d", c.state)
	}
}

func checkUnused(t testing.TB, u *upstream, want int) {
	t.Helper()
	var last *transit
	n := 0
	for c := u.oldest; c != nil; c = c.younger {
		if c.older != last || !c.unused || c.up != u || c.state != open {
			t.Fatal("the list of unused circuits is broken")
		}
		last = c
		n++
	}
	if u.newest != last || n != want {
		t.Fatalf("%d circuits are listed as unused, %d are", n, want)
	}
}

func checkQueue(t testing.TB, m *Transit) {
	t.Helper()
	q := &m.creates
	sum := 0
	for _, u := range m.upstreams {
		sum += len(u.queue)
		if slices.Contains(q.ring, u) != (len(u.queue) > 0) {
			t.Fatal("the ring of creates has others than those that wait")
		}
		for _, c := range u.queue {
			if c.up != u || c.state != queued || m.byNumber[c.number] != c {
				t.Fatal("a create waits that is not there")
			}
		}
	}
	unique := make(map[*upstream]bool)
	for _, u := range q.ring {
		unique[u] = true
	}
	if sum != q.count || len(unique) != len(q.ring) || q.at < 0 || q.at > len(q.ring) || q.count > maxQueuedCreates {
		t.Fatalf("%d creates wait, %d are counted, of %d upstreams at %d", sum, q.count, len(q.ring), q.at)
	}
}

func checkFair(t testing.TB, m *Transit) {
	t.Helper()
	frames := make(map[*byte]bool)
	once := func(f []byte) {
		if len(f) != cell.FrameLen || frames[&f[0]] {
			t.Fatal("an own frame is in two places")
		}
		frames[&f[0]] = true
	}
	checkOutbox(t, &m.outbox, once)
	f := m.fair
	if f == nil {
		return
	}
	sum, shares := 0, 0
	var last *share
	for s := f.first; s != nil; s = s.after {
		if s.before != last {
			t.Fatal("the turns of circuits are broken")
		}
		last = s
		shares++
		sum += len(s.cells)
		if f.byCircuit[s.circuit] != s || m.byNumber[s.circuit.number] != s.circuit || len(s.cells) == 0 || len(s.cells) > maxWaiting {
			t.Fatalf("%d cells wait of a circuit", len(s.cells))
		}
		for _, o := range s.cells {
			once(o.Frame)
		}
	}
	if sum != f.waiting || shares != len(f.byCircuit) || f.last != last || f.waiting > maxAllWaiting || f.tokens < 0 || f.tokens > f.burst {
		t.Fatalf("%d cells wait, %d are counted, %f tokens", sum, f.waiting, f.tokens)
	}
}

func checkOutbox(t testing.TB, b *outbox, once func([]byte)) {
	t.Helper()
	if len(b.free) > maxFree {
		t.Fatalf("%d frames are kept", len(b.free))
	}
	for _, f := range b.free {
		once(f)
	}
	for _, o := range b.out {
		if o.own {
			once(o.Frame)
		}
	}
}

// checkOrigin is the same for an origin.
func checkOrigin(t testing.TB, m *Origin) {
	t.Helper()
	if len(m.byWire) != len(m.own) || len(m.own) > m.cfg.Max {
		t.Fatalf("%d circuits, %d by wire", len(m.own), len(m.byWire))
	}
	waiting := 0
	for number, c := range m.own {
		if c.number != number || m.byWire[c.wire] != c || len(c.keys) != len(c.hops) || len(c.hops)+len(c.pending) > cell.MaxHops {
			t.Fatalf("a circuit has %d hops, %d keys and %d to come", len(c.hops), len(c.keys), len(c.pending))
		}
		if len(c.pending) == 0 && len(c.early) > 0 || len(c.early) > maxEarlyBack || c.unasked > maxUnasked {
			t.Fatalf("a circuit keeps %d cells and has let pass %d", len(c.early), c.unasked)
		}
		if (len(c.pending) > 0) != (m.waiting[number] == c) {
			t.Fatal("a circuit waits and is not listed, or the other way round")
		}
		if len(c.pending) > 0 {
			waiting++
		}
	}
	if waiting != len(m.waiting) {
		t.Fatalf("%d circuits wait, %d are listed", waiting, len(m.waiting))
	}
	frames := make(map[*byte]bool)
	checkOutbox(t, &m.outbox, func(f []byte) {
		if len(f) != cell.FrameLen || frames[&f[0]] {
			t.Fatal("an own frame is in two places")
		}
		frames[&f[0]] = true
	})
}

// checkEmpty fails unless nothing is left of any circuit.
func checkEmpty(t testing.TB, m *Transit) {
	t.Helper()
	if len(m.byNumber)+len(m.byPrev)+len(m.byNext)+m.creates.count+len(m.creates.ring) > 0 {
		t.Fatal("circuits are left")
	}
	if f := m.fair; f != nil && (f.waiting+len(f.byCircuit) > 0 || f.first != nil || f.last != nil) {
		t.Fatal("cells are left")
	}
}
