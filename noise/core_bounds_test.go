package noise

// Bounds and hostile peers: what the other end of a link, or many strangers, can
// make a core keep or do.

import (
	"bytes"
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// stranger dials l.b from its own core and address, confirms if told to, and
// returns the event that b saw.
func (l *lab) stranger(seed byte, from netip.AddrPort, confirm bool) {
	l.t.Helper()
	c := l.core(Config{Overlay: labOverlay, Rand: labRand(seed)})
	if _, err := c.Dial(l.now, l.target(NK)); err != nil {
		l.t.Fatal(err)
	}
	l.move(c, from, l.b, l.addrB)
	for _, b := range l.b.Outgoing(nil) {
		for i := range b.Len() {
			if to, d := b.At(i); to == from {
				l.feed(c, l.addrB, d)
			}
		}
	}
	if confirm {
		l.move(c, from, l.b, l.addrB)
		l.b.Outgoing(nil)
	}
}

func addr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 500)
}

func TestHalfOpenLinksAreForgotten(t *testing.T) {
	l := newLab(t)
	for i := range 20 {
		l.stranger(byte(100+i), addr(i), false)
	}
	if n := l.b.Stats().HalfOpen; n != 20 {
		t.Fatalf("%d half-open", n)
	}
	l.now = l.now.Add(halfOpenLife)
	l.b.Tick(l.now)
	if len(l.b.half)+len(l.b.links)+len(l.b.sessions)+len(l.b.timers) != 0 {
		t.Error("half-open links are kept")
	}
}

func TestHalfOpenLinksAreBounded(t *testing.T) {
	l := newLab(t)
	l.stranger(1, addr(1), false)
	first := l.b.half[0]
	for len(l.b.half) < maxHalfOpen { // as many answered initiations would leave
		h := &link{state: halfOpen}
		l.b.addLink(h)
		l.b.half = append(l.b.half, h)
	}
	l.stranger(2, addr(2), false)
	if len(l.b.half) != maxHalfOpen || l.b.links[first.id] != nil {
		t.Errorf("%d half-open, the oldest kept: %v", len(l.b.half), l.b.links[first.id] != nil)
	}
}

func TestNewcomersEvictTheMostSilentClientButNeverAPeer(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks, l.b.cfg.Known = 3, func(k PublicKey) bool { return k == labStatic(t, 1).Public() }
	l.up(IK)
	l.stranger(1, addr(1), true)
	l.now = l.now.Add(time.Second)
	l.stranger(2, addr(2), true)
	l.stranger(3, addr(3), true)
	downs := 0
	for _, ev := range l.eventsB {
		if ev.Kind == LinkDown {
			downs++
			if !errors.Is(ev.Err, ErrEvicted) || ev.Pattern != NK {
				t.Errorf("down: %v pattern %d", ev.Err, ev.Pattern)
			}
		}
	}
	if downs != 1 || l.b.upLinks != 3 {
		t.Fatalf("%d evicted, %d up", downs, l.b.upLinks)
	}
	for _, k := range l.b.links {
		if k.addr == addr(1) {
			t.Error("the most silent client was kept")
		}
	}
}

func TestPeersAloneFillTheTableAndThenNewcomersWait(t *testing.T) {
	l := newLab(t)
	l.b.cfg.MaxLinks, l.b.cfg.Known = 1, func(PublicKey) bool { return true }
	l.up(IK)
	l.stranger(1, addr(1), true)
	if l.b.upLinks != 1 || len(l.b.sessions) != 1 {
		t.Errorf("%d links up, %d sessions", l.b.upLinks, len(l.b.sessions))
	}
	if _, err := l.b.Dial(l.now, Target{Addr: addr(5), Key: labStatic(t, 7).Public(), Pattern: IK}); !errors.Is(err, ErrFull) {
		t.Errorf("own dial beyond the bound: %v", err)
	}
}

func TestLinkRoamsWithTheNewestDatagramOnly(t *testing.T) {
	l := newLab(t)
	a, b := l.up(NK)
	moved := netip.MustParseAddrPort("203.0.113.9:77")
	var old []byte
	l.tap = func(_, _ netip.AddrPort, d []byte) bool { old = append([]byte(nil), d...); return false }
	if err := l.a.Send(l.now, a, frame(1)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	l.tap = nil
	l.addrA = moved
	if err := l.a.Send(l.now, a, frame(2)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	if got := l.b.links[b].addr; got != moved {
		t.Fatal("the link did not follow its initiator")
	}
	l.feed(l.b, netip.MustParseAddrPort("198.51.100.1:1"), old)
	if got := l.b.links[b].addr; got != moved {
		t.Error("a held-back datagram moved the link")
	}
	if n := len(l.eventsB); l.eventsB[n-1].Kind != FrameReceived {
		t.Error("the held-back datagram itself was within the window and should count")
	}
	if err := l.b.Send(l.now, b, frame(3)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	if find(l.eventsA, FrameReceived) == nil {
		t.Error("nothing reaches the initiator where it is now")
	}
}

func TestPeerCannotMakeTheOtherEndComputeRekeysWithoutEnd(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(IK)
	before := l.b.Stats().DH
	for range 200 {
		k := l.a.links[a]
		k.rekey = l.a.newRekey(l.now, k)
		l.a.stepRekey(l.now, k)
		k.rekey = nil // takes no answer, asks anew
		l.carry()
	}
	if n := l.b.Stats().DH - before; n > maxRekeys*(dhRead(IK)+dhWrite(IK)) {
		t.Errorf("%d multiplications for 200 rekeys", n)
	}
	if err := l.a.Send(l.now, a, frame(9)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	if find(l.eventsB, FrameReceived) == nil {
		t.Error("the link is gone")
	}
}

func TestHostileControlFramesEndNothingButTheOwnLink(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(NK)
	l.stranger(5, addr(5), true)
	r := labRand(99)
	for op := range 256 {
		if op == opClose {
			continue
		}
		for range 20 {
			body := make([]byte, FrameLen-1)
			r.Read(body)
			body[tokenLen], body[tokenLen+1] = byte(op%5), 0 // sometimes a plausible piece
			l.a.sendControl(l.now, l.a.links[a], byte(op), body)
		}
		l.carry()
	}
	if l.b.upLinks != 2 || len(l.b.sessions) > 3 {
		t.Errorf("%d links up, %d sessions", l.b.upLinks, len(l.b.sessions))
	}
}

func TestCookiesWithoutEndAreNotFollowedWithoutEnd(t *testing.T) {
	l := newLab(t)
	id, err := l.a.Dial(l.now, l.target(NK))
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for range 1000 { // a responder that only ever sends cookies
		out := l.a.Outgoing(nil)
		if len(out) == 0 {
			break
		}
		for _, b := range out {
			for i := range b.Len() {
				sent++
				_, d := b.At(i)
				in, ok := l.b.envelope.openInitiation(d)
				if !ok {
					t.Fatal("no initiation")
				}
				answer := make([]byte, DatagramLen)
				if err := l.b.envelope.sealAnswer(answer, in.tag, answerCookie, bytes.Repeat([]byte{7}, cookieLen), 0); err != nil {
					t.Fatal(err)
				}
				l.feed(l.a, l.addrB, answer)
			}
		}
	}
	if sent != 2 || l.a.links[id] == nil {
		t.Errorf("%d first messages in the first second, want the try and one with a cookie", sent)
	}
}

func TestPipeThatIsBehindLosesDatagramsNotMemory(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(IK)
	for range 3 * maxOut * BatchLen {
		if err := l.a.Send(l.now, a, frame(1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.a.out); n > maxOut {
		t.Errorf("%d batches wait", n)
	}
	if l.a.Stats().Dropped == 0 {
		t.Error("nothing was dropped")
	}
	l.carry()
	if n := len(l.a.free); n > maxOut {
		t.Errorf("%d spare batches are kept", n)
	}
}

func TestExhaustedKeySendsNothing(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(IK)
	l.a.links[a].current.seal.next = rejectAfterCounter
	if err := l.a.Send(l.now, a, frame(1)); !errors.Is(err, ErrExhausted) {
		t.Errorf("send: %v", err)
	}
	if err := l.a.Ping(l.now, a); err != nil {
		t.Error(err)
	}
	if out := l.a.Outgoing(nil); len(out) != 0 {
		t.Error("something was sent")
	}
}

// The stated bound is computed in limits.go; here its parts are measured.
func TestTablesOfStrangersFitTheStatedBound(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l := newLab(t)
	e := make([]byte, keyLen)
	for i := range maxFirstSeen { // at the metered rate, all buckets together hold no more
		e[0], e[1], e[2] = byte(i), byte(i>>8), byte(i>>16)
		l.b.door.seen.remember(l.now, bucketOf(l.now)+uint32(i%3)-1, false, e)
	}
	for range 2 {
		for i := range maxProvenSeen {
			e[0], e[1], e[2] = byte(i), byte(i>>8), byte(i>>16)
			l.b.door.seen.remember(l.now, bucketOf(l.now), true, e)
		}
		l.b.door.seen.turn()
	}
	l.b.door.seen.proven[0] = l.b.door.seen.proven[1] // both were full
	for range maxOut * BatchLen {
		l.b.slot(l.addrA)
	}
	for i := range maxSources {
		l.b.door.sources.take(l.now, addr(i).Addr())
	}
	for i := range maxHalfOpen {
		// With a datagram that does not open for each: its maker knows the index.
		h := &link{state: halfOpen, next: &session{}}
		l.b.addLink(h)
		h.next.link, h.next.index = h, uint64(i)
		l.b.addSession(h.next)
		l.b.half = append(l.b.half, h)
		l.b.timers.set(h, l.now)
	}
	for i := range maxAssemblies {
		in := initiation{id: uint64(i), piece: piece{count: maxPieces, total: maxPieces * initiationPieceLen, body: make([]byte, initiationPieceLen)}}
		var whole []byte
		l.b.door.assemble(l.now, addr(i), &in, &whole)
	}
	for i := range maxHalfOpen {
		s := l.b.sessions[uint64(i)]
		l.b.receiveData(l.now, l.addrA, s, make([]byte, DatagramLen))
	}
	grown := int64(heap()) - int64(before)
	t.Logf("all tables full: %d KiB of %d KiB", grown>>10, FloodMemoryBound>>10)
	if grown > FloodMemoryBound {
		t.Error("beyond the stated bound")
	}
	runtime.KeepAlive(l)
}
