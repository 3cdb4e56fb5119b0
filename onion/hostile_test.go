// What a client promises when others, or the network, are not as they should be.

package onion

import (
	"errors"
	"testing"
	"time"

	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

func TestNetworkThatBecomesSlowerIsWaitedFor(t *testing.T) {
	n := newNetwork(t, 21, 14)
	n.delay = 10 * time.Millisecond
	p := n.user(nil)
	n.run(5 * time.Second)
	far := n.far(p)
	for range 3 {
		_, err := n.ask(p, far, "x")
		n.must(err)
		n.run(20 * time.Second)
	}
	n.delay = 120 * time.Millisecond // 720 there and back: more than is waited for by then
	failed := 0
	for range 10 {
		if _, err := n.ask(p, far, "x"); err != nil {
			failed++
			t.Log(err)
		}
		n.run(7 * time.Minute)
	}
	if failed > 1 {
		t.Errorf("%d of 10 requests had no answer from a network that answers", failed)
	}
	n.run(time.Minute)
	if got := p.lines(path.Lookups); got != 2 {
		t.Errorf("%d stems stand", got)
	}
}

// nobody is a relay that is in no directory.
func (n *network) nobody() peer.NodeID {
	var b [peer.NodeIDLen]byte
	n.read(b[:])
	id, err := peer.ParseNodeID(b[:])
	n.must(err)
	return id
}

func TestCallGoesToTheNextLeaseWhenTheFirstCannotBeReached(t *testing.T) {
	n := newNetwork(t, 22, 20)
	var leases []Lease
	var alice, bob heard
	n.callee(&bob, &leases)
	a := n.user(nil)
	n.run(10 * time.Second)
	good := n.callees(leases)[0]
	bad := good
	bad.Relay = n.nobody()
	_, _, err := a.client.Dial(n.now, Call{Callees: []Callee{bad, bad, good}, First: []byte("hello"), Tell: alice.tell(n)})
	n.must(err)
	n.flush(a)
	n.run(5 * time.Second)
	if len(bob.messages) != 1 {
		t.Errorf("bob was not reached over the lease that works: %v", alice.err)
	}
	var none heard
	_, _, err = a.client.Dial(n.now, Call{Pair: session.PairOf([32]byte{1}), Callees: []Callee{bad, bad}, Tell: none.tell(n)})
	n.must(err)
	if n.flush(a); !none.closed || !errors.Is(none.err, path.ErrNoPath) {
		t.Errorf("with no lease that works: %v", none.err)
	}
}

func TestSessionFindsTheLeaseThatIsLeft(t *testing.T) {
	n := newNetwork(t, 23, 24)
	var leases []Lease
	var alice, bob heard
	b := n.callee(&bob, &leases)
	_, err := b.client.Listen(n.now, ListenConfig{
		Spec:   lease.Spec{Kind: lease.ShortLived, Lifetime: 2 * time.Hour, Overlap: 10 * time.Minute},
		Stands: func(l Lease) { leases = append(leases, l) },
	})
	n.must(err)
	n.flush(b)
	a := n.user(nil)
	n.run(10 * time.Second)
	list := n.callees(leases)
	bad := list[0]
	bad.Relay = n.nobody()
	talk, _, err := a.client.Dial(n.now, Call{Callees: []Callee{list[0], bad, list[1]}, First: []byte("hello"), Tell: alice.tell(n)})
	n.must(err)
	n.flush(a)
	n.run(time.Second)
	bob.talk.Session(n.now, func(s *session.Session) { s.Accept(n.now) })
	n.flush(b)
	n.run(time.Second)
	n.kill(n.find(list[0].Relay))
	n.run(5 * time.Second)
	talk.Session(n.now, func(s *session.Session) { n.must(s.SendMessage(n.now, []byte("still there"))) })
	n.flush(a)
	n.run(5 * time.Second)
	if len(bob.messages) != 2 {
		t.Errorf("bob heard %d messages; the call is over: %v, %v", len(bob.messages), alice.closed, alice.err)
	}
}

func TestEndOfALeaseLeavesThoseOfOtherRelaysAlone(t *testing.T) {
	n := newNetwork(t, 24, 4)
	c := n.user(nil).client
	id, err := lease.ParseID([]byte("same one"))
	n.must(err)
	var both []lease.Lease
	for i := range 2 { // a relay chooses the IDs of its leases, and can read those of others in records
		key, err := lease.GenerateKey(n.random)
		n.must(err)
		l := lease.Lease{Place: lease.NewPlace(n.over.Bytes(), n.all[i].d.NodeID().Bytes()), ID: id, Key: key, Until: n.now.Add(time.Hour)}
		both = append(both, l)
		c.addLeaseKey(l)
	}
	key := c.keys[0].use.Key
	public := key.Public()
	both[1].Key.Wipe() // as an owner does
	c.dropLeaseKey(both[1])
	if len(c.keys) != 1 || key.Public() != public {
		t.Fatalf("%d keys are left", len(c.keys))
	}
	b, o := both[0].Key.Public().Bytes(), c.keys[0].use.Key.Public().Bytes()
	if b != [32]byte(o) {
		t.Error("the wrong key is left")
	}
}

func TestOneSessionServesAPairThatIsStillOnItsWay(t *testing.T) {
	n := newNetwork(t, 25, 14)
	var leases []Lease
	var alice, bob, other heard
	n.callee(&bob, &leases)
	a := n.user(func(c *ClientConfig) { c.Ready[path.Lookups].Stems = 1 }) // none for calls
	n.run(10 * time.Second)
	call := Call{Pair: session.PairOf([32]byte{1}), Callees: n.callees(leases), First: []byte("hello"), Tell: alice.tell(n)}
	first, fresh, err := a.client.Dial(n.now, call)
	n.must(err)
	call.Tell = other.tell(n)
	second, again, err := a.client.Dial(n.now, call)
	n.must(err)
	if !fresh || again || first != second {
		t.Error("two sessions of one pair")
	}
	n.flush(a)
	n.run(2 * time.Second)
	bob.talk.Session(n.now, func(s *session.Session) { s.Accept(n.now) })
	first.Leave(n.now)
	n.run(2 * session.Linger)
	if alice.closed || other.closed {
		t.Error("closed while one of two still uses it")
	}
	first.Leave(n.now)
	n.run(session.Linger + 20*time.Second)
	if !alice.closed || !bob.closed {
		t.Error("not closed a minute after the last one has gone")
	}
}

func TestCallThatIsLeftOnItsWayEnds(t *testing.T) {
	n := newNetwork(t, 26, 14)
	var leases []Lease
	var alice, bob heard
	n.callee(&bob, &leases)
	a := n.user(func(c *ClientConfig) { c.Ready[path.Lookups].Stems = 1 })
	n.run(10 * time.Second)
	talk, _, err := a.client.Dial(n.now, Call{Pair: session.PairOf([32]byte{1}), Callees: n.callees(leases), First: []byte("hello"), Tell: alice.tell(n)})
	n.must(err)
	n.flush(a)
	talk.Leave(n.now)
	n.flush(a)
	n.run(2 * time.Minute)
	if !alice.closed || len(bob.messages) != 0 || a.client.countSessions() != 0 {
		t.Errorf("closed: %v; bob heard %d messages; %d sessions", alice.closed, len(bob.messages), a.client.countSessions())
	}
}

func TestPairsThatAreOverAreForgotten(t *testing.T) {
	n := newNetwork(t, 27, 14)
	var leases []Lease
	var bob heard
	n.callee(&bob, &leases)
	a := n.user(nil)
	n.run(10 * time.Second)
	for i := range 3 {
		var alice heard
		talk, _, err := a.client.Dial(n.now, Call{Pair: session.PairOf([32]byte{byte(i)}), Callees: n.callees(leases), First: []byte("hello"), Tell: alice.tell(n)})
		n.must(err)
		n.flush(a)
		n.run(5 * time.Second)
		talk.Close(n.now)
		n.flush(a)
		n.run(time.Minute)
	}
	if got := a.client.table.Len(); got != 0 {
		t.Errorf("%d pairs are kept", got)
	}
}

func TestReasonForNoPathIsTakenBack(t *testing.T) {
	n := newNetwork(t, 28, 14)
	p := n.user(nil)
	n.run(5 * time.Second)
	var down []*place
	for _, o := range n.all {
		if o.relay != nil && p.linked[o.d.NodeID()] {
			down = append(down, o)
			n.kill(o)
		}
	}
	n.run(5 * time.Minute)
	if p.client.Status().NoPath == nil {
		t.Fatal("without guards there is a path")
	}
	for _, o := range down {
		o.off = false
	}
	n.flush(p)
	n.run(time.Minute)
	if p.lines(path.Lookups) != 2 || p.client.Status().NoPath != nil {
		t.Errorf("%d stems stand, but %v", p.lines(path.Lookups), p.client.Status().NoPath)
	}
}

func TestLimitOfARequestHoldsWhileItsStemIsMade(t *testing.T) {
	n := newNetwork(t, 29, 14)
	p := n.user(func(c *ClientConfig) { c.Ready[path.Publishing].Stems = 1 }) // none for look-ups
	n.run(5 * time.Second)
	for _, o := range n.all {
		if o.relay != nil && !p.linked[o.d.NodeID()] {
			o.off = true // guards are there, and get no answers
		}
	}
	err, done, began := errTest, 0, n.now
	p.client.Ask(n.now, Question{
		Peer: n.far(p).d.NodeID(), Purpose: path.Lookups, Service: request.Echo, Limit: time.Second,
		Done: func(_ []byte, e error) { err = e; done++ },
	})
	n.flush(p)
	n.until(time.Minute, func() bool { return done > 0 })
	if took := n.now.Sub(began); took != time.Second || err == nil {
		t.Errorf("%v after %v", err, took)
	}
	n.run(time.Minute)
	if done != 1 || p.client.origin.Len() != len(p.client.stems) {
		t.Errorf("told %d times; %d circuits, %d of them for stems", done, p.client.origin.Len(), len(p.client.stems))
	}
}

func TestRequestThatIsNoneCostsOneStem(t *testing.T) {
	n := newNetwork(t, 30, 14)
	p := n.user(nil)
	n.run(5 * time.Second)
	done := 0
	var err error
	p.client.Ask(n.now, Question{
		Peer: n.far(p).d.NodeID(), Purpose: path.Lookups, Service: request.Echo, Content: make([]byte, 1<<20),
		Done: func(_ []byte, e error) { err = e; done++ },
	})
	n.flush(p)
	n.run(30 * time.Millisecond)
	if done != 1 || !errors.Is(err, request.ErrTooLong) || p.lines(path.Lookups) != 1 {
		t.Errorf("told %d times, %v; %d of 2 stems stand", done, err, p.lines(path.Lookups))
	}
}

func TestClosedCallMakesNoMoreCircuits(t *testing.T) {
	n := newNetwork(t, 31, 14)
	var leases []Lease
	var alice, bob heard
	n.callee(&bob, &leases)
	a := n.user(func(c *ClientConfig) { c.Ready[path.Lookups].Stems = 1 })
	n.run(10 * time.Second)
	before := n.made
	talk, _, err := a.client.Dial(n.now, Call{Callees: n.callees(leases), First: []byte("hello"), Tell: alice.tell(n)})
	n.must(err)
	n.flush(a)
	talk.Close(n.now)
	n.flush(a)
	n.run(10 * time.Second)
	if !alice.closed || n.made != before+1 || a.client.origin.Len() != len(a.client.stems) {
		t.Errorf("closed: %v; %d circuits made, %d are left", alice.closed, n.made-before, a.client.origin.Len())
	}
}

func TestGuardThatRefusesDoesNotChangeWhoStandsBehindIt(t *testing.T) {
	n := newNetwork(t, 32, 20)
	p := n.user(nil)
	n.run(5 * time.Second)
	before := append([]byte(nil), p.state...)
	deaf := func(o *place) bool { return o.relay != nil && p.linked[o.d.NodeID()] }
	for _, o := range n.all {
		if deaf(o) {
			o.off = true // its link stays up
		}
	}
	n.run(2 * time.Hour)
	if string(p.state) != string(before) {
		t.Error("guards that answer nothing had seconds replaced")
	}
}

func TestStrangersLinksDoNotHurryStems(t *testing.T) {
	n := newNetwork(t, 33, 20)
	p := n.user(nil)
	n.run(5 * time.Second)
	var stranger *place
	for _, o := range n.all {
		if o.relay == nil {
			continue
		}
		if !p.linked[o.d.NodeID()] {
			o.off, stranger = true, o // every stem fails behind its guard
		}
	}
	for id := range p.client.stems {
		p.client.pool.Gone(n.now, id)
	}
	count := func(act func()) int {
		before := n.made
		for range 600 {
			n.run(time.Second)
			act()
			n.flush(p)
		}
		return n.made - before
	}
	n.run(20 * time.Minute)
	calm := count(func() {})
	hurried := count(func() {
		p.client.GuardUp(n.now, stranger.d.NodeID(), stranger.number)
		p.client.GuardDown(n.now, stranger.d.NodeID())
	})
	if hurried > 2*calm {
		t.Errorf("%d circuits in ten minutes, %d while a stranger comes and goes", calm, hurried)
	}
}

func TestLeasesThatAreSoughtTogetherStandApart(t *testing.T) {
	for seed := range byte(6) {
		n := newNetwork(t, 60+seed, 12)
		p := n.user(nil)
		n.run(5 * time.Second)
		at := make(map[[32]byte]int)
		for range 4 {
			_, err := p.client.Listen(n.now, ListenConfig{
				Spec:   lease.Spec{Kind: lease.ShortLived, Lifetime: 2 * time.Hour, Overlap: 10 * time.Minute},
				Stands: func(l Lease) { at[l.Place.Relay()]++ },
			})
			n.must(err)
		}
		n.flush(p)
		n.run(time.Minute)
		if len(at) != 4 {
			t.Errorf("seed %d: 4 leases at %d relays", seed, len(at))
		}
	}
}
