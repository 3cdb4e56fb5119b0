// Neighbours, hops and origins that follow no rule.

package circuit

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// tap keeps copies of the cells of one command between two nodes.
func (n *net) tap(from, to Neighbor, command cell.Command) *[][]byte {
	var seen [][]byte
	n.filter = func(f, t Neighbor, b []byte) bool {
		if _, c := cell.Header(b); f == from && t == to && c == command {
			seen = append(seen, bytes.Clone(b))
		}
		return true
	}
	return &seen
}

func TestExtensionGoesOnceAndNeverBackNorToTheRelayItself(t *testing.T) {
	for _, c := range []struct {
		name    string
		second  int
		created bool
	}{{"back", 1, false}, {"itself", 2, false}, {"on", 3, true}} {
		n := newNet(t, 40, 4)
		number := n.build(2)
		n.must(n.nodes[0].origin.Extend(n.now, number, n.nodes[c.second-1].target, nil, nil))
		n.settle()
		got := n.last()
		if c.created && got.Kind != Built || !c.created && (got.Kind != Failed || got.Hop != 2 || !errors.Is(got.Err, ErrRefused)) {
			t.Errorf("%s: %d at hop %d, %v", c.name, got.Kind, got.Hop, got.Err)
		}
		if len(n.nodes[1].transit.byNext) > 0 != c.created {
			t.Errorf("%s: wrong next hop", c.name)
		}
	}
}

func TestSecondExtensionIsIgnored(t *testing.T) {
	n := newNet(t, 41, 4)
	number := n.build(2, 3)
	own := n.nodes[0].origin.own[number]
	seen := n.tap(2, 4, cell.Create)
	var s layer.Scratch
	var payload [cell.PayloadLen]byte
	_, err := layer.Extension(&s, n.random, n.over, Bucket(n.now), own.keys[0], n.nodes[3].target, layer.Train{}, payload[:])
	n.must(err)
	n.must(n.nodes[0].origin.seal(own, own.keys[:1], cell.Extend, payload[:]))
	n.settle()
	if len(*seen) > 0 || n.nodes[1].transit.Counters().CellsOld != 1 {
		t.Error("a circuit was extended twice")
	}
}

// What a hop appends to a create belongs to the cell that asked for it, and an early one has none.
func TestEarlyCellExtendsNothing(t *testing.T) {
	n := newNet(t, 42, 4)
	number := n.build(2)
	seen := n.tap(3, 4, cell.Create)
	wish := EarlyCell{cell.Extend, bytes.Repeat([]byte{5}, cell.PayloadLen)}
	copy(wish.Payload, n.nodes[3].target.Node[:cell.PrefixLen])
	n.must(n.nodes[0].origin.Extend(n.now, number, n.nodes[2].target, nil, []EarlyCell{wish}))
	n.settle()
	if len(*seen) > 0 {
		t.Errorf("a create was sent on that ends in %x", (*seen)[0][cell.FrameLen-16:])
	}
}

func TestForgedDestroysFromOthersHaveNoEffect(t *testing.T) {
	n := newNet(t, 43, 5)
	n.build(2, 3, 4)
	for _, r := range n.nodes {
		for w := range r.transit.byPrev {
			for from := range Neighbor(6) {
				for command := range cell.Command(8) {
					if from != w.neighbor || command == cell.Created || command == cell.Backward || command == cell.DestroyBack {
						r.transit.Receive(n.now, from, false, frame(w.id, command, nil))
					}
				}
			}
		}
		for w := range r.transit.byNext {
			for from := range Neighbor(6) {
				for command := range cell.Command(8) {
					if from != w.neighbor || command == cell.Forward || command == cell.DestroyForward || command == cell.Create {
						r.transit.Receive(n.now, from, false, frame(w.id, command, nil))
					}
				}
			}
		}
		for w := range n.nodes[0].origin.byWire {
			for from := range Neighbor(6) {
				if from != w.neighbor && n.nodes[0].origin.Receive(n.now, from, frame(w.id, cell.DestroyBack, nil)) {
					t.Error("the origin took a cell of a stranger")
				}
			}
		}
		answerAll(n.now, r.transit)
	}
	n.settle()
	if n.circuits() != 3 || n.nodes[0].origin.Len() != 1 {
		t.Errorf("%d circuits are left", n.circuits())
	}
}

func TestCreateOfAnIDInUseChangesNothing(t *testing.T) {
	n := newNet(t, 44, 1)
	r := n.nodes[0]
	h := n.create(r, 7, false, 5)
	if n.create(r, 7, false, 5) != nil || r.transit.Counters().Created != 1 {
		t.Error("an ID has two circuits")
	}
	r.transit.Receive(n.now, 7, false, n.say(h, 5, cell.Request, nil))
	if len(r.transit.Events(nil)) != 1 {
		t.Error("the circuit that was there is not usable")
	}
	if len(r.transit.Outgoing(nil)) > 0 {
		t.Error("an answer would be taken for one of the circuit that is there")
	}
}

func TestSecondCreatedIsDropped(t *testing.T) {
	n := newNet(t, 45, 4)
	seen := n.tap(3, 2, cell.Created)
	n.build(2, 3)
	sent := n.sent
	n.deliver(carried{3, 2, (*seen)[0]})
	n.settle()
	if n.sent != sent || n.nodes[0].origin.Len() != 1 {
		t.Error("a created came through twice")
	}
}

func TestAnswersMayOvertakeTheCreatedTheyNeed(t *testing.T) {
	n := newNet(t, 46, 4)
	number := n.build(2)
	var late []carried
	n.filter = func(from, to Neighbor, f []byte) bool {
		if _, c := cell.Header(f); from == 3 && c == cell.Created {
			late = append(late, carried{from, to, bytes.Clone(f)})
			return false
		}
		return true
	}
	n.must(n.nodes[0].origin.Extend(n.now, number, n.nodes[2].target, []byte{byte(cell.Ask)}, nil))
	n.settle()
	for range 11 {
		n.must(n.nodes[2].transit.Reply(n.now, 1, cell.Answer, nil))
	}
	n.settle()
	if n.last().Hop != 1 {
		t.Fatal("an answer was taken that nobody could verify")
	}
	n.deliver(late[0])
	n.settle()
	own := n.nodes[0].own
	if len(own) != 1+1+11 || own[1].Kind != Built || own[12].Kind != Answered {
		t.Errorf("%d events", len(own))
	}
}

func TestTruncatedCircuitTakesNothingForTheHopsBehind(t *testing.T) {
	n := newNet(t, 47, 4)
	number := n.build(2, 3, 4)
	second := n.nodes[2].transit
	own := n.nodes[0].origin.own[number]
	n.filter = func(from, to Neighbor, f []byte) bool { return from != 2 || to != 1 } // the origin hears nothing
	second.LinkDown(n.now, 4)
	for range 5 {
		n.must(n.nodes[0].origin.seal(own, own.keys, cell.Request, nil))
	}
	n.settle()
	if got := second.Counters(); got.CellsOld != 5 || got.Circuits != 1 || len(second.byNext) != 0 {
		t.Errorf("%+v", got)
	}
	checkTransit(t, second)
}

func TestLostLinkTruncatesOnce(t *testing.T) {
	n := newNet(t, 48, 4)
	n.build(2, 3, 4)
	second := n.nodes[2].transit
	var w wire
	for w = range second.byNext {
	}
	second.LinkDown(n.now, 4)
	second.LinkDown(n.now, 4)
	second.Receive(n.now, 4, false, frame(w.id, cell.DestroyBack, nil))
	if got := second.Outgoing(nil); len(got) != 1 || got[0].To != 2 {
		t.Errorf("%d cells are sent", len(got))
	}
}

func TestOriginLetsEightCellsPassThatNobodyAskedFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		hop     int
		message cell.Message
	}{{"drop of the last", 3, cell.Drop}, {"drop in between", 1, cell.Drop}, {"answer in between", 2, cell.Answer}, {"extended again", 3, cell.Extended},
		{"truncated at the end", 3, cell.Truncated}, {"extend", 3, cell.Extend}, {"no message", 3, 99}} {
		n := newNet(t, 49, 4)
		n.build(2, 3, 4)
		hop := n.nodes[c.hop].transit
		for range maxUnasked {
			n.must(hop.Reply(n.now, 1, c.message, nil))
		}
		n.settle()
		if n.last().Kind == Failed {
			t.Fatalf("%s: closed too early", c.name)
		}
		n.must(hop.Reply(n.now, 1, c.message, nil))
		n.settle()
		if got := n.last(); got.Kind != Failed || !errors.Is(got.Err, ErrTampered) || n.circuits() > 0 {
			t.Errorf("%s: %d, %v, and %d circuits are left", c.name, got.Kind, got.Err, n.circuits())
		}
	}
}

func TestOriginClosesAtTheFirstCellThatFailsOrRepeats(t *testing.T) {
	n := newNet(t, 50, 4)
	n.build(2, 3, 4)
	seen := n.tap(2, 1, cell.Backward)
	n.must(n.nodes[3].transit.Reply(n.now, 1, cell.Answer, nil))
	n.settle()
	if n.last().Kind != Answered {
		t.Fatal("no answer")
	}
	n.deliver(carried{2, 1, (*seen)[0]})
	n.settle()
	if got := n.last(); got.Kind != Failed || !errors.Is(got.Err, ErrTampered) || n.circuits() > 0 {
		t.Errorf("%d, %v, and %d circuits are left", got.Kind, got.Err, n.circuits())
	}
}

func TestFirstHopThatFloodsBeforeItAnswersIsGivenUp(t *testing.T) {
	n := newNet(t, 51, 2)
	o := n.nodes[0].origin
	_, err := o.Build(n.now, 2, n.targets(2))
	n.must(err)
	for w := range o.byWire {
		for range maxEarlyBack + 1 {
			o.Receive(n.now, 2, frame(w.id, cell.Backward, nil))
		}
	}
	n.flush(n.nodes[0])
	if got := n.last(); got.Kind != Failed || !errors.Is(got.Err, ErrTampered) {
		t.Errorf("%d, %v", got.Kind, got.Err)
	}
	if own := n.nodes[0].own; len(own) != 1 {
		t.Errorf("%d events", len(own))
	}
}

func TestEarlyCellOfAnotherLengthIsRefused(t *testing.T) {
	n := newNet(t, 52, 3)
	number := n.build(2)
	o := n.nodes[0].origin
	long := make([]byte, cell.PayloadLen+1)
	sent := n.sent
	if err := o.Extend(n.now, number, n.nodes[2].target, nil, []EarlyCell{{cell.Request, long}}); !errors.Is(err, ErrState) {
		t.Errorf("%v", err)
	}
	if n.settle(); n.sent != sent {
		t.Error("cells left")
	}
}

// Whoever answers at a hop keeps what came with a create. The circuit's keys must not live as long.
func TestEarlyDataKeepsNoKeys(t *testing.T) {
	n := newNet(t, 53, 1)
	r := n.nodes[0]
	body, _ := n.body(r, Bucket(n.now), layer.Train{First: []byte{byte(cell.Ask)}, Cells: 2})
	r.transit.Receive(n.now, 7, false, frame(5, cell.Create, body))
	job, _ := r.transit.NextCreate(n.now)
	job.Run()
	answered := job.answered
	r.transit.FinishCreate(n.now, job)
	if data := r.transit.Events(nil)[0].Data; len(data) != cell.EarlyFirstLen {
		t.Fatal("other data")
	}
	if answered.Binding != [cell.KeyLen]byte{} || job.answered != nil || job.keys != nil {
		t.Error("keys of a circuit are where nobody erases them")
	}
}

// A batch is fed as a whole: what came of its first cell is still there after its last.
func TestEventsOfABatchLieInItsFrames(t *testing.T) {
	n := newNet(t, 54, 4)
	number := n.build(2, 3)
	h := n.create(n.nodes[1], 4, false, 5)
	var batch [][]byte
	n.filter = func(from, to Neighbor, f []byte) bool {
		batch = append(batch, bytes.Clone(f))
		return false
	}
	own := n.nodes[0].origin.own[number]
	for i := range 40 {
		n.must(n.nodes[0].origin.seal(own, own.keys[:1+i%2], cell.Request, bytes.Repeat([]byte{byte(i)}, cell.PayloadLen)))
	}
	n.flush(n.nodes[0])
	relay := n.nodes[1].transit
	for i, f := range batch {
		relay.Receive(n.now, 1, false, f)
		relay.Receive(n.now, 4, false, n.say(h, 5, cell.Request, bytes.Repeat([]byte{byte(100 + i)}, cell.PayloadLen)))
		n.must(relay.Reply(n.now, 1, cell.Answer, nil))
	}
	events := relay.Events(nil)
	if len(events) != 20+40 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if !bytes.Equal(e.Data, bytes.Repeat(e.Data[:1], cell.PayloadLen)) {
			t.Fatal("data of one cell is in another")
		}
	}
}

func TestEveryBuildAndExtendHasOneEnd(t *testing.T) {
	n := newNet(t, 55, 4)
	ends := func() (count int) {
		for _, e := range n.nodes[0].own {
			if e.Kind == Built || e.Kind == Failed {
				count++
			}
		}
		n.nodes[0].own = nil
		return count
	}
	for name, spoil := range map[string]func(Circuit){
		"nothing":        func(Circuit) {},
		"the link fails": func(Circuit) { n.nodes[0].origin.LinkDown(n.now, 2) },
		"nobody answers": func(Circuit) { n.wires = nil },
		"a destroy": func(c Circuit) {
			n.deliver(carried{2, 1, frame(n.nodes[0].origin.own[c].wire.id, cell.DestroyBack, nil)})
		},
		"garbage": func(c Circuit) {
			n.deliver(carried{2, 1, frame(n.nodes[0].origin.own[c].wire.id, cell.Created, nil)})
		},
	} {
		c, err := n.nodes[0].origin.Build(n.now, 2, n.targets(2, 3))
		n.must(err)
		n.flush(n.nodes[0])
		spoil(c)
		n.settle()
		n.pass(time.Minute)
		if got := ends(); got != 1 {
			t.Errorf("build, %s: %d ends", name, got)
		}
		n.nodes[0].origin.Close(c)
		c = n.build(2, 3)
		ends()
		n.must(n.nodes[0].origin.Extend(n.now, c, n.nodes[3].target, nil, nil))
		n.flush(n.nodes[0])
		spoil(c)
		n.settle()
		n.pass(time.Minute)
		if got := ends(); got != 1 && name != "garbage" {
			t.Errorf("extend, %s: %d ends", name, got)
		}
		n.nodes[0].origin.Close(c)
	}
}
