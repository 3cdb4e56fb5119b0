package peer

import (
	"bytes"
	"errors"
	"testing"
)

func TestProofConvictsWhoSignedTwice(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	a, b := p.describe(t, relayFields(t, 3)), p.describe(t, anonymousFields(t, 3))
	forth, ok := Equivocation(a, b)
	if !ok {
		t.Fatal("two daily parts of one period are no equivocation")
	}
	back, _ := Equivocation(b, a)
	if !bytes.Equal(forth.Append(nil), back.Append(nil)) {
		t.Error("the proof has two forms")
	}
	parsed, err := ParseProof(forth.Append(nil))
	must(t, err)
	must(t, parsed.Verify(testOverlay(t), testCalendar(t), fakeAuthority{}))
	if parsed.NodeID() != p.static.NodeID() || parsed.KeyEpoch() != 0 {
		t.Error("somebody else is convicted")
	}
}

func TestInnocentPeersAreNotConvicted(t *testing.T) {
	p, other := newTestPeer(t, 1, 0), newTestPeer(t, 2, 0)
	a := p.describe(t, relayFields(t, 3))
	for name, b := range map[string]*Descriptor{
		"the same part again": p.describe(t, relayFields(t, 3)),
		"the next period":     p.describe(t, relayFields(t, 4)),
		"another peer":        other.describe(t, relayFields(t, 3)),
	} {
		if _, ok := Equivocation(a, b); ok {
			t.Errorf("%s counts as equivocation", name)
		}
	}
	// Proofs put together by hand from what an innocent peer did sign, or did not.
	next := p.describe(t, relayFields(t, 4)).daily
	forged := a.daily
	forged.b[offCapacity]++
	stranger := other.describe(t, relayFields(t, 3)).daily
	for name, proof := range map[string]Proof{
		"nothing":           {},
		"one part twice":    {a.Static(), a.daily, a.daily},
		"two periods":       {a.Static(), a.daily, next},
		"an unsigned part":  {a.Static(), a.daily, forged},
		"a stranger's part": {a.Static(), a.daily, stranger},
		"wrong order":       reversed(t, p),
	} {
		_, errParse := ParseProof(proof.Append(nil))
		errVerify := proof.Verify(testOverlay(t), testCalendar(t), fakeAuthority{})
		if errParse == nil && errVerify == nil {
			t.Errorf("%s convicts", name)
		}
	}
	foreign := testOverlay(t)
	foreign.b[0] ^= 1
	good := reversed(t, p)
	good.first, good.second = good.second, good.first
	if err := good.Verify(foreign, testCalendar(t), fakeAuthority{}); !errors.Is(err, ErrOverlay) {
		t.Errorf("a proof of another overlay: %v", err)
	}
}

func reversed(t *testing.T, p testPeer) Proof {
	proof, ok := Equivocation(p.describe(t, relayFields(t, 3)), p.describe(t, anonymousFields(t, 3)))
	if !ok {
		t.Fatal("no proof")
	}
	proof.first, proof.second = proof.second, proof.first
	return proof
}

func TestEveryFlippedBitOfAProofIsRefused(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	proof, _ := Equivocation(p.describe(t, relayFields(t, 3)), p.describe(t, anonymousFields(t, 3)))
	wire := proof.Append(nil)
	g := NewGather(testOverlay(t), 3, 10)
	for bit := range len(wire) * 8 {
		wire[bit/8] ^= 1 << (bit % 8)
		if flipped, err := ParseProof(wire); err == nil {
			if _, err := g.AddProof(flipped, testCalendar(t), fakeAuthority{}); err == nil {
				t.Errorf("bit %d of byte %d flipped unnoticed", bit%8, bit/8)
			}
		}
		wire[bit/8] ^= 1 << (bit % 8)
	}
	if len(g.Proofs()) != 0 || g.IsExcluded(p.static.NodeID()) {
		t.Error("a refused proof has left something behind")
	}
}
