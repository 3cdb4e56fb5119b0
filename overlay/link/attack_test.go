// Attacks on the pool that once worked, each kept as a test that its remedy must pass.

package link

import (
	"fmt"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

// a contact that waits for its turn gets a newer descriptor without dialable address.
func TestContactThatWaitsMayLoseItsAddresses(t *testing.T) {
	l := newLab(t, 1)
	a := l.relay(1)
	for n := range maxDials { // dead, fill the dial slots
		_, err := a.pool.Open(l.now, newTestPeer(t, 100+n).descriptor(5))
		must(t, err)
	}
	evil := newTestPeer(t, 2)
	_, err := a.pool.Open(l.now, evil.descriptor(5))
	must(t, err)
	moved := newTestPeer(t, 2, "10.0.0.1:4433") // same keys, an address that nobody dials
	a.pool.Update(moved.descriptor(6))
	l.pass(time.Minute) // panics in dialAddress
}

// held contact that had no address for a day is never dialled again.
func TestHeldContactIsDialledWhenItHasAnAddressAgain(t *testing.T) {
	l := newLab(t, 1)
	a := l.relay(1)
	b := l.relay(2)
	away := newTestPeer(t, 2, "10.0.0.1:4433")
	b.dead = true
	_, err := a.pool.Open(l.now, b.peer.descriptor(4))
	must(t, err)
	a.pool.Update(away.descriptor(5))
	l.pass(time.Hour)
	b.dead = false
	l.now = l.now.Add(12 * time.Hour)
	b.pool.Announce(l.now, b.peer.descriptor(6))
	a.pool.Update(b.peer.descriptor(6))
	l.pass(time.Hour)
	if a.to(b) == 0 {
		t.Error("held, has an address, and is not dialled")
	}
}

// ask numbers count per pool: two guards see that they serve one node.
func TestAskNumbersDoNotLinkTwoGuards(t *testing.T) {
	l := newLab(t, 3)
	g1, g2, c := l.relay(1), l.relay(2), l.client()
	g1.shelf[5] = Edition{1, testDirectory(t, 100, 60)}
	g2.shelf[5] = g1.shelf[5]
	first := map[*end]uint32{}
	l.tap = func(from, to *end, f []byte) bool {
		if p, ok := parsePiece(f); ok && p.kind == typeAsk && first[to] == 0 {
			first[to] = p.number
		}
		return true
	}
	n1, n2 := c.open(g1), c.open(g2)
	l.pass(time.Second)
	must(t, c.pool.Fetch(l.now, n1, 5, 100))
	l.pass(5 * time.Second)
	must(t, c.pool.Fetch(l.now, n2, 5, 100))
	l.pass(5 * time.Second)
	if first[g1] != 1 || first[g2] != 1 {
		t.Errorf("first ask at one guard %d, at the other %d; the doc says they count from 1 on a link", first[g1], first[g2])
	}
}

// pages for a few clients starve cells under the cap.
func TestPagesForClientsDoNotStarveCells(t *testing.T) {
	l := newLab(t, 4)
	capped := func(c *Config) { c.BytesPerSecond = 500_000 }
	a, b := l.relay(1, capped), l.relay(2)
	a.shelf[5] = Edition{1, testDirectory(t, 100, 60)}
	n := a.open(b)
	l.pass(time.Second)
	var leeches []*impostor
	for range 16 {
		leeches = append(leeches, l.knock(a, noise.PublicKey{}))
	}
	ok, tried := 0, 0
	number := uint32(0)
	for tick := range 1000 { // ten seconds
		for i, k := range leeches {
			if tick%7 == i%7 {
				number++
				k.half.receive(frames(typeAsk, number, 0, ask{5, 0}.append(nil))[0])
			}
		}
		tried++ // 100 cells a second: a tenth of the cap
		if a.pool.Send(l.now, n, cell("x")) == nil {
			ok++
		}
		l.pass(10 * time.Millisecond)
	}
	if ok < tried*9/10 {
		t.Errorf("of %d cells (a tenth of the cap) %d left; %d pages were served to nameless clients", tried, ok, a.pool.Counters().PagesServed)
	}
}

// A few who never stop asking keep nobody from a first snapshot.
func TestEndlessAskersLeavePagesForNewcomers(t *testing.T) {
	l := newLab(t, 4)
	a := l.relay(1)
	a.shelf[5] = Edition{1, testDirectory(t, 100, 60)}
	var leeches []*impostor
	for range 16 {
		leeches = append(leeches, l.knock(a, noise.PublicKey{}))
	}
	number := uint32(0)
	asks := func(k *impostor) {
		number++
		k.half.receive(frames(typeAsk, number, 0, ask{5, 0}.append(nil))[0])
	}
	for range 1000 { // ten seconds
		for _, k := range leeches {
			asks(k)
		}
		l.pass(10 * time.Millisecond)
	}
	newcomer := l.knock(a, noise.PublicKey{})
	before, limited := a.pool.Counters().PagesServed, a.pool.Counters().PagesLimited
	for range 10 {
		asks(newcomer)
	}
	if served := a.pool.Counters().PagesServed - before; served != 10 || limited == 0 {
		t.Errorf("a newcomer got %d of 10 pages; %d asks were over the rates before", served, limited)
	}
}

// strangers' hellos spend the budget of hellos of peers that this node dialled.
func TestBogusHellosDoNotKeepHonestPeersOut(t *testing.T) {
	l := newLab(t, 5)
	a := l.relay(1)
	var honest []*end
	for n := range 20 {
		honest = append(honest, l.relay(2+n))
	}
	keys := make([]noise.PublicKey, 64)
	for i := range keys {
		keys[i] = newTestPeer(t, 5000+i).link.Public()
	}
	zero := frames(typeHello, 1, 0, make([]byte, helloLen)) // not even a form
	flood := func() {
		for i := range 20 { // 2000 a second: noise.provenRate, 100 sources
			k := l.knock(a, keys[i])
			for _, f := range zero {
				k.half.receive(f)
			}
		}
	}
	for range 300 {
		flood()
		l.pass(10 * time.Millisecond)
	}
	for _, h := range honest {
		a.open(h)
	}
	for range 3000 {
		flood()
		l.pass(10 * time.Millisecond)
	}
	up, fails := 0, 0
	for _, h := range honest {
		if a.to(h) != 0 {
			up++
		}
	}
	for _, c := range a.pool.contacts {
		fails += c.failures
	}
	if up < 19 {
		t.Errorf("%d of 20 dialled honest peers are linked after 30 s; %d failures; %+v", up, fails, a.pool.Counters().HellosLimited)
	}
}

// a server that answers slowly holds a fetch for days.
func TestSlowServerDoesNotHoldAFetchForHours(t *testing.T) {
	l := newLab(t, 6)
	g, c := l.relay(1), l.client()
	n := c.open(g)
	l.pass(time.Second)
	dir := testDirectory(t, 100, 13)
	started := l.now
	l.tap = func(from, to *end, f []byte) bool {
		p, ok := parsePiece(f)
		if !ok || p.kind != typeAsk || to != g {
			return true
		}
		q, _ := parseAsk(p.body)
		// the same 13 descriptors on every page, a moment before the asker gives up
		pg := pageOf(ask{5, 0}, dir)
		pg.ask, pg.pages = q, countPages(30000)
		number, body := p.number, pg.append(nil)
		var h *half
		for _, x := range c.links {
			h = x
		}
		l.later(61*time.Second, func() {
			for _, f := range frames(typePage, number, 1, body) {
				h.receive(f)
			}
		})
		return false
	}
	must(t, c.pool.Fetch(l.now, n, 5, 30000))
	for range 300 {
		l.pass(time.Minute)
	}
	if c.kinds(Fetched) == 0 {
		t.Errorf("after %v the fetch is still under way, %d pages of the same 13 descriptors taken", l.now.Sub(started), c.kinds(Page))
	}
}

var _ = fmt.Sprint
var _ peer.NodeID
