// What nodes promise to those who use them.

package onion

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
)

// ask makes an echo request and returns how long it took.
func (n *network) ask(p, far *place, content string) (time.Duration, error) {
	n.t.Helper()
	var answer []byte
	err, done, began := errTest, false, n.now
	p.client.Ask(n.now, Question{
		Peer: far.d.NodeID(), Purpose: path.Lookups, Service: request.Echo, Content: []byte(content),
		Done: func(a []byte, e error) { answer, err, done = a, e, true },
	})
	n.flush(p)
	if !n.until(time.Minute, func() bool { return done }) {
		n.t.Fatal("neither an answer nor an error")
	}
	if err == nil && string(answer) != content {
		n.t.Fatal("another answer")
	}
	return n.now.Sub(began), err
}

// far is a relay that is no guard of p.
func (n *network) far(p *place) *place {
	for _, o := range n.all {
		if o.relay != nil && !p.linked[o.d.NodeID()] {
			return o
		}
	}
	n.t.Fatal("all relays are guards")
	return nil
}

func TestRequestTakesOneRoundTripOfThePath(t *testing.T) {
	n := newNetwork(t, 1, 12)
	p := n.user(nil)
	n.run(5 * time.Second)
	if p.lines(path.Lookups) != 2 {
		t.Fatalf("%d stems stand", p.lines(path.Lookups))
	}
	for range 5 {
		took, err := n.ask(p, n.far(p), "what is your name")
		if err != nil || took != 6*linkDelay {
			t.Errorf("%v, %v: want three links there and back", took, err)
		}
		n.run(20 * time.Second)
	}
	took, err := n.ask(p, n.far(p), "")
	if err != nil || took != 6*linkDelay {
		t.Errorf("an empty one: %v, %v", took, err)
	}
}

func TestOnlyGuardsHearFromAClient(t *testing.T) {
	n := newNetwork(t, 2, 12)
	p := n.user(nil)
	n.run(5 * time.Second)
	for range 4 {
		if _, err := n.ask(p, n.far(p), "x"); err != nil {
			t.Error(err)
		}
		n.run(10 * time.Second)
	}
	guards := 0
	for ends := range n.sent {
		if ends[0] == p.number {
			guards++
		}
	}
	if guards != 2 {
		t.Errorf("%d relays got cells from the client, want its 2 guards", guards)
	}
}

// callee listens, and accepts and echoes whatever comes.
func (n *network) callee(h *heard, leases *[]Lease) *place {
	p := n.user(func(c *ClientConfig) {
		c.Incoming = func(talk *Talk) func(session.Event) {
			h.talk = talk
			return h.tell(n)
		}
	})
	_, err := p.client.Listen(n.now, ListenConfig{
		Spec:   lease.Spec{Kind: lease.ShortLived, Lifetime: 2 * time.Hour, Overlap: 10 * time.Minute},
		Stands: func(l Lease) { *leases = append(*leases, l) },
	})
	n.must(err)
	n.flush(p)
	return p
}

func (n *network) callees(leases []Lease) []Callee {
	var list []Callee
	for _, l := range leases {
		c, err := CalleeOf(l)
		n.must(err)
		list = append(list, c)
	}
	return list
}

func TestTwoHiddenEndsTalk(t *testing.T) {
	n := newNetwork(t, 3, 30)
	var leases []Lease
	var alice, bob heard
	b := n.callee(&bob, &leases)
	a := n.user(nil)
	n.run(10 * time.Second)
	if len(leases) != 1 {
		t.Fatalf("%d leases stand", len(leases))
	}
	invite := strings.Repeat("INVITE ", 3000/7)
	began := n.now
	talk, fresh, err := a.client.Dial(n.now, Call{Callees: n.callees(leases), First: []byte(invite), Tell: alice.tell(n)})
	if err != nil || !fresh {
		t.Fatal(err)
	}
	n.flush(a)
	if !n.until(10*time.Second, func() bool { return len(bob.messages) == 1 }) {
		t.Fatal("the opening did not arrive")
	}
	if got := n.now.Sub(began); got != 6*linkDelay || bob.messages[0] != invite {
		t.Errorf("the first message took %v", got)
	}
	bob.talk.Session(n.now, func(s *session.Session) {
		s.Accept(n.now)
		n.must(s.SendMessage(n.now, []byte("180 Ringing")))
	})
	n.flush(b)
	n.until(10*time.Second, func() bool { return len(alice.messages) == 1 })
	if got := n.now.Sub(began); got != 12*linkDelay {
		t.Errorf("the first answer took %v, want six links there and back", got)
	}
	for i := range 50 {
		talk.Session(n.now, func(s *session.Session) {
			n.must(s.SendDatagram(n.now, 7, bytes.Repeat([]byte{byte(i)}, 172)))
		})
		n.flush(a)
		n.run(20 * time.Millisecond)
	}
	n.run(time.Second)
	if len(bob.packets) != 50 {
		t.Errorf("%d datagrams of 50 arrived", len(bob.packets))
	}
	talk.Session(n.now, func(s *session.Session) { s.Close(n.now) })
	n.flush(a)
	n.run(10 * time.Second)
	if !alice.closed || !bob.closed || alice.err != nil {
		t.Errorf("closed: %v, %v (%v, %v)", alice.closed, bob.closed, alice.err, bob.err)
	}
}

func TestOneSessionServesAPair(t *testing.T) {
	n := newNetwork(t, 4, 14)
	var leases []Lease
	var alice, bob heard
	n.callee(&bob, &leases)
	a := n.user(nil)
	n.run(10 * time.Second)
	call := Call{Pair: session.PairOf([32]byte{1}), Callees: n.callees(leases), First: []byte("hello"), Tell: alice.tell(n)}
	first, _, err := a.client.Dial(n.now, call)
	n.must(err)
	n.flush(a)
	n.run(time.Second)
	second, fresh, err := a.client.Dial(n.now, call)
	if err != nil || fresh || second != first {
		t.Errorf("a second session of one pair: %v", err)
	}
	bob.talk.Session(n.now, func(s *session.Session) { s.Accept(n.now) })
	first.Leave(n.now)
	n.run(2 * session.Linger)
	if alice.closed {
		t.Error("closed while one of two still uses it")
	}
	first.Leave(n.now)
	n.run(session.Linger + 20*time.Second)
	if !alice.closed || !bob.closed {
		t.Error("not closed a minute after the last one has gone")
	}
}

func TestRequestsSurviveLossAndDeadRelays(t *testing.T) {
	n := newNetwork(t, 5, 14)
	n.loss = 0.01
	p := n.user(nil)
	n.run(5 * time.Second)
	far := n.far(p)
	failed := 0
	for i := range 60 {
		if _, err := n.ask(p, far, "x"); err != nil {
			failed++
			t.Logf("request %d: %v", i, err)
		}
		if i == 30 { // one of the seconds
			for _, o := range n.all {
				if o.relay != nil && o != far && !p.linked[o.d.NodeID()] && o.relay.Status().Circuits > 0 {
					n.kill(o)
					break
				}
			}
		}
		n.run(time.Minute)
	}
	if failed > 0 {
		t.Errorf("%d of 60 requests had no answer", failed)
	}
}

func TestNoPathSaysWhy(t *testing.T) {
	n := newNetwork(t, 6, 2)
	p := n.user(nil)
	n.run(5 * time.Second)
	_, err := n.ask(p, n.all[0], "x")
	if err == nil || !strings.HasPrefix(err.Error(), "no path: ") {
		t.Errorf("%v", err)
	}
}

func TestLostExtensionIsTriedAgainSoon(t *testing.T) {
	n := newNetwork(t, 7, 14)
	n.loss = 0.02
	p := n.user(nil)
	n.run(5 * time.Second)
	var fars []*place
	for _, o := range n.all {
		if o.relay != nil && !p.linked[o.d.NodeID()] {
			fars = append(fars, o)
		}
	}
	late := 0
	const asks = 100
	for i := range asks {
		took, err := n.ask(p, fars[i%len(fars)], "x")
		if err != nil {
			t.Error(err)
		}
		if took > 6*linkDelay {
			late++
		}
		if took > 4*time.Second {
			t.Errorf("a request took %v", took)
		}
		n.run(20 * time.Second)
	}
	if late == 0 || late > asks/3 {
		t.Errorf("%d of %d requests were late: the loss is not what it should be", late, asks)
	}
}
