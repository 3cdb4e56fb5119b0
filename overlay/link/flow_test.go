// What passes over links besides cells: probes, snapshots, and how much of all of it.

package link

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

// pair is two linked relays.
func pair(t *testing.T, seed uint64, change ...func(*Config)) (l *lab, a, b *end, n Neighbor) {
	l = newLab(t, seed)
	a, b = l.relay(1, change...), l.relay(2)
	n = a.open(b)
	l.pass(time.Second)
	return l, a, b, n
}

func TestProbesMeasureTheRoundTrip(t *testing.T) {
	l, a, b, n := pair(t, 1)
	for range 10 {
		must(t, a.pool.Probe(l.now, n))
		l.pass(time.Second)
	}
	echoes := 0
	for _, ev := range a.events {
		if ev.Kind == Echo {
			echoes++
			if ev.RTT != 80*time.Millisecond || ev.Neighbor != n {
				t.Errorf("a round trip of %v, want 80 ms", ev.RTT)
			}
		}
	}
	if ca, cb := a.pool.Counters(), b.pool.Counters(); echoes != 10 || ca.ProbesSent != 10 || cb.EchoesSent != 10 || ca.Echoes != 10 {
		t.Errorf("%d echoes", echoes)
	}
	if a.pool.Neighbors()[0].RTT != 80*time.Millisecond {
		t.Error("the round trip is not shown")
	}
}

func TestEchoesThatNobodyAskedForCountForNothing(t *testing.T) {
	l, a, b, n := pair(t, 2)
	must(t, a.pool.Probe(l.now, n))
	l.pass(time.Second)
	for _, h := range a.links {
		for number := range uint64(5) { // among them one that was answered already
			h.receive(appendProbe(nil, KindEcho, number))
		}
		f := appendProbe(nil, KindEcho, 2)
		f[len(f)-1] = 1
		h.receive(f)
		h.receive(append([]byte{5}, make([]byte, noise.FrameLen-1)...))
	}
	l.settle()
	if a.kinds(Echo) != 1 || a.pool.Counters().FramesRefused != 2 || b.sent == 0 {
		t.Errorf("%d echoes, %d frames refused", a.kinds(Echo), a.pool.Counters().FramesRefused)
	}
}

func TestFloodOfProbesIsAnsweredWithinARate(t *testing.T) {
	l, a, b, _ := pair(t, 3)
	for range 10_000 { // ten seconds
		for _, h := range b.links {
			h.receive(appendProbe(nil, KindProbe, 1))
		}
		l.pass(time.Millisecond)
	}
	if c := b.pool.Counters(); c.EchoesSent > 200+1001 || c.EchoesSent < 1000 || c.EchoesSent+c.ProbesLimited != 10_000 {
		t.Errorf("%d probes of a flood answered, %d not", c.EchoesSent, c.ProbesLimited)
	}
	if len(a.pool.links) != 1 {
		t.Error("the link did not survive")
	}
}

func TestProbesWithoutEchoAreForgotten(t *testing.T) {
	l, a, b, n := pair(t, 4)
	b.dead = true
	for range 1000 {
		must(t, a.pool.Probe(l.now, n))
		l.pass(time.Millisecond)
	}
	if got := len(a.pool.contacts[n].active.probes); got > maxProbes {
		t.Errorf("%d probes are waited for", got)
	}
	l.pass(probeLife)
	must(t, a.pool.Probe(l.now, n))
	if got := len(a.pool.contacts[n].active.probes); got != 1 {
		t.Errorf("%d probes are waited for, want the last", got)
	}
}

// fetched is what came of fetches.
func (e *end) fetched() (ids map[peer.NodeID]bool, ends []error) {
	ids = map[peer.NodeID]bool{}
	for _, ev := range e.events {
		switch ev.Kind {
		case Page:
			for _, d := range ev.Entries {
				ids[d.Static.NodeID()] = true
			}
		case Fetched:
			ends = append(ends, ev.Err)
		}
	}
	return ids, ends
}

func TestSnapshotArrivesWholeOverABadNetwork(t *testing.T) {
	for seed := range uint64(5) {
		l := newLab(t, seed)
		l.loss, l.jitter = 0.05, 50*time.Millisecond
		g := l.relay(1)
		c := l.client()
		n := c.open(g)
		g.shelf[5] = Edition{1, testDirectory(t, 100, 60)}
		l.pass(time.Second)
		must(t, c.pool.Fetch(l.now, n, 5, 100))
		if err := c.pool.Fetch(l.now, n, 5, 100); !errors.Is(err, ErrBusy) {
			t.Errorf("a second fetch: %v, want ErrBusy", err)
		}
		l.pass(2 * time.Minute)
		if ids, ends := c.fetched(); len(ids) != 60 || len(ends) != 1 || ends[0] != nil {
			t.Errorf("seed %d: %d descriptors of 60, %v", seed, len(ids), ends)
		}
		if n := g.pool.Counters().PagesServed; n < 5 || n > 20 {
			t.Errorf("seed %d: %d pages served for 5", seed, n)
		}
	}
}

func TestAnswersThatComeTwiceDoNoHarm(t *testing.T) {
	l := newLab(t, 16)
	l.latency = 1500 * time.Millisecond // asks are repeated before the page can be there
	g, c := l.relay(1), l.client()
	n := c.open(g)
	g.shelf[5] = Edition{1, testDirectory(t, 100, 60)}
	l.pass(10 * time.Second)
	must(t, c.pool.Fetch(l.now, n, 5, 100))
	l.pass(time.Minute)
	if ids, ends := c.fetched(); len(ids) != 60 || len(ends) != 1 || ends[0] != nil || g.pool.Counters().PagesServed <= 5 {
		t.Errorf("%d descriptors of 60, %v", len(ids), ends)
	}
}

func TestEverybodyAsksTheSame(t *testing.T) {
	l := newLab(t, 6)
	g := l.relay(1)
	g.shelf[5] = Edition{1, testDirectory(t, 100, 30)}
	var asked [2][]string
	for i, who := range []*end{l.client(), l.relay(2)} {
		n := who.open(g)
		l.pass(time.Second)
		l.tap = func(from, to *end, f []byte) bool {
			if p, ok := parsePiece(f); ok && p.kind == typeAsk {
				asked[i] = append(asked[i], fmt.Sprintf("%x", p.body))
			}
			return true
		}
		must(t, who.pool.Fetch(l.now, n, 5, 100))
		l.pass(10 * time.Second)
	}
	if len(asked[0]) != 3 || fmt.Sprint(asked[0]) != fmt.Sprint(asked[1]) {
		t.Errorf("asked %v and %v", asked[0], asked[1])
	}
}

func TestEveryPageHasTheSameNumberOfFrames(t *testing.T) {
	for _, held := range []int{0, 1, 13, 14} {
		l := newLab(t, 7)
		g, c := l.relay(1), l.client()
		n := c.open(g)
		g.shelf[5] = Edition{1, testDirectory(t, 100, held)}
		l.pass(time.Second)
		before := g.sent
		must(t, c.pool.Fetch(l.now, n, 5, 100))
		l.pass(10 * time.Second)
		pages := max(1, int(countPages(held)))
		if got := g.sent - before; got != pages*maxPieces {
			t.Errorf("%d descriptors: %d frames for %d pages", held, got, pages)
		}
	}
}

func TestChangeOfTheSetInTheMiddleOfAPageDoesNoHarm(t *testing.T) {
	l := newLab(t, 8)
	g, c := l.relay(1), l.client()
	n := c.open(g)
	g.shelf[5] = Edition{1, testDirectory(t, 100, 20)}
	l.pass(time.Second)
	lost := 0
	l.tap = func(from, to *end, f []byte) bool {
		p, ok := parsePiece(f)
		if ok && p.kind == typePage && p.index >= 8 && p.edition == 1 {
			lost++
			return false
		}
		return true
	}
	must(t, c.pool.Fetch(l.now, n, 5, 100))
	l.pass(500 * time.Millisecond)
	g.shelf[5] = Edition{2, testDirectory(t, 101, 22)}
	l.pass(10 * time.Second)
	if ids, ends := c.fetched(); lost == 0 || len(ids) != 22 || len(ends) != 1 || ends[0] != nil {
		t.Errorf("%d descriptors of 22, %v", len(ids), ends)
	}
}

func TestFetchFromWhoDoesNotAnswerFails(t *testing.T) {
	l := newLab(t, 9)
	g, c := l.relay(1), l.client()
	n := c.open(g)
	l.pass(time.Second)
	g.dead = true
	before := c.sent
	must(t, c.pool.Fetch(l.now, n, 5, 100))
	l.pass(2 * time.Minute)
	if _, ends := c.fetched(); len(ends) != 1 || !errors.Is(ends[0], ErrNoPage) || c.sent-before != askTries {
		t.Errorf("%v after %d asks", ends, c.sent-before)
	}
}

func TestFetchEndsWithTheLink(t *testing.T) {
	l := newLab(t, 10)
	g, c := l.relay(1), l.client()
	n := c.open(g)
	l.pass(time.Second)
	must(t, c.pool.Fetch(l.now, n, 5, 100))
	l.settle()
	for _, h := range c.links {
		h.down(noise.ErrSilent)
	}
	l.settle()
	if _, ends := c.fetched(); len(ends) != 1 || !errors.Is(ends[0], ErrDown) {
		t.Errorf("%v, want ErrDown", ends)
	}
}

func TestNeighbourThatClaimsEndlessPagesIsNotBelieved(t *testing.T) {
	l := newLab(t, 11)
	g, c := l.relay(1), l.client()
	n := c.open(g)
	g.shelf[5] = Edition{1, testDirectory(t, 100, 40)}
	l.pass(time.Second)
	must(t, c.pool.Fetch(l.now, n, 5, 20))
	l.pass(10 * time.Second)
	if ids, ends := c.fetched(); len(ids) != 0 || len(ends) != 1 || !errors.Is(ends[0], ErrRefused) {
		t.Errorf("%d descriptors, %v", len(ids), ends)
	}
}

func TestPagesThatNobodyAskedForAreIgnored(t *testing.T) {
	l, a, b, n := pair(t, 12)
	send := func() {
		for _, h := range a.links {
			for number := range uint32(5) {
				for _, f := range frames(typePage, number+1, 1, testPage(t)) {
					h.receive(f)
				}
			}
		}
		l.settle()
	}
	send()
	b.dead = true
	must(t, a.pool.Fetch(l.now, n, 4, 100)) // another period than the one that comes
	send()
	if ids, ends := a.fetched(); len(ids) != 0 || len(ends) != 1 || !errors.Is(ends[0], ErrRefused) {
		t.Errorf("%d descriptors, %v", len(ids), ends)
	}
}

func TestFloodOfAsksIsServedWithinRates(t *testing.T) {
	l := newLab(t, 13)
	g := l.relay(1)
	g.shelf[5] = Edition{1, testDirectory(t, 100, 13)}
	f := frames(typeAsk, 1, 0, ask{5, 0}.append(nil))
	one := l.knock(g, noise.PublicKey{})
	for range 1000 { // one link, for ten seconds
		one.half.receive(f[0])
		l.pass(10 * time.Millisecond)
	}
	if n := g.pool.Counters().PagesServed; n < 150 || n > 32+161 {
		t.Errorf("one client got %d pages in 10 s, want 16 a second and 32 at once", n)
	}
	l.pass(10 * time.Second)
	before := g.pool.Counters().PagesServed
	for range 90 { // all clients at once
		i := l.knock(g, noise.PublicKey{})
		for range 32 {
			i.half.receive(f[0])
		}
	}
	if n := g.pool.Counters().PagesServed - before; n > 256 {
		t.Errorf("all clients got %d pages at once, want 256", n)
	}
	// Peers have a share of their own.
	r := l.relay(2)
	n := r.open(g)
	l.pass(time.Second)
	must(t, r.pool.Fetch(l.now, n, 5, 100))
	l.pass(time.Second)
	if ids, _ := r.fetched(); len(ids) != 13 {
		t.Error("clients used up what is for peers")
	}
}

func TestCapBoundsWhatIsSentAndDropsTheLeastFirst(t *testing.T) {
	const bytesPerSecond = 100_000
	l, a, b, n := pair(t, 14, func(c *Config) { c.BytesPerSecond = bytesPerSecond })
	l.pass(10 * time.Second)
	sent, start := a.sent, l.now
	padding := make([]byte, noise.FrameLen)
	for l.now.Sub(start) < 10*time.Second { // four times too much
		if l.now.Sub(start) == 5*time.Second { // what links hang on passes all the same
			a.pool.Announce(l.now, a.peer.descriptor(5))
		}
		for range 4 {
			_ = a.pool.Send(l.now, n, cell("x"))
		}
		_ = a.pool.Send(l.now, n, padding)
		_ = a.pool.Probe(l.now, n)
		l.pass(5 * time.Millisecond)
	}
	burst := 25_000.0
	frames := float64(a.sent - sent)
	if most := (bytesPerSecond*10 + burst) / noise.DatagramLen; frames > most+1 || frames < most*0.9 {
		t.Errorf("%v frames in 10 s, want at most %v", frames, most)
	}
	c := a.pool.Counters()
	if c.CapDropped == 0 || c.CapDroppedFill < 3900 {
		t.Errorf("%d cells and %d of padding and probes dropped; padding goes first", c.CapDropped, c.CapDroppedFill)
	}
	if hellos := b.pool.Counters().HellosAccepted; hellos != 2 {
		t.Errorf("%d hellos arrived, want 2", hellos)
	}
}

func TestWithoutACapNothingIsDropped(t *testing.T) {
	l, a, b, n := pair(t, 15)
	for range 5000 {
		must(t, a.pool.Send(l.now, n, cell("x")))
	}
	l.pass(time.Second)
	if b.pool.Counters().CellsReceived != 5000 {
		t.Error("cells are missing")
	}
}
