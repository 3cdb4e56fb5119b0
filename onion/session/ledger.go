// The cells that wait to be acknowledged, on whichever leg they went, and what becomes of them.

package session

import "time"

// sentCell is a cell whose fate is unknown.
type sentCell struct {
	counter uint64
	at      time.Time
	leg     *leg
	order   uint32 // among those of the leg
	set     frameSet
	message *outMessage
	index   uint8
	fate    fate
}

// ledger is the cells whose fate is unknown, by counter: those under way, which the windows of the legs bound, and the
// first half of maxLedger of those taken for lost. At maxLedger no cell of a message is sent.
type ledger struct{ cells []sentCell }

// add notes a cell that asks to be acknowledged.
func (g *ledger) add(c sentCell) {
	c.order = c.leg.order
	c.leg.order++
	c.leg.inFlight++
	c.fate = flying
	g.cells = append(g.cells, c)
}

// settle fixes the fate of cell i.
func (g *ledger) settle(i int, f fate) {
	c := &g.cells[i]
	c.fate = f
	c.leg.inFlight--
	c.leg.count(c.order, f == arrived)
	if c.message == nil {
		return
	}
	if f == arrived {
		c.leg.stalled = 0
		c.message.came(int(c.index))
	} else {
		c.leg.stalled++
		c.message.gone(int(c.index))
	}
}

// acknowledge takes an acknowledgement and returns the frames that have arrived with what it names, and those that are
// lost since so much later ones have come. RTT is sampled from the largest if it is new. What was taken for lost and
// has come after all counts for its message.
func (g *ledger) acknowledge(now time.Time, a *ack) (came, gone frameSet) {
	var newest *sentCell
	for i := range g.cells {
		c := &g.cells[i]
		if c.fate == arrived || !a.has(c.counter) {
			continue
		}
		came |= c.set
		if c.fate == lost {
			c.fate = arrived
			if c.message != nil {
				c.message.came(int(c.index))
			}
			continue
		}
		if c.counter == a.largest {
			wait := min(time.Duration(a.delay)*100*time.Microsecond, ackDelayMost)
			c.leg.sample(now.Sub(c.at) - wait)
			newest = nil
		} else if a.largest-c.counter < 2*reorder {
			newest = c // the largest may be a datagram, which nobody waits for
		}
		c.leg.best = max(c.leg.best, c.order+1)
		c.leg.timeouts = 0
		g.settle(i, arrived)
	}
	if newest != nil {
		newest.leg.sample(now.Sub(newest.at))
	}
	gone = g.lose(func(c *sentCell) bool { return c.order+reorder < c.leg.best })
	g.trim(now)
	return came, gone
}

// lose takes the cells under way that which names for lost, and returns their frames.
func (g *ledger) lose(which func(*sentCell) bool) (gone frameSet) {
	for i := range g.cells {
		if c := &g.cells[i]; c.fate == flying && which(c) {
			gone |= c.set
			g.settle(i, lost)
		}
	}
	return gone
}

// trim forgets what has arrived, and what is lost after a while, in which an acknowledgement may come after all, or when
// there is more of it than room.
func (g *ledger) trim(now time.Time) {
	kept := g.cells[:0]
	room := maxLedger / 2
	for _, c := range g.cells {
		if c.fate == lost && now.Sub(c.at) < ptoMost && room > 0 {
			room--
		} else if c.fate != flying {
			continue
		}
		kept = append(kept, c)
	}
	clear(g.cells[len(kept):])
	g.cells = kept
}

// oldest is when the oldest cell under way on a leg was sent.
func (g *ledger) oldest(l *leg) (time.Time, bool) {
	if l.inFlight == 0 {
		return time.Time{}, false
	}
	for i := range g.cells {
		if c := &g.cells[i]; c.fate == flying && c.leg == l {
			return c.at, true
		}
	}
	return time.Time{}, false
}
