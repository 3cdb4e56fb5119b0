// The bounds of a relay, and what happens at each.

package circuit

import (
	"bytes"
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// bounded gives a relay another configuration.
func (n *net) bounded(r *node, cfg TransitConfig) *Transit {
	cfg.Overlay, cfg.Node, cfg.Peers, cfg.Rand = n.over, r.target.Node, n, n.random
	m, err := NewTransit(n.now, cfg)
	n.must(err)
	m.SetKeys([]Key{{Private: r.key}})
	r.transit = m
	return m
}

// body is that of a create for one hop.
func (n *net) body(r *node, bucket uint32, train layer.Train) ([]byte, *layer.Pending) {
	var s layer.Scratch
	body := make([]byte, cell.BodyLen)
	pending, err := layer.Create(&s, n.random, n.over, bucket, []layer.Target{r.target}, train, body)
	n.must(err)
	return body, pending[0]
}

// frame is a cell.
func frame(id cell.ID, c cell.Command, body []byte) []byte {
	f := make([]byte, cell.FrameLen)
	cell.PutHeader(f, id, c)
	copy(cell.Body(f), body)
	return f
}

// create has a relay take a create from a neighbour, and returns the circuit's hop as its origin sees it; nil if it was
// not created.
func (n *net) create(r *node, from Neighbor, client bool, id cell.ID) *layer.Hop {
	body, pending := n.body(r, Bucket(n.now), layer.Train{First: []byte{0}})
	r.transit.Receive(n.now, from, client, frame(id, cell.Create, body))
	return n.finish(r, from, id, pending)
}

func (n *net) finish(r *node, from Neighbor, id cell.ID, p *layer.Pending) *layer.Hop {
	answerAll(n.now, r.transit)
	for _, o := range r.transit.Outgoing(nil) {
		if got, c := cell.Header(o.Frame); o.To == from && got == id && c == cell.Created {
			h, err := p.Finish(cell.Body(o.Frame))
			n.must(err)
			return h
		}
	}
	return nil
}

// answerAll answers every create that waits, and returns how many.
func answerAll(now time.Time, m *Transit) int {
	count := 0
	for {
		j, ok := m.NextCreate(now)
		if !ok {
			return count
		}
		j.Run()
		m.FinishCreate(now, j)
		count++
	}
}

// say is a cell that the origin of a one-hop circuit sends.
func (n *net) say(h *layer.Hop, id cell.ID, m cell.Message, payload []byte) []byte {
	return n.sealed(h.Forward(), id, m, payload)
}

func (n *net) sealed(key *layer.Outward, id cell.ID, m cell.Message, payload []byte) []byte {
	var s layer.Scratch
	f := frame(id, cell.Forward, nil)
	n.read(cell.PutMessage(cell.Body(f), m, payload))
	n.must(layer.Seal(&s, n.random, cell.Body(f), []*layer.Outward{key}))
	return f
}

func TestFullRelayEndsTheOldestUnusedCircuitOfTheLinkThatHoldsMost(t *testing.T) {
	n := newNet(t, 20, 1)
	r := n.nodes[0]
	m := n.bounded(r, TransitConfig{MaxCircuits: 6})
	hops := make(map[cell.ID]*layer.Hop)
	for id := range cell.ID(4) {
		hops[id] = n.create(r, 7, false, id)
	}
	n.create(r, 8, false, 100)
	n.create(r, 9, false, 200)
	m.Receive(n.now, 7, false, n.say(hops[0], 0, cell.Drop, nil)) // the oldest is in use
	m.Events(nil)
	n.create(r, 9, false, 201)
	if m.byPrev[wire{7, 1}] != nil || m.byPrev[wire{7, 0}] == nil || m.byPrev[wire{9, 201}] == nil || len(m.byNumber) != 6 {
		t.Error("another circuit than the oldest unused one of the fullest link has gone")
	}
	checkTransit(t, m)
}

func TestUsedCircuitsAreNeverEndedForNewOnes(t *testing.T) {
	n := newNet(t, 21, 1)
	r := n.nodes[0]
	m := n.bounded(r, TransitConfig{MaxCircuits: 5})
	for id := range cell.ID(5) {
		m.Receive(n.now, 7, false, n.say(n.create(r, 7, false, id), id, cell.Drop, nil))
	}
	for id := range cell.ID(5) {
		if n.create(r, 8, false, id) != nil {
			t.Error("a circuit was made where there is no room")
		}
	}
	if got := m.Counters(); got.Circuits != 5 || got.CreatesFull != 5 || got.Created != 5 {
		t.Errorf("%+v", got)
	}
}

func TestOneLinkCannotHoldAllCircuits(t *testing.T) {
	n := newNet(t, 27, 1)
	r := n.nodes[0]
	const most = 3 * smallShare
	m := n.bounded(r, TransitConfig{MaxCircuits: most})
	for id := range cell.ID(most) {
		if h := n.create(r, 7, false, id); h != nil {
			m.Receive(n.now, 7, false, n.say(h, id, cell.Drop, nil))
		}
	}
	if got := m.upstreams[7].circuits; got > most/2+1 {
		t.Errorf("one link uses %d circuits of %d", got, most)
	}
	made := 0
	for id := range cell.ID(smallShare) {
		if n.create(r, 8, false, id) != nil {
			made++
		}
	}
	if made != smallShare {
		t.Errorf("another link got %d circuits of %d", made, smallShare)
	}
	checkTransit(t, m)
}

func TestCircuitIsUnusedUntilItsOriginUsesIt(t *testing.T) {
	n := newNet(t, 22, 4)
	c := n.build(2, 3, 4)
	for _, r := range n.nodes[1:] {
		if r.transit.upstreams[r.place-1].oldest == nil {
			t.Errorf("hop %d takes a stem that was only built for one in use", r.place-1)
		}
	}
	n.must(n.nodes[0].origin.Send(n.now, c, cell.Drop, nil))
	n.settle()
	for _, r := range n.nodes[1:] {
		if r.transit.upstreams[r.place-1].oldest != nil {
			t.Errorf("hop %d takes a stem in use for an unused one", r.place-1)
		}
	}
}

func TestClientHolds512CircuitsAndMakesThreeASecond(t *testing.T) {
	n := newNet(t, 23, 1)
	r := n.nodes[0]
	m := r.transit
	made := 0
	for s := range 300 {
		for range 5 {
			body := make([]byte, cell.BodyLen)
			n.read(body)
			m.Receive(n.now, 7, true, frame(cell.ID(made)<<8|cell.ID(s), cell.Create, body))
			made++
		}
		if want := min(maxClientCircuits, clientBurst+clientCreates*s); s > 45 && len(m.byNumber) != want {
			t.Fatalf("after %d s a client has %d circuits, not %d", s, len(m.byNumber), want)
		}
		n.now = n.now.Add(time.Second)
	}
	checkTransit(t, m)
	if n.create(r, 8, true, 1); m.byPrev[wire{8, 1}] == nil && m.Counters().Created == 0 {
		t.Error("one client's bounds are another's")
	}
}

func TestFloodOfCreatesLeavesTheCreatesOfOthersAnswered(t *testing.T) {
	n := newNet(t, 24, 1)
	r := n.nodes[0]
	m := r.transit
	noise := make([]byte, cell.BodyLen)
	flood := func(count int) {
		for i := range count {
			n.read(noise[:40])
			m.Receive(n.now, 7, false, frame(cell.ID(i)|cell.ID(noise[33])<<24, cell.Create, noise))
		}
	}
	flood(maxQueuedCreates + 500)
	body, pending := n.body(r, Bucket(n.now), layer.Train{First: []byte{0}})
	m.Receive(n.now, 8, false, frame(5, cell.Create, body))
	flood(500)
	checkTransit(t, m)
	if got := m.Counters(); got.Queued != maxQueuedCreates || len(m.byNumber) != maxQueuedCreates {
		t.Fatalf("%d creates wait", got.Queued)
	}
	for range 2 {
		j, _ := m.NextCreate(n.now)
		j.Run()
		m.FinishCreate(n.now, j)
	}
	var created bool
	for _, o := range m.Outgoing(nil) {
		if _, c := cell.Header(o.Frame); o.To == 8 && c == cell.Created {
			_, err := pending.Finish(cell.Body(o.Frame))
			created = err == nil
		}
	}
	if !created {
		t.Error("the honest create had to wait for the flood")
	}
}

func TestCreateWaitsNoLongerThanItsOriginDoes(t *testing.T) {
	n := newNet(t, 25, 1)
	r := n.nodes[0]
	body, _ := n.body(r, Bucket(n.now), layer.Train{First: []byte{0}})
	r.transit.Receive(n.now, 7, false, frame(5, cell.Create, body))
	n.now = n.now.Add(sweepEvery)
	r.transit.Tick(n.now)
	if got := r.transit.Counters(); got.Circuits != 0 || got.Queued != 0 {
		t.Errorf("%d creates wait after %v", got.Queued, sweepEvery)
	}
	checkEmpty(t, r.transit)
}

func TestCellsBeforeTheAnswerAreHeldUpToATrain(t *testing.T) {
	n := newNet(t, 26, 1)
	r := n.nodes[0]
	body, pending := n.body(r, Bucket(n.now), layer.Train{First: []byte{byte(cell.Ask)}, Cells: cell.MaxEarly})
	r.transit.Receive(n.now, 7, false, frame(5, cell.Create, body))
	noise := make([]byte, cell.BodyLen)
	for range cell.MaxEarly {
		r.transit.Receive(n.now, 7, false, n.sealed(pending.Early(), 5, cell.Request, nil))
	}
	for range 1000 {
		r.transit.Receive(n.now, 7, false, frame(5, cell.Forward, noise))
	}
	if got := len(r.transit.byPrev[wire{7, 5}].held); got != maxHeld {
		t.Errorf("%d cells are held", got)
	}
	answerAll(n.now, r.transit)
	if got := r.transit.Events(nil); len(got) != 1+cell.MaxEarly {
		t.Errorf("%d events of a train", len(got))
	}
}

func TestEarlyCellsAreTakenForTwoSeconds(t *testing.T) {
	for _, late := range []time.Duration{earlyTime - 1, earlyTime} {
		n := newNet(t, 27, 1)
		r := n.nodes[0]
		body, pending := n.body(r, Bucket(n.now), layer.Train{First: []byte{byte(cell.Ask)}, Cells: 2})
		r.transit.Receive(n.now, 7, false, frame(5, cell.Create, body))
		answerAll(n.now, r.transit)
		r.transit.Events(nil)
		n.now = n.now.Add(late)
		r.transit.Receive(n.now, 7, false, n.sealed(pending.Early(), 5, cell.Request, nil))
		if got := len(r.transit.Events(nil)); (got == 1) != (late < earlyTime) {
			t.Errorf("after %v %d early cells are taken", late, got)
		}
	}
}

func TestFullBucketOfCreatesRefusesMore(t *testing.T) {
	n := newNet(t, 28, 1)
	r := n.nodes[0]
	n.create(r, 7, false, 1)
	b := r.transit.seen.buckets[r.transit.seen.newest-Bucket(n.now)]
	for i := uint64(0); len(b) < maxSeen; i++ {
		b[i] = struct{}{}
	}
	if n.create(r, 7, false, 2) != nil {
		t.Error("a create was taken that cannot be remembered")
	}
	n.now = n.now.Add(BucketLen)
	if n.create(r, 7, false, 3) == nil {
		t.Error("the next bucket refuses, too")
	}
	n.now = n.now.Add(3 * BucketLen)
	r.transit.Tick(n.now)
	for _, b := range r.transit.seen.buckets {
		if len(b) > 0 {
			t.Error("a bucket is remembered that is over")
		}
	}
}

func TestClocksMayDifferByABucket(t *testing.T) {
	n := newNet(t, 29, 1)
	r := n.nodes[0]
	for i := range 300 {
		skew := time.Duration(i-150) * 2 * time.Second
		n.now = n.now.Add(time.Second)
		body, pending := n.body(r, Bucket(n.now.Add(skew)), layer.Train{First: []byte{0}})
		r.transit.Receive(n.now, 7, false, frame(cell.ID(i), cell.Create, body))
		if n.finish(r, 7, cell.ID(i), pending) == nil {
			t.Fatalf("a create was refused from a clock that differs by %v", skew)
		}
	}
	for _, skew := range []time.Duration{-11 * time.Minute, 11 * time.Minute} {
		body, pending := n.body(r, Bucket(n.now.Add(skew)), layer.Train{First: []byte{0}})
		r.transit.Receive(n.now, 7, false, frame(1000, cell.Create, body))
		if n.finish(r, 7, 1000, pending) != nil {
			t.Errorf("a create was taken from a clock that differs by %v", skew)
		}
	}
}

// A clock that is ahead names the next bucket. Its create must not be taken once before a restart and once after.
func TestCreateOfAClockAheadIsNotTakenAgainAfterARestart(t *testing.T) {
	n := newNet(t, 30, 1)
	r := n.nodes[0]
	body, pending := n.body(r, Bucket(n.now)+1, layer.Train{First: []byte{0}})
	r.transit.Receive(n.now, 7, false, frame(1, cell.Create, body))
	if n.finish(r, 7, 1, pending) == nil {
		t.Fatal("refused")
	}
	n.start(r, true)
	for range 20 {
		r.transit.Receive(n.now, 7, false, frame(2, cell.Create, bytes.Clone(body)))
		answerAll(n.now, r.transit)
		if r.transit.Counters().Created > 0 {
			t.Fatal("the create was taken again")
		}
		n.now = n.now.Add(time.Minute)
	}
}

func TestFreshKeyRefusesNothingAfterARestart(t *testing.T) {
	n := newNet(t, 31, 1)
	n.start(n.nodes[0], false)
	if n.create(n.nodes[0], 7, false, 1) == nil {
		t.Error("refused")
	}
}

func TestClockThatIsSetBackTakesNoCreateTwice(t *testing.T) {
	n := newNet(t, 32, 1)
	r := n.nodes[0]
	body, pending := n.body(r, Bucket(n.now), layer.Train{First: []byte{0}})
	r.transit.Receive(n.now, 7, false, frame(1, cell.Create, bytes.Clone(body)))
	if n.finish(r, 7, 1, pending) == nil {
		t.Fatal("refused")
	}
	for i, step := range []time.Duration{time.Hour, -time.Hour, -time.Hour, 24 * time.Hour, -23 * time.Hour, 0} {
		n.now = n.now.Add(step)
		r.transit.Tick(n.now)
		r.transit.Receive(n.now, 7, false, frame(cell.ID(2+i), cell.Create, bytes.Clone(body)))
		answerAll(n.now, r.transit)
		if r.transit.Counters().Created > 1 {
			t.Fatal("the create was taken again")
		}
	}
}
