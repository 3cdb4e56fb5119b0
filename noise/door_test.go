package noise

// What strangers and replays can do to a responder: nothing.

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

// replayAll feeds everything recorded to a core, from where it seems to come and
// from somewhere else, and reports what the core sent.
func replayAll(l *lab, c *Core, recorded [][]byte) (sent int) {
	for _, from := range []netip.AddrPort{l.addrA, l.addrB, netip.MustParseAddrPort("192.0.2.7:7")} {
		for _, d := range recorded {
			l.feed(c, from, bytes.Clone(d))
		}
	}
	for _, b := range c.Outgoing(nil) {
		sent += b.Len()
	}
	return sent
}

func TestReplayOfAWholeRunHasNoEffect(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		l := newLab(t)
		a, b := l.up(p)
		for range 300 {
			if l.a.Send(l.now, a, frame(1)) != nil || l.b.Send(l.now, b, frame(2)) != nil {
				t.Fatal("link is gone")
			}
			l.carry()
			l.pass(time.Second)
		}
		recorded := l.recorded
		before := [2]state{stateOf(l.a, len(l.eventsA)), stateOf(l.b, len(l.eventsB))}
		for n, c := range []*Core{l.a, l.b} {
			if sent := replayAll(l, c, recorded); sent != 0 {
				t.Errorf("pattern %d: end %d answered %d replayed datagrams", p, n, sent)
			}
		}
		if after := [2]state{stateOf(l.a, len(l.eventsA)), stateOf(l.b, len(l.eventsB))}; after != before {
			t.Errorf("pattern %d: a replay changed %+v to %+v", p, before, after)
		}
	}
}

func TestReplayAfterARestartHasNoEffect(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		l := newLab(t)
		l.up(p)
		l.now = l.now.Add(time.Second)
		l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), Rand: labRand(13)})
		l.eventsB = nil
		before := stateOf(l.b, 0)
		replayAll(l, l.b, l.recorded)
		if after := stateOf(l.b, len(l.eventsB)); after != before {
			t.Errorf("pattern %d: a replay after the restart changed %+v to %+v", p, before, after)
		}
		if st := l.b.Stats(); st.DH != 0 || st.Challenged == 0 {
			t.Errorf("pattern %d: %d multiplications, %d challenges", p, st.DH, st.Challenged)
		}
	}
}

// An initiator whose clock is ahead seals first messages of the next bucket. They are taken before a restart, so they
// need a cookie after it, also once that bucket has begun.
func TestReplayAfterARestartOfAFastInitiatorHasNoEffect(t *testing.T) {
	for _, later := range []time.Duration{time.Second, BucketLen, BucketLen + 4*time.Minute} {
		l := newLab(t)
		ahead := l.core(Config{Overlay: labOverlay, Rand: labRand(11)})
		if _, err := ahead.Dial(l.now.Add(BucketLen), l.target(NK)); err != nil {
			t.Fatal(err)
		}
		l.a = ahead
		l.carry()
		if find(l.eventsB, LinkUp) == nil {
			t.Fatal("the fast initiator did not get in before the restart")
		}
		restart := l.now.Add(time.Second)
		l.now = restart
		l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), Rand: labRand(13)})
		l.now = restart.Add(later)
		before := stateOf(l.b, 0)
		replayAll(l, l.b, l.recorded)
		if after := stateOf(l.b, 0); after != before || l.b.Stats().DH != 0 {
			t.Errorf("%v after the restart a replay changed %+v to %+v", later, before, after)
		}
	}
}

func TestHonestInitiatorGetsInRightAfterARestart(t *testing.T) {
	l := newLab(t)
	l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), Rand: labRand(13)})
	l.up(NK) // challenged, answers with the cookie, is let in: no waiting for the next bucket
	if st := l.b.Stats(); st.Challenged != 1 || st.Initiated != 1 {
		t.Errorf("%d challenges, %d taken", st.Challenged, st.Initiated)
	}
}

func TestFirstMessagesOfOtherTimesAreRefused(t *testing.T) {
	for _, off := range []time.Duration{-11 * time.Minute, -5 * time.Minute, 0, 5 * time.Minute, 11 * time.Minute} {
		l := newLab(t)
		if _, err := l.a.Dial(l.now.Add(off), l.target(NK)); err != nil {
			t.Fatal(err)
		}
		l.carry()
		in := off > -10*time.Minute && off < 10*time.Minute
		if got := find(l.eventsB, LinkUp) != nil; got != in {
			t.Errorf("clock off by %v: link up is %v, want %v", off, got, in)
		}
	}
}

func TestUnderLoadNothingIsKeptForAnUnprovenSource(t *testing.T) {
	l := newLab(t)
	flood := l.core(Config{Overlay: labOverlay, Rand: labRand(14)})
	taken := 0
	for i := range 2000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 99)
		if i%50 == 0 {
			flood = l.core(Config{Overlay: labOverlay, Rand: labRand(byte(15 + i/50))})
		}
		if _, err := flood.Dial(l.now, l.target(NK)); err != nil {
			t.Fatal(err)
		}
		for _, b := range flood.Outgoing(nil) {
			_, d := b.At(0)
			l.feed(l.b, from, d)
		}
		for _, b := range l.b.Outgoing(nil) {
			if b.Len() > 1 {
				t.Fatal("more was answered than asked")
			}
		}
	}
	st := l.b.Stats()
	taken = st.HalfOpen
	if taken > unprovenBurst || st.Challenged < 1800 {
		t.Errorf("%d half-open links, %d challenges of 2000 first messages at once", taken, st.Challenged)
	}
	// An honest initiator meanwhile is challenged and gets in at once.
	l.up(NK)
	if d := l.b.Stats().DH - st.DH; d != dhRead(NK)+dhWrite(NK) {
		t.Errorf("the honest handshake cost %d multiplications", d)
	}
}

func TestProvenSourcesShareTheirRateUnderLoad(t *testing.T) {
	var s sources
	one := netip.MustParseAddr("192.0.2.1")
	for i := range 2 * provenPerSource {
		if got := s.take(labStart, one); got != (i < provenPerSource) {
			t.Fatalf("message %d of one source: %v", i, got)
		}
	}
	for i := range 2 * provenRate { // a crowd, each for the first time
		if got := s.take(labStart, addr(i).Addr()); got != (i < provenRate-provenPerSource) {
			t.Fatalf("message of newcomer %d: %v", i, got)
		}
	}
	if !s.take(labStart.Add(time.Second), one) {
		t.Error("refused a second later")
	}
	// Where many press, nobody gets more than his share.
	got := 0
	for i := range 20 * 100 {
		if s.take(labStart.Add(2*time.Second), addr(i%100).Addr()) {
			got++
		}
	}
	if got > provenRate || s.counts[prefixOf(addr(1).Addr())] > provenRate/100+1 {
		t.Errorf("%d taken, one source has %d", got, s.counts[prefixOf(addr(1).Addr())])
	}
	six := netip.MustParseAddr("2001:db8::1")
	for range provenPerSource { // each from another address of one /56
		s.take(labStart.Add(3*time.Second), six)
		six = six.Next()
	}
	if s.take(labStart.Add(3*time.Second), netip.MustParseAddr("2001:db8:0:12::9")) {
		t.Error("the same /56 got more than one source's share")
	}
	for i := range 4 * maxSources {
		s.take(labStart.Add(4*time.Second), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if len(s.counts) > maxSources {
		t.Errorf("%d sources are counted", len(s.counts))
	}
}

func TestCookieIsForOneAddressAndGoesStale(t *testing.T) {
	j := cookieJar{rand: labRand(1)}
	if _, err := j.rotate(labStart); err != nil {
		t.Fatal(err)
	}
	e := newEnvelope(labOverlay, labStatic(t, 2).Public(), labRand(2))
	from, other := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.1:2")
	c := j.bake(0, from)
	d := make([]byte, DatagramLen)
	if _, err := e.sealInitiation(d, &initiation{pattern: NK}, make([]byte, 80), 0, c); err != nil {
		t.Fatal(err)
	}
	in, ok := e.openInitiation(d)
	proven := func(from netip.AddrPort) cookie { has, _ := j.proven(from, &in); return has }
	if !ok || proven(from) != c || proven(other) != noCookie {
		t.Fatal("the cookie does not prove just its own address")
	}
	for i, want := range []bool{true, false} {
		if _, err := j.rotate(labStart.Add(time.Duration(i+1) * cookieLife)); err != nil {
			t.Fatal(err)
		}
		if (proven(from) != noCookie) != want {
			t.Errorf("after %d changes of the secret: %v", i+1, !want)
		}
	}
	if _, err := j.rotate(labStart.Add(24 * time.Hour)); err != nil || proven(from) != noCookie {
		t.Error("a cookie of yesterday is right")
	}
}

func TestMessageOfSeveralDatagramsNeedsACookieAndArrives(t *testing.T) {
	l := newLab(t)
	message := bytes.Repeat([]byte("m"), 1232) // as long as a hybrid first message
	send := func(c cookie, order []int) (f first, v verdict, tag [tagLen]byte) {
		in := initiation{pattern: NK, bucket: bucketOf(l.now), id: 5}
		for _, n := range order {
			d := make([]byte, DatagramLen)
			var err error
			if tag, err = l.b.envelope.sealInitiation(d, &in, message, n, c); err != nil {
				t.Fatal(err)
			}
			opened, ok := l.b.envelope.openInitiation(d)
			if !ok {
				t.Fatal("does not open")
			}
			f, v = l.b.door.admit(l.now, l.addrA, &opened, &l.b.stats)
		}
		return f, v, tag
	}
	if _, v, _ := send(noCookie, []int{0}); v != challenge || len(l.b.door.pending) != 0 {
		t.Fatalf("a piece without a cookie: verdict %d, %d kept", v, len(l.b.door.pending))
	}
	c := l.b.door.jar.bake(0, l.addrA)
	if _, v, _ := send(c, []int{2, 2}); v != more {
		t.Fatalf("a repeated piece: verdict %d", v)
	}
	f, v, _ := send(c, []int{0, 1})
	if v != proceed || !bytes.Equal(f.message, message) || len(l.b.door.pending) != 0 {
		t.Fatalf("whole message: verdict %d, %d bytes, %d pending", v, len(f.message), len(l.b.door.pending))
	}
}

func TestPiecesUnderAssemblyAreBoundedAndTimeOut(t *testing.T) {
	l := newLab(t)
	d := l.b.door
	var whole []byte
	for i := range 3 * maxAssemblies {
		in := initiation{id: uint64(i), piece: piece{count: 2, total: initiationPieceLen + 1, body: make([]byte, initiationPieceLen)}}
		d.assemble(l.now, addr(i), &in, &whole)
	}
	if len(d.pending) != maxAssemblies {
		t.Fatalf("%d under assembly", len(d.pending))
	}
	in := initiation{id: 1 << 40, piece: piece{count: 2, total: initiationPieceLen + 1, body: make([]byte, initiationPieceLen)}}
	d.assemble(l.now.Add(assemblyLife+time.Second), l.addrA, &in, &whole)
	if len(d.pending) != 1 {
		t.Errorf("%d under assembly after the time is up", len(d.pending))
	}
}
