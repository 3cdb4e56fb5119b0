// Circuits over links that lose, reorder and repeat cells.

package circuit

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
)

// storm delivers what is on the wire in any order, loses some of it and repeats some.
func (n *net) storm(r *rand.Rand, loss, twice float64) {
	for _, node := range n.nodes {
		n.flush(node)
	}
	for len(n.wires) > 0 {
		i := r.IntN(min(len(n.wires), 12))
		c := n.wires[i]
		n.wires = append(n.wires[:i], n.wires[i+1:]...)
		if r.Float64() < loss {
			continue
		}
		if r.Float64() < twice {
			n.wires = append(n.wires, carried{c.from, c.to, bytes.Clone(c.frame)})
		}
		n.deliver(c)
	}
}

func TestCircuitsOverBadLinksWorkOrFailWithAnEvent(t *testing.T) {
	for _, c := range []struct{ loss, twice float64 }{{0, 0}, {0.01, 0}, {0.1, 0}, {0, 0.02}, {0.05, 0.05}, {0.5, 0.2}} {
		worked, failed := hurl(t, c.loss, c.twice)
		t.Logf("loss %.2f, repeated %.2f: %d circuits worked, %d failed", c.loss, c.twice, worked, failed)
		if worked+failed != storms || c.loss+c.twice == 0 && failed > 0 || c.loss+c.twice <= 0.01 && worked < storms*8/10 {
			t.Errorf("loss %.2f, repeated %.2f: %d circuits worked, %d failed", c.loss, c.twice, worked, failed)
		}
	}
}

const storms = 40

// hurl makes circuits one after the other, asks the fourth hop something over each, and ends only some of them.
func hurl(t *testing.T, loss, twice float64) (worked, failed int) {
	n := newNet(t, 70, 5)
	r := rand.New(rand.NewPCG(70, 1))
	o := n.nodes[0].origin
	for i := range storms {
		first := len(n.nodes[0].own)
		number, err := o.Build(n.now, 2, n.targets(2, 3))
		n.must(err)
		step := func() {
			n.storm(r, loss, twice)
			for range 6 {
				n.now = n.now.Add(time.Second)
				for _, node := range n.nodes {
					node.transit.Tick(n.now)
					node.origin.Tick(n.now)
				}
				n.storm(r, loss, twice)
			}
		}
		step()
		if o.own[number] != nil {
			n.must(o.Extend(n.now, number, n.nodes[3].target, []byte{byte(cell.Ask)}, make([]EarlyCell, 3)))
			n.storm(r, 0, 0)
			for _, e := range n.nodes[3].events {
				if e.Kind == Early {
					_ = n.nodes[3].transit.Reply(n.now, e.Circuit, cell.Answer, nil)
				}
			}
			n.nodes[3].events = nil
			step()
		}
		built, answered, ended := 0, false, 0
		for _, e := range n.nodes[0].own[first:] {
			if e.Circuit != number {
				continue
			}
			switch e.Kind {
			case Built:
				built++
			case Answered:
				answered = true
			case Failed:
				ended++
			}
		}
		switch {
		case ended > 1 || ended == 1 && o.own[number] != nil || ended == 0 && o.own[number] == nil:
			t.Fatalf("circuit %d failed %d times", i, ended)
		case ended == 1:
			failed++
		case built == 2 && (answered || loss > 0):
			worked++
		default:
			t.Fatalf("circuit %d was built %d times, and did not fail", i, built)
		}
		if i%2 == 0 {
			o.Close(number)
		}
		for _, node := range n.nodes {
			checkTransit(t, node.transit)
			checkOrigin(t, node.origin)
		}
	}
	n.storm(r, loss, twice)
	n.pass(IdleLimit + time.Minute)
	for _, node := range n.nodes {
		checkEmpty(t, node.transit)
		if len(node.transit.upstreams) > 0 {
			t.Errorf("%d upstreams are left", len(node.transit.upstreams))
		}
	}
	return worked, failed
}
