// What circuits promise to their origin and to the relays.

package circuit

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sotto/onion/cell"
)

func TestOneCreateMakesACircuitThroughThreeHops(t *testing.T) {
	n := newNet(t, 1, 4)
	n.build(2, 3, 4)
	var hops []int
	for _, e := range n.nodes[0].own {
		hops = append(hops, e.Hop)
	}
	if len(hops) != 3 || hops[2] != 3 {
		t.Errorf("answers came from %v", hops)
	}
	if n.sent != 3+3+2+1 {
		t.Errorf("%d cells for three hops", n.sent)
	}
}

func TestExtensionWithEarlyDataIsAnsweredInOneRoundTrip(t *testing.T) {
	n := newNet(t, 2, 5)
	c := n.build(2, 3)
	first := append([]byte{byte(cell.Ask)}, bytes.Repeat([]byte{7}, cell.EarlyFirstLen-1)...)
	var train []EarlyCell
	for i := range byte(cell.MaxEarly) {
		train = append(train, EarlyCell{cell.Request, bytes.Repeat([]byte{i}, cell.PayloadLen)})
	}
	far := n.nodes[3]
	n.must(n.nodes[0].origin.Extend(n.now, c, far.target, first, train))
	n.settle()
	if got := n.last(); got.Kind != Built || got.Hop != 3 {
		t.Fatalf("%d at hop %d: %v", got.Kind, got.Hop, got.Err)
	}
	if len(far.events) != 1+cell.MaxEarly || far.events[0].Kind != Early || !bytes.Equal(far.events[0].Data, first) {
		t.Fatalf("the far hop saw %d events", len(far.events))
	}
	for i, e := range far.events[1:] {
		if e.Message != cell.Request || !bytes.Equal(e.Data, train[i].Payload) {
			t.Fatalf("early cell %d is another", i)
		}
	}
	answer := bytes.Repeat([]byte{9}, cell.PayloadLen)
	n.must(far.transit.Reply(n.now, far.events[0].Circuit, cell.Answer, answer))
	n.settle()
	if got := n.last(); got.Kind != Answered || got.Message != cell.Answer || !bytes.Equal(got.Data, answer) {
		t.Fatal("another answer came")
	}
	ours, _ := n.nodes[0].origin.Binding(c)
	if theirs, ok := far.transit.Binding(far.events[0].Circuit); !ok || theirs != ours {
		t.Error("the ends have different bindings")
	}
}

func TestFailureIsLocatedAtItsHop(t *testing.T) {
	for dead := 2; dead <= 4; dead++ {
		n := newNet(t, 3, 4)
		n.filter = func(_, to Neighbor, _ []byte) bool { return int(to) != dead }
		if _, err := n.nodes[0].origin.Build(n.now, 2, n.targets(2, 3, 4)); err != nil {
			t.Fatal(err)
		}
		n.settle()
		n.pass(DefaultPatience)
		if got := n.last(); got.Kind != Failed || got.Hop != dead-1 || !errors.Is(got.Err, ErrNoAnswer) {
			t.Errorf("relay %d is dead: hop %d, %v", dead-1, got.Hop, got.Err)
		}
	}
}

func TestClosingErasesTheCircuitEverywhere(t *testing.T) {
	n := newNet(t, 4, 4)
	c := n.build(2, 3, 4)
	if n.circuits() != 3 {
		t.Fatalf("%d circuits at relays", n.circuits())
	}
	n.nodes[0].origin.Close(c)
	n.settle()
	if n.circuits() != 0 || n.nodes[0].origin.Len() != 0 || n.held != 0 {
		t.Errorf("%d circuits are left, and %d links are held", n.circuits(), n.held)
	}
}

func TestAlteredAnswerClosesTheCircuit(t *testing.T) {
	n := newNet(t, 5, 4)
	n.build(2, 3, 4)
	far := n.nodes[3]
	n.filter = func(from, to Neighbor, f []byte) bool {
		if from == 3 && to == 2 {
			f[100] ^= 1
		}
		return true
	}
	n.must(far.transit.Reply(n.now, 1, cell.Answer, nil))
	n.settle()
	if got := n.last(); got.Kind != Failed || !errors.Is(got.Err, ErrTampered) {
		t.Errorf("%d, %v", got.Kind, got.Err)
	}
	if n.circuits() != 0 {
		t.Errorf("%d circuits are left", n.circuits())
	}
}

func TestCreateIsTakenOnce(t *testing.T) {
	n := newNet(t, 6, 4)
	var create []byte
	n.filter = func(from, to Neighbor, f []byte) bool {
		if _, c := cell.Header(f); c == cell.Create && from == 1 {
			create = bytes.Clone(f)
		}
		return true
	}
	n.build(2, 3, 4)
	relay := n.nodes[1]
	made := relay.transit.Counters().Created
	replay := func() {
		f := bytes.Clone(create)
		cell.PutHeader(f, 99, cell.Create)
		n.deliver(carried{4, 2, f})
		n.settle()
	}
	for range 20 {
		replay()
		n.pass(time.Minute)
	}
	if got := relay.transit.Counters(); got.Created != made || got.CreatesReplayed != 20 {
		t.Errorf("%d circuits of one create, %d replays seen", got.Created, got.CreatesReplayed)
	}
	n.start(relay, true)
	replay()
	if got := relay.transit.Counters(); got.Created != 0 {
		t.Error("a create was taken again after a restart")
	}
}

func TestKeyInUseTakesNoCreateOfABucketThatWasAcceptableBeforeTheStart(t *testing.T) {
	n := newNet(t, 7, 2)
	n.start(n.nodes[1], true)
	if _, err := n.nodes[0].origin.Build(n.now, 2, n.targets(2)); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if got := n.last(); got.Kind != Failed {
		t.Error("a create was taken that may have been taken before")
	}
	n.pass(2 * BucketLen)
	n.build(2)
}

func TestIdleCircuitEnds(t *testing.T) {
	n := newNet(t, 8, 4)
	n.build(2, 3, 4)
	n.pass(IdleLimit + time.Minute)
	if n.circuits() != 0 || n.nodes[0].origin.Len() != 0 {
		t.Errorf("%d circuits are left at relays, %d at the origin", n.circuits(), n.nodes[0].origin.Len())
	}
}

func TestClientHasAShareOfCreates(t *testing.T) {
	n := newNet(t, 9, 2)
	relay := n.nodes[1].transit
	frame := make([]byte, cell.FrameLen)
	for i := range 2 * clientBurst {
		n.read(frame)
		cell.PutHeader(frame, cell.ID(i), cell.Create)
		relay.Receive(n.now, 77, true, frame)
	}
	if got := relay.Counters(); got.CreatesLimited != clientBurst || got.Queued != clientBurst {
		t.Errorf("%d creates queued, %d refused", got.Queued, got.CreatesLimited)
	}
}
