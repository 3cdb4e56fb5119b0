// What a pool promises about links: one per peer, held or closed, dialled with pauses, within bounds.

package link

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sotto/noise"
)

func TestLinkComesUpAndGoesIdle(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.relay(1), l.relay(2)
	n := a.open(b)
	l.pass(time.Second)
	l.linked(a, b)
	l.pass(time.Hour)
	l.linked(a, b) // held
	a.pool.Release(l.now, n)
	l.pass(idleAfter - 2*time.Second)
	l.linked(a, b)
	l.pass(idleAfter + time.Second)
	if len(a.links)+len(b.links) != 0 || a.pool.Counters().IdleClosed != 1 {
		t.Fatal("a link that nobody holds or uses is still there")
	}
	if a.kinds(Down) != 1 || b.kinds(Down) != 1 {
		t.Error("the end was not told")
	}
	if len(a.pool.contacts)+len(b.pool.contacts) != 0 {
		t.Error("a contact that nobody wants is remembered")
	}
}

func TestLinkThatOnlyTheAnsweringEndHoldsIsDialledByIt(t *testing.T) {
	l := newLab(t, 2)
	a, b := l.relay(1), l.relay(2)
	n := a.open(b)
	l.pass(time.Second)
	b.open(a)
	a.pool.Release(l.now, n)
	l.pass(10 * time.Minute)
	l.linked(a, b)
	if len(a.dials) != 1 || len(b.dials) != 1 {
		t.Errorf("dialled %d and %d times, want once each", len(a.dials), len(b.dials))
	}
}

func TestPausesBetweenDialsDoubleUpToTenMinutes(t *testing.T) {
	l := newLab(t, 3)
	a, b := l.relay(1), l.relay(2)
	b.dead = true
	a.open(b)
	l.pass(3 * time.Hour)
	for i := 1; i < len(a.dials); i++ {
		pause := a.dials[i].at.Sub(a.dials[i-1].at) - 5*time.Second // noise tries for so long
		most := backoffMost
		if i < 10 {
			most = min(backoffMost, time.Second<<(i-1))
		}
		if pause < most/2 || pause > most {
			t.Errorf("pause %d is %v, want %v to %v", i, pause, most/2, most)
		}
	}
	if n := len(a.dials); n < 25 || n > 50 {
		t.Errorf("dialled %d times in three hours", n)
	}
	last := len(a.dials) - 1
	if a.dials[last].at.Sub(a.dials[last-1].at) == a.dials[last-1].at.Sub(a.dials[last-2].at) {
		t.Error("pauses are not random: who lost a peer together comes back together")
	}
	if a.kinds(Failed) < len(a.dials)-1 {
		t.Error("failures were not told")
	}
}

func TestPeerThatLeavesAtOnceIsDialledWithPauses(t *testing.T) {
	l := newLab(t, 4)
	a, b := l.relay(1), l.relay(2)
	b.gate.revoked[a.peer.id()] = true
	a.open(b)
	l.pass(time.Hour)
	if n := len(a.dials); n < 8 || n > 20 {
		t.Errorf("dialled %d times in an hour by a peer that closes each link", n)
	}
}

func TestPeerThatTakesLinksAndDropsThemIsDialledWithPauses(t *testing.T) {
	l := newLab(t, 19)
	a, b := l.relay(1), l.relay(2)
	a.open(b)
	for range 3600 {
		l.pass(time.Second)
		if h := b.oldest(); h != nil && h.up && b.to(a) != 0 {
			delete(b.links, h.id)
			b.pool.Handle(l.now, noise.Event{Kind: noise.LinkDown, Link: h.id, Err: noise.ErrEvicted})
			h.other.down(noise.ErrPeerClosed)
		}
	}
	if n := len(a.dials); n < 8 || n > 20 {
		t.Errorf("dialled %d times in an hour by a peer that drops each link", n)
	}
}

func TestSteadyLinkThatIsLostIsDialledAtOnce(t *testing.T) {
	l := newLab(t, 5)
	a, b := l.relay(1), l.relay(2)
	a.open(b)
	l.pass(10 * time.Minute)
	for _, h := range a.links {
		h.down(noise.ErrSilent)
	}
	for _, h := range b.links {
		h.down(noise.ErrSilent)
	}
	l.pass(3 * time.Second)
	l.linked(a, b)
}

func TestAddressesAreTriedInOrder(t *testing.T) {
	l := newLab(t, 6)
	a := l.relay(1)
	b := newTestPeer(t, 2, "46.0.0.9:4433", "[2a00:db9::1]:4433")
	if _, err := a.pool.Open(l.now, b.descriptor(5)); err != nil {
		t.Fatal(err)
	}
	l.pass(10*time.Second + 100*time.Millisecond)
	if len(a.dials) != 2 || a.dials[0].target.Addr != addr("46.0.0.9:4433") || a.dials[1].target.Addr != addr("[2a00:db9::1]:4433") {
		t.Fatalf("%d dials, want one of each address in order", len(a.dials))
	}
	if a.kinds(Failed) != 1 {
		t.Error("a peer has failed when all its addresses have, once")
	}
}

func TestPrivateAddressesAreDialledInALabOnly(t *testing.T) {
	for _, private := range []bool{false, true} {
		l := newLab(t, 7)
		a := l.relay(1, func(c *Config) { c.Private = private })
		_, err := a.pool.Open(l.now, newTestPeer(t, 2, "127.0.0.1:4433").descriptor(5))
		if private != (err == nil) || err != nil && !errors.Is(err, ErrTarget) {
			t.Errorf("private %v: %v", private, err)
		}
	}
}

func TestOwnDescriptorIsNotDialled(t *testing.T) {
	l := newLab(t, 8)
	a := l.relay(1)
	if _, err := a.pool.Open(l.now, a.peer.descriptor(5)); !errors.Is(err, ErrTarget) {
		t.Errorf("%v, want ErrTarget", err)
	}
}

func TestFewPeersAreDialledAtOnce(t *testing.T) {
	l := newLab(t, 9)
	a := l.relay(1)
	const n = 100
	for i := range n {
		if _, err := a.pool.Open(l.now, newTestPeer(t, 10+i).descriptor(5)); err != nil {
			t.Fatal(err)
		}
	}
	l.settle()
	if len(a.dials) != maxDials {
		t.Errorf("%d dials at once, want %d", len(a.dials), maxDials)
	}
	l.pass(21 * time.Second)
	seen := map[[32]byte]bool{}
	for _, d := range a.dials {
		seen[d.target.Node] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d peers had their turn", len(seen), n)
	}
}

func TestNoRoomBelowIsNoFailureOfThePeer(t *testing.T) {
	l := newLab(t, 10)
	a, b := l.relay(1), l.relay(2)
	a.full = true
	a.open(b)
	l.pass(30 * time.Second)
	if n := len(a.dials); n < 25 || n > 35 {
		t.Errorf("%d dials in 30 s, want one a second", n)
	}
	a.full = false
	l.pass(2 * time.Second)
	l.linked(a, b)
}

func TestFramesWaitForTheLinkUpToABound(t *testing.T) {
	l := newLab(t, 11)
	a, b := l.relay(1), l.relay(2)
	n := a.open(b)
	for i := range maxQueue + 10 {
		if err := a.say(n, fmt.Sprint(i)); (i < maxQueue) != (err == nil) {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	l.pass(time.Second)
	heard := b.heard()
	for i := range maxQueue {
		if i >= len(heard) || heard[i] != fmt.Sprint(i) {
			t.Fatalf("frame %d did not arrive in its place", i)
		}
	}
	if len(heard) != maxQueue || a.pool.Counters().QueueDropped != 10 {
		t.Errorf("%d frames arrived, %d were counted as dropped", len(heard), a.pool.Counters().QueueDropped)
	}
}

func TestFramesForAPeerThatNeverAnswersAreDropped(t *testing.T) {
	l := newLab(t, 12)
	a, b := l.relay(1), l.relay(2)
	b.dead = true
	n := a.open(b)
	must(t, a.say(n, "hello?"))
	l.pass(5*time.Second + time.Millisecond)
	if err := a.say(n, "hello?"); !errors.Is(err, ErrDown) {
		t.Errorf("in the pause: %v, want ErrDown", err)
	}
	if a.pool.Counters().QueueDropped != 1 || len(a.pool.contacts[n].queue) != 0 {
		t.Error("the frame still waits")
	}
	if err := a.say(999, "hello?"); !errors.Is(err, ErrNeighbor) {
		t.Errorf("to nobody: %v, want ErrNeighbor", err)
	}
}

func TestOnlyCellsAndPaddingAreSentForOthers(t *testing.T) {
	l := newLab(t, 13)
	a, b := l.relay(1), l.relay(2)
	n := a.open(b)
	l.pass(time.Second)
	for k := range 256 {
		f := cell("x")
		f[0] = byte(k)
		if err := a.pool.Send(l.now, n, f); (err == nil) != (k <= 1) {
			t.Errorf("kind %d: %v", k, err)
		}
	}
	if err := a.pool.Send(l.now, n, cell("x")[1:]); !errors.Is(err, ErrFrame) {
		t.Errorf("short frame: %v", err)
	}
}

// Two relays dial each other at about the same time, over ways of varying length, and talk all the while: they must come
// to the same one link, and what was accepted must arrive.
func TestTwoThatDialEachOtherKeepTheSameLinkAndLoseNothing(t *testing.T) {
	doubles := uint64(0)
	for seed := range uint64(200) {
		l := newLab(t, seed)
		l.jitter = time.Duration(l.rand.Int64N(int64(200 * time.Millisecond)))
		a, b := l.relay(1), l.relay(2)
		if b.peer.id().Compare(a.peer.id()) < 0 {
			a, b = b, a
		}
		talk(l, a, b)
		if len(a.links) != 1 || len(b.links) != 1 {
			t.Fatalf("seed %d: %d and %d links, want one", seed, len(a.links), len(b.links))
		}
		ca, cb := a.pool.Counters(), b.pool.Counters()
		if ca.CellsSent != cb.CellsReceived || cb.CellsSent != ca.CellsReceived || ca.CellsSent < 300 {
			t.Fatalf("seed %d: a sent %d, b got %d; b sent %d, a got %d", seed, ca.CellsSent, cb.CellsReceived, cb.CellsSent, ca.CellsReceived)
		}
		if a.kinds(Up) != 1 || b.kinds(Up) != 1 || a.kinds(Down)+b.kinds(Down) != 0 {
			t.Fatalf("seed %d: the choice was seen outside", seed)
		}
		if ca.Doubles > 0 {
			doubles++
			for _, h := range a.links {
				if !h.dialed {
					t.Fatalf("seed %d: the link stayed that the higher NodeID dialled", seed)
				}
			}
		}
	}
	if doubles < 50 {
		t.Errorf("only %d of 200 runs had two links", doubles)
	}
}

// talk lets two dial each other within a moment and send cells for a minute.
func talk(l *lab, a, b *end) {
	first, second := a, b
	if l.rand.IntN(2) == 0 {
		first, second = b, a
	}
	x := first.open(second)
	l.pass(time.Duration(l.rand.Int64N(int64(300 * time.Millisecond))))
	y := second.open(first)
	for range 400 {
		_ = first.say(x, "x")
		_ = second.say(y, "y")
		l.pass(100 * time.Millisecond)
	}
	l.pass(time.Minute)
}

func TestLinkToAnEarlierProcessEndsWhenTheNewOneIsThere(t *testing.T) {
	l := newLab(t, 14)
	a, b := l.relay(1), l.relay(2)
	a.open(b)
	l.pass(time.Hour)
	b.dead = true // without a word
	again := l.relay(2)
	again.open(a)
	l.pass(time.Second)
	l.linked(a, again)
	if a.kinds(Down) != 1 || a.kinds(Up) != 2 {
		t.Error("the change was not told")
	}
}

func TestLostTwinIsReplacedByTheOneThatItsDiallerMadeLater(t *testing.T) {
	l := newLab(t, 15)
	a, b := l.relay(1), l.relay(2)
	a.open(b)
	l.pass(time.Hour)
	for _, h := range a.links { // a has lost the link, b does not know
		h.other.other = nil
		h.down(noise.ErrSilent)
	}
	l.pass(linger + 20*time.Second + 2*linger)
	l.linked(a, b)
}

func TestMaxLinksHoldsForAnswersAndDials(t *testing.T) {
	l := newLab(t, 16)
	a := l.relay(1, func(c *Config) { c.MaxLinks = 3 })
	var others []*end
	for i := range 6 {
		others = append(others, l.relay(2+i))
	}
	for _, o := range others[:5] {
		o.open(a)
	}
	l.pass(10 * time.Second)
	if n := a.pool.Counters().Links; n != 3 {
		t.Fatalf("%d links, want 3", n)
	}
	a.open(others[5])
	l.pass(5 * time.Minute)
	if n := a.pool.Counters().Links; n != 3 || len(a.dials) != 0 {
		t.Errorf("%d links and %d dials, want 3 and none", n, len(a.dials))
	}
}

func TestContactsAreBounded(t *testing.T) {
	l := newLab(t, 17)
	a := l.relay(1, func(c *Config) { c.MaxLinks = 1 })
	n := 0
	for i := range extraContacts + 10 {
		_, err := a.pool.Open(l.now, newTestPeer(t, 10+i).descriptor(5))
		switch {
		case err == nil:
			n++
		case !errors.Is(err, ErrFull):
			t.Fatal(err)
		}
	}
	if n != extraContacts+1 {
		t.Errorf("%d contacts, want %d", n, extraContacts+1)
	}
}

func TestExpelledPeerIsLeftAtOnce(t *testing.T) {
	l := newLab(t, 18)
	a, b := l.relay(1), l.relay(2)
	n := a.open(b)
	l.pass(time.Second)
	a.gate.revoked[b.peer.id()] = true
	a.pool.Release(l.now, n)
	a.pool.Expel(l.now, b.peer.id())
	b.open(a)
	l.pass(time.Hour)
	if len(a.links) != 0 || a.to(b) != 0 {
		t.Error("the expelled peer is still linked")
	}
}
