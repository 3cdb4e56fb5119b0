package peer

import (
	"errors"
	"testing"
)

func wantOutcome(t *testing.T, g *Gather, d *Descriptor, want Outcome) {
	t.Helper()
	if got := g.Add(d); got != want {
		t.Fatalf("outcome %d, want %d", got, want)
	}
}

func TestGatherKeepsThePreviousCurrentAndNextPeriod(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	g := NewGather(testOverlay(t), 3, 10)
	for period, want := range []Outcome{1: Refused, 2: Added, 3: Added, 4: Added, 5: Refused} {
		if period > 0 {
			wantOutcome(t, g, p.describe(t, relayFields(t, uint32(period))), want)
		}
	}
	wantOutcome(t, g, p.describe(t, relayFields(t, 3)), Known)
	newest, ok := g.Newest(p.static.NodeID())
	if !ok || newest.Period() != 4 {
		t.Error("a peer is not dialled by its newest descriptor")
	}
	g.Advance(4)
	for period, want := range map[uint32]int{2: 0, 3: 1, 4: 1, 5: 0} {
		if g.Len(period) != want || g.Directory(period).Len() != want {
			t.Errorf("%d peers of period %d after a day", g.Len(period), period)
		}
	}
	g.Advance(100)
	if _, ok := g.Newest(p.static.NodeID()); ok {
		t.Error("descriptors outlive their time")
	}
}

func TestGatherHoldsAStaticPartOnce(t *testing.T) {
	g := NewGather(testOverlay(t), 3, 10)
	wantOutcome(t, g, newTestPeer(t, 1, 0).describe(t, relayFields(t, 3)), Added)
	wantOutcome(t, g, newTestPeer(t, 1, 0).describe(t, relayFields(t, 4)), Added) // parsed anew
	if g.Directory(3).At(0).Static() != g.Directory(4).At(0).Static() {
		t.Error("two copies of a static part are held")
	}
}

func TestGatherExcludesWhoEquivocates(t *testing.T) {
	p, other := newTestPeer(t, 1, 0), newTestPeer(t, 2, 0)
	g := NewGather(testOverlay(t), 3, 10)
	wantOutcome(t, g, p.describe(t, relayFields(t, 2)), Added)
	wantOutcome(t, g, p.describe(t, relayFields(t, 3)), Added)
	wantOutcome(t, g, other.describe(t, relayFields(t, 3)), Added)
	wantOutcome(t, g, p.describe(t, anonymousFields(t, 3)), Equivocated)
	wantOutcome(t, g, p.describe(t, relayFields(t, 3)), Excluded)
	wantOutcome(t, g, p.describe(t, relayFields(t, 4)), Excluded)
	if g.Len(2) != 0 || g.Len(3) != 1 || !g.Directory(3).Excluded(p.static.NodeID()) {
		t.Error("an equivocator is held")
	}
	proof, ok := g.Proof(p.static.NodeID())
	if !ok || len(g.Proofs()) != 1 {
		t.Fatal("no proof to hand on")
	}

	// Another node learns of it by the proof alone.
	elsewhere := NewGather(testOverlay(t), 3, 10)
	wantOutcome(t, elsewhere, p.describe(t, relayFields(t, 3)), Added)
	for _, want := range []bool{true, false} { // news once
		if news, err := elsewhere.AddProof(proof, testCalendar(t), fakeAuthority{}); err != nil || news != want {
			t.Errorf("news %v, %v", news, err)
		}
	}
	if elsewhere.Len(3) != 0 {
		t.Error("a proof excludes nobody")
	}
}

func TestGatherIsBounded(t *testing.T) {
	g := NewGather(testOverlay(t), 3, 2)
	for i, want := range []Outcome{Added, Added, Full} {
		wantOutcome(t, g, newTestPeer(t, uint32(i), 0).describe(t, relayFields(t, 3)), want)
	}
	wantOutcome(t, g, newTestPeer(t, 2, 0).describe(t, relayFields(t, 4)), Added) // each period has its own bound
	must(t, g.Exclude(newTestPeer(t, 0, 0).static.NodeID()))
	must(t, g.Exclude(newTestPeer(t, 0, 0).static.NodeID()))
	must(t, g.Exclude(node8(1)))
	if err := g.Exclude(newTestPeer(t, 1, 0).static.NodeID()); !errors.Is(err, ErrFull) {
		t.Errorf("excluded beyond the bound: %v", err)
	}
	if g.Len(3) != 0 {
		t.Error("a peer excluded beyond the bound is still held")
	}
}

func TestGatherLeavesOutPeersOfOnePrefix(t *testing.T) {
	honest := newTestPeer(t, 1, 0).describe(t, relayFields(t, 3))
	twin := func(last byte) *Descriptor {
		id := honest.NodeID()
		id.b[NodeIDLen-1] ^= last
		return unsigned(t, id, relayFields(t, 3))
	}
	a, b := twin(1), twin(2)
	g := NewGather(testOverlay(t), 3, 10)
	wantOutcome(t, g, a, Added)
	wantOutcome(t, g, honest, Collided)
	wantOutcome(t, g, honest, Known)
	wantOutcome(t, g, b, Collided)
	if g.Len(3) != 3 || g.Directory(3).Len() != 0 {
		t.Error("one of several peers with one prefix is listed")
	}
	must(t, g.Exclude(a.NodeID()))
	must(t, g.Exclude(b.NodeID()))
	if _, ok := g.Directory(3).ByID(honest.NodeID()); !ok || g.Len(3) != 1 {
		t.Error("the peer doesn't come back after the others are gone")
	}
	if _, ok := g.Newest(honest.NodeID()); !ok {
		t.Error("the peer is not found any more")
	}
}

func TestGatherRefusesForeigners(t *testing.T) {
	other := testOverlay(t)
	other.b[0] ^= 1
	g := NewGather(other, 3, 10)
	wantOutcome(t, g, newTestPeer(t, 1, 0).describe(t, relayFields(t, 3)), Refused)
}

func TestProofsAreBoundedAndTheirPeersExcludedAllTheSame(t *testing.T) {
	g := NewGather(testOverlay(t), 3, 1_000)
	for i := range maxProofs + 1 {
		id := NodeID{[NodeIDLen]byte{byte(i >> 8), byte(i), 1}}
		wantOutcome(t, g, unsigned(t, id, relayFields(t, 3)), Added)
		wantOutcome(t, g, unsigned(t, id, anonymousFields(t, 3)), Equivocated)
		if !g.IsExcluded(id) {
			t.Fatalf("equivocator %d is not excluded", i)
		}
	}
	if len(g.Proofs()) != maxProofs {
		t.Errorf("%d proofs are kept, at most %d", len(g.Proofs()), maxProofs)
	}
}
