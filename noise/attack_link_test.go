package noise

// Attacks on established links that once worked, likewise.

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func TestStrangersNeitherStayNorKeepTheOwnerFromDialling(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks = 16
	for i := range 40 { // IK with a fresh key each: names that nobody knows
		l.a = l.core(Config{Overlay: labOverlay, Static: labStatic(t, byte(50+i)), Rand: labRand(byte(100 + i))})
		if _, err := l.a.Dial(l.now, l.target(IK)); err != nil {
			t.Fatal(err)
		}
		l.carry()
		l.now = l.now.Add(time.Second)
	}
	if n := l.b.upLinks; n > 14 {
		t.Errorf("strangers hold %d of 16 links", n)
	}
	for i := range 16 {
		if _, err := l.b.Dial(l.now, Target{Addr: addr(i), Key: labStatic(t, 7).Public(), Pattern: IK}); err != nil {
			t.Fatalf("own dial %d: %v", i, err)
		}
	}
	if n := l.b.upLinks + l.b.dialing; n > 16 {
		t.Errorf("%d links", n)
	}
}

func TestOnePeerHoldsFewLinks(t *testing.T) {
	l := newLab(t)
	l.b.cfg.Known = func(PublicKey) bool { return true }
	for range 10 {
		if _, err := l.a.Dial(l.now, l.target(IK)); err != nil {
			t.Fatal(err)
		}
		l.carry()
	}
	if n := l.b.upLinks; n != maxPerPeer {
		t.Errorf("one key holds %d links", n)
	}
	if n := l.a.upLinks; n != maxPerPeer {
		t.Errorf("the peer was not told: it counts %d", n)
	}
}

func TestCrowdFromOneAddressEvictsItself(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks = 32
	for i := range 20 {
		l.stranger(byte(i), addr(i), true)
	}
	for i := range 200 {
		l.now = l.now.Add(100 * time.Millisecond)
		l.stranger(byte(i), netip.AddrPortFrom(evil.Addr(), uint16(1000+i)), true)
	}
	honest := 0
	for _, k := range l.b.links {
		if k.state == up && k.addr.Addr() != evil.Addr() {
			honest++
		}
	}
	if honest != 20 {
		t.Errorf("%d of 20 honest links are left", honest)
	}
}

func TestRekeysAreAskedForNoFasterThanTheyAreDue(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(NK)
	before := l.b.Stats().DH
	for range 1000 { // at one instant, each taken into use
		k := l.a.links[a]
		k.rekey = l.a.newRekey(l.now, k)
		l.a.stepRekey(l.now, k)
		l.carry()
	}
	if n := l.b.Stats().DH - before; n != 0 {
		t.Errorf("%d multiplications for a link whose keys are young", n)
	}
}

// life runs a link for a while at a loss and reports why it ended, if it did.
func life(t *testing.T, seed byte, loss float64, minutes int, aSends, bSends bool) (lost int, reason error) {
	l := newLab(t)
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	a, b := l.up(NK)
	l.tap = func(netip.AddrPort, netip.AddrPort, []byte) bool { return r.Float64() >= loss }
	for range 60 * minutes {
		got := len(l.eventsA) + len(l.eventsB)
		if aSends {
			reason = l.a.Send(l.now, a, frame(1))
		}
		if bSends && reason == nil {
			reason = l.b.Send(l.now, b, frame(2))
		}
		if reason != nil {
			return lost, reason
		}
		l.carry()
		if len(l.eventsA)+len(l.eventsB) == got {
			lost++
		}
		l.pass(time.Second)
		l.eventsA, l.eventsB, l.recorded = l.eventsA[:0], l.eventsB[:0], l.recorded[:0]
		if l.a.links[a] == nil || l.b.links[b] == nil {
			return lost, ErrNoLink
		}
	}
	return lost, nil
}

func TestLinksLiveThroughOrdinaryLossWhoeverTalks(t *testing.T) {
	for _, loss := range []float64{0.05, 0.2} {
		for talk := range 4 {
			for seed := range byte(2) {
				lost, reason := life(t, seed, loss, 30, talk&1 != 0, talk&2 != 0)
				if reason != nil {
					t.Errorf("seed %d, loss %v, initiator talks %v, responder talks %v: %v after losing %d",
						seed, loss, talk&1 != 0, talk&2 != 0, reason, lost)
				}
			}
		}
	}
}

func TestLostConfirmationOfNewKeysLeavesNobodyDeaf(t *testing.T) {
	l := newLab(t)
	a, b := l.up(NK)
	rekeyed := false
	drop := 3
	deaf := 0
	for range 400 {
		if next := l.a.links[a].previous != nil; next && !rekeyed {
			rekeyed = true
			l.tap = func(from, _ netip.AddrPort, _ []byte) bool { // the next few of the initiator are lost
				if from == l.addrA && drop > 0 {
					drop--
					return false
				}
				return true
			}
		}
		l.eventsA = nil
		if err := l.b.Send(l.now, b, frame(1)); err != nil {
			t.Fatal(err)
		}
		l.carry()
		if find(l.eventsA, FrameReceived) == nil {
			deaf++
		}
		l.pass(time.Second)
	}
	if !rekeyed || deaf > 0 || drop > 0 {
		t.Errorf("rekeyed %v, %d frames to the initiator lost, %d drops left", rekeyed, deaf, drop)
	}
}

func TestAnonymousInitiatorShowsEveryResponderAnotherHeaderKey(t *testing.T) {
	l := newLab(t)
	seen := make(map[headerKey]bool)
	for range 8 {
		if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
			t.Fatal(err)
		}
		for _, b := range l.a.Outgoing(nil) {
			for i := range b.Len() {
				_, d := b.At(i)
				l.feed(l.b, l.addrA, d)
			}
		}
		seen[l.b.half[len(l.b.half)-1].next.header] = true
	}
	if seen[l.a.header] || len(seen) != 8 {
		t.Errorf("%d header keys in 8 links, the main one among them: %v", len(seen), seen[l.a.header])
	}
	for range 2 * dialHeaders {
		if _, err := l.a.Dial(l.now, l.target(NK)); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	if len(l.a.headers) > dialHeaders {
		t.Errorf("%d header keys", len(l.a.headers))
	}
	l.pass(6 * time.Second)
	for id := range l.a.links {
		l.a.Close(l.now, id)
	}
	if len(l.a.headers) != 0 {
		t.Errorf("%d header keys are left", len(l.a.headers))
	}
}

func TestMovedLinkSendsLittleToAnAddressThatDoesNotAnswer(t *testing.T) {
	l := newLab(t)
	a, b := l.up(NK)
	var held []byte
	l.tap = func(_, _ netip.AddrPort, d []byte) bool { held = bytes.Clone(d); return false }
	if err := l.a.Send(l.now, a, frame(1)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	toVictim := 0
	l.tap = nil
	l.feed(l.b, evil, held) // one datagram with the victim's address as its source
	for range 50 {
		if err := l.b.Send(l.now, b, frame(2)); err != nil {
			t.Fatal(err)
		}
	}
	for _, out := range l.b.Outgoing(nil) {
		for i := range out.Len() {
			if to, _ := out.At(i); to == evil {
				toVictim++
			}
		}
	}
	if toVictim > moveCredit {
		t.Errorf("%d datagrams went to the victim of one", toVictim)
	}
	// The true initiator's next datagram takes the link back, and a pong frees it.
	if err := l.a.Send(l.now, a, frame(1)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	l.pass(pingAfter + time.Second)
	if k := l.b.links[b]; k.limited || k.addr != l.addrA {
		t.Errorf("limited %v after the initiator answered", k.limited)
	}
}

func TestClosingManyLinksTellsEveryPeer(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks = 1 << 14
	secret := [keyLen]byte{1}
	const n = 5000
	for i := range n {
		k := &link{state: up, pattern: NK, addr: addr(i), current: &session{index: uint64(i + 1), seal: NewSealer(secret, 1, headerKey{})}}
		k.current.link = k
		l.b.addLink(k)
		l.b.addSession(k.current)
		l.b.upLinks++
		l.b.count(l.now, k)
	}
	told := 0
	for more := true; more; {
		more = l.b.CloseSome(l.now)
		for _, b := range l.b.Outgoing(nil) {
			told += b.Len()
		}
	}
	if told != n || len(l.b.links) != 0 {
		t.Errorf("%d of %d told", told, n)
	}
}

func TestControlFramesHaveNoRoomBehindTheirContent(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(NK)
	for _, op := range []byte{opPing, opPong, opClose} {
		refused := l.b.stats.Refused
		l.a.sendControl(l.now, l.a.links[a], op, append(make([]byte, tokenLen), 1))
		l.carry()
		if l.b.stats.Refused != refused+1 || l.b.upLinks != 1 {
			t.Errorf("op %d with a tail was obeyed", op)
		}
	}
}

func TestCloseFromANewAddressEndsJustTheLink(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(NK)
	l.pass(2 * time.Second)
	l.addrA = evil
	l.a.Close(l.now, a)
	l.carry()
	if l.b.upLinks != 0 {
		t.Error("still up")
	}
}

func TestPongOfAPingToElsewhereProvesNothingOfHere(t *testing.T) {
	l := newLab(t)
	a, b := l.up(NK)
	l.pass(2 * time.Second)
	if err := l.b.Ping(l.now, b); err != nil {
		t.Fatal(err)
	}
	// the attacker (a) keeps the ping's pong and sends it with the victim's source
	l.move(l.b, l.addrB, l.a, l.addrA)
	l.addrA = evil
	l.move(l.a, l.addrA, l.b, l.addrB)
	_ = a
	l.b.Outgoing(nil)
	for range 50 {
		if err := l.b.Send(l.now, b, frame(2)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, o := range l.b.Outgoing(nil) {
		for i := range o.Len() {
			if to, _ := o.At(i); to == evil {
				n++
			}
		}
	}
	if n > moveCredit {
		t.Errorf("%d datagrams to the victim, limited %v", n, l.b.links[b].limited)
	}
}

func TestMainHeaderKeyFindsNoAnonymousLink(t *testing.T) {
	l := newLab(t)
	_, b := l.up(NK)
	k := l.b.links[b]
	k.current.seal.index = l.a.header.block() // the guard knows it from a named link with a suspect
	got := len(l.eventsA)
	if err := l.b.Send(l.now, b, frame(1)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	if len(l.eventsA) != got {
		t.Error("a datagram masked with the named header key reaches the anonymous link")
	}
}

func TestDialThatCannotBeEvictsNobody(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks = dialHeaders + 4
	for i := range dialHeaders {
		if _, err := l.b.Dial(l.now, Target{Addr: addr(1000 + i), Key: labStatic(t, 7).Public(), Pattern: NK}); err != nil {
			t.Fatal(err)
		}
	}
	l.b.cfg.MaxLinks = 1000
	for i := range 4 {
		l.stranger(byte(i+1), addr(i), true)
	}
	l.b.cfg.MaxLinks = dialHeaders + 4
	up := l.b.upLinks
	for range 4 {
		if _, err := l.b.Dial(l.now, Target{Addr: addr(2000), Key: labStatic(t, 7).Public(), Pattern: NK}); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	if l.b.upLinks != up {
		t.Errorf("%d links evicted by dials that failed", up-l.b.upLinks)
	}
}

func TestCrowdFromOneIPv6SiteEvictsItself(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks = 32
	for i := range 20 {
		l.stranger(byte(i), addr(i), true)
	}
	for i := range 100 {
		l.now = l.now.Add(100 * time.Millisecond)
		a := netip.MustParseAddr("2001:db8::1").As16()
		a[5], a[6] = byte(i>>8), byte(i)
		l.stranger(byte(i), netip.AddrPortFrom(netip.AddrFrom16(a), 9), true)
	}
	honest := 0
	for _, k := range l.b.links {
		if k.state == up && k.addr.Addr().Is4() {
			honest++
		}
	}
	t.Logf("%d of 20 honest are left against one /48", honest)
	if honest < 20 {
		t.Fail()
	}
}
