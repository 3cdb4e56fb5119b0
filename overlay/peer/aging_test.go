// What is proved against peers of ended key epochs makes room.

package peer

import "testing"

func TestProofsOfEndedKeyEpochsMakeRoom(t *testing.T) {
	g := NewGather(testOverlay(t), 3, 1000)
	for n := range uint32(256) {
		p := newTestPeer(t, n, 0)
		g.Add(p.describe(t, relayFields(t, 3)))
		if g.Add(p.describe(t, anonymousFields(t, 3))) != Equivocated {
			t.Fatal()
		}
	}
	g.Advance(600) // ten key epochs later
	p := newTestPeer(t, 999, 10)
	a, b := p.describe(t, relayFields(t, 600)), p.describe(t, anonymousFields(t, 600))
	proof, _ := Equivocation(a, b)
	on, err := g.AddProof(proof, testCalendar(t), fakeAuthority{})
	must(t, err)
	if !on {
		t.Error("the proof against an equivocator is not handed on, because of 256 who were in the overlay 18 months ago")
	}
}
