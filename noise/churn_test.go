package noise

// A random life: dialling, closing, roaming, evicting and rekeying in any order,
// with loss. After each step everything that is counted is counted anew.

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// churn is a responder, l.b, and those who dial it.
type churn struct {
	*lab
	random *rand.ChaCha8
	peers  []*churner
}

type churner struct {
	core *Core
	at   netip.AddrPort
}

func newChurn(t *testing.T, seed byte) *churn {
	l := newLab(t)
	l.b.cfg.MaxLinks, l.b.cfg.MaxNameless = 12, 6
	l.b.cfg.Known = func(k PublicKey) bool { return k == labStatic(t, 1).Public() }
	c := &churn{lab: l, random: labRand(200 + seed)}
	for i := range 14 {
		cfg := Config{Overlay: labOverlay, Rand: labRand(byte(30 + i))}
		if i%2 == 0 {
			cfg.Static, cfg.FreshKey = labStatic(t, byte(1+i)), true
		}
		c.peers = append(c.peers, &churner{l.core(cfg), addr(i / 2)})
	}
	return c
}

func (c *churn) draw(n uint64) uint64 { return c.random.Uint64() % n }

// act does one thing at random.
func (c *churn) act() {
	p := c.peers[c.draw(uint64(len(c.peers)))]
	switch c.draw(8) {
	case 0, 1:
		pattern := NK
		if p.core.cfg.Static != nil {
			pattern = IK
		}
		_, _ = p.core.Dial(c.now, c.target(pattern)) // may be at a bound
	case 2:
		p.core.Close(c.now, anyOf(p.core.links))
	case 3:
		p.at = netip.AddrPortFrom(p.at.Addr(), p.at.Port()+20*uint16(1+c.draw(50)))
	case 4:
		if c.draw(3) == 0 {
			c.b.Close(c.now, anyOf(c.b.links))
		}
	case 5:
		_ = p.core.Send(c.now, anyOf(p.core.links), frame(1)) // may be dialling still
	case 6:
		_ = c.b.Send(c.now, anyOf(c.b.links), frame(1))
	case 7:
		_, _ = c.b.Dial(c.now, Target{Addr: addr(500), Key: labStatic(c.t, 7).Public(), Pattern: Pattern(1 + c.draw(2))})
	}
}

func anyOf(links map[LinkID]*link) LinkID {
	for id := range links {
		return id
	}
	return 0
}

// talk moves datagrams a few times to and fro, losing one in ten of the answers.
func (c *churn) talk() {
	for range 6 {
		for _, p := range c.peers {
			c.a = p.core
			c.move(p.core, p.at, c.b, c.addrB)
		}
		for _, b := range c.b.Outgoing(nil) {
			for i := range b.Len() {
				to, d := b.At(i)
				if c.draw(10) > 0 {
					c.deliver(to, d)
				}
			}
		}
	}
}

func (c *churn) deliver(to netip.AddrPort, d []byte) {
	for _, p := range c.peers {
		if p.at == to {
			c.a = p.core
			c.feed(p.core, c.addrB, bytes.Clone(d))
		}
	}
}

// counted is what a core counts, and what there is.
type counted struct{ up, nameless, named, dialing, half, sessions, headers, answered int }

func countedBy(c *Core) counted {
	n := counted{up: c.upLinks, nameless: c.nameless.n, named: c.named.n, dialing: c.dialing, half: len(c.half), sessions: len(c.sessions), headers: len(c.headers)}
	for _, ids := range c.answered {
		n.answered += len(ids)
	}
	return n
}

func recount(t *testing.T, c *Core) (n counted) {
	for _, k := range c.links {
		for _, s := range []*session{k.current, k.previous, k.next} {
			if s != nil && c.sessions[s.index] == s {
				n.sessions++
			}
		}
		if k.header != nil {
			n.headers++
		}
		if k.position < 0 || c.timers[k.position] != k {
			t.Fatal("a link is not among the timers")
		}
		switch {
		case k.state == dialing:
			n.dialing++
		case k.state == halfOpen:
			n.half++
		case k.dialed:
			n.up++
		case k.pattern == NK:
			n.up, n.nameless = n.up+1, n.nameless+1
		default:
			n.up, n.named, n.answered = n.up+1, n.named+1, n.answered+1
		}
	}
	return n
}

// checkCrowds counts the crowds anew.
func checkCrowds(t *testing.T, c *crowds) {
	grouped, most := 0, 0
	for p, g := range c.groups {
		grouped, most = grouped+len(g), max(most, len(g))
		if _, ok := c.bySize[len(g)][p]; !ok {
			t.Fatal("a group is not under its size")
		}
		for i, l := range g {
			if l.place != i {
				t.Fatal("a link is not at its place")
			}
		}
	}
	if grouped != c.n || most != c.most {
		t.Fatalf("%d of %d grouped, at most %d or %d", grouped, c.n, most, c.most)
	}
}

func TestCountsStayRightInARandomLife(t *testing.T) {
	for seed := range byte(3) {
		t.Logf("seed %d", seed)
		c := newChurn(t, seed)
		for step := range 450 {
			c.act()
			if step%3 == 0 {
				c.talk()
			}
			c.now = c.now.Add(time.Duration(c.draw(3000)) * time.Millisecond)
			for _, p := range c.peers {
				p.core.Tick(c.now)
				p.core.Events(nil)
			}
			c.b.Tick(c.now)
			c.b.Events(nil)
			c.recorded, c.eventsA, c.eventsB = nil, nil, nil
			if have, is := countedBy(c.b), recount(t, c.b); have != is || is.up+is.dialing > 12 || is.nameless > 6 {
				t.Fatalf("step %d: counted %+v, there are %+v", step, have, is)
			}
			if d := c.b.Deadline(); !d.IsZero() && !d.After(c.now) {
				t.Fatalf("step %d: the deadline stays in the past", step)
			}
			checkCrowds(t, &c.b.nameless)
			checkCrowds(t, &c.b.named)
		}
		if c.b.stats.Initiated < 30 {
			t.Errorf("only %d links were answered", c.b.stats.Initiated)
		}
	}
}
