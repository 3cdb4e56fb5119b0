package noise

// Attacks on first messages that once worked, found by somebody who was told to
// break this package. Each is kept as a test that its remedy must pass.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

var evil = netip.MustParseAddrPort("198.51.100.66:6")

// reseal is what anybody with the directory can do to a recorded first message.
func reseal(t *testing.T, recorded []byte, bucket uint32, id uint64, c cookie) []byte {
	t.Helper()
	e := newEnvelope(labOverlay, labStatic(t, 2).Public(), labRand(77)) // public inputs only
	in, ok := e.openInitiation(bytes.Clone(recorded))
	if !ok {
		t.Fatal("the envelope does not open with public inputs")
	}
	d := make([]byte, DatagramLen)
	if id == 0 {
		id = in.id
	}
	if _, err := e.sealInitiation(d, &initiation{pattern: in.pattern, bucket: bucket, id: id}, bytes.Clone(in.piece.body), 0, c); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNoiseMessageIsGoodInItsOwnEnvelopeOnly(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		l := newLab(t)
		l.up(p)
		recorded, bucket := l.recorded[0], bucketOf(l.now)
		before := stateOf(l.b, 0)
		for _, b := range []uint32{bucket - 1, bucket, bucket + 1} {
			for _, id := range []uint64{0, 77} {
				l.feed(l.b, evil, reseal(t, recorded, b, id, noCookie))
				l.feed(l.b, evil, reseal(t, recorded, b, id, l.b.door.jar.bake(0, evil)))
			}
		}
		l.now = l.now.Add(20 * 24 * time.Hour)
		l.feed(l.b, evil, reseal(t, recorded, bucketOf(l.now), 0, noCookie))
		if after := stateOf(l.b, 0); after != before || l.b.Outgoing(nil) != nil {
			t.Errorf("pattern %d: a recorded message in a new envelope changed %+v to %+v", p, before, after)
		}
	}
}

func TestOwnCookieDoesNotRefreshAnOthersMessageAfterARestart(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		l := newLab(t)
		l.up(p)
		l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), Rand: labRand(13)})
		before := stateOf(l.b, 0)
		l.feed(l.b, evil, reseal(t, l.recorded[0], bucketOf(l.now), 0, l.b.door.jar.bake(0, evil)))
		if after := stateOf(l.b, 0); after != before || l.b.Stats().Initiated != 0 {
			t.Errorf("pattern %d: %+v became %+v", p, before, after)
		}
	}
}

func TestClockThatIsSetLetsNoReplayIn(t *testing.T) {
	for _, away := range []time.Duration{20 * time.Minute, -20 * time.Minute} {
		l := newLab(t)
		l.up(NK)
		recorded, back := bytes.Clone(l.recorded[0]), l.now
		l.now = l.now.Add(away)
		if _, err := l.a.Dial(l.now, l.target(NK)); err != nil { // makes the memory forget
			t.Fatal(err)
		}
		l.carry()
		l.now = back.Add(time.Second)
		taken := l.b.Stats().Initiated
		l.feed(l.b, l.addrA, recorded)
		if l.b.Stats().Initiated != taken {
			t.Errorf("clock set by %v and back: a replay was taken", away)
		}
	}
}

func TestMeteredFloodNeverFillsTheMemoryOfFirstMessages(t *testing.T) {
	l := newLab(t)
	d := l.b.door
	r := rand.New(rand.NewPCG(1, 2))
	e := make([]byte, keyLen)
	refused := 0
	for range 1200 { // seconds; all that the meters let through, into the fullest bucket
		l.now = l.now.Add(time.Second)
		for range unprovenRate {
			for i := range e {
				e[i] = byte(r.Uint32())
			}
			if !d.seen.remember(l.now, bucketOf(l.now)+1, false, e) {
				refused++
			}
		}
	}
	for i := range maxProvenSeen {
		e[0], e[1], e[2] = byte(i), byte(i>>8), byte(i>>16)
		if !d.seen.remember(l.now, bucketOf(l.now), true, e) {
			refused++
		}
	}
	if refused != 0 {
		t.Errorf("%d refused", refused)
	}
	if len(d.seen.buckets) > 3 {
		t.Errorf("%d buckets are kept", len(d.seen.buckets))
	}
}

func TestForgedAnswersDoNotCostTheAttempt(t *testing.T) {
	l := newLab(t)
	e := newEnvelope(labOverlay, labStatic(t, 2).Public(), labRand(5))
	l.tap = func(from, _ netip.AddrPort, d []byte) bool {
		if from == l.addrA {
			if in, ok := e.openInitiation(bytes.Clone(d)); ok { // the man on the side is faster
				for range remakes {
					forged := make([]byte, DatagramLen)
					if err := e.sealAnswer(forged, in.tag, answerMessage, bytes.Repeat([]byte{9}, 72), 0); err != nil {
						t.Error(err)
					}
					l.feed(l.a, l.addrB, forged)
				}
			}
		}
		return true
	}
	l.up(NK)
}

func TestAnswersToOneDatagramShareNothing(t *testing.T) {
	l := newLab(t)
	l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), Rand: labRand(13)})
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	_, d := l.a.Outgoing(nil)[0].At(0)
	seen := make(map[string]bool)
	for range 20 {
		l.feed(l.b, l.addrA, bytes.Clone(d))
		_, answer := l.b.Outgoing(nil)[0].At(0)
		for i := 0; i+8 <= DatagramLen; i++ {
			k := fmt.Sprintf("%d %x", i, answer[i:i+8])
			if seen[k] {
				t.Fatalf("eight bytes at %d are repeated", i)
			}
			seen[k] = true
		}
	}
}

func TestGarbageOnHalfOpenLinksExpandsNothing(t *testing.T) {
	l := newLab(t)
	l.stranger(1, addr(1), false)
	s := l.b.half[0].next
	l.b.receiveData(l.now, addr(1), s, make([]byte, DatagramLen))
	if s.open != nil || s.seal != nil {
		t.Error("a datagram that does not open left ciphers behind")
	}
}

func TestMeterIgnoresAClockThatGoesBack(t *testing.T) {
	var m meter
	m.take(labStart)
	m.take(labStart.Add(-time.Hour))
	if m.level > 2 {
		t.Errorf("level %v after two messages", m.level)
	}
}

func TestTargetsAndConfigurationsDoNotPrint(t *testing.T) {
	target := Target{Addr: evil, Node: [32]byte{0xab, 0xcd}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, s := range []string{fmt.Sprintf(verb, target), fmt.Sprintf(verb, Config{Node: target.Node}), fmt.Sprintf(verb, []Target{target})} {
			if bytes.Contains([]byte(s), []byte("198.51")) || bytes.Contains([]byte(s), []byte("abcd")) || bytes.Contains([]byte(s), []byte("171")) {
				t.Errorf("%s printed %s", verb, s)
			}
		}
	}
}

func TestClockThatGoesBackOverABorderLetsNoReplayIn(t *testing.T) {
	l := newLab(t)
	l.up(NK)
	recorded := bytes.Clone(l.recorded[0])
	bk := bucketOf(l.now)
	border := time.Unix(int64(bk+2)*300, 0)
	l.now = border.Add(200 * time.Millisecond)
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	l.now = border.Add(-500 * time.Millisecond)
	taken := l.b.Stats().Initiated
	l.feed(l.b, l.addrA, recorded)
	if l.b.Stats().Initiated != taken {
		t.Error("replay taken after a step back of 0.7 s")
	}
}

func TestForgedPieceOfALongAnswerDoesNotCostTheAttempt(t *testing.T) {
	l := newLab(t)
	e := newEnvelope(labOverlay, labStatic(t, 2).Public(), labRand(5))
	l.tap = func(from, _ netip.AddrPort, d []byte) bool {
		if from == l.addrA {
			if in, ok := e.openInitiation(bytes.Clone(d)); ok {
				forged := make([]byte, DatagramLen)
				if err := e.sealAnswer(forged, in.tag, answerMessage, bytes.Repeat([]byte{9}, 500), 0); err != nil {
					t.Error(err)
				}
				l.feed(l.a, l.addrB, forged)
			}
		}
		return true
	}
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	for range 8 {
		l.pass(time.Second)
	}
	if l.a.upLinks != 1 {
		t.Error("one forged datagram an attempt: no link")
	}
}

func TestForgedCookiesDoNotCostTheDial(t *testing.T) {
	l := newLab(t)
	l.b = l.core(Config{Overlay: labOverlay, Node: labNode, Static: labStatic(t, 2), Rand: labRand(13)})
	e := newEnvelope(labOverlay, labStatic(t, 2).Public(), labRand(5))
	n := byte(0)
	var tag [tagLen]byte
	forge := func() {
		n++
		forged := make([]byte, DatagramLen)
		if err := e.sealAnswer(forged, tag, answerCookie, bytes.Repeat([]byte{n}, 16), 0); err != nil {
			t.Error(err)
		}
		l.feed(l.a, l.addrB, forged)
	}
	l.tap = func(from, _ netip.AddrPort, d []byte) bool {
		if from == l.addrA {
			if in, ok := e.openInitiation(bytes.Clone(d)); ok {
				tag = in.tag
				forge()
			}
		}
		return true
	}
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	for range 8 {
		if l.a.dialing > 0 {
			forge() // late: after the true cookie, before the next try
		}
		l.pass(time.Second)
	}
	if l.a.upLinks != 1 {
		t.Errorf("no link; %d forged, b %+v", n, l.b.stats)
	}
}

func TestWrongCookieIsForgottenWithTheNextTry(t *testing.T) {
	l := newLab(t)
	e := newEnvelope(labOverlay, labStatic(t, 2).Public(), labRand(5))
	first := true
	l.tap = func(from, _ netip.AddrPort, d []byte) bool {
		if from == l.addrA && first {
			first = false // the first is lost; somebody saw it and forges one cookie, ever
			in, _ := e.openInitiation(bytes.Clone(d))
			forged := make([]byte, DatagramLen)
			if err := e.sealAnswer(forged, in.tag, answerCookie, bytes.Repeat([]byte{9}, 16), 0); err != nil {
				t.Error(err)
			}
			l.feed(l.a, l.addrB, forged)
			return false
		}
		return true
	}
	if _, err := l.a.Dial(l.now, l.target(NK)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	for range 8 {
		l.pass(time.Second)
	}
	if l.a.upLinks != 1 {
		t.Errorf("no link: b %+v", l.b.stats)
	}
}
