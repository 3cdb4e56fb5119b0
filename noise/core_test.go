package noise

// A link from the first message to the last, by two cores joined by hand.

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// lab is two cores joined by hand: what one gives out the other takes in, unless
// the test says otherwise.
type lab struct {
	t        *testing.T
	now      time.Time
	a, b     *Core
	addrA    netip.AddrPort
	addrB    netip.AddrPort
	eventsA  []Event
	eventsB  []Event
	tap      func(from, to netip.AddrPort, d []byte) (deliver bool)
	recorded [][]byte
}

var (
	labOverlay = [32]byte{1}
	labNode    = [32]byte{2}
	labStart   = time.Unix(1_800_000_000, 0)
)

func labRand(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func labStatic(t testing.TB, seed byte) *StaticKey {
	t.Helper()
	k, err := GenerateStaticKey(labRand(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newLab makes an initiator a, with a static key, and a responder b.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, now: labStart, addrA: netip.MustParseAddrPort("10.0.0.1:1000"), addrB: netip.MustParseAddrPort("10.0.0.2:4433")}
	l.a = l.core(Config{Overlay: labOverlay, Node: [32]byte{9}, Static: labStatic(t, 1), FreshKey: true, Rand: labRand(11)})
	l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), FreshKey: true, Rand: labRand(12)})
	return l
}

func (l *lab) core(cfg Config) *Core {
	l.t.Helper()
	c, err := NewCore(l.now, cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *lab) target(p Pattern) Target {
	return Target{Addr: l.addrB, Key: labStatic(l.t, 2).Public(), Node: labNode, Pattern: p}
}

// carry moves datagrams until both ends are quiet, and gathers events.
func (l *lab) carry() {
	for {
		moved := l.move(l.a, l.addrA, l.b, l.addrB)
		moved = l.move(l.b, l.addrB, l.a, l.addrA) || moved
		if !moved {
			return
		}
	}
}

// move hands what from has to say over to to.
func (l *lab) move(from *Core, src netip.AddrPort, to *Core, dst netip.AddrPort) bool {
	batches := from.Outgoing(nil)
	for _, b := range batches {
		for i := range b.Len() {
			where, d := b.At(i)
			l.recorded = append(l.recorded, bytes.Clone(d))
			if where != dst || l.tap != nil && !l.tap(src, where, d) {
				continue
			}
			l.feed(to, src, d)
		}
	}
	from.Recycle(batches)
	return len(batches) > 0
}

// feed gives one datagram to a core and copies the frames that come of it.
func (l *lab) feed(c *Core, from netip.AddrPort, d []byte) {
	var b Batch
	copy(b.Next(from), d)
	c.Receive(l.now, &b)
	for _, ev := range c.Events(nil) {
		ev.Frame = bytes.Clone(ev.Frame)
		if c == l.a {
			l.eventsA = append(l.eventsA, ev)
		} else {
			l.eventsB = append(l.eventsB, ev)
		}
	}
}

// pass lets time go by in steps of a second, both ends ticking and talking.
func (l *lab) pass(d time.Duration) {
	for end := l.now.Add(d); l.now.Before(end); {
		l.now = l.now.Add(time.Second)
		l.a.Tick(l.now)
		l.b.Tick(l.now)
		l.carry()
		l.eventsA = l.a.Events(l.eventsA)
		l.eventsB = l.b.Events(l.eventsB)
	}
}

// up dials and expects the link at both ends.
func (l *lab) up(p Pattern) (a, b LinkID) {
	l.t.Helper()
	id, err := l.a.Dial(l.now, l.target(p))
	if err != nil {
		l.t.Fatal(err)
	}
	l.carry()
	ea, eb := find(l.eventsA, LinkUp), find(l.eventsB, LinkUp)
	if ea == nil || eb == nil || ea.Link != id {
		l.t.Fatalf("link is not up: dialled %v, answered %v", ea != nil, eb != nil)
	}
	return id, eb.Link
}

func find(events []Event, kind EventKind) *Event {
	for i := range events {
		if events[i].Kind == kind {
			return &events[i]
		}
	}
	return nil
}

func frame(fill byte) []byte { return bytes.Repeat([]byte{fill}, FrameLen) }

func TestLinkComesUpAndCarriesFramesBothWays(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		l := newLab(t)
		a, b := l.up(p)
		eb := find(l.eventsB, LinkUp)
		if want := labStatic(t, 1).Public(); p == IK && eb.Peer != want || p == NK && !eb.Peer.IsZero() {
			t.Errorf("pattern %d: responder learned the wrong key", p)
		}
		if err := l.a.Send(l.now, a, frame('x')); err != nil {
			t.Fatal(err)
		}
		if err := l.b.Send(l.now, b, frame('y')); err != nil {
			t.Fatal(err)
		}
		l.carry()
		if ev := find(l.eventsB, FrameReceived); ev == nil || !bytes.Equal(ev.Frame, frame('x')) {
			t.Errorf("pattern %d: frame to the responder is missing", p)
		}
		if ev := find(l.eventsA, FrameReceived); ev == nil || !bytes.Equal(ev.Frame, frame('y')) {
			t.Errorf("pattern %d: frame to the initiator is missing", p)
		}
		for i, d := range l.recorded {
			if len(d) != DatagramLen {
				t.Errorf("datagram %d has %d bytes", i, len(d))
			}
		}
	}
}

func TestUnansweredDialSendsFiveFirstMessagesInFiveSeconds(t *testing.T) {
	l := newLab(t)
	sent := 0
	l.tap = func(netip.AddrPort, netip.AddrPort, []byte) bool { sent++; return false }
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	l.pass(4 * time.Second)
	if sent != tryLimit || find(l.eventsA, LinkDown) != nil {
		t.Fatalf("%d first messages after 4 s, want %d and the attempt alive", sent, tryLimit)
	}
	l.pass(time.Second)
	if ev := find(l.eventsA, LinkDown); ev == nil || !errors.Is(ev.Err, ErrNoAnswer) || sent != tryLimit {
		t.Fatalf("after 5 s: down %v, %d first messages", ev, sent)
	}
	if l.a.dialing != 0 || len(l.a.dials) != 0 || len(l.a.links) != 0 || len(l.a.timers) != 0 {
		t.Error("the failed dial left something behind")
	}
}

func TestLinkSurvivesManyRekeysWithoutLosingFrames(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		l := newLab(t)
		a, b := l.up(p)
		first := l.a.links[a].current.index
		for i := range 900 {
			l.pass(time.Second)
			l.eventsA, l.eventsB = nil, nil
			if err := l.a.Send(l.now, a, frame(byte(i))); err != nil {
				t.Fatalf("pattern %d second %d: %v", p, i, err)
			}
			if err := l.b.Send(l.now, b, frame(byte(i))); err != nil {
				t.Fatalf("pattern %d second %d: %v", p, i, err)
			}
			l.carry()
			if find(l.eventsA, FrameReceived) == nil || find(l.eventsB, FrameReceived) == nil {
				t.Fatalf("pattern %d: frame of second %d is lost", p, i)
			}
		}
		if l.a.links[a].current.index == first {
			t.Errorf("pattern %d: the keys were never changed", p)
		}
		if n := len(l.a.sessions); n > 2 {
			t.Errorf("pattern %d: %d generations of keys are kept", p, n)
		}
	}
}

func TestIdleLinkStaysUpAndIsQuietBetweenRekeys(t *testing.T) {
	l := newLab(t)
	l.up(IK)
	l.pass(30 * time.Second)
	l.recorded = nil
	l.pass(60 * time.Second)
	if n := len(l.recorded); n != 0 {
		t.Errorf("an idle link sent %d datagrams in a minute", n)
	}
	l.pass(time.Hour)
	if l.a.upLinks != 1 || l.b.upLinks != 1 {
		t.Errorf("links up: %d and %d, want both", l.a.upLinks, l.b.upLinks)
	}
}

func TestSilentPeerEndsTheLink(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(NK)
	l.tap = func(netip.AddrPort, netip.AddrPort, []byte) bool { return false }
	if err := l.a.Send(l.now, a, frame(1)); err != nil {
		t.Fatal(err)
	}
	l.pass(30 * time.Second)
	if ev := find(l.eventsA, LinkDown); ev == nil || !errors.Is(ev.Err, ErrSilent) {
		t.Fatalf("no ErrSilent: %+v", ev)
	}
	l.pass(10 * time.Minute)
	if ev := find(l.eventsB, LinkDown); ev == nil || l.b.upLinks != 0 || len(l.b.sessions) != 0 {
		t.Error("the answering end kept a dead link")
	}
}

func TestCloseReachesThePeer(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(IK)
	l.a.Close(l.now, a)
	l.carry()
	if ev := find(l.eventsB, LinkDown); ev == nil || !errors.Is(ev.Err, ErrPeerClosed) {
		t.Fatalf("no ErrPeerClosed: %+v", ev)
	}
	if len(l.a.links)+len(l.b.links)+len(l.a.sessions)+len(l.b.sessions)+len(l.a.timers)+len(l.b.timers) != 0 {
		t.Error("a closed link left something behind")
	}
}

func TestLostConfirmationIsRepeated(t *testing.T) {
	l := newLab(t)
	drop := 2
	l.tap = func(from, _ netip.AddrPort, _ []byte) bool {
		if from == l.addrA && len(l.recorded) > 2 && drop > 0 { // behind first message and answer
			drop--
			return false
		}
		return true
	}
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	if find(l.eventsB, LinkUp) != nil {
		t.Fatal("the responder took the link for confirmed too early")
	}
	l.pass(3 * time.Second)
	if find(l.eventsB, LinkUp) == nil {
		t.Fatal("the confirmation was not repeated")
	}
}
