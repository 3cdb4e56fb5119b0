// Who is let in: what a hello must be, and what a link without one costs.

package link

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"sotto/noise"
)

// impostor is a node whose hellos the test makes.
type impostor struct {
	*lab
	victim *end
	half   *half // the victim's side
	key    noise.PublicKey
}

// knock opens a link to a victim, as a node that has proven a key and says nothing.
func (l *lab) knock(victim *end, key noise.PublicKey) *impostor {
	i := &impostor{lab: l, victim: victim, key: key}
	victim.last++
	i.half = &half{end: victim, id: victim.last}
	i.half.other = &half{end: &end{lab: l, dead: true}}
	victim.links[i.half.id] = i.half
	pattern := noise.IK
	if key.IsZero() {
		pattern = noise.NK
	}
	i.half.rise(pattern, key)
	return i
}

// tell sends frames and lets them be answered.
func (i *impostor) tell(frames ...[]byte) {
	for _, f := range frames {
		i.half.receive(f)
	}
	i.pass(time.Millisecond)
}

func (i *impostor) open() bool { return i.victim.links[i.half.id] == i.half }

func TestHelloThatIsNotRightEndsTheLink(t *testing.T) {
	own, other := newTestPeer(t, 2), newTestPeer(t, 3)
	right := hello{boot{1}, own.described(5)}
	forged := func(change func(b []byte)) []byte {
		b := right.append(nil)
		change(b)
		return b
	}
	wrongLink := *own
	wrongLink.link = other.link
	for name, message := range map[string][]byte{
		"right":                     right.append(nil),
		"of yesterday":              hello{boot{1}, own.described(4)}.append(nil),
		"of tomorrow":               hello{boot{1}, own.described(6)}.append(nil),
		"of another peer":           hello{boot{1}, other.described(5)}.append(nil),
		"with another link key":     hello{boot{1}, wrongLink.described(5)}.append(nil),
		"of the day before":         hello{boot{1}, own.described(3)}.append(nil),
		"of the day after tomorrow": hello{boot{1}, own.described(7)}.append(nil),
		"of a revoked peer":         nil,
		"of the victim itself":      nil,
		"of another version":        forged(func(b []byte) { b[0] = 2 }),
		"with a forged admission":   forged(func(b []byte) { b[400-1] ^= 1; b[300] ^= 1 }),
		"with a forged signature":   forged(func(b []byte) { b[len(b)-1] ^= 1 }),
		"of nothing but zeros":      make([]byte, helloLen),
	} {
		l := newLab(t, 1)
		v := l.relay(1)
		i := l.knock(v, own.link.Public())
		switch name {
		case "of a revoked peer":
			v.gate.revoked[own.id()] = true
			message = right.append(nil)
		case "of the victim itself":
			i = l.knock(v, v.peer.link.Public())
			message = hello{boot{1}, v.peer.described(5)}.append(nil)
		}
		i.tell(frames(typeHello, 1, 0, message)...)
		valid := name == "right" || name == "of yesterday" || name == "of tomorrow"
		if i.open() != valid || valid != (v.kinds(Met) == 1) {
			t.Errorf("a hello %s: link open %v, want %v", name, i.open(), valid)
		}
		if n := v.pool.Counters().HellosRefused; valid == (n == 1) {
			t.Errorf("a hello %s: %d refused", name, n)
		}
		l.pass(time.Hour) // and nothing is left of it
		if len(v.pool.links)+len(v.pool.contacts)+len(v.pool.greeting) != 0 || len(v.pool.agenda) != 0 {
			t.Errorf("a hello %s left something behind", name)
		}
	}
}

func TestCheapQuestionsComeBeforeVerifying(t *testing.T) {
	l := newLab(t, 2)
	v, own, other := l.relay(1), newTestPeer(t, 2), newTestPeer(t, 3)
	i := l.knock(v, own.link.Public())
	i.tell(frames(typeHello, 1, 0, hello{boot{1}, other.described(5)}.append(nil))...)
	if i.open() || v.gate.asked != 0 {
		t.Errorf("a hello with another key than the proven one was verified %d times", v.gate.asked)
	}
}

func TestDialledPeerMustBeTheOneThatWasDialled(t *testing.T) {
	l := newLab(t, 3)
	a, b := l.relay(1), l.relay(2)
	twin := newTestPeer(t, 7) // another admission of whoever has b's link key
	twin.link = b.peer.link
	b.pool.Announce(l.now, twin.descriptor(5))
	a.open(b)
	l.pass(time.Minute)
	if a.to(b) != 0 || a.pool.Counters().HellosRefused == 0 {
		t.Error("a link to one peer was taken for one to another")
	}
}

func TestLinkWithoutHelloGetsNothingAndEnds(t *testing.T) {
	l := newLab(t, 4)
	v := l.relay(1)
	v.shelf[5] = Edition{1, testDirectory(t, 1, 3)}
	i := l.knock(v, newTestPeer(t, 2).link.Public())
	l.settle()
	before := v.sent
	for range 5 {
		i.tell(cell("x"), appendProbe(nil, KindProbe, 1), appendProbe(nil, KindEcho, 1))
		i.tell(frames(typeAsk, 1, 0, ask{5, 0}.append(nil))...)
		i.tell(frames(typePage, 1, 1, make([]byte, pageLen))...)
	}
	if v.sent != before || v.kinds(Cell) != 0 {
		t.Error("a link without hello was answered")
	}
	if c := v.pool.Counters(); c.FramesEarly == 0 || c.Links != 0 || c.Greeting != 1 {
		t.Errorf("%d early frames, %d links, %d greeting", c.FramesEarly, c.Links, c.Greeting)
	}
	l.pass(helloTime + time.Second)
	if i.open() || v.pool.Counters().HellosLate != 1 {
		t.Error("the link without hello is still there")
	}
	if n := v.sent - before; n > 12 {
		t.Errorf("%d frames went to a link that never said who it is", n)
	}
}

func TestFloodOfLinksWithoutHelloIsBoundedAndKeepsNobodyOut(t *testing.T) {
	l := newLab(t, 5)
	v := l.relay(1)
	for n := range 10 * maxGreeting {
		l.knock(v, noise.PublicKey{})
		l.knock(v, newTestPeer(t, 1000+n%50).link.Public())
		v.pool.Actions(nil) // nobody carries the hellos
	}
	if n := len(v.pool.greeting); n > maxGreeting {
		t.Errorf("%d links without hello, want at most %d", n, maxGreeting)
	}
	if v.pool.clients > 100 {
		t.Errorf("%d clients, want at most 100", v.pool.clients)
	}
	if c := v.pool.Counters(); c.HellosEvicted == 0 || c.LinksRefused == 0 {
		t.Error("nothing was refused: the test shows nothing")
	}
	own := newTestPeer(t, 2)
	i := l.knock(v, own.link.Public())
	i.tell(frames(typeHello, 1, 0, hello{boot{1}, own.described(5)}.append(nil))...)
	if !i.open() || v.kinds(Met) != 1 {
		t.Error("an honest peer was kept out")
	}
}

func TestFloodOfHellosCostsABoundedNumberOfVerifications(t *testing.T) {
	l := newLab(t, 6)
	v, own := l.relay(1), newTestPeer(t, 2)
	i := l.knock(v, own.link.Public())
	message := hello{boot{1}, own.described(5)}.append(nil)
	number := uint32(0)
	for range 1000 { // one link, for a hundred seconds
		number++
		i.tell(frames(typeHello, number, 0, message)...)
		i.tell(frames(typeGot, 1, 0, nil)...)
		l.pass(98 * time.Millisecond)
	}
	if n := v.gate.asked; n < 4 || n > 4+11 {
		t.Errorf("%d verifications for one link in 100 s, want 4 and one every ten seconds", n)
	}
	many := 0
	for n := range 2000 { // many links, at once
		p := newTestPeer(t, 100+n%40)
		k := l.knock(v, p.link.Public())
		before := v.gate.asked
		k.half.receive(frames(typeHello, 1, 0, message)[0])
		bad := hello{boot{1}, p.described(5)}.append(nil)
		bad[len(bad)-1] ^= 1
		for _, f := range frames(typeHello, 2, 0, bad) {
			k.half.receive(f)
		}
		many += v.gate.asked - before
		v.pool.Actions(nil)
	}
	if many > 200 {
		t.Errorf("%d verifications at once, want at most 200", many)
	}
	if v.pool.Counters().HellosLimited == 0 {
		t.Error("no hello was over the rate: the test shows nothing")
	}
}

func TestHelloIsRepeatedUntilItIsAnswered(t *testing.T) {
	for seed := range uint64(20) {
		l := newLab(t, seed)
		l.loss = 0.3
		a, b := l.relay(1), l.relay(2)
		a.open(b)
		l.pass(2 * time.Minute)
		if a.to(b) == 0 || b.to(a) == 0 {
			t.Fatalf("seed %d: no link in two minutes although most frames arrive", seed)
		}
	}
}

func TestRepeatedHelloIsAnsweredWithoutVerifying(t *testing.T) {
	l := newLab(t, 7)
	v, own := l.relay(1), newTestPeer(t, 2)
	i := l.knock(v, own.link.Public())
	list := frames(typeHello, 1, 0, hello{boot{1}, own.described(5)}.append(nil))
	i.tell(list...)
	asked, sent := v.gate.asked, v.sent
	i.tell(list...)
	i.tell(list...)
	if v.gate.asked != asked || v.sent != sent+2 {
		t.Errorf("two repetitions: %d verifications and %d answers, want 0 and 2", v.gate.asked-asked, v.sent-sent)
	}
}

func TestNewDescriptorReachesAllNeighbours(t *testing.T) {
	l := newLab(t, 8)
	l.loss = 0.2
	a := l.relay(1)
	var others []*end
	for n := range 5 {
		others = append(others, l.relay(2+n))
		a.open(others[n])
	}
	l.pass(3 * time.Minute)
	l.now = l.now.Add(24 * time.Hour)
	a.pool.Announce(l.now, a.peer.descriptor(6))
	l.pass(30 * time.Second)
	for n, o := range others {
		if last := o.events[len(o.events)-1]; last.Kind != Met || last.Descriptor.Period() != 6 {
			t.Errorf("neighbour %d has not met today's descriptor", n)
		}
	}
}

func TestProcessCannotChangeItsNameOrNumberOnALink(t *testing.T) {
	for _, second := range []func(own *testPeer) hello{
		func(own *testPeer) hello { return hello{boot{2}, own.described(5)} },
		func(own *testPeer) hello {
			twin := newTestPeer(own.t, 9)
			twin.link = own.link
			return hello{boot{1}, twin.described(5)}
		},
	} {
		l := newLab(t, 9)
		v, own := l.relay(1), newTestPeer(t, 2)
		i := l.knock(v, own.link.Public())
		i.tell(frames(typeHello, 1, 0, hello{boot{1}, own.described(5)}.append(nil))...)
		if !i.open() {
			t.Fatal("the first hello was refused")
		}
		i.tell(frames(typeHello, 2, 0, second(own).append(nil))...)
		if i.open() {
			t.Error("a link became that of somebody else")
		}
	}
}

func TestOnePeerHasFewLinks(t *testing.T) {
	l := newLab(t, 10)
	v, own := l.relay(1), newTestPeer(t, 2)
	for range 20 {
		i := l.knock(v, own.link.Public())
		i.tell(frames(typeHello, 1, 0, hello{boot{1}, own.described(5)}.append(nil))...)
		i.tell(frames(typeGot, 1, 0, nil)...)
	}
	if n := len(v.links); n > maxConns {
		t.Errorf("one peer has %d links, want at most %d", n, maxConns)
	}
}

func TestClientsAreServedWithoutAName(t *testing.T) {
	l := newLab(t, 11)
	g := l.relay(1)
	c := l.client()
	c.open(g)
	l.pass(time.Second)
	l.linked(c, g)
	if g.gate.asked != 0 || g.kinds(Met)+c.kinds(Met) != 0 {
		t.Error("a client was asked who it is")
	}
	for _, ev := range g.events {
		if ev.Kind == Up && !ev.Client {
			t.Error("a client was taken for a peer")
		}
	}
	i := l.knock(g, noise.PublicKey{})
	refused := g.pool.Counters().FramesRefused
	i.tell(frames(typeHello, 1, 0, hello{boot{1}, newTestPeer(t, 3).described(5)}.append(nil))...)
	if n := g.pool.Counters().FramesRefused - refused; n != 2 || g.gate.asked != 0 {
		t.Errorf("a client's hello: %d frames refused, %d verifications", n, g.gate.asked)
	}
}

func TestRelayLinksToNobodyBeforeItHasAName(t *testing.T) {
	l := newLab(t, 14)
	b := l.relay(2)
	a := l.end(newTestPeer(t, 1), Config{Relay: true})
	a.open(b)
	b.open(a)
	l.pass(time.Second)
	if len(a.links)+a.sent != 0 {
		t.Error("it has links, or has said something")
	}
	a.pool.Announce(l.now, a.peer.descriptor(5))
	l.pass(10 * time.Second)
	l.linked(a, b)
}

func TestPoolWithoutANameAnswersNobody(t *testing.T) {
	l := newLab(t, 12)
	c := l.client()
	for _, key := range []noise.PublicKey{{}, newTestPeer(t, 2).link.Public()} {
		if i := l.knock(c, key); i.victim.sent != 0 {
			t.Error("answered")
		}
		l.settle()
	}
	if len(c.links) != 0 || c.pool.Counters().LinksRefused != 2 {
		t.Error("a pool without a name has an answered link")
	}
}

func TestNothingOfAPoolPrintsWhomItKnows(t *testing.T) {
	l := newLab(t, 13)
	a, b := l.relay(1), l.relay(2)
	a.open(b)
	id, key := b.peer.id().Bytes(), b.peer.link.Public().Bytes()
	var list []any
	for range 3 {
		for _, act := range a.pool.Actions(nil) {
			list = append(list, act, &act)
		}
		l.pass(time.Second)
	}
	a.open(l.relay(3))
	list = append(list, a.pool, *a.pool, a.events, a.pool.Neighbors(), a.pool.Counters(), a.pool.cfg, Action{Target: &a.dials[0].target})
	for _, x := range list {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, x)
			for _, secret := range []string{string(id[:8]), fmt.Sprintf("%x", id[:8]), fmt.Sprint(id[:8]), fmt.Sprintf("%x", key[:8]), "46.0.2.1"} {
				if bytes.Contains([]byte(text), []byte(secret)) {
					t.Errorf("%T under %s shows a peer", x, verb)
				}
			}
		}
	}
}
