// The pool under mischief: its tables hold together whatever noise and the neighbours do.

package link

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sotto/noise"
)

// The pool must hold its invariants whatever noise and the neighbours do.
func FuzzPool(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		l := newLab(t, seed)
		l.jitter, l.loss = 100*time.Millisecond, 0.1
		ends := []*end{l.relay(1), l.relay(2), l.relay(3), l.client()}
		for range 60 {
			e, o := ends[l.rand.IntN(4)], ends[l.rand.IntN(3)]
			mischief(l, e, o)
			l.pass(time.Duration(l.rand.Int64N(int64(20 * time.Second))))
			for _, e := range ends {
				e.check()
			}
		}
	})
}

// mischief does something to or with a node.
func mischief(l *lab, e, o *end) {
	switch l.rand.IntN(6) {
	case 0, 1:
		if e != o {
			_, _ = e.pool.Open(l.now, o.peer.descriptor(5))
		}
	case 2:
		e.pool.Release(l.now, Neighbor(1+l.rand.IntN(4)))
	case 3:
		if h := e.oldest(); h != nil {
			h.down(noise.ErrSilent)
		}
	case 4:
		junk := make([]byte, noise.FrameLen)
		rand.NewChaCha8([32]byte{byte(l.rand.Uint32())}).Read(junk)
		junk[0] %= 6
		if h := e.oldest(); h != nil && h.up {
			h.receive(junk)
		}
	case 5:
		if n := e.to(o); n != 0 {
			_ = e.say(n, "x")
			_ = e.pool.Fetch(l.now, n, 5, 100)
			_ = e.pool.Probe(l.now, n)
		}
	}
	l.settle()
}

// oldest is the link with the lowest number, or nil.
func (e *end) oldest() *half {
	var first *half
	for _, h := range e.links {
		if first == nil || h.id < first.id {
			first = h
		}
	}
	return first
}

// check holds the tables of a pool against each other.
func (e *end) check() {
	t, p := e.lab.t, e.pool
	linked, clients, dialing := 0, 0, 0
	for n, c := range p.contacts {
		if c.number != n || !c.client && p.byID[c.id] != c {
			t.Fatal("a contact in the wrong place")
		}
		if len(c.conns) > 0 && !c.client && p.cfg.Relay {
			linked++
		}
		if c.client {
			clients++
		}
		if c.dial == dialling {
			dialing++
		}
		if c.active != nil && (!c.active.ready || !slices.Contains(c.conns, c.active)) || len(c.conns) > maxConns {
			t.Fatal("frames go where no link is")
		}
		if c.holds > 0 && len(c.conns) == 0 && c.dial == notDialing && c.timer.slot == 0 {
			t.Fatal("a contact is wanted, and nothing is done for it")
		}
		for _, l := range c.conns {
			if p.links[l.id] != l || l.contact != c {
				t.Fatal("a link of a contact that is none")
			}
		}
	}
	if linked != p.linked || clients != p.clients || dialing != p.dialing || dialing > maxDials {
		t.Fatalf("counted %d, %d, %d; there are %d, %d, %d", p.linked, p.clients, p.dialing, linked, clients, dialing)
	}
	for id, l := range p.links {
		if l.id != id || e.links[id] == nil || l.up && !l.ready && l.life.slot == 0 {
			t.Fatal("a link that noise does not have, or that greets for ever")
		}
	}
}
