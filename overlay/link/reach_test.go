// What a pool says of links that are wanted, and what waits for them.

package link

import (
	"errors"
	"testing"
	"time"
)

func TestReachFollowsALink(t *testing.T) {
	l := newLab(t, 31)
	a, b := l.relay(1), l.relay(2)
	reach := func(want Reach, when string) {
		t.Helper()
		if got := a.pool.Reach(l.now, b.peer.id()); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	reach(Away, "before anything")
	n := a.open(b)
	reach(Coming, "while dialling")
	if err := a.say(n, "early"); err != nil {
		t.Error(err)
	}
	l.pass(time.Second)
	reach(Linked, "after a second")
	if got := b.heard(); len(got) != 1 || got[0] != "early" {
		t.Errorf("heard %q of what waited for the link", got)
	}
	c := l.relay(3)
	c.dead = true
	n = a.open(c)
	for range 100 {
		if l.pass(100 * time.Millisecond); a.kinds(Failed) > 0 {
			break
		}
	}
	if got := a.pool.Reach(l.now, c.peer.id()); got != Pausing {
		t.Errorf("one that does not answer: %d, want %d", got, Pausing)
	}
	if err := a.say(n, "late"); !errors.Is(err, ErrDown) {
		t.Errorf("a cell for it: %v", err)
	}
}

func TestCellsWaitForALinkThatGreets(t *testing.T) {
	l := newLab(t, 32)
	a, b := l.relay(1), l.relay(2)
	a.open(b)
	// b knows a as soon as it has a's hello, and waits for a's answer to its own.
	for range 1000 {
		if b.pool.Reach(l.now, a.peer.id()) == Coming {
			break
		}
		l.pass(time.Millisecond)
	}
	n, ok := b.pool.Neighbor(a.peer.id())
	if !ok || b.pool.Reach(l.now, a.peer.id()) != Coming {
		t.Fatal("the link was never half greeted")
	}
	if err := b.say(n, "early"); err != nil {
		t.Error(err)
	}
	l.pass(time.Second)
	if got := a.heard(); len(got) != 1 || got[0] != "early" {
		t.Errorf("heard %q", got)
	}
}

func TestAPeerThatFindsNoRoomIsToldOf(t *testing.T) {
	l := newLab(t, 33)
	a := l.relay(1, func(c *Config) { c.MaxLinks = 1 })
	b, c := l.relay(2), l.relay(3)
	a.open(b)
	l.pass(time.Second)
	n := a.open(c)
	l.pass(time.Second)
	if a.kinds(Failed) != 1 {
		t.Error("nobody was told that there is no room")
	}
	if err := a.say(n, "x"); !errors.Is(err, ErrDown) {
		t.Errorf("a cell for it: %v", err)
	}
	if a.pool.Reach(l.now, c.peer.id()) != Pausing {
		t.Error("it is tried again at once")
	}
}
