// Random events into both machines never break what holds of them.

package circuit

import (
	"math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
)

// seeds are scripts for a fuzzer to begin with, and for every run of the tests.
func seeds(f *testing.F) {
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 3))
		script := make([]byte, 600)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		f.Add(byte(seed), script)
	}
}

func FuzzTransit(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, mode byte, script []byte) {
		cfg := TransitConfig{MaxCircuits: 3 + int(mode%16)}
		if mode&1 != 0 {
			cfg.CellsPerSecond = 50
		}
		newChaos(t, script[:min(len(script), 1000)], cfg).run()
	})
}

// FuzzOrigin gives one circuit at a time to hops that say anything.
func FuzzOrigin(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, mode byte, script []byte) {
		c := newChaos(t, script[:min(len(script), 400)], TransitConfig{})
		o := c.nodes[0].origin
		for len(c.script) > 0 {
			if c.next()%4 == 0 || o.Len() == 0 {
				places := [][]int{{2}, {2, 3}, {2, 3, 4}}[c.next()%3]
				number, err := o.Build(c.now, 2, c.targets(places...))
				c.must(err)
				c.asked[number] = true
			}
			for range c.next() % 8 {
				c.goOn()
				c.check()
			}
			c.disturb()
			c.check()
		}
		c.run()
	})
}

// goOn does what honest nodes do next.
func (c *chaos) goOn() {
	for _, r := range c.nodes[1:] {
		if j, ok := r.transit.NextCreate(c.now); ok {
			j.Run()
			r.transit.FinishCreate(c.now, j)
			c.collect(r)
		}
	}
	if len(c.wires) > 0 {
		w := c.wires[0]
		c.wires = c.wires[1:]
		c.receive(w)
	}
	for len(c.lent) > 8 {
		c.giveBack()
	}
}

// disturb is one thing that is not as it should be, or one that the origin's caller does.
func (c *chaos) disturb() {
	switch c.next() % 8 {
	case 0:
		c.deliverSome(true, 0xff)
	case 1:
		c.deliverSome(false, c.next())
	case 2: // a hop speaks out of turn
		r := c.nodes[1+c.next()%3]
		if open := r.transit.all(func(t *transit) bool { return t.state == open }); len(open) > 0 {
			for range c.next() % 70 {
				_ = r.transit.reply(c.now, open[0], cell.Message(c.next()%14), nil)
			}
		}
		c.collect(r)
	case 3:
		c.extendSome()
	case 4:
		c.must1(c.nodes[0].origin.Send(c.now, c.circuit(), cell.Request, nil))
	case 5: // the first hop makes something up
		f := make([]byte, cell.FrameLen)
		c.read(f)
		for w := range c.nodes[0].origin.byWire {
			cell.PutHeader(f, w.id, cell.Command(1+c.next()%7))
			c.receive(carried{w.neighbor, 1, f})
			break
		}
	case 6:
		c.now = c.now.Add(time.Duration(c.next()) * 40 * time.Millisecond)
		for _, r := range c.nodes {
			r.origin.Tick(c.now)
			r.transit.Tick(c.now)
			c.collect(r)
		}
	case 7:
		number := c.circuit()
		c.nodes[0].origin.Close(number)
		c.finish(number)
	}
}
