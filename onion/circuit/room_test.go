// Who loses what when a relay is full, and who can bring that about.

package circuit

import (
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

func TestGarbageMakesNoRoom(t *testing.T) {
	n := newNet(t, 90, 1)
	r := n.nodes[0]
	m := n.bounded(r, TransitConfig{MaxCircuits: 5})
	for id := range cell.ID(5) {
		n.create(r, 7, false, id)
	}
	noise := make([]byte, cell.BodyLen)
	for i := range 500 {
		n.read(noise)
		noise[0] = byte(i) // each possible key tag
		m.Receive(n.now, 8, false, frame(cell.ID(i), cell.Create, noise))
		if i%3 == 0 {
			answerAll(n.now, m)
		}
	}
	answerAll(n.now, m)
	if got := m.Counters(); got.Circuits != 5 || got.CreatesBad != 500 || m.upstreams[7].circuits != 5 {
		t.Errorf("%d circuits are left after %d bad creates", got.Circuits, got.CreatesBad)
	}
	if n.create(r, 8, false, 1000) == nil || m.upstreams[7].circuits != 4 {
		t.Error("a good create made no room")
	}
	checkTransit(t, m)
}

func TestCreatesThatAreAnsweredTogetherStayWithinTheBound(t *testing.T) {
	n := newNet(t, 91, 1)
	r := n.nodes[0]
	m := n.bounded(r, TransitConfig{MaxCircuits: 5})
	for id := range cell.ID(20) {
		body, _ := n.body(r, Bucket(n.now), layer.Train{First: []byte{0}})
		m.Receive(n.now, 7+Neighbor(id)%2, false, frame(id, cell.Create, body))
	}
	answerAll(n.now, m)
	if got := m.Counters(); got.Circuits != 5 || got.Created != 20 {
		t.Errorf("%d circuits of %d created", got.Circuits, got.Created)
	}
	checkTransit(t, m)
}

// One neighbour's creates do not use up the memory in which creates of a bucket are remembered, not even of the next one.
func TestOneLinkCannotFillABucketForOthers(t *testing.T) {
	n := newNet(t, 92, 1)
	r := n.nodes[0]
	m := r.transit
	for _, ahead := range []uint32{0, 1} {
		n.create(r, 7, false, cell.ID(ahead))
		u := m.upstreams[7]
		taken := 0
		for i := range maxSeen + 10 {
			if m.seen.take(n.now, u, Bucket(n.now)+ahead, [cell.KeyLen]byte{byte(i), byte(i >> 8), byte(i >> 16), byte(ahead), 1}) {
				taken++
			}
		}
		if taken < maxSeen/3 || taken > maxSeen*2/3 {
			t.Errorf("one link has %d of %d", taken, maxSeen)
		}
	}
	if n.create(r, 7, false, 10) != nil {
		t.Error("the link has more than its share")
	}
	if n.create(r, 8, false, 10) == nil {
		t.Error("another link is refused in this bucket")
	}
	m.Close(n.now, 1)
	m.Close(n.now, 2)
	n.now = n.now.Add(sweepEvery)
	m.Tick(n.now)
	if n.create(r, 7, false, 11) != nil {
		t.Error("the link got a new share by closing its circuits")
	}
	n.now = n.now.Add(BucketLen)
	if n.create(r, 8, false, 12) == nil {
		t.Error("another link is refused in the next bucket")
	}
	n.now = n.now.Add(BucketLen)
	if n.create(r, 7, false, 13) == nil {
		t.Error("the link never gets a share again")
	}
	for _, number := range []Circuit{3, 4, 5, 6, 7, 8, 9} {
		m.Close(n.now, number)
	}
	n.now = n.now.Add(3*BucketLen + time.Second)
	if m.Tick(n.now); len(m.upstreams) > 0 {
		t.Errorf("%d upstreams are left", len(m.upstreams))
	}
}

func TestNeighborsThatComeAndGoLeaveNothing(t *testing.T) {
	n := newNet(t, 93, 1)
	r := n.nodes[0]
	m := r.transit
	for i := range 400 {
		from := Neighbor(1000 + i)
		n.create(r, from, i%2 == 0, 1)
		body := make([]byte, cell.BodyLen)
		n.read(body)
		m.Receive(n.now, from, i%2 == 0, frame(2, cell.Create, body)) // waits when the link goes
		m.LinkDown(n.now, from)
		m.Recycle(m.Outgoing(nil))
	}
	checkEmpty(t, m)
	checkTransit(t, m)
	n.now = n.now.Add(clientBurst/clientCreates*time.Second + sweepEvery)
	m.Tick(n.now)
	for from, u := range m.upstreams {
		if u.client {
			t.Errorf("client %d is remembered", from)
		}
	}
	n.now = n.now.Add(3 * BucketLen)
	if m.Tick(n.now); len(m.upstreams) > 0 {
		t.Errorf("%d links are remembered", len(m.upstreams))
	}
	if got := len(m.Events(nil)); got != 400 {
		t.Errorf("%d of 400 circuits were closed", got)
	}
}

func TestLostLinkOfManyCircuitsKeepsFewFrames(t *testing.T) {
	n := newNet(t, 94, 2)
	r := n.nodes[0]
	standing(n, r.transit, r, 2*maxFree/3)
	for from := range Neighbor(16) {
		r.transit.LinkDown(n.now, 100+from)
	}
	for range 3 {
		out := r.transit.Outgoing(nil)
		for range maxFree {
			out = append(out, Out{Frame: make([]byte, cell.FrameLen), own: true})
		}
		r.transit.Recycle(out)
	}
	checkTransit(t, r.transit)
	checkEmpty(t, r.transit)
	if n.held != 0 {
		t.Errorf("%d links are held", n.held)
	}
}
