// Trains: many frames for many neighbours are put in the order in which they leave cheapest.

package link

import (
	"slices"
	"time"

	"sotto/noise"
)

// train is what one contact gets of the frames that are being forwarded: first and last are places in the list plus
// one, 0 for none.
type train struct{ first, last int }

// trains are the lists of one Forward: the next frame of the same train for each frame, and who gets any.
type trains struct {
	next []int
	to   []*contact
}

// Forward is Send for many frames at once. Those for one neighbour keep their order and leave one behind the other, so
// that the system can take them in one call. What Send would fail with is lost, as on UDP.
func (p *Pool) Forward(now time.Time, frames []Outgoing) {
	t := &p.trains
	t.next = slices.Grow(t.next[:0], len(frames))[:len(frames)]
	var c *contact
	for i := range frames {
		f := &frames[i]
		if c == nil || c.number != f.Neighbor {
			c = p.contacts[f.Neighbor]
		}
		if c == nil || len(f.Frame) != noise.FrameLen || Kind(f.Frame[0]) > KindCell {
			p.counters.ForwardRefused++
			continue
		}
		t.next[i] = 0
		if c.train.first == 0 {
			c.train.first = i + 1
			t.to = append(t.to, c)
		} else {
			t.next[c.train.last-1] = i + 1
		}
		c.train.last = i + 1
	}
	for _, c := range t.to {
		for i := c.train.first; i != 0; i = t.next[i-1] {
			_ = p.send(now, c, frames[i-1].Frame) // a loss, which is counted
		}
		c.train = train{}
	}
	clear(t.to)
	t.to = t.to[:0]
}
